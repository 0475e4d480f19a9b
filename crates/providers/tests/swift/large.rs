//! Large objects: their segments are seen by nobody, and go with what they belong to and with nothing else.

use std::sync::Arc;

use bytes::Bytes;
use tandem_core::content::BytesContent;
use tandem_core::error::Cause;
use tandem_core::path::RelPath;
use tandem_core::storage::{
    Commit, Committed, Depth, Discard, Expected, Keep, Listed, Locator, Meta, Root, Staged,
    Unheard, VersionKey,
};

use futures_util::StreamExt;

use crate::bench::{Container, PART, PARTS_FROM, container, container_with};
use crate::overheard::Overheard;
use crate::steps::{collect, write, write_keeping};

const SEGMENTS: &str = ".tandem/segments/";

fn path(text: &str) -> RelPath {
    text.parse().unwrap()
}

fn at(text: &str) -> Locator {
    Locator::of_path(path(text))
}

/// Content that is different for each `seed`, and goes up in three segments.
fn large(seed: u8) -> Vec<u8> {
    let len = usize::try_from(PARTS_FROM + PART / 2).unwrap();
    (0..len)
        .map(|n| seed.wrapping_add((n % 251) as u8))
        .collect()
}

async fn bytes_at(root: &dyn Root, name: &str) -> Bytes {
    let entry = root.stat(&at(name)).await.unwrap().unwrap();
    collect(root.read(&at(name), &entry, 0, u64::MAX).await)
        .await
        .unwrap()
}

async fn version_of(root: &dyn Root, key: &VersionKey) -> Bytes {
    collect(root.read_version(key, 0, u64::MAX).await)
        .await
        .unwrap()
}

async fn put(root: &dyn Root, name: &str, bytes: &[u8]) -> Committed {
    write(root, &path(name), bytes, Expected::Any)
        .await
        .unwrap()
}

async fn stage(root: &dyn Root, name: &str, bytes: &[u8]) -> Staged {
    let content = Arc::new(BytesContent(Bytes::copy_from_slice(bytes)));
    let (to, meta) = (path(name), Meta::default());
    root.stage(&to, content, &meta, None, Arc::new(Unheard))
        .await
        .unwrap()
}

fn segments(container: &Container) -> usize {
    container.keys(SEGMENTS).len()
}

#[tokio::test]
async fn segments_are_not_listed() {
    let container = container();
    let root = container.root(&[]).await;
    put(&*root, "file", &large(1)).await;
    assert_eq!(segments(&container), 3);
    let mut listing = root.list(&RelPath::root(), Depth::Subtree);
    let mut names = Vec::new();
    while let Some(listed) = listing.next().await {
        if let Listed::Folder(folder) = listed.unwrap() {
            names.extend(
                folder
                    .entries
                    .into_iter()
                    .map(|entry| entry.name.to_string()),
            );
        }
    }
    assert_eq!(names, ["file"]);
    assert_eq!(bytes_at(&*root, "file").await, large(1));
}

#[tokio::test]
async fn segments_go_with_what_is_replaced_or_deleted() {
    let container = container();
    let root = container.root(&[]).await;
    let first = put(&*root, "file", &large(1)).await;
    let before = container.keys(SEGMENTS);
    let expected = Expected::Revision(first.entry.revision);
    write(&*root, &path("file"), &large(2), expected)
        .await
        .unwrap();
    let after = container.keys(SEGMENTS);
    assert!(
        after.len() == 3 && after.iter().all(|key| !before.contains(key)),
        "{after:?}"
    );
    assert_eq!(bytes_at(&*root, "file").await, large(2));

    put(&*root, "file", b"small").await;
    assert_eq!(segments(&container), 0);
    assert_eq!(bytes_at(&*root, "file").await, "small");

    let again = put(&*root, "file", &large(3)).await;
    let expected = Expected::Revision(again.entry.revision);
    root.delete(&at("file"), &expected, &Keep::No, Discard::Forever)
        .await
        .unwrap();
    assert_eq!(segments(&container), 0);
}

/// Where the cluster says that it takes them so, in one request.
#[tokio::test]
async fn segments_go_by_one_request() {
    let container = container();
    let line = Overheard::before(&container.server.storage_url());
    let root = container.root(&[("storage_url", line.endpoint())]).await;
    let first = put(&*root, "file", &large(1)).await;
    let staged = stage(&*root, "file", &large(2)).await;
    assert_eq!(segments(&container), 6);
    root.discard(&staged.token).await.unwrap();
    assert_eq!(segments(&container), 3);
    assert_eq!(line.count("?bulk-delete="), 1);
    let expected = Expected::Revision(first.entry.revision);
    root.delete(&at("file"), &expected, &Keep::No, Discard::Forever)
        .await
        .unwrap();
    assert_eq!(segments(&container), 0);
    assert_eq!(line.count("?bulk-delete="), 2);
    assert_eq!(line.count("DELETE /"), 1, "the file's own");
}

#[tokio::test]
async fn what_is_thrown_away_leaves_no_segment_and_what_was_committed_keeps_its_own() {
    let container = container();
    let root = container.root(&[]).await;
    let staged = stage(&*root, "file", &large(1)).await;
    assert_eq!(segments(&container), 3);
    root.discard(&staged.token).await.unwrap();
    assert_eq!(segments(&container), 0);

    let staged = stage(&*root, "file", &large(2)).await;
    let token = staged.token.clone();
    let commit = Commit {
        staged,
        expected: Expected::Absent,
        keep: Keep::No,
        sink: None,
    };
    root.commit(vec![commit]).await.remove(0).unwrap();
    // As after an answer that got lost.
    root.discard(&token).await.unwrap();
    assert_eq!(bytes_at(&*root, "file").await, large(2));
}

#[tokio::test]
async fn a_large_file_is_moved_copied_and_set_aside_whole() {
    let container = container();
    // One that is copied in one request, and one that is copied in parts.
    for more in [&[][..], &[("largest_copy", "1048576")]] {
        let root = container.root(more).await;
        let made = put(&*root, "from", &large(1)).await;
        let expected = Expected::Revision(made.entry.revision.clone());
        let (to, absent) = (path("to"), Expected::Absent);
        root.copy(&at("from"), &expected, &to, &absent, &Keep::No)
            .await
            .unwrap();
        let moved = path("moved");
        root.move_to(&at("from"), &expected, &moved, &absent, &Keep::No)
            .await
            .unwrap();
        assert!(root.stat(&at("from")).await.unwrap().is_none());
        assert_eq!(bytes_at(&*root, "to").await, large(1));
        assert_eq!(bytes_at(&*root, "moved").await, large(1));

        let version = VersionKey::Kept {
            device: "desk-0000".into(),
            date: "2026-11-20".into(),
            action: "1".into(),
            path: moved.clone(),
        };
        let there = root.stat(&at("moved")).await.unwrap().unwrap();
        let expected = Expected::Revision(there.revision);
        let keep = Keep::Version(version);
        let replaced = write_keeping(&*root, &moved, b"new", expected, keep)
            .await
            .unwrap();
        let kept = replaced.kept.unwrap();
        assert_eq!(version_of(&*root, &kept).await, large(1));
        root.prune_version(&kept).await.unwrap();
        for name in ["to", "moved"] {
            root.delete(&at(name), &Expected::Any, &Keep::No, Discard::Forever)
                .await
                .unwrap();
        }
        assert_eq!(segments(&container), 0, "{more:?}");
    }
}

#[tokio::test]
async fn the_mtime_of_a_large_file_can_be_set_afterwards() {
    let container = container();
    let root = container.root(&[]).await;
    let made = put(&*root, "file", &large(1)).await;
    let mtime = tandem_core::entry::Mtime {
        at: tandem_core::time::Timestamp(1_234_567_890_123_456_789),
        by_client: true,
    };
    let meta = Meta {
        mtime: Some(mtime),
        executable: Some(true),
        ..Meta::default()
    };
    let expected = Expected::Revision(made.entry.revision);
    let set = root.set_meta(&at("file"), &expected, &meta).await.unwrap();
    assert_eq!((set.mtime, set.executable), (Some(mtime), Some(true)));
    assert_eq!(bytes_at(&*root, "file").await, large(1));
}

/// A version of a large object needs its segments.
#[tokio::test]
async fn where_a_container_keeps_versions_every_segment_stays() {
    let container = container_with(&["X-Versions-Enabled: true"]);
    let root = container.root(&[]).await;
    let first = put(&*root, "file", &large(1)).await;
    let expected = Expected::Revision(first.entry.revision);
    let version = VersionKey::Kept {
        device: "desk-0000".into(),
        date: "2026-11-20".into(),
        action: "1".into(),
        path: path("file"),
    };
    let keep = Keep::Version(version);
    let replaced = write_keeping(&*root, &path("file"), b"small", expected, keep)
        .await
        .unwrap();
    assert_eq!(segments(&container), 3);
    let kept = replaced.kept.unwrap();
    assert_eq!(version_of(&*root, &kept).await, large(1));
}

#[tokio::test]
async fn a_segment_that_is_gone_makes_the_file_unreadable_and_not_shorter() {
    let container = container();
    let root = container.root(&[]).await;
    put(&*root, "file", &large(1)).await;
    let gone = container.keys(SEGMENTS).remove(1);
    container.request("DELETE", &gone, "", &[], None).unwrap();
    let entry = root.stat(&at("file")).await.unwrap().unwrap();
    assert_eq!(entry.size, large(1).len() as u64);
    let failed = match root.read(&at("file"), &entry, 0, u64::MAX).await {
        Err(error) => error,
        Ok(mut stream) => loop {
            match stream.next().await {
                Some(Ok(_)) => {}
                Some(Err(error)) => break error,
                None => panic!("what was read seems whole"),
            }
        },
    };
    assert!(
        matches!(failed.cause, Cause::Offline | Cause::BadResponse),
        "{failed}"
    );
}
