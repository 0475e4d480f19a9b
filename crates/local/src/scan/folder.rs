//! Listing one folder: names first, then what each name is, all by the folder's handle.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::ops::ControlFlow;

use tandem_core::path::{Name, RelPath};
use tandem_core::storage::{FolderListing, Skip, Skipped};
use tandem_core::time::Timestamp;

use crate::disk::{Disk, Moment};
use crate::leftovers;
use crate::mounts::mounted;
use crate::observed::{entry_of, target_of};
use crate::sys::{Errno, Folder, Stat, SysResult, Type};

/// How often a folder that changes while it is listed is listed anew.
const TRIES: usize = 4;

/// Room for names, kept from folder to folder.
pub(super) struct Room(Vec<u8>);

impl Room {
    pub(super) fn new() -> Self {
        Self(Vec::with_capacity(64 * 1024))
    }
}

/// What one folder gave.
pub(super) enum Outcome {
    /// Its children, and which of them are folders to go into.
    Listed(FolderListing, Vec<RelPath>),
    /// It is there and cannot be listed.
    Unreadable(Skip),
    /// It is not there, or is no folder.
    Missing,
}

/// Lists the folder `path`.
pub(super) fn list(disk: &Disk, root: &Folder, path: &RelPath, room: &mut Room) -> Outcome {
    let folder = match root.open_folder(path.as_str()) {
        Ok(folder) => folder,
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Outcome::Missing,
        Err(error) => return unreadable(path, error),
    };
    let mut met = BTreeSet::new();
    for _ in 0..TRIES {
        match list_once(disk, &folder, path, room, &BTreeSet::new()) {
            Ok((listing, folders, true)) => return Outcome::Listed(listing, folders),
            // Names may have passed from a place not yet read to one already read: once more.
            Ok((listing, _, false)) => met.extend(listing.entries.into_iter().map(|it| it.name)),
            Err(error) => return unreadable(path, error),
        }
    }
    match list_once(disk, &folder, path, room, &met) {
        Ok((listing, folders, _)) => Outcome::Listed(listing, folders),
        Err(error) => unreadable(path, error),
    }
}

fn unreadable(path: &RelPath, error: Errno) -> Outcome {
    tracing::debug!(folder = %path, %error, "a folder cannot be listed");
    Outcome::Unreadable(Skip::Unreadable)
}

/// Lists once; says as well whether the folder stayed as it was meanwhile. Of names that were `met` before and are not
/// read now, those that are there all the same are listed too: a file that is saved by rename again and again passes by.
fn list_once(
    disk: &Disk,
    folder: &Folder,
    path: &RelPath,
    room: &mut Room,
    met: &BTreeSet<Name>,
) -> SysResult<(FolderListing, Vec<RelPath>, bool)> {
    let before = folder.stat_self()?;
    let mut listing = Lister {
        disk,
        folder,
        path,
        device: before.device,
        known_mounts: disk.mounts.children_of(path),
        entries: Vec::new(),
        skipped: Vec::new(),
        folders: Vec::new(),
    };
    let failed = folder.for_each_name(&mut room.0, |name, kind| match listing.add(name, kind) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    disk.at(Moment::AfterNames)?;
    listing.add_met(met)?;
    let after = folder.stat_self()?;
    let settled = (before.mtime, before.ctime) == (after.mtime, after.ctime);
    if !settled {
        folder.rewind()?;
    }
    let (listing, folders) = listing.finish();
    Ok((listing, folders, settled))
}

struct Lister<'a> {
    disk: &'a Disk,
    folder: &'a Folder,
    path: &'a RelPath,
    device: u64,
    known_mounts: std::collections::BTreeMap<String, bool>,
    entries: Vec<tandem_core::entry::Entry>,
    skipped: Vec<Skipped>,
    folders: Vec<RelPath>,
}

impl Lister<'_> {
    fn add(&mut self, raw: &CStr, _: Option<Type>) -> SysResult<()> {
        let Ok(text) = raw.to_str() else {
            self.skip(
                String::from_utf8_lossy(raw.to_bytes()).into_owned(),
                Skip::NotUnicode,
            );
            return Ok(());
        };
        let Ok(name) = Name::new(text) else {
            self.skip(text.to_owned(), Skip::BadName);
            return Ok(());
        };
        // The first letter spares the check's own work for almost every name.
        if text.starts_with('.') && name.is_reserved() {
            return self.remember_own(&name);
        }
        match self.folder.stat_raw(raw) {
            Ok(Some(stat)) => self.add_stat(raw, name, &stat),
            Ok(None) => {
                self.skip(text.to_owned(), Skip::Unsettled);
                Ok(())
            }
            // One that the disk cannot read must not hide those beside it.
            Err(_) => {
                self.skip(text.to_owned(), Skip::Unreadable);
                Ok(())
            }
        }
    }

    fn add_met(&mut self, met: &BTreeSet<Name>) -> SysResult<()> {
        if met.is_empty() {
            return Ok(());
        }
        let read: BTreeSet<Name> = self.entries.iter().map(|it| it.name.clone()).collect();
        for name in met.difference(&read) {
            let raw = CString::new(name.as_str()).map_err(|_| Errno::INVAL)?;
            if let Some(stat) = self.folder.stat(name.as_str())? {
                self.add_stat(&raw, name.clone(), &stat)?;
            }
        }
        Ok(())
    }

    fn add_stat(&mut self, raw: &CStr, name: Name, stat: &Stat) -> SysResult<()> {
        match stat.kind {
            Type::Symlink => return self.add_link(raw, name, stat),
            Type::Folder => {
                if self.is_gone_mount(&name, stat) {
                    return Ok(());
                }
                self.folders.push(self.path.join(&name));
            }
            Type::File | Type::Other => {}
        }
        self.entries.push(entry_of(name, stat, None));
        Ok(())
    }

    fn add_link(&mut self, raw: &CStr, name: Name, stat: &Stat) -> SysResult<()> {
        match target_of(self.folder, raw) {
            Ok(target) => self.entries.push(entry_of(name, stat, Some(target))),
            Err(Errno::ILSEQ) => self.skip(name.to_string(), Skip::NotUnicode),
            Err(Errno::NOENT | Errno::INVAL) => self.skip(name.to_string(), Skip::Unsettled),
            Err(_) => self.skip(name.to_string(), Skip::Unreadable),
        }
        Ok(())
    }

    /// Notes a mount, and skips the folder that is left where one was, or another in its place.
    fn is_gone_mount(&mut self, name: &Name, stat: &Stat) -> bool {
        let known = self.known_mounts.contains_key(name.as_str());
        let found = mounted(self.folder, name.as_str(), stat, self.device, known);
        if let Some(volume) = found
            && self.disk.mounts.saw(self.path.join(name), volume)
        {
            self.known_mounts.remove(name.as_str());
        }
        if let Some(met) = self.known_mounts.get_mut(name.as_str()) {
            *met = true;
            self.skip(name.to_string(), Skip::MountGone);
            return true;
        }
        false
    }

    /// Remembers a file of Tandem's own beside a person's, so that it can be cleaned up.
    fn remember_own(&self, name: &Name) -> SysResult<()> {
        if leftovers::is_own(name.as_str())
            && let Some(stat) = self.folder.stat(name.as_str())?
        {
            let path = self.path.join(name);
            self.disk.leftovers.saw(path, Timestamp(stat.ctime));
        }
        Ok(())
    }

    fn skip(&mut self, shown: String, why: Skip) {
        self.skipped.push(Skipped {
            folder: self.path.clone(),
            shown,
            why,
        });
    }

    fn finish(mut self) -> (FolderListing, Vec<RelPath>) {
        // A mount whose very mount point went with it (a stick that was pulled out).
        let vanished: Vec<String> = self
            .known_mounts
            .iter()
            .filter(|(_, met)| !**met)
            .map(|(name, _)| name.clone())
            .collect();
        for name in vanished {
            self.skip(name, Skip::MountGone);
        }
        let listing = FolderListing {
            folder: self.path.clone(),
            entries: self.entries,
            skipped: self.skipped,
        };
        (listing, self.folders)
    }
}
