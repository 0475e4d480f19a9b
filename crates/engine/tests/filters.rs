//! Filters by size and age: what either side's rules leave out is out on both, and nothing is deleted for it.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use common::{Destination, SEEDS, Source, World, capabilities, path};
use tandem_core::capabilities::{Capabilities, Ids};
use tandem_core::policy::Mode;
use tandem_engine::report::Outcome;
use tandem_engine::setup::PairOptions;
use tandem_testkit::sim::Edit;

const HOUR: Duration = Duration::from_secs(3600);

/// A destination that shows upload times only.
fn to_a_store(seed: u64, change: impl FnOnce(&mut PairOptions)) -> World {
    let ids = [Ids::Strong, Ids::None, Ids::Hint][seed as usize % 3];
    World::of(seed, change, |side| Capabilities {
        mtime: side == Source,
        ..capabilities(ids)
    })
}

/// Passes until the world is still, and that no action lost a race.
#[track_caller]
fn rests(world: &World) {
    world.sync();
    world.sync();
    world.still();
    loses_no_race(world);
}

#[track_caller]
fn loses_no_race(world: &World) {
    let lost: Vec<_> = world
        .log()
        .into_iter()
        .filter(|l| l.outcome != Outcome::Done)
        .collect();
    assert!(lost.is_empty(), "{lost:#?}");
}

#[test]
fn what_ages_out_of_a_mirror_stays_on_a_store_that_shows_upload_times() {
    for seed in SEEDS {
        let world = to_a_store(seed, |o| {
            o.policy.mode = Mode::SourceToDestination;
            o.filter.max_age = Some(7200);
        });
        world.folder(Source, "f");
        world.write(Source, "f/old", "old");
        world.environment.advance(HOUR);
        world.sync();
        world.environment.advance(HOUR + HOUR / 2);
        world.write(Source, "f/new", "new");
        rests(&world);
        world.both_have("f/old", Some("old"));
        world.both_have("f/new", Some("new"));
    }
}

/// A world in which the folder `f` was deleted at the source and stays at the destination, for what is left out of the
/// pair in it.
fn with_a_kept_folder(seed: u64, also: impl FnOnce(&World)) -> World {
    let world = to_a_store(seed, |o| {
        o.policy.mode = Mode::SourceToDestination;
        o.filter.patterns = vec!["*.log".to_owned()];
    });
    world.folder(Source, "f");
    world.write(Source, "f/a", "sent");
    also(&world);
    world.sync();
    world.write(Destination, "f/own.log", "mine");
    world.delete(Source, "f/a");
    world.delete(Source, "f");
    world.sync();
    world
}

#[test]
fn what_wants_the_name_of_a_folder_that_is_kept_waits_for_room() {
    for seed in SEEDS {
        let world = with_a_kept_folder(seed, |_| ());
        world.write(Source, "f", "a file by now");
        let summary = world.sync();
        assert_eq!(
            (summary.stopped, summary.problems),
            (None, 1),
            "seed {seed}"
        );
        let why = |world: &World| {
            let problems = world.engine.problems().unwrap();
            problems.first().map(|p| p.why.clone())
        };
        assert_eq!(why(&world).as_deref(), Some("in_the_way"));
        world.has(Destination, "f/own.log", Some("mine"));
        world.delete(Destination, "f/own.log");
        world.sync();
        assert_eq!(why(&world), None);
        world.both_have("f", Some("a file by now"));
    }
}

#[test]
fn what_moves_to_the_name_of_a_folder_that_is_kept_waits_for_room() {
    for seed in SEEDS {
        let world = with_a_kept_folder(seed, |world| {
            world.write(Source, "b", "to be moved");
        });
        let (from, to) = (path("b"), path("f"));
        world.edit(Source, &Edit::Move { from, to });
        assert_eq!(world.sync().stopped, None, "seed {seed}");
        let problems = world.engine.problems().unwrap();
        let whys: Vec<&str> = problems.iter().map(|p| p.why.as_str()).collect();
        assert_eq!(whys, ["in_the_way"], "seed {seed}");
        world.has(Destination, "f/own.log", Some("mine"));
        world.delete(Destination, "f/own.log");
        world.sync();
        world.both_have("f", Some("to be moved"));
    }
}

#[test]
fn what_grows_too_large_stays_as_it_was_on_the_other_side() {
    for seed in SEEDS {
        for mode in [Mode::TwoWay, Mode::SourceToDestination, Mode::SourceBackup] {
            let world = to_a_store(seed, |o| {
                o.policy.mode = mode;
                o.filter.max_size = Some(10);
            });
            world.write(Source, "a", "small");
            rests(&world);
            world.write(Source, "a", "far too large");
            rests(&world);
            world.has(Destination, "a", Some("small"));
            world.delete(Source, "a");
            rests(&world);
            world.has(Destination, "a", Some("small"));
            world.write(Source, "a", "again");
            world.sync();
            if mode == Mode::SourceToDestination {
                world.both_have("a", Some("again"));
                world.still();
            }
        }
    }
}

#[test]
fn what_comes_back_in_and_is_on_one_side_only_is_carried() {
    for seed in SEEDS {
        let mut world = to_a_store(seed, |o| o.filter.max_size = Some(10));
        world.write(Source, "a", "small");
        rests(&world);
        world.write(Source, "a", "far too large");
        rests(&world);
        world.delete(Source, "a");
        rests(&world);
        world.has(Source, "a", None);
        world.restart(|o| o.filter.max_size = None);
        rests(&world);
        world.both_have("a", Some("small"));
    }
}

#[test]
fn an_edit_of_what_is_too_old_on_the_other_side_is_out_too() {
    for seed in SEEDS {
        let world = World::with(seed, |o| o.filter.max_age = Some(7200));
        for folder in ["", "f/"] {
            world.edit(
                Source,
                &Edit::CreateFolder {
                    path: path(if folder.is_empty() { "e" } else { "f" }),
                },
            );
            world.write(Source, &format!("{folder}a"), "old");
        }
        rests(&world);
        world.environment.advance(HOUR * 3);
        rests(&world);
        world.write(Source, "a", "edited");
        world.write(Destination, "f/a", "edited");
        rests(&world);
        world.has(Destination, "a", Some("old"));
        world.has(Source, "f/a", Some("old"));
        assert_eq!(
            world.run(world.engine.explain("a")).unwrap().state,
            "filtered"
        );
        assert_eq!(
            world.run(world.engine.explain("f/a")).unwrap().state,
            "filtered"
        );
    }
}

#[test]
fn an_edit_that_is_too_young_waits() {
    for seed in SEEDS {
        let world = World::with(seed, |o| o.filter.min_age = Some(3600));
        world.write(Source, "a", "old");
        rests(&world);
        world.has(Destination, "a", None);
        world.environment.advance(HOUR);
        world.sync();
        world.both_have("a", Some("old"));
        world.write(Source, "a", "edited");
        rests(&world);
        world.has(Destination, "a", Some("old"));
        world.environment.advance(HOUR);
        world.sync();
        world.both_have("a", Some("edited"));
        world.still();
        assert_eq!(world.paths(Source).len(), 1, "no conflict copy");
    }
}

#[test]
fn what_is_out_in_a_folder_that_moves_is_not_deleted_where_the_other_side_moved_it() {
    for seed in SEEDS {
        let change = |o: &mut PairOptions| o.policy.mode = Mode::SourceToDestination;
        let mut world = World::of(seed, change, |_| capabilities(Ids::Strong));
        for folder in ["a", "g", "g/D"] {
            world.folder(Source, folder);
        }
        world.write(Source, "g/D/b", "left out from now on");
        world.write(Source, "a/c", "a file");
        world.sync();
        let (from, to) = (path("g/D/b"), path("g/a"));
        world.edit(Destination, &Edit::Move { from, to });
        let (a, b) = (path("g"), path("a/c"));
        world.edit(Source, &Edit::Swap { a, b });
        world.restart(|o| {
            o.policy.mode = Mode::SourceToDestination;
            o.filter.patterns = vec!["b".to_owned()];
        });
        world.sync();
        world.sync();
        loses_no_race(&world);
        world.both_have("g", Some("a file"));
        world.has(Source, "a/c/D/b", Some("left out from now on"));
    }
}

/// A pair whose source leaves logs out by a `.tandemignore`.
fn with_rules(seed: u64) -> World {
    let world = World::new(seed);
    world.write(Source, ".tandemignore", "*.log\n");
    world.write(Source, "a.log", "left out");
    world.sync();
    world.has(Destination, "a.log", None);
    world
}

/// What is shown of a pair, each with its reason.
fn problems(world: &World) -> BTreeSet<(String, String)> {
    let problems = world.engine.problems().unwrap().into_iter();
    problems.map(|p| (p.path, p.why)).collect()
}

/// One path is shown, for this reason.
fn only(at: &str, why: &str) -> BTreeSet<(String, String)> {
    BTreeSet::from([(at.to_owned(), why.to_owned())])
}

#[test]
fn rules_that_change_while_they_are_read_do_not_end_meanwhile() {
    for seed in SEEDS {
        let world = with_rules(seed);
        // Nor does the other side say so any more.
        world.delete(Destination, ".tandemignore");
        world.write(Source, ".tandemignore", "*.log\n*.tmp\n");
        let (storage, mut n) = (world.sides[Source].clone(), 0);
        world.sides[Source].on_operation(Box::new(move |operation, at| {
            if operation == "read" && at.as_str() == ".tandemignore" && n < 4 {
                n += 1;
                let content = format!("*.log\n*.tmp\n*.{n}\n").into();
                let path = at.clone();
                assert!(storage.edit(&Edit::Write { path, content }));
            }
        }));
        world.sync();
        world.sides[Source].clear_hook();
        world.sync();
        world.has(Destination, "a.log", None);
        world.still();
        assert_eq!(world.engine.problems().unwrap(), []);
    }
}

#[test]
fn a_rule_that_cannot_be_read_is_shown_and_those_from_before_count() {
    for seed in SEEDS {
        let world = with_rules(seed);
        world.write(Source, ".tandemignore", "*.tmp\n[z-a]\n");
        world.write(Source, "b", "carried");
        world.sync();
        world.both_have("b", Some("carried"));
        world.has(Destination, "a.log", None);
        assert_eq!(problems(&world), only(".tandemignore", "bad_rule"));
        world.still();
        assert_eq!(problems(&world), only(".tandemignore", "bad_rule"));
        world.write(Source, ".tandemignore", "*.log\n*.tmp\n");
        world.sync();
        world.still();
        world.has(Destination, "a.log", None);
        assert_eq!(problems(&world), BTreeSet::new());
    }
}

#[test]
fn of_new_rules_those_that_can_be_read_count() {
    for seed in SEEDS {
        let world = World::new(seed);
        world.folder(Source, "f");
        world.write(Source, "f/.tandemignore", "[z-a]\n*.bak\n");
        world.write(Source, "f/a.bak", "left out");
        world.write(Source, "f/b", "carried");
        world.sync();
        world.both_have("f/b", Some("carried"));
        world.has(Destination, "f/a.bak", None);
        assert_eq!(problems(&world), only("f/.tandemignore", "bad_rule"));
        world.still();
    }
}

#[test]
fn rules_that_are_too_large_leave_those_from_before() {
    for seed in SEEDS {
        let world = with_rules(seed);
        let large = "# a long text\n".repeat(80_000);
        world.write(Source, ".tandemignore", &large);
        world.sync();
        world.has(Destination, "a.log", None);
        assert_eq!(problems(&world), only(".tandemignore", "rules_too_large"));
        world.write(Source, ".tandemignore", "*.log\n");
        world.sync();
        world.still();
        world.has(Destination, "a.log", None);
        assert_eq!(problems(&world), BTreeSet::new());
    }
}
