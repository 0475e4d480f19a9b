//! What was made visible and is not yet durable (P5).
//!
//! Invariant: whatever a call made visible is noted here, by the folder (or file) whose own record changed,
//! before the call returns, and taken out only after a flush that covers it succeeded. A failed flush is told twice:
//! by the flush itself, and by the next one. The system tells a failure once and takes what it could not write for
//! clean from then on, so that next one would succeed and show nothing of what was noted before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use tandem_core::path::RelPath;

use crate::disk::{Anchor, Disk, Moment, lock};
use crate::durable::flush_all;
use crate::sys::{self, Access, Errno, Folder, SysResult};

/// From so many paths on, one flush of the whole file system is cheaper, where that can be relied on.
const FEW: usize = 4;

/// A device that is not there any more, and with it what was to be flushed.
const GONE: Errno = Errno::NODEV;

/// What is not yet durable on one device.
#[derive(Debug)]
struct Dirt {
    /// Any path on the device.
    some: RelPath,
    paths: BTreeSet<RelPath>,
    /// More than is worth naming.
    whole: bool,
    /// What the last flush said, until the next one has said it again.
    failed: Option<Errno>,
}

impl Dirt {
    const fn new(some: RelPath) -> Self {
        Self {
            some,
            paths: BTreeSet::new(),
            whole: false,
            failed: None,
        }
    }

    fn add(&mut self, path: RelPath, by_device: bool) {
        if self.whole {
            return;
        }
        self.paths.insert(path);
        if by_device && self.paths.len() > FEW {
            self.whole = true;
            self.paths.clear();
        }
    }

    fn join(&mut self, other: Self, by_device: bool) {
        self.failed = self.failed.or(other.failed);
        if other.whole {
            self.whole = true;
            self.paths.clear();
        }
        for path in other.paths {
            self.add(path, by_device);
        }
    }
}

/// What is not yet durable, by device.
#[derive(Debug, Default)]
pub(crate) struct Unsettled {
    dirt: Mutex<BTreeMap<u64, Dirt>>,
    /// Whether a flush of the whole device can be relied on: asked once of each.
    by_device: Mutex<BTreeMap<u64, bool>>,
}

impl Unsettled {
    /// The record at `path` changed: that of `folder` itself, or of something in it. By the device of the folder,
    /// since some file systems give their files others.
    pub(crate) fn note(&self, folder: &Folder, path: &RelPath) {
        self.note_as(folder, path, false);
    }

    /// As [`Unsettled::note`], of a record that has no flush of its own: with all of the device, where that can be
    /// relied on.
    pub(crate) fn note_with_all(&self, folder: &Folder, path: &RelPath) {
        self.note_as(folder, path, true);
    }

    fn note_as(&self, folder: &Folder, path: &RelPath, with_all: bool) {
        let (device, by_device) = self.device_of(folder);
        let mut all = lock(&self.dirt);
        let dirt = all.entry(device).or_insert_with(|| Dirt::new(path.clone()));
        dirt.add(path.clone(), by_device);
        dirt.whole |= with_all && by_device;
    }

    /// A folder was moved, and what was noted below it with it.
    pub(crate) fn moved(&self, from: &RelPath, to: &RelPath) {
        let there = |path: &RelPath| path.below(from).map(|below| to.append(&below));
        for dirt in lock(&self.dirt).values_mut() {
            if let Some(some) = there(&dirt.some) {
                dirt.some = some;
            }
            let moved: Vec<(RelPath, RelPath)> = dirt
                .paths
                .iter()
                .filter_map(|path| Some((path.clone(), there(path)?)))
                .collect();
            for (was, now) in moved {
                dirt.paths.remove(&was);
                dirt.paths.insert(now);
            }
        }
    }

    /// The device of `folder`, and whether a flush of all of it can be relied on.
    pub(crate) fn device_of(&self, folder: &Folder) -> (u64, bool) {
        // One that does not even say this is flushed by its path, and says then what is wrong.
        let Ok(stat) = folder.stat_self() else {
            return (0, false);
        };
        let mut known = lock(&self.by_device);
        let by_device = known
            .entry(stat.device)
            .or_insert_with(|| folder.flushes_whole());
        (stat.device, *by_device)
    }

    /// Flushes what was noted, and all of each device in `whole` (with a path on it). What could not be
    /// flushed stays noted.
    pub(crate) fn flush(
        &self,
        disk: &Disk,
        anchor: &Anchor,
        whole: &BTreeMap<u64, RelPath>,
    ) -> SysResult<()> {
        let noted = std::mem::take(&mut *lock(&self.dirt));
        let mut first_error = None;
        for (device, path) in whole {
            if !noted.contains_key(device)
                && let Err(error) = flush_device(disk, anchor, *device, path)
            {
                first_error.get_or_insert(error);
            }
        }
        for (device, mut dirt) in noted {
            let told = dirt.failed.take();
            let error = match told {
                Some(error) => error,
                None => match flush_noted(disk, anchor, device, &dirt, whole) {
                    Ok(()) => continue,
                    Err(error) => error,
                },
            };
            first_error.get_or_insert(error);
            if told.is_none() {
                dirt.failed = Some(error);
            }
            if told != Some(GONE) {
                self.put_back(device, dirt);
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    fn put_back(&self, device: u64, dirt: Dirt) {
        let by_device = lock(&self.by_device).get(&device).copied();
        let mut all = lock(&self.dirt);
        let some = dirt.some.clone();
        let here = all.entry(device).or_insert_with(|| Dirt::new(some));
        here.join(dirt, by_device.unwrap_or(false));
    }
}

fn flush_noted(
    disk: &Disk,
    anchor: &Anchor,
    device: u64,
    dirt: &Dirt,
    whole: &BTreeMap<u64, RelPath>,
) -> SysResult<()> {
    if !dirt.whole && !whole.contains_key(&device) && flush_paths(disk, anchor, &dirt.paths)? {
        return Ok(());
    }
    // Where a flush of all cannot be relied on it is for what no path leads to any more, and all that can be done.
    flush_device(disk, anchor, device, &dirt.some)
}

/// Flushes the file system `device`, on which the path `some` lies. Where that is relied on, it says whether anything
/// could not be written since this handle was last asked; by one opened for it, what nobody was told of yet.
fn flush_device(disk: &Disk, anchor: &Anchor, device: u64, some: &RelPath) -> SysResult<()> {
    disk.at(Moment::Flush)?;
    if device == anchor.stat.device {
        return flush_all(&anchor.folder, device);
    }
    // Mounted below the root: through any folder on it.
    let mut at = Some(some.clone());
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

/// Flushes each path; `false` where one could not be reached.
fn flush_paths(disk: &Disk, anchor: &Anchor, paths: &BTreeSet<RelPath>) -> SysResult<bool> {
    let mut reached = true;
    for path in paths {
        reached &= flush_path(disk, anchor, path)?;
    }
    Ok(reached)
}

/// Flushes the file or folder at `path`; `false` where it cannot be opened: it was moved, or may not be read.
pub(crate) fn flush_path(disk: &Disk, anchor: &Anchor, path: &RelPath) -> SysResult<bool> {
    disk.at(Moment::Flush)?;
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
