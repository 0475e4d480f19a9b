//! Keeps the pair in step for as long as it is let: hints lead to looks, looks to passes.

use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::{FutureExt, StreamExt};
use tandem_core::error::{Cause, ErrorKind};
use tandem_core::guard::Guard;
use tandem_core::path::RelPath;
use tandem_core::side::{PerSide, Side};
use tandem_core::storage::Hint;

use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::observe::{Doubt, is_unreadable};
use crate::report::Summary;

/// The longest wait after a failure, in seconds.
const LONGEST_BACKOFF: u64 = 300;

/// So much later than the quiet time a hint is followed, in milliseconds: what was saved has then rested.
const SLACK: u64 = 5;

/// What did not work is tried again after so many seconds first, and after so many at the latest.
const RETRIES: (u64, u64) = (60, 30 * 60);

/// What the engine waits for between passes.
struct Waiting {
    /// When everything was looked at last, by the time since the start.
    looked: Duration,
    /// The same of each side alone.
    polled: PerSide<Duration>,
    /// When what did not work is tried again.
    retry: Option<Duration>,
    /// How often that was put off.
    retries: u32,
    /// Passes in a row that were stopped.
    failures: u32,
    /// How long the storage that stopped the last one said to wait.
    told: Option<Duration>,
}

impl Waiting {
    const fn since(now: Duration) -> Self {
        Self {
            looked: now,
            polled: PerSide::new(now, now),
            retry: None,
            retries: 0,
            failures: 0,
            told: None,
        }
    }

    /// A pass that began by looking at `all` of these sides came to its end.
    fn passed(&mut self, now: Duration, all: PerSide<bool>) {
        self.failures = 0;
        for side in Side::BOTH {
            if all[side] {
                self.polled[side] = now;
            }
        }
        if all.source && all.destination {
            self.looked = now;
        }
    }

    /// Puts the next try off, longer from time to time, or forgets it if nothing is left to try.
    fn set_retry(&mut self, now: Duration, is_needed: bool) {
        if !is_needed {
            (self.retry, self.retries) = (None, 0);
        } else if self.retry.is_none_or(|at| at <= now) {
            let (first, latest) = RETRIES;
            let wait = (first << self.retries.min(9)).min(latest);
            self.retry = Some(now + Duration::from_secs(wait));
            self.retries += 1;
        }
    }

    fn is_retry_due(&self, now: Duration) -> bool {
        self.retry.is_some_and(|at| at <= now)
    }
}

impl Engine {
    /// Keeps the pair in step until the future is dropped. What the storages cannot do at the moment is
    /// waited for.
    ///
    /// # Errors
    /// What waiting cannot mend: a damaged or newer state.
    pub async fn run(&self) -> Result<()> {
        let mut doubts = everything();
        let mut waiting = Waiting::since(self.uptime());
        // The first wait starts the watching: what happens during the first pass is not missed.
        self.start_watching().await;
        loop {
            if !doubts.source.is_empty() || !doubts.destination.is_empty() {
                self.pass_within(std::mem::take(&mut doubts), &mut waiting)
                    .await?;
            }
            doubts = if waiting.failures > 0 {
                let backoff = (1u64 << waiting.failures.min(9)).min(LONGEST_BACKOFF);
                let told = waiting.told.take().unwrap_or_default();
                self.rest(Duration::from_secs(backoff).max(told)).await;
                everything()
            } else {
                self.next_doubts(&waiting).await?
            };
        }
    }

    /// One pass, and what follows from it for the next.
    async fn pass_within(&self, doubts: PerSide<Doubt>, waiting: &mut Waiting) -> Result<()> {
        let all = PerSide::from_fn(|side| doubts[side].all);
        match self.pass(doubts, false).await {
            Ok(summary) if summary.stopped.is_none() => {
                waiting.passed(self.uptime(), all);
                waiting.set_retry(self.uptime(), self.is_retry_needed(&summary)?);
            }
            Ok(_) => waiting.failures += 1,
            Err(EngineError::Storage { error, .. }) => {
                waiting.failures += 1;
                if let ErrorKind::Transient { retry_after } = error.kind {
                    waiting.told = retry_after;
                }
            }
            Err(EngineError::Refused(_)) => waiting.failures += 1,
            Err(other) => return Err(other),
        }
        Ok(())
    }

    fn uptime(&self) -> Duration {
        self.setup.environment.uptime()
    }

    /// Whether something did not work, or waits for room, without a hint to come when that has changed.
    fn is_retry_needed(&self, summary: &Summary) -> Result<bool> {
        let waits_for_room = self.state().holding_guards()?.contains(&Guard::FreeSpace);
        Ok(summary.failed > 0 || waits_for_room || !self.to_be_retried()?.is_empty())
    }

    /// What could not be read or carried.
    fn to_be_retried(&self) -> Result<Vec<(Side, RelPath)>> {
        let state = self.state();
        let mut rows = state.problems_of("execute")?;
        rows.extend(
            state
                .problems_of("look")?
                .into_iter()
                .filter(|row| is_unreadable(&row.why)),
        );
        let places = rows
            .iter()
            .filter_map(|row| Some((row.side, RelPath::new(&row.path).ok()?)));
        Ok(places.collect())
    }

    /// Looks where something did not work; what else is to be done follows from what is known.
    fn add_retries(&self, doubts: &mut PerSide<Doubt>) -> Result<()> {
        doubts.source.add(RelPath::root(), false);
        for (side, path) in self.to_be_retried()? {
            if self.state().folder_by_path(side, &path)?.is_some() {
                doubts[side].add(path.clone(), true);
            }
            if let Some(folder) = path.parent() {
                doubts[side].add(folder, false);
            }
        }
        Ok(())
    }

    async fn start_watching(&self) {
        for side in Side::BOTH {
            if self.capabilities(side).waiting
                && let Err(error) = self.hints(side, Duration::ZERO).await
            {
                tracing::warn!(%side, %error, "watching could not start");
            }
        }
    }

    /// Waits `time`, or until somebody wakes the engine.
    async fn rest(&self, time: Duration) {
        let mut woken = self.woken.lock().await;
        select(self.setup.environment.sleep(time), woken.next()).await;
    }

    /// What is in doubt next: by hint, by timer, because something comes to rest, or because somebody asked.
    async fn next_doubts(&self, waiting: &Waiting) -> Result<PerSide<Doubt>> {
        let now = self.uptime();
        let due = (waiting.looked + self.longest_unlisted()).saturating_sub(now);
        if due.is_zero() {
            return Ok(everything());
        }
        let hint = |side: Side| self.side_hint(side, due, waiting.polled[side]).boxed();
        let woken = async {
            self.woken.lock().await.next().await;
        }
        .boxed();
        let retry = async {
            match waiting.retry {
                Some(at) => self.setup.environment.sleep(at.saturating_sub(now)).await,
                None => std::future::pending().await,
            }
        }
        .boxed();
        let mut doubts = PerSide::<Doubt>::default();
        let hints = select(hint(Side::Source), hint(Side::Destination));
        let rested = self.rested().boxed();
        match select(hints, select(rested, select(woken, retry))).await {
            Either::Left((Either::Left((doubt, _)), _)) => doubts.source = doubt,
            Either::Left((Either::Right((doubt, _)), _)) => doubts.destination = doubt,
            Either::Right((Either::Left((again, _)), _)) => return Ok(again),
            Either::Right((Either::Right((Either::Left(_), _)), _)) => return Ok(everything()),
            Either::Right((Either::Right((Either::Right(_), _)), _)) => {}
        }
        // What was saved rests by then, and what a program does in several steps is seen as one.
        let quiet = Duration::from_millis(self.setup.options.limits.quiet + SLACK);
        self.setup.environment.sleep(quiet).await;
        self.add_unrest(&mut doubts);
        // What both sides have to say by now is taken along.
        for side in Side::BOTH {
            if self.capabilities(side).waiting {
                match self.hints(side, Duration::ZERO).await {
                    Ok(hints) => add_hints(&mut doubts[side], hints),
                    Err(_) => doubts[side] = Doubt::everything(),
                }
            }
        }
        if waiting.is_retry_due(self.uptime()) {
            self.add_retries(&mut doubts)?;
        }
        Ok(doubts)
    }

    /// Ends when it is time to look again at what was not left alone.
    async fn rested(&self) -> PerSide<Doubt> {
        let young = self.until_no_longer_young().unwrap_or_else(|error| {
            tracing::warn!(%error, "what is young could not be read");
            None
        });
        let notes = self.until_notes_end().unwrap_or_else(|error| {
            tracing::warn!(%error, "what is detached could not be read");
            None
        });
        let next = self.look_again().into_iter().chain(young).chain(notes);
        match next.min_by_key(|(pause, _)| *pause) {
            Some((pause, again)) => {
                self.setup.environment.sleep(pause).await;
                again
            }
            None => std::future::pending().await,
        }
    }

    /// Waits for hints of what happened since the feed was read or the last call.
    async fn hints(&self, side: Side, longest: Duration) -> tandem_core::error::Result<Vec<Hint>> {
        let cursor = self.cursor(side).unwrap_or_else(|error| {
            tracing::warn!(%side, %error, "where the feed stands could not be read");
            None
        });
        self.root(side).wait(cursor.as_ref(), longest).await
    }

    /// What a side says of itself; where it does not, its time to be looked at, however often the other is.
    async fn side_hint(&self, side: Side, longest: Duration, polled: Duration) -> Doubt {
        let interval = Duration::from_secs(self.setup.options.limits.interval);
        if !self.capabilities(side).waiting {
            let left = (polled + interval).saturating_sub(self.uptime());
            self.setup.environment.sleep(left.min(longest)).await;
            return Doubt::everything();
        }
        match self.hints(side, longest).await {
            Ok(hints) => {
                let mut doubt = Doubt::default();
                if hints.is_empty() {
                    doubt = Doubt::everything();
                }
                add_hints(&mut doubt, hints);
                doubt
            }
            Err(error) => {
                if error.cause != Cause::Unsupported {
                    tracing::warn!(%side, %error, "waiting for changes did not work");
                }
                self.setup.environment.sleep(interval.min(longest)).await;
                Doubt::everything()
            }
        }
    }
}

fn everything() -> PerSide<Doubt> {
    PerSide::new(Doubt::everything(), Doubt::everything())
}

fn add_hints(doubt: &mut Doubt, hints: Vec<Hint>) {
    for hint in hints {
        match hint {
            Hint::Folder(folder) => doubt.add(folder, false),
            Hint::Subtree(folder) if folder.is_root() => doubt.all = true,
            Hint::Subtree(folder) => doubt.add(folder, true),
            Hint::Feed => doubt.all = true,
        }
    }
}
