//! What every case works with: the subject, and the steps of which cases are made.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::future::{join, join_all};
use tandem_core::capabilities::{Capabilities, ListingConsistency};
use tandem_core::content::{ByteStream, SharedContent};
use tandem_core::entry::Entry;
use tandem_core::error::{Cause, Result as Answer, StorageError};
use tandem_core::path::RelPath;
use tandem_core::storage::{
    Commit, Committed, Depth, Expected, Keep, Locator, Meta, ResumeSink, Root, Staged, VersionKey,
};

use super::body::{Body, Ear};
use super::outcome::{Outcome, Stop, check};
use super::pause::yield_now;
use super::subject::{Factory, Subject};
use super::tree::{Tree, try_list};

/// A case's own subject and the steps taken on it.
pub(super) struct Bench {
    pub(super) subject: Subject,
    factory: Factory,
}

/// A file that a case put, as the storage shows it.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) path: RelPath,
    pub(super) entry: Entry,
    /// Its bytes: those sent, or those that arrived where the server changes content.
    pub(super) bytes: Bytes,
}

impl Placed {
    pub(super) fn at(&self) -> Locator {
        locate(&self.path, &self.entry)
    }

    pub(super) fn expected(&self) -> Expected {
        Expected::Revision(self.entry.revision.clone())
    }
}

/// A path of the suite's own.
pub(super) fn rel(text: &str) -> RelPath {
    RelPath::new(text).expect("the suite's own paths are valid")
}

/// The place of an entry that was seen at `path`.
pub(super) fn locate(path: &RelPath, entry: &Entry) -> Locator {
    Locator {
        path: path.clone(),
        id: entry.id.clone(),
    }
}

/// The key under which `action` sets `path` aside.
pub(super) fn key(action: &str, path: &RelPath) -> VersionKey {
    VersionKey::Kept {
        device: "suite-0000".into(),
        date: "2026-11-20".into(),
        action: action.into(),
        path: path.clone(),
    }
}

/// All bytes of a stream.
pub(super) async fn collect(mut stream: ByteStream) -> Answer<Bytes> {
    let mut all = BytesMut::new();
    while let Some(piece) = stream.next().await {
        all.extend_from_slice(&piece?);
    }
    Ok(all.freeze())
}

/// Stages `content` and commits it.
pub(super) async fn write(
    root: &dyn Root,
    path: &RelPath,
    content: SharedContent,
    meta: &Meta,
    expected: Expected,
    keep: Keep,
) -> Answer<Committed> {
    let sink: Arc<dyn ResumeSink> = Ear::new();
    let staged = root.stage(path, content, meta, None, sink.clone()).await?;
    commit(root, staged, expected, keep, Some(sink)).await
}

/// Commits one member alone.
pub(super) async fn commit(
    root: &dyn Root,
    staged: Staged,
    expected: Expected,
    keep: Keep,
    sink: Option<Arc<dyn ResumeSink>>,
) -> Answer<Committed> {
    let member = Commit {
        staged,
        expected,
        keep,
        sink,
    };
    let mut answers = root.commit(vec![member]).await;
    if answers.len() == 1 {
        return answers.swap_remove(0);
    }
    let detail = format!("{} answers to a group of one", answers.len());
    Err(StorageError::new("commit", Cause::Other, detail))
}

impl Bench {
    pub(super) fn new(subject: Subject, factory: Factory) -> Self {
        Self { subject, factory }
    }

    pub(super) fn root(&self) -> &dyn Root {
        &*self.subject.root
    }

    pub(super) fn caps(&self) -> &Capabilities {
        self.subject.root.capabilities()
    }

    /// Another subject, with nothing in common.
    pub(super) async fn another(&self) -> Subject {
        (self.factory)().await
    }

    /// Another instance of the root, as after a restart.
    pub(super) async fn reopened(&self) -> Arc<dyn Root> {
        (self.subject.reopen)().await
    }

    pub(super) async fn pause(&self, time: Duration) {
        match &self.subject.environment {
            Some(environment) => environment.sleep(time).await,
            None => super::pause::real(time).await,
        }
    }

    /// Lets time pass until the next write of a name is allowed and gives another revision.
    pub(super) async fn tick(&self) {
        let granularity = self.caps().revision_granularity.saturating_mul(2);
        let rate = self
            .caps()
            .writes_per_name
            .map_or(0, |rate| 1_100_000_000 / u64::from(rate.max(1)));
        let nanos = granularity.max(rate);
        if nanos > 0 {
            self.pause(Duration::from_nanos(nanos)).await;
        }
    }

    /// Makes the folders that hold `path`.
    pub(super) async fn parents_of(&self, path: &RelPath) -> Outcome {
        if let Some(parent) = path.parent().filter(|parent| !parent.is_root()) {
            self.folder(parent.as_str()).await?;
        }
        Ok(())
    }

    /// Makes a folder; fine where folders are implied.
    pub(super) async fn folder(&self, path: &str) -> Outcome {
        match self.root().create_folder(&rel(path)).await {
            Err(error) if error.cause == Cause::Unsupported && !self.caps().empty_folders => Ok(()),
            other => Ok(other.map(drop)?),
        }
    }

    /// Writes `bytes` at `path`, over what is there.
    pub(super) async fn put(&self, path: &str, bytes: impl Into<Bytes>) -> Result<Placed, Stop> {
        self.put_with(path, bytes, &Meta::default()).await
    }

    pub(super) async fn put_with(
        &self,
        path: &str,
        bytes: impl Into<Bytes>,
        meta: &Meta,
    ) -> Result<Placed, Stop> {
        let (path, bytes) = (rel(path), bytes.into());
        self.parents_of(&path).await?;
        let expected = match self.root().stat(&path.clone().into()).await? {
            Some(entry) => {
                self.tick().await;
                Expected::Revision(entry.revision)
            }
            None => Expected::Absent,
        };
        let body = Body::honest(bytes.clone());
        let committed = write(self.root(), &path, body, meta, expected, Keep::No).await?;
        check!(
            committed.displaced.is_none() && committed.landed_as.is_none(),
            "an undisturbed commit of {path:?} answered {committed:?}"
        );
        let entry = committed.entry;
        let bytes = self.as_arrived(&path, &entry, bytes).await?;
        Ok(Placed { path, entry, bytes })
    }

    /// The bytes as they lie there now: those sent, but where the server changes content.
    async fn as_arrived(&self, path: &RelPath, entry: &Entry, sent: Bytes) -> Result<Bytes, Stop> {
        if !self.caps().mutates_content {
            return Ok(sent);
        }
        let at = locate(path, entry);
        let stream = self.root().read(&at, entry, 0, entry.size).await?;
        Ok(collect(stream).await?)
    }

    /// The entry at `path`, by path alone; it must be there.
    pub(super) async fn entry(&self, path: &RelPath) -> Result<Entry, Stop> {
        match self.root().stat(&path.clone().into()).await? {
            Some(entry) => Ok(entry),
            None => Err(Stop::broken(format!("stat says {path:?} is absent"))),
        }
    }

    /// All bytes at `path`, which must be there.
    pub(super) async fn bytes_at(&self, path: &RelPath) -> Result<Bytes, Stop> {
        let entry = self.entry(path).await?;
        let at = locate(path, &entry);
        let bytes = collect(self.root().read(&at, &entry, 0, entry.size).await?).await?;
        check!(
            bytes.len() as u64 == entry.size,
            "{path:?} has {} bytes and its entry says {}",
            bytes.len(),
            entry.size
        );
        Ok(bytes)
    }

    /// Checks that exactly `bytes` lie at `path`.
    pub(super) async fn holds(&self, path: &RelPath, bytes: &[u8]) -> Outcome {
        let found = self.bytes_at(path).await?;
        check!(found == bytes, "{path:?} holds {}", differ(&found, bytes));
        Ok(())
    }

    /// Checks that the file is there as it was put.
    pub(super) async fn untouched(&self, placed: &Placed) -> Outcome {
        self.holds(&placed.path, &placed.bytes).await?;
        let revision = self.entry(&placed.path).await?.revision;
        check!(
            revision == placed.entry.revision,
            "{:?} has another revision: {revision:?}, it was {:?}",
            placed.path,
            placed.entry.revision
        );
        Ok(())
    }

    /// Checks that nothing is at `path`, by `stat` and by listing.
    pub(super) async fn nothing_at(&self, path: &RelPath) -> Outcome {
        let found = self.root().stat(&path.clone().into()).await?;
        check!(found.is_none(), "{path:?} should be absent: {found:?}");
        let folder = path.parent().unwrap_or_else(RelPath::root);
        self.listed(&folder, Depth::Children, |tree| {
            tree.none_at(path)
                .map_err(|what| format!("listing: {what}"))
        })
        .await
        .map(drop)
    }

    /// A listing that satisfies `wanted`: at once, or in time where listings may lag behind.
    pub(super) async fn listed(
        &self,
        folder: &RelPath,
        depth: Depth,
        wanted: impl Fn(&Tree) -> Result<(), String> + Send + Sync,
    ) -> Result<Tree, Stop> {
        let tries = match self.caps().listing {
            ListingConsistency::Strong => 1,
            ListingConsistency::Eventual => 40,
        };
        let mut last = String::new();
        for nth in 0..tries {
            if nth > 0 {
                self.pause(Duration::from_millis(50 * nth)).await;
            }
            let tree = self.list(folder, depth).await?;
            match wanted(&tree) {
                Ok(()) => return Ok(tree),
                Err(what) => last = what,
            }
        }
        Err(Stop::broken(format!("{folder:?} lists wrongly: {last}")))
    }

    /// A listing that must succeed. Where folders are implied, one without anything in it may be gone.
    pub(super) async fn list(&self, folder: &RelPath, depth: Depth) -> Result<Tree, Stop> {
        match try_list(self.root(), folder, depth).await? {
            Err(error) if error.cause == Cause::NotFound && self.subject.flat => {
                Ok(Tree::default())
            }
            other => Ok(other?),
        }
    }

    /// Somebody else writes `bytes` at `path`. Gives them as they lie there.
    pub(super) async fn outsider_puts(
        &self,
        path: &RelPath,
        bytes: impl Into<Bytes>,
    ) -> Result<Bytes, Stop> {
        let bytes = bytes.into();
        self.tick().await;
        match &self.subject.outsider {
            Some(outsider) => outsider
                .put(path.as_str(), &bytes)
                .await
                .map_err(|error| Stop::broken(format!("the outsider failed: {error}")))?,
            None => {
                self.parents_of(path).await?;
                let rival = self.reopened().await;
                let body = Body::honest(bytes.clone());
                let meta = Meta::default();
                write(&*rival, path, body, &meta, Expected::Any, Keep::No).await?;
            }
        }
        self.tick().await;
        if !self.caps().mutates_content {
            return Ok(bytes);
        }
        self.bytes_at(path).await
    }

    /// Somebody else removes the file at `path`.
    pub(super) async fn outsider_removes(&self, path: &RelPath) -> Outcome {
        match &self.subject.outsider {
            Some(outsider) => outsider
                .remove(path.as_str())
                .await
                .map_err(|error| Stop::broken(format!("the outsider failed: {error}"))),
            None => {
                let rival = self.reopened().await;
                let entry = self.entry(path).await?;
                let at = locate(path, &entry);
                let how = tandem_core::storage::Discard::Forever;
                rival.delete(&at, &Expected::Any, &Keep::No, how).await?;
                Ok(())
            }
        }
    }

    /// Everything a kept version holds.
    pub(super) async fn version(&self, key: &VersionKey) -> Result<Bytes, Stop> {
        let stream = self.root().read_version(key, 0, u64::MAX).await?;
        Ok(collect(stream).await?)
    }

    /// Waits until `done` says so; fails with its last answer after about `patience`.
    pub(super) async fn until<F>(
        &self,
        patience: Duration,
        mut done: impl FnMut() -> F + Send,
    ) -> Outcome
    where
        F: Future<Output = Result<Result<(), String>, Stop>> + Send,
    {
        let step = patience / 100;
        let mut last = String::new();
        for _ in 0..100 {
            match done().await? {
                Ok(()) => return Ok(()),
                Err(what) => last = what,
            }
            self.pause(step).await;
        }
        Err(Stop::broken(last))
    }
}

/// Runs all of them at once.
pub(super) async fn at_once<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    join_all(futures).await
}

/// Does `work`, and `look` again and again for as long as that goes on.
pub(super) async fn beside<T, F>(
    work: impl Future<Output = T>,
    mut look: impl FnMut() -> F,
) -> Result<T, Stop>
where
    F: Future<Output = Outcome>,
{
    let ended = AtomicBool::new(false);
    let work = async {
        let output = work.await;
        ended.store(true, Ordering::SeqCst);
        output
    };
    let looking = async {
        loop {
            look().await?;
            if ended.load(Ordering::SeqCst) {
                return Ok(());
            }
            yield_now().await;
        }
    };
    let (output, looked): (T, Outcome) = join(work, looking).await;
    looked.map(|()| output)
}

/// How two contents differ, in a few words.
pub(super) fn differ(found: &[u8], wanted: &[u8]) -> String {
    let first = found.iter().zip(wanted).position(|(a, b)| a != b);
    let at = first.unwrap_or_else(|| found.len().min(wanted.len()));
    format!(
        "{} bytes where {} were put; the first difference is at {at}",
        found.len(),
        wanted.len()
    )
}

/// Whether an error says that an expectation did not hold.
pub(super) fn is_refusal(error: &StorageError) -> bool {
    error.is_lost_race() && !error.is_transient()
}

/// A future that is dropped after it was polled so many times. Gives `None` if it was not done by then.
pub(super) struct DroppedAfter<F> {
    future: Option<Pin<Box<F>>>,
    polls: usize,
}

impl<F: Future> DroppedAfter<F> {
    pub(super) fn new(polls: usize, future: F) -> Self {
        Self {
            future: Some(Box::pin(future)),
            polls,
        }
    }
}

impl<F: Future> Future for DroppedAfter<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.polls == 0 {
            self.future = None;
        }
        self.polls = self.polls.saturating_sub(1);
        match self.future.as_mut().map(|future| future.as_mut().poll(cx)) {
            None => Poll::Ready(None),
            Some(Poll::Ready(output)) => Poll::Ready(Some(output)),
            Some(Poll::Pending) if self.polls == 0 => {
                self.future = None;
                Poll::Ready(None)
            }
            Some(Poll::Pending) => Poll::Pending,
        }
    }
}
