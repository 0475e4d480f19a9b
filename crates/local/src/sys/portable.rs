//! The same by calls that every file system has. What cannot be one step is two, and the window between them is
//! named where it is.

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, Mode, OFlags};

use super::{Errno, FOLDER_FLAGS, SysResult, read_at, retried, write_at};
use crate::crash_points::{Change, make};

/// Opens one name after the other, following none. What leads nowhere or up is refused, as `openat2` refuses what
/// leads out.
pub(super) fn open_stepwise(root: BorrowedFd<'_>, path: &str, last: OFlags) -> SysResult<OwnedFd> {
    let mut names = path.split('/').peekable();
    let mut held: Option<OwnedFd> = None;
    while let Some(name) = names.next() {
        if matches!(name, "" | "." | "..") {
            return Err(Errno::XDEV);
        }
        let flags = if names.peek().is_some() {
            FOLDER_FLAGS
        } else {
            last
        };
        let folder = held.as_ref().map_or(root, AsFd::as_fd);
        let opened = retried(|| rustix::fs::openat(folder, name, flags, Mode::empty()))?;
        held = Some(opened);
    }
    held.ok_or(Errno::NOENT)
}

/// A file gets its new name before it loses the old one, which must be private to the caller. A folder, and
/// any file where there are no links, is looked for first: what takes the name between look and rename is
/// replaced if it is an empty folder, or a file.
pub(super) fn rename_if_free(
    from: BorrowedFd<'_>,
    name: &str,
    to: BorrowedFd<'_>,
    new: &str,
    links: bool,
) -> SysResult<()> {
    if links {
        let linked = make(Change::LinkToMove, || {
            rustix::fs::linkat(from, name, to, new, AtFlags::empty())
        });
        match linked {
            Ok(()) => {
                return make(Change::UnlinkMoved, || {
                    rustix::fs::unlinkat(from, name, AtFlags::empty())
                });
            }
            // A folder, or a file system without links.
            Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::ISDIR) => {}
            Err(error) => return Err(error),
        }
    }
    match rustix::fs::statat(to, new, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Err(Errno::EXIST),
        Err(Errno::NOENT) => make(Change::RenameAfterLook, || {
            rustix::fs::renameat(from, name, to, new)
        }),
        Err(error) => Err(error),
    }
}

/// Copies the bytes from `done` on through memory.
pub(super) fn copy_bytes(
    from: BorrowedFd<'_>,
    to: BorrowedFd<'_>,
    mut done: u64,
    length: u64,
) -> SysResult<u64> {
    while done < length {
        let piece = usize::try_from(length - done)
            .unwrap_or(usize::MAX)
            .min(1 << 20);
        let bytes = read_at(from, done, piece)?;
        if bytes.is_empty() {
            break;
        }
        write_at(to, &bytes, done)?;
        done += bytes.len() as u64;
    }
    Ok(done)
}
