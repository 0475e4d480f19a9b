//! Opening a server, without a request.

use std::sync::Arc;

use tandem_core::capabilities::Capabilities;
use tandem_core::environment::SharedEnvironment;
use tandem_core::error::Result;
use tandem_core::storage::{Config, Credentials, Descriptor, Ground, Provider, Storage};

use super::client::Server;
use super::services::Service;
use super::settings::{self, Login, Settings};
use super::storage::{Store, WebDavStorage, declared};
use crate::retry::Accounts;

/// Opens storages of one kind of server.
#[derive(Debug)]
pub struct WebDavProvider {
    service: &'static Service,
    /// By server and user.
    accounts: Accounts,
}

impl WebDavProvider {
    /// A provider for `service`.
    #[must_use]
    pub const fn new(service: &'static Service) -> Self {
        Self {
            service,
            accounts: Accounts::new(),
        }
    }
}

impl Provider for WebDavProvider {
    fn descriptor(&self) -> &'static Descriptor {
        &self.service.descriptor
    }

    fn ground(&self, config: &Config) -> Ground {
        settings::ground(self.service.flavour, config)
    }

    fn open(
        &self,
        config: &Config,
        credentials: &Credentials,
        probed: Option<&Capabilities>,
        environment: SharedEnvironment,
    ) -> Result<Arc<dyn Storage>> {
        let settings = Settings::new(self.service.flavour, config, credentials)?;
        let user = match &settings.login {
            Login::Password { user, .. } => user,
            Login::None | Login::Token(_) => "",
        };
        let origin = settings.base.origin().ascii_serialization();
        let account = self
            .accounts
            .account(&format!("{user} {origin}"), &environment);
        let capabilities = probed.cloned().unwrap_or_else(declared);
        let server = Server::new(settings, account, environment)?;
        Ok(Arc::new(WebDavStorage::new(Arc::new(Store::new(
            server,
            capabilities,
        )))))
    }
}
