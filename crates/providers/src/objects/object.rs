//! What a store shows of its objects.

use std::collections::{BTreeMap, HashMap};

use tandem_core::entry::{ContentHash, HashKind};
use tandem_core::time::Timestamp;

/// What an object carries besides its bytes, by names in lower case. The layer writes `mtime`, `mode`, and
/// `tandem-path`, `tandem-kept-at`, `tandem-etag` on versions; a store whose names may not have a hyphen maps it, both
/// ways. Values are printable ASCII.
pub(crate) type UserMetadata = HashMap<String, String>;

/// What an object's owner set for those who read it from the store: `cache-control`, `content-type` and the like, and
/// what else the store has (a storage class), by names that the store chooses. They are taken over by copies and, but
/// for what [`super::store::ObjectStore::for_new_content`] leaves out, by new content at the same key.
pub(crate) type Headers = BTreeMap<&'static str, String>;

/// An object's state.
#[derive(Debug, Clone, Default)]
pub(crate) struct Object {
    /// Length in bytes.
    pub(crate) size: u64,
    /// What tells this state from any other of the same key, and what conditions name: an ETag without its quotes, a
    /// generation. Never empty, but in an answer to a change of a store that did not tell it.
    pub(crate) tag: String,
    /// When the store says it was written.
    pub(crate) written: Option<Timestamp>,
    /// The id of the version, in a store that keeps versions.
    pub(crate) version: Option<String>,
    /// What it carries.
    pub(crate) metadata: UserMetadata,
    /// What its owner set.
    pub(crate) headers: Headers,
    /// Hashes of the content that the store tells. Believed of those kinds alone that the capabilities name.
    pub(crate) hashes: Vec<ContentHash>,
}

/// The MD5 among `hashes`.
pub(crate) fn md5_among(hashes: &[ContentHash]) -> Option<[u8; 16]> {
    let md5 = hashes.iter().find(|hash| hash.kind == HashKind::Md5)?;
    md5.value.as_ref().try_into().ok()
}

/// An object as a listing shows it. Its key is bytes: a store may hold what is no UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListedObject {
    /// The whole key.
    pub(crate) key: Vec<u8>,
    /// Length in bytes.
    pub(crate) size: u64,
    /// As [`Object::tag`]; `None` where listings carry none.
    pub(crate) tag: Option<String>,
    /// When the store says it was written.
    pub(crate) written: Option<Timestamp>,
    /// As [`Object::hashes`].
    pub(crate) hashes: Vec<ContentHash>,
    /// As [`Object::metadata`]; `None` where listings carry none, which the capabilities say too.
    pub(crate) metadata: Option<UserMetadata>,
}

/// What is asked for of a listing.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    /// What the keys begin with.
    pub(crate) prefix: String,
    /// Whether keys are put together at the next `/` after the prefix.
    pub(crate) delimited: bool,
    /// Most keys and folders in a page; `None` for as many as the store gives.
    pub(crate) most: Option<u32>,
}

/// One page of a listing. Keys come in an order in which all that begin alike up to a `/` follow each other, as they do
/// in the order of their bytes.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// The objects.
    pub(crate) objects: Vec<ListedObject>,
    /// Prefixes that end in `/`, where keys were to be put together.
    pub(crate) folders: Vec<Vec<u8>>,
    /// How to ask for the next page; `None` after the last one.
    pub(crate) next: Option<String>,
}

/// A line of the history of a key, in a store that keeps versions.
#[derive(Debug, Clone)]
pub(crate) struct Past {
    /// What it is, or was.
    pub(crate) object: ListedObject,
    /// The id of the version.
    pub(crate) id: String,
    /// Whether it is what a reader of the key gets.
    pub(crate) is_latest: bool,
    /// Whether it stands for a delete.
    pub(crate) is_marker: bool,
}

/// A page of histories: keys in order, of each key the newest line first.
#[derive(Debug, Default)]
pub(crate) struct HistoryPage {
    /// The lines.
    pub(crate) lines: Vec<Past>,
    /// How to ask for the next page; `None` after the last one.
    pub(crate) next: Option<String>,
}
