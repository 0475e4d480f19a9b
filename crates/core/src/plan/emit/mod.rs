//! The actions, in an order that works: folders that are only noted, folders and moves one after the other, then transfers
//! and metadata, deletes last and bottom-up.
//!
//! What cannot be said yet (content of what is moved first, a name that is freed by a delete) is left to the
//! next plan.

mod aside;
mod contents;
mod queue;
mod steps;

use std::collections::{BTreeMap, BTreeSet};

use super::action::{
    Absence, Action, At, Deed, Equality, LeftOut, Plan, Refusal, Retain, Standing,
};
use super::compare::Change;
use super::decide::{Content, Life, Want};
use super::node::Nodes;
use super::reason::Reason;
use super::tree::Tree;
use super::trees::{Input, Seen};
use crate::entry::Kind;
use crate::mutant;
use crate::names;
use crate::path::Name;
use crate::side::{PerSide, Side};

pub(super) fn emit(input: &Input<'_>, nodes: &Nodes<'_>, wants: &[Want], plan: &mut Plan) {
    let mut emitter = Emitter {
        input,
        nodes,
        wants,
        plan,
        trees: PerSide::from_fn(|side| Tree::new(input, nodes, side)),
        moved: PerSide::from_fn(|_| BTreeSet::new()),
        refused: PerSide::from_fn(|_| BTreeSet::new()),
        noted: BTreeSet::new(),
        base: nodes.all.iter().map(|node| node.base_parent).collect(),
        owed: PerSide::from_fn(|side| owed_in(nodes, wants, side)),
    };
    emitter.adopt_folders();
    emitter.folders_and_moves();
    emitter.adoptions();
    let delete_first = mutant!("P2 deletes go first");
    if delete_first {
        emitter.deletes();
    }
    emitter.contents();
    if !delete_first {
        emitter.deletes();
    }
}

struct Emitter<'a, 'b> {
    input: &'a Input<'a>,
    nodes: &'a Nodes<'a>,
    wants: &'a [Want],
    plan: &'b mut Plan,
    trees: PerSide<Tree<'a>>,
    /// Moved in this plan: their revision is not known until it is done.
    moved: PerSide<BTreeSet<usize>>,
    /// Not carried to the side, and all below neither.
    refused: PerSide<BTreeSet<usize>>,
    /// Noted, made or moved in this plan, and recorded so that both sides know what lies in them under their own ids.
    noted: BTreeSet<usize>,
    /// Each node's folder in the base after the actions so far.
    base: Vec<usize>,
    /// By folder that a side lacks, what the base has in it and the side is to receive as well.
    owed: PerSide<BTreeMap<usize, Vec<Name>>>,
}

/// What lives in folders of the base that live and that `side` lacks with it: when such a folder is there again, it is
/// not deleted there.
fn owed_in(nodes: &Nodes<'_>, wants: &[Want], side: Side) -> BTreeMap<usize, Vec<Name>> {
    let mut owed: BTreeMap<usize, Vec<Name>> = BTreeMap::new();
    let lives =
        |node: usize| wants[node].life == Life::Alive && nodes.all[node].places[side].is_none();
    for (index, node) in nodes.all.iter().enumerate().skip(1) {
        let was_there = node.base.is_some_and(|base| base.entries[side].is_some());
        if was_there && node.base_parent != 0 && lives(index) && lives(node.base_parent) {
            owed.entry(node.base_parent)
                .or_default()
                .push(node.name.clone());
        }
    }
    owed
}

impl Emitter<'_, '_> {
    /// Whether this plan may change the side: in one-way modes only the follower.
    fn may_change(&self, side: Side) -> bool {
        self.input.policy.mode.leader() != Some(side)
    }

    fn standing(&self, node: usize) -> Standing {
        let it = &self.nodes.all[node];
        Standing {
            item: it.id,
            in_base: it.base.is_some(),
            known_as: it.known_as,
            parent: self.nodes.all[self.wants[node].parent].id,
            folders: PerSide::from_fn(|side| self.nodes.id_on(side, self.wants[node].parent)),
            name: self.wants[node].name.clone(),
            kind: it.kind,
            places: PerSide::from_fn(|side| {
                let place = it.places[side]?;
                Some((
                    self.nodes.id_on(side, place.parent),
                    place.entry.name.clone(),
                ))
            }),
        }
    }

    fn push(&mut self, side: Side, node: usize, deed: Deed, reason: Reason) {
        let standing = self.standing(node);
        self.plan.actions.push(Action {
            side,
            standing,
            deed,
            reason,
        });
    }

    /// Whether the base could not have the node in that folder yet: there the folder still lies within the node.
    fn holds_in_base(&self, node: usize, folder: usize) -> bool {
        let up = std::iter::successors(Some(folder), |&at| Some(self.base[at]));
        up.take_while(|&at| at != 0).any(|at| at == node)
    }

    /// Whether the side has the node where it is to be.
    fn is_in_place(&self, side: Side, node: usize) -> bool {
        let want = &self.wants[node];
        self.nodes.all[node].places[side].is_some_and(|p| p.parent == want.parent)
            && (self.nodes.name_on(side, node).as_ref() == Some(&want.name)
                || self.is_twin_that_leads(side, node))
    }

    /// Whether `side`, which no plan changes, has the file beside another of a name that is one with its own on the
    /// follower: there it has a name of its own, and here it keeps what it has.
    fn is_twin_that_leads(&self, side: Side, node: usize) -> bool {
        let it = &self.nodes.all[node];
        let want = &self.wants[node];
        // A folder and a file of one name are told apart as two files are.
        let is_like_it = match want.place_reason {
            Reason::NameTaken(_) => true,
            Reason::FileAgainstFolder(_) => false,
            _ => return false,
        };
        if self.may_change(side) || want.life != Life::Alive {
            return false;
        }
        let place = |node: usize| {
            let place = self.nodes.all[node].places[side]?;
            let name = self.nodes.decoded(side, &place.entry.name);
            Some((place.parent, self.nodes.key(&name)))
        };
        let here = place(node);
        (1..self.nodes.all.len()).any(|other| {
            other != node
                && ((self.nodes.all[other].kind == Kind::File) == (it.kind == Kind::File))
                    == is_like_it
                && self.wants[other].life == Life::Alive
                && place(other) == here
        })
    }

    /// The side's spelling of the name it should have; `None` if the side cannot hold it.
    fn native(&self, side: Side, node: usize) -> Option<Name> {
        let want = &self.wants[node];
        let rules = &self.input.capabilities[side].names;
        let native = names::encode(&want.name, rules).ok()?;
        let length = self.trees[side].path(want.parent).as_str().len() + 1 + native.as_str().len();
        (length <= rules.longest_path.map_or(usize::MAX, |n| n as usize))
            .then(|| native.into_owned())
    }

    fn refuse(&mut self, side: Side, node: usize, why: Refusal) {
        if self.refused[side].insert(node) {
            for side in [side.other(), side] {
                if self.nodes.all[node].places[side].is_some() {
                    self.plan.left_out.push(LeftOut {
                        side,
                        path: self.nodes.path(side, node),
                        why,
                    });
                }
            }
        }
    }

    /// Folders before anything is done in them, so that it is recorded in them.
    fn adopt_folders(&mut self) {
        for node in self.folders_first() {
            if self.nodes.all[node].kind == Kind::Folder {
                self.adopt(node);
            }
        }
    }

    /// What else is equal already is noted; what is to be dropped is dropped, bottom-up.
    fn adoptions(&mut self) {
        let all = self.folders_first();
        for &node in &all {
            if self.nodes.all[node].kind != Kind::Folder {
                self.adopt(node);
            }
        }
        let needed = self.needed_in_base();
        for &node in all.iter().rev() {
            if let Life::Forgotten(reason) = self.wants[node].life
                && !needed[node]
            {
                self.forget(node, reason);
            }
        }
    }

    /// Folders in which the base still has something that both sides have and that is not to go: it would be dropped with
    /// them.
    fn needed_in_base(&self) -> Vec<bool> {
        let mut needed = vec![false; self.nodes.all.len()];
        for (index, node) in self.nodes.all.iter().enumerate().skip(1) {
            if node.base.is_none() || self.wants[index].life.goes() || !node.is_on_both() {
                continue;
            }
            let mut at = index;
            while at != 0 {
                at = self.base[at];
                if std::mem::replace(&mut needed[at], true) {
                    break;
                }
            }
        }
        needed
    }

    fn forget(&mut self, node: usize, reason: Reason) {
        let it = &self.nodes.all[node];
        // Of what could not be looked at nobody knows what is left.
        let left = PerSide::from_fn(|side| {
            let known = it.base.is_none_or(|b| b.seen[side] != Seen::Unknown);
            it.places[side].filter(|_| known).map(|p| p.entry.clone())
        });
        self.push(Side::Source, node, Deed::Forget { left }, reason);
    }

    /// How the node, which both sides have where it is to be, is equal on both; `None` if there is nothing to note.
    fn can_adopt(&self, node: usize) -> Option<Option<Equality>> {
        let it = &self.nodes.all[node];
        let want = &self.wants[node];
        let (Life::Alive, Some(source), Some(destination)) =
            (want.life, it.places.source, it.places.destination)
        else {
            return None;
        };
        let gets_name_back = it.is_set_aside() && want.name != it.name;
        let equality = match want.content {
            Content::Adopt(equality) => equality,
            Content::AsIs if source.moved || destination.moved || gets_name_back => None,
            _ => return None,
        };
        let is_settled =
            |side: Side| self.is_in_place(side, node) && !self.moved[side].contains(&node);
        Side::BOTH.into_iter().all(is_settled).then_some(equality)
    }

    /// Notes the node if the base can have it where it is to be.
    fn adopt(&mut self, node: usize) {
        let want = &self.wants[node];
        let (
            Some(equality),
            PerSide {
                source: Some(source),
                destination: Some(destination),
            },
        ) = (self.can_adopt(node), self.nodes.all[node].places)
        else {
            return;
        };
        if self.holds_in_base(node, want.parent) || !self.is_known(want.parent) {
            return;
        }
        // A backup leaves what only the follower edited.
        let unchanged = PerSide::from_fn(|side| {
            want.content != Content::AsIs || self.nodes.change(side, node) != Some(Change::Edited)
        });
        let reason = if source.moved || destination.moved {
            want.place_reason
        } else {
            Reason::EqualOnBoth
        };
        let deed = Deed::Adopt {
            equality,
            source: source.entry.clone(),
            destination: destination.entry.clone(),
            unchanged,
        };
        self.base[node] = want.parent;
        self.noted.insert(node);
        self.push(Side::Source, node, deed, reason);
    }

    /// All nodes, each after the folder it is to be in.
    fn folders_first(&self) -> Vec<usize> {
        let depth = |node: usize| {
            let up = std::iter::successors(Some(node), |&at| Some(self.wants[at].parent));
            up.take(self.wants.len()).take_while(|&at| at != 0).count()
        };
        let mut all: Vec<usize> = (1..self.nodes.all.len()).collect();
        all.sort_by_cached_key(|&node| depth(node));
        all
    }

    fn deletes(&mut self) {
        let in_base = self.needed_in_base();
        for side in Side::BOTH {
            if !self.may_change(side) {
                continue;
            }
            let mut there: Vec<(usize, usize)> = (1..self.nodes.all.len())
                .filter(|&n| self.trees[side].holds(n))
                .map(|n| (self.trees[side].depth(n), n))
                .collect();
            there.sort_by(|a, b| b.cmp(a));
            let mut needed = in_base.clone();
            for (_, node) in there {
                let want = &self.wants[node];
                let is_released = |other: usize| self.wants[other].life.goes();
                let waits = want.waits_for.is_some_and(is_released);
                match want.life {
                    Life::Dead(reason) if !needed[node] && !waits => {
                        self.delete(side, node, reason);
                    }
                    _ => needed[self.trees[side].parent(node).unwrap_or(0)] = true,
                }
            }
        }
    }

    fn delete(&mut self, side: Side, node: usize, reason: Reason) {
        let it = &self.nodes.all[node];
        let Some(place) = it.places[side] else { return };
        if self.moved[side].contains(&node) {
            // It went out of the way: what it is there is known when that is done.
            return;
        }
        let at = At {
            path: self.trees[side].path(node),
            entry: place.entry.clone(),
        };
        // What must be read to tell is not known: it may be an edit that nobody has seen.
        let known = matches!(
            self.nodes.change(side, node),
            Some(Change::Same | Change::Restamped | Change::Meta)
        ) || mutant!("P1 what nobody has seen goes as superseded");
        let retain = if known {
            Retain::Superseded
        } else {
            Retain::Unseen
        };
        let absent = self
            .absence(side.other(), node)
            .filter(|_| !mutant!("P10 what is deleted may be back on the other side"));
        self.push(side, node, Deed::Delete { at, retain, absent }, reason);
    }

    /// What must still be absent on `side` when the node is deleted on the other: the node, or the first folder
    /// above it that is not there either. What this side cannot even name is not there.
    fn absence(&self, side: Side, node: usize) -> Option<Absence> {
        let mut names = Vec::new();
        let mut folder = node;
        while folder != 0 && (folder == node || !self.trees[side].holds(folder)) {
            let (above, name) = self.missing_at(side, folder)?;
            names.push(name);
            folder = above;
        }
        let mut path = self.trees[side].path(folder);
        while let Some(name) = names.pop() {
            path = path.join(&name);
            let other = self.trees[side].occupant(folder, &name);
            let place = other.filter(|&other| other != node);
            let place = place.and_then(|other| self.nodes.all[other].places[side]);
            let instead = place.map(|place| place.entry.clone());
            // Only a folder of this very name can hold what the names below it stand for.
            let goes_on = instead
                .as_ref()
                .is_some_and(|e| e.kind == Kind::Folder && e.name == name);
            match other.filter(|_| goes_on && !names.is_empty()) {
                Some(other) => folder = other,
                None => return Some(Absence { path, instead }),
            }
        }
        None
    }

    /// The folder and the name under which `side`, which does not have the node, had it or would have it.
    fn missing_at(&self, side: Side, node: usize) -> Option<(usize, Name)> {
        let it = &self.nodes.all[node];
        if let Some(base) = it.base {
            let entry = base.entries[side].as_ref();
            let name = entry.map_or(&base.name, |e| &e.name);
            return Some((it.base_parent, name.clone()));
        }
        let rules = &self.input.capabilities[side].names;
        let name = names::encode(&it.name, rules).ok()?.into_owned();
        Some((self.trees[side.other()].parent(node)?, name))
    }
}
