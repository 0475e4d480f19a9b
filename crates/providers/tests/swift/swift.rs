//! The contract, on a container that keeps no versions and on one that does.

use tandem_core::capabilities::{Capabilities, Conditions, ListingConsistency};
use tandem_core::entry::HashKind;
use tandem_testkit::conformance::{KnownFault, Proof, Subject, run_abreast};
use tokio::sync::OnceCell;

use crate::bench::{container, container_with, found_in, probed, server, subject_in};

async fn fresh() -> Subject {
    subject_in(container(), probed().await).await
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
        static FOUND: OnceCell<Capabilities> = OnceCell::const_new();
        let container = container_with(&["X-Versions-Enabled: true"]);
        let found = FOUND.get_or_init(|| found_in(&container)).await.clone();
        assert_eq!(found.names.longest_path, Some(896));
        let version = || Ok(format!("{}, container with versions", server().version()?));
        Subject {
            proof: Proof::of("swift", version),
            known_faults: vec![KnownFault {
                what: "astral\u{10ffff}",
                why: "Swift 2.30.1 answers 503 when asked for the versions of a name that ends in the last character there is",
                at_times: false,
            }],
            ..subject_in(container, found).await
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "takes minutes: part of ./dev test --all"]
    async fn the_contract_is_kept() {
        let _started_once = server();
        run_abreast(fresh).await.assert_kept();
    }
}
