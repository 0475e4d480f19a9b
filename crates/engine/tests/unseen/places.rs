//! What is at the places themselves: another root, another folder, a copy, another spelling.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use futures_util::future::join;
use tandem_core::capabilities::{Capabilities, CaseRule, Conditions, Ids};
use tandem_core::entry::HashKind;
use tandem_core::side::Side;
use tandem_testkit::sim::{Edit, Habits};

use crate::common::{Destination, SEEDS, Source, World, capabilities, path, turns};
use crate::{SAVED, all, has, lost_race, meanwhile, rename, save, shape, with_a};

/// A file that a move left behind as a copy goes only as it was copied.
#[test]
fn what_is_saved_to_a_file_whose_copy_stands_where_it_goes_is_not_deleted_with_it() {
    for seed in SEEDS {
        let world = World::of(
            seed,
            |_| {},
            |side| match side {
                Source => capabilities(Ids::Strong),
                Destination => Capabilities {
                    hashes: vec![HashKind::Blake3],
                    ..shape(Ids::None, false)
                },
            },
        );
        with_a(&world);
        rename(&world, "d", "e");
        let storage = world.sides[Destination].clone();
        let happened = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&happened);
        world.sides[Destination].on_operation(Box::new(move |what, at| match what {
            "move_to" if at.as_str() == "d/x" => {
                let (from, to) = (path("d/x"), path("e/x"));
                storage.edit(&Edit::Copy { from, to });
            }
            "delete" if at.as_str() == "d/x" => {
                let is_done = storage.edit(&save("d/x"));
                told.fetch_or(is_done, Ordering::Relaxed);
            }
            _ => {}
        }));
        world.sync();
        assert!(happened.load(Ordering::Relaxed), "{:#?}", world.log());
        world.sides[Destination].clear_hook();
        world.sync();
        world.sync();
        for side in Side::BOTH {
            assert!(has(&world, side, SAVED), "{:?}", all(&world, side));
        }
        world.still();
    }
}

/// A destination where both spellings are one name, and where nothing is conditional that would make one.
fn spelled_as_it_was(seed: u64, looks_after: bool) -> World {
    World::shaped(
        seed,
        |_| {},
        |side| {
            let capabilities = Capabilities {
                case: match side {
                    Source => CaseRule::Sensitive,
                    Destination => CaseRule::Insensitive,
                },
                conditions: Conditions {
                    create: side == Source,
                    move_: side == Source,
                    ..Conditions::ALL
                },
                atomic_move: looks_after,
                ..capabilities(Ids::Strong)
            };
            let habits = Habits {
                respells: false,
                looks_after,
                ..Habits::plain(&capabilities)
            };
            (capabilities, habits)
        },
    )
}

/// What the storage does not look after is lost there; that something else was in the way is told all the same.
#[test]
fn what_got_another_spelling_meanwhile_is_found_by_it() {
    let operations = ["commit", "move_to"];
    let cases = operations.map(|operation| [1, 2, 3, 4].map(|seed| (operation, seed)));
    for (operation, seed) in cases.into_iter().flatten() {
        let looks_after = seed < 3;
        let world = spelled_as_it_was(seed, looks_after);
        with_a(&world);
        if operation == "commit" {
            world.write(Source, "b", "new");
        } else {
            rename(&world, "a", "b");
        }
        let happened = meanwhile(&world, Destination, operation, vec![save("B")]);
        world.sync();
        assert!(happened.load(Ordering::Relaxed), "{operation}");
        world.sides[Destination].clear_hook();
        world.sync();
        world.sync();
        let kept = world.is_kept(Destination, SAVED) || has(&world, Destination, SAVED);
        assert!(
            kept || !looks_after,
            "{operation}: {:?}",
            all(&world, Destination)
        );
        assert!(lost_race(&world), "{operation}: {:#?}", world.log());
        let texts = |side| all(&world, side).into_iter().filter_map(|(_, text)| text);
        let sorted = |side| texts(side).collect::<std::collections::BTreeSet<_>>();
        assert_eq!(sorted(Source), sorted(Destination), "{operation}");
        world.still();
    }
}

/// At whatever instant of the pass that was.
#[test]
fn a_folder_that_was_made_in_another_spelling_meanwhile_is_found_by_it() {
    let mut met = 0;
    for at in 0..60 {
        let world = spelled_as_it_was(at, true);
        world.folder(Source, "b");
        world.write(Source, "b/within", "new");
        let storage = world.sides[Destination].clone();
        let making = async {
            turns(at).await;
            let path = path("B");
            storage.edit(&Edit::CreateFolder { path });
        };
        let (passed, ()) = world.run(join(world.engine.sync(), making));
        passed.unwrap();
        met += u64::from(lost_race(&world));
        world.sync();
        world.has(Destination, "b/within", Some("new"));
        world.still();
    }
    assert!(met > 0, "no folder was in another's way");
}

#[test]
fn junk_that_is_written_while_its_folder_is_deleted_is_looked_at_again() {
    for seed in SEEDS {
        let world = World::of(
            seed,
            |o| o.filter.defaults = true,
            |_| capabilities(Ids::None),
        );
        world.folder(Source, "d");
        world.sync();
        world.write(Destination, "d/desktop.ini", "as it was");
        world.delete(Source, "d");
        let junk = vec![save("d/desktop.ini")];
        let happened = meanwhile(&world, Destination, "delete", junk);
        world.sync();
        assert!(happened.load(Ordering::Relaxed));
        assert!(lost_race(&world), "{:#?}", world.log());
        world.sides[Destination].clear_hook();
        world.sync();
        assert!(world.is_kept(Destination, SAVED));
        world.still();
    }
}

/// The folder that took the name is the person's: two would become one, and could not be told apart any more.
#[test]
fn a_folder_is_not_moved_item_by_item_into_one_that_took_its_new_name() {
    for seed in SEEDS {
        let world = World::of(
            seed,
            |_| {},
            |side| match side {
                Source => capabilities(Ids::Strong),
                Destination => shape(Ids::None, false),
            },
        );
        with_a(&world);
        rename(&world, "a", "b");
        rename(&world, "d", "e");
        let own = [Edit::CreateFolder { path: path("e") }, save("e/own")];
        let storage = world.sides[Destination].clone();
        let happened = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&happened);
        world.sides[Destination].on_operation(Box::new(move |what, at| {
            if what == "move_to" && at.as_str() == "a" {
                for edit in &own {
                    let is_done = storage.edit(edit);
                    told.fetch_or(is_done, Ordering::Relaxed);
                }
            }
        }));
        world.sync();
        assert!(happened.load(Ordering::Relaxed));
        world.sides[Destination].clear_hook();
        world.sync();
        world.sync();
        for side in Side::BOTH {
            assert!(has(&world, side, SAVED), "{:?}", all(&world, side));
            assert!(has(&world, side, "in a folder"), "{:?}", all(&world, side));
        }
        assert_eq!(all(&world, Source), all(&world, Destination));
        world.still();
    }
}

/// Right before deletes the roots are asked who they are: a disk that was pulled out since is not deleted on.
#[test]
fn nothing_is_deleted_where_another_root_appeared_since_the_plan() {
    for seed in SEEDS {
        for pulled in Side::BOTH {
            let world = World::of(seed, |_| {}, |_| capabilities(Ids::Strong));
            with_a(&world);
            world.delete(Source, "a");
            rename(&world, "d/x", "y");
            let deletes = Arc::new(AtomicU32::new(0));
            let counted = Arc::clone(&deletes);
            let (disk, mut is_pulled) = (world.sides[pulled].clone(), false);
            world.sides[Destination].on_operation(Box::new(move |what, _| match what {
                "move_to" if !std::mem::replace(&mut is_pulled, true) => disk.unmount(),
                "delete" => {
                    counted.fetch_add(1, Ordering::Relaxed);
                }
                _ => {}
            }));
            world.sync();
            let tried = deletes.load(Ordering::Relaxed);
            assert_eq!(tried, 0, "{:#?}", world.log());
            world.sides[Destination].clear_hook();
            world.sides[pulled].mount();
            world.sync();
            world.sync();
            for side in Side::BOTH {
                assert!(has(&world, side, "in a folder"), "{:#?}", world.log());
            }
            world.still();
        }
    }
}
