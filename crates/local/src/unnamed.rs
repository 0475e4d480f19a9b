//! Staged files that have no name until they are committed: a run that is killed leaves nothing of them.
//!
//! They must be held open, so there are only so many at a time; content beyond that is staged under a name.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

use rustix::fd::OwnedFd;
use tandem_core::path::RelPath;

use crate::disk::{Place, lock};
use crate::sys::{self, SysResult};

/// How many there are in this process, of all roots.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// The share of the open files allowed that they may take.
const SHARE: u64 = 2;

/// An open file without a name.
#[derive(Debug)]
pub(crate) struct Nameless {
    pub(crate) file: OwnedFd,
}

impl Drop for Nameless {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Nameless {
    /// Makes one beside `target`; `None` where that cannot be, or where there are too many.
    pub(crate) fn make(target: &Place, mode: u32) -> SysResult<Option<Self>> {
        if OPEN.fetch_add(1, Ordering::AcqRel) >= most() {
            OPEN.fetch_sub(1, Ordering::AcqRel);
            return Ok(None);
        }
        let made = target.folder.create_unnamed(mode);
        if !matches!(made, Ok(Some(_))) {
            OPEN.fetch_sub(1, Ordering::AcqRel);
        }
        Ok(made?.map(|file| Self { file }))
    }

    /// Gives it the name of `place`, which must be free.
    pub(crate) fn give(&self, place: &Place) -> SysResult<()> {
        place.folder.name_unnamed(&self.file, place.name())
    }
}

fn most() -> usize {
    static MOST: OnceLock<usize> = OnceLock::new();
    let share = || usize::try_from(sys::most_open_files() / SHARE).unwrap_or(0);
    *MOST.get_or_init(share)
}

/// Those of one root, by the name that their tokens say.
#[derive(Debug, Default)]
pub(crate) struct Unnamed(Mutex<HashMap<RelPath, Nameless>>);

impl Unnamed {
    /// Holds a whole one until it is committed or discarded.
    pub(crate) fn hold(&self, path: RelPath, file: Nameless) {
        lock(&self.0).insert(path, file);
    }

    /// Takes one out.
    pub(crate) fn take(&self, path: &RelPath) -> Option<Nameless> {
        lock(&self.0).remove(path)
    }
}
