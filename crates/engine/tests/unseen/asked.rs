//! What a person asked for.

use std::sync::atomic::Ordering;

use tandem_core::capabilities::Ids;
use tandem_core::side::Side;
use tandem_core::time::Timestamp;
use tandem_engine::report::{ActionKind, Undo};
use tandem_testkit::sim::Edit;

use crate::common::{Destination, SEEDS, Source, World, capabilities, path};
use crate::{SAVED, all, has, meanwhile, rename, save};

/// What a person asks for, of a pair that was brought to where they can, and what it does at the destination.
struct Asked {
    name: &'static str,
    bring: fn(&World),
    ask: fn(&World),
    operation: &'static str,
    saved: &'static str,
}

fn undo(world: &World, kind: ActionKind, at: &str) {
    let line = world.line(kind, at);
    // It may say that it could not be done.
    let _ = world.run(world.engine.undo(Undo::Action(line.id)));
}

fn edited(world: &World) {
    world.write(Source, "a", "one");
    world.sync();
    world.write(Source, "a", "two");
    world.sync();
}

const ASKED: [Asked; 6] = [
    Asked {
        name: "undo of a new file",
        bring: |world| {
            world.write(Source, "a", "one");
            world.sync();
        },
        ask: |world| undo(world, ActionKind::Create, "a"),
        operation: "delete",
        saved: "a",
    },
    Asked {
        name: "undo of an edit",
        bring: edited,
        ask: |world| undo(world, ActionKind::Replace, "a"),
        operation: "commit",
        saved: "a",
    },
    Asked {
        name: "undo of a delete",
        bring: |world| {
            edited(world);
            world.delete(Source, "a");
            world.sync();
        },
        ask: |world| undo(world, ActionKind::Delete, "a"),
        operation: "restore_version",
        saved: "a",
    },
    Asked {
        name: "undo of a move",
        bring: |world| {
            edited(world);
            rename(world, "a", "b");
            world.sync();
        },
        ask: |world| undo(world, ActionKind::Move, "a"),
        operation: "move_to",
        saved: "a",
    },
    Asked {
        name: "undo of another time",
        bring: |world| {
            edited(world);
            let (path, mtime) = (path("a"), Timestamp::from_secs(1_000_000));
            world.edit(Source, &Edit::Touch { path, mtime });
            world.sync();
        },
        ask: |world| undo(world, ActionKind::SetMeta, "a"),
        operation: "set_meta",
        saved: "a",
    },
    Asked {
        name: "restoring",
        bring: edited,
        ask: |world| {
            let _ = world.run(world.engine.restore("a", None));
        },
        operation: "commit",
        saved: "a",
    },
];

#[test]
fn what_is_saved_while_something_that_a_person_asked_for_is_done_stays_where_it_was_saved() {
    for asked in &ASKED {
        for seed in SEEDS {
            let world = World::of(seed, |_| {}, |_| capabilities(Ids::Strong));
            (asked.bring)(&world);
            let saved = vec![save(asked.saved)];
            let happened = meanwhile(&world, Destination, asked.operation, saved);
            (asked.ask)(&world);
            assert!(happened.load(Ordering::Relaxed), "{}", asked.name);
            world.sides[Destination].clear_hook();
            let what = asked.name;
            let now = || format!("{what}: {:?} {:#?}", all(&world, Destination), world.log());
            assert!(has(&world, Destination, SAVED), "{}", now());
            world.sync();
            world.sync();
            // It is an edit like any other, wherever the pair carries it.
            let seen = Side::BOTH.into_iter().all(|side| has(&world, side, SAVED));
            assert!(seen, "{}", now());
        }
    }
}

#[test]
fn a_time_is_not_set_back_on_what_was_saved_meanwhile() {
    for seed in SEEDS {
        let world = World::of(seed, |_| {}, |_| capabilities(Ids::Strong));
        let set = |seconds| {
            let (path, mtime) = (path("a"), Timestamp::from_secs(seconds));
            world.edit(Source, &Edit::Touch { path, mtime });
            world.sync();
        };
        world.write(Source, "a", "content");
        set(1_000_000);
        set(2_000_000);
        let happened = meanwhile(&world, Destination, "set_meta", vec![save("a")]);
        undo(&world, ActionKind::SetMeta, "a");
        assert!(happened.load(Ordering::Relaxed));
        world.has(Destination, "a", Some(SAVED));
        let time = world.sides[Destination].snapshot()[&path("a")][0].mtime;
        assert_ne!(time, Some((Timestamp::from_secs(1_000_000), true)));
    }
}
