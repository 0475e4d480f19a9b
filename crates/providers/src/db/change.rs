//! Changes that others see: every one of them goes through here, so that the feed tells of it.

use tandem_core::entry::Entry;
use tandem_core::error::{Cause, Result};
use tandem_core::path::RelPath;
use tandem_core::storage::{Deleted, Discard, Expected, Keep, Locator, Meta};

use super::database::Transaction;
use super::item::{Body, Item, kind_name};
use super::place::{check_path, refused};
use super::schema::{TOP, TRASH};
use super::sql::values;
use tandem_core::entry::Kind;

/// How long the feed remembers a change, in nanoseconds. Everything is looked at anew once a week.
const REMEMBERED: i64 = 60 * 24 * 60 * 60 * 1_000_000_000;

/// Most lines that one change forgets, so that none takes long.
const FORGOTTEN: i64 = 1_000;

impl Transaction<'_> {
    /// Notes that something happened to an item. One line for each is enough: the feed says how things are now.
    pub(super) fn note(&mut self, item: i64) -> Result<()> {
        let sequence = self.next()?;
        self.execute("DELETE FROM tandem_changes WHERE item = ?1", values![item])?;
        let now = self.now;
        self.execute(
            "INSERT INTO tandem_changes (item, sequence, at) VALUES (?1, ?2, ?3)",
            values![item, sequence, now],
        )?;
        self.forget()
    }

    /// Removes lines that are too old. A cursor from before the last of them has expired.
    fn forget(&mut self) -> Result<()> {
        let before = self.now.saturating_sub(REMEMBERED);
        let first = "SELECT at FROM tandem_changes ORDER BY sequence LIMIT 1";
        let first = self.first(first, &[])?;
        if !first.is_some_and(|row| row.integer(0).is_ok_and(|at| at < before)) {
            return Ok(());
        }
        let last = self.first(
            "SELECT MAX(sequence) FROM
                (SELECT sequence, at FROM tandem_changes ORDER BY sequence LIMIT ?1) AS first
             WHERE at < ?2",
            values![FORGOTTEN, before],
        )?;
        let Some(last) = last.map(|row| row.maybe_integer(0)).transpose()?.flatten() else {
            return Ok(());
        };
        self.execute(
            "DELETE FROM tandem_changes WHERE sequence <= ?1",
            values![last],
        )?;
        self.execute("UPDATE tandem_clock SET oldest = ?1", values![last])
            .map(drop)
    }

    /// Makes an item at a free name.
    pub(super) fn create(&mut self, folder: i64, name: &str, body: &Body) -> Result<i64> {
        let id = self.next()?;
        self.execute(
            "INSERT INTO tandem_items
                (id, parent, name, kind, mtime, mtime_by_client, executable, target, content, revision)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            values![
                id,
                folder,
                name,
                kind_name(body.kind),
                body.mtime.map(|mtime| mtime.at.0),
                body.mtime.is_some_and(|mtime| mtime.by_client),
                body.executable,
                body.target.as_deref(),
                body.content,
                id,
            ],
        )?;
        self.note(id)?;
        Ok(id)
    }

    /// Gives an item another body. Content that nothing points to any more goes.
    pub(super) fn overwrite(&mut self, item: &Item, body: &Body) -> Result<()> {
        let revision = self.next()?;
        self.execute(
            "UPDATE tandem_items SET kind = ?1, mtime = ?2, mtime_by_client = ?3, executable = ?4,
                target = ?5, content = ?6, revision = ?7 WHERE id = ?8",
            values![
                kind_name(body.kind),
                body.mtime.map(|mtime| mtime.at.0),
                body.mtime.is_some_and(|mtime| mtime.by_client),
                body.executable,
                body.target.as_deref(),
                body.content,
                revision,
                item.id,
            ],
        )?;
        self.note(item.id)?;
        self.release(item.body.content)
    }

    /// Hangs an item elsewhere.
    pub(super) fn relink(&mut self, id: i64, folder: i64, name: &str) -> Result<()> {
        self.execute(
            "UPDATE tandem_items SET parent = ?1, name = ?2 WHERE id = ?3",
            values![folder, name, id],
        )?;
        self.note(id)
    }

    /// Takes an item without children away.
    pub(super) fn remove(&mut self, item: &Item) -> Result<()> {
        self.execute("DELETE FROM tandem_items WHERE id = ?1", values![item.id])?;
        self.note(item.id)?;
        self.release(item.body.content)
    }

    /// Removes content that no item and no version points to.
    pub(super) fn release(&mut self, content: Option<i64>) -> Result<()> {
        let Some(content) = content else {
            return Ok(());
        };
        self.execute(
            "DELETE FROM tandem_contents WHERE id = ?1
                AND NOT EXISTS (SELECT 1 FROM tandem_items i WHERE i.content = tandem_contents.id)
                AND NOT EXISTS (SELECT 1 FROM tandem_versions v WHERE v.content = tandem_contents.id)",
            values![content],
        )
        .map(drop)
    }

    /// The entry of an item that is known to be there.
    pub(super) fn entry(&mut self, id: i64) -> Result<Entry> {
        let entry = self.item(id)?.and_then(|item| item.entry());
        entry.ok_or_else(|| refused(Cause::NotFound))
    }

    /// Makes `path` a folder, its parents too.
    pub(super) fn create_folder(&mut self, root: i64, path: &RelPath) -> Result<i64> {
        check_path(path)?;
        let body = Body {
            kind: Kind::Folder,
            mtime: None,
            executable: false,
            target: None,
            content: None,
        };
        let mut folder = root;
        for name in path.names() {
            folder = match self.child(folder, name.as_str())? {
                Some(item) if item.is_folder() => item.id,
                Some(_) => return Err(refused(Cause::AlreadyExists)),
                None => self.create(folder, name.as_str(), &body)?,
            };
        }
        Ok(folder)
    }

    /// Sets mtime and executable bit.
    pub(super) fn set_meta(
        &mut self,
        root: i64,
        at: &Locator,
        expected: &Expected,
        meta: &Meta,
    ) -> Result<Entry> {
        let item = self.resolve(root, at)?;
        let item = item.ok_or_else(|| refused(Cause::NotFound))?;
        if !item.is_as(expected) {
            return Err(refused(Cause::PreconditionFailed));
        }
        if item.is_folder() {
            return Err(refused(Cause::Unsupported));
        }
        let body = Body {
            mtime: meta.mtime.or(item.body.mtime),
            executable: meta.executable.unwrap_or(item.body.executable),
            ..item.body.clone()
        };
        self.overwrite(&item, &body)?;
        self.entry(item.id)
    }

    /// Deletes what is at `at`, if it is as `expected` says.
    pub(super) fn delete(
        &mut self,
        root: i64,
        at: &Locator,
        expected: &Expected,
        keep: &Keep,
        how: Discard,
    ) -> Result<Deleted> {
        let Some(item) = self.resolve(root, at)? else {
            return Ok(Deleted {
                was_absent: true,
                // A repeated try finds what it had kept.
                kept: self.kept_before(root, keep)?,
                ..Deleted::default()
            });
        };
        if [root, TOP, TRASH].contains(&item.id) {
            return Err(refused(Cause::Forbidden));
        }
        if !item.is_as(expected) {
            return Err(refused(Cause::PreconditionFailed));
        }
        let kept = if how == Discard::Trash {
            Some(self.put_in_trash(root, &item)?)
        } else if self.holds_something(item.id)? {
            return Err(refused(Cause::PreconditionFailed));
        } else {
            let kept = self.keep(root, &item, keep)?;
            self.remove(&item)?;
            kept
        };
        Ok(Deleted {
            kept,
            ..Deleted::default()
        })
    }
}
