//! Jobs side by side, at most so many at a time, on whatever the environment spawns.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_channel::mpsc;
use futures_util::StreamExt;
use tandem_core::environment::{BoxFuture, SharedEnvironment, Task};
use tandem_core::error::{Cause, StorageError};

type Queue<T> = VecDeque<(usize, BoxFuture<T>)>;

/// What workers take from and put to.
struct Work<T> {
    queue: Mutex<Queue<T>>,
    results: Mutex<Vec<Option<T>>>,
}

impl<T> Work<T> {
    fn new(jobs: Vec<BoxFuture<T>>) -> Self {
        Self {
            results: Mutex::new(jobs.iter().map(|_| None).collect()),
            queue: Mutex::new(jobs.into_iter().enumerate().collect()),
        }
    }

    /// Does what is left, one after the other.
    async fn run(&self) {
        while let Some((index, job)) = self.next() {
            let result = job.await;
            lock(&self.results)[index] = Some(result);
        }
    }

    fn next(&self) -> Option<(usize, BoxFuture<T>)> {
        lock(&self.queue).pop_front()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Jobs that ask a storage, under way. Dropping this stops them.
pub(crate) struct Running<T> {
    work: Arc<Work<Result<T, StorageError>>>,
    /// Ends when all workers have; nothing is ever sent.
    ended: mpsc::UnboundedReceiver<Infallible>,
    workers: Vec<Task>,
}

/// Begins `jobs`, `limit` at a time.
pub(crate) fn begin_in_parallel<T: Send + 'static>(
    environment: &SharedEnvironment,
    limit: usize,
    jobs: Vec<BoxFuture<Result<T, StorageError>>>,
) -> Running<T> {
    let count = limit.max(1).min(jobs.len());
    let work = Arc::new(Work::new(jobs));
    let (sender, ended) = mpsc::unbounded();
    let workers = (0..count)
        .map(|_| {
            let (work, sender) = (Arc::clone(&work), sender.clone());
            environment.spawn(Box::pin(async move {
                work.run().await;
                drop(sender);
            }))
        })
        .collect();
    Running {
        work,
        ended,
        workers,
    }
}

impl<T> Running<T> {
    /// The results in the order of the jobs. One that did not come to its end because it panicked has failed.
    pub(crate) async fn answers(mut self) -> Vec<Result<T, StorageError>> {
        while self.ended.next().await.is_some() {}
        self.workers.clear();
        answers_of(&self.work)
    }
}

fn answers_of<T>(work: &Work<Result<T, StorageError>>) -> Vec<Result<T, StorageError>> {
    let aborted = || StorageError::new("work", Cause::Other, "the program failed within it");
    std::mem::take(&mut *lock(&work.results))
        .into_iter()
        .map(|answer| answer.unwrap_or_else(|| Err(aborted())))
        .collect()
}

/// Runs `jobs`, `limit` at a time; a single one, or one at a time, without workers.
pub(crate) async fn answers_in_parallel<T: Send + 'static>(
    environment: &SharedEnvironment,
    limit: usize,
    jobs: Vec<BoxFuture<Result<T, StorageError>>>,
) -> Vec<Result<T, StorageError>> {
    if jobs.len() > 1 && limit > 1 {
        return begin_in_parallel(environment, limit, jobs).answers().await;
    }
    let work = Work::new(jobs);
    work.run().await;
    answers_of(&work)
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::time::Duration;

    use futures_util::FutureExt;
    use tandem_core::environment::Environment;
    use tandem_core::time::Timestamp;

    use super::*;

    /// Runs each task to its end at once; a panic ends that task alone.
    struct AtOnce;

    impl Environment for AtOnce {
        fn now(&self) -> Timestamp {
            Timestamp(0)
        }
        fn uptime(&self) -> Duration {
            Duration::ZERO
        }
        fn random(&self) -> u64 {
            0
        }
        fn sleep(&self, _: Duration) -> BoxFuture<()> {
            Box::pin(std::future::ready(()))
        }
        fn spawn(&self, task: BoxFuture<()>) -> Task {
            let _panicked = catch_unwind(AssertUnwindSafe(|| task.now_or_never()));
            Task::new(|| {})
        }
    }

    #[test]
    fn a_job_that_panics_fails_alone_and_the_others_keep_their_places() {
        let environment: SharedEnvironment = Arc::new(AtOnce);
        let jobs = (0..4)
            .map(|n| -> BoxFuture<Result<u8, StorageError>> {
                Box::pin(async move {
                    assert_ne!(n, 1, "the one that panics");
                    Ok(n)
                })
            })
            .collect();
        let answers = answers_in_parallel(&environment, 2, jobs).now_or_never();
        let answers: Vec<_> = answers
            .into_iter()
            .flatten()
            .map(|answer| answer.map_err(|e| e.cause))
            .collect();
        assert_eq!(answers, [Ok(0), Err(Cause::Other), Ok(2), Ok(3)]);
    }
}
