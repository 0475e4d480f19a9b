//! Listings that lag behind what is there.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::time::Duration;

use common::{Destination, Source, World, capabilities, path};
use tandem_core::capabilities::{Ids, ListingConsistency};
use tandem_core::entry::HashKind;
use tandem_core::side::Side;
use tandem_engine::report::ActionKind;
use tandem_testkit::sim::{Edit, Habits};

/// The source's listings show late what was changed, and it tells items by their ids.
fn late_source(seed: u64) -> World {
    source_late_by(seed, Duration::from_secs(10))
}

fn source_late_by(seed: u64, lag: Duration) -> World {
    World::shaped(
        seed,
        |_| {},
        |side| {
            let mut capabilities = capabilities(Ids::Strong);
            capabilities.hashes = vec![HashKind::Blake3];
            if side == Source {
                capabilities.listing = ListingConsistency::Eventual;
            }
            let mut habits = Habits::plain(&capabilities);
            habits.lag = lag;
            (capabilities, habits)
        },
    )
}

/// What was moved away is not shown where it was, and not yet where it is (engine seed 3667).
#[test]
fn what_was_moved_and_is_not_shown_yet_is_not_deleted() {
    for seed in 0..32 {
        let world = late_source(seed);
        world.folder(Source, "old");
        world.folder(Source, "e");
        world.write(Source, "old/a", "one");
        world.environment.advance(Duration::from_secs(60));
        world.sync();
        let (from, to) = (path("old"), path("e/new"));
        world.edit(Source, &Edit::Move { from, to });
        world.sync();
        world.environment.advance(Duration::from_secs(60));
        world.sync();
        for side in Side::BOTH {
            assert_eq!(world.paths(side), ["e", "e/new", "e/new/a"], "{side:?}");
        }
        let log = world.log();
        let mut deletes = log.iter().filter(|l| l.action.kind == ActionKind::Delete);
        assert!(deletes.next().is_none(), "seed {seed}: {log:#?}");
        world.still();
    }
}

/// What Tandem deleted is shown for a while, and is not in step with what is made there anew (engine seed 193042).
#[test]
fn what_was_deleted_and_is_shown_still_is_not_there() {
    for seed in 0..32 {
        for restarts in [false, true] {
            let mut world = source_late_by(seed, Duration::from_secs(600));
            world.write(Source, "a", "one");
            world.write(Source, "b", "another");
            world.environment.advance(Duration::from_secs(1000));
            world.sync();
            world.environment.advance(Duration::from_secs(1000));
            world.sync();
            world.delete(Destination, "a");
            world.sync();
            world.has(Source, "a", None);
            world.write(Destination, "a", "one");
            if restarts {
                world.restart(|_| {});
            }
            world.sync();
            world.environment.advance(Duration::from_secs(1000));
            world.sync();
            world.both_have("a", Some("one"));
            world.still();
        }
    }
}

/// A listing of one moment shows what a place has, the next what it had (engine seed 22385).
#[test]
fn what_was_carried_is_not_taken_back_by_an_older_listing() {
    for seed in 0..64 {
        let mut world = source_late_by(seed, Duration::from_secs(600));
        world.restart(|o| o.filter.patterns = vec!["*.log".to_owned()]);
        world.write(Source, "a", "one");
        world.folder(Source, "e");
        world.write(Source, "e/b", "another");
        world.environment.advance(Duration::from_secs(1000));
        for (from, to) in [("a", "e/a.log"), ("e/b", "a")] {
            let (from, to) = (path(from), path(to));
            world.edit(Source, &Edit::Move { from, to });
        }
        for _ in 0..6 {
            let was_carried = world.text(Destination, "a").as_deref() == Some("another");
            world.sync();
            let there = world.text(Destination, "a");
            let is_taken_back = was_carried && there.as_deref() == Some("one");
            assert!(!is_taken_back, "seed {seed}");
        }
        world.environment.advance(Duration::from_secs(1000));
        world.sync();
        let files = world.paths(Destination);
        let texts: Vec<_> = files
            .iter()
            .filter_map(|f| world.text(Destination, f))
            .collect();
        assert_eq!(texts, ["another"], "seed {seed}: {files:?}");
        world.still();
    }
}

/// A filter keeps it out where it is now: that is shown, however late, and the delete is carried.
#[test]
fn what_was_moved_to_where_it_is_left_out_is_gone() {
    for seed in 0..8 {
        let mut world = late_source(seed);
        world.restart(|o| o.filter.patterns = vec!["*.log".to_owned()]);
        world.write(Source, "a", "one");
        world.write(Source, "b", "two");
        world.environment.advance(Duration::from_secs(60));
        world.sync();
        let (from, to) = (path("a"), path("a.log"));
        world.edit(Source, &Edit::Move { from, to });
        world.environment.advance(Duration::from_secs(60));
        world.sync();
        assert_eq!(world.paths(Destination), ["b"]);
        world.still();
    }
}
