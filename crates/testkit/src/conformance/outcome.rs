//! How a case ends, and the report over all of them.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;

use tandem_core::error::StorageError;

/// How a case ends: well, or by a [`Stop`].
pub(super) type Outcome = Result<(), Stop>;

/// Why a case went no further.
#[derive(Debug)]
pub(super) enum Stop {
    /// The storage does not claim what the case is about; says which capability is missing.
    NotApplicable(String),
    /// The contract is broken.
    Broken {
        /// What was seen, and what should have been.
        what: String,
        /// Where in the suite it was noticed.
        at: &'static Location<'static>,
    },
}

impl Stop {
    /// A broken contract, noticed at the caller.
    #[track_caller]
    pub(super) fn broken(what: impl Into<String>) -> Self {
        Self::Broken {
            what: what.into(),
            at: Location::caller(),
        }
    }
}

impl From<StorageError> for Stop {
    #[track_caller]
    fn from(error: StorageError) -> Self {
        Self::broken(format!("unexpected error: {error}"))
    }
}

/// What became of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The contract is kept.
    Passed,
    /// The storage does not claim what the case is about.
    NotApplicable(String),
    /// It failed by a known fault of the server.
    Excused {
        /// The fault.
        why: String,
        /// What was seen.
        failure: String,
    },
    /// The contract is broken.
    Failed(String),
}

/// What became of one case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseReport {
    /// Its theme, the file it stands in.
    pub theme: &'static str,
    /// Its name, a sentence of the contract.
    pub name: &'static str,
    /// What became of it.
    pub verdict: Verdict,
}

impl fmt::Display for CaseReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}: ", self.theme, self.name)?;
        match &self.verdict {
            Verdict::Passed => f.write_str("passed"),
            Verdict::NotApplicable(why) => write!(f, "does not apply: {why}"),
            Verdict::Excused { why, failure } => write!(f, "excused: {why} ({failure})"),
            Verdict::Failed(what) => write!(f, "FAILED: {what}"),
        }
    }
}

impl CaseReport {
    /// What is worth printing: `None` if it simply passed.
    ///
    /// # Panics
    /// If the case failed, with what was seen: this is how a test fails.
    #[must_use]
    pub fn into_note(self) -> Option<String> {
        match &self.verdict {
            Verdict::Passed => None,
            Verdict::Failed(_) => panic!("{self}"),
            Verdict::NotApplicable(_) | Verdict::Excused { .. } => Some(self.to_string()),
        }
    }
}

/// What became of all cases.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Case by case, in the order of the list.
    pub cases: Vec<CaseReport>,
}

impl Report {
    /// The cases that failed.
    pub fn failures(&self) -> impl Iterator<Item = &CaseReport> {
        self.cases
            .iter()
            .filter(|case| matches!(case.verdict, Verdict::Failed(_)))
    }

    /// How many passed.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.cases
            .iter()
            .filter(|case| case.verdict == Verdict::Passed)
            .count()
    }

    /// The names of the cases that did not apply, by the reason.
    #[must_use]
    pub fn not_applicable(&self) -> BTreeMap<&str, Vec<&'static str>> {
        let mut reasons = BTreeMap::<&str, Vec<&'static str>>::new();
        for case in &self.cases {
            if let Verdict::NotApplicable(why) = &case.verdict {
                reasons.entry(why).or_default().push(case.name);
            }
        }
        reasons
    }

    /// Fails the test that calls this if a case failed.
    ///
    /// # Panics
    /// With the whole report, if a case failed.
    #[track_caller]
    pub fn assert_kept(&self) {
        assert!(self.failures().next().is_none(), "{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed = self.failures().count();
        writeln!(
            f,
            "{} cases: {} passed, {failed} failed",
            self.cases.len(),
            self.passed()
        )?;
        for case in &self.cases {
            if matches!(case.verdict, Verdict::Failed(_) | Verdict::Excused { .. }) {
                writeln!(f, "  {case}")?;
            }
        }
        for (why, names) in self.not_applicable() {
            writeln!(f, "  does not apply: {why}: {}", names.join(", "))?;
        }
        Ok(())
    }
}

/// Ends the case as broken unless the condition holds.
macro_rules! check {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err($crate::conformance::outcome::Stop::broken(format!($($message)+)));
        }
    };
}

/// Ends the case as not applicable unless the storage declares what it is about.
macro_rules! needs {
    ($condition:expr, $why:expr) => {
        if !$condition {
            return Err($crate::conformance::outcome::Stop::NotApplicable(
                $why.to_string(),
            ));
        }
    };
}

pub(super) use {check, needs};
