//! Keeps one pair in step: observe, plan, guard, execute, record (DESIGN 4).
//!
//! Knows storages only through `tandem_core::storage`; every decision is `tandem_core::plan`'s. What it
//! observed, what is in step, what it intends and what it did is in one database per pair.

mod carried;
mod chosen;
mod conflict_versions;
mod conflicts;
mod cut_off;
mod ending;
mod engine;
pub mod error;
pub mod event;
mod execute;
mod explain;
mod guarding;
mod history;
mod holds;
mod meter;
mod observe;
mod parallel;
mod parts;
mod pass;
mod preview;
mod prune;
mod quiet;
pub mod report;
mod rescue;
mod run;
mod settling;
pub mod setup;
mod single;
mod state;
mod status;
mod undo;
mod verify;
mod versions;
mod views;
mod young;

pub use conflict_versions::ConflictVersion;
pub use engine::Engine;
