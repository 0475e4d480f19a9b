//! Carries content: staged side by side, made visible in groups, recorded when the next group or the end has
//! made them durable.

use std::sync::{Arc, Mutex, PoisonError};

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

use super::{Execution, Finished};
use crate::carried::Carried;
use crate::engine::Engine;
use crate::error::Result;
use crate::parallel::in_parallel;
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
    from: At,
    expected: Expected,
    keep: Keep,
    staged: Staged,
    hash: Option<ContentHash>,
    sink: Arc<dyn ResumeSink>,
}

/// What staging one transfer needs, owned.
struct Job {
    root: Arc<dyn Root>,
    content: SharedContent,
    carried: Option<Carried>,
    target: RelPath,
    meta: Meta,
    /// Where to ask for what the listing did not say of the file: time and executable bit.
    asked: Option<(Arc<dyn Root>, At)>,
    resume: Option<ResumeToken>,
    sink: Arc<dyn ResumeSink>,
}

impl Job {
    /// Stages, and answers the hash of what was read.
    async fn run(mut self) -> tandem_core::error::Result<(Staged, Option<ContentHash>)> {
        if let Some((root, from)) = &self.asked {
            let at = Locator {
                path: from.path.clone(),
                id: from.entry.id.clone(),
            };
            let known = root.stat(&at).await?;
            if let Some(known) = known.filter(|k| k.revision == from.entry.revision) {
                self.meta.mtime = known.mtime.filter(|m| m.by_client);
                self.meta.executable = self.meta.executable.or(known.executable);
            }
        }
        let staged = self
            .root
            .stage(
                &self.target,
                self.content,
                &self.meta,
                self.resume.as_ref(),
                self.sink,
            )
            .await?;
        let hash = match &self.carried {
            Some(carried) if staged.content.is_none() => Some(carried.hash().await?),
            _ => None,
        };
        Ok((staged, hash))
    }
}

impl Execution<'_> {
    /// Carries all transfers to one side.
    pub(super) async fn transfers(&mut self, side: Side, transfers: Vec<Action>) -> Result<()> {
        let mut visible: Vec<Finished> = Vec::new();
        for group in groups(transfers) {
            if self.is_stopped() {
                break;
            }
            let staged = self.stage(side, group).await?;
            let now_visible = self.make_visible(side, staged).await?;
            // Committing this group has made the one before durable.
            let durable = std::mem::replace(&mut visible, now_visible);
            self.record(durable)?;
        }
        if visible.is_empty() {
            return Ok(());
        }
        match self.engine.root(side).settle().await {
            Ok(()) => self.record(visible),
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

    /// Notes the intents of a group in one transaction, then stages it side by side.
    async fn stage(&mut self, side: Side, group: Vec<Action>) -> Result<Vec<Ready>> {
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
        let mut jobs: Vec<BoxFuture<_>> = Vec::new();
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
            let meta = self.engine.meta_for(side, &from.entry);
            let tells_later = from.entry.kind == Kind::File
                && !from.entry.mtime.is_some_and(|m| m.by_client)
                && self.engine.capabilities(from_side).mtime
                && self.engine.capabilities(side).mtime;
            let asked =
                tells_later.then(|| (Arc::clone(self.engine.root(from_side)), from.clone()));
            let job = Job {
                root: Arc::clone(self.engine.root(side)),
                content,
                carried: carried.clone(),
                target,
                meta,
                asked,
                resume,
                sink: Arc::clone(&sink),
            };
            jobs.push(Box::pin(job.run()));
            waiting.push((action, from, intent, keep, sink, carried));
        }
        let limit = self.engine.setup.options.limits.transfers;
        let results = in_parallel(&self.engine.setup.environment, limit, jobs).await;
        let mut ready = Vec::new();
        for ((action, from, intent, keep, sink, carried), result) in
            waiting.into_iter().zip(results)
        {
            match result {
                Ok((staged, hash)) => {
                    let expected = action.expected();
                    self.keep_text(&action, carried.as_ref()).await?;
                    ready.push(Ready {
                        action,
                        intent,
                        from,
                        expected,
                        keep,
                        staged,
                        hash,
                        sink,
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

    /// Where texts are merged, the text that will be in step is the base of the next merge.
    async fn keep_text(&self, action: &Action, carried: Option<&Carried>) -> Result<()> {
        if self.engine.setup.options.policy.conflict != ConflictPolicy::Merge {
            return Ok(());
        }
        if let Some(carried) = carried
            && let Ok(Some(bytes)) = carried.bytes(LONGEST_TEXT).await
            && tandem_core::merge::is_mergeable(&bytes)
        {
            let now = self.engine.now();
            self.engine
                .state()
                .keep_text(action.standing.item, &bytes, now)?;
        }
        Ok(())
    }

    /// Makes a staged group visible. What a storage cannot stage it sends now, side by side.
    async fn make_visible(&mut self, side: Side, ready: Vec<Ready>) -> Result<Vec<Finished>> {
        let root = self.engine.root(side);
        let (sent_now, staged): (Vec<Ready>, Vec<Ready>) =
            ready.into_iter().partition(|r| r.staged.content.is_some());
        let mut visible = Vec::new();
        if !staged.is_empty() {
            let results = root
                .commit(staged.iter().map(Ready::commit).collect())
                .await;
            for (ready, result) in staged.into_iter().zip(results) {
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
            let results = in_parallel(&self.engine.setup.environment, limit, jobs).await;
            for (ready, result) in sent_now.into_iter().zip(results) {
                self.take_result(ready, result, &mut visible)?;
            }
        }
        Ok(visible)
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
        if committed.displaced.is_some() || committed.landed_as.is_some() {
            return self.lost_race(&ready, &committed);
        }
        let mut entry = committed.entry;
        let mut read = ready.from.entry.clone();
        let hash = ready.hash.or_else(|| ready.staged.hashes.first().cloned());
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
        });
        Ok(())
    }

    /// Somebody else's content stood where ours went. It is kept; nothing is in step; look again.
    fn lost_race(&mut self, ready: &Ready, committed: &Committed) -> Result<()> {
        if let Some(displaced) = &committed.displaced {
            let mut row = super::journal_row(&ready.action, self.run, self.engine.now());
            row.before.clone_from(&displaced.entry);
            row.version = Some(displaced.version.clone());
            row.keep = true;
            row.outcome = crate::report::Outcome::LostRace;
            self.engine.state().add_journal(&row)?;
        }
        let error = StorageError::new(
            "commit",
            Cause::PreconditionFailed,
            "something else was there",
        );
        self.gave_up(&ready.action, error, Some(ready.intent))
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
        let capabilities = self.capabilities(side);
        Meta {
            mtime: from.mtime.filter(|m| m.by_client && capabilities.mtime),
            executable: from.executable.filter(|_| capabilities.executable),
            target: from.target.clone(),
        }
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
