//! Deletes: bottom-up, each noted before it is done and done only while the item is still absent on the other side.

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
use tandem_core::storage::{Deleted, Discard, Expected, Keep, Locator, Root};

use super::folder_move::children;
use super::operation::{STEPS, locate};
use super::recording::journal_row;
use super::{Execution, Finished, chunks};
use crate::error::Result;
use crate::parallel::answers_in_parallel;
use crate::state::{Deletion, JournalRow, PreImage, ProblemRow, UNSYNCED_CHILD};

type Answer<T> = tandem_core::error::Result<T>;

/// A delete that is noted and about to be done.
struct Begun {
    action: Arc<Action>,
    keep: Keep,
    intent: i64,
}

impl Begun {
    fn is_folder(&self) -> bool {
        matches!(&self.action.deed, Deed::Delete { at, .. } if at.entry.kind == Kind::Folder)
    }
}

impl Execution<'_> {
    /// Deletes in the plan's order.
    pub(super) async fn deletes(&mut self, deletes: Vec<Arc<Action>>) -> Result<()> {
        for group in chunks(deletes, STEPS) {
            if self.is_stopped() || !self.roots_still_hold(&group).await? {
                return Ok(());
            }
            let mut visible = Vec::new();
            let mut files = Vec::new();
            for begun in self.begin_deletes(group)? {
                if begun.is_folder() {
                    self.delete_files(std::mem::take(&mut files), &mut visible)
                        .await?;
                    self.folder_deleted(begun, &mut visible).await?;
                } else {
                    files.push(begun);
                }
            }
            self.delete_files(files, &mut visible).await?;
            self.settle_and_record(visible).await?;
        }
        Ok(())
    }

    /// Notes what is about to be deleted: a run that ends before it can record that would take it for a person's.
    fn begin_deletes(&mut self, group: Vec<Arc<Action>>) -> Result<Vec<Begun>> {
        let mut wanted = Vec::with_capacity(group.len());
        for action in group {
            let Deed::Delete { at, retain, .. } = &action.deed else {
                continue;
            };
            let keep = match at.entry.kind {
                Kind::Folder => Some(Keep::No),
                _ => self.keep(action.side, &at.path, *retain),
            };
            match keep {
                Some(keep) => {
                    let noted = self.deletion(&action, at, *retain, &keep);
                    wanted.push((action, keep, noted));
                }
                None => {
                    let why = "the deleted content cannot be kept";
                    let error = StorageError::new("delete", Cause::Unsupported, why);
                    self.gave_up(&action, error, None)?;
                }
            }
        }
        let now = self.engine.now();
        let intents = self.engine.state().transaction(|state| {
            let begin = wanted.iter().map(|(action, _, (deletion, pre_image))| {
                let target = action.path().cloned().unwrap_or_else(RelPath::root);
                state.add_deletion(action.side, &target, deletion, pre_image, now)
            });
            begin.collect::<Result<Vec<_>>>()
        })?;
        let begun = wanted.into_iter().zip(intents);
        Ok(begun
            .map(|((action, keep, _), intent)| Begun {
                action,
                keep,
                intent,
            })
            .collect())
    }

    /// What a run after this one would have to know of the delete.
    fn deletion(
        &self,
        action: &Action,
        at: &At,
        retain: Retain,
        keep: &Keep,
    ) -> (Deletion, PreImage) {
        let standing = &action.standing;
        let place = self.places.get(&standing.item).cloned();
        let (parent, name) = place.unwrap_or_else(|| (standing.parent, standing.name.clone()));
        let deletion = Deletion {
            item: standing.item,
            parent,
            name,
            reason: action.reason,
        };
        let version = match keep {
            Keep::Version(version) => Some(version.clone()),
            _ => None,
        };
        let pre_image = PreImage {
            before: at.entry.clone(),
            version,
            keep: retain == Retain::Unseen,
        };
        (deletion, pre_image)
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

    async fn delete_files(&mut self, files: Vec<Begun>, visible: &mut Vec<Finished>) -> Result<()> {
        let mut jobs: Vec<BoxFuture<Answer<Deleted>>> = Vec::new();
        for begun in &files {
            let action = &begun.action;
            let Deed::Delete { at, absent, .. } = &action.deed else {
                continue;
            };
            let root = Arc::clone(self.engine.root(action.side));
            let other = Arc::clone(self.engine.root(action.side.other()));
            let (at, expected, absent) = (at.clone(), action.expected(), absent.clone());
            let (ids, keep) = (
                self.engine.capabilities(action.side).ids,
                begun.keep.clone(),
            );
            jobs.push(Box::pin(async move {
                still_absent(&other, absent.as_ref()).await?;
                still_there(&root, &at, ids).await?;
                root.delete(&locate(&at), &expected, &keep, Discard::Forever)
                    .await
            }));
        }
        let limit = self.engine.setup.options.limits.operations;
        let answers = answers_in_parallel(&self.engine.setup.environment, limit, jobs).await;
        for (begun, answer) in files.into_iter().zip(answers) {
            self.deleted(begun, answer, visible)?;
        }
        Ok(())
    }

    fn deleted(
        &mut self,
        begun: Begun,
        answer: Answer<Deleted>,
        visible: &mut Vec<Finished>,
    ) -> Result<()> {
        let Begun { action, intent, .. } = begun;
        match answer {
            Ok(deleted) => {
                let displaced = deleted.displaced.as_ref();
                if let Some(displaced) = displaced.filter(|_| !removed!("expectation")) {
                    return self.lost_race(&action, displaced, Some(intent));
                }
                visible.push(Finished {
                    version: deleted.kept,
                    intent: Some(intent),
                    ..Finished::new(action, Done::default())
                });
                Ok(())
            }
            Err(error) => self.gave_up(&action, error, Some(intent)),
        }
    }

    /// The folder stays for what is not synced in it: the pair drops it, and does not carry it back.
    fn detached(&self, begun: Begun) -> Result<Finished> {
        let Begun { action, intent, .. } = begun;
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
        Ok(Finished {
            intent: Some(intent),
            ..Finished::new(Arc::new(action), Done::default())
        })
    }

    /// Whether the folder was left behind for what is not synced in it before: something wants its name by now.
    fn is_kept_already(&self, action: &Action) -> Result<bool> {
        let path = action.path().cloned().unwrap_or_else(RelPath::root);
        let why = self.engine.state().why_detached(action.side, &path)?;
        Ok(why.as_deref() == Some(UNSYNCED_CHILD))
    }

    /// What wants its name waits until a person makes room.
    fn stands_in_the_way(&mut self, begun: &Begun) -> Result<()> {
        let action = &begun.action;
        let path = action.path().cloned().unwrap_or_else(RelPath::root);
        let problem = ProblemRow::in_the_way(action.side, &path);
        self.out.failed.insert((action.side, path));
        self.summary.failed += 1;
        self.engine.state().transaction(|state| {
            state.close_intent(begun.intent)?;
            state.add_problems("execute", &BTreeSet::from([problem]))
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

    async fn folder_deleted(&mut self, begun: Begun, visible: &mut Vec<Finished>) -> Result<()> {
        let mut junk = Vec::new();
        let answer = self.delete_folder(&begun.action, &mut junk).await;
        let before = visible.len();
        match answer {
            Ok(Some(deleted)) => self.deleted(begun, Ok(deleted), visible)?,
            Ok(None) if self.is_kept_already(&begun.action)? => self.stands_in_the_way(&begun)?,
            Ok(None) => visible.push(self.detached(begun)?),
            Err(error) => self.deleted(begun, Err(error), visible)?,
        }
        match visible.get_mut(before) {
            Some(finished) => finished.also = junk,
            None => {
                // The folder stays, and what was in it is among the versions.
                let state = self.engine.state();
                for row in &junk {
                    state.add_journal(row)?;
                }
            }
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
