//! What befalls requests on their way: a moment's failure teaches nothing about a server, and one that lasts is told.

use futures_util::future::join_all;
use tandem_core::capabilities::Capabilities;
use tandem_core::error::{Cause, StorageError};
use tandem_core::path::RelPath;
use tandem_core::storage::{Discard, Expected, Keep};
use tandem_testkit::servers::webdav::{RcloneWebDav, Sabre};

use crate::bench::Shared;
use crate::proxy::Proxy;
use crate::steps::{collect, write};

static SABRE: Shared = Shared::new(Sabre::start);
static RCLONE: Shared = Shared::new(RcloneWebDav::start);

/// What the probe finds while so many such requests are answered with this status, and whether all were met.
async fn probed(
    shared: &Shared,
    request: &str,
    times: u32,
    status: u16,
) -> (Result<Capabilities, StorageError>, bool) {
    let folder = shared.folder().await;
    let proxy = Proxy::before(folder.server.url());
    let storage = folder.open_at(&proxy.endpoint(), None);
    proxy.answer(request, times, status);
    let tested = storage.validate(&folder.name, &|_| ()).await;
    let found = tested.capabilities.map(|found| Capabilities {
        probed: None,
        ..found
    });
    (found, proxy.has_met())
}

async fn learns_nothing(shared: &Shared, requests: &[(&str, u32, u16)]) {
    let undisturbed = Capabilities {
        probed: None,
        ..shared.probed().await
    };
    let undisturbed = &undisturbed;
    let probes = requests.iter().map(|(request, times, status)| async move {
        let (found, has_met) = probed(shared, request, *times, *status).await;
        assert!(has_met, "{request}");
        assert_eq!(found.unwrap(), *undisturbed, "{request} {times} {status}");
    });
    join_all(probes).await;
}

#[tokio::test]
async fn what_passes_decides_nothing_about_a_server() {
    let requests = [
        ("PUT /.hidden", 1, 503),
        ("PUT /.hidden", 3, 500),
        ("PROPFIND /names-", 1, 503),
        ("PROPFIND /names-", 1, 429),
        ("PUT /bell", 1, 502),
        ("PUT /%C3%BCber", 1, 503),
        ("PUT /cut", 2, 503),
        ("PUT /created-", 1, 503),
        ("MOVE /source", 1, 503),
        ("DELETE /file", 1, 503),
    ];
    learns_nothing(&SABRE, &requests).await;
}

#[tokio::test]
async fn what_passes_decides_nothing_where_content_is_moved_to_its_place() {
    let requests = [("MOVE /.hidden", 1, 503), ("MOVE /aside", 1, 500)];
    learns_nothing(&RCLONE, &requests).await;
}

#[tokio::test]
async fn a_name_that_always_fails_beside_others_is_one_that_cannot_be_held() {
    let (found, _) = probed(&SABRE, "PUT /.hidden", u32::MAX, 500).await;
    assert!(found.unwrap().names.no_leading_period);
}

#[tokio::test]
async fn a_server_that_fails_with_every_name_is_not_said_to_refuse_them() {
    let (found, _) = probed(&SABRE, "PUT /names-", u32::MAX, 503).await;
    assert_eq!(found.unwrap_err().cause, Cause::Server);
    let (found, _) = probed(&SABRE, "PROPFIND /names-", u32::MAX, 500).await;
    assert_eq!(found.unwrap_err().cause, Cause::Server);
    let (found, _) = probed(&SABRE, "PUT /names-", 1, 507).await;
    assert_eq!(found.unwrap_err().cause, Cause::Quota);
}

/// `commit` is the request that makes content visible.
async fn done_once_although_the_answer_is_lost(shared: &Shared, commit: &str) {
    let folder = shared.folder().await;
    let proxy = Proxy::before(folder.server.url());
    let storage = folder.open_at(&proxy.endpoint(), Some(&shared.probed().await));
    let root = storage.root(&folder.name).await.unwrap();
    let rel = |text: &str| RelPath::new(text).unwrap();
    let mut expected = Expected::Absent;
    for bytes in [b"first".as_slice(), b"second"] {
        proxy.lose(commit);
        let made = write(&*root, &rel("file"), bytes, expected).await.unwrap();
        assert!(proxy.has_met());
        assert_eq!(made.entry.size, bytes.len() as u64);
        expected = Expected::Revision(made.entry.revision);
    }
    proxy.lose("MOVE /file");
    let moved = root
        .move_to(
            &rel("file").into(),
            &expected,
            &rel("moved"),
            &Expected::Absent,
            &Keep::No,
        )
        .await
        .unwrap();
    assert!(proxy.has_met());
    proxy.lose("DELETE /moved");
    let expected = Expected::Revision(moved.entry.revision);
    let deleted = root
        .delete(&rel("moved").into(), &expected, &Keep::No, Discard::Forever)
        .await;
    assert!(proxy.has_met());
    deleted.unwrap();
}

#[tokio::test]
async fn a_change_is_done_once_although_its_answer_is_lost() {
    done_once_although_the_answer_is_lost(&SABRE, "PUT /file").await;
}

#[tokio::test]
async fn a_change_is_done_once_where_content_is_moved_to_its_place() {
    done_once_although_the_answer_is_lost(&RCLONE, "MOVE /.tandem/").await;
}

/// Such a server may have looked at the old file and opened the new one, so that the old one's ETag came with other bytes.
#[tokio::test]
async fn what_was_read_counts_only_if_the_file_is_still_the_same_at_the_end() {
    let folder = SABRE.folder().await;
    let proxy = Proxy::before(folder.server.url());
    let storage = folder.open_at(&proxy.endpoint(), Some(&SABRE.probed().await));
    let root = storage.root(&folder.name).await.unwrap();
    let path = RelPath::new("file").unwrap();
    let old = write(&*root, &path, b"old", Expected::Absent)
        .await
        .unwrap();
    let read = async || collect(root.read(&path.clone().into(), &old.entry, 0, 3).await).await;
    assert_eq!(read().await.unwrap(), "old");

    let there = folder.server.data_dir().join(&folder.name).join("file");
    proxy.first("PROPFIND /file", move || {
        std::fs::write(there, "another").unwrap();
    });
    let refused = read().await;
    assert!(proxy.has_met());
    assert_eq!(refused.unwrap_err().cause, Cause::PreconditionFailed);
}

#[tokio::test]
async fn what_is_written_into_tandems_own_folder_while_it_is_deleted_stays() {
    let folder = SABRE.folder().await;
    let proxy = Proxy::before(folder.server.url());
    let storage = folder.open_at(&proxy.endpoint(), Some(&SABRE.probed().await));
    let root = storage.root(&folder.name).await.unwrap();
    let own = folder.server.data_dir().join(&folder.name).join(".tandem");
    std::fs::create_dir(&own).unwrap();
    let theirs = own.join("theirs");
    let written = theirs.clone();
    proxy.first("MOVE /.tandem", move || {
        std::fs::write(written, "theirs").unwrap();
    });
    let at = RelPath::new(".tandem").unwrap().into();
    let (any, forever) = (Expected::Any, Discard::Forever);
    let refused = root.delete(&at, &any, &Keep::No, forever).await;
    assert_eq!(std::fs::read_to_string(&theirs).unwrap(), "theirs");
    assert_eq!(refused.unwrap_err().cause, Cause::PreconditionFailed);

    std::fs::remove_file(theirs).unwrap();
    let deleted = root.delete(&at, &any, &Keep::No, forever).await;
    assert!(!deleted.unwrap().was_absent);
    assert!(!own.exists());
}
