//! The system's own calls, in one place, and that system is Linux. Every call names a file by an open folder and one name in it, and
//! none follows a symbolic link, so that nothing above can leave the root (P11).
//!
//! `linux` holds what only Linux has, `portable` the forms for a kernel or a file system that lacks one of the
//! [`Features`]; flushing all, reading names and looking at times have no other form.
//! Which of the two is used is a [`Features`] switch, so that both run in the tests of one machine.

mod extended;
mod file;
mod lacks;
#[cfg(test)]
pub(crate) mod ledger;
mod linux;
mod portable;

use std::path::Path;
use std::sync::Arc;

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
pub(crate) use rustix::io::Errno;

use crate::crash_points::{Change, make};
use crate::naming::Naming;
pub(crate) use extended::{attribute, attribute_names, remove_attribute, set_attribute};
use file::mtime_alone;
pub(crate) use file::{
    advise_sequential, append, copy_bytes, read_at, set_mode_of, set_mtime_of, set_owner_of,
    stat_of, sync, truncate, write_at,
};
use lacks::{Call, Lacks};
pub(crate) use linux::{most_open_files, volume, watch_limit, who_and_where};

/// What the answer of a system call is.
pub(crate) type SysResult<T> = Result<T, Errno>;

/// Which calls beyond the portable ones are tried.
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is one call that is there or not"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Features {
    /// A whole path is opened in one call that cannot leave its beginning (`openat2`).
    pub(crate) beneath: bool,
    /// A rename that fails where the new name is taken.
    pub(crate) no_replace: bool,
    /// A rename that exchanges two names.
    pub(crate) exchange: bool,
    /// A file can have two names.
    pub(crate) links: bool,
    /// A file can be made without a name and be given one later.
    pub(crate) unnamed: bool,
}

impl Features {
    /// Everything.
    pub(crate) const ALL: Self = Self {
        beneath: true,
        no_replace: true,
        exchange: true,
        links: true,
        unnamed: true,
    };

    /// What every file system has, or refuses where it is tried.
    pub(crate) const PORTABLE: Self = Self {
        beneath: false,
        no_replace: false,
        exchange: false,
        links: true,
        unnamed: false,
    };
}

/// What a name leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    File,
    Folder,
    Symlink,
    /// A socket, fifo or device.
    Other,
}

/// What the system says of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stat {
    pub(crate) kind: Type,
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) links: u64,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) size: u64,
    /// Nanoseconds since 1970.
    pub(crate) mtime: i64,
    /// Nanoseconds since 1970.
    pub(crate) ctime: i64,
}

fn nanos(secs: i64, nanos: i64) -> i64 {
    secs.saturating_mul(1_000_000_000).saturating_add(nanos)
}

impl Stat {
    #[allow(
        clippy::unnecessary_cast,
        clippy::cast_lossless,
        reason = "the widths differ by architecture"
    )]
    fn of(raw: &rustix::fs::Stat) -> Self {
        let kind = match FileType::from_raw_mode(raw.st_mode) {
            FileType::RegularFile => Type::File,
            FileType::Directory => Type::Folder,
            FileType::Symlink => Type::Symlink,
            _ => Type::Other,
        };
        Self {
            kind,
            device: raw.st_dev as u64,
            inode: raw.st_ino as u64,
            links: raw.st_nlink as u64,
            mode: raw.st_mode as u32 & 0o7777,
            uid: raw.st_uid as u32,
            gid: raw.st_gid as u32,
            size: raw.st_size as u64,
            mtime: nanos(raw.st_mtime as i64, raw.st_mtime_nsec as i64),
            ctime: nanos(raw.st_ctime as i64, raw.st_ctime_nsec as i64),
        }
    }

    /// Whether both are one file, whatever its content.
    pub(crate) const fn is_same_file(&self, other: &Self) -> bool {
        self.device == other.device && self.inode == other.inode
    }
}

/// Repeats a call that a signal interrupted.
fn retried<T>(mut call: impl FnMut() -> SysResult<T>) -> SysResult<T> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            answer => return answer,
        }
    }
}

const FOLDER_FLAGS: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
    ReadWrite,
    Append,
}

impl Access {
    /// `NONBLOCK` so that a fifo in the place of a file does not stop the caller.
    const fn flags(self) -> OFlags {
        let access = match self {
            Self::Read => OFlags::RDONLY,
            Self::Write => OFlags::WRONLY,
            Self::ReadWrite => OFlags::RDWR,
            Self::Append => OFlags::RDWR.union(OFlags::APPEND),
        };
        access
            .union(OFlags::NOFOLLOW)
            .union(OFlags::NONBLOCK)
            .union(OFlags::NOCTTY)
            .union(OFlags::CLOEXEC)
    }
}

/// An open folder. All names are names in it; none is followed.
#[derive(Debug)]
pub(crate) struct Folder {
    fd: OwnedFd,
    features: Features,
    lacks: Arc<Lacks>,
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Folder {
    /// Opens the folder that a person named. Its last name is not followed.
    pub(crate) fn open_root(path: &Path, features: Features) -> SysResult<Self> {
        let fd = retried(|| rustix::fs::openat(CWD, path, FOLDER_FLAGS, Mode::empty()))?;
        Ok(Self {
            fd,
            features,
            lacks: Arc::default(),
        })
    }

    /// Whether a rename can spare what has the new name, as far as is known yet.
    pub(crate) fn can_spare(&self) -> bool {
        self.features.no_replace && self.lacks.may_have(Call::Spare, || self.device())
    }

    /// Whether two names can be exchanged, as far as is known yet.
    pub(crate) fn can_exchange(&self) -> bool {
        self.features.exchange && self.lacks.may_have(Call::Exchange, || self.device())
    }

    fn has_links(&self) -> bool {
        self.features.links && !self.lacks.is_pretended()
    }

    fn device(&self) -> Option<u64> {
        self.stat_self().ok().map(|stat| stat.device)
    }

    /// Lets this file system refuse what not every one has.
    #[cfg(test)]
    pub(crate) fn pretend_to_lack(&self) {
        self.lacks.pretend();
    }

    /// Opens the folder at `path`, names joined by `/`, empty for this one itself.
    pub(crate) fn open_folder(&self, path: &str) -> SysResult<Self> {
        let fd = match path {
            "" => retried(|| rustix::fs::openat(&self.fd, ".", FOLDER_FLAGS, Mode::empty()))?,
            _ if self.features.beneath => self.beneath(path, FOLDER_FLAGS)?,
            _ => portable::open_stepwise(self.as_fd(), path, FOLDER_FLAGS)?,
        };
        Ok(Self {
            fd,
            features: self.features,
            lacks: self.lacks.clone(),
        })
    }

    fn beneath(&self, path: &str, flags: OFlags) -> SysResult<OwnedFd> {
        match linux::open_beneath(self.as_fd(), path, flags) {
            // Longer than the kernel takes at once, or a kernel (or a sandbox) without the call.
            Err(Errno::NAMETOOLONG | Errno::NOSYS | Errno::PERM) => {
                portable::open_stepwise(self.as_fd(), path, flags)
            }
            answer => answer,
        }
    }

    /// Opens what is at `path`, names joined by `/`.
    pub(crate) fn open_file(&self, path: &str, access: Access) -> SysResult<OwnedFd> {
        if !path.contains('/') {
            return retried(|| rustix::fs::openat(&self.fd, path, access.flags(), Mode::empty()));
        }
        if self.features.beneath {
            self.beneath(path, access.flags())
        } else {
            portable::open_stepwise(self.as_fd(), path, access.flags())
        }
    }

    /// Makes a file that must not be there yet; the system takes away what the umask says.
    pub(crate) fn create_file(&self, name: &str, mode: u32) -> SysResult<OwnedFd> {
        let flags = Access::ReadWrite.flags() | OFlags::CREATE | OFlags::EXCL;
        self.create(Change::CreateFile, name, flags, mode)
    }

    /// Makes a file in this folder that has no name yet; `None` where that cannot be.
    pub(crate) fn create_unnamed(&self, mode: u32) -> SysResult<Option<OwnedFd>> {
        let may_have = || self.lacks.may_have(Call::Unnamed, || self.device());
        if !self.features.unnamed || self.lacks.is_pretended() || !may_have() {
            return Ok(None);
        }
        match linux::create_unnamed(self.as_fd(), mode) {
            // What a file system or a kernel without the call says differs.
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::NOENT | Errno::INVAL | Errno::NOSYS) => {
                self.lacks.note(Call::Unnamed, self.device());
                Ok(None)
            }
            answer => answer.map(Some),
        }
    }

    /// Gives a file without a name one that must be free, else fails with `EXIST`.
    pub(crate) fn name_unnamed(&self, file: &OwnedFd, name: &str) -> SysResult<()> {
        let named = linux::name_unnamed(file, self.as_fd(), name);
        if !matches!(
            named,
            Ok(()) | Err(Errno::EXIST | Errno::NOENT | Errno::NOSPC | Errno::DQUOT)
        ) {
            // Where it cannot be named, by a file system or by a policy, the next one has a name from the beginning.
            self.lacks.note(Call::Unnamed, self.device());
        }
        named
    }

    /// Opens a file to append to, making it if need be.
    pub(crate) fn open_or_create(&self, name: &str, mode: u32) -> SysResult<OwnedFd> {
        let flags = Access::Append.flags() | OFlags::CREATE;
        self.create(Change::OpenOrCreate, name, flags, mode)
    }

    fn create(&self, change: Change, name: &str, flags: OFlags, mode: u32) -> SysResult<OwnedFd> {
        let mode = Mode::from_raw_mode(mode);
        retried(|| make(change, || rustix::fs::openat(&self.fd, name, flags, mode)))
    }

    /// What is at `name`; `None` if nothing is.
    pub(crate) fn stat(&self, name: &str) -> SysResult<Option<Stat>> {
        self.stat_raw(name)
    }

    /// As [`Folder::stat`], for a name in the system's own form.
    pub(crate) fn stat_raw(&self, name: impl rustix::path::Arg) -> SysResult<Option<Stat>> {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
        match rustix::fs::statat(&self.fd, name, flags) {
            Ok(raw) => Ok(Some(Stat::of(&raw))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What this folder itself is.
    pub(crate) fn stat_self(&self) -> SysResult<Stat> {
        stat_of(self.as_fd())
    }

    /// The target of the link `name`.
    pub(crate) fn read_link(&self, name: impl rustix::path::Arg) -> SysResult<Vec<u8>> {
        let target = rustix::fs::readlinkat(&self.fd, name, Vec::new())?;
        Ok(target.into_bytes())
    }

    /// Makes a link that must not be there yet.
    pub(crate) fn symlink(&self, target: &str, name: &str) -> SysResult<()> {
        make(Change::Symlink, || {
            rustix::fs::symlinkat(target, &self.fd, name)
        })
    }

    /// Makes a folder that must not be there yet.
    pub(crate) fn make_folder(&self, name: &str, mode: u32) -> SysResult<()> {
        make(Change::MakeFolder, || {
            rustix::fs::mkdirat(&self.fd, name, Mode::from_raw_mode(mode))
        })
    }

    /// Removes the name of a file or link.
    pub(crate) fn unlink(&self, name: &str) -> SysResult<()> {
        make(Change::Unlink, || {
            rustix::fs::unlinkat(&self.fd, name, AtFlags::empty())
        })
    }

    /// Removes an empty folder.
    pub(crate) fn remove_folder(&self, name: &str) -> SysResult<()> {
        make(Change::RemoveFolder, || {
            rustix::fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR)
        })
    }

    /// Renames; what had the new name is gone.
    pub(crate) fn rename(&self, name: &str, to: &Self, new: &str) -> SysResult<()> {
        make(Change::Rename, || {
            rustix::fs::renameat(&self.fd, name, &to.fd, new)
        })
    }

    /// Renames where the new name is free, else fails with `EXIST`. The portable form needs `name` to be one
    /// that nobody else uses.
    pub(crate) fn rename_if_free(&self, name: &str, to: &Self, new: &str) -> SysResult<()> {
        let tried = self.can_spare();
        if tried {
            match self.rename_sparing(name, to, new) {
                Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {}
                answer => return answer,
            }
        }
        let links = self.has_links();
        let answer = portable::rename_if_free(self.as_fd(), name, to.as_fd(), new, links);
        // Refused both ways it may be the names: a folder does not go into itself.
        if tried && answer.is_ok() {
            self.cannot_spare();
        }
        answer
    }

    /// A rename that spares what has the new name was refused, and the same done in another way.
    pub(crate) fn cannot_spare(&self) {
        self.lacks.note(Call::Spare, self.device());
    }

    /// Renames where the new name is free, else fails with `EXIST`; in one step, or not at all.
    pub(crate) fn rename_sparing(&self, name: &str, to: &Self, new: &str) -> SysResult<()> {
        if self.lacks.is_pretended() {
            return Err(Errno::INVAL);
        }
        linux::rename_no_replace(self.as_fd(), name, to.as_fd(), new)
    }

    /// Whether the file system can rename so that what has the new name is spared: tried with a file, onto a name
    /// that is taken and onto one that is free. The first alone shows nothing, the kernel refuses that for any.
    pub(crate) fn spares(&self, name: &str, taken: &str, free: &str) -> SysResult<bool> {
        match self.rename_sparing(name, self, taken) {
            Err(Errno::EXIST) => {}
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) | Ok(()) => return Ok(false),
            Err(error) => return Err(error),
        }
        match self.rename_sparing(name, self, free) {
            Ok(()) => self.rename(free, self, name).map(|()| true),
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Exchanges two names that are both taken; `NOSYS` where that cannot be.
    pub(crate) fn exchange(&self, name: &str, to: &Self, other: &str) -> SysResult<()> {
        if !self.can_exchange() {
            return Err(Errno::NOSYS);
        }
        let answer = if self.lacks.is_pretended() {
            Err(Errno::INVAL)
        } else {
            linux::rename_exchange(self.as_fd(), name, to.as_fd(), other)
        };
        match answer {
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                self.lacks.note(Call::Exchange, self.device());
                Err(Errno::NOSYS)
            }
            answer => answer,
        }
    }

    /// Gives a file a second name that must be free.
    pub(crate) fn link(&self, name: &str, to: &Self, new: &str) -> SysResult<()> {
        if !self.has_links() {
            return Err(Errno::PERM);
        }
        make(Change::Link, || {
            rustix::fs::linkat(&self.fd, name, &to.fd, new, AtFlags::empty())
        })
    }

    /// Sets the mtime of `name` itself, even of a link.
    pub(crate) fn set_mtime(&self, name: &str, mtime: i64) -> SysResult<()> {
        make(Change::SetTimeOfName, || {
            rustix::fs::utimensat(
                &self.fd,
                name,
                &mtime_alone(mtime),
                AtFlags::SYMLINK_NOFOLLOW,
            )
        })
    }

    /// Calls `each` with every name in the folder but `.` and `..`, until it breaks. `buffer` is room to
    /// work in, of at least 4 KiB.
    pub(crate) fn for_each_name<B>(
        &self,
        buffer: &mut Vec<u8>,
        each: impl FnMut(&std::ffi::CStr, Option<Type>) -> std::ops::ControlFlow<B>,
    ) -> SysResult<Option<B>> {
        linux::for_each_name(self.as_fd(), buffer, each)
    }

    /// Lets [`Folder::for_each_name`] begin anew.
    pub(crate) fn rewind(&self) -> SysResult<()> {
        rustix::fs::seek(&self.fd, rustix::fs::SeekFrom::Start(0)).map(|_| ())
    }

    /// Flushes the folder's own names.
    #[track_caller]
    pub(crate) fn sync(&self) -> SysResult<()> {
        if tandem_core::removed!("flush") {
            return Ok(());
        }
        #[cfg(test)]
        ledger::note_alone(&self.fd, std::time::SystemTime::now());
        retried(|| make(Change::FlushFolder, || rustix::fs::fsync(&self.fd)))
    }

    /// Whether [`Folder::sync_all`] can be relied on here: not every file system does anything then, or says what failed.
    /// All of those where it can have files stamped by the kernel's own clock.
    pub(crate) fn flushes_whole(&self) -> bool {
        !self.lacks.is_pretended() && linux::flushes_whole(self.as_fd())
    }

    /// Whether a watch here hears of all changes, not only of those that this computer makes.
    pub(crate) fn hears_all(&self) -> bool {
        linux::hears_all(self.as_fd())
    }

    /// Flushes the whole file system this folder lies on; reports what failed since this folder was opened.
    #[track_caller]
    pub(crate) fn sync_all(&self) -> SysResult<()> {
        if tandem_core::removed!("flush") {
            return Ok(());
        }
        #[cfg(test)]
        ledger::note_whole(&self.fd, std::time::SystemTime::now());
        linux::sync_file_system(self.as_fd())
    }

    /// Free bytes for this user, and whether they can be written at all.
    pub(crate) fn space(&self) -> SysResult<Space> {
        let raw = rustix::fs::fstatvfs(&self.fd)?;
        Ok(Space {
            free: raw.f_bavail.saturating_mul(raw.f_frsize),
            read_only: raw.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY),
        })
    }

    /// Locks out others who lock this folder, until the returned handle is dropped.
    pub(crate) fn lock(&self) -> SysResult<Self> {
        let own = self.open_folder("")?;
        retried(|| rustix::fs::flock(&own.fd, rustix::fs::FlockOperation::LockExclusive))?;
        Ok(own)
    }

    /// What this folder and its file system say that they make of names.
    pub(crate) fn says_of_names(&self) -> Naming {
        linux::says_of_names(self.as_fd())
    }

    /// Whether something is mounted at `name`, where the system says so. The device alone does not show it: that of a
    /// folder mounted elsewhere once more is its parent's, that of a btrfs subvolume its own.
    pub(crate) fn says_mounted(&self, name: &str) -> Option<bool> {
        linux::says_mounted(self.as_fd(), name)
    }

    /// As [`Folder::says_mounted`], of this folder.
    pub(crate) fn says_mounted_itself(&self) -> Option<bool> {
        linux::says_mounted(self.as_fd(), "")
    }

    /// What calls the file system of this folder is known to have, for what is said of it before it is tried.
    /// It may have more.
    pub(crate) fn known_features(&self) -> Features {
        linux::known_features(self.as_fd())
    }

    /// The shortest time, in nanoseconds, in which the times of two changes differ.
    pub(crate) fn time_step(&self) -> u64 {
        linux::time_step(self.as_fd(), self.stat_self().ok().map(|stat| stat.ctime))
    }
}

/// What room a file system has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Space {
    pub(crate) free: u64,
    pub(crate) read_only: bool,
}
