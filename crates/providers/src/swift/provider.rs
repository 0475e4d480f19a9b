//! Opening a container, without a request.

use std::sync::Arc;

use tandem_core::capabilities::Capabilities;
use tandem_core::environment::SharedEnvironment;
use tandem_core::error::Result;
use tandem_core::storage::{Config, Credentials, Descriptor, Ground, Provider, Storage};

use super::services::Service;
use super::settings::{Settings, ground};
use super::store::SwiftStore;
use crate::objects::bucket::Bucket;
use crate::objects::storage::BucketStorage;
use crate::retry::Accounts;

/// Opens storages of one service.
#[derive(Debug)]
pub struct SwiftProvider {
    service: &'static Service,
    /// By sign-in address and whose account it is.
    accounts: Accounts,
}

impl SwiftProvider {
    /// A provider for `service`.
    #[must_use]
    pub const fn new(service: &'static Service) -> Self {
        Self {
            service,
            accounts: Accounts::new(),
        }
    }
}

impl Provider for SwiftProvider {
    fn descriptor(&self) -> &'static Descriptor {
        &self.service.descriptor
    }

    fn ground(&self, config: &Config) -> Ground {
        ground(self.service, config)
    }

    fn open(
        &self,
        config: &Config,
        credentials: &Credentials,
        probed: Option<&Capabilities>,
        environment: SharedEnvironment,
    ) -> Result<Arc<dyn Storage>> {
        let settings = Settings::new(self.service, config, credentials)?;
        let account = self.accounts.account(&settings.account(), &environment);
        let title = self.service.descriptor.title;
        let store = SwiftStore::new(title, settings, Arc::clone(&environment))?;
        let bucket = Bucket::new(Box::new(store), probed, account, environment);
        Ok(Arc::new(BucketStorage::new(bucket)))
    }
}
