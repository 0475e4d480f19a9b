//! What the engine keeps in its database, in memory: the base, and what each side shows that differs from it. It
//! follows `tandem-engine`'s `state` row by row, so that the planner is asked what the engine would ask.

use tandem_core::capabilities::{Capabilities, Ids};
use tandem_core::entry::{Entry, Kind, Revision};
use tandem_core::path::{Name, RelPath};
use tandem_core::plan::record::{Row, add_hashes};
use tandem_core::plan::{BaseItem, ItemId, MadeCopy, MadeMove, Seen, swap_name};
use tandem_core::side::{PerSide, Side};
use tandem_core::time::Timestamp;

/// How a place differs from the base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Differs {
    /// A base item is not there.
    Absent,
    /// Something is there that the base does not explain.
    Fresh,
    /// A base item's place shows another entry of the same kind and id.
    Changed,
    /// A filter leaves the base item out.
    Excluded,
    /// A base item could not be looked at.
    Unknown,
    /// A base item is gone, and something else has its name.
    Replaced,
}

impl Differs {
    const fn is_gone(self) -> bool {
        matches!(self, Self::Absent | Self::Excluded | Self::Replaced)
    }

    pub(super) const fn has_fresh(self) -> bool {
        matches!(self, Self::Fresh | Self::Replaced)
    }
}

/// One place that differs.
#[derive(Debug, Clone)]
pub(super) struct SeenRow {
    pub(super) parent: ItemId,
    pub(super) name: Name,
    pub(super) id: ItemId,
    pub(super) differs: Differs,
    pub(super) entry: Option<Entry>,
    /// Whether it is something that the base does not explain, and that could not be looked into or read.
    pub(super) is_unread: bool,
    /// When what has no time was first seen as it is.
    pub(super) since: Option<Timestamp>,
}

impl std::fmt::Display for SeenRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (folder, id) = (self.parent.0, self.id.0);
        write!(f, "{folder}/{:?}={id}:{:?}", self.name, self.differs)
    }
}

/// A folder as it was listed.
#[derive(Debug, Default)]
pub(super) struct Listing<'a> {
    pub(super) entries: Vec<&'a Entry>,
    /// Names that a filter leaves out.
    pub(super) excluded: Vec<Name>,
    /// Folders that could not be looked into.
    pub(super) unread: Vec<Name>,
}

/// What is known.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) base: Vec<BaseItem>,
    pub(super) seen: PerSide<Vec<SeenRow>>,
    pub(super) moves: Vec<MadeMove>,
    pub(super) copies: Vec<MadeCopy>,
    /// Revisions of files that were taken from a side since it was last looked at.
    pub(super) taken: PerSide<Vec<Revision>>,
    /// Folders that went from a fresh id to an item's while a plan is executed.
    pub(super) rebased: Vec<(Side, ItemId, ItemId)>,
    ids: i64,
    pub(super) now: Timestamp,
}

impl State {
    pub(super) fn new_id(&mut self) -> ItemId {
        self.ids += 1;
        ItemId(self.ids)
    }

    pub(super) fn base_item(&self, id: ItemId) -> Option<&BaseItem> {
        self.base.iter().find(|item| item.id == id)
    }

    /// Where a side had the item when it was in step.
    pub(super) fn base_path(&self, side: Side, item: ItemId) -> Option<RelPath> {
        if item == ItemId::ROOT {
            return Some(RelPath::root());
        }
        let item = self.base_item(item)?;
        let name = item.entries[side].as_ref().map(|entry| &entry.name);
        Some(self.base_path(side, item.parent)?.join(name?))
    }

    fn base_named(&self, parent: ItemId, name: &Name) -> Option<&BaseItem> {
        let mut all = self.base.iter();
        all.find(|item| item.parent == parent && item.name == *name)
    }

    /// The item that `side` shows under this spelling.
    pub(super) fn base_by_native(
        &self,
        side: Side,
        parent: ItemId,
        native: &Name,
    ) -> Option<&BaseItem> {
        let is_spelled = |item: &&BaseItem| {
            item.parent == parent
                && item.entries[side]
                    .as_ref()
                    .is_some_and(|e| e.name == *native)
        };
        let named = self.base_named(parent, native).filter(is_spelled);
        named.or_else(|| self.base.iter().find(is_spelled))
    }

    pub(super) fn base_children(&self, parent: ItemId) -> impl Iterator<Item = &BaseItem> {
        self.base.iter().filter(move |item| item.parent == parent)
    }

    pub(super) fn row(&self, side: Side, folder: ItemId, name: &Name) -> Option<&SeenRow> {
        let mut rows = self.seen[side].iter();
        rows.find(|row| row.parent == folder && row.name == *name)
    }

    /// Notes the whole of a folder as `side` shows it.
    pub(super) fn see_folder(
        &mut self,
        side: Side,
        folder: ItemId,
        capabilities: &Capabilities,
        listing: Listing<'_>,
    ) {
        let Listing {
            entries,
            excluded,
            unread,
        } = listing;
        let mut wanted: Vec<(Name, Differs, Option<Entry>)> = Vec::new();
        let mut explained = vec![false; entries.len()];
        for item in self.base_children(folder) {
            let Some(was) = &item.entries[side] else {
                continue;
            };
            let at = entries.iter().position(|e| e.name == was.name);
            let new = match at.map(|at| entries[at]) {
                Some(now) if same_stamp(was, now) => {
                    explained[at.unwrap_or_default()] = true;
                    continue;
                }
                None if excluded.contains(&was.name) => (Differs::Excluded, None),
                None => (Differs::Absent, None),
                Some(now) if is_same_thing(was, now, capabilities) => {
                    (Differs::Changed, Some(now.clone()))
                }
                Some(now) => (Differs::Replaced, Some(now.clone())),
            };
            if let Some(at) = at {
                explained[at] = true;
            }
            wanted.push((was.name.clone(), new.0, new.1));
        }
        for (entry, explained) in entries.into_iter().zip(explained) {
            if !explained {
                wanted.push((entry.name.clone(), Differs::Fresh, Some(entry.clone())));
            }
        }
        let is_known = self.seen[side].iter().any(|row| row.parent == folder);
        if is_known || !wanted.is_empty() {
            self.write_differences(side, folder, wanted);
        }
        for name in unread {
            self.see_unread(side, folder, &name);
        }
    }

    /// Nothing is known of what is in the folder there. It may be one that was moved here.
    fn see_unread(&mut self, side: Side, folder: ItemId, name: &Name) {
        let mut rows = self.seen[side].iter_mut();
        let row = rows.find(|row| row.parent == folder && row.name == *name);
        let id = match row {
            Some(row) if row.differs.has_fresh() => {
                row.is_unread = true;
                return;
            }
            Some(row) => row.id,
            None => self.new_id(),
        };
        self.write_seen(side, folder, name.clone(), id, Differs::Unknown, None);
    }

    /// Makes the rows of a folder exactly `wanted`. What is known by reading is kept while it holds.
    fn write_differences(
        &mut self,
        side: Side,
        folder: ItemId,
        mut wanted: Vec<(Name, Differs, Option<Entry>)>,
    ) {
        let known: Vec<SeenRow> = self.seen[side]
            .iter()
            .filter(|row| row.parent == folder)
            .cloned()
            .collect();
        for row in known {
            let found = wanted.iter().position(|(name, ..)| *name == row.name);
            let Some(found) = found else {
                self.forget_seen(side, &row);
                continue;
            };
            let (name, differs, mut entry) = wanted.swap_remove(found);
            if let (Some(now), Some(was)) = (&mut entry, &row.entry)
                && same_stamp(now, was)
            {
                add_hashes(&mut now.hashes, &was.hashes);
            }
            if differs.is_gone() && !row.differs.is_gone() {
                self.forget_below_base(side, folder, &name);
            }
            let mut id = row.id;
            if is_another(row.entry.as_ref(), entry.as_ref()) {
                self.forget_seen(side, &row);
                id = self.new_id();
            }
            self.write_seen(side, folder, name, id, differs, entry);
        }
        for (name, differs, entry) in wanted {
            if differs.is_gone() {
                self.forget_below_base(side, folder, &name);
            }
            let id = self.new_id();
            self.write_seen(side, folder, name, id, differs, entry);
        }
    }

    fn forget_below_base(&mut self, side: Side, folder: ItemId, name: &Name) {
        let gone = self.base_by_native(side, folder, name);
        let mut folders: Vec<ItemId> = gone.map(|item| item.id).into_iter().collect();
        while let Some(folder) = folders.pop() {
            self.forget_children(side, folder);
            folders.extend(self.base_children(folder).map(|child| child.id));
        }
    }

    fn write_seen(
        &mut self,
        side: Side,
        folder: ItemId,
        name: Name,
        id: ItemId,
        differs: Differs,
        entry: Option<Entry>,
    ) {
        let now = self.now;
        let mut rows = self.seen[side].iter_mut();
        let old = rows.find(|row| row.parent == folder && row.name == name);
        let has_time = entry.as_ref().is_none_or(|e| e.mtime.is_some());
        let known_since = old.as_ref().and_then(|row| {
            let same = row.entry.as_ref().zip(entry.as_ref());
            row.since
                .filter(|_| same.is_some_and(|(a, b)| same_stamp(a, b)))
        });
        let row = SeenRow {
            parent: folder,
            name,
            id,
            differs,
            entry,
            is_unread: false,
            since: (!has_time).then(|| known_since.unwrap_or(now)),
        };
        match old {
            Some(old) => *old = row,
            None => self.seen[side].push(row),
        }
    }

    fn delete_seen(&mut self, side: Side, folder: ItemId, name: &Name) {
        self.seen[side].retain(|row| row.parent != folder || row.name != *name);
    }

    fn forget_seen(&mut self, side: Side, row: &SeenRow) {
        self.delete_seen(side, row.parent, &row.name);
        if was_folder(row.entry.as_ref()) {
            self.forget_children(side, row.id);
        }
    }

    fn forget_children(&mut self, side: Side, folder: ItemId) {
        let rows = self.seen[side].iter().filter(|row| row.parent == folder);
        for row in rows.cloned().collect::<Vec<_>>() {
            self.forget_seen(side, &row);
        }
    }

    /// Notes what one place shows after an action, as a listing of that name alone would.
    fn see_place(
        &mut self,
        side: Side,
        folder: ItemId,
        name: &Name,
        now: Option<&Entry>,
        id: ItemId,
    ) {
        let base = self.base_by_native(side, folder, name);
        let was = base.and_then(|b| b.entries[side].as_ref());
        let differs = match (was, now) {
            (None, None) => None,
            (None, Some(_)) => Some(Differs::Fresh),
            (Some(_), None) => Some(Differs::Absent),
            (Some(was), Some(now)) if same_stamp(was, now) => None,
            (Some(was), Some(now)) if may_be_same(was, now) => Some(Differs::Changed),
            (Some(_), Some(_)) => Some(Differs::Replaced),
        };
        let Some(differs) = differs else {
            return self.delete_seen(side, folder, name);
        };
        let known = self.row(side, folder, name).cloned();
        let is_other = |row: &SeenRow| {
            let was = row.entry.as_ref();
            was.is_some() && now.is_some() && is_another(was, now)
        };
        let is_still = known.as_ref().is_some_and(|row| !is_other(row));
        if let Some(row) = known.as_ref().filter(|_| !is_still) {
            self.forget_seen(side, row);
        }
        let id = match known.filter(|_| is_still) {
            // What was here may be known by its id elsewhere from now on.
            _ if differs == Differs::Absent => self.new_id(),
            // What lies in a base item is known below its id, also once the base has it no longer.
            Some(row)
                if row.differs == Differs::Changed
                    && differs == Differs::Fresh
                    && id != ItemId::ROOT =>
            {
                id
            }
            Some(row) => row.id,
            None if id == ItemId::ROOT => self.new_id(),
            None => id,
        };
        self.write_seen(side, folder, name.clone(), id, differs, now.cloned());
    }

    fn unclaim(&mut self, side: Side, folder: ItemId, name: &Name) {
        if self.base_by_native(side, folder, name).is_some() {
            return;
        }
        let mut rows = self.seen[side].iter_mut();
        let row = rows.find(|row| row.parent == folder && row.name == *name);
        match row.map(|row| (row.differs, row)) {
            Some((Differs::Replaced | Differs::Changed, row)) => row.differs = Differs::Fresh,
            Some((Differs::Absent | Differs::Excluded, _)) => self.delete_seen(side, folder, name),
            _ => {}
        }
    }

    /// What was known below the fresh folder `from` is known below `to`, compared with its base children.
    fn rebase(&mut self, side: Side, from: ItemId, to: ItemId) {
        if from == to {
            return;
        }
        self.rebased.push((side, from, to));
        let rows = self.seen[side].iter().filter(|row| row.parent == from);
        let mut rows: Vec<SeenRow> = rows.cloned().collect();
        self.seen[side].retain(|row| row.parent != from);
        for child in self.base_children(to).cloned().collect::<Vec<_>>() {
            let Some(was) = &child.entries[side] else {
                continue;
            };
            let found = rows.iter().position(|row| row.name == was.name);
            let Some(row) = found.map(|at| rows.swap_remove(at)) else {
                let id = self.new_id();
                self.write_seen(side, to, was.name.clone(), id, Differs::Absent, None);
                continue;
            };
            let now = row.entry.as_ref();
            if row.is_unread {
                self.write_seen(side, to, row.name, row.id, Differs::Unknown, None);
                continue;
            }
            let differs = match now {
                Some(now) if same_stamp(was, now) => None,
                Some(now) if may_be_same(was, now) => Some(Differs::Changed),
                _ => Some(Differs::Replaced),
            };
            let is_it = differs != Some(Differs::Replaced);
            if let Some(differs) = differs {
                self.write_seen(side, to, row.name, row.id, differs, row.entry);
            }
            if is_it && child.kind == Kind::Folder {
                self.rebase(side, row.id, child.id);
            }
        }
        for row in rows {
            let is_unread = row.is_unread;
            self.write_seen(side, to, row.name.clone(), row.id, row.differs, row.entry);
            if is_unread {
                self.mark_unknown(side, to, &row.name);
            }
        }
    }

    pub(super) fn known_now(&self, side: Side, folder: ItemId) -> ItemId {
        let known = self.rebased.iter().rev();
        let found = known
            .clone()
            .find(|(s, from, _)| (*s, *from) == (side, folder));
        found.map_or(folder, |(.., to)| *to)
    }

    /// Whether a side shows a folder under this id that the base does not explain.
    pub(super) fn is_fresh_folder(&self, side: Side, id: ItemId) -> bool {
        self.seen[side]
            .iter()
            .any(|row| row.id == id && row.differs.has_fresh() && was_folder(row.entry.as_ref()))
    }

    /// The id of a folder that `side` shows under this spelling.
    pub(super) fn folder_at(&self, side: Side, parent: ItemId, name: &Name) -> Option<ItemId> {
        if let Some(row) = self.row(side, parent, name) {
            if row.differs.has_fresh() && was_folder(row.entry.as_ref()) {
                return Some(row.id);
            }
            if row.differs.is_gone() || row.differs == Differs::Fresh {
                return None;
            }
        }
        // One that is owed is known by the name it will have there.
        let is_owed = |item: &&BaseItem| item.entries[side].is_none();
        let there = self.base_by_native(side, parent, name);
        let item = there.or_else(|| self.base_named(parent, name).filter(is_owed));
        item.filter(|item| item.kind == Kind::Folder)
            .map(|item| item.id)
    }

    /// The id of the folder at this path of a side.
    pub(super) fn folder_by_path(&self, side: Side, path: &RelPath) -> Option<ItemId> {
        path.names().try_fold(ItemId::ROOT, |folder, name| {
            self.folder_at(side, folder, &name)
        })
    }

    /// Adds a hash that was found by reading to what is known of a place.
    pub(super) fn add_hash(&mut self, side: Side, folder: ItemId, entry: &Entry) {
        let mut rows = self.seen[side].iter_mut();
        if let Some(row) = rows.find(|row| row.parent == folder && row.name == entry.name) {
            row.entry = Some(entry.clone());
            return;
        }
        let item = self.base_by_native(side, folder, &entry.name);
        let Some(id) = item.map(|item| item.id) else {
            return;
        };
        let item = self.base.iter_mut().find(|item| item.id == id);
        if let Some(known) = item.and_then(|item| item.entries[side].as_mut()) {
            add_hashes(&mut known.hashes, &entry.hashes);
        }
    }

    /// A place could not be read: nothing is decided about it until it is looked at again.
    pub(super) fn mark_unknown(&mut self, side: Side, folder: ItemId, name: &Name) {
        let mut rows = self.seen[side].iter_mut();
        let row = rows.find(|row| row.parent == folder && row.name == *name);
        let Some(row) = row else { return };
        if row.differs.has_fresh() {
            row.is_unread = true;
        } else {
            let id = row.id;
            self.write_seen(side, folder, name.clone(), id, Differs::Unknown, None);
        }
    }

    /// Whether a folder would lie in itself, and the base no longer be a tree.
    pub(super) fn puts_into_itself(&self, rows: &[Row]) -> bool {
        let is_within = |folder: ItemId, item: ItemId| {
            let mut above = std::iter::successors(Some(folder), |&at| {
                self.base_item(at).map(|item| item.parent)
            });
            above.any(|at| at == item)
        };
        let mut rows = rows.iter();
        rows.any(|row| matches!(row, Row::Put { item, parent, .. } if is_within(*parent, *item)))
    }

    /// Applies what was derived from an action.
    pub(super) fn apply(&mut self, rows: Vec<Row>) {
        for row in rows {
            match row {
                Row::Put {
                    item,
                    parent,
                    name,
                    kind,
                    entries,
                    ..
                } => {
                    self.forget_below_owed(item, &entries);
                    self.make_room(item, parent, &name, &entries);
                    self.put(item, parent, name, kind, entries);
                }
                Row::Drop(item) => self.drop_item(item),
                Row::Rebase { side, from, to } => self.rebase(side, from, to),
                Row::Owe { side, parent, name } => self.owe(side, parent, &name),
                Row::Unclaim { side, parent, name } => {
                    self.unclaim(side, self.known_now(side, parent), &name);
                }
                Row::Moved(made) => {
                    let folder = self.known_now(made.side, made.folder);
                    self.moves
                        .retain(|m| (m.side, m.item) != (made.side, made.item));
                    self.moves.push(MadeMove { folder, ..made });
                }
                Row::Place {
                    side,
                    parent,
                    name,
                    now,
                    id,
                } => {
                    let parent = self.known_now(side, parent);
                    self.see_place(side, parent, &name, now.as_ref(), id);
                }
            }
        }
    }

    /// The side is still to receive what the base has there.
    fn owe(&mut self, side: Side, parent: ItemId, name: &Name) {
        let Some(mut item) = self.base_named(parent, name).cloned() else {
            return;
        };
        if let Some(was) = item.entries[side].take() {
            self.forget_below_owed(item.id, &item.entries);
            self.put(item.id, parent, item.name, item.kind, item.entries);
            self.unclaim(side, parent, &was.name);
        }
    }

    /// What was noted in a folder on a side that is to receive it anew says nothing.
    fn forget_below_owed(&mut self, item: ItemId, entries: &PerSide<Option<Entry>>) {
        let Some(base) = self.base_item(item).cloned() else {
            return;
        };
        for side in Side::BOTH.into_iter().filter(|_| base.kind == Kind::Folder) {
            if let (Some(was), None) = (&base.entries[side], &entries[side]) {
                self.forget_below_base(side, base.parent, &was.name);
            }
        }
    }

    /// A side has only one item under a spelling, and the pair one under a name: another that had it before is elsewhere
    /// by now, or gone, and has a name for a while in the base.
    fn make_room(
        &mut self,
        item: ItemId,
        parent: ItemId,
        name: &Name,
        entries: &PerSide<Option<Entry>>,
    ) {
        let holder = self.base_named(parent, name).map(|holder| holder.id);
        let mut holder = holder.filter(|holder| *holder != item);
        let aside_of = |id| swap_name(name, id).expect("a name gives one for a while");
        if let Some(other) = holder
            && self.base_named(parent, &aside_of(other)).is_some()
        {
            // A person gave that name to something: the holder is to be found anew.
            self.drop_item(other);
            holder = None;
        }
        for side in Side::BOTH {
            let Some(native) = entries[side].as_ref().map(|entry| &entry.name) else {
                continue;
            };
            let other = self.base_by_native(side, parent, native).map(|o| o.id);
            let Some(other) = other.filter(|other| *other != item) else {
                continue;
            };
            let Some(aside) = swap_name(native, other) else {
                continue;
            };
            let known = self.base.iter_mut().find(|item| item.id == other);
            if let Some(entry) = known.and_then(|item| item.entries[side].as_mut()) {
                entry.name = aside.clone();
            }
            self.see_place(side, parent, &aside, None, ItemId::ROOT);
            self.forget_below_base(side, parent, &aside);
        }
        let known = self.base.iter_mut().find(|item| Some(item.id) == holder);
        if let Some(holder) = known {
            holder.name = aside_of(holder.id);
        }
    }

    pub(super) fn put(
        &mut self,
        item: ItemId,
        parent: ItemId,
        name: Name,
        kind: Kind,
        entries: PerSide<Option<Entry>>,
    ) {
        let new = BaseItem {
            id: item,
            parent,
            name,
            kind,
            entries,
            seen: PerSide::new(Seen::AsBase, Seen::AsBase),
            excluded: false,
        };
        match self.base.iter_mut().find(|known| known.id == item) {
            Some(known) => *known = new,
            None => self.base.push(new),
        }
    }

    fn drop_item(&mut self, item: ItemId) {
        let below: Vec<ItemId> = self.base_children(item).map(|child| child.id).collect();
        for child in below {
            self.drop_item(child);
        }
        self.base.retain(|known| known.id != item);
    }
}

pub(super) fn was_folder(entry: Option<&Entry>) -> bool {
    entry.is_some_and(|e| e.kind == Kind::Folder)
}

/// Whether two entries are one observation, whatever is known of their content.
pub(super) fn same_stamp(a: &Entry, b: &Entry) -> bool {
    a.name == b.name
        && a.kind == b.kind
        && a.size == b.size
        && a.mtime == b.mtime
        && a.executable == b.executable
        && a.id == b.id
        && a.revision == b.revision
        && a.target == b.target
}

fn may_be_same(was: &Entry, now: &Entry) -> bool {
    was.kind == now.kind && was.id == now.id
}

/// Whether a place shows another folder than it did, or has become one or ceased to be one: what was noted in it, and the id
/// by which it was known, say nothing of what is there.
fn is_another(was: Option<&Entry>, now: Option<&Entry>) -> bool {
    let is_same = was.zip(now).is_some_and(|(was, now)| may_be_same(was, now));
    (was_folder(was) || was_folder(now)) && !is_same
}

fn is_same_thing(was: &Entry, now: &Entry, capabilities: &Capabilities) -> bool {
    was.kind == now.kind && (capabilities.ids == Ids::None || was.id == now.id)
}
