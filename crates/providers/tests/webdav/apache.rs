//! WebDAV against Apache's mod_dav: every condition is heeded, once an ETag is a second old. It asks for Digest.

use tandem_core::capabilities::{AtomicWrite, Conditions};
use tandem_core::error::Cause;
use tandem_core::path::RelPath;
use tandem_core::storage::Expected;
use tandem_testkit::conformance::{KnownFault, Subject, run_all};
use tandem_testkit::servers::webdav::Apache;

use crate::bench::Shared;
use crate::steps::write;

const fn racing(what: &'static str) -> KnownFault {
    KnownFault {
        what,
        why: "mod_dav looks whether a condition holds and writes afterwards: of writers in one instant two get through",
        at_times: true,
    }
}

const RACING: [KnownFault; 5] = [
    racing("of_many_creates_exactly_one_wins"),
    racing("of_many_replacements_exactly_one_wins"),
    racing("of_an_edit_and_a_delete_exactly_one_wins"),
    racing("of_many_moves_onto_one_name_exactly_one_wins"),
    racing("of_many_copies_onto_one_name_exactly_one_wins"),
];

static APACHE: Shared = Shared::new(Apache::start);

async fn fresh() -> Subject {
    Subject {
        known_faults: RACING.to_vec(),
        ..APACHE.subject().await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: part of ./dev test --all"]
async fn the_contract_is_kept() {
    let _started_once = APACHE.server();
    run_all(fresh).await.assert_kept();
}

#[tokio::test]
async fn the_probe_finds_what_it_does() {
    let found = APACHE.probed().await;
    let heeded = Conditions {
        // Nothing is uploaded in parts.
        finish_multipart: false,
        ..Conditions::ALL
    };
    assert_eq!(found.conditions, heeded);
    assert_eq!(found.atomic_write, AtomicWrite::Yes);
    assert_eq!(found.revision_granularity, 1_000_000_000);
    assert!(!found.mtime && found.versions);
}

#[tokio::test]
async fn what_somebody_locked_is_left_alone() {
    let folder = APACHE.folder().await;
    let storage = folder.open(Some(&APACHE.probed().await));
    let root = storage.root(&folder.name).await.unwrap();
    let path = RelPath::new("file").unwrap();
    let written = write(&*root, &path, b"theirs", Expected::Absent).await;
    let revision = written.unwrap().entry.revision;
    folder.curl(&folder.name).lock("file").await.unwrap();

    for expected in [Expected::Any, Expected::Revision(revision.clone())] {
        let refused = write(&*root, &path, b"ours", expected).await.unwrap_err();
        assert_eq!(refused.cause, Cause::Locked, "{refused}");
        assert!(refused.is_transient(), "{refused}");
    }
    let left = root.stat(&path.clone().into()).await.unwrap().unwrap();
    assert_eq!(left.revision, revision);
}
