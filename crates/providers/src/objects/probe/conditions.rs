//! Trying the conditions. One counts only if the store refused what it had to refuse and did what it had to do.
//!
//! Requests are made again while the store asks to slow down: some take one write a second to one key. One that was done
//! although its answer got lost looks refused then, so that a condition counts for less than it could, never for more.

use bytes::Bytes;
use tandem_core::error::{Cause, Result};

use super::{Copying, FIRST, Probe, SECOND, clone_of, lost};
use crate::body::Prepared;
use crate::objects::bucket::ANSWER_LIMIT;
use crate::objects::guard::Guard;
use crate::objects::metadata::KEPT_PATH;
use crate::objects::object::{Headers, Object, UserMetadata};
use crate::objects::parts::{Part, Upload};
use crate::objects::store::Copy;

/// The operation that tells a store without uploads in parts.
const BEGIN: &str = "begin";

impl Probe<'_> {
    pub(super) async fn create(&mut self) -> Result<bool> {
        let fresh = format!("{}-new", self.key);
        if !refused(&self.put(&self.key, SECOND, &Guard::Absent).await)?
            || !self.is_untouched().await?
        {
            self.write_again().await?;
            return Ok(false);
        }
        Ok(self.put(&fresh, SECOND, &Guard::Absent).await.is_ok())
    }

    /// A wrong one refused, the right one accepted.
    pub(super) async fn replace(&mut self) -> Result<bool> {
        let wrong = self.wrong();
        if !refused(&self.put(&self.key, SECOND, &wrong).await)? || !self.is_untouched().await? {
            self.write_again().await?;
            return Ok(false);
        }
        let works = self.put(&self.key, FIRST, &self.right()).await.is_ok();
        self.look_again().await?;
        Ok(works)
    }

    pub(super) async fn finish_multipart(&mut self) -> Result<bool> {
        for condition in [Guard::Absent, self.wrong()] {
            let heeded = match self.finish_once(&self.key, &condition).await {
                Err(error) if error.operation == BEGIN && !error.is_transient() => {
                    // No uploads in parts: one request carries everything, as large as it may be.
                    self.capabilities.parts = None;
                    self.capabilities.largest_file = Some(self.bucket.facts().limits.largest_part);
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
        let right = self.right();
        let fresh = format!("{}-finished", self.key);
        let works = done(&self.finish_once(&self.key, &right).await)?
            && self.has_size(&self.key, SECOND).await?
            && done(&self.finish_once(&fresh, &Guard::Absent).await)?
            && self.has_size(&fresh, SECOND).await?;
        self.write_again().await?;
        Ok(works)
    }

    async fn finish_once(&self, key: &str, guard: &Guard) -> Result<()> {
        let (bucket, len) = (self.bucket, SECOND.len() as u64);
        let (metadata, headers) = (self.metadata(), Headers::new());
        let upload_id = bucket
            .call(BEGIN, || {
                let size = (len, len.max(bucket.facts().limits.smallest_part));
                bucket.objects.begin(BEGIN, key, size, &metadata, &headers)
            })
            .await?;
        let mut upload = Upload {
            bucket: bucket.facts().name.clone(),
            key: key.to_owned(),
            upload_id,
            part_size: len.max(bucket.facts().limits.smallest_part),
            len,
            parts: Vec::new(),
        };
        let content = Prepared::of(Bytes::from_static(SECOND));
        let finished = async {
            let part = bucket
                .call("validate", || {
                    bucket.objects.send_part("validate", &upload, 1, &content)
                })
                .await?;
            upload.parts.push(Part {
                number: 1,
                etag: part.tag,
                md5: String::new(),
            });
            let finished = bucket.call("validate", || {
                bucket.objects.complete("validate", &upload, guard)
            });
            finished.await.map(|_| ())
        }
        .await;
        if finished.is_err() {
            let sent = bucket.objects.abort("validate", &upload);
            // What cannot be aborted here is found by the store's own rules; the probe goes on.
            if let Err(error) = bucket.once("validate", ANSWER_LIMIT, sent).await {
                tracing::debug!(%error, "an upload of the probe was not aborted");
            }
        }
        finished
    }

    /// With metadata that the original has not.
    pub(super) async fn copies(&self) -> Result<Copying> {
        let to = format!("{}-copy", self.key);
        let mut metadata = self.metadata();
        let note = (KEPT_PATH.to_owned(), "note".to_owned());
        metadata.extend([note.clone()]);
        match self.copy_once(&to, &Guard::Any, None, Some(metadata)).await {
            Ok(()) => {}
            Err(error) if error.cause == Cause::Unsupported => return Ok(Copying::No),
            Err(error) => return Err(error),
        }
        let copied = self.object_at(&to).await?;
        Ok(if copied.metadata.get(&note.0) == Some(&note.1) {
            Copying::WithNotes
        } else {
            Copying::AsItIs
        })
    }

    /// Refused are: a name that is taken, a wrong tag there, a wrong tag of the source. With all of them right it is
    /// made.
    pub(super) async fn copy(&self) -> Result<bool> {
        let other = format!("{}-new", self.key);
        self.put(&other, SECOND, &Guard::Any).await?;
        let there = self.object_at(&other).await?;
        let elsewhere = wrong(&there.tag);
        for (guard, source) in [
            (Guard::Absent, None),
            (Guard::Tag(elsewhere), None),
            (Guard::Any, Some(wrong(&self.tag))),
        ] {
            let answer = self.copy_once(&other, &guard, source, None).await;
            let found = self.bucket.head(&other, None).await?;
            if !refused(&answer)? || found.is_none_or(|found| found.tag != there.tag) {
                return Ok(false);
            }
        }
        let fresh = format!("{}-copied", self.key);
        for (to, guard) in [(&other, Guard::Tag(there.tag)), (&fresh, Guard::Absent)] {
            let answer = self.copy_once(to, &guard, None, None).await;
            if !done(&answer)? || !self.has_size(to, FIRST).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn copy_once(
        &self,
        to: &str,
        guard: &Guard,
        source_tag: Option<String>,
        metadata: Option<UserMetadata>,
    ) -> Result<()> {
        let mut source = self.object_at(&self.key).await?;
        source.tag = source_tag.unwrap_or(source.tag);
        let copy = Copy {
            operation: "validate",
            from: &self.key,
            source: &source,
            version: None,
            to,
            guard,
            metadata,
        };
        let copied = self
            .bucket
            .call("validate", || self.bucket.objects.copy(&copy, guard));
        copied.await.map(|_| ())
    }

    pub(super) async fn delete(&self) -> Result<bool> {
        let answer = self.remove(&self.key, &self.wrong()).await;
        if !refused(&answer)? || self.bucket.head(&self.key, None).await?.is_none() {
            return Ok(false);
        }
        let works = self.remove(&self.key, &self.right()).await.is_ok()
            && self.bucket.head(&self.key, None).await?.is_none();
        Ok(works && self.refuses_what_is_gone().await?)
    }

    /// A tag fits nothing that is gone (RFC 9110, section 13.1.1). Who deletes all the same looked before, and not as it
    /// deleted: Swift's s3api does.
    async fn refuses_what_is_gone(&self) -> Result<bool> {
        match self.remove(&self.key, &self.right()).await {
            Err(error) if error.cause == Cause::NotFound => Ok(true),
            answer => refused(&answer),
        }
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
        self.put(&self.key, FIRST, &Guard::Any).await?;
        self.look_again().await
    }

    async fn look_again(&mut self) -> Result<()> {
        self.tag = self.object_at(&self.key).await?.tag;
        Ok(())
    }

    async fn object_at(&self, key: &str) -> Result<Object> {
        self.bucket.head(key, None).await?.ok_or_else(lost)
    }

    async fn has_size(&self, key: &str, content: &[u8]) -> Result<bool> {
        let found = self.bucket.head(key, None).await?;
        Ok(found.is_some_and(|object| object.size == content.len() as u64))
    }

    /// What the scratch object is.
    fn right(&self) -> Guard {
        Guard::Tag(self.tag.clone())
    }

    /// What the scratch object is not.
    fn wrong(&self) -> Guard {
        Guard::Tag(wrong(&self.tag))
    }
}

/// A tag of the same form that nothing has: its last digit is another one.
fn wrong(tag: &str) -> String {
    let Some((at, digit)) = tag.char_indices().rfind(|(_, c)| c.is_ascii_digit()) else {
        return format!("{tag}0");
    };
    let other = if digit == '0' { "1" } else { "0" };
    format!("{}{other}{}", &tag[..at], &tag[at + 1..])
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
