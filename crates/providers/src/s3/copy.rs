//! Copies that the server makes, so that no byte comes here.

use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_s3::types::MetadataDirective;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::removed;

use super::client::{ANSWER_LIMIT, Tries, body_limit};
use super::errors::{is_missing_bucket, of_try, written_since};
use super::guard::{Condition, Guard};
use super::history::NO_VERSION;
use super::keys::copy_source;
use super::metadata::UserMetadata;
use super::object::{Object, hides_md5};
use super::parts::{Part, Upload, part_size};
use super::revision::{md5_of_tag, same_tag, unquoted};
use super::store::Store;
use crate::retry::Attempt;

/// Parts that a copy is made of; few requests matter more here than small ones.
const COPY_PART: u64 = 512 << 20;

/// How much faster than a line from here a server copies, at least.
const COPY_SPEED: u64 = 64;

/// What a store says of a copy that it made.
#[derive(Debug, Default)]
struct Answered {
    tag: Option<String>,
    version: Option<String>,
}

/// What became of a delete.
#[derive(Debug)]
pub(super) struct Removed {
    /// Whether there was anything to remove.
    pub(super) was_there: bool,
    /// The version id of the mark that a delete leaves in a bucket with versions.
    pub(super) marker: Option<String>,
}

/// A copy to be made.
pub(super) struct Copy<'a> {
    pub(super) operation: &'static str,
    pub(super) from: &'a str,
    /// The source as it was looked at; it must still be that.
    pub(super) source: &'a Object,
    /// Which version of it, if not the current one. A version never changes.
    pub(super) version: Option<&'a str>,
    pub(super) to: &'a str,
    pub(super) guard: &'a Guard,
    /// Metadata to give instead of the source's.
    pub(super) metadata: Option<UserMetadata>,
}

impl Store {
    /// Makes a copy and shows it.
    pub(super) async fn copy_object(&self, copy: &Copy<'_>) -> Result<Object> {
        if !self.capabilities.server_copy {
            return Err(StorageError::new(
                copy.operation,
                Cause::Unsupported,
                "this store copies nothing itself",
            ));
        }
        if copy.source.size > self.bucket.settings.largest_copy {
            return self.copy_in_parts(copy).await;
        }
        let answered = self
            .bucket
            .run(|attempt| self.try_copy(attempt, copy))
            .await?;
        let is_ours = |made: &Object| answered.tag.as_ref().is_none_or(|tag| *tag == made.tag);
        let made = match self.bucket.head(copy.to, None).await?.filter(is_ours) {
            Some(made) => made,
            // Replaced since. In a bucket with versions it was made all the same, and lies there as one of them.
            None => match &answered.version {
                Some(id) => self.bucket.head(copy.to, Some(id)).await?.filter(is_ours),
                None => None,
            }
            .ok_or_else(|| written_since(copy.operation))?,
        };
        self.verify(copy, made, answered.tag.is_some()).await
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
        let is_comparable = self.etags_are_md5()
            && !made.encrypted
            && !copy.source.encrypted
            && md5_of_tag(&copy.source.tag).is_some()
            && md5_of_tag(&made.tag).is_some();
        let is_same = if is_comparable {
            made.tag == copy.source.tag
        } else if surely_ours {
            let source = self.bucket.head(copy.from, None).await?;
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
        let mut is_trial = false;
        loop {
            let condition = self.condition(copy.guard, works, works);
            let sent = if condition.is_set() || *copy.guard == Guard::Any {
                self.send_copy(copy, &condition).await
            } else {
                let checked = self.check(Tries::Once, copy.operation, copy.to, copy.guard);
                match checked.await {
                    Ok(_) => self.send_copy(copy, &condition).await,
                    Err(error) => Err(error),
                }
            };
            let error = match sent {
                Ok(answered) => return Ok(answered),
                Err(error) if error.is_lost_race() && !is_missing_bucket(&error) => error,
                Err(error) => return Err(error),
            };
            let there = self.bucket.look(Tries::Once, copy.to, None).await?;
            let is_copy = |there: &Object| {
                there.size == copy.source.size
                    && same_tag(&there.tag, &copy.source.tag)
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
            self.bare_tag_was_refused(is_trial);
            if !copy.guard.admits(there.as_ref()) && !removed!("expectation") {
                let refused = copy
                    .guard
                    .refused(copy.operation, "something else is there");
                return Err(of_try(attempt, refused));
            }
            // Both ends are as expected and the store refuses: it may be the quotes around the ETags.
            let source = self
                .bucket
                .look(Tries::Once, copy.from, copy.version)
                .await?;
            let is_unchanged = source.is_some_and(|source| source.tag == copy.source.tag);
            if !is_unchanged || is_trial || self.bucket.bare_tags.get().is_some() {
                let refused =
                    StorageError::new(copy.operation, Cause::PreconditionFailed, error.detail);
                return Err(of_try(attempt, refused));
            }
            self.bucket.bare_tags.set(true);
            is_trial = true;
        }
    }

    async fn send_copy(&self, copy: &Copy<'_>, condition: &Condition) -> Result<Answered> {
        let bucket = &self.bucket;
        let headers = &copy.source.headers;
        let mut request = bucket
            .client
            .copy_object()
            .bucket(bucket.name())
            .key(copy.to)
            .copy_source(copy_source(bucket.name(), copy.from, copy.version))
            .set_if_match(condition.if_match.clone())
            .set_if_none_match(condition.if_none_match.clone())
            .set_storage_class(headers.storage_class.clone())
            // Unlike the others this is never taken over by a copy itself.
            .set_website_redirect_location(headers.website_redirect.clone());
        if copy.version.is_none() {
            request = request.copy_source_if_match(self.if_match(&copy.source.tag));
        }
        if let Some(metadata) = &copy.metadata {
            request = request
                .metadata_directive(MetadataDirective::Replace)
                .set_metadata(Some(metadata.clone()))
                .set_cache_control(headers.cache_control.clone())
                .set_content_disposition(headers.content_disposition.clone())
                .set_content_encoding(headers.content_encoding.clone())
                .set_content_language(headers.content_language.clone())
                .set_content_type(headers.content_type.clone())
                .set_expires(headers.expires);
        }
        let limit = body_limit(copy.source.size / COPY_SPEED);
        let reply = bucket.once(copy.operation, limit, request.send()).await?;
        self.tag_was_understood(condition);
        let tag = reply.copy_object_result().and_then(|made| made.e_tag());
        let tag = tag
            .map(|tag| unquoted(tag).to_owned())
            .filter(|tag| !tag.is_empty());
        Ok(Answered {
            tag,
            version: reply.version_id.filter(|id| id != NO_VERSION),
        })
    }

    /// Above 5 GiB a copy is put together from ranges ("CopyObject" and "UploadPartCopy", API Reference).
    async fn copy_in_parts(&self, copy: &Copy<'_>) -> Result<Object> {
        let bucket = &self.bucket;
        let settings = &bucket.settings;
        let len = copy.source.size;
        let metadata = copy.metadata.as_ref().unwrap_or(&copy.source.metadata);
        let wanted = COPY_PART.min(settings.largest_copy);
        let headers = &copy.source.headers;
        let mut upload = self.begin(copy.to, len, metadata, headers, None).await?;
        upload.part_size = part_size(len, wanted, &settings.limits)?;
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
        let bucket = &self.bucket;
        for number in 1..=upload.count() {
            let (offset, len) = upload.range(number);
            let reply = bucket
                .call(copy.operation, body_limit(len / COPY_SPEED), || {
                    let unchanged = copy
                        .version
                        .is_none()
                        .then(|| self.if_match(&copy.source.tag));
                    bucket
                        .client
                        .upload_part_copy()
                        .bucket(bucket.name())
                        .key(copy.to)
                        .upload_id(&upload.upload_id)
                        .part_number(number)
                        .copy_source(copy_source(bucket.name(), copy.from, copy.version))
                        .copy_source_range(format!("bytes={offset}-{}", offset + len - 1))
                        .set_copy_source_if_match(unchanged)
                        .send()
                })
                .await?;
            let tag = reply.copy_part_result().and_then(|part| part.e_tag());
            let bad =
                || StorageError::new(copy.operation, Cause::BadResponse, "a part without an ETag");
            let etag = tag.map(|tag| unquoted(tag).to_owned()).ok_or_else(bad)?;
            let encrypted = hides_md5(
                reply.server_side_encryption(),
                reply.sse_customer_algorithm(),
            );
            let is_md5 = !encrypted && self.etags_are_md5() && md5_of_tag(&etag).is_some();
            // What the store copied was never here: its ETag is all that tells what it is.
            let md5 = if is_md5 { etag.clone() } else { String::new() };
            upload.parts.push(Part { number, etag, md5 });
        }
        // The parts must all be of one object: the source is still what it was when the first one was copied.
        let source = bucket.head(copy.from, copy.version).await?;
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
        self.bucket
            .run(|attempt| {
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
        let bucket = &self.bucket;
        let mut is_trial = false;
        loop {
            let condition = self.condition(guard, false, self.capabilities.conditions.delete);
            // Gone after an earlier try: that one did it.
            let gone = Removed {
                was_there: was_sent.load(Ordering::Relaxed),
                marker: None,
            };
            if !condition.is_set() && !self.is_removable(operation, key, guard).await? {
                return Ok(gone);
            }
            let sent = bucket
                .client
                .delete_object()
                .bucket(bucket.name())
                .key(key)
                .set_if_match(condition.if_match.clone())
                .send();
            let answer = bucket.once(operation, ANSWER_LIMIT, sent).await;
            was_sent.store(true, Ordering::Relaxed);
            match answer {
                Ok(reply) => {
                    self.tag_was_understood(&condition);
                    return Ok(Removed {
                        was_there: true,
                        marker: reply.version_id,
                    });
                }
                Err(error) if error.is_lost_race() && !is_missing_bucket(&error) => {}
                Err(error) => return Err(error),
            }
            self.bare_tag_was_refused(is_trial);
            if !self.is_removable(operation, key, guard).await? {
                return Ok(gone);
            }
            if is_trial || bucket.bare_tags.get().is_some() {
                return Err(guard.refused(operation, "the store refused it"));
            }
            bucket.bare_tags.set(true);
            is_trial = true;
        }
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
            match self.bucket.look(Tries::Once, key, None).await? {
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
