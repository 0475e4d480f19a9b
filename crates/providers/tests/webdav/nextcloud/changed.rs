//! What somebody changed since Tandem looked is neither replaced nor deleted where the server heeds no condition: then
//! what Tandem sees itself decides (P7).

use std::sync::Arc;

use tandem_core::capabilities::{Capabilities, Conditions};
use tandem_core::error::{Cause, StorageError};
use tandem_core::storage::{Committed, Discard, Expected, Keep, Root, VersionKey};
use tandem_testkit::servers::nextcloud::Nextcloud;

use super::faults::{LARGE, busy, bytes, commit_of};
use super::{NEXTCLOUD, rel};
use crate::bench::{Folder, Shared};
use crate::proxy::Proxy;
use crate::steps::{write, write_keeping};

/// A server of its own behind a proxy, and a client that asks it to heed nothing.
async fn asking_nothing() -> (Folder<Nextcloud>, Arc<dyn Root>, Proxy) {
    let server: Shared<Nextcloud> = Shared::new(Nextcloud::start);
    let folder = server.folder().await;
    let proxy = Proxy::before(&folder.server.url());
    let known = Capabilities {
        conditions: Conditions::default(),
        ..NEXTCLOUD.probed().await
    };
    let storage = folder.open_at(&proxy.endpoint(), Some(&known));
    let root = storage.root(&folder.name).await.unwrap();
    (folder, root, proxy)
}

/// The revision that this has once it is written to `path`.
async fn written(root: &dyn Root, path: &str, bytes: &[u8]) -> Expected {
    let made = write(root, &rel(path), bytes, Expected::Absent).await;
    Expected::Revision(made.unwrap().entry.revision)
}

/// That a change came to nothing, for this cause.
#[track_caller]
fn refused(done: Result<Committed, StorageError>, cause: Cause) {
    let error = done.expect_err("what nobody had seen was replaced");
    assert_eq!(error.cause, cause, "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_since_is_not_replaced() {
    let (folder, root, _proxy) = asking_nothing().await;
    let seen = written(&*root, "edited", b"as it was").await;
    let there = |name: &str| format!("{}/{name}", folder.name);
    for name in ["edited", "new"] {
        folder.server.put(&there(name), b"theirs");
    }
    let edited = write(&*root, &rel("edited"), b"ours", seen).await;
    refused(edited, Cause::PreconditionFailed);
    let created = write(&*root, &rel("new"), b"ours", Expected::Absent).await;
    refused(created, Cause::AlreadyExists);
    for name in ["edited", "new"] {
        assert_eq!(folder.holds(name).unwrap(), b"theirs", "{name}");
    }
}

/// Also where what is replaced is kept: nobody would look for an edit among what was superseded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_since_is_not_set_aside_as_what_was_expected() {
    let (folder, root, _proxy) = asking_nothing().await;
    let seen = written(&*root, "edited", b"as it was").await;
    let place = format!("{}/edited", folder.name);
    let keep = Keep::Version(VersionKey::Kept {
        device: "desk-0000".into(),
        date: "2026-11-20".into(),
        action: "1".into(),
        path: rel("edited"),
    });
    folder.server.put(&place, b"theirs");
    let edited = write_keeping(&*root, &rel("edited"), b"ours", seen.clone(), keep.clone()).await;
    refused(edited, Cause::PreconditionFailed);
    assert_eq!(folder.holds("edited").unwrap(), b"theirs");

    // What is gone is not expected either: made anew, it would undo a delete.
    folder.server.rename(&place, &format!("{place}-elsewhere"));
    let edited = write_keeping(&*root, &rel("edited"), b"ours", seen, keep).await;
    refused(edited, Cause::PreconditionFailed);
    assert_eq!(folder.holds("edited"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_while_chunks_went_up_is_not_replaced_by_them() {
    let (folder, root, _proxy) = asking_nothing().await;
    let seen = written(&*root, "edited", b"as it was").await;
    for (name, expected, cause) in [
        ("edited", seen, Cause::PreconditionFailed),
        ("new", Expected::Absent, Cause::AlreadyExists),
    ] {
        let commit = commit_of(&*root, &rel(name), &bytes(LARGE), expected).await;
        let place = format!("{}/{name}", folder.name);
        folder.server.put(&place, b"theirs");
        let done = root.commit(vec![commit]).await.remove(0);
        refused(done, cause);
        assert_eq!(folder.holds(name).unwrap(), b"theirs", "{name}");
    }
}

/// A first try failed, and what was to be deleted is another's by the time of the second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_between_two_tries_of_a_delete_is_not_deleted() {
    let (folder, root, proxy) = asking_nothing().await;
    let seen = written(&*root, "file", b"as it was").await;
    let (server, place) = (Arc::clone(&folder.server), format!("{}/file", folder.name));
    server.script("DELETE", "/file", 0, 1, busy(503));
    proxy.first("DELETE /", move || server.put(&place, b"theirs"));
    let at = rel("file").into();
    let deleted = root.delete(&at, &seen, &Keep::No, Discard::Forever).await;
    assert!(proxy.has_met());
    assert_eq!(folder.server.faults_left(), 0);
    let error = deleted.expect_err("what nobody had seen was deleted");
    assert_eq!(error.cause, Cause::PreconditionFailed, "{error}");
    assert_eq!(folder.holds("file").unwrap(), b"theirs");
}
