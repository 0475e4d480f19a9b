//! Folders, moves, metadata, merges and deletes.

use std::sync::Arc;

use futures_util::StreamExt;
use tandem_core::content::BytesContent;
use tandem_core::entry::{Entry, Kind};
use tandem_core::environment::BoxFuture;
use tandem_core::error::{Cause, StorageError};
use tandem_core::filter;
use tandem_core::merge::merge_text;
use tandem_core::names;
use tandem_core::path::RelPath;
use tandem_core::plan::record::Done;
use tandem_core::plan::{Absence, Action, At, Deed, Retain};
use tandem_core::side::{PerSide, Side};
use tandem_core::storage::{
    Commit, Committed, Deleted, Depth, Discard, Expected, Keep, Listed, Locator, ResumeSink,
    ResumeToken, Root,
};

use super::{Execution, Finished, chunks};
use crate::engine::Engine;
use crate::error::Result;
use crate::parallel::in_parallel;

type Answer<T> = tandem_core::error::Result<T>;

/// Steps that are made durable and recorded together.
const STEPS: usize = 256;

/// Texts longer than this are not merged, in bytes.
const LONGEST_TEXT: u64 = 1 << 20;

struct NoSink;

impl ResumeSink for NoSink {
    fn store(&self, _: &ResumeToken) {}
    fn progress(&self, _: u64) {}
}

fn locate(at: &At) -> Locator {
    Locator {
        path: at.path.clone(),
        id: at.entry.id.clone(),
    }
}

impl Execution<'_> {
    /// Folders and moves, in the plan's order.
    pub(super) async fn steps(&mut self, steps: Vec<Action>) -> Result<()> {
        for group in chunks(steps, STEPS) {
            let mut visible = Vec::new();
            for action in group {
                if self.is_stopped() {
                    break;
                }
                if self.relies_on_undone(&action) {
                    self.undone.insert(action.standing.item);
                    continue;
                }
                match self.step(&action).await {
                    Ok(entry) => {
                        let done = Done {
                            entry: Some(entry),
                            read: None,
                        };
                        visible.push(Finished {
                            action,
                            done,
                            version: None,
                            intent: None,
                        });
                    }
                    Err(error) => self.gave_up(&action, error, None)?,
                }
            }
            self.settle_and_record(visible).await?;
        }
        Ok(())
    }

    /// Makes what is visible durable on both sides, then records it.
    async fn settle_and_record(&mut self, visible: Vec<Finished>) -> Result<()> {
        let mut by_side = PerSide::new(Vec::new(), Vec::new());
        let mut failed = PerSide::new(None, None);
        for side in Side::BOTH {
            if visible
                .iter()
                .any(|f| f.action.side == side || matches!(f.action.deed, Deed::Merge { .. }))
            {
                failed[side] = self.engine.root(side).settle().await.err();
            }
        }
        if failed.source.is_none() && failed.destination.is_none() {
            return self.record(visible);
        }
        for one in visible {
            by_side[one.action.side].push(one);
        }
        for side in Side::BOTH {
            let those = std::mem::take(&mut by_side[side]);
            match failed[side].take() {
                None => self.record(those)?,
                Some(error) => self.not_durable(those, error)?,
            }
        }
        Ok(())
    }

    async fn step(&self, action: &Action) -> Answer<Entry> {
        let root = self.engine.root(action.side);
        match &action.deed {
            Deed::CreateFolder { path, .. } => root.create_folder(path).await,
            Deed::Move { from, to, .. } => {
                let moved = self.engine.move_item(action.side, from, to).await?;
                if moved.displaced.is_some() || moved.landed_as.is_some() {
                    return Err(StorageError::new(
                        "move",
                        Cause::PreconditionFailed,
                        "something else was there",
                    ));
                }
                Ok(moved.entry)
            }
            _ => Err(StorageError::new("step", Cause::Unsupported, "not a step")),
        }
    }

    /// Metadata and merges.
    pub(super) async fn others(&mut self, others: Vec<Action>) -> Result<()> {
        for group in chunks(others, STEPS) {
            let mut visible = Vec::new();
            for action in group {
                if self.is_stopped() {
                    break;
                }
                let answer = match &action.deed {
                    Deed::SetMeta { at, meta, .. } => {
                        let root = self.engine.root(action.side);
                        match root.set_meta(&locate(at), &action.expected(), meta).await {
                            Err(error) if error.cause == Cause::Unsupported => {
                                Ok(Some((at.entry.clone(), None)))
                            }
                            other => other.map(|entry| Some((entry, None))),
                        }
                    }
                    Deed::Merge {
                        source,
                        destination,
                    } => self.merge(&action, source, destination).await,
                    _ => continue,
                };
                match answer {
                    Ok(Some((entry, read))) => {
                        let done = Done {
                            entry: Some(entry),
                            read,
                        };
                        visible.push(Finished {
                            action,
                            done,
                            version: None,
                            intent: None,
                        });
                    }
                    Ok(None) => self.out.unmergeable.push(action.standing.item),
                    Err(error) => self.gave_up(&action, error, None)?,
                }
            }
            self.settle_and_record(visible).await?;
        }
        Ok(())
    }

    /// Writes the merged text to both sides; `None` if the texts cannot be merged.
    async fn merge(
        &self,
        action: &Action,
        source: &At,
        destination: &At,
    ) -> Answer<Option<(Entry, Option<Entry>)>> {
        let Ok(Some(base)) = self.engine.state().text(action.standing.item) else {
            return Ok(None);
        };
        let ours = self
            .engine
            .carried(Side::Source, source)
            .bytes(LONGEST_TEXT)
            .await?;
        let theirs = self
            .engine
            .carried(Side::Destination, destination)
            .bytes(LONGEST_TEXT)
            .await?;
        let (Some(ours), Some(theirs)) = (ours, theirs) else {
            return Ok(None);
        };
        let Some(merged) = merge_text(&base, &ours, &theirs) else {
            return Ok(None);
        };
        let to_destination = self
            .write_text(Side::Destination, destination, &merged)
            .await?;
        let to_source = self.write_text(Side::Source, source, &merged).await?;
        let now = self.engine.now();
        if let Err(error) = self
            .engine
            .state()
            .keep_text(action.standing.item, &merged, now)
        {
            tracing::warn!(%error, "the merged text could not be kept as the next base");
        }
        Ok(Some((to_destination, Some(to_source))))
    }

    async fn write_text(&self, side: Side, at: &At, text: &[u8]) -> Answer<Entry> {
        let Some(keep) = self.keep(side, &at.path, Retain::Unseen) else {
            return Err(StorageError::new(
                "merge",
                Cause::Unsupported,
                "the versions before cannot be kept",
            ));
        };
        let meta = tandem_core::storage::Meta {
            mtime: None,
            ..self.engine.meta_for(side, &at.entry)
        };
        let expected = Expected::Revision(at.entry.revision.clone());
        self.engine
            .write(side, &at.path, text, &meta, expected, keep)
            .await
    }

    /// Deletes, bottom-up, each only while the item is still absent where it was deleted.
    pub(super) async fn deletes(&mut self, deletes: Vec<Action>) -> Result<()> {
        for group in chunks(deletes, STEPS) {
            if self.is_stopped() || !self.roots_still_hold(&group).await? {
                return Ok(());
            }
            let mut visible = Vec::new();
            let mut files = Vec::new();
            for action in group {
                let is_folder = matches!(&action.deed, Deed::Delete { at, .. } if at.entry.kind == Kind::Folder);
                if is_folder {
                    self.delete_files(std::mem::take(&mut files), &mut visible)
                        .await?;
                    match self.delete_folder(&action).await {
                        Ok(Some(deleted)) => self.deleted(action, Ok(deleted), &mut visible)?,
                        Ok(None) => visible.push(self.detached(action)?),
                        Err(error) => self.gave_up(&action, error, None)?,
                    }
                } else {
                    files.push(action);
                }
            }
            self.delete_files(files, &mut visible).await?;
            self.settle_and_record(visible).await?;
        }
        Ok(())
    }

    /// The roots are asked once more who they are before anything is deleted in their name.
    async fn roots_still_hold(&mut self, group: &[Action]) -> Result<bool> {
        let holds = self.engine.roots_as_known().await?;
        if holds.is_empty() {
            return Ok(true);
        }
        for action in group {
            let error = StorageError::new(
                "delete",
                Cause::PreconditionFailed,
                "a root is not what it was",
            );
            self.gave_up(action, error, None)?;
        }
        Ok(false)
    }

    async fn delete_files(
        &mut self,
        files: Vec<Action>,
        visible: &mut Vec<Finished>,
    ) -> Result<()> {
        let mut jobs: Vec<BoxFuture<Answer<Deleted>>> = Vec::new();
        let mut waiting = Vec::new();
        for action in files {
            let Deed::Delete { at, retain, absent } = &action.deed else {
                continue;
            };
            let Some(keep) = self.keep(action.side, &at.path, *retain) else {
                let error = StorageError::new(
                    "delete",
                    Cause::Unsupported,
                    "the deleted content cannot be kept",
                );
                self.gave_up(&action, error, None)?;
                continue;
            };
            let root = Arc::clone(self.engine.root(action.side));
            let other = Arc::clone(self.engine.root(action.side.other()));
            let (at, expected, absent) = (at.clone(), action.expected(), absent.clone());
            jobs.push(Box::pin(async move {
                still_absent(&other, absent.as_ref()).await?;
                root.delete(&locate(&at), &expected, &keep, Discard::Forever)
                    .await
            }));
            waiting.push(action);
        }
        let limit = self.engine.setup.options.limits.operations;
        let answers = in_parallel(&self.engine.setup.environment, limit, jobs).await;
        for (action, answer) in waiting.into_iter().zip(answers) {
            self.deleted(action, answer, visible)?;
        }
        Ok(())
    }

    fn deleted(
        &mut self,
        action: Action,
        answer: Answer<Deleted>,
        visible: &mut Vec<Finished>,
    ) -> Result<()> {
        match answer {
            Ok(deleted) => {
                let version = deleted
                    .kept
                    .or_else(|| deleted.displaced.map(|d| d.version));
                visible.push(Finished {
                    action,
                    done: Done::default(),
                    version,
                    intent: None,
                });
                Ok(())
            }
            Err(error) => self.gave_up(&action, error, None),
        }
    }

    /// The folder stays for what is not synced in it: the pair drops it, and does not carry it back.
    fn detached(&self, action: Action) -> Result<Finished> {
        let Deed::Delete { at, .. } = &action.deed else {
            return Ok(Finished {
                action,
                done: Done::default(),
                version: None,
                intent: None,
            });
        };
        self.engine
            .state()
            .detach(action.side, &at.path, "unsynced_child", Some(&at.entry))?;
        let mut left = PerSide::new(None, None);
        left[action.side] = Some(at.entry.clone());
        let action = Action {
            deed: Deed::Forget { left },
            ..action
        };
        Ok(Finished {
            action,
            done: Done::default(),
            version: None,
            intent: None,
        })
    }

    /// Whether something in a folder keeps it although it was deleted elsewhere: it is not synced.
    fn is_unsynced(&self, side: Side, path: &RelPath, entry: &Entry) -> bool {
        let rules = &self.engine.capabilities(side).names;
        let name = names::decode_path(path, rules).unwrap_or_else(|_| path.clone());
        let mtime = entry.mtime.filter(|m| m.by_client).map(|m| m.at);
        let verdict = self.engine.filter().verdict(
            &name,
            entry.kind,
            Some(entry.size),
            mtime,
            self.engine.now(),
        );
        let detached = self.engine.state().why_detached(side, path);
        entry.kind == Kind::Opaque || !verdict.is_included() || matches!(detached, Ok(Some(_)))
    }

    /// Deletes a folder. If all that is left in it is junk, that goes into versions with it; `None` if there is
    /// something that is not synced.
    async fn delete_folder(&mut self, action: &Action) -> Answer<Option<Deleted>> {
        let Deed::Delete { at, absent, .. } = &action.deed else {
            return Ok(None);
        };
        let root = Arc::clone(self.engine.root(action.side));
        still_absent(self.engine.root(action.side.other()), absent.as_ref()).await?;
        let expected = action.expected();
        let first = root
            .delete(&locate(at), &expected, &Keep::No, Discard::Forever)
            .await;
        match first {
            Err(error) if error.cause == Cause::PreconditionFailed => {}
            other => return other.map(Some),
        }
        let Some(left) = children(&root, &at.path).await? else {
            return Ok(None);
        };
        let synced = |e: &Entry| !self.is_unsynced(action.side, &at.path.join(&e.name), e);
        if left.iter().any(|e| !filter::is_junk(&e.name) && synced(e)) {
            return Err(StorageError::new(
                "delete",
                Cause::PreconditionFailed,
                "the folder is not empty",
            )
            .at(&at.path));
        }
        if left
            .iter()
            .any(|e| e.kind != Kind::File || !filter::is_junk(&e.name))
        {
            return Ok(None);
        }
        for entry in left {
            let path = at.path.join(&entry.name);
            let Some(keep) = self.keep(action.side, &path, Retain::Superseded) else {
                continue;
            };
            let expected = Expected::Revision(entry.revision.clone());
            root.delete(
                &locate(&At { path, entry }),
                &expected,
                &keep,
                Discard::Forever,
            )
            .await?;
        }
        root.delete(&locate(at), &expected, &Keep::No, Discard::Forever)
            .await
            .map(Some)
    }
}

async fn still_absent(root: &Arc<dyn Root>, absence: Option<&Absence>) -> Answer<()> {
    let Some(Absence { path, instead }) = absence else {
        return Ok(());
    };
    let Some(there) = root.stat(&Locator::of_path(path.clone())).await? else {
        return Ok(());
    };
    let known = instead.as_ref().is_some_and(|known| {
        known.kind == there.kind && (known.kind == Kind::Folder || known.revision == there.revision)
    });
    if known {
        return Ok(());
    }
    Err(StorageError::new(
        "delete",
        Cause::PreconditionFailed,
        "it is back on the other side",
    )
    .at(path))
}

/// What is in a folder; `None` if there is something that cannot be told as an entry.
async fn children(root: &Arc<dyn Root>, folder: &RelPath) -> Answer<Option<Vec<Entry>>> {
    let mut listing = root.list(folder, Depth::Children);
    let mut found = Vec::new();
    while let Some(listed) = listing.next().await {
        match listed? {
            Listed::Folder(listing) => {
                if !listing.skipped.is_empty() {
                    return Ok(None);
                }
                found.extend(listing.entries);
            }
            Listed::Unreadable(_) => {
                return Err(StorageError::new(
                    "list",
                    Cause::Forbidden,
                    "it cannot be read",
                ));
            }
            Listed::End => return Ok(Some(found)),
        }
    }
    Err(StorageError::new(
        "list",
        Cause::BadResponse,
        "the listing ended early",
    ))
}

impl Engine {
    /// Moves an item; a folder item by item where the storage cannot move it whole.
    pub(crate) async fn move_item(&self, side: Side, from: &At, to: &RelPath) -> Answer<Committed> {
        let root = self.root(side);
        let expected = Expected::Revision(from.entry.revision.clone());
        if from.entry.kind != Kind::Folder || self.capabilities(side).folder_move {
            return root
                .move_to(&locate(from), &expected, to, &Expected::Absent, &Keep::No)
                .await;
        }
        let mut folders = vec![(from.path.clone(), to.clone())];
        let mut emptied = Vec::new();
        while let Some((old, new)) = folders.pop() {
            root.create_folder(&new).await?;
            let inside = children(root, &old).await?;
            let inside = inside.ok_or_else(|| {
                StorageError::new(
                    "move",
                    Cause::Unsupported,
                    "something in the folder cannot be moved",
                )
                .at(&old)
            })?;
            let mut jobs: Vec<BoxFuture<Answer<Committed>>> = Vec::new();
            for entry in inside {
                let (path, target) = (old.join(&entry.name), new.join(&entry.name));
                if entry.kind == Kind::Folder {
                    folders.push((path, target));
                } else {
                    let root = Arc::clone(root);
                    jobs.push(Box::pin(async move {
                        let expected = Expected::Revision(entry.revision.clone());
                        let from = Locator { path, id: entry.id };
                        root.move_to(&from, &expected, &target, &Expected::Absent, &Keep::No)
                            .await
                    }));
                }
            }
            for moved in in_parallel(
                &self.setup.environment,
                self.setup.options.limits.operations,
                jobs,
            )
            .await
            {
                moved?;
            }
            emptied.push(old);
        }
        for old in emptied.into_iter().rev() {
            root.delete(
                &Locator::of_path(old),
                &Expected::Any,
                &Keep::No,
                Discard::Forever,
            )
            .await?;
        }
        let entry = root.stat(&Locator::of_path(to.clone())).await?;
        let entry = entry.ok_or_else(|| {
            StorageError::new("move", Cause::NotFound, "the moved folder is gone").at(to)
        })?;
        Ok(Committed {
            entry,
            displaced: None,
            landed_as: None,
            kept: None,
        })
    }

    /// Writes content that is in memory.
    pub(crate) async fn write(
        &self,
        side: Side,
        path: &RelPath,
        bytes: &[u8],
        meta: &tandem_core::storage::Meta,
        expected: Expected,
        keep: Keep,
    ) -> Answer<Entry> {
        let root = self.root(side);
        let content = Arc::new(BytesContent(bytes::Bytes::copy_from_slice(bytes)));
        let sink: Arc<dyn ResumeSink> = Arc::new(NoSink);
        let staged = root
            .stage(path, content, meta, None, Arc::clone(&sink))
            .await?;
        let mut answers = root
            .commit(vec![Commit {
                staged,
                expected,
                keep,
                sink: Some(sink),
            }])
            .await;
        let committed = answers.pop().unwrap_or_else(|| {
            Err(StorageError::new(
                "commit",
                Cause::BadResponse,
                "no answer for a member",
            ))
        })?;
        if committed.displaced.is_some() || committed.landed_as.is_some() {
            return Err(StorageError::new(
                "commit",
                Cause::PreconditionFailed,
                "something else was there",
            )
            .at(path));
        }
        let mut entry = committed.entry;
        let hash = tandem_core::entry::ContentHash::blake3(*blake3::hash(bytes).as_bytes());
        tandem_core::plan::record::add_hashes(&mut entry.hashes, &[hash]);
        Ok(entry)
    }
}
