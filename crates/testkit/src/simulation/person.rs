//! The person who is asked about deletes, and the rule that none of those is done before they answer.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use tandem_core::side::Side;
use tandem_engine::Engine;
use tandem_engine::error::{EngineError, Result};
use tandem_engine::event::Event;
use tandem_engine::report::{ActionKind, HeldView, Outcome, Rejection};

use crate::seed::Rng;

type Place = (Side, String);

/// What a person was asked, and what they say.
#[derive(Debug)]
pub(super) struct Person {
    rng: Rng,
    /// Where deletes wait for an answer.
    asked: BTreeSet<Place>,
    deleted: Arc<Mutex<BTreeSet<Place>>>,
}

/// Notes where something was deleted.
#[derive(Debug, Clone)]
pub(super) struct Deleted(Arc<Mutex<BTreeSet<Place>>>);

impl Deleted {
    pub(super) fn event(&self, event: &Event) {
        if let Event::Action(line) = event
            && line.action.kind == ActionKind::Delete
            && line.outcome == Outcome::Done
        {
            let mut deleted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            deleted.insert((line.action.side, line.action.path.clone()));
        }
    }
}

impl Person {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            rng: Rng::new(seed),
            asked: BTreeSet::new(),
            deleted: Arc::default(),
        }
    }

    /// What is to hear of deletes.
    pub(super) fn deleted(&self) -> Deleted {
        Deleted(self.deleted.clone())
    }

    /// What was deleted since the last pass although nobody had answered.
    pub(super) fn unasked(&self) -> Vec<Place> {
        let mut deleted = self.deleted.lock().unwrap_or_else(PoisonError::into_inner);
        let deleted = std::mem::take(&mut *deleted);
        self.asked.intersection(&deleted).cloned().collect()
    }

    /// Hears what is held after a pass.
    pub(super) fn is_asked(&mut self, held: &[HeldView]) {
        let deletes = held.iter().filter(|hold| !hold.whole_pair);
        self.asked = deletes
            .flat_map(|hold| &hold.actions)
            .map(|action| (action.side, action.path.clone()))
            .collect();
    }

    /// Answers some of what is held.
    pub(super) async fn answer(&mut self, engine: &Engine) -> Result<()> {
        for hold in engine.held()? {
            let answered = match self.rng.below(10) {
                0..=2 => continue,
                3..=4 if !hold.whole_pair => engine.reject(&hold.id, Rejection::Restore).await,
                _ => engine.approve(&hold.id).await,
            };
            match answered {
                // What has another item in its place cannot be brought back: it stays held.
                Err(EngineError::Refused(_)) => continue,
                other => other?,
            }
            for action in &hold.actions {
                self.asked.remove(&(action.side, action.path.clone()));
            }
        }
        Ok(())
    }
}
