//! S3 against Swift's middleware `s3api`, which knows no condition on a write.

use tandem_core::capabilities::Conditions;
use tandem_core::entry::HashKind;
use tandem_testkit::conformance::{Subject, run_abreast, run_one};
use tandem_testkit::servers::swift::SwiftS3;

use crate::bench::Shared;

static SWIFT: Shared = Shared::new(SwiftS3::start);

async fn fresh() -> Subject {
    SWIFT.subject_expiring().await
}

/// In one process: the server takes longer to start than most cases to run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: part of ./dev test --all"]
async fn the_contract_is_kept() {
    let _started_once = SWIFT.server();
    run_abreast(fresh).await.assert_kept();
}

/// What of the contract it gave trouble with, and one of each theme that it has its own way for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_of_the_contract_is_kept() {
    let _started_once = SWIFT.server();
    for case in [
        "the_threshold_of_parts_is_crossed_without_a_seam",
        "deleting_what_is_gone_is_done",
        "an_unseen_edit_is_not_lost_to_a_commit",
        "an_unseen_edit_is_not_lost_to_a_delete",
        "a_folder_in_place_of_the_expected_file_is_not_deleted",
        "a_hostile_name_round_trips_or_is_refused",
        "deleted_content_is_kept",
        "a_file_moves_whole",
        "expired_credentials_ask_to_sign_in",
    ] {
        if let Some(note) = run_one(case, fresh).await.into_note() {
            println!("{note}");
        }
    }
}

/// It refuses to delete what a tag does not fit, but decides so before it deletes; the probe sees that by what is gone.
#[tokio::test]
async fn the_probe_finds_what_it_does() {
    let found = SWIFT.probed().await;
    assert_eq!(found.conditions, Conditions::default());
    assert_eq!(found.hashes, [HashKind::Md5]);
    assert_eq!(found.revision_granularity, 0);
    assert!(found.empty_folders && found.server_copy && found.mtime);
}
