//! Pairs, how they are, and what was done for them, as data.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tandem_core::side::{PerSide, Side};
use tandem_engine::setup::PairOptions;

use crate::fault::Failure;
use crate::when::When;
use crate::words::Guarantee;

/// A pair as it is configured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PairView {
    /// Its uuid.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its source: a path, or `STORAGE:PATH`.
    pub source: String,
    /// Its destination.
    pub destination: String,
    /// Its mode.
    pub mode: String,
    /// Whether it waits to be started: it was made to be looked at first.
    #[serde(default)]
    pub unstarted: bool,
    /// Whether it is paused.
    pub paused: bool,
    /// Until when.
    pub paused_until: Option<When>,
    /// When it was made.
    pub created: When,
    /// All of its options.
    pub options: PairOptions,
}

/// Something that holds for a pair, or does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct GuaranteeView {
    /// Whether it is one to rely on; else a limit to know of.
    pub holds: bool,
    /// In one sentence.
    pub message: String,
}

impl From<Guarantee> for GuaranteeView {
    fn from(guarantee: Guarantee) -> Self {
        Self {
            holds: guarantee.holds,
            message: guarantee.message,
        }
    }
}

/// How a pair is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct PairStatus {
    /// Its uuid.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its source.
    pub source: String,
    /// Its destination.
    pub destination: String,
    /// In one word (DESIGN 7).
    pub state: String,
    /// What a person sees.
    pub shown: String,
    /// Why, where it needs saying.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<Failure>,
    /// Whether its first sync was finished.
    #[serde(default)]
    pub is_synced: bool,
    /// When everything was looked at last, where that is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub looked: Option<When>,
    /// Whether changes are waited for at the moment.
    #[serde(default)]
    pub is_watched: bool,
    /// Whether it waits for nothing but what a person may pass over by resuming it: a metered connection, a battery.
    #[serde(default)]
    pub can_go_on: bool,
    /// Items in step.
    pub items: u64,
    /// Holds that wait.
    pub held: u64,
    /// Conflicts that wait.
    pub conflicts: u64,
    /// Problems.
    pub problems: u64,
    /// Left out by filter or by nature.
    pub left_out: u64,
    /// How far the plan under way is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub progress: Option<ProgressView>,
    /// Everything that is not in step, where it was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub not_in_step: Vec<ProblemView>,
}

/// How far a plan is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ProgressView {
    /// Actions done.
    pub actions_done: u64,
    /// Actions in all.
    pub actions_total: u64,
    /// Bytes carried.
    pub bytes_done: u64,
    /// Bytes in all.
    pub bytes_total: u64,
    /// Some of the files that are being carried.
    #[serde(default)]
    pub under_way: Vec<String>,
    /// How many files are being carried.
    #[serde(default)]
    pub under_way_count: u64,
}

impl ProgressView {
    /// In percent: of the bytes, or of the actions where none carries bytes.
    #[must_use]
    pub const fn percent(&self) -> u8 {
        let (done, total) = if self.bytes_total > 0 {
            (self.bytes_done, self.bytes_total)
        } else {
            (self.actions_done, self.actions_total)
        };
        if total == 0 {
            return 0;
        }
        if done >= total {
            return 100;
        }
        // Less than 100, so it fits.
        (done as u128 * 100 / total as u128) as u8
    }
}

/// Why a path is not in step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ProblemView {
    /// The side.
    #[cfg_attr(feature = "typescript", ts(as = "crate::typescript::Side"))]
    pub side: Side,
    /// Where that side is: a path, or `STORAGE:PATH`.
    #[serde(default)]
    pub place: String,
    /// The path.
    pub path: String,
    /// In one word.
    pub why: String,
    /// In one sentence.
    pub message: String,
    /// What to do.
    pub next_step: String,
    /// Whether it counts as a problem.
    pub is_problem: bool,
}

/// What a pass came to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct SyncView {
    /// The pair's name.
    pub name: String,
    /// Its state now.
    pub state: String,
    /// What a person sees.
    pub shown: String,
    /// The exit code it stands for.
    pub exit: u8,
    /// What to undo it by: `PAIR:NUMBER`.
    pub run: Option<String>,
    /// Actions done.
    pub done: u64,
    /// Actions that did not work.
    pub failed: u64,
    /// Items found equal.
    pub adopted: u64,
    /// Conflicts that came up.
    pub conflicts: u64,
    /// Holds that wait.
    pub held: u64,
    /// Problems.
    pub problems: u64,
    /// Left out by filter or by nature.
    pub left_out: u64,
    /// Items in step.
    pub items: u64,
    /// Bytes carried to each side.
    #[cfg_attr(feature = "typescript", ts(as = "crate::typescript::PerSide<u64>"))]
    pub bytes: PerSide<u64>,
    /// Why it stopped.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<Failure>,
}

/// What verifying found.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct VerifyView {
    /// The pair's name.
    pub name: String,
    /// Items compared.
    pub items: u64,
    /// Bytes read.
    pub bytes: u64,
    /// What is not as recorded.
    pub findings: Vec<FindingView>,
    /// How many were mended.
    pub repaired: u64,
    /// Why it was not verified.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<Failure>,
}

/// A pair that an answer about all pairs says nothing of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LeftOutPair {
    /// The pair's name.
    pub pair: String,
    /// Why it could not be asked.
    pub error: Failure,
}

/// One thing that is not as recorded.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FindingView {
    /// The side.
    pub side: Side,
    /// The path.
    pub path: String,
    /// `rotted`, `changed`, `missing`.
    pub what: String,
    /// In one sentence.
    pub message: String,
}

/// What the doctor found.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct DoctorView {
    /// What was looked at.
    pub checks: Vec<CheckView>,
    /// The bundle, if one was written.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bundle: Option<PathBuf>,
    /// Whether names of files and folders stand in it as they are.
    #[serde(default)]
    pub names: bool,
}

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct CheckView {
    /// What.
    pub name: String,
    /// Whether it is well.
    pub ok: bool,
    /// Why it is not, in one word.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub cause: String,
    /// In one sentence.
    pub message: String,
    /// What to do.
    pub next_step: String,
}
