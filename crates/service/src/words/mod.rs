//! The catalogue of sentences about what happens to a person's files, each with the next step. What a shell prints
//! around them (titles of columns, counts, an empty list) is its own.
//!
//! Present tense, calm, no codes in the first sentence (they stand in `detail`). Names are put in as they
//! are; whoever prints them makes control characters visible.

mod cause;
mod fault;
mod guarantee;
mod guard;
mod heading;
mod problem;
mod reason;
mod selftest;
mod window;

use crate::fault::{Fault, StorageWords};
use tandem_core::error::{Cause, StorageError};

pub use guarantee::{Guarantee, guarantees, storage_guarantees};
pub use guard::guard;
pub use heading::heading;
pub use problem::{conflict, explanation, finding, problem, warning};
pub use reason::{kind_of_action, reason};
pub use selftest::{broken_seed, injected, selftest, too_little_met};
pub use window::in_window;

/// Asks for the passphrase of the encrypted file.
pub const ASK_PASSPHRASE: &str = "Passphrase of the saved passwords: ";
/// Asks for the passphrase of a new one, which nobody can find out again.
pub const ASK_NEW_PASSPHRASE: &str = "New passphrase for the saved passwords: ";
/// Asks for it once more.
pub const ASK_AGAIN: &str = "The same again: ";
/// Of a sign-in that waits for a person.
#[must_use]
pub fn sign_in(storage: &str, address: &str) -> String {
    format!(
        "To sign in to {storage}, open this address in a browser and let Tandem in there, within 20 minutes: {address}"
    )
}
/// Of a command that has its answer and does not end yet.
pub const ANSWERS_OTHERS: &str = "Another command is at work through this one, which ends with it.";
/// Of a file that was left out of a copy.
pub const UNREADABLE: &str = "It cannot be read.";
/// Of a folder that was left out of a copy.
pub const UNREADABLE_FOLDER: &str = "The folder cannot be read: no permission.";

/// Of a program that has no runtime.
#[must_use]
pub fn cannot_start(error: &std::io::Error) -> String {
    format!("Tandem cannot start: {error}.")
}

/// Of a log that cannot be written; the command goes on without.
#[must_use]
pub fn no_log(error: &std::io::Error) -> String {
    format!("The log cannot be written: {error}.")
}

/// Of a file that was written.
#[must_use]
pub fn written(file: &str) -> String {
    format!("{file} was written.")
}

/// A sentence and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Words {
    /// What is the matter.
    pub message: String,
    /// What to do; empty where nothing needs to be done.
    pub next_step: String,
}

impl Words {
    pub(crate) fn new(message: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            next_step: next_step.into(),
        }
    }

    /// About a fault.
    #[must_use]
    pub fn of_fault(fault: &Fault) -> Self {
        fault::words(fault)
    }

    /// About a storage's error.
    #[must_use]
    pub fn of_storage_error(storage: &StorageWords, error: &StorageError) -> Self {
        cause::words(
            storage,
            error.cause,
            error.path.as_ref().map(|p| p.as_str()),
            &error.detail,
        )
    }

    /// About a cause alone.
    #[must_use]
    pub fn of_cause(storage: &StorageWords, cause: Cause) -> Self {
        cause::words(storage, cause, None, "")
    }

    /// Both sentences in one line.
    #[must_use]
    pub fn line(&self) -> String {
        if self.next_step.is_empty() {
            return self.message.clone();
        }
        format!("{} {}", self.message, self.next_step)
    }
}

/// What to do about a storage of which nothing was probed as it is now.
#[must_use]
pub fn untested(name: &str) -> String {
    format!(
        "It was not tested as it is now, so only what every server does is relied on; “tandem storage test {name}” finds out more."
    )
}

/// "1 file", "1,842 files".
#[must_use]
pub fn count(number: u64, one: &str, many: &str) -> String {
    format!(
        "{} {}",
        grouped(number),
        if number == 1 { one } else { many }
    )
}

/// 1842 as "1,842".
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Bytes in powers of 1000, two figures over 10: "812 B", "6.4 GB", "64 GB".
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "two figures are shown")]
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if value < 9.95 {
        format!("{value:.1} {}", UNITS[unit])
    } else {
        format!("{value:.0} {}", UNITS[unit])
    }
}

/// How a storage is called in a sentence.
pub(crate) fn called(storage: &StorageWords) -> &str {
    if storage.name.is_empty() {
        "this computer"
    } else {
        &storage.name
    }
}

/// Where an end is, as a person writes it.
#[must_use]
pub fn place(storage: &StorageWords) -> String {
    if storage.name.is_empty() {
        storage.folder.clone()
    } else {
        format!("{}:{}", storage.name, storage.folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_sizes_short() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (6_400_000_000, "6.4 GB"),
            (64_300_000_000, "64 GB"),
            (999_600, "1.0 MB"),
            (9_960, "10 kB"),
            (u64::MAX, "18 EB"),
        ] {
            assert_eq!(size(bytes), text);
        }
        assert_eq!(grouped(1_842), "1,842");
        assert_eq!(grouped(1_000_000), "1,000,000");
        assert_eq!(count(1, "file", "files"), "1 file");
    }

    #[test]
    fn every_cause_has_a_sentence_and_a_next_step() {
        let storage = StorageWords {
            name: "photos".to_owned(),
            ..StorageWords::default()
        };
        for cause in Cause::ALL {
            let words = Words::of_cause(&storage, *cause);
            for text in [&words.message, &words.next_step] {
                assert!(text.ends_with('.'), "{cause:?}: {text:?}");
                for word in ["please", "oops", "failed", "invalid", "!"] {
                    assert!(!text.to_lowercase().contains(word), "{cause:?}: {text:?}");
                }
            }
        }
    }
}
