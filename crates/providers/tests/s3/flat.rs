//! What a flat store can hold that no tree can, and what is done about it; over moto, which holds anything.

use std::collections::BTreeMap;

use futures_util::StreamExt;
use tandem_core::entry::Kind;
use tandem_core::error::Cause;
use tandem_core::path::RelPath;
use tandem_core::storage::{
    Depth, Discard, Expected, FolderListing, Keep, Listed, Locator, Root, Skip,
};
use tandem_testkit::conformance::Outsider;
use tandem_testkit::servers::Moto;

use crate::bench::{OtherClient, Shared, write};

static MOTO: Shared = Shared::new(Moto::start);

async fn list(root: &dyn Root, depth: Depth) -> BTreeMap<String, FolderListing> {
    let mut stream = root.list(&RelPath::root(), depth);
    let mut folders = BTreeMap::new();
    let mut is_complete = false;
    while let Some(one) = stream.next().await {
        match one.unwrap() {
            Listed::Folder(folder) => {
                folders.insert(folder.folder.to_string(), folder);
            }
            Listed::Unreadable(skipped) => panic!("{skipped:?}"),
            Listed::End => is_complete = true,
        }
    }
    assert!(is_complete);
    folders
}

#[tokio::test]
async fn keys_that_no_tree_can_hold_are_skipped_and_left_alone() {
    let bucket = MOTO.bucket();
    let other = OtherClient::new(&bucket);
    let subject = MOTO.subject_in(bucket).await;
    let keys = [
        "k",
        "k/below",
        "double//slash",
        "dots/../up",
        "./here",
        "plain",
    ];
    for key in keys {
        other.put(key, b"x").await.unwrap();
    }
    for depth in [Depth::Subtree, Depth::Children] {
        let listed = list(&*subject.root, depth).await;
        let root = &listed[""];
        let mut names: Vec<_> = root.entries.iter().map(|e| e.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["dots", "double", "k", "plain"], "{depth:?}");
        let mut skipped: Vec<_> = root
            .skipped
            .iter()
            .map(|s| (s.shown.as_str(), s.why))
            .collect();
        skipped.sort_unstable_by_key(|(shown, _)| *shown);
        assert_eq!(
            skipped,
            [(".", Skip::BadName), ("k", Skip::ShadowedByFolder)]
        );
        if depth == Depth::Subtree {
            assert_eq!(listed["double"].skipped.len(), 1);
            assert_eq!(listed["dots"].skipped.len(), 1);
        }
    }
    for key in keys {
        assert!(other.get(key).await.unwrap().is_some(), "{key}");
    }
}

#[tokio::test]
async fn a_folder_that_others_made_outlives_its_last_file() {
    let bucket = MOTO.bucket();
    let other = OtherClient::new(&bucket);
    let subject = MOTO.subject_in(bucket).await;
    other.put("implied/only", b"x").await.unwrap();
    let at = Locator::of_path(RelPath::new("implied/only").unwrap());
    let root = &subject.root;
    let entry = root.stat(&at).await.unwrap().unwrap();
    let expected = Expected::Revision(entry.revision);
    root.delete(&at, &expected, &Keep::No, Discard::Forever)
        .await
        .unwrap();
    let folder = Locator::of_path(RelPath::new("implied").unwrap());
    let left = root.stat(&folder).await.unwrap().unwrap();
    assert_eq!(left.kind, Kind::Folder);
}

#[tokio::test]
async fn a_listing_of_several_pages_is_whole() {
    let bucket = MOTO.bucket();
    let subject = MOTO.subject_in(bucket.clone()).await;
    let client = bucket.client();
    let count = 2_345;
    let puts = futures_util::stream::iter(0..count).map(|n| {
        let put = client.put_object().bucket(&bucket.name);
        put.key(format!("in a/folder/many/{n:05}")).send()
    });
    puts.buffer_unordered(8)
        .for_each(|put| async {
            put.unwrap();
        })
        .await;
    let listed = list(&*subject.root, Depth::Subtree).await;
    assert_eq!(listed["many"].entries.len(), count);
}

#[tokio::test]
async fn a_large_object_is_copied_in_parts() {
    let bucket = MOTO.bucket();
    let found = MOTO.probed().await;
    let storage = bucket.open(Some(&found), &[("largest_copy", "5242880")]);
    let root = storage.root("").await.unwrap();
    let (from, to) = (RelPath::new("from").unwrap(), RelPath::new("to").unwrap());
    let bytes: Vec<u8> = (0..12_000_000_u32).map(|n| (n / 7) as u8).collect();
    let written = write(&*root, &from, &bytes, Expected::Absent)
        .await
        .unwrap();
    let expected = Expected::Revision(written.entry.revision);
    root.move_to(
        &from.clone().into(),
        &expected,
        &to,
        &Expected::Absent,
        &Keep::No,
    )
    .await
    .unwrap();
    assert!(root.stat(&from.into()).await.unwrap().is_none());
    let reply = bucket.client().get_object().bucket(&bucket.name).key("to");
    let found = reply.send().await.unwrap().body.collect().await.unwrap();
    assert!(found.into_bytes() == bytes);
}

#[tokio::test]
async fn a_bucket_that_is_missing_is_named_and_nothing_in_it_is_absent() {
    let mut bucket = MOTO.bucket();
    bucket.name = "no-such-bucket".to_owned();
    let storage = bucket.open(None, &[]);
    let root = storage.root("").await.unwrap();
    let at = Locator::of_path(RelPath::new("file").unwrap());
    let error = root.stat(&at).await.unwrap_err();
    assert_eq!(error.cause, Cause::NotFound);
    assert!(error.detail.contains("no-such-bucket"), "{error}");
    let error = root.identity(true).await.unwrap_err();
    assert!(error.detail.contains("no-such-bucket"), "{error}");
    let first = root.list(&RelPath::root(), Depth::Children).next().await;
    assert_eq!(first.unwrap().unwrap_err().cause, Cause::NotFound);
    let tested = storage.validate("", &|_| ()).await;
    assert!(tested.steps.last().unwrap().outcome.is_err());
}
