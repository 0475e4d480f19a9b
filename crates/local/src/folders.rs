//! Making folders.

use tandem_core::entry::Entry;
use tandem_core::error::{Cause, Result};
use tandem_core::path::RelPath;

use crate::disk::Disk;
use crate::errors::{Context, failed, refused};
use crate::observed::{entry_of, root_name};
use crate::sys::{Errno, Type};

const CREATE: &str = "create_folder";

/// Makes `path` a folder, its parents too, with what umask and the folders' own defaults give.
pub(crate) fn create(disk: &Disk, path: &RelPath) -> Result<Entry> {
    // As deep as there are folders already: one step for almost every call.
    let mut missing = Vec::new();
    let mut at = path.clone();
    let mut folder = loop {
        match disk.folder(CREATE, &at) {
            Ok(folder) => break folder,
            Err(error) if error.cause == Cause::NotFound => {}
            Err(error) => return Err(error),
        }
        let (Some(parent), Some(name)) = (at.parent(), at.name()) else {
            return Err(failed(CREATE, path, Errno::NOENT));
        };
        missing.push(name);
        at = parent;
    };
    for name in missing.into_iter().rev() {
        match folder.make_folder(name.as_str(), 0o777) {
            Ok(()) => disk.unsettled.note(&folder, &at),
            Err(Errno::EXIST) => {}
            Err(error) => return Err(failed(CREATE, path, error)),
        }
        at = at.join(&name);
        folder = match folder.open_folder(name.as_str()) {
            Ok(folder) => folder,
            Err(Errno::NOTDIR | Errno::LOOP) => {
                let why = "something that is no folder is there";
                return Err(refused(CREATE, &at, Cause::AlreadyExists, why));
            }
            Err(error) => return Err(failed(CREATE, &at, error)),
        };
    }
    let stat = folder.stat_self().context(CREATE, path)?;
    debug_assert_eq!(stat.kind, Type::Folder);
    Ok(entry_of(path.name().unwrap_or_else(root_name), &stat, None))
}
