//! The simulated service before clients that nobody here wrote. rclone is a second one, in every test of the contract.

use std::process::Command;
use std::time::Duration;

use tandem_testkit::servers::azure::SimulatedAzure;
use tandem_testkit::servers::faults::Fault;
use tandem_testkit::servers::python;

fn run_sdk(simulated: &SimulatedAzure, what: &str) -> String {
    let server = simulated.server();
    let run = Command::new(python().unwrap())
        .args(["tests/azure/sdk.py", server.endpoint(), server.account()])
        .args([server.key(), what])
        .output()
        .unwrap();
    let said = [&run.stdout[..], &run.stderr[..]].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(run.status.success(), "{said}");
    said
}

/// Success and errors: uploads of all kinds, conditions, pages, versions, soft delete, copies, refusals.
#[test]
fn microsofts_own_client_finds_what_it_expects() {
    let simulated = SimulatedAzure::start().unwrap();
    simulated.keep_versions(true).unwrap();
    let said = run_sdk(&simulated, "everything");
    assert_eq!(said.matches("passed: ").count(), 8, "{said}");
}

/// Scripted faults are what the service's are: its own client knows how to get over them.
#[test]
fn microsofts_own_client_gets_over_scripted_faults() {
    let simulated = SimulatedAzure::start().unwrap();
    let busy = |status, retry_after| Fault::Status {
        status,
        retry_after,
    };
    let faults = [
        ("PUT", "restype=container", busy(503, None)),
        ("PUT", "comp=block&", busy(500, None)),
        ("PUT", "comp=block&", Fault::LoseAnswer),
        ("PUT", "comp=blocklist", busy(503, Some(1))),
        ("GET", "through", Fault::CutAnswer(300_000)),
        ("GET", "through", Fault::Slow(Duration::from_millis(50))),
        ("GET", "comp=list", Fault::LoseRequest),
        ("DELETE", "through", busy(500, None)),
    ];
    for (method, part, fault) in faults {
        simulated.script(method, part, 0, 1, fault).unwrap();
    }
    run_sdk(&simulated, "faults");
    assert_eq!(simulated.faults_left().unwrap(), 0);
}
