//! S3 against s3s-fs: checks signatures and digests, lists no ETags, has no versions and no folder markers.

use tandem_core::capabilities::{Capabilities, Conditions};
use tandem_core::error::Cause;
use tandem_core::path::RelPath;
use tandem_core::storage::{Discard, Expected, Keep, Locator};
use tandem_testkit::conformance::{KnownFault, Subject, run_abreast};
use tandem_testkit::servers::S3sFs;

use crate::bench::{Shared, write};

static S3S_FS: Shared = Shared::new(S3sFs::start);

/// s3s-fs looks at a condition and writes afterwards: of writers at the same time several get through (2 to 5 of 8),
/// which no probe can rely on seeing. The suite runs as it would without the conditions.
async fn without_conditions() -> Capabilities {
    Capabilities {
        conditions: Conditions::default(),
        ..S3S_FS.probed().await
    }
}

async fn fresh() -> Subject {
    let bucket = S3S_FS.bucket();
    let expired = bucket.expired(without_conditions().await);
    Subject {
        expired: Some(expired),
        known_faults: vec![KnownFault {
            what: "the_test_of_a_storage_is_green_and_leaves_nothing",
            why: "s3s-fs heeds conditions one at a time; the suite runs without what its probe finds",
            at_times: false,
        }],
        ..S3S_FS
            .subject_with(bucket, without_conditions().await)
            .await
    }
}

/// In one process: many cases wait until a time tells two states apart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_is_kept() {
    let _started_once = S3S_FS.server();
    run_abreast(fresh).await.assert_kept();
}

#[tokio::test]
async fn the_probe_finds_what_it_does() {
    let found = S3S_FS.probed().await;
    let heeded = Conditions {
        create: true,
        replace: true,
        finish_multipart: true,
        ..Conditions::default()
    };
    assert_eq!(found.conditions, heeded);
    assert!(found.revision_granularity > 0, "its listings have no ETags");
    assert!(!found.empty_folders && found.names.no_control);
}

#[tokio::test]
async fn conditions_work_where_revisions_are_times() {
    let subject = S3S_FS.subject().await;
    let (root, path) = (&*subject.root, RelPath::new("file").unwrap());
    let first = write(root, &path, b"first", Expected::Absent)
        .await
        .unwrap();
    let taken = write(root, &path, b"other", Expected::Absent).await;
    assert_eq!(taken.unwrap_err().cause, Cause::AlreadyExists);

    // Another length: within one second nothing else tells two revisions apart here.
    let expected = Expected::Revision(first.entry.revision);
    write(root, &path, b"the second", expected.clone())
        .await
        .unwrap();
    let stale = write(root, &path, b"third", expected.clone()).await;
    assert_eq!(stale.unwrap_err().cause, Cause::PreconditionFailed);
    let at = Locator::of_path(path);
    let deleted = root
        .delete(&at, &expected, &Keep::No, Discard::Forever)
        .await;
    assert_eq!(deleted.unwrap_err().cause, Cause::PreconditionFailed);
}
