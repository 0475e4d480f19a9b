//! `tandem selftest`: the planner and the engine against simulated storages, from seeds.

use tandem_service::fault::{Fault, Result};

/// Runs `seeds` seeds, or just `seed`.
pub(crate) fn run(_seeds: Option<u64>, _seed: Option<u64>) -> Result<u8> {
    Err(Fault::Usage(
        "This build of Tandem carries no simulation.".to_owned(),
        "Run the tests from the source instead: ./dev test.".to_owned(),
    ))
}
