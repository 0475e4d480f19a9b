//! WebDAV against sabre/dav 1.8, Debian's: ETags are MD5s, a replaced or deleted file is guarded, a moved one is not.
//! It asks for Digest.

use tandem_core::capabilities::AtomicWrite;
use tandem_core::entry::HashKind;
use tandem_core::error::Cause;
use tandem_core::path::RelPath;
use tandem_core::storage::{Expected, Keep};
use tandem_testkit::conformance::{Subject, run_abreast};
use tandem_testkit::servers::webdav::Sabre;

use crate::bench::Shared;
use crate::proxy::Proxy;
use crate::steps::write;

static SABRE: Shared = Shared::new(Sabre::start);

async fn fresh() -> Subject {
    SABRE.subject().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn the_contract_is_kept() {
    let _started_once = SABRE.server();
    run_abreast(fresh).await.assert_kept();
}

#[tokio::test]
async fn the_probe_finds_what_it_does() {
    let found = SABRE.probed().await;
    let conditions = &found.conditions;
    assert!(conditions.create && conditions.replace && conditions.delete);
    assert!(!conditions.copy && !conditions.move_);
    assert_eq!(found.atomic_write, AtomicWrite::Yes);
    assert_eq!(found.hashes, [HashKind::Md5]);
    // No folder whose name has a line break is found.
    assert!(found.names.no_control && found.quota && !found.mtime);
}

/// It takes this name for Latin-1 and makes another of it.
const MISREAD: &str = "\u{130}stanbul";

#[tokio::test]
async fn what_somebody_wrote_where_a_name_was_misread_is_not_removed() {
    let folder = SABRE.folder().await;
    let proxy = Proxy::before(folder.server.url());
    let storage = folder.open_at(&proxy.endpoint(), Some(&SABRE.probed().await));
    let root = storage.root(&folder.name).await.unwrap();
    let there = folder.server.data_dir().join(&folder.name);
    let written = there.clone();
    // The look that follows the write.
    proxy.first("PROPFIND /%C4%B0stanbul", move || {
        for file in std::fs::read_dir(written).unwrap() {
            std::fs::write(file.unwrap().path(), "theirs").unwrap();
        }
    });
    let path = RelPath::new(MISREAD).unwrap();
    let refused = write(&*root, &path, b"ours, and longer", Expected::Absent).await;
    assert!(proxy.has_met());
    let left: Vec<_> = std::fs::read_dir(there).unwrap().collect();
    assert_eq!(left.len(), 1);
    let left = std::fs::read_to_string(left[0].as_ref().unwrap().path());
    assert_eq!(left.unwrap(), "theirs");
    assert_eq!(refused.unwrap_err().cause, Cause::PreconditionFailed);
}

#[tokio::test]
async fn a_name_that_it_misreads_is_refused() {
    let folder = SABRE.folder().await;
    let storage = folder.open(Some(&SABRE.probed().await));
    let root = storage.root(&folder.name).await.unwrap();
    let path = RelPath::new(MISREAD).unwrap();
    let refused = write(&*root, &path, b"ours", Expected::Absent).await;
    assert_eq!(refused.unwrap_err().cause, Cause::NameRefused);
    let there = folder.server.data_dir().join(&folder.name);
    assert_eq!(std::fs::read_dir(there).unwrap().count(), 0);
}

#[tokio::test]
async fn no_folder_is_made_found_or_moved_by_a_name_that_it_misreads() {
    let folder = SABRE.folder().await;
    let storage = folder.open(Some(&SABRE.probed().await));
    let root = storage.root(&folder.name).await.unwrap();
    let rel = |text: &str| RelPath::new(text).unwrap();
    let there = folder.server.data_dir().join(&folder.name);
    let below = rel(&format!("{MISREAD}/below"));
    let names = || -> Vec<_> {
        let files = std::fs::read_dir(&there).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| !name.starts_with('.')).collect()
    };

    let refused = root.create_folder(&below).await;
    assert_eq!(refused.unwrap_err().cause, Cause::NameRefused);
    assert_eq!(names(), Vec::<String>::new());

    root.create_folder(&rel("full")).await.unwrap();
    let made = write(&*root, &rel("full/file"), b"text", Expected::Absent).await;
    made.unwrap();
    let to = rel(MISREAD);
    let refused = root
        .move_to(
            &rel("full").into(),
            &Expected::Any,
            &to,
            &Expected::Absent,
            &Keep::No,
        )
        .await;
    assert_eq!(refused.unwrap_err().cause, Cause::NameRefused);
    assert_eq!(names(), ["full"]);
    assert!(there.join("full/file").exists());

    // What it takes the name for is somebody else's.
    std::fs::create_dir(there.join("\u{c4}\u{b0}stanbul")).unwrap();
    for path in [&to, &below] {
        let refused = root.create_folder(path).await;
        assert_eq!(refused.unwrap_err().cause, Cause::NameRefused);
    }
    let refused = write(&*root, &below, b"text", Expected::Absent).await;
    assert_eq!(refused.unwrap_err().cause, Cause::NameRefused);
}

/// It would overwrite what has the source's name in the other folder, and empty the source in its own.
#[tokio::test]
async fn nothing_is_lost_to_a_copy_or_a_move_to_the_name_zero() {
    let folder = SABRE.folder().await;
    let storage = folder.open(Some(&SABRE.probed().await));
    let root = storage.root(&folder.name).await.unwrap();
    let rel = |text: &str| RelPath::new(text).unwrap();
    for name in ["a", "b"] {
        root.create_folder(&rel(name)).await.unwrap();
        let path = rel(&format!("{name}/file"));
        let made = write(&*root, &path, name.as_bytes(), Expected::Absent).await;
        made.unwrap();
    }
    let from = rel("a/file").into();
    let (any, absent, keep) = (Expected::Any, Expected::Absent, Keep::No);
    for to in ["a/0", "b/0"] {
        let refused = root.copy(&from, &any, &rel(to), &absent, &keep).await;
        assert_eq!(refused.unwrap_err().cause, Cause::NameRefused, "{to}");
    }
    let refused = root.move_to(&from, &any, &rel("b/0"), &absent, &keep).await;
    assert_eq!(refused.unwrap_err().cause, Cause::NameRefused);
    let there = folder.server.data_dir().join(&folder.name);
    let read = |path: &str| std::fs::read_to_string(there.join(path)).unwrap();
    assert_eq!((read("a/file"), read("b/file")), ("a".into(), "b".into()));
    let renamed = root.move_to(&from, &any, &rel("a/0"), &absent, &keep).await;
    renamed.unwrap();
    assert_eq!(read("a/0"), "a");
}
