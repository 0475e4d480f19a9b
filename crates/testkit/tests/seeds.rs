//! Seeds that once broke a promise, each with what it was. A run is the production engine on two simulated
//! storages; it must lose nothing, come to rest, and leave both sides in step.
#![cfg(feature = "simulation")]

use tandem_testkit::simulation::{Shape, run};

const PLAIN: Shape = Shape {
    faults: false,
    crash: false,
    every_mode: false,
};
const FAULTS: Shape = Shape {
    faults: true,
    ..PLAIN
};
const CRASH: Shape = Shape {
    crash: true,
    ..PLAIN
};
const MODES: Shape = Shape {
    every_mode: true,
    ..PLAIN
};
const ALL: Shape = Shape {
    faults: true,
    crash: true,
    every_mode: true,
};

const FOUND: &[(u64, Shape, &str)] = &[
    (
        398,
        PLAIN,
        "a conflict on a conflict copy took the copy for its own, and one version was lost",
    ),
    (
        24,
        CRASH,
        "a marker that a power loss took back was remembered, and the pair was held for ever",
    ),
    (
        27,
        CRASH,
        "a conflict copy of two new files that was there already was not known, and made again and again",
    ),
    (
        33,
        PLAIN,
        "a step failed, and what relied on it was done all the same",
    ),
    (
        39,
        PLAIN,
        "a file was carried into a folder that is left out",
    ),
    (
        39,
        CRASH,
        "an absence was taken back because another spelling of the name answered",
    ),
    (
        49,
        PLAIN,
        "a folder renamed to a refused name: its children were carried and deleted in turn",
    ),
    (
        94,
        PLAIN,
        "a file renamed to a name the other side takes for another stayed there under the old one",
    ),
    (
        88,
        FAULTS,
        "a new file under the old name of such a one waited for ever",
    ),
    (130, MODES, "the same with a name kept by a left out item"),
    (
        50,
        FAULTS,
        "an item renamed by a conflict and gone on the other side counted as in step",
    ),
    (
        152,
        MODES,
        "an empty folder was sent again and again to a side that has none",
    ),
    (
        339,
        FAULTS,
        "a conflict copy that a server changes on arrival was made a thousand times",
    ),
    (
        347,
        ALL,
        "one side's rename for a conflict was recorded as both sides'",
    ),
    (158, ALL, "the same after an outage"),
];

#[test]
fn seeds_that_once_failed() {
    let folder = std::env::temp_dir().join(format!("tandem-seeds-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the databases");
    let mut failed = Vec::new();
    for (seed, shape, what) in FOUND {
        let outcome = run(*seed, *shape, &folder);
        if !outcome.violations.is_empty() {
            failed.push(format!(
                "seed {seed} {shape:?} ({what}): {:?}",
                outcome.violations
            ));
        }
    }
    std::fs::remove_dir_all(&folder).expect("the folder is ours");
    assert!(failed.is_empty(), "{failed:#?}");
}
