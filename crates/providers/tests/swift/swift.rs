//! The contract, on a container that keeps no versions and on one that does.

use tandem_core::capabilities::{Conditions, ListingConsistency};
use tandem_core::entry::HashKind;
use tandem_testkit::conformance::{Proof, Subject, run_abreast};

use crate::bench::{container, container_with, probed, server, subject_in};

async fn fresh() -> Subject {
    subject_in(container()).await
}

/// In one process: four servers in one take longer to start than most cases to run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_is_kept() {
    let _started_once = server();
    run_abreast(fresh).await.assert_kept();
}

#[tokio::test]
async fn the_probe_finds_what_it_does() {
    let found = probed().await;
    // Nothing is decided by the server at the instant of the change.
    assert_eq!(found.conditions, Conditions::default());
    assert_eq!(found.hashes, [HashKind::Md5]);
    assert_eq!(found.revision_granularity, 0);
    assert_eq!(found.listing, ListingConsistency::Eventual);
    assert!(found.empty_folders && found.server_copy && found.mtime && found.quota);
}

/// The same with the container's own versions instead of copies.
mod versioned {
    use super::*;

    async fn fresh() -> Subject {
        let container = container_with(&["X-Versions-Enabled: true"]);
        let version = || Ok(format!("{}, container with versions", server().version()?));
        Subject {
            proof: Proof::of("swift", version),
            ..subject_in(container).await
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "takes minutes, and stops at the longest names: Swift needs room in a name for that of the version, \
                and more attributes of a file than ext4 holds"]
    async fn the_contract_is_kept() {
        let _started_once = server();
        run_abreast(fresh).await.assert_kept();
    }
}
