//! The conformance suite over the simulated storage, and the proof that it can fail: every deliberate fault
//! is caught by a case that names what was broken.

mod broken;
mod simulated;

use tandem_testkit::conformance::{CASES, Report, Verdict, run_all, run_one};
use tandem_testkit::sim::SimExecutor;

use broken::Fault;
use simulated::{able, from_seed, plain};

fn over(seed: u64) -> Report {
    SimExecutor::run_seed(seed, |environment| {
        run_all(move || from_seed(seed, environment.clone()))
    })
}

#[test]
fn every_seed_keeps_the_contract() {
    let mut passed = vec![0; CASES.len()];
    let mut failed = Vec::new();
    for seed in 0..48 {
        let report = over(seed);
        for case in report.failures() {
            failed.push(format!("seed {seed}: {case}"));
        }
        for (count, case) in passed.iter_mut().zip(&report.cases) {
            *count += usize::from(case.verdict == Verdict::Passed);
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    let cases = CASES.iter().zip(passed);
    let never: Vec<_> = cases
        .filter(|(_, passed)| *passed == 0)
        .map(|(case, _)| case.name)
        .collect();
    assert!(never.is_empty(), "no seed exercised {never:?}");
}

#[test]
fn the_most_able_and_the_plainest_storage_keep_the_contract() {
    SimExecutor::run_seed(1, |environment| {
        run_all(move || able(environment.clone(), Fault::None))
    })
    .assert_kept();
    SimExecutor::run_seed(2, |environment| run_all(move || plain(environment.clone())))
        .assert_kept();
}

#[test]
fn every_fault_is_caught_by_the_case_that_names_it() {
    let mut missed = Vec::new();
    for (fault, name) in broken::CAUGHT {
        let report = SimExecutor::run_seed(7, |environment| {
            let fault = *fault;
            run_one(name, move || able(environment.clone(), fault))
        });
        if !matches!(report.verdict, Verdict::Failed(_)) {
            missed.push(format!("{fault:?}: {report}"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn no_case_passes_whatever_is_broken() {
    let mut faults: Vec<_> = broken::CAUGHT.iter().map(|(fault, _)| *fault).collect();
    faults.dedup();
    let can_fail = |name: &'static str| {
        faults.iter().any(|fault| {
            let report = SimExecutor::run_seed(7, |environment| {
                let fault = *fault;
                run_one(name, move || able(environment.clone(), fault))
            });
            matches!(report.verdict, Verdict::Failed(_))
        })
    };
    for case in CASES {
        let beyond = broken::BEYOND.iter().any(|(name, _)| *name == case.name);
        assert!(beyond || can_fail(case.name), "{} never fails", case.name);
    }
}

#[test]
fn a_known_fault_is_excused_until_it_is_gone() {
    use tandem_testkit::conformance::{KnownFault, Subject};
    let name = "a_listing_ends_with_its_end_marker_once";
    let run = |fault, at_times| {
        SimExecutor::run_seed(7, |environment| {
            run_one(name, move || {
                let subject = able(environment.clone(), fault);
                async move {
                    Subject {
                        known_faults: vec![KnownFault {
                            what: "a_listing_ends_with_its_end_marker_once",
                            why: "this server forgets",
                            at_times,
                        }],
                        ..subject.await
                    }
                }
            })
        })
    };
    for at_times in [false, true] {
        let excused = run(Fault::DropsEnd, at_times).verdict;
        assert!(matches!(excused, Verdict::Excused { .. }));
    }
    assert!(matches!(
        run(Fault::None, false).verdict,
        Verdict::Failed(_)
    ));
    assert!(matches!(run(Fault::None, true).verdict, Verdict::Passed));
}

/// A provider's whole test file: the macro makes a test of every case.
mod as_a_provider_does {
    use tandem_testkit::conformance::{Subject, suite};

    async fn fresh() -> Subject {
        super::simulated::in_real_time().await
    }

    suite!(fresh);
}
