//! Jobs side by side, at most so many at a time, on whatever the environment spawns.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use futures_channel::mpsc;
use futures_util::StreamExt;
use tandem_core::environment::{BoxFuture, SharedEnvironment};

/// Runs `jobs`, `limit` at a time, and answers their results in the order of the jobs. Dropping the returned
/// future stops them.
pub(crate) async fn in_parallel<T: Send + 'static>(
    environment: &SharedEnvironment,
    limit: usize,
    jobs: Vec<BoxFuture<T>>,
) -> Vec<T> {
    let count = jobs.len();
    if count <= 1 || limit <= 1 {
        let mut results = Vec::with_capacity(count);
        for job in jobs {
            results.push(job.await);
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
    results.into_iter().flatten().collect()
}

fn next<T>(queue: &Mutex<VecDeque<T>>) -> Option<T> {
    queue
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .pop_front()
}
