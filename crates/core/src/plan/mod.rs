//! The planner: a pure function from the three trees and a person's choices to actions.
//!
//! Read in this order: [`trees`] (what it is given), `node` (items and fresh entries matched to one another),
//! `decide` and `crossed` (what each item should come to), `settle` (names, folders and cycles), `emit` (the actions in
//! order), [`action`] (what it says).
//!
//! Invariants: an action never lacks an expectation; content from which nothing later was derived is never
//! removed without being retained; the same input gives the same plan. A plan says what can be said now: the
//! engine executes it, observes and plans again until there is nothing left.

use std::collections::BTreeSet;

use crate::side::Side;

pub mod action;
mod compare;
mod crossed;
mod decide;
mod emit;
mod identify;
mod node;
pub mod reason;
pub mod record;
mod settle;
mod swap;
mod tree;
pub mod trees;

pub use action::{
    Absence, Action, At, Conflict, ConflictKind, Deed, Equality, Evidence, LeftOut, Plan, Refusal,
    Retain, Standing,
};
pub use reason::Reason;
pub use swap::{before_swap, swap_name, swap_names};
pub use trees::{BaseItem, Fresh, Input, ItemId, MadeCopy, MadeMove, Refused, Seen, Trees};

/// Derives the plan.
#[must_use]
pub fn plan(input: &Input<'_>) -> Plan {
    let mut apart = BTreeSet::new();
    loop {
        if let Some(plan) = attempt(input, &mut apart) {
            return plan;
        }
    }
}

/// One derivation. `None` if it met moves to where the other side cannot hold the item, for such a move leaves the
/// pair, as one out of the folder does; or moves of folders that only one side tells of. They are then in `apart`, and
/// what is there is taken for something new.
fn attempt(input: &Input<'_>, apart: &mut BTreeSet<(Side, ItemId)>) -> Option<Plan> {
    let mut plan = Plan::default();
    let known = apart.len();
    let nodes = node::Nodes::build(input, apart, &mut plan);
    apart.extend(nodes.moved_alike());
    if apart.len() > known {
        return None;
    }
    let mut wants = decide::decide(input, &nodes, &mut plan);
    apart.extend(settle::settle(input, &nodes, &mut wants, &mut plan));
    if apart.len() > known {
        return None;
    }
    emit::emit(input, &nodes, &wants, &mut plan);
    if !plan.evidence.is_empty() {
        plan.actions.clear();
    }
    Some(plan)
}
