//! What was set aside: listed, put back, pruned.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::time::Duration;

use common::{Destination, SEEDS, Source, World};
use tandem_core::policy::Mode;
use tandem_engine::error::EngineError;

const DAY: u64 = 24 * 3600;

fn edited(world: &World) {
    for content in ["one", "two", "three"] {
        world.write(Source, "a", content);
        world.sync();
    }
}

#[test]
fn versions_are_listed_once_and_newest_first() {
    for seed in SEEDS {
        let world = World::new(seed);
        edited(&world);
        world.write(Source, "b", "other");
        world.sync();
        let versions = world.run(world.engine.versions(Some("a"))).unwrap();
        let sizes: Vec<u64> = versions.iter().map(|v| v.size).collect();
        assert_eq!(sizes, [3, 3], "{versions:?}");
        assert!(
            versions
                .iter()
                .all(|v| v.side == Destination && v.path == "a" && !v.displaced)
        );
        assert!(versions[0].kept_at > versions[1].kept_at);
        assert_eq!(world.run(world.engine.versions(None)).unwrap(), versions);
        assert!(
            world
                .run(world.engine.versions(Some("b")))
                .unwrap()
                .is_empty()
        );
        assert_eq!(
            world.run(world.engine.versions(Some("a"))).unwrap(),
            versions,
            "ids stay"
        );
    }
}

#[test]
fn a_version_comes_back_on_both_sides_and_what_was_there_is_kept() {
    for seed in SEEDS {
        let world = World::new(seed);
        edited(&world);
        let versions = world.run(world.engine.versions(Some("a"))).unwrap();
        world
            .run(world.engine.restore("a", Some(&versions[1].id)))
            .unwrap();
        world.both_have("a", Some("one"));
        assert!(world.is_kept(Destination, "three"));
        world.still();
        // The newest is now what was there before.
        world.run(world.engine.restore("a", None)).unwrap();
        world.both_have("a", Some("three"));
        world.still();
    }
}

#[test]
fn what_was_deleted_comes_back() {
    for seed in SEEDS {
        let world = World::new(seed);
        world.folder(Source, "f");
        world.write(Source, "f/a", "one");
        world.sync();
        world.delete(Source, "f/a");
        world.delete(Source, "f");
        world.sync();
        world.run(world.engine.restore("f/a", None)).unwrap();
        world.both_have("f/a", Some("one"));
        world.still();
    }
}

#[test]
fn what_is_restored_where_the_mode_follows_rests() {
    let world = World::with(1, |o| o.policy.mode = Mode::SourceToDestination);
    edited(&world);
    world.run(world.engine.restore("a", None)).unwrap();
    world.has(Destination, "a", Some("two"));
    world.has(Source, "a", Some("three"));
    world.still();
}

#[test]
fn an_unknown_version_is_not_found() {
    let world = World::new(1);
    edited(&world);
    for (at, id) in [("a", Some("d:0")), ("nothing", None)] {
        let done = world.run(world.engine.restore(at, id));
        assert!(
            matches!(
                done,
                Err(EngineError::NotFound {
                    what: "version",
                    ..
                })
            ),
            "{done:?}"
        );
    }
    world.both_have("a", Some("three"));
}

#[test]
fn superseded_versions_are_pruned_by_age() {
    for seed in SEEDS {
        let world = World::with(seed, |o| o.versions.days = 2);
        edited(&world);
        let prune = || world.run(world.engine.prune_versions()).unwrap();
        assert_eq!(prune(), 0);
        world
            .environment
            .advance(Duration::from_secs(DAY + DAY / 2));
        assert_eq!(prune(), 0);
        world.environment.advance(Duration::from_secs(DAY));
        assert_eq!(prune(), 2);
        assert!(world.run(world.engine.versions(None)).unwrap().is_empty());
        assert!(world.sides.destination.kept().is_empty());
        assert_eq!(prune(), 0);
    }
}

#[test]
fn beyond_the_size_limit_the_oldest_go_but_none_of_the_last_day() {
    let world = World::with(2, |o| o.versions.largest_total = Some(6));
    edited(&world);
    world
        .environment
        .advance(Duration::from_secs(DAY + DAY / 2));
    world.write(Source, "a", "four");
    world.sync();
    // "one", "two" and "three" were kept, the last one a moment ago; the pass itself pruned the others.
    assert_eq!(world.run(world.engine.prune_versions()).unwrap(), 0);
    assert!(world.is_kept(Destination, "three") && !world.is_kept(Destination, "one"));
}

#[test]
fn at_the_size_limit_an_edit_is_held_rather_than_a_young_version_pruned() {
    let world = World::with(2, |o| o.versions.largest_total = Some(6));
    edited(&world);
    world.write(Source, "a", "four");
    assert_eq!(world.sync().held, 1);
    world.has(Destination, "a", Some("three"));
    let held = world.engine.held().unwrap();
    assert_eq!(
        (held[0].guard.as_str(), held[0].count),
        ("versions_full", 1)
    );
    assert!(world.is_kept(Destination, "one") && world.is_kept(Destination, "two"));
    // A day later the older ones may go.
    world.environment.advance(Duration::from_secs(DAY));
    assert_eq!(world.sync().held, 0);
    world.both_have("a", Some("four"));
    world.still();
    world.write(Source, "a", "the fifth");
    world.sync();
    let held = world.engine.held().unwrap();
    world.run(world.engine.approve(&held[0].id)).unwrap();
    assert_eq!(world.sync().held, 0);
    world.both_have("a", Some("the fifth"));
    assert!(world.is_kept(Destination, "three") && world.is_kept(Destination, "four"));
}

/// After days of which the pair knows nothing, once the clock has gone on for an hour.
fn let_prune(world: &World) {
    world.sync();
    world.environment.advance(Duration::from_secs(2 * 3600));
    world.sync();
}

#[test]
fn passes_prune_once_an_hour() {
    let world = World::with(1, |o| o.versions.days = 2);
    edited(&world);
    world.environment.advance(Duration::from_secs(3 * DAY));
    let_prune(&world);
    assert!(world.sides.destination.kept().is_empty());
    world.write(Source, "a", "four");
    world.sync();
    world.environment.advance(Duration::from_secs(3 * DAY));
    let_prune(&world);
    assert!(world.sides.destination.kept().is_empty());
}

#[test]
fn a_clock_that_leaps_ahead_prunes_nothing_by_itself() {
    for seed in SEEDS {
        let world = World::with(seed, |o| o.versions.days = 2);
        edited(&world);
        world.environment.advance(Duration::from_secs(1000 * DAY));
        world.sync();
        world.sync();
        assert!(world.is_kept(Destination, "one") && world.is_kept(Destination, "two"));
    }
}

#[test]
fn old_lines_of_the_journal_go_unless_they_keep_something() {
    let world = World::with(1, |o| o.versions.days = 10_000);
    edited(&world);
    assert_eq!(world.log().len(), 3);
    world.environment.advance(Duration::from_secs(401 * DAY));
    world.write(Source, "b", "new");
    let run = world.sync().run;
    let_prune(&world);
    assert_eq!(world.log().len(), 3, "{:#?}", world.log());
    assert_eq!(run, Some(world.log().iter().map(|l| l.run).max().unwrap()));
    assert_eq!(world.run(world.engine.versions(None)).unwrap().len(), 2);
}

#[test]
fn what_nobody_derived_anything_from_is_never_pruned() {
    let world = World::with(1, |o| {
        o.policy.conflict = tandem_core::policy::ConflictPolicy::SourceWins
    });
    world.write(Source, "a", "zero");
    world.sync();
    world.write(Source, "a", "mine");
    world.write(Destination, "a", "theirs, which loses");
    world.sync();
    world.both_have("a", Some("mine"));
    world.environment.advance(Duration::from_secs(1000 * DAY));
    assert_eq!(world.run(world.engine.prune_versions()).unwrap(), 0);
    assert!(world.is_kept(Destination, "theirs, which loses"));
}

#[test]
fn nothing_is_pruned_while_another_folder_is_in_the_place_of_a_root() {
    for seed in SEEDS {
        let world = World::with(seed, |o| o.versions.days = 2);
        edited(&world);
        world.sides.destination.unmount();
        world.environment.advance(Duration::from_secs(3 * DAY));
        assert_eq!(world.sync().held, 1);
        world.sides.destination.mount();
        assert_eq!(world.run(world.engine.versions(None)).unwrap().len(), 2);
        assert_eq!(world.run(world.engine.prune_versions()).unwrap(), 2);
        assert!(world.sides.destination.kept().is_empty());
    }
}
