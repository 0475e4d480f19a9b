//! What a request is answered with: data that both shells show and that goes over the socket as it is.
//!
//! Each engine report is turned into one of these, with the sentences of [`crate::words`] put in, so that no
//! shell has words of its own. As JSON an answer is one document; lists stand under their plural noun.

mod comparison;
mod document;
mod pair;
pub(crate) mod plan;
mod settings;
mod storage;

use serde::{Deserialize, Serialize};

use crate::fault::Failure;
use crate::words;

pub use comparison::{
    ComparisonView, ContentKind, LineRow, LineView, LinesView, PictureView, TextPiece,
    VersionContent,
};
pub use document::{document, error_document, line, summary};
pub use pair::{
    CheckView, DoctorView, FindingView, GuaranteeView, LeftOutPair, PairStatus, PairView,
    ProblemView, ProgressView, SyncView, VerifyView,
};
pub use plan::{
    ActionView, ConflictView, EntrySide, ExplainView, HeldView, LogLines, LogView, PreviewView,
    TotalsView, VersionView, WarningView,
};
pub use settings::{ProfileSettings, ProfileView};
pub use storage::{
    CopyFailure, CopyView, EntryView, FieldView, HealthView, RequestErrorView, StepView,
    StorageView, TypeView, UsageView,
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
    /// What holds for a pair.
    Guarantees(Vec<GuaranteeView>),
    /// What would be done, by pair.
    Previews(Vec<PreviewView>),
    /// What was done, by pair.
    Synced(Vec<SyncView>),
    /// How the pairs are.
    Status(Vec<PairStatus>),
    /// What waits for a person.
    Held(Vec<HeldView>),
    /// Journal lines.
    Actions(LogLines),
    /// Why a path is as it is.
    Explanation(Box<ExplainView>),
    /// Conflicts.
    Conflicts(Vec<ConflictView>),
    /// Both versions of a conflict.
    Comparison(Box<ComparisonView>),
    /// Versions.
    Versions(Vec<VersionView>),
    /// What checks found, by pair.
    Verified(Vec<VerifyView>),
    /// What the doctor found.
    Doctor(DoctorView),
    /// The settings of all pairs, after what was asked was done.
    Settings(Box<ProfileView>),
    /// A configuration without secrets.
    Config(String),
    /// It was done; what, in a sentence.
    Done(String),
    /// An answer for some of the pairs; the others could not be asked.
    Partial(Box<Answer>, Vec<LeftOutPair>),
}

impl Answer {
    /// Cleans what servers and the system said, wherever it stands, by whatever takes secrets out of a text.
    pub(crate) fn clean(&mut self, clean: &dyn Fn(&str) -> String) {
        for failure in self.failures() {
            failure.clean(clean);
        }
        let mut texts: Vec<&mut String> = Vec::new();
        match self.whole() {
            Self::Test { steps, .. } => {
                texts.extend(steps.iter_mut().map(|step| &mut step.outcome))
            }
            Self::Copy(copy) => texts.extend(copy.failed.iter_mut().map(|f| &mut f.message)),
            Self::Doctor(doctor) => texts.extend(
                doctor
                    .checks
                    .iter_mut()
                    .flat_map(|check| [&mut check.message, &mut check.next_step]),
            ),
            Self::Actions(log) => {
                texts.extend(log.lines.iter_mut().filter_map(|l| l.error.as_mut()))
            }
            _ => {}
        }
        for text in texts {
            *text = clean(text);
        }
    }

    /// Words each next step for a person who has the window instead of a terminal.
    pub fn for_window(&mut self) {
        for failure in self.failures() {
            failure.for_window();
        }
        let (mut held, mut checks): (Vec<&mut HeldView>, _) = (Vec::new(), Vec::new());
        match self.whole() {
            Self::Held(holds) => held.extend(holds),
            Self::Previews(pairs) => held.extend(pairs.iter_mut().flat_map(|p| &mut p.held)),
            Self::Doctor(doctor) => checks.extend(&mut doctor.checks),
            _ => {}
        }
        for hold in held {
            hold.next_step = words::in_window(&hold.guard, &hold.next_step);
        }
        for check in checks {
            check.next_step = words::in_window(&check.cause, &check.next_step);
        }
    }

    /// What went wrong with the pairs that it tells of.
    fn failures(&mut self) -> Vec<&mut Failure> {
        match self {
            Self::Previews(pairs) => pairs.iter_mut().filter_map(|p| p.error.as_mut()).collect(),
            Self::Synced(pairs) => pairs.iter_mut().filter_map(|p| p.error.as_mut()).collect(),
            Self::Status(pairs) => pairs.iter_mut().filter_map(|p| p.error.as_mut()).collect(),
            Self::Verified(pairs) => pairs.iter_mut().filter_map(|p| p.error.as_mut()).collect(),
            Self::Partial(answer, left_out) => {
                let mut all = answer.failures();
                all.extend(left_out.iter_mut().map(|pair| &mut pair.error));
                all
            }
            _ => Vec::new(),
        }
    }

    /// The answer itself, also where it is one for some of the pairs.
    fn whole(&mut self) -> &mut Self {
        match self {
            Self::Partial(answer, _) => answer.whole(),
            answer => answer,
        }
    }

    /// Whether it is a list with nothing in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        match self {
            Self::Held(all) => all.is_empty(),
            Self::Conflicts(all) => all.is_empty(),
            Self::Actions(log) => log.lines.is_empty(),
            _ => false,
        }
    }

    /// The exit code of a command that ended with it.
    #[must_use]
    pub fn exit(&self) -> u8 {
        match self {
            Self::Copy(copy) => u8::from(!copy.failed.is_empty()),
            Self::Synced(pairs) => crate::state::exit_of(pairs.iter().map(|p| p.exit)),
            Self::Previews(pairs) => {
                crate::state::exit_of(pairs.iter().filter_map(|p| p.error.as_ref()).map(|_| 4))
            }
            Self::Verified(pairs) => crate::state::exit_of(pairs.iter().map(|pair| {
                let found = u8::from(pair.findings.len() as u64 > pair.repaired);
                pair.error.as_ref().map_or(found, Failure::exit)
            })),
            Self::Partial(answer, left_out) => {
                let exits = left_out.iter().map(|pair| pair.error.exit());
                answer.exit().max(crate::state::exit_of(exits))
            }
            Self::Doctor(doctor) => u8::from(doctor.checks.iter().any(|c| !c.ok)),
            _ => 0,
        }
    }
}
