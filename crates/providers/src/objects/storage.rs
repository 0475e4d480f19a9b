//! A bucket as a [`Storage`].

use std::sync::Arc;

use async_trait::async_trait;
use tandem_core::capabilities::Capabilities;
use tandem_core::error::Result;
use tandem_core::storage::{Health, ProbeStep, Quota, Root, Storage, Validation};

use super::bucket::Bucket;
use super::keys::folder_prefix;
use super::probe::probe;
use super::root::BucketRoot;

/// A bucket.
#[derive(Debug)]
pub(crate) struct BucketStorage {
    bucket: Arc<Bucket>,
}

impl BucketStorage {
    /// A storage of what lies in `bucket`.
    pub(crate) fn new(bucket: Bucket) -> Self {
        Self {
            bucket: Arc::new(bucket),
        }
    }
}

#[async_trait]
impl Storage for BucketStorage {
    fn capabilities(&self) -> &Capabilities {
        &self.bucket.capabilities
    }

    async fn root(&self, path: &str) -> Result<Arc<dyn Root>> {
        let prefix = folder_prefix(&self.bucket.facts().prefix, path, self.bucket.facts().word)?;
        Ok(Arc::new(BucketRoot::new(Arc::clone(&self.bucket), prefix)))
    }

    async fn validate(
        &self,
        path: &str,
        report: &(dyn for<'s> Fn(&'s ProbeStep) + Send + Sync),
    ) -> Validation {
        probe(&self.bucket, path, report).await
    }

    fn health(&self) -> Health {
        self.bucket.health.now()
    }

    async fn quota(&self) -> Result<Quota> {
        self.bucket
            .call("quota", || self.bucket.objects.quota())
            .await
    }

    async fn shutdown(&self) {
        self.bucket.close();
    }
}
