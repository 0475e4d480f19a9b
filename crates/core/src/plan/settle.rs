//! Makes one possible tree of what the nodes should come to: no folder within itself, no living item in a
//! dead folder, no two items of one name.

use std::collections::BTreeSet;

use foldhash::{HashMap, HashMapExt};

use super::action::{ConflictKind, LeftOut, Plan, Refusal};
use super::decide::{Life, Want};
use super::node::Nodes;
use super::reason::Reason;
use super::trees::{Input, ItemId};
use crate::capabilities::Capabilities;
use crate::conflict_name::conflict_name;
use crate::entry::{Entry, Kind};
use crate::mutant;
use crate::names::{self, NameRefusal};
use crate::path::Name;
use crate::side::Side;
use crate::time::Timestamp;

/// Answers, by their fresh ids, items moved to where the other side cannot hold them.
pub(super) fn settle(
    input: &Input<'_>,
    nodes: &Nodes<'_>,
    wants: &mut [Want],
    plan: &mut Plan,
) -> Vec<(Side, ItemId)> {
    let mut settler = Settler {
        input,
        nodes,
        wants,
        plan,
        left_out: BTreeSet::new(),
        revived: Vec::new(),
    };
    settler.take_back_cycles();
    settler.folders();
    settler.tell_apart();
    settler.leave_with_folder();
    settler.folders_without_left_out();
    settler.moves_out()
}

struct Settler<'a, 'b> {
    input: &'a Input<'a>,
    nodes: &'a Nodes<'a>,
    wants: &'b mut [Want],
    plan: &'b mut Plan,
    /// Left where they are because of their names.
    left_out: BTreeSet<usize>,
    /// Folders that live for what lies in them, and what they were to come to.
    revived: Vec<(usize, Life)>,
}

impl Settler<'_, '_> {
    /// Folders moved into each other go back to where they were; neither move is carried.
    fn take_back_cycles(&mut self) {
        let mut taken_back = BTreeSet::new();
        // Known to lead to the root.
        let mut is_rooted = vec![false; self.wants.len()];
        is_rooted[0] = true;
        let mut at_step = vec![None; self.wants.len()];
        for start in 1..self.wants.len() {
            let mut path = Vec::new();
            let mut at = start;
            while !is_rooted[at] {
                if let Some(begin) = at_step[at] {
                    let mut cycle = path.split_off(begin);
                    for &node in &cycle {
                        at_step[node] = None;
                    }
                    let first = (0..cycle.len()).min_by_key(|&i| cycle[i]);
                    cycle.rotate_left(first.unwrap_or(0));
                    if !self.take_back(&cycle, &mut taken_back) {
                        break;
                    }
                } else {
                    at_step[at] = Some(path.len());
                    path.push(at);
                    at = self.wants[at].parent;
                }
            }
            for node in path {
                is_rooted[node] = true;
                at_step[node] = None;
            }
        }
    }

    /// Whether there was something to take back.
    fn take_back(&mut self, cycle: &[usize], taken_back: &mut BTreeSet<usize>) -> bool {
        let mut any = false;
        for &node in cycle {
            let it = &self.nodes.all[node];
            if it.base.is_none() || !taken_back.insert(node) {
                continue;
            }
            any = true;
            let moved = it.places.map(|place| place.is_some_and(|p| p.moved));
            let side = if moved.destination {
                Side::Destination
            } else {
                Side::Source
            };
            let want = &mut self.wants[node];
            want.parent = it.base_parent;
            want.name = it.own_name();
            want.place_reason = Reason::MovedIntoEachOther(side);
            if moved.source || moved.destination {
                self.note(node, ConflictKind::MovedIntoEachOther);
            }
        }
        any
    }

    /// What lies in them decides about folders.
    fn folders(&mut self) {
        self.revive_folders();
        self.empty_folders();
        self.keep_folders();
        self.keep_in_base();
    }

    /// The same once it is known what is left out: that asks for no folder on the other side.
    fn folders_without_left_out(&mut self) {
        if self.left_out.is_empty() || self.revived.is_empty() {
            return;
        }
        for (folder, life) in std::mem::take(&mut self.revived) {
            if self.wants[folder].life == Life::Alive {
                self.wants[folder].life = life;
                self.plan.conflicts.retain(|conflict| {
                    conflict.item != self.nodes.all[folder].id
                        || conflict.kind != ConflictKind::DeletedFolderInUse
                });
            }
        }
        self.folders();
    }

    /// A folder that something living lies in lives. What cannot be carried keeps its folder where it is.
    fn revive_folders(&mut self) {
        let goes_along = self.folders_with_left();
        for node in 1..self.wants.len() {
            if self.wants[node].life != Life::Alive || self.stays_alone(node) {
                continue;
            }
            let mut folder = self.wants[node].parent;
            while folder != 0 {
                let is_shown = self.is_shown_by(folder, node) && !goes_along.contains(&node);
                if self.wants[folder].life == Life::Alive || is_shown {
                    folder = self.wants[folder].parent;
                    continue;
                }
                let deleted_on = match self.wants[folder].life {
                    Life::Dead(Reason::DeletedOn(side)) => Some(side),
                    _ => None,
                };
                self.revived.push((folder, self.wants[folder].life));
                self.wants[folder].life = Life::Alive;
                if let Some(side) = deleted_on {
                    self.wants[folder].create_reason = Reason::FolderStillNeeded(side);
                    self.note(folder, ConflictKind::DeletedFolderInUse);
                }
                folder = self.wants[folder].parent;
            }
        }
    }

    /// Folders that a side without empty folders has elsewhere than they are to be, with something in them that goes along
    /// whatever becomes of all else: what is left as it is, or what a filter hides.
    fn folders_with_left(&self) -> BTreeSet<usize> {
        let mut with_left = BTreeSet::new();
        for side in Side::BOTH {
            if self.input.capabilities[side].empty_folders {
                continue;
            }
            let parent = |node: usize| self.nodes.all[node].places[side].map(|place| place.parent);
            let mut known = BTreeSet::new();
            let mut left = BTreeSet::new();
            for node in 1..self.wants.len() {
                known.extend(parent(node));
                if self.wants[node].life.is_left() && self.nodes.all[node].kind != Kind::Folder {
                    left.extend(std::iter::successors(parent(node), |&at| parent(at)));
                }
            }
            with_left.extend((1..self.wants.len()).filter(|&node| {
                let it = &self.nodes.all[node];
                let moves = it.places[side].is_some_and(|p| p.parent != self.wants[node].parent);
                let is_hidden = it.kind == Kind::Folder && !known.contains(&node);
                moves && (left.contains(&node) || is_hidden)
            }));
        }
        with_left
    }

    /// Whether nothing but a folder asks for one that a side without empty folders does not show.
    fn is_shown_by(&self, folder: usize, node: usize) -> bool {
        self.wants[folder].life.is_left() && self.nodes.all[node].kind == Kind::Folder
    }

    /// Whether only one side has it, and the other cannot hold it, or a folder that it lies in.
    fn stays_alone(&self, node: usize) -> bool {
        let places = self.nodes.all[node].places;
        Side::BOTH.into_iter().any(|side| {
            let lacks = places[side].is_none();
            lacks
                && places[side.other()].is_some_and(|p| {
                    refusal(self.input, side, p.entry).is_some() || self.cannot_be_named(side, node)
                })
        })
    }

    /// On a side without empty folders a folder goes with the last thing in it, and is deleted with it; one
    /// that was empty before says nothing.
    fn empty_folders(&mut self) {
        for node in (1..self.wants.len()).rev() {
            let Life::Dead(reason @ Reason::DeletedOn(side)) = self.wants[node].life else {
                continue;
            };
            let folder = self.nodes.all[node].base_parent;
            let flat = !self.input.capabilities[side].empty_folders;
            if flat
                && self.nodes.all[folder].places[side].is_none()
                && self.wants[folder].life.is_left()
            {
                self.wants[folder].life = Life::Dead(reason);
            }
        }
    }

    /// A folder stays where it holds something that is not carried (DESIGN 5.5).
    fn keep_folders(&mut self) {
        for node in 1..self.wants.len() {
            let stays = match self.wants[node].life {
                life if life.is_left() => true,
                Life::Alive => self.stays_alone(node),
                _ => false,
            };
            for side in Side::BOTH.into_iter().filter(|_| stays) {
                let mut at = self.nodes.all[node].places[side].map(|p| p.parent);
                while let Some(folder) =
                    at.filter(|&folder| matches!(self.wants[folder].life, Life::Dead(_)))
                {
                    self.wants[folder].life = Life::Leave;
                    at = self.nodes.all[folder].places[side].map(|p| p.parent);
                }
            }
        }
    }

    /// A folder that a backup keeps is not forgotten while the base has something in it that is to live: until that is
    /// noted elsewhere it stays, and makes room.
    fn keep_in_base(&mut self) {
        for node in 1..self.wants.len() {
            let it = &self.nodes.all[node];
            if it.base.is_none() || self.wants[node].life.goes() || !it.is_on_both() {
                continue;
            }
            let mut folder = it.base_parent;
            while folder != 0 {
                let above = &self.nodes.all[folder];
                if matches!(self.wants[folder].life, Life::Forgotten(_)) && above.is_somewhere() {
                    self.wants[folder].life = Life::Leave;
                }
                folder = above.base_parent;
            }
        }
    }

    /// Two items that want one name: one keeps it, the others are given another, or are left where they are
    /// if one side alone holds them beside each other.
    fn tell_apart(&mut self) {
        let mut by_place: HashMap<(usize, Box<str>), Vec<usize>> = HashMap::new();
        let mut order = Vec::new();
        for node in 1..self.wants.len() {
            if self.wants[node].life.goes() {
                continue;
            }
            if self.is_moved_to_refused_name(node) {
                self.leave_out(node, Refusal::NameRefused);
                continue;
            }
            let place = self.wanted_place(node);
            let there = by_place.entry(place.clone()).or_default();
            there.push(node);
            if there.len() == 2 && !mutant!("P12 two items take one name") {
                order.push(place);
            }
        }
        if mutant!("P3 the order of a hash map decides") {
            order = by_place.keys().cloned().collect();
        }
        for place in order {
            let mut there = by_place[&place].clone();
            there.retain(|&node| !self.is_in_nobodys_way(node, &by_place[&place]));
            there.sort_by_key(|&node| (self.claim(node), node));
            let Some((&keeper, others)) = there.split_first() else {
                continue;
            };
            for &node in others {
                if self.wants[node].life == Life::Alive {
                    self.give_way(node, keeper, &mut by_place);
                }
            }
        }
    }

    /// Whether it is never carried, and the side that has it tells its name from all of theirs: the other side has
    /// that for them.
    fn is_in_nobodys_way(&self, node: usize, rivals: &[usize]) -> bool {
        let it = &self.nodes.all[node];
        if it.kind != Kind::Opaque || it.base.is_some() {
            return false;
        }
        let tells = |side: &Side| {
            let &Capabilities { case, unicode, .. } = self.input.capabilities[*side];
            let key = |node: usize| names::collision_key(&self.wants[node].name, case, unicode);
            let mut others = rivals.iter().filter(|&&other| other != node);
            others.all(|&other| key(other) != key(node))
        };
        let mut sides = Side::BOTH.iter().filter(|&&s| it.places[s].is_some());
        sides.all(tells)
    }

    /// Who keeps a name: what is left as it is, then what both sides have there, for it cannot make room on a side that
    /// takes two names for one; then what stands there in the base, the destination's, the source's.
    fn claim(&self, node: usize) -> u8 {
        let it = &self.nodes.all[node];
        let stays = it.base.is_some()
            && self.wants[node].parent == it.base_parent
            && self.wants[node].name == it.name;
        let leads = match self.input.policy.mode.leader() {
            Some(leader) => it.places[leader].is_some(),
            None => it.places[Side::Destination].is_some(),
        };
        let place = self.wanted_place(node);
        let is_there = |side| self.is_at(side, node, &place);
        match (self.wants[node].life, stays, leads) {
            (Life::Leave | Life::Aside, ..) => 0,
            _ if Side::BOTH.into_iter().all(is_there) => 1,
            (_, true, _) => 2,
            (_, _, true) => 3,
            _ => 4,
        }
    }

    fn give_way(
        &mut self,
        node: usize,
        keeper: usize,
        by_place: &mut HashMap<(usize, Box<str>), Vec<usize>>,
    ) {
        let leads = |leader: Side| self.nodes.all[node].places[leader].is_some();
        let makes_room = match self.wants[keeper].life {
            Life::Leave => self.input.policy.mode.leader().is_some_and(leads),
            life => life == Life::Aside,
        };
        let (node, keeper) = if makes_room {
            self.wants[keeper].life = Life::Aside;
            (keeper, node)
        } else {
            (node, keeper)
        };
        let blocked =
            self.wants[keeper].life == Life::Leave && self.wants[node].life == Life::Alive;
        // Where both want the very same name no side can have them as they want it.
        let only_alike = self.wants[node].name != self.wants[keeper].name;
        if (only_alike && self.beside_each_other(node, keeper)) || blocked {
            self.leave_out(node, Refusal::Collision);
            return;
        }
        let (mine, other) = (self.nodes.all[node].kind, self.nodes.all[keeper].kind);
        // The time is that of one side for as long as that has it, so that the name stays what it is.
        let first = self.input.policy.mode.leader().unwrap_or(Side::Source);
        let side = if self.nodes.all[node].places[first].is_some() {
            first
        } else {
            first.other()
        };
        let parent = self.wants[node].parent;
        let (kind, reason) = if (mine == Kind::Folder) == (other == Kind::Folder) {
            (ConflictKind::SameName, Reason::NameTaken(side))
        } else {
            (
                ConflictKind::FileAgainstFolder,
                Reason::FileAgainstFolder(side),
            )
        };
        let Some(name) = self.free_name(node, side, parent, by_place) else {
            self.leave_out(node, Refusal::Collision);
            return;
        };
        by_place
            .entry((parent, self.nodes.key(&name)))
            .or_default()
            .push(node);
        self.wants[node].name = name;
        self.wants[node].place_reason = reason;
        self.note(node, kind);
    }

    /// It stays where each side has it: a move that cannot be carried leaves the other side's place as it is.
    fn leave_out(&mut self, node: usize, why: Refusal) {
        self.wants[node].life = Life::Leave;
        self.left_out.insert(node);
        for side in Side::BOTH {
            if self.nodes.all[node].places[side].is_some() {
                self.plan.left_out.push(LeftOut {
                    side,
                    path: self.nodes.path(side, node),
                    why,
                });
            }
        }
    }

    /// Whether a side moved it to where the other cannot hold it, for its name or that of a folder above it which
    /// only the mover has.
    fn is_moved_to_refused_name(&self, node: usize) -> bool {
        let places = self.nodes.all[node].places;
        self.wants[node].life == Life::Alive
            && Side::BOTH.into_iter().any(|side| {
                places[side].is_some_and(|p| p.moved) && self.cannot_be_named(side.other(), node)
            })
    }

    fn cannot_be_named(&self, side: Side, node: usize) -> bool {
        let rules = &self.input.capabilities[side].names;
        let mut at = node;
        while at != 0 && (at == node || self.nodes.all[at].places[side].is_none()) {
            if names::encode(&self.wants[at].name, rules).is_err() {
                return true;
            }
            at = self.wants[at].parent;
        }
        false
    }

    /// What belongs into a folder that is left out has no place on the other side: it is left too.
    fn leave_with_folder(&mut self) {
        if self.left_out.is_empty() {
            return;
        }
        let mut below = Vec::new();
        for node in 1..self.wants.len() {
            let mut at = self.wants[node].parent;
            while at != 0 && !self.left_out.contains(&at) {
                at = self.wants[at].parent;
            }
            if at != 0 {
                // To forget changes nothing there, and what else is kept for its sake waits for that.
                if !matches!(self.wants[node].life, Life::Forgotten(_)) {
                    self.wants[node].life = Life::Leave;
                }
                self.tell_of_folder_alone(node);
                below.push(node);
            }
        }
        self.left_out.extend(below);
    }

    /// Of what is left out with its folder only that is told, whatever it would be left out for itself.
    fn tell_of_folder_alone(&mut self, node: usize) {
        if !self.left_out.contains(&node) {
            return;
        }
        for side in Side::BOTH {
            let path = self.nodes.path(side, node);
            let mut told = self.plan.left_out.iter();
            if let Some(at) = told.position(|left| left.side == side && left.path == path) {
                self.plan.left_out.remove(at);
            }
        }
    }

    /// What was moved, or lies in a folder that was, to where it is left out. What stands in its folder as before has
    /// gone nowhere.
    fn moves_out(&self) -> Vec<(Side, ItemId)> {
        let mut moved = BTreeSet::new();
        let mut out = Vec::new();
        for &node in &self.left_out {
            let it = &self.nodes.all[node];
            for side in Side::BOTH {
                if let (Some(_), Some(place), Some(id)) =
                    (it.base, it.places[side], it.known_as[side])
                    && (place.moved || moved.contains(&(side, place.parent)))
                {
                    moved.insert((side, node));
                    out.push((side, id));
                }
            }
        }
        out
    }

    /// Whether the two lie beside each other on a side now, so that only the other side cannot hold both.
    fn beside_each_other(&self, a: usize, b: usize) -> bool {
        let place = self.wanted_place(a);
        Side::BOTH
            .into_iter()
            .any(|side| self.is_at(side, a, &place) && self.is_at(side, b, &place))
    }

    /// The folder that a node is to be in, and what its name there has in common with those it cannot lie beside.
    fn wanted_place(&self, node: usize) -> (usize, Box<str>) {
        let want = &self.wants[node];
        (want.parent, self.nodes.key(&want.name))
    }

    fn is_at(&self, side: Side, node: usize, (folder, key): &(usize, Box<str>)) -> bool {
        let name = self.nodes.name_on(side, node);
        let parent = self.nodes.all[node].places[side].map(|p| p.parent);
        parent == Some(*folder) && name.is_some_and(|name| self.nodes.key(&name) == *key)
    }

    fn free_name(
        &self,
        node: usize,
        side: Side,
        parent: usize,
        by_place: &HashMap<(usize, Box<str>), Vec<usize>>,
    ) -> Option<Name> {
        let at = self.nodes.written_at(side, node);
        (1..1000)
            .map(|n| copy_name(self.input, &self.wants[node].name, at, n))
            .find(|name| !by_place.contains_key(&(parent, self.nodes.key(name))))
    }

    fn note(&mut self, node: usize, kind: ConflictKind) {
        self.plan.conflicts.push(self.nodes.conflict(node, kind));
    }
}

/// Why `side` cannot hold what the other side has, whatever its name.
pub(super) fn refusal(input: &Input<'_>, side: Side, entry: &Entry) -> Option<Refusal> {
    let capabilities = input.capabilities[side];
    let too_large = |most: u64| entry.size > most;
    if entry.kind == Kind::Symlink && !capabilities.symlinks {
        Some(Refusal::Symlink)
    } else if capabilities.largest_file.is_some_and(too_large) {
        Some(Refusal::TooLarge)
    } else {
        None
    }
}

/// The name of a conflict copy of what is called `name`: one that both sides can hold, if there is any.
pub(super) fn copy_name(input: &Input<'_>, name: &Name, at: Timestamp, ordinal: u32) -> Name {
    let rules = input.capabilities.map(|side| &side.names);
    let longest = Side::BOTH.into_iter().filter_map(|s| rules[s].longest_name);
    let mut room = longest.min().map_or(255, |n| n as usize);
    loop {
        let copy = conflict_name(name, at, input.device, ordinal, room);
        let excess = |side: Side| match names::encode(&copy, rules[side]) {
            Err(NameRefusal::NameTooLong { bytes, longest }) => Some(bytes - longest.min(bytes)),
            _ => None,
        };
        let Some(excess) = Side::BOTH.into_iter().filter_map(excess).max() else {
            return copy;
        };
        let fits = copy.as_str().len().saturating_sub(excess as usize);
        // What always stays of a copy's name is longer than that.
        if fits >= room || copy.as_str().len() > room {
            return copy;
        }
        room = fits;
    }
}
