//! Folders, moves, metadata and merges.

use std::sync::Arc;

use tandem_core::error::{Cause, StorageError};
use tandem_core::plan::record::Done;
use tandem_core::plan::{Action, At, Deed};
use tandem_core::removed;
use tandem_core::side::{PerSide, Side};
use tandem_core::storage::{Committed, Locator};

use super::{Execution, Finished, GROUP, chunks};
use crate::error::Result;

type Answer<T> = tandem_core::error::Result<T>;

/// Changes of what is there that are made durable and recorded together.
pub(super) const STEPS: usize = 256;

pub(super) fn locate(at: &At) -> Locator {
    Locator {
        path: at.path.clone(),
        id: at.entry.id.clone(),
    }
}

impl Execution<'_> {
    /// Folders and moves, in the plan's order.
    pub(super) async fn steps(&mut self, steps: Vec<Arc<Action>>) -> Result<()> {
        for group in chunks(steps, GROUP) {
            let mut visible = Vec::new();
            for action in group {
                if self.is_stopped() {
                    break;
                }
                if self.relies_on_undone(&action) {
                    self.leave_undone(&action);
                    continue;
                }
                let (answer, intent) = self.step(&action).await?;
                match answer {
                    Ok(Committed {
                        displaced: Some(displaced),
                        ..
                    }) if !removed!("expectation") => {
                        self.lost_race(&action, &displaced, intent)?
                    }
                    Ok(Committed { entry, .. }) => {
                        let done = Done {
                            entry: Some(entry),
                            read: None,
                        };
                        visible.push(Finished {
                            intent,
                            ..Finished::new(action, done)
                        });
                    }
                    Err(error) if self.is_refused(&action, &error) => self.refuse(&action),
                    Err(error) => self.gave_up(&action, error, None)?,
                }
            }
            // The next flush of a group makes folders durable too.
            if !self.flow.take_folders(&mut visible) {
                self.settle_flow().await?;
                self.settle_and_record(visible).await?;
            }
        }
        Ok(())
    }

    /// Makes what is visible durable on both sides, then records it.
    pub(super) async fn settle_and_record(&mut self, visible: Vec<Finished>) -> Result<()> {
        let mut by_side = PerSide::new(Vec::new(), Vec::new());
        let mut failed = PerSide::new(None, None);
        for side in Side::BOTH {
            if visible
                .iter()
                .any(|f| f.action.side == side || matches!(f.action.deed, Deed::Merge { .. }))
            {
                failed[side] = self.engine.settle(side).await.err();
            }
        }
        if failed.source.is_none() && failed.destination.is_none() {
            return self.close(visible).await;
        }
        for one in visible {
            by_side[one.action.side].push(one);
        }
        for side in Side::BOTH {
            let those = std::mem::take(&mut by_side[side]);
            match failed[side].take() {
                None => self.close(those).await?,
                Some(error) => self.not_durable(those, error)?,
            }
        }
        Ok(())
    }

    /// Whether something cannot be moved at all, and that was not known.
    fn is_refused(&self, action: &Action, error: &StorageError) -> bool {
        error.cause == Cause::Unsupported
            && matches!(action.deed, Deed::Move { .. })
            && !self.refused.moves.contains(&action.standing.item)
    }

    /// The next plan does without the move.
    fn refuse(&mut self, action: &Action) {
        self.engine.left_unsettled();
        self.doubt(action);
        self.leave_undone(action);
        self.out.refused.moves.push(action.standing.item);
    }

    /// Makes a folder or moves. Answers also the intent that is open for it.
    async fn step(&mut self, action: &Action) -> Result<(Answer<Committed>, Option<i64>)> {
        let side = action.side;
        match &action.deed {
            Deed::Move { from, to, .. } => {
                let (answer, intent) = self.move_planned(side, from, to).await?;
                Ok((answer.and_then(landed), intent))
            }
            _ => Ok((self.simple_step(action).await, None)),
        }
    }

    async fn simple_step(&self, action: &Action) -> Answer<Committed> {
        let root = self.engine.root(action.side);
        match &action.deed {
            Deed::CreateFolder { path, .. } => {
                let entry = root.create_folder(path).await?;
                if path.name().as_ref() != Some(&entry.name) && !removed!("expectation") {
                    // One in another spelling was there, which is another folder.
                    let cause = Cause::PreconditionFailed;
                    return Err(StorageError::new(
                        "create_folder",
                        cause,
                        "another was there",
                    ));
                }
                Ok(Committed {
                    entry,
                    displaced: None,
                    landed_as: None,
                    kept: None,
                })
            }
            _ => Err(StorageError::new("step", Cause::Unsupported, "not a step")),
        }
    }

    /// Metadata and merges.
    pub(super) async fn others(&mut self, others: Vec<Arc<Action>>) -> Result<()> {
        for group in chunks(others, STEPS) {
            let mut visible = Vec::new();
            for action in group {
                if self.is_stopped() {
                    break;
                }
                let answer = match &action.deed {
                    Deed::SetMeta { at, meta, .. } => {
                        let root = self.engine.root(action.side);
                        match root.set_meta(&locate(at), &action.expected(), meta).await {
                            Err(error) if error.cause == Cause::Unsupported => Ok(at.entry.clone()),
                            other => other,
                        }
                    }
                    Deed::Merge { .. } => {
                        visible.extend(self.merge(action).await?);
                        continue;
                    }
                    _ => continue,
                };
                match answer {
                    Ok(entry) => {
                        let done = Done {
                            entry: Some(entry),
                            read: None,
                        };
                        visible.push(Finished::new(action, done));
                    }
                    Err(error) => self.gave_up(&action, error, None)?,
                }
            }
            self.settle_and_record(visible).await?;
        }
        Ok(())
    }
}

/// A move that came to the name it was to have.
pub(super) fn landed(moved: Committed) -> Answer<Committed> {
    if moved.displaced.is_none() && moved.landed_as.is_some() && !removed!("expectation") {
        let why = "something else was there";
        return Err(StorageError::new("move", Cause::PreconditionFailed, why));
    }
    Ok(moved)
}
