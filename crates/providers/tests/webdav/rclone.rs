//! WebDAV against `rclone serve webdav`: no condition is heeded but that of a free name, half an upload takes the place
//! of the old content, mtimes can be set. It asks for Basic.

use tandem_core::capabilities::{AtomicWrite, Conditions, UnicodeRule};
use tandem_core::entry::HashKind;
use tandem_testkit::conformance::{KnownFault, Subject, run_all};
use tandem_testkit::servers::webdav::RcloneWebDav;

use crate::bench::Shared;

const FAULTS: [KnownFault; 3] = [
    KnownFault {
        what: "spellings_of_another_unicode_form_are_as_declared",
        why: "rclone serve webdav takes composed and decomposed forms for one name and answers to either spelling",
        at_times: false,
    },
    KnownFault {
        what: "deletes_at_once_all_end_well",
        why: "rclone serve webdav can name another ETag for a file while another request deletes it",
        at_times: true,
    },
    KnownFault {
        what: "twins_made_at_once_are_never_merged",
        why: "rclone serve webdav takes composed and decomposed forms for one name, and the later of two writers in one instant wins",
        at_times: true,
    },
];

static RCLONE: Shared = Shared::new(RcloneWebDav::start);

async fn fresh() -> Subject {
    Subject {
        known_faults: FAULTS.to_vec(),
        ..RCLONE.subject().await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_is_kept() {
    let _started_once = RCLONE.server();
    run_all(fresh).await.assert_kept();
}

#[tokio::test]
async fn the_probe_finds_what_it_does() {
    let found = RCLONE.probed().await;
    let heeded = Conditions {
        create: true,
        ..Conditions::default()
    };
    assert_eq!(found.conditions, heeded);
    assert_eq!(found.atomic_write, AtomicWrite::No);
    assert_eq!(found.unicode, UnicodeRule::Folding);
    assert_eq!(found.hashes, [HashKind::Md5]);
    assert!(found.mtime && found.versions && found.ranges);
}
