//! Deleting.

use tandem_core::error::{Cause, Result};
use tandem_core::path::RelPath;
use tandem_core::storage::{Deleted, Discard, Expected, Keep};
use tandem_core::{mutant, removed};

use crate::discard::drop_in;
use crate::disk::{Disk, Place};
use crate::errors::{Context, failed, not_as_expected, refused};
use crate::held::let_go_in;
use crate::observed::{is_after_rename, is_exactly};
use crate::sys::{Errno, Stat, Type};
use crate::take::{Taken, dispose, take};
use crate::versions;

const DELETE: &str = "delete";

/// Deletes `path` if it is as `expected` says.
pub(crate) fn delete(
    disk: &Disk,
    path: &RelPath,
    expected: &Expected,
    keep: &Keep,
    how: Discard,
) -> Result<Deleted> {
    if how == Discard::Trash {
        let why = "this disk has no trash; what is deleted is kept among the versions";
        return Err(refused(DELETE, path, Cause::Unsupported, why));
    }
    if let Keep::Version(key) = keep {
        versions::check_key(DELETE, key)?;
    }
    let absent = Deleted {
        was_absent: true,
        ..Deleted::default()
    };
    let place = match disk.place(DELETE, path) {
        Ok(place) => place,
        Err(error) if error.cause == Cause::NotFound => return Ok(absent),
        Err(error) => return Err(error),
    };
    let Some(stat) = place.stat().context(DELETE, path)? else {
        if mutant!("P13 what is gone cannot be deleted") {
            return Err(refused(DELETE, path, Cause::NotFound, "it is gone"));
        }
        return Ok(absent);
    };
    let fits = match expected {
        Expected::Absent => false,
        Expected::Revision(revision) => is_exactly(&stat, revision),
        Expected::Any => true,
    };
    if !fits && !removed!("expectation") {
        return Err(not_as_expected(DELETE, path, "it was changed"));
    }
    match stat.kind {
        Type::Folder => delete_folder(disk, &place),
        Type::File | Type::Symlink => delete_file(disk, &place, expected, keep),
        Type::Other => {
            let why = "sockets, fifos and devices are never deleted";
            Err(refused(DELETE, path, Cause::Unsupported, why))
        }
    }
}

fn note(disk: &Disk, place: &Place) {
    let parent = place.path.parent().unwrap_or_else(RelPath::root);
    disk.unsettled.note(&place.folder, &parent);
}

fn delete_folder(disk: &Disk, place: &Place) -> Result<Deleted> {
    let removed = match place.folder.remove_folder(place.name()) {
        // What Tandem itself set aside in it a moment ago is no content of it.
        Err(Errno::NOTEMPTY | Errno::EXIST) if let_go_in(disk, &place.path) => {
            place.folder.remove_folder(place.name())
        }
        answer => answer,
    };
    let removed = match removed {
        // Nor is what an earlier run left.
        Err(Errno::NOTEMPTY | Errno::EXIST) if drop_in(disk, place)? => {
            place.folder.remove_folder(place.name())
        }
        answer => answer,
    };
    match removed {
        Ok(()) => {
            note(disk, place);
            Ok(Deleted::default())
        }
        Err(Errno::NOENT) => Ok(Deleted {
            was_absent: true,
            ..Deleted::default()
        }),
        Err(Errno::NOTEMPTY | Errno::EXIST) => {
            Err(not_as_expected(DELETE, &place.path, "it is not empty"))
        }
        Err(Errno::NOTDIR) => Err(not_as_expected(
            DELETE,
            &place.path,
            "it is no folder any more",
        )),
        Err(error) => Err(failed(DELETE, &place.path, error)),
    }
}

fn delete_file(disk: &Disk, place: &Place, expected: &Expected, keep: &Keep) -> Result<Deleted> {
    let expects = |taken: &Stat| match expected {
        Expected::Revision(revision) => is_after_rename(taken, revision) || removed!("expectation"),
        _ => matches!(taken.kind, Type::File | Type::Symlink),
    };
    let taken = take(disk, DELETE, place, keep, expects)?;
    note(disk, place);
    match taken {
        Taken::Gone => Ok(Deleted {
            was_absent: true,
            ..Deleted::default()
        }),
        Taken::Displaced(displaced) => Ok(Deleted {
            displaced: Some(displaced),
            ..Deleted::default()
        }),
        Taken::Here(aside, stat) => Ok(Deleted {
            kept: dispose(disk, DELETE, &aside, &stat, place, keep)?,
            ..Deleted::default()
        }),
    }
}
