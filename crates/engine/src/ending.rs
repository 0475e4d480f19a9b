//! How passes end: told, and kept, so that a process that comes later knows it too.

use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};
use tandem_core::error::Cause;
use tandem_core::time::Timestamp;

use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::event::Event;
use crate::report::{LastPass, Stop, Summary};

/// Where it is kept.
const KEY: &str = "last_pass";

/// As it is kept.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kept {
    UnderWay,
    Done(i64),
    Stopped(Stop),
}

impl Engine {
    /// How the last pass ended, as far as that says more than that there is one.
    ///
    /// # Errors
    /// A state that cannot be read.
    pub fn last_pass(&self) -> Result<LastPass> {
        let state = self.state();
        let is_finished = state.meta("finished")?.is_some();
        let kept = state.meta(KEY)?;
        // What another version wrote there says nothing to this one.
        let kept = kept.and_then(|text| serde_json::from_str(&text).ok());
        Ok(match kept {
            Some(Kept::Stopped(stop)) => LastPass::Stopped(stop),
            _ if !is_finished => LastPass::Unfinished { is_first: true },
            Some(Kept::UnderWay) => LastPass::Unfinished { is_first: false },
            Some(Kept::Done(at)) => LastPass::Done(Some(Timestamp(at))),
            None => LastPass::Done(None),
        })
    }

    /// Whether the first sync was finished once.
    ///
    /// # Errors
    /// A state that cannot be read.
    pub fn is_synced(&self) -> Result<bool> {
        Ok(self.state().meta("finished")?.is_some())
    }

    /// Whether an earlier run was cut off in the middle of something, and no pass has ended since: passes that follow
    /// hints are not noted when they begin.
    #[must_use]
    pub fn was_cut_off(&self) -> bool {
        self.cut_off.load(Ordering::Relaxed)
    }

    /// A pass that looks at everything begins. Others, which follow hints, are too many to be noted.
    pub(crate) fn note_begin(&self, is_whole: bool) {
        if is_whole {
            self.keep(&Kept::UnderWay);
        }
    }

    /// A pass ended.
    pub(crate) fn note_end(&self, done: &Result<Summary>, is_whole: bool) {
        let stop = match done {
            Ok(summary) => self.stop_of_summary(summary),
            Err(error) => Some(self.stop_of(error)),
        };
        if stop.is_none() {
            self.cut_off.store(false, Ordering::Relaxed);
        }
        match &stop {
            Some(stop) => self.keep(&Kept::Stopped(stop.clone())),
            None if is_whole || self.was_stopped() => self.keep(&Kept::Done(self.now().0)),
            None => {}
        }
        self.setup.events.event(Event::Ended(stop));
    }

    fn was_stopped(&self) -> bool {
        matches!(self.last_pass(), Ok(LastPass::Stopped(_)))
    }

    fn stop_of_summary(&self, summary: &Summary) -> Option<Stop> {
        let name = summary.stopped.as_ref()?;
        let cause = Cause::ALL.iter().find(|cause| cause.name() == name);
        Some(Stop {
            side: summary.stopped_at,
            cause: cause.unwrap_or(&Cause::Other).name().to_owned(),
            path: None,
            detail: String::new(),
            at: self.now().0,
        })
    }

    fn stop_of(&self, error: &EngineError) -> Stop {
        let (side, cause, path, detail) = match error {
            EngineError::Storage { side, error } => {
                let path = error.path.as_ref().map(|path| path.as_str().to_owned());
                (Some(*side), error.cause, path, error.detail.clone())
            }
            other => (None, Cause::Other, None, other.to_string()),
        };
        Stop {
            side,
            cause: cause.name().to_owned(),
            path,
            detail,
            at: self.now().0,
        }
    }

    /// What cannot be kept is known to this process all the same.
    fn keep(&self, kept: &Kept) {
        let Ok(text) = serde_json::to_string(kept) else {
            return;
        };
        if let Err(error) = self.state().set_meta(KEY, &text) {
            tracing::warn!(%error, "how the pass ended could not be noted");
        }
    }
}
