//! Places: the folder that a root is, and paths and locators below it.

use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::{Name, RelPath};
use tandem_core::storage::Locator;

use super::database::Transaction;
use super::item::{Item, id_of};
use super::schema::TOP;
use super::sql::values;

/// Longest name in bytes of UTF-8.
pub(super) const LONGEST_NAME: u32 = 1_024;

/// Longest path below a root in bytes of UTF-8: with the rest of its row an index of PostgreSQL holds less than 2,704
/// bytes ("Index row size exceeds btree maximum", src/backend/access/nbtree).
pub(super) const LONGEST_PATH: u32 = 2_048;

/// A lost race or a refusal that needs no words.
pub(super) fn refused(cause: Cause) -> StorageError {
    StorageError::new("", cause, "")
}

/// Refuses a path that is too long.
pub(super) fn check_path(path: &RelPath) -> Result<()> {
    let too_long = if path.as_str().len() > LONGEST_PATH as usize {
        "the path is too long"
    } else if path
        .names()
        .any(|name| name.as_str().len() > LONGEST_NAME as usize)
    {
        "the name is too long"
    } else {
        return Ok(());
    };
    Err(StorageError::new("", Cause::NameRefused, too_long).at(path))
}

impl Transaction<'_> {
    /// The folder that a root is, by its path below the top.
    pub(super) fn root(&mut self, base: &RelPath) -> Result<i64> {
        self.folder_at(TOP, base)?.ok_or_else(|| {
            StorageError::new("", Cause::NotFound, format!("there is no folder {base:?}"))
        })
    }

    /// The folder at a path below `root`; `None` if there is none.
    pub(super) fn folder_at(&mut self, root: i64, path: &RelPath) -> Result<Option<i64>> {
        let mut folder = root;
        for name in path.names() {
            match self.child(folder, name.as_str())? {
                Some(item) if item.is_folder() => folder = item.id,
                _ => return Ok(None),
            }
        }
        Ok(Some(folder))
    }

    /// The item at a path below `root`.
    pub(super) fn item_at(&mut self, root: i64, path: &RelPath) -> Result<Option<Item>> {
        let Some((parent, name)) = path.parent().zip(path.name()) else {
            return self.item(root);
        };
        match self.folder_at(root, &parent)? {
            Some(folder) => self.child(folder, name.as_str()),
            None => Ok(None),
        }
    }

    /// The folder and the name of what is to be made at `path`.
    pub(super) fn place(&mut self, root: i64, path: &RelPath) -> Result<(i64, Name)> {
        let parts = path.parent().zip(path.name());
        let (parent, name) = parts.ok_or_else(|| refused(Cause::AlreadyExists))?;
        check_path(path)?;
        let folder = self.folder_at(root, &parent)?;
        Ok((folder.ok_or_else(|| refused(Cause::NotFound))?, name))
    }

    /// What a locator names: by its id, if that lies below `root`, else by its path.
    pub(super) fn resolve(&mut self, root: i64, at: &Locator) -> Result<Option<Item>> {
        let Some(id) = &at.id else {
            return self.item_at(root, &at.path);
        };
        match id_of(id) {
            Some(id) if self.path_of(root, id)?.is_some() => self.item(id),
            _ => Ok(None),
        }
    }

    /// The ids from `id` up to where the parents end, with their names.
    fn upwards(&mut self, id: i64) -> Result<Vec<(i64, String)>> {
        let rows = self.query(
            "WITH RECURSIVE up (id, parent, name, depth) AS (
                SELECT id, parent, name, 0 FROM tandem_items WHERE id = ?1
                UNION ALL
                SELECT i.id, i.parent, i.name, up.depth + 1
                FROM up JOIN tandem_items i ON i.id = up.parent
            ) SELECT id, name FROM up ORDER BY depth",
            values![id],
        )?;
        let named = |row: &super::sql::Row| Ok((row.integer(0)?, row.text(1)?.to_owned()));
        rows.iter().map(named).collect()
    }

    /// The path of an item below `root`; `None` if it lies elsewhere or a name on the way is none.
    pub(super) fn path_of(&mut self, root: i64, id: i64) -> Result<Option<RelPath>> {
        let up = self.upwards(id)?;
        let Some(depth) = up.iter().position(|(at, _)| *at == root) else {
            return Ok(None);
        };
        let names: Vec<&str> = up[..depth].iter().rev().map(|(_, name)| &**name).collect();
        Ok(RelPath::new(&names.join("/")).ok())
    }

    /// Whether `id` is `folder` or lies below it.
    pub(super) fn is_within(&mut self, id: i64, folder: i64) -> Result<bool> {
        Ok(self.upwards(id)?.iter().any(|(at, _)| *at == folder))
    }
}
