//! A made-up provider whose test ends with whatever error it is told.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tandem_core::capabilities::Capabilities;
use tandem_core::environment::SharedEnvironment;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::storage::{
    Config, Credentials, Descriptor, Field, FieldKind, Health, ProbeStep, Provider, Quota, Root,
    Storage, Validation,
};
use tandem_local::{LocalStorage, Options};

const fn text(key: &'static str, required: bool, secret: bool) -> Field {
    Field {
        key,
        label: key,
        kind: FieldKind::Text,
        required,
        secret,
        help: "",
        default: None,
    }
}

const DESCRIPTOR: Descriptor = Descriptor {
    type_name: "refusing",
    title: "Refusing",
    family: "refusing",
    fields: &[
        text("cause", true, false),
        text("detail", false, false),
        text("password", false, true),
    ],
};

/// Opens storages that refuse.
pub(crate) struct RefusingProvider;

impl Provider for RefusingProvider {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn open(
        &self,
        config: &Config,
        _credentials: &Credentials,
        _probed: Option<&Capabilities>,
        environment: SharedEnvironment,
    ) -> Result<Arc<dyn Storage>> {
        let wanted = config.get("cause").unwrap_or_default();
        let cause = Cause::ALL.iter().find(|cause| cause.name() == wanted);
        Ok(Arc::new(Refusing {
            cause: cause.copied().unwrap_or(Cause::Other),
            detail: config.get("detail").unwrap_or_default().to_owned(),
            disk: LocalStorage::new(Options::default(), None, environment),
        }))
    }
}

struct Refusing {
    cause: Cause,
    detail: String,
    disk: LocalStorage,
}

impl Refusing {
    fn error(&self, operation: &'static str) -> StorageError {
        StorageError::new(operation, self.cause, self.detail.clone())
    }
}

#[async_trait]
impl Storage for Refusing {
    fn capabilities(&self) -> &Capabilities {
        self.disk.capabilities()
    }

    async fn root(&self, _path: &str) -> Result<Arc<dyn Root>> {
        Err(self.error("open"))
    }

    async fn validate(
        &self,
        _path: &str,
        report: &(dyn for<'s> Fn(&'s ProbeStep) + Send + Sync),
    ) -> Validation {
        let error = self.error("list");
        let step = ProbeStep {
            title: "list".to_owned(),
            time: Duration::ZERO,
            outcome: Err(error.to_string()),
        };
        report(&step);
        Validation {
            steps: vec![step],
            capabilities: Err(error),
        }
    }

    fn health(&self) -> Health {
        self.disk.health()
    }

    async fn quota(&self) -> Result<Quota> {
        Err(self.error("quota"))
    }

    async fn shutdown(&self) {
        self.disk.shutdown().await;
    }
}
