//! The contract, against Azurite.

use tandem_core::capabilities::Conditions;
use tandem_core::entry::HashKind;
use tandem_testkit::conformance::{Subject, run_abreast};

use crate::bench::{Container, probed, server};

async fn fresh() -> Subject {
    Container::fresh().subject(probed().await).await
}

/// In one process: the server takes longer to start than most cases to run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_is_kept() {
    let _started_once = server();
    run_abreast(fresh).await.assert_kept();
}

#[tokio::test]
async fn the_probe_finds_what_it_does() {
    let found = probed().await;
    assert_eq!(found.conditions, Conditions::ALL);
    assert_eq!(found.hashes, [HashKind::Md5]);
    assert_eq!(found.revision_granularity, 0);
    assert!(found.empty_folders && found.server_copy && found.mtime && found.ranges);
    assert!(!found.listing_lacks_meta);
}
