//! What a pass would do: looks, plans and guards, and writes nothing to the sides.

use std::collections::BTreeSet;
use std::time::Duration;

use tandem_core::entry::Kind;
use tandem_core::guard::Hold;
use tandem_core::plan::{Action, Deed, Plan};
use tandem_core::side::{PerSide, Side};

use crate::engine::Engine;
use crate::error::Result;
use crate::holds::listed;
use crate::observe::{Doubt, Look};
use crate::pass::refusal;
use crate::report::{ActionKind, HeldView, Phase, Preview, Problem, Summary, Totals, Warning};
use crate::state::ProblemRow;
use crate::views::{held_view, kind_of, planned, problem};

/// One side is much larger if it holds so many times the other's items,
const MUCH_LARGER: u64 = 10;

/// and so many more.
const MANY_MORE: u64 = 100;

/// Entries in one answer of a listing, for the estimate of requests.
const ENTRIES_LISTED: u64 = 1000;

impl Engine {
    /// What a pass would do now. Looks at both sides; nothing is written to them, not even the mark by which
    /// a root is known.
    ///
    /// # Errors
    /// What kept it from looking.
    pub async fn preview(&self) -> Result<Preview> {
        let _one = self.passing.lock().await;
        self.phase(Phase::Looking);
        let done = self.preview_alone().await;
        self.phase(Phase::Still);
        done
    }

    async fn preview_alone(&self) -> Result<Preview> {
        let mut preview = Preview::default();
        let roots = self.roots_as_known().await?;
        if !roots.is_empty() {
            preview.held = self.views_of(
                roots
                    .into_iter()
                    .map(|hold| (hold, "[]".to_owned()))
                    .collect(),
            )?;
            return Ok(preview);
        }
        let everything = PerSide::new(Doubt::everything(), Doubt::everything());
        let mut look = self.look(&everything).await?;
        if !look.being_written.is_empty() {
            // What was saved a moment ago is part of what a person wants to see.
            let quiet = Duration::from_millis(self.setup.options.limits.quiet);
            self.setup.environment.sleep(quiet).await;
            look = self.look(&everything).await?;
        }
        for side in Side::BOTH {
            self.confirm_absences(side).await?;
        }
        let empty = self.guard_empty(&look.empty)?;
        if !empty.is_empty() {
            preview.held = self.views_of(
                empty
                    .into_iter()
                    .map(|hold| (hold, "[]".to_owned()))
                    .collect(),
            )?;
            return Ok(preview);
        }
        let (mut plan, _) = self.plan(&[], &mut Summary::default()).await?;
        let first = self.state().meta("finished")?.is_none();
        preview.totals.conflicts = plan.conflicts.len() as u64;
        preview.left_out = self.left_out(&plan, &look)?;
        let guarded = self.guard(&mut plan).await?;
        preview.held = self.views_of(guarded.holds)?;
        preview.actions = plan
            .actions
            .iter()
            .filter(|a| a.touches())
            .map(planned)
            .collect();
        self.add_totals(&plan, &look, &mut preview.totals).await;
        preview.warnings = warnings(&preview.totals, first, look.entries);
        Ok(preview)
    }

    fn views_of(&self, holds: Vec<(Hold, String)>) -> Result<Vec<HeldView>> {
        let known = self.state().holds()?;
        let now = self.now();
        let since = |hold: &Hold| {
            known
                .iter()
                .find(|(h, ..)| h.id == hold.id)
                .map_or(now, |(.., since)| *since)
        };
        holds
            .iter()
            .map(|(hold, actions)| Ok(held_view(hold, listed(hold, actions)?, since(hold))))
            .collect()
    }

    fn left_out(&self, plan: &Plan, look: &Look) -> Result<Vec<Problem>> {
        let mut rows: BTreeSet<ProblemRow> =
            self.state().problems_of("look")?.into_iter().collect();
        let mut add = |side: Side, path: String, why: &str| {
            rows.insert(ProblemRow {
                side,
                path,
                why: why.to_owned(),
                detail: String::new(),
            });
        };
        for left in &plan.left_out {
            add(left.side, left.path.to_string(), refusal(left.why));
        }
        for (side, path) in &look.being_written {
            add(*side, path.to_string(), "changes_waiting");
        }
        Ok(rows.iter().map(problem).collect())
    }

    async fn add_totals(&self, plan: &Plan, look: &Look, totals: &mut Totals) {
        for action in &plan.actions {
            match kind_of(&action.deed) {
                ActionKind::CreateFolder | ActionKind::Create | ActionKind::Restore => {
                    totals.creates += 1
                }
                ActionKind::Replace => totals.replaces += 1,
                ActionKind::Move => totals.moves += 1,
                ActionKind::Delete => totals.deletes += 1,
                ActionKind::Adopt => totals.adopted += 1,
                ActionKind::SetMeta | ActionKind::Forget => {}
            }
            if action.touches() {
                totals.actions += 1;
                totals.bytes[action.side] += action.bytes();
            }
        }
        for side in Side::BOTH {
            totals.free[side] = self.root(side).free_space().await.unwrap_or(None);
            totals.requests[side] = self.requests(side, &plan.actions, look.entries[side]);
        }
    }

    /// The requests that a side will see, estimated: for looking, then for each action. 0 where they cost
    /// nothing.
    fn requests(&self, side: Side, actions: &[Action], entries: u64) -> u64 {
        let capabilities = self.capabilities(side);
        if capabilities.cheap_reads {
            return 0;
        }
        let parts = |bytes: u64| match &capabilities.parts {
            Some(parts) if bytes > parts.smallest.saturating_mul(10) => {
                2 + bytes.div_ceil(parts.smallest.max(1))
            }
            _ => 1,
        };
        let of = |action: &Action| -> u64 {
            let here = action.side == side;
            match &action.deed {
                Deed::Transfer { from, replaces, .. } if here => {
                    parts(from.entry.size) + u64::from(replaces.is_some())
                }
                Deed::Duplicate { from, .. } if here => 1 + parts(from.entry.size),
                Deed::Transfer { .. } => 1,
                Deed::Merge { .. } => 3,
                Deed::Move { from, .. }
                    if here && from.entry.kind == Kind::File && !capabilities.atomic_move =>
                {
                    2
                }
                Deed::Delete { .. } => 1 + u64::from(here && capabilities.versions),
                _ => u64::from(here && action.touches()),
            }
        };
        1 + entries / ENTRIES_LISTED + actions.iter().map(of).sum::<u64>()
    }
}

fn warnings(totals: &Totals, first: bool, items: PerSide<u64>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let (less, more) = (
        items.source.min(items.destination),
        items.source.max(items.destination),
    );
    // An empty side is what most first syncs begin with.
    if first && less > 0 && more >= less.saturating_mul(MUCH_LARGER) && more - less >= MANY_MORE {
        warnings.push(Warning::OneSideMuchLarger { items });
    }
    for side in Side::BOTH {
        let needed = totals.bytes[side];
        if let Some(free) = totals.free[side]
            && needed > free
        {
            warnings.push(Warning::NotEnoughRoom { side, needed, free });
        }
    }
    warnings
}
