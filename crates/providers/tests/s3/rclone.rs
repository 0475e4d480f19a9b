//! S3 against `rclone serve s3`: no condition is heeded, mtimes are read and written by rclone itself.

use crate::bench::Shared;
use tandem_core::capabilities::{Conditions, UnicodeRule};
use tandem_testkit::conformance::{KnownFault, Subject, suite};
use tandem_testkit::servers::RcloneS3;

static RCLONE: Shared = Shared::new(RcloneS3::start);

async fn fresh() -> Subject {
    let bucket = RCLONE.bucket();
    let (other, found) = (bucket.clone(), RCLONE.probed().await);
    let expired = move || {
        let storage = other
            .open_with("not the secret", Some(&found), &[])
            .unwrap();
        Box::pin(async move { storage.root("in a/folder").await.unwrap() }) as _
    };
    Subject {
        expired: Some(Box::new(expired)),
        known_faults: [
            "a_name_changes_its_unicode_form_alone",
            "spellings_of_another_unicode_form_are_as_declared",
        ]
        .map(|what| KnownFault {
            what,
            why: "rclone serve s3 takes composed and decomposed forms for one key and answers to either spelling",
        })
        .to_vec(),
        ..RCLONE.subject_in(bucket).await
    }
}

suite!(fresh);

#[tokio::test]
async fn the_probe_finds_what_it_does() {
    let found = RCLONE.probed().await;
    assert_eq!(found.conditions, Conditions::default());
    assert_eq!(found.unicode, UnicodeRule::Folding);
    assert!(!found.empty_folders);
}
