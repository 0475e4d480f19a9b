//! Opening a storage.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::descriptor::Descriptor;
use super::root::Root;
use super::sign_in::SignIn;
use crate::capabilities::Capabilities;
use crate::environment::SharedEnvironment;
use crate::error::{Cause, Result, StorageError};
use crate::time::Timestamp;

/// What a person gave for a storage, besides secrets: the keys of the provider's fields.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Config(pub BTreeMap<String, String>);

impl Config {
    /// The value of `key`, if it was given and is not empty.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0
            .get(key)
            .map(String::as_str)
            .filter(|v| !v.is_empty())
    }
}

/// The secrets of a storage. Shows none of them.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Credentials(pub BTreeMap<String, String>);

impl Credentials {
    /// The secret of `key`, if there is one.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.0.keys().map(|k| format!("{k}: REDACTED")))
            .finish()
    }
}

/// Where a storage lies: two that have both in common show each other's changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ground {
    /// The server and what is told apart on it (an account, a bucket), in one writing however it was configured.
    pub storage: String,
    /// The folder in it with which the storage begins.
    pub folder: String,
}

/// Opens storages of one type.
#[async_trait]
pub trait Provider: Send + Sync {
    /// What it says about itself.
    fn descriptor(&self) -> &'static Descriptor;

    /// Where a storage lies. How it is spoken to (region, part size) is no part of that; a provider with such
    /// settings leaves them out.
    fn ground(&self, config: &Config) -> Ground {
        Ground {
            storage: format!("{} {:?}", self.descriptor().type_name, config.0),
            folder: String::new(),
        }
    }

    /// A storage, without touching the network. `probed` is what [`Storage::validate`] found earlier.
    ///
    /// # Errors
    /// A configuration that cannot work, with the key's name in `detail`.
    fn open(
        &self,
        config: &Config,
        credentials: &Credentials,
        probed: Option<&Capabilities>,
        environment: SharedEnvironment,
    ) -> Result<Arc<dyn Storage>>;

    /// The keys of the fields that a sign-in in the browser gives; none where there is no such sign-in.
    fn signs_in_for(&self) -> &'static [&'static str] {
        &[]
    }

    /// Begins a sign-in in the browser with what a person has given so far.
    ///
    /// # Errors
    /// `unsupported` where there is none.
    async fn sign_in(
        &self,
        config: &Config,
        environment: SharedEnvironment,
    ) -> Result<Box<dyn SignIn>> {
        let _ = (config, environment);
        let detail = "there is no sign-in by the browser";
        Err(StorageError::new("sign_in", Cause::Unsupported, detail))
    }
}

/// How a storage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthState {
    /// It works.
    Ok,
    /// It works, slowed down or with errors.
    Degraded,
    /// It does not answer.
    Offline,
}

/// How a storage is, with figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The state.
    pub state: HealthState,
    /// How long the last request took.
    pub latency: Option<Duration>,
    /// Why the last request that failed did.
    pub last_error: Option<Cause>,
    /// When that was.
    pub last_error_at: Option<Timestamp>,
    /// What went to and fro since it was opened.
    pub traffic: Traffic,
}

/// What went to and fro between this computer and a storage. A disk counts nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Traffic {
    /// Requests, each try of one counted.
    pub requests: u64,
    /// Bytes of content handed over to be sent; of an upload that is gone on with, all of it.
    pub sent: u64,
    /// Bytes of content that arrived.
    pub received: u64,
    /// When a request was last answered as it should be.
    pub last_success: Option<Timestamp>,
    /// Tries that failed in all.
    pub failures: u64,
    /// The newest of them, oldest first.
    pub newest_failures: Vec<FailedRequest>,
}

/// A try of a request that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedRequest {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub cause: Cause,
    /// What was being done.
    pub operation: String,
}

/// How full a storage is, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// In use.
    pub used: u64,
    /// In all; `None` where there is no limit.
    pub total: Option<u64>,
}

/// One step of a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProbeStep {
    /// What was done, for a person: `Write a scratch object`.
    pub title: String,
    /// How long it took.
    pub time: Duration,
    /// What it found, in a few words; or why it did not work.
    pub outcome: std::result::Result<String, String>,
}

/// What a test found.
#[derive(Debug)]
pub struct Validation {
    /// The steps in order; the last one may have failed.
    pub steps: Vec<ProbeStep>,
    /// The capabilities found, or the error of the last step.
    pub capabilities: Result<Capabilities>,
}

/// A configured storage.
#[async_trait]
pub trait Storage: Send + Sync {
    /// What it can do, as far as known without asking.
    fn capabilities(&self) -> &Capabilities;

    /// The folder at `path`, in the storage's own writing: a path on disk, a prefix in a bucket.
    ///
    /// # Errors
    /// A path that cannot be a folder here. Whether it exists is asked by [`Root::identity`].
    async fn root(&self, path: &str) -> Result<Arc<dyn Root>>;

    /// Writes, reads back and removes a scratch object at `path`, and probes capabilities. `report` hears each
    /// step as it ends.
    async fn validate(
        &self,
        path: &str,
        report: &(dyn for<'s> Fn(&'s ProbeStep) + Send + Sync),
    ) -> Validation;

    /// How it is, from the requests made so far.
    fn health(&self) -> Health;

    /// How full it is.
    ///
    /// # Errors
    /// `unsupported` where it does not say.
    async fn quota(&self) -> Result<Quota>;

    /// Ends what is under way.
    async fn shutdown(&self);
}
