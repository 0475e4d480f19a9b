//! What a storage can do, declared or probed (DESIGN 6.2). What is declared is tested by the
//! conformance suite; what is not must fail with `unsupported`.

use serde::{Deserialize, Serialize};

use crate::entry::HashKind;

/// How far a native id can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ids {
    /// There are none.
    None,
    /// They usually follow an item, but are given again after a delete (inodes).
    Hint,
    /// An id is one item for ever.
    Strong,
}

/// Whether a finished listing shows every finished write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ListingConsistency {
    /// It does.
    Strong,
    /// It may lag behind; absences are confirmed by `stat`.
    Eventual,
}

/// What a reader can see while a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AtomicWrite {
    /// Old or new, never a part.
    Yes,
    /// Only if it is uploaded aside and moved; the storage's `commit` does so.
    ByMove,
    /// A part can be seen.
    No,
}

/// Which names a storage takes for one and the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseRule {
    /// `a` and `A` are two names.
    Sensitive,
    /// `a` and `A` are one name; the spelling is kept.
    Insensitive,
}

/// What a storage does to the Unicode form of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnicodeRule {
    /// Bytes are kept and compared.
    Exact,
    /// Composed and decomposed forms are one name; the spelling is kept.
    Folding,
}

/// Which changes the storage makes only if what is there is what was expected. Each one probed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conditions {
    /// Writing a name that must be free.
    pub create: bool,
    /// Replacing a given revision.
    pub replace: bool,
    /// Finishing a multipart upload.
    pub finish_multipart: bool,
    /// Copying onto a name that must be free or of a given revision.
    pub copy: bool,
    /// Moving a given revision onto a name that must be free.
    pub move_: bool,
    /// Deleting a given revision.
    pub delete: bool,
}

impl Conditions {
    /// All six.
    pub const ALL: Self = Self {
        create: true,
        replace: true,
        finish_multipart: true,
        copy: true,
        move_: true,
        delete: true,
    };
}

/// Names a storage refuses, in the terms of rclone's encoding (see [`crate::names`]).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NameRules {
    /// Single characters that cannot stand in a name, besides `/` and NUL.
    pub forbidden: String,
    /// Control characters (below 0x20 and 0x7F) are refused.
    pub no_control: bool,
    /// A name may not end in a space.
    pub no_trailing_space: bool,
    /// A name may not end in a full stop.
    pub no_trailing_period: bool,
    /// A name may not begin with a space.
    pub no_leading_space: bool,
    /// A name may not begin with a full stop.
    #[serde(default)]
    pub no_leading_period: bool,
    /// The device names of Windows (`CON`, `NUL`, `COM1`, ...) are refused.
    pub no_windows_devices: bool,
    /// Longest name in bytes of UTF-8.
    pub longest_name: Option<u32>,
    /// Longest path below the root in bytes of UTF-8.
    pub longest_path: Option<u32>,
}

/// Sizes of parts for uploads in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Parts {
    /// Smallest part but the last, in bytes.
    pub smallest: u64,
    /// Largest part, in bytes.
    pub largest: u64,
    /// Most parts.
    pub most: u32,
    /// Whether all parts but the last must have one size.
    pub equal: bool,
}

/// What a storage can do.
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is one documented capability, as in OpenDAL's"
)]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// How far native ids can be trusted.
    pub ids: Ids,
    /// Hashes that entries carry without being read.
    pub hashes: Vec<HashKind>,
    /// Reading content costs neither requests nor money, so it may be read to look closer.
    pub cheap_reads: bool,
    /// A revision changes exactly when content changes, so another revision is another content.
    pub revision_is_content: bool,
    /// `changes` works.
    pub feed: bool,
    /// `wait` reports changes as they happen.
    pub waiting: bool,
    /// A folder's revision changes with anything below it, however soon after another change, and a listing that begins
    /// after a revision was shown shows all that led to it. A folder of which that is not so, such as one that lies on
    /// another server, has no revision. In a listing a folder's revision is read before what is in it.
    pub folder_revision_covers_subtree: bool,
    /// Whether a listing shows every finished write.
    pub listing: ListingConsistency,
    /// A listing shows of a file neither the mtime nor the executable bit that a client set; `stat` does.
    #[serde(default)]
    pub listing_lacks_meta: bool,
    /// The shortest time between two writes that gives two revisions, in nanoseconds.
    pub revision_granularity: u64,
    /// Conditional changes.
    pub conditions: Conditions,
    /// A move is atomic.
    pub atomic_move: bool,
    /// A folder moves in one request.
    pub folder_move: bool,
    /// `copy` works, without the bytes coming here.
    pub server_copy: bool,
    /// A new file can be put together from ranges of an old one.
    pub range_copy: bool,
    /// What a reader sees during a write.
    pub atomic_write: AtomicWrite,
    /// `delete` can put into a trash.
    pub trash: bool,
    /// A whole folder can go into the trash in one request.
    pub recursive_trash: bool,
    /// Superseded content can be kept and listed by `versions`.
    pub versions: bool,
    /// A client can set a file's mtime.
    pub mtime: bool,
    /// Steps of the mtime, in nanoseconds.
    pub mtime_precision: u64,
    /// Files have an executable bit.
    pub executable: bool,
    /// Symbolic links can be held.
    pub symlinks: bool,
    /// Which names are one.
    pub case: CaseRule,
    /// What happens to Unicode forms.
    pub unicode: UnicodeRule,
    /// Names it refuses.
    pub names: NameRules,
    /// Largest file in bytes.
    pub largest_file: Option<u64>,
    /// Upload in parts.
    pub parts: Option<Parts>,
    /// Writes per second to one name.
    pub writes_per_name: Option<u32>,
    /// One folder can hold two items of one name.
    pub twins: bool,
    /// Folders exist without anything in them.
    pub empty_folders: bool,
    /// `read` of a range reads just the range.
    pub ranges: bool,
    /// The server may change content on arrival.
    pub mutates_content: bool,
    /// `quota` works.
    pub quota: bool,
    /// Seconds since 1970 at which conditions and the like were last probed; `None` where all is declared.
    pub probed: Option<i64>,
}

impl Capabilities {
    /// The least a storage can do: read, write, list, delete.
    #[must_use]
    pub fn least() -> Self {
        Self {
            ids: Ids::None,
            hashes: Vec::new(),
            cheap_reads: false,
            revision_is_content: false,
            feed: false,
            waiting: false,
            folder_revision_covers_subtree: false,
            listing: ListingConsistency::Strong,
            listing_lacks_meta: false,
            revision_granularity: 0,
            conditions: Conditions::default(),
            atomic_move: false,
            folder_move: false,
            server_copy: false,
            range_copy: false,
            atomic_write: AtomicWrite::No,
            trash: false,
            recursive_trash: false,
            versions: false,
            mtime: false,
            mtime_precision: 1,
            executable: false,
            symlinks: false,
            case: CaseRule::Sensitive,
            unicode: UnicodeRule::Exact,
            names: NameRules::default(),
            largest_file: None,
            parts: None,
            writes_per_name: None,
            twins: false,
            empty_folders: false,
            ranges: false,
            mutates_content: false,
            quota: false,
            probed: None,
        }
    }
}
