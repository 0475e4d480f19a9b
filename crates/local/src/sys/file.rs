//! What is done with an open file, which no name leads away from.

use rustix::buffer::spare_capacity;
use rustix::fd::AsFd;
use rustix::fs::{Mode, Timespec, Timestamps, UTIME_OMIT};

use super::Errno;
use super::{Stat, SysResult, linux, portable, retried};
use crate::crash_points::{Change, make};

/// What sets the mtime and leaves the time of the last reading as it is.
pub(super) const fn mtime_alone(mtime: i64) -> Timestamps {
    Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        },
        last_modification: Timespec {
            tv_sec: mtime.div_euclid(1_000_000_000),
            tv_nsec: mtime.rem_euclid(1_000_000_000),
        },
    }
}

/// What an open file is.
pub(crate) fn stat_of(file: impl AsFd) -> SysResult<Stat> {
    Ok(Stat::of(&rustix::fs::fstat(file)?))
}

/// Sets the mtime of an open file.
pub(crate) fn set_mtime_of(file: impl AsFd, mtime: i64) -> SysResult<()> {
    make(Change::SetTime, || {
        rustix::fs::futimens(file, &mtime_alone(mtime))
    })
}

/// Sets the mode of an open file.
pub(crate) fn set_mode_of(file: impl AsFd, mode: u32) -> SysResult<()> {
    make(Change::SetMode, || {
        rustix::fs::fchmod(file, Mode::from_raw_mode(mode))
    })
}

/// Sets owner and group of an open file.
pub(crate) fn set_owner_of(file: impl AsFd, uid: Option<u32>, gid: Option<u32>) -> SysResult<()> {
    let (uid, gid) = (
        uid.map(rustix::fs::Uid::from_raw),
        gid.map(rustix::fs::Gid::from_raw),
    );
    make(Change::SetOwner, || rustix::fs::fchown(file, uid, gid))
}

/// Up to `length` bytes from `offset` on; fewer only at the end of the file.
pub(crate) fn read_at(file: impl AsFd, offset: u64, length: usize) -> SysResult<Vec<u8>> {
    let mut bytes = Vec::with_capacity(length.max(1));
    while bytes.len() < length {
        let at = offset + bytes.len() as u64;
        let got = retried(|| rustix::io::pread(&file, spare_capacity(&mut bytes), at))?;
        if got == 0 {
            break;
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}

/// Writes all of `bytes` at `offset`.
pub(crate) fn write_at(file: impl AsFd, mut bytes: &[u8], mut offset: u64) -> SysResult<()> {
    while !bytes.is_empty() {
        let written = retried(|| make(Change::Write, || rustix::io::pwrite(&file, bytes, offset)))?;
        if written == 0 {
            return Err(Errno::IO);
        }
        bytes = &bytes[written..];
        offset += written as u64;
    }
    Ok(())
}

/// Writes all of `bytes` at the end of a file opened to append, in one call where the system can.
pub(crate) fn append(file: impl AsFd, mut bytes: &[u8]) -> SysResult<()> {
    while !bytes.is_empty() {
        let written = retried(|| make(Change::Append, || rustix::io::write(&file, bytes)))?;
        if written == 0 {
            return Err(Errno::IO);
        }
        bytes = &bytes[written..];
    }
    Ok(())
}

/// Cuts an open file to `length`.
pub(crate) fn truncate(file: impl AsFd, length: u64) -> SysResult<()> {
    retried(|| make(Change::Truncate, || rustix::fs::ftruncate(&file, length)))
}

/// Flushes an open file and what describes it.
#[track_caller]
pub(crate) fn sync(file: impl AsFd) -> SysResult<()> {
    if tandem_core::removed!("flush") {
        return Ok(());
    }
    #[cfg(test)]
    super::ledger::note_alone(&file, std::time::SystemTime::now());
    retried(|| make(Change::FlushFile, || rustix::fs::fsync(&file)))
}

/// Tells the system that the file will be read from its beginning to its end.
pub(crate) fn advise_sequential(file: impl AsFd) {
    // Advice: whether it was taken changes nothing but speed.
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::Sequential);
}

/// Copies `length` bytes of `from` to `to`, both from their beginnings, without bringing them here where
/// the system can; returns how many there were.
pub(crate) fn copy_bytes(from: impl AsFd, to: impl AsFd, length: u64) -> SysResult<u64> {
    let done = linux::copy_range(from.as_fd(), to.as_fd(), length)?;
    if done == length {
        return Ok(done);
    }
    portable::copy_bytes(from.as_fd(), to.as_fd(), done, length)
}
