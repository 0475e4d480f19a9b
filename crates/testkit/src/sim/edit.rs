//! What a person does at a storage's own edge, past everything that Tandem's contract offers. Invariant:
//! an edit applies whole or not at all, is durable at once, and the oracle hears of every content it
//! writes, supersedes or moves.

use bytes::Bytes;
use tandem_core::entry::Kind;
use tandem_core::environment::Environment;
use tandem_core::path::{Name, RelPath};
use tandem_core::time::Timestamp;

use super::blob::Blob;
use super::names::refusal;
use super::shape::RevisionStyle;
use super::state::{State, floor, folder_body};
use super::storage::SimStorage;
use super::tree::{Body, ROOT, Serial};
use super::write::ADDED;

/// One thing a person does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Writes a file, new or in place.
    Write {
        /// Where.
        path: RelPath,
        /// What.
        content: Bytes,
    },
    /// Adds to the end of a file.
    Append {
        /// Where.
        path: RelPath,
        /// What is added.
        content: Bytes,
    },
    /// Sets a file's mtime and nothing else.
    Touch {
        /// Where.
        path: RelPath,
        /// The time.
        mtime: Timestamp,
    },
    /// Deletes a file, link or empty folder.
    Delete {
        /// Where.
        path: RelPath,
    },
    /// Deletes a folder and all below.
    DeleteTree {
        /// Where.
        path: RelPath,
    },
    /// Makes a folder.
    CreateFolder {
        /// Where.
        path: RelPath,
    },
    /// Moves or renames; a file takes the place of a file.
    Move {
        /// From where.
        from: RelPath,
        /// To where.
        to: RelPath,
    },
    /// Copies a file to a free name.
    Copy {
        /// From where.
        from: RelPath,
        /// To where.
        to: RelPath,
    },
    /// Saves as many editors do: a new file takes the name, the old one is gone.
    SaveByRename {
        /// Where.
        path: RelPath,
        /// What.
        content: Bytes,
    },
    /// Exchanges the names of two items.
    Swap {
        /// One.
        a: RelPath,
        /// The other.
        b: RelPath,
    },
    /// Sets the executable bit.
    SetExecutable {
        /// Where.
        path: RelPath,
        /// The bit.
        executable: bool,
    },
    /// Makes a symbolic link.
    Symlink {
        /// Where.
        path: RelPath,
        /// Where to.
        target: Box<str>,
    },
    /// Makes something that is listed and never read: a socket, an online document.
    Opaque {
        /// Where.
        path: RelPath,
    },
    /// Makes another file of a name that is taken, where twins can be.
    Twin {
        /// Where.
        path: RelPath,
        /// What.
        content: Bytes,
    },
    /// Writes below the name of a file, as a flat store lets one: from then on a folder hides the file.
    Shadow {
        /// Where.
        path: RelPath,
        /// What.
        content: Bytes,
    },
}

impl Edit {
    /// The edit in a few words, for a report.
    #[must_use]
    pub fn summary(&self) -> String {
        match self {
            Self::Write { path, content }
            | Self::Append { path, content }
            | Self::SaveByRename { path, content }
            | Self::Twin { path, content }
            | Self::Shadow { path, content } => {
                let [a, b, ..] = Blob::new(content.clone()).hash();
                let whole = format!("{self:?}");
                let word = whole.split(' ').next().unwrap_or_default();
                format!("{word} {path} {} {a:02x}{b:02x}", content.len())
            }
            other => format!("{other:?}"),
        }
    }
}

impl SimStorage {
    /// Does `edit`, and says whether it could be done. Costs no time, meets no fault.
    pub fn edit(&self, edit: &Edit) -> bool {
        let mut state = self.state();
        if state.missing || state.unmounted.is_some() {
            return false;
        }
        let applied = state.apply(edit);
        if applied {
            // A person's save is flushed, and with it what a journal holds from before.
            state.flush();
        }
        applied
    }

    /// Writes a file as most programs do: nobody flushes it.
    pub fn save_unflushed(&self, path: &RelPath, content: &Bytes) -> bool {
        let mut state = self.state();
        let written = state.write(path, content, false);
        let serial = state.tree.at(path).first().copied();
        state.unflushed_edits.extend(serial.filter(|_| written));
        written
    }

    /// Cuts the power: of each file that was saved and never flushed its name is left and nothing else.
    pub fn lose_unflushed_edits(&self) {
        let mut state = self.state();
        for serial in std::mem::take(&mut state.unflushed_edits) {
            let body = state.tree.get(serial).map(|node| node.body.clone());
            if let Some(body) = body {
                let blob = Blob::new("");
                state.overwrite(serial, Body { blob, ..body }, false);
            }
        }
    }
}

impl State {
    fn apply(&mut self, edit: &Edit) -> bool {
        match edit {
            Edit::Write { path, content } => self.write(path, content, false),
            Edit::SaveByRename { path, content } => self.write(path, content, true),
            Edit::Append { path, content } => self.append(path, content),
            Edit::Touch { path, mtime } => self.touch(path, *mtime),
            Edit::Delete { path } => self.erase(path, false),
            Edit::DeleteTree { path } => self.erase(path, true),
            Edit::CreateFolder { path } => self.make_folder(path),
            Edit::Move { from, to } => self.rename(from, to),
            Edit::Copy { from, to } => self.duplicate(from, to),
            Edit::Swap { a, b } => self.swap(a, b),
            Edit::SetExecutable { path, executable } => self.set_executable(path, *executable),
            Edit::Symlink { path, target } => self.link(path, target),
            Edit::Opaque { path } => self.make_opaque(path),
            Edit::Twin { path, content } => self.twin(path, content),
            Edit::Shadow { path, content } => self.shadow(path, content),
        }
    }

    fn write(&mut self, path: &RelPath, content: &Bytes, by_rename: bool) -> bool {
        let Some((folder, name)) = self.free_or_taken(path) else {
            return false;
        };
        let body = self.written(content);
        match self.find(folder, &name).first().copied() {
            None => {
                self.clear_hidden(folder, &name);
                self.create_by_person(folder, &name, body);
            }
            Some(serial) if self.is_file(serial) && self.fits(&body) => {
                self.replace_by_person(serial, &name, body, by_rename);
            }
            Some(_) => return false,
        }
        true
    }

    fn create_by_person(&mut self, folder: Serial, name: &Name, body: Body) -> Serial {
        let blob = body.blob.clone();
        let is_file = body.kind == Kind::File;
        let serial = self.create(folder, name, body);
        if let (Some(witness), true) = (&self.witness, is_file) {
            witness.wrote(&self.tree.path_of(serial), None, &blob);
        }
        serial
    }

    fn replace_by_person(&mut self, serial: Serial, name: &Name, body: Body, by_rename: bool) {
        let Some(node) = self.tree.get(serial) else {
            return;
        };
        let (old, folder) = (node.body.clone(), node.parent);
        let body = Body {
            executable: old.executable,
            ..body
        };
        if let Some(witness) = &self.witness {
            let replaced = Some((&old.blob, old.sent));
            witness.wrote(&self.tree.path_of(serial), replaced, &body.blob);
        }
        self.keep_natively(serial);
        if by_rename {
            self.remove(serial);
            self.create(folder, name, body);
        } else {
            self.overwrite(serial, body, false);
        }
    }

    fn append(&mut self, path: &RelPath, content: &Bytes) -> bool {
        let Some(serial) = self.file_at(path) else {
            return false;
        };
        let Some(node) = self.tree.get(serial) else {
            return false;
        };
        let (mut bytes, name) = (node.body.blob.bytes().to_vec(), node.name.clone());
        bytes.extend_from_slice(content);
        let body = self.written(&Bytes::from(bytes));
        if !self.fits(&body) {
            return false;
        }
        self.replace_by_person(serial, &name, body, false);
        true
    }

    fn touch(&mut self, path: &RelPath, mtime: Timestamp) -> bool {
        let capabilities = &self.shape.capabilities;
        let (sets, precision) = (capabilities.mtime, capabilities.mtime_precision);
        self.change_meta(path, sets, |body| {
            body.mtime = Some(floor(mtime, precision));
            body.by_client = true;
        })
    }

    fn set_executable(&mut self, path: &RelPath, executable: bool) -> bool {
        let has_bit = self.shape.capabilities.executable;
        self.change_meta(path, has_bit, |body| body.executable = executable)
    }

    fn change_meta(
        &mut self,
        path: &RelPath,
        offered: bool,
        change: impl FnOnce(&mut Body),
    ) -> bool {
        let Some(serial) = self.file_at(path).filter(|_| offered) else {
            return false;
        };
        let Some(node) = self.tree.get(serial) else {
            return false;
        };
        let mut body = node.body.clone();
        change(&mut body);
        self.overwrite(serial, body, false);
        true
    }

    fn erase(&mut self, path: &RelPath, whole: bool) -> bool {
        let Some(serial) = self.item_at(path) else {
            return false;
        };
        let holds_something = self.tree.children(serial).any(|at| self.is_visible(at));
        if whole != self.is_folder(serial) && (whole || holds_something) {
            return false;
        }
        if !whole && holds_something {
            return false;
        }
        for at in self.tree.subtree(serial) {
            if self.is_file(at)
                && let (Some(witness), Some(node)) = (&self.witness, self.tree.get(at))
            {
                witness.removed(&self.tree.path_of(at), &node.body.blob, node.body.sent);
            }
        }
        self.keep_natively(serial);
        self.remove(serial);
        true
    }

    fn make_folder(&mut self, path: &RelPath) -> bool {
        let Some((folder, name)) = self.free_or_taken(path) else {
            return false;
        };
        if !self.tree.find(folder, &name).is_empty() || !self.shape.capabilities.empty_folders {
            return false;
        }
        self.create(folder, &name, folder_body());
        true
    }

    fn rename(&mut self, from: &RelPath, to: &RelPath) -> bool {
        let (Some(serial), Some((folder, name))) = (self.item_at(from), self.free_or_taken(to))
        else {
            return false;
        };
        if self.tree.is_within(folder, serial) {
            return false;
        }
        let mut there = self.find(folder, &name);
        there.retain(|at| *at != serial);
        if let Some(victim) = there.first().copied() {
            if !self.is_file(victim) || self.is_folder(serial) || self.shape.capabilities.twins {
                return false;
            }
            let old = self.tree.get(victim).map(|node| node.body.clone());
            if let (Some(witness), Some(old)) = (&self.witness, &old) {
                witness.removed(&self.tree.path_of(victim), &old.blob, old.sent);
            }
            self.keep_natively(victim);
            self.remove(victim);
        }
        self.clear_hidden(folder, &name);
        if self.tree.path_of(serial) == *to {
            return false;
        }
        self.relink_by_person(serial, folder, &name);
        true
    }

    fn relink_by_person(&mut self, serial: Serial, folder: Serial, name: &Name) {
        let before: Vec<(Serial, RelPath)> = self
            .tree
            .subtree(serial)
            .into_iter()
            .map(|at| (at, self.tree.path_of(at)))
            .collect();
        self.relink(serial, folder, name);
        for (at, old) in before {
            if self.is_file(at)
                && let (Some(witness), Some(node)) = (&self.witness, self.tree.get(at))
            {
                let (now, body) = (self.tree.path_of(at), &node.body);
                witness.moved(&old, &now, &body.blob, body.sent);
            }
        }
    }

    fn duplicate(&mut self, from: &RelPath, to: &RelPath) -> bool {
        let (Some(serial), Some((folder, name))) = (self.file_at(from), self.free_or_taken(to))
        else {
            return false;
        };
        let Some(content) = self
            .tree
            .get(serial)
            .map(|node| node.body.blob.bytes().clone())
        else {
            return false;
        };
        if !self.find(folder, &name).is_empty() {
            return false;
        }
        let body = self.written(&content);
        self.clear_hidden(folder, &name);
        self.create_by_person(folder, &name, body);
        true
    }

    fn swap(&mut self, a: &RelPath, b: &RelPath) -> bool {
        let (Some(first), Some(second)) = (self.item_at(a), self.item_at(b)) else {
            return false;
        };
        let nested = self.tree.is_within(first, second) || self.tree.is_within(second, first);
        let alone = |at| {
            self.tree
                .get(at)
                .map(|node| (node.parent, node.name.clone()))
                .filter(|(parent, name)| self.tree.find(*parent, name).len() == 1)
        };
        let (Some((first_in, first_name)), Some((second_in, second_name))) =
            (alone(first), alone(second))
        else {
            return false;
        };
        if nested {
            return false;
        }
        // Linked side by side for an instant that nobody sees.
        self.relink_by_person(first, second_in, &second_name);
        self.relink_by_person(second, first_in, &first_name);
        true
    }

    fn link(&mut self, path: &RelPath, target: &str) -> bool {
        let free = self.free_or_taken(path);
        let Some((folder, name)) = free.filter(|_| self.shape.capabilities.symlinks) else {
            return false;
        };
        if !self.find(folder, &name).is_empty() {
            return false;
        }
        let body = Body {
            kind: Kind::Symlink,
            target: Some(target.into()),
            ..self.written(&Bytes::new())
        };
        self.clear_hidden(folder, &name);
        self.create(folder, &name, body);
        true
    }

    fn make_opaque(&mut self, path: &RelPath) -> bool {
        let Some((folder, name)) = self.free_or_taken(path) else {
            return false;
        };
        if !self.find(folder, &name).is_empty() {
            return false;
        }
        let body = Body {
            kind: Kind::Opaque,
            ..self.written(&Bytes::new())
        };
        self.clear_hidden(folder, &name);
        self.create(folder, &name, body);
        true
    }

    fn twin(&mut self, path: &RelPath, content: &Bytes) -> bool {
        let place = self.free_or_taken(path);
        let Some((folder, name)) = place.filter(|_| self.shape.capabilities.twins) else {
            return false;
        };
        let body = self.written(content);
        self.create_by_person(folder, &name, body);
        true
    }

    fn shadow(&mut self, path: &RelPath, content: &Bytes) -> bool {
        let parent = path.parent();
        let hidden = parent.as_ref().and_then(|parent| self.file_at(parent));
        let Some((node, name)) = hidden
            .and_then(|serial| self.tree.get(serial))
            .zip(path.name())
        else {
            return false;
        };
        let (above, hidden_name) = (node.parent, node.name.clone());
        let folder = self.create(above, &hidden_name, folder_body());
        let body = self.written(content);
        self.create_by_person(folder, &name, body);
        true
    }

    /// The folder and name of a path that may be used here, whether the name is free or not.
    fn free_or_taken(&mut self, path: &RelPath) -> Option<(Serial, Name)> {
        let (parent, name) = (path.parent()?, path.name()?);
        if refusal(&self.shape.capabilities.names, path).is_some() {
            return None;
        }
        let folder = match self.tree.folder_at(&parent) {
            Some(folder) => folder,
            // Writing a key makes its folders, on a store that has none of their own.
            None if !self.shape.capabilities.empty_folders => {
                self.make_folders("edit", &parent).ok()?
            }
            None => return None,
        };
        Some((folder, name))
    }

    fn item_at(&self, path: &RelPath) -> Option<Serial> {
        let found = self.tree.at(path);
        found.into_iter().find(|serial| {
            *serial != ROOT && self.is_visible(*serial) && !self.is_shadowed(*serial)
        })
    }

    fn file_at(&self, path: &RelPath) -> Option<Serial> {
        let found = self.tree.at(path);
        found.into_iter().find(|serial| self.is_file(*serial))
    }

    pub(super) fn is_file(&self, serial: Serial) -> bool {
        self.tree
            .get(serial)
            .is_some_and(|node| node.body.kind == Kind::File)
    }

    fn fits(&self, body: &Body) -> bool {
        let largest = self.shape.capabilities.largest_file;
        largest.is_none_or(|most| body.blob.size() <= most)
    }

    /// What a person writes who is to write `content`.
    pub(super) fn sized(&self, content: &Bytes) -> Blob {
        let written = self.witness.as_ref();
        Blob::new(written.map_or_else(|| content.clone(), |w| w.sized(content, ADDED.len())))
    }

    /// A file as a person's program writes it now.
    fn written(&self, content: &Bytes) -> Body {
        let capabilities = &self.shape.capabilities;
        let mut mtime = floor(self.environment.now(), capabilities.mtime_precision);
        if self.shape.habits.revisions == RevisionStyle::Fingerprint {
            // The file system's own clock ticks no finer than its fingerprints.
            mtime = floor(mtime, capabilities.revision_granularity);
        }
        Body {
            kind: Kind::File,
            blob: self.sized(content),
            sent: None,
            mtime: Some(mtime),
            by_client: capabilities.mtime,
            executable: false,
            target: None,
        }
    }

    fn keep_natively(&mut self, serial: Serial) {
        if self.shape.habits.native_versions {
            self.put_in_trash(serial);
        }
    }
}
