//! Keeps the pair in step for as long as it is let: hints lead to looks, looks to passes.

use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::{FutureExt, StreamExt};
use tandem_core::error::{Cause, ErrorKind};
use tandem_core::side::{PerSide, Side};
use tandem_core::storage::{Cursor, Hint};

use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::observe::Doubt;

/// A full look at least so often, in seconds, however complete the hints seem (P15).
const FULL_LOOK: u64 = 7 * 24 * 3600;

/// The longest wait after a failure, in seconds.
const LONGEST_BACKOFF: u64 = 300;

/// So much later than the quiet time a hint is followed, in milliseconds: what was saved has then rested.
const SLACK: u64 = 5;

impl Engine {
    /// Keeps the pair in step until the future is dropped. What the storages cannot do at the moment is
    /// waited for.
    ///
    /// # Errors
    /// What waiting cannot mend: a damaged or newer state.
    pub async fn run(&self) -> Result<()> {
        let mut doubts = PerSide::new(Doubt::everything(), Doubt::everything());
        let mut failures: u32 = 0;
        let mut looked = self.setup.environment.uptime();
        let mut listed = PerSide::new(looked, looked);
        // The first wait starts the watching: what happens during the first pass is not missed.
        self.start_watching().await;
        loop {
            let still = doubts.source.is_empty() && doubts.destination.is_empty();
            if !self.is_paused() && !still {
                let whole = PerSide::from_fn(|side| doubts[side].all);
                match self.pass(std::mem::take(&mut doubts), false).await {
                    Ok(summary) if summary.stopped.is_none() => {
                        failures = 0;
                        let now = self.setup.environment.uptime();
                        if whole.source && whole.destination {
                            looked = now;
                        }
                        for side in Side::BOTH {
                            if whole[side] {
                                listed[side] = now;
                            }
                        }
                    }
                    Ok(_) => failures += 1,
                    Err(EngineError::Storage { side, error }) => {
                        tracing::warn!(%side, %error, "the pass stopped");
                        failures += 1;
                        if let ErrorKind::Transient {
                            retry_after: Some(wait),
                        } = error.kind
                        {
                            self.setup.environment.sleep(wait).await;
                        }
                    }
                    Err(EngineError::Refused(why)) => {
                        tracing::warn!(%why, "the pass stopped");
                        failures += 1;
                    }
                    Err(other) => return Err(other),
                }
                if failures > 0 {
                    doubts = PerSide::new(Doubt::everything(), Doubt::everything());
                    let backoff = (1u64 << failures.min(9)).min(LONGEST_BACKOFF);
                    self.rest(Duration::from_secs(backoff)).await;
                    continue;
                }
            }
            let due = looked + Duration::from_secs(FULL_LOOK);
            let now = self.setup.environment.uptime();
            if now >= due {
                doubts = PerSide::new(Doubt::everything(), Doubt::everything());
                continue;
            }
            doubts = self.next_doubts(due - now, &listed).await;
        }
    }

    async fn start_watching(&self) {
        for side in Side::BOTH {
            if self.capabilities(side).waiting
                && let Err(error) = self.root(side).wait(None, Duration::ZERO).await
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
    async fn next_doubts(&self, longest: Duration, listed: &PerSide<Duration>) -> PerSide<Doubt> {
        let source = self.side_hint(Side::Source, longest, listed.source).boxed();
        let destination = self
            .side_hint(Side::Destination, longest, listed.destination)
            .boxed();
        let woken = async {
            self.woken.lock().await.next().await;
        }
        .boxed();
        let rested = self.rested().boxed();
        let mut doubts = PerSide::<Doubt>::default();
        match select(select(source, destination), select(woken, rested)).await {
            Either::Left((Either::Left((doubt, _)), _)) => doubts.source = doubt,
            Either::Left((Either::Right((doubt, _)), _)) => doubts.destination = doubt,
            Either::Right((Either::Right((again, _)), _)) => return again,
            Either::Right((Either::Left(_), _)) => {
                return PerSide::new(Doubt::everything(), Doubt::everything());
            }
        }
        // What was saved rests by then, and what a program does in several steps is seen as one.
        let quiet = self.setup.options.limits.quiet + SLACK;
        let quiet = Duration::from_millis(quiet);
        self.setup.environment.sleep(quiet).await;
        self.add_unrest(&mut doubts);
        // What both sides have to say by now is taken along.
        for side in Side::BOTH {
            if self.capabilities(side).waiting {
                match self.root(side).wait(None, Duration::ZERO).await {
                    Ok(hints) => add_hints(&mut doubts[side], hints),
                    Err(_) => doubts[side] = Doubt::everything(),
                }
            }
        }
        doubts
    }

    /// Ends when it is time to look again at what was not left alone.
    async fn rested(&self) -> PerSide<Doubt> {
        match self.look_again().filter(|_| !self.is_paused()) {
            Some((pause, again)) => {
                self.setup.environment.sleep(pause).await;
                again
            }
            None => std::future::pending().await,
        }
    }

    async fn side_hint(&self, side: Side, longest: Duration, listed: Duration) -> Doubt {
        // However much happens on the other side: a side that tells nothing is asked this often.
        let since = if self.is_paused() {
            Duration::ZERO
        } else {
            self.setup.environment.uptime().saturating_sub(listed)
        };
        let interval =
            Duration::from_secs(self.setup.options.limits.interval).saturating_sub(since);
        if !self.capabilities(side).waiting {
            self.setup.environment.sleep(interval.min(longest)).await;
            return Doubt::everything();
        }
        let cursor: Option<&Cursor> = None;
        match self.root(side).wait(cursor, longest).await {
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
