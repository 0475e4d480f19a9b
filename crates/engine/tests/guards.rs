//! What is held for a person, and what an approval lets pass.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::{Destination, SEEDS, Source, World, capabilities, path, turns};
use futures_util::future::join;
use tandem_core::capabilities::{Capabilities, Ids};
use tandem_core::policy::Mode;
use tandem_core::side::Side;
use tandem_engine::report::Rejection;
use tandem_engine::setup::PairOptions;
use tandem_testkit::sim::{Edit, FolderRevisions, Habits};

/// A mirror whose follower has files of its own that a pattern leaves out.
fn mirror_with_ignored(seed: u64) -> World {
    let world = World::with(seed, |o| {
        o.policy.mode = Mode::SourceToDestination;
        o.filter.patterns = vec!["*.log".to_owned()];
    });
    for i in 0..20 {
        world.write(Source, &format!("{i}"), "sent");
    }
    world.folder(Source, "f");
    world.write(Destination, "own.log", "mine");
    world.sync();
    world.write(Destination, "f/own.log", "mine too");
    world.sync();
    world
}

/// syncthing/syncthing#6038: taking a pattern back carried a delete of what it had covered.
#[test]
fn what_a_filter_lets_in_again_on_a_mirror_is_held() {
    for seed in SEEDS {
        let mut world = mirror_with_ignored(seed);
        world.restart(|o| o.filter.patterns.clear());
        world.edit(Source, &Edit::Delete { path: path("f") });
        world.delete(Source, "3");
        assert_eq!(world.sync().held, 1);
        world.has(Destination, "own.log", Some("mine"));
        world.has(Destination, "f/own.log", Some("mine too"));
        world.has(Destination, "3", None);
        let held = world.engine.held().unwrap();
        assert_eq!(
            (held[0].guard.as_str(), held[0].count),
            ("first_mirror_deletes", 3)
        );
        assert_eq!(world.sync().held, 1, "it stays held");
        world
            .run(world.engine.reject(&held[0].id, Rejection::Detach))
            .unwrap();
        world.still();
        world.has(Destination, "own.log", Some("mine"));
        world.has(Destination, "f/own.log", Some("mine too"));
        world.write(Destination, "later", "mine");
        assert_eq!(world.sync().held, 0, "the filter is known by now");
        world.has(Destination, "later", None);
    }
}

#[test]
fn deletes_of_what_was_edited_since_they_were_approved_are_asked_for_again() {
    for seed in SEEDS {
        let world = World::with(seed, |o| {
            o.policy.mode = Mode::SourceToDestination;
            o.guards.deletes = 5;
        });
        for i in 0..20 {
            world.write(Source, &format!("{i}"), "sent");
        }
        world.sync();
        for i in 0..15 {
            world.delete(Source, &format!("{i}"));
        }
        world.sync();
        approve_only(&world, "mass_delete");
        for i in 0..15 {
            world.write(Destination, &format!("{i}"), "edited since");
        }
        assert_eq!(world.sync().held, 1);
        for i in 0..15 {
            world.has(Destination, &format!("{i}"), Some("edited since"));
        }
    }
}

/// A mirror on which any delete is held, and whose folders have a revision that what is in them changes.
fn mirror_that_holds(seed: u64) -> World {
    let change = |o: &mut PairOptions| {
        o.policy.mode = Mode::SourceToDestination;
        o.guards.deletes = 1;
    };
    let world = World::shaped(seed, change, |_| {
        let capabilities = capabilities(Ids::Hint);
        let habits = Habits {
            folder_revisions: FolderRevisions::Children,
            ..Habits::plain(&capabilities)
        };
        (capabilities, habits)
    });
    world.folder(Source, "f");
    for name in ["f/0", "f/1", "kept"] {
        world.write(Source, name, "sent");
    }
    world.sync();
    world.edit(Source, &Edit::DeleteTree { path: path("f") });
    world.sync();
    world
}

/// What comes and goes in a folder gives it another revision.
#[test]
fn an_approval_to_delete_a_folder_holds_while_that_is_the_one() {
    for seed in SEEDS {
        let world = mirror_that_holds(seed);
        approve_only(&world, "mass_delete");
        world.write(Destination, "f/passing", "by");
        world.delete(Destination, "f/passing");
        assert_eq!(world.sync().held, 0);
        world.has(Destination, "f", None);
        world.still();
    }
}

#[test]
fn a_folder_that_is_asked_for_again_with_what_is_in_it_waits_for_that_answer() {
    for seed in SEEDS {
        let world = mirror_that_holds(seed);
        approve_only(&world, "mass_delete");
        world.write(Destination, "f/0", "edited since");
        assert_eq!(world.sync().held, 1);
        world.has(Destination, "f/1", None);
        world.delete(Destination, "f/0");
        assert_eq!(world.sync().held, 1);
        assert!(world.paths(Destination).contains(&"f".to_owned()));
        approve_only(&world, "mass_delete");
        assert_eq!(world.sync().held, 0);
        assert!(!world.paths(Destination).contains(&"f".to_owned()));
    }
}

#[test]
fn another_root_that_was_approved_begins_without_deletes() {
    for seed in SEEDS {
        let mut world = World::with(seed, |o| {
            o.policy.mode = Mode::SourceToDestination;
            o.guards.deletes = 100;
        });
        for i in 0..20 {
            world.write(Source, &format!("{i}"), "sent");
        }
        world.sync();
        world.still();
        world.replace(Source);
        world.write(Source, "3", "sent");
        assert_eq!(world.sync().held, 1);
        let held = world.engine.held().unwrap();
        assert_eq!(held[0].guard, "root_replaced");
        world.run(world.engine.approve(&held[0].id)).unwrap();
        world.sync();
        let held = world.engine.held().unwrap();
        assert_eq!(held[0].guard, "first_mirror_deletes");
        world.has(Destination, "4", Some("sent"));
    }
}

/// Twenty files in step, of which six are gone from the source.
fn six_of_twenty_gone(seed: u64) -> World {
    let world = World::with(seed, |o| o.guards.deletes = 5);
    for i in 0..20 {
        world.write(Source, &format!("{i}"), "sent");
    }
    world.sync();
    world.still();
    for i in 0..6 {
        world.delete(Source, &format!("{i}"));
    }
    world
}

/// nextcloud/desktop#9292, nextcloud/desktop#7450, nextcloud/desktop#207: asked again and again about the same
/// deletes.
#[test]
fn deletes_stay_held_while_other_things_are_carried() {
    for seed in SEEDS {
        let world = six_of_twenty_gone(seed);
        assert_eq!(world.sync().held, 1);
        let (id, guard) = only_hold(&world);
        assert_eq!(guard, "mass_delete");
        for i in 20..40 {
            world.write(Source, &format!("{i}"), "more");
        }
        assert_eq!(world.sync().held, 1, "seed {seed}");
        world.has(Destination, "39", Some("more"));
        for i in 0..6 {
            world.has(Destination, &format!("{i}"), Some("sent"));
        }
        assert_eq!(only_hold(&world).0, id, "it is the same question");
        approve_only(&world, "mass_delete");
        assert_eq!(world.sync().held, 0);
        world.has(Destination, "0", None);
    }
}

#[test]
fn deletes_are_measured_without_what_is_carried_beside_them() {
    for seed in SEEDS {
        let world = six_of_twenty_gone(seed);
        for i in 20..40 {
            world.write(Source, &format!("{i}"), "more");
        }
        assert_eq!(world.sync().held, 1, "seed {seed}");
        world.has(Destination, "39", Some("more"));
        for i in 0..6 {
            world.has(Destination, &format!("{i}"), Some("sent"));
        }
    }
}

#[test]
fn deletes_of_one_pass_count_together() {
    for seed in SEEDS {
        // Of 44 eleven are a quarter: 0 is edited in time.
        let world = World::with(seed, |o| o.guards.deletes = 5);
        for i in 0..44 {
            world.write(Source, &format!("{i}"), "sent");
        }
        world.sync();
        world.still();
        for i in 0..4 {
            world.delete(Source, &format!("{i}"));
        }
        // While these are carried the others go too, and an edit is seen that makes the pass look again.
        let sides = world.sides.clone();
        let mut is_first = true;
        world.sides[Destination].on_operation(Box::new(move |operation, _| {
            if operation != "delete" || !std::mem::take(&mut is_first) {
                return;
            }
            let write = |name: &str| Edit::Write {
                path: path(name),
                content: "by now".into(),
            };
            for i in 4..12 {
                let path = path(&format!("{i}"));
                sides[Source].edit(&Edit::Delete { path });
            }
            for name in ["new", "newer", "newest"] {
                sides[Source].edit(&write(name));
            }
            sides[Destination].edit(&write("0"));
        }));
        let summary = world.sync();
        assert_eq!(summary.held, 1, "seed {seed}");
        world.has(Destination, "11", Some("sent"));
    }
}

fn only_hold(world: &World) -> (String, String) {
    let held = world.engine.held().unwrap();
    assert_eq!(held.len(), 1, "{held:?}");
    (held[0].id.clone(), held[0].guard.clone())
}

fn approve_only(world: &World, guard: &str) {
    let (id, tripped) = only_hold(world);
    assert_eq!(tripped, guard);
    world.run(world.engine.approve(&id)).unwrap();
}

#[test]
fn space_is_asked_for_each_time() {
    for seed in SEEDS {
        let world = World::with(seed, |o| o.guards.free_space = 1 << 41);
        world.write(Source, "a", "some");
        assert_eq!(world.sync().held, 1);
        world.has(Destination, "a", None);
        approve_only(&world, "free_space");
        world.sync();
        world.both_have("a", Some("some"));
        world.write(Source, "b", "some");
        assert_eq!(world.sync().held, 1);
        approve_only(&world, "free_space");
        world.write(Source, "c", &"much more ".repeat(10));
        assert_eq!(world.sync().held, 1, "more than was approved");
        world.has(Destination, "b", None);
    }
}

#[test]
fn what_is_held_of_a_first_pass_in_parts_was_planned() {
    for seed in SEEDS {
        let world = World::with(seed, |o| {
            o.guards.free_space = 1 << 41;
            o.limits.planned_together = 4;
        });
        for n in 0..3 {
            world.folder(Source, &format!("folder {n}"));
        }
        for n in 0..20 {
            world.write(Source, &format!("folder {}/{n}", n % 3), "some");
        }
        assert_eq!(world.sync().held, 1);
        let held = world.engine.held().unwrap();
        let needed = ("needed".to_owned(), "80".to_owned());
        assert!(held[0].evidence.contains(&needed));
        assert!(!held[0].actions.is_empty());
        approve_only(&world, "free_space");
        assert_eq!(world.sync().done, 23);
        world.both_have("folder 1/7", Some("some"));
        world.still();
    }
}

#[test]
fn other_deletes_count_on_after_an_approval() {
    for seed in SEEDS {
        let world = World::with(seed, |o| {
            o.guards.deletes = 10;
            o.guards.delete_percent = 10;
        });
        for i in 0..40 {
            world.write(Source, &format!("{i}"), &format!("content {i}"));
        }
        world.sync();
        let delete = |range: std::ops::Range<u32>| {
            range.for_each(|i| world.delete(Source, &i.to_string()));
            world.sync().held
        };
        assert_eq!(delete(0..7), 0);
        assert_eq!(delete(7..13), 1);
        approve_only(&world, "mass_delete");
        assert_eq!(world.sync().held, 0);
        assert_eq!(delete(13..15), 0, "what was approved does not count");
        assert_eq!(delete(15..17), 1, "what was not does");
    }
}

/// A root without a proof of what it is, whose items are all gone.
fn emptied(seed: u64) -> World {
    let world = World::weak(seed, |o| {
        o.guards.delete_all = 1000;
        o.filter.patterns = vec!["*.tmp".to_owned()];
    });
    for i in 0..4 {
        world.write(Source, &format!("{i}"), "content");
    }
    world.write(Source, "left.tmp", "not carried");
    world.sync();
    for i in 0..4 {
        world.delete(Source, &format!("{i}"));
    }
    world
}

#[test]
fn what_a_filter_leaves_out_does_not_prove_a_root() {
    for seed in SEEDS {
        let world = emptied(seed);
        assert_eq!(world.sync().held, 1);
        world.has(Destination, "3", Some("content"));
        approve_only(&world, "root_empty");
        world.sync();
        world.has(Destination, "3", None);
        world.still();
    }
}

/// rclone/rclone#5164: another filter looked like a mass delete.
#[test]
fn a_filter_that_leaves_out_everything_does_not_empty_a_root() {
    for seed in SEEDS {
        let mut world = World::weak(seed, |_| {});
        world.write(Source, "a", "content");
        world.sync();
        world.restart(|o| o.filter.patterns = vec!["*".to_owned()]);
        assert_eq!(world.sync().held, 0);
        world.both_have("a", Some("content"));
    }
}

#[test]
fn a_root_that_a_hint_shows_empty_is_held() {
    for seed in SEEDS {
        let world = World::weak(seed, |o| o.guards.delete_all = 1000);
        for i in 0..4 {
            world.write(Source, &format!("{i}"), "content");
        }
        let at = Duration::from_secs(60);
        let (storage, sleep) = (
            world.sides[Source].clone(),
            world.environment.shared().sleep(at),
        );
        let deletes = async {
            sleep.await;
            for i in 0..4 {
                storage.edit(&Edit::Delete {
                    path: path(&i.to_string()),
                });
            }
        };
        world.live_with(Duration::from_secs(200), deletes);
        world.has(Destination, "3", Some("content"));
        assert_eq!(only_hold(&world).1, "root_empty");
    }
}

#[test]
fn folders_do_not_hide_that_everything_changed() {
    for seed in SEEDS {
        let world = World::new(seed);
        for i in 0..60 {
            world.folder(Source, &format!("{i}"));
            world.write(Source, &format!("{i}/a"), "content");
        }
        world.sync();
        for i in 0..60 {
            world.write(Source, &format!("{i}/a"), "garbage");
        }
        assert_eq!(world.sync().held, 1);
        assert_eq!(only_hold(&world).1, "everything_changed");
        world.has(Destination, "7/a", Some("content"));
    }
}

/// nextcloud/desktop#1238: the server came back from an old backup, and newer files were replaced.
#[test]
fn a_side_that_went_back_in_time_is_held() {
    for seed in SEEDS {
        let world = World::with(seed, |o| o.guards.edits = u64::MAX);
        let old = world.environment.shared().now();
        let write_old = || {
            for i in 0..30 {
                let at = format!("{i}");
                world.write(Source, &at, "the first content");
                world.edit(
                    Source,
                    &Edit::Touch {
                        path: path(&at),
                        mtime: old,
                    },
                );
            }
        };
        write_old();
        world.sync();
        for i in 0..30 {
            world.write(Source, &format!("{i}"), "the second content");
        }
        assert_eq!(world.sync().held, 0);
        world.still();
        write_old();
        assert_eq!(world.sync().held, 1);
        world.has(Destination, "7", Some("the second content"));
        approve_only(&world, "back_in_time");
        world.sync();
        world.both_have("7", Some("the first content"));
        world.still();
    }
}

#[test]
fn undoing_a_run_is_not_going_back_in_time() {
    for seed in SEEDS {
        let world = World::with(seed, |o| o.guards.edits = u64::MAX);
        for content in ["the first content", "the second content"] {
            for i in 0..30 {
                world.write(Source, &format!("{i}"), content);
            }
            assert_eq!(world.sync().held, 0);
        }
        for i in 0..30 {
            world
                .run(world.engine.restore(&format!("{i}"), None))
                .unwrap();
        }
        assert_eq!(world.sync().held, 0);
        world.both_have("7", Some("the first content"));
    }
}

/// syncthing/syncthing#2282: conflict copies filled the disk.
#[test]
fn copies_of_one_file_pile_up_only_so_far() {
    for seed in SEEDS {
        let world = World::with(seed, |o| o.guards.conflict_copies_of_one = 3);
        let conflict = |n: u32| {
            world.write(Source, "a", &format!("the source's {n}"));
            world.write(Destination, "a", &format!("the destination's {n}"));
            world.sync().held
        };
        world.write(Source, "b", "another");
        for n in 0..3 {
            assert_eq!(conflict(n), 0);
        }
        assert_eq!(conflict(3), 1);
        assert_eq!(world.paths(Source).len(), 5, "{:?}", world.paths(Source));
        approve_only(&world, "conflict_copies");
        world.sync();
        assert_eq!(world.paths(Destination).len(), 6);
        world.still();
    }
}

#[test]
fn what_was_approved_is_done_by_a_run_that_lets_deletes_rest_first() {
    for seed in SEEDS {
        let mut world = World::half_watched(seed);
        world.restart(|o| {
            o.guards.deletes = 10;
            o.limits.quiet = 200;
        });
        for i in 0..20 {
            world.write(Source, &format!("{i}"), "sent");
        }
        world.sync();
        for i in 0..15 {
            world.delete(Source, &format!("{i}"));
        }
        assert_eq!(world.sync().held, 1);
        approve_only(&world, "mass_delete");
        // Another process goes on: how long the names have been gone is not known there.
        world.restart(|_| {});
        world.live(Duration::from_secs(30));
        assert_eq!(world.engine.held().unwrap().len(), 0);
        world.has(Destination, "3", None);
        world.still();
    }
}

#[test]
fn what_a_follower_has_where_a_first_pass_could_not_look_is_held_later() {
    for seed in SEEDS {
        for side in Side::BOTH {
            let world = World::with(seed, |o| o.policy.mode = Mode::SourceToDestination);
            for at in Side::BOTH {
                world.folder(at, "private");
            }
            world.write(Source, "a", "sent");
            world.write(Destination, "private/own", "mine");
            assert!(world.sides[side].make_unreadable(&path("private")));
            assert_eq!(world.sync().held, 0);
            world.both_have("a", Some("sent"));
            world.sides[side].heal();
            assert_eq!(world.sync().held, 1);
            assert_eq!(only_hold(&world).1, "first_mirror_deletes");
            world.has(Destination, "private/own", Some("mine"));
        }
    }
}

#[test]
fn what_a_follower_has_that_was_being_written_in_a_first_pass_is_held_later() {
    for seed in SEEDS {
        let world = World::with(seed, |o| {
            o.policy.mode = Mode::SourceToDestination;
            o.limits.quiet = 20_000;
        });
        world.write(Source, "a", "sent");
        world.environment.advance(Duration::from_secs(60));
        world.write(Destination, "own", "mine");
        let storage = world.sides[Destination].clone();
        let clock = world.environment.shared();
        let writing = async {
            for n in 0..20 {
                clock.sleep(Duration::from_secs(1)).await;
                let content = Bytes::from(format!("mine {n}"));
                let path = path("own");
                assert!(storage.edit(&Edit::Write { path, content }));
            }
        };
        world.live_with(Duration::from_secs(600), writing);
        world.both_have("a", Some("sent"));
        assert_eq!(only_hold(&world).1, "first_mirror_deletes");
        world.has(Destination, "own", Some("mine 19"));
    }
}

/// A disk that is pulled out and put back, at every instant of a pass that has much to do.
#[test]
fn what_is_done_while_a_root_goes_away_is_done_again_once_it_is_back() {
    for side in Side::BOTH {
        for at in 0..120 {
            let world = World::new(at);
            for i in 0..8 {
                world.write(Source, &format!("{i}"), "content");
            }
            world.folder(Source, "folder");
            world.write(Source, "folder/in", "within");
            world.sync();
            world.delete(Source, "0");
            world.delete(Destination, "1");
            world.write(Source, "new here", "made here");
            world.write(Destination, "new there", "made there");
            world.write(Source, "2", "edited here");
            world.write(Destination, "3", "edited there");
            let (from, to) = (path("folder"), path("moved"));
            world.edit(Source, &Edit::Move { from, to });
            let away = async {
                turns(at).await;
                world.sides[side].unmount();
            };
            let _ended = world.run(join(world.engine.sync(), away));
            world.sides[side].mount();
            for _ in 0..3 {
                world.sync();
            }
            let held = world.engine.held().unwrap();
            assert!(held.is_empty(), "{side} away after {at} turns: {held:?}");
            let wanted = [
                ("0", None),
                ("1", None),
                ("2", Some("edited here")),
                ("3", Some("edited there")),
                ("4", Some("content")),
                ("new here", Some("made here")),
                ("new there", Some("made there")),
                ("folder/in", None),
                ("moved/in", Some("within")),
            ];
            for (name, content) in wanted {
                for seen in Side::BOTH {
                    let found = world.text(seen, name);
                    let log = world.log();
                    assert_eq!(
                        found.as_deref(),
                        content,
                        "{name} on the {seen}, {side} away after {at} turns: {log:#?}"
                    );
                }
            }
            world.still();
        }
    }
}

/// The same while the pair is kept in step: nothing but one hint tells that the disk is back.
#[test]
fn what_a_root_showed_before_it_went_away_is_looked_at_again_once_it_is_back() {
    for side in Side::BOTH {
        for at in 0..60 {
            let world = World::of(
                at,
                |_| {},
                |_| Capabilities {
                    waiting: true,
                    ..capabilities([Ids::None, Ids::Hint][at as usize % 2])
                },
            );
            for i in 0..8 {
                world.write(Source, &format!("{i}"), "content");
            }
            world.sync();
            world.write(Source, "new here", "made here");
            world.write(Destination, "new there", "made there");
            world.write(Source, "2", "edited here");
            world.write(Destination, "3", "edited there");
            let clock = world.environment.shared();
            let storage = world.sides[side].clone();
            let away = async {
                turns(at).await;
                storage.unmount();
                clock.sleep(Duration::from_secs(30)).await;
                storage.mount();
                let (path, content) = (path("hint"), Bytes::from_static(b"it is back"));
                assert!(storage.edit(&Edit::Write { path, content }));
            };
            world.live_with(Duration::from_secs(600), away);
            let wanted = [
                ("2", "edited here"),
                ("3", "edited there"),
                ("new here", "made here"),
                ("new there", "made there"),
                ("hint", "it is back"),
            ];
            for (name, content) in wanted {
                for seen in Side::BOTH {
                    let found = world.text(seen, name);
                    assert_eq!(
                        found.as_deref(),
                        Some(content),
                        "{name} on the {seen}, {side} away after {at} turns"
                    );
                }
            }
        }
    }
}
