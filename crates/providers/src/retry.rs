//! The one layer that makes a request again (P14, DESIGN 6.6), and the limiter that an account's storages share.
//!
//! A request is made at most [`TRIES`] times, and only after a failure that may pass. When a server asks to slow
//! down, every request of the account waits, not only the one that was told. What a repeated try has to look out
//! for, an effect that an earlier one already had, is its own business: it is told that it is a repetition.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tandem_core::environment::SharedEnvironment;
use tandem_core::error::{Cause, ErrorKind, Result, StorageError};
use tandem_core::mutant;

/// How often a request is made at most.
pub(crate) const TRIES: u32 = 5;

/// The wait before the second try; each further one waits twice as long, up to [`LONGEST_BACKOFF`].
const FIRST_BACKOFF: Duration = Duration::from_millis(200);

/// The longest wait that the server did not ask for.
const LONGEST_BACKOFF: Duration = Duration::from_secs(10);

/// A server that asks for more than this is obeyed by the engine, which can say so, and not by a request that hangs.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// One try of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt {
    number: u32,
}

impl Attempt {
    /// Whether an earlier try may have had its effect although its answer never came.
    pub(crate) fn is_repeated(self) -> bool {
        self.number > 0 && !mutant!("P14 a lost acknowledgement is a failure")
    }
}

/// What all requests of one account share: when the next one may be made.
pub(crate) struct Account {
    environment: SharedEnvironment,
    /// On the clock of [`tandem_core::environment::Environment::uptime`].
    paused_until: Mutex<Duration>,
}

impl Account {
    /// An account that nobody asked to slow down yet.
    pub(crate) fn new(environment: SharedEnvironment) -> Self {
        Self {
            environment,
            paused_until: Mutex::new(Duration::ZERO),
        }
    }

    /// Makes `request`, again while it fails for a reason that may pass.
    pub(crate) async fn run<T, F, Fut>(&self, mut request: F) -> Result<T>
    where
        F: FnMut(Attempt) -> Fut + Send,
        Fut: Future<Output = Result<T>> + Send,
        T: Send,
    {
        let mut number = 0;
        loop {
            self.wait_turn().await;
            // Boxed: the compiler gives up on futures that are nested as deep as a request's otherwise are.
            let error = match Box::pin(request(Attempt { number })).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            number += 1;
            let Some(wait) = self.wait_after(&error, number) else {
                return Err(error);
            };
            tracing::debug!(%error, number, ?wait, "trying again");
            self.environment.sleep(wait).await;
        }
    }

    /// How long to wait before try `number` (from 0); `None` to give up.
    fn wait_after(&self, error: &StorageError, number: u32) -> Option<Duration> {
        let ErrorKind::Transient { retry_after } = error.kind else {
            return None;
        };
        if error.cause == Cause::RateLimited || retry_after.is_some() {
            let pause = retry_after.unwrap_or_else(|| backoff(number));
            let until = self
                .environment
                .uptime()
                .saturating_add(pause.min(LONGEST_WAIT));
            let mut paused = self
                .paused_until
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            *paused = (*paused).max(until);
        }
        let is_last = number >= TRIES && !mutant!("P14 tries have no end");
        if is_last || retry_after.is_some_and(|asked| asked > LONGEST_WAIT) {
            return None;
        }
        // Half fixed, half drawn: requests that failed together do not come back together.
        let backoff = backoff(number);
        let jittered = backoff / 2 + self.jitter(backoff / 2);
        Some(retry_after.map_or(jittered, |asked| asked + self.jitter(backoff)))
    }

    fn jitter(&self, most: Duration) -> Duration {
        let share = (self.environment.random() >> 40) as u32;
        most.mul_f64(f64::from(share) / f64::from(1_u32 << 24))
    }

    async fn wait_turn(&self) {
        loop {
            let until = *self
                .paused_until
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let left = until.saturating_sub(self.environment.uptime());
            if left.is_zero() {
                return;
            }
            self.environment.sleep(left).await;
        }
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Account")
    }
}

/// The limiters of the accounts that are in use, by where the account is and whose it is.
#[derive(Debug)]
pub(crate) struct Accounts(Mutex<BTreeMap<String, Weak<Account>>>);

impl Accounts {
    /// No account yet.
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    /// The limiter of the account `name`.
    pub(crate) fn account(&self, name: &str, environment: &SharedEnvironment) -> Arc<Account> {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.retain(|_, account| account.strong_count() > 0);
        if let Some(account) = accounts.get(name).and_then(Weak::upgrade) {
            return account;
        }
        let account = Arc::new(Account::new(Arc::clone(environment)));
        accounts.insert(name.to_owned(), Arc::downgrade(&account));
        account
    }
}

fn backoff(number: u32) -> Duration {
    FIRST_BACKOFF
        .saturating_mul(1 << number.saturating_sub(1).min(16))
        .min(LONGEST_BACKOFF)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tandem_core::environment::{BoxFuture, Environment, Task};
    use tandem_core::time::Timestamp;

    use super::*;

    /// A clock that only sleeping moves.
    #[derive(Default)]
    struct Slept(Mutex<Duration>);

    impl Environment for Slept {
        fn now(&self) -> Timestamp {
            Timestamp(0)
        }
        fn uptime(&self) -> Duration {
            *self.0.lock().unwrap()
        }
        fn random(&self) -> u64 {
            u64::MAX / 2
        }
        fn sleep(&self, time: Duration) -> BoxFuture<()> {
            *self.0.lock().unwrap() += time;
            Box::pin(std::future::ready(()))
        }
        fn spawn(&self, _: BoxFuture<()>) -> Task {
            Task::new(|| ())
        }
    }

    fn transient(cause: Cause, retry_after: Option<u64>) -> StorageError {
        StorageError::new("test", cause, "").of_kind(ErrorKind::Transient {
            retry_after: retry_after.map(Duration::from_secs),
        })
    }

    #[tokio::test]
    async fn tries_are_bounded_and_only_what_may_pass_is_tried_again() {
        for (cause, tries) in [
            (Cause::Server, TRIES),
            (Cause::Forbidden, 1),
            (Cause::PreconditionFailed, 1),
        ] {
            let account = Account::new(Arc::new(Slept::default()));
            let made = AtomicU32::new(0);
            let answer: Result<()> = account
                .run(|attempt| {
                    let before = made.fetch_add(1, Ordering::Relaxed);
                    assert!(before < TRIES, "{cause:?}: no end");
                    assert_eq!(attempt.is_repeated(), before > 0);
                    std::future::ready(Err(StorageError::new("test", cause, "")))
                })
                .await;
            assert_eq!(answer.unwrap_err().cause, cause);
            assert_eq!(made.load(Ordering::Relaxed), tries, "{cause:?}");
        }
    }

    /// abraunegg/onedrive#133, abraunegg/onedrive#815, skilion/onedrive#164, rclone/rclone#1788: `Retry-After` was
    /// ignored, or asked for of one request alone.
    #[tokio::test]
    async fn retry_after_is_obeyed_by_every_request_of_the_account() {
        let clock = Arc::new(Slept::default());
        let account = Account::new(clock.clone());
        let mut asked = false;
        let answered: Result<()> = account
            .run(|_| {
                let first = !std::mem::replace(&mut asked, true);
                std::future::ready(if first {
                    Err(transient(Cause::RateLimited, Some(7)))
                } else {
                    Ok(())
                })
            })
            .await;
        assert!(answered.is_ok());
        assert!(clock.uptime() >= Duration::from_secs(7));

        // Told to wait longer than a request may hang: this one gives up, the next one waits all the same.
        let given_up: Result<()> = account
            .run(|_| std::future::ready(Err(transient(Cause::RateLimited, Some(3_600)))))
            .await;
        assert!(given_up.is_err());
        let before = clock.uptime();
        account.run(|_| std::future::ready(Ok(()))).await.unwrap();
        assert!(clock.uptime() - before >= LONGEST_WAIT);
    }
}
