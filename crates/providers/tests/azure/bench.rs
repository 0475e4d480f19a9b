//! What the tests share: containers on Azurite or the simulated service, rclone as a second client, and signed requests of their own.

use std::collections::BTreeMap;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_trait::async_trait;
use tandem_core::capabilities::Capabilities;
use tandem_core::environment::{BoxFuture, SharedEnvironment};
use tandem_core::error::Result;
use tandem_core::storage::{Config, Credentials, Provider, Storage};
use tandem_providers::registry::providers;
use tandem_testkit::conformance::{Outsider, Place, Proof, Subject};
use tandem_testkit::real_time::real_time;
use tandem_testkit::servers::azure::{AzureServer, Azurite};
use tandem_testkit::servers::rclone;
use tokio::sync::OnceCell;

pub(crate) use crate::steps::write;

/// The size from which the tests upload in blocks: more than one, and cheap.
pub(crate) const BLOCKS_FROM: u64 = 6 << 20;

/// Where the root under test lies in its container.
const FOLDER: &str = "in a/folder";

static RUNNING: Mutex<Weak<AzureServer>> = Mutex::new(Weak::new());
static PROBED: OnceCell<Capabilities> = OnceCell::const_new();

/// A server that is started when the first test needs it and stopped when the last one is done.
pub(crate) fn server() -> Arc<AzureServer> {
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = running.upgrade() {
        return server;
    }
    let server = Arc::new(Azurite::start().unwrap());
    *running = Arc::downgrade(&server);
    server
}

/// The provider under test.
pub(crate) fn azure() -> Arc<dyn Provider> {
    let mut all = providers().into_iter();
    all.find(|provider| provider.descriptor().type_name == "azure")
        .unwrap()
}

/// What `validate` found, once for all tests.
pub(crate) async fn probed() -> Capabilities {
    let probe = || async {
        let container = Container::fresh();
        let storage = container.open(None);
        let tested = storage.validate(FOLDER, &|step| println!("{step:?}")).await;
        assert!(container.rclone().list().await.unwrap().is_empty());
        tested.capabilities.unwrap()
    };
    PROBED.get_or_init(probe).await.clone()
}

/// A container on a server.
#[derive(Clone)]
pub(crate) struct Container {
    pub(crate) server: Arc<AzureServer>,
    pub(crate) name: String,
}

impl Container {
    /// A new one on Azurite.
    pub(crate) fn fresh() -> Self {
        Self::on(server())
    }

    /// A new one on `server`.
    pub(crate) fn on(server: Arc<AzureServer>) -> Self {
        let name = format!("container-{:016x}", real_time().random());
        let container = Self { server, name };
        container.rclone().run(&["mkdir"], "", None).unwrap();
        container
    }

    /// The container as a storage, let in by the account's key.
    pub(crate) fn open(&self, probed: Option<&Capabilities>) -> Arc<dyn Storage> {
        let key = ("account_key", self.server.key());
        self.open_with(key, probed, real_time()).unwrap()
    }

    /// The same with another secret, and another clock.
    pub(crate) fn open_with(
        &self,
        secret: (&str, &str),
        probed: Option<&Capabilities>,
        environment: SharedEnvironment,
    ) -> Result<Arc<dyn Storage>> {
        let config = [
            ("account", self.server.account()),
            ("endpoint", self.server.endpoint()),
            ("container", &self.name),
            ("multipart_threshold", &BLOCKS_FROM.to_string()),
        ];
        let own = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        azure().open(
            &Config(config.map(own).into()),
            &Credentials(BTreeMap::from([own(secret)])),
            probed,
            environment,
        )
    }

    /// Somebody else.
    pub(crate) fn rclone(&self) -> Rclone {
        Rclone {
            endpoint: self.server.endpoint().to_owned(),
            account: self.server.account().to_owned(),
            key: self.server.key().to_owned(),
            container: self.name.clone(),
        }
    }

    /// A fresh root in this container with these capabilities.
    pub(crate) async fn subject(self, capabilities: Capabilities) -> Subject {
        let storage = self.open(Some(&capabilities));
        let base = storage.root("").await.unwrap();
        base.create_folder(&FOLDER.parse().unwrap()).await.unwrap();
        let root = storage.root(FOLDER).await.unwrap();
        let opener = |secret: (&'static str, &'static str)| {
            let (container, found) = (self.clone(), capabilities.clone());
            Box::new(move || {
                let storage = container.open_with(secret, Some(&found), real_time());
                Box::pin(async move { storage.unwrap().root(FOLDER).await.unwrap() })
                    as BoxFuture<_>
            })
        };
        let key = Box::leak(self.server.key().to_owned().into_boxed_str());
        let (reopen, expired) = (
            opener(("account_key", key)),
            opener(("account_key", "bm90IHRoZSBrZXk=")),
        );
        Subject {
            outsider: Some(Box::new(self.rclone())),
            expired: Some(expired),
            place: Some(Place {
                storage,
                path: FOLDER.to_owned(),
            }),
            parts_from: Some(BLOCKS_FROM),
            flat: !capabilities.empty_folders,
            proof: Proof::of("azure", || self.server.version()),
            ..Subject::new(root, reopen, self.server)
        }
    }
}

/// rclone, which knows nothing of Tandem.
pub(crate) struct Rclone {
    endpoint: String,
    account: String,
    key: String,
    container: String,
}

impl Rclone {
    /// Runs `rclone ARGUMENTS az:CONTAINER/PATH`, with `input`.
    pub(crate) fn run(
        &self,
        arguments: &[&str],
        path: &str,
        input: Option<&[u8]>,
    ) -> std::result::Result<Output, String> {
        let mut command = Command::new(rclone().unwrap());
        command.env("RCLONE_CONFIG", "/dev/null");
        command.env("RCLONE_CONFIG_AZ_TYPE", "azureblob");
        command.env("RCLONE_CONFIG_AZ_ACCOUNT", &self.account);
        command.env("RCLONE_CONFIG_AZ_KEY", &self.key);
        command.env("RCLONE_CONFIG_AZ_ENDPOINT", &self.endpoint);
        command.args(arguments);
        command.arg(format!("az:{}/{path}", self.container));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        std::io::Write::write_all(&mut stdin, input.unwrap_or_default()).unwrap();
        drop(stdin);
        let done = child
            .wait_with_output()
            .map_err(|error| error.to_string())?;
        if done.status.success() {
            Ok(done)
        } else {
            Err(String::from_utf8_lossy(&done.stderr).into_owned())
        }
    }
}

impl Rclone {
    /// Every blob of the container.
    pub(crate) fn list_all(&self) -> String {
        let listed = self.run(&["lsf", "-R", "--files-only"], "", None).unwrap();
        String::from_utf8_lossy(&listed.stdout).into_owned()
    }
}

#[async_trait]
impl Outsider for Rclone {
    async fn put(&self, path: &str, bytes: &[u8]) -> std::result::Result<(), String> {
        let at = format!("{FOLDER}/{path}");
        self.run(&["rcat"], &at, Some(bytes)).map(|_| ())
    }

    async fn get(&self, path: &str) -> std::result::Result<Option<Vec<u8>>, String> {
        let at = format!("{FOLDER}/{path}");
        let read = self.run(&["cat"], &at, None)?.stdout;
        // It finds nothing in what is not there.
        let is_there = !read.is_empty() || !self.run(&["lsf"], &at, None)?.stdout.is_empty();
        Ok(is_there.then_some(read))
    }

    async fn remove(&self, path: &str) -> std::result::Result<(), String> {
        match self.run(&["deletefile"], &format!("{FOLDER}/{path}"), None) {
            Err(said) if !said.contains("not found") => Err(said),
            _ => Ok(()),
        }
    }

    async fn list(&self) -> std::result::Result<Vec<String>, String> {
        let listed = match self.run(&["lsf", "-R", "--files-only"], FOLDER, None) {
            Ok(done) => String::from_utf8_lossy(&done.stdout).into_owned(),
            Err(said) if said.contains("not found") => String::new(),
            Err(said) => return Err(said),
        };
        Ok(listed.lines().map(str::to_owned).collect())
    }
}
