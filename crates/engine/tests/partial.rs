//! What was not told whole is not taken for the whole: nothing is deleted for it (P10), and nothing missed (P15).

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::future::poll_fn;
use std::task::Poll;

use bytes::Bytes;
use common::{Destination, SEEDS, Source, World, capabilities, path};
use futures_util::future::join;
use tandem_core::capabilities::{Capabilities, Ids};
use tandem_core::policy::{ConflictPolicy, Mode};
use tandem_core::side::Side;
use tandem_engine::report::{ActionKind, Resolution};
use tandem_engine::setup::PairOptions;
use tandem_testkit::sim::{Edit, Fault, Faults, SimExecutor};

fn feeding(ids: Ids) -> Capabilities {
    Capabilities {
        feed: true,
        ..capabilities(ids)
    }
}

/// Two sides with feeds.
fn with_feeds(seed: u64, change: impl FnOnce(&mut PairOptions)) -> World {
    let ids = [Ids::Strong, Ids::None][seed as usize % 2];
    World::of(seed, change, |_| feeding(ids))
}

fn fill(world: &World) {
    world.folder(Source, "d");
    world.folder(Source, "d/e");
    for at in ["a", "b", "d/x", "d/e/y"] {
        world.write(Source, at, at);
    }
}

/// From now on each listing of a side stops before its end, without a word.
fn cut_listings(world: &World, side: Side) {
    world.sides[side].set_faults(Faults::of(&[(Fault::CutListing, 1000)]));
}

/// A pass in which a listing does not come to its end says so.
#[track_caller]
fn is_stopped(world: &World) {
    let cut = world.run(world.engine.sync());
    assert!(cut.is_err() || cut.unwrap().stopped.is_some());
}

#[test]
fn what_a_first_listing_that_was_cut_off_did_not_show_is_not_missed() {
    for seed in SEEDS {
        for side in Side::BOTH {
            let world = with_feeds(seed, |_| {});
            fill(&world);
            cut_listings(&world, side);
            is_stopped(&world);
            world.sides[side].heal();
            world.sync();
            world.both_have("a", Some("a"));
            world.both_have("d/e/y", Some("d/e/y"));
            world.still();
        }
    }
}

/// What could not be looked into is listed once more, and that listing is cut off.
#[test]
fn what_a_listing_of_a_part_that_was_cut_off_did_not_show_is_not_missed() {
    for seed in SEEDS {
        let world = with_feeds(seed, |_| {});
        fill(&world);
        world.sync();
        assert!(world.sides[Destination].make_unreadable(&path("d")));
        world.write(Destination, "d/e/new", "new");
        world.sync();
        world.sides[Destination].heal();
        cut_listings(&world, Destination);
        is_stopped(&world);
        world.sides[Destination].heal();
        world.sync();
        world.both_have("d/e/new", Some("new"));
        world.still();
    }
}

#[test]
fn a_folder_whose_listing_was_cut_off_is_looked_into_again() {
    for seed in SEEDS {
        let ids = [Ids::None, Ids::Hint, Ids::Strong][seed as usize % 3];
        let covering = |_| Capabilities {
            folder_revision_covers_subtree: true,
            ..capabilities(ids)
        };
        let world = World::of(seed, |_| {}, covering);
        fill(&world);
        world.sync();
        world.still();
        world.write(Destination, "d/e/y", "edited");
        cut_listings(&world, Destination);
        is_stopped(&world);
        world.sides[Destination].heal();
        world.sync();
        world.both_have("d/e/y", Some("edited"));
        world.still();
    }
}

/// A server may leave out of a listing what it shows when it is asked for it.
#[test]
fn what_a_listing_leaves_out_and_is_there_when_it_is_asked_for_is_not_gone() {
    for seed in SEEDS {
        for at in ["a", "d"] {
            for is_lost in [false, true] {
                let world = with_feeds(seed, |_| {});
                fill(&world);
                world.sync();
                let side = &world.sides[Destination];
                assert!(side.leave_out(&path(at)));
                if is_lost {
                    assert!(side.lose_access(&path(at)));
                }
                side.expire_cursors();
                for _ in 0..2 {
                    world.sync();
                    world.has(Source, "a", Some("a"));
                    world.has(Source, "d/e/y", Some("d/e/y"));
                    world.has(Destination, "a", Some("a"));
                    world.has(Destination, "d/e/y", Some("d/e/y"));
                }
                // Nor is it tried, for a last look alone to keep it from being done.
                let mut log = world.log().into_iter();
                assert!(!log.any(|line| line.action.kind == ActionKind::Delete));
                side.heal();
                world.sync();
                world.still();
            }
        }
    }
}

/// A look at one folder is none at all that another filter lets in.
#[test]
fn a_decision_under_another_filter_does_not_count_as_a_look_at_everything() {
    for seed in SEEDS {
        let mut world = with_feeds(seed, |o| {
            o.policy.conflict = ConflictPolicy::Manual;
            o.filter.patterns = vec!["x".to_owned()];
        });
        fill(&world);
        world.sync();
        world.has(Destination, "d/x", None);
        world.write(Source, "a", "the source's");
        world.write(Destination, "a", "the destination's, longer");
        world.sync();
        let id = world.engine.conflicts().unwrap()[0].id.clone();
        world.restart(|o| o.filter.patterns.clear());
        let decided = world.engine.resolve(&id, Resolution::Source);
        world.run(decided).unwrap();
        world.sync();
        world.both_have("d/x", Some("d/x"));
        world.still();
    }
}

/// Whatever changes beside it meanwhile: the rules of before count until they were read.
#[test]
fn rules_that_could_not_be_read_are_read_by_the_next_pass() {
    for seed in SEEDS {
        let world = with_feeds(seed, |_| {});
        fill(&world);
        world.sync();
        world.write(Source, ".tandemignore", "x1\n");
        let (storage, mut n) = (world.sides[Source].clone(), 0);
        world.sides[Source].on_operation(Box::new(move |operation, at| {
            if operation == "read" && at.as_str() == ".tandemignore" && n < 40 {
                n += 1;
                let content = Bytes::from(format!("x{n}\nleft-out\n"));
                let path = at.clone();
                assert!(storage.edit(&Edit::Write { path, content }));
            }
        }));
        let _ = world.run(world.engine.sync());
        world.sides[Source].clear_hook();
        world.sync();
        world.write(Source, "left-out", "1");
        world.still();
        world.has(Destination, "left-out", None);
    }
}

/// Also where only that side has them which nothing is carried from: no other copy is ever come across.
#[test]
fn rules_of_a_backup_that_could_not_be_read_are_read_by_the_next_pass() {
    for seed in SEEDS {
        let world = with_feeds(seed, |o| o.policy.mode = Mode::SourceBackup);
        fill(&world);
        world.sync();
        world.write(Destination, ".tandemignore", "left-out\n");
        world.sides[Destination].set_faults(Faults::of(&[(Fault::ShortRead, 1000)]));
        is_stopped(&world);
        world.sides[Destination].heal();
        world.sync();
        world.write(Source, "left-out", "1");
        world.still();
        world.has(Destination, "left-out", None);
    }
}

/// What of its own a mirror's follower has, where nobody could look in the first pass, is not deleted unasked later.
#[test]
fn a_file_of_the_followers_own_that_could_not_be_looked_at_is_held_later() {
    for seed in SEEDS {
        let world = World::with(seed, |o| o.policy.mode = Mode::SourceToDestination);
        world.write(Source, "a", "sent");
        world.write(Destination, "own", "mine");
        assert!(world.sides[Destination].lose_access(&path("own")));
        assert_eq!(world.sync().held, 0);
        world.both_have("a", Some("sent"));
        world.sides[Destination].heal();
        assert_eq!(world.sync().held, 1);
        world.has(Destination, "own", Some("mine"));
    }
}

/// The same where a file changed under the listing: of it the state has not even a row.
#[test]
fn a_file_of_the_followers_own_that_changed_whenever_it_was_listed_is_held_later() {
    for seed in SEEDS {
        let world = World::with(seed, |o| o.policy.mode = Mode::SourceToDestination);
        world.write(Source, "a", "sent");
        world.write(Destination, "own", "mine");
        assert!(world.sides[Destination].make_restless(&path("own")));
        assert_eq!(world.sync().held, 0);
        world.both_have("a", Some("sent"));
        world.sides[Destination].heal();
        assert_eq!(world.sync().held, 1);
        world.has(Destination, "own", Some("mine"));
    }
}

/// A mirror in step, whose follower has a file of its own in a folder of both: a filter leaves it out.
fn mirror_with_its_own(seed: u64) -> World {
    let world = with_feeds(seed, |o| {
        o.policy.mode = Mode::SourceToDestination;
        o.filter.patterns = vec!["own".to_owned()];
    });
    fill(&world);
    world.sync();
    world.write(Destination, "d/own", "mine");
    world.still();
    world
}

/// Another filter lets a file of the follower's own in, while a listing leaves out the folder that it is in.
#[test]
fn what_a_follower_has_in_a_folder_that_a_listing_left_out_is_held_later() {
    for seed in SEEDS {
        for side in Side::BOTH {
            let mut world = mirror_with_its_own(seed);
            assert!(world.sides[side].leave_out(&path("d")));
            world.restart(|o| o.filter.patterns.clear());
            assert_eq!(world.sync().held, 0);
            world.sides[side].heal();
            assert_eq!(world.sync().held, 1);
            world.has(Destination, "d/own", Some("mine"));
        }
    }
}

/// A version that is put back is looked at, and what it leads to carried; no more than that was seen with the new filter
/// then.
#[test]
fn what_another_filter_lets_in_is_held_though_a_version_was_put_back_first() {
    for seed in SEEDS {
        let mut world = mirror_with_its_own(seed);
        world.write(Source, "a", "edited");
        world.sync();
        world.restart(|o| o.filter.patterns.clear());
        world.run(world.engine.restore("a", None)).unwrap();
        world.sync();
        assert_eq!(world.engine.held().unwrap().len(), 1);
        world.has(Destination, "d/own", Some("mine"));
    }
}

/// The other side may have the same in it.
#[test]
fn what_moves_into_a_folder_that_cannot_be_looked_at_waits() {
    for seed in SEEDS {
        for shut in Side::BOTH {
            let world = World::new(seed);
            world.folder(Source, "shut");
            world.write(Source, "a", "moved");
            world.sync();
            assert!(world.sides[shut].make_unreadable(&path("shut")));
            let (from, to) = (path("a"), path("shut/a"));
            world.edit(shut.other(), &Edit::Move { from, to });
            assert_eq!(world.sync().failed, 0, "{:?}", world.log());
            world.sides[shut].heal();
            world.sync();
            world.both_have("a", None);
            world.both_have("shut/a", Some("moved"));
            world.still();
        }
    }
}

/// While something in a folder cannot be told, what else is in it stays.
#[test]
fn junk_stays_in_a_folder_of_which_not_all_is_shown() {
    for seed in SEEDS {
        let world = World::of(
            seed,
            |o| o.filter.defaults = true,
            |_| capabilities(Ids::None),
        );
        world.folder(Source, "f");
        world.write(Source, "f/a", "one");
        world.sync();
        world.write(Destination, "f/desktop.ini", "nobody saw it");
        world.edit(Source, &Edit::DeleteTree { path: path("f") });
        let storage = world.sides[Destination].clone();
        world.sides[Destination].on_operation(Box::new(move |what, at| {
            if what == "delete" && at.as_str() == "f/a" {
                let (path, content) = (path("f/secret"), Bytes::from_static(b"out of reach"));
                storage.edit(&Edit::Write {
                    path: path.clone(),
                    content,
                });
                storage.lose_access(&path);
            }
        }));
        world.sync();
        world.has(Destination, "f/desktop.ini", Some("nobody saw it"));
        world.has(Destination, "f/secret", Some("out of reach"));
    }
}

#[test]
fn a_delete_for_which_a_listing_was_cut_off_is_told() {
    for seed in SEEDS {
        let world = World::of(
            seed,
            |o| o.filter.defaults = true,
            |_| capabilities(Ids::None),
        );
        world.folder(Source, "f");
        world.write(Source, "f/a", "one");
        world.sync();
        world.write(Destination, "f/desktop.ini", "nobody saw it");
        world.edit(Source, &Edit::DeleteTree { path: path("f") });
        let storage = world.sides[Destination].clone();
        world.sides[Destination].on_operation(Box::new(move |what, at| {
            if what == "delete" && at.as_str() == "f/a" {
                storage.set_faults(Faults::of(&[(Fault::CutListing, 1000)]));
            }
        }));
        let _ = world.run(world.engine.sync());
        let told = |line: &tandem_engine::report::LogLine| {
            let error = line.error.as_deref().unwrap_or_default();
            error.contains("the listing ended early")
        };
        assert!(world.log().iter().any(told), "{:#?}", world.log());
        world.sides[Destination].clear_hook();
        world.sides[Destination].heal();
        world.sync();
        assert_eq!(world.paths(Destination), Vec::<String>::new());
    }
}

/// A source that is listed, and a destination with a feed; the source moved a folder, and somebody takes a file out of it
/// right before Tandem does so too.
fn taken_out(seed: u64) -> World {
    let world = World::of(
        seed,
        |_| {},
        |side| match side {
            Source => capabilities(Ids::Strong),
            Destination => feeding(Ids::None),
        },
    );
    fill(&world);
    world.sync();
    let (from, to) = (path("d"), path("f"));
    world.edit(Source, &Edit::Move { from, to });
    let (from, to) = (path("d/e/y"), path("y"));
    let edits = vec![Edit::Move { from, to }];
    world.edit_during(Destination, "move_to", Destination, edits);
    world
}

fn was_taken_out(world: &World) {
    world.both_have("f/x", Some("d/x"));
    world.both_have("f/e/y", None);
    world.both_have("y", Some("d/e/y"));
}

#[test]
fn a_pass_looks_into_what_it_moved_before_it_ends() {
    for seed in SEEDS {
        let world = taken_out(seed);
        world.sync();
        world.both_have("f/e/y", None);
        world.sync();
        was_taken_out(&world);
    }
}

#[test]
fn what_a_pass_moved_is_looked_into_though_the_program_ended() {
    for crash in 0..60 {
        let mut world = taken_out(1);
        let _ = SimExecutor::new(&world.environment)
            .crash_at(Some(crash))
            .run(world.engine.sync());
        world.sides[Destination].clear_hook();
        world.restart(|_| {});
        world.sync();
        world.sync();
        assert_eq!(world.paths(Source), world.paths(Destination), "{crash}");
        world.still();
    }
}

/// On sides where what did not change is not listed.
#[test]
fn what_moves_while_a_pass_looks_is_found_at_any_instant() {
    for instant in (0..120).step_by(3) {
        let covering = |_| Capabilities {
            folder_revision_covers_subtree: true,
            ..capabilities(Ids::Hint)
        };
        let world = World::of(1, |_| {}, covering);
        fill(&world);
        world.sync();
        world.still();
        world.write(Destination, "d/e/y", "edited");
        let mut polls = 0;
        let moved = poll_fn(|context| {
            context.waker().wake_by_ref();
            polls += 1;
            if polls <= instant {
                return Poll::Pending;
            }
            let (from, to) = (path("d/e"), path("g"));
            assert!(world.sides[Destination].edit(&Edit::Move { from, to }));
            Poll::Ready(())
        });
        let passed = world.run(async { join(world.engine.sync(), moved).await.0 });
        passed.unwrap();
        world.sync();
        world.sync();
        world.both_have("g/y", Some("edited"));
        world.both_have("d/e/y", None);
        world.still();
    }
}
