//! For tests only: simulated storage, seeds, conformance suite, server launchers.

pub mod conformance;
pub mod oracle;
pub mod planner;
pub mod seed;
pub mod servers;
pub mod sim;
#[cfg(feature = "simulation")]
pub mod simulation;
