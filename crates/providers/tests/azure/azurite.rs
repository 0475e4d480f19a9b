//! The contract, against Azurite.

use tandem_core::capabilities::Conditions;
use tandem_core::entry::HashKind;
use tandem_testkit::conformance::{Subject, suite};

use crate::bench::{Container, probed};

async fn fresh() -> Subject {
    Container::fresh().subject().await
}

suite!(fresh);

#[tokio::test]
async fn the_probe_finds_what_it_does() {
    let found = probed().await;
    assert_eq!(found.conditions, Conditions::ALL);
    assert_eq!(found.hashes, [HashKind::Md5]);
    assert_eq!(found.revision_granularity, 0);
    assert!(found.empty_folders && found.server_copy && found.mtime && found.ranges);
    assert!(!found.listing_lacks_meta);
}
