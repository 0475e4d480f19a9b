//! What happens between the passes of a run and that chance alone brings about too seldom.

use std::collections::BTreeSet;
use std::time::Duration;

use tandem_core::capabilities::ListingConsistency;
use tandem_core::policy::{ConflictPolicy, Mode};
use tandem_core::side::Side;

use super::coverage::{LOST_STATE, UNMOUNTED};
use super::{World, clash};
use crate::sim::SimFiles;

impl World {
    /// Two people do something to the same things.
    pub(super) fn clashes(&mut self) {
        for _ in 0..3 {
            let drawn = clash::draw(&mut self.bystander_rng, &self.sides);
            for (side, edit) in drawn.into_iter().flatten() {
                let applied = self.sides[side].edit(&edit);
                self.teller.edit(side, &edit, applied);
            }
        }
    }

    /// What happens seldom and costs a pair what it relies on.
    pub(super) fn misfortune(&mut self) {
        match self.bystander_rng.below(20) {
            0..2 => {
                let side = *self.bystander_rng.pick(&Side::BOTH);
                self.teller.say(|| format!("{side}: the root is gone"));
                self.outcome.coverage.fault(UNMOUNTED, 1);
                self.sides[side].unmount();
                self.pass(None);
                self.sides[side].mount();
            }
            2..4 => {
                self.teller.say(|| "the state is lost".to_owned());
                self.outcome.coverage.fault(LOST_STATE, 1);
                // Nobody takes it from a program that runs.
                self.program = None;
                (self.files, self.is_new) = (SimFiles::new(), false);
                self.person.is_asked(&[]);
                let before = self.shown(false);
                self.pass(None);
                self.check_shown(&before);
            }
            4..8 => {
                self.teller.say(|| "some days pass".to_owned());
                self.environment.advance(Duration::from_secs(3 * 86_400));
            }
            // Little enough for a clock that is right, so that what was kept for a day alone goes with the next pass.
            8..10 => {
                self.teller.say(|| "a day and a half pass".to_owned());
                self.environment.advance(Duration::from_secs(36 * 3_600));
            }
            _ => {}
        }
    }

    /// Every content that a file has on some side; with `sent`, also what was sent to a storage that made it of that.
    fn shown(&self, sent: bool) -> BTreeSet<[u8; 32]> {
        let mut shown = BTreeSet::new();
        for side in Side::BOTH {
            for item in self.sides[side].snapshot().values().flatten() {
                shown.insert(item.content.hash());
                shown.extend(item.sent.filter(|_| sent));
            }
        }
        shown
    }

    /// Whoever does not know what was in step deletes and replaces nothing where both versions are kept (P6). A listing
    /// that lags behind may show what was in step: what comes after is an edit of that like any other.
    fn check_shown(&mut self, before: &BTreeSet<[u8; 32]>) {
        let lags =
            |side: Side| self.sides[side].capabilities().listing == ListingConsistency::Eventual;
        if Side::BOTH.into_iter().any(lags) {
            return;
        }
        let keeps_both = self.policy.conflict == ConflictPolicy::KeepBoth;
        let is_all_there = before.is_subset(&self.shown(true));
        if self.policy.mode == Mode::TwoWay && keeps_both && !is_all_there {
            self.violation("something went with the state".to_owned());
        }
    }
}
