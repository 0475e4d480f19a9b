//! Sides where a folder's revision covers all below it: what did not change is not listed, and nothing is missed for it.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::time::Duration;

use common::{Destination, SEEDS, Source, World, capabilities, path};
use tandem_core::capabilities::{Capabilities, Ids};
use tandem_testkit::sim::{Edit, Fault, Faults};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// In step, with a few files and folders. A pass after the first has seen the folders as Tandem left them.
fn in_step(seed: u64) -> World {
    let ids = [Ids::None, Ids::Hint, Ids::Strong][seed as usize % 3];
    let covering = |_| Capabilities {
        folder_revision_covers_subtree: true,
        ..capabilities(ids)
    };
    let world = World::of(seed, |_| {}, covering);
    for folder in ["d", "d/e", "other", "other/inner"] {
        world.folder(Source, folder);
    }
    for at in ["a", "d/x", "d/e/y", "other/inner/z"] {
        world.write(Source, at, at);
    }
    world.sync();
    world.still();
    world
}

#[test]
fn where_nothing_changed_nothing_is_listed() {
    for seed in SEEDS {
        let mut world = in_step(seed);
        for _ in 0..2 {
            for side in [Source, Destination] {
                world.sides[side].set_faults(Faults::of(&[(Fault::PartialListing, 1000)]));
            }
            world.still();
            assert!(world.sides[Source].injected().is_empty());
            // What was looked into is still known when the program is started again.
            world.restart(|_| {});
        }
    }
}

#[test]
fn only_folders_below_which_something_changed_are_listed() {
    for seed in SEEDS {
        let world = in_step(seed);
        // Whoever looked there would find out.
        assert!(world.sides[Destination].make_unreadable(&path("other/inner")));
        world.write(Destination, "d/e/y", "edited");
        world.write(Destination, "d/e/new", "new");
        world.sync();
        world.both_have("d/e/y", Some("edited"));
        world.both_have("d/e/new", Some("new"));
        world.delete(Destination, "d/x");
        world.sync();
        world.both_have("d/x", None);
        assert_eq!(world.engine.problems().unwrap(), []);
        world.write(Destination, "other/beside", "seen");
        world.sync();
        world.both_have("other/beside", Some("seen"));
    }
}

#[test]
fn what_moved_is_found_wherever_it_went() {
    for seed in SEEDS {
        let world = in_step(seed);
        let moved = |from: &str, to: &str| {
            let (from, to) = (path(from), path(to));
            world.edit(Destination, &Edit::Move { from, to });
        };
        moved("d/e", "other/e");
        world.sync();
        world.both_have("other/e/y", Some("d/e/y"));
        world.both_have("d/e/y", None);
        world.still();
        // It goes, is seen to be gone, and comes back as it was.
        moved("other/inner", "inner");
        world.run(world.engine.preview()).unwrap();
        moved("inner", "other/inner");
        world.write(Source, "other/inner/z", "edited");
        world.sync();
        world.both_have("other/inner/z", Some("edited"));
        world.still();
    }
}

#[test]
fn what_could_not_be_looked_into_is_looked_into_again() {
    for seed in SEEDS {
        let world = in_step(seed);
        world.write(Destination, "d/beside", "new");
        world.write(Destination, "d/e/y", "edited");
        assert!(world.sides[Destination].make_unreadable(&path("d/e")));
        for _ in 0..2 {
            world.sync();
            world.both_have("d/beside", Some("new"));
            world.has(Source, "d/e/y", Some("d/e/y"));
            assert_eq!(world.engine.problems().unwrap().len(), 1);
        }
        // No revision changes with this.
        world.sides[Destination].heal();
        world.sync();
        world.both_have("d/e/y", Some("edited"));
        assert_eq!(world.engine.problems().unwrap(), []);
        world.still();
    }
}

/// Nor does it count as looked into by the revision that it was shown with, whatever else leads there.
#[test]
fn what_could_not_be_told_whole_is_noted_nowhere_above() {
    for seed in SEEDS {
        let world = in_step(seed);
        let noted = |world: &World| -> i64 {
            let state = world.open_state();
            let count = "SELECT count(*) FROM looked WHERE side = 1";
            state.query_row(count, [], |row| row.get(0)).unwrap()
        };
        let before = noted(&world);
        world.write(Destination, "d/e/y", "edited");
        assert!(world.sides[Destination].make_unreadable(&path("d/e")));
        world.sync();
        // `d/e`, `d` and the root are no longer.
        assert_eq!(noted(&world), before - 3);
        world.sides[Destination].heal();
        world.sync();
        world.still();
        assert_eq!(noted(&world), before);
    }
}

#[test]
fn a_look_that_was_cut_off_leaves_nothing_noted() {
    for seed in SEEDS {
        let mut world = in_step(seed);
        world.write(Destination, "d/e/y", "edited");
        world.sides[Destination].set_faults(Faults::of(&[(Fault::PartialListing, 1000)]));
        let cut = world.run(world.engine.sync());
        assert!(cut.is_err() || cut.unwrap().stopped.is_some());
        world.sides[Destination].set_faults(Faults::none());
        world.restart(|_| {});
        world.sync();
        world.both_have("d/e/y", Some("edited"));
    }
}

#[test]
fn everything_is_listed_once_in_a_while_and_for_another_filter() {
    for seed in SEEDS {
        let mut world = in_step(seed);
        let unreadable = |world: &World| world.sides[Destination].make_unreadable(&path("other"));
        assert!(unreadable(&world));
        world.still();
        assert_eq!(world.engine.problems().unwrap(), []);
        world.environment.advance(8 * DAY);
        world.sync();
        assert_eq!(world.engine.problems().unwrap().len(), 1);
        world.sides[Destination].heal();
        world.still();
        assert!(unreadable(&world));
        world.restart(|options| options.filter.patterns = vec!["d/x".to_owned()]);
        world.sync();
        assert_eq!(world.engine.problems().unwrap().len(), 1);
    }
}
