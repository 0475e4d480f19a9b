//! The disk with the pair's database fails, fills up or loses its power: nothing is lost, and the next pass finishes
//! (P6).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::result_large_err,
    reason = "a failed step is a failed test"
)]

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use common::{Destination, Source, World, path};
use tandem_core::policy::ConflictPolicy;
use tandem_core::side::Side;
use tandem_engine::error::{EngineError, Result};
use tandem_engine::report::{Rejection, Resolution, Summary, Undo};
use tandem_testkit::seed::Rng;
use tandem_testkit::sim::{Edit, Failure};

/// A pair that is in step, and then edited in every way that a plan tells apart.
fn edited(seed: u64) -> World {
    let mut world = World::new(seed);
    world.folder(Source, "f");
    for name in ["edited", "moved", "gone", "both", "f/one", "f/two"] {
        world.write(Source, name, &format!("{name}, as it was"));
    }
    world.sync();
    world.still();
    world.write(Source, "edited", "edited on the source");
    world.write(Source, "both", "edited here");
    world.write(Destination, "both", "edited there as well");
    let (from, to) = (path("moved"), path("f/moved"));
    world.edit(Source, &Edit::Move { from, to });
    world.delete(Destination, "gone");
    world.folder(Destination, "new");
    world.write(Destination, "new/file", "new on the destination");
    world.stop();
    world
}

/// Both sides have all that was written, and are in step.
fn is_in_step(world: &World, what: &str) {
    world.sync();
    world.sync();
    for (name, content) in [
        ("edited", "edited on the source"),
        ("f/moved", "moved, as it was"),
        ("f/one", "f/one, as it was"),
        ("new/file", "new on the destination"),
    ] {
        for side in Side::BOTH {
            assert_eq!(
                world.text(side, name).as_deref(),
                Some(content),
                "{what}: {name} on the {side}"
            );
        }
    }
    for side in Side::BOTH {
        let paths = world.paths(side);
        let mut kept: Vec<_> = paths
            .iter()
            .filter(|path| path.starts_with("both"))
            .filter_map(|path| world.text(side, path))
            .collect();
        kept.sort();
        kept.dedup();
        assert_eq!(
            kept,
            ["edited here", "edited there as well"],
            "{what}: {paths:?}"
        );
        assert!(!paths.contains(&"gone".to_owned()), "{what}: {paths:?}");
    }
    world.still();
}

/// How a call fails, and whether it alone does or those after it too.
const FAILURES: [(Failure, bool); 5] = [
    (Failure::Broken, true),
    (Failure::Broken, false),
    (Failure::Full, true),
    (Failure::Full, false),
    (Failure::Short, true),
];

/// Those that differ in what is left behind.
const KINDS: [(Failure, bool); 3] = [
    (Failure::Broken, true),
    (Failure::Full, false),
    (Failure::Short, true),
];

/// What the program says is one sentence about the state, which it does not take for damaged.
#[track_caller]
fn is_clear<T>(ended: Result<T>, what: &str) {
    match ended {
        Ok(_) => {}
        Err(error @ EngineError::StateIo(_)) => {
            let told = error.to_string();
            assert!(told.lines().count() == 1, "{what}: {told:?}");
        }
        Err(other) => panic!("{what}: {other:?}"),
    }
}

/// The same of a pass; one that did not record all it did says that it was stopped, or fails.
#[track_caller]
fn is_clear_pass(ended: Result<Summary>, what: &str) {
    if let Ok(summary) = &ended {
        assert_eq!(
            (summary.failed, summary.held),
            (0, 0),
            "{what}: {summary:?}"
        );
        if let Some(stopped) = &summary.stopped {
            assert!(
                stopped.starts_with("the state cannot be written"),
                "{what}: {stopped}"
            );
        }
    }
    is_clear(ended, what);
}

/// Starts the program again and lets it do one pass, as far as the disk lets it.
fn try_pass(world: &mut World) -> Result<Summary> {
    world.try_restart()?;
    world.run(world.engine.sync())
}

#[test]
fn whatever_call_to_the_disk_fails_nothing_is_lost_and_the_next_pass_finishes() {
    let mut calls = 0;
    for (how, once) in FAILURES {
        for nth in 1.. {
            let mut world = edited(nth);
            world.files.fail_at(nth, how, once);
            let what = format!("{how:?} at call {nth}, once: {once}");
            let ended = try_pass(&mut world);
            if !world.files.heal() {
                break;
            }
            is_clear_pass(ended, &what);
            world.restart(|_| {});
            is_in_step(&world, &what);
            calls += 1;
        }
    }
    println!("{calls} calls failed");
    assert!(calls > 400, "{calls} calls");
}

#[test]
fn a_program_that_goes_on_after_a_failed_call_loses_nothing_and_its_next_pass_finishes() {
    let mut calls = 0;
    for (how, once) in KINDS {
        for nth in 1.. {
            let mut world = edited(nth);
            world.restart(|_| {});
            world.files.fail_at(nth, how, once);
            let what = format!("{how:?} at call {nth}, once: {once}");
            let ended = world.run(world.engine.sync());
            if !world.files.heal() {
                break;
            }
            is_clear_pass(ended, &what);
            is_in_step(&world, &what);
            calls += 1;
        }
    }
    println!("{calls} calls failed");
    assert!(calls > 200, "{calls} calls");
}

/// What a person asks for, of a pair that was brought to where they can.
struct Asked {
    name: &'static str,
    bring: fn(u64) -> World,
    ask: fn(&World) -> Result<()>,
}

/// A pair with a run that can be undone, and versions of what it replaced.
fn with_history(seed: u64) -> World {
    let world = World::new(seed);
    world.write(Source, "a", "one");
    world.write(Source, "b", "two");
    world.sync();
    world.write(Source, "a", "three");
    world.delete(Source, "b");
    world.sync();
    world
}

fn with_a_conflict(seed: u64) -> World {
    let world = World::with(seed, |o| o.policy.conflict = ConflictPolicy::Manual);
    world.write(Source, "a", "here");
    world.write(Destination, "a", "there, longer");
    world.sync();
    world
}

fn with_a_hold(seed: u64) -> World {
    let world = World::new(seed);
    world.folder(Source, "f");
    for n in 0..6 {
        world.write(Source, &format!("f/{n}"), &format!("file {n}"));
    }
    world.sync();
    world.edit(Source, &Edit::DeleteTree { path: path("f") });
    world.sync();
    assert_eq!(world.engine.held().unwrap().len(), 1);
    world
}

fn hold(world: &World) -> Result<String> {
    Ok(world.engine.held()?[0].id.clone())
}

const ASKED: [Asked; 7] = [
    Asked {
        name: "undo",
        bring: with_history,
        ask: |world| {
            let run = world
                .engine
                .log(&tandem_engine::report::LogQuery::default())?;
            let run = run.last().unwrap().run;
            world.run(world.engine.undo(Undo::Run(run))).map(drop)
        },
    },
    Asked {
        name: "restore",
        bring: with_history,
        ask: |world| world.run(world.engine.restore("b", None)).map(drop),
    },
    Asked {
        name: "prune",
        bring: |seed| {
            let world = with_history(seed);
            world
                .environment
                .advance(Duration::from_secs(40 * 24 * 3600));
            world
        },
        ask: |world| world.run(world.engine.prune_versions()).map(drop),
    },
    Asked {
        name: "resolve",
        bring: with_a_conflict,
        ask: |world| {
            let id = world.engine.conflicts()?[0].id.clone();
            world.run(world.engine.resolve(&id, Resolution::Source))
        },
    },
    Asked {
        name: "keep both",
        bring: with_a_conflict,
        ask: |world| {
            let id = world.engine.conflicts()?[0].id.clone();
            world.run(world.engine.resolve(&id, Resolution::Both))
        },
    },
    Asked {
        name: "approve",
        bring: with_a_hold,
        ask: |world| {
            let id = hold(world)?;
            world.run(world.engine.approve(&id))
        },
    },
    Asked {
        name: "reject",
        bring: with_a_hold,
        ask: |world| {
            let id = hold(world)?;
            world.run(world.engine.reject(&id, Rejection::Restore))
        },
    },
];

/// All contents on either side.
fn contents(world: &World) -> BTreeSet<String> {
    let texts = |side| {
        let paths = world.paths(side).into_iter();
        paths.filter_map(move |path| world.text(side, &path))
    };
    Side::BOTH.into_iter().flat_map(texts).collect()
}

#[test]
fn what_a_person_asks_for_may_fail_at_any_call_and_nothing_is_lost() {
    let mut calls = 0;
    for asked in &ASKED {
        for (how, once) in KINDS {
            for nth in 1.. {
                let mut world = (asked.bring)(nth);
                let before = contents(&world);
                world.files.fail_at(nth, how, once);
                let what = format!("{}: {how:?} at call {nth}, once: {once}", asked.name);
                let ended = (asked.ask)(&world);
                if !world.files.heal() {
                    ended.unwrap();
                    break;
                }
                is_clear(ended, &what);
                if nth % 2 == 0 {
                    world.restart(|_| {});
                }
                world.sync();
                world.sync();
                for content in before {
                    let is_there = contents(&world).contains(&content)
                        || Side::BOTH.iter().any(|&side| world.is_kept(side, &content));
                    assert!(is_there, "{what}: {content:?} is lost");
                }
                calls += 1;
            }
        }
    }
    println!("{calls} calls failed");
    assert!(calls > 500, "{calls} calls");
}

#[test]
fn a_power_cut_at_any_call_to_the_disk_loses_nothing() {
    let mut calls = 0;
    for nth in 1.. {
        let mut world = edited(nth);
        let mut rng = Rng::new(nth);
        world.files.fail_at(nth, Failure::Broken, false);
        let _ = try_pass(&mut world);
        world.files.power_off();
        if !world.files.heal() {
            break;
        }
        // The storages flushed what they had answered for; here it is the state alone that loses its power.
        world.files.power_on(Some(&mut rng));
        world.restart(|_| {});
        is_in_step(&world, &format!("power cut at call {nth}"));
        calls = nth;
    }
    assert!(calls > 50, "{calls} calls");
}
