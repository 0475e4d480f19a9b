//! Plans, holds, conflicts, versions and the journal, as data with their sentences.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tandem_core::side::{PerSide, Side};
use tandem_engine::report::{
    ActionKind, Explanation, LogLine, Outcome, PlannedAction, SideView, Totals,
};

use super::ProblemView;
use crate::fault::Failure;
use crate::when::When;
use crate::words;

/// One action, planned or done.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ActionView {
    /// What it does.
    #[cfg_attr(feature = "typescript", ts(as = "crate::typescript::ActionKind"))]
    pub kind: ActionKind,
    /// The side it changes.
    #[cfg_attr(feature = "typescript", ts(as = "crate::typescript::Side"))]
    pub side: Side,
    /// The path.
    pub path: String,
    /// Where a move goes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub to: Option<String>,
    /// Bytes carried.
    pub bytes: u64,
    /// Why, in one word.
    pub why: String,
    /// Why, in a sentence.
    pub reason: String,
}

impl From<&PlannedAction> for ActionView {
    fn from(action: &PlannedAction) -> Self {
        Self {
            kind: action.kind,
            side: action.side,
            path: action.path.clone(),
            to: action.to.clone(),
            bytes: action.bytes,
            why: action.reason.name().to_owned(),
            reason: words::reason(&action.reason),
        }
    }
}

/// Sums over a plan.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct TotalsView {
    /// All actions that change a side.
    pub actions: u64,
    /// Of these, how many change each side.
    #[serde(default)]
    #[cfg_attr(feature = "typescript", ts(as = "crate::typescript::PerSide<u64>"))]
    pub changes: PerSide<u64>,
    /// Files and folders to be made.
    pub creates: u64,
    /// Files whose content is replaced.
    pub replaces: u64,
    /// Moves.
    pub moves: u64,
    /// Deletes.
    pub deletes: u64,
    /// Conflicts.
    pub conflicts: u64,
    /// Items found equal.
    pub adopted: u64,
    /// Bytes to carry to each side.
    #[cfg_attr(feature = "typescript", ts(as = "crate::typescript::PerSide<u64>"))]
    pub bytes: PerSide<u64>,
    /// Requests each side will see.
    #[cfg_attr(feature = "typescript", ts(as = "crate::typescript::PerSide<u64>"))]
    pub requests: PerSide<u64>,
    /// Free bytes on each side.
    #[cfg_attr(
        feature = "typescript",
        ts(as = "crate::typescript::PerSide<Option<u64>>")
    )]
    pub free: PerSide<Option<u64>>,
}

impl From<&Totals> for TotalsView {
    fn from(totals: &Totals) -> Self {
        Self {
            actions: totals.actions,
            changes: totals.changes,
            creates: totals.creates,
            replaces: totals.replaces,
            moves: totals.moves,
            deletes: totals.deletes,
            conflicts: totals.conflicts,
            adopted: totals.adopted,
            bytes: totals.bytes,
            requests: totals.requests,
            free: totals.free,
        }
    }
}

/// What would be done for a pair.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct PreviewView {
    /// The pair's name.
    pub name: String,
    /// The actions in order; of very many, the first.
    pub actions: Vec<ActionView>,
    /// How many more there are. The sums count them.
    #[serde(default)]
    pub actions_left_out: u64,
    /// Sums.
    pub totals: TotalsView,
    /// What would be held.
    pub held: Vec<HeldView>,
    /// What is left out.
    pub left_out: Vec<ProblemView>,
    /// What to look at before agreeing.
    pub warnings: Vec<WarningView>,
    /// Why there is no plan.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<Failure>,
}

/// Something to look at before agreeing.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct WarningView {
    /// In one sentence.
    pub message: String,
    /// What to do.
    pub next_step: String,
}

/// Something that waits for a decision.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct HeldView {
    /// What to approve or reject.
    pub id: String,
    /// The pair.
    pub pair: String,
    /// The guard.
    pub guard: String,
    /// In one sentence.
    pub message: String,
    /// What to do.
    pub next_step: String,
    /// Whether the whole pair is held.
    pub whole_pair: bool,
    /// What the guard compared.
    pub evidence: BTreeMap<String, String>,
    /// How many actions are held.
    pub count: u64,
    /// Since when.
    pub since: When,
    /// The actions; of many, the first thousand.
    pub actions: Vec<ActionView>,
}

/// A conflict.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ConflictView {
    /// What to resolve.
    pub id: String,
    /// The pair.
    pub pair: String,
    /// The path.
    pub path: String,
    /// The conflict copy; of what is settled, where it stands now.
    pub copy: Option<String>,
    /// Whether nothing is to be chosen: it is only to be known.
    #[serde(default)]
    pub is_settled: bool,
    /// What kind.
    pub kind: String,
    /// In one sentence.
    pub message: String,
    /// Each side's version; of a conflict that was kept as a copy, the source's is the copy.
    #[cfg_attr(
        feature = "typescript",
        ts(as = "crate::typescript::PerSide<Option<EntrySide>>")
    )]
    pub sides: PerSide<Option<EntrySide>>,
    /// Since when.
    pub since: When,
}

/// One side's part of a conflict or explanation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct EntrySide {
    /// The path as the side spells it.
    pub path: String,
    /// What it is.
    pub kind: String,
    /// Bytes.
    pub size: u64,
    /// When it was last changed.
    pub mtime: Option<When>,
    /// Its revision.
    pub revision: String,
}

impl From<&SideView> for EntrySide {
    fn from(side: &SideView) -> Self {
        Self {
            path: side.path.clone(),
            kind: side.kind.clone(),
            size: side.size,
            mtime: side.mtime.map(When),
            revision: side.revision.clone(),
        }
    }
}

/// Both sides' parts.
pub(crate) fn sides(sides: &PerSide<Option<SideView>>) -> PerSide<Option<EntrySide>> {
    sides
        .as_ref()
        .map(|side| side.as_ref().map(EntrySide::from))
}

/// A version.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct VersionView {
    /// What to restore.
    pub id: String,
    /// The pair.
    pub pair: String,
    /// The side that keeps it.
    #[cfg_attr(feature = "typescript", ts(as = "crate::typescript::Side"))]
    pub side: Side,
    /// The path it had.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Its mtime.
    pub mtime: Option<When>,
    /// When it was set aside.
    pub kept_at: When,
    /// Whether nobody expected it.
    pub displaced: bool,
}

/// A line of the journal.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct LogView {
    /// What to undo: `PAIR:NUMBER`.
    pub id: String,
    /// The run it belongs to: `PAIR:NUMBER`.
    pub run: String,
    /// The pair.
    pub pair: String,
    /// When it ended.
    pub at: When,
    /// What it did.
    #[serde(flatten)]
    pub action: ActionView,
    /// What it came to.
    #[cfg_attr(feature = "typescript", ts(as = "crate::typescript::Outcome"))]
    pub outcome: Outcome,
    /// Why it did not work.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
    /// Whether it can be undone.
    pub undoable: bool,
}

/// Lines of the journal.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct LogLines {
    /// The newest, by time.
    pub lines: Vec<LogView>,
    /// Whether there are older ones.
    pub older_left_out: bool,
}

impl LogView {
    /// Its number in the pair's journal.
    #[must_use]
    pub fn number(&self) -> u64 {
        let number = self.id.rsplit(':').next().and_then(|n| n.parse().ok());
        number.unwrap_or(u64::MAX)
    }

    /// A line of `pair`'s journal.
    #[must_use]
    pub fn new(pair: &str, line: &LogLine) -> Self {
        Self {
            id: format!("{pair}:{}", line.id),
            run: format!("{pair}:{}", line.run),
            pair: pair.to_owned(),
            at: When(line.at),
            action: ActionView::from(&line.action),
            outcome: line.outcome,
            error: line.error.clone(),
            undoable: line.undoable,
        }
    }
}

/// Why a path is as it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ExplainView {
    /// The pair.
    pub pair: String,
    /// The path.
    pub path: String,
    /// In one word.
    pub state: String,
    /// In one sentence.
    pub message: String,
    /// What decided.
    pub rule: Option<String>,
    /// What each side had when they were last in step.
    #[cfg_attr(
        feature = "typescript",
        ts(as = "crate::typescript::PerSide<Option<EntrySide>>")
    )]
    pub base: PerSide<Option<EntrySide>>,
    /// What each side showed last.
    #[cfg_attr(
        feature = "typescript",
        ts(as = "crate::typescript::PerSide<Option<EntrySide>>")
    )]
    pub seen: PerSide<Option<EntrySide>>,
    /// How equality was shown.
    pub equality: Option<String>,
    /// What would be done now.
    pub next: Vec<ActionView>,
    /// What was done with it, newest first.
    pub history: Vec<LogView>,
}

impl ExplainView {
    /// What the engine of `pair` says.
    #[must_use]
    pub fn new(pair: &str, explanation: &Explanation) -> Self {
        Self {
            pair: pair.to_owned(),
            path: explanation.path.clone(),
            state: explanation.state.clone(),
            message: words::explanation(&explanation.state, explanation.rule.as_deref()).to_owned(),
            rule: explanation.rule.clone(),
            base: sides(&explanation.base),
            seen: sides(&explanation.seen),
            equality: explanation.equality.clone(),
            next: explanation.next.iter().map(ActionView::from).collect(),
            history: explanation
                .history
                .iter()
                .map(|line| LogView::new(pair, line))
                .collect(),
        }
    }
}
