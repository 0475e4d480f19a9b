//! A bucket as a [`Storage`].

use std::sync::Arc;

use async_trait::async_trait;
use tandem_core::capabilities::{AtomicWrite, Capabilities, Parts};
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::storage::{Health, ProbeStep, Quota, Root, Storage, Validation};

use super::probe::probe;
use super::root::S3Root;
use super::services::SMALLEST_PART;
use super::settings::{Settings, folder_prefix};
use super::store::Store;

/// What can be said of a bucket without asking: no condition, no hash. Of Amazon's own service its documents say that
/// folder markers are objects like others.
pub(super) fn declared(settings: &Settings) -> Capabilities {
    let limits = &settings.limits;
    Capabilities {
        atomic_write: AtomicWrite::Yes,
        server_copy: true,
        versions: true,
        mtime: true,
        executable: true,
        listing_lacks_meta: true,
        largest_file: Some(limits.largest_file()),
        parts: Some(Parts {
            smallest: SMALLEST_PART,
            largest: limits.largest_part,
            most: limits.most_parts,
            equal: limits.equal_parts,
        }),
        writes_per_name: limits.writes_per_key,
        empty_folders: settings.is_amazon(),
        ranges: true,
        ..Capabilities::least()
    }
}

/// A bucket.
#[derive(Debug)]
pub(super) struct S3Storage {
    store: Arc<Store>,
}

impl S3Storage {
    pub(super) const fn new(store: Arc<Store>) -> Self {
        Self { store }
    }
}

#[async_trait]
impl Storage for S3Storage {
    fn capabilities(&self) -> &Capabilities {
        &self.store.capabilities
    }

    async fn root(&self, path: &str) -> Result<Arc<dyn Root>> {
        let prefix = folder_prefix(&self.store.bucket.settings.prefix, path)?;
        Ok(Arc::new(S3Root::new(Arc::clone(&self.store), prefix)))
    }

    async fn validate(
        &self,
        path: &str,
        report: &(dyn for<'s> Fn(&'s ProbeStep) + Send + Sync),
    ) -> Validation {
        probe(&self.store, path, report).await
    }

    fn health(&self) -> Health {
        self.store.bucket.health.now()
    }

    async fn quota(&self) -> Result<Quota> {
        Err(StorageError::new(
            "quota",
            Cause::Unsupported,
            "S3 does not say how full a bucket is",
        ))
    }

    async fn shutdown(&self) {
        self.store.bucket.close();
    }
}
