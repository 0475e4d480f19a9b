//! Content set aside, in `.tandem/versions/v1/DEVICE/DATE/ACTION/NAME` (DESIGN 5.6).
//!
//! Invariant: no kept file is ever replaced; where a name is taken, the next free one is used and its key
//! returned.

mod index;
mod shelf;

use std::collections::HashMap;

use tandem_core::entry::Entry;
use tandem_core::error::{Cause, Result};
use tandem_core::path::{Name, RelPath};
use tandem_core::storage::{Version, VersionKey};
use tandem_core::time::Timestamp;

use crate::disk::{Disk, Moment, Place};
use crate::errors::{Context, refused};
use crate::observed::look;
use crate::sys::{self, Access, Errno, Folder, Stat, SysResult, Type};
use index::Line;
use shelf::Shelf;

/// How often a name is tried under another action.
const TRIES: u32 = 1000;

/// Sets `from`, a file under a name of Tandem's own, aside under `key`. The answer is the key it got.
pub(crate) fn keep(
    disk: &Disk,
    operation: &'static str,
    from: &Place,
    stat: &Stat,
    key: &VersionKey,
) -> Result<VersionKey> {
    let path = key.path();
    disk.at(Moment::BeforeKeep).context(operation, path)?;
    let wanted = Shelf::of(operation, key)?;
    let name = path.name().ok_or_else(|| {
        refused(
            operation,
            path,
            Cause::NameRefused,
            "the root itself is never set aside",
        )
    })?;
    let versions = shelf::make_root(disk).context(operation, path)?;
    for nth in 1..TRIES {
        let shelf = wanted.nth(nth);
        match keep_on(disk, &versions, &shelf, from, stat, path, &name) {
            Ok(()) => {
                note(disk, operation, path)?;
                return Ok(shelf.key(path));
            }
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error).context(operation, path),
        }
    }
    Err(refused(
        operation,
        path,
        Cause::AlreadyExists,
        "its place among the versions is taken",
    ))
}

/// The versions changed: the index, and folders of several depths.
fn note(disk: &Disk, operation: &'static str, path: &RelPath) -> Result<()> {
    let anchor = disk.anchor().context(operation, path)?;
    disk.unsettled
        .note_whole(anchor.stat.device, &RelPath::root());
    Ok(())
}

/// Fails where something cannot be set aside under `key` at all.
pub(crate) fn check_key(operation: &'static str, key: &VersionKey) -> Result<()> {
    Shelf::of(operation, key).map(|_| ())
}

fn keep_on(
    disk: &Disk,
    versions: &Folder,
    shelf: &Shelf,
    from: &Place,
    stat: &Stat,
    path: &RelPath,
    name: &Name,
) -> SysResult<()> {
    let (device, action) = shelf.make(versions)?;
    if action.stat(name.as_str())?.is_some() {
        return Err(Errno::EXIST);
    }
    let line = Line {
        action: shelf.action.clone(),
        date: shelf.date.clone(),
        path: path.clone(),
        size: stat.size,
        mtime: stat.mtime,
        kept_at: disk.environment.now().0,
    };
    index::append(&device, &line)?;
    match from
        .folder
        .rename_if_free(from.name(), &action, name.as_str())
    {
        Err(Errno::XDEV) => copy_over(from, stat, &action, name.as_str()),
        answer => answer,
    }
}

/// Keeps what lies on another file system than the root: copied and flushed before it is removed there.
fn copy_over(from: &Place, stat: &Stat, action: &Folder, name: &str) -> SysResult<()> {
    if stat.kind == Type::Symlink {
        let target = from.folder.read_link(from.name())?;
        let target = String::from_utf8(target).map_err(|_| Errno::ILSEQ)?;
        action.symlink(&target, name)?;
    } else {
        let source = from.folder.open_file(from.name(), Access::Read)?;
        let copy = action.create_file(name, 0o600)?;
        let copied = sys::copy_bytes(&source, &copy, stat.size)
            .and_then(|len| {
                if len == stat.size {
                    Ok(())
                } else {
                    Err(Errno::IO)
                }
            })
            .and_then(|()| sys::set_mode_of(&copy, stat.mode & 0o777))
            .and_then(|()| sys::set_mtime_of(&copy, stat.mtime))
            .and_then(|()| sys::sync(&copy));
        if let Err(error) = copied {
            action.unlink(name)?;
            return Err(error);
        }
    }
    action.sync()?;
    from.folder.unlink(from.name())
}

/// A key for content that nobody expected and for which no key was given: of no device, so that none prunes
/// it (P1 a).
pub(crate) fn displaced_key(disk: &Disk, word: &str, path: &RelPath) -> VersionKey {
    let (year, month, day, ..) = disk.environment.now().civil();
    VersionKey::Kept {
        device: word.into(),
        date: format!("{year:04}-{month:02}-{day:02}").into(),
        action: format!("{:016x}", disk.environment.random()).into(),
        path: path.clone(),
    }
}

/// The versions of `path`, or all, newest first.
pub(crate) fn list(disk: &Disk, path: Option<&RelPath>) -> Result<Vec<Version>> {
    let root = RelPath::root();
    let found = || -> SysResult<Vec<Version>> {
        let Some(versions) = shelf::open_root(disk)? else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for device in shelf::folders_in(&versions)? {
            let folder = versions.open_folder(&device)?;
            match path {
                Some(path) => list_path(&folder, &device, path, &mut found)?,
                None => list_device(&folder, &device, &mut found)?,
            }
        }
        Ok(found)
    };
    let mut found = found().context("versions", path.unwrap_or(&root))?;
    found.sort_by(|a, b| (b.kept_at, &b.key).cmp(&(a.kept_at, &a.key)));
    Ok(found)
}

fn version(key: VersionKey, entry: Entry, kept_at: i64) -> Version {
    Version {
        key,
        entry,
        kept_at: Timestamp(kept_at),
    }
}

fn list_path(
    device_folder: &Folder,
    device: &str,
    path: &RelPath,
    found: &mut Vec<Version>,
) -> SysResult<()> {
    let Some(name) = path.name() else {
        return Ok(());
    };
    let mut seen = std::collections::BTreeSet::new();
    for line in index::read(device_folder)? {
        if line.path != *path || !seen.insert((line.date.clone(), line.action.clone())) {
            continue;
        }
        let shelf = Shelf::new(device, &line.date, &line.action);
        let Some(action) = shelf.open_in(device_folder)? else {
            continue;
        };
        if let Some((_, entry)) = look(&action, &name)? {
            found.push(version(shelf.key(path), entry, line.kept_at));
        }
    }
    Ok(())
}

/// Walks what there is, and asks the index for the path that each file had. One without a line (a power loss
/// took it) is shown by its name.
fn list_device(device_folder: &Folder, device: &str, found: &mut Vec<Version>) -> SysResult<()> {
    let lines = index::read(device_folder)?;
    let known: HashMap<_, &Line> = lines
        .iter()
        .map(|line| ((&*line.date, &*line.action, line.path.name()), line))
        .collect();
    for date in shelf::folders_in(device_folder)? {
        let date_folder = device_folder.open_folder(&date)?;
        for action in shelf::folders_in(&date_folder)? {
            let folder = date_folder.open_folder(&action)?;
            for name in shelf::names_in(&folder)? {
                let Some((stat, entry)) = look(&folder, &name)? else {
                    continue;
                };
                let line = known.get(&(&*date, &*action, Some(name.clone())));
                let path = line.map_or_else(|| name.clone().into(), |line| line.path.clone());
                let kept_at = line.map_or(stat.ctime, |line| line.kept_at);
                found.push(version(
                    Shelf::new(device, &date, &action).key(&path),
                    entry,
                    kept_at,
                ));
            }
        }
    }
    index::compact(device_folder, lines.len(), |line| {
        Shelf::new(device, &line.date, &line.action)
            .open_in(device_folder)
            .ok()
            .flatten()
            .zip(line.path.name())
            .is_some_and(|(folder, name)| !matches!(folder.stat(name.as_str()), Ok(None)))
    })
}

/// The kept file of `key`: its folder, its name, and what it is.
pub(crate) fn open(
    disk: &Disk,
    operation: &'static str,
    key: &VersionKey,
) -> Result<(Place, Stat)> {
    let path = key.path();
    let shelf = Shelf::of(operation, key)?;
    let missing = || {
        refused(
            operation,
            path,
            Cause::NotFound,
            "this version is not there any more",
        )
    };
    let name = path.name().ok_or_else(missing)?;
    let versions = shelf::open_root(disk)
        .context(operation, path)?
        .ok_or_else(missing)?;
    let folder = shelf
        .open(&versions)
        .context(operation, path)?
        .ok_or_else(missing)?;
    let stat = folder
        .stat(name.as_str())
        .context(operation, path)?
        .ok_or_else(missing)?;
    let place = Place {
        folder: std::sync::Arc::new(folder),
        name,
        path: path.clone(),
    };
    Ok((place, stat))
}

/// The version as it is now; `None` if it is not there any more.
pub(crate) fn stat(disk: &Disk, key: &VersionKey) -> Result<Option<Entry>> {
    const STAT: &str = "stat_version";
    let (place, _) = match open(disk, STAT, key) {
        Err(error) if error.cause == Cause::NotFound => return Ok(None),
        other => other?,
    };
    let found = look(&place.folder, &place.name).context(STAT, key.path())?;
    Ok(found.map(|(_, entry)| entry))
}

/// Removes a version and the folders it leaves empty.
pub(crate) fn prune(disk: &Disk, key: &VersionKey) -> Result<()> {
    const PRUNE: &str = "prune_version";
    let place = match open(disk, PRUNE, key) {
        Ok((place, _)) => place,
        Err(error) if error.cause == Cause::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    match place.folder.unlink(place.name()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(error) => return Err(error).context(PRUNE, key.path()),
    }
    note(disk, PRUNE, key.path())?;
    let shelf = Shelf::of(PRUNE, key)?;
    let emptied = || -> SysResult<()> {
        shelf::open_root(disk)?.map_or(Ok(()), |versions| shelf.remove_if_empty(&versions))
    };
    emptied().context(PRUNE, key.path())
}
