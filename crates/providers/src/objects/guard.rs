//! Expectations: as a condition that the store checks where that was probed to work, else by looking right before.
//!
//! Where a condition was not probed to work there is a window between the look and the change (P7): what another
//! program writes within it is replaced unseen, unless the bucket keeps versions, where it is found afterwards and
//! reported as displaced. Tandem itself looks again after such a write, so of two devices in one window the one whose
//! content was replaced learns of it and keeps both.

use tandem_core::entry::Revision;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::removed;
use tandem_core::storage::Expected;

use super::bucket::{Bucket, Tries};
use super::object::Object;
use super::revision::Marks;

/// What must be at a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Guard {
    /// Nothing.
    Absent,
    /// The object with this [`Object::tag`].
    Tag(String),
    /// Whatever there is.
    Any,
}

impl Guard {
    /// The error for finding something else.
    pub(crate) fn refused(&self, operation: &'static str, found: &str) -> StorageError {
        let cause = if *self == Self::Absent {
            Cause::AlreadyExists
        } else {
            Cause::PreconditionFailed
        };
        StorageError::new(operation, cause, found)
    }

    /// Whether `found` is what must be there.
    pub(crate) fn admits(&self, found: Option<&Object>) -> bool {
        match (self, found) {
            (Self::Any, _) | (Self::Absent, None) => true,
            (Self::Tag(tag), Some(object)) => *tag == object.tag,
            _ => false,
        }
    }
}

impl Bucket {
    /// `expected` for the object at `key`. Where revisions are no ETags the object has to be asked for its own.
    pub(super) async fn guard(
        &self,
        operation: &'static str,
        key: &str,
        expected: &Expected,
    ) -> Result<Guard> {
        match (expected, self.marks) {
            (Expected::Absent, _) => Ok(Guard::Absent),
            (Expected::Any, _) => Ok(Guard::Any),
            (Expected::Revision(Revision::Tag(tag)), Marks::Tags) => {
                Ok(Guard::Tag(tag.to_string()))
            }
            (Expected::Revision(revision @ Revision::Tag(_)), Marks::Times) => {
                let Some(object) = self.head(key, None).await? else {
                    return Err(StorageError::new(
                        operation,
                        Cause::PreconditionFailed,
                        "it is gone",
                    ));
                };
                let found = self.revision(&object);
                if found == *revision || removed!("expectation") {
                    return Ok(Guard::Tag(object.tag));
                }
                let detail = format!("it is {found:?} and not {revision:?}");
                Err(StorageError::new(
                    operation,
                    Cause::PreconditionFailed,
                    detail,
                ))
            }
            (Expected::Revision(_), _) => Err(StorageError::new(
                operation,
                Cause::PreconditionFailed,
                "no file of this storage has such a revision",
            )),
        }
    }

    /// Looks whether `guard` holds, and shows what is there.
    pub(super) async fn check(
        &self,
        tries: Tries,
        operation: &'static str,
        key: &str,
        guard: &Guard,
    ) -> Result<Option<Object>> {
        let found = self.look(tries, key, None).await?;
        if guard.admits(found.as_ref()) || removed!("expectation") {
            return Ok(found);
        }
        Err(guard.refused(operation, "something else is there"))
    }

    /// What of `guard` is asked of the store: nothing where it is not known to heed it.
    pub(super) fn asked<'g>(
        &self,
        guard: &'g Guard,
        absent_works: bool,
        tag_works: bool,
    ) -> &'g Guard {
        let works = match guard {
            Guard::Absent => absent_works,
            Guard::Tag(_) => tag_works,
            Guard::Any => false,
        };
        if works && !removed!("expectation") {
            guard
        } else {
            &Guard::Any
        }
    }
}
