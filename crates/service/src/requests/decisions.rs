//! What waits for a person: holds and conflicts.

use std::collections::BTreeMap;

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

/// Between a pair's name and what is its own. A pair's name has none.
const OF_PAIR: char = ':';

/// An id says what something is about, not in which pair: where two pairs have the same, the pair is named with it.
fn name_apart<T>(all: &mut [T], parts: impl Fn(&mut T) -> (&String, &mut String)) {
    let mut times = BTreeMap::<String, u32>::new();
    for one in &mut *all {
        *times.entry(parts(one).1.clone()).or_default() += 1;
    }
    for one in all {
        let (pair, id) = parts(one);
        if times.get(id.as_str()).is_some_and(|times| *times > 1) {
            *id = format!("{pair}{OF_PAIR}{id}");
        }
    }
}

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
        name_apart(&mut holds, |hold| (&hold.pair, &mut hold.id));
        Ok(seen.answer(Answer::Held(holds)))
    }

    pub(super) async fn held_whole(&self, id: &str) -> Result<Answer> {
        let (pair, own) = self.pair_of_hold(id).await?;
        let held = pair.engine.held_whole(&own);
        let held = held.map_err(|error| pair.fault(error))?;
        let mut view = held_view(&pair.record.name, pair.live.ends(), &held);
        id.clone_into(&mut view.id);
        Ok(Answer::Held(vec![view]))
    }

    pub(super) async fn approve(&self, hold: &str) -> Result<Answer> {
        let (pair, hold) = self.pair_of_hold(hold).await?;
        pair.engine
            .approve(&hold)
            .await
            .map_err(|error| pair.fault(error))?;
        pair.engine.wake();
        Ok(Answer::Done(format!(
            "Approved. It is carried out with the next pass of {}.",
            pair.record.name
        )))
    }

    pub(super) async fn reject(&self, hold: &str, how: Rejection) -> Result<Answer> {
        let (pair, hold) = self.pair_of_hold(hold).await?;
        pair.engine
            .reject(&hold, how)
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

    async fn pair_of_hold(&self, id: &str) -> Result<(OpenPair, String)> {
        self.pair_with("hold", id, |pair| {
            let held = pair.engine.held().map_err(|error| pair.fault(error))?;
            Ok(held.into_iter().map(|hold| hold.id).collect())
        })
        .await
    }

    async fn pair_of_conflict(&self, id: &str) -> Result<(OpenPair, String)> {
        self.pair_with("conflict", id, |pair| {
            let conflicts = pair.engine.conflicts();
            let conflicts = conflicts.map_err(|error| pair.fault(error))?;
            Ok(conflicts.into_iter().map(|conflict| conflict.id).collect())
        })
        .await
    }

    /// The one pair that has something of this id, or of this `PAIR:ID`, and what it calls it itself.
    async fn pair_with(
        &self,
        what: &'static str,
        id: &str,
        ids: impl Fn(&OpenPair) -> Result<Vec<String>>,
    ) -> Result<(OpenPair, String)> {
        let (name, own) = match id.rsplit_once(OF_PAIR) {
            Some((name, own)) => (Some(name.to_owned()), own),
            None => (None, id),
        };
        let seen = self.seen_pairs(name).await?;
        let mut found = Vec::new();
        for pair in &seen.open {
            if ids(pair)?.iter().any(|known| known == own) {
                found.push(pair.clone());
            }
        }
        match found.len() {
            0 => Err(seen.not_found(what, id)),
            1 => Ok((found.remove(0), own.to_owned())),
            _ => Err(Fault::Refused(format!(
                "several pairs have a {what} {id}, so that it is to be named as PAIR{OF_PAIR}{id}"
            ))),
        }
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
        name_apart(&mut all, |conflict| (&conflict.pair, &mut conflict.id));
        Ok(seen.answer(Answer::Conflicts(all)))
    }

    pub(super) async fn compare(&self, id: &str) -> Result<Answer> {
        let (pair, own) = self.pair_of_conflict(id).await?;
        let found = pair.engine.conflict_versions(&own).await;
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
        let (pair, own) = self.pair_of_conflict(id).await?;
        match pair.engine.resolve_seen(&own, how, seen.as_ref()).await {
            Ok(()) => {
                pair.engine.wake();
                Ok(Answer::Done(said.to_owned()))
            }
            Err(EngineError::NotFound { .. }) => Err(Fault::NotFound("conflict", id.to_owned())),
            Err(error) => Err(pair.fault(error)),
        }
    }
}
