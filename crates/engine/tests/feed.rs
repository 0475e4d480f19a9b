//! Sides that tell what changed: they are listed once, and then what they tell is believed, however it comes.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::time::Duration;

use common::{Destination, SEEDS, Source, World, capabilities, path};
use tandem_core::capabilities::{Capabilities, Ids, NameRules};
use tandem_core::policy::Mode;
use tandem_core::side::Side;
use tandem_engine::setup::PairOptions;
use tandem_testkit::sim::{Edit, Fault, Faults, FolderRevisions, Habits, SimExecutor};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Both sides have feeds: by id or by path, telling a moved folder alone or all in it, with few lines at a time.
fn with_feeds(seed: u64, change: impl FnOnce(&mut PairOptions), waiting: bool) -> World {
    World::shaped(seed, change, |side| feeding(seed, side, waiting))
}

fn feeding(seed: u64, side: Side, waiting: bool) -> (Capabilities, Habits) {
    let kind = (seed as usize + usize::from(side == Source)) % 4;
    let ids = [Ids::Strong, Ids::Strong, Ids::Strong, Ids::None][kind];
    let capabilities = Capabilities {
        feed: true,
        waiting,
        ..capabilities(ids)
    };
    let habits = Habits {
        feed_by_id: kind < 2,
        feed_root_by_id: kind == 0,
        feed_tells_folder_alone: kind == 0,
        page: 3,
        ..Habits::plain(&capabilities)
    };
    (capabilities, habits)
}

/// In step, with a few files and folders.
fn in_step(seed: u64) -> World {
    in_step_where(seed, |_| {})
}

/// The same, on sides with these habits.
fn in_step_where(seed: u64, change: impl Fn(&mut Habits)) -> World {
    let world = World::shaped(
        seed,
        |_| {},
        |side| {
            let (capabilities, mut habits) = feeding(seed, side, false);
            change(&mut habits);
            (capabilities, habits)
        },
    );
    fill(&world);
    world
}

fn fill(world: &World) {
    world.folder(Source, "d");
    world.folder(Source, "d/e");
    for at in ["a", "b", "d/x", "d/e/y"] {
        world.write(Source, at, at);
    }
    world.sync();
    world.still();
}

/// From now on no listing comes to its end.
fn without_listings(world: &World, side: Side) {
    world.sides[side].set_faults(Faults::of(&[(Fault::PartialListing, 1000)]));
}

fn moved(world: &World, side: Side, from: &str, to: &str) {
    let (from, to) = (path(from), path(to));
    world.edit(side, &Edit::Move { from, to });
}

#[test]
fn what_it_tells_is_carried_without_a_listing() {
    for seed in SEEDS {
        let world = in_step(seed);
        for side in Side::BOTH {
            without_listings(&world, side);
        }
        world.write(Destination, "d/x", "edited");
        world.write(Destination, "d/e/new", "new");
        world.delete(Destination, "a");
        moved(&world, Destination, "b", "d/moved");
        world.sync();
        world.both_have("d/x", Some("edited"));
        world.both_have("d/e/new", Some("new"));
        world.both_have("a", None);
        world.both_have("b", None);
        world.both_have("d/moved", Some("b"));
        world.still();
    }
}

#[test]
fn what_tandem_did_itself_is_nothing_new() {
    for seed in SEEDS {
        let world = in_step(seed);
        without_listings(&world, Destination);
        world.write(Source, "d/x", "edited");
        world.write(Source, "new", "new");
        world.delete(Source, "b");
        world.sync();
        world.still();
        world.both_have("d/x", Some("edited"));
        world.both_have("b", None);
    }
}

#[test]
fn lines_come_twice_and_in_any_order() {
    for seed in SEEDS {
        let world = in_step(seed);
        let faults = [(Fault::FeedTwice, 1000), (Fault::FeedReordered, 1000)];
        world.sides[Destination].set_faults(Faults::of(&faults));
        world.folder(Destination, "new");
        world.folder(Destination, "new/deep");
        world.write(Destination, "new/deep/file", "1");
        moved(&world, Destination, "d/e", "new/e");
        moved(&world, Destination, "d", "new/deep/d");
        moved(&world, Destination, "a", "d");
        world.sync();
        world.both_have("new/deep/file", Some("1"));
        world.both_have("new/e/y", Some("d/e/y"));
        world.both_have("new/deep/d/x", Some("d/x"));
        world.both_have("d", Some("a"));
        world.both_have("a", None);
        world.still();
    }
}

#[test]
fn a_moved_folder_leaves_its_old_place_and_keeps_what_is_in_it() {
    for seed in SEEDS {
        let world = in_step(seed);
        moved(&world, Destination, "d", "f");
        world.write(Destination, "f/e/y", "edited");
        world.sync();
        assert_eq!(
            world.paths(Source),
            ["a", "b", "f", "f/e", "f/e/y", "f/x"].map(str::to_owned)
        );
        world.both_have("f/e/y", Some("edited"));
        world.still();
    }
}

#[test]
fn two_items_that_changed_places_are_both_kept() {
    for seed in SEEDS {
        let world = in_step(seed);
        let (a, b) = (path("a"), path("b"));
        world.edit(Destination, &Edit::Swap { a, b });
        world.sync();
        world.both_have("a", Some("b"));
        world.both_have("b", Some("a"));
        world.still();
    }
}

#[test]
fn a_removed_folder_takes_all_below_with_it() {
    for seed in SEEDS {
        let world = in_step(seed);
        let d = path("d");
        world.edit(Destination, &Edit::DeleteTree { path: d });
        without_listings(&world, Destination);
        world.sync();
        assert_eq!(world.paths(Source), ["a", "b"].map(str::to_owned));
        world.still();
    }
}

#[test]
fn a_line_that_comes_late_is_taken_when_it_comes() {
    for seed in SEEDS {
        let world = in_step(seed);
        world.sides[Destination].set_faults(Faults::of(&[(Fault::FeedLate, 1000)]));
        world.write(Destination, "a", "edited");
        moved(&world, Destination, "d/x", "x");
        world.still();
        world.sides[Destination].heal();
        world.sync();
        world.both_have("a", Some("edited"));
        world.both_have("x", Some("d/x"));
        world.both_have("d/x", None);
        world.still();
    }
}

#[test]
fn a_line_that_never_comes_is_made_up_for_by_a_full_look() {
    for (limit, after) in [(7 * 24 * 3600, DAY * 8), (60, Duration::from_secs(61))] {
        for seed in SEEDS {
            let world = with_feeds(seed, |o| o.limits.full_look = limit, false);
            fill(&world);
            world.sides[Destination].set_faults(Faults::of(&[(Fault::FeedLate, 1000)]));
            world.write(Destination, "a", "edited");
            world.still();
            world.sides[Destination].set_faults(Faults::none());
            world.still();
            world.environment.advance(after);
            world.sync();
            world.both_have("a", Some("edited"));
        }
    }
}

/// A folder that cannot be deleted holds something, though no line told of it.
#[test]
fn what_a_folder_holds_that_is_to_be_deleted_is_found_without_a_line() {
    for seed in SEEDS {
        let world = in_step(seed);
        world.sides[Source].set_faults(Faults::of(&[(Fault::FeedLate, 1000)]));
        world.write(Source, "d/e/new", "new");
        world.still();
        world.sides[Source].set_faults(Faults::none());
        world.delete(Destination, "d/e/y");
        world.delete(Destination, "d/e");
        world.sync();
        world.both_have("d/e/new", Some("new"));
        world.both_have("d/e/y", None);
        world.still();
    }
}

#[test]
fn lost_access_is_shown_and_deletes_nothing() {
    for seed in SEEDS {
        let world = in_step(seed);
        assert!(world.sides[Destination].lose_access(&path("d")));
        world.still();
        world.has(Source, "d/e/y", Some("d/e/y"));
        assert_eq!(world.engine.problems().unwrap().len(), 1);
        world.write(Source, "d/x", "edited");
        world.sync();
        world.has(Source, "d/x", Some("edited"));
        world.sides[Destination].heal();
        world.sync();
        world.both_have("d/x", Some("edited"));
        world.both_have("d/e/y", Some("d/e/y"));
        world.still();
        assert_eq!(world.engine.problems().unwrap(), []);
    }
}

#[test]
fn what_changed_out_of_reach_is_seen_when_it_is_back() {
    for seed in SEEDS {
        let world = in_step(seed);
        assert!(world.sides[Destination].lose_access(&path("d")));
        world.still();
        world.write(Destination, "d/e/y", "edited");
        world.sides[Destination].heal();
        world.sync();
        world.both_have("d/e/y", Some("edited"));
        world.still();
    }
}

#[test]
fn an_expired_cursor_leads_to_a_listing_and_to_no_delete_that_is_none() {
    for seed in SEEDS {
        let world = in_step(seed);
        world.write(Destination, "a", "edited");
        world.delete(Destination, "b");
        assert!(world.sides[Destination].lose_access(&path("d/x")));
        world.sides[Destination].expire_cursors();
        world.sync();
        world.both_have("a", Some("edited"));
        world.both_have("b", None);
        world.has(Source, "d/x", Some("d/x"));
        world.sides[Destination].heal();
        world.still();
        world.both_have("d/x", Some("d/x"));
    }
}

#[test]
fn a_batch_that_could_not_be_taken_whole_is_read_again() {
    for seed in SEEDS {
        let world = in_step(seed);
        world.folder(Destination, "new");
        world.write(Destination, "new/file", "1");
        world.write(Destination, "a", "edited");
        without_listings(&world, Destination);
        assert!(world.run(world.engine.sync()).is_err());
        world.has(Source, "a", Some("a"));
        world.sides[Destination].heal();
        world.sync();
        world.both_have("a", Some("edited"));
        world.both_have("new/file", Some("1"));
        world.still();
    }
}

#[test]
fn another_filter_is_followed_although_no_line_tells_of_what_it_lets_in() {
    for seed in SEEDS {
        let mut world = with_feeds(seed, |o| o.filter.patterns = vec!["x".to_owned()], false);
        fill(&world);
        world.has(Destination, "d/x", None);
        world.restart(|o| o.filter.patterns.clear());
        world.sync();
        world.both_have("d/x", Some("d/x"));
        world.write(Destination, ".tandemignore", "later");
        world.sync();
        world.write(Source, "d/later", "1");
        world.still();
        world.delete(Destination, ".tandemignore");
        world.sync();
        world.both_have("d/later", Some("1"));
        world.still();
    }
}

#[test]
fn a_side_that_tells_of_nothing_left_is_held_for_as_long_as_it_is_not_proven() {
    for seed in SEEDS {
        let world = World::shaped(
            seed,
            |_| {},
            |_| {
                let capabilities = Capabilities {
                    feed: true,
                    ..capabilities(Ids::None)
                };
                let habits = Habits {
                    marker: false,
                    ..Habits::plain(&capabilities)
                };
                (capabilities, habits)
            },
        );
        fill(&world);
        world.delete(Destination, "a");
        world.delete(Destination, "b");
        let path = path("d");
        world.edit(Destination, &Edit::DeleteTree { path });
        for _ in 0..2 {
            assert_eq!(world.sync().held, 1);
            world.has(Source, "a", Some("a"));
        }
    }
}

#[test]
fn while_tandem_runs_a_hint_of_the_feed_is_enough() {
    for seed in SEEDS {
        let world = with_feeds(seed, |_| {}, true);
        fill(&world);
        let sides = world.sides.clone();
        let sleep = world.environment.shared().sleep(Duration::from_secs(5));
        for side in Side::BOTH {
            without_listings(&world, side);
        }
        world.live_with(Duration::from_secs(30), async move {
            sleep.await;
            let edit = Edit::Write {
                path: path("d/e/y"),
                content: "edited".into(),
            };
            assert!(sides.destination.edit(&edit));
        });
        world.both_have("d/e/y", Some("edited"));
    }
}

#[test]
fn a_state_from_before_feeds_were_read_is_kept_aside_and_goes_on() {
    for seed in SEEDS {
        let mut world = in_step(seed);
        let folder =
            std::env::temp_dir().join(format!("tandem-upgrade-{}-{seed}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        world.keep_state_at(&folder.join("pair.db"));
        world.downgrade_state();
        world.restart(|_| {});
        assert!(world.is_state_kept_aside());
        world.still();
        world.write(Destination, "d/e/y", "edited");
        world.delete(Destination, "b");
        world.sync();
        world.both_have("d/e/y", Some("edited"));
        world.both_have("b", None);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

#[test]
fn what_a_server_hides_with_the_access_to_it_is_not_gone() {
    for seed in SEEDS {
        for at in ["d", "d/x"] {
            let mut world = in_step_where(seed, |habits| habits.hides_lost = true);
            assert!(world.sides[Destination].lose_access(&path(at)));
            for _ in 0..3 {
                world.still();
                world.has(Source, "d/x", Some("d/x"));
                assert_eq!(world.engine.problems().unwrap().len(), 1);
            }
            // A listing of everything shows no more of it.
            world.environment.advance(8 * DAY);
            world.restart(|_| {});
            world.still();
            world.has(Source, "d/x", Some("d/x"));
            assert_eq!(world.engine.problems().unwrap().len(), 1);
            world.sides[Destination].heal();
            world.sync();
            assert_eq!(world.engine.problems().unwrap(), []);
            world.delete(Destination, "d/x");
            world.sync();
            world.both_have("d/x", None);
            world.both_have("d/e/y", Some("d/e/y"));
            world.still();
        }
    }
}

#[test]
fn a_folder_that_left_and_came_back_within_a_batch_has_only_what_is_in_it_then() {
    for seed in SEEDS {
        let world = in_step(seed);
        moved(&world, Destination, "d", "g");
        let storage = world.sides[Destination].clone();
        let mut is_first = true;
        world.sides[Destination].on_operation(Box::new(move |operation, _| {
            if operation == "changes" && std::mem::take(&mut is_first) {
                assert!(storage.edit(&Edit::Delete { path: path("g/x") }));
                let (from, to) = (path("g"), path("d"));
                assert!(storage.edit(&Edit::Move { from, to }));
            }
        }));
        world.sync();
        world.sides[Destination].clear_hook();
        // Where a batch had ended before, the rest is told by the next.
        world.sync();
        world.both_have("d/x", None);
        world.both_have("d/e/y", Some("d/e/y"));
        world.both_have("g", None);
        world.still();
    }
}

/// A source that is listed and has strong ids, and a destination with a feed.
fn half_fed(seed: u64, change: impl FnOnce(&mut PairOptions), names: &NameRules) -> World {
    let world = World::shaped(seed, change, |side| match side {
        Source => {
            let capabilities = capabilities(Ids::Strong);
            let habits = Habits::plain(&capabilities);
            (capabilities, habits)
        }
        Destination => {
            let (mut capabilities, habits) = feeding(seed, side, true);
            capabilities.names = names.clone();
            (capabilities, habits)
        }
    });
    fill(&world);
    world
}

/// Its line may name the path that it had before the move.
#[test]
fn what_leaves_a_folder_just_before_tandem_moves_it_is_not_missed() {
    for seed in SEEDS {
        let world = half_fed(seed, |_| {}, &NameRules::default());
        moved(&world, Source, "d", "f");
        let (from, to) = (path("d/e/y"), path("y"));
        let gone = Edit::Delete { path: path("d/x") };
        let edits = vec![gone, Edit::Move { from, to }];
        world.edit_during(Destination, "move_to", Destination, edits);
        world.sync();
        world.sides[Destination].clear_hook();
        world.sync();
        world.both_have("f/x", None);
        world.both_have("f/e/y", None);
        world.both_have("y", Some("d/e/y"));
        world.still();
    }
}

/// What the other side has is something new then, if it lies in a folder that was moved too, or else is gone with it.
#[test]
fn what_leaves_the_pair_for_a_name_that_is_refused_is_not_left_on_one_side() {
    let names = NameRules {
        no_windows_devices: true,
        ..NameRules::default()
    };
    for seed in SEEDS {
        for at in (10..200).step_by(10) {
            let world = half_fed(seed, |_| {}, &names);
            moved(&world, Source, "d/x", "con");
            moved(&world, Destination, "d", "f");
            let mut killed = SimExecutor::new(&world.environment).crash_at(Some(at));
            // It may also come to its end.
            let _ended = killed.run(world.engine.sync());
            world.sync();
            world.has(Source, "con", Some("d/x"));
            let rest = world.text(Destination, "f/x");
            world.has(Source, "f/x", rest.as_deref());
            world.still();
        }
    }
}

/// While the deletes of what was in it wait, only the folder above is looked at.
#[test]
fn a_folder_that_is_back_has_only_what_is_in_it_then() {
    for seed in SEEDS {
        let quiet = |o: &mut PairOptions| o.limits.quiet = 100;
        let world = half_fed(seed, quiet, &NameRules::default());
        world.write(Source, "d/new", "new");
        world.write(Source, "b", "the source's");
        world.write(Destination, "b", "the destination's");
        world.edit(Destination, &Edit::DeleteTree { path: path("d") });
        // The copy is carried in the second round.
        let storage = world.sides[Destination].clone();
        world.sides[Destination].on_operation(Box::new(move |operation, at| {
            if operation == "commit" && at.as_str().contains("conflict") {
                storage.edit(&Edit::CreateFolder { path: path("d/e") });
            }
        }));
        world.sync();
        world.sides[Destination].clear_hook();
        world.both_have("d/new", Some("new"));
        world.both_have("d/e/y", None);
        world.still();
    }
}

#[test]
fn a_feed_that_was_off_for_a_while_begins_anew() {
    for seed in SEEDS {
        let mut world = in_step(seed);
        let with_feed = world.sides[Destination].clone();
        world.sides[Destination] = with_feed.without_feed();
        world.restart(|_| {});
        world.write(Source, "new", "new");
        world.write(Destination, "another", "another");
        world.sync();
        world.both_have("another", Some("another"));
        world.sides[Destination] = with_feed;
        world.restart(|_| {});
        world.sync();
        world.delete(Destination, "new");
        world.delete(Destination, "another");
        world.sync();
        world.both_have("new", None);
        world.both_have("another", None);
        world.still();
    }
}

/// The feed tells of it only once.
#[test]
fn rules_that_a_look_came_across_before_the_program_ended_are_read() {
    for at in 1..160 {
        let mut world = in_step(at);
        world.write(Source, ".tandemignore", "left-out\n");
        let mut killed = SimExecutor::new(&world.environment).crash_at(Some(at));
        // It may also come to its end.
        let _ended = killed.run(world.engine.sync());
        world.restart(|_| {});
        world.sync();
        world.write(Source, "left-out", "1");
        world.still();
        world.has(Destination, "left-out", None);
    }
}

/// Of two files that changed places on a backup's follower one lies in a folder that the leading side deleted meanwhile.
#[test]
fn what_lies_in_a_folder_that_a_backup_forgets_is_known_still() {
    for seed in SEEDS {
        let backup = |o: &mut PairOptions| o.policy.mode = Mode::SourceBackup;
        let world = World::shaped(seed, backup, |side| {
            let (capabilities, habits) = feeding(2, side, false);
            let folder_revisions = FolderRevisions::Children;
            let habits = Habits {
                folder_revisions,
                ..habits
            };
            (capabilities, habits)
        });
        for folder in ["kept", "gone"] {
            world.folder(Source, folder);
        }
        world.write(Source, "kept/x", "of the leading side");
        world.write(Source, "gone/y", "of before");
        world.sync();
        let (a, b) = (path("kept/x"), path("gone/y"));
        world.edit(Destination, &Edit::Swap { a, b });
        let gone = path("gone");
        world.edit(Source, &Edit::DeleteTree { path: gone });
        world.sync();
        world.sync();
        world.has(Destination, "kept/x", Some("of the leading side"));
        world.still();
    }
}
