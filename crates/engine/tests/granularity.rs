//! Storages whose revisions do not tell apart what was written within one step of time.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::{Destination, SEEDS, Source, World, capabilities, path};
use tandem_core::capabilities::{Capabilities, Ids};
use tandem_core::side::Side;
use tandem_testkit::sim::{Blob, Edit, SimExecutor};

/// Both sides tell apart what was written `granularity` nanoseconds apart.
fn coarse(seed: u64, granularity: u64) -> World {
    let ids = [Ids::None, Ids::Hint];
    World::of(
        seed,
        |_| {},
        |side| Capabilities {
            revision_granularity: granularity,
            waiting: true,
            ..capabilities(ids[(seed as usize + usize::from(side == Source)) % 2])
        },
    )
}

/// Writes a file without time passing.
fn edit_at_once(world: &World, side: Side, content: &'static str) {
    assert!(world.sides[side].edit(&write(content)));
}

fn write(content: &'static str) -> Edit {
    Edit::Write {
        path: path("a"),
        content: Bytes::from_static(content.as_bytes()),
    }
}

const SECOND: u64 = 1_000_000_000;

/// A pass, right after the file was written on one side, during which it is edited there again.
fn sync_and_edit_meanwhile(world: &World, side: Side) {
    world.sync();
    edit_at_once(world, side, "first");
    let (edited, mut times) = (world.sides[side].clone(), 0);
    world.sides[side.other()].on_operation(Box::new(move |operation, _| {
        times += usize::from(operation == "commit");
        if operation == "commit" && times == 1 {
            assert!(edited.edit(&write("other")));
        }
    }));
    SimExecutor::new(&world.environment)
        .run(world.engine.sync())
        .unwrap()
        .unwrap();
}

#[test]
fn a_short_step_is_waited_for_in_the_pass_and_then_compared() {
    for seed in SEEDS {
        for side in Side::BOTH {
            let world = coarse(seed, SECOND);
            sync_and_edit_meanwhile(&world, side);
            world.both_have("a", Some("other"));
            world.still();
        }
    }
}

#[test]
fn one_of_less_than_a_second_is_waited_for_before_a_file_is_carried_or_compared_too() {
    for seed in SEEDS {
        for side in Side::BOTH {
            let world = coarse(seed, SECOND / 2);
            sync_and_edit_meanwhile(&world, side);
            world.sync();
            world.both_have("a", Some("other"));
            world.still();
        }
    }
}

#[test]
fn what_is_edited_right_after_it_was_written_is_seen_by_the_next_pass() {
    for seed in SEEDS {
        let world = coarse(seed, 2 * SECOND);
        world.write(Source, "a", "first");
        world.sync();
        edit_at_once(&world, Destination, "other");
        world.sync();
        world.both_have("a", Some("other"));
        world.still();
    }
}

#[test]
fn while_tandem_runs_it_is_seen_by_itself() {
    for seed in SEEDS {
        let world = coarse(seed, 2 * SECOND);
        world.write(Source, "a", "first");
        world.sync();
        edit_at_once(&world, Destination, "other");
        world.live(Duration::from_secs(30));
        world.both_have("a", Some("other"));
    }
}

#[test]
fn what_is_as_it_was_is_compared_once() {
    for seed in SEEDS {
        let world = coarse(seed, 2 * SECOND);
        world.write(Source, "a", "first");
        world.sync();
        let reads = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
        world.still();
        for side in Side::BOTH {
            let reads = std::sync::Arc::clone(&reads);
            world.sides[side].on_operation(Box::new(move |operation, _| {
                if operation == "read" {
                    reads.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                }
            }));
        }
        world.still();
        assert_eq!(reads.load(std::sync::atomic::Ordering::Relaxed), 0);
    }
}

/// What is in conflict is copied once its revision tells it from what is saved next.
#[test]
fn what_is_saved_right_after_a_conflict_was_copied_is_to_be_seen() {
    for seed in SEEDS {
        let world = coarse(seed, SECOND);
        world.write(Source, "a", "known");
        world.sync();
        world.environment.advance(Duration::from_secs(60));
        edit_at_once(&world, Source, "first");
        edit_at_once(&world, Destination, "theirs");
        let (edited, mut is_edited) = (world.sides[Source].clone(), false);
        world.sides[Source].on_operation(Box::new(move |operation, at| {
            if operation == "commit" && at.as_str() != "a" && !is_edited {
                is_edited = true;
                assert!(edited.edit(&write("other")));
            }
        }));
        let pass = SimExecutor::new(&world.environment).run(world.engine.sync());
        pass.unwrap().unwrap();
        world.sides[Source].clear_hook();
        world.sync();
        world.still();
        world.both_have("a", Some("theirs"));
        for side in Side::BOTH {
            let seen = world.sides[side].snapshot();
            let mut files = seen.values().flatten();
            let other = files.find(|file| file.content == Blob::new("other"));
            assert!(other.is_some(), "{side}: {:?}", world.log());
        }
    }
}
