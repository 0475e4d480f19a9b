//! The provider of type `local`.

use std::sync::Arc;

use tandem_core::capabilities::Capabilities;
use tandem_core::environment::SharedEnvironment;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::storage::{Config, Credentials, Descriptor, Provider, Storage};

use crate::storage::{LocalStorage, Options};

static DESCRIPTOR: Descriptor = Descriptor {
    type_name: "local",
    title: "This computer",
    family: "disk",
    fields: &[],
};

/// Opens this computer's disk. Nothing is configured: which folder is said by the pair.
#[derive(Debug, Clone, Copy, Default)]
pub struct LocalProvider {
    options: Options,
}

impl LocalProvider {
    /// A provider whose storages are used as `options` say.
    #[must_use]
    pub const fn new(options: Options) -> Self {
        Self { options }
    }
}

impl Provider for LocalProvider {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn open(
        &self,
        config: &Config,
        _: &Credentials,
        probed: Option<&Capabilities>,
        environment: SharedEnvironment,
    ) -> Result<Arc<dyn Storage>> {
        if let Some(key) = config.0.keys().next() {
            let why = format!("this computer has no setting {key:?}");
            return Err(StorageError::new("open", Cause::Unsupported, why));
        }
        Ok(Arc::new(LocalStorage::new(
            self.options,
            probed,
            environment,
        )))
    }
}
