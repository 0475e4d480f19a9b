//! Versions and soft delete, against the simulated service.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use tandem_core::capabilities::{Capabilities, Conditions};
use tandem_core::path::RelPath;
use tandem_core::storage::{
    Committed, Discard, Expected, Keep, Locator, Root, Storage, VersionKey,
};
use tandem_testkit::conformance::{Proof, Subject, run_abreast};
use tandem_testkit::real_time::real_time;
use tandem_testkit::servers::azure::SimulatedAzure;
use tandem_testkit::servers::faults::Fault;
use tokio::sync::OnceCell;

use crate::bench::{Container, write};
use crate::steps::{collect, write_keeping};

const LONG: &str = "2099-01-01T00:00:00Z";

/// The server of this process, which keeps versions.
fn server() -> Arc<SimulatedAzure> {
    static RUNNING: Mutex<Weak<SimulatedAzure>> = Mutex::new(Weak::new());
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = running.upgrade() {
        return server;
    }
    let server = Arc::new(SimulatedAzure::start().unwrap());
    server.keep_versions(true).unwrap();
    *running = Arc::downgrade(&server);
    server
}

async fn probed() -> Capabilities {
    static PROBED: OnceCell<Capabilities> = OnceCell::const_new();
    let probe = || async {
        let server = server();
        let storage = Container::on(server.server()).open(None);
        storage.validate("", &|_| ()).await.capabilities.unwrap()
    };
    PROBED.get_or_init(probe).await.clone()
}

async fn fresh() -> Subject {
    let server = server().server();
    let subject = Container::on(Arc::clone(&server))
        .subject(probed().await)
        .await;
    Subject {
        proof: Proof::of("azure", || {
            Ok(format!("{}, account with versions", server.version()?))
        }),
        ..subject
    }
}

/// In one process: the server takes longer to start than most cases to run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_is_kept() {
    let _started_once = server();
    run_abreast(fresh).await.assert_kept();
}

#[tokio::test]
async fn the_probe_finds_what_it_does() {
    let _started_once = server();
    let found = probed().await;
    assert_eq!(found.conditions, Conditions::ALL);
    assert!(found.versions && found.server_copy && found.mtime);
}

/// A server of its own, since what is set there is so for whoever comes.
async fn apart() -> (SimulatedAzure, Container, Arc<dyn Root>) {
    let simulated = SimulatedAzure::start().unwrap();
    let container = Container::on(simulated.server());
    let root = root(container.open(Some(&probed().await))).await;
    (simulated, container, root)
}

async fn root(storage: Arc<dyn Storage>) -> Arc<dyn Root> {
    storage.root("").await.unwrap()
}

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn keep(action: &str, path: &RelPath) -> Keep {
    Keep::Version(VersionKey::Kept {
        device: "device".into(),
        date: "2026-11-22".into(),
        action: action.into(),
        path: path.clone(),
    })
}

fn as_it_is(committed: &Committed) -> Expected {
    Expected::Revision(committed.entry.revision.clone())
}

async fn read(root: &dyn Root, version: &VersionKey) -> Bytes {
    collect(root.read_version(version, 0, u64::MAX).await)
        .await
        .unwrap()
}

/// What the probe says of who keeps what is replaced.
async fn said(storage: &dyn Storage) -> String {
    let tested = storage.validate("", &|_| ()).await;
    let step = tested
        .steps
        .iter()
        .find(|step| step.title == "Keep what is replaced");
    step.unwrap().outcome.clone().unwrap()
}

#[tokio::test]
async fn the_test_says_who_keeps_what_is_replaced() {
    let (simulated, container, _) = apart().await;
    assert_eq!(
        said(&*container.open(None)).await,
        "copied aside on the server"
    );
    simulated.keep_deleted(7).unwrap();
    let soft = "; the account's soft delete keeps what is removed a while longer";
    assert_eq!(
        said(&*container.open(None)).await,
        format!("copied aside on the server{soft}")
    );
    simulated.keep_versions(true).unwrap();
    assert_eq!(
        said(&*container.open(None)).await,
        format!("the container itself keeps versions{soft}")
    );
    assert!(container.rclone().list_all().is_empty());
}

/// What was written before versions were kept has no id, and what is written after they were turned off is no version:
/// both are copied aside.
#[tokio::test]
async fn what_is_no_version_is_copied_aside() {
    let (simulated, container, before) = apart().await;
    let file = path("file");
    let first = write(&*before, &file, b"first", Expected::Absent)
        .await
        .unwrap();
    simulated.keep_versions(true).unwrap();
    let root = root(container.open(Some(&probed().await))).await;
    let second = write_keeping(&*root, &file, b"second", as_it_is(&first), keep("1", &file))
        .await
        .unwrap();
    let third = write_keeping(&*root, &file, b"third", as_it_is(&second), keep("2", &file))
        .await
        .unwrap();
    let kept = [second.kept.unwrap(), third.kept.clone().unwrap()];
    assert!(matches!(kept[0], VersionKey::Kept { .. }), "{kept:?}");
    assert!(matches!(kept[1], VersionKey::Native { .. }), "{kept:?}");

    simulated.keep_versions(false).unwrap();
    let after = self::root(container.open(Some(&probed().await))).await;
    let fourth = write_keeping(
        &*after,
        &file,
        b"fourth",
        as_it_is(&third),
        keep("3", &file),
    )
    .await
    .unwrap();
    let fifth = write_keeping(
        &*after,
        &file,
        b"fifth",
        as_it_is(&fourth),
        keep("4", &file),
    )
    .await
    .unwrap();
    let kept: Vec<_> = kept
        .into_iter()
        .chain([fourth.kept.unwrap(), fifth.kept.unwrap()])
        .collect();
    for (version, content) in kept.iter().zip(["first", "second", "third", "fourth"]) {
        assert_eq!(read(&*after, version).await, content, "{version:?}");
    }
    for version in &kept[2..] {
        assert!(matches!(version, VersionKey::Kept { .. }), "{version:?}");
    }
}

/// A version that may not be removed could never be pruned. Whether it may is tried once, as each try leaves one.
#[tokio::test]
async fn who_may_not_remove_versions_copies_aside() {
    let (simulated, container, _) = apart().await;
    simulated.keep_versions(true).unwrap();
    let found = probed().await;
    for (rights, is_native) in [("racwdl", false), ("racwdxl", true)] {
        let sas = container.server.sas(rights, LONG).unwrap();
        let storage = container
            .open_with(("sas", &sas), Some(&found), real_time())
            .unwrap();
        let remark = said(&*storage).await.contains("this access may not remove");
        assert_eq!(remark, !is_native, "{rights}");
        let root = root(storage).await;
        let file = path(rights);
        let first = write(&*root, &file, b"first", Expected::Absent)
            .await
            .unwrap();
        let second = write_keeping(&*root, &file, b"second", as_it_is(&first), keep("1", &file))
            .await
            .unwrap();
        let kept = second.kept.unwrap();
        assert_eq!(read(&*root, &kept).await, "first");
        assert_eq!(
            matches!(kept, VersionKey::Native { .. }),
            is_native,
            "{rights}"
        );
        root.prune_version(&kept).await.unwrap();
    }
}

/// The service lists the oldest version of a blob first and marks no delete: until the last page is there, one that is
/// there looks deleted.
#[tokio::test]
async fn versions_are_found_on_whatever_page_they_are() {
    let (simulated, _, root) = apart().await;
    simulated.keep_versions(true).unwrap();
    simulated.limit_pages(1).unwrap();
    for name in ["deleted", "here"] {
        let file = path(name);
        let mut last = write(&*root, &file, b"0", Expected::Absent).await.unwrap();
        for content in ["1", "2"] {
            let bytes = content.as_bytes();
            last = write_keeping(&*root, &file, bytes, as_it_is(&last), keep(content, &file))
                .await
                .unwrap();
        }
        if name == "deleted" {
            let at = Locator::of_path(file.clone());
            root.delete(&at, &as_it_is(&last), &keep("3", &file), Discard::Forever)
                .await
                .unwrap();
        }
    }
    for (name, contents) in [("deleted", &["2", "1", "0"][..]), ("here", &["1", "0"])] {
        let mut found = Vec::new();
        for version in root.versions(Some(&path(name))).await.unwrap() {
            found.push(read(&*root, &version.key).await);
        }
        assert_eq!(found, contents, "{name}");
    }
    assert_eq!(root.versions(None).await.unwrap().len(), 5);
}

/// A change whose answer is lost is made again, found to be done, and what it replaced is where it says.
#[tokio::test]
async fn a_lost_answer_loses_no_version() {
    let (simulated, _, root) = apart().await;
    simulated.keep_versions(true).unwrap();
    let file = path("file");
    let first = write(&*root, &file, b"first", Expected::Absent)
        .await
        .unwrap();
    let fault = |method, fault| simulated.script(method, "/file", 0, 1, fault).unwrap();
    fault("PUT", Fault::LoseAnswer);
    let second = write_keeping(&*root, &file, b"second", as_it_is(&first), keep("1", &file))
        .await
        .unwrap();
    let kept = second.kept.clone().unwrap();
    assert_eq!(read(&*root, &kept).await, "first");
    fault("DELETE", Fault::LoseAnswer);
    let at = Locator::of_path(file.clone());
    let deleted = root
        .delete(&at, &as_it_is(&second), &keep("2", &file), Discard::Forever)
        .await
        .unwrap();
    assert_eq!(read(&*root, &deleted.kept.unwrap()).await, "second");
    assert_eq!(simulated.faults_left().unwrap(), 0);
}

/// Whatever befalls the listing of versions on its way, none of them is missing from it.
#[tokio::test]
async fn a_listing_of_versions_is_whole_or_asked_for_again() {
    let (simulated, _, root) = apart().await;
    simulated.keep_versions(true).unwrap();
    let file = path("file");
    let mut last = write(&*root, &file, b"0", Expected::Absent).await.unwrap();
    for content in ["1", "2"] {
        last = write_keeping(
            &*root,
            &file,
            content.as_bytes(),
            as_it_is(&last),
            keep(content, &file),
        )
        .await
        .unwrap();
    }
    for fault in [
        Fault::Status {
            status: 503,
            retry_after: Some(0),
        },
        Fault::LoseRequest,
        Fault::LoseAnswer,
        Fault::CutAnswer(300),
        Fault::DoubleAnswer,
    ] {
        simulated
            .script("GET", "versions", 0, 1, fault.clone())
            .unwrap();
        let found = root.versions(Some(&file)).await.unwrap();
        assert_eq!(found.len(), 2, "{fault:?}");
        assert_eq!(simulated.faults_left().unwrap(), 0, "{fault:?}");
    }
}
