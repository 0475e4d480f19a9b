//! Copies made on the disk itself: of a file, and of a version that is put back.

use tandem_core::error::{Cause, Result};
use tandem_core::path::{Name, RelPath};
use tandem_core::storage::{Committed, Expected, Keep, STAGED_PREFIX, VersionKey};

use crate::attributes::{carry, with_executable};
use crate::disk::{Disk, Place};
use crate::errors::{Context, failed, not_as_expected, refused};
use crate::observed::{is_exactly, target_of};
use crate::swap::Swap;
use crate::sys::{self, Access, Errno, Stat, SysResult, Type};
use crate::versions;

/// A copy under way.
struct Copy<'a> {
    disk: &'a Disk,
    operation: &'static str,
    from: Place,
    source: Stat,
    to: &'a RelPath,
    /// The mode of the original goes with it, as it does when the original itself comes back.
    with_mode: bool,
}

/// Copies the file `from` to `to`.
pub(crate) fn copy(
    disk: &Disk,
    from: &RelPath,
    expected: &Expected,
    to: &RelPath,
    expected_to: &Expected,
    keep: &Keep,
) -> Result<Committed> {
    const COPY: &str = "copy";
    let place = disk.place(COPY, from)?;
    let Some(source) = place.stat().context(COPY, from)? else {
        return Err(refused(
            COPY,
            from,
            Cause::NotFound,
            "it is not there any more",
        ));
    };
    let fits = match expected {
        Expected::Absent => false,
        Expected::Revision(revision) => is_exactly(&source, revision),
        Expected::Any => true,
    };
    if !fits {
        return Err(not_as_expected(COPY, from, "it was changed"));
    }
    Copy {
        disk,
        operation: COPY,
        from: place,
        source,
        to,
        with_mode: false,
    }
    .run(expected_to, keep)
}

/// Puts a version back at `to`; it stays among the versions.
pub(crate) fn restore(
    disk: &Disk,
    key: &VersionKey,
    to: &RelPath,
    expected: &Expected,
) -> Result<Committed> {
    const RESTORE: &str = "restore_version";
    let (from, source) = versions::open(disk, RESTORE, key)?;
    Copy {
        disk,
        operation: RESTORE,
        from,
        source,
        to,
        with_mode: true,
    }
    .run(expected, &Keep::No)
}

impl Copy<'_> {
    fn run(&self, expected: &Expected, keep: &Keep) -> Result<Committed> {
        let target = self.disk.place(self.operation, self.to)?;
        let name = Name::new(self.disk.random_name(STAGED_PREFIX, ""))
            .map_err(|_| failed(self.operation, self.to, Errno::INVAL))?;
        let temp = target.beside(name);
        self.disk.leftovers.begin(&temp.path);
        let copied = self.make(&temp, &target).and_then(|(ours, link)| {
            let swap = Swap {
                disk: self.disk,
                operation: self.operation,
                temp: &temp,
                target: &target,
                expected,
                keep,
                executable: None,
                link: link.as_deref(),
                ours,
                carried: None,
            };
            swap.put()
        });
        if copied.is_err() {
            match temp.folder.unlink(temp.name()) {
                Ok(()) | Err(Errno::NOENT) => self.disk.leftovers.end(&temp.path),
                Err(error) => tracing::debug!(path = %temp.path, %error, "a copy stays behind"),
            }
        }
        copied
    }

    fn make(&self, temp: &Place, target: &Place) -> Result<(Stat, Option<Box<str>>)> {
        let made = || -> SysResult<Option<Box<str>>> {
            match self.source.kind {
                Type::Symlink => {
                    let link = target_of(&self.from.folder, self.from.name())?;
                    temp.folder.symlink(&link, temp.name())?;
                    Ok(Some(link))
                }
                Type::File => self.copy_file(temp, target).map(|()| None),
                Type::Folder | Type::Other => Err(Errno::OPNOTSUPP),
            }
        };
        let link = match made() {
            Ok(link) => link,
            Err(Errno::AGAIN) => {
                let why = "it changed while it was copied";
                return Err(not_as_expected(self.operation, &self.from.path, why));
            }
            Err(error) => return Err(failed(self.operation, self.to, error)),
        };
        let stat = temp.stat().context(self.operation, self.to)?;
        let stat = stat.ok_or_else(|| failed(self.operation, self.to, Errno::NOENT))?;
        Ok((stat, link))
    }

    fn copy_file(&self, temp: &Place, target: &Place) -> SysResult<()> {
        let unchanged = |now: Stat| {
            now.is_same_file(&self.source)
                && (now.size, now.mtime, now.ctime)
                    == (self.source.size, self.source.mtime, self.source.ctime)
        };
        let source = self.from.folder.open_file(self.from.name(), Access::Read)?;
        if !unchanged(sys::stat_of(&source)?) {
            return Err(Errno::AGAIN);
        }
        let replaces = target.stat()?.is_some_and(|old| old.kind == Type::File);
        let mode = if replaces || self.with_mode {
            0o600
        } else {
            0o666
        };
        let copy = temp.folder.create_file(temp.name(), mode)?;
        let len = sys::copy_bytes(&source, &copy, self.source.size)?;
        if len != self.source.size || !unchanged(sys::stat_of(&source)?) {
            return Err(Errno::AGAIN);
        }
        if self.with_mode && !replaces {
            carry(&self.from, &self.source, &copy, None)?;
        } else if self.source.mode & 0o100 != 0 {
            let mode = sys::stat_of(&copy)?.mode;
            sys::set_mode_of(&copy, with_executable(mode, Some(true)))?;
        }
        sys::set_mtime_of(&copy, self.source.mtime)?;
        sys::sync(&copy)
    }
}
