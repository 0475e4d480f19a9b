//! What the tests of all providers share: an environment of real time, and the steps of a write.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tandem_core::content::BytesContent;
use tandem_core::environment::{BoxFuture, Environment, SharedEnvironment, Task};
use tandem_core::error::StorageError;
use tandem_core::path::RelPath;
use tandem_core::storage::{
    Commit, Committed, Expected, Keep, Meta, ResumeSink, ResumeToken, Root,
};
use tandem_core::time::Timestamp;

/// The real clock and tokio.
pub(crate) struct RealTime(Instant, AtomicU64);

impl Environment for RealTime {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
    }

    fn uptime(&self) -> Duration {
        self.0.elapsed()
    }

    fn random(&self) -> u64 {
        use std::hash::{BuildHasher, RandomState};
        RandomState::new().hash_one(self.1.fetch_add(1, Ordering::Relaxed))
    }

    fn sleep(&self, time: Duration) -> BoxFuture<()> {
        Box::pin(tokio::time::sleep(time))
    }

    fn spawn(&self, task: BoxFuture<()>) -> Task {
        let handle = tokio::spawn(task);
        Task::new(move || handle.abort())
    }
}

/// An environment of real time.
pub(crate) fn real_time() -> SharedEnvironment {
    Arc::new(RealTime(Instant::now(), AtomicU64::new(0)))
}

/// Stages and commits `bytes`.
pub(crate) async fn write(
    root: &dyn Root,
    path: &RelPath,
    bytes: &[u8],
    expected: Expected,
) -> Result<Committed, StorageError> {
    write_keeping(root, path, bytes, expected, Keep::No).await
}

/// The same; what is replaced is set aside as `keep` says.
pub(crate) async fn write_keeping(
    root: &dyn Root,
    path: &RelPath,
    bytes: &[u8],
    expected: Expected,
    keep: Keep,
) -> Result<Committed, StorageError> {
    let content = Arc::new(BytesContent(Bytes::copy_from_slice(bytes)));
    let meta = Meta::default();
    let staged = root
        .stage(path, content, &meta, None, Arc::new(Deaf))
        .await?;
    let commit = Commit {
        staged,
        expected,
        keep,
        sink: None,
    };
    root.commit(vec![commit]).await.remove(0)
}

struct Deaf;

impl ResumeSink for Deaf {
    fn store(&self, _: &ResumeToken) {}
    fn progress(&self, _: u64) {}
}
