//! Folders and moves, one after the other: each where it can be made once those before it are done.

use super::super::action::{At, Deed, Refusal};
use super::super::compare::Change;
use super::super::decide::Life;
use super::super::reason::Reason;
use super::Emitter;
use super::queue::Queue;
use crate::entry::Kind;
use crate::path::{Name, RelPath};
use crate::side::{PerSide, Side};

/// What came of trying a step.
enum Tried {
    /// It is made, or settled that this plan does not make it.
    Settled,
    /// It cannot be made before something happens to one of these.
    Waits(Vec<usize>),
}

impl Emitter<'_, '_> {
    pub(super) fn folders_and_moves(&mut self) {
        let mut waiting = PerSide::default();
        for side in Side::BOTH {
            if !self.may_change(side) {
                continue;
            }
            let needed = (1..self.nodes.all.len()).filter(|&n| self.needs_step(side, n));
            let mut queue = Queue::new(needed.collect());
            loop {
                while let Some(node) = queue.next() {
                    match self.try_step(side, node) {
                        Tried::Settled => queue.settled(node),
                        Tried::Waits(obstacles) => queue.waits(node, obstacles),
                    }
                }
                let Some(node) = self.to_go_aside(side, &mut queue) else {
                    break;
                };
                self.go_aside(side, node);
                queue.settled(node);
                queue.begin_round();
            }
            waiting[side] = queue.into_pending();
        }
        if let Some((side, node)) = self.in_a_circle_of_both(&waiting) {
            self.go_aside(side, node);
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

    /// Makes the folder or the move if it can be made now.
    fn try_step(&mut self, side: Side, node: usize) -> Tried {
        let parent = self.wants[node].parent;
        if self.refused[side].contains(&parent) {
            self.refuse(side, node, Refusal::NameRefused);
            return Tried::Settled;
        }
        if !self.trees[side].holds(parent) || !self.is_known(parent) {
            return Tried::Waits(vec![parent]);
        }
        let Some(native) = self.native(side, node) else {
            self.refuse(side, node, Refusal::NameRefused);
            return Tried::Settled;
        };
        let occupant = self.trees[side].occupant(parent, &native);
        if let Some(other) = occupant.filter(|&other| other != node) {
            return Tried::Waits(vec![parent, other]);
        }
        if self.nodes.all[node].places[side].is_none() {
            self.make_folder(side, node, native);
            return Tried::Settled;
        }
        if self.nodes.all[node].base.is_some() && self.moved[side.other()].contains(&node) {
            // Both sides have then moved it, which can be noted only once it is seen where it went over there: the
            // next plan does it.
            return Tried::Settled;
        }
        if self.is_only_respelled(side, node, &native) {
            return Tried::Waits(vec![parent]);
        }
        if self.trees[side].is_within(parent, node) {
            return Tried::Waits(self.trees[side].between(parent, node));
        }
        let reason = self.wants[node].place_reason;
        self.make_move(side, node, (parent, native), reason);
        Tried::Settled
    }

    fn make_folder(&mut self, side: Side, node: usize, native: Name) {
        let other = side.other();
        if !self.is_in_place(other, node) && self.may_change(other) {
            // Its name over there is about to change: it is made under the new one, by the next plan.
            return;
        }
        let parent = self.wants[node].parent;
        if self.holds_in_base(node, parent) {
            return;
        }
        self.base[node] = parent;
        self.noted.insert(node);
        self.trees[side].put(node, parent, native);
        let path = self.trees[side].path(node);
        let reason = self.wants[node].create_reason;
        if let Some(there) = self.nodes.all[node].places[other] {
            let from = there.entry.clone();
            let owed = self.owed[side].remove(&node).unwrap_or_default();
            self.push(side, node, Deed::CreateFolder { path, from, owed }, reason);
        }
    }

    fn make_move(&mut self, side: Side, node: usize, to: (usize, Name), reason: Reason) {
        // What the other side still has elsewhere stays in the base where it is.
        let other = side.other();
        let is_noted =
            self.is_in_place(other, node) || self.nodes.all[node].places[other].is_none();
        let parent = to.0;
        if is_noted && self.holds_in_base(node, parent) {
            return;
        }
        if let Some((from, to)) = self.moved_in_tree(side, node, to) {
            if is_noted {
                self.noted.insert(node);
                self.base[node] = parent;
            }
            let deed = Deed::Move {
                from,
                to,
                unchanged: self.unchanged_by_move(side, node),
                other: self.nodes.all[node].places[other]
                    .filter(|_| is_noted)
                    .map(|place| place.entry.clone()),
            };
            self.push(side, node, deed, reason);
        }
    }

    /// Puts the node elsewhere in the side's tree; from where, and where to.
    pub(super) fn moved_in_tree(
        &mut self,
        side: Side,
        node: usize,
        (parent, name): (usize, Name),
    ) -> Option<(At, RelPath)> {
        let place = self.nodes.all[node].places[side]?;
        let mut from = At {
            path: self.trees[side].path(node),
            entry: place.entry.clone(),
        };
        if !self.moves_what_was_seen(side, node) {
            from.entry.hashes.clear();
        }
        self.trees[side].put(node, parent, name);
        self.moved[side].insert(node);
        Some((from, self.trees[side].path(node)))
    }

    /// Whether the base has the folder, or will by this plan, and both sides know what lies in it under its id. Where one
    /// has moved it and nothing in this plan notes that, steps in it are left to the next plan.
    pub(super) fn is_known(&self, folder: usize) -> bool {
        let it = &self.nodes.all[folder];
        let is_elsewhere = |side| it.known_as[side].is_some_and(|id| id != it.id);
        let is_as_ever = it.base.is_some() && !Side::BOTH.into_iter().any(is_elsewhere);
        folder == 0 || is_as_ever || self.noted.contains(&folder)
    }

    /// Whether each side's content is still the base's.
    pub(super) fn unchanged(&self, node: usize) -> PerSide<bool> {
        PerSide::from_fn(|side| {
            let change = self.nodes.change(side, node);
            matches!(change, Some(Change::Same | Change::Restamped))
        })
    }

    /// The same after `side` moved it.
    pub(super) fn unchanged_by_move(&self, side: Side, node: usize) -> PerSide<bool> {
        let mut unchanged = self.unchanged(node);
        unchanged[side] &= self.moves_what_was_seen(side, node);
        unchanged
    }

    /// A storage that knows no condition for it moves what somebody has just saved as well, and may give that and what is
    /// only moved another revision. Where it costs nothing it is read which it is, if the revision itself does not tell.
    fn moves_what_was_seen(&self, side: Side, node: usize) -> bool {
        let capabilities = self.input.capabilities[side];
        self.nodes.all[node].kind != Kind::File
            || capabilities.conditions.move_
            || !(capabilities.cheap_reads || capabilities.revision_is_content)
    }

    /// Whether the side takes the name for the one that the folder has already, and could move the folder only
    /// item by item: into itself.
    pub(super) fn is_only_respelled(&self, side: Side, node: usize, native: &Name) -> bool {
        let parent = self.wants[node].parent;
        self.nodes.all[node].kind == Kind::Folder
            && !self.input.capabilities[side].folder_move
            && self.trees[side].occupant(parent, native) == Some(node)
    }
}
