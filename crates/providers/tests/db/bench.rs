//! What every test here works with: a database of its own, and the world as it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
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

/// The provider under test.
pub(crate) fn db() -> Arc<dyn Provider> {
    let mut all = providers().into_iter();
    all.find(|provider| provider.descriptor().type_name == "db")
        .unwrap()
}

/// The database that `config` and `password` describe.
pub(crate) fn open_by(
    config: &[(&str, &str)],
    password: Option<&str>,
    world: Arc<World>,
) -> Result<Arc<dyn Storage>> {
    let text = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let config = Config(config.iter().map(text).collect());
    let secrets = password.map(|password| ("password".to_owned(), password.to_owned()));
    db().open(
        &config,
        &Credentials(secrets.into_iter().collect()),
        None,
        world,
    )
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
