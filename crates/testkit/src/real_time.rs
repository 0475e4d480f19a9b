//! Clock, randomness and runtime as they are, for tests over real disks and servers.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use tandem_core::environment::{BoxFuture, Environment, SharedEnvironment, Task};
use tandem_core::time::Timestamp;

struct RealTime {
    begun: Instant,
    state: RandomState,
    drawn: AtomicU64,
}

/// An environment of real time, whose tasks run on the tokio runtime that is there where they are begun.
#[must_use]
pub fn real_time() -> SharedEnvironment {
    Arc::new(RealTime {
        begun: Instant::now(),
        state: RandomState::new(),
        drawn: AtomicU64::new(0),
    })
}

impl Environment for RealTime {
    fn now(&self) -> Timestamp {
        let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
    }

    fn uptime(&self) -> Duration {
        self.begun.elapsed()
    }

    fn random(&self) -> u64 {
        self.state
            .hash_one(self.drawn.fetch_add(1, Ordering::Relaxed))
    }

    fn sleep(&self, time: Duration) -> BoxFuture<()> {
        Box::pin(tokio::time::sleep(time))
    }

    fn spawn(&self, task: BoxFuture<()>) -> Task {
        let task = tokio::spawn(task);
        Task::new(move || task.abort())
    }
}
