//! Carries out plans as the engine does: phases in its order, in which what has no order is done in any, cut off
//! anywhere, with what failed not built upon.

use tandem_core::entry::Kind;
use tandem_core::names;
use tandem_core::path::{Name, RelPath};
use tandem_core::plan::record::{Done, Row, record};
use tandem_core::plan::{Action, Deed, Fresh, ItemId, MadeCopy, Seen, Trees};
use tandem_core::side::{PerSide, Side};

use super::carry::Miss;
use super::run::Run;
use super::tree::{Body, Place};

impl Run<'_> {
    /// Carries out a plan: folders and moves in its order, what is only noted, contents in any order, deletes last.
    pub(super) fn execute(&mut self, actions: Vec<Action>) {
        let folders: Vec<(ItemId, ItemId)> = actions
            .iter()
            .map(|a| (a.standing.item, a.standing.parent))
            .collect();
        let noted = self.bodies_of_noted(&actions);
        self.take_for_in_step(&actions);
        let order = self.in_order(&actions);
        let mut undone: Vec<ItemId> = Vec::new();
        let stop_at = self.cut(order.len());
        for at in order.into_iter().take(stop_at) {
            let action = &actions[at];
            self.happen(Some(action));
            if self.is_below(&undone, &folders, action) || self.fails_by_itself() {
                if is_step(action) {
                    undone.push(action.standing.item);
                }
                continue;
            }
            match self.world.carry(action) {
                Ok(carried) => {
                    self.tell(|| format!("  did {} {:?}", action.side, action.path()));
                    self.judge
                        .carried(action, &carried, &self.policy, &self.world);
                    if let Some(write) = carried.in_step {
                        self.in_step.insert(action.standing.item, write);
                    }
                    if let Some(bodies) = noted[at] {
                        let (_, body) = bodies.source;
                        if body.kind == Kind::File && body.content == bodies.destination.1.content {
                            self.in_step.insert(action.standing.item, body.write);
                        }
                        let chosen = (&self.policy, &self.capabilities);
                        self.judge.noted(action, bodies, chosen, &mut self.world);
                    }
                    self.note(action, &carried.done);
                }
                Err(Miss::NotEmpty) if self.holds_only_unsynced(action) => {
                    self.detach(action);
                }
                Err(miss) => {
                    self.tell(|| {
                        format!("  did not {} {:?}: {miss:?}", action.side, action.path())
                    });
                    self.trace.add(miss as u64);
                    self.judge.coverage.miss(miss);
                    if is_step(action) {
                        undone.push(action.standing.item);
                    }
                    self.missed(action, miss);
                }
            }
        }
    }

    /// Whether all that keeps a folder is left out by the filter or by nature (DESIGN 5.5).
    fn holds_only_unsynced(&self, action: &Action) -> bool {
        let side = action.side;
        let tree = &self.world.sides[side];
        let folder = action.path().and_then(|path| tree.at(path));
        folder.is_some_and(|folder| {
            tree.children(folder).all(|child| {
                tree.items[child].body.kind == Kind::Opaque
                    || self.is_filtered(side, &tree.items[child].name)
                    || self.detached.contains(&(side, tree.path(child)))
            })
        })
    }

    /// The folder stays for what is not synced in it: the pair drops it, and does not carry it back. What wants its name
    /// later waits.
    fn detach(&mut self, action: &Action) {
        let Deed::Delete { at, .. } = &action.deed else {
            return;
        };
        let place = (action.side, at.path.clone());
        if self.detached.contains(&place) {
            return self.hopeless.push((action.side, action.deed.clone()));
        }
        let mut left = PerSide::new(None, None);
        left[action.side] = Some(at.entry.clone());
        self.judge.coverage.left_to_unsynced();
        self.detached.push(place);
        let forget = Action {
            deed: Deed::Forget { left },
            ..action.clone()
        };
        self.note(&forget, &Done::default());
    }

    /// Fresh folders that are detached are not planned while nothing else is in them, unless the other side has
    /// something new at their path.
    pub(super) fn drop_detached(&self, trees: &mut Trees) {
        if self.detached.is_empty() {
            return;
        }
        let path_of = |side: Side, fresh: &Fresh| {
            let known = &self.folders[side];
            let folder = known.iter().find(|(id, _)| *id == fresh.parent)?;
            Some(
                self.world.sides[side]
                    .path(folder.1)
                    .join(&fresh.entry.name),
            )
        };
        let new = PerSide::from_fn(|side| {
            let fresh = trees.fresh[side].iter();
            let paths = fresh.filter_map(|fresh| path_of(side, fresh));
            paths
                .filter(|path| !self.detached.contains(&(side, path.clone())))
                .map(|path| self.key_of(side, &path))
                .collect::<Vec<_>>()
        });
        for side in Side::BOTH {
            for at in (0..trees.fresh[side].len()).rev() {
                let fresh = &trees.fresh[side][at];
                let in_use = trees.fresh[side].iter().any(|f| f.parent == fresh.id);
                let is_folder = fresh.entry.kind == Kind::Folder;
                let is_out = path_of(side, fresh).is_some_and(|path| {
                    let key = self.key_of(side, &path);
                    is_folder
                        && !new[side.other()].contains(&key)
                        && !self.is_lacked_as(trees, side, (&key, &fresh.entry.name))
                        && self.detached.contains(&(side, path))
                });
                if is_out && !in_use {
                    trees.fresh[side].remove(at);
                }
            }
        }
    }

    /// Whether the other side shows something of this key that the side lacks, and that it had itself or would spell
    /// otherwise.
    fn is_lacked_as(&self, trees: &Trees, side: Side, (key, native): (&str, &Name)) -> bool {
        let other = side.other();
        trees.items.iter().any(|item| {
            let is_there = item.seen[other] != Seen::Absent;
            let rules = &self.capabilities[side].names;
            let path = self.state.base_path(other, item.id);
            is_there
                && item.seen[side] == Seen::Absent
                && path.is_some_and(|path| self.key_of(other, &path) == key)
                && (item.entries[side].is_some()
                    || names::encode(&item.name, rules).ok().as_deref() != Some(native))
        })
    }

    /// What all spellings of a path have in common that cannot lie beside each other on some side.
    fn key_of(&self, side: Side, native: &RelPath) -> String {
        let rules = &self.capabilities[side].names;
        let keys: Vec<String> = native
            .names()
            .map(|name| match names::decode_name(&name, rules) {
                Ok(plain) => self.folded(&plain).to_string(),
                Err(_) => self.folded(&name).to_string(),
            })
            .collect();
        keys.join("/")
    }

    fn missed(&mut self, action: &Action, miss: Miss) {
        match miss {
            Miss::CannotMerge => self.refused.merges.push(action.standing.item),
            Miss::CannotKeep => self.hopeless.push((action.side, action.deed.clone())),
            Miss::NameTaken if self.is_kept_there(action) || self.is_left_out_there(action) => {
                self.hopeless.push((action.side, action.deed.clone()));
            }
            _ => {}
        }
    }

    /// What has the name that an action wants.
    fn in_the_way_of(&self, action: &Action) -> Option<Place> {
        let target = match &action.deed {
            Deed::Move { to, .. } => Some(to),
            _ => action.path(),
        };
        target.and_then(|path| self.world.sides[action.side].at(path))
    }

    /// Whether what a filter leaves out has the name that an action wants.
    fn is_left_out_there(&self, action: &Action) -> bool {
        let tree = &self.world.sides[action.side];
        let taken = self.in_the_way_of(action);
        taken.is_some_and(|place| self.is_filtered(action.side, &tree.items[place].name))
    }

    /// Whether what is not carried has the name that an action wants, or what waits for the name of such a thing.
    fn is_kept_there(&self, action: &Action) -> bool {
        let tree = &self.world.sides[action.side];
        let Some(taken) = self.in_the_way_of(action).map(|place| tree.path(place)) else {
            return false;
        };
        let waits = |deed: &Deed| matches!(deed, Deed::Move { from, .. } if from.path == taken);
        let mut hopeless = self.hopeless.iter();
        hopeless.any(|(side, deed)| *side == action.side && waits(deed))
            || self.detached.contains(&(action.side, taken))
    }

    /// The actions that were not in vain before. A folder stays while something in it must, and what lies below a
    /// step that is not made is not tried either.
    pub(super) fn worth_trying(&mut self, mut actions: Vec<Action>) -> Vec<Action> {
        let hopeless = &self.hopeless;
        let is_hopeless = |a: &Action| {
            hopeless
                .iter()
                .any(|(side, deed)| *side == a.side && *deed == a.deed)
        };
        let in_vain: Vec<Action> = actions.extract_if(.., |a| is_hopeless(a)).collect();
        self.is_waiting = !in_vain.is_empty();
        if in_vain.is_empty() {
            return actions;
        }
        let all = in_vain.iter().chain(&actions);
        let folders: Vec<(ItemId, ItemId)> =
            all.map(|a| (a.standing.item, a.standing.parent)).collect();
        let steps = in_vain.iter().filter(|a| is_step(a));
        let undone: Vec<ItemId> = steps.map(|a| a.standing.item).collect();
        let below = actions.extract_if(.., |a| self.is_below(&undone, &folders, a));
        let waiting: Vec<Action> = below.chain(in_vain).collect();
        let holds = |a: &Action| {
            let within = |path: &RelPath| {
                let mut kept = waiting.iter().filter(|kept| kept.side == a.side);
                kept.any(|kept| kept.path().is_some_and(|kept| kept.is_within(path)))
            };
            matches!(a.deed, Deed::Delete { .. }) && a.path().is_some_and(within)
        };
        actions.retain(|a| !holds(a));
        actions
    }

    /// Phases in the engine's order; within those that have none, any.
    fn in_order(&mut self, actions: &[Action]) -> Vec<usize> {
        let phase = |action: &Action| match action.deed {
            _ if action.notes_folder() => 0,
            Deed::CreateFolder { .. } | Deed::Move { .. } => 0,
            Deed::Adopt { .. } | Deed::Forget { .. } => 1,
            Deed::Transfer { .. } | Deed::Duplicate { .. } => 2,
            Deed::Merge { .. } | Deed::SetMeta { .. } => 3,
            Deed::Delete { .. } => 4,
        };
        let mut order: Vec<usize> = (0..actions.len()).collect();
        if let Some(rng) = &mut self.order {
            let mut contents: Vec<usize> = order
                .iter()
                .copied()
                .filter(|&at| (2..4).contains(&phase(&actions[at])))
                .collect();
            rng.shuffle(&mut contents);
            let mut next = contents.into_iter();
            order.sort_by_key(|&at| phase(&actions[at]));
            for slot in &mut order {
                if (2..4).contains(&phase(&actions[*slot])) {
                    *slot = next.next().unwrap_or(*slot);
                }
            }
        } else {
            order.sort_by_key(|&at| phase(&actions[at]));
        }
        order
    }

    /// How many actions of a plan are done before the next look.
    fn cut(&mut self, all: usize) -> usize {
        let Some(rng) = &mut self.order else {
            return all;
        };
        if rng.chance(20) {
            self.judge.coverage.fault("a plan is cut off");
            rng.index(all + 1)
        } else {
            all
        }
    }

    fn fails_by_itself(&mut self) -> bool {
        let fails = self.order.as_mut().is_some_and(|rng| rng.chance(2));
        if fails {
            self.judge.coverage.fault("an action fails by itself");
        }
        fails
    }

    fn is_below(&self, undone: &[ItemId], folders: &[(ItemId, ItemId)], action: &Action) -> bool {
        let mut at = Some(action.standing.parent);
        while let Some(folder) = at.filter(|f| !undone.is_empty() && *f != ItemId::ROOT) {
            if undone.contains(&folder) {
                return true;
            }
            let planned = folders.iter().find(|(item, _)| *item == folder);
            at = planned
                .map(|(_, parent)| *parent)
                .or_else(|| self.state.base_item(folder).map(|item| item.parent));
        }
        false
    }

    /// What an action that was done means for base and observations.
    fn note(&mut self, action: &Action, done: &Done) {
        self.trace.add(action.standing.item.0.unsigned_abs());
        self.judge.coverage.action(action);
        let base = self.state.base_item(action.standing.item).cloned();
        let mut rows = record(action, base.as_ref(), done);
        self.follow_rebased(action, &mut rows);
        if self.state.puts_into_itself(&rows) {
            let text = format!("notes a folder as within itself: {:?}", action.deed);
            return self.judge.violation(text);
        }
        self.state.apply(rows);
        if let Some(taken) = action.taken() {
            let revision = taken.revision.clone();
            self.state.taken[action.side].push(revision);
        }
        if let (Deed::Duplicate { from, .. }, Some(copy)) = (&action.deed, &done.entry) {
            self.state.copies.push(MadeCopy {
                side: action.side,
                of: from.entry.revision.clone(),
                copy: copy.revision.clone(),
            });
        }
    }

    /// A folder that this plan has meanwhile moved is known under its own id; where it is not, what lies in it stays
    /// known under fresh ids.
    fn follow_rebased(&self, action: &Action, rows: &mut Vec<Row>) {
        let standing = &action.standing;
        let not_yet = PerSide::from_fn(|side| {
            let folder = standing.folders[side];
            folder != standing.parent && self.state.is_fresh_folder(side, folder)
        });
        rows.retain(|row| !matches!(row, Row::Rebase { side, .. } if not_yet[*side]));
        for row in rows {
            let (side, parent) = match row {
                Row::Place { side, parent, .. } => (side, parent),
                Row::Moved(made) => (&mut made.side, &mut made.folder),
                _ => continue,
            };
            if *parent == standing.folders[*side] && *parent != standing.parent && !not_yet[*side] {
                let now = self.state.known_now(*side, *parent);
                if now != *parent {
                    *parent = now;
                } else if self.state.base_item(now).is_none() {
                    *parent = standing.parent;
                }
            }
        }
    }

    /// What both sides have of what is only noted, as it was planned.
    fn bodies_of_noted(&self, actions: &[Action]) -> Vec<Option<PerSide<(Place, Body)>>> {
        actions
            .iter()
            .map(|action| match action.deed {
                Deed::Adopt { .. } | Deed::Move { .. } => Some(PerSide::new(
                    self.shown(action, Side::Source)?,
                    self.shown(action, Side::Destination)?,
                )),
                _ => None,
            })
            .collect()
    }

    /// What a side has of an action's item, as it was planned.
    fn shown(&self, action: &Action, side: Side) -> Option<(Place, Body)> {
        let (folder, name) = action.standing.places[side].as_ref()?;
        let known = self.folders[side].iter().find(|(id, _)| id == folder)?;
        let tree = &self.world.sides[side];
        let place = tree.find(known.1, name)?;
        Some((place, tree.items[place].body))
    }

    /// What a side shows of an item with the content that both had in step is no edit, though somebody wrote it anew
    /// (DESIGN 4, step 3): what the other side has instead came of it.
    fn take_for_in_step(&mut self, actions: &[Action]) {
        for action in actions {
            let Some(&write) = self.in_step.get(&action.standing.item) else {
                continue;
            };
            let content = self.world.content_of(write);
            let shown = PerSide::from_fn(|side| self.shown(action, side).map(|(_, body)| body));
            let is_as_ever = shown.map(|body| {
                body.is_some_and(|body| body.kind == Kind::File && body.content == content)
            });
            for side in Side::BOTH {
                if let Some(body) = shown[side].filter(|_| is_as_ever[side])
                    && !is_as_ever[side.other()]
                {
                    self.world.same_again(body.write, write);
                }
            }
        }
    }
}

/// Whether others build upon it.
fn is_step(action: &Action) -> bool {
    action.notes_folder() || matches!(action.deed, Deed::CreateFolder { .. } | Deed::Move { .. })
}
