//! What was flushed when, for tests: a flush changes nothing that could be looked at.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use rustix::fd::AsFd;

/// Of each file and folder that was flushed by itself, by device and inode, when that was begun last.
static ALONE: Mutex<BTreeMap<(u64, u64), SystemTime>> = Mutex::new(BTreeMap::new());

/// The same of each device that was flushed whole.
static WHOLE: Mutex<BTreeMap<u64, SystemTime>> = Mutex::new(BTreeMap::new());

fn note<K: Ord>(times: &Mutex<BTreeMap<K, SystemTime>>, flushed: K, began: SystemTime) {
    let mut times = times.lock().unwrap_or_else(PoisonError::into_inner);
    times.insert(flushed, began);
}

/// A file or folder was flushed by itself.
pub(super) fn note_alone(file: impl AsFd, began: SystemTime) {
    if let Ok(stat) = rustix::fs::fstat(file) {
        note(&ALONE, (stat.st_dev, stat.st_ino), began);
    }
}

/// All of a device was flushed.
pub(super) fn note_whole(folder: impl AsFd, began: SystemTime) {
    if let Ok(stat) = rustix::fs::fstat(folder) {
        note(&WHOLE, stat.st_dev, began);
    }
}

/// Whether this file or folder was flushed, by itself or with all of its device, since `then`.
pub(crate) fn is_flushed_since((device, inode): (u64, u64), then: SystemTime) -> bool {
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let whole = WHOLE.lock().unwrap_or_else(PoisonError::into_inner);
    let times = [alone.get(&(device, inode)), whole.get(&device)];
    times.into_iter().flatten().any(|at| *at >= then)
}
