//! What waits for a person: holds, and what their decision does. And what is shown before.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{Destination, SEEDS, Source, World, path};
use futures_util::future::join;
use tandem_core::policy::{FirstSync, Mode};
use tandem_core::side::Side;
use tandem_engine::error::EngineError;
use tandem_engine::report::{Rejection, Warning};
use tandem_testkit::sim::{Edit, SimExecutor};

fn everything_deleted(world: &World) -> String {
    world.folder(Source, "f");
    for i in 0..8 {
        world.write(Source, &format!("f/{i}"), &format!("content {i}"));
    }
    world.write(Source, "keeps", "the rest");
    world.sync();
    world.edit(Source, &Edit::DeleteTree { path: path("f") });
    world.delete(Source, "keeps");
    let summary = world.sync();
    assert_eq!((summary.held, summary.done), (1, 0));
    world.has(Destination, "f/3", Some("content 3"));
    let held = world.engine.held().unwrap();
    assert_eq!(
        (held.len(), held[0].count, held[0].guard.as_str()),
        (1, 10, "mass_delete")
    );
    assert_eq!(held[0].actions.len(), 10);
    assert!(!held[0].whole_pair);
    assert_eq!(
        world.run(world.engine.explain("f/3")).unwrap().state,
        "held"
    );
    assert_eq!(world.engine.summary().unwrap().held, 1);
    held[0].id.clone()
}

#[test]
fn approved_deletes_are_done() {
    for seed in SEEDS {
        let world = World::new(seed);
        let id = everything_deleted(&world);
        world.run(world.engine.approve(&id)).unwrap();
        let summary = world.sync();
        assert_eq!(summary.held, 0);
        assert!(world.paths(Destination).is_empty());
        world.still();
        assert!(matches!(
            world.run(world.engine.approve(&id)),
            Err(EngineError::NotFound { what: "hold", .. })
        ));
    }
}

#[test]
fn rejected_deletes_are_restored() {
    for seed in SEEDS {
        for mode in [Mode::TwoWay, Mode::SourceToDestination] {
            let world = World::with(seed, |o| o.policy.mode = mode);
            let id = everything_deleted(&world);
            world
                .run(world.engine.reject(&id, Rejection::Restore))
                .unwrap();
            assert!(world.engine.held().unwrap().is_empty());
            assert_eq!(world.sync().held, 0);
            for i in 0..8 {
                world.both_have(&format!("f/{i}"), Some(&format!("content {i}")));
            }
            world.both_have("keeps", Some("the rest"));
            world.still();
        }
    }
}

#[test]
fn rejected_deletes_are_detached() {
    for seed in SEEDS {
        for mode in [Mode::TwoWay, Mode::SourceToDestination] {
            let world = World::with(seed, |o| o.policy.mode = mode);
            let id = everything_deleted(&world);
            world
                .run(world.engine.reject(&id, Rejection::Detach))
                .unwrap();
            world.still();
            assert!(world.paths(Source).is_empty());
            world.has(Destination, "f/3", Some("content 3"));
            assert_eq!(
                world.run(world.engine.explain("f/3")).unwrap().state,
                "detached"
            );
            if mode == Mode::TwoWay {
                world.write(Destination, "f/3", "edited");
                world.sync();
                world.both_have("f/3", Some("edited"));
                world.has(Source, "f/4", None);
                world.still();
            }
        }
    }
}

#[test]
fn a_rejected_hold_that_pauses_stays() {
    let world = World::new(1);
    let id = everything_deleted(&world);
    world
        .run(world.engine.reject(&id, Rejection::Pause))
        .unwrap();
    assert_eq!(world.engine.held().unwrap().len(), 1);
}

/// syncthing/syncthing#7520, syncthing/syncthing#9228: "Revert" and "Override" deleted without a list of what.
#[test]
fn own_items_of_a_new_mirror_are_held_and_detached() {
    for seed in SEEDS {
        let world = World::with(seed, |o| o.policy.mode = Mode::SourceToDestination);
        world.write(Source, "a", "sent");
        world.write(Destination, "own", "mine");
        let preview = world.run(world.engine.preview()).unwrap();
        assert_eq!(
            (
                preview.held.len(),
                preview.totals.creates,
                preview.totals.deletes
            ),
            (1, 1, 0)
        );
        world.sync();
        let held = world.engine.held().unwrap();
        assert_eq!(
            (held.len(), held[0].guard.as_str()),
            (1, "first_mirror_deletes")
        );
        world
            .run(world.engine.reject(&held[0].id, Rejection::Detach))
            .unwrap();
        world.still();
        world.both_have("a", Some("sent"));
        world.has(Destination, "own", Some("mine"));
        world.write(Destination, "own", "mine, edited");
        world.still();
        world.has(Destination, "own", Some("mine, edited"));
    }
}

/// nextcloud/desktop#2780: asked for is a list of what will be synced.
#[test]
fn a_preview_shows_and_writes_nothing() {
    for seed in SEEDS {
        let world = World::new(seed);
        for i in 0..120 {
            world.write(Source, &format!("s{i}"), "ten bytes.");
        }
        world.write(Destination, "d", "one");
        world.write(Destination, "s7", "ten bytes.");
        let before = PerSideSnapshots::of(&world);
        let preview = world.run(world.engine.preview()).unwrap();
        assert_eq!(before, PerSideSnapshots::of(&world));
        assert_eq!(
            (
                preview.totals.creates,
                preview.totals.adopted,
                preview.totals.actions
            ),
            (120, 1, 120)
        );
        let changes = preview.totals.changes;
        assert_eq!((changes.destination, changes.source), (119, 1));
        assert_eq!(
            (
                preview.totals.bytes.destination,
                preview.totals.bytes.source
            ),
            (1190, 3)
        );
        assert_eq!(preview.actions.len(), 120);
        assert_eq!(preview.totals.requests.source, 0);
        assert!(preview.totals.free.source.is_some());
        assert!(
            matches!(preview.warnings[..], [Warning::OneSideMuchLarger { .. }]),
            "{:?}",
            preview.warnings
        );
        assert_eq!(
            world.run(world.engine.explain("s3")).unwrap().state,
            "planned"
        );
        let summary = world.sync();
        assert_eq!((summary.done, summary.adopted), (120, 1));
        let preview = world.run(world.engine.preview()).unwrap();
        assert!(preview.actions.is_empty() && preview.warnings.is_empty());
        let log = world.log();
        assert!(log.len() == 120 && log.windows(2).all(|w| w[0].id < w[1].id));
        let told = world.run(world.engine.explain("s3")).unwrap();
        assert_eq!(
            (told.state.as_str(), told.equality.as_deref()),
            ("in_step", Some("same_bytes"))
        );
        assert_eq!(told.history.len(), 1);
        assert!(told.base.source.is_some() && told.seen.destination.is_some());
        assert_eq!(
            world.run(world.engine.explain("nowhere")).unwrap().state,
            "unknown"
        );
        assert_eq!(world.engine.summary().unwrap().items, 121);
    }
}

#[test]
fn a_filter_is_named_by_its_rule() {
    let world = World::new(1);
    world.write(Source, ".tandemignore", "*.log\n");
    world.write(Source, "a.log", "left out");
    world.sync();
    world.has(Destination, "a.log", None);
    let told = world.run(world.engine.explain("a.log")).unwrap();
    assert_eq!(
        (told.state.as_str(), told.rule.as_deref()),
        ("filtered", Some(".tandemignore:1 *.log"))
    );
}

#[derive(Debug, PartialEq)]
struct PerSideSnapshots(Vec<(String, Vec<String>)>, bool);

impl PerSideSnapshots {
    fn of(world: &World) -> Self {
        let of = |side: Side| {
            world
                .paths(side)
                .into_iter()
                .map(|p| world.text(side, &p).unwrap_or_default())
                .collect()
        };
        let sides = [Source, Destination].map(|side| (side.to_string(), of(side)));
        let kept =
            world.sides.source.kept().is_empty() && world.sides.destination.kept().is_empty();
        Self(sides.into(), kept)
    }
}

/// A pair with a folder in which the destination has items that are not carried: own ones of a mirror's
/// follower, or rejected deletes.
fn detached_in_a_folder(seed: u64, mode: Mode) -> World {
    let world = World::with(seed, |o| o.policy.mode = mode);
    world.folder(Source, "d");
    world.folder(Source, "d/e");
    world.write(Source, "d/a", "sent");
    world.write(Source, "rest", "sent");
    if mode == Mode::TwoWay {
        for i in 0..60 {
            world.write(Source, &format!("d/e/{i}"), &format!("mine {i}"));
        }
        world.sync();
        for i in 0..60 {
            world.delete(Source, &format!("d/e/{i}"));
        }
    } else {
        world.folder(Destination, "d");
        world.folder(Destination, "d/e");
        world.write(Destination, "d/own", "mine");
        world.write(Destination, "d/e/0", "mine 0");
    }
    world.sync();
    let held = world.engine.held().unwrap();
    world
        .run(world.engine.reject(&held[0].id, Rejection::Detach))
        .unwrap();
    world.still();
    world
}

#[test]
fn what_is_detached_stays_so_when_its_folder_is_moved() {
    // Without ids on that side nothing tells that it is the same folder.
    for seed in SEEDS.into_iter().filter(|seed| seed % 3 != 0) {
        for mode in [Mode::TwoWay, Mode::SourceToDestination] {
            let world = detached_in_a_folder(seed, mode);
            world.edit(
                Source,
                &Edit::Move {
                    from: path("d"),
                    to: path("moved"),
                },
            );
            world.sync();
            world.sync();
            world.still();
            world.both_have("moved/a", Some("sent"));
            world.has(Destination, "moved/e/0", Some("mine 0"));
            world.has(Source, "moved/e/0", None);
            if mode != Mode::TwoWay {
                world.has(Destination, "moved/own", Some("mine"));
            }
        }
    }
}

#[test]
fn what_is_detached_stays_so_when_a_person_moves_its_folder() {
    // Without ids on that side nothing tells that it is the same folder.
    for seed in SEEDS.into_iter().filter(|seed| seed % 3 != 2) {
        for mode in [Mode::TwoWay, Mode::SourceToDestination] {
            let world = detached_in_a_folder(seed, mode);
            world.edit(
                Destination,
                &Edit::Move {
                    from: path("d"),
                    to: path("moved"),
                },
            );
            world.sync();
            world.sync();
            world.still();
            let folder = if mode == Mode::TwoWay { "moved" } else { "d" };
            world.both_have(&format!("{folder}/a"), Some("sent"));
            world.has(Destination, &format!("{folder}/e/0"), Some("mine 0"));
            world.has(Source, &format!("{folder}/e/0"), None);
        }
    }
}

#[test]
fn a_restoring_that_is_cut_off_deletes_nothing() {
    for crash in (3..200).step_by(7) {
        let mut world = World::with(1, |o| {
            o.policy.mode = Mode::SourceToDestination;
            o.guards.deletes = 8;
            o.guards.delete_percent = 30;
            o.limits.transfers = 1;
        });
        world.folder(Source, "d");
        for i in 0..20 {
            world.write(Source, &format!("d/{i}"), &format!("content {i}"));
        }
        world.sync();
        for i in 0..8 {
            world.delete(Source, &format!("d/{i}"));
        }
        world.sync();
        let id = world.engine.held().unwrap()[0].id.clone();
        let cut = SimExecutor::new(&world.environment)
            .crash_at(Some(crash))
            .run(world.engine.reject(&id, Rejection::Restore));
        world.restart(|_| {});
        world.sync();
        world.sync();
        for i in 0..8 {
            world.has(
                Destination,
                &format!("d/{i}"),
                Some(&format!("content {i}")),
            );
        }
        if let Some(hold) = world.engine.held().unwrap().first() {
            let id = hold.id.clone();
            world
                .run(world.engine.reject(&id, Rejection::Restore))
                .unwrap();
            world.both_have("d/3", Some("content 3"));
        }
        if let Some(done) = cut {
            done.unwrap();
            world.both_have("d/3", Some("content 3"));
        }
    }
}

/// rclone/rclone#7042: a first sync that people run always brings back what was deleted.
#[test]
fn the_first_sync_is_what_was_chosen_only_once() {
    for seed in SEEDS {
        let mut world = World::with(seed, |o| o.policy.first_sync = FirstSync::SourceWins);
        world.write(Source, "a", "the source's");
        world.write(Destination, "a", "the destination's");
        world.sync();
        world.both_have("a", Some("the source's"));
        world.write(Source, "b", "the source's");
        world.write(Destination, "b", "the destination's");
        world.sync();
        world.both_have("b", Some("the destination's"));
        assert_eq!(world.paths(Source).len(), 3, "both are kept");
        world.write(Destination, "a", "edited meanwhile");
        world.lose_state();
        world.sync();
        world.both_have("a", Some("edited meanwhile"));
        assert_eq!(world.paths(Source).len(), 4, "both are kept");
        world.still();
    }
}

#[test]
fn a_hold_is_decided_while_a_look_is_under_way() {
    for seed in SEEDS {
        let world = World::new(seed);
        let id = everything_deleted(&world);
        let (done, approved) =
            world.run(async { join(world.engine.sync(), world.engine.approve(&id)).await });
        approved.unwrap();
        done.unwrap();
        world.sync();
        assert!(world.paths(Destination).is_empty());
        world.still();
    }
}
