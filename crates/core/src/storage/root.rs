//! The folder on a storage that the engine works on.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::listing::{Changes, Cursor, Depth, Hint, ListingStream, WatchCoverage};
use super::versions::{Version, VersionKey};
use super::write::{
    Commit, Committed, Deleted, Discard, Displaced, Expected, Keep, Meta, ResumeSink, ResumeToken,
    Staged,
};
use crate::capabilities::Capabilities;
use crate::content::{ByteStream, SharedContent};
use crate::entry::{Entry, NativeId, Revision};
use crate::error::{Cause, Result, StorageError};
use crate::path::RelPath;
use crate::time::Timestamp;

/// Where an item is: its path below the root and, where the side has ids, its id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Locator {
    /// The path below the root, in the side's own spelling.
    pub path: RelPath,
    /// The native id. Where ids are strong it decides; the path is for messages.
    pub id: Option<NativeId>,
}

impl Locator {
    /// An item known by its path alone.
    #[must_use]
    pub const fn of_path(path: RelPath) -> Self {
        Self { path, id: None }
    }
}

impl From<RelPath> for Locator {
    fn from(path: RelPath) -> Self {
        Self::of_path(path)
    }
}

/// What shows that a root is the folder a pair was made with (DESIGN 5.7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootIdentity {
    /// How it is known.
    pub identity: Identity,
    /// The disk volume, where there is one: the same marker on another volume asks "moved or copied?".
    pub volume: Option<String>,
}

/// How a root is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// By the folder's strong native id.
    Native(String),
    /// By the random id in `.tandem/root`.
    Marker(String),
    /// Not at all: no id, and no marker can be written.
    Weak,
}

/// A folder on a storage. Everything below is addressed relative to it and nothing outside is reached.
///
/// What a storage does not offer keeps the default, which fails with `unsupported`.
#[async_trait]
pub trait Root: Send + Sync {
    /// What can be done here.
    fn capabilities(&self) -> &Capabilities;

    /// What shows that this is the folder it was. With `create` a missing marker is written, with
    /// [`Expected::Absent`]; an existing one is adopted.
    ///
    /// # Errors
    /// `not_found` if the folder itself is missing.
    async fn identity(&self, create: bool) -> Result<RootIdentity>;

    /// A cursor from before a listing that continues it. Needs [`Capabilities::feed`].
    ///
    /// # Errors
    /// `unsupported` without a feed.
    async fn cursor(&self) -> Result<Cursor> {
        Err(unsupported("cursor"))
    }

    /// Lists `folder`. Errors come through the stream.
    fn list(&self, folder: &RelPath, depth: Depth) -> ListingStream;

    /// The entry at `at`; `None` if it is surely absent. What was moved out of this root is absent from it.
    ///
    /// # Errors
    /// Whatever prevented a certain answer.
    async fn stat(&self, at: &Locator) -> Result<Option<Entry>>;

    /// What changed since `cursor`.
    ///
    /// # Errors
    /// `cursor_expired` asks for a full listing.
    async fn changes(&self, cursor: &Cursor) -> Result<Changes> {
        let _ = cursor;
        Err(unsupported("changes"))
    }

    /// Ends with hints when something may have changed, or with none at the deadline. The first call starts
    /// watching; what happens between two calls is reported by the next. Needs [`Capabilities::waiting`].
    ///
    /// # Errors
    /// `unsupported` without waiting.
    async fn wait(&self, cursor: Option<&Cursor>, deadline: Duration) -> Result<Vec<Hint>> {
        let _ = (cursor, deadline);
        Err(unsupported("wait"))
    }

    /// How far [`Root::wait`] hears of changes; `None` before it watches, and where a feed tells of everything.
    fn watch_coverage(&self) -> Option<WatchCoverage> {
        None
    }

    /// Bytes `offset..offset + length` of exactly `entry.revision`. `length` is cut at the end of the file.
    ///
    /// # Errors
    /// `precondition_failed`, at the call or within the stream, if the file is no longer that revision.
    async fn read(
        &self,
        at: &Locator,
        entry: &Entry,
        offset: u64,
        length: u64,
    ) -> Result<ByteStream>;

    /// Moves the bytes of `content` to where nobody sees them, going on from `resume` if it still fits
    /// `target` and length. Symlinks (`meta.target`) are staged the same way, with empty content.
    ///
    /// # Errors
    /// A short or changed body fails with `hash_mismatch` or the error of the content.
    async fn stage(
        &self,
        target: &RelPath,
        content: SharedContent,
        meta: &Meta,
        resume: Option<&ResumeToken>,
        sink: Arc<dyn ResumeSink>,
    ) -> Result<Staged>;

    /// Makes a group visible: flushes its content, checks each expectation last, replaces or creates, and
    /// answers per member in order. When it returns, what *earlier* calls of `commit`, `move_to`, `delete`,
    /// `create_folder` and `set_meta` made visible is durable; its own members are after the next
    /// [`Root::settle`] or `commit`. A failed flush fails every member with `local_io` or `quota`; then what earlier
    /// calls made visible may not be durable either. Missing parent folders fail with `not_found`.
    async fn commit(&self, group: Vec<Commit>) -> Vec<Result<Committed>>;

    /// Makes everything visible durable (P5).
    ///
    /// # Errors
    /// A failed flush: nothing since the last one counts as recorded.
    async fn settle(&self) -> Result<()> {
        Ok(())
    }

    /// Makes durable what others wrote: the content of these files, each as read at this revision, and their names
    /// (P5). What is not there any more, or not so, is passed over. Nothing to do where all that can be read is durable.
    ///
    /// # Errors
    /// A failed flush: what was read must not be recorded.
    async fn make_durable(&self, files: &[(RelPath, Revision)]) -> Result<()> {
        let _ = files;
        Ok(())
    }

    /// Throws staged content away. Idempotent.
    ///
    /// # Errors
    /// What prevented it; the token stays valid.
    async fn discard(&self, token: &ResumeToken) -> Result<()>;

    /// Makes `path` a folder, its parents too. An existing folder is fine.
    ///
    /// # Errors
    /// `already_exists` if something else is there.
    async fn create_folder(&self, path: &RelPath) -> Result<Entry>;

    /// Moves `from`, which must be as `expected` says, to `to`, where `expected_to` must hold. Onto itself in
    /// another spelling renames. For a folder without [`Capabilities::folder_move`]: `unsupported`.
    ///
    /// # Errors
    /// `precondition_failed` or `already_exists` if an expectation does not hold. Where a move is a copy and a delete, the
    /// copy is then taken back.
    async fn move_to(
        &self,
        from: &Locator,
        expected: &Expected,
        to: &RelPath,
        expected_to: &Expected,
        keep: &Keep,
    ) -> Result<Committed>;

    /// Copies the file `from`, at exactly `expected`, to `to`. Needs [`Capabilities::server_copy`].
    ///
    /// # Errors
    /// As [`Root::move_to`].
    async fn copy(
        &self,
        from: &Locator,
        expected: &Expected,
        to: &RelPath,
        expected_to: &Expected,
        keep: &Keep,
    ) -> Result<Committed> {
        let _ = (from, expected, to, expected_to, keep);
        Err(unsupported("copy"))
    }

    /// Deletes `at` if it is as `expected` says. Absent is fine. A folder is deleted only if empty; with
    /// `Trash` and [`Capabilities::recursive_trash`] with all below.
    ///
    /// # Errors
    /// `precondition_failed` if something else is there or a folder is not empty.
    async fn delete(
        &self,
        at: &Locator,
        expected: &Expected,
        keep: &Keep,
        how: Discard,
    ) -> Result<Deleted>;

    /// Sets mtime and executable bit of `at`, which must be as `expected` says, without touching content.
    ///
    /// # Errors
    /// `unsupported` where neither can be set without sending the content again.
    async fn set_meta(&self, at: &Locator, expected: &Expected, meta: &Meta) -> Result<Entry> {
        let _ = (at, expected, meta);
        Err(unsupported("set_meta"))
    }

    /// What was written into after a change set it aside under [`Keep::No`], since the last call: by a program that
    /// still had the file open. Each lies among the versions, where the storage prunes none of them. Complete for
    /// everything before the last [`Root::settle`].
    fn written_since(&self) -> Vec<Displaced> {
        Vec::new()
    }

    /// The versions kept of `path`, newest first; of everything with `None`.
    ///
    /// # Errors
    /// `unsupported` without versions.
    async fn versions(&self, path: Option<&RelPath>) -> Result<Vec<Version>>;

    /// A version as it is now, if it can have changed since it was set aside: on a disk a program that had the
    /// file open may still write into it. `None` where it cannot, or where it is no longer kept.
    ///
    /// # Errors
    /// What prevented the look.
    async fn stat_version(&self, key: &VersionKey) -> Result<Option<Entry>> {
        let _ = key;
        Ok(None)
    }

    /// The content of a version.
    ///
    /// # Errors
    /// `not_found` if it was pruned.
    async fn read_version(&self, key: &VersionKey, offset: u64, length: u64) -> Result<ByteStream>;

    /// Puts a version back at `to`.
    ///
    /// # Errors
    /// As [`Root::move_to`].
    async fn restore_version(
        &self,
        key: &VersionKey,
        to: &RelPath,
        expected: &Expected,
    ) -> Result<Committed>;

    /// Removes a version for ever. Idempotent.
    ///
    /// # Errors
    /// What prevented it.
    async fn prune_version(&self, key: &VersionKey) -> Result<()>;

    /// Staged content that this device left behind and that no open intent names, with when it was written;
    /// the engine decides what becomes of it.
    ///
    /// # Errors
    /// What prevented the look.
    async fn leftovers(&self) -> Result<Vec<(ResumeToken, Timestamp)>> {
        Ok(Vec::new())
    }

    /// Free bytes for new content; `None` where unknown.
    ///
    /// # Errors
    /// What prevented the look.
    async fn free_space(&self) -> Result<Option<u64>> {
        Ok(None)
    }
}

fn unsupported(operation: &'static str) -> StorageError {
    StorageError::new(operation, Cause::Unsupported, "")
}
