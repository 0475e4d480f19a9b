//! Carries content: staged side by side, made visible in groups, recorded when the next group or the end has
//! made them durable.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::join;
use tandem_core::capabilities::Capabilities;
use tandem_core::content::{BytesContent, SharedContent};
use tandem_core::entry::{ContentHash, Entry, Kind};
use tandem_core::environment::{BoxFuture, SharedEnvironment};
use tandem_core::error::{Cause, StorageError};
use tandem_core::path::RelPath;
use tandem_core::plan::record::{Done, add_hashes};
use tandem_core::plan::{Action, At, Deed, Retain};
use tandem_core::policy::ConflictPolicy;
use tandem_core::side::Side;
use tandem_core::storage::{
    Commit, Committed, Expected, Keep, Locator, Meta, ResumeSink, ResumeToken, Root, Staged,
};

use super::{Execution, Finished, something_else};
use crate::carried::Carried;
use crate::engine::Engine;
use crate::error::Result;
use crate::parallel::answers_in_parallel;
use crate::state::{Intent, State};

/// Files that become visible together, at most.
const MOST_FILES: usize = 1024;

/// Bytes that become visible together, unless one file has more.
const MOST_BYTES: u64 = 64 << 20;

/// Texts up to this length are kept as the base of a merge, in bytes (DESIGN 5.3).
const LONGEST_TEXT: u64 = 1 << 20;

/// Keeps resume tokens of an upload.
struct Sink {
    state: Arc<Mutex<State>>,
    intent: i64,
}

impl ResumeSink for Sink {
    fn store(&self, token: &ResumeToken) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = state.set_token(self.intent, Some(token)) {
            tracing::warn!(%error, "a resume token could not be kept");
        }
    }

    fn progress(&self, _: u64) {}
}

/// A transfer that is staged.
struct Ready {
    action: Action,
    intent: i64,
    read: Entry,
    expected: Expected,
    keep: Keep,
    staged: Staged,
    hash: Option<ContentHash>,
    sink: Arc<dyn ResumeSink>,
    /// What is read: it knows the hash once all of it has flowed.
    carried: Option<Carried>,
    text: Option<Vec<u8>>,
}

/// What staging one transfer needs, owned.
struct Job {
    root: Arc<dyn Root>,
    content: SharedContent,
    carried: Option<Carried>,
    from: At,
    /// Where to look for what the listing did not show of `from`.
    unseen: Option<Arc<dyn Root>>,
    target: RelPath,
    resume: Option<ResumeToken>,
    sink: Arc<dyn ResumeSink>,
}

/// A transfer whose content is on its way.
struct Waiting {
    action: Action,
    intent: i64,
    keep: Keep,
    sink: Arc<dyn ResumeSink>,
    carried: Option<Carried>,
}

type StageAnswer = tandem_core::error::Result<Moved>;

/// What staging came to.
struct Moved {
    staged: Staged,
    hash: Option<ContentHash>,
    /// What was read, with all that its side shows of it.
    read: Entry,
}

impl Job {
    async fn run(self) -> StageAnswer {
        let read = match &self.unseen {
            Some(root) => with_meta(root, &self.from).await?,
            None => self.from.entry.clone(),
        };
        let meta = meta_for(self.root.capabilities(), &read);
        let staged = self
            .root
            .stage(
                &self.target,
                self.content,
                &meta,
                self.resume.as_ref(),
                self.sink,
            )
            .await?;
        let hash = match &self.carried {
            Some(carried) if staged.content.is_none() => Some(carried.hash().await?),
            _ => None,
        };
        Ok(Moved { staged, hash, read })
    }
}

/// The entry with the time and the executable bit, which a listing left out (DESIGN 5.9).
async fn with_meta(root: &Arc<dyn Root>, from: &At) -> tandem_core::error::Result<Entry> {
    let error = |cause| StorageError::new("read", cause, "it has changed").at(&from.path);
    let at = Locator {
        path: from.path.clone(),
        id: from.entry.id.clone(),
    };
    let there = root
        .stat(&at)
        .await?
        .ok_or_else(|| error(Cause::NotFound))?;
    if there.revision != from.entry.revision || there.size != from.entry.size {
        return Err(error(Cause::PreconditionFailed));
    }
    Ok(Entry {
        mtime: there.mtime,
        executable: there.executable,
        ..from.entry.clone()
    })
}

impl Execution<'_> {
    /// Carries all transfers to one side.
    pub(super) async fn transfers(&mut self, side: Side, transfers: Vec<Action>) -> Result<()> {
        let mut groups = groups(transfers).into_iter();
        let mut visible: Vec<Finished> = Vec::new();
        let mut staged: Vec<Ready> = Vec::new();
        loop {
            let next = match groups.next() {
                Some(group) if !self.is_stopped() => Some(self.begin_staging(side, group)?),
                _ => None,
            };
            let is_last = next.is_none();
            let (waiting, jobs) = next.unwrap_or_default();
            // The next group is staged while this one is made visible and the one before is recorded.
            let environment = Arc::clone(&self.engine.setup.environment);
            let limit = self.engine.setup.options.limits.transfers;
            let staging = answers_in_parallel(&environment, limit, jobs);
            let ready = std::mem::take(&mut staged);
            let (answers, shown) = join(staging, self.show(side, ready, &mut visible)).await;
            shown?;
            staged = self.end_staging(waiting, answers).await?;
            if self.is_stopped() {
                self.take_back(side, std::mem::take(&mut staged)).await?;
            }
            if is_last {
                break;
            }
        }
        self.settle_transfers(side, visible).await
    }

    /// Makes a group visible, and records what that has made durable.
    async fn show(
        &mut self,
        side: Side,
        ready: Vec<Ready>,
        visible: &mut Vec<Finished>,
    ) -> Result<()> {
        if ready.is_empty() {
            return Ok(());
        }
        let (now_visible, flushed) = self.make_visible(side, ready).await?;
        let before = std::mem::replace(visible, now_visible);
        if flushed {
            // Committing this group has made the one before durable.
            self.close(before).await
        } else {
            self.settle_transfers(side, before).await
        }
    }

    /// Throws away what is staged and will not be made visible: the pass has stopped.
    async fn take_back(&mut self, side: Side, staged: Vec<Ready>) -> Result<()> {
        for ready in staged {
            self.doubt(&ready.action);
            let is_staged = ready.staged.content.is_none();
            if is_staged
                && let Err(error) = self.engine.root(side).discard(&ready.staged.token).await
            {
                // The next pass finds it by its intent.
                tracing::warn!(%error, "what was staged could not be discarded");
                continue;
            }
            self.engine.state().close_intent(ready.intent)?;
        }
        Ok(())
    }

    /// Makes durable what is visible, then records it.
    async fn settle_transfers(&mut self, side: Side, visible: Vec<Finished>) -> Result<()> {
        if visible.is_empty() {
            return Ok(());
        }
        match self.engine.root(side).settle().await {
            Ok(()) => self.close(visible).await,
            Err(error) => self.not_durable(visible, error),
        }
    }

    /// A flush failed: nothing of it is recorded, all of it is looked at again.
    pub(super) fn not_durable(
        &mut self,
        visible: Vec<Finished>,
        error: StorageError,
    ) -> Result<()> {
        let text = error.to_string();
        for one in visible {
            let error = StorageError::new("settle", Cause::LocalIo, text.clone());
            self.gave_up(&one.action, error, one.intent)?;
        }
        Ok(())
    }

    /// Notes the intents of a group in one transaction, and answers the jobs that stage it.
    fn begin_staging(
        &mut self,
        side: Side,
        group: Vec<Action>,
    ) -> Result<(Vec<Waiting>, Vec<BoxFuture<StageAnswer>>)> {
        let now = self.engine.now();
        let mut begun = Vec::new();
        self.engine.state().transaction(|state| {
            for action in group {
                let (Some(from), Some(target)) = (read_from(&action), write_to(&action)) else {
                    continue;
                };
                let what = what(&from.entry);
                let intent = state.add_intent(side, &target, &what, now)?;
                begun.push((action, from, target, intent, what));
            }
            Ok(())
        })?;
        let mut jobs: Vec<BoxFuture<StageAnswer>> = Vec::new();
        let mut waiting = Vec::new();
        for (action, from, target, intent, what) in begun {
            let retain = match &action.deed {
                Deed::Transfer { retain, .. } => *retain,
                _ => Retain::Superseded,
            };
            let replaced = matches!(
                &action.deed,
                Deed::Transfer {
                    replaces: Some(_),
                    ..
                }
            );
            let keep = if replaced {
                self.keep(side, &target, retain)
            } else {
                Some(Keep::No)
            };
            let Some(keep) = keep else {
                let error = StorageError::new(
                    "stage",
                    Cause::Unsupported,
                    "the replaced content cannot be kept",
                );
                self.gave_up(&action, error, Some(intent))?;
                continue;
            };
            let resume = self.go_on_with(side, &target, &what, intent)?;
            let sink: Arc<dyn ResumeSink> = Arc::new(Sink {
                state: Arc::clone(&self.engine.shared_state),
                intent,
            });
            let from_side = if matches!(action.deed, Deed::Duplicate { .. }) {
                side
            } else {
                side.other()
            };
            let (content, carried) = self.engine.content(from_side, &from);
            let lacks_meta = self.engine.capabilities(from_side).listing_lacks_meta
                && from.entry.kind == Kind::File;
            let job = Job {
                root: Arc::clone(self.engine.root(side)),
                content,
                carried: carried.clone(),
                from: from.clone(),
                unseen: lacks_meta.then(|| Arc::clone(self.engine.root(from_side))),
                target,
                resume,
                sink: Arc::clone(&sink),
            };
            jobs.push(Box::pin(job.run()));
            waiting.push(Waiting {
                action,
                intent,
                keep,
                sink,
                carried,
            });
        }
        Ok((waiting, jobs))
    }

    /// What was staged; what was not is given up.
    async fn end_staging(
        &mut self,
        waiting: Vec<Waiting>,
        answers: Vec<StageAnswer>,
    ) -> Result<Vec<Ready>> {
        let mut ready = Vec::new();
        for (one, answer) in waiting.into_iter().zip(answers) {
            let Waiting {
                action,
                intent,
                keep,
                sink,
                carried,
            } = one;
            match answer {
                Ok(Moved { staged, hash, read }) => {
                    let expected = action.expected();
                    let text = self.text_of(&action, carried.as_ref()).await;
                    ready.push(Ready {
                        action,
                        intent,
                        read,
                        expected,
                        keep,
                        staged,
                        hash,
                        sink,
                        carried,
                        text,
                    });
                }
                Err(error) => self.gave_up(&action, error, Some(intent))?,
            }
        }
        Ok(ready)
    }

    /// The token of an upload of the same content that was cut off; from now on it belongs to `intent`.
    fn go_on_with(
        &self,
        side: Side,
        target: &RelPath,
        what: &str,
        intent: i64,
    ) -> Result<Option<ResumeToken>> {
        let cut_off = self
            .resumable
            .get(&(side, target.clone()))
            .filter(|old| old.what == what);
        let Some(Intent {
            id,
            token: Some(token),
            ..
        }) = cut_off
        else {
            return Ok(None);
        };
        self.engine.state().transaction(|state| {
            state.set_token(intent, Some(token))?;
            state.close_intent(*id)
        })?;
        Ok(Some(token.clone()))
    }

    /// Where texts are merged, the text that is in step once the action is recorded: the base of the next merge.
    async fn text_of(&self, action: &Action, carried: Option<&Carried>) -> Option<Vec<u8>> {
        let merges = self.engine.setup.options.policy.conflict == ConflictPolicy::Merge;
        if !merges || !matches!(action.deed, Deed::Transfer { .. }) {
            return None;
        }
        // What cannot be read now is kept without a text, and then kept both in a conflict.
        let bytes = carried?.bytes(LONGEST_TEXT).await.ok().flatten();
        bytes.filter(|bytes| tandem_core::merge::is_mergeable(bytes))
    }

    /// Makes a staged group visible. What a storage cannot stage it sends now, side by side. Answers also whether
    /// a commit came through its flush, which made durable what was visible before.
    async fn make_visible(
        &mut self,
        side: Side,
        ready: Vec<Ready>,
    ) -> Result<(Vec<Finished>, bool)> {
        let root = self.engine.root(side);
        let (sent_now, staged): (Vec<Ready>, Vec<Ready>) =
            ready.into_iter().partition(|r| r.staged.content.is_some());
        let mut visible = Vec::new();
        let mut flushed = false;
        if !staged.is_empty() {
            let results = root
                .commit(staged.iter().map(Ready::commit).collect())
                .await;
            for (ready, result) in staged.into_iter().zip(results) {
                flushed |= result.is_ok();
                self.take_result(ready, result, &mut visible)?;
            }
        }
        if !sent_now.is_empty() {
            let jobs = sent_now
                .iter()
                .map(|ready| {
                    let (root, commit) = (Arc::clone(root), ready.commit());
                    let job: BoxFuture<_> = Box::pin(async move {
                        let mut results = root.commit(vec![commit]).await;
                        results.pop().unwrap_or_else(|| {
                            Err(StorageError::new(
                                "commit",
                                Cause::BadResponse,
                                "no answer for a member",
                            ))
                        })
                    });
                    job
                })
                .collect();
            let limit = self.engine.setup.options.limits.transfers;
            let results = answers_in_parallel(&self.engine.setup.environment, limit, jobs).await;
            for (ready, result) in sent_now.into_iter().zip(results) {
                flushed |= result.is_ok();
                self.take_result(ready, result, &mut visible)?;
            }
        }
        Ok((visible, flushed))
    }

    fn take_result(
        &mut self,
        ready: Ready,
        result: tandem_core::error::Result<Committed>,
        visible: &mut Vec<Finished>,
    ) -> Result<()> {
        let bytes = ready.action.bytes();
        self.engine.progress(|p| p.bytes_done += bytes);
        let committed = match result {
            Ok(committed) => committed,
            Err(error) => return self.gave_up(&ready.action, error, Some(ready.intent)),
        };
        if let Some(displaced) = &committed.displaced {
            return self.lost_race(&ready.action, displaced, Some(ready.intent));
        }
        if committed.landed_as.is_some() {
            return self.gave_up(&ready.action, something_else(), Some(ready.intent));
        }
        let flowed = ready.carried.as_ref().and_then(Carried::hash_so_far);
        let mut entry = committed.entry;
        let mut read = ready.read;
        let hash = ready
            .hash
            .or(flowed)
            .or_else(|| ready.staged.hashes.first().cloned());
        if let Some(hash) = hash {
            add_hashes(&mut read.hashes, std::slice::from_ref(&hash));
            if entry.size == read.size {
                add_hashes(&mut entry.hashes, &[hash]);
            }
        }
        visible.push(Finished {
            action: ready.action,
            done: Done {
                entry: Some(entry),
                read: Some(read),
            },
            version: committed.kept,
            intent: Some(ready.intent),
            text: ready.text,
            keep: false,
            also: None,
        });
        Ok(())
    }
}

impl Ready {
    fn commit(&self) -> Commit {
        Commit {
            staged: self.staged.clone(),
            expected: self.expected.clone(),
            keep: self.keep.clone(),
            sink: Some(Arc::clone(&self.sink)),
        }
    }
}

impl Engine {
    /// The content of a file as `side` shows it. A link has none.
    pub(crate) fn content(&self, side: Side, from: &At) -> (SharedContent, Option<Carried>) {
        if from.entry.kind == Kind::Symlink {
            return (Arc::new(BytesContent(bytes::Bytes::new())), None);
        }
        let carried = self.carried(side, from);
        (Arc::new(carried.clone()), Some(carried))
    }

    pub(crate) fn carried(&self, side: Side, from: &At) -> Carried {
        let at = Locator {
            path: from.path.clone(),
            id: from.entry.id.clone(),
        };
        let environment: SharedEnvironment = Arc::clone(&self.setup.environment);
        Carried::new(
            Arc::clone(self.root(side)),
            at,
            from.entry.clone(),
            Arc::clone(&self.throttles[side.other()]),
            environment,
        )
    }

    /// What a file that is carried to `side` is given besides its bytes.
    pub(crate) fn meta_for(&self, side: Side, from: &Entry) -> Meta {
        meta_for(self.capabilities(side), from)
    }
}

fn meta_for(capabilities: &Capabilities, from: &Entry) -> Meta {
    Meta {
        mtime: from.mtime.filter(|m| m.by_client && capabilities.mtime),
        executable: from.executable.filter(|_| capabilities.executable),
        target: from.target.clone(),
    }
}

fn read_from(action: &Action) -> Option<At> {
    match &action.deed {
        Deed::Transfer { from, .. } | Deed::Duplicate { from, .. } => Some(from.clone()),
        _ => None,
    }
}

fn write_to(action: &Action) -> Option<RelPath> {
    match &action.deed {
        Deed::Transfer { path, .. } | Deed::Duplicate { path, .. } => Some(path.clone()),
        _ => None,
    }
}

/// What is carried, in words that are equal exactly if it is the same revision.
fn what(entry: &Entry) -> String {
    format!("{} {:?}", entry.size, entry.revision)
}

fn groups(transfers: Vec<Action>) -> Vec<Vec<Action>> {
    let mut groups: Vec<Vec<Action>> = Vec::new();
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
