//! What a pass would do: looks, plans and guards, and writes nothing to the sides.

use std::collections::BTreeSet;
use std::time::Duration;

use tandem_core::entry::Kind;
use tandem_core::guard::Hold;
use tandem_core::plan::{Action, Deed, Plan, Refused};
use tandem_core::side::{PerSide, Side};

use crate::engine::Engine;
use crate::error::Result;
use crate::guarding::Census;
use crate::holds::listed;
use crate::observe::Doubt;
use crate::pass::refusal;
use crate::report::{ActionKind, HeldView, Phase, Preview, Totals, Warning};
use crate::state::{ProblemRow, Purpose};
use crate::views::{MOST_LISTED, held_view, kind_of, planned, problem};

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
            self.confirm_absences(side, &look).await?;
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
        let first = self.state().meta("finished")?.is_none();
        let mut rows: BTreeSet<ProblemRow> =
            self.state().problems_of("look")?.into_iter().collect();
        rows.extend(
            look.being_written
                .iter()
                .map(|(side, path)| left_out(*side, path.to_string(), "changes_waiting")),
        );
        let mut census = Census::default();
        let items = self.state().base_count()?;
        let mut parts = self.parts(Purpose::Count)?;
        while let Some((mut plan, _)) = self.next_plan(&mut parts, &Refused::default()).await? {
            self.count_in(&plan, &mut census)?;
            preview.totals.conflicts += plan.conflicts.len() as u64;
            rows.extend(
                plan.left_out
                    .iter()
                    .map(|left| left_out(left.side, left.path.to_string(), refusal(left.why))),
            );
            let holds = self.guard_deletes(&mut plan, items)?;
            preview.held.extend(self.views_of(holds)?);
            preview
                .actions
                .extend(plan.actions.iter().filter(|a| a.touches()).map(planned));
            self.add_totals(&plan, &mut preview.totals);
        }
        let holds = self.guard_pair(&census).await?.holds;
        if !holds.is_empty() {
            preview.held = self.views_of(holds)?;
            preview.actions.clear();
            preview.totals = Totals {
                conflicts: preview.totals.conflicts,
                ..Totals::default()
            };
        }
        for side in Side::BOTH {
            preview.totals.free[side] = self.root(side).free_space().await.unwrap_or(None);
            preview.totals.requests[side] += self.requests_to_look(side, look.entries[side]);
        }
        preview.left_out = rows.iter().map(problem).collect();
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
            .map(|(hold, actions)| {
                Ok(held_view(
                    hold,
                    listed(hold, actions, MOST_LISTED)?,
                    since(hold),
                ))
            })
            .collect()
    }

    fn add_totals(&self, plan: &Plan, totals: &mut Totals) {
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
                totals.changes[action.side] += 1;
                totals.bytes[action.side] += action.bytes();
            }
        }
        for side in Side::BOTH {
            totals.requests[side] += self.requests(side, &plan.actions);
        }
    }

    /// The requests that looking at a side costs, estimated.
    fn requests_to_look(&self, side: Side, entries: u64) -> u64 {
        if self.capabilities(side).cheap_reads {
            0
        } else {
            1 + entries / ENTRIES_LISTED
        }
    }

    /// The requests that a side will see for these actions, estimated. 0 where they cost nothing.
    fn requests(&self, side: Side, actions: &[Action]) -> u64 {
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
        actions.iter().map(of).sum()
    }
}

fn left_out(side: Side, path: String, why: &str) -> ProblemRow {
    ProblemRow {
        side,
        path,
        why: why.to_owned(),
        detail: String::new(),
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
