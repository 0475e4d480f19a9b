//! What changes set aside is looked at once more before it is let go (DESIGN 4).
//!
//! An editor that has a file open goes on writing into it, wherever its name went. So a pre-image that need not be
//! kept still keeps a name of Tandem's own until a flush after the change succeeded (or too many wait), and is removed
//! only if it is then what it was; else it goes to the versions, as recovered. At one that is kept whoever asked for
//! that looks again, by `stat_version`; what is written into it later still shows when its version is pruned.

use std::sync::Mutex;

use tandem_core::error::{Cause, Result};
use tandem_core::path::RelPath;
use tandem_core::removed;
use tandem_core::storage::Displaced;

use crate::disk::{Disk, Place, lock};
use crate::errors::Context;
use crate::observed::{entry_of, target_of};
use crate::sys::{Errno, Stat, Type};
use crate::versions;

const SETTLE: &str = "settle";

/// So many wait for a flush at most; with one more all of them are looked at at once, before any flush.
const MOST: usize = 4096;

/// So many are told to whoever asks; all of them are among the versions.
const MOST_TOLD: usize = 1000;

/// A pre-image, and what it was when it was set aside.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    /// Where it lies: beside the path it had, under a name of Tandem's own.
    aside: RelPath,
    path: RelPath,
    stat: Stat,
}

/// What waits to be looked at again.
#[derive(Debug, Default)]
pub(crate) struct Held {
    waiting: Mutex<Vec<Item>>,
    written: Mutex<Vec<Displaced>>,
}

impl Held {
    /// Takes what waits: it is looked at after the flush that comes next.
    pub(crate) fn take(&self) -> Vec<Item> {
        std::mem::take(&mut *lock(&self.waiting))
    }

    /// The flush failed: they wait for another one.
    pub(crate) fn put_back(&self, items: Vec<Item>) {
        lock(&self.waiting).splice(0..0, items);
    }

    /// Whether the file at `path` waits.
    pub(crate) fn holds(&self, path: &RelPath) -> bool {
        let waiting = lock(&self.waiting);
        waiting.iter().any(|item| item.aside == *path)
    }

    /// A folder was moved, and what waits in it with it.
    pub(crate) fn moved(&self, disk: &Disk, from: &RelPath, to: &RelPath) {
        for item in lock(&self.waiting).iter_mut() {
            if let Some(below) = item.aside.below(from) {
                disk.leftovers.end(&item.aside);
                item.aside = to.append(&below);
                disk.leftovers.begin(&item.aside);
            }
        }
    }

    /// What was written into after it was set aside, since the last call. Each lies among the versions, where none
    /// prunes it.
    pub(crate) fn take_written(&self) -> Vec<Displaced> {
        std::mem::take(&mut *lock(&self.written))
    }

    fn add(&self, disk: &Disk, item: Item) {
        let mut waiting = lock(&self.waiting);
        waiting.push(item);
        if waiting.len() < MOST {
            return;
        }
        let items = std::mem::take(&mut *waiting);
        drop(waiting);
        look_again(disk, items);
    }
}

/// Holds the file at `aside`, that had the name `path`, instead of removing it.
pub(crate) fn hold(disk: &Disk, aside: &Place, stat: &Stat, path: &RelPath) {
    let item = Item {
        aside: aside.path.clone(),
        path: path.clone(),
        stat: *stat,
    };
    disk.held.add(disk, item);
}

/// Lets go at once of what waits right in `folder`, which is to be removed. Whether there was anything.
pub(crate) fn let_go_in(disk: &Disk, folder: &RelPath) -> bool {
    let items = disk.held.take();
    let (inside, others): (Vec<Item>, Vec<Item>) = items
        .into_iter()
        .partition(|item| item.aside.parent().as_ref() == Some(folder));
    disk.held.put_back(others);
    let any = !inside.is_empty();
    look_again(disk, inside);
    any
}

/// Looks at each of `items` again: removes what need not be kept, and keeps what was written into.
pub(crate) fn look_again(disk: &Disk, items: Vec<Item>) {
    let mut last = None;
    for item in items {
        match look_at(disk, &mut last, &item) {
            Ok(None) => {}
            Ok(Some(displaced)) => {
                tracing::warn!(path = %item.path, version = ?displaced.version, "written into after it was replaced");
                let mut told = lock(&disk.held.written);
                if told.len() < MOST_TOLD {
                    told.push(displaced);
                }
            }
            // It keeps its name. A later scan finds it, and what it finds so is never just removed.
            Err(error) => tracing::warn!(%error, "what was set aside cannot be let go"),
        }
    }
}

/// The name `path` in the folder that holds it, which mostly is the `last` one.
fn place_of(disk: &Disk, last: &mut Option<Place>, path: &RelPath) -> Result<Place> {
    if let (Some(before), Some(name)) = (&*last, path.name())
        && before.path.parent() == path.parent()
    {
        return Ok(before.beside(name));
    }
    let anchor = disk.anchor().context(SETTLE, path)?;
    let place = disk.own_place(SETTLE, &anchor, path)?;
    *last = Some(place.beside(place.name.clone()));
    Ok(place)
}

fn look_at(disk: &Disk, last: &mut Option<Place>, item: &Item) -> Result<Option<Displaced>> {
    let aside = &item.aside;
    let place = match place_of(disk, last, aside) {
        Ok(place) => place,
        Err(error) if error.cause == Cause::NotFound => {
            disk.leftovers.end(aside);
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let let_go = || -> Result<Option<Displaced>> {
        let Some(now) = place.stat().context(SETTLE, aside)? else {
            return Ok(None);
        };
        let was = &item.stat;
        let is_as_it_was = now.is_same_file(was) && (now.size, now.mtime) == (was.size, was.mtime);
        if is_as_it_was || removed!("expectation") {
            return match place.folder.unlink(place.name()) {
                Ok(()) | Err(Errno::NOENT) => Ok(None),
                Err(error) => Err(error).context(SETTLE, aside),
            };
        }
        let key = versions::displaced_key(disk, "recovered", &item.path);
        let entry = described(&place, &now, &item.path);
        let version = versions::keep(disk, SETTLE, &place, &now, &key)?;
        Ok(Some(Displaced { entry, version }))
    };
    let answer = let_go();
    disk.leftovers.end(aside);
    answer
}

fn described(place: &Place, stat: &Stat, path: &RelPath) -> Option<tandem_core::entry::Entry> {
    let target = match stat.kind {
        Type::Symlink => target_of(&place.folder, place.name()).ok(),
        _ => None,
    };
    path.name().map(|name| entry_of(name, stat, target))
}
