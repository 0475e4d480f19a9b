//! What the planner decides, one small pair of trees at a time: each structural conflict by its name, and
//! scenarios that random runs found.

mod conflicts;
mod folders;
mod large;
mod modes;
mod moves;
mod pair;
