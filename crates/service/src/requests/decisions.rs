//! What waits for a person: holds and conflicts.

use tandem_engine::error::EngineError;
use tandem_engine::report::{Rejection, Resolution};

use crate::answer::{Answer, ConflictView, plan::sides};
use crate::fault::{Fault, Result};
use crate::live::held_view;
use crate::request::KeepSide;
use crate::service::{OpenPair, Service};
use crate::when::When;
use crate::words;

impl Service {
    /// The pairs that were ever looked at, with their engines: the named one, or all. One that cannot be
    /// opened is passed over where all are asked.
    pub(super) async fn seen_pairs(&self, name: Option<String>) -> Result<Vec<OpenPair>> {
        let named = name.is_some();
        let names: Vec<_> = name.into_iter().collect();
        let mut open = Vec::new();
        for record in self.chosen(&names)? {
            if !self.0.profile.has_pair_state(&record.id) {
                continue;
            }
            match self.open_pair(&record).await {
                Ok(pair) => open.push(pair),
                Err(fault) if named => return Err(fault),
                Err(fault) => {
                    tracing::warn!(pair = %record.name, cause = fault.cause(), "passed over")
                }
            }
        }
        Ok(open)
    }

    pub(super) async fn held(&self, pair: Option<String>) -> Result<Answer> {
        let mut holds = Vec::new();
        for pair in self.seen_pairs(pair).await? {
            let held = pair.engine.held().map_err(|error| pair.fault(error))?;
            let view = |hold| held_view(&pair.record.name, pair.live.ends(), hold);
            holds.extend(held.iter().map(view));
        }
        Ok(Answer::Held(holds))
    }

    pub(super) async fn approve(&self, hold: &str) -> Result<Answer> {
        let pair = self.pair_of_hold(hold).await?;
        pair.engine
            .approve(hold)
            .await
            .map_err(|error| pair.fault(error))?;
        pair.engine.wake();
        Ok(Answer::Done(format!(
            "Approved. It is carried out with the next pass of {}.",
            pair.record.name
        )))
    }

    pub(super) async fn reject(&self, hold: &str, how: Rejection) -> Result<Answer> {
        let pair = self.pair_of_hold(hold).await?;
        pair.engine
            .reject(hold, how)
            .await
            .map_err(|error| pair.fault(error))?;
        let name = &pair.record.name;
        Ok(Answer::Done(match how {
            Rejection::Restore => {
                pair.engine.wake();
                format!("Rejected. What was removed is brought back with the next pass of {name}.")
            }
            Rejection::Detach => {
                format!(
                    "Rejected. The items stay as they are on each side and are no longer carried by {name}."
                )
            }
            Rejection::Pause => {
                self.pause_for_hold(name)?;
                format!("Rejected. The pair {name} is paused; “tandem pair resume {name}” goes on.")
            }
        }))
    }

    async fn pair_of_hold(&self, hold: &str) -> Result<OpenPair> {
        for pair in self.seen_pairs(None).await? {
            let held = pair.engine.held().map_err(|error| pair.fault(error))?;
            if held.iter().any(|h| h.id == hold) {
                return Ok(pair);
            }
        }
        Err(Fault::NotFound("hold", hold.to_owned()))
    }

    pub(super) async fn conflicts(&self, pair: Option<String>) -> Result<Answer> {
        let mut all = Vec::new();
        for pair in self.seen_pairs(pair).await? {
            let conflicts = pair.engine.conflicts().map_err(|error| pair.fault(error))?;
            all.extend(conflicts.into_iter().map(|conflict| ConflictView {
                id: conflict.id,
                pair: pair.record.name.clone(),
                message: words::conflict(&conflict.kind).to_owned(),
                path: conflict.path,
                copy: conflict.copy,
                kind: conflict.kind,
                sides: sides(&conflict.sides),
                since: When(conflict.since),
            }));
        }
        Ok(Answer::Conflicts(all))
    }

    pub(super) async fn resolve(&self, id: &str, keep: KeepSide) -> Result<Answer> {
        let how = match keep {
            KeepSide::Source => Resolution::Source,
            KeepSide::Destination => Resolution::Destination,
            KeepSide::Both => Resolution::Both,
            KeepSide::Merged(text) => Resolution::Merged(text.into_bytes()),
        };
        for pair in self.seen_pairs(None).await? {
            let conflicts = pair.engine.conflicts().map_err(|error| pair.fault(error))?;
            if !conflicts.iter().any(|c| c.id == id) {
                continue;
            }
            return match pair.engine.resolve(id, how).await {
                Ok(()) => {
                    pair.engine.wake();
                    Ok(Answer::Done(
                        "Decided. The version that lost is kept.".to_owned(),
                    ))
                }
                Err(EngineError::NotFound { .. }) => {
                    Err(Fault::NotFound("conflict", id.to_owned()))
                }
                Err(error) => Err(pair.fault(error)),
            };
        }
        Err(Fault::NotFound("conflict", id.to_owned()))
    }
}
