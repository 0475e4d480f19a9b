//! The planner's properties over an everyday number of seeds, and the cases that once failed.

mod crossed;
mod flat;
mod judged;
mod moved;
mod names;
mod places;
mod regressions;
mod small;

use tandem_testkit::planner::{Coverage, run_case, run_seed, shrink};

/// As many as take some seconds without optimisation; `examples/planner.rs` runs millions.
const SEEDS: u64 = 6_000;

#[test]
fn the_planner_keeps_its_promises() {
    let mut coverage = Coverage::default();
    for seed in 0..SEEDS {
        let (outcome, case) = run_seed(seed);
        if !outcome.violations.is_empty() {
            let small = shrink(&case);
            panic!(
                "seed {seed}: {:#?}\n{small}{:#?}",
                outcome.violations,
                run_case(&small).violations
            );
        }
        coverage.add(&outcome.coverage);
    }
    assert_eq!(coverage.missing(), Vec::<String>::new(), "{coverage}");
}

#[test]
fn a_seed_gives_the_same_run_again() {
    for seed in 0..200 {
        let (outcome, case) = run_seed(seed);
        assert_eq!(run_seed(seed).0.trace, outcome.trace, "seed {seed}");
        assert_eq!(run_case(&case), outcome, "seed {seed}: {case}");
    }
}
