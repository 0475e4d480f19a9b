//! S3 against `rclone serve s3`: no condition is heeded, mtimes are read and written by rclone itself.

use crate::bench::Shared;
use tandem_core::capabilities::{Conditions, UnicodeRule};
use tandem_testkit::conformance::{KnownFault, Subject, run_abreast};
use tandem_testkit::servers::RcloneS3;

static RCLONE: Shared = Shared::new(RcloneS3::start);

async fn fresh() -> Subject {
    Subject {
        known_faults: known_faults(),
        ..RCLONE.subject_expiring().await
    }
}

fn known_faults() -> Vec<KnownFault> {
    let spelling = [
        "a_name_changes_its_unicode_form_alone",
        "spellings_of_another_unicode_form_are_as_declared",
    ]
    .map(|what| KnownFault {
        what,
        why: "rclone serve s3 takes composed and decomposed forms for one key and answers to either spelling",
        at_times: false,
    });
    // Seen with a plain client too: of 400 rounds in which eight wrote to one key, 17 ended with no object.
    let racing = [
        "of_many_creates_exactly_one_wins",
        "of_many_replacements_exactly_one_wins",
    ]
    .map(|what| KnownFault {
        what,
        why: "rclone serve s3 1.75 removes a key when one of several requests that write to it at once fails",
        at_times: true,
    });
    spelling.into_iter().chain(racing).collect()
}

/// In one process: the server takes longer to start than most cases to run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_is_kept() {
    let _started_once = RCLONE.server();
    run_abreast(fresh).await.assert_kept();
}

#[tokio::test]
async fn the_probe_finds_what_it_does() {
    let found = RCLONE.probed().await;
    assert_eq!(found.conditions, Conditions::default());
    assert_eq!(found.unicode, UnicodeRule::Folding);
    assert!(!found.empty_folders);
}
