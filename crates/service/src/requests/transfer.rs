//! `cp`: a one-off copy up, down or across, without a pair.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tandem_core::content::{ByteStream, BytesContent, Content, SharedContent};
use tandem_core::entry::{Entry, Kind, Revision};
use tandem_core::error::{Cause, Result as StorageResult, StorageError};
use tandem_core::path::RelPath;
use tandem_core::storage::{
    Commit, Depth, Expected, Keep, Listed, Locator, Meta, ResumeSink, ResumeToken, Root,
};

use super::browse::stat;
use crate::answer::{Answer, CopyFailure, CopyView, ProgressView};
use crate::fault::{Fault, Result, StorageWords};
use crate::location::Location;
use crate::service::Service;
use crate::update::{Update, Updates};
use crate::words::Words;

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

impl Service {
    pub(super) async fn copy(
        &self,
        from: &Location,
        to: &Location,
        force: bool,
        updates: &Updates,
    ) -> Result<Answer> {
        let (source, name, entry) = self.source_of(from).await?;
        let (target, target_name) = self.target_of(to, name.as_deref()).await?;
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
                    return Err(Fault::AlreadyThere(to.to_string()));
                }
                vec![Item {
                    from: from_path,
                    to: to_path,
                    entry,
                }]
            }
            _ => list(&source, &target, &from_path, &to_path, &mut answer).await?,
        };
        let totals = Arc::new(Progress::of(&items));
        let mut first_error = None;
        {
            let copying = run(
                &source,
                &target,
                items,
                force,
                &totals,
                &mut answer,
                &mut first_error,
            );
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
    async fn target_of(&self, to: &Location, name: Option<&str>) -> Result<(Side, String)> {
        let config = self.config();
        if let Some((above, last)) = to.split() {
            let (root, words) = self.0.storages.root(&config, &above).await?;
            let there = stat(&*root, &last, &words).await?;
            let is_folder = there.is_some_and(|entry| entry.kind == Kind::Folder);
            // With a separator at its end a name on a flat store means a folder, there or not.
            let inside = is_folder || (to.path.ends_with('/') && !to.is_local());
            if !inside {
                return Ok((Side { root, words }, last));
            }
        }
        let (root, words) = self.0.storages.root(&config, to).await?;
        Ok((Side { root, words }, name.unwrap_or_default().to_owned()))
    }
}

/// Everything below the folder that is copied; its folders are made on the way.
async fn list(
    source: &Side,
    target: &Side,
    from: &RelPath,
    to: &RelPath,
    answer: &mut CopyView,
) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    let mut seen = false;
    let mut listing = source.root.list(from, Depth::Subtree);
    while let Some(listed) = listing.next().await {
        match listed.map_err(|error| source.fault(error))? {
            Listed::Folder(listing) => {
                seen |= !listing.entries.is_empty() || source.root.capabilities().empty_folders;
                let below = listing.folder.below(from).unwrap_or_else(RelPath::root);
                let goes = join(to, &below);
                if !goes.is_root() && target.root.capabilities().empty_folders {
                    target
                        .root
                        .create_folder(&goes)
                        .await
                        .map_err(|error| target.fault(error))?;
                }
                for skipped in &listing.skipped {
                    answer.failed.push(CopyFailure {
                        path: skipped.shown.clone(),
                        message: "It cannot be read.".to_owned(),
                    });
                }
                for entry in listing.entries {
                    if entry.kind != Kind::Folder {
                        let from = listing.folder.join(&entry.name);
                        let to = goes.join(&entry.name);
                        items.push(Item { from, to, entry });
                    }
                }
            }
            Listed::Unreadable(skipped) => answer.failed.push(CopyFailure {
                path: skipped.folder.as_str().to_owned(),
                message: "The folder cannot be read: no permission.".to_owned(),
            }),
            Listed::End => {
                if !seen && answer.failed.is_empty() && !from.is_root() {
                    return Err(Fault::NothingThere(answer.from.clone()));
                }
                return Ok(items);
            }
        }
    }
    let error = StorageError::new("list", Cause::BadResponse, "the listing ended early");
    Err(source.fault(error))
}

fn join(base: &RelPath, below: &RelPath) -> RelPath {
    match (base.is_root(), below.is_root()) {
        (true, _) => below.clone(),
        (_, true) => base.clone(),
        // Two valid paths joined are one.
        _ => RelPath::new(&format!("{base}/{below}")).unwrap_or_else(|_| base.clone()),
    }
}

/// Copies a few at a time, in order.
async fn run(
    source: &Side,
    target: &Side,
    items: Vec<Item>,
    force: bool,
    totals: &Arc<Progress>,
    answer: &mut CopyView,
    first_error: &mut Option<Fault>,
) {
    let mut waiting: VecDeque<_> = items.into();
    let mut under_way = FuturesUnordered::new();
    loop {
        while under_way.len() < AT_ONCE
            && let Some(item) = waiting.pop_front()
        {
            under_way.push(async move {
                let result = copy_one(source, target, &item, force, totals).await;
                (item, result)
            });
        }
        let Some((item, result)) = under_way.next().await else {
            return;
        };
        totals.files.fetch_add(1, Ordering::Relaxed);
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

async fn copy_one(
    source: &Side,
    target: &Side,
    item: &Item,
    force: bool,
    totals: &Arc<Progress>,
) -> Result<()> {
    let capabilities = target.root.capabilities();
    let is_link = item.entry.kind == Kind::Symlink;
    if item.entry.kind == Kind::Opaque || (is_link && !capabilities.symlinks) {
        let error = StorageError::new("stage", Cause::Unsupported, "it is no file").at(&item.to);
        return Err(target.fault(error));
    }
    let there = target.root.stat(&Locator::of_path(item.to.clone())).await;
    let expected = match there.map_err(|error| target.fault(error))? {
        None => Expected::Absent,
        Some(_) if !force => {
            return Err(Fault::AlreadyThere(format!(
                "{}/{}",
                target.words.folder, item.to
            )));
        }
        Some(entry) if entry.revision == Revision::None => Expected::Any,
        Some(entry) => Expected::Revision(entry.revision),
    };
    let content: SharedContent = if is_link {
        Arc::new(BytesContent(bytes::Bytes::new()))
    } else {
        Arc::new(FileContent {
            root: Arc::clone(&source.root),
            at: Locator {
                path: item.from.clone(),
                id: item.entry.id.clone(),
            },
            entry: item.entry.clone(),
        })
    };
    let meta = Meta {
        mtime: item
            .entry
            .mtime
            .filter(|m| m.by_client && capabilities.mtime),
        executable: item.entry.executable.filter(|_| capabilities.executable),
        target: item.entry.target.clone().filter(|_| is_link),
    };
    let sink: Arc<dyn ResumeSink> = Arc::clone(totals) as Arc<dyn ResumeSink>;
    let staged = target
        .root
        .stage(&item.to, content, &meta, None, Arc::clone(&sink))
        .await;
    let staged = staged.map_err(|error| match error.cause {
        Cause::PreconditionFailed | Cause::Forbidden => source.fault(error),
        _ => target.fault(error),
    })?;
    let token = staged.token.clone();
    let member = Commit {
        staged,
        expected,
        keep: Keep::No,
        sink: Some(sink),
    };
    let mut results = target.root.commit(vec![member]).await;
    let unanswered = || Err(StorageError::new("commit", Cause::BadResponse, "no answer"));
    if let Err(error) = results.pop().unwrap_or_else(unanswered) {
        // What was staged is of no use any more; if it cannot be removed now, it is cleaned up later.
        let _ = target.root.discard(&token).await;
        return Err(match error.cause {
            Cause::AlreadyExists | Cause::PreconditionFailed if !force => {
                Fault::AlreadyThere(format!("{}/{}", target.words.folder, item.to))
            }
            Cause::NotFound if target.words.bucket.is_none() => {
                Fault::NoFolder(target.words.folder.clone())
            }
            _ => target.fault(error),
        });
    }
    Ok(())
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

/// How far a copy is. It stores no tokens: a copy that was stopped is begun anew.
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

impl ResumeSink for Progress {
    fn store(&self, _: &ResumeToken) {}

    fn progress(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

fn tell(updates: &Updates, from: &Location, totals: &Progress) {
    let progress = ProgressView {
        actions_done: totals.files.load(Ordering::Relaxed),
        actions_total: totals.all_files,
        bytes_done: totals.bytes.load(Ordering::Relaxed).min(totals.all_bytes),
        bytes_total: totals.all_bytes,
        path: None,
    };
    // Progress that nobody reads in time is not missed.
    let _ = updates.try_send(Update::Progress {
        pair: from.to_string(),
        progress,
    });
}
