//! Clock, randomness and runtime as they are.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use tandem_core::environment::{BoxFuture, Environment, Task};
use tandem_core::time::Timestamp;
use tandem_testkit::seed::Rng;

/// The world of one process.
pub(crate) struct World {
    begun: Instant,
    drawn: AtomicU64,
}

impl World {
    pub(crate) fn new() -> Self {
        let seed = now().0.unsigned_abs() ^ u64::from(std::process::id()) << 32;
        Self {
            begun: Instant::now(),
            drawn: AtomicU64::new(seed),
        }
    }
}

fn now() -> Timestamp {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    Timestamp(i64::try_from(since.as_nanos()).unwrap())
}

impl Environment for World {
    fn now(&self) -> Timestamp {
        now()
    }

    fn uptime(&self) -> Duration {
        self.begun.elapsed()
    }

    fn random(&self) -> u64 {
        Rng::new(self.drawn.fetch_add(1, Ordering::Relaxed)).next()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<()> {
        Box::pin(tokio::time::sleep(time))
    }

    fn spawn(&self, task: BoxFuture<()>) -> Task {
        let task = tokio::spawn(task);
        Task::new(move || task.abort())
    }
}
