//! What is held for a person, and what an approval lets pass.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{Destination, SEEDS, Source, World, path};
use tandem_core::policy::Mode;
use tandem_engine::report::Rejection;
use tandem_testkit::sim::Edit;

/// A mirror whose follower has files of its own that a pattern leaves out.
fn mirror_with_ignored(seed: u64) -> World {
    let world = World::with(seed, |o| {
        o.policy.mode = Mode::SourceToDestination;
        o.filter.patterns = vec!["*.log".to_owned()];
    });
    for i in 0..20 {
        world.write(Source, &format!("{i}"), "sent");
    }
    world.folder(Source, "f");
    world.write(Destination, "own.log", "mine");
    world.sync();
    world.write(Destination, "f/own.log", "mine too");
    world.sync();
    world
}

#[test]
fn what_a_filter_lets_in_again_on_a_mirror_is_held() {
    for seed in SEEDS {
        let mut world = mirror_with_ignored(seed);
        world.restart(|o| o.filter.patterns.clear());
        world.edit(Source, &Edit::Delete { path: path("f") });
        world.delete(Source, "3");
        assert_eq!(world.sync().held, 1);
        world.has(Destination, "own.log", Some("mine"));
        world.has(Destination, "f/own.log", Some("mine too"));
        world.has(Destination, "3", None);
        let held = world.engine.held().unwrap();
        assert_eq!(
            (held[0].guard.as_str(), held[0].count),
            ("first_mirror_deletes", 3)
        );
        assert_eq!(world.sync().held, 1, "it stays held");
        world
            .run(world.engine.reject(&held[0].id, Rejection::Detach))
            .unwrap();
        world.still();
        world.has(Destination, "own.log", Some("mine"));
        world.has(Destination, "f/own.log", Some("mine too"));
        world.write(Destination, "later", "mine");
        assert_eq!(world.sync().held, 0, "the filter is known by now");
        world.has(Destination, "later", None);
    }
}

#[test]
fn another_root_that_was_approved_begins_without_deletes() {
    for seed in SEEDS {
        let mut world = World::with(seed, |o| {
            o.policy.mode = Mode::SourceToDestination;
            o.guards.deletes = 100;
        });
        for i in 0..20 {
            world.write(Source, &format!("{i}"), "sent");
        }
        world.sync();
        world.still();
        world.replace(Source);
        world.write(Source, "3", "sent");
        assert_eq!(world.sync().held, 1);
        let held = world.engine.held().unwrap();
        assert_eq!(held[0].guard, "root_replaced");
        world.engine.approve(&held[0].id).unwrap();
        world.sync();
        let held = world.engine.held().unwrap();
        assert_eq!(held[0].guard, "first_mirror_deletes");
        world.has(Destination, "4", Some("sent"));
    }
}

fn only_hold(world: &World) -> (String, String) {
    let held = world.engine.held().unwrap();
    assert_eq!(held.len(), 1, "{held:?}");
    (held[0].id.clone(), held[0].guard.clone())
}

fn approve_only(world: &World, guard: &str) {
    let (id, tripped) = only_hold(world);
    assert_eq!(tripped, guard);
    world.engine.approve(&id).unwrap();
}

#[test]
fn space_is_asked_for_each_time() {
    for seed in SEEDS {
        let world = World::with(seed, |o| o.guards.free_space = 1 << 41);
        world.write(Source, "a", "some");
        assert_eq!(world.sync().held, 1);
        world.has(Destination, "a", None);
        approve_only(&world, "free_space");
        world.sync();
        world.both_have("a", Some("some"));
        world.write(Source, "b", "some");
        assert_eq!(world.sync().held, 1);
        approve_only(&world, "free_space");
        world.write(Source, "c", &"much more ".repeat(10));
        assert_eq!(world.sync().held, 1, "more than was approved");
        world.has(Destination, "b", None);
    }
}

#[test]
fn other_deletes_count_on_after_an_approval() {
    for seed in SEEDS {
        let world = World::with(seed, |o| {
            o.guards.deletes = 10;
            o.guards.delete_percent = 10;
        });
        for i in 0..40 {
            world.write(Source, &format!("{i}"), &format!("content {i}"));
        }
        world.sync();
        let delete = |range: std::ops::Range<u32>| {
            range.for_each(|i| world.delete(Source, &i.to_string()));
            world.sync().held
        };
        assert_eq!(delete(0..7), 0);
        assert_eq!(delete(7..13), 1);
        approve_only(&world, "mass_delete");
        assert_eq!(world.sync().held, 0);
        assert_eq!(delete(13..15), 0, "what was approved does not count");
        assert_eq!(delete(15..17), 1, "what was not does");
    }
}
