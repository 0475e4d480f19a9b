//! One object in one request, and what is checked around it.

use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use tandem_core::error::{Cause, Result, StorageError};

use super::bucket::{Bucket, Tries, body_limit};
use super::errors::{is_refusal, is_refused_change, of_try, written_since};
use super::guard::Guard;
use super::object::{Headers, Object, UserMetadata, md5_among};
use super::read::Wanted;
use super::revision::Marks;
use super::store::{Put, Stored};
use crate::body::Prepared;
use crate::retry::Attempt;

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

impl Bucket {
    /// Writes one object. The guard is checked by the store itself where that was probed to work.
    pub(super) async fn upload(&self, put: &Put<'_>) -> Result<Written> {
        let conditions = &self.capabilities.conditions;
        let asked = self.asked(put.guard, conditions.create, conditions.replace);
        let by_store = *asked != Guard::Any;
        let written = self.run(|attempt| self.try_upload(attempt, put)).await?;
        if let Some(progress) = &put.progress {
            progress.reached(put.content.len());
        }
        // A store that checks nothing is looked at again: someone may have written in the same moment.
        let looked = *put.guard != Guard::Any && !by_store;
        if looked || self.marks == Marks::Times || written.object.tag.is_empty() {
            return self.look_after(put.key, written).await;
        }
        Ok(written)
    }

    async fn try_upload(&self, attempt: Attempt, put: &Put<'_>) -> Result<Written> {
        let conditions = &self.capabilities.conditions;
        let asked = self.asked(put.guard, conditions.create, conditions.replace);
        let by_store = *asked != Guard::Any || *put.guard == Guard::Any;
        let checked = if by_store {
            Ok(None)
        } else {
            self.check(Tries::Once, "commit", put.key, put.guard).await
        };
        let sent = match checked {
            Ok(_) => self.send(put, asked).await,
            Err(error) => Err(error),
        };
        let error = match sent {
            Ok(stored) => return self.taken(put, stored).await,
            Err(error) if is_refusal(&error, put.guard) => error,
            Err(error) => return Err(error),
        };
        // The answer of an earlier try may be what got lost (P14).
        if attempt.is_repeated()
            && let Some(written) = self
                .find_sent(put)
                .await
                .map_err(|error| of_try(attempt, error))?
        {
            return Ok(written);
        }
        let found = if error.detail.is_empty() {
            "something else is there"
        } else {
            &error.detail
        };
        Err(of_try(attempt, put.guard.refused("commit", found)))
    }

    async fn send(&self, put: &Put<'_>, asked: &Guard) -> Result<Stored> {
        let put = Put {
            guard: asked,
            progress: put.progress.clone(),
            ..*put
        };
        let sent = self.objects.put("commit", &put);
        self.once("commit", body_limit(put.content.len()), sent)
            .await
    }

    /// What the store took. If it is not what was sent, and nothing else was there, it does not stay there either:
    /// to everybody who looks it would be an edit.
    async fn taken(&self, put: &Put<'_>, stored: Stored) -> Result<Written> {
        let theirs = stored.tag.clone();
        let written = self.written(put, stored);
        if let (Err(error), Guard::Absent) = (&written, put.guard)
            && error.cause == Cause::HashMismatch
            && !theirs.is_empty()
        {
            let (guard, was_sent) = (Guard::Tag(theirs), AtomicBool::new(false));
            let removed = self.try_remove(&was_sent, "commit", put.key, &guard);
            if let Err(error) = removed.await {
                tracing::warn!(%error, key = put.key, "what arrived changed was left there");
            }
        }
        written
    }

    fn written(&self, put: &Put<'_>, stored: Stored) -> Result<Written> {
        let confirmed = match (self.md5(&stored.hashes), stored.sent) {
            (Some(theirs), Some(ours)) if theirs != ours => {
                return Err(StorageError::new(
                    "commit",
                    Cause::HashMismatch,
                    "what arrived has another MD5 than what was sent",
                ));
            }
            (Some(_), Some(_)) => true,
            // Sent ahead, which a store checks or refuses.
            _ => put.content.md5().is_some(),
        };
        Ok(Written {
            object: Object {
                size: put.content.len(),
                tag: stored.tag,
                version: stored.version,
                metadata: put.metadata.clone(),
                hashes: stored.hashes,
                ..Object::default()
            },
            md5: stored.sent.filter(|_| confirmed),
            sent: stored.sent,
        })
    }

    /// Writes a short object where there is none yet. One that is there stays as it is, where the store heeds that.
    pub(super) async fn put_once(
        &self,
        operation: &'static str,
        key: &str,
        bytes: Bytes,
    ) -> Result<()> {
        let put = Put {
            key,
            content: &Prepared::of(bytes),
            metadata: &UserMetadata::new(),
            headers: &Headers::new(),
            guard: self.asked(&Guard::Absent, self.capabilities.conditions.create, false),
            progress: None,
        };
        match self
            .call(operation, || self.objects.put(operation, &put))
            .await
        {
            Err(error) if !is_refused_change(&error) => Err(error),
            _ => Ok(()),
        }
    }

    /// Looks at what is there after a write; anything but what was written is somebody else's.
    async fn look_after(&self, key: &str, written: Written) -> Result<Written> {
        let found = self.head(key, None).await?;
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
    async fn find_sent(&self, put: &Put<'_>) -> Result<Option<Written>> {
        let found = self.look(Tries::Once, put.key, None).await?;
        let Some(object) = found else {
            return Ok(None);
        };
        if object.size != put.content.len() {
            return Ok(None);
        }
        let Ok(sent) = put.content.digest().await else {
            return Ok(None);
        };
        let same = md5_among(&object.hashes) == Some(sent)
            || self.md5_at(put.key, &object).await? == Some(sent);
        Ok(same.then_some(Written {
            object,
            md5: Some(sent),
            sent: Some(sent),
        }))
    }

    /// The MD5 of what is stored, as the store tells it, else by reading.
    async fn md5_at(&self, key: &str, object: &Object) -> Result<Option<[u8; 16]>> {
        if let Some(md5) = self.md5(&object.hashes) {
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
        self.md5_of("commit", opened.body).await
    }
}
