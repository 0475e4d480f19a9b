//! What the tests of Swift share: a server, started once, fresh containers on it, and somebody else who uses them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_trait::async_trait;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tandem_core::capabilities::Capabilities;
use tandem_core::environment::BoxFuture;
use tandem_core::storage::{Config, Credentials, Provider, Root, Storage};
use tandem_providers::registry::providers;
use tandem_testkit::conformance::{Outsider, Place, Proof, Subject};
use tandem_testkit::real_time::real_time;
use tandem_testkit::servers::swift::SwiftServer;
use tokio::sync::OnceCell;

/// The size from which the tests upload in segments: more than one, and cheap.
pub(crate) const PARTS_FROM: u64 = 2 << 20;

/// The size of a segment in the tests.
pub(crate) const PART: u64 = 1 << 20;

/// Where the root under test lies in its container.
const FOLDER: &str = "in a/folder";

/// The server, as long as somebody holds it.
pub(crate) fn server() -> Arc<SwiftServer> {
    static RUNNING: Mutex<Weak<SwiftServer>> = Mutex::new(Weak::new());
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = running.upgrade() {
        return server;
    }
    let server = Arc::new(SwiftServer::start().unwrap());
    *running = Arc::downgrade(&server);
    server
}

/// A new container.
pub(crate) fn container() -> Container {
    container_with(&[])
}

/// A new container, made with these headers.
pub(crate) fn container_with(headers: &[&str]) -> Container {
    container_on(server(), headers)
}

/// A new container on this server.
pub(crate) fn container_on(server: Arc<SwiftServer>, headers: &[&str]) -> Container {
    let name = format!("container {:016x}", real_time().random());
    server.ask("PUT", &encoded(&name), headers).unwrap();
    let token = server.token().unwrap();
    Container {
        server,
        name,
        token,
    }
}

/// What `validate` found, once for all tests.
pub(crate) async fn probed() -> Capabilities {
    static PROBED: OnceCell<Capabilities> = OnceCell::const_new();
    let probe = || async {
        // The server lives as long as somebody holds a container on it.
        found_in(&container()).await
    };
    PROBED.get_or_init(probe).await.clone()
}

/// What `validate` finds of `container`.
pub(crate) async fn found_in(container: &Container) -> Capabilities {
    let storage = container.open(None, &[]);
    let tested = storage.validate(FOLDER, &|step| println!("{step:?}")).await;
    tested.capabilities.unwrap()
}

/// A fresh root in `container`, with what was found of it or of one like it.
pub(crate) async fn subject_in(container: Container, capabilities: Capabilities) -> Subject {
    let storage = container.open(Some(&capabilities), &[]);
    let base = storage.root("").await.unwrap();
    base.create_folder(&FOLDER.parse().unwrap()).await.unwrap();
    let opener = |password: Option<&'static str>| {
        let (container, found) = (container.clone(), capabilities.clone());
        Box::new(move || {
            let storage = container.open_with(password, Some(&found), &[]);
            Box::pin(async move { storage.root(FOLDER).await.unwrap() }) as BoxFuture<_>
        })
    };
    Subject {
        outsider: Some(Box::new(Somebody(container.clone()))),
        expired: Some(opener(Some("not the password"))),
        place: Some(Place {
            storage: Arc::clone(&storage),
            path: FOLDER.to_owned(),
        }),
        parts_from: Some(PARTS_FROM),
        proof: Proof::of("swift", || container.server.version()),
        ..Subject::new(
            storage.root(FOLDER).await.unwrap(),
            opener(None),
            container.server.clone(),
        )
    }
}

/// A container on the server.
#[derive(Clone)]
pub(crate) struct Container {
    pub(crate) server: Arc<SwiftServer>,
    pub(crate) name: String,
    token: String,
}

impl Container {
    /// The container as a storage, with further settings. The sign-in is of version 1.
    pub(crate) fn open(
        &self,
        probed: Option<&Capabilities>,
        more: &[(&str, &str)],
    ) -> Arc<dyn Storage> {
        self.open_with(None, probed, more)
    }

    /// The same with another password.
    fn open_with(
        &self,
        password: Option<&str>,
        probed: Option<&Capabilities>,
        more: &[(&str, &str)],
    ) -> Arc<dyn Storage> {
        let user = SwiftServer::USER;
        let (auth_url, username) = (
            self.server.auth_v1(),
            format!("{}:{}", user.account, user.name),
        );
        let mut config = map(&[
            ("auth_url", &auth_url),
            ("username", &username),
            ("container", &self.name),
            ("multipart_threshold", &PARTS_FROM.to_string()),
            ("part_size", &PART.to_string()),
        ]);
        config.extend(map(more));
        let credentials = map(&[("password", password.unwrap_or(user.password))]);
        open(config, credentials, probed).unwrap()
    }

    /// All of the container as a root, opened with what was probed.
    pub(crate) async fn root(&self, more: &[(&str, &str)]) -> Arc<dyn Root> {
        let found = probed().await;
        self.open(Some(&found), more).root("").await.unwrap()
    }

    /// What the server answers about the object at `key`, to somebody else.
    pub(crate) fn request(
        &self,
        method: &str,
        key: &str,
        query: &str,
        headers: &[&str],
        body: Option<&[u8]>,
    ) -> std::io::Result<(u16, Vec<u8>)> {
        let names = key.split('/').map(encoded).collect::<Vec<_>>();
        let path = format!("{}/{}{query}", encoded(&self.name), names.join("/"));
        self.server
            .request(&self.token, method, &path, headers, body)
    }

    /// The keys in the container that begin with `prefix`.
    pub(crate) fn keys(&self, prefix: &str) -> Vec<String> {
        self.keys_of(&self.name, prefix)
    }

    /// The keys in another container; none if there is no such container.
    pub(crate) fn keys_of(&self, container: &str, prefix: &str) -> Vec<String> {
        let path = format!("{}?prefix={}", encoded(container), encoded(prefix));
        let answer = self.server.request(&self.token, "GET", &path, &[], None);
        let (status, body) = answer.unwrap();
        assert!(matches!(status, 200 | 204 | 404), "{status}");
        let keys = if status == 404 { Vec::new() } else { body };
        let keys = String::from_utf8(keys).unwrap();
        keys.lines().map(str::to_owned).collect()
    }
}

/// Opens a storage of type `swift`.
pub(crate) fn open(
    config: BTreeMap<String, String>,
    credentials: BTreeMap<String, String>,
    probed: Option<&Capabilities>,
) -> tandem_core::error::Result<Arc<dyn Storage>> {
    let mut all = providers().into_iter();
    let swift: Arc<dyn Provider> = all
        .find(|provider| provider.descriptor().type_name == "swift")
        .unwrap();
    swift.open(
        &Config(config),
        &Credentials(credentials),
        probed,
        real_time(),
    )
}

pub(crate) fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pairs = pairs.iter();
    pairs
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// Somebody else: curl, which knows nothing of Tandem.
struct Somebody(Container);

impl Somebody {
    async fn ask(
        &self,
        method: &'static str,
        path: &str,
        body: Option<&[u8]>,
    ) -> Result<(u16, Vec<u8>), String> {
        let container = self.0.clone();
        let (key, body) = (format!("{FOLDER}/{path}"), body.map(<[u8]>::to_vec));
        let asked = tokio::task::spawn_blocking(move || {
            container.request(method, &key, "", &[], body.as_deref())
        });
        let answer = asked.await.map_err(|error| error.to_string())?;
        answer.map_err(|error| error.to_string())
    }
}

#[async_trait]
impl Outsider for Somebody {
    async fn put(&self, path: &str, bytes: &[u8]) -> Result<(), String> {
        match self.ask("PUT", path, Some(bytes)).await? {
            (201, _) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    }

    async fn get(&self, path: &str) -> Result<Option<Vec<u8>>, String> {
        match self.ask("GET", path, None).await? {
            (200, bytes) => Ok(Some(bytes)),
            (404, _) => Ok(None),
            other => Err(format!("{other:?}")),
        }
    }

    async fn remove(&self, path: &str) -> Result<(), String> {
        match self.ask("DELETE", path, None).await? {
            (204 | 404, _) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    }

    async fn list(&self) -> Result<Vec<String>, String> {
        let below = format!("{FOLDER}/");
        let keys = self.0.keys(&below);
        let paths = keys.iter().filter_map(|key| key.strip_prefix(&below));
        let files = paths.filter(|path| !path.is_empty() && !path.ends_with('/'));
        Ok(files.map(str::to_owned).collect())
    }
}
