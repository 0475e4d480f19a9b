//! Setting mtime and executable bit in place.
//!
//! The expectation is checked right before. An edit that comes in the microseconds between that and the change of the
//! mtime is seen if it changes the length. One of the same length is not: the mtime it gave is overwritten, and the ctime
//! that is recorded is the later one of this change.

use tandem_core::entry::Entry;
use tandem_core::error::{Cause, Result};
use tandem_core::path::RelPath;
use tandem_core::removed;
use tandem_core::storage::{Expected, Meta};

use crate::attributes::with_executable;
use crate::disk::{Disk, Moment, Place};
use crate::errors::{Context, not_as_expected, refused};
use crate::observed::{entry_of, is_exactly, target_of};
use crate::sys::{self, Access, Stat, SysResult, Type};

const SET: &str = "set_meta";

/// Sets what `meta` says.
pub(crate) fn set(disk: &Disk, path: &RelPath, expected: &Expected, meta: &Meta) -> Result<Entry> {
    let place = disk.place(SET, path)?;
    let Some(stat) = place.stat().context(SET, path)? else {
        return Err(refused(
            SET,
            path,
            Cause::NotFound,
            "it is not there any more",
        ));
    };
    match stat.kind {
        Type::File => set_file(disk, &place, expected, meta),
        Type::Symlink => set_link(disk, &place, &stat, expected, meta),
        Type::Folder | Type::Other => {
            let why = "only files and links have a time and a bit to set";
            Err(refused(SET, path, Cause::Unsupported, why))
        }
    }
}

fn check(place: &Place, stat: &Stat, expected: &Expected) -> Result<()> {
    let fits = match expected {
        Expected::Absent => false,
        Expected::Revision(revision) => is_exactly(stat, revision),
        Expected::Any => true,
    };
    if fits || removed!("expectation") {
        Ok(())
    } else {
        Err(not_as_expected(SET, &place.path, "it was changed"))
    }
}

fn set_file(disk: &Disk, place: &Place, expected: &Expected, meta: &Meta) -> Result<Entry> {
    let path = &place.path;
    let open = |access| place.folder.open_file(place.name(), access);
    let file = open(Access::Read)
        .or_else(|_| open(Access::Write))
        .context(SET, path)?;
    disk.at(Moment::BeforeSwap).context(SET, path)?;
    let before = sys::stat_of(&file).context(SET, path)?;
    check(place, &before, expected)?;
    let apply = || -> SysResult<Stat> {
        let mode = with_executable(before.mode, meta.executable);
        if mode != before.mode {
            sys::set_mode_of(&file, mode)?;
        }
        if let Some(mtime) = meta.mtime {
            sys::set_mtime_of(&file, mtime.at.0)?;
        }
        disk.at(Moment::AfterSwap)?;
        sys::stat_of(&file)
    };
    let after = apply().context(SET, path)?;
    let wanted = meta.mtime.map_or(before.mtime, |mtime| mtime.at.0);
    // Another time than it was given is somebody's edit; but a file system may keep times in steps of two seconds, and
    // one by so little is taken for that.
    let edited = after.size != before.size
        || (after.mtime != wanted && after.mtime.abs_diff(wanted) > 2_000_000_000);
    let still = place.stat().context(SET, path)?;
    disk.unsettled.note(&place.folder, path);
    let is_other = edited || still.is_none_or(|now| !now.is_same_file(&after));
    if is_other && !removed!("expectation") {
        return Err(not_as_expected(SET, path, "it was changed meanwhile"));
    }
    Ok(entry_of(place.name.clone(), &after, None))
}

fn set_link(
    disk: &Disk,
    place: &Place,
    stat: &Stat,
    expected: &Expected,
    meta: &Meta,
) -> Result<Entry> {
    let path = &place.path;
    check(place, stat, expected)?;
    if let Some(mtime) = meta.mtime {
        place
            .folder
            .set_mtime(place.name(), mtime.at.0)
            .context(SET, path)?;
    }
    let target = target_of(&place.folder, place.name()).context(SET, path)?;
    let after = place.stat().context(SET, path)?;
    let after = after.filter(|after| after.is_same_file(stat));
    let Some(after) = after else {
        return Err(not_as_expected(SET, path, "it was changed meanwhile"));
    };
    // A link cannot be opened, so it has no flush of its own.
    disk.unsettled
        .note_with_all(&place.folder, &path.parent().unwrap_or_else(RelPath::root));
    Ok(entry_of(place.name.clone(), &after, Some(target)))
}
