//! What a run leaves for another of the same seed to be compared with.

use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use tandem_core::guard::Digest;
use tandem_core::side::PerSide;

use crate::sim::SimStorage;

/// Digests of everything that happened in a run, and of what there was at its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trace {
    /// Every call of a storage, in order: the task, the operation, the path and the answer.
    pub calls: u64,
    /// Every event, in order.
    pub events: u64,
    /// Every row of the pair's database.
    pub database: u64,
    /// Everything on both sides.
    pub sides: u64,
}

impl Trace {
    /// Names of what differs between two runs.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        let parts = [
            ("calls", self.calls, other.calls),
            ("events", self.events, other.events),
            ("database", self.database, other.database),
            ("sides", self.sides, other.sides),
        ];
        let differ = parts.iter().filter(|(_, one, two)| one != two);
        differ.map(|(name, ..)| *name).collect()
    }
}

/// The digest of both sides.
pub(super) fn of_sides(sides: &PerSide<SimStorage>) -> u64 {
    let digest = Digest::new().text(&format!("{:?}", sides.source.snapshot()));
    digest
        .text(&format!("{:?}", sides.destination.snapshot()))
        .value()
}

/// The digest of all rows of the database at `path`, and the kind of each conflict that it knows of. If it cannot be read,
/// the digest is that of what is wrong.
pub(super) fn of_database(path: &Path) -> (u64, Vec<String>) {
    let read = Connection::open(path).and_then(|db| Ok((rows(&db)?.value(), conflicts(&db)?)));
    read.unwrap_or_else(|error| (Digest::new().text(&error.to_string()).value(), Vec::new()))
}

fn conflicts(db: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut query = db.prepare("SELECT kind FROM conflicts")?;
    query.query_map([], |row| row.get(0))?.collect()
}

fn rows(db: &Connection) -> rusqlite::Result<Digest> {
    let mut query = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")?;
    let tables = query.query_map([], |row| row.get::<_, String>(0))?;
    let mut digest = Digest::new();
    for table in tables {
        let table = table?;
        digest = digest.text(&table);
        let mut query = db.prepare(&format!("SELECT * FROM \"{table}\""))?;
        let columns = query.column_count();
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            digest = with_row(digest, row, columns)?;
        }
    }
    Ok(digest)
}

fn with_row(mut digest: Digest, row: &Row<'_>, columns: usize) -> rusqlite::Result<Digest> {
    for column in 0..columns {
        digest = match row.get_ref(column)? {
            ValueRef::Null => digest.number(0),
            ValueRef::Integer(number) => digest.number(1).number(number.cast_unsigned()),
            ValueRef::Real(number) => digest.number(2).number(number.to_bits()),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                digest.number(3).number(bytes.len() as u64).raw(bytes)
            }
        };
    }
    Ok(digest)
}
