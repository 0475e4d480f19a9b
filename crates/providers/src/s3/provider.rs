//! Opening a bucket, without a request.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tandem_core::capabilities::Capabilities;
use tandem_core::environment::SharedEnvironment;
use tandem_core::error::Result;
use tandem_core::storage::{Config, Credentials, Descriptor, Ground, Provider, Storage};

use super::client::{Bucket, http_client};
use super::services::Service;
use super::settings::{self, Settings};
use super::storage::{S3Storage, declared};
use super::store::Store;
use crate::retry::Account;

/// Which account a storage uses: where, and with which key.
type AccountName = (Option<String>, String);

/// Opens storages of one service.
#[derive(Debug)]
pub struct S3Provider {
    service: &'static Service,
    /// The limiters of the accounts that are in use.
    accounts: Mutex<BTreeMap<AccountName, Weak<Account>>>,
}

impl S3Provider {
    /// A provider for `service`.
    #[must_use]
    pub const fn new(service: &'static Service) -> Self {
        Self {
            service,
            accounts: Mutex::new(BTreeMap::new()),
        }
    }

    fn account(&self, settings: &Settings, environment: &SharedEnvironment) -> Arc<Account> {
        let name = (settings.endpoint.clone(), settings.access_key_id.clone());
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.retain(|_, account| account.strong_count() > 0);
        if let Some(account) = accounts.get(&name).and_then(Weak::upgrade) {
            return account;
        }
        let account = Arc::new(Account::new(Arc::clone(environment)));
        accounts.insert(name, Arc::downgrade(&account));
        account
    }
}

impl Provider for S3Provider {
    fn descriptor(&self) -> &'static Descriptor {
        &self.service.descriptor
    }

    fn ground(&self, config: &Config) -> Ground {
        settings::ground(config)
    }

    fn open(
        &self,
        config: &Config,
        credentials: &Credentials,
        probed: Option<&Capabilities>,
        environment: SharedEnvironment,
    ) -> Result<Arc<dyn Storage>> {
        let settings = Settings::new(self.service, config, credentials)?;
        let account = self.account(&settings, &environment);
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
