//! Where the base has each item while a plan is put in order: as it will be after the actions so far.

use std::collections::HashMap;

use super::super::node::Nodes;
use crate::path::Name;
use crate::side::Side;

/// Each node's folder in the base, and who has each place there.
pub(super) struct BasePlaces {
    /// By node; of what the base does not have, the root.
    folders: Vec<usize>,
    /// By node, if it is in `holders`.
    names: Vec<Option<Name>>,
    holders: HashMap<(usize, Name), usize>,
}

impl BasePlaces {
    pub(super) fn new(nodes: &Nodes<'_>) -> Self {
        let mut places = Self {
            folders: vec![0; nodes.all.len()],
            names: vec![None; nodes.all.len()],
            holders: HashMap::new(),
        };
        for (index, node) in nodes.all.iter().enumerate().skip(1) {
            places.folders[index] = node.base_parent;
            let mut shown = Side::BOTH.iter().filter_map(|&side| node.places[side]);
            if node.base.is_some() && shown.any(|place| place.moved) {
                places.put(index, node.base_parent, node.name.clone());
            }
        }
        places
    }

    /// Notes the node there; where it was becomes free.
    pub(super) fn put(&mut self, node: usize, folder: usize, name: Name) {
        if let Some(was) = self.names[node].take() {
            let place = (self.folders[node], was);
            if self.holders.get(&place) == Some(&node) {
                self.holders.remove(&place);
            }
        }
        self.holders.insert((folder, name.clone()), node);
        (self.folders[node], self.names[node]) = (folder, Some(name));
    }

    /// Its folder.
    pub(super) fn folder(&self, node: usize) -> usize {
        self.folders[node]
    }

    /// Who has this place, of those that a side has moved or the plan has put somewhere.
    pub(super) fn holder(&self, folder: usize, name: &Name) -> Option<usize> {
        self.holders.get(&(folder, name.clone())).copied()
    }

    /// Whether `folder` is the node or lies within it.
    pub(super) fn is_within(&self, folder: usize, node: usize) -> bool {
        let up = std::iter::successors(Some(folder), |&at| Some(self.folders[at]));
        up.take_while(|&at| at != 0).any(|at| at == node)
    }
}
