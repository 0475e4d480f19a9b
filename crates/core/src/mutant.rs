//! Deliberate faults, by which it is shown that the tests would find such ones.
//!
//! Without the feature `mutants`, which no build that people get has, there are none: [`crate::mutant!`] and
//! [`crate::removed!`] are `false`, and what they guard is not in the program.
//!
//! A fault is made by one line where it is to be: `if mutant!("P7 no expectation") { return Expected::Any; }`. Its name
//! begins with the promise that it breaks. `scripts/mutants.py` lists the faults from the source, turns on one after the
//! other and looks for a test that fails.

#[cfg(feature = "mutants")]
pub use tandem_mutants::{choose, is_on, is_removed, reached};

/// Whether the fault `name` is on.
#[cfg(not(feature = "mutants"))]
#[must_use]
pub const fn is_on(_: &str) -> bool {
    false
}

/// Whether the one at `site` of all that are of this kind is taken out.
#[cfg(not(feature = "mutants"))]
#[must_use]
pub const fn is_removed(_: &str, _: &std::panic::Location<'_>) -> bool {
    false
}

/// Whether the deliberate fault of this name is on.
#[cfg(feature = "mutants")]
#[macro_export]
macro_rules! mutant {
    ($name:literal) => {
        $crate::mutant::is_on($name)
    };
}

/// `false`: known while it is built, so that not even the name is left of the fault.
#[cfg(not(feature = "mutants"))]
#[macro_export]
macro_rules! mutant {
    ($name:literal) => {
        const { $crate::mutant::is_on($name) }
    };
}

/// Whether this very one of all flushes, transactions, expectations or checks of completeness is taken out: the one on
/// this line, or in a function that is `#[track_caller]` the one on the line that calls it.
#[macro_export]
macro_rules! removed {
    ($kind:literal) => {
        $crate::mutant::is_removed($kind, ::std::panic::Location::caller())
    };
}
