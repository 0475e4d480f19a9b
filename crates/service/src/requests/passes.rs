//! Preview, one pass, and how the pairs are.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tandem_core::error::Cause;
use tandem_core::side::Side;
use tandem_engine::report::{LastPass, LogQuery, PlannedAction, Summary};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use crate::answer::{
    ActionView, Answer, LogView, PairStatus, PreviewView, SyncView, TotalsView, WarningView,
};
use crate::config::PairRecord;
use crate::environment::now;
use crate::fault::{Failure, Fault, Result, StorageWords};
use crate::live::{Live, held_view, problem_view};
use crate::service::{OpenPair, Service};
use crate::state::{PairState, WaitsFor};
use crate::update::{Update, Updates};
use crate::when::When;
use crate::words::{self, Words};

/// How often `status --watch` looks for itself, besides being told. Each look costs processor time at rest.
const WATCH_EVERY: Duration = Duration::from_secs(30);
/// At most four times a second.
const WATCH_SOONEST: Duration = Duration::from_millis(250);

/// Of a plan so many actions are listed; the totals count all. An answer is one document and must fit into memory,
/// here and where it is read.
const MOST_LISTED: usize = 100_000;

impl Service {
    pub(super) async fn preview(&self, names: &[String]) -> Result<Answer> {
        let mut previews = Vec::new();
        for record in self.chosen(names)? {
            previews.push(match self.preview_one(&record).await {
                Ok(preview) => preview,
                Err(fault) => PreviewView {
                    name: record.name.clone(),
                    error: Some(fault.failure()),
                    ..PreviewView::default()
                },
            });
        }
        Ok(Answer::Previews(previews))
    }

    async fn preview_one(&self, record: &PairRecord) -> Result<PreviewView> {
        let pair = self.open_pair(record).await?;
        let preview = pair
            .engine
            .preview()
            .await
            .map_err(|error| pair.fault(error))?;
        let ends = pair.live.ends();
        let (actions, actions_left_out) = listed(&preview.actions, MOST_LISTED);
        Ok(PreviewView {
            name: record.name.clone(),
            actions,
            actions_left_out,
            totals: TotalsView::from(&preview.totals),
            held: preview
                .held
                .iter()
                .map(|hold| held_view(&record.name, ends, hold))
                .collect(),
            left_out: preview
                .left_out
                .iter()
                .map(|p| problem_view(ends, p))
                .collect(),
            warnings: preview
                .warnings
                .iter()
                .map(|warning| {
                    let Words { message, next_step } = words::warning(warning, ends);
                    WarningView { message, next_step }
                })
                .collect(),
            error: None,
        })
    }

    pub(super) async fn sync(
        &self,
        names: &[String],
        actions: bool,
        updates: &Updates,
    ) -> Result<Answer> {
        let mut done = Vec::new();
        // One after the other: what a pair brings to a shared folder is carried on by the next.
        for record in self.chosen(names)? {
            done.push(self.sync_one(&record, actions, updates).await);
        }
        Ok(Answer::Synced(done))
    }

    async fn sync_one(&self, record: &PairRecord, actions: bool, updates: &Updates) -> SyncView {
        self.look_around().await;
        if let Some(rests) = self.rest_of(record) {
            return sync_view(record, &rests, &Summary::default(), None);
        }
        let pair = match self.open_pair(record).await {
            Ok(pair) => pair,
            Err(fault) => return stopped_view(record, &fault),
        };
        let result = self.watched_pass(&pair, actions, updates).await;
        pair.live.rest();
        match result {
            Ok(summary) => {
                let (state, failure) = state_of(&pair.live, &summary);
                sync_view(record, &state, &summary, failure)
            }
            Err(fault) => {
                pair.live.stop(&fault);
                stopped_view(record, &fault)
            }
        }
    }

    /// A pass, with what happens in it told.
    async fn watched_pass(
        &self,
        pair: &OpenPair,
        actions: bool,
        updates: &Updates,
    ) -> Result<Summary> {
        let mut events = self.listen();
        let newest = LogQuery {
            limit: Some(1),
            ..LogQuery::default()
        };
        let before = pair.engine.log(&newest).ok();
        let before = before.and_then(|lines| lines.first().map(|line| line.id));
        let mut teller = Teller {
            pair,
            actions,
            updates,
            told: before.unwrap_or(0),
        };
        let (ended, mut end) = tokio::sync::oneshot::channel();
        let pass = async {
            let result = pair.engine.sync().await;
            // Those who are told listen until then.
            let _ = ended.send(());
            result
        };
        // Beside the pass: whoever listens slowly does not hold it up.
        let telling = async {
            loop {
                tokio::select! {
                    biased;
                    _ = &mut end => break,
                    event = events.recv() => teller.tell(event).await,
                }
            }
            loop {
                match events.try_recv() {
                    Ok(event) => teller.tell(Ok(event)).await,
                    Err(TryRecvError::Lagged(n)) => teller.tell(Err(RecvError::Lagged(n))).await,
                    Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                }
            }
        };
        let (result, ()) = tokio::join!(pass, telling);
        result.map_err(|error| pair.fault(error))
    }

    pub(super) async fn status(
        &self,
        pair: Option<String>,
        problems: bool,
        watch: bool,
        updates: &Updates,
    ) -> Result<Answer> {
        let names: Vec<_> = pair.into_iter().collect();
        let mut events = self.listen();
        let mut changed = self.0.changed.subscribe();
        loop {
            let mut pairs = Vec::new();
            self.look_around().await;
            for record in self.chosen(&names)? {
                pairs.push(self.status_of(&record, problems).await);
            }
            if !watch {
                return Ok(Answer::Status(pairs));
            }
            if updates
                .send(Update::Status {
                    pairs: pairs.clone(),
                })
                .await
                .is_err()
            {
                return Ok(Answer::Status(pairs));
            }
            tokio::time::sleep(WATCH_SOONEST).await;
            tokio::select! {
                _ = events.recv() => {}
                _ = changed.changed() => {}
                () = tokio::time::sleep(WATCH_EVERY) => {}
            }
            while !matches!(events.try_recv(), Err(TryRecvError::Empty)) {}
        }
    }

    /// How a pair is.
    pub(crate) async fn status_of(&self, record: &PairRecord, list: bool) -> PairStatus {
        let live = self.live(record);
        let mut status = PairStatus {
            id: record.id.clone(),
            name: record.name.clone(),
            source: self.location(&record.source).to_string(),
            destination: self.location(&record.destination).to_string(),
            state: String::new(),
            shown: String::new(),
            error: None,
            items: 0,
            held: 0,
            conflicts: 0,
            problems: 0,
            left_out: 0,
            looked: None,
            is_synced: false,
            can_go_on: record.paused_at(now()).is_none() && self.hindrance(record).is_some(),
            is_watched: self.0.running.load(Ordering::Relaxed),
            progress: live.progress(),
            not_in_step: Vec::new(),
        };
        let state = match self.known_state(record, &live, list, &mut status).await {
            Ok(state) => state,
            Err(fault) => {
                status.error = Some(fault.failure());
                PairState::of_fault(&fault)
            }
        };
        state.name().clone_into(&mut status.state);
        status.shown = state.shown(now());
        status
    }

    async fn known_state(
        &self,
        record: &PairRecord,
        live: &Live,
        list: bool,
        status: &mut PairStatus,
    ) -> Result<PairState> {
        let rests = self.rest_of(record);
        if !self.0.profile.has_pair_state(&record.id) {
            // Not opened only to be asked: that would make a database.
            if let Some((state, failure)) = live.stopped() {
                status.error = Some(failure);
                return Ok(rests.unwrap_or(state));
            }
            return Ok(rests.unwrap_or(PairState::Waiting(WaitsFor::FirstSync)));
        }
        let pair = self.open_pair(record).await?;
        let summary = pair.engine.summary().map_err(|error| pair.fault(error))?;
        status.items = summary.items;
        status.held = summary.held;
        status.conflicts = summary.conflicts;
        status.problems = summary.problems;
        status.left_out = summary.left_out;
        let last = pair.engine.last_pass().map_err(|error| pair.fault(error))?;
        if let LastPass::Done(at) = &last {
            status.looked = at.map(When);
        }
        status.is_synced = pair.engine.is_synced().map_err(|error| pair.fault(error))?;
        if list {
            let problems = pair.engine.problems().map_err(|error| pair.fault(error))?;
            status.not_in_step = problems
                .iter()
                .map(|p| problem_view(live.ends(), p))
                .collect();
        }
        if let Some(rests) = rests {
            return Ok(rests);
        }
        if let Some(working) = live.state() {
            return Ok(working);
        }
        if let Some((state, failure)) = live.stopped() {
            status.error = Some(failure);
            return Ok(state);
        }
        match last {
            LastPass::Stopped(stop) => Err(Fault::of_stop(live.ends(), &stop)),
            LastPass::Unfinished { .. } if summary.held > 0 => Ok(PairState::Held),
            LastPass::Unfinished { is_first: true } => Ok(PairState::Waiting(WaitsFor::FirstSync)),
            LastPass::Unfinished { is_first: false } => Ok(PairState::Waiting(WaitsFor::Sync)),
            LastPass::Done(_) => {
                let (state, failure) = state_of(live, &summary);
                status.error = failure;
                if state == PairState::InStep && pair.engine.was_cut_off() {
                    return Ok(PairState::Waiting(WaitsFor::Sync));
                }
                Ok(state)
            }
        }
    }
}

/// At most `most` actions, and how many more there are.
fn listed(actions: &[PlannedAction], most: usize) -> (Vec<ActionView>, u64) {
    let listed = &actions[..actions.len().min(most)];
    let rest = actions.len() - listed.len();
    (listed.iter().map(ActionView::from).collect(), rest as u64)
}

/// Tells what happens in one pair's pass.
struct Teller<'a> {
    pair: &'a OpenPair,
    actions: bool,
    updates: &'a Updates,
    /// The number of the last action told: they are done and told in the order of the journal.
    told: u64,
}

impl Teller<'_> {
    async fn tell(&mut self, event: std::result::Result<Update, RecvError>) {
        match event {
            Ok(Update::Action(line)) => {
                if self.actions && line.pair == self.pair.record.name {
                    self.action(*line).await;
                }
            }
            Ok(update) => {
                if of_pair(&update) == Some(self.pair.record.name.as_str()) {
                    let _ = self.updates.send(update).await;
                }
            }
            Err(_) => self.catch_up().await,
        }
    }

    /// Tells the actions that were missed, from the journal.
    async fn catch_up(&mut self) {
        if !self.actions {
            return;
        }
        let query = LogQuery {
            after: Some(self.told),
            ..LogQuery::default()
        };
        match self.pair.engine.log(&query) {
            Ok(lines) => {
                for line in lines {
                    let line = LogView::new(&self.pair.record.name, &line);
                    self.action(line).await;
                }
            }
            Err(error) => tracing::warn!(%error, "actions could not be told"),
        }
    }

    /// Each action once, also if it is found in the journal before it is heard of.
    async fn action(&mut self, line: LogView) {
        let number = line.number();
        if number > self.told {
            self.told = number;
            let _ = self.updates.send(Update::Action(Box::new(line))).await;
        }
    }
}

/// The pair that an update is about.
pub(super) fn of_pair(update: &Update) -> Option<&str> {
    match update {
        Update::State { pair, .. }
        | Update::Rest { pair }
        | Update::Progress { pair, .. }
        | Update::Problem { pair, .. } => Some(pair),
        Update::Held(hold) => Some(&hold.pair),
        Update::Action(line) => Some(&line.pair),
        Update::Step { .. }
        | Update::SignIn { .. }
        | Update::Status { .. }
        | Update::Cost { .. } => None,
    }
}

/// The state that a summary stands for, and why it stopped, if it did.
pub(crate) fn state_of(live: &Live, summary: &Summary) -> (PairState, Option<Failure>) {
    if let Some(stopped) = &summary.stopped {
        let cause = Cause::ALL
            .iter()
            .copied()
            .find(|c| c.name() == stopped)
            .unwrap_or(Cause::Other);
        let ends = live.ends();
        let side = summary.stopped_at.unwrap_or(Side::Destination);
        let words: StorageWords = ends[side].clone();
        let error = tandem_core::error::StorageError::new("sync", cause, "");
        let fault = Fault::Storage(Box::new(words), Box::new(error));
        return (PairState::of_cause(cause), Some(fault.failure()));
    }
    let state = match summary {
        Summary { held: 1.., .. } => PairState::Held,
        Summary {
            problems, failed, ..
        } if problems + failed > 0 => PairState::Problems((*problems).max(*failed)),
        _ => PairState::InStep,
    };
    (state, None)
}

pub(super) fn stopped_view(record: &PairRecord, fault: &Fault) -> SyncView {
    let state = PairState::of_fault(fault);
    let mut view = sync_view(record, &state, &Summary::default(), Some(fault.failure()));
    view.exit = view
        .exit
        .max(if matches!(state, PairState::StorageDisabled(_)) {
            0
        } else {
            fault.exit()
        });
    view
}

pub(super) fn sync_view(
    record: &PairRecord,
    state: &PairState,
    summary: &Summary,
    error: Option<Failure>,
) -> SyncView {
    SyncView {
        name: record.name.clone(),
        state: state.name().to_owned(),
        shown: state.shown(now()),
        exit: state.exit(),
        run: summary.run.map(|run| format!("{}:{run}", record.name)),
        done: summary.done,
        failed: summary.failed,
        adopted: summary.adopted,
        conflicts: summary.conflicts,
        held: summary.held,
        problems: summary.problems,
        left_out: summary.left_out,
        items: summary.items,
        bytes: summary.bytes,
        error,
    }
}

#[cfg(test)]
mod tests {
    use tandem_core::plan::Reason;
    use tandem_core::side::Side;
    use tandem_engine::report::ActionKind;

    use super::*;

    #[test]
    fn of_many_actions_the_first_are_listed_and_the_rest_counted() {
        let action = |n: u64| PlannedAction {
            kind: ActionKind::Create,
            side: Side::Source,
            path: n.to_string(),
            to: None,
            bytes: 0,
            reason: Reason::CreatedOn(Side::Destination),
        };
        let actions: Vec<_> = (0..5).map(action).collect();
        for (most, shown, rest) in [(0, 0, 5), (2, 2, 3), (5, 5, 0), (9, 5, 0)] {
            let (views, left_out) = listed(&actions, most);
            assert_eq!((views.len(), left_out), (shown, rest), "{most}");
        }
        assert_eq!(listed(&actions, 2).0[1].path, "1");
    }
}
