//! What a feed said to be out of the account's reach (DESIGN 6.3). A server need not show it any more, nor tell it from
//! what was deleted; so it stays lost until a line says otherwise or it is shown again (P10).

use std::collections::BTreeSet;

use tandem_core::path::Name;
use tandem_core::plan::ItemId;
use tandem_core::side::Side;

use super::State;
use super::seen::Differs;
use crate::error::{EngineError, Result};

/// Under which these places are noted.
const LOST: &str = "lost";

/// A place on a side.
type Place = (Side, ItemId, Name);

fn damaged(error: impl std::fmt::Display) -> EngineError {
    EngineError::DamagedState(error.to_string())
}

impl State {
    fn lost(&self) -> Result<BTreeSet<Place>> {
        let text = self.meta(LOST)?;
        let noted = text.map(|text| serde_json::from_str(&text).map_err(damaged));
        Ok(noted.transpose()?.unwrap_or_default())
    }

    fn set_lost(&self, lost: &BTreeSet<Place>) -> Result<()> {
        if lost.is_empty() {
            return self.drop_meta(LOST);
        }
        self.set_meta(LOST, &serde_json::to_string(lost).map_err(damaged)?)
    }

    /// A line said that the place is out of reach.
    pub(crate) fn note_lost(&self, side: Side, folder: ItemId, name: &Name) -> Result<()> {
        let mut lost = self.lost()?;
        if lost.insert((side, folder, name.clone())) {
            self.set_lost(&lost)?;
        }
        Ok(())
    }

    /// A line said what is there, or that nothing is.
    pub(crate) fn end_lost(&self, side: Side, folder: ItemId, name: &Name) -> Result<()> {
        let mut lost = self.lost()?;
        if lost.remove(&(side, folder, name.clone())) {
            self.set_lost(&lost)?;
        }
        Ok(())
    }

    /// What is out of reach and was not shown is not gone. Answers where that is.
    pub(crate) fn keep_lost(&mut self, side: Side) -> Result<Vec<(ItemId, Name)>> {
        let mut lost = self.lost()?;
        let count = lost.len();
        let mut kept = Vec::new();
        for place in lost.clone().into_iter().filter(|place| place.0 == side) {
            let (_, folder, name) = &place;
            let state = self.seen_at(side, *folder, name)?.map(|(_, state)| state);
            let is_known = self.base_by_native(side, *folder, name)?.is_some();
            match state {
                Some(state @ (Differs::Absent | Differs::Unknown)) if is_known => {
                    if state == Differs::Absent {
                        self.see_unknown(side, *folder, name)?;
                    }
                    kept.push((*folder, name.clone()));
                }
                _ => drop(lost.remove(&place)),
            }
        }
        if lost.len() != count {
            self.set_lost(&lost)?;
        }
        Ok(kept)
    }
}
