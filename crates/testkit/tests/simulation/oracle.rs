//! What the oracle makes of what Tandem does at a storage's edge.

use tandem_core::capabilities::{AtomicWrite, Capabilities};
use tandem_core::storage::{Expected, Keep};
use tandem_testkit::oracle::Oracle;
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
