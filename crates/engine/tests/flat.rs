//! A destination as flat as an object store: what is hidden there is not gone.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use bytes::Bytes;
use common::{Destination, SEEDS, Source, World, capabilities, path};
use tandem_core::capabilities::{Capabilities, Conditions, Ids};
use tandem_core::side::Side;
use tandem_engine::report::Outcome;
use tandem_testkit::sim::{Blob, Edit};

fn to_a_flat_store(seed: u64) -> World {
    World::of(
        seed,
        |_| {},
        |side| match side {
            Source => capabilities([Ids::Strong, Ids::None, Ids::Hint][seed as usize % 3]),
            Destination => Capabilities {
                empty_folders: seed.is_multiple_of(2),
                folder_move: false,
                ..capabilities(Ids::None)
            },
        },
    )
}

#[test]
fn a_file_that_a_folder_of_its_name_hides_is_not_deleted() {
    for seed in SEEDS {
        let world = to_a_flat_store(seed);
        world.write(Source, "k", "precious");
        world.write(Source, "beside", "it");
        world.sync();

        let (path, content) = (path("k/below"), Bytes::from_static(b"another program's"));
        world.edit(Destination, &Edit::Shadow { path, content });
        world.sync();
        world.still();
        world.has(Source, "k", Some("precious"));

        // An edit that nobody can see a place for waits.
        world.write(Source, "k", "edited");
        world.sync();
        world.has(Source, "k", Some("edited"));
        world.has(Destination, "k/below", Some("another program's"));

        let path = common::path("k");
        world.edit(Destination, &Edit::DeleteTree { path });
        world.sync();
        world.sync();
        world.both_have("k", Some("edited"));
        world.still();
    }
}

/// Two changed places just when Tandem had moved one of them, item by item (engine seed 93685).
#[test]
fn what_has_the_place_of_a_folder_that_was_just_moved_is_not_that() {
    for seed in SEEDS {
        let world = World::of(
            seed,
            |_| {},
            |side| Capabilities {
                folder_move: side == Source,
                ..capabilities(Ids::Strong)
            },
        );
        world.folder(Source, "d");
        world.write(Source, "d/x", "below");
        world.write(Source, "b", "a file");
        world.sync();
        let (from, to) = (path("d"), path("moved"));
        world.edit(Source, &Edit::Move { from, to });
        let (edited, mut is_edited) = (world.sides[Destination].clone(), false);
        world.sides[Destination].on_operation(Box::new(move |operation, at| {
            if operation == "delete" && at.as_str() == "d" && !is_edited {
                is_edited = true;
                let (a, b) = (path("b"), path("moved"));
                assert!(edited.edit(&Edit::Swap { a, b }));
            }
        }));
        world.sync();
        world.sides[Destination].clear_hook();
        world.sync();
        world.still();
        world.both_have("moved", Some("a file"));
        world.both_have("b/x", Some("below"));
    }
}

/// A folder that was just emptied is deleted, not what a person has put in its place (engine seed 374278).
#[test]
fn what_has_the_place_of_a_folder_that_was_just_emptied_is_not_deleted() {
    for seed in SEEDS {
        let world = World::of(
            seed,
            |_| {},
            |side| Capabilities {
                folder_move: side == Source,
                ..capabilities(Ids::Strong)
            },
        );
        world.folder(Source, "d");
        world.folder(Source, "d/e");
        world.write(Source, "d/e/x", "below");
        world.write(Source, "b", "a file");
        world.sync();
        let (from, to) = (path("d"), path("moved"));
        world.edit(Source, &Edit::Move { from, to });
        let (edited, mut is_edited) = (world.sides[Destination].clone(), false);
        world.sides[Destination].on_operation(Box::new(move |operation, at| {
            if operation == "move_to" && at.as_str() == "d/e/x" && !is_edited {
                is_edited = true;
                let (a, b) = (path("b"), path("d/e"));
                assert!(edited.edit(&Edit::Swap { a, b }));
            }
        }));
        world.sync();
        world.sides[Destination].clear_hook();
        world.sync();
        for side in Side::BOTH {
            let seen = world.sides[side].snapshot();
            let mut files = seen.values().flatten();
            let is_there = files.any(|file| file.content == Blob::new("a file"));
            assert!(is_there, "{side}: {:?}", world.paths(side));
        }
    }
}

/// What a store without conditions deletes with an original that was copied is noted, like any other it displaced.
#[test]
fn what_is_saved_into_a_folder_while_it_is_moved_one_by_one_is_told() {
    for seed in SEEDS {
        let world = World::of(
            seed,
            |_| {},
            |side| match side {
                Source => capabilities(Ids::Strong),
                Destination => Capabilities {
                    folder_move: false,
                    atomic_move: false,
                    conditions: Conditions::default(),
                    ..capabilities(Ids::None)
                },
            },
        );
        world.folder(Source, "d");
        world.write(Source, "d/x", "moved");
        world.sync();
        let (from, to) = (path("d"), path("f"));
        world.edit(Source, &Edit::Move { from, to });
        let (storage, mut times) = (world.sides[Destination].clone(), 0);
        world.sides[Destination].on_operation(Box::new(move |operation, at| {
            if operation == "move_to" && at.as_str() == "d/x" {
                times += 1;
                // After the copy was made, before its original goes.
                if times == 2 {
                    let (path, content) = (at.clone(), Bytes::from_static(b"saved"));
                    assert!(storage.edit(&Edit::Write { path, content }));
                }
            }
        }));
        world.sync();
        world.sides[Destination].clear_hook();
        world.sync();
        world.both_have("f/x", Some("moved"));
        assert!(world.is_kept(Destination, "saved"));
        let told = world.log();
        let mut lost = told.iter().filter(|l| l.outcome == Outcome::LostRace);
        assert!(lost.any(|l| l.action.path == "d/x"), "{told:#?}");
        // Nor is the folder recorded as moved before it was looked at again.
        assert!(lost.any(|l| l.action.path == "d"), "{told:#?}");
        world.still();
    }
}
