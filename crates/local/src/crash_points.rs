//! Points before and after each system call that changes the disk, at which a test ends the process (P4, P6).
//!
//! Only with the feature `crash-points`, which no release has; without it each call is made as if nothing were here.
#![cfg_attr(
    not(feature = "crash-points"),
    allow(unreachable_pub, reason = "only tests ask for a change")
)]

/// Lists the changes once: as the enum's members, and with the name that the system has for each call.
macro_rules! changes {
    ($($(#[$doc:meta])* $change:ident = $system:literal,)*) => {
        /// A call that changes the disk, by the place in this crate that makes it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Change {
            $($(#[$doc])* $change,)*
        }

        #[cfg(feature = "crash-points")]
        impl Change {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$change,)*];

            /// What the system calls the call.
            #[must_use]
            pub const fn system_name(self) -> &'static str {
                match self {
                    $(Self::$change => $system,)*
                }
            }
        }
    };
}

changes! {
    /// Bytes at a place in a file.
    Write = "pwrite64",
    /// Bytes at the end of a file.
    Append = "write",
    /// A file's new length.
    Truncate = "ftruncate",
    /// Bytes of one file into another.
    CopyRange = "copy_file_range",
    /// The mtime of an open file.
    SetTime = "utimensat",
    /// The mtime of a name.
    SetTimeOfName = "utimensat",
    /// The mode of an open file.
    SetMode = "fchmod",
    /// Owner and group of an open file.
    SetOwner = "fchown",
    /// An extended attribute.
    SetAttribute = "fsetxattr",
    /// One attribute less.
    RemoveAttribute = "fremovexattr",
    /// A new file under a name.
    CreateFile = "openat",
    /// A new file without a name.
    CreateUnnamed = "openat",
    /// A file that may be there already, opened to append to.
    OpenOrCreate = "openat",
    /// The first name of a file that had none.
    NameUnnamed = "linkat",
    /// A second name.
    Link = "linkat",
    /// A second name as the first half of a move.
    LinkToMove = "linkat",
    /// One name less as its other half.
    UnlinkMoved = "unlinkat",
    /// A symbolic link.
    Symlink = "symlinkat",
    /// A folder.
    MakeFolder = "mkdirat",
    /// The end of a file's name.
    Unlink = "unlinkat",
    /// The end of a folder.
    RemoveFolder = "unlinkat",
    /// A rename that replaces what has the new name.
    Rename = "renameat",
    /// The same after a look that found the new name free.
    RenameAfterLook = "renameat",
    /// A rename that spares what has the new name.
    RenameSparing = "renameat2",
    /// An exchange of two names.
    Exchange = "renameat2",
    /// A file's flush.
    FlushFile = "fsync",
    /// A folder's flush.
    FlushFolder = "fsync",
    /// The flush of a whole file system.
    FlushAll = "syncfs",
}

/// What is put around each call: it does `work` once, and may end the process before or after it.
#[cfg(feature = "crash-points")]
pub type Around = fn(change: Change, work: &mut dyn FnMut());

#[cfg(feature = "crash-points")]
static AROUND: std::sync::OnceLock<Around> = std::sync::OnceLock::new();

/// Puts `around` around every call that this process makes from here on. What was put there first stays.
#[cfg(feature = "crash-points")]
pub fn put_around(around: Around) {
    AROUND.get_or_init(|| around);
}

/// Makes one call.
#[cfg(feature = "crash-points")]
pub(crate) fn make<T>(change: Change, work: impl FnOnce() -> T) -> T {
    let Some(around) = AROUND.get() else {
        return work();
    };
    let (mut work, mut answer) = (Some(work), None);
    around(change, &mut || answer = work.take().map(|work| work()));
    answer.unwrap_or_else(|| unreachable!("{change:?} was not made"))
}

/// Makes one call.
#[cfg(not(feature = "crash-points"))]
#[inline]
pub(crate) fn make<T>(_: Change, work: impl FnOnce() -> T) -> T {
    work()
}
