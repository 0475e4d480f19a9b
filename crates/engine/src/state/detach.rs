//! Taking items out of step: what leaves the base, and what is known and no longer carried.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::params;
use tandem_core::entry::{Entry, Kind};
use tandem_core::path::{Name, RelPath};
use tandem_core::plan::record::Row;
use tandem_core::plan::{BaseItem, Equality, ItemId};
use tandem_core::side::{PerSide, Side};
use tandem_core::time::Timestamp;

use super::seen::Differs;
use super::{State, side_number, side_of};
use crate::error::{EngineError, Result};

/// Why something is detached whose reason ends when either side changes it.
pub(crate) const UNDONE: &str = "undo";

/// The same, for a folder that was deleted elsewhere and holds something that is not synced.
pub(crate) const UNSYNCED_CHILD: &str = "unsynced_child";

/// The same, for what a person rejected.
pub(crate) const REJECTED: &str = "rejected";

/// The same, for what left the base because of what a filter says of the other side's.
const FILTERED: &str = "filter";

/// Under which the notes are noted whose place is not as it was.
const MISSED: &str = "missed_notes";

/// Places of notes, each since when it is not as it was.
pub(crate) type Missed = BTreeMap<(Side, RelPath), Timestamp>;

/// What a side had of an item when it left the base.
#[derive(Debug, Clone)]
pub(crate) struct Released {
    /// The side.
    pub(crate) side: Side,
    /// Its path there.
    pub(crate) path: RelPath,
    /// What was in step.
    pub(crate) entry: Entry,
}

/// Whether a side still has the folder of an item, and where.
#[derive(Debug, Clone)]
struct Above {
    path: RelPath,
    is_gone: bool,
}

impl State {
    /// The item that `side` had in step at `path`.
    pub(crate) fn item_at(&self, side: Side, path: &RelPath) -> Result<Option<BaseItem>> {
        let (Some(folder), Some(name)) = (path.parent(), path.name()) else {
            return Ok(None);
        };
        match self.folder_by_path(side, &folder)? {
            Some(folder) => self.base_by_native(side, folder, &name),
            None => Ok(None),
        }
    }

    /// The item leaves the base with all below it. What a side shows of it is from then on something that
    /// the base does not explain. Answers what each side had and still shows in some form.
    pub(crate) fn release(&mut self, item: &BaseItem) -> Result<Vec<Released>> {
        self.assert_whole();
        let mut released = Vec::new();
        let above = PerSide::new(
            self.above(Side::Source, item.parent)?,
            self.above(Side::Destination, item.parent)?,
        );
        self.release_below(item, &above, &mut released)?;
        Ok(released)
    }

    fn above(&self, side: Side, folder: ItemId) -> Result<Above> {
        let path = self.path_of(side, folder)?;
        let mut is_gone = path.is_none();
        let mut at = folder;
        while at != ItemId::ROOT
            && let Some(item) = self.base_folder(at)?
        {
            is_gone |= self.is_gone(side, &item)?;
            at = item.parent;
        }
        Ok(Above {
            path: path.unwrap_or_else(RelPath::root),
            is_gone,
        })
    }

    /// Whether the place at which the side had the item shows it no longer.
    fn is_gone(&self, side: Side, item: &BaseItem) -> Result<bool> {
        let Some(was) = &item.entries[side] else {
            return Ok(true);
        };
        let seen = self.seen_at(side, item.parent, &was.name)?;
        Ok(seen.is_some_and(|(_, state)| state.is_gone()))
    }

    fn release_below(
        &mut self,
        item: &BaseItem,
        above: &PerSide<Above>,
        released: &mut Vec<Released>,
    ) -> Result<()> {
        let mut here = above.clone();
        for side in Side::BOTH {
            let native = item.entries[side].as_ref().map_or(&item.name, |e| &e.name);
            here[side].path = above[side].path.join(native);
            here[side].is_gone |= self.is_gone(side, item)?;
        }
        if item.kind == Kind::Folder {
            for child in self.base_children(item.id)? {
                self.release_below(&child, &here, released)?;
            }
        }
        self.drop_item(item)?;
        for side in Side::BOTH {
            if !above[side].is_gone {
                self.release_place(side, item)?;
            }
            if let Some(entry) = item.entries[side].clone().filter(|_| !here[side].is_gone) {
                released.push(Released {
                    side,
                    path: here[side].path.clone(),
                    entry,
                });
            }
        }
        Ok(())
    }

    /// A file or link that was released is in step again: `side` with the entry given, the other with what it
    /// had. In step means paired, not equal.
    pub(crate) fn rejoin(&mut self, item: &BaseItem, side: Side, now: &Entry) -> Result<()> {
        let mut entries = item.entries.clone();
        entries[side] = Some(now.clone());
        let (parent, name, id) = (item.parent, item.name.clone(), item.id);
        let mut rows = vec![Row::Put {
            item: id,
            parent,
            name,
            kind: item.kind,
            entries,
            equality: Some(Equality::Adopted),
        }];
        for at in Side::BOTH {
            let Some(was) = &item.entries[at] else {
                continue;
            };
            if let Some(folder) = self.path_of(at, parent)? {
                self.attach(at, &folder.join(&was.name))?;
            }
            let shown = if at == side {
                Some(now.clone())
            } else {
                self.shown_in(at, parent, &was.name)?
            };
            rows.push(Row::Place {
                side: at,
                parent,
                name: was.name.clone(),
                now: shown,
                id,
            });
        }
        self.apply(&rows, None).map(drop)
    }

    /// The fresh folder takes the item's id, so that what is known below it stays below it.
    fn release_place(&mut self, side: Side, item: &BaseItem) -> Result<()> {
        let Some(was) = &item.entries[side] else {
            return Ok(());
        };
        let (parent, name, id) = (item.parent, &was.name, item.id.0);
        match self.seen_at(side, parent, name)? {
            None => self.write_seen(side, parent, name, id, Differs::Fresh, Some(was)),
            Some((other, state @ (Differs::Changed | Differs::Replaced))) => {
                let now = self.seen_entry(side, parent, name)?;
                let id = if state == Differs::Changed { id } else { other };
                self.write_seen(side, parent, name, id, Differs::Fresh, now.as_ref())
            }
            Some((_, Differs::Unknown)) => {
                self.write_seen(side, parent, name, id, Differs::FreshUnsettled, Some(was))
            }
            Some((other, Differs::ReplacedUnread)) => {
                let now = self.seen_entry(side, parent, name)?;
                self.write_seen(
                    side,
                    parent,
                    name,
                    other,
                    Differs::FreshUnsettled,
                    now.as_ref(),
                )
            }
            Some((_, Differs::Absent | Differs::Excluded)) => self.delete_seen(side, parent, name),
            Some((_, Differs::Fresh | Differs::FreshUnsettled | Differs::Out)) => Ok(()),
        }
    }

    /// Notes what a place shows after something was done there. `id` is what a folder is known as, if it is.
    pub(crate) fn see_now(
        &mut self,
        side: Side,
        path: &RelPath,
        now: Option<&Entry>,
        id: Option<ItemId>,
    ) -> Result<()> {
        let (Some(folder), Some(name)) = (path.parent(), path.name()) else {
            return Ok(());
        };
        // A folder that is not known yet is found by the look that follows.
        let Some(folder) = self.folder_by_path(side, &folder)? else {
            return Ok(());
        };
        self.see_place(side, folder, &name, now, id.unwrap_or(ItemId::ROOT))
    }

    /// What a side shows at a path: the base's entry, or what differs from it.
    pub(crate) fn shown_at(&self, side: Side, path: &RelPath) -> Result<Option<Entry>> {
        let (Some(folder), Some(name)) = (path.parent(), path.name()) else {
            return Ok(None);
        };
        let Some(folder) = self.folder_by_path(side, &folder)? else {
            return Ok(None);
        };
        self.shown_in(side, folder, &name)
    }

    fn shown_in(&self, side: Side, folder: ItemId, name: &Name) -> Result<Option<Entry>> {
        if self.seen_at(side, folder, name)?.is_some() {
            return self.seen_entry(side, folder, name);
        }
        let item = self.base_by_native(side, folder, name)?;
        Ok(item.and_then(|item| item.entries[side].clone()))
    }

    /// Whether a side shows something at a path that is not what was in step there.
    pub(crate) fn differs_at(&self, side: Side, path: &RelPath) -> Result<bool> {
        let (Some(folder), Some(name)) = (path.parent(), path.name()) else {
            return Ok(false);
        };
        match self.folder_by_path(side, &folder)? {
            Some(folder) => Ok(self.seen_at(side, folder, &name)?.is_some()),
            None => Ok(false),
        }
    }

    /// The path is carried again.
    pub(crate) fn attach(&self, side: Side, path: &RelPath) -> Result<()> {
        self.assert_whole();
        self.forget_detached(side, path)
    }

    fn forget_detached(&self, side: Side, path: &RelPath) -> Result<()> {
        let mut delete = self
            .db
            .prepare_cached("DELETE FROM detached WHERE side = ?1 AND path = ?2")?;
        delete.execute(params![side_number(side), path.as_str()])?;
        Ok(())
    }

    /// Where each side had a folder item, if anything is detached that could be in it.
    pub(crate) fn folder_paths(&self, item: Option<&BaseItem>) -> Result<PerSide<Option<RelPath>>> {
        let mut paths = PerSide::default();
        let Some(item) = item.filter(|item| item.kind == Kind::Folder) else {
            return Ok(paths);
        };
        if !self.is_anything_detached()? {
            return Ok(paths);
        }
        for side in Side::BOTH {
            let native = item.entries[side].as_ref().map_or(&item.name, |e| &e.name);
            let folder = self.path_of(side, item.parent)?;
            paths[side] = folder.map(|folder| folder.join(native));
        }
        Ok(paths)
    }

    fn is_anything_detached(&self) -> Result<bool> {
        let mut query = self
            .db
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM detached)")?;
        Ok(query.query_row([], |r| r.get(0))?)
    }

    /// A folder was moved: what is detached in it stays so.
    pub(crate) fn move_detached(&self, side: Side, from: &RelPath, to: &RelPath) -> Result<()> {
        if from == to || !self.is_anything_detached()? {
            return Ok(());
        }
        let mut query = self
            .db
            .prepare_cached("SELECT path FROM detached WHERE side = ?1")?;
        let rows = query.query_map([side_number(side)], |r| r.get::<_, String>(0))?;
        let paths: Vec<String> = rows.collect::<rusqlite::Result<_>>()?;
        let mut update = self.db.prepare_cached(
            "UPDATE OR REPLACE detached SET path = ?3 WHERE side = ?1 AND path = ?2",
        )?;
        for path in paths {
            let was = RelPath::new(&path).map_err(damaged)?;
            if let Some(below) = was.below(from) {
                let now = to.append(&below);
                update.execute(params![side_number(side), path, now.as_str()])?;
            }
        }
        Ok(())
    }

    /// Why a path is detached, if it is.
    pub(crate) fn why_detached(&self, side: Side, path: &RelPath) -> Result<Option<String>> {
        use rusqlite::OptionalExtension;
        let mut query = self
            .db
            .prepare_cached("SELECT why FROM detached WHERE side = ?1 AND path = ?2")?;
        Ok(query
            .query_row(params![side_number(side), path.as_str()], |r| r.get(0))
            .optional()?)
    }

    /// A filter took an item from the base, and this side still shows what it had of it.
    pub(crate) fn detach_filtered(
        &self,
        side: Side,
        (folder, name): (ItemId, &Name),
        entry: Option<&Entry>,
    ) -> Result<()> {
        match self.path_of(side, folder)? {
            Some(folder) => self.detach(side, &folder.join(name), FILTERED, entry),
            None => Ok(()),
        }
    }

    /// Another filter lets in what it lets in, whatever the one before took from the base.
    pub(crate) fn follow_filter(&self, digest: &str) -> Result<()> {
        if self
            .meta("detached_by")?
            .is_some_and(|known| known == digest)
        {
            return Ok(());
        }
        // Cut off in between, it is done once more.
        self.db
            .prepare_cached("DELETE FROM detached WHERE why = ?1")?
            .execute([FILTERED])?;
        self.set_meta("detached_by", digest)
    }

    /// Forgets what was undone or rejected and is no longer as it was then. A note that outlived its entry
    /// would hide a later one that happens to have the same revision. What is no longer there is forgotten after the
    /// quiet time only: programs save by moving a file away first.
    pub(crate) fn sweep_detached(
        &self,
        as_detached: &PerSide<BTreeSet<RelPath>>,
        changed: &PerSide<BTreeSet<RelPath>>,
    ) -> Result<()> {
        let known = self.missed_notes()?;
        let mut missed = Missed::new();
        for (side, path) in self.swept_notes()? {
            if as_detached[side].contains(&path) {
                continue;
            }
            let place = (side, path);
            let since = known.get(&place).copied().unwrap_or(self.now);
            if changed[side].contains(&place.1) || self.was_quiet_since(since) {
                self.forget_detached(side, &place.1)?;
            } else {
                missed.insert(place, since);
            }
        }
        self.set_missed_notes(&known, &missed)
    }

    /// What the reason it is detached for ends with a change of.
    fn swept_notes(&self) -> Result<Vec<(Side, RelPath)>> {
        let mut query = self
            .db
            .prepare_cached("SELECT side, path FROM detached WHERE why IN (?1, ?2, ?3)")?;
        let mut rows = query.query(params![UNDONE, REJECTED, FILTERED])?;
        let mut places = Vec::new();
        while let Some(row) = rows.next()? {
            let path: String = row.get(1)?;
            let path = RelPath::new(&path).map_err(damaged)?;
            places.push((side_of(row.get(0)?), path));
        }
        Ok(places)
    }

    /// Notes whose place was not as it was when a plan was last made, each since when.
    pub(crate) fn missed_notes(&self) -> Result<Missed> {
        let Some(text) = self.meta(MISSED)? else {
            return Ok(Missed::new());
        };
        let places: Vec<(Side, RelPath, Timestamp)> =
            serde_json::from_str(&text).map_err(damaged)?;
        let places = places.into_iter();
        Ok(places
            .map(|(side, path, since)| ((side, path), since))
            .collect())
    }

    fn set_missed_notes(&self, known: &Missed, missed: &Missed) -> Result<()> {
        if known == missed {
            return Ok(());
        }
        if missed.is_empty() {
            return self.drop_meta(MISSED);
        }
        let places: Vec<_> = missed
            .iter()
            .map(|((side, path), since)| (side, path, since))
            .collect();
        let text = serde_json::to_string(&places).map_err(damaged)?;
        self.set_meta(MISSED, &text)
    }

    /// Whether what is so since then is so for the quiet time. A clock that was set back counts as long enough.
    fn was_quiet_since(&self, since: Timestamp) -> bool {
        let quiet = i64::try_from(self.quiet).unwrap_or(i64::MAX);
        !(since.0..since.0.saturating_add(quiet)).contains(&self.now.0)
    }
}

fn damaged(error: impl std::fmt::Display) -> EngineError {
    EngineError::DamagedState(error.to_string())
}
