//! How a storage is, told from the requests that were made anyway (DESIGN 6.1). Nothing is asked for it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tandem_core::error::{Cause, StorageError};
use tandem_core::storage::{Health, HealthState};
use tandem_core::time::Timestamp;

#[derive(Debug, Default)]
struct Seen {
    latency: Option<Duration>,
    last_error: Option<(Cause, Timestamp)>,
    /// The cause of the last request, if that failed.
    failing: Option<Cause>,
}

/// Takes down how requests went.
#[derive(Debug, Default)]
pub(crate) struct HealthRecord(Mutex<Seen>);

impl HealthRecord {
    /// A request was answered after `latency`.
    pub(crate) fn answered(&self, latency: Duration) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.latency = Some(latency);
        seen.failing = None;
    }

    /// A request failed. A lost race or a missing object is an answer, not a failure of the storage.
    pub(crate) fn failed(&self, error: &StorageError, at: Timestamp, latency: Duration) {
        if error.is_lost_race() || error.cause == Cause::Unsupported {
            return self.answered(latency);
        }
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.last_error = Some((error.cause, at));
        seen.failing = Some(error.cause);
    }

    /// The state as of now.
    pub(crate) fn now(&self) -> Health {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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
        record.answered(Duration::from_millis(3));
        let health = record.now();
        assert_eq!(
            (health.state, health.last_error),
            (HealthState::Ok, Some(Cause::Offline))
        );
    }
}
