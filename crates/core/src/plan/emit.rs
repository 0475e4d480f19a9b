//! The actions, in an order that works: folders and moves one after the other, then transfers and metadata,
//! deletes last and bottom-up.
//!
//! What cannot be said yet (content of what is moved first, a name that is freed by a delete) is left to the
//! next plan.

use std::collections::BTreeSet;

use super::action::{Absence, Action, At, Deed, LeftOut, Plan, Refusal, Retain, Standing};
use super::compare::{Change, change_since};
use super::decide::{Content, Life, Want};
use super::node::Nodes;
use super::reason::Reason;
use super::settle::longest;
use super::tree::Tree;
use super::trees::{Input, MadeCopy, Seen};
use crate::conflict_name::conflict_name;
use crate::entry::{Entry, HashKind, Kind};
use crate::names;
use crate::path::Name;
use crate::side::{PerSide, Side};
use crate::storage::Meta;
use crate::time::Timestamp;

pub(super) fn emit(input: &Input<'_>, nodes: &Nodes<'_>, wants: &[Want], plan: &mut Plan) {
    let mut emitter = Emitter {
        input,
        nodes,
        wants,
        plan,
        trees: PerSide::from_fn(|side| Tree::new(input, nodes, side)),
        moved: PerSide::from_fn(|_| BTreeSet::new()),
        refused: PerSide::from_fn(|_| BTreeSet::new()),
    };
    emitter.folders_and_moves();
    emitter.adoptions();
    emitter.contents();
    emitter.deletes();
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

    fn is_in_place(&self, side: Side, node: usize) -> bool {
        let want = &self.wants[node];
        self.nodes.all[node].places[side].is_some_and(|p| p.parent == want.parent)
            && self.nodes.name_on(side, node).as_ref() == Some(&want.name)
    }

    fn folders_and_moves(&mut self) {
        for side in Side::BOTH {
            if !self.may_change(side) {
                continue;
            }
            let mut pending: Vec<usize> = (1..self.nodes.all.len())
                .filter(|&n| self.needs_step(side, n))
                .collect();
            loop {
                let before = pending.len();
                pending.retain(|&node| !self.try_step(side, node));
                if pending.len() == before && !self.swap_step(side, &mut pending) {
                    break;
                }
            }
        }
    }

    fn needs_step(&self, side: Side, node: usize) -> bool {
        let it = &self.nodes.all[node];
        match (self.wants[node].life, it.places[side]) {
            (Life::Alive | Life::Aside, Some(_)) => !self.is_in_place(side, node),
            (Life::Alive, None) => it.kind == Kind::Folder,
            _ => false,
        }
    }

    /// Makes the folder or the move if it can be made now. True once it is settled, done or refused.
    fn try_step(&mut self, side: Side, node: usize) -> bool {
        let want = &self.wants[node];
        if self.refused[side].contains(&want.parent) {
            return self.refuse(side, node, Refusal::NameRefused);
        }
        if !self.trees[side].holds(want.parent) || self.is_known_elsewhere(want.parent) {
            return false;
        }
        let Some(native) = self.native(side, node) else {
            return self.refuse(side, node, Refusal::NameRefused);
        };
        if self.trees[side]
            .occupant(want.parent, &native)
            .is_some_and(|other| other != node)
        {
            return false;
        }
        let other = side.other();
        if self.nodes.all[node].places[side].is_none()
            && !self.is_in_place(other, node)
            && self.may_change(other)
        {
            // Its name over there is about to change: it is made under the new one, by the next plan.
            return true;
        }
        match self.nodes.all[node].places[side] {
            Some(place) => {
                if self.trees[side].is_within(want.parent, node) {
                    return false;
                }
                let from = At {
                    path: self.trees[side].path(node),
                    entry: place.entry.clone(),
                };
                let parent = self.wants[node].parent;
                self.trees[side].put(node, parent, native);
                let to = self.trees[side].path(node);
                self.moved[side].insert(node);
                let reason = self.wants[node].place_reason;
                let deed = self.move_deed(side, node, from, to);
                self.push(side, node, deed, reason);
            }
            None => {
                let parent = self.wants[node].parent;
                self.trees[side].put(node, parent, native);
                let path = self.trees[side].path(node);
                let reason = self.wants[node].create_reason;
                let Some(other) = self.nodes.all[node].places[side.other()] else {
                    return true;
                };
                self.push(
                    side,
                    node,
                    Deed::CreateFolder {
                        path,
                        from: other.entry.clone(),
                    },
                    reason,
                );
            }
        }
        true
    }

    /// Whether a side has moved this folder, and nothing in this plan notes it: what lies below is still known
    /// under the folder's fresh id, and steps there are left to the next plan.
    fn is_known_elsewhere(&self, folder: usize) -> bool {
        let it = &self.nodes.all[folder];
        let stepped = Side::BOTH.iter().any(|&s| self.moved[s].contains(&folder));
        it.base.is_some()
            && !stepped
            && Side::BOTH
                .iter()
                .any(|&s| it.known_as[s].is_some_and(|id| id != it.id))
    }

    fn move_deed(&self, side: Side, node: usize, from: At, to: crate::path::RelPath) -> Deed {
        let it = &self.nodes.all[node];
        let unchanged = PerSide::from_fn(|s| {
            let base = it.base.and_then(|b| b.entries[s].as_ref());
            match (it.places[s], base) {
                (Some(place), Some(base)) => matches!(
                    change_since(place.entry, base, self.input.capabilities[s]),
                    Change::Same | Change::Restamped
                ),
                _ => false,
            }
        });
        let other = side.other();
        let other = self
            .is_in_place(other, node)
            .then(|| it.places[other].map(|p| p.entry.clone()))
            .flatten();
        Deed::Move {
            from,
            to,
            unchanged,
            other,
        }
    }

    /// Frees a name for the time of a swap or cycle: one of the movers goes to a name of its own first.
    fn swap_step(&mut self, side: Side, pending: &mut Vec<usize>) -> bool {
        let waits: BTreeSet<usize> = pending.iter().copied().collect();
        let occupants: Vec<Option<usize>> = pending
            .iter()
            .map(|&node| {
                let native = self.native(side, node)?;
                self.trees[side]
                    .occupant(self.wants[node].parent, &native)
                    .filter(|&other| other != node)
            })
            .collect();
        let in_the_way: BTreeSet<usize> = occupants.iter().copied().flatten().collect();
        // One that waits for a waiting one and is itself waited for: going aside lets the others go on.
        let blocked = pending.iter().zip(&occupants).position(|(node, occupant)| {
            self.nodes.all[*node].places[side].is_some()
                && self.nodes.all[*node].base.is_some()
                && in_the_way.contains(node)
                && occupant.is_some_and(|other| waits.contains(&other))
        });
        let Some(at) = blocked else { return false };
        let node = pending.remove(at);
        let (Some(place), Some(parent)) = (
            self.nodes.all[node].places[side],
            self.trees[side].parent(node),
        ) else {
            return false;
        };
        let (stem, extension) = place.entry.name.split_extension();
        let id = self.nodes.all[node].id.0;
        let stem: String = stem.chars().take(60).collect();
        let Ok(aside) = Name::new(format!("{stem} (swap {id:x}){extension}")) else {
            return false;
        };
        if self.trees[side].occupant(parent, &aside).is_some() {
            return false;
        }
        let from = At {
            path: self.trees[side].path(node),
            entry: place.entry.clone(),
        };
        self.trees[side].put(node, parent, aside);
        let to = self.trees[side].path(node);
        self.moved[side].insert(node);
        let deed = self.move_deed(side, node, from, to);
        self.push(side, node, deed, Reason::SwapStep);
        true
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

    fn refuse(&mut self, side: Side, node: usize, why: Refusal) -> bool {
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
        true
    }

    /// What is equal already is noted; what is to be dropped is dropped.
    fn adoptions(&mut self) {
        for node in 1..self.nodes.all.len() {
            let it = &self.nodes.all[node];
            let want = &self.wants[node];
            if let Life::Forgotten(reason) = want.life {
                // Of what could not be looked at nobody knows what is left.
                let left = PerSide::from_fn(|side| {
                    let known = it.base.is_none_or(|b| b.seen[side] != Seen::Unknown);
                    it.places[side].filter(|_| known).map(|p| p.entry.clone())
                });
                self.push(Side::Source, node, Deed::Forget { left }, reason);
                continue;
            }
            let (Life::Alive, Some(source), Some(destination)) =
                (want.life, it.places.source, it.places.destination)
            else {
                continue;
            };
            let settled = Side::BOTH
                .iter()
                .all(|&s| self.is_in_place(s, node) && !self.moved[s].contains(&node));
            let relocated = source.moved || destination.moved;
            let equality = match want.content {
                Content::Adopt(equality) => equality,
                Content::AsIs if relocated => None,
                _ => continue,
            };
            if settled {
                let deed = Deed::Adopt {
                    equality,
                    source: source.entry.clone(),
                    destination: destination.entry.clone(),
                };
                let reason = if relocated {
                    want.place_reason
                } else {
                    Reason::EqualOnBoth
                };
                self.push(Side::Source, node, deed, reason);
            }
        }
    }

    fn contents(&mut self) {
        for node in 1..self.nodes.all.len() {
            if self.nodes.all[node].kind == Kind::Opaque {
                self.list_opaque(node);
            }
            if self.wants[node].life != Life::Alive || self.nodes.all[node].kind == Kind::Folder {
                continue;
            }
            match self.nodes.all[node].places {
                PerSide {
                    source: Some(_),
                    destination: Some(_),
                } => self.content_of_both(node),
                PerSide {
                    source: Some(_),
                    destination: None,
                } => self.create(Side::Destination, node),
                PerSide {
                    source: None,
                    destination: Some(_),
                } => self.create(Side::Source, node),
                PerSide {
                    source: None,
                    destination: None,
                } => {}
            }
        }
    }

    fn list_opaque(&mut self, node: usize) {
        for side in Side::BOTH {
            if self.nodes.all[node].places[side].is_some() {
                let path = self.nodes.path(side, node);
                self.plan.left_out.push(LeftOut {
                    side,
                    path,
                    why: Refusal::Opaque,
                });
            }
        }
    }

    /// Where the side has it after the moves of this plan, unless it is itself moved in it.
    fn at(&self, side: Side, node: usize) -> Option<At> {
        let place = self.nodes.all[node].places[side]?;
        (!self.moved[side].contains(&node)).then(|| At {
            path: self.trees[side].path(node),
            entry: place.entry.clone(),
        })
    }

    fn create(&mut self, side: Side, node: usize) {
        if !self.may_change(side) {
            return;
        }
        let Some(from) = self.at(side.other(), node) else {
            return;
        };
        let parent = self.wants[node].parent;
        if self.refused[side].contains(&parent) {
            self.refuse(side, node, Refusal::NameRefused);
            return;
        }
        if !self.is_in_place(side.other(), node) && self.may_change(side.other()) {
            return;
        }
        let capabilities = self.input.capabilities[side];
        if from.entry.kind == Kind::Symlink && !capabilities.symlinks {
            self.refuse(side, node, Refusal::Symlink);
            return;
        }
        if capabilities
            .largest_file
            .is_some_and(|most| from.entry.size > most)
        {
            self.refuse(side, node, Refusal::TooLarge);
            return;
        }
        let Some(native) = self.native(side, node) else {
            self.refuse(side, node, Refusal::NameRefused);
            return;
        };
        if !self.trees[side].holds(parent) || self.trees[side].occupant(parent, &native).is_some() {
            return;
        }
        self.trees[side].put(node, parent, native);
        let path = self.trees[side].path(node);
        let reason = self.wants[node].create_reason;
        self.push(
            side,
            node,
            Deed::Transfer {
                from,
                path,
                replaces: None,
                retain: Retain::Superseded,
            },
            reason,
        );
    }

    fn content_of_both(&mut self, node: usize) {
        let (Some(source), Some(destination)) = (
            self.at(Side::Source, node),
            self.at(Side::Destination, node),
        ) else {
            return;
        };
        if !Side::BOTH.iter().all(|&s| self.is_in_place(s, node)) {
            return;
        }
        match self.wants[node].content {
            Content::AsIs | Content::Adopt(_) => {}
            Content::From(side, reason, retain) => self.replace(side, node, reason, retain),
            Content::MetaFrom(side) => self.set_meta(side, node),
            Content::KeepBoth { loser } => self.keep_both(loser, node),
            Content::Merge => {
                self.push(
                    Side::Destination,
                    node,
                    Deed::Merge {
                        source,
                        destination,
                    },
                    Reason::ConflictMerged,
                );
            }
        }
    }

    fn replace(&mut self, from_side: Side, node: usize, reason: Reason, retain: Retain) {
        let side = from_side.other();
        let (Some(from), Some(to)) = (self.at(from_side, node), self.at(side, node)) else {
            return;
        };
        if !self.may_change(side) {
            return;
        }
        if self.input.capabilities[side]
            .largest_file
            .is_some_and(|most| from.entry.size > most)
        {
            self.refuse(side, node, Refusal::TooLarge);
            return;
        }
        self.push(
            side,
            node,
            Deed::Transfer {
                from,
                path: to.path,
                replaces: Some(to.entry),
                retain,
            },
            reason,
        );
    }

    fn set_meta(&mut self, from_side: Side, node: usize) {
        let side = from_side.other();
        let (Some(from), Some(at)) = (self.at(from_side, node), self.at(side, node)) else {
            return;
        };
        let capabilities = self.input.capabilities[side];
        let client = |e: &Entry| e.mtime.filter(|m| m.by_client);
        let time = client(&from.entry).filter(|m| {
            let step = capabilities
                .mtime_precision
                .max(self.input.capabilities[from_side].mtime_precision);
            capabilities.mtime
                && client(&at.entry).is_none_or(|there| there.at.distance(m.at) >= step.max(1))
        });
        let bit = from
            .entry
            .executable
            .filter(|_| capabilities.executable && at.entry.executable != from.entry.executable);
        if self.may_change(side) && (time.is_some() || bit.is_some()) {
            let meta = Meta {
                mtime: time,
                executable: bit,
                target: None,
            };
            self.push(
                side,
                node,
                Deed::SetMeta {
                    at,
                    meta,
                    from: from.entry,
                },
                Reason::MetaChangedOn(from_side),
            );
        } else {
            let (source, destination) = match from_side {
                Side::Source => (from.entry, at.entry),
                Side::Destination => (at.entry, from.entry),
            };
            let deed = Deed::Adopt {
                equality: None,
                source,
                destination,
            };
            self.push(Side::Source, node, deed, Reason::MetaChangedOn(from_side));
        }
    }

    /// First the loser's version gets a name of its own on its side; when that is seen, the winner's goes to
    /// the name. So neither name is empty at any time, and a crash in between changes nothing.
    fn keep_both(&mut self, loser: Side, node: usize) {
        let winner = loser.other();
        let Some(lost) = self.at(loser, node) else {
            return;
        };
        let Some(parent) = self.trees[loser].parent(node) else {
            return;
        };
        let at = lost.entry.mtime.map_or(Timestamp(0), |m| m.at);
        let rules = &self.input.capabilities[loser].names;
        for ordinal in 1..1000 {
            let name = conflict_name(
                &self.nodes.all[node].name,
                at,
                self.input.device,
                ordinal,
                longest(self.input),
            );
            let Ok(native) = names::encode(&name, rules) else {
                return;
            };
            let native = native.into_owned();
            match self.trees[loser].occupant(parent, &native) {
                // A conflict on a copy can come to the copy's own name.
                Some(copy) if copy == node => {}
                Some(copy) => match self.is_copy(loser, copy, &lost.entry) {
                    Some(true) => {
                        self.replace(
                            winner,
                            node,
                            Reason::ConflictKeptBoth(winner),
                            Retain::Superseded,
                        );
                        return;
                    }
                    Some(false) => {}
                    None => {
                        self.ask_for_hashes(loser, &[node, copy]);
                        return;
                    }
                },
                None if self.trees[winner].occupant(parent, &name).is_none() => {
                    let path = self.trees[loser].path(parent).join(&native);
                    self.push(
                        loser,
                        node,
                        Deed::Duplicate { from: lost, path },
                        Reason::ConflictKeptBoth(winner),
                    );
                    return;
                }
                None => {}
            }
        }
    }

    /// Whether `copy` holds the content of `lost`; `None` if it must be read to tell.
    fn is_copy(&self, side: Side, copy: usize, lost: &Entry) -> Option<bool> {
        let entry = self.nodes.all[copy].places[side]?.entry;
        let made =
            |c: &MadeCopy| (c.side, &c.of, &c.copy) == (side, &lost.revision, &entry.revision);
        if entry.kind == lost.kind && self.input.trees.copies.iter().any(made) {
            return Some(true);
        }
        match entry.kind {
            Kind::Symlink => Some(lost.kind == Kind::Symlink && lost.target == entry.target),
            Kind::File if lost.kind == Kind::File && lost.size == entry.size => {
                entry.same_by_hash(lost)
            }
            _ => Some(false),
        }
    }

    fn ask_for_hashes(&mut self, side: Side, nodes: &[usize]) {
        for &node in nodes {
            let known = self.nodes.all[node].places[side]
                .is_some_and(|p| p.entry.hash(HashKind::Blake3).is_some());
            if !known {
                self.plan.evidence.push(self.nodes.evidence(
                    side,
                    node,
                    self.nodes.id_on(side, node),
                ));
            }
        }
    }

    fn deletes(&mut self) {
        for side in Side::BOTH {
            if !self.may_change(side) {
                continue;
            }
            let mut there: Vec<(usize, usize)> = (1..self.nodes.all.len())
                .filter(|&n| self.trees[side].holds(n))
                .map(|n| (self.trees[side].depth(n), n))
                .collect();
            there.sort_by(|a, b| b.cmp(a));
            let mut needed = vec![false; self.nodes.all.len()];
            for (_, node) in there {
                match self.wants[node].life {
                    Life::Dead(reason) if !needed[node] => self.delete(side, node, reason),
                    _ => needed[self.trees[side].parent(node).unwrap_or(0)] = true,
                }
            }
        }
    }

    fn delete(&mut self, side: Side, node: usize, reason: Reason) {
        let it = &self.nodes.all[node];
        let Some(place) = it.places[side] else { return };
        let at = At {
            path: self.trees[side].path(node),
            entry: place.entry.clone(),
        };
        let known = it
            .base
            .and_then(|b| b.entries[side].as_ref())
            .is_some_and(|base| {
                change_since(place.entry, base, self.input.capabilities[side]) != Change::Edited
            });
        let retain = if known {
            Retain::Superseded
        } else {
            Retain::Unseen
        };
        let absent = self.absence(side.other(), node);
        self.push(side, node, Deed::Delete { at, retain, absent }, reason);
    }

    /// What must still be absent on `side` when the node is deleted on the other.
    fn absence(&self, side: Side, node: usize) -> Option<Absence> {
        let it = &self.nodes.all[node];
        let Some(base) = it.base else {
            return self.absence_of_own(side, node);
        };
        let path = self.nodes.base_path(side, node)?;
        let name = base.entries[side].as_ref().map_or(&base.name, |e| &e.name);
        Some(Absence {
            path,
            instead: self.instead(side, node, it.base_parent, name),
        })
    }

    /// The same of what only the other side has: where it would be. What this side cannot even name is not there.
    fn absence_of_own(&self, side: Side, node: usize) -> Option<Absence> {
        let rules = &self.input.capabilities[side].names;
        let mut names = Vec::new();
        let mut at = node;
        while at != 0 && (at == node || !self.trees[side].holds(at)) {
            names.push(
                names::encode(&self.nodes.all[at].name, rules)
                    .ok()?
                    .into_owned(),
            );
            at = self.trees[side.other()].parent(at)?;
        }
        let above = self.trees[side].path(at);
        let path = names.iter().rev().fold(above, |path, name| path.join(name));
        let parent = self.trees[side.other()].parent(node)?;
        let instead = self.instead(side, node, parent, names.first()?);
        Some(Absence { path, instead })
    }

    /// What else has the name in that folder.
    fn instead(&self, side: Side, node: usize, parent: usize, name: &Name) -> Option<Entry> {
        let other = self.trees[side].occupant(parent, name)?;
        let place = self.nodes.all[other].places[side].filter(|_| other != node)?;
        Some(place.entry.clone())
    }
}
