//! How much of a long transfer surely arrived, and by what that is shown.

use std::num::NonZeroU64;

use rustix::fd::OwnedFd;
use serde::{Deserialize, Serialize};

use crate::disk::Place;
use crate::sys::{self, Access, SysResult, Type};

/// A prefix of a long file that is as it was sent. What lies behind a power loss need not be what was written; the
/// hash tells. It is of some bytes: every file begins with none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    pub(crate) len: NonZeroU64,
    pub(crate) blake3: String,
}

/// A file that holds a checkpoint's prefix.
pub(crate) struct Prefix {
    pub(crate) file: OwnedFd,
    pub(crate) inode: u64,
    pub(crate) hasher: blake3::Hasher,
}

impl Checkpoint {
    /// Opens the file at `place` if it begins with what was sent; nothing in it is changed.
    pub(crate) fn find(&self, place: &Place) -> SysResult<Option<Prefix>> {
        let file = place.folder.open_file(place.name(), Access::ReadWrite)?;
        let stat = sys::stat_of(&file)?;
        if stat.kind != Type::File || stat.size < self.len.get() {
            return Ok(None);
        }
        let (mut hasher, mut done) = (blake3::Hasher::new(), 0);
        while done < self.len.get() {
            let piece = (self.len.get() - done).min(1 << 20) as usize;
            let bytes = sys::read_at(&file, done, piece)?;
            if bytes.is_empty() {
                return Ok(None);
            }
            hasher.update(&bytes);
            done += bytes.len() as u64;
        }
        let is_it = hasher.finalize().to_hex().as_str() == self.blake3;
        Ok(is_it.then_some(Prefix {
            file,
            inode: stat.inode,
            hasher,
        }))
    }
}
