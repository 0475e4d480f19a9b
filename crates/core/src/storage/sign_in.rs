//! Signing in by the browser.

use async_trait::async_trait;

use super::provider::{Config, Credentials};
use crate::error::Result;

/// What a sign-in came to: values for the fields that [`super::Provider::signs_in_for`] names, and for others that follow
/// from them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SignedIn {
    /// Values that are no secrets.
    pub config: Config,
    /// Those that are.
    pub credentials: Credentials,
}

/// A sign-in that a person makes in the browser, and that nothing remembers when it is dropped.
#[async_trait]
pub trait SignIn: Send + Sync {
    /// What the browser is to open: an address of the very server that a person named, protected like that.
    fn address(&self) -> &str;

    /// Waits until the person is done there.
    ///
    /// # Errors
    /// `timeout` if nobody is in time, `auth_denied` if they refuse, and what keeps the server from answering.
    async fn finished(&self) -> Result<SignedIn>;
}
