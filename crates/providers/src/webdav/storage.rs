//! A server's folder as a [`Storage`].

use std::sync::Arc;

use async_trait::async_trait;
use tandem_core::capabilities::{AtomicWrite, Capabilities};
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::RelPath;
use tandem_core::storage::{Health, ProbeStep, Quota, Root, Storage, Validation};
use url::Url;

use super::address::{Ending, below};
use super::client::{Server, Tries};
use super::probe::probe;
use super::root::WebDavRoot;
use super::xml::PROPFIND_QUOTA;
use crate::known::KnownFolders;

/// What can be said of a server without asking: folders are real and can be moved, and no more.
pub(super) fn declared() -> Capabilities {
    Capabilities {
        folder_move: true,
        atomic_move: true,
        atomic_write: AtomicWrite::No,
        empty_folders: true,
        ..Capabilities::least()
    }
}

/// A server, what it can do, and what was learnt about it since it was opened.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) server: Server,
    pub(super) capabilities: Capabilities,
    pub(super) known: KnownFolders,
}

impl Store {
    pub(super) fn new(server: Server, capabilities: Capabilities) -> Self {
        Self {
            server,
            capabilities,
            known: KnownFolders::default(),
        }
    }

    /// How full the folder at `url` is (RFC 4331). A server that has no limit says so by a number below zero.
    pub(super) async fn quota(&self, url: &Url) -> Result<Quota> {
        let found = self
            .server
            .properties(Tries::Many, "quota", url.clone(), 0, PROPFIND_QUOTA)
            .await?;
        let props = found.into_iter().next().map(|found| found.props);
        let used = props.as_ref().and_then(|props| props.quota_used);
        let Some(used) = used.and_then(|used| u64::try_from(used).ok()) else {
            let detail = "the server does not say how full it is";
            return Err(StorageError::new("quota", Cause::Unsupported, detail));
        };
        let available = props.and_then(|props| props.quota_available);
        let available = available.and_then(|free| u64::try_from(free).ok());
        Ok(Quota {
            used,
            total: available.map(|free| used.saturating_add(free)),
        })
    }

    /// The address of the folder `path` of the server.
    pub(super) fn folder(&self, path: &str) -> Result<Url> {
        let path = RelPath::new(path.trim_matches('/')).map_err(|error| {
            let detail = format!("the folder {path:?} cannot be on a server: {error}");
            StorageError::new("open", Cause::Other, detail)
        })?;
        Ok(below(&self.server.settings.base, &path, Ending::Folder))
    }
}

/// A server.
#[derive(Debug)]
pub(super) struct WebDavStorage {
    store: Arc<Store>,
}

impl WebDavStorage {
    pub(super) const fn new(store: Arc<Store>) -> Self {
        Self { store }
    }
}

#[async_trait]
impl Storage for WebDavStorage {
    fn capabilities(&self) -> &Capabilities {
        &self.store.capabilities
    }

    async fn root(&self, path: &str) -> Result<Arc<dyn Root>> {
        Ok(Arc::new(WebDavRoot {
            store: Arc::clone(&self.store),
            base: self.store.folder(path)?,
        }))
    }

    async fn validate(
        &self,
        path: &str,
        report: &(dyn for<'s> Fn(&'s ProbeStep) + Send + Sync),
    ) -> Validation {
        probe(&self.store, path, report).await
    }

    fn health(&self) -> Health {
        self.store.server.health.now()
    }

    async fn quota(&self) -> Result<Quota> {
        if !self.store.capabilities.quota {
            let detail = "the server does not say how full it is";
            return Err(StorageError::new("quota", Cause::Unsupported, detail));
        }
        self.store.quota(&self.store.server.settings.base).await
    }

    async fn shutdown(&self) {
        self.store.server.close();
    }
}
