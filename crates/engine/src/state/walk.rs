//! What is in doubt, a bounded part at a time (P22).
//!
//! Folders can be planned apart from one another while nothing is gone: then there are no moves, no deletes and no
//! names that a delete frees, and what becomes of a folder's children depends on nothing but the folder. Where
//! something is gone, everything in doubt is planned together.

use std::collections::BTreeMap;

use rusqlite::params;
use tandem_core::capabilities::Capabilities;
use tandem_core::entry::Kind;
use tandem_core::path::Name;
use tandem_core::plan::ItemId;
use tandem_core::side::{PerSide, Side};

use super::load::Rules;
use super::pack::unpack_entry;
use super::seen::Differs;
use super::{State, side_number};
use crate::error::{EngineError, Result};

/// A folder as each side knows it; `None` on a side that does not have it.
pub(super) type FolderIds = PerSide<Option<ItemId>>;

/// A folder whose children are still to be planned.
#[derive(Debug, Clone)]
struct Waiting {
    folder: FolderIds,
    /// The part in which the folder itself is; 0 if the base has it.
    part: u32,
}

/// Folders that are planned together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Part {
    pub(super) folders: Vec<FolderIds>,
}

/// What becomes of a part before the next one is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It is carried out: folders that were made or adopted are in the base by then.
    Execute,
    /// It is only counted.
    Count,
}

/// What one side alone shows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Creations {
    /// The side.
    pub(crate) side: Side,
    /// Files and folders.
    pub(crate) entries: u64,
    /// Bytes in all.
    pub(crate) bytes: u64,
    /// Bytes of the largest file.
    pub(crate) largest: u64,
}

const FRESH: i64 = Differs::Fresh as i64;

/// A walk over all that is in doubt.
#[derive(Debug, Clone)]
pub(crate) struct Walk {
    purpose: Purpose,
    /// Rows in one part, unless one folder has more.
    most: u64,
    /// Last first.
    waiting: Vec<Waiting>,
    part: u32,
}

impl State {
    /// A walk in parts of about `most` rows; `None` where everything is to be planned together: because it is
    /// little, or because something is gone. `follower` is the side that a mirror makes equal: what only it has is
    /// deleted, which is decided over the whole.
    pub(crate) fn walk(
        &self,
        purpose: Purpose,
        most: u64,
        follower: Option<Side>,
    ) -> Result<Option<Walk>> {
        if self.seen_rows.iter().sum::<u64>() <= most || self.must_be_whole(follower)? {
            return Ok(None);
        }
        let mut query = self.db.prepare_cached(
            "SELECT parent FROM seen UNION SELECT parent FROM base WHERE source IS NULL OR destination IS NULL \
             ORDER BY parent DESC",
        )?;
        let mut rows = query.query([])?;
        let mut waiting = Vec::new();
        while let Some(row) = rows.next()? {
            let folder = ItemId(row.get(0)?);
            if self.has_folder(folder)? {
                let folder = PerSide::new(Some(folder), Some(folder));
                waiting.push(Waiting { folder, part: 0 });
            }
        }
        Ok(Some(Walk {
            purpose,
            most,
            waiting,
            part: 0,
        }))
    }

    /// What one side alone shows, where the two are in step nowhere; `None` if anything else is in doubt.
    pub(crate) fn mere_creations(&self) -> Result<Option<Creations>> {
        let side = match self.seen_rows {
            [0, 0] => return Ok(None),
            [_, 0] => Side::Source,
            [0, _] => Side::Destination,
            _ => return Ok(None),
        };
        if self.base_count()? > 0 {
            return Ok(None);
        }
        let mut creations = Creations {
            side,
            entries: 0,
            bytes: 0,
            largest: 0,
        };
        let mut query = self.db.prepare_cached("SELECT state, entry FROM seen")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let packed = row
                .get_ref(1)?
                .as_blob_or_null()
                .map_err(rusqlite::Error::from)?;
            let Some(packed) = packed.filter(|_| matches!(row.get(0), Ok(FRESH))) else {
                return Ok(None);
            };
            let entry = unpack_entry(packed)?;
            match entry.kind {
                Kind::File => {
                    creations.bytes += entry.size;
                    creations.largest = creations.largest.max(entry.size);
                }
                Kind::Folder => {}
                Kind::Symlink | Kind::Opaque => return Ok(None),
            }
            creations.entries += 1;
        }
        Ok(Some(creations))
    }

    /// Whether something is gone, left out or detached, or a mirror's follower has something of its own.
    fn must_be_whole(&self, follower: Option<Side>) -> Result<bool> {
        let there_is = |sql: &str, values: &[i64]| -> Result<bool> {
            let mut query = self.db.prepare_cached(sql)?;
            Ok(query.exists(rusqlite::params_from_iter(values))?)
        };
        let gone = [
            Differs::Absent,
            Differs::Excluded,
            Differs::Replaced,
            Differs::ReplacedUnread,
            Differs::Out,
        ]
        .map(|d| d as i64);
        let own = [Differs::Fresh, Differs::FreshUnsettled].map(|d| d as i64);
        let of_its_own = match follower {
            Some(side) => there_is(
                "SELECT 1 FROM seen WHERE side = ?1 AND state IN (?2, ?3) LIMIT 1",
                &[side_number(side), own[0], own[1]],
            )?,
            None => false,
        };
        Ok(of_its_own
            || there_is("SELECT 1 FROM detached LIMIT 1", &[])?
            || there_is(
                "SELECT 1 FROM seen WHERE state IN (?1, ?2, ?3, ?4, ?5) LIMIT 1",
                &gone,
            )?)
    }

    fn has_folder(&self, folder: ItemId) -> Result<bool> {
        if folder == ItemId::ROOT {
            return Ok(true);
        }
        let mut query = self
            .db
            .prepare_cached("SELECT 1 FROM base WHERE item = ?1 AND kind = 1")?;
        Ok(query.exists([folder.0])?)
    }

    /// The next part; `None` at the end.
    pub(crate) fn next_part(
        &self,
        walk: &mut Walk,
        capabilities: PerSide<&Capabilities>,
    ) -> Result<Option<Part>> {
        walk.part += 1;
        let rules = Rules::of(capabilities);
        let mut part = Part::default();
        let mut rows = 0;
        self.reading(|| {
            while rows < walk.most
                && let Some(next) = walk.waiting.pop()
            {
                let Some(folder) = self.as_known_now(&next, walk)? else {
                    continue;
                };
                let (count, children) = self.fresh_children(folder, capabilities, &rules)?;
                rows += count;
                let part_of_these = walk.part;
                walk.waiting
                    .extend(children.into_iter().rev().map(|folder| Waiting {
                        folder,
                        part: part_of_these,
                    }));
                part.folders.push(folder);
            }
            Ok(())
        })?;
        Ok((!part.folders.is_empty()).then_some(part))
    }

    /// The folder by the ids under which it is known by now; `None` if an earlier part should have made it and
    /// did not.
    fn as_known_now(&self, next: &Waiting, walk: &Walk) -> Result<Option<FolderIds>> {
        let as_it_was = next.part == 0 || next.part == walk.part;
        if as_it_was || walk.purpose == Purpose::Count {
            return Ok(Some(next.folder));
        }
        for id in Side::BOTH.into_iter().filter_map(|side| next.folder[side]) {
            if self.has_folder(id)? {
                return Ok(Some(PerSide::new(Some(id), Some(id))));
            }
        }
        Ok(None)
    }

    /// How many rows the folder has, and its fresh folders: those of both sides that meet under one name together. A
    /// row of a base item counts twice, for what each side had is loaded with it.
    fn fresh_children(
        &self,
        folder: FolderIds,
        capabilities: PerSide<&Capabilities>,
        rules: &Rules,
    ) -> Result<(u64, Vec<FolderIds>)> {
        let mut count = 0;
        let mut children: BTreeMap<Box<str>, Vec<FolderIds>> = BTreeMap::new();
        for side in Side::BOTH {
            let Some(id) = folder[side] else { continue };
            let mut query = self.db.prepare_cached(
                "SELECT name, id, folder, state FROM seen WHERE side = ?1 AND parent = ?2 ORDER BY name",
            )?;
            let mut rows = query.query(params![side_number(side), id.0])?;
            while let Some(row) = rows.next()? {
                let is_fresh = Differs::of(row.get(3)?) == Differs::Fresh;
                count += if is_fresh { 1 } else { 2 };
                if !row.get::<_, bool>(2)? {
                    continue;
                }
                let name = Name::new(row.get::<_, String>(0)?)
                    .map_err(|e| EngineError::DamagedState(e.to_string()))?;
                let key = rules.key_of(&name, &capabilities[side].names);
                let there = children.entry(key).or_default();
                let id = Some(ItemId(row.get(1)?));
                match there.iter_mut().find(|ids| ids[side].is_none()) {
                    Some(ids) => ids[side] = id,
                    None => {
                        let mut ids = FolderIds::default();
                        ids[side] = id;
                        there.push(ids);
                    }
                }
            }
        }
        Ok((count, children.into_values().flatten().collect()))
    }
}
