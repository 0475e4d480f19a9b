//! Conflicts, problems, what is detached, and base texts for merges.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{OptionalExtension, params};
use tandem_core::entry::Entry;
use tandem_core::path::RelPath;
use tandem_core::plan::ItemId;
use tandem_core::side::Side;
use tandem_core::time::Timestamp;

use super::pack::{pack_entry, unpack_entry};
use super::{State, side_number, side_of};
use crate::error::{EngineError, Result};

/// All kept base texts of a pair together are at most this long, in bytes (DESIGN 5.3).
const MOST_TEXT: u64 = 256 * 1024 * 1024;

/// A conflict that waits, or whose copy is there.
#[derive(Debug, Clone)]
pub(crate) struct ConflictRow {
    /// What to resolve.
    pub(crate) id: String,
    /// The item.
    pub(crate) item: ItemId,
    /// The path.
    pub(crate) path: String,
    /// The conflict copy.
    pub(crate) copy: Option<String>,
    /// What kind.
    pub(crate) kind: String,
    /// Since when.
    pub(crate) since: Timestamp,
    /// Whether nothing is done until a person decides.
    pub(crate) waits: bool,
}

/// A path that is not in step.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ProblemRow {
    /// The side.
    pub(crate) side: Side,
    /// The path.
    pub(crate) path: String,
    /// Why, in one word.
    pub(crate) why: String,
    /// What the server or system said.
    pub(crate) detail: String,
}

impl ProblemRow {
    /// What is not carried has the name that something else is to have: that waits until a person makes room.
    pub(crate) fn in_the_way(side: Side, path: &RelPath) -> Self {
        Self {
            side,
            path: path.to_string(),
            why: "in_the_way".to_owned(),
            detail: String::new(),
        }
    }
}

fn damaged(e: impl std::fmt::Display) -> EngineError {
    EngineError::DamagedState(e.to_string())
}

const CONFLICT: &str = "id, item, path, copy, kind, since, waits";

fn conflict_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<ConflictRow> {
    Ok(ConflictRow {
        id: row.get(0)?,
        item: ItemId(row.get(1)?),
        path: row.get(2)?,
        copy: row.get(3)?,
        kind: row.get(4)?,
        since: Timestamp(row.get(5)?),
        waits: row.get(6)?,
    })
}

impl State {
    /// Notes a conflict; one that is known keeps its beginning.
    pub(crate) fn add_conflict(&self, row: &ConflictRow) -> Result<bool> {
        let mut write = self.db.prepare_cached(
            "INSERT INTO conflicts (id, item, path, copy, kind, since, waits) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
             ON CONFLICT (id) DO UPDATE SET copy = coalesce(excluded.copy, copy), waits = excluded.waits",
        )?;
        let known = self.conflict(&row.id)?.is_some();
        write.execute(params![
            row.id,
            row.item.0,
            row.path,
            row.copy,
            row.kind,
            row.since.0,
            row.waits
        ])?;
        Ok(!known)
    }

    /// One conflict.
    pub(crate) fn conflict(&self, id: &str) -> Result<Option<ConflictRow>> {
        let sql = format!("SELECT {CONFLICT} FROM conflicts WHERE id = ?1");
        let mut query = self.db.prepare_cached(&sql)?;
        Ok(query.query_row([id], conflict_of).optional()?)
    }

    /// All conflicts, oldest first.
    pub(crate) fn conflicts(&self) -> Result<Vec<ConflictRow>> {
        let sql = format!("SELECT {CONFLICT} FROM conflicts ORDER BY since, id");
        let mut query = self.db.prepare_cached(&sql)?;
        let rows = query.query_map([], conflict_of)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// A folder was moved: a conflict in it is no less one, and its copy is where it went.
    pub(crate) fn move_conflicts(&self, from: &RelPath, to: &RelPath) -> Result<()> {
        let moved = |path: &str| {
            let below = RelPath::new(path).ok()?.below(from)?;
            Some(to.append(&below).to_string())
        };
        for row in self.conflicts()? {
            let path = moved(&row.path);
            let copy = row.copy.as_deref().and_then(moved);
            if path.is_some() || copy.is_some() {
                self.db
                    .prepare_cached(
                        "UPDATE conflicts SET path = coalesce(?2, path), copy = coalesce(?3, copy) WHERE id = ?1",
                    )?
                    .execute(params![row.id, path, copy])?;
            }
        }
        Ok(())
    }

    /// The conflict is no more.
    pub(crate) fn drop_conflict(&self, id: &str) -> Result<()> {
        self.db
            .prepare_cached("DELETE FROM conflicts WHERE id = ?1")?
            .execute([id])?;
        Ok(())
    }

    /// Replaces the problems that `source` ("look", "plan", "execute") found.
    pub(crate) fn set_problems(&self, source: &str, rows: &BTreeSet<ProblemRow>) -> Result<()> {
        self.drop_problems(source)?;
        self.add_problems(source, rows)
    }

    /// Forgets the problems that `source` found.
    pub(crate) fn drop_problems(&self, source: &str) -> Result<()> {
        self.db
            .prepare_cached("DELETE FROM problems WHERE source = ?1")?
            .execute([source])?;
        Ok(())
    }

    /// What a look found before is asked anew: of these folders, or of the whole side.
    pub(crate) fn forget_look_problems(
        &self,
        side: Side,
        looked: Option<&BTreeSet<RelPath>>,
    ) -> Result<()> {
        for row in self.problems_of("look")? {
            if row.side == side && self.was_looked_at(&row, looked)? {
                self.db
                    .prepare_cached(
                        "DELETE FROM problems WHERE side = ?1 AND path = ?2 AND source = 'look'",
                    )?
                    .execute(params![side_number(side), row.path])?;
            }
        }
        Ok(())
    }

    /// What a look found at these places or below them before is told anew.
    pub(crate) fn forget_told_problems<'a>(
        &self,
        told: impl Iterator<Item = &'a (Side, RelPath)>,
    ) -> Result<()> {
        let rows = self.problems_of("look")?;
        if rows.is_empty() {
            return Ok(());
        }
        let told: BTreeSet<_> = told.map(|(side, path)| (*side, path.clone())).collect();
        let is_told = |row: &&ProblemRow| {
            RelPath::new(&row.path).is_ok_and(|path| {
                let mut above = std::iter::successors(Some(path), RelPath::parent);
                above.any(|at| told.contains(&(row.side, at)))
            })
        };
        let mut delete = self.db.prepare_cached(
            "DELETE FROM problems WHERE side = ?1 AND path = ?2 AND source = 'look'",
        )?;
        for row in rows.iter().filter(is_told) {
            delete.execute(params![side_number(row.side), row.path])?;
        }
        Ok(())
    }

    /// Whether a look that said nothing of this problem had to find it.
    fn was_looked_at(&self, row: &ProblemRow, looked: Option<&BTreeSet<RelPath>>) -> Result<bool> {
        let Some(looked) = looked else {
            return Ok(true);
        };
        // A name that is none is shown in a form that need not be one either.
        let (above, _) = row.path.rsplit_once('/').unwrap_or(("", ""));
        let folder = RelPath::new(above).unwrap_or_else(|_| RelPath::root());
        let is_itself = RelPath::new(&row.path).is_ok_and(|path| looked.contains(&path));
        if looked.contains(&folder) || is_itself {
            return Ok(true);
        }
        let mut above = std::iter::successors(Some(folder.clone()), RelPath::parent);
        let within = above.any(|at| looked.contains(&at));
        Ok(within && self.folder_by_path(row.side, &folder)?.is_none())
    }

    /// Adds problems to those of `source`. What a look found is its own until another look.
    pub(crate) fn add_problems(&self, source: &str, rows: &BTreeSet<ProblemRow>) -> Result<()> {
        self.assert_whole();
        let mut write = self.db.prepare_cached(
            "INSERT INTO problems (side, path, why, detail, source) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (side, path, why) DO UPDATE SET detail = excluded.detail, source = excluded.source \
             WHERE source <> 'look' OR excluded.source = 'look'",
        )?;
        for row in rows {
            write.execute(params![
                side_number(row.side),
                row.path,
                row.why,
                row.detail,
                source
            ])?;
        }
        Ok(())
    }

    /// What `source` found.
    pub(crate) fn problems_of(&self, source: &str) -> Result<Vec<ProblemRow>> {
        let mut query = self
            .db
            .prepare_cached("SELECT side, path, why, detail FROM problems WHERE source = ?1 ORDER BY path, side, why")?;
        let rows = query.query_map([source], |r| {
            Ok(ProblemRow {
                side: side_of(r.get(0)?),
                path: r.get(1)?,
                why: r.get(2)?,
                detail: r.get(3)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// All problems.
    pub(crate) fn problems(&self) -> Result<Vec<ProblemRow>> {
        let mut query = self.db.prepare_cached(
            "SELECT side, path, why, detail FROM problems ORDER BY path, side, why",
        )?;
        let rows = query.query_map([], |r| {
            Ok(ProblemRow {
                side: side_of(r.get(0)?),
                path: r.get(1)?,
                why: r.get(2)?,
                detail: r.get(3)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Notes that `path` is known and not carried while it is as `entry` says.
    pub(crate) fn detach(
        &self,
        side: Side,
        path: &RelPath,
        why: &str,
        entry: Option<&Entry>,
    ) -> Result<()> {
        let mut write = self.db.prepare_cached(
            "INSERT OR REPLACE INTO detached (side, path, why, entry) VALUES (?1, ?2, ?3, ?4)",
        )?;
        write.execute(params![
            side_number(side),
            path.as_str(),
            why,
            entry.map(pack_entry).transpose()?
        ])?;
        Ok(())
    }

    /// What is detached, with the entry it had.
    pub(crate) fn detached(&self) -> Result<BTreeMap<(Side, RelPath), Option<Entry>>> {
        let mut query = self
            .db
            .prepare_cached("SELECT side, path, entry FROM detached")?;
        let mut rows = query.query([])?;
        let mut found = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let path = RelPath::new(&row.get::<_, String>(1)?).map_err(damaged)?;
            let entry: Option<Vec<u8>> = row.get(2)?;
            found.insert(
                (side_of(row.get(0)?), path),
                entry.map(|b| unpack_entry(&b)).transpose()?,
            );
        }
        Ok(found)
    }

    /// Keeps the text of an item as the base of a later merge, and drops the least used beyond the limit.
    pub(crate) fn keep_text(&self, item: ItemId, text: &[u8], now: Timestamp) -> Result<()> {
        let mut write = self.db.prepare_cached(
            "INSERT OR REPLACE INTO texts (item, used, text) VALUES (?1, ?2, ?3)",
        )?;
        write.execute(params![item.0, now.0, text])?;
        if self.counts.text(&self.db)? > MOST_TEXT {
            self.db.execute(
                "DELETE FROM texts WHERE item IN (SELECT item FROM texts ORDER BY used LIMIT max(1, (SELECT count(*) FROM texts) / 8))",
                [],
            )?;
        }
        Ok(())
    }

    /// The text of an item when it was last in step.
    pub(crate) fn text(&self, item: ItemId) -> Result<Option<Vec<u8>>> {
        let mut query = self
            .db
            .prepare_cached("SELECT text FROM texts WHERE item = ?1")?;
        Ok(query.query_row([item.0], |r| r.get(0)).optional()?)
    }
}
