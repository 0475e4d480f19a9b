//! `cp`: a one-off copy up, down or across, without a pair.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tandem_core::content::{ByteStream, BytesContent, Content, SharedContent};
use tandem_core::entry::{Entry, Kind, Revision};
use tandem_core::error::{Cause, Result as StorageResult, StorageError};
use tandem_core::path::RelPath;
use tandem_core::storage::{
    Commit, Depth, Expected, FolderListing, Keep, Listed, Locator, Meta, ResumeSink, ResumeToken,
    Root,
};

use super::browse::stat;
use super::pairs::ground_at;
use crate::answer::{Answer, CopyFailure, CopyView, ProgressView};
use crate::fault::{Fault, Result, StorageWords};
use crate::location::Location;
use crate::pair_rules::Ground;
use crate::service::Service;
use crate::update::{Update, Updates};
use crate::words::{self, Words};

/// Files at a time.
const AT_ONCE: usize = 4;
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

/// One side of a copy: a folder, and what sentences about it need.
struct Side {
    root: Arc<dyn Root>,
    words: StorageWords,
}

impl Side {
    fn fault(&self, error: StorageError) -> Fault {
        Fault::Storage(Box::new(self.words.clone()), Box::new(error))
    }
}

/// What is copied: where it lies below the source's root, and where it goes below the destination's.
struct Item {
    from: RelPath,
    to: RelPath,
    entry: Entry,
}

/// Where a copy goes: the folder, the name there, and both as a place.
struct Target {
    side: Side,
    name: String,
    place: Location,
}

/// What lies below the folder that is copied.
#[derive(Default)]
struct Found {
    /// The folders that are to be there, those above first.
    folders: Vec<RelPath>,
    items: Vec<Item>,
}

impl Service {
    pub(super) async fn copy(
        &self,
        from: &Location,
        to: &Location,
        force: bool,
        updates: &Updates,
    ) -> Result<Answer> {
        let (source, name, entry) = self.source_of(from).await?;
        let Target {
            side: target,
            name: target_name,
            place,
        } = self.target_of(to, name.as_deref()).await?;
        let (here, there) = (self.ground(from)?, self.ground(&place)?);
        if here.holds(&there) {
            return Err(Fault::IntoItself(from.to_string(), place.to_string()));
        }
        let from_path = name
            .as_deref()
            .map_or_else(|| Ok(RelPath::root()), RelPath::new);
        let from_path =
            from_path.map_err(|why| Fault::BadLocation(from.to_string(), why.to_string()))?;
        let to_path = RelPath::new(&target_name)
            .map_err(|why| Fault::BadLocation(to.to_string(), why.to_string()))?;
        let single = entry.as_ref().is_some_and(|e| e.kind != Kind::Folder);
        let mut answer = CopyView {
            from: from.to_string(),
            to: to.to_string(),
            ..CopyView::default()
        };
        let items = match entry {
            Some(entry) if single => {
                if !force
                    && stat(&*target.root, &target_name, &target.words)
                        .await?
                        .is_some()
                {
                    return Err(Fault::AlreadyThere(place.to_string()));
                }
                vec![Item {
                    from: from_path,
                    to: to_path,
                    entry,
                }]
            }
            _ => {
                let found = list(&source, &from_path, &to_path, &mut answer).await?;
                make_folders(&target, &found.folders).await?;
                found.items
            }
        };
        let totals = Arc::new(Progress::of(&items));
        let mut first_error = None;
        {
            let copier = Copier {
                service: self,
                source: &source,
                target: &target,
                force,
                totals: &totals,
            };
            let copying = copier.all(items, &mut answer, &mut first_error);
            tokio::pin!(copying);
            loop {
                tokio::select! {
                    () = &mut copying => break,
                    () = tokio::time::sleep(PROGRESS_EVERY) => tell(updates, from, &totals),
                }
            }
        }
        tell(updates, from, &totals);
        target
            .root
            .settle()
            .await
            .map_err(|error| target.fault(error))?;
        // One file that was not copied is an error; of many, those that were not are listed.
        match first_error {
            Some(fault) if single => Err(fault),
            _ => Ok(Answer::Copy(answer)),
        }
    }

    /// The folder that holds what is copied, its name in it, and what it is; the storage's top has no name.
    async fn source_of(&self, from: &Location) -> Result<(Side, Option<String>, Option<Entry>)> {
        let config = self.config();
        let Some((above, name)) = from.split() else {
            let (root, words) = self.0.storages.root(&config, from).await?;
            return Ok((Side { root, words }, None, None));
        };
        let (root, words) = self.0.storages.root(&config, &above).await?;
        match stat(&*root, &name, &words).await? {
            Some(entry) => Ok((Side { root, words }, Some(name), Some(entry))),
            // On a flat store a folder may be there by its content alone.
            None if !from.is_local() && !root.capabilities().empty_folders => {
                Ok((Side { root, words }, Some(name), None))
            }
            None => Err(Fault::NothingThere(from.to_string())),
        }
    }

    /// The folder that the copy goes into, and its name there. An existing folder gets the copy inside.
    async fn target_of(&self, to: &Location, name: Option<&str>) -> Result<Target> {
        let config = self.config();
        if let Some((above, last)) = to.split() {
            let (root, words) = self.0.storages.root(&config, &above).await?;
            let there = stat(&*root, &last, &words).await?;
            let is_folder = there.is_some_and(|entry| entry.kind == Kind::Folder);
            // With a separator at its end a name on a flat store means a folder, there or not.
            let inside = is_folder || (to.path.ends_with('/') && !to.is_local());
            if !inside {
                return Ok(Target {
                    side: Side { root, words },
                    name: last,
                    place: to.clone(),
                });
            }
        }
        let (root, words) = self.0.storages.root(&config, to).await?;
        Ok(Target {
            side: Side { root, words },
            name: name.unwrap_or_default().to_owned(),
            place: name.map_or_else(|| to.clone(), |name| to.join(name)),
        })
    }

    fn ground(&self, at: &Location) -> Result<Ground> {
        ground_at(&self.0.storages, &self.config(), at)
    }
}

/// Everything below the folder that is copied. The listing ends before anything is made, so that none of it can be
/// listed again.
async fn list(source: &Side, from: &RelPath, to: &RelPath, answer: &mut CopyView) -> Result<Found> {
    let mut found = Found::default();
    let mut seen = false;
    let mut listing = source.root.list(from, Depth::Subtree);
    while let Some(listed) = listing.next().await {
        match listed.map_err(|error| source.fault(error))? {
            Listed::Folder(folder) => {
                seen |= !folder.entries.is_empty() || source.root.capabilities().empty_folders;
                found.add(folder, from, to, answer);
            }
            Listed::Unreadable(skipped) => answer.failed.push(CopyFailure {
                path: skipped.folder.as_str().to_owned(),
                message: words::UNREADABLE_FOLDER.to_owned(),
            }),
            Listed::End => {
                if !seen && answer.failed.is_empty() && !from.is_root() {
                    return Err(Fault::NothingThere(answer.from.clone()));
                }
                return Ok(found);
            }
        }
    }
    let error = StorageError::new("list", Cause::BadResponse, "the listing ended early");
    Err(source.fault(error))
}

impl Found {
    fn add(&mut self, folder: FolderListing, from: &RelPath, to: &RelPath, answer: &mut CopyView) {
        let below = folder.folder.below(from).unwrap_or_else(RelPath::root);
        let goes = join(to, &below);
        for skipped in &folder.skipped {
            answer.failed.push(CopyFailure {
                path: skipped.shown.clone(),
                message: words::UNREADABLE.to_owned(),
            });
        }
        for entry in folder.entries {
            if entry.kind != Kind::Folder {
                self.items.push(Item {
                    from: folder.folder.join(&entry.name),
                    to: goes.join(&entry.name),
                    entry,
                });
            }
        }
        if !goes.is_root() {
            self.folders.push(goes);
        }
    }
}

async fn make_folders(target: &Side, folders: &[RelPath]) -> Result<()> {
    if !target.root.capabilities().empty_folders {
        return Ok(());
    }
    for folder in folders {
        let made = target.root.create_folder(folder).await;
        made.map_err(|error| target.fault(error))?;
    }
    Ok(())
}

fn join(base: &RelPath, below: &RelPath) -> RelPath {
    match (base.is_root(), below.is_root()) {
        (true, _) => below.clone(),
        (_, true) => base.clone(),
        // Two valid paths joined are one.
        _ => RelPath::new(&format!("{base}/{below}")).unwrap_or_else(|_| base.clone()),
    }
}

/// What every file of a copy needs.
struct Copier<'a> {
    service: &'a Service,
    source: &'a Side,
    target: &'a Side,
    force: bool,
    totals: &'a Arc<Progress>,
}

impl Copier<'_> {
    /// Copies a few at a time, in order.
    async fn all(&self, items: Vec<Item>, answer: &mut CopyView, first_error: &mut Option<Fault>) {
        let mut waiting: VecDeque<_> = items.into();
        let mut under_way = FuturesUnordered::new();
        loop {
            while under_way.len() < AT_ONCE
                && let Some(item) = waiting.pop_front()
            {
                under_way.push(async move {
                    let result = self.one(&item).await;
                    (item, result)
                });
            }
            let Some((item, result)) = under_way.next().await else {
                return;
            };
            self.totals.files.fetch_add(1, Ordering::Relaxed);
            match result {
                Ok(()) => {
                    answer.files += 1;
                    answer.bytes += item.entry.size;
                }
                Err(fault) => {
                    let Words { message, .. } = Words::of_fault(&fault);
                    answer.failed.push(CopyFailure {
                        path: item.from.as_str().to_owned(),
                        message,
                    });
                    first_error.get_or_insert(fault);
                }
            }
        }
    }

    async fn one(&self, item: &Item) -> Result<()> {
        let (source, target) = (self.source, self.target);
        let capabilities = target.root.capabilities();
        let is_link = item.entry.kind == Kind::Symlink;
        if item.entry.kind == Kind::Opaque || (is_link && !capabilities.symlinks) {
            let error = StorageError::new("stage", Cause::Unsupported, "it is no file");
            return Err(target.fault(error.at(&item.to)));
        }
        let expected = self.expected(item).await?;
        let meta = Meta {
            mtime: item
                .entry
                .mtime
                .filter(|m| m.by_client && capabilities.mtime),
            executable: item.entry.executable.filter(|_| capabilities.executable),
            target: item.entry.target.clone().filter(|_| is_link),
            copy_of: None,
        };
        let staging = Staging {
            service: self.service.clone(),
            root: Arc::clone(&target.root),
            kept: Arc::new(Kept::of(self.totals)),
        };
        let sink: Arc<dyn ResumeSink> = Arc::clone(&staging.kept) as Arc<dyn ResumeSink>;
        let staged = target
            .root
            .stage(&item.to, self.content(item), &meta, None, Arc::clone(&sink))
            .await;
        let staged = staged.map_err(|error| match error.cause {
            Cause::PreconditionFailed | Cause::Forbidden => source.fault(error),
            _ => target.fault(error),
        })?;
        staging.kept.store(&staged.token);
        let member = Commit {
            staged,
            expected,
            keep: Keep::No,
            sink: Some(sink),
        };
        let mut results = target.root.commit(vec![member]).await;
        let unanswered = || Err(StorageError::new("commit", Cause::BadResponse, "no answer"));
        match results.pop().unwrap_or_else(unanswered) {
            Ok(_) => {
                staging.kept.take();
                Ok(())
            }
            Err(error) => Err(self.not_committed(item, error)),
        }
    }

    /// What must be at the target for the copy to go there.
    async fn expected(&self, item: &Item) -> Result<Expected> {
        let at = Locator::of_path(item.to.clone());
        let there = self.target.root.stat(&at).await;
        match there.map_err(|error| self.target.fault(error))? {
            None => Ok(Expected::Absent),
            Some(_) if !self.force => Err(self.already_there(item)),
            Some(entry) if entry.revision == Revision::None => Ok(Expected::Any),
            Some(entry) => Ok(Expected::Revision(entry.revision)),
        }
    }

    fn content(&self, item: &Item) -> SharedContent {
        if item.entry.kind == Kind::Symlink {
            return Arc::new(BytesContent(bytes::Bytes::new()));
        }
        Arc::new(FileContent {
            root: Arc::clone(&self.source.root),
            at: Locator {
                path: item.from.clone(),
                id: item.entry.id.clone(),
            },
            entry: item.entry.clone(),
        })
    }

    fn not_committed(&self, item: &Item, error: StorageError) -> Fault {
        match error.cause {
            Cause::AlreadyExists | Cause::PreconditionFailed if !self.force => {
                self.already_there(item)
            }
            Cause::NotFound if self.target.words.bucket.is_none() => {
                Fault::NoFolder(self.target.words.folder.clone())
            }
            _ => self.target.fault(error),
        }
    }

    fn already_there(&self, item: &Item) -> Fault {
        Fault::AlreadyThere(format!("{}/{}", self.target.words.folder, item.to))
    }
}

/// Throws away what is staged and did not become visible, however the copy ends: by an error, or by being dropped.
struct Staging {
    service: Service,
    root: Arc<dyn Root>,
    kept: Arc<Kept>,
}

impl Drop for Staging {
    fn drop(&mut self) {
        let Some(token) = self.kept.take() else {
            return;
        };
        let root = Arc::clone(&self.root);
        self.service.finish_later(async move {
            if let Err(error) = root.discard(&token).await {
                tracing::warn!(%error, "what a copy had staged could not be thrown away");
            }
        });
    }
}

/// The last token of what is staged, and how far all of the copy is.
#[derive(Debug)]
struct Kept {
    token: Mutex<Option<ResumeToken>>,
    totals: Arc<Progress>,
}

impl Kept {
    fn of(totals: &Arc<Progress>) -> Self {
        Self {
            token: Mutex::default(),
            totals: Arc::clone(totals),
        }
    }

    fn take(&self) -> Option<ResumeToken> {
        self.token
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

impl ResumeSink for Kept {
    fn store(&self, token: &ResumeToken) {
        let mut kept = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some(token.clone());
    }

    fn progress(&self, bytes: u64) {
        self.totals.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// A file on the source, read as it is sent.
struct FileContent {
    root: Arc<dyn Root>,
    at: Locator,
    entry: Entry,
}

#[async_trait]
impl Content for FileContent {
    fn len(&self) -> u64 {
        self.entry.size
    }

    async fn open(&self, offset: u64, length: u64) -> StorageResult<ByteStream> {
        self.root.read(&self.at, &self.entry, offset, length).await
    }
}

/// How far a copy is.
#[derive(Debug, Default)]
struct Progress {
    files: AtomicU64,
    bytes: AtomicU64,
    all_files: u64,
    all_bytes: u64,
}

impl Progress {
    fn of(items: &[Item]) -> Self {
        Self {
            all_files: items.len() as u64,
            all_bytes: items.iter().map(|item| item.entry.size).sum(),
            ..Self::default()
        }
    }
}

fn tell(updates: &Updates, from: &Location, totals: &Progress) {
    let progress = ProgressView {
        actions_done: totals.files.load(Ordering::Relaxed),
        actions_total: totals.all_files,
        bytes_done: totals.bytes.load(Ordering::Relaxed).min(totals.all_bytes),
        bytes_total: totals.all_bytes,
        ..ProgressView::default()
    };
    // Progress that nobody reads in time is not missed.
    let _ = updates.try_send(Update::Progress {
        pair: from.to_string(),
        progress,
    });
}
