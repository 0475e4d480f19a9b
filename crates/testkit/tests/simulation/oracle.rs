//! What the oracle makes of what Tandem does at a storage's edge.

use std::time::Duration;

use tandem_core::capabilities::{AtomicWrite, Capabilities};
use tandem_core::storage::{Discard, Expected, Keep, Locator, Root, VersionKey};
use tandem_testkit::oracle::{How, Oracle, contents};
use tandem_testkit::sim::{Edit, SimEnvironment, SimExecutor, SimStorage};

use crate::steps::{able, path, put, write};

const BASE: &str = "1\n2\n3\n";
const LEFT: &str = "one\n2\n3\n";
const RIGHT: &str = "1\n2\nthree\n";
const MERGED: &str = "one\n2\nthree\n";

fn watched(
    environment: &SimEnvironment,
    capabilities: Capabilities,
) -> (Oracle, SimStorage, SimStorage) {
    let oracle = Oracle::new();
    let [a, b] = [0, 1].map(|side| {
        let storage = SimStorage::with(capabilities.clone(), environment);
        storage.watched_by(&oracle, side);
        storage
    });
    (oracle, a, b)
}

async fn create(storage: &SimStorage, at: &str, content: &str) {
    let root = storage.sim_root();
    let done = put(&*root, at, content, Expected::Absent, Keep::No).await;
    done.unwrap();
}

#[test]
fn what_a_merge_was_made_of_is_where_the_merge_is() {
    SimExecutor::run_seed(1, |environment| async move {
        let (oracle, a, b) = watched(&environment, able());
        oracle.let_merge();
        assert!(a.edit(&write("x", BASE)) && a.edit(&write("x", LEFT)));
        assert!(b.edit(&write("x", RIGHT)));
        create(&a, "merged", MERGED).await;
        assert_eq!(oracle.unwritten(&[&a, &b]), []);
        // Of the two texts, one is on the first side only as a part of the merge.
        assert_eq!(oracle.check(&[&a]), []);
        assert_eq!(oracle.check(&[]).len(), 2);
        let path = path("merged");
        assert!(a.edit(&Edit::Delete { path }));
        assert_eq!(oracle.check(&[]), []);
    });
}

#[test]
fn a_merge_is_known_again_on_a_server_that_changes_what_it_stores() {
    SimExecutor::run_seed(2, |environment| async move {
        let capabilities = Capabilities {
            mutates_content: true,
            ..able()
        };
        let (oracle, a, b) = watched(&environment, capabilities);
        oracle.let_merge();
        assert!(a.edit(&write("page.html", BASE)) && a.edit(&write("page.html", LEFT)));
        assert!(b.edit(&write("page.html", RIGHT)));
        create(&a, "other.html", MERGED).await;
        create(&b, "empty.html", "").await;
        assert_eq!(oracle.unwritten(&[&a, &b]), []);
    });
}

#[test]
fn content_that_nobody_wrote_is_named() {
    SimExecutor::run_seed(3, |environment| async move {
        let (oracle, a, b) = watched(&environment, able());
        assert!(a.edit(&write("x", "first half, second half")));
        create(&b, "x", "first half, ").await;
        assert_eq!(oracle.unwritten(&[&a, &b]), [path("x")]);
        // Where nothing is to be merged, a merge is no better.
        for text in [BASE, LEFT, RIGHT] {
            assert!(a.edit(&write("y", text)));
        }
        create(&b, "y", MERGED).await;
        assert_eq!(oracle.unwritten(&[&b]), ["x", "y"].map(path));
    });
}

#[test]
fn a_part_that_a_storage_says_it_shows_is_no_mixture() {
    const TEXT: &str = "first half, second half";
    let capabilities = Capabilities {
        atomic_write: AtomicWrite::No,
        ..able()
    };
    let mut is_cut = false;
    for at in 1..40 {
        let environment = SimEnvironment::new(4);
        let (oracle, a, b) = watched(&environment, capabilities.clone());
        assert!(a.edit(&write("x", TEXT)));
        let mut executor = SimExecutor::new(&environment).crash_at(Some(at));
        executor.run(create(&b, "x", TEXT));
        let there = b.content(&path("x"));
        is_cut |= there.is_some_and(|content| content.len() < TEXT.len());
        assert_eq!(oracle.unwritten(&[&a, &b]), []);
    }
    assert!(is_cut, "no kill came while a part was to be seen");
}

/// Has Tandem delete `at`.
async fn delete(storage: &SimStorage, at: &str, keep: Keep) {
    let (root, at) = (storage.sim_root(), Locator::of_path(path(at)));
    let there = root.stat(&at).await.unwrap().unwrap();
    let expected = Expected::Revision(there.revision);
    let deleted = root.delete(&at, &expected, &keep, Discard::Forever);
    deleted.await.unwrap();
}

fn version(at: &str) -> VersionKey {
    VersionKey::Kept {
        device: "device".into(),
        date: "2026-03-01".into(),
        action: "1".into(),
        path: path(at),
    }
}

#[test]
fn superseded_content_that_was_not_kept_is_among_nothing() {
    SimExecutor::run_seed(5, |environment| async move {
        let (oracle, a, b) = watched(&environment, able());
        for at in ["kept", "lost"] {
            assert!(a.edit(&write(at, at)) && b.edit(&write(at, at)));
            assert!(a.edit(&Edit::Delete { path: path(at) }));
        }
        assert_eq!(oracle.gone().len(), 0, "a person did that");
        oracle.begin_pass();
        delete(&b, "kept", Keep::Version(version("kept"))).await;
        delete(&b, "lost", Keep::No).await;
        let (gone, there) = (oracle.gone(), contents(&[&a, &b]));
        let found: Vec<_> = gone
            .iter()
            .map(|one| (one.path.as_str(), one.how, oracle.is_among(one, &there)))
            .collect();
        let expected = [("kept", How::Deleted, true), ("lost", How::Deleted, false)];
        assert_eq!(found, expected);
        // Whoever deleted it did so before Tandem's pass, and on the other side.
        assert!(!oracle.is_ended_since(&gone[1]) && !oracle.is_given_up(&gone[1]));
        assert_eq!(oracle.gone().len(), 0, "told once");
    });
}

#[test]
fn what_was_pruned_is_told_with_its_age() {
    SimExecutor::run_seed(6, |environment| async move {
        let (oracle, a, b) = watched(&environment, able());
        assert!(a.edit(&write("x", "one")));
        delete(&a, "x", Keep::Version(version("x"))).await;
        assert_eq!(oracle.gone().len(), 1);
        environment.advance(Duration::from_secs(86_400));
        a.sim_root().prune_version(&version("x")).await.unwrap();
        let gone = oracle.gone();
        assert_eq!(gone.len(), 1);
        let How::Pruned(age) = gone[0].how else {
            panic!("{gone:?}");
        };
        assert!(age >= Duration::from_secs(86_400), "{age:?}");
        assert!(!oracle.is_among(&gone[0], &contents(&[&a, &b])));
    });
}

#[test]
fn a_person_who_replaced_or_deleted_it_gave_it_up() {
    SimExecutor::run_seed(7, |environment| async move {
        let (oracle, a, b) = watched(&environment, able());
        for storage in [&a, &b] {
            assert!(storage.edit(&write("replaced", "one")));
            assert!(storage.edit(&write("deleted", "two")));
        }
        oracle.begin_pass();
        assert!(a.edit(&write("replaced", "new")));
        delete(&b, "replaced", Keep::No).await;
        delete(&b, "deleted", Keep::No).await;
        assert!(a.edit(&Edit::Delete {
            path: path("deleted")
        }));
        let gone = oracle.gone();
        assert!(oracle.is_given_up(&gone[0]) && oracle.is_ended_since(&gone[0]));
        // A backup is to have what the other side deleted.
        assert!(!oracle.is_given_up(&gone[1]) && oracle.is_ended_since(&gone[1]));
    });
}
