//! What keeps changing while it is carried, and what keeps a folder.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use bytes::Bytes;
use common::{Destination, SEEDS, Source, World, path};
use tandem_core::policy::Mode;
use tandem_engine::report::Rejection;
use tandem_testkit::sim::Edit;

#[test]
fn what_is_overtaken_each_time_is_shown() {
    for seed in SEEDS {
        let world = World::new(seed);
        world.write(Source, "a", "first");
        world.sync();
        world.write(Source, "a", "second");
        let (storage, mut n) = (world.sides[Source].clone(), 0);
        world.sides[Source].on_operation(Box::new(move |operation, at| {
            if operation == "read" && at.as_str() == "a" {
                n += 1;
                let content = Bytes::from(format!("edited {n}"));
                storage.edit(&Edit::Write {
                    path: at.clone(),
                    content,
                });
            }
        }));
        let summary = world.sync();
        let problems = world.engine.problems().unwrap();
        assert_eq!(problems.len(), 1, "{summary:?} {:?}", world.log());
        assert_eq!(
            (problems[0].path.as_str(), problems[0].why.as_str()),
            ("a", "keeps_changing")
        );
        assert_eq!(summary.problems, 1);
        world.sides[Source].clear_hook();
        assert_eq!(world.sync().problems, 0);
        world.still();
    }
}

#[test]
fn a_folder_is_kept_for_what_is_detached_in_it() {
    for seed in SEEDS {
        let world = World::with(seed, |o| o.policy.mode = Mode::SourceToDestination);
        world.folder(Source, "d");
        world.write(Source, "d/a", "sent");
        world.write(Source, "b", "sent");
        world.folder(Destination, "d");
        world.write(Destination, "d/own", "mine");
        world.sync();
        let held = world.engine.held().unwrap();
        world
            .run(world.engine.reject(&held[0].id, Rejection::Detach))
            .unwrap();
        world.edit(Source, &Edit::DeleteTree { path: path("d") });
        let summary = world.sync();
        assert_eq!((summary.problems, summary.failed), (0, 0));
        world.has(Destination, "d/own", Some("mine"));
        world.has(Destination, "d/a", None);
        world.still();
    }
}
