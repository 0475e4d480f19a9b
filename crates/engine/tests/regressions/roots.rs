//! A root that is missing, empty or another one.

use tandem_core::side::Side;

use crate::common::{Destination, SEEDS, Source, World};

/// Eight files in step.
fn in_step(seed: u64) -> World {
    let world = World::new(seed);
    for i in 0..8 {
        world.write(Source, &format!("{i}"), "content");
    }
    world.sync();
    world.still();
    world
}

#[track_caller]
fn all_there(world: &World, side: Side) {
    for i in 0..8 {
        world.has(side, &format!("{i}"), Some("content"));
    }
}

#[track_caller]
fn is_held_by(world: &World, guard: &str) {
    let held = world.engine.held().unwrap();
    let guards: Vec<_> = held.iter().map(|h| h.guard.as_str()).collect();
    assert_eq!(guards, [guard]);
}

/// nextcloud/desktop#1433: the folder was moved to another drive, and all files were removed from the server.
/// hwittenborn/celeste#33: a crash when the local folder is gone.
#[test]
fn a_folder_that_was_moved_away_deletes_nothing() {
    for seed in SEEDS {
        for side in Side::BOTH {
            let world = in_step(seed);
            world.sides[side].set_missing(true);
            for _ in 0..2 {
                assert_eq!(world.sync().done, 0);
                all_there(&world, side.other());
                is_held_by(&world, "root_missing");
            }
            world.sides[side].set_missing(false);
            world.still();
            all_there(&world, side);
        }
    }
}

/// syncthing/syncthing#4345: an external disk came up empty, and everything was deleted on the other devices.
#[test]
fn a_disk_that_came_up_empty_deletes_nothing() {
    for seed in SEEDS {
        for side in Side::BOTH {
            let world = in_step(seed);
            world.sides[side].unmount();
            let summary = world.sync();
            assert_eq!((summary.done, summary.held), (0, 1));
            all_there(&world, side.other());
            world.sides[side].mount();
            world.still();
            all_there(&world, side);
        }
    }
}

/// syncthing/syncthing#5207: users made the missing marker anew, and lost everything.
/// nextcloud/desktop#9259: connected with a new, empty server, and the local files were deleted.
#[test]
fn a_new_empty_folder_with_a_marker_of_its_own_is_filled_and_empties_nothing() {
    for seed in SEEDS {
        for side in Side::BOTH {
            let mut world = in_step(seed);
            world.replace(side);
            assert_eq!(world.sync().done, 0);
            is_held_by(&world, "root_replaced");
            let id = world.engine.held().unwrap()[0].id.clone();
            world.run(world.engine.approve(&id)).unwrap();
            world.sync();
            all_there(&world, side);
            all_there(&world, side.other());
            world.still();
        }
    }
}

/// nextcloud/desktop#1238: the server was restored from an old backup, and files made since were deleted locally.
#[test]
fn a_server_that_was_restored_from_an_old_backup_deletes_no_later_files() {
    for seed in SEEDS {
        let mut world = in_step(seed);
        for i in 0..8 {
            world.write(Source, &format!("later {i}"), "since the backup");
        }
        world.sync();
        // What a restored server shows: another root that holds what the backup held.
        world.replace(Destination);
        for i in 0..8 {
            world.write(Destination, &format!("{i}"), "content");
        }
        assert_eq!(world.sync().done, 0);
        is_held_by(&world, "root_replaced");
        let id = world.engine.held().unwrap()[0].id.clone();
        world.run(world.engine.approve(&id)).unwrap();
        world.sync();
        world.both_have("later 3", Some("since the backup"));
        all_there(&world, Destination);
        world.still();
    }
}
