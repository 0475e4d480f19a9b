//! A flat store of objects as folders: what S3, Azure Blob, Google Cloud Storage and Swift have in common.
//!
//! Keys and objects, no folders, no moves, no feed. A store tells what it is by [`store::Facts`] and does a few things
//! natively by [`store::ObjectStore`], one request each; everything else is here and the same for all: paths and keys,
//! folders out of keys, their markers, the identity of a root, conditions and what is done where they are not heeded,
//! uploads in parts that go on after a restart, moves by copying, versions, tries, limits and health, and the probe.
//!
//! What differs between stores is probed by `validate` and handed back to `open`; without a probe nothing is relied
//! upon. What may be lost where conditions do not work is written in `guard`.

pub(crate) mod bucket;
mod change;
mod copy;
mod errors;
pub(crate) mod follow;
pub(crate) mod guard;
mod history;
pub(crate) mod keys;
mod listing;
mod marker;
pub(crate) mod metadata;
mod multipart;
pub(crate) mod object;
pub(crate) mod parts;
mod probe;
mod read;
mod revision;
mod root;
pub(crate) mod storage;
pub(crate) mod store;
mod tree;
mod upload;
mod versions;
mod write;
