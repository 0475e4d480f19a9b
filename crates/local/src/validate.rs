//! The test of a folder: does it open, hold what is written, and keep the names apart that it should?

use std::ops::ControlFlow;
use std::time::Duration;

use tandem_core::capabilities::Capabilities;
use tandem_core::environment::SharedEnvironment;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::RelPath;
use tandem_core::storage::{OWN_FOLDER, ProbeStep, Validation};

use crate::disk::Disk;
use crate::errors::Context;
use crate::identity::not_opened;
use crate::naming::{Naming, is_one_file, other_case};
use crate::probe::{self, Traits};
use crate::storage::Options;
use crate::sys::{self, Access, Errno, Features, Folder, SysResult};

const VALIDATE: &str = "validate";
const TEXT: &[u8] = b"Tandem was here to see whether this folder can be used.\n";
const NAME: &str = "scratch-one";
const OTHER: &str = "scratch-two";
const FREE: &str = "scratch-three";

/// The steps so far.
struct Steps<'a> {
    environment: &'a SharedEnvironment,
    report: &'a (dyn for<'s> Fn(&'s ProbeStep) + Send + Sync),
    done: Vec<ProbeStep>,
}

impl Steps<'_> {
    fn run<T>(&mut self, title: &str, step: impl FnOnce() -> Result<(T, String)>) -> Result<T> {
        let begun = self.environment.uptime();
        let answer = step();
        let time = self.environment.uptime().saturating_sub(begun);
        let (outcome, answer) = match answer {
            Ok((value, found)) => (Ok(found), Ok(value)),
            Err(error) => (Err(error.detail.clone()), Err(error)),
        };
        self.tell(title, time, outcome);
        answer
    }

    fn tell(&mut self, title: &str, time: Duration, outcome: std::result::Result<String, String>) {
        let step = ProbeStep {
            title: title.to_owned(),
            time,
            outcome,
        };
        (self.report)(&step);
        self.done.push(step);
    }
}

/// Tests the folder at `path`.
pub(crate) fn validate(
    path: &str,
    options: Options,
    environment: &SharedEnvironment,
    report: &(dyn for<'s> Fn(&'s ProbeStep) + Send + Sync),
) -> Validation {
    let mut steps = Steps {
        environment,
        report,
        done: Vec::new(),
    };
    let capabilities = run(path, options, environment, &mut steps);
    Validation {
        steps: steps.done,
        capabilities,
    }
}

fn run(
    path: &str,
    options: Options,
    environment: &SharedEnvironment,
    steps: &mut Steps<'_>,
) -> Result<Capabilities> {
    let root = RelPath::root();
    let allowed = if options.portable {
        Features::PORTABLE
    } else {
        Features::ALL
    };
    let disk = Disk::new(path.as_ref(), Some(allowed), environment.clone());
    let was_there = steps.run("Open the folder", || {
        if !std::path::Path::new(path).is_absolute() {
            let why = format!("{path:?} is not the absolute path of a folder");
            return Err(StorageError::new(VALIDATE, Cause::NameRefused, why));
        }
        let anchor = disk.anchor().map_err(|error| {
            let mut told = not_opened(&disk, error);
            told.operation = VALIDATE;
            told
        })?;
        let was_there = disk
            .own_folder_if_there()
            .context(VALIDATE, &root)?
            .is_some();
        let space = anchor.folder.space().context(VALIDATE, &root)?;
        if space.read_only {
            let why = "the disk is mounted read-only";
            return Err(StorageError::new(VALIDATE, Cause::ReadOnly, why));
        }
        Ok((was_there, format!("{} bytes free", space.free)))
    })?;
    let scratch = steps.run("Write a scratch file", || {
        let made = || -> SysResult<(Folder, String, Folder)> {
            let own = disk.own_folder()?;
            let name = disk.random_name("scratch-", "");
            own.make_folder(&name, 0o700)?;
            let scratch = own.open_folder(&name)?;
            let file = scratch.create_file(NAME, 0o600)?;
            sys::write_at(&file, TEXT, 0)?;
            sys::sync(&file)?;
            Ok((own, name, scratch))
        };
        let made = made().context(VALIDATE, &root)?;
        Ok((made, format!("{} bytes", TEXT.len())))
    })?;
    let (own, name, scratch) = scratch;
    let found = examine(&scratch, allowed, steps);
    steps.run("Remove the scratch file", || {
        clean(&own, &name, &scratch).context(VALIDATE, &root)?;
        if !was_there {
            let anchor = disk.anchor().context(VALIDATE, &root)?;
            match anchor.folder.remove_folder(OWN_FOLDER) {
                Ok(()) | Err(Errno::NOTEMPTY | Errno::NOENT) => {}
                Err(error) => return Err(error).context(VALIDATE, &root),
            }
        }
        Ok(((), "done".to_owned()))
    })?;
    let mut found = found?;
    found.probed = Some(environment.now().secs());
    Ok(found)
}

fn examine(scratch: &Folder, allowed: Features, steps: &mut Steps<'_>) -> Result<Capabilities> {
    let root = RelPath::root();
    steps.run("Read it back", || {
        let read = || sys::read_at(scratch.open_file(NAME, Access::Read)?, 0, TEXT.len() + 1);
        if read().context(VALIDATE, &root)? == TEXT {
            Ok(((), "the same bytes".to_owned()))
        } else {
            let why = "other bytes came back than were written";
            Err(StorageError::new(VALIDATE, Cause::HashMismatch, why))
        }
    })?;
    let features = steps.run("Rename with conditions", || {
        let found = conditions(scratch, allowed).context(VALIDATE, &root)?;
        let said = match (found.no_replace, found.exchange) {
            (true, true) => "names are spared and exchanged",
            (true, false) => "names are spared, not exchanged: edits are checked right before",
            _ => "plain renames only: edits are checked right before",
        };
        Ok((found, said.to_owned()))
    })?;
    let naming = steps.run("Keep names apart and as they are", || {
        let naming = kept_names(scratch).context(VALIDATE, &root)?;
        Ok((naming, said_of_names(naming)))
    })?;
    let mtime_step = steps.run("Keep a time", || {
        let step = kept_time(scratch).context(VALIDATE, &root)?;
        let said = match step {
            1 => "to the nanosecond".to_owned(),
            step => format!("in steps of {} s", step as f64 / 1e9),
        };
        Ok((step, said))
    })?;
    let traits = Traits {
        naming,
        mtime_step,
        ..Traits::of(scratch, features)
    };
    Ok(probe::capabilities(Traits {
        time_step: traits.time_step.max(mtime_step),
        ..traits
    }))
}

/// What becomes of names here, tried with some that are often changed.
fn kept_names(scratch: &Folder) -> SysResult<Naming> {
    const COMPOSED: &str = "\u{fc}";
    const DECOMPOSED: &str = "u\u{308}";
    let said = scratch.says_of_names();
    let is_one = |name: &str, other: &str| is_one_file(scratch, name, other);
    let folds_case = is_one(NAME, &other_case(NAME)).unwrap_or(said.folds_case);
    let mut folds_form = said.folds_form;
    if let Ok(file) = scratch.create_file(COMPOSED, 0o600) {
        drop(file);
        folds_form |= is_one(COMPOSED, DECOMPOSED) == Some(true);
        scratch.unlink(COMPOSED)?;
    }
    Ok(Naming {
        folds_case,
        folds_form,
        strips_period: said.strips_period || !keeps(scratch, "stop.")?,
        strips_space: said.strips_space || !keeps(scratch, "space ")?,
        windows_devices: said.windows_devices,
    })
}

/// Whether a file called `name` is listed under that name.
fn keeps(scratch: &Folder, name: &str) -> SysResult<bool> {
    match scratch.create_file(name, 0o600) {
        Ok(_) => {}
        Err(Errno::INVAL | Errno::EXIST | Errno::ILSEQ | Errno::NOENT) => return Ok(false),
        Err(error) => return Err(error),
    }
    let mut room = Vec::with_capacity(4 * 1024);
    let listed = scratch.for_each_name(&mut room, |found, _| {
        if found.to_bytes() == name.as_bytes() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    scratch.rewind()?;
    scratch.unlink(name)?;
    Ok(listed?.is_some())
}

fn said_of_names(naming: Naming) -> String {
    let case = if naming.folds_case {
        "a and A are one name"
    } else {
        "a and A are two names"
    };
    let mut said = case.to_owned();
    if naming.folds_form {
        said.push_str("; so are both forms of \u{fc}");
    }
    if naming.strips_period || naming.strips_space {
        said.push_str("; full stops and spaces at the end of a name are lost or refused");
    }
    said
}

/// The steps in which a time that was set is kept, found with one that fits none but the finest.
fn kept_time(scratch: &Folder) -> SysResult<u64> {
    const ODD: i64 = 1_234_567_891_123_456_789;
    scratch.set_mtime(NAME, ODD)?;
    let kept = scratch.stat(NAME)?.ok_or(Errno::NOENT)?.mtime;
    let lost = kept.abs_diff(ODD);
    let steps = [1, 100, 1_000, 1_000_000, 10_000_000, 1_000_000_000];
    // What was lost is less than a step, and no whole number of a smaller one.
    Ok(steps
        .into_iter()
        .find(|step| lost < *step)
        .unwrap_or(2_000_000_000))
}

/// Tries the conditional renames on two files.
fn conditions(scratch: &Folder, allowed: Features) -> SysResult<Features> {
    scratch.create_file(OTHER, 0o600)?;
    let spared = allowed.no_replace && scratch.spares(NAME, OTHER, FREE)?;
    let exchanged = match scratch.exchange(NAME, scratch, OTHER) {
        Ok(()) => {
            scratch.exchange(NAME, scratch, OTHER)?;
            true
        }
        Err(Errno::NOSYS) => false,
        Err(error) => return Err(error),
    };
    let linked = match scratch.link(NAME, scratch, FREE) {
        Ok(()) => {
            scratch.unlink(FREE)?;
            true
        }
        Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS) => false,
        Err(error) => return Err(error),
    };
    Ok(Features {
        beneath: allowed.beneath,
        no_replace: spared,
        exchange: exchanged,
        links: linked,
        unnamed: allowed.unnamed,
    })
}

fn clean(own: &Folder, name: &str, scratch: &Folder) -> SysResult<()> {
    for file in [NAME, OTHER, FREE] {
        match scratch.unlink(file) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error),
        }
    }
    own.remove_folder(name)
}
