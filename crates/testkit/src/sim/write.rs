//! Making content visible. Invariant: where the storage has the condition, check and change are one
//! step; where it has not, the check comes right before and what was overwritten in between is found and
//! kept (P7), or, on a storage that cannot look, reported to the oracle as the documented window.

use bytes::Bytes;
use tandem_core::capabilities::AtomicWrite;
use tandem_core::entry::{Kind, Revision};
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::{Name, RelPath};
use tandem_core::storage::{Commit, Committed, Displaced, Expected, Keep, Meta, VersionKey};

use super::blob::Blob;
use super::environment::yield_now;
use super::faults::Fault;
use super::names::refusal;
use super::state::{State, floor};
use super::storage::SimStorage;
use super::tree::{Body, Serial};
use crate::oracle::{How, Witness};

/// What is added to content by a storage that changes it on arrival.
pub(super) const ADDED: &[u8] = b"<!-- stored -->\n";

/// One write of a whole item.
pub(super) struct Put<'a> {
    pub(super) operation: &'static str,
    pub(super) target: &'a RelPath,
    pub(super) expected: &'a Expected,
    pub(super) keep: &'a Keep,
    pub(super) body: Body,
    /// The executable bit to set; `None` leaves it as it is.
    pub(super) executable: Option<bool>,
    /// Whether the storage checks the expectation itself.
    pub(super) condition: bool,
}

impl SimStorage {
    pub(super) async fn commit_group(&self, group: Vec<Commit>) -> Vec<Result<Committed>> {
        let root = RelPath::root();
        if let Err(error) = self.flush_now("commit") {
            let cause = error.cause;
            return group
                .iter()
                .map(|member| Err(StorageError::new("commit", cause, "").at(&member.staged.target)))
                .collect();
        }
        self.note("commit", &root, "group");
        let mut answers = Vec::with_capacity(group.len());
        for member in group {
            let target = member.staged.target.clone();
            let outcome = self.commit_one(member).await;
            answers.push(self.finish("commit", &target, outcome).await);
        }
        answers
    }

    /// Flushes what is visible, or fails to.
    pub(super) fn flush_now(&self, operation: &'static str) -> Result<()> {
        let mut state = self.state();
        if state.strikes(Fault::FailedFlush) {
            return Err(StorageError::new(
                operation,
                Cause::LocalIo,
                "a flush failed",
            ));
        }
        state.flush();
        Ok(())
    }

    async fn commit_one(&self, member: Commit) -> Result<Committed> {
        let Commit {
            staged,
            expected,
            keep,
            sink,
        } = member;
        let target = &staged.target;
        self.begin_write("commit", target).await?;
        self.check_keep("commit", &keep)?;
        self.state().check_put("commit", target, &expected)?;
        let bytes = self.bytes_of(&staged, sink.as_deref()).await?;
        let sent = bytes.clone();
        self.window("commit", target).await;
        let put = Put {
            operation: "commit",
            target,
            expected: &expected,
            keep: &keep,
            body: self.body_of(target, bytes, &staged.meta),
            executable: staged.meta.executable,
            condition: self.has_condition(&expected, staged.len),
        };
        let committed = self.put_in_steps(put).await?;
        if staged.meta.target.is_none() {
            self.tell_put(sent);
        }
        self.drop_upload(&staged.token);
        Ok(committed)
    }

    /// Puts, with a part of the content visible for a while where writes are not atomic.
    async fn put_in_steps(&self, put: Put<'_>) -> Result<Committed> {
        let shape = self.shape();
        let whole = put.body.clone();
        let atomic = shape.capabilities.atomic_write != AtomicWrite::No
            || whole.kind != Kind::File
            || whole.blob.size() < 2;
        if atomic {
            return self.state().put(put, &self.device());
        }
        let (operation, target) = (put.operation, put.target);
        let half = whole.blob.bytes().slice(..whole.blob.bytes().len() / 2);
        let part = Body {
            blob: Blob::new(half),
            sent: None,
            ..whole.clone()
        };
        let (serial, version, mut committed) = {
            let mut state = self.state();
            if let Some(witness) = &state.witness {
                witness.showed_part(&part.blob);
            }
            let put = Put { body: part, ..put };
            let (serial, committed) = state.put_item(put, &self.device())?;
            let version = state.tree.get(serial).map(|node| node.version);
            (serial, version, committed)
        };
        yield_now().await;
        let mut state = self.state();
        if state.tree.get(serial).map(|node| node.version) != version {
            return Err(fail(operation, Cause::PreconditionFailed, target));
        }
        state.before_change();
        let executable = state.is_executable(serial);
        let whole = Body {
            executable,
            ..whole
        };
        state.overwrite(serial, whole, false);
        if let Some(entry) = state.entry(serial) {
            committed.entry = entry;
        }
        Ok(committed)
    }

    /// Tells the oracle what Tandem made visible, as it was sent.
    fn tell_put(&self, sent: Bytes) {
        if let Some(witness) = &self.state().witness {
            witness.put(&Blob::new(sent));
        }
    }

    /// The item that `bytes` become here.
    pub(super) fn body_of(&self, target: &RelPath, bytes: Bytes, meta: &Meta) -> Body {
        let capabilities = &self.shape().capabilities;
        let now = self.environment().tick();
        let set = meta.mtime.filter(|_| capabilities.mtime);
        let mtime = set.map_or(now, |mtime| mtime.at);
        let body = Body {
            kind: if meta.target.is_some() {
                Kind::Symlink
            } else {
                Kind::File
            },
            blob: Blob::new(bytes),
            sent: None,
            mtime: Some(floor(mtime, capabilities.mtime_precision)),
            by_client: set.is_some_and(|mtime| mtime.by_client),
            executable: false,
            target: meta.target.clone(),
        };
        self.changed_on_arrival(target, body)
    }

    /// Some servers change some files: here those whose name ends in `l` or `L`, as in `.html`.
    fn changed_on_arrival(&self, target: &RelPath, body: Body) -> Body {
        let concerned = self.shape().capabilities.mutates_content
            && body.kind == Kind::File
            && target.as_str().ends_with(['l', 'L']);
        if !concerned {
            return body;
        }
        let mut bytes = body.blob.bytes().to_vec();
        bytes.extend_from_slice(ADDED);
        let (stored, sent) = (Blob::new(bytes), body.blob.hash());
        if let Some(witness) = &self.state().witness {
            witness.arrived(&stored, sent);
        }
        Body {
            sent: Some(sent),
            blob: stored,
            ..body
        }
    }

    /// Whether the storage itself checks this expectation when `len` bytes become visible.
    pub(super) fn has_condition(&self, expected: &Expected, len: u64) -> bool {
        let capabilities = &self.shape().capabilities;
        let in_parts = capabilities
            .parts
            .is_some_and(|parts| len > parts.smallest && self.shape().habits.stages);
        match expected {
            _ if in_parts => capabilities.conditions.finish_multipart,
            Expected::Absent => capabilities.conditions.create,
            Expected::Revision(_) => capabilities.conditions.replace,
            Expected::Any => true,
        }
    }

    pub(super) fn check_keep(&self, operation: &'static str, keep: &Keep) -> Result<()> {
        if matches!(keep, Keep::Version(_)) && !self.shape().capabilities.versions {
            return Err(StorageError::new(operation, Cause::Unsupported, "versions"));
        }
        Ok(())
    }
}

impl State {
    pub(super) fn is_executable(&self, serial: Serial) -> bool {
        self.tree
            .get(serial)
            .is_some_and(|node| node.body.executable)
    }

    /// Where a path's item would be: its folder and name.
    pub(super) fn place(&self, operation: &'static str, path: &RelPath) -> Result<(Serial, Name)> {
        let Some((parent, name)) = path.parent().zip(path.name()) else {
            return Err(fail(operation, Cause::AlreadyExists, path));
        };
        if let Some(why) = refusal(&self.shape.capabilities.names, path) {
            return Err(StorageError::new(operation, Cause::NameRefused, why).at(path));
        }
        let folder = self.tree.folder_at(&parent);
        let folder = folder.ok_or_else(|| fail(operation, Cause::NotFound, path))?;
        if self.is_lost(folder) || self.is_shut(folder) {
            return Err(fail(operation, Cause::Forbidden, path));
        }
        Ok((folder, name))
    }

    /// What `expected` finds at a place: the item to replace, `None` for a free name.
    pub(super) fn match_target(
        &self,
        folder: Serial,
        name: &Name,
        expected: &Expected,
        but: Option<Serial>,
    ) -> std::result::Result<Option<Serial>, Cause> {
        let mut found = self.find(folder, name);
        found.retain(|serial| Some(*serial) != but);
        match expected {
            Expected::Absent if found.is_empty() => Ok(None),
            Expected::Absent => Err(Cause::AlreadyExists),
            Expected::Revision(revision) => found
                .into_iter()
                .find(|serial| self.is_replaceable(*serial) && self.is_at(*serial, revision))
                .map(Some)
                .ok_or(Cause::PreconditionFailed),
            Expected::Any => {
                let first = found.iter().copied().find(|at| self.is_replaceable(*at));
                if first.is_none() && !found.is_empty() {
                    return Err(Cause::AlreadyExists);
                }
                Ok(first)
            }
        }
    }

    fn is_replaceable(&self, serial: Serial) -> bool {
        self.tree
            .get(serial)
            .is_some_and(|node| matches!(node.body.kind, Kind::File | Kind::Symlink))
    }

    /// Whether an item shows this revision.
    pub(super) fn is_at(&self, serial: Serial, revision: &Revision) -> bool {
        self.tree
            .get(serial)
            .is_some_and(|node| self.revision(node) == *revision)
    }

    pub(super) fn check_put(
        &self,
        operation: &'static str,
        target: &RelPath,
        expected: &Expected,
    ) -> Result<()> {
        let (folder, name) = self.place(operation, target)?;
        self.match_target(folder, &name, expected, None)
            .map(drop)
            .map_err(|cause| fail(operation, cause, target))
    }

    /// Creates or replaces an item.
    pub(super) fn put(&mut self, put: Put<'_>, device: &str) -> Result<Committed> {
        self.put_item(put, device).map(|(_, committed)| committed)
    }

    fn put_item(&mut self, put: Put<'_>, device: &str) -> Result<(Serial, Committed)> {
        let (operation, target) = (put.operation, put.target);
        let (folder, name) = self.place(operation, target)?;
        let matched = self.match_target(folder, &name, put.expected, None);
        let unexpected = match matched {
            Err(cause) if put.condition => return Err(fail(operation, cause, target)),
            Err(cause) => Some(cause),
            Ok(_) => None,
        };
        let victim = match matched {
            Ok(victim) => victim,
            Err(_) => self.overwritten(folder, &name, operation, target)?,
        };
        self.before_change();
        self.clear_hidden(folder, &name);
        // Where names need not be unique, an unconditional create makes a twin and overwrites nothing.
        let twin = self.shape.capabilities.twins && *put.expected == Expected::Absent;
        let victim = victim.filter(|_| !twin);
        let (kept, displaced) = match victim {
            Some(serial) => {
                let unexpected = unexpected.is_some();
                self.keep_replaced(serial, How::Replaced, put.keep, unexpected, device)
            }
            None => (None, None),
        };
        let before = victim.is_some_and(|serial| self.is_executable(serial));
        let body = Body {
            executable: put.executable.unwrap_or(before) && self.shape.capabilities.executable,
            ..put.body
        };
        let (serial, landed_as) = self.write_over(victim, folder, &name, body, target);
        let entry = self.entry(serial);
        let committed = Committed {
            entry: entry.ok_or_else(|| fail(operation, Cause::Other, target))?,
            displaced,
            landed_as,
            kept,
        };
        Ok((serial, committed))
    }

    /// What an unconditional write hits although something else was expected.
    fn overwritten(
        &self,
        folder: Serial,
        name: &Name,
        operation: &'static str,
        target: &RelPath,
    ) -> Result<Option<Serial>> {
        let found = self.find(folder, name);
        let hit = found.iter().copied().find(|at| self.is_replaceable(*at));
        if hit.is_none() && !found.is_empty() {
            return Err(fail(operation, Cause::AlreadyExists, target));
        }
        Ok(hit)
    }

    /// Sets aside what is about to be replaced, or deleted as `how` says, as far as `keep` and the storage ask for it.
    pub(super) fn keep_replaced(
        &mut self,
        serial: Serial,
        how: How,
        keep: &Keep,
        unexpected: bool,
        device: &str,
    ) -> (Option<VersionKey>, Option<Displaced>) {
        let native = self.shape.habits.native_versions;
        if !unexpected {
            self.tell_taken(serial, how);
            let kept = (native || *keep != Keep::No).then(|| self.set_aside(serial, keep, device));
            return (kept, None);
        }
        if native || self.shape.habits.looks_after {
            let entry = self.entry(serial);
            self.tell_displaced(serial);
            let version = self.set_aside(serial, keep, device);
            return (None, Some(Displaced { entry, version }));
        }
        self.excuse(
            serial,
            "overwritten in the window of a storage that cannot look",
        );
        (None, None)
    }

    /// Tells the oracle that Tandem takes away what it expected: a file, or all files of a folder.
    pub(super) fn tell_taken(&self, serial: Serial, how: How) {
        self.tell_each(serial, |witness, path, body| {
            witness.took(how, path, &body.blob, body.sent);
        });
    }

    /// Tells the oracle that a storage sets aside what Tandem did not expect.
    pub(super) fn tell_displaced(&self, serial: Serial) {
        self.tell_each(serial, |witness, path, body| {
            witness.displaced(path, &body.blob, body.sent);
        });
    }

    fn tell_each(&self, serial: Serial, tell: impl Fn(&Witness, &RelPath, &Body)) {
        for at in self.tree.subtree(serial) {
            if let (Some(witness), Some(node)) = (&self.witness, self.tree.get(at))
                && node.body.kind == Kind::File
            {
                tell(witness, &self.tree.path_of(at), &node.body);
            }
        }
    }

    /// Tells the oracle that content is lost as documented.
    pub(super) fn excuse(&self, serial: Serial, why: &'static str) {
        if let (Some(witness), Some(node)) = (&self.witness, self.tree.get(serial)) {
            witness.excused(&node.body.blob, node.body.sent, why);
        }
    }

    fn write_over(
        &mut self,
        victim: Option<Serial>,
        folder: Serial,
        name: &Name,
        body: Body,
        target: &RelPath,
    ) -> (Serial, Option<RelPath>) {
        let Some(serial) = victim else {
            return (self.create(folder, name, body), None);
        };
        let new_id = self.shape.habits.replace_gives_id;
        self.overwrite(serial, body, new_id);
        let path = self.tree.path_of(serial);
        let respelled = path.name() != target.name();
        if respelled && self.shape.habits.respells {
            self.relink(serial, folder, name);
            return (serial, None);
        }
        (serial, respelled.then_some(path))
    }

    /// Takes away an empty folder that this storage does not show.
    pub(super) fn clear_hidden(&mut self, folder: Serial, name: &Name) {
        let hidden: Vec<Serial> = self
            .tree
            .find(folder, name)
            .iter()
            .copied()
            .filter(|serial| !self.is_visible(*serial))
            .collect();
        for serial in hidden {
            self.tree.remove(serial);
        }
    }
}

pub(super) fn fail(operation: &'static str, cause: Cause, path: &RelPath) -> StorageError {
    StorageError::new(operation, cause, "").at(path)
}
