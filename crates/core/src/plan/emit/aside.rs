//! What goes to a name of its own for a while, so that others can pass it.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::{HashMap, HashMapExt};

use super::super::action::{Action, Deed, Standing};
use super::super::decide::Life;
use super::super::reason::Reason;
use super::super::swap::swap_names;
use super::Emitter;
use super::queue::{DeadFolder, Queue};
use crate::path::Name;
use crate::side::{PerSide, Side};

impl Emitter<'_, '_> {
    /// What is to free a name by going to one of its own for a while: one of a circle, or a dead folder. The next
    /// plan goes on from there.
    pub(super) fn to_go_aside(&self, side: Side, queue: &mut Queue) -> Option<usize> {
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

    /// The same across the sides: a folder that one side has moved, and the other knows under its id only once it is noted,
    /// waits there for what waits for another such folder here.
    pub(super) fn in_a_circle_of_both(
        &self,
        waiting: &PerSide<BTreeSet<usize>>,
    ) -> Option<(Side, usize)> {
        if Side::BOTH.iter().any(|&side| waiting[side].is_empty()) {
            return None;
        }
        let mut followed = BTreeMap::new();
        let starts = Side::BOTH.into_iter();
        for start in starts.flat_map(|side| waiting[side].iter().map(move |&node| (side, node))) {
            let mut path = Vec::new();
            let mut at = Some(start);
            while let Some(step) = at.filter(|step| !followed.contains_key(step)) {
                followed.insert(step, start);
                path.push(step);
                at = self.waits_for_either(step, waiting);
            }
            let circle = path.iter().position(|&step| Some(step) == at);
            let circle = circle.map_or(&[][..], |begin| &path[begin..]);
            let in_the_way = circle.iter().filter_map(|&(side, node)| {
                let other = (side, self.in_the_way_of(side, node)?);
                (circle.contains(&other) && self.can_go(side, other.1)).then_some(other)
            });
            if let found @ Some(_) = in_the_way.min() {
                return found;
            }
        }
        None
    }

    /// Which of those that wait on either side must go before this one can.
    fn waits_for_either(
        &self,
        (side, node): (Side, usize),
        waiting: &PerSide<BTreeSet<usize>>,
    ) -> Option<(Side, usize)> {
        if let Some(next) = self.waits_for(side, node, &waiting[side]) {
            return Some((side, next));
        }
        let mut folder = self.wants[node].parent;
        while folder != 0 && (self.is_known(folder) || !waiting[side.other()].contains(&folder)) {
            folder = self.wants[folder].parent;
        }
        (folder != 0).then_some((side.other(), folder))
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

    /// Which of those that wait must go before `node` can: what has its name, the nearest folder above it, or what lies in
    /// it and has the folder that it goes to.
    fn waits_for(&self, side: Side, node: usize, waiting: &BTreeSet<usize>) -> Option<usize> {
        if let Some(other) = self.in_the_way_of(side, node) {
            return Some(other).filter(|other| waiting.contains(other));
        }
        let mut folder = self.wants[node].parent;
        if self.trees[side].holds(folder) && self.is_known(folder) {
            let is_within = self.trees[side].is_within(folder, node);
            let between = is_within.then(|| self.trees[side].between(folder, node));
            let mut between = between.into_iter().flatten();
            return between.find(|folder| waiting.contains(folder));
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
        let needed = self.needed_with_content(side);
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

    /// Folders that the base still needs, and those that hold one on the side.
    fn needed_with_content(&self, side: Side) -> Vec<bool> {
        let needed = self.needed_in_base();
        let mut with_content = needed.clone();
        for node in (1..needed.len()).filter(|&node| needed[node]) {
            let mut at = self.trees[side].parent(node);
            while let Some(folder) = at.filter(|&at| !with_content[at]) {
                with_content[folder] = true;
                at = self.trees[side].parent(folder);
            }
        }
        with_content
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
    pub(super) fn go_aside(&mut self, side: Side, node: usize) {
        let Some((parent, aside)) = self.aside(side, node) else {
            return;
        };
        let name = self.nodes.decoded(side, &aside);
        let Some((from, to)) = self.moved_in_tree(side, node, (parent, aside)) else {
            return;
        };
        let (it, folder) = (&self.nodes.all[node], &self.nodes.all[parent]);
        let other = side.other();
        let deed = Deed::Move {
            from,
            to,
            unchanged: self.unchanged_by_move(side, node),
            other: it.places[other].map(|p| p.entry.clone()),
        };
        // In a folder that only this side has, or that there lies within it, the base cannot have it: there it is known
        // as any move is.
        let can_have = parent == 0 || (folder.base.is_some() && !self.holds_in_base(node, parent));
        let (in_pair, name) = if can_have {
            self.base[node] = parent;
            // Where the other side has moved it, that knows what lies in it under another id until it is noted there.
            if it.known_as[other].is_none_or(|id| id == it.id) {
                self.noted.insert(node);
            }
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
