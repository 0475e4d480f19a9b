//! What the simulation itself promises to those who test with it.

#![allow(clippy::unwrap_used, reason = "a step that fails fails its test")]

mod contract;
mod durability;
mod faults;
mod feed;
mod oracle;
mod seeds;
mod steps;
