//! Every executed action with reason, outcome and pre-image, so that it can be shown and undone.

use rusqlite::{Row, params, params_from_iter};
use tandem_core::entry::Entry;
use tandem_core::path::RelPath;
use tandem_core::plan::Reason;
use tandem_core::side::Side;
use tandem_core::storage::VersionKey;
use tandem_core::time::Timestamp;

use super::pack::{pack_entry, unpack_entry};
use super::{State, side_number, side_of};
use crate::error::{EngineError, Result};
use crate::report::{ActionKind, LogQuery, Outcome};

/// A line of the journal, whole.
#[derive(Debug, Clone)]
pub(crate) struct JournalRow {
    /// Its number; 0 until it is written.
    pub(crate) id: i64,
    /// The run.
    pub(crate) run: i64,
    /// When it ended.
    pub(crate) at: Timestamp,
    /// The side that was changed.
    pub(crate) side: Side,
    /// What was done.
    pub(crate) kind: ActionKind,
    /// The path.
    pub(crate) path: String,
    /// Where a move went.
    pub(crate) target: Option<String>,
    /// Bytes carried.
    pub(crate) bytes: u64,
    /// Why.
    pub(crate) reason: Reason,
    /// What it came to.
    pub(crate) outcome: Outcome,
    /// Why it did not work.
    pub(crate) error: Option<String>,
    /// The entry before.
    pub(crate) before: Option<Entry>,
    /// The entry after.
    pub(crate) after: Option<Entry>,
    /// Where the pre-image is kept.
    pub(crate) version: Option<VersionKey>,
    /// The pre-image is content nobody derived anything from: it is never pruned (P1 a).
    pub(crate) keep: bool,
}

impl JournalRow {
    /// How much its version holds.
    pub(crate) fn kept_bytes(&self) -> u64 {
        match (&self.version, &self.before) {
            (Some(_), Some(before)) => before.size,
            _ => 0,
        }
    }
}

fn text<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|e| EngineError::Refused(e.to_string()))
}

fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|e| EngineError::DamagedState(e.to_string()))
}

const COLUMNS: &str = "id, run, at, side, kind, path, target, bytes, reason, outcome, error, before, after, version, keep";

fn row_of(row: &Row<'_>) -> Result<JournalRow> {
    let entry = |n: usize| -> Result<Option<Entry>> {
        row.get::<_, Option<Vec<u8>>>(n)?
            .map(|b| unpack_entry(&b))
            .transpose()
    };
    let version: Option<String> = row.get(13)?;
    Ok(JournalRow {
        id: row.get(0)?,
        run: row.get(1)?,
        at: Timestamp(row.get(2)?),
        side: side_of(row.get(3)?),
        kind: parse(&row.get::<_, String>(4)?)?,
        path: row.get(5)?,
        target: row.get(6)?,
        bytes: row.get::<_, i64>(7)?.unsigned_abs(),
        reason: parse(&row.get::<_, String>(8)?)?,
        outcome: parse(&row.get::<_, String>(9)?)?,
        error: row.get(10)?,
        before: entry(11)?,
        after: entry(12)?,
        version: version.map(|v| parse(&v)).transpose()?,
        keep: row.get(14)?,
    })
}

impl State {
    /// Writes a line and answers its number.
    pub(crate) fn add_journal(&self, row: &JournalRow) -> Result<i64> {
        let mut write = self.db.prepare_cached(
            "INSERT INTO journal (run, at, side, kind, path, target, bytes, reason, outcome, error, before, after, \
             version, keep, kept) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        )?;
        write.execute(params![
            row.run,
            row.at.0,
            side_number(row.side),
            text(&row.kind)?,
            row.path,
            row.target,
            row.bytes.cast_signed(),
            text(&row.reason)?,
            text(&row.outcome)?,
            row.error,
            row.before.as_ref().map(pack_entry).transpose()?,
            row.after.as_ref().map(pack_entry).transpose()?,
            row.version.as_ref().map(text).transpose()?,
            row.keep,
            row.kept_bytes().cast_signed()
        ])?;
        Ok(self.db.last_insert_rowid())
    }

    /// The lines asked for, newest first.
    pub(crate) fn journal(&self, query: &LogQuery) -> Result<Vec<JournalRow>> {
        let mut sql = format!("SELECT {COLUMNS} FROM journal WHERE id > ?1");
        let mut values: Vec<rusqlite::types::Value> =
            vec![query.after.unwrap_or(0).cast_signed().into()];
        if let Some(path) = &query.path {
            sql += " AND (path = ?2 OR target = ?2 OR substr(path, 1, length(?2) + 1) = ?2 || '/')";
            values.push(path.clone().into());
        }
        sql += " ORDER BY id DESC LIMIT ";
        sql += &query.limit.unwrap_or(1_000_000).to_string();
        self.journal_rows(&sql, values)
    }

    /// One line.
    pub(crate) fn journal_row(&self, id: i64) -> Result<Option<JournalRow>> {
        let sql = format!("SELECT {COLUMNS} FROM journal WHERE id = ?1");
        Ok(self.journal_rows(&sql, vec![id.into()])?.pop())
    }

    /// What was done at a path of a side, newest first; of many lines the newest.
    pub(crate) fn journal_at(&self, side: Side, path: &RelPath) -> Result<Vec<JournalRow>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM journal WHERE path = ?1 AND side = ?2 AND outcome = '\"done\"' \
             ORDER BY id DESC LIMIT 100"
        );
        let values = vec![path.as_str().to_owned().into(), side_number(side).into()];
        self.journal_rows(&sql, values)
    }

    /// The lines of a run, or since a time, newest first.
    pub(crate) fn journal_since(
        &self,
        run: Option<i64>,
        since: Timestamp,
    ) -> Result<Vec<JournalRow>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM journal WHERE at >= ?1 AND (?2 IS NULL OR run = ?2) ORDER BY id DESC"
        );
        self.journal_rows(
            &sql,
            vec![
                since.0.into(),
                run.map_or(rusqlite::types::Value::Null, Into::into),
            ],
        )
    }

    /// The lines whose pre-image is kept.
    pub(crate) fn journal_versions(&self, path: Option<&str>) -> Result<Vec<JournalRow>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM journal WHERE version IS NOT NULL AND (?1 IS NULL OR path = ?1) ORDER BY id DESC"
        );
        let path = path.map_or(rusqlite::types::Value::Null, |p| p.to_owned().into());
        self.journal_rows(&sql, vec![path])
    }

    /// Bytes in versions of a side: in all of them, or in those only that are kept for good or since after `since`.
    pub(crate) fn kept_bytes(&self, side: Side, since: Option<Timestamp>) -> Result<u64> {
        let mut query = self.db.prepare_cached(
            "SELECT coalesce(sum(kept), 0) FROM journal \
             WHERE version IS NOT NULL AND side = ?1 AND (keep = 1 OR at > ?2)",
        )?;
        let since = since.map_or(i64::MIN, |since| since.0);
        let n: i64 = query.query_row(params![side_number(side), since], |r| r.get(0))?;
        Ok(n.unsigned_abs())
    }

    /// Lines of a side whose superseded pre-image was set aside at `until` or before, oldest first: some, after
    /// the place given.
    pub(crate) fn superseded(
        &self,
        side: Side,
        until: Timestamp,
        after: (Timestamp, i64),
    ) -> Result<Vec<JournalRow>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM journal WHERE version IS NOT NULL AND side = ?1 AND keep = 0 AND at <= ?2 \
             AND (at, id) > (?3, ?4) ORDER BY at, id LIMIT 256"
        );
        let (at, id) = after;
        let values = [side_number(side), until.0, at.0, id].map(Into::into);
        self.journal_rows(&sql, values.to_vec())
    }

    /// Drops lines from before `before` that keep nothing. The newest stays: it says which run comes next.
    pub(crate) fn prune_journal(&self, before: Timestamp) -> Result<()> {
        self.assert_whole();
        let gone = self
            .db
            .prepare_cached(
                "DELETE FROM journal WHERE at < ?1 AND version IS NULL AND id < (SELECT max(id) FROM journal)",
            )?
            .execute([before.0])?;
        if gone > 0 {
            self.db
                .prepare_cached("DELETE FROM approved WHERE id NOT IN (SELECT id FROM journal)")?
                .execute([])?;
            self.db
                .prepare_cached(
                    "DELETE FROM meta WHERE (key LIKE 'undone %' OR key LIKE 'undoes %') \
                     AND CAST(substr(key, 8) AS INTEGER) NOT IN (SELECT id FROM journal)",
                )?
                .execute([])?;
        }
        Ok(())
    }

    fn journal_rows(
        &self,
        sql: &str,
        values: Vec<rusqlite::types::Value>,
    ) -> Result<Vec<JournalRow>> {
        let mut query = self.db.prepare_cached(sql)?;
        let mut rows = query.query(params_from_iter(values))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(row_of(row)?);
        }
        Ok(found)
    }

    /// The pre-image of a line is kept for good, as it is `now`.
    pub(crate) fn keep_version(&self, id: i64, now: &Entry) -> Result<()> {
        self.db
            .prepare_cached("UPDATE journal SET before = ?2, kept = ?3, keep = 1 WHERE id = ?1")?
            .execute(params![id, pack_entry(now)?, now.size.cast_signed()])?;
        Ok(())
    }

    /// The pre-image of a line is like any superseded one.
    pub(crate) fn keep_no_longer(&self, id: i64) -> Result<()> {
        self.db
            .prepare_cached("UPDATE journal SET keep = 0 WHERE id = ?1")?
            .execute([id])?;
        Ok(())
    }

    /// The pre-image of a line is gone.
    pub(crate) fn forget_version(&self, id: i64) -> Result<()> {
        self.db
            .prepare_cached("UPDATE journal SET version = NULL, kept = 0 WHERE id = ?1")?
            .execute([id])?;
        Ok(())
    }

    /// A line took another back. If that one had taken back a third, the third holds again.
    pub(crate) fn mark_undone(&self, undone: i64, by: i64) -> Result<()> {
        self.set_meta(&format!("undone {undone}"), &by.to_string())?;
        self.set_meta(&format!("undoes {by}"), &undone.to_string())?;
        match self.undoes(undone)? {
            Some(third) => self.drop_meta(&format!("undone {third}")),
            None => Ok(()),
        }
    }

    /// Whether a line was taken back.
    pub(crate) fn is_undone(&self, id: i64) -> Result<bool> {
        Ok(self.meta(&format!("undone {id}"))?.is_some())
    }

    /// The line that this one took back.
    pub(crate) fn undoes(&self, id: i64) -> Result<Option<i64>> {
        Ok(self
            .meta(&format!("undoes {id}"))?
            .and_then(|text| text.parse().ok()))
    }

    pub(crate) fn drop_meta(&self, key: &str) -> Result<()> {
        self.db
            .prepare_cached("DELETE FROM meta WHERE key = ?1")?
            .execute([key])?;
        Ok(())
    }

    /// A person had agreed to what a line says.
    pub(crate) fn note_approved(&self, id: i64) -> Result<()> {
        self.db
            .prepare_cached("INSERT OR REPLACE INTO approved (id) VALUES (?1)")?
            .execute([id])?;
        Ok(())
    }

    /// How many deletes were done since a time that nobody had agreed to.
    pub(crate) fn deletes_since(&self, since: Timestamp) -> Result<u64> {
        let mut query = self
            .db
            .prepare_cached("SELECT count(*) FROM journal WHERE at >= ?1 AND kind = '\"delete\"' AND outcome = '\"done\"' \
             AND id NOT IN (SELECT id FROM approved)")?;
        let n: i64 = query.query_row([since.0], |r| r.get(0))?;
        Ok(n.unsigned_abs())
    }

    /// How many conflict copies were made since a time.
    pub(crate) fn copies_since(&self, since: Timestamp) -> Result<u64> {
        let mut query = self.db.prepare_cached(
            "SELECT count(*) FROM journal WHERE at >= ?1 AND kind = '\"create\"' AND reason LIKE '%conflict_kept_both%'",
        )?;
        let n: i64 = query.query_row([since.0], |r| r.get(0))?;
        Ok(n.unsigned_abs())
    }

    /// The next run's number.
    pub(crate) fn next_run(&self) -> Result<i64> {
        let n: Option<i64> = self
            .db
            .query_row("SELECT max(run) FROM journal", [], |r| r.get(0))?;
        Ok(n.unwrap_or(0) + 1)
    }
}
