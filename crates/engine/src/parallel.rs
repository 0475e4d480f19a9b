//! Jobs side by side, at most so many at a time, on whatever the environment spawns.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use futures_channel::{mpsc, oneshot};
use futures_util::StreamExt;
use tandem_core::environment::{BoxFuture, SharedEnvironment, Task};
use tandem_core::error::{Cause, StorageError};

/// Jobs that a worker does before others that wait for its thread come in between: those of a disk never wait for
/// anything themselves.
const IN_A_ROW: usize = 8;

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
        let mut done = 0;
        while let Some((index, job)) = self.next() {
            let result = job.await;
            lock(&self.results)[index] = Some(result);
            done += 1;
            if done % IN_A_ROW == 0 {
                let_others_run().await;
            }
        }
    }

    fn next(&self) -> Option<(usize, BoxFuture<T>)> {
        lock(&self.queue).pop_front()
    }
}

async fn let_others_run() {
    let mut has_waited = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut has_waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
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
    /// For each worker, what ends when it has nothing left to do: another may take its place.
    places: Vec<oneshot::Receiver<Infallible>>,
}

/// Begins `jobs`, `limit` at a time.
pub(crate) fn begin_in_parallel<T: Send + 'static>(
    environment: &SharedEnvironment,
    limit: usize,
    jobs: Vec<BoxFuture<Result<T, StorageError>>>,
) -> Running<T> {
    begin_after(environment, limit, None, jobs)
}

/// Begins `jobs` behind those of `before`: `limit` at a time of both together.
pub(crate) fn begin_after<T: Send + 'static>(
    environment: &SharedEnvironment,
    limit: usize,
    before: Option<&mut Running<T>>,
    jobs: Vec<BoxFuture<Result<T, StorageError>>>,
) -> Running<T> {
    let count = limit.max(1).min(jobs.len());
    let work = Arc::new(Work::new(jobs));
    let (sender, ended) = mpsc::unbounded();
    let mut free = before
        .map(|b| std::mem::take(&mut b.places))
        .unwrap_or_default();
    // A place that no job of these needs is handed on to those after them.
    let mut places = free.split_off(count.min(free.len()));
    let mut free = free.into_iter();
    let workers = (0..count)
        .map(|_| {
            let (work, sender) = (Arc::clone(&work), sender.clone());
            let place = free.next();
            let (gone, next_place) = oneshot::channel();
            places.push(next_place);
            environment.spawn(Box::pin(async move {
                if let Some(place) = place {
                    // Nothing is ever sent: this ends with the worker before.
                    let _ = place.await;
                }
                work.run().await;
                drop((gone, sender));
            }))
        })
        .collect();
    Running {
        work,
        ended,
        workers,
        places,
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
