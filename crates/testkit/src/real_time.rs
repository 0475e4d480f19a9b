//! Clock, randomness and runtime as they are, for tests over real disks and servers.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use tandem_core::environment::{BoxFuture, Environment, SharedEnvironment, Task};
use tandem_core::time::Timestamp;

struct RealTime {
    begun: Instant,
    /// How far the clock is ahead, in nanoseconds.
    ahead: i64,
    speed: u32,
    state: RandomState,
    drawn: AtomicU64,
}

/// An environment of real time, whose tasks run on the tokio runtime that is there where they are begun.
#[must_use]
pub fn real_time() -> SharedEnvironment {
    Arc::new(RealTime::new())
}

/// The same with a clock that is so many seconds ahead, or behind where they are negative.
#[must_use]
pub fn clock_ahead(secs: i64) -> SharedEnvironment {
    Arc::new(RealTime {
        ahead: secs * 1_000_000_000,
        ..RealTime::new()
    })
}

/// The same where time passes so many times as fast for whoever waits. The clock is right.
#[must_use]
pub fn fast_time(speed: u32) -> SharedEnvironment {
    Arc::new(RealTime {
        speed,
        ..RealTime::new()
    })
}

impl RealTime {
    fn new() -> Self {
        Self {
            begun: Instant::now(),
            ahead: 0,
            speed: 1,
            state: RandomState::new(),
            drawn: AtomicU64::new(0),
        }
    }
}

impl Environment for RealTime {
    fn now(&self) -> Timestamp {
        let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)).plus(self.ahead)
    }

    fn uptime(&self) -> Duration {
        self.begun.elapsed() * self.speed
    }

    fn random(&self) -> u64 {
        self.state
            .hash_one(self.drawn.fetch_add(1, Ordering::Relaxed))
    }

    fn sleep(&self, time: Duration) -> BoxFuture<()> {
        Box::pin(tokio::time::sleep(time / self.speed))
    }

    fn spawn(&self, task: BoxFuture<()>) -> Task {
        let task = tokio::spawn(task);
        Task::new(move || task.abort())
    }
}
