//! How the disk is, from what it answered so far.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use tandem_core::environment::SharedEnvironment;
use tandem_core::error::{Cause, Result};
use tandem_core::storage::{Health, HealthState, Traffic};
use tandem_core::time::Timestamp;

use crate::disk::lock;

/// The last fault, and whether anything has worked since.
pub(crate) struct Pulse {
    environment: SharedEnvironment,
    last: Mutex<Option<(Cause, Timestamp)>>,
    ailing: AtomicBool,
}

impl Pulse {
    pub(crate) const fn new(environment: SharedEnvironment) -> Self {
        Self {
            environment,
            last: Mutex::new(None),
            ailing: AtomicBool::new(false),
        }
    }

    /// Passes an answer on and remembers what it says of the disk itself.
    pub(crate) fn hear<T>(&self, answer: Result<T>) -> Result<T> {
        match &answer {
            Ok(_) => self.ailing.store(false, Ordering::Relaxed),
            Err(error) if is_of_the_disk(error.cause) => {
                *lock(&self.last) = Some((error.cause, self.environment.now()));
                self.ailing.store(true, Ordering::Relaxed);
            }
            Err(_) => {}
        }
        answer
    }

    pub(crate) fn health(&self) -> Health {
        let last = *lock(&self.last);
        let state = match last {
            Some((Cause::Offline, _)) if self.ailing.load(Ordering::Relaxed) => {
                HealthState::Offline
            }
            Some(_) if self.ailing.load(Ordering::Relaxed) => HealthState::Degraded,
            _ => HealthState::Ok,
        };
        Health {
            state,
            latency: None,
            last_error: last.map(|(cause, _)| cause),
            last_error_at: last.map(|(_, at)| at),
            traffic: Traffic::default(),
        }
    }
}

/// Whether the disk is at fault, and not the one item.
const fn is_of_the_disk(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::LocalIo | Cause::Offline | Cause::Quota | Cause::ReadOnly | Cause::Other
    )
}
