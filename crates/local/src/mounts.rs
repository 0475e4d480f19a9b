//! File systems mounted below the root.
//!
//! Invariant: a mount once seen and no longer there, or with another volume in its place, is unknown, never empty
//! (P10): it is listed as gone, and nothing below it is looked at or written, so that nothing lands on the disk
//! underneath. Paths and volumes lie in `.tandem/mounts.json`, so that this outlives a restart. That list is read
//! again with the root's identity: a person who gave a mount up takes it out there. Where the list cannot be read,
//! nothing is known of what is there, and so nothing is listed or touched.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use tandem_core::error::{Cause, Result};
use tandem_core::path::RelPath;
use tandem_core::storage::OWN_FOLDER;

use crate::disk::{Anchor, lock};
use crate::errors::{Context, refused};
use crate::sys::{self, Access, Errno, Folder, Stat, SysResult};

const FILE: &str = "mounts.json";
const NEW_FILE: &str = "mounts.json.new";

/// The longest list that is read.
const LONGEST: u64 = 16 << 20;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Stored {
    schema: u32,
    mounts: BTreeSet<RelPath>,
    /// What was mounted there, where that has a name.
    #[serde(default)]
    volumes: BTreeMap<RelPath, String>,
}

/// The mounts that were seen.
#[derive(Debug, Default)]
pub(crate) struct Mounts {
    /// Each with its volume, where that has a name.
    known: Mutex<BTreeMap<RelPath, Option<String>>>,
    /// Almost every root has none; then nothing is locked and looked up.
    any: AtomicBool,
    unsaved: AtomicBool,
    /// Why the list cannot be read.
    unread: Mutex<Option<String>>,
    /// Whether that says something, for whoever would have to lock it for each file.
    is_unread: AtomicBool,
}

impl Mounts {
    /// Reads the list: what earlier runs saw and nobody took out since.
    pub(crate) fn load(&self, root: &Folder) {
        let read = read(root);
        let failed = match read {
            Ok(stored) => {
                self.take(stored);
                None
            }
            Err(why) => {
                tracing::warn!(%why, "the list of mounts cannot be read");
                Some(why)
            }
        };
        let mut unread = lock(&self.unread);
        self.is_unread.store(failed.is_some(), Ordering::Release);
        *unread = failed;
    }

    fn take(&self, stored: Stored) {
        let mut known = lock(&self.known);
        if !self.unsaved.load(Ordering::Acquire) {
            known.clear();
        }
        for path in stored.mounts {
            let volume = stored.volumes.get(&path).cloned();
            known.entry(path).or_insert(volume);
        }
        self.any.store(!known.is_empty(), Ordering::Release);
    }

    /// A scan saw `volume` mounted at `path`. Whether it is what was mounted there before, as far as both have names.
    pub(crate) fn saw(&self, path: RelPath, volume: Option<String>) -> bool {
        let mut known = lock(&self.known);
        match known.entry(path) {
            Entry::Occupied(mut was) => match (was.get(), &volume) {
                (Some(was), Some(now)) => return was == now,
                (None, Some(_)) => *was.get_mut() = volume,
                (_, None) => return true,
            },
            Entry::Vacant(free) => {
                free.insert(volume);
            }
        }
        self.any.store(true, Ordering::Release);
        self.unsaved.store(true, Ordering::Release);
        true
    }

    /// Writes the list if it changed and Tandem's own folder is there.
    pub(crate) fn save(&self, own: &Folder) -> SysResult<()> {
        // A list that cannot be read may hold more than is known here.
        if self.is_unread.load(Ordering::Acquire) || !self.unsaved.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let mut stored = Stored {
            schema: 1,
            ..Stored::default()
        };
        for (path, volume) in &*lock(&self.known) {
            stored.mounts.insert(path.clone());
            let volume = volume.clone().map(|volume| (path.clone(), volume));
            stored.volumes.extend(volume);
        }
        let answer = write(own, &stored);
        if answer.is_err() {
            self.unsaved.store(true, Ordering::Release);
        }
        answer
    }

    /// The known mounts that are children of `folder`: name and whether the scan has met it mounted.
    pub(crate) fn children_of(&self, folder: &RelPath) -> BTreeMap<String, bool> {
        if !self.any.load(Ordering::Acquire) {
            return BTreeMap::new();
        }
        lock(&self.known)
            .keys()
            .filter(|mount| mount.parent().as_ref() == Some(folder))
            .filter_map(|mount| Some((mount.name()?.to_string(), false)))
            .collect()
    }

    /// Refuses what lies at or below a mount that is gone, and all where it is not known what was mounted.
    pub(crate) fn check(
        &self,
        operation: &'static str,
        anchor: &Anchor,
        path: &RelPath,
    ) -> Result<()> {
        self.check_read(operation, anchor, path)?;
        if !self.any.load(Ordering::Acquire) {
            return Ok(());
        }
        let above: Vec<(RelPath, Option<String>)> = lock(&self.known)
            .iter()
            .filter(|(mount, _)| path.is_within(mount))
            .map(|(mount, volume)| (mount.clone(), volume.clone()))
            .collect();
        for (mount, volume) in above {
            let why = match look(anchor, &mount) {
                Some(now) if volume.is_none() || now.is_none() || volume == now => continue,
                Some(_) => format!("another disk is mounted at {mount} than before"),
                None => format!("the file system that was mounted at {mount} is gone"),
            };
            return Err(refused(operation, path, Cause::Offline, why));
        }
        Ok(())
    }

    fn check_read(&self, operation: &'static str, anchor: &Anchor, path: &RelPath) -> Result<()> {
        if !self.is_unread.load(Ordering::Acquire) {
            return Ok(());
        }
        self.load(&anchor.folder);
        match &*lock(&self.unread) {
            None => Ok(()),
            Some(why) => {
                let why = format!("{OWN_FOLDER}/{FILE} says what was mounted here: {why}");
                Err(refused(operation, path, Cause::LocalIo, why))
            }
        }
    }
}

/// The list in the folder of Tandem's own; an empty one where there is none.
fn read(root: &Folder) -> std::result::Result<Stored, String> {
    let bytes = || -> SysResult<Option<Vec<u8>>> {
        let file = match root.open_folder(OWN_FOLDER) {
            Ok(own) => own.open_file(FILE, Access::Read),
            Err(error) => Err(error),
        };
        let file = match file {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(error),
        };
        let len = sys::stat_of(&file)?.size;
        if len > LONGEST {
            return Err(Errno::FBIG);
        }
        sys::read_at(&file, 0, usize::try_from(len).map_err(|_| Errno::FBIG)?).map(Some)
    };
    match bytes() {
        Ok(None) => Ok(Stored::default()),
        Ok(Some(bytes)) => serde_json::from_slice(&bytes).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// What is mounted at `mount`: its volume, where that has a name; `None` if nothing is.
fn look(anchor: &Anchor, mount: &RelPath) -> Option<Option<String>> {
    let (Some(parent), Some(name)) = (mount.parent(), mount.name()) else {
        return Some(None);
    };
    let folder = anchor.folder.open_folder(parent.as_str()).ok()?;
    let stat = folder.stat(name.as_str()).ok()??;
    mounted(
        &folder,
        name.as_str(),
        &stat,
        folder.stat_self().ok()?.device,
        true,
    )
}

/// What is mounted at `name`, which `child` is, in `folder` on `device`: its volume, where that has a name; `None` if
/// nothing is. `expected`: something was, so that it is worth opening, which mounts what is mounted when it is used.
pub(crate) fn mounted(
    folder: &Folder,
    name: &str,
    child: &Stat,
    device: u64,
    expected: bool,
) -> Option<Option<String>> {
    let by_name = folder.says_mounted(name).unwrap_or(child.device != device);
    if !by_name && !expected {
        return None;
    }
    let Ok(there) = folder.open_folder(name) else {
        return by_name.then_some(None);
    };
    let is_there = there
        .says_mounted_itself()
        .unwrap_or_else(|| there.stat_self().is_ok_and(|stat| stat.device != device));
    is_there.then(|| sys::volume(&there))
}

fn write(own: &Folder, stored: &Stored) -> SysResult<()> {
    let mut text = serde_json::to_vec_pretty(stored).map_err(|_| Errno::INVAL)?;
    text.push(b'\n');
    match own.unlink(NEW_FILE) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(error) => return Err(error),
    }
    let file = own.create_file(NEW_FILE, 0o600)?;
    sys::write_at(&file, &text, 0)?;
    sys::sync(&file)?;
    own.rename(NEW_FILE, own, FILE)?;
    own.sync()
}

/// Saves the list if it changed, for a caller that reports.
pub(crate) fn save(disk: &crate::disk::Disk, operation: &'static str) -> Result<()> {
    if !disk.mounts.unsaved.load(Ordering::Acquire) {
        return Ok(());
    }
    if let Some(own) = disk
        .own_folder_if_there()
        .context(operation, &RelPath::root())?
    {
        disk.mounts
            .save(&own)
            .context(operation, &RelPath::root())?;
    }
    Ok(())
}
