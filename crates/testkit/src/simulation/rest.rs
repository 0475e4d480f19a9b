//! What holds whenever a run has come to rest.

use std::time::Duration;

use tandem_core::policy::{ConflictPolicy, FirstSync, Mode, Policy};
use tandem_engine::report::Summary;

use super::World;

impl World {
    /// A full look finds nothing that the looks before had missed, where the last came to `at_rest`.
    pub(super) fn check_listed(&mut self, at_rest: &Summary) {
        self.environment.advance(Duration::from_secs(60));
        let mut setup = self.setup();
        setup.options.limits.full_look = 0;
        self.program = None;
        let looked = self.pass_of(setup, None);
        if let Some(text) = missed(at_rest, looked.as_ref()) {
            self.violation(format!(
                "a full look found what the looks before had missed: {text}"
            ));
        }
    }

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

/// What a full look came to that nothing but a miss of the looks before explains. What it found equal and took over
/// is no such thing: nothing had to be carried.
fn missed(before: &Summary, looked: Option<&Summary>) -> Option<String> {
    let Some(looked) = looked else {
        return Some("it did not come to its end".to_owned());
    };
    let is_same = looked.stopped.is_none()
        && (looked.done, looked.held) == (0, 0)
        && (looked.failed, looked.items) == (before.failed, before.items)
        && (looked.problems, looked.left_out) == (before.problems, before.left_out);
    (!is_same).then(|| format!("{looked:?} after {before:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_full_look_finds_was_missed() {
        let before = Summary {
            failed: 1,
            items: 3,
            ..Summary::default()
        };
        assert_eq!(missed(&before, Some(&before)), None);
        let with = |change: fn(&mut Summary)| {
            let mut looked = before.clone();
            change(&mut looked);
            missed(&before, Some(&looked))
        };
        for found in [
            with(|looked| looked.done = 1),
            with(|looked| looked.held = 1),
            with(|looked| looked.failed = 2),
            with(|looked| looked.items = 2),
            with(|looked| looked.problems = 1),
            with(|looked| looked.left_out = 1),
            with(|looked| looked.stopped = Some("offline".to_owned())),
            missed(&before, None),
        ] {
            assert!(found.is_some());
        }
    }
}
