//! Where the sides' feeds stand, and what a feed tells of single places.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::params;
use serde::{Deserialize, Serialize};
use tandem_core::capabilities::Capabilities;
use tandem_core::entry::{Entry, Kind, NativeId};
use tandem_core::guard::Digest;
use tandem_core::path::{Name, RelPath};
use tandem_core::plan::ItemId;
use tandem_core::side::Side;
use tandem_core::storage::Cursor;
use tandem_core::time::Timestamp;

use super::folder::{FolderSeen, Wanted, fill_in_meta};
use super::seen::{Differs, same_stamp};
use super::{State, side_column, side_number};
use crate::error::{EngineError, Result};

/// Begins the notes of folders that are to be listed, each of which has one.
const UNLISTED: &str = "unlisted";

fn unlisted_key(side: Side, folder: &str) -> String {
    format!("{UNLISTED} {side} {folder}")
}

/// How a side's feed is read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Feed {
    /// Where it stands.
    pub(crate) cursor: Cursor,
    /// The root's native id, by which lines may name it.
    pub(crate) root: Option<NativeId>,
    /// When everything was listed last.
    pub(crate) listed: Timestamp,
}

fn damaged(error: impl std::fmt::Display) -> EngineError {
    EngineError::DamagedState(error.to_string())
}

fn digest(id: &NativeId) -> i64 {
    let digest = match id {
        NativeId::Number(a, b) => Digest::new().number(*a).number(*b),
        NativeId::Text(text) => Digest::new().text(text),
    };
    digest.value().cast_signed()
}

impl State {
    /// How the feed of a side is read; `None` if only a listing can begin it.
    pub(crate) fn feed(&self, side: Side) -> Result<Option<Feed>> {
        let text = self.meta(&format!("feed {side}"))?;
        text.map(|text| serde_json::from_str(&text).map_err(damaged))
            .transpose()
    }

    /// The feed is not read any more: a listing begins it.
    pub(crate) fn drop_feed(&self, side: Side) -> Result<()> {
        match self.feed(side)? {
            Some(_) => self.drop_meta(&format!("feed {side}")),
            None => Ok(()),
        }
    }

    /// The feed was read up to here. Belongs into the transaction of what it said.
    pub(crate) fn set_feed(&self, side: Side, feed: &Feed) -> Result<()> {
        let text = serde_json::to_string(feed).map_err(damaged)?;
        let key = format!("feed {side}");
        if self.meta(&key)?.is_none_or(|known| known != text) {
            self.set_meta(&key, &text)?;
        }
        Ok(())
    }

    /// Notes the whole of what a folder shows under these names.
    pub(crate) fn see_names(
        &mut self,
        side: Side,
        folder: ItemId,
        capabilities: &Capabilities,
        names: &BTreeSet<Name>,
        mut seen: FolderSeen,
    ) -> Result<()> {
        let mut wanted = BTreeMap::new();
        let mut rows = Vec::new();
        for name in names {
            if let Some((id, state)) = self.seen_at(side, folder, name)? {
                let entry = self.seen_entry(side, folder, name)?;
                rows.push((name.clone(), id, state, entry));
            }
            let base = self.base_by_native(side, folder, name)?;
            let was = base.and_then(|mut item| item.entries[side].take());
            let at = seen.entries.iter().position(|entry| entry.name == *name);
            if let (Some(was), Some(at)) = (&was, at)
                && capabilities.listing_lacks_meta
            {
                fill_in_meta(&mut seen.entries[at], was);
            }
            let now = at.map(|at| &seen.entries[at]);
            let new = match (was, now) {
                (Some(was), Some(now)) if same_stamp(&was, now) => None,
                (Some(was), now) => {
                    let (state, entry) = Self::difference(&was, now, capabilities, &seen);
                    Some(Wanted { state, entry })
                }
                (None, Some(now)) => Some(seen.fresh(now)),
                (None, None) => None,
            };
            wanted.extend(new.map(|new| (name.clone(), new)));
        }
        seen.add_out(&mut wanted);
        seen.add_unknown(&rows, &mut wanted);
        self.write_differences(side, folder, wanted, rows)?;
        Ok(())
    }

    /// Folders that are to be listed whole before anything is known of what is in them.
    pub(crate) fn unlisted(&self) -> Result<BTreeSet<(Side, RelPath)>> {
        let text = self.meta(UNLISTED)?;
        let noted = text.map(|text| serde_json::from_str(&text).map_err(damaged));
        let mut folders: BTreeSet<(Side, RelPath)> = noted.transpose()?.unwrap_or_default();
        for side in Side::BOTH {
            let before = unlisted_key(side, "");
            let mut query = self.db.prepare_cached(
                "SELECT substr(key, ?1) FROM meta WHERE key >= ?2 AND key < ?2 || x'ff'",
            )?;
            let rows = query.query_map(params![before.len() as i64 + 1, before], |r| {
                r.get::<_, String>(0)
            })?;
            for path in rows {
                folders.insert((side, RelPath::new(&path?).map_err(damaged)?));
            }
        }
        Ok(folders)
    }

    /// Notes such folders: the look that is to follow may not come about, and a feed does not tell of them.
    pub(crate) fn note_unlisted(&self, folders: &[(Side, RelPath)]) -> Result<()> {
        folders
            .iter()
            .try_for_each(|(side, folder)| self.set_meta(&unlisted_key(*side, folder.as_str()), ""))
    }

    /// They were listed, where `was_listed` says so.
    pub(crate) fn forget_unlisted(
        &self,
        was_listed: impl Fn(Side, &RelPath) -> bool,
    ) -> Result<()> {
        let (listed, rest): (Vec<_>, Vec<_>) = self
            .unlisted()?
            .into_iter()
            .partition(|(side, folder)| was_listed(*side, folder));
        for (side, folder) in &listed {
            self.drop_meta(&unlisted_key(*side, folder.as_str()))?;
        }
        // Once all were in one note.
        if self.meta(UNLISTED)?.is_some() {
            self.note_unlisted(&rest)?;
            self.drop_meta(UNLISTED)?;
        }
        Ok(())
    }

    /// What a side is known to have at a place, whether or not that could be looked at or is left out.
    pub(crate) fn known_at(
        &self,
        side: Side,
        folder: ItemId,
        name: &Name,
    ) -> Result<Option<Entry>> {
        match self.seen_at(side, folder, name)? {
            None | Some((_, Differs::Unknown | Differs::Excluded)) => {
                let base = self.base_by_native(side, folder, name)?;
                Ok(base.and_then(|mut item| item.entries[side].take()))
            }
            Some((_, Differs::Absent)) => Ok(None),
            Some(_) => self.seen_entry(side, folder, name),
        }
    }

    /// Names in a folder that a side has or had, as far as the state knows.
    pub(crate) fn names_of(&self, side: Side, folder: ItemId) -> Result<BTreeSet<Name>> {
        let mut names: BTreeSet<Name> = self.base_names(folder)?.into_iter().collect();
        for item in self.base_spelled(folder)? {
            names.extend(item.entries[side].as_ref().map(|entry| entry.name.clone()));
        }
        names.extend(self.seen_in(side, folder)?.into_iter().map(|row| row.0));
        Ok(names)
    }

    /// Where a side has the item of this id.
    pub(crate) fn place_of_native(
        &self,
        side: Side,
        id: &NativeId,
    ) -> Result<Option<(ItemId, Name)>> {
        Ok(self.places_of_native(side, id)?.into_iter().next())
    }

    /// Where a side has the item of this id, as far as the state knows: in two places, if a look into one folder has
    /// shown where it is now and nothing yet that it is no longer where it was.
    pub(crate) fn places_of_native(
        &self,
        side: Side,
        id: &NativeId,
    ) -> Result<Vec<(ItemId, Name)>> {
        let mut query = self
            .db
            .prepare_cached("SELECT parent, name FROM natives WHERE side = ?1 AND id = ?2")?;
        let mut rows = query.query(params![side_number(side), digest(id)])?;
        let mut places = Vec::new();
        while let Some(row) = rows.next()? {
            let folder = ItemId(row.get(0)?);
            let name = Name::new(row.get::<_, String>(1)?).map_err(damaged)?;
            let known = self.known_at(side, folder, &name)?;
            if known.is_some_and(|entry| entry.id.as_ref() == Some(id))
                && self.is_there(side, folder)?
            {
                places.push((folder, name));
            }
        }
        Ok(places)
    }

    /// Whether a side has the folder that the state knows by this id, and all above it.
    pub(super) fn is_there(&self, side: Side, folder: ItemId) -> Result<bool> {
        let mut at = folder;
        while at != ItemId::ROOT {
            let (parent, name) = match self.base_folder(at)? {
                Some(item) => match &item.entries[side] {
                    Some(entry) => (item.parent, entry.name.clone()),
                    None => return Ok(false),
                },
                None => match self.fresh_place(side, at)? {
                    Some(place) => place,
                    None => return Ok(false),
                },
            };
            if self.folder_at(side, parent, &name)? != Some(at) {
                return Ok(false);
            }
            at = parent;
        }
        Ok(true)
    }

    /// Notes where an item is, if a feed may name it by its id.
    pub(super) fn index_native(
        &self,
        side: Side,
        folder: ItemId,
        entry: Option<&Entry>,
    ) -> Result<()> {
        let (true, Some(entry)) = (self.by_native[side], entry) else {
            return Ok(());
        };
        let Some(id) = &entry.id else { return Ok(()) };
        let mut write = self.db.prepare_cached(
            "INSERT OR IGNORE INTO natives (side, id, parent, name) VALUES (?1, ?2, ?3, ?4)",
        )?;
        write.execute(params![
            side_number(side),
            digest(id),
            folder.0,
            entry.name.as_str()
        ])?;
        Ok(())
    }

    /// Notes anew where all items of a side are, and forgets where they once were.
    pub(crate) fn index_natives(&self, side: Side) -> Result<()> {
        if !self.by_native[side] {
            return Ok(());
        }
        self.db
            .prepare_cached("DELETE FROM natives WHERE side = ?1")?
            .execute([side_number(side)])?;
        const PAGE: usize = 1000;
        let mut after: Option<(ItemId, Name)> = None;
        loop {
            let place = after.as_ref().map(|(folder, name)| (*folder, name));
            let page = self.base_after(place, PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some((last.parent, last.name.clone()));
            for item in &page {
                self.index_native(side, item.parent, item.entries[side].as_ref())?;
            }
        }
        self.index_seen_natives(side)
    }

    fn index_seen_natives(&self, side: Side) -> Result<()> {
        let mut query = self
            .db
            .prepare_cached("SELECT parent, entry FROM seen WHERE side = ?1 AND entry NOT NULL")?;
        let mut rows = query.query([side_number(side)])?;
        while let Some(row) = rows.next()? {
            let entry = super::pack::unpack_entry(&row.get::<_, Vec<u8>>(1)?)?;
            self.index_native(side, ItemId(row.get(0)?), Some(&entry))?;
        }
        Ok(())
    }

    /// Places that could not be looked at, or show what was still being written.
    pub(crate) fn unsure_places(&self, side: Side) -> Result<Vec<(ItemId, Name)>> {
        let mut query = self.db.prepare_cached(
            "SELECT parent, name FROM seen WHERE side = ?1 AND state IN (?2, ?3, ?4) ORDER BY parent, name",
        )?;
        let mut rows = query.query(params![
            side_number(side),
            Differs::Unknown as i64,
            Differs::FreshUnsettled as i64,
            Differs::ReplacedUnread as i64
        ])?;
        let mut places = Vec::new();
        while let Some(row) = rows.next()? {
            let name = Name::new(row.get::<_, String>(1)?).map_err(damaged)?;
            places.push((ItemId(row.get(0)?), name));
        }
        Ok(places)
    }

    /// Whether something that the base does not know may lie where a side could not be looked at: in a folder, or, if
    /// `files` count, as a file that is still being written.
    pub(crate) fn is_anything_unseen(&self, side: Side, files: bool) -> Result<bool> {
        for (folder, name) in self.unsure_places(side)? {
            let base = self.base_by_native(side, folder, &name)?;
            let shown = self.seen_entry(side, folder, &name)?;
            let is_folder = shown.as_ref().map_or_else(
                || base.as_ref().is_some_and(|item| item.kind == Kind::Folder),
                |entry| entry.kind == Kind::Folder,
            );
            if is_folder || (files && shown.is_some()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a side has nothing of what is carried.
    pub(crate) fn shows_nothing(&self, side: Side) -> Result<bool> {
        let rows = self.seen_in(side, ItemId::ROOT)?;
        let is_gone = |state: &Differs| matches!(state, Differs::Absent | Differs::Out);
        if !rows.iter().all(|(_, _, state, _)| is_gone(state)) {
            return Ok(false);
        }
        let gone = rows
            .iter()
            .filter(|(_, _, state, _)| *state == Differs::Absent);
        let column = side_column(side);
        let sql = format!("SELECT count(*) FROM base WHERE parent = 0 AND {column} NOT NULL");
        let count: i64 = self.db.prepare_cached(&sql)?.query_row([], |r| r.get(0))?;
        Ok(count.unsigned_abs() == gone.count() as u64)
    }

    /// Where a folder is that the base does not explain.
    fn fresh_place(&self, side: Side, folder: ItemId) -> Result<Option<(ItemId, Name)>> {
        let mut query = self.db.prepare_cached(
            "SELECT parent, name FROM seen WHERE side = ?1 AND id = ?2 AND folder = 1",
        )?;
        let mut rows = query.query(params![side_number(side), folder.0])?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        let name = Name::new(row.get::<_, String>(1)?).map_err(damaged)?;
        Ok(Some((ItemId(row.get(0)?), name)))
    }
}
