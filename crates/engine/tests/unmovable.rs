//! What a side cannot move though nobody changed it.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{Destination, Source, World, capabilities, path};
use tandem_core::capabilities::{Capabilities, Ids};
use tandem_core::side::Side;
use tandem_testkit::sim::Edit;

/// A folder with a socket in it, on a side that moves folders item by item: all but the socket goes where the other side
/// moved the folder.
#[test]
fn a_folder_that_cannot_be_moved_whole_is_followed_by_what_is_in_it() {
    for seed in 0..8 {
        let world = World::of(
            seed,
            |_| {},
            |side| match side {
                Source => Capabilities {
                    folder_move: false,
                    atomic_move: false,
                    ..capabilities(Ids::None)
                },
                Destination => capabilities(Ids::Strong),
            },
        );
        world.folder(Source, "old");
        world.folder(Source, "e");
        world.write(Source, "old/a", "one");
        world.sync();
        let socket = path("old/socket");
        world.edit(Source, &Edit::Opaque { path: socket });
        let (from, to) = (path("old"), path("e/new"));
        world.edit(Destination, &Edit::Move { from, to });
        let summary = world.sync();
        assert_eq!(summary.failed, 0, "{summary:?}");
        for side in Side::BOTH {
            world.has(side, "e/new/a", Some("one"));
            world.has(side, "old/a", None);
        }
        let there = world.paths(Source);
        assert!(
            there.contains(&"old/socket".to_owned()),
            "{there:?} {:#?}",
            world.log()
        );
        world.still();
        world.write(Destination, "e/new/b", "two");
        world.sync();
        world.both_have("e/new/b", Some("two"));
        world.still();
    }
}
