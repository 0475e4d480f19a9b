//! What the engine of a run told.

use std::sync::{Arc, Mutex};

use tandem_core::guard::Digest;
use tandem_engine::event::Event;
use tandem_engine::report::{ActionKind, Outcome};

use super::coverage::Counts;
use crate::sim::lock;

/// Hears every event; clones hear for the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Heard(Arc<Mutex<Told>>);

#[derive(Debug, Default)]
struct Told {
    digest: Digest,
    done: Counts,
}

impl Heard {
    pub(super) fn event(&self, event: &Event) {
        let mut told = lock(&self.0);
        told.digest = told.digest.text(&format!("{event:?}"));
        if let Event::Action(line) = event
            && line.outcome == Outcome::Done
        {
            let kind = name(line.action.kind).to_owned();
            *told.done.entry(kind).or_default() += 1;
        }
    }

    /// The digest of all events, in order.
    pub(super) fn digest(&self) -> u64 {
        lock(&self.0).digest.value()
    }

    /// Actions that were done.
    pub(super) fn done(&self) -> Counts {
        lock(&self.0).done.clone()
    }
}

const fn name(kind: ActionKind) -> &'static str {
    match kind {
        ActionKind::CreateFolder => "create_folder",
        ActionKind::Create => "create",
        ActionKind::Replace => "replace",
        ActionKind::Move => "move",
        ActionKind::SetMeta => "set_meta",
        ActionKind::Delete => "delete",
        ActionKind::Adopt => "adopt",
        ActionKind::Forget => "forget",
        ActionKind::Restore => "restore",
    }
}
