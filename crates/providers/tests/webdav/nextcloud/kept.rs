//! What the server keeps: the trash bin and versions.

use tandem_core::entry::Mtime;
use tandem_core::error::Cause;
use tandem_core::storage::{Discard, Expected, Keep, Locator, Meta, VersionKey};
use tandem_core::time::Timestamp;

use super::{fresh, rel};
use crate::steps::{collect, write};

#[tokio::test]
async fn what_somebody_deleted_is_listed_read_and_put_back_where_it_is_wanted() {
    let subject = fresh().await;
    let (root, outsider) = (&*subject.root, subject.outsider.as_ref().unwrap());
    outsider.put("a", b"content").await.unwrap();
    outsider.remove("a").await.unwrap();
    let versions = root.versions(Some(&rel("a"))).await.unwrap();
    assert_eq!(versions.len(), 1, "{versions:?}");
    let version = &versions[0];
    assert_eq!(version.entry.size, 7);
    let read = root.read_version(&version.key, 2, 3).await;
    assert_eq!(collect(read).await.unwrap(), "nte");

    let there = Expected::Absent;
    let done = root.restore_version(&version.key, &rel("b"), &there).await;
    assert_eq!(done.unwrap().entry.size, 7);
    let again = root.restore_version(&version.key, &rel("b"), &there).await;
    assert_eq!(again.unwrap_err().cause, Cause::AlreadyExists);
    root.prune_version(&version.key).await.unwrap();
    root.prune_version(&version.key).await.unwrap();
    assert_eq!(root.versions(Some(&rel("a"))).await.unwrap(), []);
}

#[tokio::test]
async fn what_an_edit_replaced_is_listed_read_and_put_back() {
    let subject = fresh().await;
    let (root, outsider) = (&*subject.root, subject.outsider.as_ref().unwrap());
    let old = write(root, &rel("a"), b"old", Expected::Absent)
        .await
        .unwrap();
    // Versions are named by their times, in seconds.
    let meta = Meta {
        mtime: Some(Mtime {
            at: Timestamp::from_secs(1_500_000_000),
            by_client: true,
        }),
        ..Meta::default()
    };
    let expected = Expected::Revision(old.entry.revision);
    let at = Locator::of_path(rel("a"));
    let old = root.set_meta(&at, &expected, &meta).await.unwrap();
    outsider.put("a", b"replaced").await.unwrap();
    let versions = root.versions(Some(&rel("a"))).await.unwrap();
    assert_eq!(versions.len(), 1, "{versions:?}");
    assert_eq!(versions[0].entry.size, 3);
    let now = root.stat(&rel("a").into()).await.unwrap().unwrap();
    let stale = Expected::Revision(old.revision);
    let key = &versions[0].key;
    let refused = root
        .restore_version(key, &rel("a"), &stale)
        .await
        .unwrap_err();
    assert_eq!(refused.cause, Cause::PreconditionFailed);
    let expected = Expected::Revision(now.revision);
    root.restore_version(key, &rel("a"), &expected)
        .await
        .unwrap();
    let now = root.stat(&rel("a").into()).await.unwrap().unwrap();
    assert_eq!(now.size, 3);
}

#[tokio::test]
async fn a_folder_comes_back_with_all_that_was_in_it_and_not_over_another() {
    let subject = fresh().await;
    let root = &*subject.root;
    for at in ["folder/a", "folder/inner/b"] {
        root.create_folder(&rel(at).parent().unwrap())
            .await
            .unwrap();
        write(root, &rel(at), at.as_bytes(), Expected::Absent)
            .await
            .unwrap();
    }
    let entry = root.stat(&rel("folder").into()).await.unwrap().unwrap();
    let at = Locator::of_path(rel("folder"));
    let expected = Expected::Revision(entry.revision);
    let done = root
        .delete(&at, &expected, &Keep::No, Discard::Trash)
        .await
        .unwrap();
    let key = done.kept.unwrap();
    root.create_folder(&rel("folder")).await.unwrap();
    let taken = root
        .restore_version(&key, &rel("folder"), &Expected::Absent)
        .await;
    assert_eq!(taken.unwrap_err().cause, Cause::AlreadyExists);
    root.delete(&at, &Expected::Any, &Keep::No, Discard::Forever)
        .await
        .unwrap();
    root.restore_version(&key, &rel("folder"), &Expected::Absent)
        .await
        .unwrap();
    let b = root.stat(&rel("folder/inner/b").into()).await.unwrap();
    assert_eq!(b.unwrap().size, 14);
}

/// Keys come out of a database that somebody may have changed.
#[tokio::test]
async fn a_key_leads_nowhere_else() {
    let root = fresh().await.root;
    for id in [
        "trash:../../files/tandem/a",
        "version:1/../2",
        "version:../1",
        "trash:",
        "other",
    ] {
        let key = VersionKey::Native {
            path: rel("a"),
            id: id.into(),
        };
        let error = root.prune_version(&key).await.unwrap_err();
        assert_eq!(error.cause, Cause::Unsupported, "{id}");
    }
}
