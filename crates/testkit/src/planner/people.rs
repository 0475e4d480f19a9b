//! What people do on a side. The words are those of [`crate::sim::Edit`]; contents are numbers here, for a run has
//! no time to write and hash bytes, and each write must be told from every other.
//!
//! Invariant: an edit applies whole or not at all, and the world hears of every content it writes or supersedes.

use std::fmt;

use tandem_core::capabilities::Ids;
use tandem_core::entry::Kind;
use tandem_core::names;
use tandem_core::path::{Name, RelPath};
use tandem_core::side::Side;
use tandem_core::time::Timestamp;

use super::traits::LARGEST;
use super::tree::{Body, Place, Tree, size_of};
use super::world::World;

/// One thing a person does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Writes a file, new or in place; `age` days ago by its time, 0 is now.
    Write(RelPath, u32, u8),
    /// A new file takes the name, the old one is gone, as many editors save.
    Save(RelPath, u32),
    /// Sets a file's time to so many days ago.
    Touch(RelPath, u8),
    /// Turns the executable bit over.
    Flip(RelPath),
    /// Deletes whatever is there, with all below.
    Delete(RelPath),
    /// Makes a folder.
    Folder(RelPath),
    /// Moves or renames; a file takes the place of a file.
    Move(RelPath, RelPath),
    /// Copies a file to a free name.
    Copy(RelPath, RelPath),
    /// Exchanges the names of two items.
    Swap(RelPath, RelPath),
    /// Makes a symbolic link.
    Link(RelPath, u32),
    /// Makes something that is listed and never read.
    Opaque(RelPath),
}

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(path, content, 0) => write!(f, "write {path:?} {content}"),
            Self::Write(path, content, age) => write!(f, "write {path:?} {content} {age}"),
            Self::Save(path, content) => write!(f, "save {path:?} {content}"),
            Self::Touch(path, age) => write!(f, "touch {path:?} {age}"),
            Self::Flip(path) => write!(f, "flip {path:?}"),
            Self::Delete(path) => write!(f, "delete {path:?}"),
            Self::Folder(path) => write!(f, "folder {path:?}"),
            Self::Move(from, to) => write!(f, "move {from:?} {to:?}"),
            Self::Copy(from, to) => write!(f, "copy {from:?} {to:?}"),
            Self::Swap(a, b) => write!(f, "swap {a:?} {b:?}"),
            Self::Link(path, target) => write!(f, "link {path:?} {target}"),
            Self::Opaque(path) => write!(f, "opaque {path:?}"),
        }
    }
}

/// A time so many days before all runs.
const fn days_ago(age: u8) -> Timestamp {
    Timestamp::from_secs(1_699_000_000 - 86_400 * age as i64)
}

impl World {
    /// Does `edit`, and says whether it could be done.
    pub(super) fn edit(&mut self, side: Side, edit: &Edit) -> bool {
        match edit {
            Edit::Write(path, content, age) => self.save(side, path, *content, *age, false),
            Edit::Save(path, content) => self.save(side, path, *content, 0, true),
            Edit::Touch(path, age) => self.set_time(side, path, *age),
            Edit::Flip(path) => self.flip(side, path),
            Edit::Delete(path) => self.erase(side, path),
            Edit::Folder(path) => self.new_item(side, path, Kind::Folder, 0),
            Edit::Move(from, to) => self.rename(side, from, to),
            Edit::Copy(from, to) => self.duplicate(side, from, to),
            Edit::Swap(a, b) => self.swap(side, a, b),
            Edit::Link(path, target) => self.new_item(side, path, Kind::Symlink, *target),
            Edit::Opaque(path) => self.new_item(side, path, Kind::Opaque, 0),
        }
    }

    fn save(&mut self, side: Side, path: &RelPath, content: u32, age: u8, by_rename: bool) -> bool {
        if self.sides[side].traits.small_files && size_of(content) > LARGEST {
            return false;
        }
        let Some((folder, name)) = self.room(side, path) else {
            return false;
        };
        let there = self.sides[side].find(folder, &name);
        if there.is_some_and(|place| self.sides[side].items[place].body.kind != Kind::File) {
            return false;
        }
        let old = there.map(|place| self.sides[side].items[place].body);
        let thing = old.map_or_else(|| self.new_thing(), |old| old.thing);
        let mut body = self.file(side, content, thing);
        if age > 0 && self.sides[side].traits.mtime {
            body.mtime = floor(days_ago(age), &self.sides[side]);
        }
        let Some(place) = there else {
            self.sides[side].create(folder, name, body);
            return true;
        };
        let old = self.sides[side].items[place].body;
        body.executable = old.executable;
        if by_rename {
            self.sides[side].exchange(place, body);
        } else {
            self.sides[side].change(place, body);
        }
        if old.content == content {
            // The same again is no other content.
            self.same_again(body.write, old.write);
        } else {
            self.person_removed(old);
        }
        true
    }

    fn person_removed(&mut self, old: Body) {
        if old.kind == Kind::File {
            self.supersede(old.write);
            self.supersede_swapped(old.write);
            self.removed_by_person(old.content);
        }
    }

    /// A file as a program writes it now.
    pub(super) fn file(&mut self, side: Side, content: u32, thing: u32) -> Body {
        let (now, write) = (self.now(), self.write(content, thing));
        let tree = &self.sides[side];
        Body {
            kind: Kind::File,
            content,
            write,
            thing,
            mtime: floor(now, tree),
            by_client: tree.traits.mtime,
            executable: false,
        }
    }

    fn no_file(&mut self, side: Side, kind: Kind, content: u32) -> Body {
        let (mtime, thing) = (self.now(), self.new_thing());
        Body {
            kind,
            content,
            write: usize::MAX,
            thing,
            mtime: floor(mtime, &self.sides[side]),
            by_client: false,
            executable: false,
        }
    }

    fn set_time(&mut self, side: Side, path: &RelPath, age: u8) -> bool {
        let Some(place) = self.file_at(side, path) else {
            return false;
        };
        let tree = &mut self.sides[side];
        let body = Body {
            mtime: floor(days_ago(age), tree),
            ..tree.items[place].body
        };
        if tree.traits.mtime {
            tree.change(place, body);
        }
        tree.traits.mtime
    }

    fn flip(&mut self, side: Side, path: &RelPath) -> bool {
        let Some(place) = self.file_at(side, path) else {
            return false;
        };
        let tree = &mut self.sides[side];
        let old = tree.items[place].body;
        let body = Body {
            executable: !old.executable,
            ..old
        };
        if tree.traits.executable {
            tree.change(place, body);
        }
        tree.traits.executable
    }

    fn erase(&mut self, side: Side, path: &RelPath) -> bool {
        let Some(place) = self.sides[side].at(path).filter(|_| !path.is_root()) else {
            return false;
        };
        let tree = &mut self.sides[side];
        let below: Vec<Body> = tree
            .all()
            .filter(|&at| tree.is_within(at, place))
            .map(|at| tree.items[at].body)
            .collect();
        tree.remove(place);
        for old in below {
            if !self.lives_on_as_copy(side, &old) {
                self.person_removed(old);
            }
        }
        true
    }

    fn new_item(&mut self, side: Side, path: &RelPath, kind: Kind, content: u32) -> bool {
        let traits = self.sides[side].traits;
        let offered = match kind {
            Kind::Folder => traits.empty_folders,
            Kind::Symlink => traits.symlinks,
            Kind::File | Kind::Opaque => true,
        };
        let free = self
            .room(side, path)
            .filter(|(folder, name)| offered && self.sides[side].find(*folder, name).is_none());
        let Some((folder, name)) = free else {
            return false;
        };
        let body = self.no_file(side, kind, content);
        self.sides[side].create(folder, name, body);
        true
    }

    fn rename(&mut self, side: Side, from: &RelPath, to: &RelPath) -> bool {
        let tree = &self.sides[side];
        let Some(place) = tree.at(from).filter(|_| !from.is_root() && from != to) else {
            return false;
        };
        let Some((folder, name)) = self.room(side, to) else {
            return false;
        };
        let tree = &self.sides[side];
        if tree.is_within(folder, place) {
            return false;
        }
        let victim = tree.find(folder, &name).filter(|&victim| victim != place);
        let is_file = |place: Place| tree.items[place].body.kind == Kind::File;
        if victim.is_some_and(|victim| !is_file(victim) || !is_file(place)) {
            return false;
        }
        let old = victim.map(|victim| tree.items[victim].body);
        let tree = &mut self.sides[side];
        if let Some(victim) = victim {
            tree.remove(victim);
        }
        let is_new_revision = tree.traits.move_gives_revision;
        tree.relink(place, folder, name, is_new_revision);
        let moved = self.sides[side].items[place].body;
        match old {
            // The same in its place is no other content, unless its id tells that another item is gone.
            Some(old)
                if old.content == moved.content && !self.is_told_apart(side, &old, &moved) =>
            {
                self.replaced_by_same(old.write, moved.write);
            }
            Some(old) => self.person_removed(old),
            None => {}
        }
        true
    }

    /// Whether a side tells two files of one content apart, which were not written as one and of which the second, that
    /// took the place of the first, is known to the pair: one that nobody carried yet is saved there by rename.
    fn is_told_apart(&self, side: Side, a: &Body, b: &Body) -> bool {
        let mut there = self.sides[side.other()].items.iter();
        self.sides[side].traits.ids == Ids::Strong
            && !self.is_one_write(a.write, b.write)
            && (there.any(|item| item.body.thing == b.thing) || self.swapped.contains(&b.thing))
    }

    fn duplicate(&mut self, side: Side, from: &RelPath, to: &RelPath) -> bool {
        let (Some(place), Some((folder, name))) = (self.file_at(side, from), self.room(side, to))
        else {
            return false;
        };
        if self.sides[side].find(folder, &name).is_some() {
            return false;
        }
        let Body {
            content,
            thing: from,
            ..
        } = self.sides[side].items[place].body;
        let thing = self.new_thing();
        self.copied(thing, from);
        let body = self.file(side, content, thing);
        self.sides[side].create(folder, name, body);
        true
    }

    /// The folder and name of a path that the side can hold.
    pub(super) fn room(&mut self, side: Side, path: &RelPath) -> Option<(Place, Name)> {
        let (parent, name) = (path.parent()?, path.name()?);
        let rules = &self.sides[side].capabilities.names;
        // What is spelled as the side spells another name stands for that, which is a case of its own.
        let is_plain = names::decode(name.as_str(), rules).is_ok_and(|n| n == name);
        if !is_plain || names::encode(&name, rules).ok()?.as_ref() != &name {
            return None;
        }
        match self.sides[side].folder_at(&parent) {
            Some(folder) => Some((folder, name)),
            None if !self.sides[side].traits.empty_folders => {
                Some((self.make_folders(side, &parent)?, name))
            }
            None => None,
        }
    }

    /// The folder at this path, made where it is not there.
    pub(super) fn make_folders(&mut self, side: Side, path: &RelPath) -> Option<Place> {
        let mut at = super::tree::ROOT;
        for name in path.names() {
            at = match self.sides[side].taken_by(at, &name) {
                Some(there) if self.sides[side].is_folder(there) => there,
                Some(_) => return None,
                None => {
                    let body = self.no_file(side, Kind::Folder, 0);
                    self.sides[side].create(at, name, body)
                }
            };
        }
        Some(at)
    }

    fn file_at(&self, side: Side, path: &RelPath) -> Option<Place> {
        let tree = &self.sides[side];
        let place = tree.at(path)?;
        (tree.items[place].body.kind == Kind::File).then_some(place)
    }
}

/// The time as the side can keep it.
pub(super) fn floor(at: Timestamp, tree: &Tree) -> Timestamp {
    let step = tree.traits.precision().cast_signed();
    Timestamp(at.0.div_euclid(step) * step)
}
