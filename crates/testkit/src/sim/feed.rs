//! What happened on a simulated storage, in order: the source of its feed and of its hints. Invariant: a
//! batch tells of each item it touches how it is now, so that its lines can come twice and in any order.

use std::collections::{BTreeMap, BTreeSet};

use tandem_core::entry::NativeId;
use tandem_core::error::Cause;
use tandem_core::path::RelPath;
use tandem_core::storage::{Change, Changes, Cursor, Hint, ParentRef};

use super::faults::Fault;
use super::state::State;
use super::tree::{ROOT, Serial};

/// One thing that happened: to which item, and where that was then.
#[derive(Debug, Clone)]
struct Line {
    serial: Serial,
    path: RelPath,
    id: Option<NativeId>,
}

/// The lines, and those that a fault holds back.
#[derive(Debug)]
pub(super) struct ChangeLog {
    epoch: u64,
    lines: Vec<Line>,
    late: Vec<Line>,
}

impl ChangeLog {
    pub(super) const fn new(epoch: u64) -> Self {
        Self {
            epoch,
            lines: Vec::new(),
            late: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, serial: Serial, path: RelPath, id: Option<NativeId>) {
        self.lines.push(Line { serial, path, id });
    }

    pub(super) const fn len(&self) -> usize {
        self.lines.len()
    }

    pub(super) fn cursor(&self) -> Cursor {
        self.cursor_at(self.lines.len())
    }

    fn cursor_at(&self, line: usize) -> Cursor {
        Cursor(format!("{:016x}:{line}", self.epoch))
    }

    /// Makes every cursor that was given out worthless.
    pub(super) const fn expire(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
    }

    /// Appends what was held back.
    pub(super) fn deliver_late(&mut self) {
        self.lines.append(&mut self.late);
    }

    fn position(&self, cursor: &Cursor) -> Option<usize> {
        let (epoch, line) = cursor.0.split_once(':')?;
        let line: usize = line.parse().ok()?;
        let valid = u64::from_str_radix(epoch, 16).ok()? == self.epoch && line <= self.lines.len();
        valid.then_some(line)
    }
}

impl State {
    /// Whether the feed has news after `cursor`.
    pub(super) fn has_news(&self, cursor: &Cursor) -> bool {
        self.log
            .position(cursor)
            .is_none_or(|line| line < self.log.len())
    }

    /// Hints for what happened from line `from` on.
    pub(super) fn hints(&mut self, from: usize) -> Vec<Hint> {
        if self.shape.capabilities.feed {
            return if self.strikes(Fault::LostHint) {
                Vec::new()
            } else {
                vec![Hint::Feed]
            };
        }
        let lines = self.log.lines[from.min(self.log.len())..].to_vec();
        let mut hints = Vec::new();
        for line in lines {
            if self.strikes(Fault::LostHint) {
                continue;
            }
            let is_folder = self
                .tree
                .get(line.serial)
                .is_some_and(super::tree::Node::is_folder);
            let parent = line.path.parent().unwrap_or_else(RelPath::root);
            // A folder that came may have come with something in it.
            for hint in [
                Some(Hint::Folder(parent)),
                is_folder.then_some(Hint::Subtree(line.path)),
            ]
            .into_iter()
            .flatten()
            {
                if !hints.contains(&hint) {
                    hints.push(hint);
                }
            }
        }
        hints
    }

    /// The next batch after `cursor`.
    pub(super) fn batch(&mut self, cursor: &Cursor) -> Result<Changes, Cause> {
        if self.strikes(Fault::CursorExpired) {
            self.log.expire();
        }
        let from = self.log.position(cursor).ok_or(Cause::CursorExpired)?;
        if self.strikes(Fault::LostAccess) {
            self.lose_something();
        }
        let to = self.log.len().min(from + self.shape.habits.page);
        let mut lines = self.log.lines[from..to].to_vec();
        lines.retain(|line| {
            let late = self.strikes(Fault::FeedLate);
            if late {
                self.log.late.push(line.clone());
            }
            !late
        });
        let mut changes = if self.shape.habits.feed_by_id {
            self.by_item(&lines)
        } else {
            self.by_path(&lines)
        };
        if !changes.is_empty() && self.strikes(Fault::FeedTwice) {
            let again = changes[self.rng.index(changes.len())].clone();
            changes.push(again);
        }
        if changes.len() > 1 && self.strikes(Fault::FeedReordered) {
            self.rng.shuffle(&mut changes);
        }
        Ok(Changes {
            changes,
            cursor: self.log.cursor_at(to),
            more: to < self.log.len(),
        })
    }

    fn by_item(&self, lines: &[Line]) -> Vec<Change> {
        let mut times: BTreeMap<Serial, usize> = BTreeMap::new();
        for line in lines {
            *times.entry(line.serial).or_default() += 1;
        }
        let mut told = BTreeSet::new();
        let mut changes = Vec::new();
        for line in lines {
            if !told.insert(line.serial) || reserved(&line.path) {
                continue;
            }
            let id = line.id.clone();
            if self.is_lost(line.serial) {
                changes.push(Change::LostAccess { id, path: None });
            } else if self.tree.get(line.serial).is_some() && self.is_visible(line.serial) {
                changes.extend(self.upsert(line.serial));
            } else if times[&line.serial] > 1 || !self.folder_went_too(line, lines) {
                changes.push(Change::Removed { id, path: None });
            }
        }
        changes
    }

    /// Whether the folder that held the item is told as removed, which implies the item.
    fn folder_went_too(&self, line: &Line, lines: &[Line]) -> bool {
        lines.iter().any(|folder| {
            folder.serial != line.serial
                && folder.path != line.path
                && line.path.is_within(&folder.path)
                && self.tree.get(folder.serial).is_none()
        })
    }

    fn by_path(&self, lines: &[Line]) -> Vec<Change> {
        let paths: BTreeSet<&RelPath> = lines
            .iter()
            .map(|line| &line.path)
            .filter(|path| !reserved(path))
            .collect();
        let gone = |path: &RelPath| self.seen_at(path).is_empty();
        let mut changes = Vec::new();
        for path in &paths {
            if gone(path) {
                let implied = paths
                    .iter()
                    .any(|above| above != path && path.is_within(above) && gone(above));
                if !implied {
                    changes.push(Change::Removed {
                        id: None,
                        path: Some((*path).clone()),
                    });
                }
                continue;
            }
            for serial in self.seen_at(path) {
                if self.is_lost(serial) {
                    changes.push(Change::LostAccess {
                        id: None,
                        path: Some(self.tree.path_of(serial)),
                    });
                } else {
                    changes.extend(self.upsert(serial));
                }
            }
        }
        changes
    }

    fn seen_at(&self, path: &RelPath) -> Vec<Serial> {
        let mut found = self.tree.at(path);
        found.retain(|serial| *serial != ROOT && self.is_visible(*serial));
        found
    }

    fn upsert(&self, serial: Serial) -> Option<Change> {
        let node = self.tree.get(serial)?;
        let habits = &self.shape.habits;
        let by_id = habits.feed_by_id && (node.parent != ROOT || habits.feed_root_by_id);
        let parent_id = self
            .tree
            .get(node.parent)
            .filter(|_| by_id)
            .and_then(|parent| self.native_id(parent));
        let parent = parent_id.map_or_else(
            || ParentRef::Path(self.tree.path_of(node.parent)),
            ParentRef::Id,
        );
        Some(Change::Upsert {
            parent,
            entry: self.entry(serial)?,
        })
    }

    /// The items that the feed tells of when this one is moved or comes back into view.
    pub(super) fn told_with(&self, serial: Serial) -> Vec<Serial> {
        let habits = &self.shape.habits;
        if habits.feed_by_id && habits.feed_tells_folder_alone {
            vec![serial]
        } else {
            self.tree.subtree(serial)
        }
    }

    /// Whether the account cannot see the item, or a folder above it.
    pub(super) fn is_lost(&self, serial: Serial) -> bool {
        !self.lost.is_empty()
            && self
                .tree
                .ancestors(serial)
                .any(|at| self.lost.contains(&at))
    }

    /// Whether the item is out of reach and looks as if it were deleted.
    pub(super) fn is_hidden(&self, serial: Serial) -> bool {
        self.shape.habits.hides_lost && self.is_lost(serial)
    }

    /// Takes the access to some item away until healed.
    pub(super) fn lose_something(&mut self) {
        let all: Vec<Serial> = self.tree.iter().map(|(serial, _)| serial).collect();
        if !all.is_empty() {
            let serial = *self.rng.pick(&all);
            self.lost.insert(serial);
            self.log_line(serial);
            self.wake();
        }
    }
}

/// Whether a path leads through a name that Tandem keeps for itself.
pub(super) fn reserved(path: &RelPath) -> bool {
    path.names().any(|name| name.is_reserved())
}
