//! Folders and moves, one after the other: each where it can be made once those before it are done.

use std::collections::BTreeSet;

use super::super::action::{Action, At, Deed, Refusal, Standing};
use super::super::compare::Change;
use super::super::decide::Life;
use super::super::reason::Reason;
use super::super::swap::swap_name;
use super::Emitter;
use crate::entry::Kind;
use crate::path::{Name, RelPath};
use crate::side::{PerSide, Side};

impl Emitter<'_, '_> {
    pub(super) fn folders_and_moves(&mut self) {
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
            Some(_) if self.nodes.all[node].base.is_some() && self.moved[other].contains(&node) => {
                // Both sides have then moved it, which can be noted only once it is seen where it went over
                // there: the next plan does it.
                return true;
            }
            Some(_) if self.is_only_respelled(side, node, &native) => return false,
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

    fn move_deed(&self, side: Side, node: usize, from: At, to: RelPath) -> Deed {
        let it = &self.nodes.all[node];
        let unchanged = PerSide::from_fn(|s| {
            let change = self.nodes.change(s, node);
            matches!(change, Some(Change::Same | Change::Restamped))
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

    /// Whether the side takes the name for the one that the folder has already, and could move the folder only
    /// item by item: into itself.
    fn is_only_respelled(&self, side: Side, node: usize, native: &Name) -> bool {
        let parent = self.wants[node].parent;
        self.nodes.all[node].kind == Kind::Folder
            && !self.input.capabilities[side].folder_move
            && self.trees[side].occupant(parent, native) == Some(node)
    }

    /// Frees a name: something goes to a name of its own for a while, and the next plan goes on from there.
    fn swap_step(&mut self, side: Side, pending: &mut Vec<usize>) -> bool {
        let Some(node) = self
            .in_a_circle(side, pending)
            .or_else(|| self.full_and_dead(side, pending))
        else {
            return false;
        };
        pending.retain(|&other| other != node);
        self.go_aside(side, node)
    }

    /// One of the movers that wait for each other and have a name that one of them wants, or a folder that waits
    /// for itself.
    fn in_a_circle(&self, side: Side, pending: &[usize]) -> Option<usize> {
        let waiting: BTreeSet<usize> = pending.iter().copied().collect();
        let mut followed = BTreeSet::new();
        for &start in pending {
            if self.can_go(side, start) && self.waits_for_itself(side, start) {
                return Some(start);
            }
            let mut path = Vec::new();
            let mut at = Some(start);
            while let Some(node) = at.filter(|&node| followed.insert(node)) {
                path.push(node);
                at = self.waits_for(side, node, &waiting);
            }
            let circle = path.iter().position(|&node| Some(node) == at);
            let circle = circle.map_or(&[][..], |begin| &path[begin..]);
            let in_the_way = circle.iter().filter_map(|&n| self.in_the_way_of(side, n));
            let found = in_the_way.filter(|n| circle.contains(n) && self.can_go(side, *n));
            if let Some(found) = found.min() {
                return Some(found);
            }
        }
        None
    }

    fn can_go(&self, side: Side, node: usize) -> bool {
        let it = &self.nodes.all[node];
        it.places[side].is_some()
            && it.base.is_some()
            && !Side::BOTH.iter().any(|&s| self.moved[s].contains(&node))
    }

    fn waits_for_itself(&self, side: Side, node: usize) -> bool {
        let native = self.native(side, node);
        native.is_some_and(|native| self.is_only_respelled(side, node, &native))
    }

    /// Which of those that wait must go before `node` can: what has its name, or the nearest folder above it.
    fn waits_for(&self, side: Side, node: usize, waiting: &BTreeSet<usize>) -> Option<usize> {
        if let Some(other) = self.in_the_way_of(side, node) {
            return Some(other).filter(|other| waiting.contains(other));
        }
        let mut folder = self.wants[node].parent;
        if self.trees[side].holds(folder) && !self.is_known_elsewhere(folder) {
            return None;
        }
        while folder != 0 && !waiting.contains(&folder) {
            folder = self.wants[folder].parent;
        }
        (folder != 0).then_some(folder)
    }

    /// What has the name that `node` is to have.
    fn in_the_way_of(&self, side: Side, node: usize) -> Option<usize> {
        let native = self.native(side, node)?;
        self.trees[side]
            .occupant(self.wants[node].parent, &native)
            .filter(|&other| other != node)
    }

    /// A folder that is to be deleted and has a name that is wanted, while something in it waits for that.
    fn full_and_dead(&self, side: Side, pending: &[usize]) -> Option<usize> {
        let tree = &self.trees[side];
        pending.iter().find_map(|&node| {
            let native = self.native(side, node)?;
            let folder = tree.occupant(self.wants[node].parent, &native)?;
            let is_dead = matches!(self.wants[folder].life, Life::Dead(_));
            let is_waited_for = |&other: &usize| {
                self.nodes.all[other].places[side].is_some()
                    && other != folder
                    && tree.is_within(other, folder)
            };
            (is_dead && !self.moved[side].contains(&folder) && pending.iter().any(is_waited_for))
                .then_some(folder)
        })
    }

    /// Moves something to a name of its own for a while, in the folder where it is.
    fn go_aside(&mut self, side: Side, node: usize) -> bool {
        let it = &self.nodes.all[node];
        let (Some(place), Some(parent)) = (it.places[side], self.trees[side].parent(node)) else {
            return false;
        };
        let Some(aside) = swap_name(&place.entry.name, it.id) else {
            return false;
        };
        if self.trees[side].occupant(parent, &aside).is_some() {
            return false;
        }
        let from = At {
            path: self.trees[side].path(node),
            entry: place.entry.clone(),
        };
        let name = self.nodes.decoded(side, &aside);
        self.trees[side].put(node, parent, aside);
        let to = self.trees[side].path(node);
        self.moved[side].insert(node);
        let Deed::Move { unchanged, .. } = self.move_deed(side, node, from.clone(), to.clone())
        else {
            return false;
        };
        let deed = Deed::Move {
            from,
            to,
            unchanged,
            other: self.nodes.all[node].places[side.other()].map(|p| p.entry.clone()),
        };
        let (it, folder) = (&self.nodes.all[node], &self.nodes.all[parent]);
        // In a folder that only this side has the base cannot have it: there it is known as any move is.
        let (in_pair, name) = if parent == 0 || folder.base.is_some() {
            (folder.id, name)
        } else {
            (self.nodes.all[it.base_parent].id, it.name.clone())
        };
        let standing = Standing {
            parent: in_pair,
            folders: PerSide::from_fn(|s| self.nodes.id_on(s, parent)),
            name,
            ..self.standing(node)
        };
        self.plan.actions.push(Action {
            side,
            standing,
            deed,
            reason: Reason::SwapStep,
        });
        true
    }
}
