//! The planner: a pure function from the three trees and a person's choices to actions.
//!
//! Read in this order: [`trees`] (what it is given), `node` (items and fresh entries matched to one another),
//! `decide` (what each item should come to), `settle` (names, folders and cycles), `emit` (the actions in
//! order), [`action`] (what it says).
//!
//! Invariants: an action never lacks an expectation; content from which nothing later was derived is never
//! removed without being retained; the same input gives the same plan. A plan says what can be said now: the
//! engine executes it, observes and plans again until there is nothing left.

pub mod action;
mod compare;
mod decide;
mod emit;
mod identify;
mod node;
mod tree;
pub mod reason;
pub mod record;
mod settle;
pub mod trees;

pub use action::{
    Absence, Action, At, Conflict, ConflictKind, Deed, Equality, Evidence, LeftOut, Plan, Refusal, Retain, Standing,
};
pub use reason::Reason;
pub use trees::{BaseItem, Fresh, Input, ItemId, Seen, Trees};

/// Derives the plan.
#[must_use]
pub fn plan(input: &Input<'_>) -> Plan {
    let mut plan = Plan::default();
    let nodes = node::Nodes::build(input, &mut plan);
    let mut wants = decide::decide(input, &nodes, &mut plan);
    settle::settle(input, &nodes, &mut wants, &mut plan);
    emit::emit(input, &nodes, &wants, &mut plan);
    if !plan.evidence.is_empty() {
        plan.actions.clear();
    }
    plan
}
