//! Uploads in parts, that go on after a restart (DESIGN 6.5).
//!
//! The token names the upload and the parts that arrived, each with the ETag that the store gave it and the MD5 that
//! it has. Going on trusts the store's own list of parts over the token where there is one. What is staged is not
//! visible until the upload is completed, and is thrown away by aborting it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use aws_smithy_types::base64;
use futures_util::{StreamExt, stream};
use tandem_core::content::SharedContent;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::storage::{ResumeSink, ResumeToken};

use super::answers::RootElement;
use super::client::{ANSWER_LIMIT, Tries, body_limit};
use super::errors::{of_try, written_since};
use super::follow::Follow;
use super::guard::Guard;
use super::metadata::UserMetadata;
use super::object::{Headers, Object, hides_md5};
use super::parts::{Part, Token, Upload, part_size};
use super::read::Wanted;
use super::revision::{md5_of_tag, same_tag, unquoted};
use super::store::Store;
use crate::body::{Piece, Prepared};
use crate::hashes::hex;
use crate::retry::Attempt;

/// Parts of one file that are on their way at once.
const AT_ONCE: usize = 4;

impl Store {
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
            && before.bucket == self.bucket.name()
            && before.key == key
            && before.len == len
            && before.is_sound()
            && let Some(upload) = self.still_there(before).await?
        {
            return Ok(upload);
        }
        let bucket = &self.bucket;
        let settings = &bucket.settings;
        let part_size = part_size(len, settings.part_size, &settings.limits)?;
        let begun = bucket
            .call("stage", ANSWER_LIMIT, || {
                bucket
                    .client
                    .create_multipart_upload()
                    .bucket(bucket.name())
                    .key(key)
                    .set_metadata(Some(metadata.clone()))
                    .set_cache_control(headers.cache_control.clone())
                    .set_content_disposition(headers.content_disposition.clone())
                    .set_content_encoding(headers.content_encoding.clone())
                    .set_content_language(headers.content_language.clone())
                    .set_content_type(headers.content_type.clone())
                    .set_expires(headers.expires)
                    .set_storage_class(headers.storage_class.clone())
                    .set_website_redirect_location(headers.website_redirect.clone())
                    .customize()
                    .interceptor(RootElement::CREATE_UPLOAD)
                    .send()
            })
            .await?;
        let upload_id = begun.upload_id.filter(|id| !id.is_empty());
        let upload_id = upload_id.ok_or_else(|| {
            StorageError::new("stage", Cause::BadResponse, "an upload without an id")
        })?;
        Ok(Upload {
            bucket: bucket.name().to_owned(),
            key: key.to_owned(),
            upload_id,
            part_size,
            len,
            parts: Vec::new(),
        })
    }

    /// `upload` with the parts that the store still has; `None` if it is gone.
    async fn still_there(&self, mut upload: Upload) -> Result<Option<Upload>> {
        let bucket = &self.bucket;
        let mut there = Vec::new();
        let mut after: Option<String> = None;
        let mut follow = Follow::default();
        loop {
            let page = bucket
                .call("stage", ANSWER_LIMIT, || {
                    bucket
                        .client
                        .list_parts()
                        .bucket(bucket.name())
                        .key(&upload.key)
                        .upload_id(&upload.upload_id)
                        .set_part_number_marker(after.clone())
                        .customize()
                        .interceptor(RootElement::LIST_PARTS)
                        .send()
                })
                .await;
            let page = match page {
                Ok(page) => page,
                Err(error) if error.cause == Cause::NotFound => return Ok(None),
                // No such listing here: the token is what there is.
                Err(error) if matches!(error.cause, Cause::Unsupported | Cause::BadResponse) => {
                    return Ok(Some(upload));
                }
                Err(error) => return Err(error),
            };
            there.extend(page.parts().iter().map(|part| {
                let tag = part.e_tag().map(|tag| unquoted(tag).to_owned());
                (
                    part.part_number().unwrap_or_default(),
                    tag,
                    part.size().unwrap_or_default(),
                )
            }));
            let next = page.next_part_number_marker().map(str::to_owned);
            let (true, Some(next)) = (page.is_truncated() == Some(true), next) else {
                break;
            };
            if follow.to(&next, page.parts().len(), "stage").is_err() {
                return Ok(Some(upload));
            }
            after = Some(next);
        }
        let whole = upload.clone();
        upload.parts.retain(|part| {
            let size = i64::try_from(whole.range(part.number).1).unwrap_or_default();
            // s3s-fs lists parts without ETags.
            there.iter().any(|(number, tag, listed)| {
                *number == part.number
                    && *listed == size
                    && tag.as_ref().is_none_or(|tag| same_tag(tag, &part.etag))
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
            .buffer_unordered(AT_ONCE);
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
        let bucket = &self.bucket;
        let len = piece.len;
        let prepared = Prepared::new(piece, bucket.settings.plain).await?;
        let prepared = &prepared;
        bucket
            .run(|_| async move {
                let (body, flow) = prepared.body(None).await?;
                let sent = bucket
                    .client
                    .upload_part()
                    .bucket(bucket.name())
                    .key(&upload.key)
                    .upload_id(&upload.upload_id)
                    .part_number(number)
                    .content_length(i64::try_from(len).unwrap_or(i64::MAX))
                    .set_content_md5(prepared.md5().map(base64::encode))
                    .body(body.into())
                    .send();
                let reply = match bucket.once("stage", body_limit(len), sent).await {
                    Ok(reply) => reply,
                    Err(error) => return Err(flow.take_error().unwrap_or(error)),
                };
                let etag = unquoted(reply.e_tag().unwrap_or_default()).to_owned();
                let md5 = flow.md5().map(|md5| hex(&md5)).unwrap_or_default();
                if etag.is_empty() {
                    return Err(StorageError::new(
                        "stage",
                        Cause::BadResponse,
                        "a part without an ETag",
                    ));
                }
                let encrypted = hides_md5(
                    reply.server_side_encryption(),
                    reply.sse_customer_algorithm(),
                );
                if !encrypted && self.etags_are_md5() && md5_of_tag(&etag).is_some() && etag != md5
                {
                    return Err(StorageError::new(
                        "stage",
                        Cause::HashMismatch,
                        "a part arrived changed",
                    ));
                }
                Ok(Part { number, etag, md5 })
            })
            .await
    }

    /// Makes the upload the object at its key.
    pub(super) async fn complete(&self, upload: &Upload, guard: &Guard) -> Result<Object> {
        let tag = self
            .bucket
            .run(|attempt| self.try_complete(attempt, upload, guard))
            .await?;
        // The answer's ETag is empty on Ceph RGW and provisional on `rclone serve s3`: the object itself knows.
        let found = self.bucket.head(&upload.key, None).await?;
        let found = found
            .filter(|object| object.size == upload.len)
            .ok_or_else(|| written_since("commit"))?;
        if tag.is_some_and(|tag| same_tag(&tag, &found.tag))
            || upload.tag().is_some_and(|tag| tag == found.tag)
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
        let bucket = &self.bucket;
        let works = self.capabilities.conditions.finish_multipart;
        let mut is_trial = false;
        loop {
            let condition = self.condition(guard, works, works);
            if !condition.is_set()
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
            let parts = upload.parts.iter().map(|part| {
                CompletedPart::builder()
                    .part_number(part.number)
                    .e_tag(format!("\"{}\"", part.etag))
                    .build()
            });
            let parts = CompletedMultipartUpload::builder()
                .set_parts(Some(parts.collect()))
                .build();
            let sent = bucket
                .client
                .complete_multipart_upload()
                .bucket(bucket.name())
                .key(&upload.key)
                .upload_id(&upload.upload_id)
                .multipart_upload(parts)
                .set_if_match(condition.if_match.clone())
                .set_if_none_match(condition.if_none_match.clone())
                .send();
            // Putting many parts together takes a server a while ("CompleteMultipartUpload": several minutes).
            let error = match bucket
                .once("commit", body_limit(upload.len / 8), sent)
                .await
            {
                Ok(reply) => {
                    self.tag_was_understood(&condition);
                    return Ok(reply
                        .e_tag
                        .map(|tag| unquoted(&tag).to_owned())
                        .filter(|tag| !tag.is_empty()));
                }
                Err(error) if error.is_lost_race() => error,
                Err(error) => return Err(error),
            };
            if attempt.is_repeated() && self.is_upload(Tries::Once, upload).await? {
                return Ok(None);
            }
            if error.cause == Cause::NotFound {
                return Err(error);
            }
            self.bare_tag_was_refused(is_trial);
            if !is_trial
                && condition.if_match.is_some()
                && self.try_bare_tag(&upload.key, guard).await?
            {
                is_trial = true;
                continue;
            }
            let refused = guard.refused("commit", "something else is there");
            return Err(of_try(attempt, refused));
        }
    }

    /// Whether what is at the key is surely this upload: by the ETag it must have, else by reading it. Of parts
    /// that the store copied without telling their MD5 nothing can be said.
    async fn is_upload(&self, tries: Tries, upload: &Upload) -> Result<bool> {
        if !upload.can_tell() {
            return Ok(false);
        }
        let Some(object) = self.bucket.look(tries, &upload.key, None).await? else {
            return Ok(false);
        };
        if object.size != upload.len {
            return Ok(false);
        }
        if upload.tag().is_some_and(|tag| tag == object.tag) {
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
            let found = self.bucket.md5_of("commit", opened.body).await?;
            if found.is_none_or(|md5| hex(&md5) != part.md5) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Throws the parts away. An upload that is gone, completed or aborted, is fine.
    pub(super) async fn abort(&self, upload: &Upload) -> Result<()> {
        let bucket = &self.bucket;
        let aborted = bucket
            .call("discard", ANSWER_LIMIT, || {
                bucket
                    .client
                    .abort_multipart_upload()
                    .bucket(&upload.bucket)
                    .key(&upload.key)
                    .upload_id(&upload.upload_id)
                    .send()
            })
            .await;
        match aborted {
            Err(error) if error.cause == Cause::NotFound => Ok(()),
            // s3s-fs forbids what is not there.
            Err(error) if error.cause == Cause::Forbidden => {
                match self.still_there(upload.clone()).await? {
                    Some(left) if !left.parts.is_empty() => Err(error),
                    _ => Ok(()),
                }
            }
            other => other.map(|_| ()),
        }
    }
}
