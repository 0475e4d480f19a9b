//! Finds places: by id, by name, by path, and what a side shows there that differs from the base.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{OptionalExtension, params};
use tandem_core::entry::{Entry, Kind, NativeId};
use tandem_core::path::Name;
use tandem_core::plan::{BaseItem, ItemId};
use tandem_core::side::{PerSide, Side};

use super::pack::unpack_entry;
use super::seen::{Differs, was_folder};
use super::{State, side_column, side_number};
use crate::error::{EngineError, Result};

/// A row of a folder: the name, the id, how the place differs, and what is there.
pub(super) type SeenIn = (Name, i64, Differs, Option<Entry>);

impl State {
    /// Whether something that differs from the base is still being written, or could not be looked at.
    pub(crate) fn is_unsettled(&self, side: Side, folder: ItemId, name: &Name) -> Result<bool> {
        let row = self.seen_at(side, folder, name)?;
        Ok(matches!(
            row,
            Some((
                _,
                Differs::Unknown | Differs::FreshUnsettled | Differs::ReplacedUnread
            ))
        ))
    }

    /// The names in a folder, of the base and of what the sides show besides; each side may know it by another id.
    pub(crate) fn names_in(
        &self,
        folder: ItemId,
        known_as: PerSide<ItemId>,
    ) -> Result<BTreeSet<Name>> {
        let mut names: BTreeSet<Name> = self.base_names(folder)?.into_iter().collect();
        for side in Side::BOTH {
            let rows = self.seen_in(side, known_as[side])?.into_iter();
            names.extend(rows.map(|(name, ..)| name));
        }
        Ok(names)
    }

    /// Whether a filter leaves out something in a folder that was in step.
    pub(crate) fn is_anything_excluded(&self, side: Side, folder: ItemId) -> Result<bool> {
        let mut query = self.db.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM seen WHERE side = ?1 AND parent = ?2 AND state = ?3)",
        )?;
        let excluded = Differs::Excluded as i64;
        Ok(query.query_row(params![side_number(side), folder.0, excluded], |r| r.get(0))?)
    }

    /// Folders in `folder` that the base does not explain, with their ids.
    pub(super) fn fresh_folders(&self, side: Side, folder: ItemId) -> Result<Vec<(Name, ItemId)>> {
        let rows = self.seen_in(side, folder)?.into_iter();
        let fresh = rows.filter(|(_, _, state, entry)| {
            matches!(state, Differs::Fresh | Differs::Replaced) && was_folder(entry.as_ref())
        });
        Ok(fresh.map(|(name, id, ..)| (name, ItemId(id))).collect())
    }

    /// Whether a side shows a folder under this id that the base does not explain.
    pub(crate) fn is_fresh_folder(&self, side: Side, id: ItemId) -> Result<bool> {
        let mut query = self
            .db
            .prepare_cached("SELECT state FROM seen WHERE side = ?1 AND id = ?2 AND folder = 1")?;
        let state = query
            .query_row(params![side_number(side), id.0], |r| {
                Ok(Differs::of(r.get(0)?))
            })
            .optional()?;
        Ok(matches!(
            state,
            Some(
                Differs::Fresh
                    | Differs::FreshUnsettled
                    | Differs::Replaced
                    | Differs::ReplacedUnread
            )
        ))
    }

    /// The id of a folder that `side` shows under this spelling.
    pub(crate) fn folder_at(
        &self,
        side: Side,
        parent: ItemId,
        name: &Name,
    ) -> Result<Option<ItemId>> {
        if self.seen_rows[side as usize] > 0 {
            let mut query = self.db.prepare_cached(
                "SELECT id, state, folder FROM seen WHERE side = ?1 AND parent = ?2 AND name = ?3",
            )?;
            let row: Option<(i64, i64, bool)> = query
                .query_row(params![side_number(side), parent.0, name.as_str()], |r| {
                    Ok((r.get(0)?, r.get(1)?, r.get(2)?))
                })
                .optional()?;
            match row.map(|(id, state, folder)| (id, Differs::of(state), folder)) {
                Some((id, Differs::Fresh | Differs::Replaced | Differs::ReplacedUnread, true)) => {
                    return Ok(Some(ItemId(id)));
                }
                Some((
                    _,
                    Differs::Absent
                    | Differs::Excluded
                    | Differs::Replaced
                    | Differs::ReplacedUnread
                    | Differs::Fresh
                    | Differs::Out,
                    _,
                )) => return Ok(None),
                _ => {}
            }
        }
        // The first byte of a stamp says whether the side has another name for it.
        let column = side_column(side);
        let sql = format!(
            "SELECT item, {column} IS NULL FROM base WHERE parent = ?1 AND name = ?2 AND kind = 1 \
             AND ({column} IS NULL OR substr({column}, 1, 1) = x'00')"
        );
        let mut query = self.db.prepare_cached(&sql)?;
        let named: Option<(i64, bool)> = query
            .query_row(params![parent.0, name.as_str()], |r| {
                Ok((r.get(0)?, r.get(1)?))
            })
            .optional()?;
        if let Some((id, false)) = named {
            return Ok(Some(ItemId(id)));
        }
        // One that is owed is known by the name it will have there, unless another is there by that name.
        if let Some(item) = self.base_by_native(side, parent, name)? {
            return Ok((item.kind == Kind::Folder).then_some(item.id));
        }
        Ok(named.map(|(id, _)| ItemId(id)))
    }

    /// Places where a base item is gone.
    pub(crate) fn absent_places(&self, side: Side) -> Result<Vec<(ItemId, Name)>> {
        self.places_that(side, Differs::Absent)
    }

    /// Places where something else is than a base item.
    pub(crate) fn replaced_places(&self, side: Side) -> Result<Vec<(ItemId, Name)>> {
        self.places_that(side, Differs::Replaced)
    }

    fn places_that(&self, side: Side, differs: Differs) -> Result<Vec<(ItemId, Name)>> {
        let mut query = self.db.prepare_cached(
            "SELECT parent, name FROM seen WHERE side = ?1 AND state = ?2 ORDER BY parent, name",
        )?;
        let rows = query.query_map(params![side_number(side), differs as i64], |r| {
            Ok((r.get::<_, i64>(0)?, r.get::<_, String>(1)?))
        })?;
        let mut found = Vec::new();
        for row in rows {
            let (parent, name) = row?;
            found.push((
                ItemId(parent),
                Name::new(name).map_err(|e| EngineError::DamagedState(e.to_string()))?,
            ));
        }
        Ok(found)
    }

    /// Whether a side has not what the base has, at the place where the base has it.
    pub(crate) fn lacks(&self, side: Side, item: &BaseItem) -> Result<bool> {
        let Some(entry) = &item.entries[side] else {
            return Ok(true);
        };
        Ok(self.is_gone_from(side, item.parent, &entry.name)?
            || !self.is_there(side, item.parent)?)
    }

    /// The ids of what a side shows and the base does not explain.
    pub(crate) fn fresh_ids(&self, side: Side) -> Result<BTreeSet<NativeId>> {
        let mut query = self
            .db
            .prepare_cached("SELECT entry FROM seen WHERE side = ?1 AND entry NOT NULL")?;
        let mut rows = query.query([side_number(side)])?;
        let mut found = BTreeSet::new();
        while let Some(row) = rows.next()? {
            found.extend(unpack_entry(&row.get::<_, Vec<u8>>(0)?)?.id);
        }
        Ok(found)
    }

    /// Drops those that the base has at another place too: what had the id there has become another item.
    pub(crate) fn drop_items_elsewhere(
        &self,
        side: Side,
        of_ids: &mut BTreeMap<NativeId, (ItemId, Name)>,
    ) -> Result<()> {
        const PAGE: usize = 1000;
        let mut after: Option<(ItemId, Name)> = None;
        while !of_ids.is_empty() {
            let place = after.as_ref().map(|(folder, name)| (*folder, name));
            let page = self.base_after(place, PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some((last.parent, last.name.clone()));
            for item in &page {
                let Some(entry) = &item.entries[side] else {
                    continue;
                };
                let Some(id) = &entry.id else { continue };
                let place = of_ids.get(id);
                if place.is_some_and(|place| *place != (item.parent, entry.name.clone())) {
                    of_ids.remove(id);
                }
            }
        }
        Ok(())
    }

    /// The path of a folder as a side spells it; `None` if the id is not known.
    pub(crate) fn path_of(
        &self,
        side: Side,
        folder: ItemId,
    ) -> Result<Option<tandem_core::path::RelPath>> {
        let mut names = Vec::new();
        let mut at = folder;
        while at != ItemId::ROOT {
            if let Some(item) = self.base_folder(at)? {
                names.push(
                    item.entries[side]
                        .as_ref()
                        .map_or(&item.name, |e| &e.name)
                        .clone(),
                );
                at = item.parent;
                continue;
            }
            let mut query = self.db.prepare_cached(
                "SELECT parent, name FROM seen WHERE side = ?1 AND id = ?2 AND folder = 1",
            )?;
            let row: Option<(i64, String)> = query
                .query_row(params![side_number(side), at.0], |r| {
                    Ok((r.get(0)?, r.get(1)?))
                })
                .optional()?;
            let Some((parent, name)) = row else {
                return Ok(None);
            };
            names.push(Name::new(name).map_err(|e| EngineError::DamagedState(e.to_string()))?);
            at = ItemId(parent);
        }
        Ok(Some(
            names
                .iter()
                .rev()
                .fold(tandem_core::path::RelPath::root(), |path, name| {
                    path.join(name)
                }),
        ))
    }

    /// The folder at a path of a side.
    pub(crate) fn folder_by_path(
        &self,
        side: Side,
        path: &tandem_core::path::RelPath,
    ) -> Result<Option<ItemId>> {
        let mut at = ItemId::ROOT;
        for name in path.names() {
            match self.folder_at(side, at, &name)? {
                Some(id) => at = id,
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    pub(super) fn seen_at(
        &self,
        side: Side,
        folder: ItemId,
        name: &Name,
    ) -> Result<Option<(i64, Differs)>> {
        if self.seen_rows[side as usize] == 0 {
            return Ok(None);
        }
        let mut query = self.db.prepare_cached(
            "SELECT id, state FROM seen WHERE side = ?1 AND parent = ?2 AND name = ?3",
        )?;
        let found = query.query_row(params![side_number(side), folder.0, name.as_str()], |r| {
            Ok((r.get(0)?, Differs::of(r.get(1)?)))
        });
        Ok(found.optional()?)
    }

    /// The entry that a side shows at a place that differs from the base.
    pub(crate) fn seen_entry(
        &self,
        side: Side,
        folder: ItemId,
        name: &Name,
    ) -> Result<Option<Entry>> {
        let mut query = self.db.prepare_cached(
            "SELECT entry FROM seen WHERE side = ?1 AND parent = ?2 AND name = ?3",
        )?;
        let found: Option<Option<Vec<u8>>> = query
            .query_row(params![side_number(side), folder.0, name.as_str()], |r| {
                r.get(0)
            })
            .optional()?;
        found
            .flatten()
            .map(|bytes| unpack_entry(&bytes))
            .transpose()
    }

    /// All rows of a folder.
    pub(super) fn seen_in(&self, side: Side, folder: ItemId) -> Result<Vec<SeenIn>> {
        let mut query = self.db.prepare_cached(
            "SELECT name, id, state, entry FROM seen WHERE side = ?1 AND parent = ?2",
        )?;
        let mut rows = query.query(params![side_number(side), folder.0])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let name: String = row.get(0)?;
            let entry: Option<Vec<u8>> = row.get(3)?;
            found.push((
                Name::new(name).map_err(|e| EngineError::DamagedState(e.to_string()))?,
                row.get(1)?,
                Differs::of(row.get(2)?),
                entry.map(|b| unpack_entry(&b)).transpose()?,
            ));
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use std::path::Path;

    use tandem_core::entry::{Entry, Kind, Revision};
    use tandem_core::path::Name;
    use tandem_core::plan::ItemId;
    use tandem_core::plan::record::Row;
    use tandem_core::side::{PerSide, Side};

    use super::State;

    fn folder(name: &str) -> Entry {
        Entry {
            name: Name::new(name).unwrap(),
            kind: Kind::Folder,
            size: 0,
            mtime: None,
            executable: None,
            id: None,
            revision: Revision::None,
            hashes: Vec::new(),
            target: None,
        }
    }

    /// The base has one folder under its name for a while, which a side shows under the name that another, which is
    /// still to come there, has.
    #[test]
    fn a_folder_that_is_there_is_known_by_its_name_before_one_that_is_owed() {
        let mut state = State::open(Path::new(":memory:"), true).unwrap();
        let put = |id, name: &str, entries| Row::Put {
            item: ItemId(id),
            parent: ItemId::ROOT,
            name: Name::new(name).unwrap(),
            kind: Kind::Folder,
            entries,
            equality: None,
        };
        let owed = put(2, "e", PerSide::new(None, Some(folder("e"))));
        let for_a_while = "e (swap 1)";
        let there = PerSide::new(Some(folder("e")), Some(folder(for_a_while)));
        let there = put(1, for_a_while, there);
        let name = Name::new("e").unwrap();
        let at = |state: &State, side| state.folder_at(side, ItemId::ROOT, &name).unwrap();
        state
            .transaction(|state| state.apply(&[owed], None))
            .unwrap();
        assert_eq!(at(&state, Side::Source), Some(ItemId(2)), "to come there");
        state
            .transaction(|state| state.apply(&[there], None))
            .unwrap();
        assert_eq!(at(&state, Side::Source), Some(ItemId(1)));
        assert_eq!(at(&state, Side::Destination), Some(ItemId(2)));
    }
}
