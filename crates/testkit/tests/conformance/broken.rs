//! An honest root, broken in one way: what a provider gets wrong, done on purpose.

mod bodies;
mod faults;
mod listings;
mod writes;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use tandem_core::capabilities::Capabilities;
use tandem_core::content::{ByteStream, SharedContent};
use tandem_core::entry::{Entry, Kind, NativeId, Revision};
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::RelPath;
use tandem_core::storage::{
    Change, Changes, Commit, Committed, Cursor, Deleted, Depth, Discard, Expected, Hint, Identity,
    Keep, ListingStream, Locator, Meta, ResumeSink, ResumeToken, Root, RootIdentity, Staged,
    Unheard, Version, VersionKey,
};

pub(crate) use faults::{BEYOND, CAUGHT, Fault};

/// A root with one fault.
pub(crate) struct Broken {
    inner: Arc<dyn Root>,
    fault: Fault,
    capabilities: Capabilities,
    made: AtomicU64,
    sent: Mutex<Vec<(ResumeToken, Bytes)>>,
}

fn fail<T>(operation: &'static str, cause: Cause) -> Result<T> {
    Err(StorageError::new(operation, cause, "broken on purpose"))
}

impl Broken {
    pub(crate) fn over(inner: Arc<dyn Root>, fault: Fault) -> Arc<dyn Root> {
        if fault == Fault::None {
            return inner;
        }
        let mut capabilities = inner.capabilities().clone();
        if fault == Fault::Undeclares {
            capabilities.server_copy = false;
            capabilities.feed = false;
            capabilities.folder_move = false;
        }
        Arc::new(Self {
            inner,
            fault,
            capabilities,
            made: AtomicU64::new(0),
            sent: Mutex::default(),
        })
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn denied(&self, operation: &'static str) -> Result<()> {
        match self.fault {
            Fault::Denies(cause) => fail(operation, cause),
            _ => Ok(()),
        }
    }

    /// The expectation that is passed on.
    fn told(&self, fault: Fault, expected: &Expected) -> Expected {
        if self.has(fault) {
            return Expected::Any;
        }
        expected.clone()
    }

    fn shown(&self, mut entry: Entry) -> Entry {
        match self.fault {
            Fault::WrongHashes => {
                for hash in &mut entry.hashes {
                    hash.value[0] ^= 1;
                }
            }
            Fault::ForgetsHashes => entry.hashes.clear(),
            Fault::ShiftsTimes => {
                entry.mtime = entry.mtime.map(|mut mtime| {
                    mtime.at = mtime.at.plus(5_000_000_000);
                    mtime
                });
            }
            Fault::ReusesIds => entry.id = Some(NativeId::Text(entry.name.as_str().into())),
            Fault::ForgetsExecutable => entry.executable = Some(false),
            Fault::CoarseRevisions => {
                entry.revision = Revision::Tag(entry.size.to_string().into());
            }
            _ => {}
        }
        entry
    }

    /// The place that is passed on.
    fn place(&self, at: &Locator) -> Locator {
        match self.fault {
            Fault::ReusesIds => Locator::of_path(at.path.clone()),
            Fault::FollowsLinks | Fault::FoldsCase => Locator {
                path: self.aim(&at.path),
                id: at.id.clone(),
            },
            _ => at.clone(),
        }
    }

    /// The path that is passed on.
    fn aim(&self, path: &RelPath) -> RelPath {
        let text = path.as_str();
        let text = match self.fault {
            Fault::TrimsNames => text.trim_end().to_owned(),
            Fault::FoldsCase => text.to_lowercase(),
            Fault::FollowsLinks => text.replacen("link/", "folder/", 1),
            Fault::CutsNames if text.is_ascii() => text.chars().take(255).collect(),
            _ => return path.clone(),
        };
        RelPath::new(&text).unwrap_or_else(|_| path.clone())
    }

    /// Where a move or a copy ends up.
    fn landing(&self, to: &RelPath) -> RelPath {
        let text = match self.fault {
            Fault::TrimsMovedNames => to.as_str().trim_end(),
            _ => to.as_str(),
        };
        RelPath::new(text).unwrap_or_else(|_| to.clone())
    }

    /// The answer to a move or a copy, which is sure of the name.
    fn landed(&self, to: &RelPath, answer: Result<Committed>) -> Result<Committed> {
        let mut done = self.done(answer)?;
        if let Some(name) = to.name().filter(|_| self.has(Fault::TrimsMovedNames)) {
            done.entry.name = name;
        }
        Ok(done)
    }

    fn done(&self, answer: Result<Committed>) -> Result<Committed> {
        answer.map(|done| Committed {
            entry: self.shown(done.entry),
            ..done
        })
    }
}

#[async_trait]
impl Root for Broken {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn identity(&self, create: bool) -> Result<RootIdentity> {
        self.denied("identity")?;
        if self.has(Fault::NewIdentityEachTime) {
            let nth = self.made.fetch_add(1, Ordering::SeqCst);
            return Ok(RootIdentity {
                identity: Identity::Marker(nth.to_string()),
                volume: None,
            });
        }
        if self.has(Fault::OneIdentityForAll) {
            return Ok(RootIdentity {
                identity: Identity::Marker("root".into()),
                volume: None,
            });
        }
        self.inner.identity(create).await
    }

    async fn cursor(&self) -> Result<Cursor> {
        self.inner.cursor().await
    }

    fn list(&self, folder: &RelPath, depth: Depth) -> ListingStream {
        if let Err(error) = self.denied("list") {
            return Box::pin(stream::iter([Err(error)]));
        }
        let showing = Arc::new(Self {
            inner: Arc::clone(&self.inner),
            fault: self.fault,
            capabilities: self.capabilities.clone(),
            made: AtomicU64::new(0),
            sent: Mutex::default(),
        });
        let listing = self.inner.list(folder, depth);
        listings::mistreated(listing, folder, self.fault, move |entry| {
            showing.shown(entry)
        })
    }

    async fn stat(&self, at: &Locator) -> Result<Option<Entry>> {
        self.denied("stat")?;
        let found = self.inner.stat(&self.place(at)).await?;
        Ok(found.map(|entry| self.shown(entry)))
    }

    async fn changes(&self, cursor: &Cursor) -> Result<Changes> {
        let told = self.inner.changes(cursor).await;
        match (self.fault, told) {
            (Fault::TakesAnyCursor, Err(_)) => Ok(Changes {
                changes: Vec::new(),
                cursor: cursor.clone(),
                more: false,
            }),
            (Fault::FeedForgetsRemovals, Ok(mut told)) => {
                told.changes
                    .retain(|change| !matches!(change, Change::Removed { .. }));
                Ok(told)
            }
            (Fault::FeedForgetsEdits, Ok(mut told)) => {
                told.changes.retain(|change| {
                    !matches!(change, Change::Upsert { entry, .. } if entry.name.as_str() == "edited")
                });
                Ok(told)
            }
            (_, told) => told,
        }
    }

    async fn wait(&self, cursor: Option<&Cursor>, deadline: Duration) -> Result<Vec<Hint>> {
        let hints = self.inner.wait(cursor, deadline).await?;
        Ok(if self.has(Fault::NeverHints) {
            Vec::new()
        } else {
            hints
        })
    }

    async fn read(
        &self,
        at: &Locator,
        entry: &Entry,
        offset: u64,
        length: u64,
    ) -> Result<ByteStream> {
        self.denied("read")?;
        let at = self.place(at);
        match self.fault {
            Fault::IgnoresRanges => self.inner.read(&at, entry, 0, u64::MAX).await,
            Fault::ReadsWhatIsThere => {
                let now = self.inner.stat(&at).await?;
                let entry = now.as_ref().unwrap_or(entry);
                self.inner.read(&at, entry, offset, length).await
            }
            Fault::MixesRevisions => {
                let end = offset.saturating_add(length).min(entry.size);
                bodies::piecewise(Arc::clone(&self.inner), at, offset, end)
            }
            _ => self.inner.read(&at, entry, offset, length).await,
        }
    }

    async fn stage(
        &self,
        target: &RelPath,
        content: SharedContent,
        meta: &Meta,
        resume: Option<&ResumeToken>,
        sink: Arc<dyn ResumeSink>,
    ) -> Result<Staged> {
        self.denied("stage")?;
        let target = self.aim(target);
        let mut content = content;
        let mut sink = sink;
        match self.fault {
            Fault::TakesAnyLength => content = bodies::as_it_comes(content).await?,
            Fault::ProgressStopsShort => sink = Arc::new(bodies::Mumbling(sink)),
            Fault::BeginsAnew => {
                return self.inner.stage(&target, content, meta, None, sink).await;
            }
            Fault::MixesOnResume => {
                content = bodies::mixed(&self.sent, content, resume, &*sink).await?;
                let sink = Arc::new(Unheard);
                let mut staged = self.inner.stage(&target, content, meta, None, sink).await?;
                let claimed = tandem_core::entry::ContentHash::blake3([7; 32]);
                staged.hashes = vec![claimed];
                return Ok(staged);
            }
            Fault::MakesParents => {
                if let Some(parent) = target.parent().filter(|parent| !parent.is_root()) {
                    self.inner.create_folder(&parent).await?;
                }
            }
            Fault::ShowsStaged => {
                let bytes = bodies::all(&content).await?;
                self.put(&target, bytes, Expected::Any).await?;
            }
            _ => {}
        }
        let bytes = match self.fault {
            Fault::ShowsHalf => Some(bodies::all(&content).await?),
            _ => None,
        };
        let staged = self
            .inner
            .stage(&target, content, meta, resume, sink)
            .await?;
        if let Some(bytes) = bytes {
            let mut sent = self.sent.lock().expect("not poisoned");
            sent.push((staged.token.clone(), bytes));
        }
        Ok(staged)
    }

    async fn commit(&self, group: Vec<Commit>) -> Vec<Result<Committed>> {
        let mut answers = Vec::with_capacity(group.len());
        for member in group {
            let failed = answers.iter().any(Result::is_err);
            if self.has(Fault::GroupStops) && failed {
                answers.push(fail("commit", Cause::Cancelled));
            } else {
                answers.push(self.commit_one(member).await);
            }
        }
        if self.has(Fault::AnswersBackwards) {
            answers.reverse();
        }
        answers
    }

    async fn settle(&self) -> Result<()> {
        self.inner.settle().await
    }

    async fn discard(&self, token: &ResumeToken) -> Result<()> {
        match self.fault {
            Fault::DiscardsNothing => Ok(()),
            _ => self.inner.discard(token).await,
        }
    }

    async fn create_folder(&self, path: &RelPath) -> Result<Entry> {
        let made = self.inner.create_folder(path).await;
        if self.has(Fault::FolderMustBeNew) && self.made.fetch_add(1, Ordering::SeqCst) > 0 {
            return fail("create_folder", Cause::AlreadyExists);
        }
        made.map(|entry| self.shown(entry))
    }

    async fn move_to(
        &self,
        from: &Locator,
        expected: &Expected,
        to: &RelPath,
        expected_to: &Expected,
        keep: &Keep,
    ) -> Result<Committed> {
        let expected = self.told(Fault::MovesAnything, expected);
        let expected_to = self.told(Fault::MovesOntoAnything, expected_to);
        let from = self.place(from);
        if self.has(Fault::MovesByCopy) {
            let done = self
                .inner
                .copy(&from, &expected, to, &expected_to, keep)
                .await?;
            let how = Discard::Forever;
            self.inner.delete(&from, &expected, &Keep::No, how).await?;
            return Ok(done);
        }
        let done = self
            .inner
            .move_to(&from, &expected, &self.landing(to), &expected_to, keep)
            .await;
        self.landed(to, done)
    }

    async fn copy(
        &self,
        from: &Locator,
        expected: &Expected,
        to: &RelPath,
        expected_to: &Expected,
        keep: &Keep,
    ) -> Result<Committed> {
        let expected_to = self.told(Fault::CopiesOntoAnything, expected_to);
        let from = self.place(from);
        let landing = self.landing(to);
        let done = self
            .inner
            .copy(&from, expected, &landing, &expected_to, keep);
        self.landed(to, done.await)
    }

    async fn delete(
        &self,
        at: &Locator,
        expected: &Expected,
        keep: &Keep,
        how: Discard,
    ) -> Result<Deleted> {
        self.denied("delete")?;
        let at = self.place(at);
        match self.fault {
            Fault::GoneIsAnError if self.inner.stat(&at).await?.is_none() => {
                return fail("delete", Cause::NotFound);
            }
            Fault::DeletesFullFolders => {
                let entry = self.inner.stat(&at).await?;
                if entry.is_some_and(|entry| entry.kind == Kind::Folder) {
                    for (path, _) in self.everything_below(&at.path).await? {
                        let (below, any) = (path.into(), Expected::Any);
                        self.inner.delete(&below, &any, &Keep::No, how).await?;
                    }
                    return self.inner.delete(&at, &Expected::Any, keep, how).await;
                }
            }
            Fault::TrashForever => {
                let done = self
                    .inner
                    .delete(&at, expected, &Keep::No, Discard::Forever);
                return done.await;
            }
            _ => {}
        }
        let expected = self.told(Fault::DeletesAnything, expected);
        self.inner.delete(&at, &expected, keep, how).await
    }

    async fn set_meta(&self, at: &Locator, expected: &Expected, meta: &Meta) -> Result<Entry> {
        let expected = self.told(Fault::SetsOnAnything, expected);
        let entry = self
            .inner
            .set_meta(&self.place(at), &expected, meta)
            .await?;
        Ok(self.shown(entry))
    }

    async fn versions(&self, path: Option<&RelPath>) -> Result<Vec<Version>> {
        let mut all = self.inner.versions(path).await?;
        match self.fault {
            Fault::VersionsOldestFirst => all.reverse(),
            Fault::VersionsOfEverything => all = self.inner.versions(None).await?,
            _ => {}
        }
        Ok(all)
    }

    async fn read_version(&self, key: &VersionKey, offset: u64, length: u64) -> Result<ByteStream> {
        if self.has(Fault::IgnoresVersionRanges) {
            return self.inner.read_version(key, 0, u64::MAX).await;
        }
        self.inner.read_version(key, offset, length).await
    }

    async fn restore_version(
        &self,
        key: &VersionKey,
        to: &RelPath,
        expected: &Expected,
    ) -> Result<Committed> {
        let expected = self.told(Fault::RestoresOverAnything, expected);
        let done = self.inner.restore_version(key, to, &expected).await;
        self.done(done)
    }

    async fn prune_version(&self, key: &VersionKey) -> Result<()> {
        match self.fault {
            Fault::PrunesNothing => Ok(()),
            _ => self.inner.prune_version(key).await,
        }
    }

    async fn leftovers(&self) -> Result<Vec<(ResumeToken, tandem_core::time::Timestamp)>> {
        self.inner.leftovers().await
    }

    async fn free_space(&self) -> Result<Option<u64>> {
        self.inner.free_space().await
    }
}
