//! What Tandem wrote on a side and could not record, for it was killed or a flush failed: the side shows it, and it is no
//! person's edit, whatever becomes of the file that it was written for.

use tandem_core::entry::Revision;
use tandem_core::side::{PerSide, Side};

use super::State;
use crate::error::{EngineError, Result};

/// Under which it is noted.
const OWN_WRITES: &str = "own_writes";

impl State {
    /// What sides show under these revisions was written by Tandem, and is not recorded.
    pub(crate) fn note_own_writes<'b>(
        &mut self,
        written: impl Iterator<Item = (Side, &'b Revision)>,
    ) -> Result<()> {
        let mut written = written
            .filter(|(_, revision)| **revision != Revision::None)
            .peekable();
        if written.peek().is_none() {
            return Ok(());
        }
        for (side, revision) in written {
            if !self.own_writes[side].contains(revision) {
                self.own_writes[side].push(revision.clone());
            }
        }
        let refused = |e: serde_json::Error| EngineError::Refused(e.to_string());
        let both = (&self.own_writes.source, &self.own_writes.destination);
        self.set_meta(OWN_WRITES, &serde_json::to_string(&both).map_err(refused)?)
    }

    /// What a side showed under the one revision it shows under the other since it was moved: if Tandem wrote it and
    /// could not record that, it still is no person's edit.
    pub(crate) fn own_write_moved(
        &mut self,
        side: Side,
        from: &Revision,
        now: &Revision,
    ) -> Result<()> {
        if !self.own_writes[side].contains(from) {
            return Ok(());
        }
        self.note_own_writes(std::iter::once((side, now)))
    }

    /// A pass came to its end: what it wrote is recorded.
    pub(crate) fn end_own_writes(&mut self) -> Result<()> {
        if self.own_writes == PerSide::default() {
            return Ok(());
        }
        self.own_writes = PerSide::default();
        self.drop_meta(OWN_WRITES)
    }

    /// As an earlier process noted it.
    pub(super) fn stored_own_writes(&self) -> Result<PerSide<Vec<Revision>>> {
        let damaged = |e: serde_json::Error| EngineError::DamagedState(e.to_string());
        let text = self.meta(OWN_WRITES)?;
        let both = text.map(|text| serde_json::from_str(&text).map_err(damaged));
        let (source, destination) = both.transpose()?.unwrap_or_default();
        Ok(PerSide::new(source, destination))
    }
}
