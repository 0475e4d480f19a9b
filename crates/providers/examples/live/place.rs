//! The storage under test, and a folder of it for each case.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tandem_core::capabilities::Capabilities;
use tandem_core::environment::BoxFuture;
use tandem_core::path::RelPath;
use tandem_core::storage::{Provider, Storage};
use tandem_testkit::conformance::{Place as Behind, Subject};
use tandem_testkit::real_time::real_time;

use crate::variables::Variables;

/// The length from which files go up in parts here, where that can be set.
pub(crate) const PARTS_FROM: u64 = 6 << 20;

/// A storage as the environment describes it.
pub(crate) struct Place {
    provider: Arc<dyn Provider>,
    variables: Variables,
    /// How many folders were made.
    folders: AtomicU32,
}

impl Place {
    pub(crate) fn new(provider: Arc<dyn Provider>, variables: Variables) -> Result<Self, String> {
        let place = Self {
            provider,
            variables,
            folders: AtomicU32::new(0),
        };
        place.open(None).map(|_| place)
    }

    /// The storage, or a sentence about what is wrong with what was given.
    pub(crate) fn open(&self, found: Option<&Capabilities>) -> Result<Arc<dyn Storage>, String> {
        let Variables {
            config,
            credentials,
            secrets,
        } = &self.variables;
        let opened = self.provider.open(config, credentials, found, real_time());
        opened.map_err(|error| {
            let secrets = match &secrets[..] {
                [] => String::new(),
                secrets => format!(" Secrets are taken from {}.", secrets.join(", ")),
            };
            let title = self.provider.descriptor().title;
            format!("{title} cannot be used so: {}.{secrets}", error.detail)
        })
    }

    /// A fresh root, in a folder of its own below `scratch`.
    pub(crate) async fn subject(self: Arc<Self>, scratch: &str, found: Capabilities) -> Subject {
        let number = self.folders.fetch_add(1, Ordering::Relaxed);
        let path = format!("{scratch}/{number}");
        let open = {
            let (place, found) = (Arc::clone(&self), found.clone());
            move || {
                place
                    .open(Some(&found))
                    .unwrap_or_else(|why| panic!("{why}"))
            }
        };
        let storage = open();
        let top = storage.root("").await;
        let top = top.unwrap_or_else(|error| panic!("{error}"));
        let folder = RelPath::new(&path).unwrap_or_else(|error| panic!("{error}"));
        let made = top.create_folder(&folder).await;
        made.unwrap_or_else(|error| panic!("{error}"));
        let root = storage.root(&path).await;
        let root = root.unwrap_or_else(|error| panic!("{error}"));
        let at = path.clone();
        let reopen = Box::new(move || {
            let (storage, at) = (open(), at.clone());
            Box::pin(async move {
                let root = storage.root(&at).await;
                root.unwrap_or_else(|error| panic!("{error}"))
            }) as BoxFuture<_>
        });
        let is_set = self.variables.config.get("multipart_threshold").is_some();
        Subject {
            place: Some(Behind { storage, path }),
            parts_from: is_set.then_some(PARTS_FROM),
            flat: !found.empty_folders,
            ..Subject::new(root, reopen, ())
        }
    }
}
