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
use crate::errors::{Context, not_as_expected, refused};
use crate::observed::look;
use crate::sys::{Errno, Folder, Stat, SysResult};
use crate::{faithful, held};
pub(crate) use index::Known;
use index::{Index, Line};
use shelf::Shelf;

/// How often a name is tried under another action.
const TRIES: u32 = 1000;

/// How the names of unfinished copies begin, beside the index.
const COPY_PREFIX: &str = "copy-";

/// Sets `from`, a file under a name of Tandem's own, aside under `key`. The answer is the key it got. What lies on
/// another file system is copied, and held at `from` until the next flush.
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
            Ok(copied) => {
                note(disk, operation, &shelf, path)?;
                let key = shelf.key(path);
                match copied {
                    None => disk.leftovers.end(&from.path),
                    // Removed after the next flush, if nobody has written into it until then.
                    Some(original) => held::hold(disk, from, &original, path),
                }
                return Ok(key);
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

/// The versions changed on `shelf`: the index, and the folders above.
fn note(disk: &Disk, operation: &'static str, shelf: &Shelf, path: &RelPath) -> Result<()> {
    let anchor = disk.anchor().context(operation, path)?;
    for changed in shelf.paths() {
        disk.unsettled.note(&anchor.folder, &changed);
    }
    Ok(())
}

/// Fails where something cannot be set aside under `key` at all.
pub(crate) fn check_key(operation: &'static str, key: &VersionKey) -> Result<()> {
    Shelf::of(operation, key).map(|_| ())
}

/// From the line in the index to the file in its place nobody else writes the
/// index anew: a line without its file would be taken for that of a pruned one. Answers what was copied, if what is
/// kept now is a copy.
fn keep_on(
    disk: &Disk,
    versions: &Folder,
    shelf: &Shelf,
    from: &Place,
    stat: &Stat,
    path: &RelPath,
    name: &Name,
) -> SysResult<Option<Stat>> {
    let device = shelf.make_device(versions)?;
    let index = Index::lock(&device)?;
    let action = shelf.make_in(&device)?;
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
    index.append(&line)?;
    disk.at(Moment::AfterLine)?;
    match from
        .folder
        .rename_if_free(from.name(), &action, name.as_str())
    {
        Ok(()) => Ok(None),
        Err(Errno::XDEV) => copy_over(disk, &index, from, &action, name, &line).map(Some),
        Err(error) => Err(error),
    }
}

/// Keeps a copy of what lies on another file system than the root. Answers what was copied.
fn copy_over(
    disk: &Disk,
    index: &Index<'_>,
    from: &Place,
    action: &Folder,
    name: &Name,
    line: &Line,
) -> SysResult<Stat> {
    let device = index.device();
    remove_copies(device)?;
    // Under another name until it is whole, and where nothing is taken for a version.
    let unfinished = disk.random_name(COPY_PREFIX, "");
    let original = faithful::copy(disk, from, device, &unfinished)?;
    let moved = || -> SysResult<Stat> {
        let copy = device.stat(&unfinished)?.ok_or(Errno::NOENT)?;
        if (copy.size, copy.mtime) != (line.size, line.mtime) {
            // Written to since it was looked at, or the other disk keeps finer times.
            index.append(&Line {
                size: copy.size,
                mtime: copy.mtime,
                ..line.clone()
            })?;
        }
        device.rename_if_free(&unfinished, action, name.as_str())?;
        action.sync()?;
        Ok(original)
    };
    let moved = moved();
    if moved.is_err() {
        match device.unlink(&unfinished) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error),
        }
    }
    moved
}

/// Removes copies that a crash left unfinished; their originals are still where they were.
fn remove_copies(device: &Folder) -> SysResult<()> {
    for name in shelf::names_in(device)? {
        if name.as_str().starts_with(COPY_PREFIX) {
            device.unlink(name.as_str())?;
        }
    }
    Ok(())
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
            let folder = versions.open_folder(device.as_str())?;
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
    device: &Name,
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
        let shelf = Shelf::new(device.clone(), line.date.clone(), line.action.clone());
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
fn list_device(device_folder: &Folder, device: &Name, found: &mut Vec<Version>) -> SysResult<()> {
    let lines = index::read(device_folder)?;
    let known: HashMap<_, &Line> = lines
        .iter()
        .map(|line| ((&line.date, &line.action, line.path.name()), line))
        .collect();
    let mut files = 0;
    for date in shelf::folders_in(device_folder)? {
        let date_folder = device_folder.open_folder(date.as_str())?;
        for action in shelf::folders_in(&date_folder)? {
            let folder = date_folder.open_folder(action.as_str())?;
            for name in shelf::names_in(&folder)? {
                let Some((stat, entry)) = look(&folder, &name)? else {
                    continue;
                };
                files += 1;
                let line = known.get(&(&date, &action, Some(name.clone())));
                let path = line.map_or_else(|| name.clone().into(), |line| line.path.clone());
                let kept_at = line.map_or(stat.ctime, |line| line.kept_at);
                found.push(version(
                    Shelf::new(device.clone(), date.clone(), action.clone()).key(&path),
                    entry,
                    kept_at,
                ));
            }
        }
    }
    let compacted = index::compact(device_folder, lines.len(), files, |line| {
        let shelf = Shelf::new(device.clone(), line.date.clone(), line.action.clone());
        match (shelf.open_in(device_folder), line.path.name()) {
            (Ok(None), _) | (_, None) => false,
            (Ok(Some(folder)), Some(name)) => !matches!(folder.stat(name.as_str()), Ok(None)),
            // What cannot be looked at may be there.
            (Err(_), _) => true,
        }
    });
    if let Err(error) = compacted {
        // A full disk, or one that cannot be written: what was found is no less true.
        tracing::warn!(%device, %error, "the index of versions cannot be written anew");
    }
    Ok(())
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
///
/// # Errors
/// `precondition_failed` if somebody wrote into it after it was set aside, by a handle from before: it holds what
/// is nowhere else, and stays (P1 a).
pub(crate) fn prune(disk: &Disk, key: &VersionKey) -> Result<()> {
    const PRUNE: &str = "prune_version";
    let (place, stat) = match open(disk, PRUNE, key) {
        Ok(found) => found,
        Err(error) if error.cause == Cause::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let path = key.path();
    let shelf = Shelf::of(PRUNE, key)?;
    let pruned = || -> SysResult<bool> {
        let Some(versions) = shelf::open_root(disk)? else {
            return Ok(true);
        };
        let Some(device) = shelf.open_device(&versions)? else {
            return Ok(true);
        };
        let was = disk.kept.find(&device, &shelf, &place.name)?;
        if was.is_some_and(|was| was != (stat.size, stat.mtime)) {
            return Ok(false);
        }
        // Nobody makes the folders anew while they are removed.
        let _locked = Index::lock(&device)?;
        match place.folder.unlink(place.name()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error),
        }
        shelf.remove_if_empty(&versions)?;
        Ok(true)
    };
    if !pruned().context(PRUNE, path)? {
        let why = "it was written to after it was set aside";
        return Err(not_as_expected(PRUNE, path, why));
    }
    note(disk, PRUNE, &shelf, path)
}
