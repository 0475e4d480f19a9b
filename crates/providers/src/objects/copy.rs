//! Copies that the server makes, so that no byte comes here.

use std::sync::atomic::{AtomicBool, Ordering};

use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::removed;

use super::bucket::{ANSWER_LIMIT, Bucket, Tries, body_limit};
use super::errors::{of_try, written_since};
use super::guard::Guard;
use super::object::{Object, UserMetadata};
use super::parts::{Part, Upload, part_size};
use super::store::{Answered, Copy, is_missing_bucket};
use crate::hashes::hex;
use crate::retry::Attempt;

/// Parts that a copy is made of; few requests matter more here than small ones.
const COPY_PART: u64 = 512 << 20;

/// How much faster than a line from here a server copies, at least.
const COPY_SPEED: u64 = 64;

/// What became of a delete.
#[derive(Debug)]
pub(super) struct Removed {
    /// Whether there was anything to remove.
    pub(super) was_there: bool,
    /// The version id of the mark that a delete leaves in a bucket with versions.
    pub(super) marker: Option<String>,
}

impl Bucket {
    /// Makes a copy and shows it.
    pub(super) async fn copy_object(&self, copy: &Copy<'_>) -> Result<Object> {
        if !self.capabilities.server_copy {
            return Err(StorageError::new(
                copy.operation,
                Cause::Unsupported,
                "this store copies nothing itself",
            ));
        }
        if copy.source.size > self.facts().largest_copy {
            return self.copy_in_parts(copy).await;
        }
        let answered = self.run(|attempt| self.try_copy(attempt, copy)).await?;
        let is_ours = |made: &Object| answered.tag.as_ref().is_none_or(|tag| *tag == made.tag);
        let made = match self.head(copy.to, None).await?.filter(is_ours) {
            Some(made) => made,
            // Replaced since. In a bucket with versions it was made all the same, and lies there as one of them.
            None => match &answered.version {
                Some(id) => self.head(copy.to, Some(id)).await?.filter(is_ours),
                None => None,
            }
            .ok_or_else(|| written_since(copy.operation))?,
        };
        self.verify(copy, made, answered.tag.is_some()).await
    }

    /// Whether two objects are one content, by the tags that name content or by hashes.
    fn is_same_content(&self, one: &Object, other: &Object) -> bool {
        let known = self.md5(&one.hashes).zip(self.md5(&other.hashes));
        known.map_or(one.tag == other.tag, |(one, other)| one == other)
    }

    /// A store that heeds no condition on the source may have copied something newer: moto and `rclone serve s3` do.
    /// What is then at the target is taken back, if it is `surely_ours`.
    async fn verify(&self, copy: &Copy<'_>, made: Object, surely_ours: bool) -> Result<Object> {
        if made.size == copy.source.size
            && surely_ours
            && (self.capabilities.conditions.copy || copy.version.is_some() || copy.from == copy.to)
        {
            return Ok(made);
        }
        let is_same = if self.md5(&made.hashes).is_some() && self.md5(&copy.source.hashes).is_some()
        {
            self.is_same_content(&made, copy.source)
        } else if surely_ours {
            let source = self.head(copy.from, None).await?;
            source.is_some_and(|source| source.tag == copy.source.tag)
        } else {
            false
        };
        if is_same && made.size == copy.source.size || removed!("expectation") {
            return Ok(made);
        }
        if surely_ours && *copy.guard == Guard::Absent {
            self.remove_object(copy.operation, copy.to, &Guard::Tag(made.tag))
                .await?;
        }
        Err(written_since(copy.operation))
    }

    async fn try_copy(&self, attempt: Attempt, copy: &Copy<'_>) -> Result<Answered> {
        let works = self.capabilities.conditions.copy;
        let asked = self.asked(copy.guard, works, works);
        let by_store = *asked != Guard::Any || *copy.guard == Guard::Any;
        let checked = if by_store {
            Ok(None)
        } else {
            self.check(Tries::Once, copy.operation, copy.to, copy.guard)
                .await
        };
        let limit = body_limit(copy.source.size / COPY_SPEED);
        let sent = match checked {
            Ok(_) => {
                let sent = self.objects.copy(copy, asked);
                self.once(copy.operation, limit, sent).await
            }
            Err(error) => Err(error),
        };
        let error = match sent {
            Ok(answered) => return Ok(answered),
            Err(error) if error.is_lost_race() && !is_missing_bucket(&error) => error,
            Err(error) => return Err(error),
        };
        let there = self.look(Tries::Once, copy.to, None).await?;
        let is_copy = |there: &Object| {
            there.size == copy.source.size
                && self.is_same_content(there, copy.source)
                && copy
                    .metadata
                    .iter()
                    .flatten()
                    .all(|(key, value)| there.metadata.get(key) == Some(value))
        };
        if attempt.is_repeated() && there.as_ref().is_some_and(is_copy) {
            return Ok(Answered {
                tag: there.map(|there| there.tag),
                version: None,
            });
        }
        let is_expected = copy.guard.admits(there.as_ref()) || removed!("expectation");
        let refused = if is_expected {
            StorageError::new(copy.operation, Cause::PreconditionFailed, error.detail)
        } else {
            copy.guard
                .refused(copy.operation, "something else is there")
        };
        Err(of_try(attempt, refused))
    }

    /// Gives the object at `key` other metadata where it is.
    pub(super) async fn set_metadata(
        &self,
        key: &str,
        metadata: &UserMetadata,
        guard: &Guard,
    ) -> Result<Object> {
        let operation = "set_meta";
        let asked = self.asked(guard, false, self.capabilities.conditions.replace);
        let answered = self
            .run(|attempt| async move {
                if *asked == Guard::Any {
                    let checked = self.check(Tries::Once, operation, key, guard).await;
                    checked.map_err(|error| of_try(attempt, error))?;
                }
                // All of it: a store that has to look itself, as Swift, compares it with what it then sees.
                let sent = self.objects.set_metadata(operation, key, metadata, guard);
                let answer = self.once(operation, ANSWER_LIMIT, sent).await;
                answer.map_err(|error| of_try(attempt, error))
            })
            .await?;
        let found = self.head(key, None).await?;
        let is_ours = |found: &Object| {
            answered.tag.as_ref().is_none_or(|tag| *tag == found.tag) && found.metadata == *metadata
        };
        found
            .filter(is_ours)
            .ok_or_else(|| written_since(operation))
    }

    /// Above a size that stores differ in a copy is put together from ranges.
    async fn copy_in_parts(&self, copy: &Copy<'_>) -> Result<Object> {
        let facts = self.facts();
        let len = copy.source.size;
        let metadata = copy.metadata.as_ref().unwrap_or(&copy.source.metadata);
        let size = part_size(len, COPY_PART.min(facts.largest_copy), &facts.limits)?;
        let mut upload = self
            .begin_new(copy.to, (len, size), metadata, &copy.source.headers)
            .await?;
        let made = async {
            self.copy_parts(copy, &mut upload).await?;
            self.complete(&upload, copy.guard).await
        }
        .await;
        if made.is_err() {
            // The parts cost money while they lie there; the error that counts is the first one.
            if let Err(error) = self.abort(&upload).await {
                tracing::warn!(%error, key = copy.to, "parts of a copy were left behind");
            }
        }
        made
    }

    async fn copy_parts(&self, copy: &Copy<'_>, upload: &mut Upload) -> Result<()> {
        for number in 1..=upload.count() {
            let limit = body_limit(upload.range(number).1 / COPY_SPEED);
            let part = self
                .ask(Tries::Many, copy.operation, limit, || {
                    self.objects.copy_part(copy, upload, number)
                })
                .await?;
            // What the store copied was never here: what it tells is all that says what it is.
            let md5 = self.md5(&part.hashes).map(|md5| hex(&md5));
            upload.parts.push(Part {
                number,
                etag: part.tag,
                md5: md5.unwrap_or_default(),
            });
        }
        // The parts must all be of one object: the source is still what it was when the first one was copied.
        let source = self.head(copy.from, copy.version).await?;
        let is_same = source.is_some_and(|source| source.tag == copy.source.tag);
        if is_same || removed!("expectation") {
            Ok(())
        } else {
            Err(StorageError::new(
                copy.operation,
                Cause::PreconditionFailed,
                "the source was changed",
            ))
        }
    }

    /// Removes the object at `key` if `guard` holds.
    pub(super) async fn remove_object(
        &self,
        operation: &'static str,
        key: &str,
        guard: &Guard,
    ) -> Result<Removed> {
        let was_sent = AtomicBool::new(false);
        self.run(|attempt| {
            let was_sent = &was_sent;
            async move {
                let removed = self.try_remove(was_sent, operation, key, guard).await;
                removed.map_err(|error| of_try(attempt, error))
            }
        })
        .await
    }

    /// The same, tried once. `was_sent` says whether an earlier try may have done it, and after this one whether any.
    pub(super) async fn try_remove(
        &self,
        was_sent: &AtomicBool,
        operation: &'static str,
        key: &str,
        guard: &Guard,
    ) -> Result<Removed> {
        let asked = self.asked(guard, false, self.capabilities.conditions.delete);
        // Gone after an earlier try: that one did it.
        let gone = Removed {
            was_there: was_sent.load(Ordering::Relaxed),
            marker: None,
        };
        if *asked == Guard::Any && !self.is_removable(operation, key, guard).await? {
            return Ok(gone);
        }
        let sent = self.objects.delete(operation, key, None, asked);
        let answer = self.once(operation, ANSWER_LIMIT, sent).await;
        was_sent.store(true, Ordering::Relaxed);
        match answer {
            Ok(answered) => {
                return Ok(Removed {
                    was_there: true,
                    marker: answered.version,
                });
            }
            Err(error) if error.is_lost_race() && !is_missing_bucket(&error) => {}
            Err(error) => return Err(error),
        }
        if !self.is_removable(operation, key, guard).await? {
            return Ok(gone);
        }
        Err(guard.refused(operation, "the store refused it"))
    }

    /// Whether what is at `key` may be removed; `false` if nothing is. What does not fit is looked at twice: `rclone
    /// serve s3` shows an object that another client is removing with another ETag.
    async fn is_removable(
        &self,
        operation: &'static str,
        key: &str,
        guard: &Guard,
    ) -> Result<bool> {
        for _ in 0..2 {
            match self.look(Tries::Once, key, None).await? {
                None => return Ok(false),
                Some(found) if guard.admits(Some(&found)) || removed!("expectation") => {
                    return Ok(true);
                }
                Some(_) => {}
            }
        }
        Err(guard.refused(operation, "something else is there"))
    }
}
