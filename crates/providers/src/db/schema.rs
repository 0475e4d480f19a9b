//! The tables. `docs/providers/db.md` says what is in them; whoever changes them counts [`VERSION`] up.

use tandem_core::error::{Cause, Result, StorageError};

use super::sql::{Connection, Dialect, values};

/// The version of the tables.
const VERSION: i64 = 1;

/// The id of the folder that everything lies in.
pub(super) const TOP: i64 = 0;

/// The id of the folder, beside the top, that holds what is in the trash.
pub(super) const TRASH: i64 = -1;

const TABLES: &str = "
CREATE TABLE tandem_meta (
    key {text} PRIMARY KEY,
    value {text} NOT NULL
) {options};
CREATE TABLE tandem_clock (
    one {integer} PRIMARY KEY CHECK (one = 1),
    sequence {integer} NOT NULL,
    oldest {integer} NOT NULL
) {options};
CREATE TABLE tandem_contents (
    id {integer} PRIMARY KEY,
    size {integer} NOT NULL,
    blake3 {bytes}
) {options};
CREATE TABLE tandem_chunks (
    content {integer} NOT NULL REFERENCES tandem_contents (id) ON DELETE CASCADE,
    position {integer} NOT NULL,
    data {bytes} NOT NULL,
    PRIMARY KEY (content, position)
) {options};
CREATE TABLE tandem_uploads (
    content {integer} PRIMARY KEY REFERENCES tandem_contents (id) ON DELETE CASCADE,
    root {integer} NOT NULL,
    target {text} NOT NULL,
    received {integer} NOT NULL,
    written {integer} NOT NULL
) {options};
CREATE TABLE tandem_items (
    id {integer} PRIMARY KEY,
    parent {integer} REFERENCES tandem_items (id),
    name {text} NOT NULL,
    kind {text} NOT NULL CHECK (kind IN ('folder', 'file', 'symlink')),
    mtime {integer},
    mtime_by_client {integer} NOT NULL,
    executable {integer} NOT NULL,
    target {text},
    content {integer} REFERENCES tandem_contents (id),
    revision {integer} NOT NULL,
    UNIQUE (parent, name)
) {options};
CREATE INDEX tandem_items_content ON tandem_items (content);
CREATE TABLE tandem_versions (
    id {integer} PRIMARY KEY,
    root {integer} NOT NULL,
    path {text} NOT NULL,
    device {text},
    date {text},
    action {text},
    item {integer} NOT NULL,
    trashed {integer} REFERENCES tandem_items (id),
    kind {text} NOT NULL,
    mtime {integer},
    mtime_by_client {integer} NOT NULL,
    executable {integer} NOT NULL,
    target {text},
    content {integer} REFERENCES tandem_contents (id),
    revision {integer} NOT NULL,
    kept_at {integer} NOT NULL,
    UNIQUE (root, path, device, date, action)
) {options};
CREATE INDEX tandem_versions_content ON tandem_versions (content);
CREATE INDEX tandem_versions_trashed ON tandem_versions (trashed);
CREATE TABLE tandem_changes (
    item {integer} PRIMARY KEY,
    sequence {integer} NOT NULL UNIQUE,
    at {integer} NOT NULL
) {options};
INSERT INTO tandem_clock (one, sequence, oldest) VALUES (1, 0, 0);
INSERT INTO tandem_items (id, parent, name, kind, mtime_by_client, executable, revision)
    VALUES (0, NULL, '', 'folder', 0, 0, 0), (-1, NULL, '', 'folder', 0, 0, 0);
";

/// Whether the tables were made now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    Now,
    Before,
}

/// Makes the tables unless they are there.
pub(super) fn create(
    connection: &mut dyn Connection,
    dialect: &Dialect,
    random: u64,
) -> Result<Made> {
    connection.batch(dialect.begin_schema)?;
    let made = create_within(connection, dialect, random);
    let end = match made {
        Ok(_) => connection.commit(),
        Err(_) => connection.roll_back(),
    };
    // Why nothing was made says more than that the end failed too.
    made.and_then(|made| end.map(|()| made))
}

fn create_within(connection: &mut dyn Connection, dialect: &Dialect, random: u64) -> Result<Made> {
    if is_there(connection, dialect)? {
        check(connection, dialect)?;
        return Ok(Made::Before);
    }
    let tables = TABLES
        .replace("{integer}", dialect.integer)
        .replace("{text}", dialect.text)
        .replace("{bytes}", dialect.bytes)
        .replace("{options}", dialect.table_options);
    connection.batch(&tables)?;
    for (key, value) in [
        ("version", VERSION.to_string()),
        ("id", format!("{random:016x}")),
    ] {
        connection.execute(
            "INSERT INTO tandem_meta (key, value) VALUES (?1, ?2)",
            values![key, value.as_str()],
        )?;
    }
    Ok(Made::Now)
}

fn is_there(connection: &mut dyn Connection, dialect: &Dialect) -> Result<bool> {
    let found = connection.first(dialect.count_tables, values!["tandem_meta"])?;
    Ok(found.is_some_and(|row| row.integer(0).is_ok_and(|count| count > 0)))
}

/// Refuses a database without the tables, and one that a newer program made.
pub(super) fn check(connection: &mut dyn Connection, dialect: &Dialect) -> Result<()> {
    if !is_there(connection, dialect)? {
        return Err(StorageError::new(
            "",
            Cause::NotFound,
            "the database does not hold Tandem's tables; the storage's test makes them",
        ));
    }
    let found = connection.first("SELECT value FROM tandem_meta WHERE key = 'version'", &[])?;
    let found = found.as_ref().map(|row| row.text(0)).transpose()?;
    let version: Option<i64> = found.and_then(|text| text.parse().ok());
    match version {
        Some(VERSION) => Ok(()),
        Some(newer) if newer > VERSION => Err(StorageError::new(
            "",
            Cause::Other,
            format!(
                "a newer Tandem made this database (schema {newer}; this one knows {VERSION}): update Tandem"
            ),
        )),
        _ => Err(StorageError::new(
            "",
            Cause::BadResponse,
            "tandem_meta does not say which schema this is",
        )),
    }
}
