//! Against `gcp-storage-emulator`, which nobody here wrote: content and hashes. What it has not, the probe finds.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use tandem_core::capabilities::{Capabilities, Conditions};
use tandem_core::entry::HashKind;
use tandem_core::path::RelPath;
use tandem_core::storage::{Expected, Keep, Locator};
use tandem_testkit::conformance::{KnownFault, Proof, Subject, run_abreast};
use tandem_testkit::servers::gcs_emulator::GcsEmulator;
use tokio::sync::OnceCell;

use crate::bench::{Bucket, FOLDER, PARTS_FROM, server};
use crate::steps::{collect, write};

fn emulator() -> Arc<GcsEmulator> {
    static RUNNING: Mutex<Weak<GcsEmulator>> = Mutex::new(Weak::new());
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(emulator) = running.upgrade() {
        return emulator;
    }
    let emulator = Arc::new(GcsEmulator::start().unwrap());
    *running = Arc::downgrade(&emulator);
    emulator
}

/// A bucket of the emulator's; who asks is shown a token by the simulated service, and the emulator believes it.
fn bucket(emulator: &GcsEmulator) -> Bucket {
    let bucket = Bucket::on(server());
    emulator.make_bucket(&bucket.name).unwrap();
    Bucket {
        endpoint: emulator.endpoint(),
        ..bucket
    }
}

/// What the probe finds, once for all tests.
async fn probed(bucket: &Bucket) -> Capabilities {
    static PROBED: OnceCell<Capabilities> = OnceCell::const_new();
    PROBED.get_or_init(|| bucket.probe()).await.clone()
}

/// Whom the emulator lets in shows nothing: it asks nobody.
async fn fresh() -> Subject {
    let emulator = emulator();
    let bucket = bucket(&emulator);
    let found = probed(&bucket).await;
    let subject = bucket.subject(found).await;
    Subject {
        outsider: None,
        expired: None,
        known_faults: known_faults(),
        proof: Proof::of("gcs", || emulator.version()),
        guard: Box::new((emulator, subject.guard)),
        ..subject
    }
}

fn known_faults() -> Vec<KnownFault> {
    let names = ["..\\up"].map(|what| KnownFault {
        what,
        why: "gcp-storage-emulator keeps contents below paths, in which a backslash is a slash, and breaks off at `..`",
        at_times: false,
    });
    names.to_vec()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: part of ./dev test --all"]
async fn the_contract_is_kept() {
    let _started_once = (server(), emulator());
    run_abreast(fresh).await.assert_kept();
}

#[tokio::test]
async fn the_probe_finds_what_it_has_not() {
    let emulator = emulator();
    let found = probed(&bucket(&emulator)).await;
    assert_eq!(found.conditions, Conditions::default());
    assert_eq!(found.hashes, [HashKind::Crc32c, HashKind::Md5]);
    // Its copies have the metadata of the original, so nothing that is set aside would be found again.
    assert!(found.server_copy && found.ranges && !found.versions);
}

#[tokio::test]
async fn content_arrives_whole_in_one_request_and_in_parts() {
    let emulator = emulator();
    let bucket = bucket(&emulator);
    let found = probed(&bucket).await;
    let root = bucket.open(Some(&found)).root(FOLDER).await.unwrap();
    let threshold = usize::try_from(PARTS_FROM).unwrap();
    for (name, len) in [
        ("empty", 0),
        ("ä b+c%2F", 5),
        ("below", threshold - 1),
        ("parts", 3 * threshold + 1),
    ] {
        let bytes: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
        let path = RelPath::new(name).unwrap();
        let made = write(&*root, &path, &bytes, Expected::Absent)
            .await
            .unwrap();
        assert_eq!(made.entry.size, len as u64);
        let at = Locator::of_path(path);
        let entry = root.stat(&at).await.unwrap().unwrap();
        assert_eq!(entry, made.entry);
        if len > 0 {
            let read = root.read(&at, &entry, 0, entry.size).await;
            assert_eq!(collect(read).await.unwrap(), bytes, "{name}");
        }
    }
    let from = Locator::of_path(RelPath::new("parts").unwrap());
    let entry = root.stat(&from).await.unwrap().unwrap();
    let expected = Expected::Revision(entry.revision);
    let to = RelPath::new("moved").unwrap();
    let moved = root.move_to(&from, &expected, &to, &Expected::Absent, &Keep::No);
    assert_eq!(moved.await.unwrap().entry.hashes, entry.hashes);
    assert!(root.stat(&from).await.unwrap().is_none());
}
