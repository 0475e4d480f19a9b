//! Opening a bucket, without a request.

use std::sync::Arc;

use tandem_core::capabilities::Capabilities;
use tandem_core::environment::SharedEnvironment;
use tandem_core::error::Result;
use tandem_core::storage::{Config, Credentials, Descriptor, Ground, Provider, Storage};

use super::client::{Bucket, http_client};
use super::services::Service;
use super::settings::{self, Settings};
use super::storage::{S3Storage, declared};
use super::store::Store;
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
        let capabilities = probed.cloned().unwrap_or_else(|| declared(&settings));
        let capabilities = Capabilities {
            listing_lacks_meta: true,
            ..capabilities
        };
        let bucket = Bucket::new(settings, account, http, environment);
        Ok(Arc::new(S3Storage::new(Arc::new(Store::new(
            bucket,
            capabilities,
        )))))
    }
}
