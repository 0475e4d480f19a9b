//! What is told while a request is under way. A line of JSON each.

use serde::{Deserialize, Serialize};

use crate::answer::{HeldView, LogView, PairStatus, ProblemView, ProgressView, StepView};

/// Something happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Update {
    /// A pair's state is another one.
    State {
        /// The pair.
        pair: String,
        /// The word of DESIGN 7.
        state: String,
        /// What a person sees.
        shown: String,
    },
    /// A pair's engine has nothing to do at the moment.
    Rest {
        /// The pair.
        pair: String,
    },
    /// Transfers went on.
    Progress {
        /// The pair; the copied path for `cp`.
        pair: String,
        /// How far.
        #[serde(flatten)]
        progress: ProgressView,
    },
    /// An action ended.
    Action(Box<LogView>),
    /// Something waits for a person.
    Held(Box<HeldView>),
    /// A path is left out or could not be carried.
    Problem {
        /// The pair.
        pair: String,
        /// Which and why.
        #[serde(flatten)]
        problem: ProblemView,
    },
    /// A step of a storage's test ended.
    Step {
        /// The storage.
        storage: String,
        /// Which.
        #[serde(flatten)]
        step: StepView,
    },
    /// A person is to sign in by the browser.
    SignIn {
        /// The storage.
        storage: String,
        /// What the browser is to open.
        address: String,
    },
    /// What verifying will cost.
    Cost {
        /// Items to compare.
        items: u64,
        /// Bytes to read.
        bytes: u64,
    },
    /// How the pairs are now.
    Status {
        /// All that were asked for.
        pairs: Vec<PairStatus>,
    },
}

/// Where updates of one request go. Nobody listening is fine.
pub type Updates = tokio::sync::mpsc::Sender<Update>;
