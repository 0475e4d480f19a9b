//! S3 against moto: the newest semantics, and versioning. It checks neither signatures nor digests.

use std::sync::Arc;

use crate::bench::{Shared, write};
use crate::proxy::Proxy;
use crate::steps::collect;
use tandem_core::capabilities::Conditions;
use tandem_core::entry::HashKind;
use tandem_core::path::RelPath;
use tandem_core::storage::{Discard, Expected, Keep, Locator, Root, VersionKey};
use tandem_testkit::conformance::{KnownFault, Proof, Subject, run_abreast};
use tandem_testkit::servers::Moto;

static MOTO: Shared = Shared::new(Moto::start);

async fn fresh() -> Subject {
    MOTO.subject().await
}

/// In one process: the server takes longer to start than most cases to run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_is_kept() {
    let _started_once = MOTO.server();
    run_abreast(fresh).await.assert_kept();
}

#[tokio::test]
async fn the_probe_finds_what_it_does() {
    let found = MOTO.probed().await;
    // It heeds If-None-Match when an upload is finished, but not If-Match.
    let heeded = Conditions {
        finish_multipart: false,
        copy: false,
        move_: false,
        ..Conditions::ALL
    };
    assert_eq!(found.conditions, heeded);
    assert_eq!(found.hashes, [HashKind::Md5]);
    assert_eq!(found.revision_granularity, 0);
    assert!(found.empty_folders && found.server_copy && found.mtime);
}

/// The same with the bucket's own versions instead of copies.
mod versioned {
    use super::*;

    async fn fresh() -> Subject {
        let bucket = MOTO.bucket();
        bucket.keep_versions().await;
        let server = bucket.server.clone();
        let version = || Ok(format!("{}, bucket with versions", server.version()?));
        Subject {
            proof: Proof::of("s3", version),
            known_faults: vec![
                KnownFault {
                    what: "an_empty_folder_is_deleted",
                    why: "moto 5.2.5 lists the common prefix of a key that has only a delete marker left",
                    at_times: false,
                },
                KnownFault {
                    what: "a_hostile_name_is_moved_and_copied_to_or_refused",
                    why: "moto 5.2.5 lists versions with their keys as they are, although it is asked to encode them: \
                          one with U+FFFE makes no XML",
                    at_times: false,
                },
            ],
            ..MOTO.subject_in(bucket).await
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_contract_is_kept() {
        let _started_once = MOTO.server();
        run_abreast(fresh).await.assert_kept();
    }
}

/// Somebody takes the delete marker away: what Tandem had set aside is the object again, and pruning spares it.
#[tokio::test]
async fn a_version_that_was_undeleted_is_not_pruned() {
    let bucket = MOTO.bucket();
    bucket.keep_versions().await;
    let subject = MOTO.subject_in(bucket.clone()).await;
    let (root, path) = (&*subject.root, RelPath::new("file").unwrap());
    let at = Locator::of_path(path.clone());
    let wanted = VersionKey::Kept {
        device: "desk-0000".into(),
        date: "2026-11-20".into(),
        action: "1".into(),
        path: path.clone(),
    };
    let made = write(root, &path, b"precious", Expected::Absent).await;
    let expected = Expected::Revision(made.unwrap().entry.revision);
    let deleted = root
        .delete(&at, &expected, &Keep::Version(wanted), Discard::Forever)
        .await
        .unwrap();
    let kept = deleted.kept.unwrap();

    let client = bucket.client();
    let listed = client.list_object_versions().bucket(&bucket.name);
    let listed = listed.prefix("in a/folder/file").send().await.unwrap();
    let marker = &listed.delete_markers()[0];
    let undelete = client.delete_object().bucket(&bucket.name);
    undelete
        .key(marker.key().unwrap())
        .version_id(marker.version_id().unwrap())
        .send()
        .await
        .unwrap();
    let entry = root.stat(&at).await.unwrap().unwrap();

    root.prune_version(&kept).await.unwrap();
    assert_eq!(root.stat(&at).await.unwrap().unwrap(), entry);

    let expected = Expected::Revision(entry.revision);
    write(root, &path, b"later", expected).await.unwrap();
    root.prune_version(&kept).await.unwrap();
    assert!(root.versions(Some(&path)).await.unwrap().is_empty());
}

/// Where a store heeds no condition on a delete, what somebody saves between the look and the delete goes with the file
/// that was moved: it must be told.
#[tokio::test]
async fn a_move_tells_of_what_was_saved_to_the_original_meanwhile() {
    let bucket = MOTO.bucket();
    bucket.keep_versions().await;
    let proxy = Proxy::before(bucket.server.endpoint());
    let mut capabilities = MOTO.probed().await;
    capabilities.conditions.delete = false;
    let storage = bucket.open(Some(&capabilities), &[("endpoint", &proxy.endpoint())]);
    let root: Arc<dyn Root> = storage.root("").await.unwrap();
    let (from, to) = (RelPath::new("from").unwrap(), RelPath::new("to").unwrap());
    let made = write(&*root, &from, b"moved", Expected::Absent).await;
    let expected = Expected::Revision(made.unwrap().entry.revision);
    let editor = bucket.clone();
    proxy.first("DELETE ", move || {
        let saves = async {
            let put = editor.client().put_object().bucket(&editor.name);
            put.key("from").body(b"saved".to_vec().into()).send().await
        };
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().unwrap();
        runtime.block_on(saves).unwrap();
    });
    let moved = root
        .move_to(
            &Locator::of_path(from),
            &expected,
            &to,
            &Expected::Absent,
            &Keep::No,
        )
        .await
        .unwrap();
    assert!(proxy.has_met());
    let displaced = moved.displaced.expect("it was not told").version;
    let read = root.read_version(&displaced, 0, 99).await;
    assert_eq!(collect(read).await.unwrap(), "saved");
}

/// moto heeds no condition on a copy, so movers onto one name can replace each other. In a bucket with versions each
/// of them is told what it displaced, and no content is lost.
#[tokio::test]
async fn movers_onto_one_name_are_told_what_they_displaced() {
    let bucket = MOTO.bucket();
    bucket.keep_versions().await;
    let subject = MOTO.subject_in(bucket).await;
    let (root, to) = (&*subject.root, RelPath::new("target").unwrap());
    let mut sources = Vec::new();
    for n in 0..8_u8 {
        let path = RelPath::new(&format!("source-{n}")).unwrap();
        let written = write(root, &path, &[n; 3_000], Expected::Absent).await;
        sources.push((Locator::of_path(path), written.unwrap().entry));
    }
    let moves = sources.iter().map(|(at, entry)| {
        let expected = Expected::Revision(entry.revision.clone());
        let to = &to;
        async move {
            root.move_to(at, &expected, to, &Expected::Absent, &Keep::No)
                .await
        }
    });
    let answers = futures_util::future::join_all(moves).await;
    assert!(answers.iter().any(Result::is_ok), "{answers:?}");

    let target = Locator::of_path(to.clone());
    let current = root.stat(&target).await.unwrap().unwrap();
    let kept = root.versions(Some(&to)).await.unwrap();
    for ((at, entry), answer) in sources.iter().zip(&answers) {
        let is_home = root.stat(at).await.unwrap().is_some();
        assert_eq!(is_home, answer.is_err(), "{answer:?}");
        let is_there = entry.hashes == current.hashes;
        let is_kept = kept.iter().any(|v| v.entry.hashes == entry.hashes);
        assert!(is_home || is_there || is_kept, "{:?} is lost", at.path);
    }
}
