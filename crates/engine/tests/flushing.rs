//! What could not be flushed, and what is lost at a power cut.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;

use bytes::Bytes;
use common::{Destination, SEEDS, Source, World, capabilities, path};
use futures_util::future::select;
use tandem_core::capabilities::Ids;
use tandem_core::path::RelPath;
use tandem_core::side::Side;
use tandem_engine::report::{ActionKind, Undo};
use tandem_testkit::sim::{Edit, Fault, Faults, Habits};

/// A destination that loses what was not flushed.
fn volatile(seed: u64) -> World {
    World::shaped(
        seed,
        |_| {},
        |side| {
            let capabilities = capabilities(Ids::None);
            let habits = Habits {
                volatile: side == Destination,
                ..Habits::plain(&capabilities)
            };
            (capabilities, habits)
        },
    )
}

/// From the first such operation on nothing can be flushed at the destination.
fn fail_flushes_after(world: &World, operation: &'static str) {
    let destination = world.sides.destination.clone();
    let fail = Box::new(move |what: &str, _: &RelPath| {
        if what == operation {
            destination.set_faults(Faults::of(&[(Fault::FailedFlush, 1000)]));
        }
    });
    world.sides.destination.on_operation(fail);
}

/// How often the destination is given another file of this name from now on.
fn count_commits(world: &World, name: &'static str) -> Arc<AtomicU32> {
    let commits = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&commits);
    let count = Box::new(move |what: &str, at: &RelPath| {
        if what == "commit" && at.as_str() == name {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    world.sides.destination.on_operation(count);
    commits
}

#[test]
fn a_group_is_not_recorded_as_durable_if_the_next_one_was_never_committed() {
    for seed in 0..8 {
        let world = volatile(seed);
        let large = "x".repeat(33 << 20);
        world.write(Source, "a", &large);
        world.write(Source, "b", &large);
        let gone = Edit::Delete { path: path("b") };
        world.edit_during(Destination, "commit", Source, vec![gone]);
        world.sync();
        world.sides.destination.crash(true);
        world.sync();
        assert!(world.text(Source, "a").is_some(), "seed {seed}");
        assert!(world.text(Destination, "a").is_some(), "seed {seed}");
    }
}

#[test]
fn what_could_not_be_flushed_is_not_adopted_without_a_flush() {
    for seed in 0..8 {
        let world = volatile(seed);
        world.write(Source, "a", "content");
        let destination = world.sides.destination.clone();
        world
            .sides
            .destination
            .on_operation(Box::new(move |what, _| {
                if what == "commit" {
                    destination.set_faults(Faults::of(&[(Fault::FailedFlush, 1000)]));
                }
            }));
        world.sync();
        world.sides.destination.clear_hook();
        world.sides.destination.heal();
        world.sides.destination.crash(true);
        world.sync();
        world.both_have("a", Some("content"));
    }
}

/// Folders become durable with the files of other parts: whichever flush fails, nothing is recorded that a power loss
/// takes back.
#[test]
fn a_folder_that_could_not_be_flushed_costs_nothing_at_a_power_cut() {
    for seed in 0..24 {
        let mut world = volatile(seed);
        world.restart(|o| o.limits.planned_together = 4);
        let files: Vec<String> = (0..24)
            .map(|n| format!("{}/{}/{n}", n % 3, n % 5))
            .collect();
        world.sync();
        for above in 0..3 {
            world.folder(Source, &format!("{above}"));
            for below in 0..5 {
                world.folder(Source, &format!("{above}/{below}"));
            }
        }
        for file in &files {
            world.write(Source, file, file);
        }
        let failing = Faults::of(&[(Fault::FailedFlush, 400)]);
        world.sides.destination.set_faults(failing);
        world.sync();
        world.sides.destination.heal();
        world.sides.destination.crash(true);
        world.sync();
        for file in &files {
            world.both_have(file, Some(file));
        }
        world.still();
    }
}

/// At a power cut, what a person did and no content was carried for is not taken back.
#[test]
fn what_was_moved_deleted_and_made_is_durable_before_it_is_in_step() {
    for seed in 0..16 {
        let world = volatile(seed);
        world.folder(Source, "folder");
        world.write(Source, "moved", "moved");
        world.write(Source, "deleted", "deleted");
        world.sync();
        let (from, to) = (path("moved"), path("folder/moved"));
        world.edit(Source, &Edit::Move { from, to });
        world.delete(Source, "deleted");
        world.sync();
        world.sides.destination.crash(true);
        world.sync();
        world.both_have("moved", None);
        world.both_have("folder/moved", Some("moved"));
        world.both_have("deleted", None);
        world.still();
    }
}

#[test]
fn what_an_abandoned_pass_made_visible_is_not_adopted_without_a_flush() {
    for seed in 0..16 {
        let world = volatile(seed);
        for side in Side::BOTH {
            world.write(side, "same", "on both sides");
        }
        world.sync();
        world.write(Source, "a", "content");
        // Nobody waits for it any more; the engine goes on.
        let is_visible = poll_fn(|context| {
            context.waker().wake_by_ref();
            match world.text(Destination, "a") {
                Some(_) => Poll::Ready(()),
                None => Poll::Pending,
            }
        });
        world.run(select(Box::pin(world.engine.sync()), is_visible));
        world.sync();
        world.sides.destination.crash(true);
        world.sync();
        world.both_have("a", Some("content"));
    }
}

#[test]
fn what_a_failed_flush_left_visible_is_written_once_more() {
    for seed in 0..8 {
        let world = volatile(seed);
        world.write(Source, "a", "content");
        fail_flushes_after(&world, "commit");
        world.sync();
        world.sides.destination.heal();
        // A flush after one that failed says that all is well.
        let commits = count_commits(&world, "a");
        let summary = world.sync();
        assert_eq!(commits.load(Ordering::Relaxed), 1, "{summary:?}");
        world.both_have("a", Some("content"));
        world.still();
    }
}

/// The system tells of a failed flush once: also to a program that has been started anew, nothing is told of it again.
#[test]
fn what_a_failed_flush_left_visible_is_written_once_more_after_a_restart() {
    for seed in 0..8 {
        let mut world = volatile(seed);
        world.write(Source, "a", "content");
        fail_flushes_after(&world, "commit");
        world.sync();
        world.sides.destination.heal();
        world.restart(|_| {});
        let commits = count_commits(&world, "a");
        world.sync();
        assert_eq!(commits.load(Ordering::Relaxed), 1);
        world.both_have("a", Some("content"));
        world.restart(|_| {});
        let commits = count_commits(&world, "a");
        world.sync();
        assert_eq!(commits.load(Ordering::Relaxed), 0, "it is durable by now");
        world.still();
    }
}

/// Nobody has edited what Tandem wrote and did not record: what the other side has by now is not replaced by it.
#[test]
fn what_a_failed_flush_left_visible_is_no_edit() {
    for seed in 0..8 {
        for restarts in [false, true] {
            let mut world = volatile(seed);
            world.write(Source, "a", "first");
            world.sync();
            world.write(Source, "a", "second");
            fail_flushes_after(&world, "commit");
            world.sync();
            world.sides.destination.heal();
            world.sides.destination.clear_hook();
            world.has(Destination, "a", Some("second"));
            world.write(Source, "a", "first");
            if restarts {
                world.restart(|_| {});
            }
            world.sync();
            world.sync();
            world.both_have("a", Some("first"));
            world.still();
        }
    }
}

/// Nor is it an edit where it was moved since, and has another revision for that.
#[test]
fn what_a_failed_flush_left_visible_is_no_edit_where_it_goes() {
    for seed in SEEDS {
        let mut world = World::shaped(
            seed,
            |_| {},
            |side| {
                let capabilities = capabilities([Ids::Strong, Ids::None][side as usize]);
                let habits = Habits {
                    volatile: side == Destination,
                    move_gives_revision: true,
                    ..Habits::plain(&capabilities)
                };
                (capabilities, habits)
            },
        );
        world.write(Source, "a", "first");
        world.sync();
        world.write(Source, "a", "second");
        fail_flushes_after(&world, "commit");
        world.sync();
        world.sides.destination.heal();
        world.sides.destination.clear_hook();
        world.write(Source, "a", "first");
        let (from, to) = (path("a"), path("b"));
        world.edit(Source, &Edit::Move { from, to });
        world.restart(|_| {});
        world.sync();
        world.sync();
        world.both_have("b", Some("first"));
        world.still();
    }
}

/// Nobody has deleted what Tandem deleted and did not record: what the other side has there by now is not deleted for it.
#[test]
fn what_a_failed_flush_left_deleted_is_no_delete() {
    for seed in 0..8 {
        for restarts in [false, true] {
            let mut world = volatile(seed);
            world.write(Source, "a", "first");
            world.write(Source, "b", "other");
            world.sync();
            world.delete(Source, "a");
            fail_flushes_after(&world, "delete");
            world.sync();
            world.sides.destination.heal();
            world.sides.destination.clear_hook();
            world.has(Destination, "a", None);
            world.write(Source, "a", "first");
            if restarts {
                world.restart(|_| {});
            }
            world.sync();
            world.sync();
            world.both_have("a", Some("first"));
            world.still();
        }
    }
}

#[test]
fn what_a_person_saved_is_durable_before_it_counts_as_in_step() {
    for seed in SEEDS {
        let world = World::shaped(
            seed,
            |_| {},
            |_| {
                let capabilities = capabilities(Ids::Hint);
                let habits = Habits {
                    volatile: true,
                    ..Habits::plain(&capabilities)
                };
                (capabilities, habits)
            },
        );
        let save = |side: Side, at: &str| {
            let content = Bytes::from_static(b"content");
            assert!(world.sides[side].save_unflushed(&path(at), &content));
        };
        save(Source, "carried");
        save(Source, "adopted");
        save(Destination, "adopted");
        world.sync();
        for side in Side::BOTH {
            world.sides[side].lose_unflushed_edits();
        }
        world.sync();
        world.both_have("carried", Some("content"));
        world.both_have("adopted", Some("content"));
        world.still();
    }
}

/// What a person asked for is told as done only once it is durable.
#[test]
fn what_was_taken_back_is_durable_when_it_is_told() {
    for seed in 0..12 {
        let world = volatile(seed);
        world.write(Source, "a", "old");
        world.sync();
        world.write(Source, "a", "new");
        world.sync();
        let line = world.line(ActionKind::Replace, "a");
        world.run(world.engine.undo(Undo::Action(line.id))).unwrap();
        world.sides.destination.crash(true);
        world.has(Destination, "a", Some("old"));
    }
}

/// A root whose marker a power cut took back would be taken for another one.
#[test]
fn the_marker_of_a_root_is_durable_before_it_is_remembered() {
    for seed in 0..12 {
        let world = volatile(seed);
        world.sync();
        world.sides.destination.crash(true);
        world.still();
    }
}
