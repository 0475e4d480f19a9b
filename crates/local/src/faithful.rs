//! A copy that takes the place of its original among what is kept, where the original itself cannot go there.
//!
//! Invariant: it is whole, of one state of the original, and flushed, or it is not there (P1, P8).

use rustix::fd::{AsFd, OwnedFd};
use tandem_core::removed;

use crate::attributes::carry;
use crate::disk::{Disk, Moment, Place};
use crate::observed::target_of;
use crate::sys::{self, Access, Errno, Folder, Stat, SysResult, Type};

/// How often a file is copied anew that is written to meanwhile.
const TRIES: usize = 4;

/// Copies the file or link `from` to `name` in `folder`, which must be free. The answer is what was copied.
pub(crate) fn copy(disk: &Disk, from: &Place, folder: &Folder, name: &str) -> SysResult<Stat> {
    for _ in 0..TRIES {
        match copy_once(disk, from, folder, name) {
            Err(Errno::AGAIN) => {}
            answer => return answer,
        }
    }
    Err(Errno::AGAIN)
}

fn copy_once(disk: &Disk, from: &Place, folder: &Folder, name: &str) -> SysResult<Stat> {
    let stat = from.stat()?.ok_or(Errno::NOENT)?;
    if stat.kind == Type::Symlink {
        let target = target_of(&from.folder, from.name())?;
        folder.symlink(&target, name)?;
        if let Err(error) = folder.set_mtime(name, stat.mtime) {
            folder.unlink(name)?;
            return Err(error);
        }
        return Ok(stat);
    }
    let source = from.folder.open_file(from.name(), Access::Read)?;
    let copy = folder.create_file(name, 0o600)?;
    let filled = fill(disk, from, &stat, &source, &copy);
    if filled.is_err() {
        folder.unlink(name)?;
    }
    filled.map(|()| stat)
}

fn fill(disk: &Disk, from: &Place, stat: &Stat, source: &OwnedFd, copy: &OwnedFd) -> SysResult<()> {
    disk.at(Moment::BeforeCopy)?;
    let len = sys::copy_bytes(source.as_fd(), copy.as_fd(), stat.size)?;
    disk.at(Moment::AfterCopy)?;
    // Looked at last, this tells of another file that was opened, too.
    let now = sys::stat_of(source)?;
    let is_unchanged = now.is_same_file(stat)
        && (now.size, now.mtime, now.ctime) == (stat.size, stat.mtime, stat.ctime);
    if (len != stat.size || !is_unchanged) && !removed!("expectation") {
        return Err(Errno::AGAIN);
    }
    carry(from, stat, copy, None)?;
    sys::set_mtime_of(copy, stat.mtime)?;
    sys::sync(copy)
}
