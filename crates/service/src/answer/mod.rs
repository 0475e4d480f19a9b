//! What a request is answered with: data that both shells show and that goes over the socket as it is.
//!
//! Each engine report is turned into one of these, with the sentences of [`crate::words`] put in, so that no
//! shell has words of its own. As JSON an answer is one document; lists stand under their plural noun.

mod document;
mod pair;
pub(crate) mod plan;
mod storage;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use document::{document, error_document, line, summary};
pub use pair::{
    CheckView, DoctorView, FindingView, PairStatus, PairView, ProblemView, ProgressView, SyncView,
    VerifyView,
};
pub use plan::{
    ActionView, ConflictView, EntrySide, ExplainView, HeldView, LogView, PreviewView, TotalsView,
    VersionView, WarningView,
};
pub use storage::{
    CopyFailure, CopyView, EntryView, FieldView, HealthView, StepView, StorageView, TypeView,
};

/// The answer of a request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Storage types.
    Types(Vec<TypeView>),
    /// Storages.
    Storages(Vec<StorageView>),
    /// One storage, after what was asked was done.
    Storage(Box<StorageView>),
    /// A storage was tested; its steps.
    Test {
        /// Its name.
        storage: String,
        /// What was done.
        steps: Vec<StepView>,
    },
    /// What a folder holds.
    Entries(Vec<EntryView>),
    /// A copy was made.
    Copy(CopyView),
    /// One pair, after what was asked was done.
    Pair(Box<PairView>),
    /// Pairs.
    Pairs(Vec<PairView>),
    /// What would be done, by pair.
    Previews(Vec<PreviewView>),
    /// What was done, by pair.
    Synced(Vec<SyncView>),
    /// How the pairs are.
    Status(Vec<PairStatus>),
    /// What waits for a person.
    Held(Vec<HeldView>),
    /// Journal lines.
    Actions(Vec<LogView>),
    /// Why a path is as it is.
    Explanation(Box<ExplainView>),
    /// Conflicts.
    Conflicts(Vec<ConflictView>),
    /// Versions.
    Versions(Vec<VersionView>),
    /// What checks found, by pair.
    Verified(Vec<VerifyView>),
    /// What verifying would cost.
    VerifyCost {
        /// Items to compare.
        items: u64,
        /// Bytes to read.
        bytes: u64,
    },
    /// What the doctor found.
    Doctor(DoctorView),
    /// A file was written.
    Written(PathBuf),
    /// A configuration without secrets.
    Config(String),
    /// It was done; what, in a sentence.
    Done(String),
}

impl Answer {
    /// The exit code of a command that ended with it.
    #[must_use]
    pub fn exit(&self) -> u8 {
        match self {
            Self::Copy(copy) => u8::from(!copy.failed.is_empty()),
            Self::Synced(pairs) => crate::state::exit_of(pairs.iter().map(|p| p.exit)),
            Self::Previews(pairs) => {
                crate::state::exit_of(pairs.iter().filter_map(|p| p.error.as_ref()).map(|_| 4))
            }
            Self::Verified(pairs) => {
                u8::from(pairs.iter().any(|p| p.findings.len() as u64 > p.repaired))
            }
            Self::Doctor(doctor) => u8::from(doctor.checks.iter().any(|c| !c.ok)),
            _ => 0,
        }
    }
}
