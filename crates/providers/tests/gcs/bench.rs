//! What the tests of Cloud Storage share: buckets on the simulated service, and somebody else in them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_trait::async_trait;
use tandem_core::capabilities::Capabilities;
use tandem_core::environment::{BoxFuture, SharedEnvironment};
use tandem_core::error::Result as Answer;
use tandem_core::storage::{Config, Credentials, Provider, Storage};
use tandem_providers::registry::providers;
use tandem_testkit::conformance::{Outsider, Place, Proof, Subject};
use tandem_testkit::real_time::real_time;
use tandem_testkit::servers::gcs::{GcsServer, Role, VERSION};
use tokio::sync::OnceCell;

/// The size from which the tests upload in parts, and that of a part: more than one, and cheap.
pub(crate) const PARTS_FROM: u64 = 3 << 19;
pub(crate) const PART: u64 = 1 << 20;

/// Where the root under test lies in its bucket.
pub(crate) const FOLDER: &str = "in a/folder";

/// The server of this process.
pub(crate) fn server() -> Arc<GcsServer> {
    static RUNNING: Mutex<Weak<GcsServer>> = Mutex::new(Weak::new());
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = running.upgrade() {
        return server;
    }
    let server = Arc::new(GcsServer::start().unwrap());
    *running = Arc::downgrade(&server);
    server
}

/// A bucket on a server, and who asks it.
#[derive(Clone)]
pub(crate) struct Bucket {
    pub(crate) server: Arc<GcsServer>,
    pub(crate) endpoint: String,
    pub(crate) name: String,
    pub(crate) key: String,
}

impl Bucket {
    /// A new one on the server of this process.
    pub(crate) fn new() -> Self {
        Self::on(server())
    }

    /// A new one on `server`.
    pub(crate) fn on(server: Arc<GcsServer>) -> Self {
        let name = format!("bucket-{:016x}", real_time().random());
        server.make_bucket(&name);
        Self {
            endpoint: server.endpoint(),
            key: server.make_account(Role::Admin).unwrap(),
            server,
            name,
        }
    }

    /// The same for somebody with another role.
    pub(crate) fn as_role(&self, role: Role) -> Self {
        Self {
            key: self.server.make_account(role).unwrap(),
            ..self.clone()
        }
    }

    pub(crate) fn open(&self, probed: Option<&Capabilities>) -> Arc<dyn Storage> {
        self.try_open(probed, real_time()).unwrap()
    }

    pub(crate) fn try_open(
        &self,
        probed: Option<&Capabilities>,
        environment: SharedEnvironment,
    ) -> Answer<Arc<dyn Storage>> {
        let config = [
            ("endpoint", self.endpoint.clone()),
            ("bucket", self.name.clone()),
            ("multipart_threshold", PARTS_FROM.to_string()),
            ("part_size", PART.to_string()),
        ];
        let config = config.map(|(key, value)| (key.to_owned(), value));
        let key = ("service_account_key".to_owned(), self.key.clone());
        gcs().open(
            &Config(BTreeMap::from(config)),
            &Credentials(BTreeMap::from([key])),
            probed,
            environment,
        )
    }

    /// What `validate` finds.
    pub(crate) async fn probe(&self) -> Capabilities {
        let storage = self.open(None);
        let tested = storage.validate(FOLDER, &|step| println!("{step:?}")).await;
        tested.capabilities.unwrap()
    }

    /// A fresh root in it with these capabilities.
    pub(crate) async fn subject(self, capabilities: Capabilities) -> Subject {
        let storage = self.open(Some(&capabilities));
        let base = storage.root("").await.unwrap();
        base.create_folder(&FOLDER.parse().unwrap()).await.unwrap();
        let root = storage.root(FOLDER).await.unwrap();
        let again = |bucket: Self| {
            let found = capabilities.clone();
            move || {
                let (bucket, found) = (bucket.clone(), found.clone());
                Box::pin(async move { bucket.open(Some(&found)).root(FOLDER).await.unwrap() })
                    as BoxFuture<_>
            }
        };
        let stranger = self.as_role(Role::Admin);
        self.server.delete_account(&stranger.key);
        Subject {
            outsider: Some(Box::new(SomebodyElse(self.clone()))),
            expired: Some(Box::new(again(stranger))),
            place: Some(Place {
                storage,
                path: FOLDER.to_owned(),
            }),
            parts_from: Some(PARTS_FROM),
            flat: !capabilities.empty_folders,
            proof: Proof::of("gcs", || Ok(VERSION.to_owned())),
            ..Subject::new(root, Box::new(again(self.clone())), self.server)
        }
    }
}

/// What the probe finds in a new bucket, once for all tests.
pub(crate) async fn probed() -> Capabilities {
    static PROBED: OnceCell<Capabilities> = OnceCell::const_new();
    let probe = || async { Bucket::new().probe().await };
    PROBED.get_or_init(probe).await.clone()
}

/// The provider under test.
pub(crate) fn gcs() -> Arc<dyn Provider> {
    let mut all = providers().into_iter();
    all.find(|provider| provider.descriptor().type_name == "gcs")
        .unwrap()
}

/// Somebody else, who needs no client.
struct SomebodyElse(Bucket);

pub(crate) fn key(path: &str) -> String {
    format!("{FOLDER}/{path}")
}

#[async_trait]
impl Outsider for SomebodyElse {
    async fn put(&self, path: &str, bytes: &[u8]) -> Result<(), String> {
        self.0.server.put(&self.0.name, &key(path), bytes);
        Ok(())
    }

    async fn get(&self, path: &str) -> Result<Option<Vec<u8>>, String> {
        Ok(self.0.server.get(&self.0.name, &key(path)))
    }

    async fn remove(&self, path: &str) -> Result<(), String> {
        self.0.server.remove(&self.0.name, &key(path));
        Ok(())
    }

    async fn list(&self) -> Result<Vec<String>, String> {
        let live = self.0.server.live(&self.0.name);
        let below = live.iter().filter_map(|(name, _)| {
            let path = name.strip_prefix(&key(""))?;
            (!path.is_empty() && !path.ends_with('/')).then(|| path.to_owned())
        });
        Ok(below.collect())
    }
}
