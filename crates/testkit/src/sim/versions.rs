//! Pre-images that a simulated storage set aside. Invariant: what was kept under a key stays what it is;
//! other content never takes its place.

use std::time::Duration;

use bytes::Bytes;
use tandem_core::entry::{Entry, Kind};
use tandem_core::environment::Environment;
use tandem_core::error::{Cause, Result};
use tandem_core::path::RelPath;
use tandem_core::storage::{Displaced, Keep, Version, VersionKey};
use tandem_core::time::Timestamp;

use super::blob::Blob;
use super::state::State;
use super::storage::SimStorage;
use super::tree::{Body, Serial};
use super::write::fail;
use crate::oracle::How;

/// One pre-image: of a folder with all that was below.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) entry: Entry,
    pub(super) body: Body,
    pub(super) below: Vec<(RelPath, Body)>,
    pub(super) at: Timestamp,
    pub(super) order: u64,
}

impl Kept {
    /// The bytes of the pre-image itself.
    pub(super) fn bytes(&self) -> &Bytes {
        self.body.blob.bytes()
    }
}

impl SimStorage {
    /// Has a program that had the file at `path` open write into what was last set aside of it; `false` if nothing
    /// is kept, or a link, which nobody writes into.
    pub fn write_into_version(&self, path: &RelPath, content: &Bytes) -> bool {
        let mut state = self.state();
        let now = state.environment.tick();
        let witness = state.witness.clone();
        let new = state.sized(content);
        let found = state.kept.iter_mut().filter(|(key, _)| key.path() == path);
        let last = found.max_by_key(|(_, kept)| kept.order);
        let Some((_, kept)) = last.filter(|(_, kept)| kept.body.kind == Kind::File) else {
            return false;
        };
        if let Some(witness) = witness {
            witness.wrote_aside(path, (&kept.body.blob, kept.body.sent), &new);
        }
        kept.body.blob = new;
        kept.body.mtime = Some(now);
        kept.body.by_client = false;
        true
    }

    /// Has a program that has the file at `path` open write into it once it was replaced without being kept: the
    /// storage finds that and keeps it. `false` if no file is there.
    pub fn write_into_replaced(&self, path: &RelPath, content: &Bytes) -> bool {
        let mut state = self.state();
        let now = state.environment.tick();
        let Some(serial) = state.tree.at(path).first().copied() else {
            return false;
        };
        let key = state.own_key(path.clone(), &self.device(), "recovered");
        let version = state.store(serial, key);
        let Some(kept) = state.kept.get_mut(&version) else {
            return false;
        };
        kept.body.blob = Blob::new(content.clone());
        kept.body.mtime = Some(now);
        kept.body.by_client = false;
        let entry = state.kept_entry(&version);
        state.note_kept(&version, entry.as_ref());
        state.written_since.push(Displaced { entry, version });
        true
    }
}

impl State {
    /// Sets the content of `serial` aside, as `keep` asks or under a key of the storage's own.
    pub(super) fn set_aside(&mut self, serial: Serial, keep: &Keep, device: &str) -> VersionKey {
        let path = self.tree.path_of(serial);
        let key = match keep {
            _ if self.shape.habits.native_versions => self.native_key(path),
            Keep::Version(key) => key.clone(),
            Keep::No => self.own_key(path, device, "displaced"),
        };
        self.store(serial, key)
    }

    /// Sets the content of `serial` aside as the storage's own trash does.
    pub(super) fn put_in_trash(&mut self, serial: Serial) -> VersionKey {
        let key = self.native_key(self.tree.path_of(serial));
        self.store(serial, key)
    }

    fn native_key(&mut self, path: RelPath) -> VersionKey {
        let id = format!("v{:08}", self.count()).into();
        VersionKey::Native { path, id }
    }

    fn own_key(&mut self, path: RelPath, device: &str, what: &str) -> VersionKey {
        let (year, month, day, ..) = self.environment.tick().civil();
        VersionKey::Kept {
            device: device.into(),
            date: format!("{year:04}-{month:02}-{day:02}").into(),
            action: format!("{what}-{}", self.count()).into(),
            path,
        }
    }

    fn store(&mut self, serial: Serial, key: VersionKey) -> VersionKey {
        let (Some(entry), Some(node)) = (self.entry(serial), self.tree.get(serial)) else {
            return key;
        };
        let body = node.body.clone();
        if let Some(there) = self.kept.get(&key) {
            if there.body.blob == body.blob && there.below.is_empty() && !node.is_folder() {
                return key;
            }
            let device = match &key {
                VersionKey::Kept { device, .. } => device.clone(),
                VersionKey::Native { .. } => "storage".into(),
            };
            let another = self.own_key(key.path().clone(), &device, "again");
            return self.store(serial, another);
        }
        let top = self.tree.path_of(serial);
        let below = self
            .tree
            .subtree(serial)
            .into_iter()
            .skip(1)
            .filter_map(|at| {
                let path = self.tree.path_of(at).below(&top)?;
                Some((path, self.tree.get(at)?.body.clone()))
            })
            .collect();
        let order = self.count();
        let kept = Kept {
            entry,
            body,
            below,
            at: self.environment.tick(),
            order,
        };
        self.kept.insert(key.clone(), kept);
        key
    }

    /// Removes a pre-image, unless somebody wrote into it since it was set aside.
    pub(super) fn prune(&mut self, key: &VersionKey) -> Result<()> {
        let now = self.kept_entry(key);
        if let (Some(now), Some(kept)) = (now, self.kept.get(key))
            && (now.size, now.mtime) != (kept.entry.size, kept.entry.mtime)
        {
            return Err(fail("prune_version", Cause::PreconditionFailed, key.path()));
        }
        if let Some(kept) = self.kept.remove(key) {
            self.tell_pruned(key.path(), &kept);
        }
        Ok(())
    }

    fn tell_pruned(&self, path: &RelPath, kept: &Kept) {
        let Some(witness) = &self.witness else { return };
        let age = self.environment.now().0.saturating_sub(kept.at.0);
        let how = How::Pruned(Duration::from_nanos(age.max(0).unsigned_abs()));
        let below = kept
            .below
            .iter()
            .map(|(name, body)| (path.append(name), body));
        for (path, body) in std::iter::once((path.clone(), &kept.body)).chain(below) {
            if body.kind == Kind::File {
                witness.took(how, &path, &body.blob, body.sent);
            }
        }
    }

    /// What was found under a key is what was set aside.
    fn note_kept(&mut self, key: &VersionKey, found: Option<&Entry>) {
        if let (Some(kept), Some(found)) = (self.kept.get_mut(key), found) {
            kept.entry.clone_from(found);
        }
    }

    /// A pre-image as it is now, where it is one that a program may still have open.
    pub(super) fn kept_entry(&self, key: &VersionKey) -> Option<Entry> {
        let kept = self.kept.get(key)?;
        let open = !self.shape.habits.native_versions && kept.body.kind == Kind::File;
        open.then(|| Entry {
            size: kept.body.blob.size(),
            mtime: self.shown_mtime(&kept.body),
            hashes: Vec::new(),
            ..kept.entry.clone()
        })
    }

    /// What is kept of `path`, newest first.
    pub(super) fn versions_of(&self, path: Option<&RelPath>) -> Vec<Version> {
        let mut found: Vec<_> = self
            .kept
            .iter()
            .filter(|(key, _)| path.is_none_or(|path| key.path() == path))
            .collect();
        found.sort_by_key(|(_, kept)| std::cmp::Reverse(kept.order));
        found
            .into_iter()
            .map(|(key, kept)| Version {
                key: key.clone(),
                entry: kept.entry.clone(),
                kept_at: kept.at,
            })
            .collect()
    }
}
