//! Copies made on the disk itself: of a file, and of a version that is put back.

use tandem_core::error::{Cause, Result};
use tandem_core::path::RelPath;
use tandem_core::removed;
use tandem_core::storage::{Committed, Expected, Keep, VersionKey};

use crate::attributes::{carry, with_executable};
use crate::discard::drop_file;
use crate::disk::{Disk, Moment, Place};
use crate::errors::{Context, failed, not_as_expected, refused};
use crate::observed::{is_exactly, target_of};
use crate::stage::make_beside;
use crate::swap::Swap;
use crate::sys::{self, Access, Errno, Stat, SysResult, Type};
use crate::token::Token;
use crate::versions;

/// A copy under way.
struct Copy<'a> {
    disk: &'a Disk,
    operation: &'static str,
    from: Place,
    source: Stat,
    to: &'a RelPath,
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
    if !fits && !removed!("expectation") {
        return Err(not_as_expected(COPY, from, "it was changed"));
    }
    Copy {
        disk,
        operation: COPY,
        from: place,
        source,
        to,
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
    }
    .run(expected, &Keep::No)
}

impl Copy<'_> {
    fn run(&self, expected: &Expected, keep: &Keep) -> Result<Committed> {
        let target = self.disk.place(self.operation, self.to)?;
        let (temp, link) = self.make(&target)?;
        let copied = self.put(&temp, &target, link.as_deref(), expected, keep);
        if copied.is_err()
            && let Err(error) = drop_file(self.disk, &temp, &Token::found(temp.path.clone()))
        {
            tracing::warn!(%error, "a copy stays behind");
        }
        copied
    }

    /// Makes the place and, of a link, the copy itself.
    fn make(&self, target: &Place) -> Result<(Place, Option<Box<str>>)> {
        let made = || -> SysResult<(Place, Option<Box<str>>)> {
            match self.source.kind {
                Type::Symlink => {
                    let link = target_of(&self.from.folder, self.from.name())?;
                    let (temp, _, ()) = make_beside(self.disk, target, |first| {
                        first.folder.symlink(&link, first.name())
                    })?;
                    Ok((temp, Some(link)))
                }
                Type::File => {
                    // No wider than the file that it is a copy of or that it will replace.
                    let (temp, _, _) = make_beside(self.disk, target, |first| {
                        first.folder.create_file(first.name(), 0o600)
                    })?;
                    Ok((temp, None))
                }
                Type::Folder | Type::Other => Err(Errno::OPNOTSUPP),
            }
        };
        made().context(self.operation, self.to)
    }

    fn replaces(&self, target: &Place) -> SysResult<bool> {
        Ok(target.stat()?.is_some_and(|old| old.kind == Type::File))
    }

    fn put(
        &self,
        temp: &Place,
        target: &Place,
        link: Option<&str>,
        expected: &Expected,
        keep: &Keep,
    ) -> Result<Committed> {
        if link.is_none() {
            match self.copy_file(temp, target) {
                Ok(()) => {}
                Err(Errno::AGAIN) => {
                    let why = "it changed while it was copied";
                    return Err(not_as_expected(self.operation, &self.from.path, why));
                }
                Err(error) => return Err(failed(self.operation, self.to, error)),
            }
        }
        let stat = temp.stat().context(self.operation, self.to)?;
        let ours = stat.ok_or_else(|| failed(self.operation, self.to, Errno::NOENT))?;
        let swap = Swap {
            disk: self.disk,
            operation: self.operation,
            temp,
            unnamed: None,
            target,
            expected,
            keep,
            executable: None,
            link,
            ours,
            carried: None,
        };
        swap.put()
    }

    fn copy_file(&self, temp: &Place, target: &Place) -> SysResult<()> {
        self.disk.at(Moment::BeforeCopy)?;
        let source = self.from.folder.open_file(self.from.name(), Access::Read)?;
        let copy = temp.folder.open_file(temp.name(), Access::ReadWrite)?;
        let len = sys::copy_bytes(&source, &copy, self.source.size)?;
        self.disk.at(Moment::AfterCopy)?;
        // Looked at last, this tells of another file that was opened, too.
        let now = sys::stat_of(&source)?;
        let is_unchanged = now.is_same_file(&self.source)
            && (now.size, now.mtime, now.ctime)
                == (self.source.size, self.source.mtime, self.source.ctime);
        if (len != self.source.size || !is_unchanged) && !removed!("expectation") {
            return Err(Errno::AGAIN);
        }
        if !self.replaces(target)? {
            // Who may read the original may read the copy, as when the original itself comes back (P20).
            carry(&self.from, &self.source, &copy, None)?;
        } else if self.source.mode & 0o100 != 0 {
            let mode = sys::stat_of(&copy)?.mode;
            sys::set_mode_of(&copy, with_executable(mode, Some(true)))?;
        }
        sys::set_mtime_of(&copy, self.source.mtime)?;
        sys::sync(&copy)
    }
}
