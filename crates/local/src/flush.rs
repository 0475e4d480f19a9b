//! What was made visible and is not yet durable (P5).
//!
//! Invariant: whatever a call made visible is noted here, by the folder (or file) whose own record changed,
//! before the call returns, and taken out only after a flush that covers it succeeded.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use tandem_core::path::RelPath;

use crate::disk::{Anchor, lock};
use crate::durable::flush_all;
use crate::sys::{self, Access, Errno, SysResult};

/// From so many paths on, one flush of the whole file system is cheaper.
const FEW: usize = 4;

/// A device that is not there any more, and with it what was to be flushed: said once.
const GONE: Errno = Errno::NODEV;

#[derive(Debug, Default)]
struct Dirt {
    /// Any path on the device.
    some: Option<RelPath>,
    paths: BTreeSet<RelPath>,
    whole: bool,
}

/// What is not yet durable, by device.
#[derive(Debug, Default)]
pub(crate) struct Unsettled(Mutex<BTreeMap<u64, Dirt>>);

impl Unsettled {
    /// The record at `path`, on `device`, changed.
    pub(crate) fn note(&self, device: u64, path: &RelPath) {
        let mut all = lock(&self.0);
        let dirt = all.entry(device).or_default();
        if dirt.some.is_none() {
            dirt.some = Some(path.clone());
        }
        if dirt.whole {
            return;
        }
        dirt.paths.insert(path.clone());
        if dirt.paths.len() > FEW {
            dirt.whole = true;
            dirt.paths.clear();
        }
    }

    /// More changed on `device` than is worth naming.
    pub(crate) fn note_whole(&self, device: u64, path: &RelPath) {
        let mut all = lock(&self.0);
        let dirt = all.entry(device).or_default();
        dirt.some.get_or_insert_with(|| path.clone());
        dirt.whole = true;
        dirt.paths.clear();
    }

    /// Flushes what was noted, and all of each device in `whole` (with a path on it). What could not be
    /// flushed stays noted.
    pub(crate) fn flush(&self, anchor: &Anchor, whole: &BTreeMap<u64, RelPath>) -> SysResult<()> {
        let mut all = std::mem::take(&mut *lock(&self.0));
        for (device, path) in whole {
            let dirt = all.entry(*device).or_default();
            dirt.some.get_or_insert_with(|| path.clone());
            dirt.whole = true;
        }
        let mut first_error = None;
        for (device, dirt) in all {
            if let Err(error) = flush_device(anchor, device, &dirt) {
                first_error.get_or_insert(error);
                if error != GONE {
                    self.put_back(device, dirt);
                }
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    fn put_back(&self, device: u64, dirt: Dirt) {
        let some = dirt.some.unwrap_or_else(RelPath::root);
        if dirt.whole {
            self.note_whole(device, &some);
        }
        for path in dirt.paths {
            self.note(device, &path);
        }
    }
}

fn flush_device(anchor: &Anchor, device: u64, dirt: &Dirt) -> SysResult<()> {
    if !dirt.whole && flush_paths(anchor, &dirt.paths)? {
        return Ok(());
    }
    // The call reports each failed write-back since the handle was opened or last asked.
    if device == anchor.stat.device {
        return flush_all(&anchor.folder, device);
    }
    flush_foreign(anchor, device, dirt)
}

/// Flushes each path; `false` where one could not be reached.
fn flush_paths(anchor: &Anchor, paths: &BTreeSet<RelPath>) -> SysResult<bool> {
    for path in paths {
        if !flush_path(anchor, path)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Flushes one path; `false` where it cannot be opened: it was moved, or may not be read.
fn flush_path(anchor: &Anchor, path: &RelPath) -> SysResult<bool> {
    let opened = if path.is_root() {
        return anchor.folder.sync().map(|()| true);
    } else {
        anchor.folder.open_file(path.as_str(), Access::Read)
    };
    match opened {
        Ok(file) => sys::sync(file).map(|()| true),
        Err(Errno::IO) => Err(Errno::IO),
        Err(_) => Ok(false),
    }
}

/// Flushes a file system that is mounted below the root, through any folder on it.
fn flush_foreign(anchor: &Anchor, device: u64, dirt: &Dirt) -> SysResult<()> {
    let mut at = dirt.some.clone();
    while let Some(path) = at {
        if let Ok(folder) = anchor.folder.open_folder(path.as_str())
            && folder.stat_self()?.device == device
        {
            return flush_all(&folder, device);
        }
        at = path.parent();
    }
    Err(GONE)
}
