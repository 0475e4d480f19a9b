//! Nextcloud, simulated: ids, checksums, times; and rclone and nc-py-api, which nobody here wrote, on the same simulator.

mod changed;
mod chunks;
mod faults;
mod kept;
mod owncloud;
mod second_client;
mod sign_in;
mod third_client;

use tandem_core::capabilities::{AtomicWrite, Capabilities, Ids};
use tandem_core::entry::{ContentHash, HashKind, Mtime};
use tandem_core::error::Cause;
use tandem_core::path::RelPath;
use tandem_core::storage::{Expected, Keep, Locator};
use tandem_core::time::Timestamp;
use tandem_testkit::conformance::{Subject, run_abreast};
use tandem_testkit::servers::nextcloud::Nextcloud;

use crate::bench::Shared;
use crate::steps::write;

static NEXTCLOUD: Shared<Nextcloud> = Shared::new(Nextcloud::start);

async fn fresh() -> Subject {
    NEXTCLOUD.subject().await
}

fn rel(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: what was written is waited for until an ETag would tell it apart"]
async fn the_contract_is_kept() {
    let _started_once = NEXTCLOUD.server();
    run_abreast(fresh).await.assert_kept();
}

/// The simulator gives no ETag twice, so nothing need be waited for.
async fn told_apart() -> Subject {
    let found = Capabilities {
        revision_granularity: 0,
        ..NEXTCLOUD.probed().await
    };
    Subject {
        proof: None,
        ..NEXTCLOUD.subject_with(found).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_is_kept_where_no_two_writes_share_an_etag() {
    let _started_once = NEXTCLOUD.server();
    run_abreast(told_apart).await.assert_kept();
}

#[tokio::test]
async fn the_probe_finds_what_it_does() {
    let found = NEXTCLOUD.probed().await;
    assert_eq!(found.ids, Ids::Hint);
    assert_eq!(found.hashes, [HashKind::Md5]);
    assert_eq!(found.atomic_write, AtomicWrite::Yes);
    let heeded = &found.conditions;
    assert!(heeded.create && heeded.replace && heeded.delete && heeded.move_);
    assert!(found.mtime && found.quota && found.versions && found.ranges);
    assert!(found.parts.is_some() && heeded.finish_multipart);
    assert!(found.folder_revision_covers_subtree);
    assert!(found.trash && found.recursive_trash);
}

#[tokio::test]
async fn a_server_without_ids_is_no_nextcloud() {
    let apache = tandem_testkit::servers::webdav::RcloneWebDav::start().unwrap();
    let config = [("url", apache.url()), ("username", apache.username())];
    let config = config.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let secret = ("password".to_owned(), apache.password().to_owned());
    let mut all = tandem_providers::registry::providers().into_iter();
    let nextcloud = all.find(|one| one.descriptor().type_name == "nextcloud");
    let storage = nextcloud.unwrap().open(
        &tandem_core::storage::Config(config.into()),
        &tandem_core::storage::Credentials([secret].into()),
        None,
        tandem_testkit::real_time::real_time(),
    );
    let tested = storage.unwrap().validate("", &|_| ()).await;
    assert_eq!(tested.capabilities.unwrap_err().cause, Cause::NotFound);
}

#[tokio::test]
async fn an_item_keeps_its_id_through_an_edit_and_a_move() {
    let root = fresh().await.root;
    let made = write(&*root, &rel("a"), b"one", Expected::Absent)
        .await
        .unwrap();
    let expected = Expected::Revision(made.entry.revision.clone());
    let edited = write(&*root, &rel("a"), b"two", expected).await.unwrap();
    assert!(made.entry.id.is_some());
    assert_eq!(edited.entry.id, made.entry.id);
    assert_ne!(edited.entry.revision, made.entry.revision);
    let expected = Expected::Revision(edited.entry.revision);
    let at = Locator::of_path(rel("a"));
    let moved = root
        .move_to(&at, &expected, &rel("b"), &Expected::Absent, &Keep::No)
        .await
        .unwrap();
    assert_eq!(moved.entry.id, made.entry.id);
}

#[tokio::test]
async fn a_checksum_goes_up_with_the_content_and_holds_for_it_alone() {
    let subject = fresh().await;
    let root = &*subject.root;
    let md5 = |bytes: &[u8]| {
        use md5::Digest;
        ContentHash::new(HashKind::Md5, &md5::Md5::digest(bytes)).unwrap()
    };
    let made = write(root, &rel("a"), b"content", Expected::Absent)
        .await
        .unwrap();
    assert_eq!(made.entry.hashes, [md5(b"content")]);
    let outsider = subject.outsider.as_ref().unwrap();
    outsider.put("a", b"another").await.unwrap();
    let found = root.stat(&rel("a").into()).await.unwrap().unwrap();
    assert_eq!(found.hashes, []);
}

#[tokio::test]
async fn the_time_of_a_file_goes_up_with_it_and_can_be_set() {
    let root = fresh().await.root;
    let made = write(&*root, &rel("a"), b"content", Expected::Absent)
        .await
        .unwrap();
    let mtime = Mtime {
        at: Timestamp::from_secs(1_500_000_000),
        by_client: true,
    };
    let meta = tandem_core::storage::Meta {
        mtime: Some(mtime),
        ..Default::default()
    };
    let expected = Expected::Revision(made.entry.revision);
    let set = root
        .set_meta(&rel("a").into(), &expected, &meta)
        .await
        .unwrap();
    assert_eq!(set.mtime, Some(mtime));
    assert_eq!(set.id, made.entry.id);
}

/// 423 and 507, each one sentence.
#[tokio::test]
async fn what_somebody_edits_is_locked_and_what_does_not_fit_is_refused() {
    let server = Shared::new(Nextcloud::start);
    let folder = server.folder().await;
    let capabilities = NEXTCLOUD.probed().await;
    let root = folder
        .open(Some(&capabilities))
        .root(&folder.name)
        .await
        .unwrap();
    let made = write(&*root, &rel("a"), b"content", Expected::Absent)
        .await
        .unwrap();
    let expected = Expected::Revision(made.entry.revision);

    let path = format!("{}/a", folder.name);
    folder.server.lock(&path);
    let error = write(&*root, &rel("a"), b"edited", expected.clone())
        .await
        .unwrap_err();
    assert_eq!(error.cause, Cause::Locked, "{error}");
    assert!(error.is_transient());
    folder.server.unlock(&path);
    write(&*root, &rel("a"), b"edited", expected).await.unwrap();

    folder.server.limit(1_000);
    let error = write(&*root, &rel("b"), &[0; 2_000], Expected::Absent).await;
    let error = error.unwrap_err();
    assert_eq!(error.cause, Cause::Quota, "{error}");
    assert!(error.detail.contains("Insufficient space"), "{error}");
    assert_eq!(root.free_space().await.unwrap(), Some(994));
}
