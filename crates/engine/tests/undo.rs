//! Taking actions back: on the side where they happened, and nowhere else.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{Destination, SEEDS, Source, World, capabilities, path};
use tandem_core::capabilities::{Capabilities, Ids};
use tandem_core::path::RelPath;
use tandem_core::policy::Mode;
use tandem_core::side::Side;
use tandem_core::time::Timestamp;
use tandem_engine::error::EngineError;
use tandem_engine::report::{ActionKind, Summary, Undo};
use tandem_testkit::sim::{Edit, SimExecutor};

fn undo(world: &World, kind: ActionKind, at: &str) -> Summary {
    let line = world.line(kind, at);
    assert!(line.undoable, "{line:?}");
    world.run(world.engine.undo(Undo::Action(line.id))).unwrap()
}

#[test]
fn what_was_created_goes_where_it_was_created_and_stays_at_its_origin() {
    for seed in SEEDS {
        let world = World::new(seed);
        world.write(Source, "a", "one");
        world.sync();
        undo(&world, ActionKind::Create, "a");
        world.has(Source, "a", Some("one"));
        world.has(Destination, "a", None);
        assert!(world.is_kept(Destination, "one"));
        world.still();
        assert_eq!(
            world.run(world.engine.explain("a")).unwrap().state,
            "detached"
        );
        // Twice is refused, and changes nothing.
        let line = world.line(ActionKind::Create, "a");
        assert!(!line.undoable);
        assert!(matches!(
            world.run(world.engine.undo(Undo::Action(line.id))),
            Err(EngineError::Refused(_))
        ));
        // The next edit carries it again.
        world.write(Source, "a", "two");
        world.sync();
        world.both_have("a", Some("two"));
        world.still();
    }
}

#[test]
fn undoing_is_undone() {
    for seed in SEEDS {
        let world = World::new(seed);
        world.write(Source, "a", "one");
        world.sync();
        undo(&world, ActionKind::Create, "a");
        undo(&world, ActionKind::Delete, "a");
        world.both_have("a", Some("one"));
        world.still();
        assert_eq!(
            world.run(world.engine.explain("a")).unwrap().state,
            "in_step"
        );
    }
}

#[test]
fn what_was_replaced_comes_back_and_is_not_carried() {
    for seed in SEEDS {
        let world = World::new(seed);
        world.write(Source, "a", "old");
        world.sync();
        world.write(Source, "a", "new content");
        world.sync();
        undo(&world, ActionKind::Replace, "a");
        world.has(Source, "a", Some("new content"));
        world.has(Destination, "a", Some("old"));
        assert!(world.is_kept(Destination, "new content"));
        world.still();
        // Either side's next edit is an ordinary one.
        if seed % 2 == 0 {
            world.write(Source, "a", "newer");
        } else {
            world.write(Destination, "a", "newer");
        }
        assert_eq!(world.sync().conflicts, 0);
        world.both_have("a", Some("newer"));
        world.still();
    }
}

/// owncloud/client#4619: undoing instead of confirming.
#[test]
fn what_was_deleted_comes_back_on_both() {
    for seed in SEEDS {
        let world = World::new(seed);
        world.folder(Source, "f");
        world.write(Source, "f/a", "one");
        world.sync();
        world.edit(Source, &Edit::DeleteTree { path: path("f") });
        let run = world.sync().run.unwrap();
        assert!(world.paths(Destination).is_empty());
        world.run(world.engine.undo(Undo::Run(run))).unwrap();
        world.both_have("f/a", Some("one"));
        world.still();
    }
}

#[test]
fn what_was_moved_goes_back_and_both_places_rest() {
    for seed in SEEDS {
        let world = World::new(seed);
        let long = "x".repeat(2000);
        world.folder(Source, "f");
        world.write(Source, "f/a", &long);
        world.write(Source, "b", "beside");
        world.sync();
        world.edit(
            Source,
            &Edit::Move {
                from: path("f/a"),
                to: path("c"),
            },
        );
        world.sync();
        world.both_have("c", Some(&long));
        undo(&world, ActionKind::Move, "f/a");
        world.has(Destination, "f/a", Some(&long));
        world.has(Destination, "c", None);
        world.has(Source, "c", Some(&long));
        world.still();
    }
}

#[test]
fn a_moved_folder_goes_back_with_all_in_it() {
    // Strong ids on both sides, so that the move is seen as one.
    let strong = |_| common::capabilities(tandem_core::capabilities::Ids::Strong);
    let world = World::of(1, |_| {}, strong);
    world.folder(Source, "f");
    for i in 0..20 {
        world.write(Source, &format!("f/{i}"), &format!("{i}"));
    }
    world.sync();
    world.edit(
        Source,
        &Edit::Move {
            from: path("f"),
            to: path("g"),
        },
    );
    world.sync();
    world.both_have("g/7", Some("7"));
    undo(&world, ActionKind::Move, "f");
    world.has(Destination, "f/7", Some("7"));
    world.has(Source, "g/7", Some("7"));
    assert_eq!(world.paths(Destination).len(), 21);
    world.still();
    world.write(Source, "g/7", "seven");
    world.sync();
    world.both_have("g/7", Some("seven"));
    world.has(Destination, "f/7", Some("7"));
    world.has(Source, "f/7", None);
    world.still();
}

#[test]
fn the_time_is_set_back_on_both() {
    let world = World::new(2);
    world.write(Source, "a", "one");
    world.edit(
        Source,
        &Edit::Touch {
            path: path("a"),
            mtime: Timestamp::from_secs(1_000_000),
        },
    );
    world.sync();
    world.edit(
        Source,
        &Edit::Touch {
            path: path("a"),
            mtime: Timestamp::from_secs(2_000_000),
        },
    );
    world.sync();
    undo(&world, ActionKind::SetMeta, "a");
    for side in [Source, Destination] {
        let seen = world.sides[side].snapshot()[&path("a")][0].mtime;
        assert_eq!(seen, Some((Timestamp::from_secs(1_000_000), true)));
    }
    world.still();
}

#[test]
fn old_content_is_put_beside_what_changed_since() {
    for seed in SEEDS {
        let world = World::new(seed);
        world.write(Source, "a.txt", "old");
        world.sync();
        world.write(Source, "a.txt", "new");
        world.sync();
        let id = world.line(ActionKind::Replace, "a.txt").id;
        world.write(Destination, "a.txt", "edited here");
        world.run(world.engine.undo(Undo::Action(id))).unwrap();
        world.both_have("a.txt", Some("edited here"));
        let beside: Vec<_> = world
            .paths(Destination)
            .into_iter()
            .filter(|p| p != "a.txt")
            .collect();
        assert_eq!(beside.len(), 1, "{beside:?}");
        world.both_have(&beside[0], Some("old"));
        world.still();
    }
}

#[test]
fn a_copy_that_was_edited_since_is_left_alone() {
    let world = World::new(3);
    world.write(Source, "a", "one");
    world.sync();
    let id = world.line(ActionKind::Create, "a").id;
    world.write(Destination, "a", "mine");
    assert!(matches!(
        world.run(world.engine.undo(Undo::Action(id))),
        Err(EngineError::Refused(_))
    ));
    world.has(Destination, "a", Some("mine"));
    world.sync();
    world.both_have("a", Some("mine"));
}

/// syncthing/syncthing#2599: going back to a point in time.
#[test]
fn several_runs_are_taken_back_newest_first() {
    for seed in SEEDS {
        let world = World::new(seed);
        world.write(Source, "before", "stays");
        world.sync();
        world
            .environment
            .advance(std::time::Duration::from_secs(100));
        let since = world.log().last().unwrap().at.plus(1);
        world.folder(Source, "f");
        world.write(Source, "f/a", "one");
        world.sync();
        world.write(Source, "f/a", "two");
        world.sync();
        world.write(Source, "f/a", "three");
        world.sync();
        let summary = world.run(world.engine.undo(Undo::Since(since))).unwrap();
        assert_eq!(summary.failed, 0, "{:#?}", world.log());
        assert_eq!(world.paths(Destination), ["before"]);
        world.has(Source, "f/a", Some("three"));
        world.still();
        // Once more there is nothing left to undo.
        let again = world.run(world.engine.undo(Undo::Since(since))).unwrap();
        assert_eq!((again.done, again.failed), (0, 0));
    }
}

#[test]
fn in_a_mirror_it_rests_until_the_source_changes_it() {
    for seed in SEEDS {
        let world = World::with(seed, |o| o.policy.mode = Mode::SourceToDestination);
        world.write(Source, "a", "one");
        world.write(Source, "b", "one");
        world.write(Source, "keeps", "the mirror from being empty");
        world.sync();
        world.write(Source, "a", "two");
        world.delete(Source, "b");
        world.sync();
        undo(&world, ActionKind::Replace, "a");
        undo(&world, ActionKind::Delete, "b");
        world.has(Destination, "a", Some("one"));
        world.has(Destination, "b", Some("one"));
        world.has(Source, "b", None);
        world.still();
        world.write(Source, "a", "three");
        world.write(Source, "b", "three");
        world.sync();
        world.both_have("a", Some("three"));
        world.both_have("b", Some("three"));
        world.still();
    }
}

/// Whether a file of this side has this content, whatever its name.
fn holds(world: &World, side: tandem_core::side::Side, content: &str) -> bool {
    world
        .paths(side)
        .iter()
        .any(|p| world.text(side, p).as_deref() == Some(content))
}

#[test]
fn a_crash_while_undoing_carries_nothing_to_the_origin() {
    let mut crashed = 0;
    for at in 1..40 {
        for kind in [ActionKind::Create, ActionKind::Replace] {
            let world = World::new(at);
            world.write(Source, "a", "old");
            world.sync();
            if kind == ActionKind::Replace {
                world.write(Source, "a", "new content");
                world.sync();
            }
            let content = world.text(Source, "a").unwrap();
            let id = world.line(kind, "a").id;
            let mut executor = SimExecutor::new(&world.environment).crash_at(Some(at));
            crashed += u32::from(executor.run(world.engine.undo(Undo::Action(id))).is_none());
            world.sync();
            world.sync();
            world.still();
            assert!(
                holds(&world, Source, &content),
                "{kind:?} at {at}: {:?}",
                world.paths(Source)
            );
            assert!(holds(&world, Destination, &content) || world.is_kept(Destination, &content));
        }
    }
    assert!(crashed >= 30, "{crashed}");
}

#[test]
fn what_there_is_not_cannot_be_undone() {
    let world = World::new(1);
    assert!(matches!(
        world.run(world.engine.undo(Undo::Action(7))),
        Err(EngineError::NotFound { .. })
    ));
    assert!(matches!(
        world.run(world.engine.undo(Undo::Run(7))),
        Err(EngineError::NotFound { .. })
    ));
}

/// Two folders would be one, and going back would take the other's file along. It gets a name of its own.
#[test]
fn a_folder_that_is_moved_in_steps_goes_into_no_folder_that_came_meanwhile() {
    for seed in 1..9 {
        let world = World::of(
            seed,
            |_| {},
            |side: Side| match side {
                Source => capabilities(Ids::Strong),
                Destination => Capabilities {
                    folder_move: false,
                    ..capabilities(Ids::None)
                },
            },
        );
        world.folder(Source, "old");
        world.write(Source, "old/a", "in the folder");
        world.write(Source, "first", "a file");
        world.sync();
        for (from, to) in [("first", "0"), ("old", "new")] {
            let (from, to) = (path(from), path(to));
            world.edit(Source, &Edit::Move { from, to });
        }
        let storage = world.sides.destination.clone();
        let mut theirs = Some([
            Edit::CreateFolder { path: path("new") },
            Edit::Write {
                path: path("new/theirs"),
                content: "theirs".into(),
            },
        ]);
        let put = Box::new(move |what: &str, at: &RelPath| {
            if what == "move_to" && at.as_str() == "first" {
                for edit in theirs.take().into_iter().flatten() {
                    assert!(storage.edit(&edit));
                }
            }
        });
        world.sides.destination.on_operation(put);
        let run = world.sync().run.unwrap();
        world.sides.destination.clear_hook();
        world.has(Destination, "new/a", Some("in the folder"));
        world.has(Destination, "new/theirs", None);
        world.run(world.engine.undo(Undo::Run(run))).unwrap();
        world.has(Destination, "old/a", Some("in the folder"));
        world.has(Destination, "old/theirs", None);
    }
}
