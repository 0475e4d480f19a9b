//! One object in one request, and what is checked around it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use aws_smithy_types::base64;
use tandem_core::error::{Cause, Result, StorageError};

use super::client::{Tries, body_limit};
use super::errors::{is_refusal, of_try, written_since};
use super::guard::{Condition, Guard};
use super::metadata::UserMetadata;
use super::object::{Headers, Object, hides_md5};
use super::read::Wanted;
use super::revision::{Marks, md5_of_tag, unquoted};
use super::store::Store;
use crate::body::{Prepared, Progress};
use crate::hashes::hex;
use crate::retry::Attempt;

/// An object to be written.
pub(super) struct Upload<'a> {
    pub(super) key: &'a str,
    pub(super) prepared: &'a Prepared,
    pub(super) guard: &'a Guard,
    pub(super) metadata: &'a UserMetadata,
    pub(super) headers: &'a Headers,
    pub(super) progress: Arc<Progress>,
}

/// An object that was written.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) object: Object,
    /// The MD5 of what was sent, where the store confirmed it.
    pub(super) md5: Option<[u8; 16]>,
    /// The same, whether or not it did.
    sent: Option<[u8; 16]>,
}

impl Written {
    /// What was put together from parts.
    pub(super) const fn in_parts(object: Object) -> Self {
        Self {
            object,
            md5: None,
            sent: None,
        }
    }
}

/// What a store answered to a PUT.
struct Reply {
    tag: Option<String>,
    version: Option<String>,
    md5: Option<[u8; 16]>,
    /// Whether the ETag is no MD5 although it may look like one.
    encrypted: bool,
}

impl Store {
    /// Writes one object. The guard is checked by the store itself where that was probed to work.
    pub(super) async fn upload(&self, upload: &Upload<'_>) -> Result<Written> {
        let conditions = &self.capabilities.conditions;
        let by_store = self
            .condition(upload.guard, conditions.create, conditions.replace)
            .is_set();
        let written = self
            .bucket
            .run(|attempt| self.try_upload(attempt, upload))
            .await?;
        upload.progress.reached(upload.prepared.len());
        // A store that checks nothing is looked at again: someone may have written in the same moment.
        let looked = *upload.guard != Guard::Any && !by_store;
        if looked || self.marks == Marks::Times || written.object.tag.is_empty() {
            return self.look_after(upload.key, written).await;
        }
        Ok(written)
    }

    async fn try_upload(&self, attempt: Attempt, upload: &Upload<'_>) -> Result<Written> {
        let conditions = &self.capabilities.conditions;
        let mut is_trial = false;
        loop {
            let condition = self.condition(upload.guard, conditions.create, conditions.replace);
            let sent = if condition.is_set() || *upload.guard == Guard::Any {
                self.send(upload, &condition).await
            } else {
                let checked = self.check(Tries::Once, "commit", upload.key, upload.guard);
                match checked.await {
                    Ok(_) => self.send(upload, &condition).await,
                    Err(error) => Err(error),
                }
            };
            let error = match sent {
                Ok(reply) => {
                    self.tag_was_understood(&condition);
                    return self.taken(upload, reply).await;
                }
                Err(error) if is_refusal(&error, upload.guard) => error,
                Err(error) => return Err(error),
            };
            // The answer of an earlier try may be what got lost (P14).
            if attempt.is_repeated()
                && let Some(written) = self
                    .find_sent(upload)
                    .await
                    .map_err(|error| of_try(attempt, error))?
            {
                return Ok(written);
            }
            self.bare_tag_was_refused(is_trial);
            if !is_trial
                && condition.if_match.is_some()
                && self.try_bare_tag(upload.key, upload.guard).await?
            {
                is_trial = true;
                continue;
            }
            let found = if error.detail.is_empty() {
                "something else is there"
            } else {
                &error.detail
            };
            return Err(of_try(attempt, upload.guard.refused("commit", found)));
        }
    }

    async fn send(&self, upload: &Upload<'_>, condition: &Condition) -> Result<Reply> {
        let bucket = &self.bucket;
        let (body, flow) = upload
            .prepared
            .body(Some(Arc::clone(&upload.progress)))
            .await?;
        let headers = upload.headers;
        let sent = bucket
            .client
            .put_object()
            .bucket(bucket.name())
            .key(upload.key)
            .content_length(i64::try_from(upload.prepared.len()).unwrap_or(i64::MAX))
            .set_content_md5(upload.prepared.md5().map(base64::encode))
            .set_metadata(Some(upload.metadata.clone()))
            .set_cache_control(headers.cache_control.clone())
            .set_content_disposition(headers.content_disposition.clone())
            .set_content_encoding(headers.content_encoding.clone())
            .set_content_language(headers.content_language.clone())
            .set_content_type(headers.content_type.clone())
            .set_expires(headers.expires)
            .set_storage_class(headers.storage_class.clone())
            .set_website_redirect_location(headers.website_redirect.clone())
            .set_if_match(condition.if_match.clone())
            .set_if_none_match(condition.if_none_match.clone())
            .body(body.into())
            .send();
        match bucket
            .once("commit", body_limit(upload.prepared.len()), sent)
            .await
        {
            Ok(reply) => Ok(Reply {
                encrypted: hides_md5(
                    reply.server_side_encryption(),
                    reply.sse_customer_algorithm(),
                ),
                tag: reply.e_tag,
                version: reply.version_id,
                md5: flow.md5(),
            }),
            Err(error) => Err(flow.take_error().unwrap_or(error)),
        }
    }

    /// What the store took. If it is not what was sent, and nothing else was there, it does not stay there either:
    /// to everybody who looks it would be an edit.
    async fn taken(&self, upload: &Upload<'_>, reply: Reply) -> Result<Written> {
        let theirs = reply.tag.as_deref().map(|tag| unquoted(tag).to_owned());
        let written = self.written(upload, reply);
        if let (Err(error), Some(theirs), Guard::Absent) = (&written, theirs, upload.guard)
            && error.cause == Cause::HashMismatch
        {
            let (guard, was_sent) = (Guard::Tag(theirs), AtomicBool::new(false));
            let removed = self.try_remove(&was_sent, "commit", upload.key, &guard);
            if let Err(error) = removed.await {
                tracing::warn!(%error, key = upload.key, "what arrived changed was left there");
            }
        }
        written
    }

    fn written(&self, upload: &Upload<'_>, reply: Reply) -> Result<Written> {
        let tag = reply
            .tag
            .as_deref()
            .map(unquoted)
            .unwrap_or_default()
            .to_owned();
        let confirmed = match (md5_of_tag(&tag), reply.md5) {
            (Some(theirs), Some(ours)) if self.etags_are_md5() && !reply.encrypted => {
                if theirs != ours {
                    return Err(StorageError::new(
                        "commit",
                        Cause::HashMismatch,
                        "the ETag is not the MD5 of what was sent",
                    ));
                }
                true
            }
            // Sent ahead as Content-MD5, which a store checks or refuses.
            _ => upload.prepared.md5().is_some(),
        };
        Ok(Written {
            object: Object {
                size: upload.prepared.len(),
                tag,
                written: None,
                version: reply.version,
                metadata: upload.metadata.clone(),
                encrypted: reply.encrypted,
                headers: Headers::default(),
            },
            md5: reply.md5.filter(|_| confirmed),
            sent: reply.md5,
        })
    }

    /// Looks at what is there after a write; anything but what was written is somebody else's.
    async fn look_after(&self, key: &str, written: Written) -> Result<Written> {
        let found = self.bucket.head(key, None).await?;
        let since = || written_since("commit");
        let found = found
            .filter(|found| found.size == written.object.size)
            .ok_or_else(since)?;
        let mut confirmed = written.md5;
        if written.object.tag.is_empty() {
            // A store that told no ETag: only the content says whose it is.
            let there = self.md5_at(key, &found).await;
            let there = there.map_err(|e| if e.is_lost_race() { since() } else { e })?;
            let is_ours = there.is_some() && there == written.sent;
            confirmed = written.sent.filter(|_| is_ours);
            if !is_ours {
                return Err(since());
            }
        } else if found.tag != written.object.tag {
            return Err(since());
        }
        let version = written.object.version.or_else(|| found.version.clone());
        Ok(Written {
            object: Object { version, ..found },
            md5: confirmed,
            sent: written.sent,
        })
    }

    /// The object as it was sent, if that is what is there.
    async fn find_sent(&self, upload: &Upload<'_>) -> Result<Option<Written>> {
        let found = self.bucket.look(Tries::Once, upload.key, None).await?;
        let Some(object) = found else {
            return Ok(None);
        };
        if object.size != upload.prepared.len() {
            return Ok(None);
        }
        let Ok(sent) = upload.prepared.digest().await else {
            return Ok(None);
        };
        let same =
            hex(&sent) == object.tag || self.md5_at(upload.key, &object).await? == Some(sent);
        Ok(same.then_some(Written {
            object,
            md5: Some(sent),
            sent: Some(sent),
        }))
    }

    /// The MD5 of what is stored, by the ETag where that is one, else by reading.
    async fn md5_at(&self, key: &str, object: &Object) -> Result<Option<[u8; 16]>> {
        if self.etags_are_md5()
            && !object.encrypted
            && let Some(md5) = md5_of_tag(&object.tag)
        {
            return Ok(Some(md5));
        }
        let want = Wanted {
            revision: self.revision(object),
            version: object.version.clone(),
            size: object.size,
        };
        let opened = self
            .open_range(Tries::Once, "commit", key, &want, 0, object.size)
            .await?;
        self.bucket.md5_of("commit", opened.body).await
    }
}
