//! Moving, files and folders alike, in one rename.

use tandem_core::entry::Entry;
use tandem_core::error::{Cause, Result};
use tandem_core::path::RelPath;
use tandem_core::removed;
use tandem_core::storage::{Committed, Displaced, Expected, Keep, VersionKey};

use crate::disk::{Disk, Moment, Place};
use crate::errors::{Context, failed, not_as_expected, refused};
use crate::observed::{entry_of, is_after_rename, is_exactly, look};
use crate::sys::{Errno, Stat, SysResult, Type};
use crate::take::{Taken, dispose, take};
use crate::versions;

const MOVE: &str = "move_to";

/// One move.
pub(crate) struct Move<'a> {
    pub(crate) disk: &'a Disk,
    pub(crate) from: Place,
    pub(crate) expected: &'a Expected,
    pub(crate) to: Place,
    pub(crate) expected_to: &'a Expected,
    pub(crate) keep: &'a Keep,
    /// Two spellings can be one name here.
    pub(crate) folds_case: bool,
}

fn fits(expected: &Expected, stat: &Stat) -> bool {
    match expected {
        Expected::Absent => false,
        Expected::Revision(revision) => is_exactly(stat, revision),
        Expected::Any => true,
    }
}

fn fits_after(expected: &Expected, stat: &Stat) -> bool {
    match expected {
        Expected::Revision(revision) => is_after_rename(stat, revision),
        _ => true,
    }
}

impl Move<'_> {
    /// Makes the move.
    pub(crate) fn run(&self) -> Result<Committed> {
        if let Keep::Version(key) = self.keep {
            versions::check_key(MOVE, key)?;
        }
        let Some(stat) = self.from.stat().context(MOVE, &self.from.path)? else {
            let why = "it is not there any more";
            return Err(refused(MOVE, &self.from.path, Cause::NotFound, why));
        };
        if !fits(self.expected, &stat) && !removed!("expectation") {
            return Err(not_as_expected(MOVE, &self.from.path, "it was changed"));
        }
        if stat.kind == Type::Other {
            let why = "sockets, fifos and devices are never moved";
            return Err(refused(MOVE, &self.from.path, Cause::Unsupported, why));
        }
        if self.to.path != self.from.path && self.to.path.is_within(&self.from.path) {
            let why = "a folder cannot be moved into itself";
            return Err(refused(MOVE, &self.to.path, Cause::NameRefused, why));
        }
        let there = self.to.stat().context(MOVE, &self.to.path)?;
        self.disk
            .at(Moment::BeforeMove)
            .context(MOVE, &self.from.path)?;
        match (there, self.expected_to) {
            (Some(there), _) if self.is_itself(&stat, &there) => self.respell(&stat),
            (None, Expected::Revision(_)) => {
                let why = "what it should replace is not there any more";
                Err(not_as_expected(MOVE, &self.to.path, why))
            }
            (Some(_), Expected::Absent) if removed!("expectation") => self.onto_free(&stat),
            (Some(_), Expected::Absent) => Err(self.taken()),
            (None, Expected::Absent | Expected::Any) => self.onto_free(&stat),
            (Some(there), Expected::Revision(_) | Expected::Any) => self.onto_taken(&stat, &there),
        }
    }

    /// Whether both names are one here, so that a rename only changes the spelling. Two links of one file are
    /// not: a rename of one onto the other does nothing.
    fn is_itself(&self, from: &Stat, to: &Stat) -> bool {
        let one_folder = self.from.path.parent() == self.to.path.parent();
        let alone = self.folds_case || from.kind == Type::Folder || from.links < 2;
        from.is_same_file(to) && one_folder && alone
    }

    fn rename(&self) -> SysResult<()> {
        let to = &self.to;
        self.from
            .folder
            .rename(self.from.name(), &to.folder, to.name())
    }

    /// What was set aside in a folder, and what is to be flushed there, goes where it goes.
    fn moved(&self, stat: &Stat) {
        if stat.kind == Type::Folder {
            self.disk.unsettled.moved(&self.from.path, &self.to.path);
            self.disk
                .held
                .moved(self.disk, &self.from.path, &self.to.path);
        }
    }

    fn respell(&self, stat: &Stat) -> Result<Committed> {
        self.rename().context(MOVE, &self.to.path)?;
        self.moved(stat);
        self.note();
        self.committed(stat, None, None)
    }

    fn onto_free(&self, stat: &Stat) -> Result<Committed> {
        let (from, to) = (&self.from, &self.to);
        let is_folder = stat.kind == Type::Folder;
        if !is_folder && !to.folder.can_spare() {
            return self.onto_free_portably(stat);
        }
        let renamed = if is_folder {
            from.folder
                .rename_if_free(from.name(), &to.folder, to.name())
        } else {
            // A file's name is not Tandem's own: in steps, it would be unlinked with what came there between them.
            from.folder
                .rename_sparing(from.name(), &to.folder, to.name())
        };
        match renamed {
            Ok(()) => {}
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) if !is_folder => {
                let moved = self.onto_free_portably(stat)?;
                to.folder.cannot_spare();
                return Ok(moved);
            }
            Err(Errno::EXIST | Errno::NOTEMPTY) => return Err(self.taken()),
            Err(error) => return Err(self.failed(error)),
        }
        self.moved(stat);
        self.note();
        self.check_moved(stat)
    }

    fn failed(&self, error: Errno) -> tandem_core::error::StorageError {
        match error {
            Errno::NOENT => refused(MOVE, &self.from.path, Cause::NotFound, "it is gone"),
            Errno::XDEV => {
                let why = "it lies on another file system";
                refused(MOVE, &self.to.path, Cause::Unsupported, why)
            }
            error => failed(MOVE, &self.to.path, error),
        }
    }

    fn taken(&self) -> tandem_core::error::StorageError {
        refused(
            MOVE,
            &self.to.path,
            Cause::AlreadyExists,
            "something is there",
        )
    }

    /// Looks at what arrived, and sends it back if it is another than the one that was checked.
    fn check_moved(&self, stat: &Stat) -> Result<Committed> {
        let (from, to) = (&self.from, &self.to);
        let arrived = to.stat().context(MOVE, &to.path)?;
        if let Some(arrived) = arrived
            && !(arrived.is_same_file(stat) && fits_after(self.expected, &arrived))
            && !removed!("expectation")
        {
            let back = to
                .folder
                .rename_if_free(to.name(), &from.folder, from.name());
            let why = match back {
                Ok(()) => "it was changed",
                Err(_) => "it was changed, and its name is taken: it lies where it was moved",
            };
            return Err(not_as_expected(MOVE, &from.path, why));
        }
        self.committed(stat, None, None)
    }

    /// Without a rename that spares what is there: the file is taken from its name, then given the new one.
    fn onto_free_portably(&self, stat: &Stat) -> Result<Committed> {
        let expects = |taken: &Stat| {
            taken.is_same_file(stat) && fits_after(self.expected, taken) || removed!("expectation")
        };
        let (from, to) = (&self.from, &self.to);
        match take(self.disk, MOVE, from, self.keep, expects)? {
            Taken::Gone => Err(self.failed(Errno::NOENT)),
            Taken::Displaced(displaced) => {
                self.note();
                self.committed(stat, Some(displaced), None)
            }
            Taken::Here(aside, _) => {
                let moved = aside
                    .folder
                    .rename_if_free(aside.name(), &to.folder, to.name());
                if let Err(error) = moved {
                    let back = aside
                        .folder
                        .rename_if_free(aside.name(), &from.folder, from.name());
                    if back.is_ok() {
                        self.disk.leftovers.end(&aside.path);
                    }
                    return Err(match error {
                        Errno::EXIST => self.taken(),
                        error => self.failed(error),
                    });
                }
                self.disk.leftovers.end(&aside.path);
                self.note();
                self.committed(stat, None, None)
            }
        }
    }

    /// The names are exchanged, both are looked at, and what came from the target is set aside.
    fn onto_taken(&self, stat: &Stat, there: &Stat) -> Result<Committed> {
        let (from, to) = (&self.from, &self.to);
        if !fits(self.expected_to, there) && !removed!("expectation") {
            return Err(not_as_expected(
                MOVE,
                &to.path,
                "what it should replace was changed",
            ));
        }
        if !matches!(there.kind, Type::File | Type::Symlink) {
            return Err(not_as_expected(
                MOVE,
                &to.path,
                "what it should replace is no file",
            ));
        }
        match from.folder.exchange(from.name(), &to.folder, to.name()) {
            Ok(()) => {}
            Err(Errno::NOSYS) => return self.onto_taken_portably(stat, there),
            Err(error) => return Err(self.failed(error)),
        }
        self.note();
        let arrived = to.stat().context(MOVE, &to.path)?;
        let came = from.stat().context(MOVE, &from.path)?;
        let right = arrived
            .is_some_and(|now| now.is_same_file(stat) && fits_after(self.expected, &now))
            && came
                .is_some_and(|now| now.is_same_file(there) && fits_after(self.expected_to, &now));
        if !right && !removed!("expectation") {
            from.folder
                .exchange(from.name(), &to.folder, to.name())
                .context(MOVE, &to.path)?;
            return Err(not_as_expected(
                MOVE,
                &to.path,
                "one of the two was changed",
            ));
        }
        let expects = |taken: &Stat| {
            taken.is_same_file(there) && fits_after(self.expected_to, taken)
                || removed!("expectation")
        };
        let taken = match take(self.disk, MOVE, from, self.keep, expects) {
            Ok(taken) => taken,
            // Somebody put another file there since: it is theirs, and stays.
            Err(error) if error.cause == Cause::PreconditionFailed => Taken::Gone,
            Err(error) => return Err(error),
        };
        match taken {
            Taken::Gone => self.committed(stat, None, None),
            Taken::Displaced(displaced) => self.committed(stat, Some(displaced), None),
            Taken::Here(aside, old) => {
                match dispose(self.disk, MOVE, &aside, &old, from, self.keep) {
                    Ok(kept) => self.committed(stat, None, kept),
                    // It got its name back; now both get their own (P1).
                    Err(error) => {
                        from.folder
                            .exchange(from.name(), &to.folder, to.name())
                            .context(MOVE, &to.path)?;
                        Err(error)
                    }
                }
            }
        }
    }

    /// What is at the target is set aside first, then the name is free.
    fn onto_taken_portably(&self, stat: &Stat, there: &Stat) -> Result<Committed> {
        let expects = |taken: &Stat| {
            taken.is_same_file(there) && fits_after(self.expected_to, taken)
                || removed!("expectation")
        };
        match take(self.disk, MOVE, &self.to, self.keep, expects)? {
            Taken::Gone => self.onto_free(stat),
            Taken::Displaced(displaced) => {
                self.note();
                self.committed(stat, Some(displaced), None)
            }
            Taken::Here(aside, old) => match self.onto_free(stat) {
                Ok(mut moved) => {
                    moved.kept = dispose(self.disk, MOVE, &aside, &old, &self.to, self.keep)?;
                    Ok(moved)
                }
                Err(error) => {
                    let to = &self.to;
                    let back = aside
                        .folder
                        .rename_if_free(aside.name(), &to.folder, to.name());
                    if back.is_ok() {
                        self.disk.leftovers.end(&aside.path);
                    }
                    Err(error)
                }
            },
        }
    }

    fn note(&self) {
        for place in [&self.from, &self.to] {
            let parent = place.path.parent().unwrap_or_else(RelPath::root);
            self.disk.unsettled.note(&place.folder, &parent);
        }
    }

    fn committed(
        &self,
        stat: &Stat,
        displaced: Option<Displaced>,
        kept: Option<VersionKey>,
    ) -> Result<Committed> {
        let to = &self.to;
        let found = look(&to.folder, &to.name).context(MOVE, &to.path)?;
        let entry: Entry = match found {
            Some((now, entry))
                if now.is_same_file(stat)
                    && (now.kind == Type::Folder
                        || (now.size, now.mtime) == (stat.size, stat.mtime)) =>
            {
                entry
            }
            // Somebody changed it since; the next look shows that it is another.
            _ => entry_of(to.name.clone(), stat, None),
        };
        Ok(Committed {
            entry,
            displaced,
            landed_as: None,
            kept,
        })
    }
}
