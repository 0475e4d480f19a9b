//! The pair's database: what is in step, what was observed, what is intended, what was done.
//!
//! Invariant: observations and their cursor, and an action's outcome with base and journal, each go in by one
//! transaction (P6). Everything here is called without waiting for a storage.

mod base;
mod counts;
mod detach;
mod feed;
mod folder;
#[cfg(test)]
mod fuzzing;
mod holds;
mod intents;
mod journal;
mod load;
mod looked;
mod lost;
mod notes;
mod own_writes;
mod pack;
mod places;
mod rebase;
mod seen;
mod taken;
mod walk;
mod young;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension, params};
use tandem_core::entry::Revision;
use tandem_core::plan::{ItemId, MadeCopy, MadeMove};
use tandem_core::removed;
use tandem_core::side::{PerSide, Side};
use tandem_core::time::Timestamp;

use counts::Counts;
pub(crate) use detach::{REJECTED, Released, UNDONE, UNSYNCED_CHILD};
pub(crate) use feed::Feed;
pub(crate) use folder::FolderSeen;
pub(crate) use intents::{Deletion, Intent, PreImage};
pub(crate) use journal::JournalRow;
pub(crate) use load::Loaded;
pub(crate) use notes::{ConflictRow, ProblemRow};
pub(crate) use walk::{Part, Purpose, Walk};
pub(crate) use young::YoungFile;

use crate::error::{EngineError, Result};

/// The format that this program writes.
const FORMAT: i64 = 3;

/// Prepared statements that are kept: more than there are, for to prepare one costs more than most of them do.
const STATEMENTS: usize = 192;

/// Moves that are remembered at most.
const MOST_MOVES: usize = 1024;

const SCHEMA: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE base (
    parent INTEGER NOT NULL, name TEXT NOT NULL, item INTEGER NOT NULL, kind INTEGER NOT NULL,
    source BLOB, destination BLOB, hashes BLOB, equality INTEGER NOT NULL,
    PRIMARY KEY (parent, name)) WITHOUT ROWID;
CREATE UNIQUE INDEX base_folder ON base (item) WHERE kind = 1;
CREATE INDEX base_owed ON base (parent, name) WHERE source IS NULL OR destination IS NULL;
CREATE INDEX base_spelled ON base (parent, name)
    WHERE substr(source, 1, 1) <> x'00' OR substr(destination, 1, 1) <> x'00';
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
-- Lines of the journal that a person had agreed to.
CREATE TABLE approved (id INTEGER PRIMARY KEY);
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

/// What format 2 has beyond format 1.
const SINCE_2: &str = "
-- Where items of sides with feeds may be: by a digest of their native ids, each to be compared with what is there.
CREATE TABLE natives (
    side INTEGER NOT NULL, id INTEGER NOT NULL, parent INTEGER NOT NULL, name TEXT NOT NULL,
    PRIMARY KEY (side, id, parent, name)) WITHOUT ROWID;
-- Files that were recorded so soon after they were written that another edit need not have given another revision.
CREATE TABLE young (
    side INTEGER NOT NULL, parent INTEGER NOT NULL, name TEXT NOT NULL, until INTEGER NOT NULL,
    PRIMARY KEY (side, parent, name)) WITHOUT ROWID;
";

/// What format 3 has beyond format 2.
const SINCE_3: &str = "
-- Folders that were looked into with all below, on sides where a folder's revision covers that: as which they were shown
-- before. It holds while what is known of the side below is exact.
CREATE TABLE looked (
    side INTEGER NOT NULL, folder INTEGER NOT NULL, shown BLOB NOT NULL, PRIMARY KEY (side, folder)) WITHOUT ROWID;
";

/// Made at each opening: a state of the same format may be from before it had them.
const INDEXES: &str = "CREATE INDEX IF NOT EXISTS journal_run ON journal (run);";

/// The note that the first sync is still to come.
const FIRST_SYNC: &str = "first_sync";

/// The database of one pair.
pub(crate) struct State {
    db: Connection,
    next_id: i64,
    /// Sides whose items a feed may name by their ids: of these it is noted where each is.
    pub(crate) by_native: PerSide<bool>,
    /// Sides where what did not change is passed over: of these it is noted which folders were looked into.
    pub(crate) skips: PerSide<bool>,
    /// The time within which a side gives two edits one revision, where that is worth comparing content for.
    pub(crate) granularity: PerSide<Option<u64>>,
    /// For how long something must stay as it is before it counts, in nanoseconds.
    pub(crate) quiet: u64,
    /// Rows of `seen` per side: while there are none, nothing is looked up there.
    seen_rows: [u64; 2],
    /// How much there is in tables of which reading all would take long.
    counts: Counts,
    /// Conflict copies that were made since a pass last ended without a hold.
    pub(crate) copies: Vec<MadeCopy>,
    /// Revisions of what Tandem wrote and could not record.
    own_writes: PerSide<Vec<Revision>>,
    /// Whether what a side was last seen to lack may be what was taken from it.
    taken_is_lacked: Cell<PerSide<bool>>,
    /// The time, as whoever holds the state was told it.
    pub(crate) now: Timestamp,
    /// Where Tandem put items on one side alone since the program started, the newest at the end.
    moves: Vec<MadeMove>,
    /// Fresh folders that became items since the plan under way was made.
    pub(crate) rebased: BTreeMap<(Side, ItemId), ItemId>,
    /// Both as they were when the open transaction began.
    before: (i64, [u64; 2]),
}

impl State {
    /// Opens the database at `path`, or makes it, for a pair that is new or for one that has lost it.
    pub(crate) fn open(path: &Path, is_new: bool) -> Result<Self> {
        let db = Connection::open(path)?;
        db.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; \
             PRAGMA wal_autocheckpoint = 4000;",
        )
        .map_err(damaged)?;
        if removed!("flush") {
            db.execute_batch("PRAGMA synchronous = OFF")?;
        }
        db.set_prepared_statement_cache_capacity(STATEMENTS);
        // Else a statement is prepared anew for each value bound to it, because a partial index might fit that value
        // alone (sqlite.org/c3ref/c_dbconfig_defensive.html, ENABLE_QPSG).
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        let format: i64 = db
            .query_row("PRAGMA user_version", [], |r| r.get(0))
            .map_err(damaged)?;
        match format {
            0 => {
                let begun = db.unchecked_transaction()?;
                begun.execute_batch(SCHEMA)?;
                begun.execute_batch(SINCE_2)?;
                begun.execute_batch(SINCE_3)?;
                begun.pragma_update(None, "user_version", FORMAT)?;
                if is_new {
                    begun.execute("INSERT INTO meta VALUES (?1, 'due')", [FIRST_SYNC])?;
                }
                begun.commit()?;
            }
            FORMAT => {}
            1..FORMAT => upgrade(&db, path, format)?,
            found => {
                return Err(EngineError::NewerState {
                    found,
                    known: FORMAT,
                });
            }
        }
        db.execute_batch(INDEXES).map_err(damaged)?;
        let counts = Counts::begin(&db).map_err(damaged)?;
        let stored = db
            .query_row(
                "SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'next_id'",
                [],
                |r| r.get(0),
            )
            .optional();
        let next_id = stored.map_err(damaged)?.unwrap_or(1);
        let count = |side: i64| -> Result<u64> {
            let n: i64 = db
                .query_row("SELECT count(*) FROM seen WHERE side = ?1", [side], |r| {
                    r.get(0)
                })
                .map_err(damaged)?;
            Ok(n.unsigned_abs())
        };
        let seen_rows = [count(0)?, count(1)?];
        let mut state = Self {
            db,
            next_id,
            by_native: PerSide::default(),
            skips: PerSide::default(),
            granularity: PerSide::default(),
            quiet: 0,
            seen_rows,
            counts,
            copies: Vec::new(),
            now: Timestamp::default(),
            moves: Vec::new(),
            rebased: BTreeMap::new(),
            before: (next_id, seen_rows),
            own_writes: PerSide::default(),
            taken_is_lacked: Cell::default(),
        };
        state.own_writes = state.stored_own_writes()?;
        state.begin_taken()?;
        Ok(state)
    }

    /// A new id for an item or a fresh entry.
    pub(crate) const fn new_id(&mut self) -> i64 {
        self.next_id += 1;
        self.next_id
    }

    /// Remembers a move. So many that the oldest no longer matter are not kept: what is not remembered is a
    /// delete and a create.
    fn remember_move(&mut self, made: MadeMove) {
        self.moves
            .retain(|m| (m.side, m.item) != (made.side, made.item));
        if self.moves.len() == MOST_MOVES {
            self.moves.remove(0);
        }
        self.moves.push(made);
    }

    /// Runs `work` in one transaction, which ends with it: all or nothing.
    #[track_caller]
    pub(crate) fn transaction<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        if removed!("transaction") {
            let done = work(self);
            return self.note_next_id().and(done);
        }
        self.begin()?;
        match work(self) {
            Ok(value) => self.commit().map(|()| value),
            Err(error) => {
                self.rollback();
                Err(error)
            }
        }
    }

    /// What takes several statements, or tells what other rows tell too, is whole or is not there: it is written in a
    /// transaction, or not at all.
    #[track_caller]
    fn assert_whole(&self) {
        debug_assert!(
            !self.db.is_autocommit(),
            "a part of a change is written by itself"
        );
    }

    /// Drops what is known of the two sides together: they meet as if for the first time. Where unfinished
    /// uploads lie on the side that stays is kept, so that they are thrown away.
    pub(crate) fn forget_everything(&mut self, replaced: Side) -> Result<()> {
        self.assert_whole();
        self.db.execute_batch(
            "DELETE FROM base; DELETE FROM seen; DELETE FROM approvals; DELETE FROM detached; \
             DELETE FROM conflicts; DELETE FROM texts; DELETE FROM natives; DELETE FROM young; \
             DELETE FROM looked; \
             DELETE FROM meta WHERE key IN \
             ('finished', 'filter', 'looked_with', 'first_sync', 'ignore_files', 'feed source', \
             'feed destination', 'listed source', 'listed destination', 'unlisted', 'missed_notes', 'lost') \
             OR key LIKE 'unlisted %';",
        )?;
        self.db
            .prepare_cached("DELETE FROM intents WHERE side = ?1")?
            .execute([side_number(replaced)])?;
        self.seen_rows = [0, 0];
        self.copies.clear();
        self.end_own_writes()?;
        Ok(())
    }

    /// Whether the two sides have never met, as far as anybody can know.
    pub(crate) fn is_first_sync_due(&self) -> Result<bool> {
        Ok(self.meta(FIRST_SYNC)?.is_some())
    }

    /// The two sides have met.
    pub(crate) fn end_first_sync(&self) -> Result<()> {
        self.assert_whole();
        self.drop_meta(FIRST_SYNC)
    }

    /// Runs `work`, which only reads, under one lock instead of one for each statement.
    fn reading<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        if !self.db.is_autocommit() {
            return work();
        }
        let open = self.db.unchecked_transaction()?;
        let done = work();
        open.finish()?;
        done
    }

    /// Begins a transaction that lasts over several calls.
    pub(crate) fn begin(&mut self) -> Result<()> {
        self.db.execute_batch("BEGIN IMMEDIATE")?;
        self.before = (self.next_id, self.seen_rows);
        Ok(())
    }

    /// Ends it.
    pub(crate) fn commit(&mut self) -> Result<()> {
        let done = self.note_next_id().and_then(|()| {
            self.db
                .execute_batch("COMMIT")
                .map_err(EngineError::StateIo)
        });
        if done.is_err() {
            self.rollback();
        }
        done
    }

    /// Notes which ids were given. A transaction that changed nothing writes nothing: a still pass needs no flush.
    pub(crate) fn note_next_id(&self) -> Result<()> {
        if self.next_id == self.before.0 {
            return Ok(());
        }
        self.set_meta("next_id", &self.next_id.to_string())
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

/// Brings a state of an earlier format to this one. As it was it is kept beside it (P21).
fn upgrade(db: &Connection, path: &Path, format: i64) -> Result<()> {
    let named = |end: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!("-format-{format}{end}"));
        PathBuf::from(name)
    };
    let (unfinished, aside) = (named(".part"), named(""));
    let io = |error: std::io::Error| EngineError::Refused(error.to_string());
    if unfinished.exists() {
        std::fs::remove_file(&unfinished).map_err(io)?;
    }
    // The path is bound as it is, whether or not it is Unicode.
    let name = unfinished.as_os_str().as_encoded_bytes();
    db.execute("VACUUM INTO CAST(?1 AS TEXT)", [name])?;
    keep_durably(&unfinished, &aside, std::fs::File::sync_all).map_err(io)?;
    let begun = db.unchecked_transaction()?;
    if format < 2 {
        begun.execute_batch(SINCE_2)?;
    }
    begun.execute_batch(SINCE_3)?;
    begun.pragma_update(None, "user_version", FORMAT)?;
    begun.commit()?;
    Ok(())
}

/// Gives a file that was written its name, so that it has both after a power loss. SQLite does not flush a copy.
fn keep_durably(
    written: &Path,
    name: &Path,
    flush: impl Fn(&std::fs::File) -> std::io::Result<()>,
) -> std::io::Result<()> {
    // What is flushed must be open for writing on some systems.
    let file = std::fs::OpenOptions::new().write(true).open(written)?;
    if !removed!("flush") {
        flush(&file)?;
    }
    drop(file);
    std::fs::rename(written, name)?;
    #[cfg(unix)]
    if let Some(folder) = name.parent().filter(|_| !removed!("flush")) {
        flush(&std::fs::File::open(folder)?)?;
    }
    Ok(())
}

fn damaged(error: rusqlite::Error) -> EngineError {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => {
            EngineError::DamagedState(error.to_string())
        }
        _ => EngineError::StateIo(error),
    }
}

const fn side_number(side: Side) -> i64 {
    match side {
        Side::Source => 0,
        Side::Destination => 1,
    }
}

/// The column of the base that has a side's stamps.
const fn side_column(side: Side) -> &'static str {
    match side {
        Side::Source => "source",
        Side::Destination => "destination",
    }
}

const fn side_of(number: i64) -> Side {
    if number == 0 {
        Side::Source
    } else {
        Side::Destination
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn the_copy_of_an_upgrade_lies_beside_the_state_whatever_its_path_is() {
        let name = format!("tandem-upgrade-{}-", std::process::id());
        let name = [name.as_bytes(), b"\xff"].concat();
        let folder = std::env::temp_dir().join(OsStr::from_bytes(&name));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("pair.db");
        drop(State::open(&path, true).unwrap());
        let db = Connection::open(&path).unwrap();
        db.execute_batch(
            "DROP TABLE natives; DROP TABLE young; DROP TABLE looked; PRAGMA user_version = 1;",
        )
        .unwrap();
        drop(db);
        drop(State::open(&path, false).unwrap());
        let kept = folder.join("pair.db-format-1").exists();
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(kept);
    }

    #[test]
    fn the_copy_of_an_upgrade_is_flushed_before_it_has_its_name_and_that_after() {
        let folder = std::env::temp_dir().join(format!("tandem-copy-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (written, name) = (folder.join("written"), folder.join("name"));
        std::fs::write(&written, "state").unwrap();
        let flushed = std::cell::RefCell::new(Vec::new());
        let note = |file: &std::fs::File| {
            let is_folder = file.metadata()?.is_dir();
            flushed.borrow_mut().push((is_folder, name.exists()));
            Ok(())
        };
        keep_durably(&written, &name, note).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(*flushed.borrow(), [(false, false), (true, true)]);
    }
}
