//! Uploads in parts, that go on after a restart (DESIGN 6.5).
//!
//! The token names the upload and the parts that arrived, each with the ETag that the store gave it and the MD5 that
//! it has. Going on trusts the store's own list of parts over the token where there is one. What is staged is not
//! visible until the upload is completed, and is thrown away by aborting it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{StreamExt, stream};
use tandem_core::content::SharedContent;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::storage::{ResumeSink, ResumeToken};

use super::bucket::{Bucket, Tries, body_limit};
use super::errors::{of_try, written_since};
use super::guard::Guard;
use super::object::{Headers, Object, UserMetadata};
use super::parts::{Part, Token, Upload, part_size};
use super::read::Wanted;
use crate::body::{Piece, Prepared};
use crate::hashes::hex;
use crate::retry::Attempt;

impl Bucket {
    /// Begins an upload, or goes on with the one that `resume` names if that still fits.
    pub(super) async fn begin(
        &self,
        key: &str,
        len: u64,
        metadata: &UserMetadata,
        headers: &Headers,
        resume: Option<&ResumeToken>,
    ) -> Result<Upload> {
        if let Some(Ok(Token::Parts(before))) = resume.map(Token::parse)
            && before.bucket == self.facts().name
            && before.key == key
            && before.len == len
            && before.is_sound()
            && let Some(upload) = self.still_there(before).await?
        {
            return Ok(upload);
        }
        let facts = self.facts();
        let size = part_size(len, facts.part_size, &facts.limits)?;
        self.begin_new(key, (len, size), metadata, headers).await
    }

    /// Begins an upload of so many bytes in parts of such a size.
    pub(super) async fn begin_new(
        &self,
        key: &str,
        (len, part_size): (u64, u64),
        metadata: &UserMetadata,
        headers: &Headers,
    ) -> Result<Upload> {
        let upload_id = self
            .call("stage", || {
                self.objects
                    .begin("stage", key, (len, part_size), metadata, headers)
            })
            .await?;
        if upload_id.is_empty() {
            let why = "an upload without an id";
            return Err(StorageError::new("stage", Cause::BadResponse, why));
        }
        Ok(Upload {
            bucket: self.facts().name.clone(),
            key: key.to_owned(),
            upload_id,
            part_size,
            len,
            parts: Vec::new(),
        })
    }

    /// `upload` with the parts that the store still has; `None` if it is gone.
    async fn still_there(&self, mut upload: Upload) -> Result<Option<Upload>> {
        let listed = self
            .call("stage", || self.objects.parts("stage", &upload))
            .await;
        let there = match listed {
            Ok(Some(there)) => there,
            Ok(None) => return Ok(None),
            // No such listing here: the token is what there is.
            Err(error) if matches!(error.cause, Cause::Unsupported | Cause::BadResponse) => {
                return Ok(Some(upload));
            }
            Err(error) => return Err(error),
        };
        let whole = upload.clone();
        upload.parts.retain(|part| {
            let size = whole.range(part.number).1;
            // s3s-fs lists parts without ETags.
            there.iter().any(|listed| {
                listed.number == part.number
                    && listed.size == size
                    && listed.tag.as_ref().is_none_or(|tag| *tag == part.etag)
            })
        });
        Ok(Some(upload))
    }

    /// Sends the parts that are missing, several at once, and tells `sink` about each.
    pub(super) async fn send_parts(
        &self,
        upload: Upload,
        content: SharedContent,
        sink: &Arc<dyn ResumeSink>,
    ) -> Result<Upload> {
        let missing: Vec<i32> = (1..=upload.count())
            .filter(|n| upload.parts.iter().all(|part| part.number != *n))
            .collect();
        let arrived: u64 = upload
            .parts
            .iter()
            .map(|part| upload.range(part.number).1)
            .sum();
        sink.store(&Token::Parts(upload.clone()).write()?);
        if arrived > 0 {
            sink.progress(arrived);
        }
        let done = Mutex::new(upload.clone());
        let failed = AtomicBool::new(false);
        let mut sent = stream::iter(missing)
            .map(|number| {
                let (offset, len) = upload.range(number);
                let piece = Piece {
                    content: Arc::clone(&content),
                    offset,
                    len,
                };
                let (upload, done, failed) = (&upload, &done, &failed);
                async move {
                    if failed.load(Ordering::Relaxed) {
                        return Ok(());
                    }
                    let part = self.send_part(upload, number, piece).await?;
                    let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                    done.parts.push(part);
                    done.parts.sort_by_key(|part| part.number);
                    // Within the lock: tokens are stored in the order in which they grow.
                    sink.store(&Token::Parts(done.clone()).write()?);
                    sink.progress(len);
                    Ok::<_, StorageError>(())
                }
            })
            .buffer_unordered(self.facts().parts_at_once);
        // After a failure no part is begun, and those on their way still arrive: they need not be sent again.
        let mut first_error = None;
        while let Some(one) = sent.next().await {
            if let Err(error) = one {
                failed.store(true, Ordering::Relaxed);
                first_error.get_or_insert(error);
            }
        }
        drop(sent);
        if let Some(error) = first_error {
            return Err(error);
        }
        Ok(done.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    async fn send_part(&self, upload: &Upload, number: i32, piece: Piece) -> Result<Part> {
        let limit = body_limit(piece.len);
        let content = Prepared::new(piece, self.facts().plain).await?;
        let content = &content;
        self.run(|_| async move {
            let sent = self.objects.send_part("stage", upload, number, content);
            let part = self.once("stage", limit, sent).await?;
            if part.tag.is_empty() {
                let why = "a part without an ETag";
                return Err(StorageError::new("stage", Cause::BadResponse, why));
            }
            if self
                .md5(&part.hashes)
                .is_some_and(|md5| part.sent != Some(md5))
            {
                let why = "a part arrived changed";
                return Err(StorageError::new("stage", Cause::HashMismatch, why));
            }
            Ok(Part {
                number,
                etag: part.tag,
                md5: part.sent.map(|md5| hex(&md5)).unwrap_or_default(),
            })
        })
        .await
    }

    /// Makes the upload the object at its key.
    pub(super) async fn complete(&self, upload: &Upload, guard: &Guard) -> Result<Object> {
        let tag = self
            .run(|attempt| self.try_complete(attempt, upload, guard))
            .await?;
        // The answer's ETag is empty on Ceph RGW and provisional on `rclone serve s3`: the object itself knows.
        let found = self.head(&upload.key, None).await?;
        let found = found
            .filter(|object| object.size == upload.len)
            .ok_or_else(|| written_since("commit"))?;
        if tag.is_some_and(|tag| tag == found.tag)
            || self
                .objects
                .tag_of_parts(upload)
                .is_some_and(|tag| tag == found.tag)
        {
            return Ok(found);
        }
        // Another ETag than was answered, or none was. A condition decides what was there before, not who wrote
        // since: only the content tells.
        match self.is_upload(Tries::Many, upload).await {
            Ok(true) => Ok(found),
            Err(error) if !error.is_lost_race() => Err(error),
            _ => Err(written_since("commit")),
        }
    }

    async fn try_complete(
        &self,
        attempt: Attempt,
        upload: &Upload,
        guard: &Guard,
    ) -> Result<Option<String>> {
        let works = self.capabilities.conditions.finish_multipart;
        let asked = self.asked(guard, works, works);
        if *asked == Guard::Any
            && *guard != Guard::Any
            && let Err(error) = self.check(Tries::Once, "commit", &upload.key, guard).await
        {
            let is_ours = attempt.is_repeated()
                && error.is_lost_race()
                && self.is_upload(Tries::Once, upload).await?;
            return if is_ours {
                Ok(None)
            } else {
                Err(of_try(attempt, error))
            };
        }
        // Putting many parts together takes a server a while (S3's "CompleteMultipartUpload": several minutes).
        let limit = body_limit(upload.len / 8);
        let sent = self.objects.complete("commit", upload, asked);
        let error = match self.once("commit", limit, sent).await {
            Ok(answered) => return Ok(answered.tag),
            Err(error) if error.is_lost_race() => error,
            Err(error) => return Err(error),
        };
        if attempt.is_repeated() && self.is_upload(Tries::Once, upload).await? {
            return Ok(None);
        }
        if error.cause == Cause::NotFound {
            return Err(error);
        }
        let refused = guard.refused("commit", "something else is there");
        Err(of_try(attempt, refused))
    }

    /// Whether what is at the key is surely this upload: by the ETag it must have, else by reading it. Of parts
    /// that the store copied without telling their MD5 nothing can be said.
    async fn is_upload(&self, tries: Tries, upload: &Upload) -> Result<bool> {
        if !upload.can_tell() {
            return Ok(false);
        }
        let Some(object) = self.look(tries, &upload.key, None).await? else {
            return Ok(false);
        };
        if object.size != upload.len {
            return Ok(false);
        }
        let tag = self.objects.tag_of_parts(upload);
        if tag.is_some_and(|tag| tag == object.tag) {
            return Ok(true);
        }
        for part in &upload.parts {
            let (offset, len) = upload.range(part.number);
            let want = Wanted {
                revision: self.revision(&object),
                version: object.version.clone(),
                size: object.size,
            };
            let opened = self
                .open_range(tries, "commit", &upload.key, &want, offset, len)
                .await?;
            let found = self.md5_of("commit", opened.body).await?;
            if found.is_none_or(|md5| hex(&md5) != part.md5) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Throws the parts away. An upload that is gone, completed or aborted, is fine.
    pub(super) async fn abort(&self, upload: &Upload) -> Result<()> {
        let aborted = self
            .call("discard", || self.objects.abort("discard", upload))
            .await;
        match aborted {
            Err(error) if error.cause == Cause::NotFound => Ok(()),
            other => other,
        }
    }
}
