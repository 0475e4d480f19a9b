//! S3 against Garage: it answers 200 to every condition, and overwrites.

use tandem_core::capabilities::Conditions;
use tandem_core::entry::HashKind;
use tandem_testkit::conformance::{Subject, run_abreast};
use tandem_testkit::servers::garage::Garage;

use crate::bench::Shared;

static GARAGE: Shared = Shared::new(Garage::start);

async fn fresh() -> Subject {
    GARAGE.subject_expiring().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "wants what ./dev setup wide installs"]
async fn the_contract_is_kept() {
    let _started_once = GARAGE.server();
    run_abreast(fresh).await.assert_kept();
}

#[tokio::test]
#[ignore = "wants what ./dev setup wide installs"]
async fn the_probe_finds_what_it_does() {
    let found = GARAGE.probed().await;
    assert_eq!(found.conditions, Conditions::default());
    assert_eq!(found.hashes, [HashKind::Md5]);
    assert!(found.empty_folders && found.server_copy && found.mtime);
}
