//! The root of a simulated storage: the contract's operations, each handed to the file that owns it.
//! Invariant: a watch reports what happened since the call before, for this handle alone.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use tandem_core::capabilities::{Capabilities, Ids};
use tandem_core::content::{ByteStream, SharedContent};
use tandem_core::entry::{Entry, Kind, Revision};
use tandem_core::environment::Environment;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::RelPath;
use tandem_core::storage::{
    Changes, Commit, Committed, Cursor, Deleted, Depth, Discard, Displaced, Expected, Hint,
    Identity, Keep, ListingStream, Locator, Meta, ResumeSink, ResumeToken, Root, RootIdentity,
    Staged, Version, VersionKey,
};
use tandem_core::time::Timestamp;

use super::edit::Edit;
use super::environment::yield_now;
use super::faults::Fault;
use super::lock;
use super::relocate::Relocation;
use super::state::{State, floor};
use super::storage::SimStorage;
use super::tree::Serial;
use super::write::fail;

/// The one root of a [`SimStorage`], which it gives access to.
#[derive(Debug)]
pub struct SimRoot {
    storage: SimStorage,
    watched: Mutex<Option<usize>>,
}

impl Deref for SimRoot {
    type Target = SimStorage;
    fn deref(&self) -> &SimStorage {
        &self.storage
    }
}

impl SimRoot {
    pub(super) const fn new(storage: SimStorage) -> Self {
        Self {
            storage,
            watched: Mutex::new(None),
        }
    }

    /// The hints since the last call, if there are any.
    fn news(&self, cursor: Option<&Cursor>) -> Vec<Hint> {
        let mut state = self.storage.state();
        let len = state.log.len();
        let before = lock(&self.watched).replace(len);
        let since_call = before.is_some_and(|before| before < len);
        let since_cursor = cursor.is_some_and(|cursor| state.has_news(cursor));
        if state.shape.capabilities.feed {
            let news = since_call || (before.is_none() && since_cursor);
            return if news { state.hints(len) } else { Vec::new() };
        }
        before.map_or_else(Vec::new, |before| state.hints(before))
    }

    fn unsupported_unless(&self, offered: bool, operation: &'static str) -> Result<()> {
        if offered {
            return Ok(());
        }
        Err(StorageError::new(operation, Cause::Unsupported, ""))
    }
}

#[async_trait]
impl Root for SimRoot {
    fn capabilities(&self) -> &Capabilities {
        self.storage.capabilities()
    }

    async fn identity(&self, create: bool) -> Result<RootIdentity> {
        let path = RelPath::root();
        self.storage.begin("identity", &path).await?;
        let made = self.storage.environment().random();
        let mut state = self.storage.state();
        let habits = &state.shape.habits;
        let (marker, volume) = (habits.marker, habits.volume.clone());
        let identity = if self.capabilities().ids == Ids::Strong {
            Identity::Native(format!("root-{:016x}", state.root_id))
        } else if !marker {
            Identity::Weak
        } else {
            if state.marker.is_none() && create {
                state.before_change();
                state.marker = Some(format!("{made:016x}"));
            }
            state
                .marker
                .clone()
                .map_or(Identity::Weak, Identity::Marker)
        };
        drop(state);
        self.storage.note("identity", &path, "ok");
        Ok(RootIdentity { identity, volume })
    }

    async fn cursor(&self) -> Result<Cursor> {
        self.unsupported_unless(self.capabilities().feed, "cursor")?;
        self.storage.begin("cursor", &RelPath::root()).await?;
        Ok(self.storage.state().log.cursor())
    }

    fn list(&self, folder: &RelPath, depth: Depth) -> ListingStream {
        self.storage.listing(folder, depth)
    }

    async fn stat(&self, at: &Locator) -> Result<Option<Entry>> {
        self.storage.begin("stat", &at.path).await?;
        let entry = {
            let state = self.storage.state();
            match state.resolve(at, &Expected::Any) {
                Some(serial) if state.is_hidden(serial) => None,
                Some(serial) if state.is_lost(serial) || state.is_shut_above(serial) => {
                    return Err(fail("stat", Cause::Forbidden, &at.path));
                }
                Some(serial) => state.entry(serial),
                None => None,
            }
        };
        let word = if entry.is_some() { "there" } else { "absent" };
        self.storage.note("stat", &at.path, word);
        yield_now().await;
        Ok(entry)
    }

    async fn changes(&self, cursor: &Cursor) -> Result<Changes> {
        self.unsupported_unless(self.capabilities().feed, "changes")?;
        let root = RelPath::root();
        self.storage.begin("changes", &root).await?;
        let batch = self.storage.state().batch(cursor);
        let word = batch.as_ref().map_or_else(|cause| cause.name(), |_| "ok");
        self.storage.note("changes", &root, word);
        self.storage.window("changes", &root).await;
        batch.map_err(|cause| fail("changes", cause, &root))
    }

    async fn wait(&self, cursor: Option<&Cursor>, deadline: Duration) -> Result<Vec<Hint>> {
        self.unsupported_unless(self.capabilities().waiting, "wait")?;
        self.storage.begin("wait", &RelPath::root()).await?;
        let mut sleep = self.storage.environment().sleep(deadline);
        std::future::poll_fn(|context| {
            let news = self.news(cursor);
            if !news.is_empty() {
                return Poll::Ready(Ok(news));
            }
            if Pin::new(&mut sleep).poll(context).is_ready() {
                return Poll::Ready(Ok(Vec::new()));
            }
            self.storage.state().watchers.push(context.waker().clone());
            Poll::Pending
        })
        .await
    }

    async fn read(
        &self,
        at: &Locator,
        entry: &Entry,
        offset: u64,
        length: u64,
    ) -> Result<ByteStream> {
        self.storage.begin("read", &at.path).await?;
        let opened = self.storage.open(at, entry);
        let word = opened.as_ref().map_or_else(|e| e.cause.name(), |_| "ok");
        self.storage.note("read", &at.path, word);
        let (serial, revision, bytes) = opened?;
        let end = offset.saturating_add(length).min(bytes.len() as u64);
        let reading = Reading {
            storage: self.storage.clone(),
            path: at.path.clone(),
            watched: Some((serial, revision, bytes.clone())),
            len: bytes.len(),
            bytes: bytes.slice(offset.min(end) as usize..end as usize),
        };
        Ok(reading.into_stream())
    }

    async fn stage(
        &self,
        target: &RelPath,
        content: SharedContent,
        meta: &Meta,
        resume: Option<&ResumeToken>,
        sink: Arc<dyn ResumeSink>,
    ) -> Result<Staged> {
        self.storage.begin_write("stage", target).await?;
        let staged = self
            .storage
            .stage_content(target, content, meta, resume, &*sink)
            .await;
        self.storage.finish("stage", target, staged).await
    }

    async fn commit(&self, group: Vec<Commit>) -> Vec<Result<Committed>> {
        self.storage.commit_group(group).await
    }

    async fn settle(&self) -> Result<()> {
        self.storage.begin("settle", &RelPath::root()).await?;
        self.storage.flush_now("settle")
    }

    async fn make_durable(&self, files: &[(RelPath, Revision)]) -> Result<()> {
        if !self.storage.habits().volatile {
            return Ok(());
        }
        self.storage.begin("make_durable", &RelPath::root()).await?;
        let mut state = self.storage.state();
        if state.strikes(Fault::FailedFlush) {
            let why = "a flush failed";
            return Err(StorageError::new("make_durable", Cause::LocalIo, why));
        }
        for (path, revision) in files {
            for serial in state.tree.at(path) {
                if state.is_at(serial, revision) {
                    state.unflushed_edits.remove(&serial);
                }
            }
        }
        Ok(())
    }

    async fn discard(&self, token: &ResumeToken) -> Result<()> {
        self.storage.begin("discard", &RelPath::root()).await?;
        self.storage.drop_upload(token);
        Ok(())
    }

    async fn create_folder(&self, path: &RelPath) -> Result<Entry> {
        self.storage.begin_write("create_folder", path).await?;
        let made = {
            let mut state = self.storage.state();
            let rules = &state.shape.capabilities.names;
            match super::names::refusal(rules, path) {
                Some(why) => Err(StorageError::new("create_folder", Cause::NameRefused, why)),
                None => state
                    .make_folders("create_folder", path)
                    .and_then(|serial| {
                        let entry = state.entry(serial);
                        entry.ok_or_else(|| fail("create_folder", Cause::Other, path))
                    }),
            }
        };
        self.storage.finish("create_folder", path, made).await
    }

    async fn move_to(
        &self,
        from: &Locator,
        expected: &Expected,
        to: &RelPath,
        expected_to: &Expected,
        keep: &Keep,
    ) -> Result<Committed> {
        self.storage
            .relocate(Relocation {
                operation: "move_to",
                from,
                expected,
                to,
                expected_to,
                keep,
            })
            .await
    }

    async fn copy(
        &self,
        from: &Locator,
        expected: &Expected,
        to: &RelPath,
        expected_to: &Expected,
        keep: &Keep,
    ) -> Result<Committed> {
        self.unsupported_unless(self.capabilities().server_copy, "copy")?;
        self.storage
            .relocate(Relocation {
                operation: "copy",
                from,
                expected,
                to,
                expected_to,
                keep,
            })
            .await
    }

    async fn delete(
        &self,
        at: &Locator,
        expected: &Expected,
        keep: &Keep,
        how: Discard,
    ) -> Result<Deleted> {
        self.storage.delete_item(at, expected, keep, how).await
    }

    async fn set_meta(&self, at: &Locator, expected: &Expected, meta: &Meta) -> Result<Entry> {
        let capabilities = self.capabilities();
        let offered =
            self.storage.habits().sets_meta && (capabilities.mtime || capabilities.executable);
        self.unsupported_unless(offered, "set_meta")?;
        self.storage.begin("set_meta", &at.path).await?;
        let checked = self.storage.state().meta_target(at, expected);
        let outcome = match checked {
            Ok(_) => {
                self.storage.window("set_meta", &at.path).await;
                self.storage.state().set_meta(at, expected, meta)
            }
            Err(error) => Err(error),
        };
        self.storage.finish("set_meta", &at.path, outcome).await
    }

    async fn versions(&self, path: Option<&RelPath>) -> Result<Vec<Version>> {
        self.unsupported_unless(self.capabilities().versions, "versions")?;
        let root = RelPath::root();
        self.storage
            .begin("versions", path.unwrap_or(&root))
            .await?;
        Ok(self.storage.state().versions_of(path))
    }

    fn written_since(&self) -> Vec<Displaced> {
        std::mem::take(&mut self.storage.state().written_since)
    }

    async fn stat_version(&self, key: &VersionKey) -> Result<Option<Entry>> {
        self.storage.begin("stat_version", key.path()).await?;
        Ok(self.storage.state().kept_entry(key))
    }

    async fn read_version(&self, key: &VersionKey, offset: u64, length: u64) -> Result<ByteStream> {
        let path = key.path();
        self.storage.begin("read_version", path).await?;
        let bytes = {
            let state = self.storage.state();
            let kept = state.kept.get(key);
            let kept = kept.ok_or_else(|| fail("read_version", Cause::NotFound, path))?;
            kept.bytes().clone()
        };
        let end = offset.saturating_add(length).min(bytes.len() as u64);
        let reading = Reading {
            storage: self.storage.clone(),
            path: path.clone(),
            watched: None,
            len: bytes.len(),
            bytes: bytes.slice(offset.min(end) as usize..end as usize),
        };
        Ok(reading.into_stream())
    }

    async fn restore_version(
        &self,
        key: &VersionKey,
        to: &RelPath,
        expected: &Expected,
    ) -> Result<Committed> {
        self.storage.restore(key, to, expected).await
    }

    async fn prune_version(&self, key: &VersionKey) -> Result<()> {
        self.storage.begin("prune_version", key.path()).await?;
        let pruned = {
            let mut state = self.storage.state();
            state.before_change();
            state.prune(key)
        };
        self.storage
            .finish("prune_version", key.path(), pruned)
            .await
    }

    async fn leftovers(&self) -> Result<Vec<(ResumeToken, Timestamp)>> {
        self.storage.begin("leftovers", &RelPath::root()).await?;
        Ok(self.storage.own_uploads())
    }

    async fn free_space(&self) -> Result<Option<u64>> {
        self.storage.begin("free_space", &RelPath::root()).await?;
        let state = self.storage.state();
        let free = if state.full { 0 } else { 1 << 40 };
        Ok(self.capabilities().quota.then_some(free))
    }
}

impl State {
    /// The file or link that `set_meta` is to change.
    fn meta_target(&self, at: &Locator, expected: &Expected) -> Result<Serial> {
        let missing = || fail("set_meta", Cause::NotFound, &at.path);
        let serial = self.resolve(at, expected).ok_or_else(missing)?;
        let as_expected = match expected {
            Expected::Any => true,
            Expected::Absent => false,
            Expected::Revision(revision) => self.is_at(serial, revision),
        };
        if !as_expected {
            return Err(fail("set_meta", Cause::PreconditionFailed, &at.path));
        }
        if self.is_lost(serial) || self.is_shut_above(serial) {
            return Err(fail("set_meta", Cause::Forbidden, &at.path));
        }
        Ok(serial)
    }

    fn set_meta(&mut self, at: &Locator, expected: &Expected, meta: &Meta) -> Result<Entry> {
        // Without a condition nothing is lost either: content is not touched.
        let serial = self.meta_target(at, expected)?;
        let capabilities = &self.shape.capabilities;
        let (precision, sets_time) = (capabilities.mtime_precision, capabilities.mtime);
        let sets_bit = capabilities.executable;
        let Some(node) = self.tree.get(serial) else {
            return Err(fail("set_meta", Cause::NotFound, &at.path));
        };
        let mut body = node.body.clone();
        if let Some(mtime) = meta.mtime.filter(|_| sets_time) {
            body.mtime = Some(floor(mtime.at, precision));
            body.by_client = mtime.by_client;
        }
        if let Some(executable) = meta.executable.filter(|_| sets_bit) {
            body.executable = executable;
        }
        self.before_change();
        self.overwrite(serial, body, false);
        self.entry(serial)
            .ok_or_else(|| fail("set_meta", Cause::Other, &at.path))
    }
}

impl SimStorage {
    /// The bytes of exactly the revision that `entry` shows.
    fn open(&self, at: &Locator, entry: &Entry) -> Result<(Serial, Revision, Bytes)> {
        let state = self.state();
        let expected = Expected::Revision(entry.revision.clone());
        let serial = state
            .resolve(at, &expected)
            .ok_or_else(|| fail("read", Cause::NotFound, &at.path))?;
        if state.is_lost(serial) || state.is_shut_above(serial) {
            return Err(fail("read", Cause::Forbidden, &at.path));
        }
        if !state.is_at(serial, &entry.revision) {
            return Err(fail("read", Cause::PreconditionFailed, &at.path));
        }
        match state.tree.get(serial) {
            Some(node) if node.body.kind == Kind::File => {
                let bytes = node.body.blob.bytes().clone();
                Ok((serial, entry.revision.clone(), bytes))
            }
            _ => Err(fail("read", Cause::Unsupported, &at.path)),
        }
    }
}

/// A read under way.
struct Reading {
    storage: SimStorage,
    path: RelPath,
    /// What must stay as it is meanwhile.
    watched: Option<(Serial, Revision, Bytes)>,
    bytes: Bytes,
    /// How many there are in all.
    len: usize,
}

/// Whether these are the same bytes, mostly told by their address.
fn is_same(one: &Bytes, other: &Bytes) -> bool {
    (one.as_ptr() == other.as_ptr() && one.len() == other.len()) || one == other
}

impl Reading {
    fn into_stream(self) -> ByteStream {
        Box::pin(stream::unfold(Some(self), |reading| async move {
            let mut reading = reading?;
            match reading.next().await {
                Ok(None) => None,
                Ok(Some(piece)) => Some((Ok(piece), Some(reading))),
                Err(error) => Some((Err(error), None)),
            }
        }))
    }

    async fn next(&mut self) -> Result<Option<Bytes>> {
        let storage = self.storage.clone();
        storage.window("read", &self.path).await;
        if self.watched.is_some() && storage.state().strikes(Fault::ChangedDuringRead) {
            storage.edit(&Edit::Append {
                path: self.path.clone(),
                content: Bytes::from_static(b"+"),
            });
        }
        storage.transient("read", &self.path)?;
        let mut state = storage.state();
        if let Some((serial, revision, bytes)) = &self.watched {
            // The bytes too, for a coarse revision may stay the same through an edit (P8).
            let same = state.is_at(*serial, revision)
                && state
                    .tree
                    .get(*serial)
                    .is_some_and(|node| is_same(node.body.blob.bytes(), bytes));
            if !same {
                return Err(fail("read", Cause::PreconditionFailed, &self.path));
            }
        }
        if self.bytes.is_empty() || state.strikes(Fault::ShortRead) {
            return Ok(None);
        }
        // Large files come in no more than a few dozen pieces.
        let chunk = (storage.habits().chunk as usize).max(self.len / 32);
        let chunk = chunk.min(self.bytes.len());
        Ok(Some(self.bytes.split_to(chunk)))
    }
}
