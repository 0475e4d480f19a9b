//! What a crash takes back, and what it must leave.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use tandem_core::content::BytesContent;
use tandem_core::storage::{Expected, Keep, Meta, Root};
use tandem_testkit::sim::{Habits, SimEnvironment, SimExecutor, SimStorage};

use crate::steps::{Ear, able, folder, path, put, text, write};

fn volatile(environment: &SimEnvironment) -> SimStorage {
    let habits = Habits {
        volatile: true,
        chunk: 8,
        ..Habits::plain(&able())
    };
    SimStorage::with_habits(able(), habits, environment)
}

/// What is left of `x`, `y` and `z` after the given steps and a crash, over many seeds.
fn survivors(settle: bool) -> Vec<[bool; 3]> {
    let mut found = Vec::new();
    for seed in 0..60 {
        let storage = SimExecutor::run_seed(seed, |environment| async move {
            let storage = volatile(&environment);
            let root = storage.sim_root();
            for name in ["x", "y", "z"] {
                put(&*root, name, name, Expected::Absent, Keep::No)
                    .await
                    .unwrap();
            }
            if settle {
                root.settle().await.unwrap();
            }
            storage
        });
        storage.crash(true);
        let left = ["x", "y", "z"].map(|name| text(&storage, name).is_some());
        if !found.contains(&left) {
            found.push(left);
        }
    }
    found.sort_unstable();
    found
}

#[test]
fn the_last_group_is_durable_only_after_a_flush() {
    // The commit of `z` made `x` and `y` durable and is itself lost in some runs.
    assert_eq!(survivors(false), [[true, true, false], [true, true, true]]);
    assert_eq!(survivors(true), [[true, true, true]]);
}

#[test]
fn the_end_of_a_program_alone_takes_nothing_back() {
    let storage = SimExecutor::run_seed(1, |environment| async move {
        let storage = volatile(&environment);
        let root = storage.sim_root();
        put(&*root, "x", "new", Expected::Absent, Keep::No)
            .await
            .unwrap();
        storage
    });
    assert_eq!(storage.crash(false), 0);
    assert_eq!(text(&storage, "x").unwrap(), "new");
}

#[test]
fn what_was_done_since_the_last_flush_survives_in_order() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..100 {
        let storage = SimExecutor::run_seed(seed, |environment| async move {
            let storage = volatile(&environment);
            let root = storage.sim_root();
            for name in ["a", "b", "c"] {
                root.create_folder(&path(name)).await.unwrap();
            }
            storage
        });
        let taken_back = storage.crash(true);
        let left: String = storage
            .snapshot()
            .keys()
            .map(|path| path.as_str())
            .collect();
        assert_eq!(left.len() + taken_back, 3);
        seen.insert(left);
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["", "a", "ab", "abc"]);
}

#[test]
fn a_persons_save_is_durable_with_all_that_came_before() {
    for seed in 0..30 {
        let storage = SimExecutor::run_seed(seed, |environment| async move {
            let storage = volatile(&environment);
            let root = storage.sim_root();
            root.create_folder(&path("d")).await.unwrap();
            assert!(storage.edit(&write("d/x", "saved")));
            storage
        });
        assert_eq!(storage.crash(true), 0);
        assert_eq!(text(&storage, "d/x").unwrap(), "saved");
    }
}

#[test]
fn an_upload_goes_on_from_what_a_crash_left_of_it() {
    let mut resumed = 0;
    for seed in 0..40 {
        let environment = SimEnvironment::new(seed);
        let storage = volatile(&environment);
        let content = Arc::new(BytesContent(Bytes::from(vec![7; 1_000])));
        let ear = Arc::new(Ear::default());
        let (root, target, meta) = (storage.sim_root(), path("x"), Meta::default());
        let stage = root.stage(&target, content.clone(), &meta, None, ear.clone());
        let staged = SimExecutor::new(&environment).run(stage).unwrap().unwrap();
        assert_eq!(ear.progress.load(Ordering::Relaxed), 1_000);
        storage.crash(true);
        let again = Arc::new(Ear::default());
        let token = ear.token.lock().unwrap().clone();
        let stage = root.stage(&target, content, &meta, token.as_ref(), again.clone());
        let once_more = SimExecutor::new(&environment).run(stage).unwrap().unwrap();
        assert_eq!(again.progress.load(Ordering::Relaxed), 1_000);
        resumed += usize::from(once_more.token == staged.token);
        assert_eq!(storage.uploads(), 1);
    }
    assert_eq!(resumed, 40);
}

#[test]
fn every_crash_point_leaves_the_old_or_the_new() {
    let mut outcomes = std::collections::BTreeSet::new();
    for crash in 0..200 {
        let environment = SimEnvironment::new(crash);
        let storage = volatile(&environment);
        assert!(storage.edit(&folder("d")) && storage.edit(&write("d/x", "old")));
        let root = storage.sim_root();
        let work = async {
            let base = crate::steps::expect(&crate::steps::entry(&*root, "d/x").await);
            put(&*root, "d/x", "new", base, Keep::No).await.unwrap();
            root.settle().await.unwrap();
        };
        let done = SimExecutor::new(&environment)
            .crash_at(Some(crash))
            .run(work);
        storage.crash(true);
        let text = text(&storage, "d/x").unwrap();
        assert!(text == "old" || text == "new");
        assert!(done.is_none() || text == "new");
        outcomes.insert((done.is_some(), text));
    }
    assert_eq!(outcomes.len(), 3, "{outcomes:?}");
}
