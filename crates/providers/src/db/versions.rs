//! Pre-images and the trash. A version points to the content that the item had; what is in the trash hangs there with
//! all below it, under its own id.

use tandem_core::entry::{ContentHash, Entry, HashKind, Kind};
use tandem_core::error::{Cause, Result};
use tandem_core::path::RelPath;
use tandem_core::storage::{Committed, Expected, Keep, Version, VersionKey};
use tandem_core::time::Timestamp;

use super::database::Transaction;
use super::item::{Body, Item, body_of, kind_name, kind_of};
use super::place::{check_path, refused};
use super::put::Put;
use super::schema::TRASH;
use super::sql::{Row, values};

const COLUMNS: &str = "v.id, v.path, v.device, v.date, v.action, v.item, v.trashed, v.kind, v.mtime, \
     v.mtime_by_client, v.executable, v.target, v.content, v.revision, v.kept_at, c.size, c.blake3";

const FROM: &str = "tandem_versions v LEFT JOIN tandem_contents c ON c.id = v.content";

/// A row of `tandem_versions`.
struct Kept {
    id: i64,
    key: VersionKey,
    /// The item in the trash, if it is that.
    trashed: Option<i64>,
    item: Item,
    at: Timestamp,
}

impl Kept {
    fn from_row(row: &Row) -> Result<Self> {
        let id = row.integer(0)?;
        let bad = |_| refused(Cause::BadResponse);
        let path = RelPath::new(row.text(1)?).map_err(bad)?;
        let name = path.name().ok_or_else(|| refused(Cause::BadResponse))?;
        let parts = (row.maybe_text(2)?, row.maybe_text(3)?, row.maybe_text(4)?);
        let key = match parts {
            (Some(device), Some(date), Some(action)) => VersionKey::Kept {
                device: device.into(),
                date: date.into(),
                action: action.into(),
                path,
            },
            _ => VersionKey::Native {
                path,
                id: id.to_string().into(),
            },
        };
        let hash = row.maybe_bytes(16)?;
        Ok(Self {
            id,
            key,
            trashed: row.maybe_integer(6)?,
            item: Item {
                id: row.integer(5)?,
                parent: None,
                name: name.as_str().to_owned(),
                body: body_of(row, kind_of(row.text(7)?)?, 8)?,
                revision: row.integer(13)?,
                size: row.maybe_integer(15)?.unwrap_or(0).unsigned_abs(),
                hash: hash.and_then(|value| ContentHash::new(HashKind::Blake3, value)),
            },
            at: Timestamp(row.integer(14)?),
        })
    }

    fn entry(&self) -> Option<Entry> {
        self.item.entry()
    }
}

impl Transaction<'_> {
    /// Sets aside what is about to be replaced or removed, as `keep` asks.
    pub(super) fn keep(
        &mut self,
        root: i64,
        item: &Item,
        keep: &Keep,
    ) -> Result<Option<VersionKey>> {
        match keep {
            Keep::Version(key) if !item.is_folder() => self.set_aside(root, item, key).map(Some),
            _ => Ok(None),
        }
    }

    /// The key that `keep` names, if something is kept under it.
    pub(super) fn kept_before(&mut self, root: i64, keep: &Keep) -> Result<Option<VersionKey>> {
        let Keep::Version(key) = keep else {
            return Ok(None);
        };
        Ok(self.kept(root, key)?.map(|kept| kept.key))
    }

    fn set_aside(&mut self, root: i64, item: &Item, key: &VersionKey) -> Result<VersionKey> {
        check_path(key.path())?;
        let key = match self.kept(root, key)? {
            None => key.clone(),
            // A repeated try finds what it had kept.
            Some(kept)
                if kept.item.body.content == item.body.content && kept.item.id == item.id =>
            {
                return Ok(kept.key);
            }
            Some(_) => self.another(key)?,
        };
        self.insert_version(root, item, &key, None)?;
        Ok(key)
    }

    /// A key beside one that something else has.
    fn another(&mut self, key: &VersionKey) -> Result<VersionKey> {
        let number = self.next()?;
        Ok(match key {
            VersionKey::Kept {
                device,
                date,
                action,
                path,
            } => VersionKey::Kept {
                device: device.clone(),
                date: date.clone(),
                action: format!("{action}-{number}").into(),
                path: path.clone(),
            },
            VersionKey::Native { .. } => key.clone(),
        })
    }

    fn insert_version(
        &mut self,
        root: i64,
        item: &Item,
        key: &VersionKey,
        trashed: Option<i64>,
    ) -> Result<i64> {
        let (id, now) = (self.next()?, self.now);
        let (device, date, action) = match key {
            VersionKey::Kept {
                device,
                date,
                action,
                ..
            } => (Some(&**device), Some(&**date), Some(&**action)),
            VersionKey::Native { .. } => (None, None, None),
        };
        self.execute(
            "INSERT INTO tandem_versions (id, root, path, device, date, action, item, trashed, kind,
                mtime, mtime_by_client, executable, target, content, revision, kept_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
            values![
                id,
                root,
                key.path().as_str(),
                device,
                date,
                action,
                item.id,
                trashed,
                kind_name(item.body.kind),
                item.body.mtime.map(|mtime| mtime.at.0),
                item.body.mtime.is_some_and(|mtime| mtime.by_client),
                item.body.executable,
                item.body.target.as_deref(),
                item.body.content,
                item.revision,
                now,
            ],
        )?;
        Ok(id)
    }

    /// Hangs an item into the trash, with all below it.
    pub(super) fn put_in_trash(&mut self, root: i64, item: &Item) -> Result<VersionKey> {
        let path = self.path_of(root, item.id)?;
        let path = path.ok_or_else(|| refused(Cause::NotFound))?;
        check_path(&path)?;
        let key = |id: i64| VersionKey::Native {
            path: path.clone(),
            id: id.to_string().into(),
        };
        let id = self.insert_version(root, item, &key(0), Some(item.id))?;
        self.relink(item.id, TRASH, &item.id.to_string())?;
        Ok(key(id))
    }

    fn kept(&mut self, root: i64, key: &VersionKey) -> Result<Option<Kept>> {
        let row = match key {
            VersionKey::Kept {
                device,
                date,
                action,
                path,
            } => {
                let statement = format!(
                    "SELECT {COLUMNS} FROM {FROM} WHERE v.root = ?1 AND v.path = ?2
                        AND v.device = ?3 AND v.date = ?4 AND v.action = ?5"
                );
                let (device, date, action) = (&**device, &**date, &**action);
                self.first(
                    &statement,
                    values![root, path.as_str(), device, date, action],
                )?
            }
            VersionKey::Native { path, id } => {
                let Ok(id) = id.parse::<i64>() else {
                    return Ok(None);
                };
                let statement = format!(
                    "SELECT {COLUMNS} FROM {FROM} WHERE v.root = ?1 AND v.path = ?2
                        AND v.id = ?3 AND v.action IS NULL"
                );
                self.first(&statement, values![root, path.as_str(), id])?
            }
        };
        row.as_ref().map(Kept::from_row).transpose()
    }

    /// What is kept of `path`, newest first; of everything with `None`.
    pub(super) fn versions(&mut self, root: i64, path: Option<&RelPath>) -> Result<Vec<Version>> {
        let ordered = "ORDER BY v.kept_at DESC, v.id DESC";
        let rows = match path {
            Some(path) => {
                let statement = format!(
                    "SELECT {COLUMNS} FROM {FROM} WHERE v.root = ?1 AND v.path = ?2 {ordered}"
                );
                self.query(&statement, values![root, path.as_str()])?
            }
            None => {
                let statement = format!("SELECT {COLUMNS} FROM {FROM} WHERE v.root = ?1 {ordered}");
                self.query(&statement, values![root])?
            }
        };
        let mut versions = Vec::with_capacity(rows.len());
        for row in &rows {
            let kept = Kept::from_row(row)?;
            versions.extend(kept.entry().map(|entry| Version {
                key: kept.key,
                entry,
                kept_at: kept.at,
            }));
        }
        Ok(versions)
    }

    /// The content and size of a version.
    pub(super) fn version_content(&mut self, root: i64, key: &VersionKey) -> Result<(i64, u64)> {
        let kept = self.kept(root, key)?;
        let kept = kept.ok_or_else(|| refused(Cause::NotFound))?;
        let content = kept.item.body.content;
        let content = content.ok_or_else(|| refused(Cause::Unsupported))?;
        Ok((content, kept.item.size))
    }

    /// Puts a version back; what is in the trash leaves it.
    pub(super) fn restore(
        &mut self,
        root: i64,
        key: &VersionKey,
        to: &RelPath,
        expected: &Expected,
    ) -> Result<Committed> {
        let kept = self.kept(root, key)?;
        let kept = kept.ok_or_else(|| refused(Cause::NotFound))?;
        let put = Put {
            root,
            target: to,
            expected,
            keep: &Keep::No,
        };
        let trashed = kept.trashed.map(|id| self.item(id)).transpose()?.flatten();
        match trashed {
            Some(item) => {
                let done = self.hang(&item, &put)?;
                self.forget_version(kept.id)?;
                Ok(done)
            }
            None if kept.item.body.kind == Kind::Folder => Err(refused(Cause::NotFound)),
            None => {
                let executable = Some(kept.item.body.executable);
                let body: Body = kept.item.body;
                self.put(&put, body, executable)
            }
        }
    }

    fn forget_version(&mut self, id: i64) -> Result<()> {
        self.execute("DELETE FROM tandem_versions WHERE id = ?1", values![id])
            .map(drop)
    }

    /// Removes a version for ever, out of the trash with all below it.
    pub(super) fn prune(&mut self, root: i64, key: &VersionKey) -> Result<()> {
        let Some(kept) = self.kept(root, key)? else {
            return Ok(());
        };
        self.forget_version(kept.id)?;
        match kept.trashed {
            Some(id) => self.remove_tree(id),
            None => self.release(kept.item.body.content),
        }
    }

    /// Removes what hangs in the trash.
    fn remove_tree(&mut self, id: i64) -> Result<()> {
        const BELOW: &str = "WITH RECURSIVE below (id) AS (
                SELECT id FROM tandem_items WHERE id = ?1
                UNION ALL
                SELECT i.id FROM below JOIN tandem_items i ON i.parent = below.id
            )";
        let contents = self.query(
            &format!(
                "{BELOW} SELECT content FROM tandem_items
                 WHERE content IS NOT NULL AND id IN (SELECT id FROM below)"
            ),
            values![id],
        )?;
        let remove = format!("{BELOW} DELETE FROM tandem_items WHERE id IN (SELECT id FROM below)");
        self.execute(&remove, values![id])?;
        for content in contents {
            self.release(content.maybe_integer(0)?)?;
        }
        Ok(())
    }
}
