//! What lies in the tables, seen from outside by SQL: uploads, content that nothing points to, the feed's memory.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tandem_core::content::BytesContent;
use tandem_core::error::Cause;
use tandem_core::path::RelPath;
use tandem_core::storage::{
    Change, Depth, Discard, Expected, Keep, Listed, Locator, Meta, VersionKey,
};

use crate::bench::{Ear, FOLDER, World, collect, open_by, rel, write};
use crate::place::{Place, on_both};

const CHUNK: usize = 256 * 1024;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

on_both! {
    an_upload_goes_on_from_the_last_whole_chunk,
    what_was_staged_and_left_is_swept_after_a_week_and_nothing_else,
    content_goes_with_the_last_that_points_to_it,
    what_is_pruned_from_the_trash_leaves_no_rows,
    a_cursor_from_before_what_the_feed_forgot_has_expired,
    what_leaves_the_root_is_told_as_removed_and_what_enters_as_there,
}

fn key(action: &str, path: &str) -> VersionKey {
    VersionKey::Kept {
        device: "desk-0000".into(),
        date: "2026-11-21".into(),
        action: action.into(),
        path: rel(path),
    }
}

async fn an_upload_goes_on_from_the_last_whole_chunk(place: Place) {
    let world = World::new();
    let root = place.root(&world).await;
    let bytes: Bytes = (0..5 * CHUNK + 17).map(|n| (n % 251) as u8).collect();
    let (path, ear, meta) = (rel("big"), Arc::new(Ear::default()), Meta::default());
    let cut = Arc::new(Cut {
        bytes: bytes.clone(),
        at: 3 * CHUNK + 100,
        lowest: std::sync::Mutex::default(),
    });
    let broken = root.stage(&path, cut, &meta, None, ear.clone()).await;
    assert_eq!(broken.unwrap_err().cause, Cause::LocalIo);
    assert_eq!(place.count("tandem_chunks"), 3);

    let token = ear.0.lock().unwrap().clone().unwrap();
    let again = place.open(world).root(FOLDER).await.unwrap();
    let whole = Arc::new(Cut {
        bytes: bytes.clone(),
        at: usize::MAX,
        lowest: std::sync::Mutex::default(),
    });
    let staged = again
        .stage(&path, whole.clone(), &meta, Some(&token), ear)
        .await
        .unwrap();
    assert_eq!(*whole.lowest.lock().unwrap(), Some(3 * CHUNK as u64));
    assert_eq!(staged.token, token);
    let blake3 = blake3::hash(&bytes);
    assert_eq!(&*staged.hashes[0].value, blake3.as_bytes());
}

/// Content that breaks at a byte, and notes where it was read from.
struct Cut {
    bytes: Bytes,
    at: usize,
    lowest: std::sync::Mutex<Option<u64>>,
}

#[async_trait::async_trait]
impl tandem_core::content::Content for Cut {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    async fn open(
        &self,
        offset: u64,
        length: u64,
    ) -> tandem_core::error::Result<tandem_core::content::ByteStream> {
        *self.lowest.lock().unwrap() = Some(offset);
        let (start, end) = (offset as usize, (offset + length) as usize);
        let whole = self.bytes.slice(start..end.min(self.at));
        let broken = (end > self.at)
            .then(|| tandem_core::error::StorageError::new("open", Cause::LocalIo, "broken"));
        let pieces = [Some(Ok(whole)), broken.map(Err)];
        Ok(Box::pin(futures_util::stream::iter(
            pieces.into_iter().flatten(),
        )))
    }
}

async fn what_was_staged_and_left_is_swept_after_a_week_and_nothing_else(place: Place) {
    let world = World::new();
    let root = place.root(&world).await;
    let content = Arc::new(BytesContent(Bytes::from_static(b"left behind")));
    let (meta, ear) = (Meta::default(), Arc::new(Ear::default()));
    root.stage(&rel("a"), content.clone(), &meta, None, ear.clone())
        .await
        .unwrap();
    write(&*root, "kept", b"kept", Expected::Absent, Keep::No)
        .await
        .unwrap();
    assert!(root.leftovers().await.unwrap().is_empty());
    world.skip(8 * DAY);
    root.stage(&rel("b"), content, &meta, None, Arc::new(Ear::default()))
        .await
        .unwrap();
    let left = root.leftovers().await.unwrap();
    assert_eq!(left.len(), 1);
    for (token, _) in left {
        root.discard(&token).await.unwrap();
    }
    assert_eq!(place.count("tandem_uploads"), 1);
    assert_eq!(place.count("tandem_contents"), 2);
    let entry = root.stat(&rel("kept").into()).await.unwrap().unwrap();
    let stream = root.read(&rel("kept").into(), &entry, 0, 10).await;
    assert_eq!(collect(stream.unwrap()).await.unwrap(), "kept");
}

async fn content_goes_with_the_last_that_points_to_it(place: Place) {
    let world = World::new();
    let root = place.root(&world).await;
    let made = write(&*root, "one", b"content", Expected::Absent, Keep::No).await;
    let expected = Expected::Revision(made.unwrap().entry.revision);
    let (at, to) = (Locator::of_path(rel("one")), rel("two"));
    root.copy(&at, &expected, &to, &Expected::Absent, &Keep::No)
        .await
        .unwrap();
    assert_eq!(place.count("tandem_contents"), 1);

    let keep = Keep::Version(key("1", "one"));
    write(&*root, "one", b"edited", expected, keep)
        .await
        .unwrap();
    let two = Locator::of_path(to);
    root.delete(&two, &Expected::Any, &Keep::No, Discard::Forever)
        .await
        .unwrap();
    assert_eq!(place.count("tandem_contents"), 2);
    root.prune_version(&key("1", "one")).await.unwrap();
    assert_eq!(place.count("tandem_contents"), 1);
    assert_eq!(place.count("tandem_chunks"), 1);
}

async fn what_is_pruned_from_the_trash_leaves_no_rows(place: Place) {
    let world = World::new();
    let root = place.root(&world).await;
    let before = place.count("tandem_items");
    root.create_folder(&rel("a/b/c")).await.unwrap();
    for path in ["a/1", "a/b/2", "a/b/c/3"] {
        write(&*root, path, path.as_bytes(), Expected::Absent, Keep::No)
            .await
            .unwrap();
    }
    let at = Locator::of_path(rel("a"));
    let done = root
        .delete(&at, &Expected::Any, &Keep::No, Discard::Trash)
        .await
        .unwrap();
    assert_eq!(place.count("tandem_items"), before + 6);
    root.prune_version(&done.kept.unwrap()).await.unwrap();
    assert_eq!(place.count("tandem_items"), before);
    assert_eq!(place.count("tandem_contents"), 0);
}

async fn a_cursor_from_before_what_the_feed_forgot_has_expired(place: Place) {
    let world = World::new();
    let root = place.root(&world).await;
    let old = root.cursor().await.unwrap();
    root.create_folder(&rel("old")).await.unwrap();
    world.skip(61 * DAY);
    let recent = root.cursor().await.unwrap();
    root.create_folder(&rel("new")).await.unwrap();
    let expired = root.changes(&old).await.unwrap_err();
    assert_eq!(expired.cause, Cause::CursorExpired);
    let told = root.changes(&recent).await.unwrap();
    assert!(
        matches!(&told.changes[..], [Change::Upsert { entry, .. }] if entry.name.as_str() == "new"),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_database_that_went_back_in_time_expires_the_cursor() {
    let place = Place::file();
    let root = place.root(&World::new()).await;
    let Place::File(scratch) = &place else {
        unreachable!()
    };
    let copy = scratch.0.join("copy.db").to_str().unwrap().to_owned();
    rusqlite::Connection::open(scratch.file())
        .unwrap()
        .execute("VACUUM INTO ?1", [&copy])
        .unwrap();
    root.create_folder(&rel("later")).await.unwrap();
    let cursor = root.cursor().await.unwrap();
    let back = open_by(&[("location", &copy)], None, World::new()).unwrap();
    let back = back.root(FOLDER).await.unwrap();
    assert_eq!(
        back.identity(false).await.unwrap(),
        root.identity(false).await.unwrap()
    );
    let error = back.changes(&cursor).await.unwrap_err();
    assert_eq!(error.cause, Cause::CursorExpired);
}

/// Only a folder's own line is written when it moves; what it leads to must still be whole.
async fn what_leaves_the_root_is_told_as_removed_and_what_enters_as_there(place: Place) {
    let storage = place.made(World::new()).await;
    let (top, root) = (
        storage.root("").await.unwrap(),
        storage.root(FOLDER).await.unwrap(),
    );
    root.create_folder(&rel("moves/inner")).await.unwrap();
    let inside = root.stat(&rel("moves").into()).await.unwrap().unwrap();
    let cursor = root.cursor().await.unwrap();
    let from = Locator::of_path(rel(&format!("{FOLDER}/moves")));
    top.move_to(
        &from,
        &Expected::Any,
        &rel("outside"),
        &Expected::Absent,
        &Keep::No,
    )
    .await
    .unwrap();
    let told = root.changes(&cursor).await.unwrap();
    let gone = Change::Removed {
        id: inside.id.clone(),
        path: None,
    };
    assert_eq!(told.changes, [gone]);
    let by_id = Locator {
        path: rel("moves"),
        id: inside.id.clone(),
    };
    assert_eq!(root.stat(&by_id).await.unwrap(), None);

    let back = rel(&format!("{FOLDER}/back"));
    let from = Locator::of_path(rel("outside"));
    top.move_to(&from, &Expected::Any, &back, &Expected::Absent, &Keep::No)
        .await
        .unwrap();
    let told = root.changes(&told.cursor).await.unwrap();
    assert!(
        matches!(&told.changes[..], [Change::Upsert { entry, .. }] if entry.id == inside.id),
        "{told:?}"
    );
    let mut listing = root.list(&rel("back"), Depth::Subtree);
    let mut folders = Vec::new();
    while let Some(listed) = futures_util::StreamExt::next(&mut listing).await {
        if let Listed::Folder(folder) = listed.unwrap() {
            folders.push(folder.folder);
        }
    }
    let wanted: Vec<RelPath> = ["back", "back/inner"].map(rel).into();
    assert_eq!(folders, wanted);
}
