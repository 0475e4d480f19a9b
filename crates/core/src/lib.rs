//! Tandem's decisions, and the contract that every storage keeps.
//!
//! This crate is pure: no file system, no network, no clock, no randomness, no runtime. What it decides
//! is a function of what it is given, so that a seed replays it (P3). The engine observes and executes;
//! this crate says what should be done and why.

pub mod capabilities;
pub mod conflict_name;
pub mod content;
pub mod entry;
pub mod environment;
pub mod error;
pub mod filter;
pub mod guard;
pub mod line_diff;
pub mod merge;
pub mod mutant;
pub mod names;
pub mod path;
pub mod plan;
pub mod policy;
pub mod secret_forms;
pub mod side;
pub mod storage;
pub mod time;
