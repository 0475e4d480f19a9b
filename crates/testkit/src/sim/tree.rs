//! The items of a simulated storage. Invariant: every node but the root hangs under exactly one folder,
//! in whose `children` it stands under the key of its name; a serial number is never used twice.

use std::collections::BTreeMap;
use std::sync::Arc;

use tandem_core::entry::Kind;
use tandem_core::path::{Name, RelPath};
use tandem_core::time::Timestamp;

use super::blob::Blob;
use super::names::Folding;

/// What a node is within the simulation, whatever id it shows.
pub(super) type Serial = u64;

/// The root's serial.
pub(super) const ROOT: Serial = 0;

/// What an item is made of.
#[derive(Debug, Clone)]
pub(super) struct Body {
    pub(super) kind: Kind,
    pub(super) blob: Blob,
    /// Hash of what was sent, where the storage changed it on arrival.
    pub(super) sent: Option<[u8; 32]>,
    pub(super) mtime: Option<Timestamp>,
    pub(super) by_client: bool,
    pub(super) executable: bool,
    pub(super) target: Option<Box<str>>,
}

/// An item with its place and its history.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) parent: Serial,
    pub(super) name: Name,
    pub(super) body: Body,
    /// The number that native ids are made of; given again where ids are a hint.
    pub(super) number: u64,
    /// Changes with every write; what really happened.
    pub(super) version: u64,
    /// What the storage shows of `version`, as coarse as it is.
    pub(super) tag: u64,
    /// When `tag` last moved on, by the clock that goes only forward.
    pub(super) tagged_at: u64,
    /// When anything of it last changed.
    pub(super) ctime: Timestamp,
    pub(super) children: BTreeMap<Box<str>, Vec<Serial>>,
}

impl Node {
    pub(super) fn is_folder(&self) -> bool {
        self.body.kind == Kind::Folder
    }
}

/// The tree. Cloning is cheap enough to do before every change: nodes are shared until changed.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    nodes: BTreeMap<Serial, Arc<Node>>,
    folding: Folding,
}

impl Tree {
    pub(super) fn new(folding: Folding, root: Node) -> Self {
        Self {
            nodes: BTreeMap::from([(ROOT, Arc::new(root))]),
            folding,
        }
    }

    pub(super) fn get(&self, serial: Serial) -> Option<&Node> {
        self.nodes.get(&serial).map(Arc::as_ref)
    }

    pub(super) fn get_mut(&mut self, serial: Serial) -> Option<&mut Node> {
        self.nodes.get_mut(&serial).map(Arc::make_mut)
    }

    /// Everything below the root.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Serial, &Node)> {
        self.nodes
            .iter()
            .filter(|(serial, _)| **serial != ROOT)
            .map(|(serial, node)| (*serial, node.as_ref()))
    }

    pub(super) fn children(&self, folder: Serial) -> impl Iterator<Item = Serial> + '_ {
        self.get(folder)
            .into_iter()
            .flat_map(|node| node.children.values().flatten().copied())
    }

    /// Hangs `node` under the folder it names.
    pub(super) fn insert(&mut self, serial: Serial, node: Node) {
        self.link(node.parent, &node.name, serial);
        self.nodes.insert(serial, Arc::new(node));
    }

    /// Takes `serial` and all below out, the folder before what it holds.
    pub(super) fn remove(&mut self, serial: Serial) -> Vec<(Serial, Node)> {
        let below = self.subtree(serial);
        if let Some(node) = self.get(serial) {
            let (parent, name) = (node.parent, node.name.clone());
            self.unlink(parent, &name, serial);
        }
        below
            .into_iter()
            .filter_map(|serial| {
                let node = self.nodes.remove(&serial)?;
                Some((serial, Arc::unwrap_or_clone(node)))
            })
            .collect()
    }

    /// Hangs `serial` elsewhere.
    pub(super) fn relink(&mut self, serial: Serial, parent: Serial, name: &Name) {
        let Some(node) = self.get(serial) else { return };
        let (old_parent, old_name) = (node.parent, node.name.clone());
        self.unlink(old_parent, &old_name, serial);
        self.link(parent, name, serial);
        if let Some(node) = self.get_mut(serial) {
            node.parent = parent;
            node.name = name.clone();
        }
    }

    /// `serial` and everything below, folders before what they hold.
    pub(super) fn subtree(&self, serial: Serial) -> Vec<Serial> {
        let mut found = vec![serial];
        let mut next = 0;
        while next < found.len() {
            let children: Vec<Serial> = self.children(found[next]).collect();
            found.extend(children);
            next += 1;
        }
        found
    }

    /// The items of this name in this folder, oldest first; several only where twins are.
    pub(super) fn find(&self, folder: Serial, name: &Name) -> &[Serial] {
        self.get(folder)
            .and_then(|node| node.children.get(&self.folding.key(name)))
            .map_or(&[], Vec::as_slice)
    }

    /// The folder at `path`.
    pub(super) fn folder_at(&self, path: &RelPath) -> Option<Serial> {
        path.names().try_fold(ROOT, |folder, name| {
            self.find(folder, &name)
                .iter()
                .copied()
                .find(|serial| self.get(*serial).is_some_and(Node::is_folder))
        })
    }

    /// The items at `path`; the root for the empty path.
    pub(super) fn at(&self, path: &RelPath) -> Vec<Serial> {
        let (Some(parent), Some(name)) = (path.parent(), path.name()) else {
            return vec![ROOT];
        };
        self.folder_at(&parent)
            .map(|folder| self.find(folder, &name).to_vec())
            .unwrap_or_default()
    }

    /// Where `serial` is, in the storage's own spelling.
    pub(super) fn path_of(&self, serial: Serial) -> RelPath {
        let mut names = Vec::new();
        let mut at = serial;
        while at != ROOT {
            let Some(node) = self.get(at) else { break };
            names.push(node.name.clone());
            at = node.parent;
        }
        names
            .iter()
            .rev()
            .fold(RelPath::root(), |path, name| path.join(name))
    }

    /// Whether `serial` is `folder` or lies below it.
    pub(super) fn is_within(&self, serial: Serial, folder: Serial) -> bool {
        self.ancestors(serial).any(|at| at == folder)
    }

    /// `serial`, its folder, and so on up to the root.
    pub(super) fn ancestors(&self, serial: Serial) -> impl Iterator<Item = Serial> + '_ {
        std::iter::successors(Some(serial), |at| {
            (*at != ROOT)
                .then(|| self.get(*at).map(|node| node.parent))
                .flatten()
        })
    }

    fn link(&mut self, parent: Serial, name: &Name, serial: Serial) {
        let key = self.folding.key(name);
        if let Some(folder) = self.get_mut(parent) {
            let twins = folder.children.entry(key).or_default();
            twins.push(serial);
            twins.sort_unstable();
        }
    }

    fn unlink(&mut self, parent: Serial, name: &Name, serial: Serial) {
        let key = self.folding.key(name);
        if let Some(folder) = self.get_mut(parent)
            && let Some(twins) = folder.children.get_mut(&key)
        {
            twins.retain(|twin| *twin != serial);
            if twins.is_empty() {
                folder.children.remove(&key);
            }
        }
    }
}
