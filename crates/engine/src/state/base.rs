//! The third tree: what each side had when they were last in step.

use rusqlite::{OptionalExtension, Row, params};
use tandem_core::entry::{Entry, Kind};
use tandem_core::path::Name;
use tandem_core::plan::record::Row as Change;
use tandem_core::plan::{BaseItem, Equality, ItemId, MadeMove, Seen, swap_name, swap_names};
use tandem_core::side::{PerSide, Side};

use super::State;
use super::pack::{Hashes, pack_stamp, unpack_stamp};
use crate::error::{EngineError, Result};

const COLUMNS: &str = "parent, name, item, kind, source, destination, hashes, equality";

const fn kind_number(kind: Kind) -> i64 {
    match kind {
        Kind::File => 0,
        Kind::Folder => 1,
        Kind::Symlink => 2,
        Kind::Opaque => 3,
    }
}

const fn kind_of(number: i64) -> Kind {
    match number {
        0 => Kind::File,
        1 => Kind::Folder,
        2 => Kind::Symlink,
        _ => Kind::Opaque,
    }
}

const fn equality_number(equality: Equality) -> i64 {
    match equality {
        Equality::SameBytes => 1,
        Equality::SameHash => 2,
        Equality::SizeAndTime => 3,
        Equality::Adopted => 4,
    }
}

fn item_of(row: &Row<'_>) -> Result<BaseItem> {
    let name: String = row.get(1)?;
    let source: Option<Vec<u8>> = row.get(4)?;
    let destination: Option<Vec<u8>> = row.get(5)?;
    let hashes: Option<Vec<u8>> = row.get(6)?;
    let (of_source, of_destination) = Hashes::unpack(hashes.as_deref())?;
    let source = source
        .map(|b| unpack_stamp(&b, &name, of_source))
        .transpose()?;
    let destination = destination
        .map(|b| unpack_stamp(&b, &name, of_destination))
        .transpose()?;
    Ok(BaseItem {
        id: ItemId(row.get(2)?),
        parent: ItemId(row.get(0)?),
        name: Name::new(name).map_err(|e| EngineError::DamagedState(e.to_string()))?,
        kind: kind_of(row.get(3)?),
        entries: PerSide::new(source, destination),
        seen: PerSide::new(Seen::AsBase, Seen::AsBase),
        excluded: false,
    })
}

fn items_of(mut rows: rusqlite::Rows<'_>) -> Result<Vec<BaseItem>> {
    let mut items = Vec::new();
    while let Some(row) = rows.next()? {
        items.push(item_of(row)?);
    }
    Ok(items)
}

impl State {
    /// How many items are in step.
    pub(crate) fn base_count(&self) -> Result<u64> {
        Ok(self.counts.items(&self.db)?)
    }

    /// How many of these have content.
    pub(crate) fn file_count(&self) -> Result<u64> {
        Ok(self.counts.files(&self.db)?)
    }

    /// The item under this name of the pair.
    pub(crate) fn base_item(&self, parent: ItemId, name: &Name) -> Result<Option<BaseItem>> {
        let sql = format!("SELECT {COLUMNS} FROM base WHERE parent = ?1 AND name = ?2");
        let mut query = self.db.prepare_cached(&sql)?;
        let mut rows = query.query(params![parent.0, name.as_str()])?;
        rows.next()?.map(item_of).transpose()
    }

    /// The folder of this id.
    pub(crate) fn base_folder(&self, item: ItemId) -> Result<Option<BaseItem>> {
        let sql = format!("SELECT {COLUMNS} FROM base WHERE item = ?1 AND kind = 1");
        let mut query = self.db.prepare_cached(&sql)?;
        let mut rows = query.query([item.0])?;
        rows.next()?.map(item_of).transpose()
    }

    /// The children of a folder, by name.
    pub(crate) fn base_children(&self, parent: ItemId) -> Result<Vec<BaseItem>> {
        let sql = format!("SELECT {COLUMNS} FROM base WHERE parent = ?1 ORDER BY name");
        let mut query = self.db.prepare_cached(&sql)?;
        items_of(query.query([parent.0])?)
    }

    /// The next items after a place, of all folders, at most `most`.
    pub(crate) fn base_after(
        &self,
        after: Option<(ItemId, &Name)>,
        most: usize,
    ) -> Result<Vec<BaseItem>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM base WHERE (parent, name) > (?1, ?2) ORDER BY parent, name LIMIT ?3"
        );
        let (parent, name) = after.map_or((-1, ""), |(parent, name)| (parent.0, name.as_str()));
        let mut query = self.db.prepare_cached(&sql)?;
        let rows = query.query(params![
            parent,
            name,
            i64::try_from(most).unwrap_or(i64::MAX)
        ])?;
        items_of(rows)
    }

    /// Items that a side is still to receive.
    pub(super) fn owed(&self) -> Result<Vec<BaseItem>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM base WHERE source IS NULL OR destination IS NULL ORDER BY parent, name"
        );
        let mut query = self.db.prepare_cached(&sql)?;
        items_of(query.query([])?)
    }

    /// Those of one folder.
    pub(super) fn owed_in(&self, parent: ItemId) -> Result<Vec<BaseItem>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM base WHERE parent = ?1 AND (source IS NULL OR destination IS NULL) ORDER BY name"
        );
        let mut query = self.db.prepare_cached(&sql)?;
        items_of(query.query([parent.0])?)
    }

    /// The names of a folder's children in the pair.
    pub(super) fn base_names(&self, parent: ItemId) -> Result<Vec<Name>> {
        let mut query = self
            .db
            .prepare_cached("SELECT name FROM base WHERE parent = ?1 ORDER BY name")?;
        let mut rows = query.query([parent.0])?;
        let mut names = Vec::new();
        while let Some(row) = rows.next()? {
            let name: String = row.get(0)?;
            names.push(Name::new(name).map_err(|e| EngineError::DamagedState(e.to_string()))?);
        }
        Ok(names)
    }

    /// The item that `side` shows under this spelling.
    pub(crate) fn base_by_native(
        &self,
        side: Side,
        parent: ItemId,
        native: &Name,
    ) -> Result<Option<BaseItem>> {
        if let Some(item) = self.base_item(parent, native)?
            && item.entries[side]
                .as_ref()
                .is_some_and(|e| e.name == *native)
        {
            return Ok(Some(item));
        }
        let mut others = self.base_spelled(parent)?.into_iter();
        Ok(others.find(|i| i.entries[side].as_ref().is_some_and(|e| e.name == *native)))
    }

    /// The children of a folder that some side spells otherwise than the pair does.
    pub(super) fn base_spelled(&self, parent: ItemId) -> Result<Vec<BaseItem>> {
        // The first byte of a stamp says whether it has a name of its own; the index has the same condition.
        let sql = format!(
            "SELECT {COLUMNS} FROM base WHERE parent = ?1 \
             AND (substr(source, 1, 1) <> x'00' OR substr(destination, 1, 1) <> x'00') ORDER BY name"
        );
        let mut query = self.db.prepare_cached(&sql)?;
        items_of(query.query([parent.0])?)
    }

    /// How equality of an item was shown, by its name in JSON.
    pub(crate) fn equality(&self, parent: ItemId, name: &Name) -> Result<Option<&'static str>> {
        let mut query = self
            .db
            .prepare_cached("SELECT equality FROM base WHERE parent = ?1 AND name = ?2")?;
        let number: Option<i64> = query
            .query_row(params![parent.0, name.as_str()], |r| r.get(0))
            .optional()?;
        Ok(number.map(|n| match n {
            1 => "same_bytes",
            2 => "same_hash",
            3 => "size_and_time",
            _ => "adopted",
        }))
    }

    /// Applies what `tandem_core::plan::record` derived from an action. `base` is the item as it was. Answers where the
    /// base has those by now that were put somewhere, or had to make room.
    pub(crate) fn apply(
        &mut self,
        rows: &[Change],
        base: Option<&BaseItem>,
    ) -> Result<Vec<(ItemId, (ItemId, Name))>> {
        self.assert_whole();
        let mut places = Vec::new();
        let mut in_step: Option<(ItemId, &PerSide<Option<Entry>>)> = None;
        for row in rows {
            match row {
                Change::Put {
                    item,
                    parent,
                    name,
                    kind,
                    entries,
                    equality,
                } => {
                    self.forget_below_owed(base, entries)?;
                    let other = self.make_room(*item, *parent, name, entries)?;
                    places.extend(other.map(|(other, aside)| (other, (*parent, aside))));
                    self.put(*item, *parent, name, *kind, entries, *equality, base)?;
                    places.push((*item, (*parent, name.clone())));
                    in_step = Some((*parent, entries));
                }
                Change::Drop(_) => {
                    if let Some(base) = base {
                        if self.is_shown_unclaimed(base, rows)? {
                            self.release(base)?;
                        } else {
                            self.drop_with_children(base)?;
                        }
                    }
                }
                Change::Rebase { side, from, to } => {
                    self.rebase(*side, *from, *to)?;
                }
                Change::Owe { side, parent, name } => self.owe(*side, *parent, name)?,
                Change::Unclaim { side, parent, name } => {
                    self.unclaim(*side, self.known_now(*side, *parent), name)?;
                }
                Change::Moved(made) => {
                    let folder = self.known_now(made.side, made.folder);
                    self.remember_move(MadeMove {
                        folder,
                        ..made.clone()
                    });
                }
                Change::Place {
                    side,
                    parent,
                    name,
                    now,
                    id,
                } => {
                    let parent = self.known_now(*side, *parent);
                    // What was just put need not be asked for.
                    let was = in_step
                        .filter(|(folder, _)| *folder == parent)
                        .and_then(|(_, entries)| entries[*side].as_ref())
                        .filter(|was| was.name == *name);
                    match was {
                        Some(was) => {
                            self.see_against(*side, parent, name, Some(was), now.as_ref(), *id)?
                        }
                        None => self.see_place(*side, parent, name, now.as_ref(), *id)?,
                    }
                }
            }
        }
        Ok(places)
    }

    /// Whether a side shows the item as it is in step although the plan knows nothing of it there: what stood in a folder
    /// that has gone over to the base since was planned as something new.
    fn is_shown_unclaimed(&self, base: &BaseItem, rows: &[Change]) -> Result<bool> {
        for row in rows {
            if let Change::Unclaim { side, parent, name } = row
                && *parent == base.parent
                && self.seen_at(*side, *parent, name)?.is_none()
                && self.is_there(*side, *parent)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What was noted in a folder on a side that is to receive it anew says nothing.
    fn forget_below_owed(
        &mut self,
        base: Option<&BaseItem>,
        entries: &PerSide<Option<Entry>>,
    ) -> Result<()> {
        let folder = base.filter(|base| base.kind == Kind::Folder);
        for side in Side::BOTH {
            if let Some(base) = folder
                && let (Some(was), None) = (&base.entries[side], &entries[side])
            {
                self.forget_below_base(side, base.parent, &was.name)?;
            }
        }
        Ok(())
    }

    /// The side is still to receive what the base has there.
    fn owe(&mut self, side: Side, parent: ItemId, name: &Name) -> Result<()> {
        let Some(item) = self.base_item(parent, name)? else {
            return Ok(());
        };
        let mut entries = item.entries.clone();
        let Some(was) = entries[side].take() else {
            return Ok(());
        };
        self.forget_below_owed(Some(&item), &entries)?;
        let kind = item.kind;
        self.put(item.id, parent, name, kind, &entries, None, Some(&item))?;
        self.unclaim(side, parent, &was.name)
    }

    /// A side has only one item under a spelling, and the pair one under a name: another that had it before is elsewhere
    /// by now, or gone, and has a name for a while in the base. Answers who has another name in the pair, and which.
    fn make_room(
        &mut self,
        item: ItemId,
        parent: ItemId,
        name: &Name,
        entries: &PerSide<Option<Entry>>,
    ) -> Result<Option<(ItemId, Name)>> {
        let holder = self.base_item(parent, name)?;
        let mut holder = holder.filter(|holder| holder.id != item);
        let aside = holder.as_ref().and_then(|h| swap_name(name, h.id));
        if let (Some(other), Some(aside)) = (&holder, &aside)
            && self.base_item(parent, aside)?.is_some()
        {
            // A person gave that name to something: the holder is to be found anew.
            self.release(other)?;
            holder = None;
        }
        let had_at = self.folder_paths(holder.as_ref())?;
        for side in Side::BOTH {
            if let Some(entry) = &entries[side] {
                self.release_native(side, item, parent, &entry.name)?;
            }
        }
        let (Some(holder), Some(aside)) = (holder.and(self.base_item(parent, name)?), aside) else {
            return Ok(None);
        };
        let BaseItem {
            id, kind, entries, ..
        } = &holder;
        self.put(*id, parent, &aside, *kind, entries, None, Some(&holder))?;
        let has_at = self.folder_paths(self.base_item(parent, &aside)?.as_ref())?;
        for side in Side::BOTH {
            if let (Some(had), Some(has)) = (&had_at[side], &has_at[side]) {
                self.move_detached(side, had, has)?;
            }
        }
        Ok(Some((*id, aside)))
    }

    /// A name for a while that nothing has on the side.
    fn free_swap_name(
        &self,
        side: Side,
        parent: ItemId,
        native: &Name,
        item: ItemId,
    ) -> Result<Option<Name>> {
        for name in swap_names(native, item) {
            if self.seen_at(side, parent, &name)?.is_none()
                && self.base_by_native(side, parent, &name)?.is_none()
            {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// Gives what another than `item` had under a spelling one for a while.
    fn release_native(
        &mut self,
        side: Side,
        item: ItemId,
        parent: ItemId,
        native: &Name,
    ) -> Result<()> {
        let Some(other) = self.base_by_native(side, parent, native)? else {
            return Ok(());
        };
        if other.id == item {
            return Ok(());
        }
        let Some(aside) = self.free_swap_name(side, parent, native, other.id)? else {
            return Ok(());
        };
        let mut entries = other.entries.clone();
        if let Some(entry) = &mut entries[side] {
            entry.name = aside.clone();
        }
        let (id, kind) = (other.id, other.kind);
        self.put(id, parent, &other.name, kind, &entries, None, Some(&other))?;
        self.see_place(side, parent, &aside, None, ItemId::ROOT)?;
        self.forget_below_base(side, parent, &aside)
    }

    #[allow(clippy::too_many_arguments, reason = "the columns of one row")]
    fn put(
        &self,
        item: ItemId,
        parent: ItemId,
        name: &Name,
        kind: Kind,
        entries: &PerSide<Option<Entry>>,
        equality: Option<Equality>,
        base: Option<&BaseItem>,
    ) -> Result<()> {
        let mut noted = None;
        if let Some(base) = base {
            if equality.is_none() {
                let mut query = self
                    .db
                    .prepare_cached("SELECT equality FROM base WHERE parent = ?1 AND name = ?2")?;
                noted = query
                    .query_row(params![base.parent.0, base.name.as_str()], |r| r.get(0))
                    .optional()?;
            }
            if (base.parent, &base.name) != (parent, name) {
                self.drop_row(base)?;
            }
        }
        let stamp = |side: Side| -> Result<Option<Vec<u8>>> {
            let Some(entry) = &entries[side] else {
                return Ok(None);
            };
            let mut bytes = Vec::with_capacity(64);
            pack_stamp(entry, name.as_str(), &mut bytes)?;
            Ok(Some(bytes))
        };
        let hashes = Hashes::pack(entries.source.as_ref(), entries.destination.as_ref())?;
        let equality = equality.map(equality_number).or(noted).unwrap_or(4);
        let mut write = self.db.prepare_cached(
            "INSERT OR REPLACE INTO base (parent, name, item, kind, source, destination, hashes, equality) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?;
        write.execute(params![
            parent.0,
            name.as_str(),
            item.0,
            kind_number(kind),
            stamp(Side::Source)?,
            stamp(Side::Destination)?,
            hashes,
            equality
        ])?;
        drop(write);
        for side in Side::BOTH {
            if let Some(entry) = &entries[side] {
                self.index_native(side, parent, Some(entry))?;
                self.note_young(side, parent, entry)?;
            }
        }
        Ok(())
    }

    /// Adds a hash that was found by reading an item that is in step.
    pub(super) fn add_base_hash(&self, side: Side, item: &BaseItem, entry: &Entry) -> Result<()> {
        self.assert_whole();
        let mut entries = item.entries.clone();
        if let Some(known) = entries[side].as_mut() {
            tandem_core::plan::record::add_hashes(&mut known.hashes, &entry.hashes);
        }
        self.put(
            item.id,
            item.parent,
            &item.name,
            item.kind,
            &entries,
            None,
            Some(item),
        )
    }

    /// The base no longer has the item. What it had below a folder that is in step nowhere is new where it is
    /// found.
    fn drop_with_children(&self, item: &BaseItem) -> Result<()> {
        if item.kind == Kind::Folder {
            for child in self.base_children(item.id)? {
                self.drop_with_children(&child)?;
            }
        }
        self.drop_row(item)
    }

    /// The base no longer has the item.
    pub(crate) fn drop_item(&self, item: &BaseItem) -> Result<()> {
        self.drop_row(item)
    }

    /// Another item may have its place by now.
    fn drop_row(&self, item: &BaseItem) -> Result<()> {
        let mut delete = self
            .db
            .prepare_cached("DELETE FROM base WHERE parent = ?1 AND name = ?2 AND item = ?3")?;
        delete.execute(params![item.parent.0, item.name.as_str(), item.id.0])?;
        Ok(())
    }
}
