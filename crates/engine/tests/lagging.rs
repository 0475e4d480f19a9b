//! Listings that lag behind what is there.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::time::Duration;

use common::{Destination, Source, World, capabilities, path};
use tandem_core::capabilities::{Capabilities, Ids, ListingConsistency};
use tandem_core::side::Side;
use tandem_engine::report::ActionKind;
use tandem_testkit::sim::Edit;

/// The source's listings show late what was changed, and it tells items by their ids.
fn late_source(seed: u64) -> World {
    World::of(
        seed,
        |_| {},
        |side| match side {
            Source => Capabilities {
                listing: ListingConsistency::Eventual,
                ..capabilities(Ids::Strong)
            },
            Destination => capabilities(Ids::Strong),
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
