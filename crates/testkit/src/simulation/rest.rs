//! What holds whenever a run has come to rest.

use tandem_core::policy::{ConflictPolicy, FirstSync, Mode, Policy};

use super::World;

impl World {
    pub(super) fn check_rest(&mut self) {
        let sides = [&self.sides.source, &self.sides.destination];
        let unwritten = self.oracle.unwritten(&sides);
        let hidden = self.oracle.hidden(&sides);
        for path in unwritten {
            self.violation(format!("a content nobody wrote: {path}"));
        }
        if !self.keeps_all() {
            return;
        }
        for one in hidden {
            let history = one.history.join("; ");
            self.violation(format!(
                "not to be seen: {:?} of side {}: {history}",
                one.path, one.side
            ));
        }
    }

    /// Whether only a person's delete or edit takes content from where people see it: no policy lets one version win,
    /// and both directions are carried.
    pub(super) fn keeps_all(&self) -> bool {
        let Policy {
            mode,
            compare: _,
            first_sync,
            conflict,
        } = self.policy;
        mode == Mode::TwoWay
            && first_sync == FirstSync::Merge
            && matches!(conflict, ConflictPolicy::KeepBoth | ConflictPolicy::Merge)
    }
}
