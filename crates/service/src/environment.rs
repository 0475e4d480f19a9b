//! The real clock, randomness and runtime (P3 hands them in, so that a simulation can replace them).

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tandem_core::environment::{BoxFuture, Environment, SharedEnvironment, Task};
use tandem_core::time::Timestamp;

/// The world as it is. Tasks run on the runtime it was made in.
#[derive(Debug)]
pub struct RealEnvironment {
    runtime: tokio::runtime::Handle,
    start: Instant,
}

impl RealEnvironment {
    /// Made within a runtime, which it keeps using.
    #[must_use]
    pub fn new() -> Self {
        Self {
            runtime: tokio::runtime::Handle::current(),
            start: Instant::now(),
        }
    }

    /// The same, shared.
    #[must_use]
    pub fn shared() -> SharedEnvironment {
        Arc::new(Self::new())
    }
}

impl Default for RealEnvironment {
    fn default() -> Self {
        Self::new()
    }
}

impl Environment for RealEnvironment {
    fn now(&self) -> Timestamp {
        now()
    }

    fn uptime(&self) -> Duration {
        self.start.elapsed()
    }

    fn random(&self) -> u64 {
        random()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<()> {
        Box::pin(tokio::time::sleep(time))
    }

    fn spawn(&self, task: BoxFuture<()>) -> Task {
        let handle = self.runtime.spawn(task);
        Task::new(move || handle.abort())
    }
}

/// The wall clock.
#[must_use]
pub fn now() -> Timestamp {
    let nanos = match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |n| -n),
    };
    Timestamp(nanos)
}

/// A random number. Without the system's source (which every supported system has once it has started) it
/// is drawn from the keys of the standard hasher, which are random per process.
#[must_use]
pub fn random() -> u64 {
    getrandom::u64().unwrap_or_else(|_| {
        use std::hash::{BuildHasher, RandomState};
        RandomState::new().hash_one(now().0)
    })
}
