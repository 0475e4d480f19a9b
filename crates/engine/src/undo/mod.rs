//! Takes actions back (DESIGN 5.6): on the side where they happened, if that side is still as they left it.

mod steps;

use std::collections::BTreeSet;

use tandem_core::guard::free_space;
use tandem_core::side::{PerSide, Side};
use tandem_core::time::Timestamp;

use crate::chosen::Chosen;
use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::observe::Doubt;
use crate::report::{Outcome, Phase, Summary, Undo};
use crate::state::JournalRow;
use steps::{Undoing, Undone};

impl Engine {
    /// Takes back an action, a run, or all since a time, newest first, then carries what follows from it.
    ///
    /// Each action is taken back on the side where it happened and nowhere else. What was created, replaced
    /// or moved there came from the other side, whose item is a person's own: it is left as it is. What was
    /// replaced then counts as in step with what the other side has, and what was created or moved is
    /// detached on both, until either side changes the item. So undoing never deletes or overwrites on the
    /// side that the change came from, and the pair does not at once do again what was undone. What was
    /// deleted comes back and is carried like anything new, and so are time and executable bit; where this
    /// side follows, they too rest until the leading side changes the item. Where the path has changed since,
    /// the old content is put beside it; where there is none to put, the path is left alone.
    ///
    /// Only copies that Tandem wrote and nobody touched are deleted or replaced here, and they are set
    /// aside; so no number of them is held. The roots and the free space are guarded as in any pass.
    ///
    /// # Errors
    /// No such action; one that cannot be undone; what a storage answered.
    pub async fn undo(&self, what: Undo) -> Result<Summary> {
        let (doubts, summary) = {
            let _one = self.passing.lock().await;
            self.phase(Phase::Syncing);
            let done = self.undo_all(what).await;
            self.phase(Phase::Still);
            done?
        };
        Chosen::carry(self, doubts, summary).await
    }

    async fn undo_all(&self, what: Undo) -> Result<(PerSide<Doubt>, Summary)> {
        let rows = self.rows_to_undo(what)?;
        self.require_roots().await?;
        self.require_room(&rows).await?;
        let mut undoing = Undoing::begin(self)?;
        let mut refused = None;
        for row in &rows {
            let undone = undoing.undo(row).await;
            if undone.is_err() {
                undoing.chosen.record().await?;
            }
            match undone {
                Ok(Undone::Done | Undone::Nothing) => {}
                Ok(Undone::Changed(why)) => {
                    undoing.chosen.summary.failed += 1;
                    refused = Some(format!("{:?} on the {} {why}", row.path, row.side));
                }
                Err(error) => return Err(error),
            }
        }
        undoing.chosen.record().await?;
        match (what, refused) {
            (Undo::Action(_), Some(why)) => Err(EngineError::Refused(why)),
            _ => Ok((undoing.chosen.doubts, undoing.chosen.summary)),
        }
    }

    /// The lines to take back, newest first.
    fn rows_to_undo(&self, what: Undo) -> Result<Vec<JournalRow>> {
        let state = self.state();
        let rows = match what {
            Undo::Action(id) => {
                let not_found = || EngineError::NotFound {
                    what: "action",
                    id: id.to_string(),
                };
                let row = state.journal_row(id.cast_signed())?.ok_or_else(not_found)?;
                if state.is_undone(row.id)? {
                    return Err(EngineError::Refused(format!(
                        "action {id} is undone already"
                    )));
                }
                if !crate::views::log_line(&row).undoable {
                    return Err(EngineError::Refused(format!(
                        "action {id} cannot be undone"
                    )));
                }
                return Ok(vec![row]);
            }
            Undo::Run(run) => {
                let rows = state.journal_since(Some(run.cast_signed()), Timestamp(i64::MIN))?;
                if rows.is_empty() {
                    return Err(EngineError::NotFound {
                        what: "run",
                        id: run.to_string(),
                    });
                }
                rows
            }
            Undo::Since(at) => state.journal_since(None, at)?,
        };
        let ids: BTreeSet<i64> = rows.iter().map(|r| r.id).collect();
        let mut wanted = Vec::new();
        for row in rows {
            // What was done and undone within the time needs nothing.
            let cancelled = state
                .undoes(row.id)?
                .is_some_and(|undone| ids.contains(&undone));
            if row.outcome == Outcome::Done && !cancelled && !state.is_undone(row.id)? {
                wanted.push(row);
            }
        }
        Ok(wanted)
    }

    async fn require_room(&self, rows: &[JournalRow]) -> Result<()> {
        let settings = self.guard_settings()?;
        for side in Side::BOTH {
            let brought: u64 = rows
                .iter()
                .filter(|r| r.side == side && r.version.is_some())
                .filter_map(|r| r.before.as_ref())
                .map(|e| e.size)
                .sum();
            let free = self.root(side).free_space().await.unwrap_or(None);
            if free_space(&settings, free, brought) {
                return Err(EngineError::Refused(format!(
                    "there is not enough room on the {side}"
                )));
            }
        }
        Ok(())
    }
}
