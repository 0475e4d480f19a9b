//! Clock, randomness and spawning, handed in so that a simulation can replay a run (P3).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::time::Timestamp;

/// A future that owns what it needs.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What a program gets from the world besides its storages.
pub trait Environment: Send + Sync {
    /// The wall clock. It may jump.
    fn now(&self) -> Timestamp;

    /// A clock that only goes forward, from an unnamed start.
    fn uptime(&self) -> Duration;

    /// A random number, for names and jitter.
    fn random(&self) -> u64;

    /// Ends after `time`.
    fn sleep(&self, time: Duration) -> BoxFuture<()>;

    /// Runs `task` beside the caller. Dropping the returned [`Task`] stops it.
    fn spawn(&self, task: BoxFuture<()>) -> Task;
}

/// A shared environment.
pub type SharedEnvironment = Arc<dyn Environment>;

/// A task that runs until it ends or this is dropped.
pub struct Task(Option<Box<dyn FnOnce() + Send + Sync>>);

impl Task {
    /// A task that `stop` ends.
    pub fn new(stop: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self(Some(Box::new(stop)))
    }
}

impl std::fmt::Debug for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Task")
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(stop) = self.0.take() {
            stop();
        }
    }
}
