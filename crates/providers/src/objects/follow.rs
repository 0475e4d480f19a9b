//! From page to page: an answer in pages ends, whatever the server says (P22).

use std::collections::HashSet;
use std::hash::{BuildHasher, Hash, RandomState};

use tandem_core::error::{Cause, Result, StorageError};

/// Pages without anything that may follow each other: a store may step over what was deleted, but not for ever.
const MOST_EMPTY_PAGES: u32 = 1_000;

/// Names, or versions, that are held in memory at a time: twice what is a supported size of a pair.
pub(super) const MOST_HELD: usize = 2_000_000;

/// The pages that were asked for. Of what leads to each only a hash is kept: it may be as long as an answer.
#[derive(Debug, Default)]
pub(crate) struct Follow {
    asked: HashSet<u64>,
    hasher: RandomState,
    empty: u32,
}

impl Follow {
    /// A page brought so much, and `next` leads to the one after it.
    ///
    /// # Errors
    /// `bad_response` if that was asked for before, or too many pages in a row brought nothing.
    pub(crate) fn to(
        &mut self,
        next: &impl Hash,
        brought: usize,
        operation: &'static str,
    ) -> Result<()> {
        self.empty = if brought == 0 { self.empty + 1 } else { 0 };
        if self.empty > MOST_EMPTY_PAGES || !self.asked.insert(self.hasher.hash_one(next)) {
            let why = "the pages run in circles";
            return Err(StorageError::new(operation, Cause::BadResponse, why));
        }
        Ok(())
    }
}

/// That so much can be held.
///
/// # Errors
/// `bad_response` if it is more than that.
pub(super) fn check_held(count: usize, operation: &'static str) -> Result<()> {
    if count > MOST_HELD {
        let why = format!("more than {MOST_HELD} in one place");
        return Err(StorageError::new(operation, Cause::BadResponse, why));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_may_be_many_and_empty_but_not_for_ever() {
        let mut follow = Follow::default();
        for page in 0..10_000 {
            let brought = usize::from(page % 900 == 0);
            follow.to(&page, brought, "list").unwrap();
        }
        let again = follow.to(&17, 1, "list").unwrap_err();
        assert_eq!(again.cause, Cause::BadResponse);
        let mut follow = Follow::default();
        let empty = (0..10_000).find(|page| follow.to(page, 0, "list").is_err());
        assert_eq!(empty, Some(1_000));
    }
}
