//! Tells a run line by line, for whoever looks into a seed. Invariant: whether anybody listens changes nothing
//! in the run.

use std::fmt::Write as _;
use std::sync::Arc;

use tandem_core::entry::Kind;
use tandem_core::side::{PerSide, Side};
use tandem_engine::event::{Event, EventSink};

use super::heard::Heard;
use super::person::Deleted;
use crate::sim::{Edit, SimStorage};

/// Hears the lines of a run.
pub type Listener = Arc<dyn Fn(&str) + Send + Sync>;

/// Tells what happens in a run, if anybody listens.
#[derive(Clone, Default)]
pub(super) struct Teller(Option<Listener>);

/// Hears what the engine tells.
#[derive(Clone)]
pub(super) struct Ears {
    pub(super) teller: Teller,
    pub(super) heard: Heard,
    pub(super) deleted: Deleted,
}

impl Teller {
    pub(super) const fn new(listener: Option<Listener>) -> Self {
        Self(listener)
    }

    /// One line, made only if it is heard.
    pub(super) fn say(&self, line: impl FnOnce() -> String) {
        if let Some(listener) = &self.0 {
            listener(&line());
        }
    }

    pub(super) fn edit(&self, side: Side, edit: &Edit, applied: bool) {
        self.say(|| {
            let mark = if applied { "" } else { " (cannot be done)" };
            format!("{side}: a person: {}{mark}", edit.summary())
        });
    }

    /// Both sides as they are, one line for each item.
    pub(super) fn sides(&self, sides: &PerSide<SimStorage>) {
        self.say(|| {
            let mut text = String::new();
            for side in Side::BOTH {
                for (path, items) in sides[side].snapshot() {
                    for item in items {
                        let mark = if item.kind == Kind::Folder { "/" } else { "" };
                        let [a, b, ..] = item.content.hash();
                        let size = item.content.size();
                        // Writing to a String cannot fail.
                        let _ = write!(text, "\n  {side}: {path}{mark} {size} {a:02x}{b:02x}");
                    }
                }
            }
            format!("the sides:{text}")
        });
    }
}

impl EventSink for Ears {
    fn event(&self, event: Event) {
        self.heard.event(&event);
        self.deleted.event(&event);
        self.teller.event(event);
    }
}

impl Teller {
    fn event(&self, event: Event) {
        match event {
            Event::Action(line) => self.say(|| {
                let error = line.error.as_deref().unwrap_or_default();
                format!("  {:?} {:?} {error}", line.action, line.outcome)
            }),
            Event::Problem(problem) => self.say(|| {
                format!(
                    "  {}: {:?} {} {}",
                    problem.side, problem.path, problem.why, problem.detail
                )
            }),
            Event::Held(hold) => self.say(|| format!("  held: {hold:?}")),
            Event::Phase(_) | Event::Progress(_) | Event::Ended(_) => {}
        }
    }
}
