//! One transfer: what staging it needs, and what it came to.

use std::sync::{Arc, Mutex, PoisonError};

use tandem_core::capabilities::Capabilities;
use tandem_core::content::{BytesContent, SharedContent};
use tandem_core::entry::{ContentHash, Entry, Kind};
use tandem_core::environment::{BoxFuture, SharedEnvironment};
use tandem_core::error::{Cause, StorageError};
use tandem_core::path::RelPath;
use tandem_core::plan::record::{Done, add_hashes};
use tandem_core::plan::{Action, At, Deed, Retain};
use tandem_core::policy::ConflictPolicy;
use tandem_core::removed;
use tandem_core::side::Side;
use tandem_core::storage::{
    Commit, Committed, Keep, Locator, Meta, ResumeSink, ResumeToken, Root, Staged,
};

use super::{BasePlace, Execution, Finished, something_else};
use crate::carried::Carried;
use crate::engine::Engine;
use crate::error::Result;
use crate::meter::Carrying;
use crate::state::{Intent, PreImage, State};

/// Texts up to this length are kept as the base of a merge, in bytes (DESIGN 5.3).
const LONGEST_TEXT: u64 = 1 << 20;

/// Keeps resume tokens of an upload, and counts what arrives.
pub(super) struct Sink {
    state: Arc<Mutex<State>>,
    intent: i64,
    carrying: Carrying,
}

impl ResumeSink for Sink {
    fn store(&self, token: &ResumeToken) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = state.set_token(self.intent, Some(token)) {
            tracing::warn!(%error, "a resume token could not be kept");
        }
    }

    fn progress(&self, bytes: u64) {
        self.carrying.add(bytes);
    }
}

/// A transfer whose content is on its way.
pub(super) struct Begun {
    pub(super) action: Arc<Action>,
    was_at: Option<BasePlace>,
    pub(super) intent: i64,
    keep: Keep,
    sink: Arc<Sink>,
    /// What is read: it knows the hash once all of it has flowed.
    pub(super) carried: Option<Carried>,
}

/// A transfer that is staged.
pub(super) struct Ready {
    pub(super) begun: Begun,
    pub(super) moved: Moved,
    pub(super) text: Option<Vec<u8>>,
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
    sink: Arc<Sink>,
}

pub(super) type StageAnswer = tandem_core::error::Result<Moved>;

/// What staging came to.
pub(super) struct Moved {
    pub(super) staged: Staged,
    hash: Option<ContentHash>,
    /// What was read, with all that its side shows of it.
    read: Entry,
}

impl Job {
    async fn run(self) -> StageAnswer {
        let (from, target) = ends(&self.action).ok_or_else(not_a_transfer)?;
        let _flowing = self.sink.carrying.flow();
        let read = match &self.unseen {
            Some(root) => with_meta(root, from).await?,
            None => from.entry.clone(),
        };
        let copied = matches!(self.action.deed, Deed::Duplicate { .. });
        let meta = Meta {
            copy_of: copied.then(|| from.path.clone()),
            ..meta_for(self.root.capabilities(), &read)
        };
        let staged = self
            .root
            .stage(target, self.content, &meta, self.resume.as_ref(), self.sink)
            .await?;
        let hash = match &self.carried {
            Some(carried) if staged.content.is_none() => Some(carried.hash().await?),
            _ => None,
        };
        let mut was_read = read.hashes.iter().chain(&hash);
        let is_other = was_read.any(|read| staged.hashes.iter().any(|it| it.contradicts(read)));
        if is_other && !removed!("completeness") {
            let why = "what arrived is not what was read";
            return Err(StorageError::new("stage", Cause::HashMismatch, why).at(target));
        }
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
    let is_same = there.revision == from.entry.revision && there.size == from.entry.size;
    if !is_same && !removed!("expectation") {
        return Err(error(Cause::PreconditionFailed));
    }
    Ok(Entry {
        mtime: there.mtime,
        executable: there.executable,
        ..from.entry.clone()
    })
}

impl Execution<'_> {
    /// Notes the intents of a group, and answers the jobs that stage it. What is durable by now is recorded in the same
    /// transaction: so a group costs one flush of the state.
    pub(super) async fn begin_staging(
        &mut self,
        side: Side,
        group: Vec<Arc<Action>>,
    ) -> Result<(Vec<Begun>, Vec<BoxFuture<StageAnswer>>)> {
        let now = self.engine.now();
        let durable = std::mem::take(&mut self.flow.durable);
        let durable = self.looked_at_again(durable).await?;
        let carried = group.iter().filter_map(|action| {
            let (from, target) = ends(action)?;
            let keep = self.keep_replaced(side, action, target);
            Some((action, target, what(&from.entry), keep))
        });
        let carried: Vec<_> = carried.collect();
        let intents = self.record_and(durable, |state| {
            let begin = carried.iter().map(|(action, target, what, keep)| {
                let replaced = pre_image(action, keep.as_ref());
                state.add_intent(side, target, what, replaced.as_ref(), now)
            });
            begin.collect::<Result<Vec<_>>>()
        })?;
        let (mut begun, mut jobs) = (Vec::new(), Vec::new());
        for ((action, _, what, keep), intent) in carried.into_iter().zip(intents) {
            if let Some((one, job)) = self.begin_one(side, action, (intent, &what), keep)? {
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
        (intent, what): (i64, &str),
        keep: Option<Keep>,
    ) -> Result<Option<(Begun, BoxFuture<StageAnswer>)>> {
        let Some((from, target)) = ends(action) else {
            return Ok(None);
        };
        let Some(keep) = keep else {
            let why = "the replaced content cannot be kept";
            let error = StorageError::new("stage", Cause::Unsupported, why);
            self.gave_up(action, error, Some(intent))?;
            return Ok(None);
        };
        let resume = self.go_on_with(side, target, what, intent)?;
        let sink = Arc::new(Sink {
            state: Arc::clone(&self.engine.shared_state),
            intent,
            carrying: self.engine.meter.carry(target, action.bytes()),
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
            .filter(|old| old.what == what || removed!("expectation"));
        let Some(Intent {
            id,
            token: Some(token),
            ..
        }) = cut_off
        else {
            return Ok(None);
        };
        self.engine
            .state()
            .transaction(|state| state.take_over(intent, *id, token))?;
        Ok(Some(token.clone()))
    }

    /// Where texts are merged, the text that is in step once the action is recorded: the base of the next merge.
    pub(super) async fn text_of(
        &self,
        action: &Action,
        carried: Option<&Carried>,
    ) -> Option<Vec<u8>> {
        let merges = self.engine.setup.options.policy.conflict == ConflictPolicy::Merge;
        if !merges || !matches!(action.deed, Deed::Transfer { .. }) {
            return None;
        }
        // What cannot be read now is kept without a text, and then kept both in a conflict.
        let bytes = carried?.bytes(LONGEST_TEXT).await.ok().flatten();
        bytes.filter(|bytes| tandem_core::merge::is_mergeable(bytes))
    }

    /// What making one transfer visible came to; `None` if it was given up.
    pub(super) fn take_result(
        &mut self,
        ready: Ready,
        result: tandem_core::error::Result<Committed>,
    ) -> Result<Option<Finished>> {
        let begun = ready.begun;
        begun.sink.carrying.end();
        let committed = match result {
            Ok(committed) => committed,
            Err(error) => {
                let staged = &ready.moved.staged;
                if staged.content.is_none() {
                    let state = self.engine.state();
                    state.set_token(begun.intent, Some(&staged.token))?;
                }
                self.gave_up(&begun.action, error, Some(begun.intent))?;
                return Ok(None);
            }
        };
        let displaced = committed.displaced.as_ref();
        if let Some(displaced) = displaced.filter(|_| !removed!("expectation")) {
            self.lost_race(&begun.action, displaced, Some(begun.intent))?;
            return Ok(None);
        }
        if committed.landed_as.is_some() && !removed!("expectation") {
            let (intent, kept) = (Some(begun.intent), committed.kept);
            self.gave_up_keeping(&begun.action, something_else(), intent, kept)?;
            return Ok(None);
        }
        let flowed = || begun.carried.as_ref().and_then(Carried::hash_so_far);
        let mut entry = committed.entry;
        let Moved { staged, hash, .. } = ready.moved;
        let mut read = ready.moved.read;
        let hash = hash
            .or_else(flowed)
            .or_else(|| staged.hashes.first().cloned());
        if let Some(hash) = hash {
            add_hashes(&mut read.hashes, std::slice::from_ref(&hash));
            if entry.size == read.size {
                add_hashes(&mut entry.hashes, &[hash]);
            }
        }
        Ok(Some(Finished {
            done: Done {
                entry: Some(entry),
                read: Some(read),
            },
            was_at: begun.was_at,
            version: committed.kept,
            intent: Some(begun.intent),
            text: ready.text,
            ..Finished::new(begun.action, Done::default())
        }))
    }
}

impl Ready {
    pub(super) fn commit(&self) -> Commit {
        Commit {
            staged: self.moved.staged.clone(),
            expected: self.begun.action.expected(),
            keep: self.begun.keep.clone(),
            sink: Some(Arc::<Sink>::clone(&self.begun.sink)),
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
        copy_of: None,
    }
}

fn not_a_transfer() -> StorageError {
    StorageError::new("stage", Cause::Unsupported, "not a transfer")
}

/// What a transfer reads and where it goes.
const fn ends(action: &Action) -> Option<(&At, &RelPath)> {
    match &action.deed {
        Deed::Transfer { from, path, .. } | Deed::Duplicate { from, path } => Some((from, path)),
        _ => None,
    }
}

/// What a transfer replaces, and where it will be set aside, if it is.
fn pre_image(action: &Action, keep: Option<&Keep>) -> Option<PreImage> {
    let Deed::Transfer {
        replaces: Some(before),
        retain,
        ..
    } = &action.deed
    else {
        return None;
    };
    let version = match keep {
        Some(Keep::Version(version)) => Some(version.clone()),
        _ => None,
    };
    Some(PreImage {
        before: before.clone(),
        version,
        keep: *retain == Retain::Unseen,
    })
}

/// What is carried, in words that are equal exactly if it is the same revision.
fn what(entry: &Entry) -> String {
    format!("{} {:?}", entry.size, entry.revision)
}
