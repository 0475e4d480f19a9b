//! SQLite in a file of this computer.
//!
//! With a write-ahead log readers and the writer do not wait for each other. A commit with `synchronous=FULL` flushes
//! the log, and with it what was staged before with `NORMAL` (sqlite.org/pragma.html#pragma_synchronous).

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{ErrorCode, OpenFlags, ToSql};
use tandem_core::error::{Cause, Result, StorageError};

use super::sql::{Connection, Dialect, Engine, Row, Value, Watch, Work};

/// How long a connection waits for another's write before it says `locked`.
const BUSY: Duration = Duration::from_secs(20);

/// How often a change by another connection is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(200);

const DIALECT: Dialect = Dialect {
    integer: "INTEGER",
    text: "TEXT",
    bytes: "BLOB",
    table_options: "STRICT",
    begin,
    begin_schema: "PRAGMA synchronous = FULL; BEGIN IMMEDIATE",
    count_tables: "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = ?1",
    announce: None,
    cheap_reads: true,
};

const fn begin(work: Work) -> &'static str {
    match work {
        Work::Read => "BEGIN",
        Work::Stage => "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE",
        Work::Change => "PRAGMA synchronous = FULL; BEGIN IMMEDIATE",
    }
}

/// A database file.
#[derive(Debug)]
pub(super) struct Sqlite {
    pub(super) path: PathBuf,
}

impl Sqlite {
    fn open(&self, create: bool) -> Result<rusqlite::Connection> {
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        flags.set(OpenFlags::SQLITE_OPEN_CREATE, create);
        let opened = rusqlite::Connection::open_with_flags(&self.path, flags);
        let connection = opened.map_err(|error| self.not_opened(error, create))?;
        connection.busy_timeout(BUSY).map_err(told)?;
        connection
            .execute_batch("PRAGMA foreign_keys = ON; PRAGMA journal_mode = WAL")
            .map_err(|error| self.not_used(error))?;
        Ok(connection)
    }

    /// SQLite has one code for everything that keeps a file from being opened.
    fn not_opened(&self, error: rusqlite::Error, create: bool) -> StorageError {
        if error.sqlite_error_code() != Some(ErrorCode::CannotOpen) {
            return told(error);
        }
        let file = self.path.display();
        let (cause, detail) = match std::fs::metadata(&self.path) {
            Ok(found) if found.is_dir() => (
                Cause::BadResponse,
                format!("the folder {file} is no database"),
            ),
            Err(missing) if missing.kind() == std::io::ErrorKind::NotFound && create => {
                self.not_made()
            }
            Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => {
                (Cause::NotFound, format!("there is no file {file}"))
            }
            _ => (
                Cause::Forbidden,
                format!("the file {file} cannot be opened"),
            ),
        };
        StorageError::new("", cause, detail).because(error)
    }

    /// A file that is to be made is missing for want of its folder, or of the right to write there.
    fn not_made(&self) -> (Cause, String) {
        let folder = self.path.parent().unwrap_or(&self.path);
        match std::fs::metadata(folder) {
            Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => (
                Cause::NotFound,
                format!("there is no folder {}", folder.display()),
            ),
            _ => (
                Cause::Forbidden,
                format!("nothing can be made in the folder {}", folder.display()),
            ),
        }
    }

    /// The first look into a file that was opened shows what it is.
    fn not_used(&self, error: rusqlite::Error) -> StorageError {
        let file = self.path.display();
        let detail = match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => format!("the file {file} is no database"),
            Some(ErrorCode::ReadOnly) => format!("the file {file} is read-only"),
            _ => return told(error),
        };
        StorageError {
            detail,
            ..told(error)
        }
    }
}

impl Engine for Sqlite {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn connect(&self, create: bool) -> Result<Box<dyn Connection>> {
        Ok(Box::new(self.open(create)?))
    }

    fn watch(&self) -> Result<Box<dyn Watch>> {
        let connection = self.open(false)?;
        Ok(Box::new(DataVersion {
            connection,
            seen: None,
        }))
    }

    fn rest(&self) -> Duration {
        LOOK_EVERY
    }

    fn encrypted(&self) -> Option<bool> {
        None
    }
}

/// A connection that only looks whether others committed (sqlite.org/pragma.html#pragma_data_version).
struct DataVersion {
    connection: rusqlite::Connection,
    seen: Option<i64>,
}

impl Watch for DataVersion {
    fn changed(&mut self, _most: Duration) -> Result<bool> {
        let now: i64 = self
            .connection
            .query_row("PRAGMA data_version", [], |row| row.get(0))
            .map_err(told)?;
        Ok(self.seen.replace(now) != Some(now))
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(value) => ValueRef::Integer(*value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Bytes(value) => ValueRef::Blob(value),
        }))
    }
}

fn value_of(found: ValueRef<'_>) -> rusqlite::Result<Value> {
    Ok(match found {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => Value::Integer(value),
        ValueRef::Blob(value) => Value::Bytes(value.to_vec()),
        ValueRef::Text(_) => Value::Text(found.as_str()?.to_owned()),
        ValueRef::Real(_) => return Err(rusqlite::Error::InvalidQuery),
    })
}

impl Connection for rusqlite::Connection {
    fn execute(&mut self, statement: &str, values: &[Value]) -> Result<u64> {
        let mut prepared = self.prepare_cached(statement).map_err(told)?;
        let values = rusqlite::params_from_iter(values);
        prepared
            .execute(values)
            .map(|rows| rows as u64)
            .map_err(told)
    }

    fn query(&mut self, statement: &str, values: &[Value]) -> Result<Vec<Row>> {
        let mut prepared = self.prepare_cached(statement).map_err(told)?;
        let columns = prepared.column_count();
        let values = rusqlite::params_from_iter(values);
        let rows = prepared.query_map(values, |row| {
            let values = (0..columns).map(|column| value_of(row.get_ref(column)?));
            values.collect::<rusqlite::Result<_>>().map(Row)
        });
        rows.and_then(Iterator::collect).map_err(told)
    }

    fn batch(&mut self, statements: &str) -> Result<()> {
        self.execute_batch(statements).map_err(told)
    }

    fn commit(&mut self) -> Result<()> {
        self.batch("COMMIT")
    }

    fn roll_back(&mut self) -> Result<()> {
        self.batch("ROLLBACK")
    }

    fn is_usable(&self) -> bool {
        self.is_autocommit()
    }
}

/// The cause of a failure of SQLite (sqlite.org/rescode.html).
fn told(error: rusqlite::Error) -> StorageError {
    let extended = error.sqlite_error().map(|error| error.extended_code);
    let cause = match error.sqlite_error_code() {
        // "This may indicate that the underlying filesystem volume is out of space."
        _ if extended == Some(rusqlite::ffi::SQLITE_IOERR_SHMSIZE) => Cause::Quota,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Cause::Locked,
        Some(ErrorCode::DiskFull) => Cause::Quota,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Cause::BadResponse,
        Some(ErrorCode::ReadOnly) => Cause::ReadOnly,
        Some(
            ErrorCode::PermissionDenied
            | ErrorCode::AuthorizationForStatementDenied
            | ErrorCode::CannotOpen,
        ) => Cause::Forbidden,
        Some(ErrorCode::SystemIoFailure) => Cause::LocalIo,
        Some(ErrorCode::TooBig) => Cause::TooLarge,
        _ => Cause::Other,
    };
    StorageError::new("", cause, error.to_string()).because(error)
}
