//! What is known of a pair beside its state: what its engine does at the moment, and why it stopped.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tandem_core::side::PerSide;
use tandem_engine::event::{Event, EventSink};
use tandem_engine::report::{HeldView as Hold, Phase, Problem, Stop};
use tokio::sync::broadcast;

use crate::answer::{ActionView, HeldView, LogView, ProblemView, ProgressView};
use crate::environment::now;
use crate::fault::{Failure, Fault, StorageWords};
use crate::state::PairState;
use crate::update::Update;
use crate::when::When;
use crate::words;

/// Progress is told at most four times a second: nobody reads faster.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

/// A pair's present.
#[derive(Debug)]
pub struct Live {
    name: String,
    ends: PerSide<StorageWords>,
    updates: broadcast::Sender<Update>,
    now: Mutex<Now>,
}

#[derive(Debug, Default)]
struct Now {
    phase: Option<Phase>,
    progress: ProgressView,
    told: Option<Instant>,
    stopped: Option<(PairState, Failure)>,
    /// What was told of that last, since a pass came to its end.
    told_stop: Option<PairState>,
}

impl Live {
    /// Of the pair `name` with these ends; what happens is told to `updates`.
    #[must_use]
    pub fn new(
        name: &str,
        ends: PerSide<StorageWords>,
        updates: broadcast::Sender<Update>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            ends,
            updates,
            now: Mutex::default(),
        }
    }

    /// What sentences about the two ends need.
    #[must_use]
    pub const fn ends(&self) -> &PerSide<StorageWords> {
        &self.ends
    }

    /// What its engine does, if it does anything.
    #[must_use]
    pub fn state(&self) -> Option<PairState> {
        let now = self.lock();
        match now.phase? {
            Phase::Still => None,
            Phase::Looking => Some(PairState::Looking),
            Phase::Syncing => Some(PairState::Syncing(now.progress.percent().min(99))),
        }
    }

    /// How far the plan under way is.
    #[must_use]
    pub fn progress(&self) -> Option<ProgressView> {
        let now = self.lock();
        (now.phase == Some(Phase::Syncing)).then(|| now.progress.clone())
    }

    /// Why it stopped, if it did.
    #[must_use]
    pub fn stopped(&self) -> Option<(PairState, Failure)> {
        self.lock().stopped.clone()
    }

    /// Notes that it stopped, and tells so if that is news.
    pub fn stop(&self, fault: &Fault) {
        let state = PairState::of_fault(fault);
        let mut present = self.lock();
        present.phase = None;
        present.stopped = Some((state.clone(), fault.failure()));
        let is_news = present.told_stop.as_ref() != Some(&state);
        present.told_stop = Some(state.clone());
        drop(present);
        if is_news {
            self.tell_state(&state);
        }
    }

    /// Notes that it goes on. Whether that comes to anything is not known yet: stopping again is no news.
    pub fn go_on(&self) {
        self.lock().stopped = None;
    }

    /// Notes how a pass ended.
    fn end(&self, stop: Option<&Stop>) {
        match stop {
            Some(stop) => {
                tracing::warn!(pair = %self.name, side = stop.side.map(tracing::field::display),
                    cause = %stop.cause, path = stop.path.as_deref(), detail = %stop.detail, "the pass stopped");
                self.stop(&Fault::of_stop(&self.ends, stop));
            }
            None => {
                let mut present = self.lock();
                (present.stopped, present.told_stop) = (None, None);
            }
        }
    }

    /// Notes that its engine does nothing any more.
    pub fn rest(&self) {
        self.lock().phase = None;
    }

    /// Tells the state to whoever listens.
    pub fn tell_state(&self, state: &PairState) {
        self.tell(Update::State {
            pair: self.name.clone(),
            state: state.name().to_owned(),
            shown: state.shown(now()),
        });
    }

    fn tell(&self, update: Update) {
        // An error means that nobody listens.
        let _ = self.updates.send(update);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventSink for Live {
    fn event(&self, event: Event) {
        match event {
            Event::Phase(phase) => {
                let mut present = self.lock();
                if present.phase == Some(phase) {
                    return;
                }
                present.phase = Some(phase);
                if phase != Phase::Syncing {
                    present.progress = ProgressView::default();
                    present.told = None;
                }
                drop(present);
                if let Some(state) = self.state() {
                    self.tell_state(&state);
                } else {
                    self.tell(Update::Rest {
                        pair: self.name.clone(),
                    });
                }
            }
            Event::Progress(progress) => {
                let progress = ProgressView {
                    actions_done: progress.actions_done,
                    actions_total: progress.actions_total,
                    bytes_done: progress.bytes_done,
                    bytes_total: progress.bytes_total,
                    under_way: progress.under_way,
                    under_way_count: progress.under_way_count,
                };
                let mut present = self.lock();
                let done = progress.actions_done >= progress.actions_total;
                let due = present.told.is_none_or(|at| at.elapsed() >= PROGRESS_EVERY);
                present.progress = progress.clone();
                if !(due || done) {
                    return;
                }
                present.told = Some(Instant::now());
                drop(present);
                self.tell(Update::Progress {
                    pair: self.name.clone(),
                    progress,
                });
            }
            Event::Ended(stop) => self.end(stop.as_ref()),
            Event::Action(line) => {
                tracing::info!(
                    pair = %self.name, side = %line.action.side, path = ?line.action.path,
                    outcome = ?line.outcome, error = line.error.as_deref().unwrap_or_default(),
                    "{}", words::kind_of_action(line.action.kind)
                );
                self.tell(Update::Action(Box::new(LogView::new(&self.name, &line))));
            }
            Event::Held(hold) => {
                tracing::warn!(pair = %self.name, guard = %hold.guard, count = hold.count, "held");
                self.tell(Update::Held(Box::new(held_view(
                    &self.name, &self.ends, &hold,
                ))));
            }
            Event::Problem(problem) => {
                if problem.is_problem {
                    tracing::warn!(pair = %self.name, side = %problem.side, path = ?problem.path,
                        why = %problem.why, detail = %problem.detail, "problem");
                }
                let problem = problem_view(&self.ends, &problem);
                self.tell(Update::Problem {
                    pair: self.name.clone(),
                    problem,
                });
            }
        }
    }
}

/// What to do, with the id that the command wants.
fn with_id(next_step: &str, id: &str) -> String {
    ["approve", "reject"]
        .iter()
        .fold(next_step.to_owned(), |text, verb| {
            text.replace(&format!("tandem {verb}"), &format!("tandem {verb} {id}"))
        })
}

/// A hold with its sentence.
#[must_use]
pub(crate) fn held_view(pair: &str, ends: &PerSide<StorageWords>, hold: &Hold) -> HeldView {
    let evidence = hold.evidence.iter().cloned().collect();
    let words = words::guard(&hold.guard, &evidence, hold.count, ends);
    HeldView {
        id: hold.id.clone(),
        pair: pair.to_owned(),
        guard: hold.guard.clone(),
        message: words.message,
        next_step: with_id(&words.next_step, &hold.id),
        whole_pair: hold.whole_pair,
        evidence,
        count: hold.count,
        since: When(hold.since),
        actions: hold.actions.iter().map(ActionView::from).collect(),
    }
}

/// A problem with its sentence.
#[must_use]
pub(crate) fn problem_view(ends: &PerSide<StorageWords>, problem: &Problem) -> ProblemView {
    let words = words::problem(problem, ends);
    ProblemView {
        side: problem.side,
        place: words::place(&ends[problem.side]),
        path: problem.path.clone(),
        why: problem.why.clone(),
        message: words.message,
        next_step: words.next_step,
        is_problem: problem.is_problem,
    }
}
