//! A queue of bytes that are let through one after the other, as fast as is allowed at the moment.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tandem_core::environment::SharedEnvironment;

/// Whoever waits looks this often whether another limit is in force.
const SLICE: Duration = Duration::from_millis(250);

/// Bytes that asked to go one way, and those that were let through.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    asked: u64,
    passed: u64,
    /// The uptime up to which `passed` was counted.
    until: Duration,
    /// What is in force since then.
    limit: Option<u64>,
}

impl Counts {
    /// Counts what passed up to `now`, from when on `limit` is in force. Nothing is saved up while nobody asks.
    fn count(&mut self, now: Duration, limit: Option<u64>) {
        let before = std::mem::replace(&mut self.limit, limit);
        let (Some(before), Some(_)) = (before, limit) else {
            (self.passed, self.until) = (self.asked, now);
            return;
        };
        let elapsed = now.saturating_sub(self.until).as_nanos();
        let more = elapsed * u128::from(before) / 1_000_000_000;
        match u64::try_from(more) {
            // The time of a part of a byte is counted with the next.
            Ok(more) if more < self.asked - self.passed => {
                self.passed += more;
                self.until += time_of(more, before);
            }
            _ => (self.passed, self.until) = (self.asked, now),
        }
    }
}

/// How long so many bytes take.
fn time_of(bytes: u64, limit: u64) -> Duration {
    let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(limit.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

impl Pace {
    /// Ends when these bytes were let through, after all that were asked for before.
    pub(super) async fn pay(
        &self,
        bytes: u64,
        environment: &SharedEnvironment,
        limit: impl Fn() -> Option<u64>,
    ) {
        let mine = self.with(|counts| {
            counts.count(environment.uptime(), limit());
            counts.asked += bytes;
            counts.asked
        });
        loop {
            let limit = limit();
            let left = self.with(|counts| {
                counts.count(environment.uptime(), limit);
                mine.saturating_sub(counts.passed)
            });
            match limit {
                Some(limit) if left > 0 => {
                    // A little more than none: time goes on.
                    let wait = time_of(left, limit) + Duration::from_micros(1);
                    environment.sleep(wait.min(SLICE)).await;
                }
                _ => return,
            }
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Counts) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
