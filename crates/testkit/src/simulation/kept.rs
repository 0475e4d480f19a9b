//! What Tandem took although it may not: what was superseded, without keeping it or before its time (P1 b); anything of the
//! leading side; and of a backup what was deleted on the leading side (DESIGN 5.1).

use std::time::Duration;

use tandem_core::side::Side;

use super::World;
use crate::oracle::{Contents, Gone, How, contents, visible};

const DAY: Duration = Duration::from_secs(86_400);

/// So many days superseded content is kept where nobody chose otherwise (P1 b).
const USUAL_DAYS: u32 = 30;

/// Content is set aside a little later than the journal notes it.
const SLACK: Duration = Duration::from_secs(3_600);

impl World {
    /// Notes what the last pass took and may not have taken.
    pub(super) fn check_gone(&mut self) {
        let gone = self.oracle.gone();
        if gone.is_empty() {
            return;
        }
        let there = contents(&[&self.sides.source, &self.sides.destination]);
        let faults: Vec<String> = gone
            .iter()
            .filter_map(|one| {
                let history = || self.oracle.history_of_gone(one).join("; ");
                let why = self.fault(one, &there)?;
                Some(format!(
                    "{why}: {} of side {}: {}",
                    one.path,
                    one.side,
                    history()
                ))
            })
            .collect();
        for text in faults {
            self.violation(text);
        }
    }

    fn fault(&self, gone: &Gone, there: &Contents) -> Option<&'static str> {
        let side = if gone.side == 0 {
            Side::Source
        } else {
            Side::Destination
        };
        let (mode, was_seen) = (self.policy.mode, !matches!(gone.how, How::Pruned(_)));
        if was_seen && mode.leader() == Some(side) {
            return Some("taken from the leading side");
        }
        let is_deleted = mode.is_backup() && gone.how == How::Deleted;
        if is_deleted && !self.oracle.is_given_up(gone) {
            let visible = visible(&[&self.sides[side]]);
            if !self.oracle.is_among(gone, &visible) {
                return Some("deleted from a backup");
            }
        }
        let can_keep = self.sides[side].capabilities().versions;
        let is_lost = can_keep && !self.oracle.is_among(gone, there);
        (is_lost && self.is_in_time(gone) && !self.oracle.is_ended_since(gone))
            .then_some("superseded, and not kept")
    }

    /// Whether it was to be kept still.
    fn is_in_time(&self, gone: &Gone) -> bool {
        let days = if self.keeps_briefly { 1 } else { USUAL_DAYS };
        match gone.how {
            How::Pruned(age) => age + SLACK < DAY * days,
            How::Replaced | How::Deleted => true,
        }
    }
}
