//! A bucket together with what is known of it: who asks it and how, and what its roots share.
//!
//! Every request goes through [`Bucket::once`], which limits its time, keeps health and takes secrets out of what is
//! said; what is made again, and when, is up to the account's limiter.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use md5::{Digest, Md5};
use tandem_core::capabilities::Capabilities;
use tandem_core::content::ByteStream;
use tandem_core::entry::{ContentHash, Entry, HashKind, Kind, Mtime, Revision};
use tandem_core::environment::SharedEnvironment;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::Name;
use tandem_core::time::Timestamp;
use tokio::sync::watch;

use super::follow::Follow;
use super::metadata;
use super::object::{ListedObject, Object, Page, Query, md5_among};
use super::revision::Marks;
use super::store::{Facts, ObjectStore};
use crate::hashes::md5_hash;
use crate::health::HealthRecord;
use crate::known::KnownFolders;
use crate::retry::{Account, Attempt};
use crate::told::told;

/// How long an answer may take that carries no file.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// The slowest line that is still waited for, in bytes per second.
const SLOWEST_LINE: u64 = 16 << 10;

/// How long an answer about versioning is believed: someone may switch it at any time.
const VERSIONING_BELIEVED: Duration = Duration::from_secs(300);

/// How often a request is made while it fails for a reason that may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tries {
    /// As often as the account's limiter allows.
    Many,
    /// Once: it is a step of a request that is tried again as a whole.
    Once,
}

/// A bucket, its capabilities, and what was learnt about it since it was opened.
pub(crate) struct Bucket {
    pub(super) objects: Box<dyn ObjectStore>,
    pub(super) capabilities: Capabilities,
    pub(super) marks: Marks,
    pub(super) known: KnownFolders,
    pub(super) environment: SharedEnvironment,
    pub(super) health: Arc<HealthRecord>,
    account: Arc<Account>,
    closed: watch::Sender<bool>,
    versioning: Mutex<Option<(Duration, bool)>>,
}

impl Bucket {
    /// A bucket that requests can be sent to. `probed` is what a probe found.
    pub(crate) fn new(
        objects: Box<dyn ObjectStore>,
        probed: Option<&Capabilities>,
        account: Arc<Account>,
        environment: SharedEnvironment,
    ) -> Self {
        let declared = &objects.facts().declared;
        let capabilities = Capabilities {
            listing_lacks_meta: declared.listing_lacks_meta,
            ..probed.unwrap_or(declared).clone()
        };
        Self {
            marks: Marks::of(&capabilities),
            objects,
            capabilities,
            known: KnownFolders::default(),
            environment,
            health: Arc::default(),
            account,
            closed: watch::Sender::new(false),
            versioning: Mutex::new(None),
        }
    }

    /// What is known of it before it is asked.
    pub(super) fn facts(&self) -> &Facts {
        self.objects.facts()
    }

    /// The longest key that it takes, in bytes: what its probe found, where that is less.
    pub(super) fn longest_key(&self) -> usize {
        let found = self.capabilities.names.longest_path;
        let found = found.and_then(|longest| usize::try_from(longest).ok());
        found
            .unwrap_or(usize::MAX)
            .min(self.objects.facts().longest_key)
    }

    /// Makes the request that `send` makes, as often as `tries` says.
    pub(super) async fn ask<T, F, Fut>(
        &self,
        tries: Tries,
        operation: &'static str,
        limit: Duration,
        mut send: F,
    ) -> Result<T>
    where
        F: FnMut() -> Fut + Send,
        Fut: Future<Output = Result<T>> + Send,
        T: Send,
    {
        match tries {
            Tries::Many => {
                self.run(|_| {
                    let sent = send();
                    self.once(operation, limit, sent)
                })
                .await
            }
            Tries::Once => Box::pin(self.once(operation, limit, send())).await,
        }
    }

    /// Makes the request that `send` makes, again while it fails for a reason that may pass.
    pub(super) async fn call<T, F, Fut>(&self, operation: &'static str, send: F) -> Result<T>
    where
        F: FnMut() -> Fut + Send,
        Fut: Future<Output = Result<T>> + Send,
        T: Send,
    {
        self.ask(Tries::Many, operation, ANSWER_LIMIT, send).await
    }

    /// Runs `request`, which makes one or more calls of [`Self::once`], under the account's limiter. Nothing in
    /// it may itself be tried several times: tries of tries would be too many for a server that is in trouble.
    pub(super) async fn run<T, F, Fut>(&self, request: F) -> Result<T>
    where
        F: FnMut(Attempt) -> Fut + Send,
        Fut: Future<Output = Result<T>> + Send,
        T: Send,
    {
        self.account.run(request).await
    }

    /// Waits for one request.
    pub(super) async fn once<T, Fut>(
        &self,
        operation: &'static str,
        limit: Duration,
        sent: Fut,
    ) -> Result<T>
    where
        Fut: Future<Output = Result<T>> + Send,
        T: Send,
    {
        let started = self.environment.uptime();
        let answer = self.within(operation, limit, sent).await;
        let answer = answer.and_then(|answer| answer).map_err(|mut error| {
            // In this order: of a secret that is cut through, half would be left.
            error.detail = told(&self.objects.redact(&error.detail));
            error
        });
        let latency = self.environment.uptime().saturating_sub(started);
        match &answer {
            Ok(_) => self.health.answered(self.environment.now(), latency),
            Err(error) => self.health.failed(error, self.environment.now(), latency),
        }
        answer
    }

    /// Waits for `work`, but not longer than `limit` and not beyond the shutdown.
    pub(super) async fn within<T, Fut>(
        &self,
        operation: &'static str,
        limit: Duration,
        work: Fut,
    ) -> Result<T>
    where
        Fut: Future<Output = T> + Send,
        T: Send,
    {
        let mut closed = self.closed.subscribe();
        let work = Box::pin(work);
        tokio::select! {
            biased;
            _ = closed.wait_for(|closed| *closed) => {
                Err(StorageError::new(operation, Cause::Cancelled, "the storage was shut down"))
            }
            done = work => Ok(done),
            () = self.environment.sleep(limit) => {
                Err(StorageError::new(operation, Cause::Timeout, format!("no answer in {} s", limit.as_secs())))
            }
        }
    }

    /// The MD5 of what `body` brings; `None` if it breaks off. Not one piece of it may be waited for without end.
    pub(super) async fn md5_of(
        &self,
        operation: &'static str,
        mut body: ByteStream,
    ) -> Result<Option<[u8; 16]>> {
        let mut digest = Md5::new();
        while let Some(bytes) = self.within(operation, ANSWER_LIMIT, body.next()).await? {
            let Ok(bytes) = bytes else { return Ok(None) };
            digest.update(&bytes);
        }
        Ok(Some(digest.finalize().into()))
    }

    /// Ends every request, now and from now on.
    pub(super) fn close(&self) {
        self.closed.send_replace(true);
    }

    /// The object at `key`, or a version of it; `None` if there is none. The bucket itself may be missing then as well.
    pub(super) async fn head(&self, key: &str, version: Option<&str>) -> Result<Option<Object>> {
        self.look(Tries::Many, key, version).await
    }

    /// The same, asked as often as `tries` says: once within a request that is tried again as a whole.
    pub(super) async fn look(
        &self,
        tries: Tries,
        key: &str,
        version: Option<&str>,
    ) -> Result<Option<Object>> {
        self.ask(tries, "stat", ANSWER_LIMIT, || {
            self.objects.head("stat", key, version)
        })
        .await
    }

    /// One page of keys; `after` is what the page before said.
    pub(super) async fn page(&self, query: &Query, after: Option<&str>) -> Result<Page> {
        self.call("list", || self.objects.page("list", query, after))
            .await
    }

    /// The first keys below `prefix`, at most `most`.
    pub(super) async fn first_below(&self, prefix: &str, most: u32) -> Result<Vec<ListedObject>> {
        let query = Query {
            prefix: prefix.to_owned(),
            delimited: false,
            most: Some(most),
        };
        Ok(self.first_page(&query).await?.objects)
    }

    /// What lies in the folder with this key, at most one thing. Asked for with a delimiter: without one, stores that
    /// keep objects as files (s3s-fs) walk all they have.
    pub(super) async fn first_in_folder(&self, folder_key: &str) -> Result<Page> {
        let query = Query {
            prefix: folder_key.to_owned(),
            delimited: true,
            most: Some(1),
        };
        self.first_page(&query).await
    }

    /// The first page that shows anything: an empty one with more to come is allowed where much was deleted.
    async fn first_page(&self, query: &Query) -> Result<Page> {
        let mut page = self.page(query, None).await?;
        let mut follow = Follow::default();
        while page.objects.is_empty() && page.folders.is_empty() {
            let Some(next) = page.next.take() else { break };
            follow.to(&next, 0, "list")?;
            page = self.page(query, Some(&next)).await?;
        }
        Ok(page)
    }

    /// Whether the bucket keeps the content that a write replaces.
    pub(super) async fn keeps_versions(&self) -> Result<bool> {
        let now = self.environment.uptime();
        let remembered = || {
            self.versioning
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        let believed = *remembered();
        if let Some((at, keeps)) = believed
            && now.saturating_sub(at) < VERSIONING_BELIEVED
        {
            return Ok(keeps);
        }
        let keeps = match self
            .call("versions", || self.objects.keeps_versions())
            .await
        {
            // Who may not ask, or asks a store that has none, keeps versions by copying.
            Err(error)
                if matches!(
                    error.cause,
                    Cause::Forbidden | Cause::Unsupported | Cause::BadResponse | Cause::Other
                ) =>
            {
                false
            }
            answer => answer?,
        };
        *remembered() = Some((now, keeps));
        Ok(keeps)
    }

    /// The MD5 among the hashes that the store tells, where the probe found that it is one.
    pub(super) fn md5(&self, told: &[ContentHash]) -> Option<[u8; 16]> {
        let is_believed = self.capabilities.hashes.contains(&HashKind::Md5);
        md5_among(told).filter(|_| is_believed)
    }

    fn believed(&self, told: &[ContentHash]) -> Vec<ContentHash> {
        let kinds = &self.capabilities.hashes;
        let told = told.iter().filter(|hash| kinds.contains(&hash.kind));
        told.cloned().collect()
    }

    /// The revision of `object`.
    pub(super) fn revision(&self, object: &Object) -> Revision {
        self.marks
            .revision(Some(&object.tag), object.written, object.size)
    }

    /// `object` as an entry called `name`.
    pub(super) fn entry(&self, name: Name, object: &Object) -> Entry {
        let mut hashes = self.believed(&object.hashes);
        if hashes.is_empty() {
            hashes.extend(metadata::md5(&object.metadata).map(md5_hash));
        }
        Entry {
            name,
            kind: Kind::File,
            size: object.size,
            mtime: metadata::mtime(&object.metadata).or(object.written.map(server_time)),
            executable: Some(metadata::executable(&object.metadata)),
            id: None,
            revision: self.revision(object),
            hashes,
            target: None,
        }
    }

    /// An object of a listing as an entry called `name`.
    pub(super) fn listed_entry(&self, name: Name, object: &ListedObject) -> Entry {
        let metadata = object.metadata.as_ref();
        Entry {
            name,
            kind: Kind::File,
            size: object.size,
            mtime: metadata
                .and_then(metadata::mtime)
                .or(object.written.map(server_time)),
            executable: metadata.map(metadata::executable),
            id: None,
            revision: self
                .marks
                .revision(object.tag.as_deref(), object.written, object.size),
            hashes: self.believed(&object.hashes),
            target: None,
        }
    }
}

impl std::fmt::Debug for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.objects.fmt(f)
    }
}

/// How long a request with a body of `bytes` may take.
pub(super) fn body_limit(bytes: u64) -> Duration {
    ANSWER_LIMIT + Duration::from_secs(bytes / SLOWEST_LINE)
}

/// When the server says it was written. Never an mtime.
const fn server_time(at: Timestamp) -> Mtime {
    Mtime {
        at,
        by_client: false,
    }
}
