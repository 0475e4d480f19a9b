//! One side's tree while a plan is put in order: as it will be after the actions so far.

use foldhash::{HashMap, HashMapExt};

use super::node::Nodes;
use super::trees::Input;
use crate::capabilities::Capabilities;
use crate::names;
use crate::path::{Name, RelPath};
use crate::side::Side;

/// Where each node is on a side, and which names are taken.
pub(super) struct Tree<'a> {
    capabilities: &'a Capabilities,
    at: Vec<Option<(usize, Name)>>,
    taken: HashMap<(usize, Box<str>), usize>,
}

impl<'a> Tree<'a> {
    pub(super) fn new(input: &Input<'a>, nodes: &Nodes<'_>, side: Side) -> Self {
        let mut tree = Self {
            capabilities: input.capabilities[side],
            at: vec![None; nodes.all.len()],
            taken: HashMap::new(),
        };
        for (index, node) in nodes.all.iter().enumerate().skip(1) {
            if let Some(place) = node.places[side] {
                tree.put(index, place.parent, place.entry.name.clone());
            }
        }
        tree
    }

    fn key(&self, name: &Name) -> Box<str> {
        names::collision_key(name, self.capabilities.case, self.capabilities.unicode)
    }

    /// Puts `node` there; where it was becomes free.
    pub(super) fn put(&mut self, node: usize, parent: usize, name: Name) {
        self.remove(node);
        self.taken.insert((parent, self.key(&name)), node);
        self.at[node] = Some((parent, name));
    }

    fn remove(&mut self, node: usize) {
        if let Some((parent, name)) = self.at[node].take() {
            let place = (parent, self.key(&name));
            if self.taken.get(&place) == Some(&node) {
                self.taken.remove(&place);
            }
        }
    }

    /// Who has this name.
    pub(super) fn occupant(&self, parent: usize, name: &Name) -> Option<usize> {
        self.taken.get(&(parent, self.key(name))).copied()
    }

    /// Whether it is there.
    pub(super) fn holds(&self, node: usize) -> bool {
        node == 0 || self.at[node].is_some()
    }

    /// Its folder.
    pub(super) fn parent(&self, node: usize) -> Option<usize> {
        self.at[node].as_ref().map(|(parent, _)| *parent)
    }

    /// Its path.
    pub(super) fn path(&self, node: usize) -> RelPath {
        let mut names = Vec::new();
        let mut at = node;
        while let Some((parent, name)) = self.at.get(at).and_then(Option::as_ref) {
            names.push(name);
            at = *parent;
        }
        names
            .into_iter()
            .rev()
            .fold(RelPath::root(), |path, name| path.join(name))
    }

    /// Whether `folder` lies within `node`.
    pub(super) fn is_within(&self, folder: usize, node: usize) -> bool {
        let mut at = folder;
        loop {
            if at == node {
                return true;
            }
            match self.parent(at) {
                Some(parent) => at = parent,
                None => return false,
            }
        }
    }

    /// The folders from `folder` up to the one in `node`, which it lies within.
    pub(super) fn between(&self, folder: usize, node: usize) -> Vec<usize> {
        let up = std::iter::successors(Some(folder), |&at| self.parent(at));
        up.take_while(|&at| at != node).collect()
    }

    /// How deep it lies.
    pub(super) fn depth(&self, node: usize) -> usize {
        let mut depth = 0;
        let mut at = node;
        while let Some(parent) = self.parent(at) {
            depth += 1;
            at = parent;
        }
        depth
    }
}
