//! Expectations: as a condition that the server checks where that was probed to work, else by looking right before.
//!
//! Where a condition was not probed to work there is a window between the look and the change (P7): what another
//! program writes within it is replaced unseen. Tandem looks again after such a write, so of two devices in one window
//! the one whose content was replaced learns of it and keeps both.
//!
//! A move over a file names no revision of what it replaces but in the `If` header (RFC 4918, section 10.4), which
//! few servers read; and over a folder it removes all of it. So before a move that replaces there is a look, always.

use tandem_core::entry::Revision;
use tandem_core::error::{Cause, StorageError};
use tandem_core::removed;
use tandem_core::storage::Expected;
use url::Url;

use super::resource::{Resource, Tag, tag_of};

/// What must be at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Guard {
    Absent,
    /// The file of this revision.
    Revision(Revision),
    Any,
}

impl From<&Expected> for Guard {
    fn from(expected: &Expected) -> Self {
        match expected {
            Expected::Absent => Self::Absent,
            Expected::Any => Self::Any,
            Expected::Revision(revision) => Self::Revision(revision.clone()),
        }
    }
}

impl Guard {
    /// The error for finding something else.
    pub(super) fn refused(&self, operation: &'static str, found: &str) -> StorageError {
        let cause = if *self == Self::Absent {
            Cause::AlreadyExists
        } else {
            Cause::PreconditionFailed
        };
        StorageError::new(operation, cause, found)
    }

    /// Whether `found`, which is to be replaced by a file or removed as one, is what must be there.
    pub(super) fn admits(&self, found: Option<&Resource>) -> bool {
        if found.is_some_and(|found| found.is_folder) {
            return false;
        }
        match (self, found) {
            (Self::Any, _) | (Self::Absent, None) => true,
            (Self::Revision(revision), Some(found)) => found.revision() == *revision,
            _ => false,
        }
    }

    /// The same, as an error where it is not so.
    #[track_caller]
    pub(super) fn check(
        &self,
        operation: &'static str,
        found: Option<&Resource>,
    ) -> Result<(), StorageError> {
        if self.admits(found) || removed!("expectation") {
            return Ok(());
        }
        if found.is_some_and(|found| found.is_folder) {
            let error = StorageError::new(operation, Cause::AlreadyExists, "a folder is there");
            return Err(error);
        }
        Err(self.refused(operation, "something else is there"))
    }

    /// The ETag that is expected.
    pub(super) fn tag(&self) -> Option<&str> {
        match self {
            Self::Revision(revision) => tag_of(revision),
            _ => None,
        }
    }

    /// The header for a request to the place itself; `None` where the server is not known to heed it.
    pub(super) fn header(
        &self,
        absent_works: bool,
        tag_works: bool,
    ) -> Option<(&'static str, String)> {
        match self {
            Self::Absent if absent_works => Some(("if-none-match", "*".to_owned())),
            Self::Revision(_) if tag_works => self.tag().map(|tag| ("if-match", Tag::quoted(tag))),
            _ => None,
        }
    }

    /// The `If` header for a request that names the place as its destination.
    pub(super) fn of_destination(&self, to: &Url, works: bool) -> Option<(&'static str, String)> {
        let tag = self.tag().filter(|_| works)?;
        Some(("if", format!("<{to}> ([{}])", Tag::quoted(tag))))
    }
}
