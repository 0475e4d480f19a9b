//! Calls that only Linux has.

use std::ffi::CStr;
use std::ops::ControlFlow;
use std::sync::OnceLock;
use tandem_core::mutant;

use rustix::fd::{AsRawFd, BorrowedFd, OwnedFd};
use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, RawDir, RenameFlags, ResolveFlags, StatxAttributes,
    StatxFlags,
};

use super::{Errno, Features, SysResult, Type, retried};
use crate::crash_points::{Change, make};
use crate::naming::Naming;

/// The files that this process has open, as links.
const OWN_FILES: &str = "/proc/self/fd";

/// More open files are not asked for.
const MOST_FILES: u64 = 16_384;

const EXT4: u64 = 0xEF53;
const BTRFS: u64 = 0x9123_683E;
const XFS: u64 = 0x5846_5342;
const TMPFS: u64 = 0x0102_1994;
const F2FS: u64 = 0xF2F5_2010;
const ZFS: u64 = 0x2FC1_2FC1;
const OVERLAY: u64 = 0x794C_7630;
const MSDOS: u64 = 0x4D44;
const EXFAT: u64 = 0x2011_BAB0;
const NTFS3: u64 = 0x7366_746E;
const HFS_PLUS: u64 = 0x482B;
const CIFS: u64 = 0xFF53_4D42;
const SMB2: u64 = 0xFE53_4D42;

const SMB: u64 = 0x517B;
const NFS: u64 = 0x6969;
const FUSE: u64 = 0x6573_5546;
const PLAN9: u64 = 0x0102_1997;
const CEPH: u64 = 0x00C3_6400;
const AFS: u64 = 0x6B41_4653;
const OPEN_AFS: u64 = 0x5346_414F;
const CODA: u64 = 0x7375_7245;
const OCFS2: u64 = 0x7461_636F;
const GFS2: u64 = 0x0116_1970;
const LUSTRE: u64 = 0x0BD0_0BD0;
const VIRTUAL_BOX: u64 = 0x786F_4256;

/// `FS_CASEFOLD_FL`: names in this folder are one in any case.
const CASEFOLD: u32 = 0x4000_0000;

pub(super) fn open_beneath(root: BorrowedFd<'_>, path: &str, flags: OFlags) -> SysResult<OwnedFd> {
    let resolve = if mutant!("P11 a path may lead out of the root") {
        ResolveFlags::empty()
    } else {
        ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS
    };
    let mut tries = 0;
    loop {
        match rustix::fs::openat2(root, path, flags, Mode::empty(), resolve) {
            Err(Errno::INTR) => {}
            // A rename elsewhere came between; the manual says to try again.
            Err(Errno::AGAIN) if tries < 64 => tries += 1,
            answer => return answer,
        }
    }
}

pub(super) fn rename_no_replace(
    from: BorrowedFd<'_>,
    name: &str,
    to: BorrowedFd<'_>,
    new: &str,
) -> SysResult<()> {
    make(Change::RenameSparing, || {
        rustix::fs::renameat_with(from, name, to, new, RenameFlags::NOREPLACE)
    })
}

pub(super) fn rename_exchange(
    from: BorrowedFd<'_>,
    name: &str,
    to: BorrowedFd<'_>,
    other: &str,
) -> SysResult<()> {
    make(Change::Exchange, || {
        rustix::fs::renameat_with(from, name, to, other, RenameFlags::EXCHANGE)
    })
}

pub(super) fn create_unnamed(folder: BorrowedFd<'_>, mode: u32) -> SysResult<OwnedFd> {
    static NAMES: OnceLock<bool> = OnceLock::new();
    // It is named through there; a sandbox may have none.
    if !*NAMES.get_or_init(|| std::path::Path::new(OWN_FILES).exists()) {
        return Err(Errno::NOSYS);
    }
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(mode);
    retried(|| {
        make(Change::CreateUnnamed, || {
            rustix::fs::openat(folder, ".", flags, mode)
        })
    })
}

pub(super) fn name_unnamed(file: &OwnedFd, folder: BorrowedFd<'_>, name: &str) -> SysResult<()> {
    // Before Linux 6.10 naming it by its number alone takes a privilege; by a path it is slower.
    match make(Change::NameUnnamed, || {
        rustix::fs::linkat(file, "", folder, name, AtFlags::EMPTY_PATH)
    }) {
        Err(Errno::NOENT) => {}
        answer => return answer,
    }
    let from = format!("{OWN_FILES}/{}", file.as_raw_fd());
    make(Change::NameUnnamed, || {
        rustix::fs::linkat(CWD, from, folder, name, AtFlags::SYMLINK_FOLLOW)
    })
}

/// How many files this process may have open at a time; as many as it is allowed to allow itself.
pub(crate) fn most_open_files() -> u64 {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(MOST_FILES).min(MOST_FILES);
    let now = limit.current.unwrap_or(MOST_FILES);
    let raised = rustix::process::Rlimit {
        current: Some(wanted),
        ..limit
    };
    if now >= wanted
        || rustix::process::setrlimit(rustix::process::Resource::Nofile, raised).is_err()
    {
        return now;
    }
    wanted
}

/// Whether [`sync_file_system`] writes all of the file system that `folder` lies on, brings it past the device's own
/// cache, and reports what failed. FUSE sends its server nothing
/// ([fs/fuse/inode.c](https://github.com/torvalds/linux/blob/v6.1/fs/fuse/inode.c), `fuse_sync_fs`), FAT and exFAT leave
/// it in the device's cache, and before 5.8 none reports a failure ([syncfs(2)](https://man7.org/linux/man-pages/man2/syncfs.2.html)).
pub(super) fn flushes_whole(folder: BorrowedFd<'_>) -> bool {
    let known = matches!(file_system(folder), EXT4 | BTRFS | XFS | F2FS | ZFS | TMPFS);
    known && is_at_least(5, 8)
}

/// Whether a watch on `folder` hears of all changes. What lies on another computer, or is made up by a program, changes
/// without a call on this one, and only such calls are told ([inotify(7)](https://man7.org/linux/man-pages/man7/inotify.7.html),
/// "Limitations and caveats").
pub(super) fn hears_all(folder: BorrowedFd<'_>) -> bool {
    !matches!(
        file_system(folder),
        NFS | SMB
            | SMB2
            | CIFS
            | FUSE
            | PLAN9
            | CEPH
            | AFS
            | OPEN_AFS
            | CODA
            | OCFS2
            | GFS2
            | LUSTRE
            | VIRTUAL_BOX
    )
}

/// Whether the kernel is of this version or later; not where it does not say.
fn is_at_least(major: u32, minor: u32) -> bool {
    static RELEASE: OnceLock<Option<(u32, u32)>> = OnceLock::new();
    let release = RELEASE.get_or_init(|| {
        let text = std::fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
        release_of(&text)
    });
    release.is_some_and(|found| found >= (major, minor))
}

fn release_of(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit());
    let mut next = || numbers.next()?.parse().ok();
    Some((next()?, next()?))
}

pub(super) fn sync_file_system(folder: BorrowedFd<'_>) -> SysResult<()> {
    retried(|| make(Change::FlushAll, || rustix::fs::syncfs(folder)))
}

/// Copies inside the kernel, sharing blocks where the file system can; stops where it cannot.
pub(super) fn copy_range(from: BorrowedFd<'_>, to: BorrowedFd<'_>, length: u64) -> SysResult<u64> {
    let mut done = 0;
    while done < length {
        let (mut read, mut write) = (done, done);
        let piece = usize::try_from(length - done)
            .unwrap_or(usize::MAX)
            .min(1 << 26);
        let copied = make(Change::CopyRange, || {
            rustix::fs::copy_file_range(from, Some(&mut read), to, Some(&mut write), piece)
        });
        match copied {
            Ok(0) => break,
            Ok(copied) => done += copied as u64,
            Err(Errno::INTR) => {}
            Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM) => {
                break;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

pub(super) fn for_each_name<B>(
    folder: BorrowedFd<'_>,
    buffer: &mut Vec<u8>,
    mut each: impl FnMut(&CStr, Option<Type>) -> ControlFlow<B>,
) -> SysResult<Option<B>> {
    buffer.clear();
    let mut names = RawDir::new(folder, buffer.spare_capacity_mut());
    while let Some(found) = names.next() {
        let found = match found {
            Ok(found) => found,
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error),
        };
        let name = found.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let kind = match found.file_type() {
            FileType::RegularFile => Some(Type::File),
            FileType::Directory => Some(Type::Folder),
            FileType::Symlink => Some(Type::Symlink),
            FileType::Unknown => None,
            _ => Some(Type::Other),
        };
        if let ControlFlow::Break(value) = each(name, kind) {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

#[allow(
    clippy::unnecessary_cast,
    clippy::cast_lossless,
    reason = "the widths differ by architecture"
)]
fn file_system(folder: BorrowedFd<'_>) -> u64 {
    rustix::fs::fstatfs(folder).map_or(0, |raw| raw.f_type as u64 & 0xFFFF_FFFF)
}

/// The volume by a name that stays the same when it is attached again; `None` where nothing gives one.
pub(crate) fn volume(folder: &super::Folder) -> Option<String> {
    use rustix::fd::AsFd;
    // These make their id from the volume's own UUID; others make it from the device's number.
    if matches!(file_system(folder.as_fd()), EXT4 | BTRFS | ZFS | TMPFS) {
        let id = rustix::fs::fstatvfs(folder).ok()?.f_fsid;
        return (id != 0).then(|| format!("fsid:{id:016x}"));
    }
    let device = folder.stat_self().ok()?.device;
    for found in std::fs::read_dir("/dev/disk/by-uuid").ok()?.flatten() {
        let Ok(raw) = rustix::fs::stat(found.path()) else {
            continue;
        };
        if raw.st_rdev == device {
            return Some(format!("uuid:{}", found.file_name().to_string_lossy()));
        }
    }
    None
}

/// This user on this computer, in words that stay the same and that others do not have.
pub(crate) fn who_and_where() -> String {
    let said = |path| std::fs::read_to_string(path).unwrap_or_default();
    let (machine, host) = (said("/etc/machine-id"), said("/proc/sys/kernel/hostname"));
    let user = rustix::process::geteuid().as_raw();
    format!("{machine} {host} {user}")
}

/// How many folders one user may watch.
pub(crate) fn watch_limit() -> Option<u64> {
    std::fs::read_to_string("/proc/sys/fs/inotify/max_user_watches")
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// FAT and exFAT cut full stops off a name and refuse or cut a space at its end; NTFS is kept so for Windows, which
/// does.
pub(super) fn says_of_names(folder: BorrowedFd<'_>) -> Naming {
    let kind = file_system(folder);
    let of_windows = matches!(kind, MSDOS | EXFAT | NTFS3);
    let flag = rustix::fs::ioctl_getflags(folder).is_ok_and(|flags| flags.bits() & CASEFOLD != 0);
    Naming {
        folds_case: flag || of_windows || matches!(kind, CIFS | SMB2),
        // Names of such a folder are compared by their folded and decomposed form.
        folds_form: flag || kind == HFS_PLUS,
        strips_period: of_windows,
        strips_space: of_windows,
        windows_devices: kind == NTFS3,
    }
}

/// Whether `name`, or the folder itself if that is empty, is where something is mounted; `None` before Linux 5.8.
pub(super) fn says_mounted(folder: BorrowedFd<'_>, name: &str) -> Option<bool> {
    let flags = AtFlags::SYMLINK_NOFOLLOW
        | AtFlags::NO_AUTOMOUNT
        | AtFlags::EMPTY_PATH
        | AtFlags::STATX_DONT_SYNC;
    let found = rustix::fs::statx(folder, name, flags, StatxFlags::empty()).ok()?;
    found
        .stx_attributes_mask
        .contains(StatxAttributes::MOUNT_ROOT)
        .then(|| found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

pub(super) fn known_features(folder: BorrowedFd<'_>) -> Features {
    let kind = file_system(folder);
    let renames = matches!(kind, EXT4 | BTRFS | XFS | TMPFS | F2FS | OVERLAY);
    Features {
        beneath: true,
        no_replace: renames,
        exchange: renames,
        links: !matches!(kind, MSDOS | EXFAT),
        unnamed: renames,
    }
}

/// The kernel stamps files with the time of its last tick, at most so many nanoseconds ago.
const TICK: u64 = 10_000_000;
const SECOND: u64 = 1_000_000_000;

/// FAT keeps the time of a change in steps of two seconds. Others that keep whole seconds (ext3 and old ext4 volumes,
/// HFS+, what a server behind FUSE or NFS has) do not say so; the time that the kernel itself gave the folder shows it.
pub(super) fn time_step(folder: BorrowedFd<'_>, ctime: Option<i64>) -> u64 {
    match ctime {
        _ if file_system(folder) == MSDOS => 2 * SECOND,
        Some(nanos) if nanos.unsigned_abs() % SECOND != 0 => TICK,
        _ => SECOND,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_of_a_kernel_is_read_from_what_it_says() {
        for (text, release) in [
            ("6.18.44-fc-v669\n", Some((6, 18))),
            ("5.4.0", Some((5, 4))),
            ("5.15-rc1", Some((5, 15))),
            ("unknown", None),
        ] {
            assert_eq!(release_of(text), release, "{text}");
        }
    }
}
