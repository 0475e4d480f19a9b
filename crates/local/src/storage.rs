//! This computer's disk as a [`Storage`].

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use tandem_core::capabilities::Capabilities;
use tandem_core::environment::SharedEnvironment;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::storage::{Health, ProbeStep, Quota, Root, Storage, Validation};

use crate::health::Pulse;
use crate::probe::{self, Traits};
use crate::root::LocalRoot;
use crate::sys::Features;
use crate::validate;

/// How a disk is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Only calls that every file system has: names are not exchanged, and a move does not spare what is there by
    /// itself. For tests, and for file systems that offer more than they keep.
    pub portable: bool,
    /// At most so many folders are watched; the rest is polled. `None`: as many as the system gives.
    pub most_watches: Option<u64>,
}

/// This computer's disk.
pub struct LocalStorage {
    options: Options,
    environment: SharedEnvironment,
    capabilities: Capabilities,
    pulse: Arc<Pulse>,
}

impl std::fmt::Debug for LocalStorage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalStorage")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl LocalStorage {
    /// The disk, used as `options` say.
    #[must_use]
    pub fn new(
        options: Options,
        probed: Option<&Capabilities>,
        environment: SharedEnvironment,
    ) -> Self {
        let usual = || {
            let features = if options.portable {
                Features::PORTABLE
            } else {
                Features::ALL
            };
            probe::capabilities(Traits::usual(features))
        };
        Self {
            options,
            capabilities: probed.cloned().unwrap_or_else(usual),
            pulse: Arc::new(Pulse::new(environment.clone())),
            environment,
        }
    }

    /// The folder at the absolute `path`.
    ///
    /// # Errors
    /// `name_refused` for a path that is not absolute.
    pub fn open_root(&self, path: &str) -> Result<Arc<LocalRoot>> {
        let given = Path::new(path);
        if !given.is_absolute() || path.contains('\0') {
            let why = format!("{path:?} is not the absolute path of a folder");
            return Err(StorageError::new("root", Cause::NameRefused, why));
        }
        Ok(Arc::new(LocalRoot::new(
            given,
            self.options,
            self.environment.clone(),
            self.pulse.clone(),
        )))
    }
}

#[async_trait]
impl Storage for LocalStorage {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn root(&self, path: &str) -> Result<Arc<dyn Root>> {
        Ok(self.open_root(path)?)
    }

    async fn validate(
        &self,
        path: &str,
        report: &(dyn for<'s> Fn(&'s ProbeStep) + Send + Sync),
    ) -> Validation {
        validate::validate(path, self.options, &self.environment, report)
    }

    fn health(&self) -> Health {
        self.pulse.health()
    }

    /// Always `unsupported`: a computer has several disks. [`Root::free_space`] asks the right one.
    async fn quota(&self) -> Result<Quota> {
        let why = "each folder's own disk has its own space";
        Err(StorageError::new("quota", Cause::Unsupported, why))
    }

    async fn shutdown(&self) {}
}
