//! Making a staged file visible, with the expectation checked last (P7, P9).
//!
//! Onto a free name it is a rename that fails where the name is taken. Onto a file it is an exchange of both
//! names: what comes back is looked at, and if it is not what was expected, it is put back. Invariant:
//! whatever was under the target's name is, at every instant, under that name, under one of Tandem's own
//! that is never just removed (`-aside`), or among the versions.
//!
//! Where names cannot be exchanged, the old file gets a second name and is replaced by a plain rename. An
//! editor that saves by rename between the last check and that rename is then overwritten: some
//! microseconds, on file systems without `RENAME_EXCHANGE` only. One that writes into the file is noticed.

use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::{Name, RelPath};
use tandem_core::storage::{Committed, Displaced, Expected, Keep, VersionKey};
use tandem_core::{mutant, removed};

use crate::attributes::carry;
use crate::disk::{Disk, Moment, Place};
use crate::errors::{Context, not_as_expected, refused};
use crate::leftovers::aside_name;
use crate::observed::{entry_of, is_after_rename, is_exactly, look, target_of};
use crate::sys::{self, Access, Errno, Stat, SysResult, Type};
use crate::unnamed::Nameless;
use crate::versions;
use crate::{faithful, held};

/// A staged file and where it goes.
pub(crate) struct Swap<'a> {
    pub(crate) disk: &'a Disk,
    pub(crate) operation: &'static str,
    pub(crate) temp: &'a Place,
    /// The staged file, if it has no name yet; then the target's must be free.
    pub(crate) unnamed: Option<&'a Nameless>,
    pub(crate) target: &'a Place,
    pub(crate) expected: &'a Expected,
    pub(crate) keep: &'a Keep,
    pub(crate) executable: Option<bool>,
    /// The target of the staged link, if it is one.
    pub(crate) link: Option<&'a str>,
    /// The staged file.
    pub(crate) ours: Stat,
    /// The file whose mode and attributes the staged one already has.
    pub(crate) carried: Option<Stat>,
}

/// What became of the old content.
enum Old {
    Kept(VersionKey),
    Removed,
    Displaced(Displaced),
}

impl Swap<'_> {
    /// Makes it visible.
    pub(crate) fn put(mut self) -> Result<Committed> {
        if let Keep::Version(key) = self.keep {
            versions::check_key(self.operation, key)?;
        }
        let done = match self.expected {
            Expected::Absent => self.put_free().map(|()| Old::Removed),
            Expected::Revision(_) => self.replace(),
            Expected::Any => self.put_anyway(),
        };
        let old = done?;
        self.disk.leftovers.end(&self.temp.path);
        self.committed(old)
    }

    fn unexpected(&self, why: &str) -> StorageError {
        not_as_expected(self.operation, &self.target.path, why)
    }

    fn failed(&self, error: Errno) -> StorageError {
        crate::errors::failed(self.operation, &self.target.path, error)
    }

    fn put_free(&self) -> Result<()> {
        self.moment(Moment::BeforeSwap)?;
        let shown = match self.unnamed {
            Some(file) => file.give(self.target),
            None => self.temp.folder.rename_if_free(
                self.temp.name(),
                &self.target.folder,
                self.target.name(),
            ),
        };
        match shown {
            Ok(()) => Ok(()),
            Err(Errno::EXIST) => {
                let why = "something is there";
                let cause = Cause::AlreadyExists;
                Err(refused(self.operation, &self.target.path, cause, why))
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Whatever is there, as often as that changes.
    fn put_anyway(&mut self) -> Result<Old> {
        for _ in 0..16 {
            let lost = match self.target.stat() {
                Ok(None) => self.put_free().map(|()| Old::Removed),
                Ok(Some(_)) => self.replace(),
                Err(error) => Err(self.failed(error)),
            };
            match lost {
                Err(error) if error.is_lost_race() && self.target_is_replaceable() => {}
                answer => return answer,
            }
        }
        Err(self.unexpected("it keeps changing"))
    }

    fn target_is_replaceable(&self) -> bool {
        match self.target.stat() {
            Ok(Some(stat)) => matches!(stat.kind, Type::File | Type::Symlink),
            Ok(None) => true,
            Err(_) => false,
        }
    }

    fn moment(&self, moment: Moment) -> Result<()> {
        self.disk
            .at(moment)
            .context(self.operation, &self.target.path)
    }

    /// The file at the target, if it is as expected.
    fn checked(&self) -> Result<Stat> {
        let found = self
            .target
            .stat()
            .context(self.operation, &self.target.path)?;
        let Some(now) = found else {
            return Err(self.unexpected("it is not there any more"));
        };
        if !matches!(now.kind, Type::File | Type::Symlink) {
            return Err(self.unexpected("it is no file"));
        }
        match self.expected {
            Expected::Revision(revision)
                if !is_exactly(&now, revision) && !removed!("expectation") =>
            {
                Err(self.unexpected("it was changed"))
            }
            _ => Ok(now),
        }
    }

    /// Whether `back`, which came from the target, is what was expected there.
    fn is_expected(&self, back: &Stat) -> bool {
        if mutant!("P9 what came back is not looked at") {
            return true;
        }
        match self.expected {
            Expected::Revision(revision) => is_after_rename(back, revision),
            _ => matches!(back.kind, Type::File | Type::Symlink),
        }
    }

    fn replace(&mut self) -> Result<Old> {
        let now = self.checked()?;
        self.carry_from(self.target, &now, self.temp)?;
        let found = self.temp.stat().context(self.operation, &self.temp.path)?;
        let Some(ours) = found else {
            let (cause, why) = (Cause::NotFound, "the staged content is gone");
            return Err(refused(self.operation, &self.target.path, cause, why));
        };
        self.ours = ours;
        match self.by_exchange(&now)? {
            Some(old) => Ok(old),
            None => self.by_rename(),
        }
    }

    /// Gives the staged file, at `new`, what `old` at `from` has, unless it has it.
    fn carry_from(&self, from: &Place, old: &Stat, new: &Place) -> Result<()> {
        let has_it = self.carried.is_some_and(|had| {
            had.is_same_file(old)
                && (had.mode, had.uid, had.gid, had.ctime)
                    == (old.mode, old.uid, old.gid, old.ctime)
        });
        if has_it || old.kind != Type::File {
            return Ok(());
        }
        let carried = || {
            if self.ours.kind != Type::File {
                return Ok(());
            }
            let file = new
                .folder
                .open_file(new.name(), Access::Read)
                .or_else(|_| new.folder.open_file(new.name(), Access::Write))?;
            if !sys::stat_of(&file)?.is_same_file(&self.ours) {
                return Ok(());
            }
            carry(from, old, &file, self.executable)
        };
        carried().context(self.operation, &self.target.path)
    }

    fn aside(&self) -> Result<Place> {
        let name = aside_name(self.temp.name(), self.target.name());
        Name::new(name)
            .map(|name| self.temp.beside(name))
            .map_err(|_| self.failed(Errno::INVAL))
    }

    /// `None` where names cannot be exchanged.
    fn by_exchange(&self, now: &Stat) -> Result<Option<Old>> {
        if !self.target.folder.can_exchange() {
            return Ok(None);
        }
        let aside = self.aside()?;
        let folder = &aside.folder;
        // From here on a person's content may lie under this name: the name says so before it does.
        self.disk.leftovers.begin(&aside.path);
        let swapped = folder
            .rename(self.temp.name(), folder, aside.name())
            .and_then(|()| self.disk.at(Moment::BeforeSwap))
            .and_then(|()| folder.exchange(aside.name(), &self.target.folder, self.target.name()));
        if let Err(error) = swapped {
            self.back_to_temp(&aside);
            return match error {
                Errno::NOSYS => Ok(None),
                Errno::NOENT => Err(self.unexpected("it is not there any more")),
                error => Err(self.failed(error)),
            };
        }
        let looked = self.disk.at(Moment::AfterSwap).and_then(|()| aside.stat());
        let back = match looked {
            Ok(Some(back)) => back,
            Ok(None) => {
                self.disk.leftovers.end(&aside.path);
                return Err(self.failed(Errno::NOENT));
            }
            Err(error) => {
                self.undo_unseen(&aside);
                return Err(self.failed(error));
            }
        };
        if !self.is_expected(&back) {
            let error = self.unexpected("it was changed");
            return self.undo(&aside, &back, error).map(Some);
        }
        if (back.mode, back.uid, back.gid) != (now.mode, now.uid, now.gid)
            && let Err(error) = self.carry_from(&aside, &back, self.target)
        {
            return self.undo(&aside, &back, error).map(Some);
        }
        match self.dispose(&aside, &back) {
            Ok(old) => Ok(Some(old)),
            // It cannot be kept, so the change is not made (P1).
            Err(error) => self.undo(&aside, &back, error).map(Some),
        }
    }

    /// Whether `stat` is the staged file as it was written.
    fn is_ours(&self, stat: &Stat) -> bool {
        stat.is_same_file(&self.ours)
            && (stat.size, stat.mtime) == (self.ours.size, self.ours.mtime)
            || removed!("expectation")
    }

    fn back_to_temp(&self, aside: &Place) {
        match aside
            .folder
            .rename(aside.name(), &self.temp.folder, self.temp.name())
        {
            Ok(()) => self.disk.leftovers.end(&aside.path),
            Err(error) => tracing::warn!(path = %aside.path, %error, "a staged file is misnamed"),
        }
    }

    /// Keeps the expected old content at `aside`, or holds it to be removed after the next flush.
    fn dispose(&self, aside: &Place, back: &Stat) -> Result<Old> {
        let old = match self.keep {
            Keep::Version(key) => {
                Old::Kept(versions::keep(self.disk, self.operation, aside, back, key)?)
            }
            Keep::No => {
                held::hold(self.disk, aside, back, &self.target.path);
                Old::Removed
            }
        };
        Ok(old)
    }

    /// Exchanges back what came from the target and cannot be looked at, if the target still holds ours as we wrote it.
    /// What is under the name of Tandem's own then, if it is not the staged file, is found there by the next scan.
    fn undo_unseen(&self, aside: &Place) {
        let (folder, target) = (&aside.folder, self.target);
        let holds_ours =
            |place: &Place| matches!(place.stat(), Ok(Some(stat)) if self.is_ours(&stat));
        let is_back = holds_ours(target)
            && folder
                .exchange(aside.name(), &target.folder, target.name())
                .is_ok();
        if is_back && holds_ours(aside) {
            self.back_to_temp(aside);
        }
        self.disk.leftovers.end(&aside.path);
    }

    /// Exchanges back, if the target still holds ours as we wrote it, and fails with `error`. If somebody
    /// came between, what was there before lies among the versions, and the answer says so.
    fn undo(&self, aside: &Place, theirs: &Stat, error: StorageError) -> Result<Old> {
        let is_ours = |stat: &Stat| self.is_ours(stat);
        let exchange = || {
            aside
                .folder
                .exchange(aside.name(), &self.target.folder, self.target.name())
        };
        let now = self.target.stat();
        self.moment(Moment::BeforeUndo)?;
        match now {
            Ok(Some(stat)) if is_ours(&stat) => {
                exchange().map_err(|error| self.failed(error))?;
                if aside
                    .stat()
                    .is_ok_and(|back| back.is_some_and(|back| is_ours(&back)))
                {
                    self.back_to_temp(aside);
                    return Err(error);
                }
                // A third came in between the look and the exchange: the later content keeps the name.
                exchange().map_err(|error| self.failed(error))?;
            }
            Ok(None) => {
                let folder = &self.target.folder;
                let restored =
                    aside
                        .folder
                        .rename_if_free(aside.name(), folder, self.target.name());
                if restored.is_ok() {
                    self.disk.leftovers.end(&aside.path);
                    return Err(error);
                }
            }
            _ => {}
        }
        let displaced = displace(
            self.disk,
            self.operation,
            aside,
            theirs,
            &self.target.path,
            self.keep,
        )?;
        Ok(Old::Displaced(displaced))
    }

    /// The form for file systems that cannot exchange two names.
    fn by_rename(&self) -> Result<Old> {
        let aside = self.aside()?;
        self.moment(Moment::BeforeSwap)?;
        let now = self.checked()?;
        let wanted = matches!(self.keep, Keep::Version(_));
        self.disk.leftovers.begin(&aside.path);
        let linked = match self.second_name(&aside, wanted) {
            Ok(linked) => linked,
            Err(error) => {
                self.disk.leftovers.end(&aside.path);
                return Err(self.failed(error));
            }
        };
        if let Err(error) = self.checked_again(&now) {
            self.drop_second_name(&aside, linked);
            return Err(error);
        }
        let renamed =
            self.temp
                .folder
                .rename(self.temp.name(), &self.target.folder, self.target.name());
        if let Err(error) = renamed {
            self.drop_second_name(&aside, linked);
            return Err(self.failed(error));
        }
        let looked = self.disk.at(Moment::AfterSwap).and_then(|()| aside.stat());
        let back = match looked {
            _ if !linked => None,
            Ok(back) => back,
            Err(error) => return Err(self.rename_back(&aside, self.failed(error))),
        };
        let Some(back) = back else {
            self.disk.leftovers.end(&aside.path);
            return Ok(Old::Removed);
        };
        if (back.size, back.mtime) == (now.size, now.mtime) || removed!("expectation") {
            return self
                .dispose(&aside, &back)
                .map_err(|error| self.rename_back(&aside, error));
        }
        displace(
            self.disk,
            self.operation,
            &aside,
            &back,
            &self.target.path,
            self.keep,
        )
        .map(Old::Displaced)
    }

    /// It cannot be kept, so the old file takes its name again, if that still leads to ours.
    fn rename_back(&self, aside: &Place, error: StorageError) -> StorageError {
        let (folder, name) = (&self.target.folder, self.target.name());
        if matches!(self.target.stat(), Ok(Some(stat)) if self.is_ours(&stat))
            && let Err(back) = aside.folder.rename(aside.name(), folder, name)
        {
            tracing::warn!(path = %aside.path, error = %back, "it keeps a name of Tandem's own");
        }
        // Where it was not renamed, the next scan finds it.
        self.disk.leftovers.end(&aside.path);
        error
    }

    /// Right before the rename: still the same file with the same content, whose ctime the link set.
    fn checked_again(&self, before: &Stat) -> Result<()> {
        let now = self
            .target
            .stat()
            .context(self.operation, &self.target.path)?;
        match now {
            Some(now)
                if removed!("expectation")
                    || now.is_same_file(before)
                        && (now.size, now.mtime) == (before.size, before.mtime) =>
            {
                Ok(())
            }
            _ => Err(self.unexpected("it was changed")),
        }
    }

    /// Gives the old file a second name, or a copy where it cannot have one and is to be kept.
    fn second_name(&self, aside: &Place, wanted: bool) -> SysResult<bool> {
        let target = self.target;
        match target
            .folder
            .link(target.name(), &aside.folder, aside.name())
        {
            Ok(()) => return Ok(true),
            Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::MLINK) => {}
            Err(error) => return Err(error),
        }
        if !wanted {
            return Ok(false);
        }
        faithful::copy(self.disk, target, &aside.folder, aside.name()).map(|_| true)
    }

    fn drop_second_name(&self, aside: &Place, linked: bool) {
        if linked && let Err(error) = aside.folder.unlink(aside.name()) {
            tracing::warn!(path = %aside.path, %error, "a second name cannot be removed");
            return;
        }
        self.disk.leftovers.end(&aside.path);
    }

    fn committed(&self, old: Old) -> Result<Committed> {
        let target = self.target;
        let unsettled = &self.disk.unsettled;
        let parent = target.path.parent().unwrap_or_else(RelPath::root);
        let found = look(&target.folder, &target.name).context(self.operation, &target.path)?;
        let entry = match found {
            Some((stat, entry)) if self.is_ours(&stat) => entry,
            // Somebody changed it as soon as it was there. What was committed is ours: the next look shows
            // that it is another.
            _ => entry_of(target.name.clone(), &self.ours, self.link.map(Into::into)),
        };
        unsettled.note(&target.folder, &parent);
        if self.temp.path.parent() != target.path.parent() {
            let from = self.temp.path.parent().unwrap_or_else(RelPath::root);
            unsettled.note(&self.temp.folder, &from);
        }
        let (kept, displaced) = match old {
            Old::Kept(key) => (Some(key), None),
            Old::Removed => (None, None),
            Old::Displaced(displaced) => (None, Some(displaced)),
        };
        Ok(Committed {
            entry,
            displaced,
            landed_as: None,
            kept,
        })
    }
}

/// Sets what nobody expected aside: under the key that was given, else under one of its own.
pub(crate) fn displace(
    disk: &Disk,
    operation: &'static str,
    aside: &Place,
    stat: &Stat,
    path: &RelPath,
    keep: &Keep,
) -> Result<Displaced> {
    let key = match keep {
        Keep::Version(key) => key.clone(),
        Keep::No => versions::displaced_key(disk, "displaced", path),
    };
    let target = match stat.kind {
        Type::Symlink => target_of(&aside.folder, aside.name()).ok(),
        _ => None,
    };
    let version = versions::keep(disk, operation, aside, stat, &key)?;
    let entry = path.name().map(|name| entry_of(name, stat, target));
    Ok(Displaced { entry, version })
}
