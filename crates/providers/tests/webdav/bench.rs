//! What the tests of WebDAV share: servers, each started once, and fresh folders on them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tandem_core::capabilities::Capabilities;
use tandem_core::environment::{BoxFuture, SharedEnvironment};
use tandem_core::storage::{Config, Credentials, Provider, Storage};
use tandem_providers::registry::providers;
use tandem_testkit::conformance::{Place, Proof, Subject};
use tandem_testkit::servers::nextcloud::Nextcloud;
use tandem_testkit::servers::webdav::WebDavServer;
use tokio::sync::OnceCell;

use crate::curl::Curl;
use tandem_testkit::real_time::real_time;

/// A server that tests can use.
pub(crate) trait Server: Send + Sync + 'static {
    /// The type of storage that it is.
    const TYPE: &'static str;

    /// What it is.
    fn name(&self) -> std::io::Result<String>;

    /// The address that a person types.
    fn url(&self) -> String;

    /// The address of the folder that this leads to.
    fn files_url(&self) -> String;

    /// Settings besides address and user.
    fn settings() -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// The length from which files go up in parts.
    const PARTS_FROM: Option<u64> = None;

    fn username(&self) -> &str;

    fn password(&self) -> &str;
}

impl Server for WebDavServer {
    const TYPE: &'static str = "webdav";

    fn name(&self) -> std::io::Result<String> {
        self.version()
    }

    fn url(&self) -> String {
        self.url().to_owned()
    }

    fn files_url(&self) -> String {
        self.url().to_owned()
    }

    fn username(&self) -> &str {
        self.username()
    }

    fn password(&self) -> &str {
        self.password()
    }
}

impl Server for Nextcloud {
    const TYPE: &'static str = "nextcloud";
    const PARTS_FROM: Option<u64> = Some(6_000_000);

    fn settings() -> &'static [(&'static str, &'static str)] {
        &[("multipart_threshold", "6000000"), ("part_size", "5000000")]
    }

    fn name(&self) -> std::io::Result<String> {
        Ok("a simulated Nextcloud".to_owned())
    }

    fn url(&self) -> String {
        self.url()
    }

    fn files_url(&self) -> String {
        self.files_url()
    }

    fn username(&self) -> &str {
        self.username()
    }

    fn password(&self) -> &str {
        self.password()
    }
}

/// A server that is started when the first test needs it and stopped when the last one is done.
pub(crate) struct Shared<S = WebDavServer> {
    start: fn() -> std::io::Result<S>,
    running: Mutex<Weak<S>>,
    probed: OnceCell<Capabilities>,
}

impl<S: Server> Shared<S> {
    pub(crate) const fn new(start: fn() -> std::io::Result<S>) -> Self {
        Self {
            start,
            running: Mutex::new(Weak::new()),
            probed: OnceCell::const_new(),
        }
    }

    /// The server, as long as somebody holds it.
    pub(crate) fn server(&self) -> Arc<S> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = running.upgrade() {
            return server;
        }
        let server = Arc::new((self.start)().unwrap());
        *running = Arc::downgrade(&server);
        server
    }

    /// A new folder.
    pub(crate) async fn folder(&self) -> Folder<S> {
        let server = self.server();
        let name = format!("folder {:016x}", real_time().random());
        let folder = Folder { server, name };
        folder.curl("").make(&folder.name).await.unwrap();
        folder
    }

    /// What `validate` found, once for all tests.
    pub(crate) async fn probed(&self) -> Capabilities {
        let probe = || async {
            let folder = self.folder().await;
            let storage = folder.open(None);
            let tested = storage
                .validate(&folder.name, &|step| println!("{step:?}"))
                .await;
            tested.capabilities.unwrap()
        };
        self.probed.get_or_init(probe).await.clone()
    }

    /// A fresh root.
    pub(crate) async fn subject(&self) -> Subject {
        let capabilities = self.probed().await;
        self.subject_with(capabilities).await
    }

    /// A fresh root with these capabilities instead of the ones that were found.
    pub(crate) async fn subject_with(&self, capabilities: Capabilities) -> Subject {
        let folder = self.folder().await;
        let storage = folder.open(Some(&capabilities));
        let root = storage.root(&folder.name).await.unwrap();
        let opener = |password: Option<&'static str>| {
            let (folder, found) = (folder.clone(), capabilities.clone());
            Box::new(move || {
                let storage = folder.open_with(password, Some(&found));
                let name = folder.name.clone();
                Box::pin(async move { storage.root(&name).await.unwrap() }) as BoxFuture<_>
            })
        };
        Subject {
            outsider: Some(Box::new(folder.curl(&folder.name))),
            expired: Some(opener(Some("not the password"))),
            place: Some(Place {
                storage,
                path: folder.name.clone(),
            }),
            parts_from: S::PARTS_FROM,
            proof: Proof::of(S::TYPE, || folder.server.name()),
            ..Subject::new(root, opener(None), folder.server.clone())
        }
    }
}

/// A folder on a server.
pub(crate) struct Folder<S> {
    pub(crate) server: Arc<S>,
    pub(crate) name: String,
}

impl<S> Clone for Folder<S> {
    fn clone(&self) -> Self {
        Self {
            server: Arc::clone(&self.server),
            name: self.name.clone(),
        }
    }
}

impl<S: Server> Folder<S> {
    /// The server as a storage.
    pub(crate) fn open(&self, probed: Option<&Capabilities>) -> Arc<dyn Storage> {
        self.open_with(None, probed)
    }

    /// The same, spoken to at another address: a proxy.
    pub(crate) fn open_at(&self, url: &str, probed: Option<&Capabilities>) -> Arc<dyn Storage> {
        self.open_as(url, self.server.password(), real_time(), probed)
    }

    /// The same with another password.
    fn open_with(&self, password: Option<&str>, probed: Option<&Capabilities>) -> Arc<dyn Storage> {
        self.open_in(real_time(), password, probed)
    }

    /// The same by a token.
    pub(crate) fn open_by_token(&self, token: &str) -> Arc<dyn Storage> {
        let map = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
        let config = Config(map("url", &self.server.url()));
        let credentials = Credentials(map("token", token));
        provider(S::TYPE)
            .open(&config, &credentials, None, real_time())
            .unwrap()
    }

    /// The same in another environment.
    pub(crate) fn open_in(
        &self,
        environment: SharedEnvironment,
        password: Option<&str>,
        probed: Option<&Capabilities>,
    ) -> Arc<dyn Storage> {
        let password = password.unwrap_or(self.server.password());
        self.open_as(&self.server.url(), password, environment, probed)
    }

    fn open_as(
        &self,
        url: &str,
        password: &str,
        environment: SharedEnvironment,
        probed: Option<&Capabilities>,
    ) -> Arc<dyn Storage> {
        let map = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter();
            pairs
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect::<BTreeMap<_, _>>()
        };
        let whose = [("url", url), ("username", self.server.username())];
        let config = map(&[&whose, S::settings()].concat());
        let credentials = Credentials(map(&[("password", password)]));
        let provider = provider(S::TYPE);
        provider
            .open(&Config(config), &credentials, probed, environment)
            .unwrap()
    }

    /// Somebody else in the folder `path` of the server.
    pub(crate) fn curl(&self, path: &str) -> Curl {
        Curl {
            url: format!("{}/{}", self.server.files_url(), path.replace(' ', "%20"))
                .trim_end_matches('/')
                .to_owned(),
            user: format!("{}:{}", self.server.username(), self.server.password()),
        }
    }
}

fn provider(name: &str) -> Arc<dyn Provider> {
    let mut all = providers().into_iter();
    all.find(|provider| provider.descriptor().type_name == name)
        .unwrap()
}
