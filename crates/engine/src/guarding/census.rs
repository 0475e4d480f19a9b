//! What the guards of a pair judge, over all parts of a plan.

use std::collections::BTreeSet;

use tandem_core::plan::{Deed, Plan, Reason};
use tandem_core::side::PerSide;

use super::digest;
use crate::report::PlannedAction;
use crate::views::{MOST_LISTED, planned};

/// What all parts of a plan come to.
#[derive(Debug, Default)]
pub(crate) struct Census {
    /// Actions that change a side.
    pub(crate) actions: u64,
    /// Bytes carried to each side.
    pub(crate) bytes: PerSide<u64>,
    /// Edits made on each side, by digest.
    pub(super) edited: PerSide<BTreeSet<u64>>,
    /// Conflict copies.
    pub(super) copies: u64,
    /// The first of the actions, for a person.
    pub(super) listed: Vec<PlannedAction>,
}

impl Census {
    pub(crate) fn of(plan: &Plan) -> Self {
        let mut census = Self::default();
        census.add(plan);
        census
    }

    pub(crate) fn add(&mut self, plan: &Plan) {
        for action in plan.actions.iter().filter(|a| a.touches()) {
            self.actions += 1;
            self.bytes[action.side] += action.bytes();
            self.copies += u64::from(matches!(action.deed, Deed::Duplicate { .. }));
            if let (Reason::EditedOn(side), Deed::Transfer { .. }) = (action.reason, &action.deed) {
                self.edited[side].extend(digest(action));
            }
            if self.listed.len() < MOST_LISTED {
                self.listed.push(planned(action));
            }
        }
    }
}
