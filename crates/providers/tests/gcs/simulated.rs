//! The suite against the simulated service.

use tandem_core::capabilities::Conditions;
use tandem_core::entry::HashKind;
use tandem_testkit::conformance::{Proof, Subject, run_abreast};
use tandem_testkit::servers::gcs::VERSION;

use crate::bench::{Bucket, probed, server};

async fn fresh() -> Subject {
    Bucket::new().subject(probed().await).await
}

/// In one process: one probe is enough for all cases.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_is_kept() {
    let _started_once = server();
    run_abreast(fresh).await.assert_kept();
}

#[tokio::test]
async fn the_probe_finds_what_it_does() {
    let found = probed().await;
    assert_eq!(found.conditions, Conditions::ALL);
    assert_eq!(found.hashes, [HashKind::Crc32c, HashKind::Md5]);
    assert!(found.names.no_control && found.empty_folders);
    assert!(found.mtime && found.ranges && !found.listing_lacks_meta);
}

/// The same with the bucket's own versions instead of copies.
mod versioned {
    use super::*;

    async fn fresh() -> Subject {
        let bucket = Bucket::new();
        bucket.server.keep_versions(&bucket.name);
        let found = probed().await;
        Subject {
            proof: Proof::of("gcs", || Ok(format!("{VERSION}, bucket with versions"))),
            ..bucket.subject(found).await
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_contract_is_kept() {
        let _started_once = server();
        run_abreast(fresh).await.assert_kept();
    }
}
