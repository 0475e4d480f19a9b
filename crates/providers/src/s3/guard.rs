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

use super::client::Tries;
use super::object::Object;
use super::revision::{Marks, same_tag};
use super::store::Store;

/// What must be at a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Guard {
    Absent,
    /// The object with this ETag.
    Tag(String),
    Any,
}

/// A guard as headers.
#[derive(Debug, Clone, Default)]
pub(super) struct Condition {
    pub(super) if_match: Option<String>,
    pub(super) if_none_match: Option<String>,
}

impl Condition {
    /// Whether the store checks anything.
    pub(super) const fn is_set(&self) -> bool {
        self.if_match.is_some() || self.if_none_match.is_some()
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

    /// Whether `found` is what must be there.
    pub(super) fn admits(&self, found: Option<&Object>) -> bool {
        match (self, found) {
            (Self::Any, _) | (Self::Absent, None) => true,
            (Self::Tag(tag), Some(object)) => same_tag(tag, &object.tag),
            _ => false,
        }
    }
}

impl Store {
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
                let Some(object) = self.bucket.head(key, None).await? else {
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
        let found = self.bucket.look(tries, key, None).await?;
        if guard.admits(found.as_ref()) || removed!("expectation") {
            return Ok(found);
        }
        Err(guard.refused(operation, "something else is there"))
    }

    /// The headers for `guard`; none where the store is not known to heed them.
    pub(super) fn condition(
        &self,
        guard: &Guard,
        absent_works: bool,
        tag_works: bool,
    ) -> Condition {
        match guard {
            Guard::Absent if absent_works && !removed!("expectation") => Condition {
                if_none_match: Some("*".to_owned()),
                ..Condition::default()
            },
            Guard::Tag(tag) if tag_works && !removed!("expectation") => Condition {
                if_match: Some(self.if_match(tag)),
                ..Condition::default()
            },
            _ => Condition::default(),
        }
    }

    /// An ETag as If-Match wants it here.
    pub(super) fn if_match(&self, tag: &str) -> String {
        if self.bucket.bare_tags.get() == Some(true) {
            tag.to_owned()
        } else {
            format!("\"{tag}\"")
        }
    }

    /// After a refusal: whether it was the quotes. The object still has the expected ETag, and nobody knows yet how
    /// this store wants it written (Ceph RGW 16 refuses the quoted one). The next try writes it bare.
    pub(super) async fn try_bare_tag(&self, key: &str, guard: &Guard) -> Result<bool> {
        let Guard::Tag(tag) = guard else {
            return Ok(false);
        };
        if self.bucket.bare_tags.get().is_some() {
            return Ok(false);
        }
        let found = self.bucket.look(Tries::Once, key, None).await?;
        let is_quoting = found.is_some_and(|object| same_tag(tag, &object.tag));
        if is_quoting {
            self.bucket.bare_tags.set(true);
        }
        Ok(is_quoting)
    }

    /// After another refusal: it was not the quotes, but somebody who wrote in between.
    pub(super) fn bare_tag_was_refused(&self, is_trial: bool) {
        if is_trial {
            self.bucket.bare_tags.forget();
        }
    }

    /// After a condition held: a quoted ETag is understood here.
    pub(super) fn tag_was_understood(&self, condition: &Condition) {
        if condition.if_match.is_some() && self.bucket.bare_tags.get().is_none() {
            self.bucket.bare_tags.set(false);
        }
    }
}
