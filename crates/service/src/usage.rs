//! What each storage was asked for today and what went wrong in the last day. Taken from the storages' own counts, which
//! begin anew with each opening, and kept in the profile: `usage.json` can be lost without harm.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tandem_core::error::Cause;
use tandem_core::storage::{FailedRequest, Traffic};
use tandem_core::time::Timestamp;

use crate::answer::{RequestErrorView, UsageView};
use crate::fault::StorageWords;
use crate::profile::Profile;
use crate::time_text;
use crate::when::When;
use crate::words::Words;

/// The file in the profile.
const FILE: &str = "usage.json";
/// So many failures of a storage are remembered; how many there were is counted beside them.
const FAILURES: usize = 50;
/// Seconds of an hour, and of a day.
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// What all storages were asked for, by their ids.
#[derive(Debug)]
pub(crate) struct Usage {
    profile: Profile,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    storages: BTreeMap<String, StorageUsage>,
    is_changed: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct StorageUsage {
    /// The day that the next three are about, in the computer's time zone: `2026-11-20`.
    day: String,
    requests: u64,
    sent: u64,
    received: u64,
    last_success: Option<When>,
    /// How many failed, by the hour since 1970.
    failures: BTreeMap<i64, u64>,
    newest_failures: Vec<FailedRequest>,
}

impl Usage {
    /// What is in `profile`. What cannot be read is as if nothing was counted.
    pub(crate) fn load(profile: &Profile) -> Self {
        let text = profile.read(FILE).ok().flatten().unwrap_or_default();
        let storages = serde_json::from_slice(&text).unwrap_or_default();
        Self {
            profile: profile.clone(),
            kept: Mutex::new(Kept {
                storages,
                is_changed: false,
            }),
        }
    }

    /// Adds what went to and fro since `before`.
    pub(crate) fn add(&self, storage: &str, before: &Traffic, after: &Traffic, now: Timestamp) {
        if before == after {
            return;
        }
        let mut kept = self.lock();
        kept.is_changed = true;
        let usage = kept.storages.entry(storage.to_owned()).or_default();
        usage.begin_day(now);
        usage.requests += after.requests - before.requests;
        usage.sent += after.sent - before.sent;
        usage.received += after.received - before.received;
        usage.last_success = usage.last_success.max(after.last_success.map(When));
        let failed = after.failures - before.failures;
        let fresh = usize::try_from(failed).unwrap_or(usize::MAX);
        let fresh = fresh.min(after.newest_failures.len());
        let fresh = &after.newest_failures[after.newest_failures.len() - fresh..];
        // Those that are no longer remembered one by one failed at about the time of the oldest that is.
        let hour = |at: Timestamp| at.secs().div_euclid(HOUR);
        let forgotten = failed - fresh.len() as u64;
        if let Some(oldest) = fresh.first().filter(|_| forgotten > 0) {
            *usage.failures.entry(hour(oldest.at)).or_default() += forgotten;
        }
        for failure in fresh {
            *usage.failures.entry(hour(failure.at)).or_default() += 1;
            usage.newest_failures.push(failure.clone());
        }
        let surplus = usage.newest_failures.len().saturating_sub(FAILURES);
        usage.newest_failures.drain(..surplus);
        usage.forget_old(now);
    }

    /// How a storage was used.
    pub(crate) fn view(
        &self,
        storage: &str,
        words: &StorageWords,
        now: Timestamp,
    ) -> Option<UsageView> {
        let mut usage = self.lock().storages.get(storage)?.clone();
        usage.begin_day(now);
        usage.forget_old(now);
        let error = |failure: &FailedRequest| RequestErrorView {
            at: When(failure.at),
            cause: failure.cause.name().to_owned(),
            operation: failure.operation.clone(),
            message: message(words, failure.cause),
        };
        Some(UsageView {
            requests_today: usage.requests,
            sent_today: usage.sent,
            received_today: usage.received,
            last_success: usage.last_success,
            errors_last_day: usage.failures.values().sum(),
            newest_errors: usage.newest_failures.iter().rev().map(error).collect(),
        })
    }

    /// Forgets a storage that is no longer there.
    pub(crate) fn forget(&self, storage: &str) {
        let mut kept = self.lock();
        kept.is_changed |= kept.storages.remove(storage).is_some();
    }

    /// Whether anything was counted since it was last written.
    pub(crate) fn is_changed(&self) -> bool {
        self.lock().is_changed
    }

    /// Writes what was counted, if anything was since it was last written.
    pub(crate) fn save(&self) {
        let storages = {
            let mut kept = self.lock();
            if !std::mem::replace(&mut kept.is_changed, false) {
                return;
            }
            kept.storages.clone()
        };
        let written = serde_json::to_vec(&storages)
            .map_err(std::io::Error::other)
            .and_then(|text| self.profile.write(FILE, &text));
        if let Err(error) = written {
            tracing::warn!(%error, "how storages are used could not be written");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StorageUsage {
    fn begin_day(&mut self, now: Timestamp) {
        let today = time_text::day(now);
        if self.day != today {
            self.day = today;
            (self.requests, self.sent, self.received) = (0, 0, 0);
        }
    }

    /// Forgets failures that are more than a day old. Of the hour in which the day began all count.
    fn forget_old(&mut self, now: Timestamp) {
        let since = now.secs() - DAY;
        self.failures
            .retain(|hour, _| *hour >= since.div_euclid(HOUR));
        self.newest_failures
            .retain(|failure| failure.at.secs() >= since);
    }
}

fn message(words: &StorageWords, cause: Cause) -> String {
    Words::of_cause(words, cause).message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traffic(requests: u64, failures: &[i64]) -> Traffic {
        let failed = |secs: &i64| FailedRequest {
            at: Timestamp::from_secs(*secs),
            cause: Cause::Server,
            operation: "list".to_owned(),
        };
        Traffic {
            requests,
            sent: 10 * requests,
            received: 100 * requests,
            last_success: Some(Timestamp::from_secs(requests as i64)),
            failures: failures.len() as u64,
            newest_failures: failures.iter().map(failed).collect(),
        }
    }

    #[test]
    fn days_are_counted_apart_and_outlive_the_program() {
        let scratch = tempfile::tempdir().unwrap();
        let profile = Profile::open(scratch.path()).unwrap();
        let words = StorageWords::default();
        // Noon, so that no time zone makes another day of it.
        let noon = Timestamp::from_secs(1_795_176_000);
        let later = |secs: i64| Timestamp::from_secs(noon.secs() + secs);
        let usage = Usage::load(&profile);
        assert_eq!(usage.view("attic", &words, noon), None);
        let first = traffic(5, &[noon.secs() - 60]);
        usage.add("attic", &Traffic::default(), &first, noon);
        // The same count again adds nothing; one that went on adds what came since.
        usage.add("attic", &first, &first, later(1));
        let second = traffic(7, &[noon.secs() - 60, noon.secs()]);
        usage.add("attic", &first, &second, later(2));
        usage.save();

        let usage = Usage::load(&profile);
        // A storage that was opened anew counts from nothing.
        usage.add("attic", &Traffic::default(), &traffic(1, &[]), later(3));
        let view = usage.view("attic", &words, later(4)).unwrap();
        assert_eq!(
            (view.requests_today, view.sent_today, view.received_today),
            (8, 80, 800)
        );
        assert_eq!((view.errors_last_day, view.newest_errors.len()), (2, 2));
        assert_eq!(view.newest_errors[0].at, When(noon));
        assert_eq!(view.last_success, Some(When(Timestamp::from_secs(7))));

        let view = usage.view("attic", &words, later(20 * HOUR)).unwrap();
        assert_eq!((view.requests_today, view.errors_last_day), (0, 2));
        let view = usage.view("attic", &words, later(2 * DAY)).unwrap();
        assert_eq!((view.errors_last_day, view.newest_errors.len()), (0, 0));

        usage.forget("attic");
        usage.save();
        assert_eq!(Usage::load(&profile).view("attic", &words, noon), None);
    }

    #[test]
    fn thousands_of_failures_are_counted_and_few_are_kept() {
        let scratch = tempfile::tempdir().unwrap();
        let usage = Usage::load(&Profile::open(scratch.path()).unwrap());
        let now = 1_795_176_000;
        let mut after = traffic(9_000, &[now; 50]);
        after.failures = 8_000;
        usage.add(
            "attic",
            &Traffic::default(),
            &after,
            Timestamp::from_secs(now),
        );
        let view = usage
            .view("attic", &StorageWords::default(), Timestamp::from_secs(now))
            .unwrap();
        assert_eq!(
            (view.errors_last_day, view.newest_errors.len()),
            (8_000, FAILURES)
        );
    }

    #[test]
    fn what_cannot_be_read_is_as_if_nothing_was_counted() {
        let scratch = tempfile::tempdir().unwrap();
        let profile = Profile::open(scratch.path()).unwrap();
        profile.write(FILE, b"[7").unwrap();
        let now = Timestamp::from_secs(1_795_176_000);
        assert_eq!(
            Usage::load(&profile).view("attic", &StorageWords::default(), now),
            None
        );
    }
}
