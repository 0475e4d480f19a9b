//! What the program was doing when it ended is found, and taken back or noted.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use common::{Destination, Source, World, capabilities, path};
use futures_util::future::select;
use tandem_core::capabilities::{Capabilities, Ids};
use tandem_core::entry::HashKind;
use tandem_core::side::Side;
use tandem_engine::report::{ActionKind, Outcome, Undo};
use tandem_testkit::sim::{Edit, SimExecutor};

const DAY: u64 = 24 * 3600;

#[test]
fn what_was_set_aside_before_the_program_ended_is_counted_and_pruned() {
    for seed in 0..8 {
        let mut world = World::new(seed);
        world.write(Source, "a", "one");
        world.sync();
        world.write(Source, "a", "two");
        let is_visible = poll_fn(|context| {
            context.waker().wake_by_ref();
            match world.text(Destination, "a").as_deref() {
                Some("two") => Poll::Ready(()),
                _ => Poll::Pending,
            }
        });
        world.run(select(Box::pin(world.engine.sync()), is_visible));
        world.restart(|_| {});
        world.sync();
        assert!(world.is_kept(Destination, "one"));
        let versions = world.run(world.engine.versions(Some("a"))).unwrap();
        assert_eq!(versions.len(), 1, "{versions:?}");
        world.environment.advance(Duration::from_secs(40 * DAY));
        world.run(world.engine.prune_versions()).unwrap();
        assert!(!world.is_kept(Destination, "one"));
    }
}

/// Also where nothing is set aside (engine seed 306377).
#[test]
fn what_was_written_before_the_program_ended_is_no_edit() {
    for seed in 0..8 {
        for versions in [true, false] {
            let mut world = World::of(
                seed,
                |_| {},
                |_| Capabilities {
                    versions,
                    ..capabilities(Ids::None)
                },
            );
            world.write(Source, "a", "first");
            world.sync();
            world.write(Source, "a", "second");
            let is_visible = poll_fn(|context| {
                context.waker().wake_by_ref();
                match world.text(Destination, "a").as_deref() {
                    Some("second") => Poll::Ready(()),
                    _ => Poll::Pending,
                }
            });
            world.run(select(Box::pin(world.engine.sync()), is_visible));
            world.write(Source, "a", "first");
            world.restart(|_| {});
            world.sync();
            world.sync();
            world.both_have("a", Some("first"));
        }
    }
}

#[test]
fn what_was_deleted_before_the_program_ended_is_in_the_log_and_comes_back_by_undo() {
    for seed in 0..8 {
        let mut world = World::new(seed);
        world.write(Source, "a", "one");
        world.sync();
        world.delete(Source, "a");
        let is_gone = poll_fn(|context| {
            context.waker().wake_by_ref();
            match world.text(Destination, "a") {
                None => Poll::Ready(()),
                Some(_) => Poll::Pending,
            }
        });
        world.run(select(Box::pin(world.engine.sync()), is_gone));
        world.restart(|_| {});
        world.sync();
        let line = world.line(ActionKind::Delete, "a");
        assert_eq!(line.outcome, Outcome::Done, "{line:?}");
        let undone = world.run(world.engine.undo(Undo::Action(line.id))).unwrap();
        assert_eq!(undone.failed, 0, "{undone:?}");
        world.sync();
        world.both_have("a", Some("one"));
        world.still();
    }
}

#[test]
fn an_upload_goes_on_only_from_what_was_read() {
    let mut met = 0;
    for at in 1..200 {
        let mut world = World::of(
            at,
            |_| {},
            |_| Capabilities {
                hashes: vec![HashKind::Blake3],
                ..capabilities(Ids::Strong)
            },
        );
        let long = "long ".repeat(20_000);
        world.write(Source, "a", &long);
        let mut killed = SimExecutor::new(&world.environment).crash_at(Some(at));
        // It may also come to its end.
        let _ended = killed.run(world.engine.sync());
        if world.sides.destination.rot_staged() == 0 {
            continue;
        }
        world.restart(|_| {});
        let failed = world.sync().failed;
        assert!(failed == 1 || world.text(Destination, "a").is_some());
        met += failed;
        world.sync();
        world.both_have("a", Some(&long));
        world.still();
    }
    assert!(met > 0, "no upload went on");
}

#[test]
fn an_upload_that_was_cut_off_is_not_gone_on_with_for_another_content() {
    let mut met = 0;
    for at in 1..200 {
        let mut world = World::of(at, |_| {}, |_| capabilities(Ids::Strong));
        world.write(Source, "a", &"long ".repeat(20_000));
        let mut killed = SimExecutor::new(&world.environment).crash_at(Some(at));
        // It may also come to its end.
        let _ended = killed.run(world.engine.sync());
        if world.sides.destination.staged() == 0 {
            continue;
        }
        met += 1;
        let other = "other".repeat(20_000);
        world.write(Source, "a", &other);
        world.restart(|_| {});
        assert_eq!(world.sync().failed, 0, "{:?}", world.log());
        world.both_have("a", Some(&other));
        world.still();
    }
    assert!(met > 0, "no upload was cut off");
}

/// A folder of four files that a person has moved; the destination moves folders item by item.
fn moved_folder(seed: u64) -> World {
    let world = World::of(
        seed,
        |_| {},
        |side| match side {
            Source => capabilities(Ids::Strong),
            Destination => Capabilities {
                folder_move: false,
                hashes: vec![HashKind::Md5],
                ..capabilities(Ids::None)
            },
        },
    );
    world.folder(Source, "old");
    for name in ["old/a", "old/b", "old/c", "old/d"] {
        world.write(Source, name, name);
    }
    world.sync();
    let (from, to) = (path("old"), path("new"));
    world.edit(Source, &Edit::Move { from, to });
    world
}

#[test]
fn an_undoing_of_a_folder_move_that_was_cut_off_leaves_one_folder() {
    for at in (10..200).step_by(10) {
        let world = moved_folder(at);
        let run = world.sync().run.unwrap();
        let mut killed = SimExecutor::new(&world.environment).crash_at(Some(at));
        // It may also come to its end.
        let _ended = killed.run(world.engine.undo(Undo::Run(run)));
        world.sync();
        let whole = |folder: &str| {
            let below = ["", "/a", "/b", "/c", "/d"];
            below.map(|name| format!("{folder}{name}"))
        };
        assert_eq!(world.paths(Source), whole("new"), "killed at {at}");
        let there = world.paths(Destination);
        assert!(
            there == whole("new") || there == whole("old"),
            "killed at {at}: {there:?}"
        );
        world.still();
    }
}

#[test]
fn a_folder_that_was_half_moved_when_the_program_ended_is_still_one_folder() {
    for at in (10..180).step_by(6) {
        let world = moved_folder(at);
        let mut killed = SimExecutor::new(&world.environment).crash_at(Some(at));
        // It may also come to its end.
        let _ended = killed.run(world.engine.sync());
        world.sync();
        for side in Side::BOTH {
            let expected = ["new", "new/a", "new/b", "new/c", "new/d"];
            assert_eq!(world.paths(side), expected, "killed at {at}");
        }
        world.still();
    }
}
