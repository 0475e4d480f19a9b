//! One pass: look, plan, guard, execute, and again until there is nothing left to do.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tandem_core::entry::{ContentHash, Entry};
use tandem_core::guard::{Hold, HoldKind};
use tandem_core::path::RelPath;
use tandem_core::plan::{self, Action, Conflict, Deed, Evidence, ItemId, Plan, Refusal, Refused};
use tandem_core::side::{PerSide, Side};
use tandem_core::{mutant, removed};

use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::event::Event;
use crate::execute::{self, Executed};
use crate::guarding::Census;
use crate::observe::Doubt;
use crate::parts::Parts;
use crate::report::{Phase, Summary};
use crate::state::{ConflictRow, Intent, Loaded, ProblemRow, Purpose, State};
use crate::views::{held_view, problem};

/// A pass that does not come to rest in so many rounds stops and says so.
const MOST_ROUNDS: u32 = 200;

/// Why it stopped then.
const NO_REST: &str = "the pair does not come to rest";

/// A place that was overtaken so often in one pass is left to the next.
const MOST_RACES: u32 = 5;

/// Leftovers of other devices are left alone for so long, in nanoseconds: 7 days.
const OTHERS_LEFTOVERS: i64 = 7 * 24 * 3_600_000_000_000;

/// File times and the clock may differ by so much, in nanoseconds.
const CLOCK_SLACK: i64 = 2_000_000_000;

/// What one pass remembers from round to round.
#[derive(Default)]
struct Pass {
    run: i64,
    /// How much was in step before anything was carried, without what was deleted since.
    items: u64,
    summary: Summary,
    failed: BTreeSet<(Side, RelPath)>,
    races: BTreeMap<(Side, RelPath), u32>,
    refused: Refused,
    resumable: HashMap<(Side, RelPath), Intent>,
    /// Whether it waits for what is not left alone yet, or leaves that to the next.
    patient: bool,
    holds: Vec<(Hold, String)>,
    /// Whether a root may be another one, for it shows nothing and proves nothing.
    is_doubtful: bool,
    /// What would have held the pair and was approved.
    passed: BTreeSet<u64>,
    /// The last line of the journal when all of a side was looked at.
    looked_at: PerSide<Option<i64>>,
}

impl Pass {
    /// Nothing is believed that these roots show.
    fn doubt_roots(&mut self, holds: Vec<Hold>) {
        self.is_doubtful = true;
        self.holds = holds
            .into_iter()
            .map(|hold| (hold, "[]".to_owned()))
            .collect();
    }
}

impl Engine {
    /// One pass over the whole pair, until it is still.
    ///
    /// # Errors
    /// What kept the pass from looking or recording. What keeps single items from being carried is in the
    /// summary.
    pub async fn sync(&self) -> Result<Summary> {
        let everything = PerSide::new(Doubt::everything(), Doubt::everything());
        self.pass(everything, true).await
    }

    /// One pass that begins by looking at `doubts`. What is not left alone yet a patient one waits for; after
    /// another, [`Engine::look_again`] says when to begin the next.
    pub(crate) async fn pass(&self, doubts: PerSide<Doubt>, patient: bool) -> Result<Summary> {
        let _one = self.passing.lock().await;
        self.follow_filter()?;
        let is_whole = doubts.source.all && doubts.destination.all;
        self.note_begin(is_whole);
        let done = self.rounds(doubts, patient).await;
        self.note_end(&done, is_whole);
        let rests = patient || done.is_err() || !self.rests_soon();
        self.phase(if rests { Phase::Still } else { Phase::Looking });
        done
    }

    async fn rounds(&self, mut doubts: PerSide<Doubt>, patient: bool) -> Result<Summary> {
        let roots = self.guard_roots().await?;
        if !self.was_all_looked_at()? && !removed!("completeness") {
            doubts = PerSide::new(Doubt::everything(), Doubt::everything());
        }
        let mut pass = Pass {
            patient,
            ..self.begin_pass(&doubts)?
        };
        if !roots.is_empty() {
            pass.doubt_roots(roots);
            return self.end_pass(pass);
        }
        self.take_back_moves().await?;
        self.take_up_cut_off(pass.run).await?;
        for round in 0.. {
            if round == MOST_ROUNDS {
                pass.summary.stopped = Some(NO_REST.to_owned());
                break;
            }
            self.phase(Phase::Looking);
            let look = self.look(&doubts).await?;
            self.note_writing(&look);
            for side in Side::BOTH {
                self.confirm_absences(side, &look).await?;
            }
            self.compare_young().await?;
            let empty = self.guard_empty(&look.empty)?;
            if !empty.is_empty() {
                pass.doubt_roots(empty);
                break;
            }
            let done = self.round(&mut pass).await?;
            if pass.is_doubtful {
                break;
            }
            match done {
                Some(done) if done.is_elsewhere => {
                    self.after_round(done, &mut pass);
                    self.guard_roots_again(&mut pass).await?;
                    doubts = PerSide::new(Doubt::everything(), Doubt::everything());
                }
                Some(mut done) => {
                    if done.is_cut_off && done.stopped.is_none() {
                        self.take_up_cut_off(pass.run).await?;
                    }
                    let late = self.bring_late_writes().await?;
                    for side in Side::BOTH {
                        done.doubts[side].add_all(&late[side]);
                    }
                    doubts = self.after_round(done, &mut pass);
                }
                None => match self.wait_for_quiet(&pass).await? {
                    Some(again) => doubts = again,
                    None => break,
                },
            }
            if pass.summary.stopped.is_some() || pass.is_doubtful {
                break;
            }
        }
        if pass.summary.stopped.is_none() && !pass.is_doubtful {
            self.take_up_cut_off(pass.run).await?;
            self.discard_abandoned().await?;
            self.sweep_leftovers(&pass.resumable).await?;
        }
        let may_prune = pass.summary.stopped.is_none() && !pass.is_doubtful;
        let summary = self.end_pass(pass)?;
        // In another root there are no versions: what is not found there would count as gone.
        if may_prune {
            self.prune_if_due().await?;
        }
        Ok(summary)
    }

    /// Asks whether the roots still are what they were when the pass began.
    async fn guard_roots_again(&self, pass: &mut Pass) -> Result<()> {
        let mut holds = Vec::new();
        for side in Side::BOTH {
            holds.extend(self.root_gone(side).await?);
        }
        if !holds.is_empty() {
            self.forget_all_looked_at()?;
            pass.doubt_roots(holds);
        }
        Ok(())
    }

    fn begin_pass(&self, doubts: &PerSide<Doubt>) -> Result<Pass> {
        let state = self.state();
        let intents = state.intents()?;
        state.drop_problems("execute")?;
        let run = state.next_run()?;
        let items = state.base_count()?;
        let line = state.last_line()?;
        let resumable = intents
            .into_iter()
            .map(|i| ((i.side, i.target.clone()), i))
            .collect();
        Ok(Pass {
            run,
            items,
            resumable,
            looked_at: doubts.as_ref().map(|doubt| doubt.all.then_some(line)),
            ..Pass::default()
        })
    }

    /// Plans all that is in doubt, guards it and carries it out, part by part. `None` if there was nothing to do.
    async fn round(&self, pass: &mut Pass) -> Result<Option<Executed>> {
        let mut parts = self.parts(Purpose::Execute)?;
        let mut next = self.next_plan(&mut parts, &pass.refused).await?;
        // What was seen since they were asked last may be another folder's, and is about to be believed.
        if next.is_some() {
            self.guard_roots_again(pass).await?;
        }
        if pass.is_doubtful {
            return Ok(None);
        }
        let whole = match (&parts, &next) {
            (Parts::Whole { .. }, Some((plan, _))) => Some(plan),
            _ => None,
        };
        let (census, guarded) = self.guard_all(whole, &pass.refused).await?;
        pass.holds = guarded.holds;
        pass.passed.extend(guarded.passed);
        let is_held = !pass.holds.is_empty();
        let is_waiting = !self.state().held_ids()?.is_empty();
        self.begin_progress(&census);
        let mut summary = std::mem::take(&mut pass.summary);
        let known = (&pass.resumable, &pass.refused);
        let mut execution = self.begin_execution(pass.run, &mut summary, known);
        let mut is_begun = false;
        let mut conflicts = 0;
        let mut is_first_part = true;
        while let Some((mut plan, loaded)) = next {
            conflicts += plan.conflicts.len() as u64;
            self.note_plan(&plan, is_first_part)?;
            is_first_part = false;
            plan.actions = self.written_once_more(plan.actions)?;
            self.drop_hopeless(pass, &mut plan, &loaded)?;
            if is_held {
                plan.actions.clear();
            }
            self.put_off_young_conflicts(&mut plan);
            self.put_off_deletes(&mut plan, is_waiting, pass.items);
            let items = self.items_before(pass.items);
            pass.holds.extend(self.guard_deletes(&mut plan, items)?);
            self.tell_holds(&pass.holds)?;
            if !plan.actions.is_empty() {
                self.phase(Phase::Syncing);
                is_begun = true;
                execution.carry_out(plan, loaded).await?;
            }
            if is_held || execution.is_stopped() {
                break;
            }
            next = self.next_plan(&mut parts, &pass.refused).await?;
        }
        let done = execution.finish().await?;
        summary.conflicts = summary.conflicts.max(conflicts);
        pass.summary = summary;
        Ok(is_begun.then_some(done))
    }

    /// Reads what the planner must know.
    pub(crate) async fn gather(&self, plan: &Plan) -> Result<()> {
        let jobs = plan
            .evidence
            .iter()
            .map(|evidence| {
                let carried = self.carried(evidence.side, &evidence.at);
                let job: tandem_core::environment::BoxFuture<_> =
                    Box::pin(async move { carried.hash().await });
                job
            })
            .collect();
        let limit = self.setup.options.limits.transfers;
        let hashes =
            crate::parallel::answers_in_parallel(&self.setup.environment, limit, jobs).await;
        self.state().transaction(|state| {
            for (evidence, hash) in plan.evidence.iter().zip(hashes) {
                note_evidence(state, evidence, hash)?;
            }
            Ok(())
        })
    }

    /// Stores what the plan left out and the conflicts it met.
    fn note_plan(&self, plan: &Plan, is_first_part: bool) -> Result<()> {
        let mut problems: BTreeSet<ProblemRow> = plan
            .left_out
            .iter()
            .map(|left| problem_row(left.side, &left.path, refusal(left.why)))
            .collect();
        for (side, path, long) in self.being_written() {
            let why = if long {
                "keeps_changing"
            } else {
                "changes_waiting"
            };
            problems.insert(problem_row(side, &path, why));
        }
        let now = self.now();
        let copies = copies(plan);
        let stands = self.where_they_stand(plan);
        self.state().transaction(|state| {
            if is_first_part {
                state.set_problems("plan", &problems)?;
            } else {
                state.add_problems("plan", &problems)?;
            }
            for conflict in &plan.conflicts {
                let copy = if conflict.kind.is_structural() {
                    stands.get(&conflict.item).map(ToString::to_string)
                } else {
                    copies.get(&conflict.item).map(ToString::to_string)
                };
                state.add_conflict(&conflict_row(conflict, copy, now))?;
            }
            Ok(())
        })
    }

    /// Where the items of structural conflicts stand once the plan is done, as the source spells it.
    fn where_they_stand(&self, plan: &Plan) -> HashMap<ItemId, RelPath> {
        let structural = plan.conflicts.iter().filter(|c| c.kind.is_structural());
        let mut stands: HashMap<ItemId, RelPath> = structural
            .map(|c| (c.item, self.pair_path(Side::Destination, &c.path)))
            .collect();
        if !stands.is_empty() {
            // The first action on an item is the one that gives it its place.
            for action in plan.actions.iter().rev() {
                if let Some(stand) = stands.get_mut(&action.standing.item)
                    && let Deed::Move { to: path, .. }
                    | Deed::CreateFolder { path, .. }
                    | Deed::Transfer { path, .. } = &action.deed
                {
                    *stand = self.pair_path(action.side, path);
                }
            }
        }
        for stand in stands.values_mut() {
            *stand = self.native_path(Side::Source, stand);
        }
        stands
    }

    /// What failed is not tried again in this pass, nor what lies below a folder that is not moved or made. What
    /// lost its race too often is shown.
    fn drop_hopeless(&self, pass: &Pass, plan: &mut Plan, loaded: &Loaded) -> Result<()> {
        let mut undone = BTreeSet::new();
        for action in &plan.actions {
            if execute::is_step(action) && !self.is_worth_trying(pass, action) {
                undone.insert(action.standing.item);
            }
        }
        let overtaken: BTreeSet<ProblemRow> = plan
            .actions
            .iter()
            .filter(|a| Self::is_overtaken(pass, a))
            .filter_map(|a| Some(problem_row(a.side, a.path()?, "keeps_changing")))
            .collect();
        let folders = execute::folders(plan, loaded);
        plan.actions
            .retain(|a| self.is_worth_trying(pass, a) && !execute::is_below(&undone, &folders, a));
        if overtaken.is_empty() {
            return Ok(());
        }
        self.state()
            .transaction(|state| state.add_problems("execute", &overtaken))
    }

    /// Whether an action lost its race as often as it may in one pass.
    fn is_overtaken(pass: &Pass, action: &Action) -> bool {
        action.path().is_some_and(|path| {
            let races = pass.races.get(&(action.side, path.clone()));
            races.is_some_and(|n| *n >= MOST_RACES)
        })
    }

    fn is_worth_trying(&self, pass: &Pass, action: &Action) -> bool {
        let Some(path) = action.path() else {
            return true;
        };
        let has_failed = pass.failed.contains(&(action.side, path.clone()))
            && !mutant!("P14 what failed is tried without end");
        !has_failed && !Self::is_overtaken(pass, action)
    }

    fn begin_progress(&self, census: &Census) {
        let bytes = Side::BOTH.iter().map(|&side| census.bytes[side]).sum();
        self.meter.begin(census.actions, bytes);
    }

    /// What is held already stays so until the pass ends: its deletes may come in a later part.
    fn tell_holds(&self, holds: &[(Hold, String)]) -> Result<()> {
        let now = self.now();
        let known = self.state().held_ids()?;
        self.state()
            .transaction(|state| state.add_holds(holds, now))?;
        for (hold, _) in holds {
            if !known.contains(&hold.id.to_string()) {
                self.setup
                    .events
                    .event(Event::Held(held_view(hold, Vec::new(), now)));
            }
        }
        Ok(())
    }

    /// Nothing is left to do but for what is not left alone yet: a patient pass waits for it, but not for what keeps
    /// changing.
    async fn wait_for_quiet(&self, pass: &Pass) -> Result<Option<PerSide<Doubt>>> {
        if !pass.patient {
            return Ok(None);
        }
        let unrest = self.look_again().filter(|_| self.rests_soon());
        let young = self.soon_no_longer_young()?;
        let young = young.map(|pause| (pause, PerSide::default()));
        let notes = self.until_notes_end()?;
        let notes = notes.filter(|(pause, _)| *pause <= self.quiet_time());
        let Some((pause, again)) = unrest.or(young).or(notes) else {
            return Ok(None);
        };
        self.setup.environment.sleep(pause).await;
        Ok(Some(again))
    }

    fn after_round(&self, done: Executed, pass: &mut Pass) -> PerSide<Doubt> {
        pass.items = pass.items.saturating_sub(done.deleted);
        pass.failed.extend(done.failed);
        for place in done.raced {
            *pass.races.entry(place).or_default() += 1;
        }
        pass.refused.merges.extend(done.refused.merges);
        pass.refused.moves.extend(done.refused.moves);
        if let Some(stopped) = done.stopped {
            pass.summary.stopped_at = match &stopped {
                EngineError::Storage { side, .. } => Some(*side),
                _ => None,
            };
            pass.summary.stopped = Some(match &stopped {
                EngineError::Storage { error, .. } => error.cause.name().to_owned(),
                other => other.to_string(),
            });
        }
        let mut doubts = done.doubts;
        self.add_unrest(&mut doubts);
        doubts
    }

    /// What the pass came to is noted, and the summary is drawn up.
    fn end_pass(&self, mut pass: Pass) -> Result<Summary> {
        let now = self.now();
        let waits = self.deletes_wait();
        if pass.holds.is_empty() && pass.summary.stopped.is_none() && !waits {
            self.know_ground()?;
        }
        let mut state = self.state();
        state.transaction(|state| {
            state.set_holds(&pass.holds, now)?;
            // A folder is asked for again with what is in it, and then waits for that answer.
            for (hold, _) in &pass.holds {
                if matches!(hold.kind, HoldKind::Deletes(_)) {
                    for digest in &hold.items {
                        state.use_approval(*digest)?;
                    }
                }
            }
            match (&pass.summary.stopped, pass.holds.is_empty()) {
                (Some(_), _) => Ok(()),
                // What was approved is still to be done.
                (None, true) if waits => Ok(()),
                (None, true) => {
                    state.copies.clear();
                    if pass.summary.failed == 0 {
                        state.end_own_writes()?;
                        state.end_taken(pass.looked_at)?;
                    }
                    // What was approved and could not be done is not asked for again.
                    if pass.failed.is_empty() {
                        state.end_approvals()?;
                    }
                    Ok(())
                }
                (None, false) => pass
                    .passed
                    .iter()
                    .try_for_each(|digest| state.use_approval(*digest).map(drop)),
            }
        })?;
        let problems = state.problems()?;
        for row in &problems {
            self.setup.events.event(Event::Problem(problem(row)));
        }
        let counted = problems.iter().filter(|p| problem(p).is_problem).count() as u64;
        pass.summary.problems = counted;
        pass.summary.left_out = problems.len() as u64 - counted;
        pass.summary.held = pass.holds.len() as u64;
        pass.summary.items = state.base_count()?;
        Ok(pass.summary)
    }

    /// Staged files that a killed run left behind are thrown away, and those of other devices after a week. What
    /// may be somebody's content goes into versions; the storage tells the two apart.
    async fn sweep_leftovers(&self, begun: &HashMap<(Side, RelPath), Intent>) -> Result<()> {
        let old = self.now().plus(-OTHERS_LEFTOVERS);
        let crashed = begun.values().map(|intent| intent.made).min();
        for side in Side::BOTH {
            let leftovers = match self.root(side).leftovers().await {
                Ok(leftovers) => leftovers,
                Err(error) => {
                    tracing::warn!(%side, %error, "leftovers could not be looked for");
                    continue;
                }
            };
            for (token, written) in leftovers {
                let ours = crashed.is_some_and(|since| written >= since.plus(-CLOCK_SLACK));
                if (ours || written < old)
                    && let Err(error) = self.root(side).discard(&token).await
                {
                    tracing::warn!(%side, %error, "a leftover could not be discarded");
                }
            }
        }
        Ok(())
    }

    /// Discards what an earlier run staged and this pass did not go on with.
    pub(crate) async fn discard_abandoned(&self) -> Result<()> {
        let intents = self.state().intents()?;
        self.discard_intents(intents).await
    }

    /// Discards what is still staged for these intents.
    pub(crate) async fn discard_staged(&self, given_up: &[i64]) -> Result<()> {
        if given_up.is_empty() {
            return Ok(());
        }
        let mut intents = self.state().intents()?;
        intents.retain(|intent| given_up.contains(&intent.id));
        self.discard_intents(intents).await
    }

    async fn discard_intents(&self, intents: Vec<Intent>) -> Result<()> {
        for intent in intents {
            if let Some(token) = &intent.token
                && let Err(error) = self.root(intent.side).discard(token).await
            {
                tracing::warn!(%error, "an unfinished upload could not be discarded");
                continue;
            }
            self.state().close_intent(intent.id)?;
        }
        Ok(())
    }
}

fn problem_row(side: Side, path: &RelPath, why: &str) -> ProblemRow {
    ProblemRow {
        side,
        path: path.to_string(),
        why: why.to_owned(),
        detail: String::new(),
    }
}

/// What was read is known from now on; what could not be read is not decided about.
fn note_evidence(
    state: &mut State,
    evidence: &Evidence,
    hash: tandem_core::error::Result<ContentHash>,
) -> Result<()> {
    let (side, path) = (evidence.side, &evidence.at.path);
    let Some(folder) = path.parent() else {
        return Ok(());
    };
    let Some(folder) = state.folder_by_path(side, &folder)? else {
        return Ok(());
    };
    let error = match hash {
        Ok(hash) => {
            let mut entry: Entry = evidence.at.entry.clone();
            plan::record::add_hashes(&mut entry.hashes, &[hash]);
            return state.add_hash(side, folder, &entry);
        }
        Err(error) => error,
    };
    state.mark_unknown(side, folder, &evidence.at.entry.name)?;
    if error.is_lost_race() {
        return Ok(());
    }
    let row = ProblemRow {
        side,
        path: path.to_string(),
        why: execute::why_not(&error).to_owned(),
        detail: error.to_string(),
    };
    state.add_problems("execute", &BTreeSet::from([row]))
}

pub(crate) const fn refusal(why: Refusal) -> &'static str {
    match why {
        Refusal::NameRefused => "name_refused",
        Refusal::Collision => "collision",
        Refusal::Symlink => "symlink",
        Refusal::Opaque => "opaque",
        Refusal::TooLarge => "too_large",
    }
}

/// The conflict copies that a plan makes, by item.
fn copies(plan: &Plan) -> HashMap<ItemId, &RelPath> {
    let copies = plan.actions.iter().filter_map(|a| match &a.deed {
        Deed::Duplicate { path, .. } => Some((a.standing.item, path)),
        _ => None,
    });
    copies.collect()
}

fn conflict_row(
    conflict: &Conflict,
    copy: Option<String>,
    now: tandem_core::time::Timestamp,
) -> ConflictRow {
    let kind = serde_json::to_value(conflict.kind)
        .ok()
        .and_then(|v| v.as_str().map(str::to_owned))
        .unwrap_or_default();
    let digest = tandem_core::guard::Digest::new()
        .text(conflict.path.as_str())
        .text(&kind)
        .number(conflict.item.0.unsigned_abs());
    ConflictRow {
        id: format!("{:016x}", digest.value()),
        item: conflict.item,
        path: conflict.path.to_string(),
        copy,
        kind,
        since: now,
        waits: conflict.waits,
    }
}
