//! Folders, moves, metadata, merges and deletes.

use std::collections::BTreeSet;
use std::sync::Arc;

use tandem_core::capabilities::Ids;
use tandem_core::entry::{Entry, Kind};
use tandem_core::environment::BoxFuture;
use tandem_core::error::{Cause, StorageError};
use tandem_core::filter;
use tandem_core::names;
use tandem_core::path::RelPath;
use tandem_core::plan::record::Done;
use tandem_core::plan::{Absence, Action, At, Deed, Retain};
use tandem_core::removed;
use tandem_core::side::{PerSide, Side};
use tandem_core::storage::{Committed, Deleted, Discard, Expected, Keep, Locator, Root};

use super::folder_move::children;
use super::recording::journal_row;
use super::{Execution, Finished, GROUP, chunks};
use crate::error::Result;
use crate::parallel::answers_in_parallel;
use crate::state::{JournalRow, ProblemRow, UNSYNCED_CHILD};

type Answer<T> = tandem_core::error::Result<T>;

/// Changes of what is there that are made durable and recorded together.
const STEPS: usize = 256;

pub(super) fn locate(at: &At) -> Locator {
    Locator {
        path: at.path.clone(),
        id: at.entry.id.clone(),
    }
}

impl Execution<'_> {
    /// Folders and moves, in the plan's order.
    pub(super) async fn steps(&mut self, steps: Vec<Arc<Action>>) -> Result<()> {
        for group in chunks(steps, GROUP) {
            let mut visible = Vec::new();
            for action in group {
                if self.is_stopped() {
                    break;
                }
                if self.relies_on_undone(&action) {
                    self.leave_undone(&action);
                    continue;
                }
                let (answer, intent) = self.step(&action).await?;
                match answer {
                    Ok(Committed {
                        displaced: Some(displaced),
                        ..
                    }) if !removed!("expectation") => {
                        self.lost_race(&action, &displaced, intent)?
                    }
                    Ok(Committed { entry, .. }) => {
                        let done = Done {
                            entry: Some(entry),
                            read: None,
                        };
                        visible.push(Finished {
                            intent,
                            ..Finished::new(action, done)
                        });
                    }
                    Err(error) => self.gave_up(&action, error, None)?,
                }
            }
            // The next flush of a group makes folders durable too.
            if !self.flow.take_folders(&mut visible) {
                self.settle_flow().await?;
                self.settle_and_record(visible).await?;
            }
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
                failed[side] = self.engine.settle(side).await.err();
            }
        }
        if failed.source.is_none() && failed.destination.is_none() {
            return self.close(visible).await;
        }
        for one in visible {
            by_side[one.action.side].push(one);
        }
        for side in Side::BOTH {
            let those = std::mem::take(&mut by_side[side]);
            match failed[side].take() {
                None => self.close(those).await?,
                Some(error) => self.not_durable(those, error)?,
            }
        }
        Ok(())
    }

    /// Makes a folder or moves. Answers also the intent that is open for it.
    async fn step(&mut self, action: &Action) -> Result<(Answer<Committed>, Option<i64>)> {
        let side = action.side;
        match &action.deed {
            Deed::Move { from, to, .. } => {
                let (answer, intent) = self.move_planned(side, from, to).await?;
                Ok((answer.and_then(landed), intent))
            }
            _ => Ok((self.simple_step(action).await, None)),
        }
    }

    async fn simple_step(&self, action: &Action) -> Answer<Committed> {
        let root = self.engine.root(action.side);
        match &action.deed {
            Deed::CreateFolder { path, .. } => {
                let entry = root.create_folder(path).await?;
                if path.name().as_ref() != Some(&entry.name) && !removed!("expectation") {
                    // One in another spelling was there, which is another folder.
                    let cause = Cause::PreconditionFailed;
                    return Err(StorageError::new(
                        "create_folder",
                        cause,
                        "another was there",
                    ));
                }
                Ok(Committed {
                    entry,
                    displaced: None,
                    landed_as: None,
                    kept: None,
                })
            }
            _ => Err(StorageError::new("step", Cause::Unsupported, "not a step")),
        }
    }

    /// Metadata and merges.
    pub(super) async fn others(&mut self, others: Vec<Arc<Action>>) -> Result<()> {
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
                            Err(error) if error.cause == Cause::Unsupported => Ok(at.entry.clone()),
                            other => other,
                        }
                    }
                    Deed::Merge { .. } => {
                        visible.extend(self.merge(action).await?);
                        continue;
                    }
                    _ => continue,
                };
                match answer {
                    Ok(entry) => {
                        let done = Done {
                            entry: Some(entry),
                            read: None,
                        };
                        visible.push(Finished::new(action, done));
                    }
                    Err(error) => self.gave_up(&action, error, None)?,
                }
            }
            self.settle_and_record(visible).await?;
        }
        Ok(())
    }

    /// Deletes, bottom-up, each only while the item is still absent where it was deleted.
    pub(super) async fn deletes(&mut self, deletes: Vec<Arc<Action>>) -> Result<()> {
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
                    self.folder_deleted(action, &mut visible).await?;
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
    async fn roots_still_hold(&mut self, group: &[Arc<Action>]) -> Result<bool> {
        let holds = self.engine.roots_as_known().await?;
        if holds.is_empty() || removed!("expectation") {
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
        files: Vec<Arc<Action>>,
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
            let ids = self.engine.capabilities(action.side).ids;
            jobs.push(Box::pin(async move {
                still_absent(&other, absent.as_ref()).await?;
                still_there(&root, &at, ids).await?;
                root.delete(&locate(&at), &expected, &keep, Discard::Forever)
                    .await
            }));
            waiting.push(action);
        }
        let limit = self.engine.setup.options.limits.operations;
        let answers = answers_in_parallel(&self.engine.setup.environment, limit, jobs).await;
        for (action, answer) in waiting.into_iter().zip(answers) {
            self.deleted(action, answer, visible)?;
        }
        Ok(())
    }

    fn deleted(
        &mut self,
        action: Arc<Action>,
        answer: Answer<Deleted>,
        visible: &mut Vec<Finished>,
    ) -> Result<()> {
        match answer {
            Ok(deleted) => {
                let displaced = deleted.displaced.as_ref();
                if let Some(displaced) = displaced.filter(|_| !removed!("expectation")) {
                    return self.lost_race(&action, displaced, None);
                }
                visible.push(Finished {
                    version: deleted.kept,
                    ..Finished::new(action, Done::default())
                });
                Ok(())
            }
            Err(error) => self.gave_up(&action, error, None),
        }
    }

    /// The folder stays for what is not synced in it: the pair drops it, and does not carry it back.
    fn detached(&self, action: Arc<Action>) -> Result<Finished> {
        let Deed::Delete { at, .. } = &action.deed else {
            return Ok(Finished::new(action, Done::default()));
        };
        self.engine
            .state()
            .detach(action.side, &at.path, UNSYNCED_CHILD, Some(&at.entry))?;
        let mut left = PerSide::new(None, None);
        left[action.side] = Some(at.entry.clone());
        let action = Action {
            deed: Deed::Forget { left },
            ..Arc::unwrap_or_clone(action)
        };
        Ok(Finished::new(Arc::new(action), Done::default()))
    }

    /// Whether the folder was left behind for what is not synced in it before: something wants its name by now.
    fn is_kept_already(&self, action: &Action) -> Result<bool> {
        let path = action.path().cloned().unwrap_or_else(RelPath::root);
        let why = self.engine.state().why_detached(action.side, &path)?;
        Ok(why.as_deref() == Some(UNSYNCED_CHILD))
    }

    /// What wants its name waits until a person makes room.
    fn stands_in_the_way(&mut self, action: &Action) -> Result<()> {
        let path = action.path().cloned().unwrap_or_else(RelPath::root);
        let problem = ProblemRow::in_the_way(action.side, &path);
        self.out.failed.insert((action.side, path));
        self.summary.failed += 1;
        self.engine
            .state()
            .transaction(|state| state.add_problems("execute", &BTreeSet::from([problem])))
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

    async fn folder_deleted(
        &mut self,
        action: Arc<Action>,
        visible: &mut Vec<Finished>,
    ) -> Result<()> {
        let mut junk = Vec::new();
        let answer = self.delete_folder(&action, &mut junk).await;
        let before = visible.len();
        match answer {
            Ok(Some(deleted)) => self.deleted(action, Ok(deleted), visible)?,
            Ok(None) if self.is_kept_already(&action)? => self.stands_in_the_way(&action)?,
            Ok(None) => visible.push(self.detached(action)?),
            Err(error) => self.gave_up(&action, error, None)?,
        }
        match visible.get_mut(before) {
            Some(finished) => finished.also = junk,
            None => self.engine.state().transaction(|state| {
                // The folder stays, and what was in it is among the versions.
                junk.iter()
                    .try_for_each(|row| state.add_journal(row).map(drop))
            })?,
        }
        Ok(())
    }

    /// Deletes a folder. If all that is left in it is junk that is not synced, that goes into versions with it, for
    /// nobody has seen it; `None` if there is something else that is not synced. `kept` gets a line for each.
    async fn delete_folder(
        &mut self,
        action: &Action,
        kept: &mut Vec<JournalRow>,
    ) -> Answer<Option<Deleted>> {
        let Deed::Delete { at, absent, .. } = &action.deed else {
            return Ok(None);
        };
        let root = Arc::clone(self.engine.root(action.side));
        still_absent(self.engine.root(action.side.other()), absent.as_ref()).await?;
        still_there(&root, at, self.engine.capabilities(action.side).ids).await?;
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
        let is_unsynced = |e: &Entry| self.is_unsynced(action.side, &at.path.join(&e.name), e);
        if !left.iter().all(is_unsynced) && !removed!("completeness") {
            let why = "the folder is not empty";
            return Err(StorageError::new("delete", Cause::PreconditionFailed, why).at(&at.path));
        }
        let is_junk = |e: &Entry| e.kind == Kind::File && filter::is_junk(&e.name);
        if !left.iter().all(is_junk) {
            return Ok(None);
        }
        for entry in left {
            let path = at.path.join(&entry.name);
            let Some(keep) = self.keep(action.side, &path, Retain::Unseen) else {
                return Ok(None);
            };
            kept.push(
                self.delete_junk(action, At { path, entry }, &keep, &root)
                    .await?,
            );
        }
        root.delete(&locate(at), &expected, &Keep::No, Discard::Forever)
            .await
            .map(Some)
    }

    /// Sets aside what lies in a folder that is deleted, and answers its line of the journal.
    async fn delete_junk(
        &self,
        action: &Action,
        at: At,
        keep: &Keep,
        root: &Arc<dyn Root>,
    ) -> Answer<JournalRow> {
        let expected = Expected::of(Some(&at.entry));
        let deleted = root
            .delete(&locate(&at), &expected, keep, Discard::Forever)
            .await?;
        let (before, version) = match deleted.displaced {
            Some(displaced) => (displaced.entry, Some(displaced.version)),
            None => (Some(at.entry), deleted.kept),
        };
        Ok(JournalRow {
            path: at.path.to_string(),
            before,
            version,
            keep: true,
            ..journal_row(action, self.run, self.engine.now())
        })
    }
}

/// A move that came to the name it was to have.
pub(super) fn landed(moved: Committed) -> Answer<Committed> {
    if moved.displaced.is_none() && moved.landed_as.is_some() && !removed!("expectation") {
        let why = "something else was there";
        return Err(StorageError::new("move", Cause::PreconditionFailed, why));
    }
    Ok(moved)
}

/// An id finds an item wherever a person has moved it since: there it is not deleted. What is gone altogether is.
async fn still_there(root: &Arc<dyn Root>, at: &At, ids: Ids) -> Answer<()> {
    if ids != Ids::Strong || removed!("expectation") {
        return Ok(());
    }
    let is_it = |there: &Entry| (&there.id, &there.name) == (&at.entry.id, &at.entry.name);
    let there = root.stat(&Locator::of_path(at.path.clone())).await?;
    if there.as_ref().is_some_and(is_it) {
        return Ok(());
    }
    if there.is_some() {
        // It may have a twin, which answers to the path.
        let folder = at.path.parent().unwrap_or_else(RelPath::root);
        let beside = children(root, &folder).await?;
        if beside.is_some_and(|all| all.iter().any(is_it)) {
            return Ok(());
        }
    }
    if root.stat(&locate(at)).await?.is_none() {
        return Ok(());
    }
    let why = "it is not where it was";
    Err(StorageError::new("delete", Cause::PreconditionFailed, why).at(&at.path))
}

async fn still_absent(root: &Arc<dyn Root>, absence: Option<&Absence>) -> Answer<()> {
    let Some(Absence { path, instead }) = absence.filter(|_| !removed!("expectation")) else {
        return Ok(());
    };
    let there = root.stat(&Locator::of_path(path.clone())).await?;
    // Where case or form does not count, another spelling answers too: that is another item.
    let Some(there) = there.filter(|there| path.name().as_ref() == Some(&there.name)) else {
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
