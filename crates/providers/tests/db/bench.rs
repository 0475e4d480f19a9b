//! What every test here works with: a database of its own, and the world as it is.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tandem_core::content::{ByteStream, BytesContent};
use tandem_core::environment::{BoxFuture, Environment, SharedEnvironment, Task};
use tandem_core::error::Result;
use tandem_core::path::RelPath;
use tandem_core::storage::{
    Commit, Committed, Config, Credentials, Expected, Keep, Meta, Provider, ResumeSink,
    ResumeToken, Root, Storage,
};
use tandem_core::time::Timestamp;
use tandem_providers::registry::providers;
use tandem_testkit::real_time::real_time;

/// The folder that roots under test lie in: not the top, so that nothing works there alone.
pub(crate) const FOLDER: &str = "in a/folder";

/// The world, with a clock that can be set forward.
pub(crate) struct World {
    real: SharedEnvironment,
    ahead: AtomicI64,
}

impl World {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            real: real_time(),
            ahead: AtomicI64::new(0),
        })
    }

    /// Sets the wall clock forward.
    pub(crate) fn skip(&self, time: Duration) {
        let nanos = i64::try_from(time.as_nanos()).unwrap();
        self.ahead.fetch_add(nanos, Ordering::Relaxed);
    }
}

impl Environment for World {
    fn now(&self) -> Timestamp {
        Timestamp(self.real.now().0 + self.ahead.load(Ordering::Relaxed))
    }
    fn uptime(&self) -> Duration {
        self.real.uptime()
    }
    fn random(&self) -> u64 {
        self.real.random()
    }
    fn sleep(&self, time: Duration) -> BoxFuture<()> {
        self.real.sleep(time)
    }
    fn spawn(&self, task: BoxFuture<()>) -> Task {
        self.real.spawn(task)
    }
}

/// A folder that is removed with this value.
#[derive(Debug)]
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tandem-db-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn file(&self) -> String {
        self.0.join("files.db").to_str().unwrap().to_owned()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The provider under test.
pub(crate) fn db() -> Arc<dyn Provider> {
    let mut all = providers().into_iter();
    all.find(|provider| provider.descriptor().type_name == "db")
        .unwrap()
}

/// The database at `location`.
pub(crate) fn open(location: &str, world: Arc<World>) -> Arc<dyn Storage> {
    let config = BTreeMap::from([("location".to_owned(), location.to_owned())]);
    let credentials = Credentials::default();
    db().open(&Config(config), &credentials, None, world)
        .unwrap()
}

/// The database at `location`, with its tables and the folder that roots lie in.
pub(crate) async fn made(location: &str, world: Arc<World>) -> Arc<dyn Storage> {
    let storage = open(location, world);
    let tested = storage.validate("", &|_| ()).await;
    tested.capabilities.unwrap();
    let top = storage.root("").await.unwrap();
    top.create_folder(&rel(FOLDER)).await.unwrap();
    storage
}

pub(crate) fn rel(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

/// Hears the last token.
#[derive(Default)]
pub(crate) struct Ear(pub(crate) std::sync::Mutex<Option<ResumeToken>>);

impl ResumeSink for Ear {
    fn store(&self, token: &ResumeToken) {
        *self.0.lock().unwrap() = Some(token.clone());
    }
    fn progress(&self, _: u64) {}
}

/// Stages and commits `bytes`.
pub(crate) async fn write(
    root: &dyn Root,
    path: &str,
    bytes: &[u8],
    expected: Expected,
    keep: Keep,
) -> Result<Committed> {
    let content = Arc::new(BytesContent(Bytes::copy_from_slice(bytes)));
    let meta = Meta::default();
    let sink = Arc::new(Ear::default());
    let staged = root.stage(&rel(path), content, &meta, None, sink).await?;
    let member = Commit {
        staged,
        expected,
        keep,
        sink: None,
    };
    root.commit(vec![member]).await.pop().unwrap()
}

/// All bytes of a stream.
pub(crate) async fn collect(mut stream: ByteStream) -> Result<Bytes> {
    let mut all = BytesMut::new();
    while let Some(piece) = stream.next().await {
        all.extend_from_slice(&piece?);
    }
    Ok(all.freeze())
}
