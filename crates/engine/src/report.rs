//! What an engine answers, as data: the shells turn it into JSON, lines and pages.

use serde::{Deserialize, Serialize};
use tandem_core::plan::Reason;
use tandem_core::side::{PerSide, Side};
use tandem_core::time::Timestamp;

/// What an engine does at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Nothing: everything seen is in step or waits for a person.
    Still,
    /// Looking at the two sides.
    Looking,
    /// Carrying changes.
    Syncing,
}

/// What an action does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionKind {
    /// Makes a folder.
    CreateFolder,
    /// Carries a new file.
    Create,
    /// Carries new content of a file.
    Replace,
    /// Renames or moves.
    Move,
    /// Sets time or executable bit.
    SetMeta,
    /// Deletes.
    Delete,
    /// Notes that both sides are equal.
    Adopt,
    /// Notes that both sides deleted it.
    Forget,
    /// Puts a version back.
    Restore,
}

/// An action of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedAction {
    /// What it does.
    pub kind: ActionKind,
    /// The side it changes.
    pub side: Side,
    /// The path, as that side spells it.
    pub path: String,
    /// Where a move goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Bytes carried.
    pub bytes: u64,
    /// Why.
    #[serde(flatten)]
    pub reason: Reason,
}

/// Sums over a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// All actions that change a side.
    pub actions: u64,
    /// Of these, how many change each side.
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
    /// Items found equal without carrying anything.
    pub adopted: u64,
    /// Bytes to carry to each side.
    pub bytes: PerSide<u64>,
    /// Requests each side will see, estimated; 0 where reads and writes cost none.
    pub requests: PerSide<u64>,
    /// Free bytes on each side, where known.
    pub free: PerSide<Option<u64>>,
}

/// Something a preview warns of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "warning")]
pub enum Warning {
    /// On the first sync one side holds far more than the other.
    OneSideMuchLarger {
        /// Items on each side.
        items: PerSide<u64>,
    },
    /// There is not enough room on a side.
    NotEnoughRoom {
        /// Which side.
        side: Side,
        /// Bytes needed.
        needed: u64,
        /// Bytes free.
        free: u64,
    },
}

/// What would be done. Nothing was written.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Preview {
    /// The actions in the order they would be done.
    pub actions: Vec<PlannedAction>,
    /// Sums.
    pub totals: Totals,
    /// What would be held.
    pub held: Vec<HeldView>,
    /// What is left out or cannot be carried.
    pub left_out: Vec<Problem>,
    /// What to look at before agreeing.
    pub warnings: Vec<Warning>,
}

/// Something that waits for a person's decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldView {
    /// What to approve or reject.
    pub id: String,
    /// Which guard: `mass_delete`, `everything_changed`, ...
    pub guard: String,
    /// The whole pair, or only the deletes named.
    pub whole_pair: bool,
    /// What the guard compared, in numbers: `deletes` 120, `of` 300.
    pub evidence: Vec<(String, String)>,
    /// The actions held; of many, the first thousand.
    pub actions: Vec<PlannedAction>,
    /// How many there are.
    pub count: u64,
    /// Since when.
    pub since: Timestamp,
}

/// Why a path is not in step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The side concerned.
    pub side: Side,
    /// The path.
    pub path: String,
    /// Why, in one word: a [`tandem_core::error::Cause`] name or `keeps_changing`, `filtered`, `opaque`,
    /// `symlink`, `unreadable`, `not_unicode`, `collision`, `hard_link`, `changes_waiting`,
    /// `half_moved`.
    pub why: String,
    /// What the server or system said.
    pub detail: String,
    /// Whether it counts as a problem; else it is left out by filter or by nature, and only listed.
    pub is_problem: bool,
}

/// What an action came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done and recorded.
    Done,
    /// Something had changed in between: nothing was done, it is looked at again.
    LostRace,
    /// It did not work.
    Failed,
}

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogLine {
    /// The action's number, for `undo`.
    pub id: u64,
    /// The run it belongs to.
    pub run: u64,
    /// When it ended.
    pub at: Timestamp,
    /// What it did.
    #[serde(flatten)]
    pub action: PlannedAction,
    /// What it came to.
    pub outcome: Outcome,
    /// Why it did not work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether it can be undone: its pre-image is kept, or it had none.
    pub undoable: bool,
}

/// Which journal lines are wanted.
#[derive(Debug, Clone, Default)]
pub struct LogQuery {
    /// Only this path or below it.
    pub path: Option<String>,
    /// Only after this number.
    pub after: Option<u64>,
    /// At most so many, the newest.
    pub limit: Option<usize>,
}

/// One side's part of an explanation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SideView {
    /// The path as the side spells it.
    pub path: String,
    /// File, folder, symlink, opaque.
    pub kind: String,
    /// Bytes.
    pub size: u64,
    /// When it was last changed.
    pub mtime: Option<Timestamp>,
    /// Its revision.
    pub revision: String,
}

/// Why a path is as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The path asked for.
    pub path: String,
    /// In one word: `in_step`, `planned`, `held`, `filtered`, `unknown`, `conflict`, `problem`, `waiting`,
    /// `detached`.
    pub state: String,
    /// The rule, guard or cause that decided: `.tandemignore:3 *.log`, `mass_delete`.
    pub rule: Option<String>,
    /// What each side had when they were last in step.
    pub base: PerSide<Option<SideView>>,
    /// What each side showed last.
    pub seen: PerSide<Option<SideView>>,
    /// How equality was shown: `same_bytes`, `same_hash`, `size_and_time`, `adopted`.
    pub equality: Option<String>,
    /// What would be done now.
    pub next: Vec<PlannedAction>,
    /// What was done with it, newest first.
    pub history: Vec<LogLine>,
}

/// A conflict that waits or whose copy is still there, or what became of one of the tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConflictView {
    /// What to resolve.
    pub id: String,
    /// The path both changed.
    pub path: String,
    /// The conflict copy, where one was made; of what is settled, where it stands now.
    pub copy: Option<String>,
    /// Whether nothing is to be chosen: what both did to the tree did not go together, and this is what became of it.
    pub is_settled: bool,
    /// `edit_edit`, `create_create`, `edit_delete`, `move_move`, ...
    pub kind: String,
    /// Each side's version; of a conflict that was kept as a copy, the source's is the copy.
    pub sides: PerSide<Option<SideView>>,
    /// Since when.
    pub since: Timestamp,
}

/// Which version of a conflict is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// The source's.
    Source,
    /// The destination's.
    Destination,
    /// Both, the copy too.
    Both,
    /// This content.
    Merged(Vec<u8>),
}

/// A version that can be restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VersionView {
    /// What to restore.
    pub id: String,
    /// The side that keeps it.
    pub side: Side,
    /// The path it had.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Its mtime.
    pub mtime: Option<Timestamp>,
    /// When it was set aside.
    pub kept_at: Timestamp,
    /// Whether nobody expected it: somebody else's content that was set aside.
    pub displaced: bool,
}

/// What is to be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undo {
    /// One action.
    Action(u64),
    /// All of a run.
    Run(u64),
    /// All since a time.
    Since(Timestamp),
}

/// What rejecting a hold does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// The removed items are put back from the other side.
    Restore,
    /// They are left as they are on each side and no longer carried.
    Detach,
    /// The pair is paused.
    Pause,
}

/// How thorough `verify` is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyOptions {
    /// Read everything.
    pub deep: bool,
    /// Read so many, drawn at random.
    pub sample: Option<u64>,
    /// Stop after so many bytes.
    pub limit_bytes: Option<u64>,
    /// Mend rot from the good side, as a plan.
    pub repair: bool,
}

/// What `verify` found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// Items compared.
    pub items: u64,
    /// Bytes read.
    pub bytes: u64,
    /// What is not as recorded: the side, and whether it `rotted` (content changed, revision did not),
    /// `changed` (an edit not yet seen) or is `missing`.
    pub findings: Vec<Finding>,
    /// How many were mended.
    pub repaired: u64,
}

/// One thing that is not as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which side.
    pub side: Side,
    /// The path.
    pub path: String,
    /// `rotted`, `changed`, `missing`.
    pub what: String,
}

/// Why a pass ended before it was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// The side that stopped it, if one did.
    pub side: Option<Side>,
    /// A cause's name.
    pub cause: String,
    /// The path below the side's root, where there is one.
    pub path: Option<String>,
    /// What the server or the system said.
    pub detail: String,
    /// When, in nanoseconds since 1970.
    pub at: i64,
}

/// How the last pass ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LastPass {
    /// It was cut off; whether none was ever finished.
    Unfinished {
        /// None was.
        is_first: bool,
    },
    /// It was stopped.
    Stopped(Stop),
    /// It was done; when everything was looked at last, where that is known.
    Done(Option<Timestamp>),
}

/// What a pass came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The run's number, for `undo --run`; none if nothing was done.
    pub run: Option<u64>,
    /// Actions done that changed a side.
    pub done: u64,
    /// Actions that did not work.
    pub failed: u64,
    /// Items found equal without carrying anything.
    pub adopted: u64,
    /// Conflicts that came up.
    pub conflicts: u64,
    /// Holds that wait.
    pub held: u64,
    /// Problems: unreadable, refused, given up.
    pub problems: u64,
    /// Left out by filter or by nature.
    pub left_out: u64,
    /// Bytes carried to each side.
    pub bytes: PerSide<u64>,
    /// Items in step.
    pub items: u64,
    /// Why the pair stopped, if it did: a cause's name.
    pub stopped: Option<String>,
    /// The side that stopped it.
    pub stopped_at: Option<Side>,
}
