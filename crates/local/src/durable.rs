//! Makes durable what others wrote and Tandem has read (P5): a program that saves a file seldom flushes it.
//!
//! Invariant: a file is passed over only if its whole file system was flushed since the kernel last changed it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tandem_core::entry::Revision;
use tandem_core::error::Result;
use tandem_core::path::RelPath;

use crate::disk::{Anchor, Disk, Moment, lock};
use crate::errors::Context;
use crate::sys::{self, Access, Errno, Folder, SysResult};

/// From so many files on, one flush of the whole file system is cheaper.
const FEW: usize = 4;

/// The kernel's stamps lag behind its clock by less than this.
const SLACK: Duration = Duration::from_secs(2);

/// A clock that was set by more than this tells nothing about earlier stamps.
const SET: Duration = Duration::from_secs(1);

/// A flush of a whole file system that succeeded.
struct Flush {
    /// When it began, by the clock that stamps files.
    clock: SystemTime,
    began: Instant,
}

impl Flush {
    /// Whether what the kernel changed last at `ctime` was there when it began.
    fn covers(&self, ctime: i64) -> bool {
        let run = self.began.elapsed();
        let shown = SystemTime::now().duration_since(self.clock);
        let is_set = shown.map_or(true, |shown| shown.abs_diff(run) > SET);
        let Ok(ctime) = u64::try_from(ctime) else {
            return false;
        };
        let changed = UNIX_EPOCH + Duration::from_nanos(ctime);
        !is_set && changed + SLACK < self.clock
    }
}

/// The last flush of each device, whichever root called for it: two may lie on one.
static FLUSHES: Mutex<BTreeMap<u64, Flush>> = Mutex::new(BTreeMap::new());

/// Flushes all of the device that `folder` lies on.
pub(crate) fn flush_all(folder: &Folder, device: u64) -> SysResult<()> {
    let flush = Flush {
        clock: SystemTime::now(),
        began: Instant::now(),
    };
    folder.sync_all()?;
    if folder.flushes_whole() {
        lock(&FLUSHES).insert(device, flush);
    }
    Ok(())
}

fn is_flushed(device: u64, ctime: i64) -> bool {
    let flushes = lock(&FLUSHES);
    flushes.get(&device).is_some_and(|last| last.covers(ctime))
}

/// Makes files durable, each at a revision, and their names.
pub(crate) fn make_durable(disk: &Disk, files: &[(RelPath, Revision)]) -> Result<()> {
    const DURABLE: &str = "make_durable";
    let mut due: BTreeMap<u64, Vec<&RelPath>> = BTreeMap::new();
    for (path, revision) in files {
        match revision {
            Revision::Fingerprint { ctime, device, .. } if is_flushed(*device, *ctime) => {}
            Revision::Fingerprint { device, .. } => due.entry(*device).or_default().push(path),
            _ => due.entry(0).or_default().push(path),
        }
    }
    let Some(first) = due.values().flatten().next().copied() else {
        return Ok(());
    };
    let anchor = disk.anchor().context(DURABLE, first)?;
    disk.at(Moment::BeforeFlush).context(DURABLE, first)?;
    for (device, paths) in due {
        flush(&anchor, device, &paths)
            .context(DURABLE, paths.first().map_or(first, |path| *path))?;
    }
    Ok(())
}

fn flush(anchor: &Anchor, device: u64, paths: &[&RelPath]) -> SysResult<()> {
    let folders: BTreeSet<RelPath> = paths.iter().filter_map(|path| path.parent()).collect();
    if paths.len() > FEW && flush_whole(anchor, device, &folders)? {
        return Ok(());
    }
    for path in paths {
        if let Some(file) = there(anchor.folder.open_file(path.as_str(), Access::Read))? {
            sys::sync(file)?;
        }
    }
    for folder in folders {
        if let Some(folder) = there(anchor.folder.open_folder(folder.as_str()))? {
            folder.sync()?;
        }
    }
    Ok(())
}

/// Flushes the whole file system, if it is one of which that is known to work.
fn flush_whole(anchor: &Anchor, device: u64, folders: &BTreeSet<RelPath>) -> SysResult<bool> {
    if device == anchor.stat.device {
        return flush_known(&anchor.folder, device);
    }
    for folder in folders {
        if let Some(folder) = there(anchor.folder.open_folder(folder.as_str()))?
            && folder.stat_self()?.device == device
        {
            return flush_known(&folder, device);
        }
    }
    Ok(false)
}

fn flush_known(folder: &Folder, device: u64) -> SysResult<bool> {
    let is_known = folder.flushes_whole();
    if is_known {
        flush_all(folder, device)?;
    }
    Ok(is_known)
}

/// What was opened. What is not there any more, or is another thing, is for the next look.
fn there<T>(opened: SysResult<T>) -> SysResult<Option<T>> {
    match opened {
        Ok(opened) => Ok(Some(opened)),
        Err(error @ (Errno::IO | Errno::MFILE | Errno::NFILE)) => Err(error),
        Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(time: SystemTime) -> i64 {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
    }

    #[test]
    fn a_flush_covers_what_was_changed_well_before_it_began() {
        let (clock, began) = (SystemTime::now(), Instant::now());
        let flush = Flush { clock, began };
        assert!(flush.covers(stamp(clock - Duration::from_secs(10))));
        assert!(!flush.covers(stamp(clock - Duration::from_secs(1))));
        assert!(!flush.covers(stamp(clock + Duration::from_secs(10))));
    }

    #[test]
    fn a_flush_tells_nothing_once_the_clock_was_set() {
        let began = Instant::now();
        for clock in [
            SystemTime::now() - Duration::from_secs(3600),
            SystemTime::now() + Duration::from_secs(3600),
        ] {
            let flush = Flush { clock, began };
            assert!(!flush.covers(stamp(clock - Duration::from_secs(10))));
        }
    }
}
