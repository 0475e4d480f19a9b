//! What waits for a person: holds and conflicts.

use futures_util::future::join;
use tandem_core::side::{PerSide, Side};
use tandem_engine::error::EngineError;
use tandem_engine::report::{Rejection, Resolution};

use crate::answer::{Answer, ConflictView, LeftOutPair, plan::sides};
use crate::comparison;
use crate::config::PairRecord;
use crate::fault::{Fault, Result};
use crate::live::held_view;
use crate::request::{KeepSide, SeenVersions};
use crate::service::{OpenPair, Service};
use crate::when::When;
use crate::words;

/// The pairs that can be asked, and those that cannot.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) open: Vec<OpenPair>,
    pub(super) left_out: Vec<(PairRecord, Fault)>,
}

impl Seen {
    /// Just this one.
    pub(super) fn one(pair: OpenPair) -> Self {
        Self {
            open: vec![pair],
            left_out: Vec::new(),
        }
    }

    /// The answer, and of which pairs it says nothing.
    pub(super) fn answer(&self, answer: Answer) -> Answer {
        if self.left_out.is_empty() {
            return answer;
        }
        let left_out = self.left_out.iter().map(|(record, fault)| LeftOutPair {
            pair: record.name.clone(),
            error: fault.failure(),
        });
        Answer::Partial(Box::new(answer), left_out.collect())
    }

    /// There is nothing of this id, or the pair that has it cannot be asked.
    fn not_found(self, what: &'static str, id: &str) -> Fault {
        let left_out = self.left_out.into_iter().next();
        left_out.map_or_else(|| Fault::NotFound(what, id.to_owned()), |(_, fault)| fault)
    }
}

impl Service {
    /// The pairs that were ever looked at, with their engines: the named one, or all.
    pub(super) async fn seen_pairs(&self, name: Option<String>) -> Result<Seen> {
        let named = name.is_some();
        let names: Vec<_> = name.into_iter().collect();
        let mut seen = Seen::default();
        for record in self.chosen(&names)? {
            if !self.0.profile.has_pair_state(&record.id) {
                continue;
            }
            match self.open_pair(&record).await {
                Ok(pair) => seen.open.push(pair),
                Err(fault) if named => return Err(fault),
                Err(fault) => seen.left_out.push((record, fault)),
            }
        }
        Ok(seen)
    }

    pub(super) async fn held(&self, pair: Option<String>) -> Result<Answer> {
        let mut holds = Vec::new();
        let seen = self.seen_pairs(pair).await?;
        for pair in &seen.open {
            let held = pair.engine.held().map_err(|error| pair.fault(error))?;
            let view = |hold| held_view(&pair.record.name, pair.live.ends(), hold);
            holds.extend(held.iter().map(view));
        }
        Ok(seen.answer(Answer::Held(holds)))
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
                self.pause_for_hold(name).await?;
                format!("Rejected. The pair {name} is paused; “tandem pair resume {name}” goes on.")
            }
        }))
    }

    async fn pair_of_hold(&self, hold: &str) -> Result<OpenPair> {
        let seen = self.seen_pairs(None).await?;
        for pair in &seen.open {
            let held = pair.engine.held().map_err(|error| pair.fault(error))?;
            if held.iter().any(|h| h.id == hold) {
                return Ok(pair.clone());
            }
        }
        Err(seen.not_found("hold", hold))
    }

    pub(super) async fn conflicts(&self, pair: Option<String>) -> Result<Answer> {
        let mut all = Vec::new();
        let seen = self.seen_pairs(pair).await?;
        for pair in &seen.open {
            let conflicts = pair.engine.conflicts().map_err(|error| pair.fault(error))?;
            all.extend(conflicts.into_iter().map(|conflict| ConflictView {
                id: conflict.id,
                pair: pair.record.name.clone(),
                message: words::conflict(&conflict.kind).to_owned(),
                path: conflict.path,
                copy: conflict.copy,
                is_settled: conflict.is_settled,
                kind: conflict.kind,
                sides: sides(&conflict.sides),
                since: When(conflict.since),
            }));
        }
        Ok(seen.answer(Answer::Conflicts(all)))
    }

    pub(super) async fn compare(&self, id: &str) -> Result<Answer> {
        let pair = self.pair_of_conflict(id).await?;
        let found = pair.engine.conflict_versions(id).await;
        let found = found.map_err(|error| pair.fault(error))?;
        let looked = PerSide::from_fn(|side| {
            let version = found[side].as_ref();
            async move {
                match version {
                    Some(version) => comparison::look(version).await.map(Some),
                    None => Ok(None),
                }
            }
        });
        let (source, destination) = join(looked.source, looked.destination).await;
        let fault = |side: Side| {
            let pair = &pair;
            move |error| pair.fault(EngineError::Storage { side, error })
        };
        let looked = PerSide::new(
            source.map_err(fault(Side::Source))?,
            destination.map_err(fault(Side::Destination))?,
        );
        let view = comparison::compare(id, looked);
        Ok(Answer::Comparison(Box::new(view)))
    }

    pub(super) async fn resolve(
        &self,
        id: &str,
        keep: KeepSide,
        seen: Option<SeenVersions>,
    ) -> Result<Answer> {
        let how = match keep {
            KeepSide::Source => Resolution::Source,
            KeepSide::Destination => Resolution::Destination,
            KeepSide::Both => Resolution::Both,
            KeepSide::Merged(text) => Resolution::Merged(text.into_bytes()),
        };
        let said = match &how {
            Resolution::Merged(_) => "Decided. Both versions before are kept.",
            _ => "Decided. The version that lost is kept.",
        };
        let seen = seen.map(|seen| PerSide::new(seen.source, seen.destination));
        let pair = self.pair_of_conflict(id).await?;
        match pair.engine.resolve_seen(id, how, seen.as_ref()).await {
            Ok(()) => {
                pair.engine.wake();
                Ok(Answer::Done(said.to_owned()))
            }
            Err(EngineError::NotFound { .. }) => Err(Fault::NotFound("conflict", id.to_owned())),
            Err(error) => Err(pair.fault(error)),
        }
    }

    async fn pair_of_conflict(&self, id: &str) -> Result<OpenPair> {
        let seen = self.seen_pairs(None).await?;
        for pair in &seen.open {
            let conflicts = pair.engine.conflicts().map_err(|error| pair.fault(error))?;
            if conflicts.iter().any(|c| c.id == id) {
                return Ok(pair.clone());
            }
        }
        Err(seen.not_found("conflict", id))
    }
}
