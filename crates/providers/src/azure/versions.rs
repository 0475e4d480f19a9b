//! Versions, where an account keeps them ("Blob versioning", learn.microsoft.com/azure/storage/blobs/versioning-overview).
//!
//! That is set where neither the account's key nor a SAS reaches: the properties of the blob service that they may ask for
//! ("Get Blob Service Properties") do not have it. So it is tried: a small blob is written, deleted, read as the version
//! that it then is, and removed for good. Only who may do all of that is told that versions are kept; of anybody else
//! Tandem sets aside what it replaces itself.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tandem_core::error::{Cause, Result};
use tandem_core::storage::OWN_FOLDER;

use super::client::{Answer, Container};
use crate::body::Prepared;
use crate::objects::guard::Guard;
use crate::objects::object::{Headers, UserMetadata};
use crate::objects::store::{ObjectStore, Put};

/// The blob that it is tried with. It is the same at each try, so that one that was cut short leaves one blob at most.
const SCRATCH: &str = "keeps-versions";

const CONTENT: &[u8] = b"Tandem wrote this to see whether it stays.\n";

const OPERATION: &str = "versions";

/// What answers told on the way.
#[derive(Default)]
pub(super) struct Learnt(Mutex<Told>);

#[derive(Default)]
struct Told {
    /// Whether what is removed for good stays a while nevertheless ("Soft delete for blobs").
    is_soft: Option<bool>,
    /// Versions are kept, but who asks may not remove them, and is not asked to again: each try would leave one.
    cannot_prune: bool,
}

impl Learnt {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes notice of whether a delete was permanent ("Delete Blob", Response headers).
    pub(super) fn of_delete(&self, answer: &Answer) {
        match answer.header("x-ms-delete-type-permanent") {
            Some("true") => self.told().is_soft = Some(false),
            Some("false") => self.told().is_soft = Some(true),
            _ => {}
        }
    }

    /// What a person may want to know of it.
    pub(super) fn remark(&self) -> Option<&'static str> {
        let told = self.told();
        if told.cannot_prune {
            return Some("the account keeps versions too, which this access may not remove");
        }
        let soft = "the account's soft delete keeps what is removed a while longer";
        told.is_soft.unwrap_or_default().then_some(soft)
    }
}

impl Container {
    /// Whether what is replaced or deleted stays as a version that can be read and removed.
    pub(super) async fn try_versions(&self) -> Result<bool> {
        if self.learnt.told().cannot_prune {
            return Ok(false);
        }
        let key = format!("{}{OWN_FOLDER}/{SCRATCH}", self.facts.prefix);
        match self.try_version_of(&key).await {
            Err(error) if error.is_transient() => Err(error),
            // Who may not even write there will be told so when it matters.
            Err(error) => {
                tracing::debug!(%error, "whether versions are kept could not be tried");
                Ok(false)
            }
            kept => kept,
        }
    }

    async fn try_version_of(&self, key: &str) -> Result<bool> {
        let put = Put {
            key,
            content: &Prepared::of(Bytes::from_static(CONTENT)),
            metadata: &UserMetadata::new(),
            headers: &Headers::new(),
            guard: &Guard::Any,
            progress: None,
        };
        let made = self.put(OPERATION, &put).await?;
        // Another device may try at the same moment, with the same blob.
        unless_gone(self.delete(OPERATION, key, None, &Guard::Any).await)?;
        let Some(id) = made.version else {
            return Ok(false);
        };
        let kept = self.head(OPERATION, key, Some(&id)).await?;
        let is_kept =
            kept.is_some_and(|kept| kept.tag == made.tag && kept.version.as_deref() == Some(&id));
        match unless_gone(self.delete(OPERATION, key, Some(&id), &Guard::Any).await) {
            Ok(()) => Ok(is_kept),
            Err(error) if error.cause == Cause::Forbidden => {
                self.learnt.told().cannot_prune = true;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}

fn unless_gone<T>(deleted: Result<T>) -> Result<()> {
    match deleted {
        Err(error) if error.cause != Cause::NotFound => Err(error),
        _ => Ok(()),
    }
}
