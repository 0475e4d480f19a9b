//! One case: two sides, a person's choices, a tree in step, and what happens after. A case is run whether it was
//! drawn from a seed, shrunk, or written down.

use std::fmt;

use tandem_core::path::RelPath;
use tandem_core::policy::Policy;
use tandem_core::side::{PerSide, Side};

use super::people::Edit;
use super::traits::Traits;

/// Something that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A person does something.
    Edit(Edit),
    /// A folder cannot be listed in the next look.
    Unreadable(RelPath),
    /// A filter leaves this name out from now on, or no longer.
    Filter(String),
}

/// When something happens, and on which side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The tick before which it happens. Each look and each action is one; what happens before the first look has 0.
    pub tick: u32,
    /// The side.
    pub side: Side,
    /// What happens.
    pub event: Event,
}

/// One case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// What the sides are like.
    pub traits: PerSide<Traits>,
    /// What a person chose.
    pub policy: Policy,
    /// Whether superseded content is kept.
    pub keeps_versions: bool,
    /// What makes the tree that is in step at the beginning.
    pub base: Vec<Edit>,
    /// What happens, by tick.
    pub steps: Vec<Step>,
    /// Draws the order of actions, where a plan is cut off, and which actions fail by themselves; 0: the plan's order,
    /// whole, without failures.
    pub order: u64,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Edit(edit) => edit.fmt(f),
            Self::Unreadable(path) => write!(f, "unreadable {path:?}"),
            Self::Filter(name) => write!(f, "filter {name:?}"),
        }
    }
}

impl fmt::Display for Case {
    /// Line by line, in the form in which a case is written down.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "source: {}", self.traits.source)?;
        writeln!(f, "destination: {}", self.traits.destination)?;
        let Policy {
            mode,
            compare,
            first_sync,
            conflict,
        } = &self.policy;
        writeln!(f, "policy: {mode} {compare} {first_sync} {conflict}")?;
        writeln!(f, "versions: {}", self.keeps_versions)?;
        writeln!(f, "order: {}", self.order)?;
        for edit in &self.base {
            writeln!(f, "base {edit}")?;
        }
        for Step { tick, side, event } in &self.steps {
            writeln!(f, "{tick} {side} {event}")?;
        }
        Ok(())
    }
}
