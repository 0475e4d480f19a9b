//! Each fault happens, is counted, and ends.

use std::time::Duration;

use tandem_core::capabilities::{Capabilities, ListingConsistency};
use tandem_core::environment::Environment;
use tandem_core::error::{Cause, ErrorKind};
use tandem_core::path::RelPath;
use tandem_core::storage::{Change, Expected, Keep, Root};
use tandem_testkit::oracle::Oracle;
use tandem_testkit::seed::Rng;
use tandem_testkit::sim::{Edit, Fault, Faults, SimExecutor, SimRoot, SimStorage};

use crate::steps::{able, at, entry, folder, list, path, put, read, text, write};

/// A little of everything; errors are what is looked for.
async fn use_everything(root: &SimRoot) {
    for round in 0..30 {
        let name = format!("d/file-{}", round % 5);
        drop(root.create_folder(&path("d")).await);
        let expected = match root.stat(&at(&name)).await {
            Ok(Some(entry)) => Expected::Revision(entry.revision),
            _ => Expected::Absent,
        };
        drop(put(root, &name, &format!("content {round}"), expected, Keep::No).await);
        drop(read(root, &name).await);
        list(root).await;
        if let Ok(cursor) = root.cursor().await {
            for edit in ["a", "b", "c"] {
                root.edit(&write(edit, &round.to_string()));
            }
            drop(root.changes(&cursor).await);
            drop(root.wait(Some(&cursor), Duration::from_millis(1)).await);
        }
        drop(root.settle().await);
    }
}

#[test]
fn every_fault_is_injected_and_counted_and_ends_when_healed() {
    for fault in Fault::ALL {
        let found = SimExecutor::run_seed(1, |environment| async move {
            let capabilities = Capabilities {
                feed: true,
                waiting: true,
                listing: ListingConsistency::Eventual,
                ..able()
            };
            let storage = SimStorage::with(capabilities, &environment);
            let root = storage.sim_root();
            storage.edit(&write("x", "base"));
            storage.set_faults(Faults::of(&[(*fault, 200)]));
            storage.edit(&folder("d"));
            use_everything(&root).await;
            let found = storage.injected();
            storage.heal();
            let before = storage.injected();
            use_everything(&root).await;
            assert_eq!(storage.injected(), before, "{fault:?} goes on");
            assert!(list(&*root).await.2);
            found
        });
        assert!(found.get(fault.name()).is_some_and(|n| *n > 0), "{fault:?}");
        assert_eq!(found.len(), 1, "{fault:?}: {found:?}");
    }
}

#[test]
fn a_draw_has_each_fault_in_about_a_third_of_all_seeds() {
    for fault in Fault::ALL {
        let drawn = (0..1_000)
            .filter(|seed| Faults::draw(&mut Rng::new(*seed)).rate(*fault) > 0)
            .count();
        assert!((280..420).contains(&drawn), "{fault:?}: {drawn}");
    }
}

#[test]
fn a_lost_acknowledgement_is_an_error_of_something_done() {
    SimExecutor::run_seed(2, |environment| async move {
        let storage = SimStorage::with(able(), &environment);
        let root = storage.sim_root();
        storage.set_faults(Faults::none().with(Fault::LostAcknowledgement, 1_000));
        let error = root.create_folder(&path("d")).await.unwrap_err();
        assert!(error.is_transient() && error.cause == Cause::Timeout);
        assert!(storage.snapshot().contains_key(&path("d")));
    });
}

#[test]
fn a_rate_limit_says_how_long_to_wait() {
    SimExecutor::run_seed(3, |environment| async move {
        let storage = SimStorage::with(able(), &environment);
        storage.set_faults(Faults::of(&[(Fault::RateLimited, 1_000)]));
        let error = storage.sim_root().stat(&at("x")).await.unwrap_err();
        assert_eq!(error.cause, Cause::RateLimited);
        assert!(matches!(
            error.kind,
            ErrorKind::Transient {
                retry_after: Some(_)
            }
        ));
    });
}

#[test]
fn a_listing_that_breaks_off_has_no_end_marker() {
    for fault in [Fault::PartialListing, Fault::CutListing] {
        SimExecutor::run_seed(4, |environment| async move {
            let storage = SimStorage::with(able(), &environment);
            assert!(storage.edit(&folder("d")) && storage.edit(&write("d/x", "base")));
            storage.set_faults(Faults::of(&[(fault, 1_000)]));
            assert!(!list(&*storage.sim_root()).await.2);
            storage.heal();
            assert!(list(&*storage.sim_root()).await.2);
        });
    }
}

#[test]
fn an_unreadable_folder_is_named_and_nothing_below_is_told() {
    SimExecutor::run_seed(5, |environment| async move {
        let storage = SimStorage::with(able(), &environment);
        for edit in [folder("d"), write("d/x", "base"), write("y", "base")] {
            assert!(storage.edit(&edit));
        }
        assert!(storage.make_unreadable(&path("d")));
        let root = storage.sim_root();
        let (entries, unreadable, ended) = list(&*root).await;
        assert!(ended && unreadable == [path("d")]);
        assert!(entries.contains_key(&path("d")) && !entries.contains_key(&path("d/x")));
        let error = root.stat(&at("d/x")).await.unwrap_err();
        assert_eq!(error.cause, Cause::Forbidden);
        storage.heal();
        assert_eq!(list(&*root).await.0.len(), 3);
    });
}

#[test]
fn lost_access_is_told_by_the_feed_and_is_no_absence() {
    SimExecutor::run_seed(6, |environment| async move {
        let capabilities = Capabilities {
            feed: true,
            ..able()
        };
        let storage = SimStorage::with(capabilities, &environment);
        assert!(storage.edit(&folder("d")) && storage.edit(&write("d/x", "base")));
        let root = storage.sim_root();
        let cursor = root.cursor().await.unwrap();
        assert!(storage.lose_access(&path("d")));
        let told = root.changes(&cursor).await.unwrap();
        let lost = Change::LostAccess {
            id: None,
            path: Some(path("d")),
        };
        assert_eq!(told.changes, [lost]);
        let error = root.stat(&at("d/x")).await.unwrap_err();
        assert_eq!(error.cause, Cause::Forbidden);
        let (entries, skipped, ended) = list(&*root).await;
        assert!(ended && entries.is_empty() && skipped == [RelPath::root()]);
        storage.heal();
        let told = root.changes(&told.cursor).await.unwrap();
        assert_eq!(told.changes.len(), 2, "{told:?}");
        assert!(matches!(told.changes[0], Change::Upsert { .. }));
    });
}

#[test]
fn what_changes_during_a_read_is_somebodys_edit() {
    SimExecutor::run_seed(7, |environment| async move {
        let oracle = Oracle::new();
        let storage = SimStorage::with(able(), &environment);
        storage.watched_by(&oracle, 0);
        assert!(storage.edit(&write("x", "base")));
        storage.set_faults(Faults::of(&[(Fault::ChangedDuringRead, 1_000)]));
        let error = read(&*storage.sim_root(), "x").await.unwrap_err();
        assert_eq!(error.cause, Cause::PreconditionFailed);
        assert_eq!(text(&storage, "x").unwrap(), "base+");
        assert_eq!(oracle.written(), 2);
        assert_eq!(oracle.check(&[&storage]), []);
    });
}

#[test]
fn expired_sign_in_and_full_storage_last_until_healed() {
    SimExecutor::run_seed(8, |environment| async move {
        let storage = SimStorage::with(able(), &environment);
        let root = storage.sim_root();
        storage.fill();
        let error = root.create_folder(&path("d")).await.unwrap_err();
        assert_eq!(error.cause, Cause::Quota);
        storage.expire_sign_in();
        let error = root.stat(&at("d")).await.unwrap_err();
        assert_eq!(
            (error.cause, error.kind),
            (Cause::AuthExpired, ErrorKind::Auth)
        );
        storage.heal();
        root.create_folder(&path("d")).await.unwrap();
        entry(&*root, "d").await;
    });
}

#[test]
fn a_watch_hears_of_an_edit_at_once_and_else_ends_at_its_deadline() {
    SimExecutor::run_seed(9, |environment| async move {
        let capabilities = Capabilities {
            waiting: true,
            ..able()
        };
        let storage = SimStorage::with(capabilities, &environment);
        let root = storage.sim_root();
        let hour = Duration::from_secs(3_600);
        assert!(root.wait(None, Duration::ZERO).await.unwrap().is_empty());
        assert!(storage.edit(&write("x", "between two calls")));
        assert!(!root.wait(None, hour).await.unwrap().is_empty());
        let person = storage.clone();
        let pause = environment.sleep(Duration::from_secs(5));
        let _task = environment.spawn(Box::pin(async move {
            pause.await;
            person.edit(&Edit::Delete { path: path("x") });
        }));
        let before = environment.uptime();
        assert!(!root.wait(None, hour).await.unwrap().is_empty());
        assert!(environment.uptime() - before < Duration::from_secs(6));
        assert!(root.wait(None, hour).await.unwrap().is_empty());
        assert!(environment.uptime() - before > hour);
    });
}
