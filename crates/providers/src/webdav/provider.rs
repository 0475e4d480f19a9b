//! Opening a server, without a request.

use std::sync::Arc;

use async_trait::async_trait;
use tandem_core::capabilities::Capabilities;
use tandem_core::environment::SharedEnvironment;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::storage::{Config, Credentials, Descriptor, Ground, Provider, SignIn, Storage};

use super::client::Server;
use super::login_flow::LoginFlow;
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

#[async_trait]
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

    fn signs_in_for(&self) -> &'static [&'static str] {
        self.service.signs_in_for
    }

    async fn sign_in(
        &self,
        config: &Config,
        environment: SharedEnvironment,
    ) -> Result<Box<dyn SignIn>> {
        if self.service.signs_in_for.is_empty() {
            let detail = "there is no sign-in by the browser";
            return Err(StorageError::new("sign_in", Cause::Unsupported, detail));
        }
        Ok(Box::new(LoginFlow::begin(config, environment).await?))
    }
}
