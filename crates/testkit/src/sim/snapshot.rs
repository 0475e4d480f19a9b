//! What can be seen on a simulated storage, looked at from outside of time. Invariant: taking a snapshot
//! changes nothing, costs nothing and meets no fault.

use std::collections::BTreeMap;

use bytes::Bytes;
use tandem_core::entry::Kind;
use tandem_core::path::RelPath;
use tandem_core::storage::VersionKey;
use tandem_core::time::Timestamp;

use super::blob::Blob;
use super::state::State;
use super::storage::SimStorage;
use super::tree::{Body, Node};

/// One item as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What it is.
    pub kind: Kind,
    /// Its bytes and their hash; empty for what is not a file.
    pub content: Blob,
    /// The hash of what was sent, where the storage changed it on arrival.
    pub sent: Option<[u8; 32]>,
    /// The mtime, and whether a client set it.
    pub mtime: Option<(Timestamp, bool)>,
    /// The executable bit.
    pub executable: bool,
    /// A symlink's target.
    pub target: Option<Box<str>>,
}

impl Seen {
    /// The item in a few words, for a report.
    #[must_use]
    pub fn summary(&self) -> String {
        let [a, b, c, ..] = self.content.hash();
        format!(
            "{:?} of {} bytes, {a:02x}{b:02x}{c:02x}, {:?}, executable {}",
            self.kind,
            self.content.size(),
            self.mtime,
            self.executable
        )
    }

    fn of(body: &Body) -> Self {
        Self {
            kind: body.kind,
            content: body.blob.clone(),
            sent: body.sent,
            mtime: body.mtime.map(|at| (at, body.by_client)),
            executable: body.executable,
            target: body.target.clone(),
        }
    }
}

/// The visible tree: the items at each path, more than one only where twins are, oldest first.
pub type Snapshot = BTreeMap<RelPath, Vec<Seen>>;

impl SimStorage {
    /// The visible tree.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let state = self.state();
        let mut snapshot = Snapshot::new();
        for (serial, node) in state.tree.iter() {
            if state.is_visible(serial) {
                let path = state.tree.path_of(serial);
                snapshot.entry(path).or_default().push(Seen::of(&node.body));
            }
        }
        snapshot
    }

    /// What is set aside.
    #[must_use]
    pub fn kept(&self) -> BTreeMap<VersionKey, Seen> {
        let state = self.state();
        let seen = state.kept.iter();
        seen.map(|(key, kept)| (key.clone(), Seen::of(&kept.body)))
            .collect()
    }

    /// The bytes of the file at `path`.
    #[must_use]
    pub fn content(&self, path: &RelPath) -> Option<Bytes> {
        let state = self.state();
        let serial = state
            .tree
            .at(path)
            .into_iter()
            .find(|serial| state.is_file(*serial))?;
        let node = state.tree.get(serial)?;
        Some(node.body.blob.bytes().clone())
    }

    /// How many uploads lie there unseen.
    #[must_use]
    pub fn uploads(&self) -> usize {
        self.state().staged.len()
    }

    /// The visible paths and what is there.
    pub(super) fn kinds(&self) -> Vec<(RelPath, Kind)> {
        let state = self.state();
        state
            .tree
            .iter()
            .filter(|(serial, _)| state.is_visible(*serial))
            .map(|(serial, node)| (state.tree.path_of(serial), node.body.kind))
            .collect()
    }

    /// Calls `see` with every content there is to be found: visible, set aside, or under a mount.
    pub(crate) fn each_content(&self, mut see: impl FnMut(&Blob, Option<[u8; 32]>)) {
        let state = self.state();
        state.each_body(|body| {
            if body.kind == Kind::File {
                see(&body.blob, body.sent);
            }
        });
    }
}

impl State {
    fn each_body(&self, mut see: impl FnMut(&Body)) {
        let hidden = self.unmounted.as_ref();
        let trees = [Some(&self.tree), hidden.map(|there| &there.tree)];
        for (_, Node { body, .. }) in trees
            .into_iter()
            .flatten()
            .flat_map(super::tree::Tree::iter)
        {
            see(body);
        }
        let kept = [Some(&self.kept), hidden.map(|there| &there.kept)];
        for kept in kept.into_iter().flatten().flat_map(BTreeMap::values) {
            see(&kept.body);
            kept.below.iter().for_each(|(_, body)| see(body));
        }
    }
}
