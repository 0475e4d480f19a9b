//! What shows that a root is the folder it was: a random id in `.tandem/root`, and the volume (DESIGN 5.7).

use rustix::fd::OwnedFd;
use tandem_core::error::{Cause, Result};
use tandem_core::path::RelPath;
use tandem_core::storage::{Identity, RootIdentity};

use crate::disk::{Anchor, Disk};
use crate::errors::{Context, failed, refused};
use crate::sys::{self, Access, Errno, Folder, SysResult};

const IDENTITY: &str = "identity";
const FILE: &str = "root";

/// Keeps what is below out of a git working tree: neither shown by `git status` nor removed by `git clean`, which would
/// take the versions with it ([gitignore](https://git-scm.com/docs/gitignore)).
const GIT_IGNORE: (&str, &[u8]) = (".gitignore", b"*\n");

/// The identity of the folder that the root's path leads to now.
pub(crate) fn identity(disk: &Disk, create: bool) -> Result<RootIdentity> {
    let anchor = disk
        .anchor_anew()
        .map_err(|error| not_opened(disk, error))?;
    let identity = match read(disk) {
        Ok(Some(id)) => Identity::Marker(id),
        Ok(None) if create => make(disk, &anchor)?,
        Ok(None) => Identity::Weak,
        Err(error) => return Err(failed(IDENTITY, &RelPath::root(), error)),
    };
    if let Err(error) = crate::mounts::save(disk, IDENTITY) {
        tracing::warn!(%error, "the list of mounts cannot be written");
    }
    Ok(RootIdentity {
        identity,
        volume: sys::volume(&anchor.folder),
    })
}

/// Says what stands in the way of the root itself.
pub(crate) fn not_opened(disk: &Disk, error: Errno) -> tandem_core::error::StorageError {
    let root = RelPath::root();
    let shown = disk.path.display();
    match error {
        Errno::NOENT => {
            let why = format!("there is no folder {shown}");
            refused(IDENTITY, &root, Cause::NotFound, why)
        }
        Errno::NOTDIR | Errno::LOOP => {
            let is_link = std::fs::symlink_metadata(&disk.path)
                .is_ok_and(|found| found.file_type().is_symlink());
            let why = if is_link {
                format!("{shown} is a symbolic link; name the folder it leads to")
            } else {
                format!("{shown} is a file, not a folder")
            };
            refused(IDENTITY, &root, Cause::NotFound, why)
        }
        error => failed(IDENTITY, &root, error),
    }
}

/// The id in the marker; `None` if there is none.
fn read(disk: &Disk) -> SysResult<Option<String>> {
    let Some(own) = disk.own_folder_if_there()? else {
        return Ok(None);
    };
    let file = match own.open_file(FILE, Access::Read) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error),
    };
    let bytes = sys::read_at(&file, 0, 256)?;
    let id = String::from_utf8_lossy(&bytes).trim().to_owned();
    // A marker without an id (a power loss) shows nothing, and is not replaced: another may be writing it.
    Ok((!id.is_empty()).then_some(id))
}

/// Makes the marker, or adopts that of somebody who was first.
fn make(disk: &Disk, anchor: &Anchor) -> Result<Identity> {
    let made = || -> SysResult<Identity> {
        let own = disk.own_folder()?;
        let id = format!(
            "{:016x}{:016x}",
            disk.environment.random(),
            disk.environment.random()
        );
        // Before the marker, and durable before it: once that is there, nobody comes back to this.
        if let Err(error) = hide_from_git(&own) {
            tracing::warn!(%error, "git will show the folder of Tandem's own");
        }
        match write(disk, &own, &id) {
            Ok(()) => anchor.folder.sync()?,
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error),
        }
        Ok(read(disk)?.map_or(Identity::Weak, Identity::Marker))
    };
    match made() {
        Ok(identity) => Ok(identity),
        Err(Errno::ROFS | Errno::ACCESS | Errno::PERM) => Ok(Identity::Weak),
        Err(error) => Err(error).context(IDENTITY, &RelPath::root()),
    }
}

fn hide_from_git(own: &Folder) -> SysResult<()> {
    let (name, rule) = GIT_IGNORE;
    let file = match own.create_file(name, 0o600) {
        // A run that was killed made it and wrote nothing.
        Err(Errno::EXIST) if own.stat(name)?.is_some_and(|found| found.size == 0) => {
            own.open_file(name, Access::Write)?
        }
        Err(Errno::EXIST) => return Ok(()),
        made => made?,
    };
    sys::write_at(&file, rule, 0)?;
    sys::sync(&file)
}

/// Makes the marker, whole from the first; fails with `EXIST` if somebody was first.
fn write(disk: &Disk, own: &Folder, id: &str) -> SysResult<()> {
    let fill = |file: &OwnedFd| {
        sys::write_at(file, format!("{id}\n").as_bytes(), 0)?;
        sys::sync(file)
    };
    // So made, a run that is killed leaves nothing behind.
    if let Some(file) = own.create_unnamed(0o600)? {
        fill(&file)?;
        match own.name_unnamed(&file, FILE) {
            Ok(()) => return own.sync(),
            Err(Errno::EXIST) => return Err(Errno::EXIST),
            // It cannot be named here after all.
            Err(_) => {}
        }
    }
    let temp = disk.random_name("root-", ".new");
    let made = own.create_file(&temp, 0o600).and_then(|file| fill(&file));
    let answer = made.and_then(|()| own.rename_if_free(&temp, own, FILE));
    if answer.is_err() {
        // Nothing but a file of ours, and removing it changes nothing about the answer.
        let _ = own.unlink(&temp);
    }
    answer?;
    own.sync()
}
