//! S3 against Ceph's gateway, which Linode and DigitalOcean are made of: conditions on a PUT alone, ETags without quotes.

use tandem_core::capabilities::Conditions;
use tandem_core::entry::HashKind;
use tandem_testkit::conformance::{Subject, run_abreast};
use tandem_testkit::servers::ceph::CephRgw;

use crate::bench::Shared;

static CEPH: Shared = Shared::new(CephRgw::start);

async fn fresh() -> Subject {
    CEPH.subject_expiring().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "wants what ./dev setup wide installs"]
async fn the_contract_is_kept() {
    let _started_once = CEPH.server();
    run_abreast(fresh).await.assert_kept();
}

#[tokio::test]
#[ignore = "wants what ./dev setup wide installs"]
async fn the_probe_finds_what_it_does() {
    let found = CEPH.probed().await;
    let heeded = Conditions {
        create: true,
        replace: true,
        ..Conditions::default()
    };
    assert_eq!(found.conditions, heeded);
    assert_eq!(found.hashes, [HashKind::Md5]);
    assert!(found.empty_folders && found.server_copy && found.mtime);
}
