//! Races, collisions and habits that the conformance suite cannot arrange from outside.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use tandem_core::capabilities::{
    AtomicWrite, Capabilities, CaseRule, Conditions, Ids, ListingConsistency,
};
use tandem_core::error::Cause;
use tandem_core::storage::{Discard, Expected, Identity, Keep, Meta, Root};
use tandem_testkit::oracle::Oracle;
use tandem_testkit::sim::{Edit, Habits, SimEnvironment, SimExecutor, SimStorage};

use crate::steps::{able, at, entry, expect, folder, key, list, path, put, read, text, write};

fn without_conditions() -> Capabilities {
    Capabilities {
        conditions: Conditions::default(),
        ..able()
    }
}

/// A storage on which somebody writes `x` between check and change.
fn raced(environment: &SimEnvironment, capabilities: Capabilities, habits: Habits) -> SimStorage {
    let storage = SimStorage::with_habits(capabilities, habits, environment);
    assert!(storage.edit(&write("x", "base")));
    let (other, mut once) = (storage.clone(), Some(write("x", "theirs")));
    storage.on_operation(Box::new(move |operation, _| {
        if operation != "read"
            && let Some(edit) = once.take()
        {
            assert!(other.edit(&edit));
        }
    }));
    storage
}

#[test]
fn a_condition_refuses_what_was_edited_between_check_and_change() {
    SimExecutor::run_seed(1, |environment| async move {
        let habits = Habits::plain(&able());
        let storage = raced(&environment, able(), habits);
        let root = storage.sim_root();
        let base = expect(&entry(&*root, "x").await);
        let refused = put(&*root, "x", "ours", base, Keep::No).await.unwrap_err();
        assert_eq!(refused.cause, Cause::PreconditionFailed);
        assert_eq!(text(&storage, "x").unwrap(), "theirs");
    });
}

#[test]
fn without_the_condition_it_is_overwritten_and_found_displaced() {
    SimExecutor::run_seed(2, |environment| async move {
        let capabilities = without_conditions();
        let habits = Habits::plain(&capabilities);
        let storage = raced(&environment, capabilities, habits);
        let root = storage.sim_root();
        let base = expect(&entry(&*root, "x").await);
        let done = put(&*root, "x", "ours", base, Keep::No).await.unwrap();
        assert_eq!(text(&storage, "x").unwrap(), "ours");
        let displaced = done.displaced.expect("somebody else's content is kept");
        let kept = &storage.kept()[&displaced.version];
        assert_eq!(kept.content.bytes().as_ref(), b"theirs");
    });
}

#[test]
fn a_storage_that_cannot_look_loses_it_and_says_so_to_the_oracle() {
    SimExecutor::run_seed(3, |environment| async move {
        let capabilities = without_conditions();
        let habits = Habits {
            looks_after: false,
            ..Habits::plain(&capabilities)
        };
        let oracle = Oracle::new();
        let storage = raced(&environment, capabilities, habits);
        storage.watched_by(&oracle, 0);
        let root = storage.sim_root();
        let base = expect(&entry(&*root, "x").await);
        let done = put(&*root, "x", "ours", base, Keep::No).await.unwrap();
        assert!(done.displaced.is_none() && storage.kept().is_empty());
        assert_eq!(oracle.excused().values().sum::<u64>(), 1);
        assert_eq!(oracle.check(&[&storage]), []);
    });
}

#[test]
fn a_delete_without_the_condition_keeps_what_it_did_not_expect() {
    SimExecutor::run_seed(4, |environment| async move {
        let capabilities = without_conditions();
        let habits = Habits::plain(&capabilities);
        let storage = raced(&environment, capabilities, habits);
        let root = storage.sim_root();
        let base = expect(&entry(&*root, "x").await);
        let done = root
            .delete(&at("x"), &base, &Keep::No, Discard::Forever)
            .await
            .unwrap();
        let displaced = done.displaced.expect("somebody else's content is kept");
        let kept = &storage.kept()[&displaced.version];
        assert_eq!(kept.content.bytes().as_ref(), b"theirs");
        assert!(storage.snapshot().is_empty());
    });
}

#[test]
fn a_move_that_is_a_copy_leaves_an_original_that_was_edited_meanwhile() {
    SimExecutor::run_seed(5, |environment| async move {
        let capabilities = Capabilities {
            atomic_move: false,
            ..able()
        };
        let storage = SimStorage::with(capabilities, &environment);
        assert!(storage.edit(&write("x", "base")));
        let (other, mut calls) = (storage.clone(), 0);
        storage.on_operation(Box::new(move |_, _| {
            calls += 1;
            if calls == 2 {
                assert!(other.edit(&write("x", "theirs")));
            }
        }));
        let root = storage.sim_root();
        let base = expect(&entry(&*root, "x").await);
        let (free, keep) = (Expected::Absent, Keep::No);
        let refused = root
            .move_to(&at("x"), &base, &path("y"), &free, &keep)
            .await
            .unwrap_err();
        assert_eq!(refused.cause, Cause::PreconditionFailed);
        assert_eq!(text(&storage, "x").unwrap(), "theirs");
        assert_eq!(text(&storage, "y"), None);
    });
}

#[test]
fn an_edit_during_a_read_fails_the_read() {
    SimExecutor::run_seed(6, |environment| async move {
        let storage = SimStorage::with_habits(
            able(),
            Habits {
                chunk: 4,
                ..Habits::plain(&able())
            },
            &environment,
        );
        assert!(storage.edit(&write("x", "0123456789")));
        let root = storage.sim_root();
        let shown = entry(&*root, "x").await;
        let mut stream = root.read(&at("x"), &shown, 0, 100).await.unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap().as_ref(), b"0123");
        assert!(storage.edit(&write("x", "9876543210")));
        let broken = stream.next().await.unwrap().unwrap_err();
        assert_eq!(broken.cause, Cause::PreconditionFailed);
        assert!(stream.next().await.is_none());
        assert_eq!(read(&*root, "x").await.unwrap().as_ref(), b"9876543210");
    });
}

#[test]
fn another_spelling_finds_the_existing_item() {
    for respells in [true, false] {
        SimExecutor::run_seed(7, |environment| async move {
            let capabilities = Capabilities {
                case: CaseRule::Insensitive,
                ..able()
            };
            let habits = Habits {
                respells,
                ..Habits::plain(&capabilities)
            };
            let storage = SimStorage::with_habits(capabilities, habits, &environment);
            assert!(storage.edit(&write("a", "base")));
            let root = storage.sim_root();
            let taken = put(&*root, "A", "ours", Expected::Absent, Keep::No).await;
            assert_eq!(taken.unwrap_err().cause, Cause::AlreadyExists);
            let base = expect(&entry(&*root, "A").await);
            let done = put(&*root, "A", "ours", base, Keep::No).await.unwrap();
            let landed = (!respells).then(|| path("a"));
            assert_eq!(done.landed_as, landed);
            assert_eq!(storage.snapshot().len(), 1);
        });
    }
}

#[test]
fn ids_are_given_again_only_where_they_are_a_hint() {
    for (ids, again) in [(Ids::Hint, true), (Ids::Strong, false)] {
        SimExecutor::run_seed(8, |environment| async move {
            let capabilities = Capabilities { ids, ..able() };
            let storage = SimStorage::with(capabilities, &environment);
            let root = storage.sim_root();
            let mut reused = false;
            for round in 0..20 {
                assert!(storage.edit(&write("x", &round.to_string())));
                let id = entry(&*root, "x").await.id;
                assert!(storage.edit(&Edit::Delete { path: path("x") }));
                assert!(storage.edit(&write("y", "another")));
                reused |= entry(&*root, "y").await.id == id;
                assert!(storage.edit(&Edit::Delete { path: path("y") }));
            }
            assert_eq!(reused, again, "{ids:?}");
        });
    }
}

#[test]
fn a_lagging_listing_catches_up_and_stat_is_always_right() {
    SimExecutor::run_seed(9, |environment| async move {
        let capabilities = Capabilities {
            listing: ListingConsistency::Eventual,
            ..able()
        };
        let storage = SimStorage::with(capabilities, &environment);
        let root = storage.sim_root();
        let mut late = 0;
        for round in 0..40 {
            let name = format!("file-{round}");
            assert!(storage.edit(&write(&name, "new")));
            entry(&*root, &name).await;
            let (entries, _, ended) = list(&*root).await;
            assert!(ended);
            late += usize::from(!entries.contains_key(&path(&name)));
        }
        assert!(late > 0, "no listing lagged");
        environment.advance(storage.habits().lag * 2);
        assert_eq!(list(&*root).await.0.len(), 40);
    });
}

#[test]
fn a_server_that_changes_content_shows_what_it_made_of_it() {
    SimExecutor::run_seed(10, |environment| async move {
        let capabilities = Capabilities {
            mutates_content: true,
            ..able()
        };
        let storage = SimStorage::with(capabilities, &environment);
        let root = storage.sim_root();
        let done = put(&*root, "a.html", "text", Expected::Absent, Keep::No).await;
        assert!(done.unwrap().entry.size > 4);
        let seen = storage.snapshot()[&path("a.html")][0].clone();
        assert_eq!(
            seen.sent,
            Some(tandem_testkit::sim::Blob::new("text").hash())
        );
        let done = put(&*root, "a.txt", "text", Expected::Absent, Keep::No).await;
        assert_eq!(done.unwrap().entry.size, 4);
    });
}

#[test]
fn a_flat_store_shows_no_empty_folder() {
    SimExecutor::run_seed(11, |environment| async move {
        let capabilities = Capabilities {
            empty_folders: false,
            ..able()
        };
        let storage = SimStorage::with(capabilities, &environment);
        let root = storage.sim_root();
        root.create_folder(&path("d/e")).await.unwrap();
        assert!(list(&*root).await.0.is_empty());
        put(&*root, "d/e/x", "new", Expected::Absent, Keep::No)
            .await
            .unwrap();
        assert_eq!(list(&*root).await.0.len(), 3);
        assert!(storage.edit(&Edit::Delete {
            path: path("d/e/x")
        }));
        assert!(root.stat(&at("d")).await.unwrap().is_none());
    });
}

#[test]
fn a_part_is_seen_only_where_writes_are_not_atomic() {
    for (atomic_write, seen) in [(AtomicWrite::No, true), (AtomicWrite::Yes, false)] {
        let capabilities = Capabilities {
            atomic_write,
            ..able()
        };
        let mut parts = false;
        for crash in 0..60 {
            let environment = SimEnvironment::new(12);
            let storage = SimStorage::with(capabilities.clone(), &environment);
            let root = storage.sim_root();
            SimExecutor::new(&environment)
                .crash_at(Some(crash))
                .run(put(&*root, "x", "0123456789", Expected::Absent, Keep::No));
            parts |= text(&storage, "x").is_some_and(|text| text == "01234");
        }
        assert_eq!(parts, seen, "{atomic_write:?}");
    }
}

#[test]
fn a_folder_comes_back_whole_from_the_trash() {
    SimExecutor::run_seed(13, |environment| async move {
        let storage = SimStorage::with(able(), &environment);
        for edit in [folder("d"), folder("d/e"), write("d/e/x", "deep")] {
            assert!(storage.edit(&edit));
        }
        let root = storage.sim_root();
        let expected = expect(&entry(&*root, "d").await);
        let refused = root
            .delete(&at("d"), &expected, &Keep::No, Discard::Forever)
            .await;
        assert_eq!(refused.unwrap_err().cause, Cause::PreconditionFailed);
        let done = root
            .delete(&at("d"), &expected, &Keep::No, Discard::Trash)
            .await
            .unwrap();
        assert!(storage.snapshot().is_empty());
        root.restore_version(&done.kept.unwrap(), &path("back"), &Expected::Absent)
            .await
            .unwrap();
        assert_eq!(text(&storage, "back/e/x").unwrap(), "deep");
    });
}

#[test]
fn a_kept_version_is_never_replaced_by_another_content() {
    SimExecutor::run_seed(14, |environment| async move {
        let storage = SimStorage::with(able(), &environment);
        let root = storage.sim_root();
        let keep = || Keep::Version(key("action-1", "x"));
        let mut keys = Vec::new();
        assert!(storage.edit(&write("x", "0")));
        for round in 1..4 {
            let base = expect(&entry(&*root, "x").await);
            let done = put(&*root, "x", &round.to_string(), base, keep()).await;
            keys.push(done.unwrap().kept.unwrap());
        }
        let kept = storage.kept();
        let texts: Vec<&[u8]> = keys
            .iter()
            .map(|k| kept[k].content.bytes().as_ref())
            .collect();
        assert_eq!(texts, [b"0", b"1", b"2"]);
        assert_eq!(root.versions(Some(&path("x"))).await.unwrap().len(), 3);
    });
}

#[test]
fn an_unmounted_root_is_empty_and_of_another_identity() {
    for ids in [Ids::Strong, Ids::None] {
        SimExecutor::run_seed(15, |environment| async move {
            let storage = SimStorage::with(Capabilities { ids, ..able() }, &environment);
            assert!(storage.edit(&write("x", "base")));
            let root = storage.sim_root();
            let before = root.identity(true).await.unwrap();
            assert_ne!(before.identity, Identity::Weak);
            storage.unmount();
            assert_ne!(root.identity(false).await.unwrap(), before);
            let (entries, _, ended) = list(&*root).await;
            assert!(entries.is_empty() && ended);
            assert!(!storage.edit(&write("y", "nowhere")));
            storage.mount();
            assert_eq!(root.identity(false).await.unwrap(), before);
            assert_eq!(text(&storage, "x").unwrap(), "base");
            storage.set_missing(true);
            let gone = root.identity(false).await.unwrap_err();
            assert_eq!(gone.cause, Cause::NotFound);
        });
    }
}

#[test]
fn metadata_is_set_without_another_content() {
    SimExecutor::run_seed(16, |environment| async move {
        let capabilities = Capabilities {
            mtime_precision: 2_000_000_000,
            executable: true,
            ..able()
        };
        let storage = SimStorage::with(capabilities, &environment);
        assert!(storage.edit(&write("x", "base")));
        let root: Arc<dyn Root> = storage.sim_root();
        let before = entry(&*root, "x").await;
        let time = tandem_core::time::Timestamp::from_secs(1_600_000_001);
        let meta = Meta {
            mtime: Some(tandem_core::entry::Mtime {
                at: time,
                by_client: true,
            }),
            executable: Some(true),
            ..Meta::default()
        };
        let after = root.set_meta(&at("x"), &expect(&before), &meta).await;
        let after = after.unwrap();
        assert_eq!(after.mtime.unwrap().at.secs(), 1_600_000_000);
        assert_eq!((after.executable, after.size), (Some(true), 4));
        assert_ne!(after.revision, before.revision);
        let stale = root.set_meta(&at("x"), &expect(&before), &meta).await;
        assert_eq!(stale.unwrap_err().cause, Cause::PreconditionFailed);
        assert!(storage.edit(&Edit::Append {
            path: path("x"),
            content: Bytes::from_static(b"+")
        }));
        assert_eq!(entry(&*root, "x").await.executable, Some(true));
    });
}
