//! Large objects ("Static Large Objects", docs.openstack.org/swift): a manifest names segments, each with its ETag and
//! size, and what reads the object reads them.
//!
//! The segments of an upload lie below `.tandem/segments/ID/` of the folder that the storage begins with: in the same
//! container, so that whoever may read the object may read them, and under a name that Tandem never lists. Each upload
//! has an ID of its own and is named by one manifest: copies are made of the content and never of the manifest. So when
//! a manifest is replaced or removed its segments can go, after it: cut off in between they stay behind, and nothing
//! that is shown lacks a byte. What other programs uploaded goes as those programs let it go: segments that lie where
//! rclone and python-swiftclient put the ones of this very key. Any other may belong to something else, and stays.
//! Where a container keeps versions, every segment stays: an old version may need it.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use reqwest::Method;
use serde::{Deserialize, Serialize};
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::storage::OWN_FOLDER;

use super::client::{Call, Target};
use super::errors::bad_answer;
use super::headers::{Form, form};
use super::store::SwiftStore;
use crate::objects::object::{Headers, UserMetadata};
use crate::objects::parts::Upload;
use crate::rest;

/// The largest manifest there can be, in bytes (`max_manifest_size`).
const LARGEST_MANIFEST: usize = 8 << 20;

/// Keys of large objects that are remembered; beyond it segments may stay behind.
const MOST_KEYS: usize = 1 << 16;

/// What is kept of an upload in its token, until the manifest is written.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Begun {
    /// Its own name.
    pub(super) id: String,
    pub(super) metadata: UserMetadata,
    headers: Vec<(String, String)>,
}

impl Begun {
    pub(super) fn new(id: String, metadata: &UserMetadata, headers: &Headers) -> Self {
        let headers = headers.iter();
        Self {
            id,
            metadata: metadata.clone(),
            headers: headers
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
        }
    }

    /// Reads it out of a token, which comes out of a database.
    pub(super) fn parse(operation: &'static str, upload: &Upload) -> Result<Self> {
        let begun: Self = serde_json::from_str(&upload.upload_id)
            .map_err(|error| bad_token(operation, &error.to_string()))?;
        if begun.id.is_empty() || !begun.id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(bad_token(operation, "its name is none"));
        }
        Ok(begun)
    }

    pub(super) fn write(&self, operation: &'static str) -> Result<String> {
        serde_json::to_string(self).map_err(|error| bad_token(operation, &error.to_string()))
    }

    /// What its owner set, by the names that objects have it under.
    pub(super) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(name, value)| (&**name, &**value))
    }
}

fn bad_token(operation: &'static str, why: &str) -> StorageError {
    let detail = format!("a token of another storage: {why}");
    StorageError::new(operation, Cause::Other, detail)
}

/// A segment as a manifest is given it.
#[derive(Debug, Serialize)]
pub(super) struct Named {
    pub(super) path: String,
    pub(super) etag: String,
    pub(super) size_bytes: u64,
}

/// A segment as a manifest shows it.
#[derive(Debug, Deserialize)]
struct Shown {
    name: String,
}

/// Keys at which large objects were seen.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<HashSet<String>>);

impl Seen {
    /// What is at `key` was looked at.
    pub(super) fn looked(&self, key: &str, is_large: bool) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_large {
            seen.remove(key);
        } else if seen.len() < MOST_KEYS {
            seen.insert(key.to_owned());
        }
    }

    fn has(&self, key: &str) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(key)
    }
}

impl SwiftStore {
    /// What the keys of all segments of an upload begin with.
    pub(super) fn segments_of(&self, id: &str) -> String {
        format!("{}{OWN_FOLDER}/segments/{id}/", self.facts.prefix)
    }

    /// The key of a segment, counted from 1.
    pub(super) fn segment(&self, id: &str, number: i32) -> String {
        format!("{}{number:08}", self.segments_of(id))
    }

    /// The segments of the static large object at `key`, as `/container/key`; none if there is no such object.
    async fn manifest(&self, operation: &'static str, key: &str) -> Result<Vec<String>> {
        let call = Call::new(operation, Method::GET, Target::Object(key))
            .query("multipart-manifest", "get")
            .headers(newest());
        let answer = match self.account.send(&call).await {
            Err(error) if error.cause == Cause::NotFound => return Ok(Vec::new()),
            answer => answer?,
        };
        if form(answer.headers()) != Form::Static {
            return Ok(Vec::new());
        }
        let body = rest::read(operation, answer.response, LARGEST_MANIFEST).await?;
        let shown: Vec<Shown> = serde_json::from_slice(&body).map_err(|error| {
            bad_answer(
                operation,
                format!("a manifest that cannot be read: {error}"),
            )
        })?;
        Ok(shown.into_iter().map(|segment| segment.name).collect())
    }

    /// The segments that go when what is at `key` does. Asked before; only where a large object was seen.
    pub(super) async fn segments_to_go(&self, operation: &'static str, key: &str) -> Vec<String> {
        if !self.seen.has(key) {
            return Vec::new();
        }
        let found = async {
            let headers = self.container_headers(operation).await?;
            let keeps = [
                "x-versions-enabled",
                "x-versions-location",
                "x-history-location",
            ];
            if keeps.iter().any(|name| headers.contains_key(*name)) {
                return Ok(Vec::new());
            }
            self.manifest(operation, key).await
        };
        match found.await {
            Ok(found) => found
                .into_iter()
                .filter(|name| self.belongs(name, key))
                .collect(),
            Err(error) => {
                // The change itself is what counts; its segments stay behind.
                tracing::warn!(%error, key, "the segments of a large object are not known");
                Vec::new()
            }
        }
    }

    /// Whether a segment belongs to the object at `key` and to no other.
    fn belongs(&self, segment: &str, key: &str) -> bool {
        let Some((container, name)) = segment.trim_start_matches('/').split_once('/') else {
            return false;
        };
        let own = format!("{}{OWN_FOLDER}/segments/", self.facts.prefix);
        if container == self.facts.name {
            return name.starts_with(&own);
        }
        let others = name
            .strip_prefix(key)
            .is_some_and(|rest| rest.starts_with('/'));
        others && container == format!("{}_segments", self.facts.name)
    }

    /// Whether the object at the upload's key is made of its segments.
    pub(super) async fn is_completed(
        &self,
        operation: &'static str,
        upload: &Upload,
        id: &str,
    ) -> Result<bool> {
        let own = format!("/{}/{}", self.facts.name, self.segments_of(id));
        let named = self.manifest(operation, &upload.key).await?;
        Ok(named.iter().any(|segment| segment.starts_with(&own)))
    }
}

/// Asks all replicas, and believes the newest ("X-Newest", docs.openstack.org/api-ref/object-store): an old answer would
/// look as if somebody had taken an edit back.
pub(super) fn newest() -> reqwest::header::HeaderMap {
    use reqwest::header::{HeaderName, HeaderValue};
    let header = (
        HeaderName::from_static("x-newest"),
        HeaderValue::from_static("true"),
    );
    [header].into_iter().collect()
}
