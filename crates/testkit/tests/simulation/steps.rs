//! The steps that the tests are made of.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tandem_core::capabilities::{Capabilities, Conditions};
use tandem_core::content::BytesContent;
use tandem_core::entry::Entry;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::RelPath;
use tandem_core::storage::{
    Commit, Committed, Depth, Expected, Keep, Listed, Locator, Meta, ResumeSink, ResumeToken, Root,
    VersionKey,
};
use tandem_testkit::sim::{Edit, SimStorage};

pub(crate) fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

pub(crate) fn at(text: &str) -> Locator {
    Locator::of_path(path(text))
}

pub(crate) fn write(to: &str, content: &str) -> Edit {
    Edit::Write {
        path: path(to),
        content: Bytes::copy_from_slice(content.as_bytes()),
    }
}

pub(crate) fn folder(to: &str) -> Edit {
    Edit::CreateFolder { path: path(to) }
}

pub(crate) fn key(action: &str, of: &str) -> VersionKey {
    VersionKey::Kept {
        device: "desk-0000".into(),
        date: "2026-03-01".into(),
        action: action.into(),
        path: path(of),
    }
}

/// Everything switched on that most tests need.
pub(crate) fn able() -> Capabilities {
    Capabilities {
        conditions: Conditions::ALL,
        atomic_move: true,
        atomic_write: tandem_core::capabilities::AtomicWrite::Yes,
        folder_move: true,
        server_copy: true,
        versions: true,
        trash: true,
        recursive_trash: true,
        mtime: true,
        empty_folders: true,
        ..Capabilities::least()
    }
}

/// Counts progress and keeps the last token.
#[derive(Debug, Default)]
pub(crate) struct Ear {
    pub(crate) progress: AtomicU64,
    pub(crate) token: std::sync::Mutex<Option<ResumeToken>>,
}

impl ResumeSink for Ear {
    fn store(&self, token: &ResumeToken) {
        *self.token.lock().unwrap() = Some(token.clone());
    }

    fn progress(&self, bytes: u64) {
        self.progress.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Stages and commits.
pub(crate) async fn put(
    root: &dyn Root,
    to: &str,
    content: &str,
    expected: Expected,
    keep: Keep,
) -> Result<Committed> {
    let ear = Arc::new(Ear::default());
    let content = Arc::new(BytesContent(Bytes::copy_from_slice(content.as_bytes())));
    let staged = root
        .stage(&path(to), content, &Meta::default(), None, ear.clone())
        .await?;
    let member = Commit {
        staged,
        expected,
        keep,
        sink: Some(ear),
    };
    root.commit(vec![member]).await.remove(0)
}

pub(crate) async fn entry(root: &dyn Root, of: &str) -> Entry {
    let found = root.stat(&at(of)).await.unwrap();
    found.unwrap_or_else(|| panic!("{of} is absent"))
}

pub(crate) fn expect(entry: &Entry) -> Expected {
    Expected::Revision(entry.revision.clone())
}

pub(crate) async fn read(root: &dyn Root, of: &str) -> Result<Bytes> {
    let absent = || StorageError::new("stat", Cause::NotFound, "");
    let entry = root.stat(&at(of)).await?.ok_or_else(absent)?;
    let mut stream = root.read(&at(of), &entry, 0, u64::MAX).await?;
    let mut bytes = BytesMut::new();
    while let Some(piece) = stream.next().await {
        bytes.extend_from_slice(&piece?);
    }
    Ok(bytes.freeze())
}

/// A whole listing: the entries by path, and whether the end marker came.
pub(crate) async fn list(root: &dyn Root) -> (BTreeMap<RelPath, Entry>, Vec<RelPath>, bool) {
    let (mut entries, mut unreadable, mut ended) = (BTreeMap::new(), Vec::new(), false);
    let mut stream = root.list(&RelPath::root(), Depth::Subtree);
    while let Some(listed) = stream.next().await {
        match listed {
            Ok(Listed::Folder(listing)) => {
                unreadable.extend(listing.skipped.iter().map(|s| s.folder.clone()));
                for entry in listing.entries {
                    entries.insert(listing.folder.join(&entry.name), entry);
                }
            }
            Ok(Listed::Unreadable(skipped)) => unreadable.push(skipped.folder),
            Ok(Listed::End) => ended = true,
            Err(_) => return (entries, unreadable, false),
        }
    }
    (entries, unreadable, ended)
}

pub(crate) fn text(storage: &SimStorage, of: &str) -> Option<String> {
    let bytes = storage.content(&path(of))?;
    Some(String::from_utf8(bytes.to_vec()).unwrap())
}
