//! Jobs side by side, at most so many at a time, on whatever the environment spawns.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use futures_channel::mpsc;
use futures_util::StreamExt;
use tandem_core::environment::{BoxFuture, SharedEnvironment};
use tandem_core::error::{Cause, StorageError};

/// Runs `jobs`, `limit` at a time, and answers their results in the order of the jobs; `None` for one that
/// did not come to its end because it panicked. Dropping the returned future stops them.
async fn in_parallel<T: Send + 'static>(
    environment: &SharedEnvironment,
    limit: usize,
    jobs: Vec<BoxFuture<T>>,
) -> Vec<Option<T>> {
    let count = jobs.len();
    if count <= 1 || limit <= 1 {
        let mut results = Vec::with_capacity(count);
        for job in jobs {
            results.push(Some(job.await));
        }
        return results;
    }
    let queue = Arc::new(Mutex::new(
        jobs.into_iter().enumerate().collect::<VecDeque<_>>(),
    ));
    let (sender, mut receiver) = mpsc::unbounded();
    let workers: Vec<_> = (0..limit.min(count))
        .map(|_| {
            let (queue, sender) = (Arc::clone(&queue), sender.clone());
            environment.spawn(Box::pin(async move {
                while let Some((index, job)) = next(&queue) {
                    let result = job.await;
                    if sender.unbounded_send((index, result)).is_err() {
                        return;
                    }
                }
            }))
        })
        .collect();
    drop(sender);
    let mut results: Vec<Option<T>> = (0..count).map(|_| None).collect();
    while let Some((index, result)) = receiver.next().await {
        results[index] = Some(result);
    }
    drop(workers);
    results
}

/// As [`in_parallel`], for jobs that ask a storage: one that did not come to its end has failed.
pub(crate) async fn answers_in_parallel<T: Send + 'static>(
    environment: &SharedEnvironment,
    limit: usize,
    jobs: Vec<BoxFuture<Result<T, StorageError>>>,
) -> Vec<Result<T, StorageError>> {
    let aborted = || StorageError::new("work", Cause::Other, "the program failed within it");
    in_parallel(environment, limit, jobs)
        .await
        .into_iter()
        .map(|answer| answer.unwrap_or_else(|| Err(aborted())))
        .collect()
}

fn next<T>(queue: &Mutex<VecDeque<T>>) -> Option<T> {
    queue
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .pop_front()
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::time::Duration;

    use futures_util::FutureExt;
    use tandem_core::environment::{Environment, Task};
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
