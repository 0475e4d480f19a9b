//! What each side shows that differs from the base. A side that shows exactly the base has no rows here.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, params};
use tandem_core::entry::{Entry, Kind};
use tandem_core::path::Name;
use tandem_core::plan::ItemId;
use tandem_core::plan::record::add_hashes;
use tandem_core::side::Side;
use tandem_core::time::Timestamp;

use super::folder::Wanted;
use super::pack::{pack_entry, unpack_entry};
use super::places::SeenIn;
use super::{State, side_number};
use crate::error::Result;

/// How a place differs from the base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Differs {
    /// A base item is not there.
    Absent = 0,
    /// Something is there that the base does not explain.
    Fresh = 1,
    /// A base item's place shows another entry of the same kind and id.
    Changed = 2,
    /// A filter leaves the base item out.
    Excluded = 3,
    /// A base item could not be looked at, or is still being written.
    Unknown = 4,
    /// A fresh entry that is still being written.
    FreshUnsettled = 5,
    /// A base item is gone, and something that the base does not explain has its name.
    Replaced = 6,
    /// Something is there that the base does not explain and a filter leaves out for what it is, not for its
    /// name: the other side's of the same name is out with it.
    Out = 7,
    /// A base item is gone, and a folder that could not be looked into has its name.
    ReplacedUnread = 8,
}

impl Differs {
    /// Whether the base item is not at its place.
    pub(super) const fn is_gone(self) -> bool {
        matches!(
            self,
            Self::Absent | Self::Excluded | Self::Replaced | Self::ReplacedUnread
        )
    }

    pub(super) const fn of(number: i64) -> Self {
        match number {
            0 => Self::Absent,
            1 => Self::Fresh,
            2 => Self::Changed,
            3 => Self::Excluded,
            4 => Self::Unknown,
            5 => Self::FreshUnsettled,
            7 => Self::Out,
            8 => Self::ReplacedUnread,
            _ => Self::Replaced,
        }
    }
}

impl State {
    /// Makes these `rows` of a folder exactly `wanted`. What is known by reading is kept while it holds.
    pub(super) fn write_differences(
        &mut self,
        side: Side,
        folder: ItemId,
        mut wanted: BTreeMap<Name, Wanted>,
        rows: Vec<SeenIn>,
    ) -> Result<bool> {
        let is_base = wanted.is_empty();
        for (name, id, state, entry) in rows {
            let Some(new) = wanted.get_mut(&name) else {
                self.forget_seen(side, folder, &name, id, entry.as_ref())?;
                continue;
            };
            match (&mut new.entry, &entry) {
                (Some(now), Some(was)) if same_stamp(now, was) => {
                    add_hashes(&mut now.hashes, &was.hashes)
                }
                _ => {}
            }
            if new.state == state && new.entry == entry {
                wanted.remove(&name);
                continue;
            }
            if new.state.is_gone() && !state.is_gone() {
                self.forget_below_base(side, folder, &name)?;
            }
            if is_another(entry.as_ref(), new.entry.as_ref()) {
                self.forget_seen(side, folder, &name, id, entry.as_ref())?;
            } else {
                self.write_seen(side, folder, &name, id, new.state, new.entry.as_ref())?;
                wanted.remove(&name);
            }
        }
        for (name, new) in wanted {
            if new.state.is_gone() {
                self.forget_below_base(side, folder, &name)?;
            }
            let id = self.new_id();
            self.write_seen(side, folder, &name, id, new.state, new.entry.as_ref())?;
        }
        Ok(is_base)
    }

    /// A base folder is not at its place any more: what was noted about its children says nothing now, and would
    /// put them below a folder that is nowhere.
    pub(super) fn forget_below_base(
        &mut self,
        side: Side,
        folder: ItemId,
        name: &Name,
    ) -> Result<()> {
        let gone = self.base_by_native(side, folder, name)?;
        let mut folders: Vec<ItemId> = gone
            .filter(|item| item.kind == Kind::Folder)
            .map(|item| item.id)
            .into_iter()
            .collect();
        while let Some(folder) = folders.pop() {
            self.forget_children(side, folder)?;
            let children = self.base_children(folder)?.into_iter();
            folders.extend(
                children
                    .filter(|c| c.kind == Kind::Folder)
                    .map(|child| child.id),
            );
        }
        Ok(())
    }

    /// Notes what one place shows after an action, as a listing of that name alone would.
    pub(super) fn see_place(
        &mut self,
        side: Side,
        folder: ItemId,
        name: &Name,
        now: Option<&Entry>,
        id: ItemId,
    ) -> Result<()> {
        let base = self.base_by_native(side, folder, name)?;
        let was = base.as_ref().and_then(|b| b.entries[side].as_ref());
        self.see_against(side, folder, name, was, now, id)
    }

    /// The same, where what the base has at the place is known.
    pub(super) fn see_against(
        &mut self,
        side: Side,
        folder: ItemId,
        name: &Name,
        was: Option<&Entry>,
        now: Option<&Entry>,
        id: ItemId,
    ) -> Result<()> {
        let wanted = match (was, now) {
            (None, None) => None,
            (None, Some(now)) => Some((Differs::Fresh, Some(now))),
            (Some(_), None) => Some((Differs::Absent, None)),
            (Some(was), Some(now)) if same_stamp(was, now) => None,
            (Some(was), Some(now)) if may_be_same(was, now) => Some((Differs::Changed, Some(now))),
            (Some(_), Some(now)) => Some((Differs::Replaced, Some(now))),
        };
        match wanted {
            None if self.seen_rows[side as usize] == 0 => {}
            None => self.delete_seen(side, folder, name)?,
            Some((state, entry)) => {
                let known = self.still_seen_at(side, folder, name, entry)?;
                let id = match known {
                    // What was here may be known by its id elsewhere from now on.
                    _ if state == Differs::Absent => self.new_id(),
                    // What lies in a base item is known below its id, also once the base has it no longer.
                    Some((_, Differs::Changed))
                        if state == Differs::Fresh && id != ItemId::ROOT =>
                    {
                        id.0
                    }
                    Some((known, _)) => known,
                    None if id == ItemId::ROOT => self.new_id(),
                    None => id.0,
                };
                self.write_seen(side, folder, name, id, state, entry)?;
            }
        }
        Ok(())
    }

    /// How a place is noted, and under which id. A folder that was noted there and is not what is there now is forgotten with
    /// what was noted in it.
    fn still_seen_at(
        &mut self,
        side: Side,
        folder: ItemId,
        name: &Name,
        now: Option<&Entry>,
    ) -> Result<Option<(i64, Differs)>> {
        let Some((id, state)) = self.seen_at(side, folder, name)? else {
            return Ok(None);
        };
        if let Some(now) = now
            && let Some(was) = self.seen_entry(side, folder, name)?
            && is_another(Some(&was), Some(now))
        {
            self.forget_seen(side, folder, name, id, Some(&was))?;
            return Ok(None);
        }
        Ok(Some((id, state)))
    }

    /// What a place shows is no longer told by what the base had there.
    pub(super) fn unclaim(&mut self, side: Side, folder: ItemId, name: &Name) -> Result<()> {
        match self.seen_at(side, folder, name)? {
            Some((
                id,
                state @ (Differs::Replaced | Differs::ReplacedUnread | Differs::Changed),
            )) if self.base_by_native(side, folder, name)?.is_none() => {
                let now = self.seen_entry(side, folder, name)?;
                let state = match state {
                    Differs::ReplacedUnread => Differs::FreshUnsettled,
                    _ => Differs::Fresh,
                };
                self.write_seen(side, folder, name, id, state, now.as_ref())
            }
            Some((id, state @ (Differs::Absent | Differs::Excluded)))
                if self.base_by_native(side, folder, name)?.is_none() =>
            {
                // It is still there: until it is looked at again, the other side's is not new.
                if state == Differs::Excluded {
                    self.write_seen(side, folder, name, id, Differs::Out, None)
                } else {
                    self.delete_seen(side, folder, name)
                }
            }
            _ => Ok(()),
        }
    }

    /// A place that cannot be looked at.
    pub(crate) fn see_unknown(&mut self, side: Side, folder: ItemId, name: &Name) -> Result<()> {
        let id = match self.seen_at(side, folder, name)? {
            // It may be something that was moved here, and what is in it is not gone.
            Some((_, Differs::Fresh)) => return self.mark_unknown(side, folder, name),
            Some((id, Differs::Replaced)) => {
                let now = self.seen_entry(side, folder, name)?;
                let state = Differs::ReplacedUnread;
                return self.write_seen(side, folder, name, id, state, now.as_ref());
            }
            Some((_, Differs::FreshUnsettled | Differs::ReplacedUnread)) => return Ok(()),
            Some((id, _)) => id,
            None => self.new_id(),
        };
        self.write_seen(side, folder, name, id, Differs::Unknown, None)
    }

    /// Whether a place could not be looked at.
    pub(crate) fn is_unknown(&self, side: Side, folder: ItemId, name: &Name) -> Result<bool> {
        let row = self.seen_at(side, folder, name)?;
        Ok(matches!(row, Some((_, Differs::Unknown))))
    }

    /// What a listing did not show is there all the same.
    pub(crate) fn see_again(
        &mut self,
        side: Side,
        folder: ItemId,
        name: &Name,
        entry: &Entry,
    ) -> Result<()> {
        self.see_place(side, folder, name, Some(entry), ItemId::ROOT)
    }

    /// What a listing still showed is not there.
    pub(crate) fn see_gone(&mut self, side: Side, folder: ItemId, name: &Name) -> Result<()> {
        self.see_place(side, folder, name, None, ItemId::ROOT)
    }

    /// Whether the base item that a side had under this spelling is known to be gone from there.
    pub(super) fn is_gone_from(&self, side: Side, folder: ItemId, name: &Name) -> Result<bool> {
        let row = self.seen_at(side, folder, name)?;
        Ok(matches!(
            row,
            Some((
                _,
                Differs::Absent | Differs::Replaced | Differs::ReplacedUnread
            ))
        ))
    }

    /// A folder whose children are told before itself: it gets an id at once.
    pub(crate) fn expect_folder(
        &mut self,
        side: Side,
        parent: ItemId,
        name: &Name,
    ) -> Result<ItemId> {
        if let Some(id) = self.folder_at(side, parent, name)? {
            return Ok(id);
        }
        let id = match self.seen_at(side, parent, name)? {
            Some((id, _)) => id,
            None => self.new_id(),
        };
        // What the base has of that name is not what is there, else it would have been found.
        let state = match self.base_by_native(side, parent, name)? {
            Some(_) => Differs::Replaced,
            None => Differs::Fresh,
        };
        let entry = Entry::folder(name.clone());
        self.write_seen(side, parent, name, id, state, Some(&entry))?;
        Ok(ItemId(id))
    }

    /// Adds a hash that was found by reading to what is known of a place.
    pub(crate) fn add_hash(&mut self, side: Side, folder: ItemId, entry: &Entry) -> Result<()> {
        if let Some((id, state)) = self.seen_at(side, folder, &entry.name)? {
            return self.write_seen(side, folder, &entry.name, id, state, Some(entry));
        }
        match self.base_by_native(side, folder, &entry.name)? {
            Some(item) => self.add_base_hash(side, &item, entry),
            None => Ok(()),
        }
    }

    /// What was found by reading what the base does not explain does not hold: it was saved again under its revision.
    pub(crate) fn forget_hashes(&mut self, side: Side, folder: ItemId, name: &Name) -> Result<()> {
        if let Some((id, state)) = self.seen_at(side, folder, name)?
            && let Some(mut entry) = self.seen_entry(side, folder, name)?
        {
            entry.hashes.clear();
            self.write_seen(side, folder, name, id, state, Some(&entry))?;
        }
        Ok(())
    }

    /// A place could not be read: nothing is decided about it until it is looked at again.
    pub(crate) fn mark_unknown(&mut self, side: Side, folder: ItemId, name: &Name) -> Result<()> {
        if let Some((id, state)) = self.seen_at(side, folder, name)? {
            let (state, keep) = match state {
                Differs::Fresh | Differs::Replaced => (Differs::FreshUnsettled, true),
                _ => (Differs::Unknown, false),
            };
            let entry = if keep {
                self.seen_entry(side, folder, name)?
            } else {
                None
            };
            self.write_seen(side, folder, name, id, state, entry.as_ref())?;
        }
        Ok(())
    }

    pub(super) fn write_seen(
        &mut self,
        side: Side,
        folder: ItemId,
        name: &Name,
        id: i64,
        state: Differs,
        entry: Option<&Entry>,
    ) -> Result<()> {
        self.assert_whole();
        let had = self.seen_at(side, folder, name)?.is_some();
        let bytes = entry.map(pack_entry).transpose()?;
        let since = match entry {
            Some(entry) => {
                // A server's upload time is no time of the content.
                let is_timed = entry.mtime.is_some_and(|m| m.by_client);
                let noted = match had {
                    true => self.since(side, folder, name, entry)?,
                    false => None,
                };
                noted.or((!is_timed).then_some(self.now))
            }
            None => None,
        };
        let mut write = self.db.prepare_cached(
            "INSERT OR REPLACE INTO seen (side, parent, name, id, state, folder, entry, since) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?;
        write.execute(params![
            side_number(side),
            folder.0,
            name.as_str(),
            id,
            state as i64,
            was_folder(entry),
            bytes,
            since.map(|at| at.0)
        ])?;
        drop(write);
        if !had {
            self.seen_rows[side as usize] += 1;
        }
        self.index_native(side, folder, entry)
    }

    /// Since when a place shows this content, if that was noted.
    fn since(
        &self,
        side: Side,
        folder: ItemId,
        name: &Name,
        entry: &Entry,
    ) -> Result<Option<Timestamp>> {
        let mut query = self.db.prepare_cached(
            "SELECT entry, since FROM seen WHERE side = ?1 AND parent = ?2 AND name = ?3",
        )?;
        let found: Option<(Option<Vec<u8>>, Option<i64>)> = query
            .query_row(params![side_number(side), folder.0, name.as_str()], |r| {
                Ok((r.get(0)?, r.get(1)?))
            })
            .optional()?;
        if let Some((Some(bytes), Some(since))) = found {
            let was = unpack_entry(&bytes)?;
            let is_same = was.kind == entry.kind && was.size == entry.size && was.id == entry.id;
            return Ok((is_same && was.revision == entry.revision).then_some(Timestamp(since)));
        }
        Ok(None)
    }

    pub(super) fn delete_seen(&mut self, side: Side, folder: ItemId, name: &Name) -> Result<()> {
        let mut delete = self
            .db
            .prepare_cached("DELETE FROM seen WHERE side = ?1 AND parent = ?2 AND name = ?3")?;
        let gone = delete.execute(params![side_number(side), folder.0, name.as_str()])?;
        drop(delete);
        self.seen_rows[side as usize] = self.seen_rows[side as usize].saturating_sub(gone as u64);
        Ok(())
    }

    /// Drops a row, and everything known below it if it was a fresh folder.
    fn forget_seen(
        &mut self,
        side: Side,
        folder: ItemId,
        name: &Name,
        id: i64,
        entry: Option<&Entry>,
    ) -> Result<()> {
        self.delete_seen(side, folder, name)?;
        if was_folder(entry) {
            self.forget_children(side, ItemId(id))
        } else {
            Ok(())
        }
    }

    fn forget_children(&mut self, side: Side, folder: ItemId) -> Result<()> {
        self.forget_looked(side, folder)?;
        for (name, id, _, entry) in self.seen_in(side, folder)? {
            self.delete_seen(side, folder, &name)?;
            if was_folder(entry.as_ref()) {
                self.forget_children(side, ItemId(id))?;
            }
        }
        Ok(())
    }
}

pub(super) fn was_folder(entry: Option<&Entry>) -> bool {
    entry.is_some_and(|e| e.kind == Kind::Folder)
}

/// Whether a place shows another folder than it did, or has become one or ceased to be one: what was noted in it, and the id
/// by which it was known, say nothing of what is there.
fn is_another(was: Option<&Entry>, now: Option<&Entry>) -> bool {
    let is_same = was.zip(now).is_some_and(|(was, now)| may_be_same(was, now));
    (was_folder(was) || was_folder(now)) && !is_same
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

/// Whether the entry at an item's place can be that item: the same kind, and no other id.
pub(super) fn may_be_same(was: &Entry, now: &Entry) -> bool {
    was.kind == now.kind && was.id == now.id
}
