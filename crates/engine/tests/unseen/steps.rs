//! The steps of a pass.

use std::sync::atomic::Ordering;

use tandem_core::capabilities::{Capabilities, Conditions, Ids};
use tandem_core::policy::ConflictPolicy;
use tandem_core::side::Side;
use tandem_core::time::Timestamp;
use tandem_testkit::sim::{Edit, Habits};

use crate::common::{Destination, SEEDS, Source, World, capabilities, path};
use crate::{SAVED, all, has, lost_race, meanwhile, rename, save, shape, with_a};

/// A step at the destination, and what is saved there while it is taken.
struct Step {
    name: &'static str,
    /// What the sides have before, and what the person changed at the source.
    bring: fn(&World),
    operation: &'static str,
    saved: fn() -> Vec<Edit>,
    /// The name that it has afterwards: its own, but where the step had given another, or two met there.
    stays: Option<&'static str>,
    /// What nobody replaced, and is there too.
    beside: &'static [&'static str],
}

const STEPS: [Step; 9] = [
    Step {
        name: "replace",
        bring: |world| {
            with_a(world);
            world.write(Source, "a", "new");
        },
        operation: "commit",
        saved: || vec![save("a")],
        stays: Some("a"),
        beside: &["new", "in a folder"],
    },
    Step {
        name: "create",
        bring: |world| world.write(Source, "a", "new"),
        operation: "commit",
        saved: || vec![save("a")],
        stays: Some("a"),
        beside: &["new"],
    },
    Step {
        name: "delete",
        bring: |world| {
            with_a(world);
            world.delete(Source, "a");
        },
        operation: "delete",
        saved: || vec![save("a")],
        stays: Some("a"),
        beside: &["in a folder"],
    },
    Step {
        name: "delete a folder",
        bring: |world| {
            world.folder(Source, "d");
            world.sync();
            world.delete(Source, "d");
        },
        operation: "delete",
        saved: || vec![Edit::Delete { path: path("d") }, save("d")],
        stays: Some("d"),
        beside: &[],
    },
    Step {
        name: "move",
        bring: |world| {
            with_a(world);
            rename(world, "a", "b");
        },
        operation: "move_to",
        saved: || vec![save("a")],
        stays: Some("b"),
        beside: &["in a folder"],
    },
    Step {
        name: "move onto",
        bring: |world| {
            with_a(world);
            rename(world, "a", "b");
        },
        operation: "move_to",
        saved: || vec![save("b")],
        stays: None,
        beside: &["old", "in a folder"],
    },
    Step {
        name: "move a folder",
        bring: |world| {
            with_a(world);
            rename(world, "d", "e");
        },
        operation: "move_to",
        saved: || vec![save("d/x")],
        stays: Some("e/x"),
        beside: &["old"],
    },
    Step {
        name: "move a folder's file onto",
        bring: |world| {
            with_a(world);
            rename(world, "d", "e");
        },
        operation: "move_to",
        // Where the folder is moved whole, something takes its name.
        saved: || vec![save("e/x"), save("e")],
        stays: None,
        beside: &["old", "in a folder"],
    },
    Step {
        name: "set the time",
        bring: |world| {
            with_a(world);
            let (path, mtime) = (path("a"), Timestamp::from_secs(1_000_000));
            world.edit(Source, &Edit::Touch { path, mtime });
        },
        operation: "set_meta",
        saved: || vec![save("a")],
        stays: Some("a"),
        beside: &["in a folder"],
    },
];

#[test]
fn what_is_saved_while_a_step_is_taken_is_carried_and_not_replaced() {
    for step in &STEPS {
        for ids in [Ids::Strong, Ids::Hint, Ids::None] {
            for folder_move in [true, false] {
                // Moves are known as such by the ids of the side that made them.
                let world = World::of(
                    1,
                    |_| {},
                    |side| match side {
                        Source => capabilities(Ids::Strong),
                        Destination => shape(ids, folder_move),
                    },
                );
                let what = format!("{} {ids:?} {folder_move}", step.name);
                (step.bring)(&world);
                let happened = meanwhile(&world, Destination, step.operation, (step.saved)());
                world.sync();
                assert!(happened.load(Ordering::Relaxed), "{what}");
                world.sides[Destination].clear_hook();
                world.sync();
                world.sync();
                for side in Side::BOTH {
                    let stays = match step.stays {
                        Some(at) => world.text(side, at).as_deref() == Some(SAVED),
                        None => has(&world, side, SAVED),
                    };
                    assert!(stays, "{what}: {:?}", all(&world, side));
                    for text in step.beside {
                        assert!(has(&world, side, text), "{what}: {:?}", all(&world, side));
                    }
                }
                // By its id, what is gone is not found under its name; a folder goes with all that is in it.
                let is_free = ids == Ids::Strong || folder_move && step.name.contains("a folder");
                let told = is_free || lost_race(&world);
                assert!(told, "{what}: {:#?}", world.log());
                assert_eq!(all(&world, Source), all(&world, Destination), "{what}");
                world.still();
            }
        }
    }
}

/// What is found to have been replaced or deleted afterwards is kept for good, and told of. Nothing is in step by it.
#[test]
fn what_a_step_replaced_unseen_where_no_condition_holds_is_kept_and_told_of() {
    for step in &STEPS {
        for folder_move in [true, false] {
            let world = World::of(
                1,
                |_| {},
                |side| match side {
                    Source => capabilities(Ids::Strong),
                    Destination => Capabilities {
                        conditions: Conditions::default(),
                        atomic_move: false,
                        ..shape(Ids::None, folder_move)
                    },
                },
            );
            let what = format!("{} {folder_move}", step.name);
            (step.bring)(&world);
            let happened = meanwhile(&world, Destination, step.operation, (step.saved)());
            world.sync();
            assert!(happened.load(Ordering::Relaxed), "{what}");
            world.sides[Destination].clear_hook();
            let is_kept = world.is_kept(Destination, SAVED);
            let told = || format!("{what}: {:?} {:#?}", all(&world, Destination), world.log());
            assert!(is_kept || has(&world, Destination, SAVED), "{}", told());
            assert!(!is_kept || lost_race(&world), "{}", told());
            world.sync();
            world.sync();
            let paths = [Source, Destination].map(|side| all(&world, side));
            assert_eq!(paths[0], paths[1], "{}", told());
            for text in step.beside {
                assert!(has(&world, Source, text), "{}", told());
            }
            world.still();
        }
    }
}

#[test]
fn what_is_saved_while_a_merge_is_written_is_merged_or_kept() {
    for side in Side::BOTH {
        for seed in SEEDS {
            let world = World::with(seed, |o| o.policy.conflict = ConflictPolicy::Merge);
            world.write(Source, "a", "one\ntwo\nthree\n");
            world.sync();
            world.write(Source, "a", "ONE\ntwo\nthree\n");
            world.write(Destination, "a", "one\ntwo\nTHREE\n");
            let happened = meanwhile(&world, side, "commit", vec![save("a")]);
            world.sync();
            assert!(happened.load(Ordering::Relaxed));
            world.sides[side].clear_hook();
            world.sync();
            world.sync();
            for side in Side::BOTH {
                assert!(has(&world, side, SAVED), "{:?}", all(&world, side));
            }
            assert!(lost_race(&world), "{:#?}", world.log());
            world.still();
        }
    }
}

/// A storage that knows no condition for a move, and gives what it moves another revision, tells nothing of what was saved
/// to it just before: where it may be read, it is (engine seed 73122).
#[test]
fn what_was_saved_as_a_file_was_moved_is_not_taken_for_what_was_there() {
    for seed in SEEDS {
        let world = World::shaped(
            seed,
            |_| {},
            |side| {
                let capabilities = Capabilities {
                    mtime: false,
                    conditions: [Conditions::ALL, Conditions::default()][side as usize],
                    ..capabilities([Ids::Strong, Ids::None][side as usize])
                };
                let habits = Habits {
                    move_gives_revision: true,
                    ..Habits::plain(&capabilities)
                };
                (capabilities, habits)
            },
        );
        world.write(Source, "a", &"x".repeat(SAVED.len()));
        world.sync();
        rename(&world, "a", "b");
        meanwhile(&world, Destination, "move_to", vec![save("a")]);
        world.sync();
        world.sides[Destination].clear_hook();
        world.sync();
        world.both_have("b", Some(SAVED));
        world.still();
    }
}
