//! What an error means for a change.

use tandem_core::error::{Cause, StorageError};

use super::guard::Guard;
use super::store::is_missing_bucket;
use crate::retry::Attempt;

const WRITTEN_SINCE: &str = "somebody wrote at the same time";

/// What is there now is somebody else's, and what was there before may have been replaced from here.
pub(super) fn written_since(operation: &'static str) -> StorageError {
    StorageError::new(operation, Cause::PreconditionFailed, WRITTEN_SINCE)
}

/// `error`, which ended a try. One that came after a try without an answer does not say what that one did.
pub(super) fn of_try(attempt: Attempt, error: StorageError) -> StorageError {
    if attempt.is_repeated() && is_refused_change(&error) {
        written_since(error.operation)
    } else {
        error
    }
}

/// Whether a change that ended so surely changed nothing.
pub(super) fn changed_nothing(error: &StorageError) -> bool {
    is_refused_change(error) && error.detail != WRITTEN_SINCE
}

/// Whether a condition did not hold.
pub(super) const fn is_refused_change(error: &StorageError) -> bool {
    matches!(
        error.cause,
        Cause::PreconditionFailed | Cause::AlreadyExists
    )
}

/// Whether a store said that something else is there than was expected: also by not finding what was to be there.
pub(super) fn is_refusal(error: &StorageError, guard: &Guard) -> bool {
    error.is_lost_race()
        && !is_missing_bucket(error)
        && !(error.cause == Cause::NotFound && *guard == Guard::Absent)
}
