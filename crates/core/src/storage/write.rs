//! Writing in two steps (DESIGN 6.5): `stage` moves bytes where nobody sees them, `commit` makes them
//! visible, checks each expectation last and flushes once per group.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::versions::VersionKey;
use crate::content::SharedContent;
use crate::entry::{ContentHash, Entry, Mtime, Revision};
use crate::path::RelPath;
use crate::{mutant, removed};

/// What must still be there at the instant of a change.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Expected {
    /// Nothing.
    Absent,
    /// Exactly this revision.
    Revision(Revision),
    /// Whatever there is; only where a person chose so.
    Any,
}

impl Expected {
    /// Exactly what `entry` shows; without one, nothing.
    #[must_use]
    #[track_caller]
    pub fn of(entry: Option<&Entry>) -> Self {
        if removed!("expectation") || mutant!("P7 nothing is expected") {
            return Self::Any;
        }
        entry.map_or(Self::Absent, |it| Self::Revision(it.revision.clone()))
    }
}

/// What becomes of the content that a change replaces or removes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Keep {
    /// It need not be kept. A displaced one is kept all the same.
    No,
    /// It is set aside under this key before the change counts as done.
    Version(VersionKey),
}

/// What a file is given besides its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Meta {
    /// The mtime to set; `None` leaves it to the storage.
    pub mtime: Option<Mtime>,
    /// The executable bit to set; `None` leaves it as it is, or off on a new file.
    pub executable: Option<bool>,
    /// A symlink's target: the item becomes a link and has no bytes.
    pub target: Option<Box<str>>,
    /// The file of the same root that this is a copy of: nobody may read it who may not read that one (P20).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_of: Option<RelPath>,
}

/// What a storage needs to go on with, or to throw away, an upload after a restart. Only the storage that
/// made it reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumeToken(pub String);

/// Where `stage` reports resume tokens while it runs; each replaces the one before. The engine stores them.
pub trait ResumeSink: Send + Sync {
    /// Stores `token` durably before more bytes are sent.
    fn store(&self, token: &ResumeToken);

    /// How many more bytes have arrived. Ends at the content's length.
    fn progress(&self, bytes: u64);
}

/// A sink for what is small enough to be sent anew.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unheard;

impl ResumeSink for Unheard {
    fn store(&self, _: &ResumeToken) {}

    fn progress(&self, _: u64) {}
}

/// Content that lies on the storage where nobody sees it, or is still to be sent by `commit`.
#[derive(Clone)]
pub struct Staged {
    /// Where it is to become visible.
    pub target: RelPath,
    /// The storage's own note of where it lies.
    pub token: ResumeToken,
    /// Its length in bytes.
    pub len: u64,
    /// What it is given besides its bytes.
    pub meta: Meta,
    /// The bytes, where the storage has no staging and `commit` sends them in its one request.
    pub content: Option<SharedContent>,
    /// Hashes of the bytes as the storage computed or confirmed them.
    pub hashes: Vec<ContentHash>,
}

impl std::fmt::Debug for Staged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Staged")
            .field("target", &self.target)
            .field("token", &self.token)
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

/// One member of a group that becomes visible.
#[derive(Debug)]
pub struct Commit {
    /// What was staged.
    pub staged: Staged,
    /// What must be at the target.
    pub expected: Expected,
    /// What becomes of that.
    pub keep: Keep,
    /// Where progress goes for a storage that sends the bytes here.
    pub sink: Option<Arc<dyn ResumeSink>>,
}

impl std::fmt::Debug for dyn ResumeSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ResumeSink")
    }
}

/// A pre-image that nobody expected: somebody else's content that stood where ours went. It is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Displaced {
    /// The entry as it was.
    pub entry: Option<Entry>,
    /// Where it was set aside.
    pub version: VersionKey,
}

/// What a commit, copy or move left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The entry as the storage shows it now. Its name is the last name of where it landed.
    pub entry: Entry,
    /// Set if something unexpected was replaced: a lost race. Nothing is in step, look again.
    pub displaced: Option<Displaced>,
    /// Set if the storage put it under another path than the target: a lost race.
    pub landed_as: Option<RelPath>,
    /// Where the replaced content was set aside, as `keep` asked.
    pub kept: Option<VersionKey>,
}

/// What a delete left behind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Deleted {
    /// Whether there was nothing to delete.
    pub was_absent: bool,
    /// Where the content was set aside.
    pub kept: Option<VersionKey>,
    /// Set if something unexpected was removed: it is kept there.
    pub displaced: Option<Displaced>,
}

/// How a delete is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Discard {
    /// Into the storage's trash, from which it can be restored.
    Trash,
    /// For ever.
    Forever,
}
