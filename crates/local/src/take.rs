//! Taking an item from its name, with the expectation checked last (P9).
//!
//! The item first gets a name of Tandem's own and is looked at there, where nobody replaces it any more. If it
//! is not what was expected, it gets its name back; if that was taken meanwhile, it goes to the versions.

use tandem_core::error::{Result, StorageError};
use tandem_core::path::Name;
use tandem_core::storage::{Displaced, Keep, VersionKey};

use crate::disk::{Disk, Moment, Place};
use crate::errors::{Context, failed, not_as_expected};
use crate::held::hold;
use crate::leftovers::aside_name;
use crate::swap::displace;
use crate::sys::{Errno, Stat, SysResult};
use crate::versions;

/// What became of the item.
pub(crate) enum Taken {
    /// It lies under a name of Tandem's own and is what was expected.
    Here(Place, Stat),
    /// It was not there any more.
    Gone,
    /// It was another, and is kept.
    Displaced(Displaced),
}

/// Takes `place` from its name.
///
/// # Errors
/// `precondition_failed` if it is not as `expects` says; then it is where it was.
pub(crate) fn take(
    disk: &Disk,
    operation: &'static str,
    place: &Place,
    keep: &Keep,
    expects: impl Fn(&Stat) -> bool,
) -> Result<Taken> {
    disk.at(Moment::BeforeTake)
        .context(operation, &place.path)?;
    let name = Name::new(aside_name(&disk.staged_name(), place.name()))
        .map_err(|_| failed(operation, &place.path, Errno::INVAL))?;
    let aside = place.beside(name);
    disk.leftovers.begin(&aside.path);
    let folder = &place.folder;
    match folder.rename(place.name(), folder, aside.name()) {
        Ok(()) => {}
        Err(error) => {
            disk.leftovers.end(&aside.path);
            if error == Errno::NOENT {
                return Ok(Taken::Gone);
            }
            return Err(failed(operation, &place.path, error));
        }
    }
    let stat = match disk.at(Moment::AfterTake).and_then(|()| aside.stat()) {
        Ok(Some(stat)) => stat,
        Ok(None) => {
            disk.leftovers.end(&aside.path);
            return Err(failed(operation, &place.path, Errno::NOENT));
        }
        // Whatever it is, nobody may miss it.
        Err(error) => {
            let error = failed(operation, &place.path, error);
            return Err(not_kept(disk, &aside, place, error));
        }
    };
    if expects(&stat) {
        return Ok(Taken::Here(aside, stat));
    }
    match put_back(disk, &aside, place) {
        Ok(()) => Err(not_as_expected(operation, &place.path, "it was changed")),
        Err(Errno::EXIST) => {
            displace(disk, operation, &aside, &stat, &place.path, keep).map(Taken::Displaced)
        }
        Err(error) => {
            disk.leftovers.end(&aside.path);
            Err(failed(operation, &place.path, error))
        }
    }
}

/// Gives an item that was taken its name back, if that is free.
fn put_back(disk: &Disk, aside: &Place, place: &Place) -> SysResult<()> {
    aside
        .folder
        .rename_if_free(aside.name(), &place.folder, place.name())?;
    disk.leftovers.end(&aside.path);
    Ok(())
}

/// Keeps what was taken, or holds it to be removed after the next flush. If it cannot be kept, it gets the name
/// `place` back (P1).
pub(crate) fn dispose(
    disk: &Disk,
    operation: &'static str,
    aside: &Place,
    stat: &Stat,
    place: &Place,
    keep: &Keep,
) -> Result<Option<VersionKey>> {
    let Keep::Version(key) = keep else {
        hold(disk, aside, stat, &place.path);
        return Ok(None);
    };
    versions::keep(disk, operation, aside, stat, key)
        .map(Some)
        .map_err(|error| not_kept(disk, aside, place, error))
}

fn not_kept(disk: &Disk, aside: &Place, place: &Place, error: StorageError) -> StorageError {
    if let Err(back) = put_back(disk, aside, place) {
        tracing::warn!(path = %aside.path, error = %back, "it keeps a name of Tandem's own");
        // The next scan finds it there.
        disk.leftovers.end(&aside.path);
    }
    error
}
