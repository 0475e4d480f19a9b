//! Whether something may be visible that was never flushed (P5).
//!
//! Invariant: what one run made visible and did not record is flushed before a later one takes it for in step, however
//! the run ended: it may have failed, or nobody waited for it any more.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError};

use tandem_core::entry::{Entry, Revision};
use tandem_core::mutant;
use tandem_core::path::RelPath;
use tandem_core::plan::{Action, At, Deed, Retain};
use tandem_core::side::Side;

use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::state::State;

/// What was written where, under a flush that failed.
pub(crate) type Doubtful = BTreeMap<(Side, RelPath), Revision>;

/// A run that may make something visible before it records it. Dropped in between, it leaves that behind.
pub(crate) struct Unrecorded<'a> {
    engine: &'a Engine,
    visible: bool,
}

impl<'a> Unrecorded<'a> {
    /// Nothing is visible yet.
    pub(crate) const fn none(engine: &'a Engine) -> Self {
        Self {
            engine,
            visible: false,
        }
    }

    /// From now on something may be visible that is not recorded.
    pub(crate) const fn begin(&mut self) {
        self.visible = true;
    }

    /// All that was visible is durable and recorded, or known to be left behind.
    pub(crate) const fn end(&mut self) {
        self.visible = false;
    }
}

impl Drop for Unrecorded<'_> {
    fn drop(&mut self) {
        if self.visible && !mutant!("P5 what was left visible counts as durable") {
            self.engine.left_unsettled();
        }
    }
}

impl Engine {
    /// Something may be visible that was never flushed.
    pub(crate) fn left_unsettled(&self) {
        self.unsettled.store(true, Ordering::Release);
    }
}

/// What a flush that failed leaves behind: it is written once more before it counts as in step, for the system tells of
/// a failed flush once, and a later one that succeeds proves nothing.
impl Engine {
    fn doubtful(&self) -> MutexGuard<'_, Doubtful> {
        self.doubtful.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What these actions wrote may not be durable, also after a restart.
    pub(crate) fn note_doubtful<'b>(
        &self,
        written: impl Iterator<Item = (&'b Action, Option<&'b Entry>)>,
    ) -> Result<()> {
        let mut doubtful = self.doubtful();
        for (action, written) in written {
            if let (Deed::Transfer { path, .. } | Deed::Duplicate { path, .. }, Some(written)) =
                (&action.deed, written)
            {
                let place = (action.side, path.clone());
                doubtful.insert(place, written.revision.clone());
            }
        }
        store_doubtful(&self.state(), &doubtful)
    }

    /// What these actions wrote is durable.
    pub(crate) fn are_durable<'b>(&self, actions: impl Iterator<Item = &'b Action>) -> Result<()> {
        let mut doubtful = self.doubtful();
        if doubtful.is_empty() {
            return Ok(());
        }
        for action in actions {
            if let Some(path) = action.path() {
                doubtful.remove(&(action.side, path.clone()));
            }
        }
        store_doubtful(&self.state(), &doubtful)
    }

    /// The actions, but that what may not be durable is written once more where it would only be noted.
    pub(crate) fn written_once_more(&self, actions: Vec<Action>) -> Result<Vec<Action>> {
        let is_forgotten = mutant!("P5 what a failed flush left is only noted");
        if is_forgotten || self.doubtful().is_empty() {
            return Ok(actions);
        }
        let again = actions
            .into_iter()
            .map(|action| self.not_only_noted(action));
        again.collect()
    }

    fn not_only_noted(&self, action: Action) -> Result<Action> {
        let Deed::Adopt {
            source,
            destination,
            ..
        } = &action.deed
        else {
            return Ok(action);
        };
        for (side, ours, theirs) in [
            (Side::Source, source, destination),
            (Side::Destination, destination, source),
        ] {
            let (Some(path), Some(from)) = (
                self.place_of(&action, side)?,
                self.place_of(&action, side.other())?,
            ) else {
                continue;
            };
            if self.doubtful().get(&(side, path.clone())) != Some(&ours.revision) {
                continue;
            }
            let deed = Deed::Transfer {
                from: At {
                    path: from,
                    entry: theirs.clone(),
                },
                path,
                replaces: Some(ours.clone()),
                retain: Retain::Superseded,
            };
            return Ok(Action {
                side,
                deed,
                ..action
            });
        }
        Ok(action)
    }

    /// Where a side has the item of an action.
    pub(crate) fn place_of(&self, action: &Action, side: Side) -> Result<Option<RelPath>> {
        let Some((folder, name)) = &action.standing.places[side] else {
            return Ok(None);
        };
        let folder = self.state().path_of(side, *folder)?;
        Ok(folder.map(|folder| folder.join(name)))
    }
}

/// The note of what may not be durable.
const DOUBTFUL: &str = "doubtful";

fn store_doubtful(state: &State, doubtful: &Doubtful) -> Result<()> {
    if mutant!("P5 a restart forgets that a flush failed") {
        return Ok(());
    }
    let rows: Vec<_> = doubtful.iter().collect();
    let refused = |e: serde_json::Error| EngineError::Refused(e.to_string());
    state.set_meta(DOUBTFUL, &serde_json::to_string(&rows).map_err(refused)?)
}

/// What may not be durable, as an earlier process noted it.
pub(crate) fn stored_doubtful(state: &State) -> Result<Doubtful> {
    let damaged = |e: serde_json::Error| EngineError::DamagedState(e.to_string());
    let rows: Vec<((Side, RelPath), Revision)> = match state.meta(DOUBTFUL)? {
        Some(text) => serde_json::from_str(&text).map_err(damaged)?,
        None => Vec::new(),
    };
    Ok(rows.into_iter().collect())
}
