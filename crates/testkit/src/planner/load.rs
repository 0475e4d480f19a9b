//! Reads what is in doubt into the planner's trees, as the engine's loader does.

use std::collections::BTreeMap;

use tandem_core::capabilities::{Capabilities, CaseRule, UnicodeRule};
use tandem_core::conflict_name::may_be_conflict;
use tandem_core::entry::{Kind, NativeId, Revision};
use tandem_core::names;
use tandem_core::path::Name;
use tandem_core::plan::{BaseItem, Fresh, ItemId, Seen, Trees, before_swap};
use tandem_core::side::{PerSide, Side};

use super::state::{Differs, SeenRow, State};

struct Loader<'a> {
    state: &'a State,
    items: Vec<BaseItem>,
    trees: Trees,
    rules: (CaseRule, UnicodeRule),
}

impl State {
    /// Everything that is in doubt, with its folders, with all that lies below what is gone, and with what wants a
    /// name that is wanted there.
    pub(super) fn load(
        &self,
        capabilities: PerSide<&Capabilities>,
        is_filtered: impl Fn(Side, &Name) -> bool,
    ) -> Trees {
        let is_owed =
            |item: &&BaseItem| item.entries.source.is_none() || item.entries.destination.is_none();
        let owed: Vec<&BaseItem> = self.base.iter().filter(is_owed).collect();
        if self.seen.source.is_empty() && self.seen.destination.is_empty() && owed.is_empty() {
            return Trees::default();
        }
        let mut loader = Loader {
            state: self,
            items: Vec::new(),
            trees: Trees {
                copies: self.copies.clone(),
                moves: self.moves.clone(),
                taken: self.taken.clone(),
                ..Trees::default()
            },
            rules: rules(capabilities),
        };
        for side in Side::BOTH {
            for row in self.seen[side].iter().filter(|row| row.differs.has_fresh()) {
                loader.add_fresh(side, row);
            }
        }
        for side in Side::BOTH {
            for row in &self.seen[side] {
                loader.add_row(side, row);
            }
        }
        for item in owed {
            loader.add_folders(item.parent);
            loader.add_item(item);
            // What lies in it the side can have only elsewhere.
            for side in Side::BOTH {
                if item.kind == Kind::Folder && item.entries[side].is_none() {
                    loader.add_below(side, item.id, false);
                }
            }
        }
        loader.drop_orphans();
        loader.drop_below_gone();
        loader.add_rivals(capabilities);
        for side in Side::BOTH {
            loader.leave_out_moved(side, |name| is_filtered(side, name));
            loader.keep_unread_moves(side);
        }
        loader.spread_unknown();
        loader.finish()
    }
}

fn rules(both: PerSide<&Capabilities>) -> (CaseRule, UnicodeRule) {
    let any = |is: fn(&Capabilities) -> bool| Side::BOTH.iter().any(|&s| is(both[s]));
    (
        if any(|c| c.case == CaseRule::Insensitive) {
            CaseRule::Insensitive
        } else {
            CaseRule::Sensitive
        },
        if any(|c| c.unicode == UnicodeRule::Folding) {
            UnicodeRule::Folding
        } else {
            UnicodeRule::Exact
        },
    )
}

impl Loader<'_> {
    fn has(&self, id: ItemId) -> Option<usize> {
        self.items.iter().position(|item| item.id == id)
    }

    fn add_item(&mut self, item: &BaseItem) -> usize {
        self.has(item.id).unwrap_or_else(|| {
            self.items.push(item.clone());
            self.items.len() - 1
        })
    }

    fn add_fresh(&mut self, side: Side, row: &SeenRow) {
        let Some(entry) = &row.entry else { return };
        self.trees.fresh[side].push(Fresh {
            id: row.id,
            parent: row.parent,
            entry: entry.clone(),
            frozen: row.is_unread,
        });
        if let Some(since) = row.since {
            self.trees.first_seen[side].insert(row.id, since);
        }
    }

    fn add_row(&mut self, side: Side, row: &SeenRow) {
        if !self.is_fresh(side, row.parent) {
            self.add_folders(row.parent);
        }
        let state = self.state;
        if row.differs == Differs::Fresh {
            return;
        }
        let Some(item) = state.base_by_native(side, row.parent, &row.name) else {
            return;
        };
        let at = self.add_item(item);
        let seen = match (row.differs, &row.entry) {
            (Differs::Changed, Some(entry)) => Seen::Changed(entry.clone()),
            (Differs::Changed | Differs::Unknown, _) => Seen::Unknown,
            _ => Seen::Absent,
        };
        if let (Differs::Changed, Some(since)) = (row.differs, row.since) {
            self.trees.first_seen[side].insert(item.id, since);
        }
        let is_gone = seen == Seen::Absent;
        let excluded = row.differs == Differs::Excluded;
        self.items[at].seen[side] = seen;
        self.items[at].excluded |= excluded;
        if is_gone {
            self.add_below(side, item.id, excluded);
        }
    }

    fn is_fresh(&self, side: Side, id: ItemId) -> bool {
        self.trees.fresh[side].iter().any(|fresh| fresh.id == id)
    }

    /// The folder and those above it.
    fn add_folders(&mut self, folder: ItemId) {
        let state = self.state;
        let mut at = folder;
        while at != ItemId::ROOT && self.has(at).is_none() {
            let item = state.base_item(at).filter(|i| i.kind == Kind::Folder);
            let Some(item) = item else { return };
            at = item.parent;
            self.add_item(item);
        }
    }

    /// Everything in the base below a folder that is gone or left out.
    fn add_below(&mut self, side: Side, folder: ItemId, excluded: bool) {
        let state = self.state;
        let mut folders = vec![folder];
        while let Some(folder) = folders.pop() {
            for item in state.base_children(folder) {
                let at = self.add_item(item);
                self.items[at].seen[side] = Seen::Absent;
                self.items[at].excluded |= excluded;
                if item.kind == Kind::Folder {
                    folders.push(item.id);
                }
            }
        }
    }

    /// What lies in a folder that is no longer there was noted before the folder went: it is nowhere.
    fn drop_orphans(&mut self) {
        for side in Side::BOTH {
            let fresh = &self.trees.fresh[side];
            let is_held = |id: ItemId| {
                let mut at = id;
                while let Some(above) = fresh.iter().find(|f| f.id == at) {
                    at = above.parent;
                }
                let there = self.items.iter().find(|item| item.id == at);
                at == ItemId::ROOT || there.is_some_and(|item| item.seen[side] != Seen::Absent)
            };
            let held: Vec<bool> = fresh.iter().map(|f| is_held(f.id)).collect();
            let mut held = held.into_iter();
            self.trees.fresh[side].retain(|_| held.next().unwrap_or_default());
        }
    }

    /// The same of what the base has in such a folder: it is where that is now.
    fn drop_below_gone(&mut self) {
        for side in Side::BOTH {
            let is_below_gone = |item: &BaseItem| {
                let parent = |id: ItemId| self.has(id).map(|at| &self.items[at]);
                let mut above = std::iter::successors(parent(item.parent), |i| parent(i.parent));
                above.any(|item| item.seen[side] == Seen::Absent)
            };
            let changed = |item: &BaseItem| matches!(item.seen[side], Seen::Changed(_));
            let gone: Vec<bool> = self
                .items
                .iter()
                .map(|item| changed(item) && is_below_gone(item))
                .collect();
            for (item, _) in self.items.iter_mut().zip(gone).filter(|(_, gone)| *gone) {
                item.seen[side] = Seen::Absent;
            }
        }
    }

    fn key(&self, name: &Name) -> Box<str> {
        names::collision_key(name, self.rules.0, self.rules.1)
    }

    /// Items in step that want a name which a fresh entry or one that a side lacks wants too, or that look like a
    /// conflict copy or like one that has its name for a while.
    fn add_rivals(&mut self, capabilities: PerSide<&Capabilities>) {
        let mut wanted: Vec<(ItemId, Box<str>)> = Vec::new();
        for side in Side::BOTH {
            let rules = &capabilities[side].names;
            for fresh in &self.trees.fresh[side] {
                let native = &fresh.entry.name;
                let name = names::decode_name(native, rules);
                let name = name.map_or_else(|_| native.clone(), std::borrow::Cow::into_owned);
                wanted.push((fresh.parent, self.key(&name)));
                wanted.extend(before_swap(&name).map(|name| (fresh.parent, self.key(&name))));
            }
        }
        for item in &self.items {
            let before = before_swap(&item.name);
            wanted.extend(before.map(|name| (item.parent, self.key(&name))));
        }
        // What one side lacks may come back there.
        for item in &self.items {
            if item.is_lacking() {
                wanted.push((item.parent, self.key(&item.name)));
            }
        }
        let disputed = |item: &&BaseItem| Side::BOTH.iter().all(|&s| item.seen[s] != Seen::AsBase);
        let disputed: Vec<ItemId> = self
            .items
            .iter()
            .filter(disputed)
            .map(|item| item.parent)
            .collect();
        let state = self.state;
        for item in &state.base {
            let is_near = disputed.contains(&item.parent)
                || wanted.iter().any(|(folder, _)| *folder == item.parent);
            if !is_near || self.has(item.id).is_some() {
                continue;
            }
            let key = self.key(&item.name);
            let is_rival = wanted
                .iter()
                .any(|(folder, name)| *folder == item.parent && *name == key);
            let is_mark = may_be_conflict(&item.name) || before_swap(&item.name).is_some();
            if is_rival || is_mark {
                self.add_folders(item.parent);
                self.add_item(item);
            }
        }
    }

    /// What a folder had in it that a side shows elsewhere, and what a filter leaves out there, is not gone.
    fn leave_out_moved(&mut self, side: Side, is_filtered: impl Fn(&Name) -> bool) {
        let fresh = &self.trees.fresh[side];
        let shown: Vec<&NativeId> = fresh.iter().filter_map(|f| f.entry.id.as_ref()).collect();
        let is_moved = |folder: ItemId| {
            let folder = self.has(folder).map(|at| &self.items[at]);
            let was = folder.filter(|folder| folder.seen[side] == Seen::Absent);
            let id = was.and_then(|folder| folder.entries[side].as_ref()?.id.as_ref());
            id.is_some_and(|id| shown.contains(&id))
        };
        let is_out = |item: &&BaseItem| {
            let was = item.entries[side].as_ref().map(|entry| &entry.name);
            item.seen[side] == Seen::Absent
                && was.is_some_and(&is_filtered)
                && is_moved(item.parent)
        };
        let out: Vec<ItemId> = self
            .items
            .iter()
            .filter(is_out)
            .map(|item| item.id)
            .collect();
        for id in out {
            if let Some(at) = self.has(id) {
                self.items[at].excluded = true;
                self.add_below(side, id, true);
            }
        }
    }

    /// A folder that a side shows elsewhere and cannot read: it need not have lost anything of what was in it.
    fn keep_unread_moves(&mut self, side: Side) {
        let fresh = self.trees.fresh[side].iter().filter(|f| f.frozen);
        let unread: Vec<&NativeId> = fresh.filter_map(|f| f.entry.id.as_ref()).collect();
        if unread.is_empty() {
            return;
        }
        for item in &mut self.items {
            let was = item.entries[side].as_ref().and_then(|e| e.id.as_ref());
            if item.kind == Kind::Folder
                && item.seen[side] == Seen::Absent
                && was.is_some_and(|id| unread.contains(&id))
            {
                item.seen[side] = Seen::Unknown;
            }
        }
    }

    /// Below a folder that could not be looked at nothing is known.
    fn spread_unknown(&mut self) {
        for side in Side::BOTH {
            if self.items.iter().all(|i| i.seen[side] != Seen::Unknown) {
                continue;
            }
            let unknown: Vec<bool> = (0..self.items.len())
                .map(|at| self.is_below_unknown(side, self.items[at].id))
                .collect();
            for (item, unknown) in self.items.iter_mut().zip(unknown) {
                if unknown {
                    item.seen[side] = Seen::Unknown;
                }
            }
        }
    }

    fn is_below_unknown(&self, side: Side, id: ItemId) -> bool {
        let mut at = id;
        while let Some(item) = self.items.iter().find(|item| item.id == at) {
            if item.seen[side] == Seen::Unknown {
                return true;
            }
            at = item.parent;
        }
        false
    }

    fn finish(self) -> Trees {
        let Self {
            items, mut trees, ..
        } = self;
        let parents: BTreeMap<ItemId, ItemId> = items.iter().map(|i| (i.id, i.parent)).collect();
        for side in Side::BOTH {
            let lacks = |revision: &Revision| {
                let mut gone = items.iter().filter(|i| i.seen[side] == Seen::Absent);
                gone.any(|item| {
                    let was = item.entries[side].as_ref();
                    was.is_some_and(|was| was.revision == *revision)
                })
            };
            trees.taken[side].retain(lacks);
        }
        trees.items = sorted(items, |item| (depth(&parents, item.id), item.id));
        for side in Side::BOTH {
            let fresh = std::mem::take(&mut trees.fresh[side]);
            let parents: BTreeMap<ItemId, ItemId> =
                fresh.iter().map(|f| (f.id, f.parent)).collect();
            trees.fresh[side] = sorted(fresh, |f| (depth(&parents, f.id), f.id));
        }
        trees
    }
}

fn depth(parents: &BTreeMap<ItemId, ItemId>, id: ItemId) -> usize {
    std::iter::successors(Some(id), |at| parents.get(at).copied()).count()
}

fn sorted<T>(mut all: Vec<T>, key: impl Fn(&T) -> (usize, ItemId)) -> Vec<T> {
    all.sort_by_cached_key(key);
    all
}
