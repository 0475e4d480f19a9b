//! Deletes that nobody asked for, and deletes that somebody did.

use bytes::Bytes;
use tandem_core::capabilities::{Capabilities, Ids};
use tandem_core::policy::Mode;
use tandem_core::side::Side;
use tandem_engine::report::{ActionKind, Undo};
use tandem_testkit::sim::Edit;

use crate::common::{Destination, SEEDS, Source, World, capabilities, path};

/// nextcloud/desktop#260: the client deleted files; asked for is a list of the changes, and to be asked.
#[test]
fn many_deletes_are_listed_one_by_one_and_wait_for_a_person() {
    for seed in SEEDS {
        let world = World::new(seed);
        for i in 0..60 {
            world.write(Source, &format!("{i}"), "content");
        }
        world.sync();
        for i in 0..55 {
            world.delete(Source, &format!("{i}"));
        }
        assert_eq!(world.sync().held, 1);
        let held = world.engine.held().unwrap();
        let shown: Vec<_> = held[0].actions.iter().map(|a| (a.kind, a.side)).collect();
        assert_eq!(shown, vec![(ActionKind::Delete, Destination); 55]);
        for i in 0..60 {
            world.has(Destination, &format!("{i}"), Some("content"));
        }
    }
}

/// nextcloud/desktop#703: 500 GB deleted, a green tick, and no log to say what happened.
#[test]
fn every_delete_is_in_the_log_and_can_be_taken_back() {
    for seed in SEEDS {
        let world = World::new(seed);
        world.folder(Source, "d");
        world.write(Source, "d/a", "content");
        world.write(Source, "b", "the rest");
        world.sync();
        world.edit(Source, &Edit::DeleteTree { path: path("d") });
        world.sync();
        let line = world.line(ActionKind::Delete, "d/a");
        assert_eq!(line.action.side, Destination);
        let run = line.run;
        world.run(world.engine.undo(Undo::Run(run))).unwrap();
        world.sync();
        world.both_have("d/a", Some("content"));
        world.still();
    }
}

/// abraunegg/onedrive#2476: a folder was deleted and put back from a backup while the program ran, and the new files
/// were deleted.
#[test]
fn what_is_put_back_while_a_folder_is_deleted_stays() {
    for seed in SEEDS {
        let world = World::new(seed);
        world.folder(Source, "d");
        for name in ["1", "2", "3"] {
            world.write(Source, &format!("d/{name}"), "content");
        }
        world.write(Source, "beside", "the rest");
        world.sync();
        world.edit(Source, &Edit::DeleteTree { path: path("d") });
        let restored = |name: &str| Edit::Write {
            path: path(name),
            content: Bytes::from_static(b"from the backup"),
        };
        let again = Edit::CreateFolder { path: path("d") };
        let edits = vec![again, restored("d/2"), restored("d/new")];
        world.edit_during(Destination, "delete", Source, edits);
        world.sync();
        world.sync();
        world.both_have("d/2", Some("from the backup"));
        world.both_have("d/new", Some("from the backup"));
        world.both_have("d/1", None);
        world.still();
    }
}

/// The same on the side where it is deleted: what came there meanwhile was not to be deleted.
#[test]
fn what_comes_into_a_folder_while_it_is_deleted_stays() {
    for seed in SEEDS {
        let world = World::new(seed);
        world.folder(Source, "d");
        world.write(Source, "d/1", "content");
        world.write(Source, "beside", "the rest");
        world.sync();
        world.edit(Source, &Edit::DeleteTree { path: path("d") });
        let new = Edit::Write {
            path: path("d/new"),
            content: Bytes::from_static(b"new"),
        };
        world.edit_during(Destination, "delete", Destination, vec![new]);
        world.sync();
        world.sync();
        world.both_have("d/new", Some("new"));
        world.still();
    }
}

/// syncthing/syncthing#6038: a pattern was taken back, and a delete of what it had covered was carried.
#[test]
fn what_a_pattern_no_longer_covers_is_not_deleted_for_having_been_out() {
    for seed in SEEDS {
        for (deleted, kept) in [(Source, Destination), (Destination, Source)] {
            let mut world = World::new(seed);
            world.write(Source, "a.log", "content");
            world.write(Source, "b", "the rest");
            world.sync();
            world.restart(|o| o.filter.patterns = vec!["*.log".to_owned()]);
            world.still();
            world.delete(deleted, "a.log");
            world.still();
            world.restart(|o| o.filter.patterns.clear());
            world.sync();
            world.has(kept, "a.log", Some("content"));
            world.both_have("a.log", Some("content"));
            world.still();
        }
    }
}

/// rclone/rclone#5164: another filter looked like a mass delete.
#[test]
fn another_filter_deletes_nothing_and_holds_nothing() {
    for seed in SEEDS {
        let mut world = World::new(seed);
        for i in 0..60 {
            world.write(Source, &format!("{i}.log"), "content");
        }
        world.write(Source, "b", "the rest");
        world.sync();
        world.restart(|o| o.filter.patterns = vec!["*.log".to_owned()]);
        world.still();
        for i in 0..60 {
            world.both_have(&format!("{i}.log"), Some("content"));
        }
    }
}

/// axpdev-lab/aeroftp#787: a list of files bounded one side only, and `--delete` removed the rest from the other.
#[test]
fn a_mirror_of_chosen_folders_deletes_nothing_outside_of_them() {
    for seed in SEEDS {
        let world = World::with(seed, |o| {
            o.policy.mode = Mode::SourceToDestination;
            o.filter.chosen = vec![path("in")];
        });
        for (side, folder) in [(Source, "in"), (Destination, "out"), (Source, "out")] {
            world.folder(side, folder);
        }
        world.write(Source, "in/a", "sent");
        world.write(Destination, "out/own", "mine");
        world.write(Destination, "beside", "mine");
        world.sync();
        world.delete(Source, "in/a");
        world.write(Source, "in/b", "sent");
        world.sync();
        world.both_have("in/b", Some("sent"));
        world.has(Destination, "in/a", None);
        world.has(Destination, "out/own", Some("mine"));
        world.has(Destination, "beside", Some("mine"));
        world.still();
    }
}

/// rclone/rclone#9939: where the sides have no common hash, a delete was silently reverted.
/// hwittenborn/celeste#165, hwittenborn/celeste#262: local deletes were not carried.
#[test]
fn a_delete_is_carried_and_stays_where_no_side_knows_a_hash() {
    for seed in SEEDS {
        for (side, mtime) in [(Source, true), (Destination, false)] {
            let of = |_| Capabilities {
                cheap_reads: false,
                mtime,
                ..capabilities(Ids::None)
            };
            let world = World::of(seed, |_| {}, of);
            world.write(Source, "a", "content");
            world.write(Destination, "b", "the rest");
            world.sync();
            world.still();
            world.delete(side, "a");
            world.sync();
            world.both_have("a", None);
            world.still();
            world.both_have("a", None);
        }
    }
}

/// rclone/rclone#7042: people ran `--resync` always, and what was deleted came back. Starting Tandem again is no first
/// sync.
#[test]
fn what_was_deleted_does_not_come_back_when_the_program_is_started_again() {
    for seed in SEEDS {
        let mut world = World::new(seed);
        world.write(Source, "a", "content");
        world.write(Source, "b", "the rest");
        world.sync();
        world.stop();
        world.delete(Destination, "a");
        world.try_restart().unwrap();
        world.sync();
        world.both_have("a", None);
        world.both_have("b", Some("the rest"));
    }
}

/// rclone/rclone#8685: a limit on deletes counted renames.
#[test]
fn a_renamed_folder_is_not_counted_as_deletes() {
    for seed in SEEDS {
        let world = World::with(seed, |o| o.guards.deletes = 10);
        world.folder(Source, "holiday");
        for i in 0..30 {
            // Long enough to be known again where nothing but the content tells.
            let content = format!("picture {i} ").repeat(150);
            world.write(Source, &format!("holiday/{i}"), &content);
        }
        world.sync();
        world.edit(
            Source,
            &Edit::Move {
                from: path("holiday"),
                to: path("holiday 2026"),
            },
        );
        assert_eq!(world.sync().held, 0);
        let paths = world.paths(Destination);
        assert_eq!(paths.len(), 31, "{paths:?}");
        assert!(paths.iter().all(|p| p.starts_with("holiday 2026")));
        world.still();
    }
}

/// samschott/maestral#120: two clients on one account deleted about a hundred files from each other.
#[test]
fn two_devices_on_one_storage_do_not_delete_each_others_files() {
    for seed in SEEDS {
        let one = World::of(seed, |_| {}, |_| capabilities(Ids::None));
        let other = World::beside(&one, capabilities(Ids::Hint));
        for i in 0..10 {
            one.write(Source, &format!("äö {i}"), "of the one");
            other.write(Source, &format!("é {i}"), "of the other");
        }
        for _ in 0..3 {
            one.sync();
            other.sync();
        }
        for side in Side::BOTH {
            for world in [&one, &other] {
                assert_eq!(world.paths(side).len(), 20);
            }
        }
        one.still();
        other.still();
    }
}
