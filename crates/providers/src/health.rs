//! How a storage is and what went to and fro, told from the requests that were made anyway (DESIGN 6.1). Nothing is asked
//! for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use tandem_core::content::ByteStream;
use tandem_core::error::{Cause, StorageError};
use tandem_core::storage::{FailedRequest, Health, HealthState, Traffic};
use tandem_core::time::Timestamp;

/// So many failures are remembered.
const FAILURES: usize = 50;

#[derive(Debug, Default)]
struct Seen {
    latency: Option<Duration>,
    last_error: Option<(Cause, Timestamp)>,
    /// The cause of the last request, if that failed.
    failing: Option<Cause>,
    traffic: Traffic,
}

/// Takes down how requests went.
#[derive(Debug, Default)]
pub(crate) struct HealthRecord(Mutex<Seen>);

impl HealthRecord {
    /// A request was answered after `latency`.
    pub(crate) fn answered(&self, at: Timestamp, latency: Duration) {
        let mut seen = self.lock();
        seen.latency = Some(latency);
        seen.failing = None;
        seen.traffic.requests += 1;
        seen.traffic.last_success = Some(at);
    }

    /// A request failed. A lost race or a missing object is an answer, not a failure of the storage.
    pub(crate) fn failed(&self, error: &StorageError, at: Timestamp, latency: Duration) {
        if error.is_lost_race() || error.cause == Cause::Unsupported {
            return self.answered(at, latency);
        }
        let mut seen = self.lock();
        seen.last_error = Some((error.cause, at));
        seen.failing = Some(error.cause);
        let traffic = &mut seen.traffic;
        traffic.requests += 1;
        traffic.failures += 1;
        if traffic.newest_failures.len() == FAILURES {
            traffic.newest_failures.remove(0);
        }
        traffic.newest_failures.push(FailedRequest {
            at,
            cause: error.cause,
            operation: error.operation.to_owned(),
        });
    }

    /// So many bytes of content were handed over to be sent.
    pub(crate) fn sent(&self, bytes: u64) {
        self.lock().traffic.sent += bytes;
    }

    /// Content that arrives, counted.
    pub(crate) fn counted(self: &Arc<Self>, content: ByteStream) -> ByteStream {
        let record = Arc::clone(self);
        Box::pin(content.inspect(move |piece| {
            if let Ok(bytes) = piece {
                record.lock().traffic.received += bytes.len() as u64;
            }
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state as of now.
    pub(crate) fn now(&self) -> Health {
        let seen = self.lock();
        let state = match seen.failing {
            None => HealthState::Ok,
            Some(Cause::Offline | Cause::Timeout) => HealthState::Offline,
            Some(_) => HealthState::Degraded,
        };
        Health {
            state,
            latency: seen.latency,
            last_error: seen.last_error.map(|(cause, _)| cause),
            last_error_at: seen.last_error.map(|(_, at)| at),
            traffic: seen.traffic.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_race_is_not_ill_health_and_an_answer_heals() {
        let record = HealthRecord::default();
        record.failed(
            &StorageError::new("commit", Cause::PreconditionFailed, ""),
            Timestamp(1),
            Duration::ZERO,
        );
        assert_eq!(record.now().state, HealthState::Ok);
        record.failed(
            &StorageError::new("list", Cause::Offline, ""),
            Timestamp(2),
            Duration::ZERO,
        );
        assert_eq!(record.now().state, HealthState::Offline);
        record.answered(Timestamp(3), Duration::from_millis(3));
        let health = record.now();
        assert_eq!(
            (health.state, health.last_error),
            (HealthState::Ok, Some(Cause::Offline))
        );
    }

    #[tokio::test]
    async fn every_try_is_counted_and_of_failures_the_newest_are_remembered() {
        let record = Arc::new(HealthRecord::default());
        record.answered(Timestamp(1), Duration::ZERO);
        for n in 0..FAILURES as i64 + 7 {
            let error = StorageError::new("list", Cause::Server, "");
            record.failed(&error, Timestamp(2 + n), Duration::ZERO);
        }
        // What is not there is an answer.
        let error = StorageError::new("stat", Cause::PreconditionFailed, "");
        record.failed(&error, Timestamp(500), Duration::ZERO);
        record.sent(10);
        let pieces = [b"abc".as_slice(), b"de"].map(|piece| Ok(bytes::Bytes::from_static(piece)));
        let content: ByteStream = Box::pin(futures_util::stream::iter(pieces));
        assert_eq!(record.counted(content).count().await, 2);
        let traffic = record.now().traffic;
        assert_eq!((traffic.requests, traffic.failures), (59, 57));
        assert_eq!((traffic.sent, traffic.received), (10, 5));
        assert_eq!(traffic.last_success, Some(Timestamp(500)));
        assert_eq!(traffic.newest_failures.len(), FAILURES);
        assert_eq!(traffic.newest_failures[0].at, Timestamp(9));
    }
}
