//! The pair's database: what is in step, what was observed, what is intended, what was done.
//!
//! Invariant: observations and their cursor, and an action's outcome with base and journal, each go in by one
//! transaction (P6). Everything here is called without waiting for a storage.

mod base;
mod detach;
mod intents;
mod journal;
mod load;
mod notes;
mod pack;
mod seen;

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};
use tandem_core::plan::MadeCopy;
use tandem_core::time::Timestamp;

pub(crate) use detach::{REJECTED, Released, UNDONE};
pub(crate) use intents::Intent;
pub(crate) use journal::JournalRow;
pub(crate) use load::Loaded;
pub(crate) use notes::{ConflictRow, ProblemRow};
pub(crate) use seen::FolderSeen;

use crate::error::{EngineError, Result};

/// The format that this program writes.
const FORMAT: i64 = 1;

const SCHEMA: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE base (
    parent INTEGER NOT NULL, name TEXT NOT NULL, item INTEGER NOT NULL, kind INTEGER NOT NULL,
    source BLOB, destination BLOB, hashes BLOB, equality INTEGER NOT NULL,
    PRIMARY KEY (parent, name)) WITHOUT ROWID;
CREATE UNIQUE INDEX base_folder ON base (item) WHERE kind = 1;
CREATE INDEX base_owed ON base (parent, name) WHERE source IS NULL OR destination IS NULL;
CREATE TABLE seen (
    side INTEGER NOT NULL, parent INTEGER NOT NULL, name TEXT NOT NULL, id INTEGER NOT NULL,
    state INTEGER NOT NULL, folder INTEGER NOT NULL, entry BLOB, since INTEGER,
    PRIMARY KEY (side, parent, name)) WITHOUT ROWID;
CREATE UNIQUE INDEX seen_folder ON seen (side, id) WHERE folder = 1;
CREATE TABLE intents (
    id INTEGER PRIMARY KEY, side INTEGER NOT NULL, target TEXT NOT NULL, made INTEGER NOT NULL,
    what TEXT NOT NULL, token TEXT);
CREATE TABLE journal (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL, at INTEGER NOT NULL, side INTEGER NOT NULL,
    kind TEXT NOT NULL, path TEXT NOT NULL, target TEXT, bytes INTEGER NOT NULL, reason TEXT NOT NULL,
    outcome TEXT NOT NULL, error TEXT, before BLOB, after BLOB, version TEXT, keep INTEGER NOT NULL,
    kept INTEGER NOT NULL DEFAULT 0);
CREATE INDEX journal_kept ON journal (side, keep, at, kept) WHERE version IS NOT NULL;
CREATE INDEX journal_path ON journal (path);
CREATE INDEX journal_at ON journal (at);
CREATE TABLE holds (id TEXT PRIMARY KEY, hold TEXT NOT NULL, actions TEXT NOT NULL, since INTEGER NOT NULL);
CREATE TABLE approvals (digest INTEGER PRIMARY KEY, at INTEGER NOT NULL);
CREATE TABLE conflicts (
    id TEXT PRIMARY KEY, item INTEGER NOT NULL, path TEXT NOT NULL, copy TEXT, kind TEXT NOT NULL,
    since INTEGER NOT NULL, waits INTEGER NOT NULL);
CREATE TABLE problems (
    side INTEGER NOT NULL, path TEXT NOT NULL, why TEXT NOT NULL, detail TEXT NOT NULL, source TEXT NOT NULL,
    PRIMARY KEY (side, path, why)) WITHOUT ROWID;
CREATE TABLE detached (
    side INTEGER NOT NULL, path TEXT NOT NULL, why TEXT NOT NULL, entry BLOB,
    PRIMARY KEY (side, path)) WITHOUT ROWID;
CREATE TABLE texts (item INTEGER PRIMARY KEY, used INTEGER NOT NULL, text BLOB NOT NULL);
";

/// The database of one pair.
pub(crate) struct State {
    db: Connection,
    next_id: i64,
    /// Rows of `seen` per side: while there are none, nothing is looked up there.
    seen_rows: [u64; 2],
    /// Conflict copies that were made since the program started.
    pub(crate) copies: Vec<MadeCopy>,
    /// The time, as whoever holds the state was told it.
    pub(crate) now: Timestamp,
    /// Both as they were when the open transaction began.
    before: (i64, [u64; 2]),
}

impl State {
    /// Opens the database at `path`, or makes it.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        Self::prepare(Connection::open(path)?)
    }

    fn prepare(db: Connection) -> Result<Self> {
        db.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;",
        )
        .map_err(damaged)?;
        db.set_prepared_statement_cache_capacity(64);
        let format: i64 = db
            .query_row("PRAGMA user_version", [], |r| r.get(0))
            .map_err(damaged)?;
        match format {
            0 => {
                let begun = db.unchecked_transaction()?;
                begun.execute_batch(SCHEMA)?;
                begun.pragma_update(None, "user_version", FORMAT)?;
                begun.commit()?;
            }
            FORMAT => add_what_is_missing(&db)?,
            found => {
                return Err(EngineError::NewerState {
                    found,
                    known: FORMAT,
                });
            }
        }
        let highest = |sql: &str| {
            db.query_row(sql, [], |r| r.get::<_, Option<i64>>(0))
                .map_err(damaged)
        };
        let stored = highest("SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'next_id'");
        let next_id = stored.unwrap_or(None).unwrap_or(1);
        let count = |side: i64| -> Result<u64> {
            let n: i64 = db
                .query_row("SELECT count(*) FROM seen WHERE side = ?1", [side], |r| {
                    r.get(0)
                })
                .map_err(damaged)?;
            Ok(n.unsigned_abs())
        };
        let seen_rows = [count(0)?, count(1)?];
        Ok(Self {
            db,
            next_id,
            seen_rows,
            copies: Vec::new(),
            now: Timestamp::default(),
            before: (next_id, seen_rows),
        })
    }

    /// A new id for an item or a fresh entry.
    pub(crate) const fn new_id(&mut self) -> i64 {
        self.next_id += 1;
        self.next_id
    }

    /// Runs `work` in one transaction, which ends with it: all or nothing.
    pub(crate) fn transaction<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        self.begin()?;
        match work(self) {
            Ok(value) => self.commit().map(|()| value),
            Err(error) => {
                self.rollback();
                Err(error)
            }
        }
    }

    /// Drops base and observations: the sides meet as if for the first time.
    pub(crate) fn forget_everything(&mut self) -> Result<()> {
        self.db.execute_batch(
            "DELETE FROM base; DELETE FROM seen; DELETE FROM approvals; DELETE FROM detached;",
        )?;
        self.seen_rows = [0, 0];
        Ok(())
    }

    /// Begins a transaction that lasts over several calls.
    pub(crate) fn begin(&mut self) -> Result<()> {
        self.before = (self.next_id, self.seen_rows);
        self.db.execute_batch("BEGIN IMMEDIATE")?;
        Ok(())
    }

    /// Ends it.
    pub(crate) fn commit(&mut self) -> Result<()> {
        // A transaction that changed nothing writes nothing: a still pass needs no flush.
        let noted = if self.next_id == self.before.0 {
            Ok(())
        } else {
            self.set_meta("next_id", &self.next_id.to_string())
        };
        let done = noted.and_then(|()| {
            self.db
                .execute_batch("COMMIT")
                .map_err(EngineError::StateIo)
        });
        if done.is_err() {
            self.rollback();
        }
        done
    }

    /// Takes it back.
    pub(crate) fn rollback(&mut self) {
        (self.next_id, self.seen_rows) = self.before;
        if !self.db.is_autocommit()
            && let Err(error) = self.db.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "a transaction of the state could not be taken back");
        }
    }

    /// A note by name.
    pub(crate) fn meta(&self, key: &str) -> Result<Option<String>> {
        let mut query = self
            .db
            .prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
        Ok(query.query_row([key], |r| r.get(0)).optional()?)
    }

    /// Writes a note.
    pub(crate) fn set_meta(&self, key: &str, value: &str) -> Result<()> {
        let mut write = self
            .db
            .prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)")?;
        write.execute(params![key, value])?;
        Ok(())
    }
}

/// Columns and indexes that came later and that a program without them does not miss.
fn add_what_is_missing(db: &Connection) -> Result<()> {
    let begun = db.unchecked_transaction()?;
    if !has_column(&begun, "seen", "since")? {
        begun.execute_batch("ALTER TABLE seen ADD COLUMN since INTEGER")?;
    }
    if !has_column(&begun, "journal", "kept")? {
        begun.execute_batch("ALTER TABLE journal ADD COLUMN kept INTEGER NOT NULL DEFAULT 0")?;
        journal::count_kept(&begun)?;
        begun.execute_batch(
            "CREATE INDEX journal_kept ON journal (side, keep, at, kept) WHERE version IS NOT NULL",
        )?;
    }
    begun.commit()?;
    Ok(())
}

fn has_column(db: &Connection, table: &str, column: &str) -> Result<bool> {
    let mut columns = db
        .prepare("SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2")
        .map_err(damaged)?;
    Ok(columns.exists([table, column])?)
}

fn damaged(error: rusqlite::Error) -> EngineError {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => {
            EngineError::DamagedState(error.to_string())
        }
        _ => EngineError::StateIo(error),
    }
}

const fn side_number(side: tandem_core::side::Side) -> i64 {
    match side {
        tandem_core::side::Side::Source => 0,
        tandem_core::side::Side::Destination => 1,
    }
}

const fn side_of(number: i64) -> tandem_core::side::Side {
    if number == 0 {
        tandem_core::side::Side::Source
    } else {
        tandem_core::side::Side::Destination
    }
}
