//! File systems mounted below the root.
//!
//! Invariant: a mount once seen and no longer there is unknown, never empty (P10): it is listed as gone,
//! and nothing below it is looked at or written, so that nothing lands on the disk underneath. The paths lie
//! in `.tandem/mounts.json`, so that this outlives a restart; a person who gave a mount up takes it out
//! ([`crate::LocalRoot::forget_mount`]).

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

#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    schema: u32,
    mounts: BTreeSet<RelPath>,
}

/// The mounts that were seen.
#[derive(Debug, Default)]
pub(crate) struct Mounts {
    known: Mutex<BTreeSet<RelPath>>,
    /// Almost every root has none; then nothing is locked and looked up.
    any: AtomicBool,
    unsaved: AtomicBool,
}

impl Mounts {
    /// Reads what earlier runs saw. A file that cannot be read adds nothing and is replaced only by more.
    pub(crate) fn load(&self, root: &Folder) {
        let read = || -> SysResult<Vec<u8>> {
            let file = root
                .open_folder(OWN_FOLDER)?
                .open_file(FILE, Access::Read)?;
            let len = sys::stat_of(&file)?.size.min(16 << 20);
            sys::read_at(&file, 0, usize::try_from(len).unwrap_or(0))
        };
        match read() {
            Ok(bytes) => match serde_json::from_slice::<Stored>(&bytes) {
                Ok(stored) => {
                    let mut known = lock(&self.known);
                    known.extend(stored.mounts);
                    self.any.store(!known.is_empty(), Ordering::Release);
                }
                Err(error) => tracing::warn!(%error, "the list of mounts cannot be read"),
            },
            Err(Errno::NOENT) => {}
            Err(error) => tracing::warn!(%error, "the list of mounts cannot be opened"),
        }
    }

    /// A scan saw a mount at `path`.
    pub(crate) fn saw(&self, path: RelPath) {
        if lock(&self.known).insert(path) {
            self.any.store(true, Ordering::Release);
            self.unsaved.store(true, Ordering::Release);
        }
    }

    /// Takes a mount out that a person gave up. Whether it was known.
    pub(crate) fn forget(&self, path: &RelPath) -> bool {
        let mut known = lock(&self.known);
        let was = known.remove(path);
        self.any.store(!known.is_empty(), Ordering::Release);
        drop(known);
        self.unsaved.fetch_or(was, Ordering::AcqRel);
        was
    }

    /// Writes the list if it changed and Tandem's own folder is there.
    pub(crate) fn save(&self, own: &Folder) -> SysResult<()> {
        if !self.unsaved.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let stored = Stored {
            schema: 1,
            mounts: lock(&self.known).clone(),
        };
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
            .iter()
            .filter(|mount| mount.parent().as_ref() == Some(folder))
            .filter_map(|mount| Some((mount.name()?.to_string(), false)))
            .collect()
    }

    /// The known mounts that are not mounted now.
    pub(crate) fn gone(&self, anchor: &Anchor) -> Vec<RelPath> {
        let known = lock(&self.known).clone();
        known
            .into_iter()
            .filter(|mount| !is_mounted(anchor, mount))
            .collect()
    }

    /// Refuses what lies at or below a mount that is gone.
    pub(crate) fn check(
        &self,
        operation: &'static str,
        anchor: &Anchor,
        path: &RelPath,
    ) -> Result<()> {
        if !self.any.load(Ordering::Acquire) {
            return Ok(());
        }
        let above: Vec<RelPath> = lock(&self.known)
            .iter()
            .filter(|mount| path.is_within(mount))
            .cloned()
            .collect();
        match above.into_iter().find(|mount| !is_mounted(anchor, mount)) {
            None => Ok(()),
            Some(mount) => Err(refused(
                operation,
                path,
                Cause::Offline,
                format!("the file system that was mounted at {mount} is gone"),
            )),
        }
    }
}

/// Whether `mount` lies on another device than the folder that holds it.
fn is_mounted(anchor: &Anchor, mount: &RelPath) -> bool {
    let (Some(parent), Some(name)) = (mount.parent(), mount.name()) else {
        return true;
    };
    let look = || -> SysResult<bool> {
        let folder = anchor.folder.open_folder(parent.as_str())?;
        let here = folder.stat_self()?;
        Ok(folder
            .stat(name.as_str())?
            .is_some_and(|there| there.device != here.device))
    };
    look().unwrap_or(false)
}

/// Whether `child`, a folder in a folder on `device`, is where another file system is mounted.
pub(crate) fn is_mount_point(folder: &Folder, name: &str, child: &Stat, device: u64) -> bool {
    child.device != device && !folder.says_not_mounted(name)
}

fn write(own: &Folder, stored: &Stored) -> SysResult<()> {
    let mut text = serde_json::to_vec(stored).map_err(|_| Errno::INVAL)?;
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
