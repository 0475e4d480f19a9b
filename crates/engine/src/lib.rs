//! Keeps one pair in step: observe, plan, guard, execute, record (DESIGN 4).
//!
//! Knows storages only through `tandem_core::storage`; every decision is `tandem_core::plan`'s. What it
//! observed, what is in step, what it intends and what it did is in one database per pair.

pub mod error;
pub mod event;
pub mod report;
pub mod setup;
mod state;
