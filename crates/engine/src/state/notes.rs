//! Holds, approvals, conflicts, problems, what is detached, and base texts for merges.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{OptionalExtension, params};
use tandem_core::entry::Entry;
use tandem_core::guard::{Approval, Hold};
use tandem_core::path::RelPath;
use tandem_core::plan::ItemId;
use tandem_core::side::Side;
use tandem_core::time::Timestamp;

use super::pack::{pack_entry, unpack_entry};
use super::{State, side_number, side_of};
use crate::error::{EngineError, Result};

/// All kept base texts of a pair together are at most this long, in bytes (DESIGN 5.3).
const MOST_TEXT: i64 = 256 * 1024 * 1024;

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
    /// Replaces the holds by those given. `actions` is their list for a person, as JSON.
    pub(crate) fn set_holds(&self, holds: &[(Hold, String)], now: Timestamp) -> Result<()> {
        let known: BTreeMap<String, i64> = {
            let mut query = self.db.prepare_cached("SELECT id, since FROM holds")?;
            let rows = query.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?;
            rows.collect::<rusqlite::Result<_>>()?
        };
        self.db.execute("DELETE FROM holds", [])?;
        let mut write = self.db.prepare_cached(
            "INSERT INTO holds (id, hold, actions, since) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for (hold, actions) in holds {
            let id = hold.id.to_string();
            let since = known.get(&id).copied().unwrap_or(now.0);
            let text = serde_json::to_string(hold).map_err(damaged)?;
            write.execute(params![id, text, actions, since])?;
        }
        Ok(())
    }

    /// The holds that wait: each with its list for a person and since when.
    pub(crate) fn holds(&self) -> Result<Vec<(Hold, String, Timestamp)>> {
        let mut query = self
            .db
            .prepare_cached("SELECT hold, actions, since FROM holds ORDER BY since, id")?;
        let mut rows = query.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let hold = serde_json::from_str(&row.get::<_, String>(0)?).map_err(damaged)?;
            found.push((hold, row.get(1)?, Timestamp(row.get(2)?)));
        }
        Ok(found)
    }

    /// The hold was decided.
    pub(crate) fn drop_hold(&self, id: &str) -> Result<()> {
        self.db
            .prepare_cached("DELETE FROM holds WHERE id = ?1")?
            .execute([id])?;
        Ok(())
    }

    /// Lets what is named by these digests pass.
    pub(crate) fn approve(&self, digests: &BTreeSet<u64>, now: Timestamp) -> Result<()> {
        let mut write = self
            .db
            .prepare_cached("INSERT OR REPLACE INTO approvals (digest, at) VALUES (?1, ?2)")?;
        for digest in digests {
            write.execute(params![digest.cast_signed(), now.0])?;
        }
        Ok(())
    }

    /// Everything that was let pass.
    pub(crate) fn approval(&self) -> Result<Approval> {
        let mut query = self.db.prepare_cached("SELECT digest FROM approvals")?;
        let rows = query.query_map([], |r| r.get::<_, i64>(0))?;
        let digests = rows
            .map(|r| r.map(i64::cast_unsigned))
            .collect::<rusqlite::Result<_>>()?;
        Ok(Approval { digests })
    }

    /// An approval was used. Answers whether there was one.
    pub(crate) fn use_approval(&self, digest: u64) -> Result<bool> {
        let mut delete = self
            .db
            .prepare_cached("DELETE FROM approvals WHERE digest = ?1")?;
        Ok(delete.execute([digest.cast_signed()])? > 0)
    }

    /// What was let pass has passed, or is no more: it is asked for anew.
    pub(crate) fn end_approvals(&self) -> Result<()> {
        self.db.execute("DELETE FROM approvals", [])?;
        Ok(())
    }

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

    /// The conflict is no more.
    pub(crate) fn drop_conflict(&self, id: &str) -> Result<()> {
        self.db
            .prepare_cached("DELETE FROM conflicts WHERE id = ?1")?
            .execute([id])?;
        Ok(())
    }

    /// Replaces the problems that `source` ("look", "plan", "execute") found.
    pub(crate) fn set_problems(&self, source: &str, rows: &BTreeSet<ProblemRow>) -> Result<()> {
        self.db
            .prepare_cached("DELETE FROM problems WHERE source = ?1")?
            .execute([source])?;
        self.add_problems(source, rows)
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
        let mut delete = self.db.prepare_cached(
            "DELETE FROM problems WHERE side = ?1 AND path = ?2 AND source = 'look'",
        )?;
        for (side, place) in told {
            let is_there = |row: &&ProblemRow| {
                let path = RelPath::new(&row.path);
                row.side == *side && path.is_ok_and(|path| path.is_within(place))
            };
            for row in rows.iter().filter(is_there) {
                delete.execute(params![side_number(row.side), row.path])?;
            }
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
        if looked.contains(&folder) || looked.iter().any(|path| path.as_str() == row.path) {
            return Ok(true);
        }
        let within = looked.iter().any(|path| folder.is_within(path));
        Ok(within && self.folder_by_path(row.side, &folder)?.is_none())
    }

    /// Adds problems to those of `source`.
    pub(crate) fn add_problems(&self, source: &str, rows: &BTreeSet<ProblemRow>) -> Result<()> {
        let mut write = self.db.prepare_cached(
            "INSERT OR REPLACE INTO problems (side, path, why, detail, source) VALUES (?1, ?2, ?3, ?4, ?5)",
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
        let total: i64 = self.db.query_row(
            "SELECT coalesce(sum(length(text)), 0) FROM texts",
            [],
            |r| r.get(0),
        )?;
        if total > MOST_TEXT {
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
