//! For tests only: simulated storage, seeds, conformance suite, server launchers.

pub mod conformance;
#[cfg(feature = "disk-files")]
pub mod disk_files;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
pub mod oracle;
pub mod planner;
pub mod real_time;
pub mod seed;
pub mod servers;
#[cfg(feature = "files")]
mod sharing;
pub mod sim;
#[cfg(feature = "simulation")]
pub mod simulation;
