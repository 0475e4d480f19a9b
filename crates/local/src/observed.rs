//! What a file is, as an entry and as a revision.
//!
//! A file's or link's revision is its whole fingerprint. A folder's is device and inode alone, so that it
//! does not change with its children.

use tandem_core::entry::{Entry, Kind, Mtime, NativeId, Revision};
use tandem_core::path::Name;
use tandem_core::time::Timestamp;

use crate::sys::{Errno, Folder, Stat, SysResult, Type};

/// The revision of what `stat` describes.
pub(crate) const fn revision_of(stat: &Stat) -> Revision {
    if matches!(stat.kind, Type::Folder) {
        return Revision::Fingerprint {
            ctime: 0,
            device: stat.device,
            inode: stat.inode,
            mtime: 0,
            size: 0,
        };
    }
    Revision::Fingerprint {
        ctime: stat.ctime,
        device: stat.device,
        inode: stat.inode,
        mtime: stat.mtime,
        size: stat.size,
    }
}

/// Whether `stat` is `revision` to the last nanosecond.
pub(crate) fn is_exactly(stat: &Stat, revision: &Revision) -> bool {
    revision_of(stat) == *revision
}

/// Whether `stat` is `revision` but for a later ctime: a rename of the file itself sets that.
pub(crate) fn is_after_rename(stat: &Stat, revision: &Revision) -> bool {
    match (revision_of(stat), revision) {
        (
            Revision::Fingerprint {
                ctime: now,
                device,
                inode,
                mtime,
                size,
            },
            Revision::Fingerprint {
                ctime: then,
                device: was_device,
                inode: was_inode,
                mtime: was_mtime,
                size: was_size,
            },
        ) => {
            (device, inode, mtime, size) == (*was_device, *was_inode, *was_mtime, *was_size)
                && now >= *then
        }
        _ => false,
    }
}

/// The entry `name` of what `stat` describes; `target` is that of a link.
pub(crate) fn entry_of(name: Name, stat: &Stat, target: Option<Box<str>>) -> Entry {
    let kind = match stat.kind {
        Type::File => Kind::File,
        Type::Folder => Kind::Folder,
        Type::Symlink => Kind::Symlink,
        Type::Other => Kind::Opaque,
    };
    let is_file = kind == Kind::File;
    Entry {
        name,
        kind,
        size: if is_file { stat.size } else { 0 },
        mtime: is_file.then_some(Mtime {
            at: Timestamp(stat.mtime),
            by_client: true,
        }),
        executable: is_file.then_some(stat.mode & 0o100 != 0),
        id: Some(NativeId::Number(stat.device, stat.inode)),
        revision: revision_of(stat),
        hashes: Vec::new(),
        target,
    }
}

/// Reads the target of the link `name`; `Err(ILSEQ)` if it is not UTF-8.
pub(crate) fn target_of(folder: &Folder, name: impl rustix::path::Arg) -> SysResult<Box<str>> {
    let bytes = folder.read_link(name)?;
    String::from_utf8(bytes)
        .map(String::into_boxed_str)
        .map_err(|_| Errno::ILSEQ)
}

/// The entry of `name` in `folder` as it is now; `None` if nothing is there.
pub(crate) fn look(folder: &Folder, name: &Name) -> SysResult<Option<(Stat, Entry)>> {
    // A link can be replaced between the two calls; then both are made once more.
    for _ in 0..16 {
        let Some(stat) = folder.stat(name.as_str())? else {
            return Ok(None);
        };
        if stat.kind != Type::Symlink {
            return Ok(Some((stat, entry_of(name.clone(), &stat, None))));
        }
        match target_of(folder, name.as_str()) {
            Ok(target) => return Ok(Some((stat, entry_of(name.clone(), &stat, Some(target))))),
            Err(Errno::NOENT | Errno::INVAL) => {}
            Err(error) => return Err(error),
        }
    }
    Err(Errno::AGAIN)
}

/// The name under which the root itself is shown.
pub(crate) fn root_name() -> Name {
    Name::new("root").unwrap_or_else(|_| unreachable!("the word is a valid name"))
}
