//! `run`: keeps all pairs in step until it is stopped, restarts what ends, waits for what is not there yet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tandem_core::time::Timestamp;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::MissedTickBehavior;

use crate::config::PairRecord;
use crate::environment::{now, random};
use crate::fault::Fault;
use crate::service::{OpenPair, Service};
use crate::state::PairState;

/// The first pause after an engine ended, and the longest.
const SOONEST: Duration = Duration::from_secs(1);
const LATEST: Duration = Duration::from_secs(300);
/// After so long without an end the pauses begin anew.
const HEALTHY: Duration = Duration::from_secs(60);

/// How often what storages were used for is noted.
const NOTED: Duration = Duration::from_secs(60);

/// Before work that broke off is begun again: what broke it may still be there.
const AFTER_BREAK: Duration = Duration::from_secs(60);

/// Stops its pair's work when it is dropped.
struct Working(AbortHandle);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// That pairs are kept in step, for as long as it is kept.
struct Running<'a>(&'a AtomicBool);

impl<'a> Running<'a> {
    fn begin(running: &'a AtomicBool) -> Self {
        running.store(true, Ordering::Relaxed);
        Self(running)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Service {
    /// Keeps all pairs in step. Ends only by being dropped.
    pub async fn run(&self) {
        // Nothing is carried before it is known whether it may be.
        self.look_around().await;
        self.take_back_unstarted().await;
        let _running = Running::begin(&self.0.running);
        tokio::select! {
            () = self.keep_working() => {}
            () = self.hear_surroundings() => {}
        }
    }

    async fn keep_working(&self) {
        let mut changed = self.0.changed.subscribe();
        let mut working: BTreeMap<String, (PairRecord, Working)> = BTreeMap::new();
        let mut tasks = JoinSet::new();
        let mut broken = BTreeSet::new();
        let mut noted = tokio::time::interval(NOTED);
        noted.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            changed.borrow_and_update();
            let pairs = self.config().pairs;
            // A pair that was changed is begun anew, but not for a pause alone: its work hears of that itself. What
            // ended is begun anew as well.
            working.retain(|id, (record, task)| {
                !task.0.is_finished()
                    && pairs.iter().any(|p| p.id == *id && is_same_work(p, record))
            });
            for record in pairs {
                working.entry(record.id.clone()).or_insert_with(|| {
                    let after = broken.remove(&record.id).then_some(AFTER_BREAK);
                    let changed = self.0.changed.subscribe();
                    let task = tasks.spawn(work(self.clone(), record.clone(), changed, after));
                    (record, Working(task))
                });
            }
            tokio::select! {
                changed = changed.changed() => if changed.is_err() {
                    return;
                },
                Some(ended) = tasks.join_next_with_id() => if let Err(error) = ended
                    && error.is_panic()
                {
                    let task = working.values().find(|(_, task)| task.0.id() == error.id());
                    if let Some((record, _)) = task {
                        broken.insert(record.id.clone());
                        self.note_broken(record).await;
                    }
                },
                _ = noted.tick() => {
                    self.0.storages.note_usage();
                    if self.0.storages.usage().is_changed() {
                        let service = self.clone();
                        // It writes a file. Nobody waits for it.
                        tokio::task::spawn_blocking(move || service.0.storages.usage().save());
                    }
                },
            }
        }
    }

    /// A pair's work broke off. Its engine is let go: what it was in the middle of is nothing to go on with.
    async fn note_broken(&self, record: &PairRecord) {
        tracing::error!(pair = %record.name, "its work broke off");
        let closed = self.close_pairs(std::slice::from_ref(record)).await;
        drop(closed);
        let live = self.live(record);
        live.rest();
        live.stop(&Fault::Broken(record.name.clone()));
    }
}

/// Whether two records differ in nothing but a pause and whether the database is there.
fn is_same_work(a: &PairRecord, b: &PairRecord) -> bool {
    let work = |record: &PairRecord| PairRecord {
        unstarted: false,
        paused: None,
        paused_with_all: None,
        despite: Vec::new(),
        is_new: false,
        ..record.clone()
    };
    work(a) == work(b)
}

/// Works on one pair for as long as it exists.
async fn work(
    service: Service,
    record: PairRecord,
    mut changed: watch::Receiver<u64>,
    after: Option<Duration>,
) {
    if let Some(after) = after {
        tokio::time::sleep(after).await;
    }
    let mut pause = SOONEST;
    loop {
        wait_while_at_rest(&service, &record, &mut changed).await;
        // What was removed or changed meanwhile is not opened again: the supervisor begins it anew.
        let pairs = service.config().pairs;
        if !pairs
            .iter()
            .any(|p| p.id == record.id && is_same_work(p, &record))
        {
            return;
        }
        let began = tokio::time::Instant::now();
        match service.open_pair(&record).await {
            Ok(pair) => run_engine(&service, pair, &mut changed).await,
            Err(fault) => {
                tracing::warn!(pair = %record.name, cause = fault.cause(), "it cannot be opened")
            }
        }
        if began.elapsed() > HEALTHY {
            pause = SOONEST;
        }
        // Spread, so that many pairs on one server do not come back all at once.
        let spread = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX) / 4;
        let jitter = Duration::from_millis(random() % spread.max(1));
        tokio::select! {
            () = tokio::time::sleep(pause + jitter) => {}
            _ = changed.changed() => {}
        }
        pause = (pause * 2).min(LATEST);
    }
}

/// Lets the engine run until it ends, is asked for, or is to rest. What is under way then is let go of, as at the
/// program's end, and gone on with later.
async fn run_engine(service: &Service, pair: OpenPair, changed: &mut watch::Receiver<u64>) {
    let mut closing = pair.closing.clone();
    let running = pair.engine.run();
    tokio::pin!(running);
    while rest_of(service, &pair.record).is_none() {
        tokio::select! {
            ended = &mut running => {
                pair.live.rest();
                if let Err(error) = ended {
                    let fault = pair.fault(error);
                    tracing::warn!(pair = %pair.record.name, cause = fault.cause(), "it stopped");
                    pair.live.stop(&fault);
                }
                return;
            }
            _ = closing.wait_for(|closing| *closing) => break,
            _ = changed.changed() => {}
        }
    }
    pair.live.rest();
}

/// The state of a pair that is not to be worked on, as it is configured now.
fn rest_of(service: &Service, record: &PairRecord) -> Option<PairState> {
    let pairs = service.config().pairs;
    let pair = pairs.iter().find(|p| p.id == record.id);
    pair.and_then(|pair| service.rest_of(pair))
}

async fn wait_while_at_rest(
    service: &Service,
    record: &PairRecord,
    changed: &mut watch::Receiver<u64>,
) {
    let mut told = None;
    while let Some(state) = rest_of(service, record) {
        let end = match &state {
            PairState::Paused(end) => *end,
            _ => None,
        };
        if told.as_ref() != Some(&state) {
            service.live(record).tell_state(&state);
            told = Some(state);
        }
        tokio::select! {
            _ = changed.changed() => {}
            () = until(end) => {}
        }
    }
}

/// Ends at `end` by the wall clock, which may jump: it is asked again every minute.
async fn until(end: Option<Timestamp>) {
    let Some(end) = end else {
        return std::future::pending().await;
    };
    loop {
        let left = end.0.saturating_sub(now().0);
        if left <= 0 {
            return;
        }
        let nanos = u64::try_from(left).unwrap_or(u64::MAX);
        tokio::time::sleep(Duration::from_nanos(nanos).min(Duration::from_secs(60))).await;
    }
}
