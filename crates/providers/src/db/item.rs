//! Items: the rows of `tandem_items`, found by id or by name.

use tandem_core::entry::{ContentHash, Entry, HashKind, Kind, Mtime, NativeId, Revision};
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::Name;
use tandem_core::storage::Expected;
use tandem_core::time::Timestamp;

use super::database::Transaction;
use super::sql::{Row, values};

/// The columns of an item; its content's come from a join.
pub(super) const COLUMNS: &str = "i.id, i.parent, i.name, i.kind, i.mtime, i.mtime_by_client, i.executable, \
     i.target, i.content, i.revision, c.size, c.blake3";

/// The number of [`COLUMNS`].
pub(super) const WIDTH: usize = 12;

/// Where [`COLUMNS`] come from.
pub(super) const FROM: &str = "tandem_items i LEFT JOIN tandem_contents c ON c.id = i.content";

/// What an item is besides its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Body {
    pub(super) kind: Kind,
    pub(super) mtime: Option<Mtime>,
    pub(super) executable: bool,
    pub(super) target: Option<String>,
    /// The content; only files have one.
    pub(super) content: Option<i64>,
}

/// A row of `tandem_items` with its content's size and hash.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) id: i64,
    pub(super) parent: Option<i64>,
    pub(super) name: String,
    pub(super) body: Body,
    pub(super) revision: i64,
    pub(super) size: u64,
    pub(super) hash: Option<ContentHash>,
}

/// The name of a kind in the tables.
pub(super) const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Folder => "folder",
        Kind::Symlink => "symlink",
        // Nothing opaque is ever written here.
        Kind::File | Kind::Opaque => "file",
    }
}

/// The kind of a name in the tables.
pub(super) fn kind_of(name: &str) -> Result<Kind> {
    match name {
        "folder" => Ok(Kind::Folder),
        "file" => Ok(Kind::File),
        "symlink" => Ok(Kind::Symlink),
        other => Err(StorageError::new(
            "",
            Cause::BadResponse,
            format!("{other:?} is no kind of item"),
        )),
    }
}

/// The body in five columns from `first` on: mtime, who set it, executable, target, content.
pub(super) fn body_of(row: &Row, kind: Kind, first: usize) -> Result<Body> {
    let by_client = row.integer(first + 1)? != 0;
    let mtime = row.maybe_integer(first)?.map(|at| Mtime {
        at: Timestamp(at),
        by_client,
    });
    Ok(Body {
        kind,
        mtime,
        executable: row.integer(first + 2)? != 0,
        target: row.maybe_text(first + 3)?.map(str::to_owned),
        content: row.maybe_integer(first + 4)?,
    })
}

impl Item {
    /// Reads [`COLUMNS`] from column `first` on.
    pub(super) fn from_row(row: &Row, first: usize) -> Result<Self> {
        let kind = kind_of(row.text(first + 3)?)?;
        let hash = row.maybe_bytes(first + 11)?;
        Ok(Self {
            id: row.integer(first)?,
            parent: row.maybe_integer(first + 1)?,
            name: row.text(first + 2)?.to_owned(),
            body: body_of(row, kind, first + 4)?,
            revision: row.integer(first + 9)?,
            size: row.maybe_integer(first + 10)?.unwrap_or(0).unsigned_abs(),
            hash: hash.and_then(|value| ContentHash::new(HashKind::Blake3, value)),
        })
    }

    pub(super) const fn is_folder(&self) -> bool {
        matches!(self.body.kind, Kind::Folder)
    }

    /// The entry, under the name it has; `None` if that is no name.
    pub(super) fn entry(&self) -> Option<Entry> {
        Some(self.entry_named(Name::new(self.name.as_str()).ok()?))
    }

    /// The entry under another name: the top has none.
    pub(super) fn entry_named(&self, name: Name) -> Entry {
        let is_file = self.body.kind == Kind::File;
        Entry {
            name,
            kind: self.body.kind,
            size: if is_file { self.size } else { 0 },
            mtime: self.body.mtime.filter(|_| !self.is_folder()),
            executable: is_file.then_some(self.body.executable),
            id: Some(native_id(self.id)),
            revision: revision(self.revision),
            hashes: self.hash.iter().filter(|_| is_file).cloned().collect(),
            target: self.body.target.as_deref().map(Into::into),
        }
    }

    /// Whether it is as `expected` says.
    pub(super) fn is_as(&self, expected: &Expected) -> bool {
        match expected {
            Expected::Any => true,
            Expected::Absent => false,
            Expected::Revision(wanted) => revision(self.revision) == *wanted,
        }
    }
}

/// The id as the contract shows it.
pub(super) fn native_id(id: i64) -> NativeId {
    NativeId::Text(id.to_string().into())
}

/// The revision as the contract shows it.
pub(super) fn revision(number: i64) -> Revision {
    Revision::Tag(number.to_string().into())
}

/// What an id of the contract names; `None` for one that was never given here.
pub(super) fn id_of(id: &NativeId) -> Option<i64> {
    match id {
        NativeId::Text(text) => text.parse().ok(),
        NativeId::Number(..) => None,
    }
}

impl Transaction<'_> {
    /// The item of this id, wherever it is.
    pub(super) fn item(&mut self, id: i64) -> Result<Option<Item>> {
        let statement = format!("SELECT {COLUMNS} FROM {FROM} WHERE i.id = ?1");
        let row = self.first(&statement, values![id])?;
        row.as_ref().map(|row| Item::from_row(row, 0)).transpose()
    }

    /// The child of this name.
    pub(super) fn child(&mut self, folder: i64, name: &str) -> Result<Option<Item>> {
        let statement = format!("SELECT {COLUMNS} FROM {FROM} WHERE i.parent = ?1 AND i.name = ?2");
        let row = self.first(&statement, values![folder, name])?;
        row.as_ref().map(|row| Item::from_row(row, 0)).transpose()
    }

    /// The children of a folder.
    pub(super) fn children(&mut self, folder: i64) -> Result<Vec<Item>> {
        let statement = format!("SELECT {COLUMNS} FROM {FROM} WHERE i.parent = ?1");
        let rows = self.query(&statement, values![folder])?;
        rows.iter().map(|row| Item::from_row(row, 0)).collect()
    }

    /// Whether a folder holds anything.
    pub(super) fn holds_something(&mut self, folder: i64) -> Result<bool> {
        let statement = "SELECT id FROM tandem_items WHERE parent = ?1 LIMIT 1";
        Ok(self.first(statement, values![folder])?.is_some())
    }
}
