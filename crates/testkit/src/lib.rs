//! For tests only: simulated storage, seeds, conformance suite, server launchers.

pub mod conformance;
pub mod servers;
pub mod oracle;
pub mod seed;
pub mod sim;
#[cfg(feature = "simulation")]
pub mod simulation;
