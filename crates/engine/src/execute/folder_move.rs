//! Moving a folder, also where the storage can only move what is in it, one by one.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tandem_core::capabilities::ListingConsistency;
use tandem_core::entry::{Entry, Kind};
use tandem_core::environment::BoxFuture;
use tandem_core::error::{Cause, ErrorKind, StorageError};
use tandem_core::path::{PathError, RelPath};
use tandem_core::plan::At;
use tandem_core::removed;
use tandem_core::side::Side;
use tandem_core::storage::{
    Committed, Depth, Discard, Displaced, Expected, Keep, Listed, Locator, Root,
};

use super::operation::{landed, locate};
use super::{Execution, something_else};
use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::parallel::answers_in_parallel;
use crate::state::ProblemRow;

type Answer<T> = tandem_core::error::Result<T>;

/// So often more is looked for what is still in a folder after all in it was moved.
const MOST_TRIES: u32 = 4;

/// How an intent says that it moves a folder; from where follows.
const MOVE_FROM: &str = "folder from ";

impl Engine {
    /// Moves an item; a folder item by item where the storage cannot move it whole.
    async fn move_item(&self, side: Side, from: &At, to: &RelPath) -> Result<Answer<Committed>> {
        let root = self.root(side);
        let expected = Expected::of(Some(&from.entry));
        if !self.moves_in_steps(side, from) {
            let (at, free) = (locate(from), Expected::of(None));
            return Ok(root.move_to(&at, &expected, to, &free, &Keep::No).await);
        }
        let mut displaced = Vec::new();
        let mut moved = self.move_in_steps(side, from, to, &mut displaced).await;
        self.note_displaced(side, &displaced)?;
        if !displaced.is_empty() && !removed!("expectation") {
            moved = moved.and(Err(something_else()));
        }
        Ok(moved)
    }

    /// Somebody else's content that stood where something went, or was saved to what was moved away meanwhile, is
    /// `displaced` then: all of it, however the move ends.
    async fn move_in_steps(
        &self,
        side: Side,
        from: &At,
        to: &RelPath,
        displaced: &mut Vec<Displaced>,
    ) -> Answer<Committed> {
        let mut tries = 0;
        while let Err(error) = self.move_below(side, &from.path, to, displaced).await {
            // Somebody put something in meanwhile, or the listing lags behind.
            let is_not_empty = error.operation == "delete" && error.is_lost_race();
            if !is_not_empty || tries == MOST_TRIES {
                return Err(error);
            }
            if self.capabilities(side).listing == ListingConsistency::Eventual {
                let pause = Duration::from_secs(1 << tries);
                self.setup.environment.sleep(pause).await;
            }
            tries += 1;
        }
        let entry = self.root(side).stat(&Locator::of_path(to.clone())).await?;
        // A person may have put something else in its place meanwhile.
        let entry = entry.filter(|entry| entry.kind == Kind::Folder);
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

    /// Moves what is in `from`, and removes the folders that are empty then. What an earlier try moved is not there
    /// any more.
    async fn move_below(
        &self,
        side: Side,
        from: &RelPath,
        to: &RelPath,
        displaced: &mut Vec<Displaced>,
    ) -> Answer<()> {
        let root = self.root(side);
        let mut folders = vec![(from.clone(), to.clone())];
        let mut emptied = Vec::new();
        while let Some((old, new)) = folders.pop() {
            root.create_folder(&new).await?;
            let inside = match children(root, &old).await {
                Err(error) if error.cause == Cause::NotFound && old != *from => continue,
                inside => inside?,
            };
            let inside = inside.ok_or_else(|| {
                StorageError::new(
                    "move",
                    Cause::Unsupported,
                    "something in the folder cannot be moved",
                )
                .at(&old)
            })?;
            let mut jobs: Vec<BoxFuture<Answer<Option<Displaced>>>> = Vec::new();
            for entry in inside {
                let (path, target) = (old.join(&entry.name), new.join(&entry.name));
                if entry.kind == Kind::Folder {
                    folders.push((path, target));
                } else {
                    let root = Arc::clone(root);
                    jobs.push(Box::pin(async move {
                        move_file(&root, &At { path, entry }, &target).await
                    }));
                }
            }
            let limit = self.setup.options.limits.operations;
            let answers = answers_in_parallel(&self.setup.environment, limit, jobs).await;
            let mut failed = None;
            for answer in answers {
                match answer {
                    Ok(found) => displaced.extend(found),
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
            if let Some(error) = failed {
                return Err(error);
            }
            emptied.push(old);
        }
        for old in emptied.into_iter().rev() {
            let at = Locator::of_path(old);
            let Some(there) = root.stat(&at).await? else {
                continue;
            };
            if there.kind != Kind::Folder {
                // A person has put it there meanwhile.
                return Err(something_else());
            }
            let expected = Expected::of(Some(&there));
            root.delete(&at, &expected, &Keep::No, Discard::Forever)
                .await?;
        }
        Ok(())
    }

    /// Takes back what interrupted moves of folders have done so far, so that what is planned next finds the
    /// folder where the base has it: without ids the two halves could not be told to be one.
    pub(crate) async fn take_back_moves(&self) -> Result<()> {
        let intents = self.state().intents()?;
        // The last one first: it may lie within what an earlier one moved.
        for intent in intents.iter().rev() {
            if let Some(from) = intent.what.strip_prefix(MOVE_FROM) {
                let damaged = |e: PathError| EngineError::DamagedState(e.to_string());
                let from = RelPath::new(from).map_err(damaged)?;
                self.end_move(intent.id, intent.side, &from, &intent.target)
                    .await?;
            }
        }
        Ok(())
    }

    /// Takes one move back and closes its intent. Only what may pass keeps it open.
    async fn end_move(&self, intent: i64, side: Side, from: &RelPath, to: &RelPath) -> Result<()> {
        match self.take_back(side, from, to).await? {
            Err(error) if error.is_transient() || error.kind == ErrorKind::Auth => {
                return Err(EngineError::Storage { side, error });
            }
            Err(error) => {
                tracing::warn!(%error, "a folder that was half moved stays so");
                let problem = ProblemRow {
                    side,
                    path: from.to_string(),
                    why: "half_moved".to_owned(),
                    detail: to.to_string(),
                };
                self.state().transaction(|state| {
                    state.add_problems("execute", &BTreeSet::from([problem]))
                })?;
            }
            Ok(()) => {}
        }
        self.state().close_intent(intent)
    }

    async fn take_back(&self, side: Side, from: &RelPath, to: &RelPath) -> Result<Answer<()>> {
        let there = match self.root(side).stat(&Locator::of_path(to.clone())).await {
            Ok(there) => there.filter(|entry| entry.kind == Kind::Folder),
            Err(error) => return Ok(Err(error)),
        };
        let Some(entry) = there else {
            return Ok(Ok(()));
        };
        let half = At {
            path: to.clone(),
            entry,
        };
        Ok(self.move_item(side, &half, from).await?.map(drop))
    }
}

/// What moving an item came to.
pub(crate) struct Moving {
    /// What the storage answered.
    pub(crate) answer: Answer<Committed>,
    /// The intent that is open until the move is recorded.
    pub(crate) intent: Option<i64>,
}

impl Engine {
    /// Moves an item. Where a folder can only be moved step by step, what was done is taken back if it fails, also by
    /// the next pass if this one does not come so far.
    pub(crate) async fn move_or_take_back(
        &self,
        side: Side,
        from: &At,
        to: &RelPath,
    ) -> Result<Moving> {
        if !self.moves_in_steps(side, from) {
            let answer = self.move_item(side, from, to).await?;
            return Ok(Moving {
                answer,
                intent: None,
            });
        }
        if let Err(error) = self.require_free(side, to).await {
            return Ok(Moving {
                answer: Err(error),
                intent: None,
            });
        }
        let what = format!("{MOVE_FROM}{}", from.path);
        let now = self.now();
        let begun = self.state().add_intent(side, to, &what, None, now)?;
        let answer = self.move_item(side, from, to).await?;
        if answer.is_err() {
            self.end_move(begun, side, &from.path, to).await?;
        }
        Ok(Moving {
            intent: answer.is_ok().then_some(begun),
            answer,
        })
    }

    fn moves_in_steps(&self, side: Side, from: &At) -> bool {
        from.entry.kind == Kind::Folder && !self.capabilities(side).folder_move
    }

    /// Two folders would become one, and taking that back would take the other's files too.
    async fn require_free(&self, side: Side, to: &RelPath) -> Answer<()> {
        let there = self.root(side).stat(&Locator::of_path(to.clone())).await?;
        // Where case or form does not count, the folder itself may answer under its other spelling.
        let is_it = |there: &Entry| to.name().as_ref() == Some(&there.name);
        match there.filter(|there| is_it(there) && !removed!("expectation")) {
            None => Ok(()),
            Some(_) => {
                let why = "something else was there";
                Err(StorageError::new("move", Cause::AlreadyExists, why).at(to))
            }
        }
    }
}

impl Execution<'_> {
    /// Moves an item.
    pub(super) async fn move_planned(
        &mut self,
        side: Side,
        from: &At,
        to: &RelPath,
    ) -> Result<(Answer<Committed>, Option<i64>)> {
        let moving = self.engine.move_or_take_back(side, from, to).await;
        let is_moved = matches!(&moving, Ok(moving) if moving.answer.is_ok());
        if !is_moved && self.engine.moves_in_steps(side, from) {
            for path in [&from.path, to] {
                self.out.doubts[side].add(path.parent().unwrap_or_else(RelPath::root), true);
            }
        }
        match moving {
            Ok(moving) => Ok((moving.answer, moving.intent)),
            // It could not be taken back: the next pass begins with it.
            Err(EngineError::Storage { side, error }) => {
                let told = StorageError::new("move", error.cause, error.to_string());
                self.out.stopped = Some(EngineError::Storage { side, error });
                Ok((Err(told), None))
            }
            Err(error) => Err(error),
        }
    }
}

/// Moves what is no folder. A copy that an interrupted move has left there already is the same. Answers what somebody
/// else has lost by it.
async fn move_file(root: &Arc<dyn Root>, from: &At, to: &RelPath) -> Answer<Option<Displaced>> {
    let expected = Expected::of(Some(&from.entry));
    let moved = root
        .move_to(&locate(from), &expected, to, &Expected::of(None), &Keep::No)
        .await;
    match moved {
        Err(error) if error.cause == Cause::AlreadyExists => {
            let there = root.stat(&Locator::of_path(to.clone())).await?;
            if !there.is_some_and(|there| is_copy(&from.entry, &there)) && !removed!("expectation")
            {
                return Err(error);
            }
            // Nothing is kept of it: the same content stands there.
            let deleted = root
                .delete(&locate(from), &expected, &Keep::No, Discard::Forever)
                .await?;
            Ok(deleted.displaced)
        }
        moved => Ok(landed(moved?)?.displaced),
    }
}

/// Whether two entries of one side are surely of one content.
fn is_copy(a: &Entry, b: &Entry) -> bool {
    a.kind == b.kind && a.size == b.size && a.same_by_hash(b) == Some(true)
}

/// What is in a folder; `None` if there is something that cannot be told as an entry.
pub(super) async fn children(root: &Arc<dyn Root>, folder: &RelPath) -> Answer<Option<Vec<Entry>>> {
    let mut listing = root.list(folder, Depth::Children);
    let mut found = Vec::new();
    let mut incomplete = (Cause::BadResponse, "the listing ended early");
    while let Some(listed) = listing.next().await {
        match listed? {
            Listed::Folder(listing) => {
                if !listing.skipped.is_empty() && !removed!("completeness") {
                    return Ok(None);
                }
                found.extend(listing.entries);
            }
            Listed::Unreadable(_) => {
                incomplete = (Cause::Forbidden, "it cannot be read");
                break;
            }
            Listed::End => return Ok(Some(found)),
        }
    }
    if removed!("completeness") {
        return Ok(Some(found));
    }
    let (cause, why) = incomplete;
    Err(StorageError::new("list", cause, why))
}
