//! A made-up provider, in one file: a drawer in a cupboard, that opens with a key. Its files lie in a folder of this
//! computer.

use std::sync::Arc;

use async_trait::async_trait;
use tandem_core::capabilities::Capabilities;
use tandem_core::environment::SharedEnvironment;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::storage::{
    Config, Credentials, Descriptor, Field, FieldKind, Health, ProbeStep, Provider, Quota, Root,
    Storage, Validation,
};
use tandem_local::{LocalStorage, Options};

const DESCRIPTOR: Descriptor = Descriptor {
    type_name: "drawer",
    title: "Drawer",
    family: "cupboard",
    fields: &[
        Field {
            key: "place",
            label: "Place",
            kind: FieldKind::Folder,
            required: true,
            secret: false,
            help: "Where the drawer stands.",
            default: None,
        },
        Field {
            key: "handle",
            label: "Handle",
            kind: FieldKind::Choice(&["brass", "wood"]),
            required: false,
            secret: false,
            help: "What it is pulled by.",
            default: Some("brass"),
        },
        Field {
            key: "key",
            label: "Key",
            kind: FieldKind::Text,
            required: true,
            secret: true,
            help: "What it is unlocked with.",
            default: None,
        },
    ],
};

/// Opens drawers.
pub(crate) struct DrawerProvider;

impl Provider for DrawerProvider {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn open(
        &self,
        config: &Config,
        credentials: &Credentials,
        _probed: Option<&Capabilities>,
        environment: SharedEnvironment,
    ) -> Result<Arc<dyn Storage>> {
        let missing =
            |what: &str| StorageError::new("open", Cause::Other, format!("{what} is missing"));
        let place = config.get("place").ok_or_else(|| missing("place"))?;
        credentials.get("key").ok_or_else(|| missing("key"))?;
        Ok(Arc::new(Drawer {
            place: place.to_owned(),
            disk: LocalStorage::new(Options::default(), None, environment),
        }))
    }
}

struct Drawer {
    place: String,
    disk: LocalStorage,
}

impl Drawer {
    fn path(&self, path: &str) -> String {
        match path.trim_matches('/') {
            "" => self.place.clone(),
            path => format!("{}/{path}", self.place),
        }
    }
}

#[async_trait]
impl Storage for Drawer {
    fn capabilities(&self) -> &Capabilities {
        self.disk.capabilities()
    }

    async fn root(&self, path: &str) -> Result<Arc<dyn Root>> {
        self.disk.root(&self.path(path)).await
    }

    async fn validate(
        &self,
        path: &str,
        report: &(dyn for<'s> Fn(&'s ProbeStep) + Send + Sync),
    ) -> Validation {
        self.disk.validate(&self.path(path), report).await
    }

    fn health(&self) -> Health {
        self.disk.health()
    }

    async fn quota(&self) -> Result<Quota> {
        self.disk.quota().await
    }

    async fn shutdown(&self) {
        self.disk.shutdown().await;
    }
}
