//! WebDAV against sabre/dav 1.8, Debian's: ETags are MD5s, a replaced or deleted file is guarded, a moved one is not.
//! It asks for Digest.

use tandem_core::capabilities::AtomicWrite;
use tandem_core::entry::HashKind;
use tandem_core::error::Cause;
use tandem_core::path::RelPath;
use tandem_core::storage::Expected;
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
