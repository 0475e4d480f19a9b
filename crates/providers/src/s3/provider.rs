//! Opening a bucket, without a request.

use std::sync::Arc;

use tandem_core::capabilities::Capabilities;
use tandem_core::environment::SharedEnvironment;
use tandem_core::error::Result;
use tandem_core::storage::{Config, Credentials, Descriptor, Ground, Provider, Storage};

use super::client::{S3Bucket, http_client};
use super::services::Service;
use super::settings::{self, Settings};
use crate::objects::bucket::Bucket;
use crate::objects::storage::BucketStorage;
use crate::retry::Accounts;

/// Opens storages of one service.
#[derive(Debug)]
pub struct S3Provider {
    service: &'static Service,
    /// By key and endpoint.
    accounts: Accounts,
}

impl S3Provider {
    /// A provider for `service`.
    #[must_use]
    pub const fn new(service: &'static Service) -> Self {
        Self {
            service,
            accounts: Accounts::new(),
        }
    }
}

impl Provider for S3Provider {
    fn descriptor(&self) -> &'static Descriptor {
        &self.service.descriptor
    }

    fn ground(&self, config: &Config) -> Ground {
        settings::ground(self.service, config)
    }

    fn open(
        &self,
        config: &Config,
        credentials: &Credentials,
        probed: Option<&Capabilities>,
        environment: SharedEnvironment,
    ) -> Result<Arc<dyn Storage>> {
        let settings = Settings::new(self.service, config, credentials)?;
        let endpoint = settings.endpoint.as_deref().unwrap_or_default();
        let name = format!("{} {endpoint}", settings.access_key_id);
        let account = self.accounts.account(&name, &environment);
        let http = http_client(&settings);
        let objects = S3Bucket::new(settings, http, Arc::clone(&environment));
        let bucket = Bucket::new(Box::new(objects), probed, account, environment);
        Ok(Arc::new(BucketStorage::new(bucket)))
    }
}
