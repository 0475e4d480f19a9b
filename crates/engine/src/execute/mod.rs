//! Carries out a plan (DESIGN 4, steps 5 and 6): folders and moves one after the other, transfers in groups,
//! deletes last.
//!
//! Nothing is recorded before it is durable; what is recorded goes in with base, observations and journal in
//! one transaction. A failed expectation is no error: the action is dropped and the place looked at again.

mod closing;
mod deleting;
mod flow;
pub(crate) mod folder_move;
mod merge;
mod operation;
mod recording;
mod transfer;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use tandem_core::entry::{Entry, Kind};
use tandem_core::error::{Cause, StorageError};
use tandem_core::mutant;
use tandem_core::path::{Name, RelPath};
use tandem_core::plan::record::Done;
use tandem_core::plan::{Action, Deed, ItemId, Plan, Refused, Retain};
use tandem_core::side::{PerSide, Side};
use tandem_core::storage::{Displaced, Keep, VersionKey};

use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::event::Event;
use crate::observe::Doubt;
use crate::report::{Outcome, Summary};
use crate::settling::Unrecorded;
use crate::state::{Intent, JournalRow, Loaded, ProblemRow};
use crate::views::log_line;

use flow::Flow;
use recording::journal_row;

/// Actions that are made durable and recorded together.
const GROUP: usize = 1024;

/// What executing a plan came to.
#[derive(Debug, Default)]
pub(crate) struct Executed {
    /// Where to look next.
    pub(crate) doubts: PerSide<Doubt>,
    /// What did not work, and is not tried again in this pass.
    pub(crate) failed: BTreeSet<(Side, RelPath)>,
    /// What had changed in between.
    pub(crate) raced: BTreeSet<(Side, RelPath)>,
    /// What turned out not to be possible.
    pub(crate) refused: Refused,
    /// Why the pass cannot go on.
    pub(crate) stopped: Option<EngineError>,
    /// Whether another folder stood in the place of a root.
    pub(crate) is_elsewhere: bool,
    /// Whether deletes were done of which nothing is recorded yet.
    pub(crate) is_cut_off: bool,
    /// How many actions were recorded.
    pub(crate) recorded: u64,
    /// How many of them were deletes.
    pub(crate) deleted: u64,
}

/// An action that was done and is not recorded yet.
struct Finished {
    action: Arc<Action>,
    done: Done,
    /// Where the base had the item when a transfer was begun: by now another plan may be under way.
    was_at: Option<BasePlace>,
    version: Option<VersionKey>,
    intent: Option<i64>,
    /// The text that is in step from now on, where texts are merged.
    text: Option<Vec<u8>>,
    /// What was set aside is content that nobody derived anything from.
    keep: bool,
    /// What was set aside as it is now, if it was written into since.
    set_aside: Option<Entry>,
    /// What was done with it: on the other side, or to what lay in a folder.
    also: Vec<JournalRow>,
}

impl Finished {
    fn new(action: Arc<Action>, done: Done) -> Self {
        Self {
            action,
            done,
            was_at: None,
            version: None,
            intent: None,
            text: None,
            keep: false,
            set_aside: None,
            also: Vec::new(),
        }
    }
}

/// A folder of the base and a name in it.
type BasePlace = (ItemId, Name);

/// Plans under way, one part after the other.
pub(crate) struct Execution<'a> {
    engine: &'a Engine,
    run: i64,
    summary: &'a mut Summary,
    /// Uploads that an earlier run began, by side and target.
    resumable: &'a HashMap<(Side, RelPath), Intent>,
    /// What was known not to be possible before.
    refused: &'a Refused,
    /// Transfers that go on while the next part is planned.
    flow: Flow,
    /// Where the items of the plan are in the base by now.
    places: HashMap<ItemId, BasePlace>,
    /// Items whose step was not done: what lies below them is not where the plan says.
    undone: BTreeSet<ItemId>,
    /// Where an item still is, for its move was not done: no folder is made there.
    unmoved: BTreeSet<(Side, RelPath)>,
    /// The folder in which the plan has each item.
    folders: HashMap<ItemId, ItemId>,
    /// Folders that were made and may not be durable: what lies in them is not recorded.
    lost: BTreeSet<ItemId>,
    unrecorded: Unrecorded<'a>,
    /// Intents of what did not work, for which something may still be staged.
    given_up: Vec<i64>,
    out: Executed,
}

impl Engine {
    /// Carries out `plan`, all of it.
    pub(crate) async fn execute(
        &self,
        plan: Plan,
        loaded: Loaded,
        run: i64,
        summary: &mut Summary,
    ) -> Result<Executed> {
        let (resumable, refused) = (HashMap::new(), Refused::default());
        let mut execution = self.begin_execution(run, summary, (&resumable, &refused));
        execution.carry_out(plan, loaded).await?;
        execution.finish().await
    }

    /// Begins to carry out what is planned part by part.
    pub(crate) fn begin_execution<'a>(
        &'a self,
        run: i64,
        summary: &'a mut Summary,
        (resumable, refused): (&'a HashMap<(Side, RelPath), Intent>, &'a Refused),
    ) -> Execution<'a> {
        self.state().rebased.clear();
        Execution {
            engine: self,
            run,
            summary,
            resumable,
            refused,
            flow: Flow::to(Side::Destination),
            places: HashMap::new(),
            undone: BTreeSet::new(),
            unmoved: BTreeSet::new(),
            folders: HashMap::new(),
            lost: BTreeSet::new(),
            unrecorded: Unrecorded::none(self),
            given_up: Vec::new(),
            out: Executed::default(),
        }
    }
}

impl Execution<'_> {
    /// Carries out the next plan. Its transfers may go on when this returns: files of one plan have nothing to do
    /// with those of the next.
    pub(crate) async fn carry_out(&mut self, plan: Plan, loaded: Loaded) -> Result<()> {
        self.begin_plan(&plan, &loaded);
        drop(loaded);
        let mut noted_folders = Vec::new();
        let mut steps = Vec::new();
        let mut notes = Vec::new();
        let mut transfers = PerSide::new(Vec::new(), Vec::new());
        let mut others = Vec::new();
        let mut deletes = Vec::new();
        for action in plan.actions.into_iter().map(Arc::new) {
            if action.touches() {
                self.unrecorded.begin();
            }
            match action.deed {
                Deed::CreateFolder { .. } | Deed::Move { .. } => steps.push(action),
                Deed::Adopt { .. } if action.notes_folder() => noted_folders.push(action),
                Deed::Adopt { .. } | Deed::Forget { .. } => notes.push(action),
                Deed::Transfer { .. } | Deed::Duplicate { .. } => {
                    transfers[action.side].push(action)
                }
                Deed::Merge { .. } | Deed::SetMeta { .. } => others.push(action),
                Deed::Delete { .. } => deletes.push(action),
            }
        }
        self.notes(noted_folders).await?;
        self.steps(steps).await?;
        for later in [
            &mut notes,
            &mut transfers.source,
            &mut transfers.destination,
            &mut others,
            &mut deletes,
        ] {
            later.retain(|action| !self.relies_on_undone(action));
        }
        self.notes(notes).await?;
        for side in Side::BOTH {
            self.transfers(side, std::mem::take(&mut transfers[side]))
                .await?;
        }
        if others.is_empty() && deletes.is_empty() {
            return self.end_folders().await;
        }
        self.end_transfers().await?;
        self.others(others).await?;
        self.deletes(deletes).await
    }

    /// Waits for all that is under way, and answers what everything came to.
    pub(crate) async fn finish(mut self) -> Result<Executed> {
        self.end_transfers().await?;
        self.unrecorded.end();
        if !self.is_stopped() {
            self.engine.discard_staged(&self.given_up).await?;
        }
        Ok(self.out)
    }

    fn begin_plan(&mut self, plan: &Plan, loaded: &Loaded) {
        let items = plan.actions.iter().map(|a| a.standing.item);
        self.places = items
            .filter_map(|item| loaded.item(item))
            .map(|base| (base.id, (base.parent, base.name.clone())))
            .collect();
        self.undone.clear();
        self.unmoved.clear();
        self.folders = folders(plan, loaded);
    }

    pub(crate) const fn is_stopped(&self) -> bool {
        self.out.stopped.is_some() || self.out.is_elsewhere
    }

    /// What is equal already is only noted.
    async fn notes(&mut self, notes: Vec<Arc<Action>>) -> Result<()> {
        if notes.is_empty() {
            return Ok(());
        }
        self.end_folders().await?;
        if !self.settle_leftovers().await? {
            return Ok(());
        }
        for group in chunks(notes, GROUP) {
            let finished = group
                .into_iter()
                .map(|action| Finished::new(action, Done::default()))
                .collect();
            let finished = self.read_is_durable(finished).await?;
            self.record(finished)?;
        }
        Ok(())
    }

    /// What becomes of content that an action replaces or removes; `None` if the side cannot keep what must
    /// be kept.
    fn keep(&self, side: Side, path: &RelPath, retain: Retain) -> Option<Keep> {
        if mutant!("P1 what nobody has seen is not kept") {
            return Some(Keep::No);
        }
        let keeps_superseded = self.engine.setup.options.versions.keep
            && !mutant!("P1 what was superseded is not kept");
        let wanted = retain == Retain::Unseen || keeps_superseded;
        match (wanted, self.engine.capabilities(side).versions) {
            (true, true) => Some(Keep::Version(self.engine.version_key(path))),
            (true, false) if retain == Retain::Unseen => None,
            _ => Some(Keep::No),
        }
    }

    /// Somebody else's content stood where an action went. It is kept for good; nothing is in step; look again.
    fn lost_race(
        &mut self,
        action: &Action,
        displaced: &Displaced,
        intent: Option<i64>,
    ) -> Result<()> {
        let mut row = journal_row(action, self.run, self.engine.now());
        row.before.clone_from(&displaced.entry);
        row.version = Some(displaced.version.clone());
        row.keep = !mutant!("P1 a displaced file is pruned like any other");
        self.gave_up_with(action, something_else(), intent, row)
    }

    /// An action did not work, or was overtaken.
    fn gave_up(&mut self, action: &Action, error: StorageError, intent: Option<i64>) -> Result<()> {
        self.gave_up_keeping(action, error, intent, None)
    }

    /// The same, where the pre-image may have been set aside for it.
    fn gave_up_keeping(
        &mut self,
        action: &Action,
        error: StorageError,
        intent: Option<i64>,
        version: Option<VersionKey>,
    ) -> Result<()> {
        let row = JournalRow {
            version,
            ..journal_row(action, self.run, self.engine.now())
        };
        self.gave_up_with(action, error, intent, row)
    }

    /// The same, with the line that the journal gets but for what it came to.
    fn gave_up_with(
        &mut self,
        action: &Action,
        error: StorageError,
        intent: Option<i64>,
        mut row: JournalRow,
    ) -> Result<()> {
        let in_the_way = self.in_the_way(action, &error)?;
        let raced = error.is_lost_race() && in_the_way.is_none();
        let side = action.side;
        // It may have been done all the same.
        self.engine.left_unsettled();
        self.doubt(action);
        if error.cause == Cause::HashMismatch {
            self.forget_read(action)?;
        }
        if is_step(action) {
            self.leave_undone(action);
        }
        let path = action.path().cloned().unwrap_or_else(RelPath::root);
        if raced {
            self.out.raced.insert((side, path.clone()));
        } else {
            self.out.failed.insert((side, path.clone()));
            self.summary.failed += 1;
        }
        row.outcome = if raced {
            Outcome::LostRace
        } else {
            Outcome::Failed
        };
        row.error = Some(error.to_string());
        let problem = in_the_way.unwrap_or_else(|| {
            let (side, path) = Self::blamed(action, &error, &path);
            ProblemRow {
                side,
                path: path.to_string(),
                why: why_not(&error).to_owned(),
                detail: error.to_string(),
            }
        });
        self.engine.state().transaction(|state| {
            row.id = state.add_journal(&row)?;
            if !raced {
                state.add_problems("execute", &BTreeSet::from([problem]))?;
            }
            match intent {
                // An upload that was cut off is gone on with later.
                Some(_) if error.is_transient() => Ok(()),
                Some(intent) => {
                    self.given_up.push(intent);
                    state.close_intent_unless_staged(intent)
                }
                None => Ok(()),
            }
        })?;
        self.engine
            .setup
            .events
            .event(Event::Action(log_line(&row)));
        tracing::info!(%error, ?raced, "an action was not done");
        if stops_the_pass(&error) {
            self.out.stopped = Some(EngineError::Storage { side, error });
        }
        Ok(())
    }

    /// What is carried is not what was read of it before: the next pass reads it anew.
    fn forget_read(&self, action: &Action) -> Result<()> {
        let (Deed::Transfer { from, .. } | Deed::Duplicate { from, .. }) = &action.deed else {
            return Ok(());
        };
        let side = match &action.deed {
            Deed::Duplicate { .. } => action.side,
            _ => action.side.other(),
        };
        if let Some((folder, _)) = &action.standing.places[side] {
            let mut state = self.engine.state();
            return state.transaction(|state| state.forget_hashes(side, *folder, &from.entry.name));
        }
        Ok(())
    }

    /// A folder was not made, or something not moved.
    fn leave_undone(&mut self, action: &Action) {
        self.undone.insert(action.standing.item);
        if let Deed::Move { from, .. } = &action.deed {
            self.unmoved.insert((action.side, from.path.clone()));
        }
    }

    /// Whether the action lies below a folder whose step was not done, or makes a folder where something still is.
    fn relies_on_undone(&self, action: &Action) -> bool {
        let stands = |path: &RelPath| self.unmoved.contains(&(action.side, path.clone()));
        let is_taken = matches!(&action.deed, Deed::CreateFolder { path, .. } if stands(path));
        is_taken || is_below(&self.undone, &self.folders, action)
    }

    /// Where the fault lies: what cannot be read is a problem of the side that has it.
    fn blamed(action: &Action, error: &StorageError, path: &RelPath) -> (Side, RelPath) {
        match &action.deed {
            Deed::Transfer { from, .. } if error.operation == "read" => {
                (action.side.other(), from.path.clone())
            }
            _ => (action.side, path.clone()),
        }
    }

    /// What to say where an action cannot have its name because of something that is there and not carried.
    fn in_the_way(&self, action: &Action, error: &StorageError) -> Result<Option<ProblemRow>> {
        let target = match &action.deed {
            Deed::Move { to, .. } => Some(to),
            _ => action.path(),
        };
        let Some(path) = target.filter(|_| error.cause == Cause::AlreadyExists) else {
            return Ok(None);
        };
        let is_kept = self
            .engine
            .state()
            .why_detached(action.side, path)?
            .is_some();
        Ok(is_kept.then(|| ProblemRow::in_the_way(action.side, path)))
    }

    /// Both ends of the action are looked at again.
    fn doubt(&mut self, action: &Action) {
        if mutant!("P2 what was overtaken is not looked at again") {
            return;
        }
        let mut add = |side: Side, path: &RelPath| {
            if let Some(folder) = path.parent() {
                self.out.doubts[side].add(folder, false);
            }
        };
        let side = action.side;
        if let Some(path) = action.path() {
            add(side, path);
        }
        match &action.deed {
            Deed::Transfer { from, .. } => add(side.other(), &from.path),
            Deed::Move { to, .. } => add(side, to),
            Deed::Merge {
                source,
                destination,
            } => {
                add(Side::Source, &source.path);
                add(Side::Destination, &destination.path);
            }
            Deed::Delete { at, absent, .. } => {
                if let Some(absent) = absent {
                    add(side.other(), &absent.path);
                }
                // It may hold what no hint has told of.
                if at.entry.kind == Kind::Folder {
                    self.out.doubts[side].add(at.path.clone(), false);
                }
            }
            _ => {}
        }
    }
}

pub(crate) const fn is_step(action: &Action) -> bool {
    matches!(action.deed, Deed::CreateFolder { .. } | Deed::Move { .. })
}

/// The folder in which the plan has each item, as far as it is known.
pub(crate) fn folders(plan: &Plan, loaded: &Loaded) -> HashMap<ItemId, ItemId> {
    let in_base = loaded.trees.items.iter().map(|item| (item.id, item.parent));
    in_base
        .chain(
            plan.actions
                .iter()
                .map(|a| (a.standing.item, a.standing.parent)),
        )
        .collect()
}

/// Whether the action is on something below one of `undone`.
pub(crate) fn is_below(
    undone: &BTreeSet<ItemId>,
    folders: &HashMap<ItemId, ItemId>,
    action: &Action,
) -> bool {
    let mut at = Some(action.standing.parent);
    while let Some(folder) = at.filter(|f| !undone.is_empty() && *f != ItemId::ROOT) {
        if undone.contains(&folder) {
            return true;
        }
        at = folders.get(&folder).copied();
    }
    false
}

/// What a change says that met something nobody expected.
fn something_else() -> StorageError {
    let cause = Cause::PreconditionFailed;
    StorageError::new("commit", cause, "something else was there")
}

/// Why, in one word: what may not be read is told from what may not be written.
pub(crate) fn why_not(error: &StorageError) -> &'static str {
    if error.cause == Cause::Forbidden && error.operation == "read" {
        "unreadable"
    } else {
        error.cause.name()
    }
}

/// Whether nothing else will work either.
fn stops_the_pass(error: &StorageError) -> bool {
    matches!(
        error.cause,
        Cause::Offline
            | Cause::Timeout
            | Cause::AuthExpired
            | Cause::AuthDenied
            | Cause::Tls
            | Cause::ClockSkew
            | Cause::ReadOnly
            | Cause::Quota
            | Cause::RateLimited
            | Cause::Server
    )
}

fn chunks<T>(all: Vec<T>, size: usize) -> Vec<Vec<T>> {
    let mut chunks = Vec::new();
    let mut rest = all.into_iter().peekable();
    while rest.peek().is_some() {
        chunks.push(rest.by_ref().take(size).collect());
    }
    chunks
}
