//! The folders that hold kept files.

use std::ops::ControlFlow;

use tandem_core::error::{Cause, Result};
use tandem_core::path::{Name, RelPath};
use tandem_core::storage::{OWN_FOLDER, VersionKey};

use super::index;
use crate::disk::{Disk, open_or_make};
use crate::errors::refused;
use crate::sys::{Errno, Folder, SysResult, Type};

/// One `DEVICE/DATE/ACTION`.
#[derive(Debug, Clone)]
pub(super) struct Shelf {
    pub(super) device: Name,
    pub(super) date: Name,
    pub(super) action: Name,
}

impl Shelf {
    pub(super) const fn new(device: Name, date: Name, action: Name) -> Self {
        Self {
            device,
            date,
            action,
        }
    }

    /// The shelf of `key`, whose parts must be names: they come out of a database.
    pub(super) fn of(operation: &'static str, key: &VersionKey) -> Result<Self> {
        let VersionKey::Kept {
            device,
            date,
            action,
            path,
        } = key
        else {
            let why = "a disk has no versions of its own";
            return Err(refused(operation, key.path(), Cause::Unsupported, why));
        };
        let name = |part: &str| {
            Name::new(part).map_err(|_| {
                let why = format!("{part:?} cannot be the name of a folder");
                refused(operation, path, Cause::NameRefused, why)
            })
        };
        Ok(Self::new(name(device)?, name(date)?, name(action)?))
    }

    /// The `nth` shelf to try, counted from 1.
    pub(super) fn nth(&self, nth: u32) -> Self {
        let mut shelf = self.clone();
        if nth > 1
            && let Ok(action) = Name::new(format!("{}-{nth}", self.action))
        {
            shelf.action = action;
        }
        shelf
    }

    /// The key of `path` on this shelf.
    pub(super) fn key(&self, path: &RelPath) -> VersionKey {
        VersionKey::Kept {
            device: self.device.as_str().into(),
            date: self.date.as_str().into(),
            action: self.action.as_str().into(),
            path: path.clone(),
        }
    }

    /// All that changes when something is put here or taken away, below the root of the storage.
    pub(super) fn paths(&self) -> Vec<RelPath> {
        let versions = format!("{OWN_FOLDER}/versions");
        let device = format!("{versions}/v1/{}", self.device);
        let date = format!("{device}/{}", self.date);
        [
            String::new(),
            OWN_FOLDER.to_owned(),
            format!("{versions}/v1"),
            versions,
            format!("{device}/{}", index::FILE),
            format!("{date}/{}", self.action),
            date,
            device,
        ]
        .iter()
        .filter_map(|path| RelPath::new(path.as_str()).ok())
        .collect()
    }

    /// Makes the device's folder.
    pub(super) fn make_device(&self, versions: &Folder) -> SysResult<Folder> {
        open_or_make(versions, self.device.as_str())
    }

    /// Makes this folder in the device's.
    pub(super) fn make_in(&self, device: &Folder) -> SysResult<Folder> {
        open_or_make(
            &open_or_make(device, self.date.as_str())?,
            self.action.as_str(),
        )
    }

    /// The device's folder, if it is there.
    pub(super) fn open_device(&self, versions: &Folder) -> SysResult<Option<Folder>> {
        if_there(versions.open_folder(self.device.as_str()))
    }

    /// This folder, if it is there.
    pub(super) fn open(&self, versions: &Folder) -> SysResult<Option<Folder>> {
        if_there(versions.open_folder(&format!("{}/{}/{}", self.device, self.date, self.action)))
    }

    /// As [`Shelf::open`], from the device's folder.
    pub(super) fn open_in(&self, device: &Folder) -> SysResult<Option<Folder>> {
        if_there(device.open_folder(&format!("{}/{}", self.date, self.action)))
    }

    /// Removes this folder and its date's, if nothing is left in them.
    pub(super) fn remove_if_empty(&self, versions: &Folder) -> SysResult<()> {
        let Some(device) = if_there(versions.open_folder(self.device.as_str()))? else {
            return Ok(());
        };
        let Some(date) = if_there(device.open_folder(self.date.as_str()))? else {
            return Ok(());
        };
        if emptied(date.remove_folder(self.action.as_str()))? {
            emptied(device.remove_folder(self.date.as_str()))?;
        }
        Ok(())
    }
}

fn emptied(answer: SysResult<()>) -> SysResult<bool> {
    match answer {
        Ok(()) | Err(Errno::NOENT) => Ok(true),
        Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(false),
        Err(error) => Err(error),
    }
}

fn if_there(answer: SysResult<Folder>) -> SysResult<Option<Folder>> {
    match answer {
        Ok(folder) => Ok(Some(folder)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// `.tandem/versions/v1`, made if need be.
pub(super) fn make_root(disk: &Disk) -> SysResult<Folder> {
    let own = disk.own_folder()?;
    open_or_make(&open_or_make(&own, "versions")?, "v1")
}

/// `.tandem/versions/v1`, if it is there.
pub(super) fn open_root(disk: &Disk) -> SysResult<Option<Folder>> {
    match disk.own_folder_if_there()? {
        Some(own) => if_there(own.open_folder("versions/v1")),
        None => Ok(None),
    }
}

/// The names in a folder.
pub(super) fn names_in(folder: &Folder) -> SysResult<Vec<Name>> {
    let mut room = Vec::with_capacity(32 * 1024);
    let mut names = Vec::new();
    folder.for_each_name(&mut room, |raw, _| {
        names.extend(raw.to_str().ok().and_then(|text| Name::new(text).ok()));
        ControlFlow::<()>::Continue(())
    })?;
    Ok(names)
}

/// The folders in a folder.
pub(super) fn folders_in(folder: &Folder) -> SysResult<Vec<Name>> {
    let mut found = Vec::new();
    for name in names_in(folder)? {
        if folder
            .stat(name.as_str())?
            .is_some_and(|stat| stat.kind == Type::Folder)
        {
            found.push(name);
        }
    }
    Ok(found)
}
