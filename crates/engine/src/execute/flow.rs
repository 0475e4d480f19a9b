//! Groups of transfers on their way: staged side by side, made visible together, recorded when the next group or the
//! end has made them durable.
//!
//! While one group is staged, the one before is made visible beside it, and the engine's own task records an earlier
//! one and begins another. Groups become visible one after the other, and nothing settles the side meanwhile: a flush
//! answers for what was visible before it began.

use std::collections::VecDeque;
use std::sync::Arc;

use tandem_core::environment::{BoxFuture, SharedEnvironment};
use tandem_core::error::{Cause, StorageError};
use tandem_core::mutant;
use tandem_core::plan::{Action, Deed};
use tandem_core::side::Side;
use tandem_core::storage::{Commit, Committed, Root};

use super::transfer::{Begun, Moved, Ready};
use super::{Execution, Finished};
use crate::error::Result;
use crate::parallel::{Running, answers_in_parallel, begin_after, begin_in_parallel};
use crate::single::no_answer;

/// Files that become visible together, at most.
const MOST_FILES: usize = 1024;

/// Bytes that become visible together, unless one file has more.
const MOST_BYTES: u64 = 64 << 20;

/// Groups that are staged before the oldest of them is waited for: so there is always one more to go on with.
const STAGED_AHEAD: usize = 1;

type CommitAnswer = tandem_core::error::Result<Committed>;

/// A group that is being made visible.
struct Committing {
    ready: Vec<Ready>,
    running: Running<Vec<CommitAnswer>>,
    /// What was visible before: the group's flush makes it durable.
    covered: Vec<Finished>,
}

/// What is on its way, in the order in which it is recorded from the end to the beginning of this list.
pub(super) struct Flow {
    side: Side,
    /// The oldest first.
    staging: VecDeque<(Vec<Begun>, Running<Moved>)>,
    /// Visible, and not durable yet: transfers, and folders that later ones go into.
    pub(super) visible: Vec<Finished>,
    committing: Option<Committing>,
    /// Durable, and not recorded yet.
    pub(super) durable: Vec<Finished>,
}

impl Flow {
    /// Nothing is on its way to `side`.
    pub(super) const fn to(side: Side) -> Self {
        Self {
            side,
            staging: VecDeque::new(),
            visible: Vec::new(),
            committing: None,
            durable: Vec::new(),
        }
    }

    fn is_idle(&self) -> bool {
        self.staging.is_empty()
            && self.committing.is_none()
            && self.visible.is_empty()
            && self.durable.is_empty()
    }

    /// Takes folders that were made, to become durable with the transfers; `false` if they must be settled by
    /// themselves.
    pub(super) fn take_folders(&mut self, made: &mut Vec<Finished>) -> bool {
        let Some(side) = made.first().map(|first| first.action.side) else {
            return true;
        };
        let is_one = |f: &Finished| is_folder(f) && f.action.side == side;
        if !made.iter().all(is_one) || (side != self.side && !self.is_idle()) {
            return false;
        }
        self.side = side;
        self.visible.append(made);
        true
    }
}

fn is_folder(finished: &Finished) -> bool {
    matches!(finished.action.deed, Deed::CreateFolder { .. })
}

impl Execution<'_> {
    /// Carries transfers to one side. The last groups go on when this returns.
    pub(super) async fn transfers(
        &mut self,
        side: Side,
        transfers: Vec<Arc<Action>>,
    ) -> Result<()> {
        if self.flow.side != side && !transfers.is_empty() {
            self.end_transfers().await?;
            self.flow.side = side;
        }
        for group in groups(transfers) {
            if self.is_stopped() {
                break;
            }
            let (begun, jobs) = self.begin_staging(side, group).await?;
            let setup = &self.engine.setup;
            let before = self.flow.staging.back_mut().map(|(_, running)| running);
            let limit = setup.options.limits.transfers;
            let running = begin_after(&setup.environment, limit, before, jobs);
            self.flow.staging.push_back((begun, running));
            if self.flow.staging.len() > STAGED_AHEAD {
                let ready = self.end_staging().await?;
                self.begin_commit(ready).await?;
            }
        }
        Ok(())
    }

    /// Waits for all transfers that are under way, and records them.
    pub(super) async fn end_transfers(&mut self) -> Result<()> {
        while !self.flow.staging.is_empty() {
            let ready = self.end_staging().await?;
            self.begin_commit(ready).await?;
        }
        self.settle_flow().await
    }

    /// Waits until what this plan has made of folders is recorded: the next part is planned with them.
    pub(super) async fn end_folders(&mut self) -> Result<()> {
        let covered = self.flow.committing.as_ref().map(|c| &c.covered);
        let waits = self.flow.visible.iter().any(is_folder);
        if waits || covered.is_some_and(|covered| covered.iter().any(is_folder)) {
            self.end_commit().await?;
        }
        if waits {
            return self.settle_flow().await;
        }
        if self.flow.durable.iter().any(is_folder) {
            let durable = std::mem::take(&mut self.flow.durable);
            self.close(durable).await?;
        }
        Ok(())
    }

    /// What of the oldest group was staged; what was not is given up.
    async fn end_staging(&mut self) -> Result<Vec<Ready>> {
        let Some((begun, running)) = self.flow.staging.pop_front() else {
            return Ok(Vec::new());
        };
        let answers = running.answers().await;
        let mut ready = Vec::with_capacity(begun.len());
        for (begun, answer) in begun.into_iter().zip(answers) {
            match answer {
                Ok(moved) => {
                    let text = self.text_of(&begun.action, begun.carried.as_ref()).await;
                    ready.push(Ready { begun, moved, text });
                }
                Err(error) => self.gave_up(&begun.action, error, Some(begun.intent))?,
            }
        }
        Ok(ready)
    }

    /// Begins to make a group visible, once the one before it is.
    async fn begin_commit(&mut self, mut ready: Vec<Ready>) -> Result<()> {
        if ready.is_empty() {
            return Ok(());
        }
        self.end_commit().await?;
        if self.is_stopped() {
            return self.take_back(ready).await;
        }
        // What a storage cannot stage it sends now, after what is staged.
        ready.sort_by_key(|r| r.moved.staged.content.is_some());
        let staged = ready.partition_point(|r| r.moved.staged.content.is_none());
        let committing = commit(
            Arc::clone(self.engine.root(self.flow.side)),
            Arc::clone(&self.engine.setup.environment),
            self.engine.setup.options.limits.transfers,
            ready.iter().map(Ready::commit).collect(),
            staged,
        );
        let job: BoxFuture<_> = Box::pin(async move { Ok(committing.await) });
        self.flow.committing = Some(Committing {
            ready,
            running: begin_in_parallel(&self.engine.setup.environment, 1, vec![job]),
            covered: std::mem::take(&mut self.flow.visible),
        });
        Ok(())
    }

    /// Waits for the group that is being made visible.
    pub(super) async fn end_commit(&mut self) -> Result<()> {
        let Some(Committing {
            ready,
            running,
            covered,
        }) = self.flow.committing.take()
        else {
            return Ok(());
        };
        let results = results(running, ready.len()).await;
        let flushed = Flushed::of(&results);
        for (ready, result) in ready.into_iter().zip(results) {
            let visible = self.take_result(ready, result)?;
            self.flow.visible.extend(visible);
        }
        match flushed {
            Flushed::Yes => {
                self.flow.durable.extend(covered);
                Ok(())
            }
            Flushed::Unknown => self.settle_transfers(covered).await,
            Flushed::Failed(why) => {
                let error = StorageError::new("settle", Cause::LocalIo, why);
                self.not_durable(covered, error)
            }
        }
    }

    /// Makes all that is visible durable, and records it.
    pub(super) async fn settle_flow(&mut self) -> Result<()> {
        self.end_commit().await?;
        let visible = std::mem::take(&mut self.flow.visible);
        self.settle_transfers(visible).await
    }

    /// Makes durable what is visible, then records it, after what is durable already.
    async fn settle_transfers(&mut self, visible: Vec<Finished>) -> Result<()> {
        let durable = std::mem::take(&mut self.flow.durable);
        self.close(durable).await?;
        if visible.is_empty() {
            return Ok(());
        }
        match self.engine.settle(self.flow.side).await {
            Ok(()) => self.close(visible).await,
            Err(error) => self.not_durable(visible, error),
        }
    }

    /// Throws away what is staged and will not be made visible: the pass has stopped.
    async fn take_back(&mut self, staged: Vec<Ready>) -> Result<()> {
        for ready in staged {
            self.doubt(&ready.begun.action);
            let staged = &ready.moved.staged;
            let root = self.engine.root(self.flow.side);
            if staged.content.is_none()
                && let Err(error) = root.discard(&staged.token).await
            {
                // The next pass finds it by its intent.
                tracing::warn!(%error, "what was staged could not be discarded");
                continue;
            }
            self.engine.state().close_intent(ready.begun.intent)?;
        }
        Ok(())
    }

    /// A flush failed.
    pub(super) fn not_durable(
        &mut self,
        visible: Vec<Finished>,
        error: StorageError,
    ) -> Result<()> {
        let error = StorageError::new("settle", Cause::LocalIo, error.to_string());
        self.not_in_step(visible, &error)
    }

    /// What was done may not last: nothing of it is recorded, all of it is looked at again.
    pub(super) fn not_in_step(&mut self, done: Vec<Finished>, why: &StorageError) -> Result<()> {
        let written = done
            .iter()
            .map(|one| (&*one.action, one.done.entry.as_ref()));
        self.engine.note_doubtful(written)?;
        self.note_own_writes(&done)?;
        for one in done {
            if is_folder(&one) {
                self.lost.insert(one.action.standing.item);
            }
            let error = StorageError::new(why.operation, why.cause, why.detail.clone());
            // What was deleted is no person's delete: its intent stays open until that is noted.
            let is_delete = matches!(one.action.deed, Deed::Delete { .. });
            self.out.is_cut_off |= is_delete;
            let (intent, version) = match is_delete {
                true => (None, None),
                false => (one.intent, one.version),
            };
            self.gave_up_keeping(&one.action, error, intent, version)?;
        }
        Ok(())
    }

    /// What replaced something is there, though it is not recorded: it is no person's edit.
    pub(super) fn note_own_writes(&self, done: &[Finished]) -> Result<()> {
        let replaced = done.iter().filter_map(|one| match &one.action.deed {
            Deed::Transfer {
                replaces: Some(_), ..
            } => Some((one.action.side, &one.done.entry.as_ref()?.revision)),
            _ => None,
        });
        self.engine.state().note_own_writes(replaced)
    }

    /// What lies in a folder that was not made durable is not recorded either.
    pub(super) fn without_lost(&mut self, finished: Vec<Finished>) -> Result<Vec<Finished>> {
        if self.lost.is_empty() {
            return Ok(finished);
        }
        let mut kept = Vec::with_capacity(finished.len());
        for one in finished {
            if self.lost.contains(&one.action.standing.parent) {
                let why = "its folder may not be durable";
                let error = StorageError::new("settle", Cause::LocalIo, why);
                self.not_durable(vec![one], error)?;
            } else {
                kept.push(one);
            }
        }
        Ok(kept)
    }
}

/// What the answers of a group tell of its flush.
enum Flushed {
    Yes,
    /// No member came so far as to need one.
    Unknown,
    /// It may have failed. The system tells of that once: another flush would say that all is well.
    Failed(String),
}

impl Flushed {
    fn of(results: &[CommitAnswer]) -> Self {
        let is_flush = |e: &&StorageError| matches!(e.cause, Cause::LocalIo | Cause::Quota);
        let is_taken_for_good = mutant!("P5 a failed flush counts");
        if is_taken_for_good || results.iter().any(|result| result.is_ok()) {
            return Self::Yes;
        }
        let mut errors = results.iter().filter_map(|result| result.as_ref().err());
        match errors.find(is_flush) {
            Some(error) => Self::Failed(error.to_string()),
            None => Self::Unknown,
        }
    }
}

/// Makes a group visible: its first `staged` members together, the others each by itself, side by side.
async fn commit(
    root: Arc<dyn Root>,
    environment: SharedEnvironment,
    limit: usize,
    mut group: Vec<Commit>,
    staged: usize,
) -> Vec<CommitAnswer> {
    let sent_now = group.split_off(staged);
    let mut results = Vec::new();
    if !group.is_empty() {
        results = root.commit(group).await;
    }
    let jobs = sent_now
        .into_iter()
        .map(|commit| -> BoxFuture<_> {
            let root = Arc::clone(&root);
            Box::pin(async move {
                let answer = root.commit(vec![commit]).await.pop();
                answer.unwrap_or_else(|| Err(no_answer()))
            })
        })
        .collect();
    results.extend(answers_in_parallel(&environment, limit, jobs).await);
    results
}

/// An answer for each of `members`.
async fn results(running: Running<Vec<CommitAnswer>>, members: usize) -> Vec<CommitAnswer> {
    let answer = running.answers().await.pop();
    let mut results = match answer.unwrap_or_else(|| Err(no_answer())) {
        Ok(results) => results,
        Err(error) => {
            let same = || StorageError::new("commit", error.cause, error.to_string());
            (0..members).map(|_| Err(same())).collect()
        }
    };
    results.resize_with(members, || Err(no_answer()));
    results
}

fn groups(transfers: Vec<Arc<Action>>) -> Vec<Vec<Arc<Action>>> {
    let mut groups: Vec<Vec<Arc<Action>>> = Vec::new();
    let mut bytes = 0;
    for action in transfers {
        let more = action.bytes();
        match groups.last_mut() {
            Some(group) if group.len() < MOST_FILES && bytes + more <= MOST_BYTES => {
                bytes += more;
                group.push(action);
            }
            _ => {
                bytes = more;
                groups.push(vec![action]);
            }
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_failed_in_its_flush_proves_nothing_of_the_one_before() {
        let failed = |cause| Err(StorageError::new("commit", cause, ""));
        let overtaken = || failed(Cause::PreconditionFailed);
        assert!(matches!(Flushed::of(&[overtaken()]), Flushed::Unknown));
        for cause in [Cause::LocalIo, Cause::Quota] {
            let answers = [overtaken(), failed(cause)];
            assert!(matches!(Flushed::of(&answers), Flushed::Failed(_)));
        }
    }
}
