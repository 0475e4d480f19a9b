//! Observing (DESIGN 6.3).

use std::collections::BTreeSet;
use std::pin::Pin;
use std::time::Duration;

use futures_core::Stream;
use serde::{Deserialize, Serialize};

use crate::entry::{Entry, NativeId};
use crate::error::Result;
use crate::path::RelPath;

/// How far down a listing goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Depth {
    /// The folder's own children.
    Children,
    /// Everything below.
    Subtree,
}

/// One whole folder: all its children, none missing but what `skipped` names.
///
/// Of a subtree, each folder comes once, in any order. Folders are given in the spelling of the side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderListing {
    /// The folder.
    pub folder: RelPath,
    /// Its children, in any order. Names that Tandem keeps for itself are left out.
    pub entries: Vec<Entry>,
    /// Children that were seen and cannot be told as entries: not absent, not known.
    pub skipped: Vec<Skipped>,
}

/// What a listing says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listed {
    /// One whole folder.
    Folder(FolderListing),
    /// This folder exists and could not be listed. Nothing is known of what is below; nothing is absent.
    Unreadable(Skipped),
    /// The end marker: the listing is complete but for what it named as skipped or unreadable. A stream that
    /// ends without it says nothing about absence (P10).
    End,
}

/// A listing as it arrives. After an error nothing follows.
pub type ListingStream = Pin<Box<dyn Stream<Item = Result<Listed>> + Send>>;

/// Something that is there and left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The folder that holds it, or the folder itself for [`Listed::Unreadable`].
    pub folder: RelPath,
    /// Its name with what cannot be shown replaced; empty for the folder itself.
    pub shown: String,
    /// Why.
    pub why: Skip,
}

/// Why something is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Skip {
    /// The name is not UTF-8.
    NotUnicode,
    /// The name is no valid name: empty, `.`, `..`, a separator, NUL.
    BadName,
    /// Reading it is not permitted.
    Unreadable,
    /// It lies on another file system that was mounted below the root and is gone.
    MountGone,
    /// A flat store holds `k` beside `k/...`: the object is left alone.
    ShadowedByFolder,
    /// It vanished or changed while it was listed.
    Unsettled,
}

/// Where a feed stands. Bound to account, root and format; only the storage reads it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cursor(pub String);

/// Which folder an upserted entry lies in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ParentRef {
    /// By path below the root.
    Path(RelPath),
    /// By the folder's native id.
    Id(NativeId),
}

/// One line of a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The item is there as `entry` says.
    Upsert {
        /// The folder it lies in.
        parent: ParentRef,
        /// The entry.
        entry: Entry,
    },
    /// The item is gone; of a folder, all below it too.
    Removed {
        /// Its native id, where the feed says it.
        id: Option<NativeId>,
        /// Its path, where the feed says it.
        path: Option<RelPath>,
    },
    /// The account no longer sees the item. Never a delete.
    LostAccess {
        /// Its native id, where the feed says it.
        id: Option<NativeId>,
        /// Its path, where the feed says it.
        path: Option<RelPath>,
    },
}

/// What a feed says since a cursor. Applied whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// The lines; children may come before their folder, twice, and out of order.
    pub changes: Vec<Change>,
    /// Where the feed stands after them.
    pub cursor: Cursor,
    /// Whether more can be had at once.
    pub more: bool,
}

/// That something may have changed. Never evidence of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// In this folder, among its own children.
    Folder(RelPath),
    /// Anywhere below this folder.
    Subtree(RelPath),
    /// The feed has news.
    Feed,
}

/// How far a side hears of changes by itself: what the system tells of, and what is looked at from time to time instead.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WatchCoverage {
    /// How many folders there are to watch.
    pub needed: u64,
    /// How many folders this user's programs may watch in all; `None` where the system does not say.
    pub available: Option<u64>,
    /// Subtrees that are polled instead.
    pub polled: BTreeSet<RelPath>,
    /// How often.
    pub polled_every: Duration,
    /// Subtrees that are polled besides, for what others change there is not heard.
    pub shared: BTreeSet<RelPath>,
    /// How often.
    pub shared_every: Duration,
}
