//! What Tandem deleted or replaced on a side since that was last looked at as a whole. Where a revision is a digest of
//! content, a file that is not to be found there may have been moved over another of its content just before that was
//! taken away.

use std::collections::HashSet;

use rusqlite::params;
use tandem_core::capabilities::Capabilities;
use tandem_core::entry::Revision;
use tandem_core::path::Name;
use tandem_core::plan::{ItemId, Seen, Trees};
use tandem_core::side::{PerSide, Side};
use tandem_core::time::Timestamp;

use super::pack::unpack_entry;
use super::seen::Differs;
use super::{State, side_number};
use crate::error::{EngineError, Result};
use crate::report::ActionKind;

/// Under which it is noted up to which line of the journal each side was looked at since.
const LOOKED_AT: &str = "looked_at";

impl State {
    /// A state from before this was noted begins with what it takes from now on.
    pub(super) fn begin_taken(&self) -> Result<()> {
        if self.meta(LOOKED_AT)?.is_some() {
            return Ok(());
        }
        let line = self.last_line()?;
        self.note_looked_at(PerSide::new(line, line))
    }

    /// The last line of the journal; 0 where there is none.
    pub(crate) fn last_line(&self) -> Result<i64> {
        let mut query = self
            .db
            .prepare_cached("SELECT coalesce(max(id), 0) FROM journal")?;
        Ok(query.query_row([], |row| row.get(0))?)
    }

    /// A pass came to its end that began with a look at all of the sides marked, when this was the journal's last line.
    pub(crate) fn end_taken(&self, looked_at: PerSide<Option<i64>>) -> Result<()> {
        let known = self.looked_at()?;
        let is_lacked = self.taken_is_lacked.get();
        let now = PerSide::from_fn(|side| match looked_at[side] {
            Some(line) if !is_lacked[side] => line,
            _ => known[side],
        });
        if now == known {
            return Ok(());
        }
        self.note_looked_at(now)
    }

    fn note_looked_at(&self, lines: PerSide<i64>) -> Result<()> {
        let text = serde_json::to_string(&(lines.source, lines.destination));
        let text = text.map_err(|e| EngineError::Refused(e.to_string()))?;
        self.set_meta(LOOKED_AT, &text)
    }

    fn looked_at(&self) -> Result<PerSide<i64>> {
        let damaged = |e: serde_json::Error| EngineError::DamagedState(e.to_string());
        let text = self.meta(LOOKED_AT)?;
        let both = text.map(|text| serde_json::from_str(&text).map_err(damaged));
        let (source, destination) = both.transpose()?.unwrap_or_default();
        Ok(PerSide::new(source, destination))
    }

    /// Of what a side lacks in these trees, the revisions that something had which was taken from it.
    pub(super) fn taken_in(
        &self,
        trees: &Trees,
        capabilities: PerSide<&Capabilities>,
    ) -> Result<PerSide<Vec<Revision>>> {
        let mut taken = PerSide::<Vec<Revision>>::default();
        for side in Side::BOTH {
            if !capabilities[side].revision_is_content {
                continue;
            }
            let lacking = trees.items.iter().filter(|i| i.seen[side] == Seen::Absent);
            let revisions = lacking.filter_map(|item| Some(&item.entries[side].as_ref()?.revision));
            let had: HashSet<&Revision> = revisions.filter(|r| **r != Revision::None).collect();
            if !had.is_empty() {
                taken[side] = self.taken_of(side, &had)?;
            }
        }
        Ok(taken)
    }

    fn taken_of(&self, side: Side, had: &HashSet<&Revision>) -> Result<Vec<Revision>> {
        let (delete, replace) = (kind(ActionKind::Delete)?, kind(ActionKind::Replace)?);
        let mut query = self.db.prepare_cached(
            "SELECT before FROM journal WHERE id > ?1 AND side = ?2 AND kind IN (?3, ?4) \
             AND before IS NOT NULL",
        )?;
        let since = self.looked_at()?[side];
        let mut rows = query.query(params![since, side_number(side), delete, replace])?;
        let mut taken = Vec::new();
        while let Some(row) = rows.next()? {
            let before = unpack_entry(&row.get::<_, Vec<u8>>(0)?)?;
            if had.contains(&before.revision) && !taken.contains(&before.revision) {
                taken.push(before.revision);
            }
        }
        Ok(taken)
    }

    /// Where a side shows something else than the base, of the revision of what was deleted or replaced there since.
    pub(crate) fn taken_and_shown(
        &self,
        side: Side,
        since: Timestamp,
    ) -> Result<Vec<(ItemId, Name)>> {
        let mut query = self.db.prepare_cached(
            "SELECT before FROM journal WHERE at > ?1 AND side = ?2 AND kind IN (?3, ?4) \
             AND before IS NOT NULL",
        )?;
        let (delete, replace) = (kind(ActionKind::Delete)?, kind(ActionKind::Replace)?);
        let mut rows = query.query(params![since.0, side_number(side), delete, replace])?;
        let mut taken = HashSet::new();
        while let Some(row) = rows.next()? {
            taken.insert(unpack_entry(&row.get::<_, Vec<u8>>(0)?)?.revision);
        }
        taken.remove(&Revision::None);
        if taken.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = self.db.prepare_cached(
            "SELECT parent, name, entry FROM seen WHERE side = ?1 AND state IN (?2, ?3, ?4) \
             AND entry NOT NULL ORDER BY parent, name",
        )?;
        let states = [Differs::Fresh, Differs::Replaced, Differs::Changed];
        let [fresh, replaced, changed] = states.map(|state| state as i64);
        let mut rows = query.query(params![side_number(side), fresh, replaced, changed])?;
        let mut shown = Vec::new();
        while let Some(row) = rows.next()? {
            if taken.contains(&unpack_entry(&row.get::<_, Vec<u8>>(2)?)?.revision) {
                let name = Name::new(row.get::<_, String>(1)?);
                let name = name.map_err(|e| EngineError::DamagedState(e.to_string()))?;
                shown.push((ItemId(row.get(0)?), name));
            }
        }
        Ok(shown)
    }
}

/// How the journal names what was done.
fn kind(kind: ActionKind) -> Result<String> {
    serde_json::to_string(&kind).map_err(|e| EngineError::Refused(e.to_string()))
}
