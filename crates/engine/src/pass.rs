//! One pass: look, plan, guard, execute, and again until there is nothing left to do.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::Ordering;
use std::time::Duration;

use tandem_core::entry::Entry;
use tandem_core::guard::Hold;
use tandem_core::path::RelPath;
use tandem_core::plan::{self, Action, Conflict, Deed, Input, ItemId, Plan, Refusal};
use tandem_core::side::{PerSide, Side};

use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::event::{Event, Progress};
use crate::execute::{self, Executed};
use crate::observe::{Doubt, Look};
use crate::report::{Phase, Summary};
use crate::state::{ConflictRow, Intent, Loaded, ProblemRow};
use crate::views::{held_view, problem};

/// A pass that does not come to rest in so many rounds stops and says so.
const MOST_ROUNDS: u32 = 200;

/// A place that was overtaken so often in one pass is left to the next.
const MOST_RACES: u32 = 5;

/// Evidence is gathered so often for one plan.
const MOST_EVIDENCE: u32 = 8;

/// Leftovers of other devices are left alone for so long, in nanoseconds: 7 days.
const OTHERS_LEFTOVERS: i64 = 7 * 24 * 3_600_000_000_000;

/// File times and the clock may differ by so much, in nanoseconds.
const CLOCK_SLACK: i64 = 2_000_000_000;

/// What one pass remembers from round to round.
#[derive(Default)]
struct Pass {
    run: i64,
    summary: Summary,
    failed: BTreeSet<(Side, RelPath)>,
    races: BTreeMap<(Side, RelPath), u32>,
    unmergeable: Vec<ItemId>,
    resumable: HashMap<(Side, RelPath), Intent>,
    /// How long files have been waited for, in milliseconds.
    waited: u64,
    holds: Vec<(Hold, String)>,
}

impl Engine {
    /// One pass over the whole pair, until it is still.
    ///
    /// # Errors
    /// What kept the pass from looking or recording. What keeps single items from being carried is in the
    /// summary.
    pub async fn sync(&self) -> Result<Summary> {
        let everything = PerSide::new(Doubt::everything(), Doubt::everything());
        self.pass(everything).await
    }

    /// One pass that begins by looking at `doubts`.
    pub(crate) async fn pass(&self, doubts: PerSide<Doubt>) -> Result<Summary> {
        let _one = self.passing.lock().await;
        let done = self.rounds(doubts).await;
        if let Ok(summary) = &done
            && summary.stopped.is_none()
        {
            self.prune_if_due().await?;
        }
        self.phase(Phase::Still);
        done
    }

    async fn rounds(&self, mut doubts: PerSide<Doubt>) -> Result<Summary> {
        let mut pass = self.begin_pass()?;
        let roots = self.guard_roots().await?;
        if !roots.is_empty() {
            pass.holds = roots
                .into_iter()
                .map(|hold| (hold, "[]".to_owned()))
                .collect();
            return self.end_pass(pass);
        }
        self.take_back_moves().await?;
        for _ in 0..MOST_ROUNDS {
            self.phase(Phase::Looking);
            let whole = doubts.source.all && doubts.destination.all;
            let look = self.look(&doubts).await?;
            for side in Side::BOTH {
                self.confirm_absences(side).await?;
            }
            if whole {
                let empty = self.guard_empty(look.entries)?;
                if !empty.is_empty() {
                    pass.holds = empty
                        .into_iter()
                        .map(|hold| (hold, "[]".to_owned()))
                        .collect();
                    break;
                }
            }
            let (mut plan, loaded) = self.plan(&pass.unmergeable, &mut pass.summary).await?;
            self.note_plan(&plan, &look)?;
            self.drop_hopeless(&pass, &mut plan, &loaded);
            pass.holds = self.guard(&mut plan, self.is_first_pass()?).await?;
            self.tell_holds(&pass.holds)?;
            if plan.actions.is_empty() {
                match self.wait_for_quiet(&look, &mut pass).await? {
                    Some(again) => {
                        doubts = again;
                        continue;
                    }
                    None => break,
                }
            }
            self.phase(Phase::Syncing);
            self.begin_progress(&plan);
            let done = self
                .execute(plan, &loaded, pass.run, &mut pass.summary, &pass.resumable)
                .await?;
            doubts = self.after_round(done, &look, &mut pass)?;
            if pass.summary.stopped.is_some() {
                break;
            }
        }
        if pass.summary.stopped.is_none() {
            self.discard_abandoned().await?;
            self.sweep_leftovers(&pass.resumable).await?;
        }
        self.end_pass(pass)
    }

    fn begin_pass(&self) -> Result<Pass> {
        let state = self.state();
        let intents = state.intents()?;
        state.set_problems("execute", &BTreeSet::new())?;
        let run = state.next_run()?;
        let resumable = intents
            .into_iter()
            .map(|i| ((i.side, i.target.clone()), i))
            .collect();
        Ok(Pass {
            run,
            resumable,
            ..Pass::default()
        })
    }

    /// Whether the pair has never finished a pass.
    fn is_first_pass(&self) -> Result<bool> {
        Ok(self.state().meta("finished")?.is_none())
    }

    /// The plan for what is in doubt, with all evidence it asked for.
    pub(crate) async fn plan(
        &self,
        unmergeable: &[ItemId],
        summary: &mut Summary,
    ) -> Result<(Plan, Loaded)> {
        for _ in 0..MOST_EVIDENCE {
            let capabilities = PerSide::from_fn(|side| self.capabilities(side));
            let loaded = self.state().load(capabilities)?;
            let input = Input {
                trees: &loaded.trees,
                capabilities,
                policy: &self.setup.options.policy,
                device: self.setup.device.as_str(),
                unmergeable,
            };
            let plan = plan::plan(&input);
            summary.conflicts = summary.conflicts.max(plan.conflicts.len() as u64);
            if plan.evidence.is_empty() {
                return Ok((plan, loaded));
            }
            self.gather(&plan).await?;
        }
        Err(EngineError::Refused(
            "the contents asked for keep changing".to_owned(),
        ))
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
        for (evidence, hash) in plan.evidence.iter().zip(hashes) {
            let (side, path) = (evidence.side, &evidence.at.path);
            let Some(folder) = path.parent() else {
                continue;
            };
            let Some(folder) = self.state().folder_by_path(side, &folder)? else {
                continue;
            };
            match hash {
                Ok(hash) => {
                    let mut entry: Entry = evidence.at.entry.clone();
                    plan::record::add_hashes(&mut entry.hashes, &[hash]);
                    self.state()
                        .transaction(|state| state.add_hash(side, folder, &entry))?;
                }
                Err(error) => {
                    let row = ProblemRow {
                        side,
                        path: path.to_string(),
                        why: error.cause.name().to_owned(),
                        detail: error.to_string(),
                    };
                    let raced = error.is_lost_race();
                    self.state().transaction(|state| {
                        state.mark_unknown(side, folder, &evidence.at.entry.name)?;
                        if raced {
                            Ok(())
                        } else {
                            state.add_problems("execute", &BTreeSet::from([row]))
                        }
                    })?;
                }
            }
        }
        Ok(())
    }

    /// Stores what the plan left out and the conflicts it met.
    fn note_plan(&self, plan: &Plan, look: &Look) -> Result<()> {
        let mut problems: BTreeSet<ProblemRow> = plan
            .left_out
            .iter()
            .map(|left| ProblemRow {
                side: left.side,
                path: left.path.to_string(),
                why: refusal(left.why).to_owned(),
                detail: String::new(),
            })
            .collect();
        for (side, path) in &look.being_written {
            let why = "changes_waiting".to_owned();
            problems.insert(ProblemRow {
                side: *side,
                path: path.to_string(),
                why,
                detail: String::new(),
            });
        }
        let now = self.now();
        self.state().transaction(|state| {
            state.set_problems("plan", &problems)?;
            for conflict in &plan.conflicts {
                state.add_conflict(&conflict_row(conflict, plan, now))?;
            }
            Ok(())
        })
    }

    /// What failed is not tried again in this pass, nor what lies below a folder that is not moved or made.
    fn drop_hopeless(&self, pass: &Pass, plan: &mut Plan, loaded: &Loaded) {
        let mut undone = BTreeSet::new();
        for action in &plan.actions {
            if execute::is_step(action) && !self.is_worth_trying(pass, action) {
                undone.insert(action.standing.item);
            }
        }
        let folders = execute::folders(plan, loaded);
        plan.actions
            .retain(|a| self.is_worth_trying(pass, a) && !execute::is_below(&undone, &folders, a));
    }

    fn is_worth_trying(&self, pass: &Pass, action: &Action) -> bool {
        let Some(path) = action.path() else {
            return true;
        };
        let key = (action.side, path.clone());
        !pass.failed.contains(&key) && pass.races.get(&key).is_none_or(|n| *n < MOST_RACES)
    }

    fn begin_progress(&self, plan: &Plan) {
        let touching = plan.actions.iter().filter(|a| a.touches());
        let total = Progress {
            actions_total: touching.clone().count() as u64,
            bytes_total: touching.map(Action::bytes).sum(),
            ..Progress::default()
        };
        self.progress(|p| *p = total);
    }

    fn tell_holds(&self, holds: &[(Hold, String)]) -> Result<()> {
        let now = self.now();
        let known: BTreeSet<String> = self
            .state()
            .holds()?
            .iter()
            .map(|(h, ..)| h.id.to_string())
            .collect();
        self.state()
            .transaction(|state| state.set_holds(holds, now))?;
        for (hold, _) in holds {
            if !known.contains(&hold.id.to_string()) {
                self.setup
                    .events
                    .event(Event::Held(held_view(hold, Vec::new(), now)));
            }
        }
        Ok(())
    }

    /// Nothing is left to do but for files that are still being written: waits until they rest.
    async fn wait_for_quiet(&self, look: &Look, pass: &mut Pass) -> Result<Option<PerSide<Doubt>>> {
        let limits = &self.setup.options.limits;
        if look.being_written.is_empty() {
            return Ok(None);
        }
        if pass.waited >= limits.keeps_changing * 1000 {
            let rows = look
                .being_written
                .iter()
                .map(|(side, path)| ProblemRow {
                    side: *side,
                    path: path.to_string(),
                    why: "keeps_changing".to_owned(),
                    detail: String::new(),
                })
                .collect();
            self.state()
                .transaction(|state| state.add_problems("execute", &rows))?;
            return Ok(None);
        }
        let wait = (limits.quiet / 2).max(20);
        pass.waited += wait;
        self.setup
            .environment
            .sleep(Duration::from_millis(wait))
            .await;
        let mut doubts = PerSide::<Doubt>::default();
        for side in Side::BOTH {
            for folder in &look.unsettled[side] {
                doubts[side].add(folder.clone(), false);
            }
        }
        Ok(Some(doubts))
    }

    fn after_round(&self, done: Executed, look: &Look, pass: &mut Pass) -> Result<PerSide<Doubt>> {
        pass.failed.extend(done.failed);
        for place in done.raced {
            *pass.races.entry(place).or_default() += 1;
        }
        pass.unmergeable.extend(done.unmergeable);
        if let Some(stopped) = done.stopped {
            pass.summary.stopped = Some(match &stopped {
                EngineError::Storage { error, .. } => error.cause.name().to_owned(),
                other => other.to_string(),
            });
        }
        let mut doubts = done.doubts;
        for side in Side::BOTH {
            for folder in &look.unsettled[side] {
                doubts[side].add(folder.clone(), false);
            }
        }
        Ok(doubts)
    }

    /// Uploads that nothing went on with are thrown away, and the summary is drawn up.
    fn end_pass(&self, mut pass: Pass) -> Result<Summary> {
        let now = self.now();
        let mut state = self.state();
        if pass.holds.is_empty()
            && pass.summary.stopped.is_none()
            && state.meta("finished")?.is_none()
        {
            state.set_meta("finished", &now.0.to_string())?;
        }
        state.transaction(|state| state.set_holds(&pass.holds, now))?;
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

    /// Whether `run` is paused.
    pub(crate) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Acquire)
    }
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

fn conflict_row(
    conflict: &Conflict,
    plan: &Plan,
    now: tandem_core::time::Timestamp,
) -> ConflictRow {
    let copy = plan.actions.iter().find_map(|a| match &a.deed {
        Deed::Duplicate { path, .. } if a.standing.item == conflict.item => Some(path.to_string()),
        _ => None,
    });
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
