//! Files whose revision was younger, when they were recorded, than their side can tell two edits apart (DESIGN 4, step
//! 2). A later look shows the same revision whether or not such a file was edited again at once.

use rusqlite::{OptionalExtension, params};
use tandem_core::entry::{Entry, Kind};
use tandem_core::path::Name;
use tandem_core::plan::ItemId;
use tandem_core::side::Side;
use tandem_core::time::Timestamp;

use super::seen::Differs;
use super::{State, side_number, side_of};
use crate::error::{EngineError, Result};
use crate::young::{is_waited_for, young_until};

/// A file of the base that is to be compared with what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct YoungFile {
    pub(crate) side: Side,
    pub(crate) folder: ItemId,
    pub(crate) name: Name,
}

impl State {
    /// Notes whether what the base has from now on is young. Without a time of its own it is taken to be of now.
    pub(super) fn note_young(&self, side: Side, folder: ItemId, entry: &Entry) -> Result<()> {
        let is_compared =
            |granularity: &u64| entry.kind == Kind::File && !is_waited_for(entry, *granularity);
        let Some(granularity) = self.granularity[side].filter(is_compared) else {
            return Ok(());
        };
        let until = young_until(entry, granularity, self.now);
        let file = YoungFile {
            side,
            folder,
            name: entry.name.clone(),
        };
        if until > self.now {
            self.compare_at(&file, until)
        } else {
            self.drop_young(&file)
        }
    }

    /// Has the file compared at this time.
    pub(crate) fn compare_at(&self, file: &YoungFile, until: Timestamp) -> Result<()> {
        self.assert_whole();
        let mut write = self.db.prepare_cached(
            "INSERT OR REPLACE INTO young (side, parent, name, until) VALUES (?1, ?2, ?3, ?4)",
        )?;
        write.execute(params![
            side_number(file.side),
            file.folder.0,
            file.name.as_str(),
            until.0
        ])?;
        Ok(())
    }

    /// The file need not be compared.
    pub(crate) fn drop_young(&self, file: &YoungFile) -> Result<()> {
        let mut delete = self
            .db
            .prepare_cached("DELETE FROM young WHERE side = ?1 AND parent = ?2 AND name = ?3")?;
        delete.execute(params![
            side_number(file.side),
            file.folder.0,
            file.name.as_str()
        ])?;
        Ok(())
    }

    /// Whether the file may have been edited without another revision.
    pub(crate) fn is_young(&self, side: Side, folder: ItemId, name: &Name) -> Result<bool> {
        let mut query = self
            .db
            .prepare_cached("SELECT 1 FROM young WHERE side = ?1 AND parent = ?2 AND name = ?3")?;
        Ok(query.exists(params![side_number(side), folder.0, name.as_str()])?)
    }

    /// Files that are young no longer, by this time.
    pub(crate) fn no_longer_young(&self, by: Timestamp) -> Result<Vec<YoungFile>> {
        let mut query = self.db.prepare_cached(
            "SELECT side, parent, name FROM young WHERE until <= ?1 ORDER BY side, parent, name",
        )?;
        let mut rows = query.query([by.0])?;
        let mut files = Vec::new();
        while let Some(row) = rows.next()? {
            files.push(YoungFile {
                side: side_of(row.get(0)?),
                folder: ItemId(row.get(1)?),
                name: Name::new(row.get::<_, String>(2)?)
                    .map_err(|e| EngineError::DamagedState(e.to_string()))?,
            });
        }
        Ok(files)
    }

    /// When the next file is no longer young.
    pub(crate) fn next_no_longer_young(&self) -> Result<Option<Timestamp>> {
        let mut query = self.db.prepare_cached("SELECT min(until) FROM young")?;
        let until: Option<Option<i64>> = query.query_row([], |r| r.get(0)).optional()?;
        Ok(until.flatten().map(Timestamp))
    }

    /// What the base has of a file, if its side shows just that.
    pub(crate) fn as_in_base(&self, file: &YoungFile) -> Result<Option<Entry>> {
        let item = self.base_by_native(file.side, file.folder, &file.name)?;
        let is_seen = self
            .seen_at(file.side, file.folder, &file.name)?
            .is_some_and(|(_, state)| state != Differs::Changed);
        Ok(item
            .filter(|_| !is_seen)
            .and_then(|mut item| item.entries[file.side].take()))
    }

    /// The file was edited, although its revision is what it was.
    pub(crate) fn see_edited(&mut self, file: &YoungFile, now: &Entry) -> Result<()> {
        let id = match self.seen_at(file.side, file.folder, &file.name)? {
            Some((id, _)) => id,
            None => self.new_id(),
        };
        self.write_seen(
            file.side,
            file.folder,
            &file.name,
            id,
            Differs::Changed,
            Some(now),
        )
    }
}
