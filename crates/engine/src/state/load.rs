//! Reads what is in doubt into the planner's trees.

mod below;
mod detached;
mod left_out;
mod moved;
mod rules;

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::params;
use tandem_core::capabilities::{Capabilities, Ids};
use tandem_core::conflict_name::may_be_conflict;
use tandem_core::entry::{Entry, Kind};
use tandem_core::names;
use tandem_core::path::{Name, RelPath};
use tandem_core::plan::{BaseItem, Fresh, ItemId, Seen, Trees, before_swap};
use tandem_core::side::{PerSide, Side};
use tandem_core::time::Timestamp;
use tandem_core::{mutant, removed};

pub(super) use rules::Rules;

use super::pack::unpack_entry;
use super::seen::Differs;
use super::walk::Part;
use super::{State, side_number};
use crate::error::{EngineError, Result};

/// The trees, and where everything in them is.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// What the planner is given.
    pub(crate) trees: Trees,
    /// The items by id.
    pub(crate) by_id: BTreeMap<ItemId, usize>,
    /// Fresh folders that are here only because of what lies in them: an earlier part planned them.
    pub(crate) context: BTreeSet<ItemId>,
}

impl Loaded {
    /// The item of this id.
    pub(crate) fn item(&self, id: ItemId) -> Option<&BaseItem> {
        self.by_id.get(&id).map(|&i| &self.trees.items[i])
    }
}

struct SeenRow {
    parent: ItemId,
    name: Name,
    id: ItemId,
    state: Differs,
    entry: Option<Entry>,
    since: Option<Timestamp>,
}

struct Loader<'a> {
    state: &'a State,
    items: BTreeMap<ItemId, BaseItem>,
    fresh: PerSide<BTreeMap<ItemId, Fresh>>,
    context: BTreeSet<ItemId>,
    /// What a filter leaves out for what it is.
    out: PerSide<Vec<SeenRow>>,
    first_seen: PerSide<BTreeMap<ItemId, Timestamp>>,
}

/// Whether the filter leaves out what a side has at a path in its spelling.
pub(crate) type IsOut<'a> = &'a dyn Fn(Side, &RelPath, Kind) -> bool;

impl State {
    /// Everything that is in doubt, with its folders, and with all that lies below what is gone.
    /// What is in step beside a fresh entry and wants the same name on some side is part of it, and so are
    /// conflict copies of what both sides changed.
    pub(crate) fn load(
        &self,
        capabilities: PerSide<&Capabilities>,
        is_out: IsOut<'_>,
    ) -> Result<Loaded> {
        self.load_with(capabilities, is_out, &BTreeSet::new())
    }

    /// The same, with what is detached at these places.
    pub(crate) fn load_with(
        &self,
        capabilities: PerSide<&Capabilities>,
        is_out: IsOut<'_>,
        attached: &BTreeSet<(Side, RelPath)>,
    ) -> Result<Loaded> {
        let owed = self.owed()?;
        if self.seen_rows == [0, 0] && owed.is_empty() {
            self.sweep_detached(&PerSide::default(), &PerSide::default())?;
            self.taken_is_lacked.set(PerSide::default());
            return Ok(Loaded::default());
        }
        let mut rows = PerSide::<Vec<SeenRow>>::default();
        for side in Side::BOTH {
            rows[side] = self.all_seen(side)?;
        }
        let mut loader = Loader::new(self);
        loader.add(rows, owed)?;
        loader.add_rivals(capabilities)?;
        loader.drop_detached(capabilities, attached)?;
        loader.leave_out(capabilities);
        loader.leave_out_moved(capabilities, is_out)?;
        for side in Side::BOTH {
            if capabilities[side].ids != Ids::None {
                loader.keep_unread_moves(side);
            }
        }
        loader.spread_unknown();
        let mut loaded = loader.finish();
        loaded.trees.taken = self.taken_in(&loaded.trees, capabilities)?;
        let is_lacked = loaded.trees.taken.as_ref().map(|taken| !taken.is_empty());
        self.taken_is_lacked.set(is_lacked);
        Ok(loaded)
    }

    /// The same of one part alone. Nothing in it is gone or detached.
    pub(crate) fn load_part(
        &self,
        part: &Part,
        capabilities: PerSide<&Capabilities>,
    ) -> Result<Loaded> {
        self.reading(|| {
            let mut rows = PerSide::<Vec<SeenRow>>::default();
            let mut owed = Vec::new();
            for folder in &part.folders {
                for side in Side::BOTH {
                    if let Some(id) = folder[side] {
                        rows[side].extend(self.seen_rows_in(side, id)?);
                    }
                }
                if let Some(id) = folder.source.filter(|id| folder.destination == Some(*id)) {
                    owed.extend(self.owed_in(id)?);
                }
            }
            let mut loader = Loader::new(self);
            loader.add_context(&rows)?;
            loader.add(rows, owed)?;
            loader.add_rivals(capabilities)?;
            loader.spread_unknown();
            Ok(loader.finish())
        })
    }

    fn all_seen(&self, side: Side) -> Result<Vec<SeenRow>> {
        let mut query = self.db.prepare_cached(
            "SELECT parent, name, id, state, entry, since FROM seen WHERE side = ?1 ORDER BY parent, name",
        )?;
        seen_rows(query.query(params![side_number(side)])?)
    }

    fn seen_rows_in(&self, side: Side, folder: ItemId) -> Result<Vec<SeenRow>> {
        let mut query = self.db.prepare_cached(
            "SELECT parent, name, id, state, entry, since FROM seen WHERE side = ?1 AND parent = ?2 ORDER BY name",
        )?;
        seen_rows(query.query(params![side_number(side), folder.0])?)
    }

    /// A folder that a side shows and the base does not explain.
    fn fresh_folder(&self, side: Side, id: ItemId) -> Result<Option<SeenRow>> {
        let mut query = self.db.prepare_cached(
            "SELECT parent, name, id, state, entry, since FROM seen WHERE side = ?1 AND id = ?2 AND folder = 1",
        )?;
        Ok(seen_rows(query.query(params![side_number(side), id.0])?)?.pop())
    }
}

fn seen_rows(mut rows: rusqlite::Rows<'_>) -> Result<Vec<SeenRow>> {
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let name: String = row.get(1)?;
        let entry: Option<Vec<u8>> = row.get(4)?;
        found.push(SeenRow {
            parent: ItemId(row.get(0)?),
            name: Name::new(name).map_err(|e| EngineError::DamagedState(e.to_string()))?,
            id: ItemId(row.get(2)?),
            state: Differs::of(row.get(3)?),
            entry: entry.map(|b| unpack_entry(&b)).transpose()?,
            since: row.get::<_, Option<i64>>(5)?.map(Timestamp),
        });
    }
    Ok(found)
}

impl Differs {
    const fn has_fresh(self) -> bool {
        matches!(
            self,
            Self::Fresh | Self::FreshUnsettled | Self::Replaced | Self::ReplacedUnread
        )
    }

    const fn has_base(self) -> bool {
        !matches!(self, Self::Fresh | Self::FreshUnsettled | Self::Out)
    }
}

impl<'a> Loader<'a> {
    fn new(state: &'a State) -> Self {
        Self {
            state,
            items: BTreeMap::new(),
            fresh: PerSide::default(),
            context: BTreeSet::new(),
            out: PerSide::default(),
            first_seen: PerSide::default(),
        }
    }

    fn add(&mut self, mut rows: PerSide<Vec<SeenRow>>, owed: Vec<BaseItem>) -> Result<()> {
        for side in Side::BOTH {
            for row in &rows[side] {
                if row.state.has_fresh() {
                    self.add_fresh(side, row);
                }
            }
        }
        for side in Side::BOTH {
            for row in std::mem::take(&mut rows[side]) {
                self.add_row(side, &row)?;
                if row.state == Differs::Out {
                    self.out[side].push(row);
                }
            }
        }
        for item in owed {
            self.add_folders(item.parent)?;
            let (id, kind) = (item.id, item.kind);
            let lacks = PerSide::from_fn(|side| item.entries[side].is_none());
            self.add_item(item);
            // What lies in it the side can have only elsewhere.
            for side in Side::BOTH {
                if kind == Kind::Folder && lacks[side] {
                    self.add_below(side, id, false)?;
                }
            }
        }
        self.drop_orphans();
        self.drop_below_gone();
        Ok(())
    }

    /// Fresh folders that an earlier part planned and that are still fresh, as far as rows lie in them.
    fn add_context(&mut self, rows: &PerSide<Vec<SeenRow>>) -> Result<()> {
        for side in Side::BOTH {
            let here: BTreeSet<ItemId> = rows[side].iter().map(|row| row.id).collect();
            let folders: BTreeSet<ItemId> = rows[side].iter().map(|row| row.parent).collect();
            for folder in folders.difference(&here) {
                let mut at = *folder;
                while !here.contains(&at)
                    && !self.fresh[side].contains_key(&at)
                    && let Some(folder) = self.state.fresh_folder(side, at)?
                {
                    at = folder.parent;
                    self.context.insert(folder.id);
                    self.add_fresh(side, &folder);
                }
                self.add_folders(at)?;
            }
        }
        Ok(())
    }

    fn add_fresh(&mut self, side: Side, row: &SeenRow) {
        if let Some(entry) = &row.entry {
            let frozen = matches!(row.state, Differs::FreshUnsettled | Differs::ReplacedUnread);
            let fresh = Fresh {
                id: row.id,
                parent: row.parent,
                entry: entry.clone(),
                frozen,
            };
            self.fresh[side].insert(row.id, fresh);
            self.first_seen[side].extend(row.since.map(|at| (row.id, at)));
        }
    }

    fn add_row(&mut self, side: Side, row: &SeenRow) -> Result<()> {
        if !self.fresh[side].contains_key(&row.parent) {
            self.add_folders(row.parent)?;
        }
        if !row.state.has_base() {
            return Ok(());
        }
        let Some(item) = self.state.base_by_native(side, row.parent, &row.name)? else {
            return Ok(());
        };
        let id = item.id;
        let below = row.state.is_gone();
        self.add_item(item);
        let seen = match row.state {
            Differs::Changed => row.entry.clone().map_or(Seen::Unknown, Seen::Changed),
            Differs::Unknown if !mutant!("P10 what cannot be looked at is gone") => Seen::Unknown,
            _ => Seen::Absent,
        };
        let excluded =
            row.state == Differs::Excluded && !mutant!("P10 what a filter leaves out is gone");
        if row.state == Differs::Changed {
            self.first_seen[side].extend(row.since.map(|at| (id, at)));
        }
        self.mark(side, id, seen, excluded);
        if below {
            self.add_below(side, id, excluded)?;
        }
        Ok(())
    }

    fn add_item(&mut self, item: BaseItem) {
        self.items.entry(item.id).or_insert(item);
    }

    fn mark(&mut self, side: Side, id: ItemId, seen: Seen, excluded: bool) {
        if let Some(item) = self.items.get_mut(&id) {
            item.seen[side] = seen;
            item.excluded |= excluded;
        }
    }

    /// The folder and those above it.
    fn add_folders(&mut self, folder: ItemId) -> Result<()> {
        let mut at = folder;
        while at != ItemId::ROOT && !self.items.contains_key(&at) {
            let Some(item) = self.state.base_folder(at)? else {
                return Ok(());
            };
            at = item.parent;
            self.add_item(item);
        }
        Ok(())
    }

    /// What lies in a folder that is no longer known or no longer there was noted before the folder went: it is
    /// nowhere.
    fn drop_orphans(&mut self) {
        for side in Side::BOTH {
            let ids: Vec<ItemId> = self.fresh[side].keys().copied().collect();
            for id in ids {
                let mut at = id;
                while let Some(fresh) = self.fresh[side].get(&at) {
                    at = fresh.parent;
                }
                if at != ItemId::ROOT && !self.is_there(side, at) {
                    self.fresh[side].remove(&id);
                }
            }
        }
    }

    /// The same of what the base has in such a folder: it is where that is now.
    fn drop_below_gone(&mut self) {
        for side in Side::BOTH {
            let above = |item: &BaseItem| self.items.get(&item.parent);
            let is_below_gone = |item: &&BaseItem| {
                let mut up = std::iter::successors(above(item), |&item| above(item));
                matches!(item.seen[side], Seen::Changed(_))
                    && up.any(|item| item.seen[side] == Seen::Absent)
            };
            let gone = self.items.values().filter(is_below_gone);
            for id in gone.map(|item| item.id).collect::<Vec<_>>() {
                self.mark(side, id, Seen::Absent, false);
            }
        }
    }

    /// Whether a side has the folder where the base has it.
    fn is_there(&self, side: Side, folder: ItemId) -> bool {
        self.items
            .get(&folder)
            .is_some_and(|item| item.seen[side] != Seen::Absent)
    }

    /// Items in step that want a name which a fresh entry or one that a side lacks wants too, or that look like a
    /// conflict copy: the copy of a conflict that comes next, of two edits or of two fresh entries, may be there already.
    /// And so may be a name for a while.
    fn add_rivals(&mut self, capabilities: PerSide<&Capabilities>) -> Result<()> {
        let rules = Rules::of(capabilities);
        let mut wanted: BTreeMap<ItemId, BTreeSet<Box<str>>> = BTreeMap::new();
        for side in Side::BOTH {
            for fresh in self.fresh[side].values() {
                let names = wanted.entry(fresh.parent).or_default();
                names.insert(rules.key_of(&fresh.entry.name, &capabilities[side].names));
                let name = names::decode_name(&fresh.entry.name, &capabilities[side].names);
                let before =
                    name.map_or_else(|_| before_swap(&fresh.entry.name), |n| before_swap(&n));
                names.extend(before.map(|before| rules.key(&before)));
            }
        }
        for item in self.items.values() {
            if let Some(before) = before_swap(&item.name) {
                let names = wanted.entry(item.parent).or_default();
                names.insert(rules.key(&before));
            }
            // What one side lacks may come back there.
            if item.is_lacking() {
                let names = wanted.entry(item.parent).or_default();
                names.insert(rules.key(&item.name));
            }
        }
        let mut disputed: BTreeSet<ItemId> = BTreeSet::new();
        for item in self.items.values() {
            if Side::BOTH.iter().all(|&s| item.seen[s] != Seen::AsBase) {
                disputed.insert(item.parent);
            }
        }
        let folders: BTreeSet<ItemId> = wanted.keys().copied().chain(disputed).collect();
        for folder in folders {
            let keys = wanted.get(&folder);
            for name in self.state.base_names(folder)? {
                let rival = keys.is_some_and(|keys| keys.contains(&rules.key(&name)));
                let copy = may_be_conflict(&name) || before_swap(&name).is_some();
                if (rival || copy)
                    && let Some(item) = self.state.base_item(folder, &name)?
                {
                    self.add_folders(folder)?;
                    self.add_item(item);
                }
            }
        }
        Ok(())
    }

    /// Below a folder that could not be looked at nothing is known.
    fn spread_unknown(&mut self) {
        if removed!("completeness") {
            return;
        }
        let ids: BTreeSet<ItemId> = self.items.keys().copied().collect();
        for id in ids {
            for side in Side::BOTH {
                if self.is_below_unknown(side, id)
                    && let Some(item) = self.items.get_mut(&id)
                {
                    item.seen[side] = Seen::Unknown;
                }
            }
        }
        for side in Side::BOTH {
            let ids = self.fresh[side].keys().copied();
            let below: Vec<ItemId> = ids.filter(|id| self.is_in_unknown(side, *id)).collect();
            for id in below {
                if let Some(fresh) = self.fresh[side].get_mut(&id) {
                    fresh.frozen = true;
                }
            }
        }
    }

    /// Whether something fresh was seen in a folder that could not be looked at since.
    fn is_in_unknown(&self, side: Side, id: ItemId) -> bool {
        let mut at = id;
        while let Some(fresh) = self.fresh[side].get(&at) {
            if fresh.frozen {
                return true;
            }
            at = fresh.parent;
        }
        self.is_below_unknown(side, at)
    }

    fn is_below_unknown(&self, side: Side, id: ItemId) -> bool {
        let mut at = id;
        while let Some(item) = self.items.get(&at) {
            if item.seen[side] == Seen::Unknown {
                return true;
            }
            at = item.parent;
        }
        false
    }

    fn finish(self) -> Loaded {
        let items = self.items;
        let depth = |id: ItemId| {
            let mut depth = 0;
            let mut at = id;
            while let Some(item) = items.get(&at) {
                depth += 1;
                at = item.parent;
            }
            depth
        };
        let mut order: Vec<(usize, ItemId)> = items.keys().map(|&id| (depth(id), id)).collect();
        order.sort_unstable();
        let sorted = PerSide::from_fn(|side| {
            let fresh = &self.fresh[side];
            let depth = |id: ItemId| {
                let mut depth = 0;
                let mut at = id;
                while let Some(f) = fresh.get(&at) {
                    depth += 1;
                    at = f.parent;
                }
                depth
            };
            let mut order: Vec<(usize, ItemId)> = fresh.keys().map(|&id| (depth(id), id)).collect();
            order.sort_unstable();
            order.into_iter().map(|(_, id)| id).collect::<Vec<_>>()
        });
        let mut items = items;
        let mut fresh = self.fresh;
        let trees = Trees {
            items: order
                .iter()
                .filter_map(|(_, id)| items.remove(id))
                .collect(),
            fresh: PerSide::from_fn(|side| {
                sorted[side]
                    .iter()
                    .filter_map(|id| fresh[side].remove(id))
                    .collect()
            }),
            copies: self.state.copies.clone(),
            first_seen: self.first_seen,
            moves: self.state.moves.clone(),
            own_writes: self.state.own_writes.clone(),
            taken: PerSide::default(),
        };
        let by_id = trees
            .items
            .iter()
            .enumerate()
            .map(|(i, item)| (item.id, i))
            .collect();
        Loaded {
            trees,
            by_id,
            context: self.context,
        }
    }
}
