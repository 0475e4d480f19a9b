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
use tandem_core::plan::{Action, At, Deed};
use tandem_core::policy::ConflictPolicy;
use tandem_core::side::Side;
use tandem_core::storage::{
    Commit, Committed, Keep, Locator, Meta, ResumeSink, ResumeToken, Root, Staged,
};

use super::{BasePlace, Execution, Finished, something_else};
use crate::carried::Carried;
use crate::engine::Engine;
use crate::error::Result;
use crate::parallel::{Running, answers_in_parallel, begin_in_parallel};
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

/// A transfer whose content is on its way.
struct Begun {
    action: Arc<Action>,
    was_at: Option<BasePlace>,
    intent: i64,
    keep: Keep,
    sink: Arc<dyn ResumeSink>,
    /// What is read: it knows the hash once all of it has flowed.
    carried: Option<Carried>,
}

/// A transfer that is staged.
struct Ready {
    begun: Begun,
    read: Entry,
    staged: Staged,
    hash: Option<ContentHash>,
    text: Option<Vec<u8>>,
}

/// Groups on their way, each a step behind the next: one is being staged, one was made visible, one is durable by
/// the flush of the one after it and not recorded yet.
pub(super) struct Flow {
    side: Side,
    staging: Option<(Vec<Begun>, Running<Moved>)>,
    visible: Vec<Finished>,
    durable: Vec<Finished>,
}

impl Flow {
    /// Nothing is on its way to `side`.
    pub(super) const fn to(side: Side) -> Self {
        Self {
            side,
            staging: None,
            visible: Vec::new(),
            durable: Vec::new(),
        }
    }
}

/// What staging one transfer needs, owned.
struct Job {
    root: Arc<dyn Root>,
    content: SharedContent,
    carried: Option<Carried>,
    action: Arc<Action>,
    /// Where to look for what the listing did not show of the file.
    unseen: Option<Arc<dyn Root>>,
    resume: Option<ResumeToken>,
    sink: Arc<dyn ResumeSink>,
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
        let (from, target) = ends(&self.action).ok_or_else(not_a_transfer)?;
        let read = match &self.unseen {
            Some(root) => with_meta(root, from).await?,
            None => from.entry.clone(),
        };
        let meta = meta_for(self.root.capabilities(), &read);
        let staged = self
            .root
            .stage(target, self.content, &meta, self.resume.as_ref(), self.sink)
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
            let (begun, jobs) = self.begin_staging(side, group)?;
            let ready = self.end_staging().await?;
            if self.is_stopped() {
                self.drop_begun(begun)?;
                self.take_back(ready).await?;
                break;
            }
            let limit = self.engine.setup.options.limits.transfers;
            let running = begin_in_parallel(&self.engine.setup.environment, limit, jobs);
            self.flow.staging = Some((begun, running));
            self.show(ready).await?;
        }
        Ok(())
    }

    /// Waits for all transfers that are under way, and records them.
    pub(super) async fn end_transfers(&mut self) -> Result<()> {
        let ready = self.end_staging().await?;
        if self.is_stopped() {
            self.take_back(ready).await?;
        } else {
            self.show(ready).await?;
        }
        let durable = std::mem::take(&mut self.flow.durable);
        self.close(durable).await?;
        let visible = std::mem::take(&mut self.flow.visible);
        self.settle_transfers(visible).await
    }

    /// Makes a group visible while the one that is durable is recorded.
    async fn show(&mut self, mut ready: Vec<Ready>) -> Result<()> {
        if ready.is_empty() {
            return Ok(());
        }
        // What a storage cannot stage it sends now, after what is staged.
        ready.sort_by_key(|r| r.staged.content.is_some());
        let staged = ready.partition_point(|r| r.staged.content.is_none());
        let commits = ready.iter().map(Ready::commit).collect();
        let committing = self.engine.commit(self.flow.side, commits, staged);
        let durable = std::mem::take(&mut self.flow.durable);
        let (results, recorded) = join(committing, self.close(durable)).await;
        recorded?;
        let flushed = results.iter().any(|result| result.is_ok());
        let mut visible = Vec::new();
        for (ready, result) in ready.into_iter().zip(results) {
            self.take_result(ready, result, &mut visible)?;
        }
        let before = std::mem::replace(&mut self.flow.visible, visible);
        if flushed {
            // Committing this group has made the one before durable.
            self.flow.durable = before;
            Ok(())
        } else {
            self.settle_transfers(before).await
        }
    }

    /// The pass has stopped before anything of these was staged.
    fn drop_begun(&mut self, begun: Vec<Begun>) -> Result<()> {
        for one in begun {
            self.doubt(&one.action);
            self.engine.state().close_intent(one.intent)?;
        }
        Ok(())
    }

    /// Throws away what is staged and will not be made visible: the pass has stopped.
    async fn take_back(&mut self, staged: Vec<Ready>) -> Result<()> {
        for ready in staged {
            self.doubt(&ready.begun.action);
            let is_staged = ready.staged.content.is_none();
            let root = self.engine.root(self.flow.side);
            if is_staged && let Err(error) = root.discard(&ready.staged.token).await {
                // The next pass finds it by its intent.
                tracing::warn!(%error, "what was staged could not be discarded");
                continue;
            }
            self.engine.state().close_intent(ready.begun.intent)?;
        }
        Ok(())
    }

    /// Makes durable what is visible, then records it.
    async fn settle_transfers(&mut self, visible: Vec<Finished>) -> Result<()> {
        if visible.is_empty() {
            return Ok(());
        }
        match self.engine.root(self.flow.side).settle().await {
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
        group: Vec<Arc<Action>>,
    ) -> Result<(Vec<Begun>, Vec<BoxFuture<StageAnswer>>)> {
        let now = self.engine.now();
        let mut intents = Vec::with_capacity(group.len());
        self.engine.state().transaction(|state| {
            for action in &group {
                if let Some((from, target)) = ends(action) {
                    let what = what(&from.entry);
                    intents.push((state.add_intent(side, target, &what, now)?, what));
                }
            }
            Ok(())
        })?;
        let (mut begun, mut jobs) = (Vec::new(), Vec::new());
        let carried = group.iter().filter(|action| ends(action).is_some());
        for (action, (intent, what)) in carried.zip(intents) {
            if let Some((one, job)) = self.begin_one(side, action, intent, &what)? {
                begun.push(one);
                jobs.push(job);
            }
        }
        Ok((begun, jobs))
    }

    /// The job that stages one transfer; `None` if it was given up.
    fn begin_one(
        &mut self,
        side: Side,
        action: &Arc<Action>,
        intent: i64,
        what: &str,
    ) -> Result<Option<(Begun, BoxFuture<StageAnswer>)>> {
        let Some((from, target)) = ends(action) else {
            return Ok(None);
        };
        let Some(keep) = self.keep_replaced(side, action, target) else {
            let why = "the replaced content cannot be kept";
            let error = StorageError::new("stage", Cause::Unsupported, why);
            self.gave_up(action, error, Some(intent))?;
            return Ok(None);
        };
        let resume = self.go_on_with(side, target, what, intent)?;
        let sink: Arc<dyn ResumeSink> = Arc::new(Sink {
            state: Arc::clone(&self.engine.shared_state),
            intent,
        });
        let from_side = if matches!(action.deed, Deed::Duplicate { .. }) {
            side
        } else {
            side.other()
        };
        let (content, carried) = self.engine.content(from_side, from);
        let lacks_meta =
            self.engine.capabilities(from_side).listing_lacks_meta && from.entry.kind == Kind::File;
        let job = Job {
            root: Arc::clone(self.engine.root(side)),
            content,
            carried: carried.clone(),
            action: Arc::clone(action),
            unseen: lacks_meta.then(|| Arc::clone(self.engine.root(from_side))),
            resume,
            sink: Arc::clone(&sink),
        };
        let begun = Begun {
            action: Arc::clone(action),
            was_at: self.places.get(&action.standing.item).cloned(),
            intent,
            keep,
            sink,
            carried,
        };
        Ok(Some((begun, Box::pin(job.run()))))
    }

    /// What becomes of what a transfer replaces; `None` if it cannot be kept.
    fn keep_replaced(&self, side: Side, action: &Action, target: &RelPath) -> Option<Keep> {
        match &action.deed {
            Deed::Transfer {
                replaces: Some(_),
                retain,
                ..
            } => self.keep(side, target, *retain),
            _ => Some(Keep::No),
        }
    }

    /// What was staged by now; what was not is given up.
    async fn end_staging(&mut self) -> Result<Vec<Ready>> {
        let Some((begun, running)) = self.flow.staging.take() else {
            return Ok(Vec::new());
        };
        let answers = running.answers().await;
        let mut ready = Vec::with_capacity(begun.len());
        for (begun, answer) in begun.into_iter().zip(answers) {
            match answer {
                Ok(Moved { staged, hash, read }) => {
                    let text = self.text_of(&begun.action, begun.carried.as_ref()).await;
                    ready.push(Ready {
                        begun,
                        read,
                        staged,
                        hash,
                        text,
                    });
                }
                Err(error) => self.gave_up(&begun.action, error, Some(begun.intent))?,
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

    fn take_result(
        &mut self,
        ready: Ready,
        result: tandem_core::error::Result<Committed>,
        visible: &mut Vec<Finished>,
    ) -> Result<()> {
        let begun = ready.begun;
        let bytes = begun.action.bytes();
        self.engine.progress(|p| p.bytes_done += bytes);
        let committed = match result {
            Ok(committed) => committed,
            Err(error) => return self.gave_up(&begun.action, error, Some(begun.intent)),
        };
        if let Some(displaced) = &committed.displaced {
            return self.lost_race(&begun.action, displaced, Some(begun.intent));
        }
        if committed.landed_as.is_some() {
            return self.gave_up(&begun.action, something_else(), Some(begun.intent));
        }
        let flowed = || begun.carried.as_ref().and_then(Carried::hash_so_far);
        let mut entry = committed.entry;
        let mut read = ready.read;
        let hash = ready
            .hash
            .or_else(flowed)
            .or_else(|| ready.staged.hashes.first().cloned());
        if let Some(hash) = hash {
            add_hashes(&mut read.hashes, std::slice::from_ref(&hash));
            if entry.size == read.size {
                add_hashes(&mut entry.hashes, &[hash]);
            }
        }
        visible.push(Finished {
            done: Done {
                entry: Some(entry),
                read: Some(read),
            },
            was_at: begun.was_at,
            version: committed.kept,
            intent: Some(begun.intent),
            text: ready.text,
            ..Finished::new(begun.action, Done::default())
        });
        Ok(())
    }
}

impl Ready {
    fn commit(&self) -> Commit {
        Commit {
            staged: self.staged.clone(),
            expected: self.begun.action.expected(),
            keep: self.begun.keep.clone(),
            sink: Some(Arc::clone(&self.begun.sink)),
        }
    }
}

impl Engine {
    /// Makes a group visible: its first `staged` members together, the others each by itself, side by side.
    async fn commit(
        &self,
        side: Side,
        mut group: Vec<Commit>,
        staged: usize,
    ) -> Vec<tandem_core::error::Result<Committed>> {
        let root = self.root(side);
        let sent_now = group.split_off(staged);
        let mut results = Vec::new();
        if !group.is_empty() {
            results = root.commit(group).await;
        }
        let jobs = sent_now
            .into_iter()
            .map(|commit| -> BoxFuture<_> {
                let root = Arc::clone(root);
                Box::pin(async move {
                    root.commit(vec![commit])
                        .await
                        .pop()
                        .unwrap_or_else(no_answer)
                })
            })
            .collect();
        let limit = self.setup.options.limits.transfers;
        results.extend(answers_in_parallel(&self.setup.environment, limit, jobs).await);
        results
    }

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

fn not_a_transfer() -> StorageError {
    StorageError::new("stage", Cause::Unsupported, "not a transfer")
}

fn no_answer() -> tandem_core::error::Result<Committed> {
    let why = "no answer for a member";
    Err(StorageError::new("commit", Cause::BadResponse, why))
}

/// What a transfer reads and where it goes.
const fn ends(action: &Action) -> Option<(&At, &RelPath)> {
    match &action.deed {
        Deed::Transfer { from, path, .. } | Deed::Duplicate { from, path } => Some((from, path)),
        _ => None,
    }
}

/// What is carried, in words that are equal exactly if it is the same revision.
fn what(entry: &Entry) -> String {
    format!("{} {:?}", entry.size, entry.revision)
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
