//! Conflicts that wait or whose copy is there: how they are shown, and what a person's decision does.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::time::Duration;

use common::{Destination, SEEDS, Source, World, capabilities, path};
use futures_util::StreamExt;
use futures_util::future::join;
use tandem_core::capabilities::Ids;
use tandem_core::policy::ConflictPolicy;
use tandem_core::side::{PerSide, Side};
use tandem_engine::error::EngineError;
use tandem_engine::report::Resolution;
use tandem_testkit::sim::Edit;

fn waiting(seed: u64, in_base: bool) -> (World, String) {
    let world = World::with(seed, |o| o.policy.conflict = ConflictPolicy::Manual);
    if in_base {
        world.write(Source, "a", "base");
        world.sync();
    }
    world.write(Source, "a", "the source's");
    world.write(Destination, "a", "the destination's, longer");
    world.sync();
    world.has(Source, "a", Some("the source's"));
    let conflicts = world.engine.conflicts().unwrap();
    assert_eq!(conflicts.len(), 1);
    assert_eq!(
        conflicts[0].kind,
        if in_base {
            "edit_edit"
        } else {
            "create_create"
        }
    );
    assert_eq!(conflicts[0].sides.source.as_ref().unwrap().size, 12);
    assert_eq!(
        world.run(world.engine.explain("a")).unwrap().state,
        "conflict"
    );
    (world, conflicts[0].id.clone())
}

fn decided(world: &World) {
    assert!(world.engine.conflicts().unwrap().is_empty());
    world.still();
    assert!(world.engine.conflicts().unwrap().is_empty());
}

#[test]
fn a_waiting_conflict_is_decided_for_one_side() {
    for seed in SEEDS {
        for in_base in [false, true] {
            let (world, id) = waiting(seed, in_base);
            world
                .run(world.engine.resolve(&id, Resolution::Source))
                .unwrap();
            world.both_have("a", Some("the source's"));
            assert!(world.is_kept(Destination, "the destination's, longer"));
            decided(&world);
            let (world, id) = waiting(seed, in_base);
            world
                .run(world.engine.resolve(&id, Resolution::Destination))
                .unwrap();
            world.both_have("a", Some("the destination's, longer"));
            assert!(world.is_kept(Source, "the source's"));
            decided(&world);
        }
    }
}

#[test]
fn a_waiting_conflict_keeps_both_or_is_merged() {
    for seed in SEEDS {
        for in_base in [false, true] {
            let (world, id) = waiting(seed, in_base);
            world
                .run(world.engine.resolve(&id, Resolution::Both))
                .unwrap();
            world.both_have("a", Some("the destination's, longer"));
            let copy = world.paths(Source).into_iter().find(|p| p != "a").unwrap();
            world.both_have(&copy, Some("the source's"));
            decided(&world);
            let (world, id) = waiting(seed, in_base);
            world
                .run(
                    world
                        .engine
                        .resolve(&id, Resolution::Merged(b"of both".to_vec())),
                )
                .unwrap();
            world.both_have("a", Some("of both"));
            assert!(world.is_kept(Source, "the source's"));
            assert!(world.is_kept(Destination, "the destination's, longer"));
            decided(&world);
        }
    }
}

type Shown = PerSide<Option<(String, String)>>;

/// What a person is shown of both versions: content and revision.
fn shown(world: &World, id: &str) -> Shown {
    let versions = world.run(world.engine.conflict_versions(id)).unwrap();
    versions.map(|version| {
        version.map(|version| {
            let bytes = world.run(async {
                let mut bytes = Vec::new();
                let length = version.content.len();
                let mut pieces = version.content.open(0, length).await.unwrap();
                while let Some(piece) = pieces.next().await {
                    bytes.extend_from_slice(&piece.unwrap());
                }
                bytes
            });
            (String::from_utf8(bytes).unwrap(), version.view.revision)
        })
    })
}

fn revisions(shown: &Shown) -> PerSide<Option<String>> {
    shown
        .as_ref()
        .map(|version| version.as_ref().map(|(_, revision)| revision.clone()))
}

#[test]
fn a_list_of_conflicts_tells_the_revisions_that_a_look_at_each_finds() {
    for seed in SEEDS {
        let (waits, id) = waiting(seed, true);
        let (copied, id_of_copied, _) = copied(seed);
        for (world, id) in [(waits, id), (copied, id_of_copied)] {
            let listed = world.engine.conflicts().unwrap().remove(0).sides;
            let listed = listed.map(|side| side.map(|side| side.revision));
            assert_eq!(listed, revisions(&shown(&world, &id)));
        }
    }
}

fn contents(shown: &Shown) -> [Option<&str>; 2] {
    Side::BOTH.map(|side| shown[side].as_ref().map(|(content, _)| content.as_str()))
}

#[test]
fn both_versions_can_be_looked_at_and_are_merged_as_they_were_shown() {
    for seed in SEEDS {
        let (world, id) = waiting(seed, true);
        let before = shown(&world, &id);
        assert_eq!(
            contents(&before),
            [Some("the source's"), Some("the destination's, longer")]
        );
        let merged = Resolution::Merged(b"of both".to_vec());
        let seen = revisions(&before);
        world
            .run(world.engine.resolve_seen(&id, merged, Some(&seen)))
            .unwrap();
        world.both_have("a", Some("of both"));
        assert!(world.is_kept(Source, "the source's"));
        assert!(world.is_kept(Destination, "the destination's, longer"));
        decided(&world);
    }
}

#[test]
fn of_a_conflict_with_a_copy_the_copy_is_the_sources_version() {
    for seed in SEEDS {
        let (world, id, copy) = copied(seed);
        let before = shown(&world, &id);
        assert_eq!(
            contents(&before),
            [Some("the source's"), Some("the destination's")]
        );
        let merged = Resolution::Merged(b"of both".to_vec());
        let seen = revisions(&before);
        world
            .run(world.engine.resolve_seen(&id, merged, Some(&seen)))
            .unwrap();
        world.both_have("a", Some("of both"));
        world.both_have(&copy, None);
        decided(&world);
    }
}

#[test]
fn what_changed_since_it_was_shown_is_not_decided() {
    for seed in SEEDS {
        for side in Side::BOTH {
            for how in [
                Resolution::Merged(b"of both".to_vec()),
                Resolution::Source,
                Resolution::Destination,
            ] {
                let (world, id) = waiting(seed, true);
                let seen = revisions(&shown(&world, &id));
                world.write(side, "a", "edited while a person was reading");
                let decided = world.run(world.engine.resolve_seen(&id, how.clone(), Some(&seen)));
                assert!(
                    matches!(decided, Err(EngineError::Refused(_))),
                    "{decided:?}"
                );
                world.has(side, "a", Some("edited while a person was reading"));
                assert_eq!(world.engine.conflicts().unwrap().len(), 1);

                let (world, id, copy) = copied(seed);
                let seen = revisions(&shown(&world, &id));
                let path = if side == Source { copy.as_str() } else { "a" };
                world.write(Destination, path, "edited while a person was reading");
                let decided = world.run(world.engine.resolve_seen(&id, how, Some(&seen)));
                assert!(
                    matches!(decided, Err(EngineError::Refused(_))),
                    "{decided:?}"
                );
                world.has(Destination, path, Some("edited while a person was reading"));
            }
        }
    }
}

/// Whoever shows the pairs asks at each event, also between the note of a conflict and its copy.
#[test]
fn a_conflict_that_is_asked_for_while_its_copy_is_made_is_not_forgotten() {
    for seed in SEEDS {
        let world = World::new(seed);
        world.write(Source, "a", "the source's");
        world.write(Destination, "a", "the destination's");
        let environment = world.environment.shared();
        let asking = async {
            for _ in 0..2000 {
                world.engine.conflicts().unwrap();
                environment.sleep(Duration::from_millis(1)).await;
            }
        };
        world
            .run(async { join(world.engine.sync(), asking).await.0 })
            .unwrap();
        assert_eq!(world.engine.conflicts().unwrap().len(), 1, "{seed}");
    }
}

fn copied(seed: u64) -> (World, String, String) {
    let world = World::new(seed);
    world.write(Source, "a", "the source's");
    world.write(Destination, "a", "the destination's");
    world.sync();
    let conflicts = world.engine.conflicts().unwrap();
    assert_eq!(conflicts.len(), 1);
    let copy = conflicts[0].copy.clone().unwrap();
    world.both_have("a", Some("the destination's"));
    world.both_have(&copy, Some("the source's"));
    (world, conflicts[0].id.clone(), copy)
}

#[test]
fn a_conflict_with_a_copy_is_decided() {
    for seed in SEEDS {
        let cases = [
            (Resolution::Source, "the source's", false),
            (Resolution::Destination, "the destination's", false),
            (Resolution::Both, "the destination's", true),
            (Resolution::Merged(b"of both".to_vec()), "of both", false),
        ];
        for (how, stays, both) in cases {
            let (world, id, copy) = copied(seed);
            world.run(world.engine.resolve(&id, how)).unwrap();
            world.both_have("a", Some(stays));
            world.both_have(&copy, both.then_some("the source's"));
            decided(&world);
            let everywhere = |content: &str| {
                let anywhere = |side: Side| {
                    world.is_kept(side, content)
                        || world
                            .paths(side)
                            .iter()
                            .any(|p| world.text(side, p).as_deref() == Some(content))
                };
                anywhere(Source) || anywhere(Destination)
            };
            assert!(everywhere("the source's") && everywhere("the destination's"));
            assert!(matches!(
                world.run(world.engine.resolve(&id, Resolution::Both)),
                Err(EngineError::NotFound { .. })
            ));
        }
    }
}

#[test]
fn a_conflict_goes_with_the_folder_that_it_is_in() {
    for seed in SEEDS {
        for side in Side::BOTH {
            let world = World::of(seed, |_| {}, |_| capabilities(Ids::Strong));
            world.folder(Source, "f");
            world.sync();
            world.write(Source, "f/a", "the source's");
            world.write(Destination, "f/a", "the destination's");
            world.sync();
            let (from, to) = (path("f"), path("g"));
            world.edit(side, &Edit::Move { from, to });
            world.sync();
            world.both_have("g/a", Some("the destination's"));
            let conflicts = world.engine.conflicts().unwrap();
            assert_eq!(conflicts.len(), 1);
            assert_eq!(conflicts[0].path, "g/a");
            world.both_have(conflicts[0].copy.as_ref().unwrap(), Some("the source's"));
            let id = conflicts[0].id.clone();
            world
                .run(world.engine.resolve(&id, Resolution::Source))
                .unwrap();
            world.both_have("g/a", Some("the source's"));
            decided(&world);
        }
    }
}

#[test]
fn a_person_who_deletes_the_copy_has_decided() {
    let (world, _, copy) = copied(1);
    world.delete(Source, &copy);
    world.sync();
    world.both_have(&copy, None);
    assert!(world.engine.conflicts().unwrap().is_empty());
}

fn settled(world: &World, kind: &str) -> String {
    let conflicts = world.engine.conflicts().unwrap();
    assert_eq!(conflicts.len(), 1, "{conflicts:?}");
    assert!(
        conflicts[0].is_settled && conflicts[0].kind == kind,
        "{conflicts:?}"
    );
    // Further passes neither repeat nor forget it.
    world.still();
    assert_eq!(world.engine.conflicts().unwrap(), conflicts);
    conflicts[0].id.clone()
}

#[test]
fn what_became_of_folders_moved_into_each_other_is_told_until_it_was_seen() {
    for seed in SEEDS {
        let world = World::of(seed, |_| {}, |_| capabilities(Ids::Strong));
        for folder in ["x", "y"] {
            world.folder(Source, folder);
        }
        world.write(Source, "x/1", "one");
        world.write(Source, "y/2", "two");
        world.sync();
        world.edit(
            Source,
            &Edit::Move {
                from: path("x"),
                to: path("y/x"),
            },
        );
        world.edit(
            Destination,
            &Edit::Move {
                from: path("y"),
                to: path("x/y"),
            },
        );
        world.sync();
        world.both_have("x/1", Some("one"));
        world.both_have("y/2", Some("two"));
        let all = world.engine.conflicts().unwrap();
        assert!(!all.is_empty() && all.iter().all(|one| one.is_settled));
        for one in all {
            let refused = world.run(world.engine.resolve(&one.id, Resolution::Source));
            assert!(
                matches!(refused, Err(EngineError::Refused(_))),
                "{refused:?}"
            );
            world
                .run(world.engine.resolve(&one.id, Resolution::Both))
                .unwrap();
        }
        decided(&world);
    }
}

/// The source made a file, the destination a folder of the same name.
fn file_against_folder(seed: u64) -> World {
    let world = World::new(seed);
    world.write(Source, "other", "x");
    world.sync();
    world.write(Source, "name", "the file");
    world.folder(Destination, "name");
    world.write(Destination, "name/inside", "in the folder");
    world.sync();
    world
}

#[test]
fn a_file_that_met_a_folder_of_its_name_is_told_with_where_it_is_now() {
    for seed in SEEDS {
        let world = file_against_folder(seed);
        world.both_have("name/inside", Some("in the folder"));
        let id = settled(&world, "file_against_folder");
        let copy = world.engine.conflicts().unwrap()[0].copy.clone().unwrap();
        world.both_have(&copy, Some("the file"));
        world
            .run(world.engine.resolve(&id, Resolution::Both))
            .unwrap();
        decided(&world);
    }
}

#[test]
fn what_a_person_removes_or_renames_needs_no_telling_any_more() {
    for seed in SEEDS {
        let world = file_against_folder(seed);
        let copy = world.engine.conflicts().unwrap()[0].copy.clone().unwrap();
        world.edit(
            Source,
            &Edit::Move {
                from: path(&copy),
                to: path("renamed"),
            },
        );
        world.sync();
        decided(&world);
    }
}
