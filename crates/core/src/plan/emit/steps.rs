//! Folders and moves, one after the other: each where it can be made once those before it are done.

use std::collections::BTreeSet;

use foldhash::{HashMap, HashMapExt};

use super::super::action::{Action, At, Deed, Refusal, Standing};
use super::super::compare::Change;
use super::super::decide::Life;
use super::super::reason::Reason;
use super::super::swap::swap_names;
use super::Emitter;
use super::queue::{DeadFolder, Queue};
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
                unchanged: self.unchanged(node),
                other: self.nodes.all[node].places[other]
                    .filter(|_| is_noted)
                    .map(|place| place.entry.clone()),
            };
            self.push(side, node, deed, reason);
        }
    }

    /// Puts the node elsewhere in the side's tree; from where, and where to.
    fn moved_in_tree(
        &mut self,
        side: Side,
        node: usize,
        (parent, name): (usize, Name),
    ) -> Option<(At, RelPath)> {
        let place = self.nodes.all[node].places[side]?;
        let from = At {
            path: self.trees[side].path(node),
            entry: place.entry.clone(),
        };
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
    fn unchanged(&self, node: usize) -> PerSide<bool> {
        PerSide::from_fn(|side| {
            let change = self.nodes.change(side, node);
            matches!(change, Some(Change::Same | Change::Restamped))
        })
    }

    /// Whether the side takes the name for the one that the folder has already, and could move the folder only
    /// item by item: into itself.
    fn is_only_respelled(&self, side: Side, node: usize, native: &Name) -> bool {
        let parent = self.wants[node].parent;
        self.nodes.all[node].kind == Kind::Folder
            && !self.input.capabilities[side].folder_move
            && self.trees[side].occupant(parent, native) == Some(node)
    }

    /// What is to free a name by going to one of its own for a while: one of a circle, or a dead folder. The next
    /// plan goes on from there.
    fn to_go_aside(&self, side: Side, queue: &mut Queue) -> Option<usize> {
        self.in_a_circle(side, queue)
            .or_else(|| self.full_and_dead(side, queue))
    }

    /// One of the movers that wait for each other and have a name that one of them wants, or a folder that waits
    /// for itself.
    fn in_a_circle(&self, side: Side, queue: &mut Queue) -> Option<usize> {
        while let Some(start) = queue.next_start() {
            if self.can_go(side, start) && self.waits_for_itself(side, start) {
                return Some(start);
            }
            let mut path = Vec::new();
            let mut at = Some(start);
            while let Some(node) = at.filter(|&node| queue.follow(node)) {
                path.push(node);
                at = self.waits_for(side, node, queue.pending());
            }
            let circle = path.iter().position(|&node| Some(node) == at);
            let circle: BTreeSet<usize> = circle
                .map_or(&[][..], |begin| &path[begin..])
                .iter()
                .copied()
                .collect();
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
            && self.aside(side, node).is_some()
    }

    /// The name for a while that the node can go to in the folder where it is.
    fn aside(&self, side: Side, node: usize) -> Option<(usize, Name)> {
        let it = &self.nodes.all[node];
        let parent = self.trees[side].parent(node)?;
        let is_free = |name: &Name| self.trees[side].occupant(parent, name).is_none();
        let mut names = swap_names(&it.places[side]?.entry.name, it.id);
        Some((parent, names.find(is_free)?))
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
        if self.trees[side].holds(folder) && self.is_known(folder) {
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

    /// A folder that is to be deleted, or goes with what is in it, and has a name that is wanted, while something in it, on
    /// the side or in the base, waits for that.
    fn full_and_dead(&self, side: Side, queue: &mut Queue) -> Option<usize> {
        loop {
            while let Some(dead) = queue.next_dead() {
                let is_pending = |node: &usize| queue.pending().contains(node);
                let is_waited_for = |node: &usize| {
                    is_pending(node) && self.trees[side].is_within(*node, dead.folder)
                };
                if is_pending(&dead.wanted_by)
                    && self.in_the_way_of(side, dead.wanted_by) == Some(dead.folder)
                    && (dead.is_needed || dead.waiting.iter().any(is_waited_for))
                    && let found @ Some(_) = self.dead_or_in_its_way(side, &dead, queue.pending())
                {
                    return found;
                }
            }
            if !queue.add_dead(self.dead_in_the_way(side, queue.pending())) {
                return None;
            }
        }
    }

    /// The dead folder; where its name for a while is taken, one that has a name which what waits in it waits for.
    fn dead_or_in_its_way(
        &self,
        side: Side,
        dead: &DeadFolder,
        pending: &BTreeSet<usize>,
    ) -> Option<usize> {
        if self.aside(side, dead.folder).is_some() {
            return Some(dead.folder);
        }
        let chain = |&node: &usize| {
            let next = |&at: &usize| self.waits_for(side, at, pending);
            std::iter::successors(Some(node), next).take(pending.len())
        };
        let mut waiting = dead.waiting.iter().flat_map(chain);
        waiting.find_map(|node| {
            self.in_the_way_of(side, node)
                .filter(|&other| other != dead.folder && self.can_go(side, other))
        })
    }

    fn dead_in_the_way(&self, side: Side, pending: &BTreeSet<usize>) -> Vec<DeadFolder> {
        let mut found = Vec::new();
        let mut of_folder = HashMap::new();
        for &node in pending {
            if let Some(folder) = self.in_the_way_of(side, node)
                && !self.moved[side].contains(&folder)
                && (matches!(self.wants[folder].life, Life::Dead(_))
                    || self.goes_with_content(side, folder, node))
            {
                of_folder.insert(folder, found.len());
                found.push(DeadFolder {
                    folder,
                    wanted_by: node,
                    waiting: Vec::new(),
                    is_needed: false,
                });
            }
        }
        if found.is_empty() {
            return found;
        }
        let needed = self.needed_in_base();
        for dead in &mut found {
            dead.is_needed = needed[dead.folder];
        }
        for &node in pending {
            let mut at = self.trees[side].parent(node);
            while let Some(folder) = at {
                if let Some(&dead) = of_folder.get(&folder) {
                    found[dead].waiting.push(node);
                }
                at = self.trees[side].parent(folder);
            }
        }
        found
    }

    /// Whether the side has the folder only as long as something is in it, of which `node` is to have its name, or has no
    /// place for it where it is to be.
    fn goes_with_content(&self, side: Side, folder: usize, node: usize) -> bool {
        let parent = self.wants[folder].parent;
        let has_no_place = self.wants[parent].life.is_left() && !self.trees[side].holds(parent);
        !self.input.capabilities[side].empty_folders
            && (has_no_place || self.trees[side].is_within(node, folder))
            && self.can_go(side, folder)
    }

    /// Moves something to a name of its own for a while, in the folder where it is.
    fn go_aside(&mut self, side: Side, node: usize) {
        let Some((parent, aside)) = self.aside(side, node) else {
            return;
        };
        let name = self.nodes.decoded(side, &aside);
        let Some((from, to)) = self.moved_in_tree(side, node, (parent, aside)) else {
            return;
        };
        let (it, folder) = (&self.nodes.all[node], &self.nodes.all[parent]);
        let other = side.other();
        // Where the other side has moved it, that knows what lies in it under another id until it is noted there.
        if it.known_as[other].is_none_or(|id| id == it.id) {
            self.noted.insert(node);
        }
        let deed = Deed::Move {
            from,
            to,
            unchanged: self.unchanged(node),
            other: it.places[other].map(|p| p.entry.clone()),
        };
        // In a folder that only this side has, or that there lies within it, the base cannot have it: there it is known
        // as any move is.
        let can_have = parent == 0 || (folder.base.is_some() && !self.holds_in_base(node, parent));
        let (in_pair, name) = if can_have {
            self.base[node] = parent;
            (folder.id, name)
        } else {
            let was = it.base.map_or(&it.name, |base| &base.name);
            (self.nodes.all[it.base_parent].id, was.clone())
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
    }
}
