//! WebDAV against sabre/dav 1.8, Debian's: ETags are MD5s, a replaced or deleted file is guarded, a moved one is not.
//! It asks for Digest.

use tandem_core::capabilities::AtomicWrite;
use tandem_core::entry::HashKind;
use tandem_testkit::conformance::{Subject, run_abreast};
use tandem_testkit::servers::webdav::Sabre;

use crate::bench::Shared;

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
