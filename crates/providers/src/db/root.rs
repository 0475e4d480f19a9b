//! A folder of a database as a [`Root`]: each operation is one transaction.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tandem_core::capabilities::Capabilities;
use tandem_core::content::{ByteStream, SharedContent};
use tandem_core::entry::Entry;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::{Name, RelPath};
use tandem_core::storage::{
    Changes, Commit, Committed, Cursor, Deleted, Depth, Discard, Expected, Hint, Identity, Keep,
    ListingStream, Locator, Meta, ResumeSink, ResumeToken, Root, RootIdentity, Staged, Version,
    VersionKey,
};
use tandem_core::time::Timestamp;

use super::database::{Database, Transaction};
use super::listing;
use super::place::{check_path, refused};
use super::read;
use super::relocate::Relocation;
use super::sql::{Watch, Work};
use super::upload;

/// The token of what has no bytes.
const NOTHING: &str = "nothing";

/// A folder of a database.
pub(super) struct DbRoot {
    database: Arc<Database>,
    capabilities: Arc<Capabilities>,
    /// Where it lies below the top.
    base: RelPath,
    /// The last change that a wait told of.
    seen: Mutex<Option<i64>>,
    watch: Mutex<Option<Box<dyn Watch>>>,
}

impl DbRoot {
    pub(super) fn new(
        database: Arc<Database>,
        capabilities: Arc<Capabilities>,
        base: RelPath,
    ) -> Self {
        Self {
            database,
            capabilities,
            base,
            seen: Mutex::default(),
            watch: Mutex::default(),
        }
    }

    /// Runs `steps`, which are given the root's id, in one transaction.
    async fn run<T, F>(&self, operation: &'static str, work: Work, steps: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Transaction<'_>, i64) -> Result<T> + Send + Sync + 'static,
    {
        let base = self.base.clone();
        let within = move |at: &mut Transaction<'_>| {
            let root = at.root(&base)?;
            steps(at, root)
        };
        self.database.run(operation, work, within).await
    }

    /// The number of the last change, and whether one came that was not told yet.
    async fn news(&self, cursor: Option<&Cursor>) -> Result<bool> {
        let before = *lock(&self.seen);
        let cursor = cursor.cloned();
        let look = move |at: &mut Transaction<'_>, root: i64| match (before, &cursor) {
            (Some(before), _) => {
                let last = at.last_change()?;
                Ok((last != before, last))
            }
            (None, Some(cursor)) => at.news(root, cursor),
            (None, None) => Ok((false, at.last_change()?)),
        };
        let (news, last) = self.run("wait", Work::Read, look).await?;
        *lock(&self.seen) = Some(last);
        Ok(news)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Names the path where a failure does not.
fn at(path: &RelPath) -> impl Fn(StorageError) -> StorageError {
    move |error| match error.path {
        Some(_) => error,
        None => error.at(path),
    }
}

/// An answer for every member when none could be given one of its own.
fn all_failed(error: &StorageError, targets: &[RelPath]) -> Vec<Result<Committed>> {
    let one = |target| {
        let detail = error.detail.clone();
        let kind = error.kind;
        Err(StorageError::new("commit", error.cause, detail)
            .of_kind(kind)
            .at(target))
    };
    targets.iter().map(one).collect()
}

#[async_trait]
impl Root for DbRoot {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn identity(&self, _create: bool) -> Result<RootIdentity> {
        let look =
            |at: &mut Transaction<'_>, root: i64| Ok(format!("{}:{root}", at.database_id()?));
        let id = self.run("identity", Work::Read, look).await?;
        Ok(RootIdentity {
            identity: Identity::Native(id),
            volume: None,
        })
    }

    async fn cursor(&self) -> Result<Cursor> {
        let look = |at: &mut Transaction<'_>, root: i64| at.cursor(root);
        self.run("cursor", Work::Read, look).await
    }

    fn list(&self, folder: &RelPath, depth: Depth) -> ListingStream {
        listing::list(&self.database, &self.base, folder, depth)
    }

    async fn stat(&self, place: &Locator) -> Result<Option<Entry>> {
        let locator = place.clone();
        let top = self.base.name().or_else(|| Name::new("top").ok());
        let look = move |at: &mut Transaction<'_>, root: i64| {
            let item = at.resolve(root, &locator)?;
            let top = top.clone();
            Ok(item.and_then(|item| match top.filter(|_| item.id == root) {
                Some(name) => Some(item.entry_named(name)),
                None => item.entry(),
            }))
        };
        let found = self.run("stat", Work::Read, look).await;
        found.map_err(at(&place.path))
    }

    async fn changes(&self, cursor: &Cursor) -> Result<Changes> {
        let cursor = cursor.clone();
        let look = move |at: &mut Transaction<'_>, root: i64| at.changes(root, &cursor);
        self.run("changes", Work::Read, look).await
    }

    async fn wait(&self, cursor: Option<&Cursor>, deadline: Duration) -> Result<Vec<Hint>> {
        let environment = &self.database.environment;
        let end = environment.uptime().saturating_add(deadline);
        // Before the number is looked at, so that nothing falls between the two.
        let kept = lock(&self.watch).take();
        let mut watch = match kept {
            Some(watch) => watch,
            None => self.database.watch().await?,
        };
        let mut look = true;
        loop {
            if look && self.news(cursor).await? {
                *lock(&self.watch) = Some(watch);
                return Ok(vec![Hint::Feed]);
            }
            let left = end.saturating_sub(environment.uptime());
            if left.is_zero() {
                *lock(&self.watch) = Some(watch);
                return Ok(Vec::new());
            }
            (watch, look) = self.database.changed(watch, left).await?;
        }
    }

    async fn read(
        &self,
        place: &Locator,
        entry: &Entry,
        offset: u64,
        length: u64,
    ) -> Result<ByteStream> {
        let locator = place.clone();
        let expected = Expected::Revision(entry.revision.clone());
        let find =
            move |at: &mut Transaction<'_>, root: i64| at.readable(root, &locator, &expected);
        let found = self.run("read", Work::Read, find).await;
        let content = found.map_err(at(&place.path))?;
        let range = (offset, length);
        let content = read::stream_of(&self.database, "read", &place.path, content, range);
        Ok(self.database.health.counted(content))
    }

    async fn stage(
        &self,
        target: &RelPath,
        content: SharedContent,
        meta: &Meta,
        resume: Option<&ResumeToken>,
        sink: Arc<dyn ResumeSink>,
    ) -> Result<Staged> {
        check_path(target).map_err(|error| StorageError {
            operation: "stage",
            ..error
        })?;
        let staged = |token, len, hashes| Staged {
            target: target.clone(),
            token,
            len,
            meta: meta.clone(),
            content: None,
            hashes,
        };
        if meta.target.is_some() {
            return Ok(staged(ResumeToken(NOTHING.to_owned()), 0, Vec::new()));
        }
        let (database, base) = (&self.database, &self.base);
        let done = upload::stage(database, base, target, &content, resume, &*sink).await;
        let (token, hash) = done.map_err(at(target))?;
        self.database.health.sent(content.len());
        Ok(staged(token, content.len(), vec![hash]))
    }

    async fn commit(&self, group: Vec<Commit>) -> Vec<Result<Committed>> {
        if group.is_empty() {
            return Vec::new();
        }
        let targets: Vec<RelPath> = group.iter().map(|one| one.staged.target.clone()).collect();
        let steps = move |transaction: &mut Transaction<'_>, root: i64| {
            let mut answers = Vec::with_capacity(group.len());
            for member in &group {
                let answer = transaction.commit(root, member);
                answers.push(match answer {
                    // What the database itself could not do takes the whole group back.
                    Err(error) if !is_about_one(&error) => return Err(error),
                    Err(error) => {
                        let named = at(&member.staged.target)(error);
                        Err(StorageError {
                            operation: "commit",
                            ..named
                        })
                    }
                    done => done,
                });
            }
            Ok(answers)
        };
        match self.run("commit", Work::Change, steps).await {
            Ok(answers) => answers,
            Err(error) => all_failed(&error, &targets),
        }
    }

    async fn settle(&self) -> Result<()> {
        // Every change is durable when its transaction ends.
        Ok(())
    }

    async fn discard(&self, token: &ResumeToken) -> Result<()> {
        let token = token.clone();
        let drop = move |at: &mut Transaction<'_>| at.discard(&token);
        self.database.run("discard", Work::Stage, drop).await
    }

    async fn create_folder(&self, path: &RelPath) -> Result<Entry> {
        let folder = path.clone();
        let make = move |at: &mut Transaction<'_>, root: i64| {
            let id = at.create_folder(root, &folder)?;
            if id == root {
                let name = Name::new("top").map_err(|_| refused(Cause::Other))?;
                return Ok(Entry::folder(name));
            }
            at.entry(id)
        };
        let made = self.run("create_folder", Work::Change, make).await;
        made.map_err(at(path))
    }

    async fn move_to(
        &self,
        from: &Locator,
        expected: &Expected,
        to: &RelPath,
        expected_to: &Expected,
        keep: &Keep,
    ) -> Result<Committed> {
        let relocation = Relocation::new(from, expected, to, expected_to, keep);
        let steps = move |at: &mut Transaction<'_>, root: i64| at.move_to(root, &relocation);
        let done = self.run("move_to", Work::Change, steps).await;
        done.map_err(at(&from.path))
    }

    async fn copy(
        &self,
        from: &Locator,
        expected: &Expected,
        to: &RelPath,
        expected_to: &Expected,
        keep: &Keep,
    ) -> Result<Committed> {
        let relocation = Relocation::new(from, expected, to, expected_to, keep);
        let steps = move |at: &mut Transaction<'_>, root: i64| at.copy(root, &relocation);
        let done = self.run("copy", Work::Change, steps).await;
        done.map_err(at(&from.path))
    }

    async fn delete(
        &self,
        place: &Locator,
        expected: &Expected,
        keep: &Keep,
        how: Discard,
    ) -> Result<Deleted> {
        let (locator, expected, keep) = (place.clone(), expected.clone(), keep.clone());
        let steps = move |at: &mut Transaction<'_>, root: i64| {
            at.delete(root, &locator, &expected, &keep, how)
        };
        let done = self.run("delete", Work::Change, steps).await;
        done.map_err(at(&place.path))
    }

    async fn set_meta(&self, place: &Locator, expected: &Expected, meta: &Meta) -> Result<Entry> {
        let (locator, expected, meta) = (place.clone(), expected.clone(), meta.clone());
        let steps = move |at: &mut Transaction<'_>, root: i64| {
            at.set_meta(root, &locator, &expected, &meta)
        };
        let done = self.run("set_meta", Work::Change, steps).await;
        done.map_err(at(&place.path))
    }

    async fn versions(&self, path: Option<&RelPath>) -> Result<Vec<Version>> {
        let path = path.cloned();
        let look = move |at: &mut Transaction<'_>, root: i64| at.versions(root, path.as_ref());
        self.run("versions", Work::Read, look).await
    }

    async fn read_version(&self, key: &VersionKey, offset: u64, length: u64) -> Result<ByteStream> {
        let wanted = key.clone();
        let find = move |at: &mut Transaction<'_>, root: i64| at.version_content(root, &wanted);
        let found = self.run("read_version", Work::Read, find).await;
        let content = found.map_err(at(key.path()))?;
        let range = (offset, length);
        let content = read::stream_of(&self.database, "read_version", key.path(), content, range);
        Ok(self.database.health.counted(content))
    }

    async fn restore_version(
        &self,
        key: &VersionKey,
        to: &RelPath,
        expected: &Expected,
    ) -> Result<Committed> {
        let (wanted, target, expected) = (key.clone(), to.clone(), expected.clone());
        let steps = move |at: &mut Transaction<'_>, root: i64| {
            at.restore(root, &wanted, &target, &expected)
        };
        let done = self.run("restore_version", Work::Change, steps).await;
        done.map_err(at(to))
    }

    async fn prune_version(&self, key: &VersionKey) -> Result<()> {
        let unwanted = key.clone();
        let steps = move |at: &mut Transaction<'_>, root: i64| at.prune(root, &unwanted);
        let done = self.run("prune_version", Work::Change, steps).await;
        done.map_err(at(key.path()))
    }

    async fn leftovers(&self) -> Result<Vec<(ResumeToken, Timestamp)>> {
        let look = |at: &mut Transaction<'_>, root: i64| at.leftovers(root);
        self.run("leftovers", Work::Read, look).await
    }
}

/// Whether a failure is about one member of a group alone and came before anything was changed for it.
const fn is_about_one(error: &StorageError) -> bool {
    error.is_lost_race() || matches!(error.cause, Cause::NameRefused)
}
