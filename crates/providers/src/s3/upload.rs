//! One object in one request, and what is checked around it.

use std::sync::Arc;

use aws_smithy_types::base64;
use md5::{Digest, Md5};
use tandem_core::error::{Cause, Result, StorageError};

use super::body::{Prepared, Progress};
use super::client::{Tries, body_limit};
use super::errors::is_refusal;
use super::guard::{Condition, Guard};
use super::metadata::UserMetadata;
use super::object::{Headers, Object, hides_md5};
use super::read::Wanted;
use super::revision::{Marks, hex, md5_of_tag, unquoted};
use super::store::Store;
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
                    return self.written(upload, reply);
                }
                Err(error) if is_refusal(&error, upload.guard) => error,
                Err(error) => return Err(error),
            };
            // The answer of an earlier try may be what got lost (P14).
            if attempt.is_repeated()
                && let Some(written) = self.find_sent(upload).await?
            {
                return Ok(written);
            }
            if condition.if_match.is_some() && self.try_bare_tag(upload.key, upload.guard).await? {
                continue;
            }
            let found = if error.detail.is_empty() {
                "something else is there"
            } else {
                &error.detail
            };
            return Err(upload.guard.refused("commit", found));
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
            .set_storage_class(headers.storage_class.clone())
            .set_if_match(condition.if_match.clone())
            .set_if_none_match(condition.if_none_match.clone())
            .body(body)
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
        })
    }

    /// Looks at what is there after a write; anything but what was written is somebody else's.
    async fn look_after(&self, key: &str, written: Written) -> Result<Written> {
        let found = self.bucket.head(key, None).await?;
        match found {
            Some(found)
                if found.size == written.object.size
                    && (written.object.tag.is_empty() || found.tag == written.object.tag) =>
            {
                let version = written.object.version.or_else(|| found.version.clone());
                Ok(Written {
                    object: Object { version, ..found },
                    md5: written.md5,
                })
            }
            _ => Err(StorageError::new(
                "commit",
                Cause::PreconditionFailed,
                "somebody wrote at the same time",
            )),
        }
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
        let sent = match upload.prepared.md5() {
            Some(md5) => md5,
            None => {
                // Sent once already without a hash ahead: read it once more to know.
                let (mut body, flow) = upload.prepared.body(None).await?;
                while let Some(bytes) = body.next().await {
                    if bytes.is_err() {
                        break;
                    }
                }
                let Some(md5) = flow.md5() else {
                    return Ok(None);
                };
                md5
            }
        };
        let same =
            hex(&sent) == object.tag || self.md5_at(upload.key, &object).await? == Some(sent);
        Ok(same.then_some(Written {
            object,
            md5: Some(sent),
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
        let mut body = self
            .open_range(Tries::Once, "commit", key, &want, 0, object.size)
            .await?
            .body;
        let mut digest = Md5::new();
        while let Some(bytes) = body.next().await {
            let Ok(bytes) = bytes else { return Ok(None) };
            digest.update(&bytes);
        }
        Ok(Some(digest.finalize().into()))
    }
}
