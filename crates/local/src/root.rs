//! A folder on this computer's disk as a [`Root`].

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tandem_core::capabilities::{Capabilities, CaseRule};
use tandem_core::content::{ByteStream, SharedContent};
use tandem_core::entry::{Entry, Revision};
use tandem_core::environment::SharedEnvironment;
use tandem_core::error::{Cause, Result};
use tandem_core::path::RelPath;
use tandem_core::storage::{
    Commit, Committed, Cursor, Deleted, Depth, Discard, Displaced, Expected, Hint, Keep,
    ListingStream, Locator, Meta, ResumeSink, ResumeToken, Root, RootIdentity, Staged, Version,
    VersionKey, WatchCoverage,
};
use tandem_core::time::Timestamp;
use tokio::runtime::Handle;

use crate::disk::{Disk, is_reserved, lock};
use crate::errors::Context;
use crate::health::Pulse;
use crate::observed::{entry_of, look, root_name};
use crate::probe::Traits;
use crate::relocate::Move;
use crate::storage::Options;
use crate::sys::Features;
use crate::watch::Watch;
use crate::{
    commit, discard, duplicate, durable, folders, identity, metadata, probe, read, remove, scan,
    stage, versions,
};

/// A folder on this computer's disk. It need not exist when this is made; what does is found out when it
/// is first used.
pub struct LocalRoot {
    disk: Arc<Disk>,
    capabilities: Capabilities,
    watch: Mutex<Option<Arc<Watch>>>,
    most_watches: Option<u64>,
    pulse: Arc<Pulse>,
}

impl std::fmt::Debug for LocalRoot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("LocalRoot").field(&self.disk.path).finish()
    }
}

impl LocalRoot {
    pub(crate) fn new(
        path: &Path,
        options: Options,
        environment: SharedEnvironment,
        pulse: Arc<Pulse>,
    ) -> Self {
        let features = options.portable.then_some(Features::PORTABLE);
        let disk = Disk::new(path, features, environment);
        let traits = match disk.anchor() {
            Ok(anchor) => {
                let known = features.unwrap_or_else(|| anchor.folder.known_features());
                Traits::of(&anchor.folder, known)
            }
            Err(_) => Traits::usual(features.unwrap_or(Features::ALL)),
        };
        Self {
            capabilities: probe::capabilities(traits),
            disk: Arc::new(disk),
            watch: Mutex::new(None),
            most_watches: options.most_watches,
            pulse,
        }
    }

    /// The absolute path of the folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.disk.path
    }

    /// Runs what waits for the disk beside the threads on which everybody else waits for each other. Dropping the
    /// answer lets it go on to its end: it is never stopped between two steps.
    async fn aside<T: Send + 'static>(&self, work: impl FnOnce(&Disk) -> T + Send + 'static) -> T {
        let Ok(runtime) = Handle::try_current() else {
            return work(&self.disk);
        };
        let disk = self.disk.clone();
        match runtime.spawn_blocking(move || work(&disk)).await {
            Ok(answer) => answer,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The program ends; whoever waits here ends with it.
                Err(_) => std::future::pending().await,
            },
        }
    }

    /// Lets tests come between two steps.
    #[cfg(test)]
    pub(crate) const fn disk(&self) -> &Arc<Disk> {
        &self.disk
    }

    fn watching(&self) -> Result<Arc<Watch>> {
        let mut watch = lock(&self.watch);
        if let Some(watch) = &*watch {
            return Ok(watch.clone());
        }
        let started = Arc::new(Watch::start(&self.disk, self.most_watches)?);
        *watch = Some(started.clone());
        Ok(started)
    }

    fn entry_at(&self, path: &RelPath) -> Result<Option<Entry>> {
        const STAT: &str = "stat";
        if path.is_root() {
            let anchor = self
                .disk
                .anchor()
                .map_err(|error| identity::not_opened(&self.disk, error))?;
            return Ok(Some(entry_of(root_name(), &anchor.stat, None)));
        }
        if is_reserved(path) {
            return Ok(None);
        }
        let place = match self.disk.place(STAT, path) {
            Ok(place) => place,
            // The folder that would hold it is none.
            Err(error) if error.cause == Cause::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let found = look(&place.folder, &place.name).context(STAT, path)?;
        Ok(found.map(|(_, entry)| entry))
    }
}

#[async_trait]
impl Root for LocalRoot {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn identity(&self, create: bool) -> Result<RootIdentity> {
        let held = self.disk.anchor().ok();
        let found = identity::identity(&self.disk, create);
        let now = self.disk.anchor().ok();
        let same = matches!((&held, &now), (Some(a), Some(b)) if a.stat.is_same_file(&b.stat));
        if !same {
            // The watches are on another folder; the next wait places new ones.
            *lock(&self.watch) = None;
        }
        self.pulse.hear(found)
    }

    fn list(&self, folder: &RelPath, depth: Depth) -> ListingStream {
        scan::list(self.disk.clone(), folder.clone(), depth)
    }

    async fn stat(&self, at: &Locator) -> Result<Option<Entry>> {
        self.pulse.hear(self.entry_at(&at.path))
    }

    async fn wait(&self, _: Option<&Cursor>, deadline: Duration) -> Result<Vec<Hint>> {
        let watch = self.watching()?;
        let heard = watch.wait(&self.disk, deadline).await;
        if heard.is_err() {
            *lock(&self.watch) = None;
        }
        heard
    }

    fn watch_coverage(&self) -> Option<WatchCoverage> {
        lock(&self.watch).as_ref()?.coverage()
    }

    async fn read(
        &self,
        at: &Locator,
        entry: &Entry,
        offset: u64,
        length: u64,
    ) -> Result<ByteStream> {
        self.pulse
            .hear(read::read(&self.disk, &at.path, entry, offset, length))
    }

    async fn stage(
        &self,
        target: &RelPath,
        content: SharedContent,
        meta: &Meta,
        resume: Option<&ResumeToken>,
        sink: Arc<dyn ResumeSink>,
    ) -> Result<Staged> {
        let staged = stage::stage(&self.disk, target, content, meta, resume, sink).await;
        self.pulse.hear(staged)
    }

    async fn commit(&self, group: Vec<Commit>) -> Vec<Result<Committed>> {
        let done = self.aside(move |disk| commit::commit(disk, &group));
        let answers = done.await.into_iter();
        answers.map(|answer| self.pulse.hear(answer)).collect()
    }

    async fn settle(&self) -> Result<()> {
        self.pulse.hear(self.aside(commit::settle).await)
    }

    async fn make_durable(&self, files: &[(RelPath, Revision)]) -> Result<()> {
        let files = files.to_vec();
        let done = self.aside(move |disk| durable::make_durable(disk, &files));
        self.pulse.hear(done.await)
    }

    async fn discard(&self, token: &ResumeToken) -> Result<()> {
        self.pulse.hear(discard::discard(&self.disk, token))
    }

    async fn create_folder(&self, path: &RelPath) -> Result<Entry> {
        self.pulse.hear(folders::create(&self.disk, path))
    }

    async fn move_to(
        &self,
        from: &Locator,
        expected: &Expected,
        to: &RelPath,
        expected_to: &Expected,
        keep: &Keep,
    ) -> Result<Committed> {
        const MOVE: &str = "move_to";
        let moved = Move {
            disk: &self.disk,
            from: self.disk.place(MOVE, &from.path)?,
            expected,
            to: self.disk.place(MOVE, to)?,
            expected_to,
            keep,
            folds_case: self.capabilities.case == CaseRule::Insensitive,
        }
        .run();
        self.pulse.hear(moved)
    }

    async fn copy(
        &self,
        from: &Locator,
        expected: &Expected,
        to: &RelPath,
        expected_to: &Expected,
        keep: &Keep,
    ) -> Result<Committed> {
        let (from, expected) = (from.path.clone(), expected.clone());
        let (to, expected_to, keep) = (to.clone(), expected_to.clone(), keep.clone());
        let copied = self
            .aside(move |disk| duplicate::copy(disk, &from, &expected, &to, &expected_to, &keep));
        self.pulse.hear(copied.await)
    }

    async fn delete(
        &self,
        at: &Locator,
        expected: &Expected,
        keep: &Keep,
        how: Discard,
    ) -> Result<Deleted> {
        self.pulse
            .hear(remove::delete(&self.disk, &at.path, expected, keep, how))
    }

    async fn set_meta(&self, at: &Locator, expected: &Expected, meta: &Meta) -> Result<Entry> {
        self.pulse
            .hear(metadata::set(&self.disk, &at.path, expected, meta))
    }

    async fn versions(&self, path: Option<&RelPath>) -> Result<Vec<Version>> {
        let path = path.cloned();
        let found = self.aside(move |disk| versions::list(disk, path.as_ref()));
        self.pulse.hear(found.await)
    }

    fn written_since(&self) -> Vec<Displaced> {
        self.disk.held.take_written()
    }

    async fn stat_version(&self, key: &VersionKey) -> Result<Option<Entry>> {
        self.pulse.hear(versions::stat(&self.disk, key))
    }

    async fn read_version(&self, key: &VersionKey, offset: u64, length: u64) -> Result<ByteStream> {
        self.pulse
            .hear(read::read_version(&self.disk, key, offset, length))
    }

    async fn restore_version(
        &self,
        key: &VersionKey,
        to: &RelPath,
        expected: &Expected,
    ) -> Result<Committed> {
        let (key, to, expected) = (key.clone(), to.clone(), expected.clone());
        let restored = self.aside(move |disk| duplicate::restore(disk, &key, &to, &expected));
        self.pulse.hear(restored.await)
    }

    async fn prune_version(&self, key: &VersionKey) -> Result<()> {
        self.pulse.hear(versions::prune(&self.disk, key))
    }

    async fn leftovers(&self) -> Result<Vec<(ResumeToken, Timestamp)>> {
        self.pulse.hear(discard::leftovers(&self.disk))
    }

    async fn free_space(&self) -> Result<Option<u64>> {
        let root = RelPath::root();
        let space = self
            .disk
            .anchor()
            .and_then(|anchor| anchor.folder.space())
            .context("free_space", &root);
        self.pulse.hear(space.map(|space| Some(space.free)))
    }
}
