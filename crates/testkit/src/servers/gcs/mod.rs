//! Google Cloud Storage, simulated: the part of its JSON API that sync programs use, over HTTP on loopback.
//!
//! Behaviour follows cloud.google.com/storage/docs/json_api and the pages that the parts name. Whether it is the
//! service's is shown by clients that nobody here wrote: Google's own for Python, and rclone.
//!
//! Everything is kept in memory. Requests are done one after the other, so of two that expect the same one is refused.

mod accounts;
mod bucket;
mod checksum;
mod conditions;
mod copying;
mod listing;
mod message;
mod moment;
mod object;
mod refusal;
mod serve;
mod state;
mod uploads;

use std::io;
use std::net::{SocketAddr, TcpListener};

use tokio::sync::oneshot;

pub use accounts::Role;
use bucket::Bucket;
use object::{Details, Object};
use serde_json::json;
use serve::{Shared, lock};

use super::faults::Fault;

/// What it is called in records: it has the version of the API that it simulates.
pub const VERSION: &str = "simulated Cloud Storage JSON API v1";

/// A running server. Dropping it stops it.
#[derive(Debug)]
pub struct GcsServer {
    address: SocketAddr,
    state: Shared,
    _stop: oneshot::Sender<()>,
}

impl GcsServer {
    /// Starts one, with no buckets and no accounts.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let state = Shared::default();
        let (stop, stopped) = oneshot::channel();
        serve::start(listener, state.clone(), stopped)?;
        Ok(Self {
            address,
            state,
            _stop: stop,
        })
    }

    /// The address to send requests to, such as `http://127.0.0.1:41234`, without a slash at the end.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The key file of a new service account, as JSON.
    pub fn make_account(&self, role: Role) -> io::Result<String> {
        lock(&self.state).accounts.create(role, &self.endpoint())
    }

    /// Makes a bucket that keeps neither versions nor what was deleted.
    pub fn make_bucket(&self, name: &str) {
        let mut state = lock(&self.state);
        state.buckets.insert(name.to_owned(), Bucket::new(name));
    }

    /// Turns on versions of a bucket's objects.
    pub fn keep_versions(&self, bucket: &str) {
        self.patch(bucket, &json!({"versioning": {"enabled": true}}));
    }

    /// Lets deleted objects of a bucket be restored for so many seconds; every new bucket of the service keeps them for
    /// 7 days ("Soft delete", cloud.google.com/storage/docs/soft-delete).
    pub fn keep_deleted(&self, bucket: &str, secs: u32) {
        let policy = json!({"softDeletePolicy": {"retentionDurationSeconds": secs}});
        self.patch(bucket, &policy);
    }

    fn patch(&self, bucket: &str, resource: &serde_json::Value) {
        if let Some(bucket) = lock(&self.state).buckets.get_mut(bucket) {
            bucket.patch(resource);
        }
    }

    /// The most items on a page of a listing. The service may put fewer on one than were asked for.
    pub fn limit_pages(&self, items: usize) {
        lock(&self.state).page_limit = items;
    }

    /// The most bytes that one request copies, a multiple of 1 MiB: the service takes several for what it cannot do at
    /// once.
    pub fn limit_rewrites(&self, bytes: i64) {
        lock(&self.state).rewrite_step = Some(bytes);
    }

    /// Objects cannot be moved.
    pub fn refuse_moves(&self) {
        lock(&self.state).moves = false;
    }

    /// This befalls the next `times` requests of this method whose target has this part in it, after the first
    /// `spared` ones. What the service answers to too many requests is in "Retry strategy" (cloud.google.com/storage/docs/
    /// retry-strategy). It never shows a stale listing ("Consistency", cloud.google.com/storage/docs/consistency).
    pub fn script(&self, method: &str, part: &str, spared: u32, times: u32, fault: Fault) {
        let mut state = lock(&self.state);
        let then = state.buckets.clone();
        state.script.add((method, part), spared, times, fault, then);
    }

    /// How many scripted faults have not befallen a request yet: a test in which one did not proves nothing.
    #[must_use]
    pub fn faults_left(&self) -> u32 {
        lock(&self.state).script.left()
    }

    /// Nothing that was scripted befalls a request any more.
    pub fn forget_faults(&self) {
        lock(&self.state).script.clear();
    }

    /// All requests so far, such as `GET /storage/v1/b/x/o`.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        lock(&self.state).log.clone()
    }

    /// How many bytes came in as bodies.
    #[must_use]
    pub fn received(&self) -> u64 {
        lock(&self.state).received
    }

    /// How many tokens were given out.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        lock(&self.state).accounts.given()
    }

    /// The tokens that were given out are no longer good.
    pub fn expire_tokens(&self) {
        lock(&self.state).accounts.expire();
    }

    /// The account with this key file is deleted, and its key with it.
    pub fn delete_account(&self, key_file: &str) {
        lock(&self.state).accounts.delete(key_file);
    }

    /// Somebody else writes an object.
    pub fn put(&self, bucket: &str, name: &str, content: &[u8]) {
        if let Some(bucket) = lock(&self.state).buckets.get_mut(bucket) {
            let content = content.to_vec().into();
            let details = Details::default().or_type(None);
            bucket.insert(Object::new(name, content, details));
        }
    }

    /// Somebody else reads one.
    #[must_use]
    pub fn get(&self, bucket: &str, name: &str) -> Option<Vec<u8>> {
        let state = lock(&self.state);
        let object = state.buckets.get(bucket)?.find(name, None)?;
        Some(object.content.to_vec())
    }

    /// Somebody else deletes one.
    pub fn remove(&self, bucket: &str, name: &str) {
        if let Some(bucket) = lock(&self.state).buckets.get_mut(bucket) {
            bucket.retire(name);
        }
    }

    /// The names of a bucket's live objects with their generations.
    #[must_use]
    pub fn live(&self, bucket: &str) -> Vec<(String, i64)> {
        let state = lock(&self.state);
        let objects = state.buckets.get(bucket).into_iter();
        let objects = objects.flat_map(|bucket| bucket.live.values());
        objects
            .map(|object| (object.name.clone(), object.generation))
            .collect()
    }
}
