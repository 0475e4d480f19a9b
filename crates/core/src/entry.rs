//! What one side shows of an item.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::path::Name;
use crate::time::Timestamp;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A regular file: bytes that can be read and replaced.
    File,
    /// A folder.
    Folder,
    /// A symbolic link; its target is text, never followed.
    Symlink,
    /// Listed, never read, written or deleted: a socket, a device, an online document, a shortcut.
    Opaque,
}

/// When the content was last changed, and who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Mtime {
    /// The time.
    pub at: Timestamp,
    /// Whether a client set it. A server's upload time is no mtime and never compared as one.
    pub by_client: bool,
}

/// A side's own id of an item.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum NativeId {
    /// A number pair, as file systems have (device and inode).
    Number(u64, u64),
    /// Text, as services have.
    Text(Box<str>),
}

impl fmt::Debug for NativeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(a, b) => write!(f, "{a}:{b}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// What a side offers to notice a change and to guard one.
///
/// Equal revisions mean: nothing was changed. Different ones mean: look. Whether content changed as well
/// is decided by size, time and hash.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Revision {
    /// The side offers none for this entry (a folder of a flat store).
    None,
    /// An etag, rev or generation.
    Tag(Box<str>),
    /// A file system's fingerprint; size and mtime stand in the entry itself.
    Fingerprint {
        /// Nanoseconds since 1970 at which the inode last changed.
        ctime: i64,
        /// The device.
        device: u64,
        /// The inode.
        inode: u64,
        /// Nanoseconds since 1970 at which the content last changed.
        mtime: i64,
        /// Length in bytes.
        size: u64,
    },
}

impl fmt::Debug for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("-"),
            Self::Tag(tag) => f.write_str(tag),
            Self::Fingerprint {
                ctime,
                device,
                inode,
                mtime,
                size,
            } => {
                write!(f, "{device}:{inode}/{size}/{mtime}/{ctime}")
            }
        }
    }
}

/// A way to hash content that some storage names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HashKind {
    /// BLAKE3, 32 bytes: Tandem's own; computed on every transfer.
    Blake3,
    /// MD5, 16 bytes.
    Md5,
    /// SHA-1, 20 bytes.
    Sha1,
    /// SHA-256, 32 bytes.
    Sha256,
    /// CRC-64/NVME, 8 bytes.
    Crc64Nvme,
    /// CRC-32C, 4 bytes.
    Crc32c,
    /// Dropbox's content hash, 32 bytes.
    DropboxContent,
    /// OneDrive's QuickXorHash, 20 bytes.
    QuickXor,
}

impl HashKind {
    /// Length of a value in bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Blake3 | Self::Sha256 | Self::DropboxContent => 32,
            Self::Sha1 | Self::QuickXor => 20,
            Self::Md5 => 16,
            Self::Crc64Nvme => 8,
            Self::Crc32c => 4,
        }
    }
}

/// A hash of content.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ContentHash {
    /// Which function.
    pub kind: HashKind,
    /// Its value, of [`HashKind::bytes`] bytes.
    pub value: Box<[u8]>,
}

impl ContentHash {
    /// A value of the given kind; `None` if it has the wrong length.
    #[must_use]
    pub fn new(kind: HashKind, value: &[u8]) -> Option<Self> {
        (value.len() == kind.bytes()).then(|| Self {
            kind,
            value: value.into(),
        })
    }

    /// A BLAKE3 value.
    #[must_use]
    pub fn blake3(value: [u8; 32]) -> Self {
        Self {
            kind: HashKind::Blake3,
            value: Box::new(value),
        }
    }

    /// Whether the two are of one function and of different contents.
    #[must_use]
    pub fn contradicts(&self, other: &Self) -> bool {
        self.kind == other.kind && self.value != other.value
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}:", self.kind)?;
        self.value
            .iter()
            .take(6)
            .try_for_each(|b| write!(f, "{b:02x}"))
    }
}

/// An item as one side shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The name as this side spells it.
    pub name: Name,
    /// What it is.
    pub kind: Kind,
    /// Length in bytes; 0 for what is not a file.
    pub size: u64,
    /// When it was last changed.
    pub mtime: Option<Mtime>,
    /// Whether its owner may execute it; `None` where the side has no such bit.
    pub executable: Option<bool>,
    /// The side's own id.
    pub id: Option<NativeId>,
    /// What must still be there when it is changed.
    pub revision: Revision,
    /// Hashes of the content that the side itself names, or that were computed by reading it.
    pub hashes: Vec<ContentHash>,
    /// A symlink's target.
    pub target: Option<Box<str>>,
}

impl Entry {
    /// A folder with nothing known but its name.
    #[must_use]
    pub const fn folder(name: Name) -> Self {
        Self {
            name,
            kind: Kind::Folder,
            size: 0,
            mtime: None,
            executable: None,
            id: None,
            revision: Revision::None,
            hashes: Vec::new(),
            target: None,
        }
    }

    /// When the side last saw it change, where the revision tells: a file may still be written to.
    #[must_use]
    pub const fn touched_at(&self) -> Option<Timestamp> {
        match self.revision {
            Revision::Fingerprint { ctime, .. } => Some(Timestamp(ctime)),
            Revision::None | Revision::Tag(_) => None,
        }
    }

    /// The hash of this kind, if it is known.
    #[must_use]
    pub fn hash(&self, kind: HashKind) -> Option<&ContentHash> {
        self.hashes.iter().find(|h| h.kind == kind)
    }

    /// Whether a common hash shows equal (`Some(true)`) or different content; `None` without a common one.
    #[must_use]
    pub fn same_by_hash(&self, other: &Self) -> Option<bool> {
        let mut verdict = None;
        for mine in &self.hashes {
            if let Some(theirs) = other.hash(mine.kind) {
                if mine != theirs || self.size != other.size {
                    return Some(false);
                }
                verdict = Some(true);
            }
        }
        verdict
    }
}
