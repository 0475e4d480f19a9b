//! Carrying out a plan: races, and what is recorded of them.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::{Destination, SEEDS, Source, World, capabilities, path};
use tandem_core::capabilities::{Capabilities, Conditions, Ids};
use tandem_core::environment::Environment as _;
use tandem_core::policy::ConflictPolicy;
use tandem_core::side::Side;
use tandem_engine::report::{ActionKind, Outcome, Undo};
use tandem_engine::setup::PairOptions;
use tandem_testkit::seed::Rng;
use tandem_testkit::sim::{Edit, Fault, Faults, Habits};

const DAY: u64 = 24 * 3600;

fn merging(options: &mut PairOptions) {
    options.policy.conflict = ConflictPolicy::Merge;
}

fn write(at: &str, content: &str) -> Edit {
    Edit::Write {
        path: path(at),
        content: Bytes::from(content.to_owned()),
    }
}

#[test]
fn a_text_that_was_not_carried_is_no_base_of_a_merge() {
    for seed in SEEDS {
        let world = World::with(seed, merging);
        world.write(Source, "a", "one\ntwo\nthree\n");
        world.sync();
        world.write(Source, "a", "ONE\ntwo\nthree\n");
        let theirs = write("a", "one\ntwo\nTHREE\n");
        world.edit_during(Destination, "commit", Destination, vec![theirs]);
        world.sync();
        world.both_have("a", Some("ONE\ntwo\nTHREE\n"));
        world.still();
    }
}

#[test]
fn a_text_that_is_older_than_the_base_is_no_base_of_a_merge() {
    for seed in SEEDS {
        let world = World::with(seed, merging);
        world.write(Source, "a", "one\ntwo\nthree\n");
        world.sync();
        // Both come to the same: nothing is carried, and the kept text is that of before.
        for side in Side::BOTH {
            world.write(side, "a", "ONE\ntwo\nthree\n");
        }
        world.sync();
        world.write(Source, "a", "one\ntwo\nthree\n");
        world.write(Destination, "a", "ONE\ntwo\nthree\nfour\n");
        world.sync();
        world.has(Destination, "a", Some("ONE\ntwo\nthree\nfour\n"));
        let copies = world
            .paths(Source)
            .into_iter()
            .filter(|p| world.text(Source, p).as_deref() == Some("one\ntwo\nthree\n"))
            .count();
        assert_eq!(copies, 1, "{:?}", world.paths(Source));
        world.still();
    }
}

/// Lines that are missing at the end of an answer were deleted by nobody.
#[test]
fn a_text_of_which_only_a_part_came_is_not_merged() {
    for seed in 0..40 {
        let world = World::shaped(seed, merging, |_| {
            let capabilities = capabilities(Ids::None);
            let habits = Habits {
                chunk: 4,
                ..Habits::plain(&capabilities)
            };
            (capabilities, habits)
        });
        world.write(Source, "a", "one\ntwo\nthree\nfour\nfive\n");
        world.sync();
        world.write(Source, "a", "ONE\ntwo\nthree\nfour\nfive\n");
        world.write(Destination, "a", "one\ntwo\nTHREE\nfour\nfive\n");
        for side in Side::BOTH {
            world.sides[side].set_faults(Faults::of(&[(Fault::ShortRead, 100)]));
        }
        world.sync();
        for side in Side::BOTH {
            world.sides[side].heal();
        }
        world.sync();
        world.both_have("a", Some("ONE\ntwo\nTHREE\nfour\nfive\n"));
        world.still();
    }
}

#[test]
fn what_was_staged_for_a_change_that_lost_its_race_is_thrown_away() {
    for seed in SEEDS {
        let world = World::new(seed);
        world.write(Source, "a", "base");
        world.sync();
        world.write(Source, "a", "mine");
        let theirs = write("a", "theirs");
        world.edit_during(Destination, "commit", Destination, vec![theirs]);
        world.sync();
        assert_eq!(world.sides.destination.staged(), 0);
        world.still();
    }
}

#[test]
fn junk_that_is_synced_is_an_edit_like_any_other() {
    for seed in SEEDS {
        let world = World::with(seed, |o| o.versions.keep = false);
        world.folder(Source, "f");
        world.write(Source, "f/a", "one");
        world.write(Source, "f/desktop.ini", "one");
        world.sync();
        let path = path("f");
        world.edit(Source, &Edit::DeleteTree { path });
        let edited = write("f/desktop.ini", "edited");
        world.edit_during(Destination, "delete", Destination, vec![edited]);
        world.sync();
        world.both_have("f/desktop.ini", Some("edited"));
        world.both_have("f/a", None);
        world.still();
    }
}

#[test]
fn junk_that_is_not_synced_is_kept_with_a_line_of_its_own() {
    for seed in SEEDS {
        let world = World::with(seed, |o| {
            o.filter.defaults = true;
            o.versions.keep = false;
        });
        world.folder(Source, "f");
        world.write(Source, "f/a", "one");
        world.sync();
        world.write(Destination, "f/desktop.ini", "nobody saw it");
        let path = path("f");
        world.edit(Source, &Edit::DeleteTree { path });
        world.sync();
        assert_eq!(world.paths(Destination), Vec::<String>::new());
        assert!(world.is_kept(Destination, "nobody saw it"));
        assert!(world.line(ActionKind::Delete, "f/desktop.ini").undoable);
        world.still();
    }
}

#[test]
fn a_pass_that_does_not_come_to_rest_says_so() {
    let world = World::new(1);
    let (source, destination) = (world.sides.source.clone(), world.sides.destination.clone());
    let mut n = 0;
    // Whatever is carried is there already, and there is always one more.
    world
        .sides
        .destination
        .on_operation(Box::new(move |what, at| {
            if what == "commit" {
                let content = source.content(at).unwrap_or_default();
                let path = at.clone();
                assert!(destination.edit(&Edit::Write { path, content }));
                n += 1;
                assert!(source.edit(&write(&format!("{n}"), "more")));
            }
        }));
    world.write(Source, "first", "content");
    let summary = world.sync();
    assert!(summary.stopped.is_some(), "{summary:?}");
}

#[test]
fn what_nobody_expected_to_be_deleted_is_kept_for_good() {
    let unconditional = || Capabilities {
        conditions: Conditions {
            delete: false,
            ..Conditions::ALL
        },
        ..capabilities(Ids::Strong)
    };
    for seed in SEEDS {
        let world = World::of(seed, |_| {}, |_| unconditional());
        world.write(Source, "a", "one");
        world.write(Source, "b", "other");
        world.sync();
        world.delete(Source, "a");
        world.edit_during(
            Destination,
            "delete",
            Destination,
            vec![write("a", "unseen")],
        );
        world.sync();
        assert!(world.is_kept(Destination, "unseen"));
        let line = world.line(ActionKind::Delete, "a");
        assert_eq!(line.outcome, Outcome::LostRace);
        world.environment.advance(Duration::from_secs(1000 * DAY));
        world.run(world.engine.prune_versions()).unwrap();
        assert!(world.is_kept(Destination, "unseen"));
        assert!(world.run(world.engine.versions(Some("a"))).unwrap()[0].displaced);
        world.still();
    }
}

#[test]
fn what_is_sent_in_one_request_is_hashed_on_the_way() {
    for seed in SEEDS {
        let world = World::shaped(
            seed,
            |_| {},
            |_| {
                let capabilities = capabilities(Ids::Hint);
                let habits = Habits {
                    stages: false,
                    ..Habits::plain(&capabilities)
                };
                (capabilities, habits)
            },
        );
        world.write(Source, "a", "content");
        world.sync();
        // The same content under another inode and time.
        let same = Edit::SaveByRename {
            path: path("a"),
            content: Bytes::from_static(b"content"),
        };
        world.edit(Destination, &same);
        world.sync();
        let replaced = world
            .log()
            .into_iter()
            .any(|l| l.action.kind == ActionKind::Replace);
        assert!(!replaced, "{:#?}", world.log());
        world.still();
    }
}

#[test]
fn a_merge_can_be_taken_back_on_both_sides() {
    for seed in SEEDS {
        let world = World::with(seed, merging);
        world.write(Source, "a", "one\ntwo\nthree\n");
        world.sync();
        world.write(Source, "a", "ONE\ntwo\nthree\n");
        world.write(Destination, "a", "one\ntwo\nTHREE\n");
        let run = world.sync().run.unwrap();
        world.both_have("a", Some("ONE\ntwo\nTHREE\n"));
        let merged: Vec<_> = world
            .log()
            .into_iter()
            .filter(|l| l.run == run && l.action.kind == ActionKind::Replace)
            .map(|l| (l.action.side, l.undoable))
            .collect();
        assert_eq!(merged.len(), 2, "{merged:?}");
        assert!(merged.iter().all(|(_, undoable)| *undoable));
        world.run(world.engine.undo(Undo::Run(run))).unwrap();
        world.has(Source, "a", Some("ONE\ntwo\nthree\n"));
        world.has(Destination, "a", Some("one\ntwo\nTHREE\n"));
        world.still();
    }
}

#[test]
fn what_an_editor_writes_into_a_file_that_was_set_aside_comes_back() {
    for seed in SEEDS {
        let world = World::new(seed);
        for name in ["a", "b"] {
            world.write(Source, name, "one");
        }
        world.sync();
        for name in ["a", "b"] {
            world.write(Source, name, "three");
        }
        let storage = world.sides.destination.clone();
        let mut late = Some(Bytes::from_static(b"written late"));
        world
            .sides
            .destination
            .on_operation(Box::new(move |what, at| {
                if what == "commit" && at.as_str() == "b" {
                    let late = late.take().unwrap_or_default();
                    assert!(late.is_empty() || storage.write_into_version(&path("a"), &late));
                }
            }));
        world.sync();
        world.both_have("a", Some("three"));
        assert!(
            has_copy(&world, "written late"),
            "{:?}",
            world.paths(Source)
        );
        world.still();
    }
}

#[test]
fn what_an_editor_writes_into_a_file_that_was_replaced_and_not_kept_comes_back_too() {
    for seed in SEEDS {
        let world = World::with(seed, |o| o.versions.keep = false);
        world.write(Source, "a", "one");
        world.sync();
        world.write(Source, "a", "three");
        let storage = world.sides.destination.clone();
        let mut late = Some(Bytes::from_static(b"written late"));
        world
            .sides
            .destination
            .on_operation(Box::new(move |what, at| {
                if what == "commit"
                    && at.as_str() == "a"
                    && let Some(late) = late.take()
                {
                    assert!(storage.write_into_replaced(&path("a"), &late));
                }
            }));
        world.sync();
        world.both_have("a", Some("three"));
        assert!(
            has_copy(&world, "written late"),
            "{:?}",
            world.paths(Source)
        );
        let versions = world.run(world.engine.versions(Some("a"))).unwrap();
        assert!(versions.iter().any(|v| v.displaced), "{versions:?}");
        world.still();
    }
}

/// Whether both sides have a conflict copy of this content.
fn has_copy(world: &World, content: &str) -> bool {
    Side::BOTH.into_iter().all(|side| {
        let paths = world.paths(side);
        let mut copies = paths.iter().filter(|p| p.contains("conflict"));
        copies.any(|p| world.text(side, p).as_deref() == Some(content))
    })
}

#[test]
fn what_was_written_into_a_version_comes_back_before_it_is_pruned() {
    for seed in SEEDS {
        let world = World::new(seed);
        world.write(Source, "a", "one");
        world.sync();
        world.write(Source, "a", "three");
        world.sync();
        let late = Bytes::from_static(b"written late");
        assert!(
            world
                .sides
                .destination
                .write_into_version(&path("a"), &late)
        );
        world.environment.advance(Duration::from_secs(40 * DAY));
        world.run(world.engine.prune_versions()).unwrap();
        world.sync();
        assert!(has_copy(&world, "written late"));
        world.still();
    }
}

/// Conflict copies on a side.
fn copies(world: &World, side: Side) -> Vec<String> {
    let mut paths = world.paths(side);
    paths.retain(|p| p.contains("conflict"));
    paths
}

#[test]
fn what_came_back_from_a_version_comes_back_once() {
    for seed in SEEDS {
        let world = World::new(seed);
        world.write(Source, "a", "one");
        world.sync();
        world.write(Source, "a", "three");
        // In every other world it is noticed at once, and else before it is pruned.
        let late = Bytes::from_static(b"written late");
        let storage = world.sides.destination.clone();
        if seed % 2 == 0 {
            let late = late.clone();
            let storage = storage.clone();
            world.write(Source, "b", "another of the group");
            world
                .sides
                .destination
                .on_operation(Box::new(move |what, at| {
                    if what == "commit" && at.as_str() == "b" {
                        storage.write_into_version(&path("a"), &late);
                    }
                }));
        }
        world.sync();
        world.sides.destination.clear_hook();
        if seed % 2 == 1 {
            assert!(storage.write_into_version(&path("a"), &late));
        }
        for _ in 0..3 {
            world.environment.advance(Duration::from_secs(40 * DAY));
            world.run(world.engine.prune_versions()).unwrap();
            world.sync();
        }
        assert_eq!(copies(&world, Source).len(), 1, "{:?}", world.paths(Source));
        assert!(has_copy(&world, "written late"));
        // Nobody else has it but the version, which stays.
        let copy = copies(&world, Source).remove(0);
        world.delete(Source, &copy);
        world.sync();
        world.environment.advance(Duration::from_secs(40 * DAY));
        world.run(world.engine.prune_versions()).unwrap();
        world.still();
        assert_eq!(copies(&world, Source), [""; 0]);
        assert!(world.is_kept(Destination, "written late"));
    }
}

#[test]
fn a_conflict_copy_of_what_has_no_time_tells_when_it_was_seen() {
    for seed in SEEDS {
        let world = World::shaped(
            seed,
            |_| {},
            |_| {
                let capabilities = Capabilities {
                    mtime: false,
                    ..capabilities(Ids::Strong)
                };
                let habits = Habits {
                    shows_upload_time: false,
                    ..Habits::plain(&capabilities)
                };
                (capabilities, habits)
            },
        );
        world.write(Source, "a", "base");
        world.sync();
        world.write(Source, "a", "mine");
        world.write(Destination, "a", "yours");
        world.sync();
        assert!(has_copy(&world, "mine"), "{:?}", world.paths(Source));
        let paths = world.paths(Source);
        assert!(!paths.iter().any(|p| p.contains("1970")), "{paths:?}");
        world.still();
    }
}

#[test]
fn a_conflict_copy_does_not_tell_when_a_server_got_it() {
    for seed in SEEDS {
        let world = World::shaped(
            seed,
            |_| {},
            |_| {
                let capabilities = Capabilities {
                    mtime: false,
                    ..capabilities(Ids::Strong)
                };
                let habits = Habits {
                    shows_upload_time: true,
                    ..Habits::plain(&capabilities)
                };
                (capabilities, habits)
            },
        );
        world.write(Source, "a", "base");
        world.sync();
        world.write(Source, "a", "mine");
        world.write(Destination, "a", "yours");
        world.environment.advance(Duration::from_secs(7_200));
        let (year, month, day, hour, minute, second) = world.environment.now().civil();
        let seen = format!("{year:04}-{month:02}-{day:02} {hour:02}{minute:02}{second:02}");
        world.sync();
        assert!(has_copy(&world, "mine"), "{:?}", world.paths(Source));
        let paths = world.paths(Source);
        let told = paths.iter().find_map(|p| p.strip_prefix("a (conflict "));
        assert!(told.unwrap() > seen.as_str(), "{paths:?}, seen at {seen}");
        world.still();
    }
}

#[test]
fn what_is_in_step_is_counted_whatever_becomes_of_it() {
    for seed in SEEDS {
        let mut world = World::new(seed);
        let mut rng = Rng::new(seed);
        for round in 0..20 {
            for side in Side::BOTH {
                for edit in world.sides[side].random_edits(&mut rng, 6) {
                    world.environment.advance(Duration::from_secs(1));
                    world.sides[side].edit(&edit);
                }
            }
            world.sync();
            world.sync();
            let known = world.engine.summary().unwrap().items;
            world.restart(|_| {});
            let counted = world.engine.summary().unwrap().items;
            assert_eq!(known, counted, "round {round}: {:?}", world.paths(Source));
        }
    }
}
