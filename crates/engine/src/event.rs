//! What an engine tells while it works.

use crate::report::{HeldView, LogLine, Phase, Problem, Stop};

/// Something happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// The engine does something else now.
    Phase(Phase),
    /// Transfers went on.
    Progress(Progress),
    /// An action ended.
    Action(LogLine),
    /// Something waits for a person.
    Held(HeldView),
    /// A path is left out or could not be carried.
    Problem(Problem),
    /// A pass ended; why before it was done, if it was.
    Ended(Option<Stop>),
}

/// How far the plan under way is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Actions done.
    pub actions_done: u64,
    /// Actions in all.
    pub actions_total: u64,
    /// Bytes carried.
    pub bytes_done: u64,
    /// Bytes in all.
    pub bytes_total: u64,
    /// Some of the files that are being carried.
    pub under_way: Vec<String>,
    /// How many files are being carried.
    pub under_way_count: u64,
}

/// Hears events. Called from the engine's tasks: it must return at once.
pub trait EventSink: Send + Sync {
    /// An event.
    fn event(&self, event: Event);
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl EventSink for Silent {
    fn event(&self, _: Event) {}
}
