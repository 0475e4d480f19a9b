//! Comparing both sides with what is recorded.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::time::Duration;

use common::{Destination, SEEDS, Source, World, capabilities, path};
use tandem_core::capabilities::{Capabilities, Ids};
use tandem_core::side::Side;
use tandem_core::time::Timestamp;
use tandem_engine::report::VerifyOptions;
use tandem_testkit::sim::{Edit, SimExecutor};

fn deep() -> VerifyOptions {
    VerifyOptions {
        deep: true,
        ..VerifyOptions::default()
    }
}

fn found(world: &World, options: &VerifyOptions) -> Vec<(String, String)> {
    let report = world.run(world.engine.verify(options)).unwrap();
    report
        .findings
        .into_iter()
        .map(|f| (format!("{}:{}", f.side, f.path), f.what))
        .collect()
}

#[test]
fn what_is_as_recorded_has_no_findings_and_costs_what_was_said() {
    for seed in SEEDS {
        let world = World::new(seed);
        world.folder(Source, "f");
        for i in 0..10 {
            world.write(Source, &format!("f/{i}"), "ten bytes.");
        }
        world.sync();
        assert_eq!(
            world.engine.verify_cost(&VerifyOptions::default()).unwrap(),
            (10, 0)
        );
        assert_eq!(world.engine.verify_cost(&deep()).unwrap(), (10, 200));
        let report = world.run(world.engine.verify(&deep())).unwrap();
        assert_eq!(
            (report.items, report.bytes, report.findings.len()),
            (10, 200, 0)
        );
        let sample = VerifyOptions {
            sample: Some(3),
            ..VerifyOptions::default()
        };
        assert_eq!(world.engine.verify_cost(&sample).unwrap(), (3, 60));
        assert_eq!(world.run(world.engine.verify(&sample)).unwrap().bytes, 60);
        let little = VerifyOptions {
            limit_bytes: Some(50),
            ..deep()
        };
        let report = world.run(world.engine.verify(&little)).unwrap();
        assert!((50..=70).contains(&report.bytes), "{}", report.bytes);
        assert_eq!(
            world
                .run(world.engine.verify(&VerifyOptions::default()))
                .unwrap()
                .bytes,
            0
        );
        world.still();
    }
}

#[test]
fn edits_and_deletes_that_wait_are_told() {
    for seed in SEEDS {
        let world = World::new(seed);
        for name in ["a", "b", "c"] {
            world.write(Source, name, "content");
        }
        world.sync();
        world.write(Source, "a", "other content");
        world.delete(Destination, "b");
        let expected = [("source:a", "changed"), ("destination:b", "missing")];
        let expected = expected.map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(found(&world, &VerifyOptions::default()), expected);
        assert_eq!(found(&world, &deep()), expected);
    }
}

#[test]
fn rot_is_found_and_mended_from_the_good_side() {
    for seed in SEEDS {
        for side in [Source, Destination] {
            let world = World::new(seed);
            world.write(Source, "a", "good content");
            world.write(Source, "b", "as it was");
            world.sync();
            assert!(world.sides[side].rot(&path("a"), "g00d content".into()));
            assert!(
                found(&world, &VerifyOptions::default()).is_empty(),
                "its revision is the same"
            );
            assert_eq!(
                found(&world, &deep()),
                [(format!("{side}:a"), "rotted".to_owned())]
            );
            world.has(side, "a", Some("g00d content"));
            let report = world
                .run(world.engine.verify(&VerifyOptions {
                    repair: true,
                    ..deep()
                }))
                .unwrap();
            assert_eq!((report.findings.len(), report.repaired), (1, 1));
            world.both_have("a", Some("good content"));
            assert!(world.is_kept(side, "g00d content"));
            world.still();
            assert!(found(&world, &deep()).is_empty());
        }
    }
}

/// Equal by size and time alone: what is read first is what later reads are compared with.
#[test]
fn what_was_never_read_is_known_from_then_on() {
    for seed in SEEDS {
        let world = World::new(seed);
        for side in Side::BOTH {
            world.write(side, "a", "the same");
            let (path, mtime) = (path("a"), Timestamp::from_secs(1_700_000_000));
            world.edit(side, &Edit::Touch { path, mtime });
        }
        world.sync();
        assert!(found(&world, &deep()).is_empty());
        assert!(world.sides.source.rot(&path("a"), "the SAME".into()));
        let rotted = ("source:a".to_owned(), "rotted".to_owned());
        assert_eq!(found(&world, &deep()), [rotted]);
    }
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_goes_on() {
    for seed in SEEDS {
        let world = World::new(seed);
        for name in ["a", "b", "c"] {
            world.write(Source, name, "content");
        }
        world.sync();
        assert!(world.sides.destination.rot(&path("c"), "c0ntent".into()));
        // The listing still shows it.
        let storage = world.sides.source.clone();
        world.sides.source.on_operation(Box::new(move |what, at| {
            if what == "read" && at.as_str() == "a" {
                storage.lose_access(&path("b"));
            }
        }));
        let expected = [("source:b", "unreadable"), ("destination:c", "rotted")];
        let expected = expected.map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(found(&world, &deep()), expected);
    }
}

#[test]
fn an_edit_right_after_a_file_was_carried_is_no_rot() {
    for seed in SEEDS {
        for side in Side::BOTH {
            let coarse = |_| Capabilities {
                revision_granularity: 2_000_000_000,
                mtime_precision: 2_000_000_000,
                ..capabilities(Ids::None)
            };
            let world = World::of(seed, |_| {}, coarse);
            world.sync();
            let edit = |side: Side, content: &'static str| {
                assert!(world.sides[side].edit(&Edit::Write {
                    path: path("a"),
                    content: content.into(),
                }));
            };
            let options = VerifyOptions {
                repair: true,
                ..deep()
            };
            // Nobody waits meanwhile.
            let at_once = async {
                edit(Source, "first");
                world.engine.sync().await.unwrap();
                edit(side, "other");
                world.engine.verify(&options).await.unwrap()
            };
            let at_once = SimExecutor::new(&world.environment).run(at_once).unwrap();
            let later = world.run(world.engine.verify(&options)).unwrap();
            assert_eq!((at_once.repaired, later.repaired), (0, 0));
            // What was found to be edited once is compared again in a minute.
            world.environment.advance(Duration::from_secs(60));
            world.sync();
            world.both_have("a", Some("other"));
        }
    }
}
