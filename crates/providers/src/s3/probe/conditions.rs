//! Trying the conditions. One counts only if the store refused what it had to refuse and did what it had to do.
//!
//! Requests are made again while the store asks to slow down: some take one write a second to one key. One that was done
//! although its answer got lost looks refused then, so that a condition counts for less than it could, never for more.

use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use tandem_core::error::{Cause, Result};

use super::super::answers::RootElement;
use super::super::client::ANSWER_LIMIT;
use super::super::guard::Condition;
use super::super::keys::copy_source;
use super::{FIRST, Probe, SECOND, clone_of, lost};
use crate::hashes::content_md5;

/// An ETag that nothing has.
const WRONG_TAG: &str = "00000000000000000000000000000000";

impl Probe<'_> {
    pub(super) async fn create(&mut self) -> Result<bool> {
        let fresh = format!("{}-new", self.key);
        if !refused(&self.put(&self.key, SECOND, absent()).await)? || !self.is_untouched().await? {
            self.write_again().await?;
            return Ok(false);
        }
        Ok(self.put(&fresh, SECOND, absent()).await.is_ok())
    }

    /// Wrong ones refused, the right one accepted, in one of the two ways to write an ETag.
    pub(super) async fn replace(&mut self) -> Result<bool> {
        for bare in [false, true] {
            let tagged = |tag: &str| Condition {
                if_match: Some(if bare {
                    tag.to_owned()
                } else {
                    format!("\"{tag}\"")
                }),
                ..Condition::default()
            };
            if !refused(&self.put(&self.key, SECOND, tagged(WRONG_TAG)).await)?
                || !self.is_untouched().await?
            {
                self.write_again().await?;
                return Ok(false);
            }
            if self.put(&self.key, FIRST, tagged(&self.tag)).await.is_ok() {
                self.bucket.bare_tags.set(bare);
                self.look_again().await?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) async fn finish_multipart(&mut self) -> Result<bool> {
        for condition in [absent(), self.matching(WRONG_TAG)] {
            let heeded = match self.finish_once(&self.key, &condition).await {
                Err(error) if error.operation == "begin" && !error.is_transient() => {
                    // No uploads in parts: one request carries everything, as large as it may be.
                    self.capabilities.parts = None;
                    self.capabilities.largest_file = Some(self.bucket.settings.limits.largest_part);
                    return Ok(false);
                }
                Err(error) if error.cause == Cause::Unsupported => false,
                answer => refused(&answer)? && self.is_untouched().await?,
            };
            if !heeded {
                self.write_again().await?;
                return Ok(false);
            }
        }
        let right = self.matching(&self.tag);
        let fresh = format!("{}-finished", self.key);
        let works = done(&self.finish_once(&self.key, &right).await)?
            && self.has_size(&self.key, SECOND).await?
            && done(&self.finish_once(&fresh, &absent()).await)?
            && self.has_size(&fresh, SECOND).await?;
        self.write_again().await?;
        Ok(works)
    }

    async fn finish_once(&self, key: &str, condition: &Condition) -> Result<()> {
        let bucket = self.bucket;
        let begun = bucket
            .call("begin", ANSWER_LIMIT, || {
                let begin = bucket
                    .client
                    .create_multipart_upload()
                    .bucket(bucket.name())
                    .key(key);
                begin
                    .customize()
                    .interceptor(RootElement::CREATE_UPLOAD)
                    .send()
            })
            .await?;
        let id = begun.upload_id().unwrap_or_default();
        let finished = async {
            let part = bucket
                .call("validate", ANSWER_LIMIT, || {
                    bucket
                        .client
                        .upload_part()
                        .bucket(bucket.name())
                        .key(key)
                        .upload_id(id)
                        .part_number(1)
                        .content_md5(content_md5(SECOND))
                        .body(Bytes::from_static(SECOND).into())
                        .send()
                })
                .await?;
            let part = CompletedPart::builder()
                .part_number(1)
                .set_e_tag(part.e_tag)
                .build();
            let parts = CompletedMultipartUpload::builder().parts(part).build();
            let finished = bucket.call("validate", ANSWER_LIMIT, || {
                bucket
                    .client
                    .complete_multipart_upload()
                    .bucket(bucket.name())
                    .key(key)
                    .upload_id(id)
                    .multipart_upload(parts.clone())
                    .set_if_match(condition.if_match.clone())
                    .set_if_none_match(condition.if_none_match.clone())
                    .send()
            });
            finished.await.map(|_| ())
        }
        .await;
        if finished.is_err() {
            let sent = bucket
                .client
                .abort_multipart_upload()
                .bucket(bucket.name())
                .key(key)
                .upload_id(id)
                .send();
            // What cannot be aborted here is found by the bucket's own rules; the probe goes on.
            if let Err(error) = bucket.once("validate", ANSWER_LIMIT, sent).await {
                tracing::debug!(%error, "an upload of the probe was not aborted");
            }
        }
        finished
    }

    pub(super) async fn copies(&self) -> Result<bool> {
        match self
            .copy_once(
                &format!("{}-copy", self.key),
                &Condition::default(),
                &self.tag,
            )
            .await
        {
            Ok(()) => Ok(true),
            Err(error) if error.cause == Cause::Unsupported => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Refused are: a name that is taken, a wrong ETag there, a wrong ETag of the source. With all of them right it
    /// is made.
    pub(super) async fn copy(&self) -> Result<bool> {
        let other = format!("{}-new", self.key);
        self.put(&other, SECOND, Condition::default()).await?;
        let tag = self.tag_at(&other).await?;
        for (condition, source) in [
            (absent(), &*self.tag),
            (self.matching(WRONG_TAG), &*self.tag),
            (Condition::default(), WRONG_TAG),
        ] {
            let answer = self.copy_once(&other, &condition, source).await;
            let there = self.bucket.head(&other, None).await?;
            if !refused(&answer)? || there.is_none_or(|there| there.tag != tag) {
                return Ok(false);
            }
        }
        let fresh = format!("{}-copied", self.key);
        for (to, condition) in [(&other, self.matching(&tag)), (&fresh, absent())] {
            let answer = self.copy_once(to, &condition, &self.tag).await;
            if !done(&answer)? || !self.has_size(to, FIRST).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn copy_once(&self, to: &str, condition: &Condition, source_tag: &str) -> Result<()> {
        let bucket = self.bucket;
        let copied = bucket.call("validate", ANSWER_LIMIT, || {
            bucket
                .client
                .copy_object()
                .bucket(bucket.name())
                .key(to)
                .copy_source(copy_source(bucket.name(), &self.key, None))
                .copy_source_if_match(self.quoted(source_tag))
                .set_if_match(condition.if_match.clone())
                .set_if_none_match(condition.if_none_match.clone())
                .send()
        });
        copied.await.map(|_| ())
    }

    pub(super) async fn delete(&self) -> Result<bool> {
        let answer = self.remove(&self.key, Some(self.quoted(WRONG_TAG))).await;
        if !refused(&answer)? || self.bucket.head(&self.key, None).await?.is_none() {
            return Ok(false);
        }
        Ok(self
            .remove(&self.key, Some(self.quoted(&self.tag)))
            .await
            .is_ok()
            && self.bucket.head(&self.key, None).await?.is_none())
    }

    async fn is_untouched(&self) -> Result<bool> {
        Ok(self
            .bucket
            .head(&self.key, None)
            .await?
            .is_some_and(|object| object.tag == self.tag))
    }

    /// The scratch object as it was. Many a store gives the same bytes another ETag each time.
    async fn write_again(&mut self) -> Result<()> {
        self.put(&self.key, FIRST, Condition::default()).await?;
        self.look_again().await
    }

    async fn look_again(&mut self) -> Result<()> {
        self.tag = self.tag_at(&self.key).await?;
        Ok(())
    }

    async fn tag_at(&self, key: &str) -> Result<String> {
        let found = self.bucket.head(key, None).await?;
        found.map(|object| object.tag).ok_or_else(lost)
    }

    async fn has_size(&self, key: &str, content: &[u8]) -> Result<bool> {
        let found = self.bucket.head(key, None).await?;
        Ok(found.is_some_and(|object| object.size == content.len() as u64))
    }

    fn matching(&self, tag: &str) -> Condition {
        Condition {
            if_match: Some(self.quoted(tag)),
            ..Condition::default()
        }
    }

    fn quoted(&self, tag: &str) -> String {
        if self.bucket.bare_tags.get() == Some(true) {
            tag.to_owned()
        } else {
            format!("\"{tag}\"")
        }
    }
}

fn absent() -> Condition {
    Condition {
        if_none_match: Some("*".to_owned()),
        ..Condition::default()
    }
}

/// Whether a store did what it had to do. What may pass decides nothing.
fn done<T>(answer: &Result<T>) -> Result<bool> {
    match answer {
        Ok(_) => Ok(true),
        Err(error) if error.is_transient() => Err(clone_of(error)),
        Err(_) => Ok(false),
    }
}

/// Whether a store refused what it had to refuse. Another failure than a refusal decides nothing.
fn refused<T>(answer: &Result<T>) -> Result<bool> {
    match answer {
        Ok(_) => Ok(false),
        Err(error) => match error.cause {
            Cause::PreconditionFailed | Cause::AlreadyExists => Ok(true),
            // It says that it has no such condition.
            Cause::Unsupported | Cause::Other | Cause::BadResponse => Ok(false),
            _ => Err(clone_of(error)),
        },
    }
}
