//! Seeds that once broke a promise, each with what it was. A run is the production engine on two simulated
//! storages; it must lose nothing, come to rest, and leave both sides in step.
#![cfg(feature = "simulation")]

use tandem_testkit::simulation::{Shape, run};

const PLAIN: Shape = Shape {
    faults: false,
    crash: false,
    every_mode: false,
    held: false,
    busy: false,
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
    ..PLAIN
};
const ALL_HELD: Shape = Shape { held: true, ..ALL };
const MODES_HELD_BUSY: Shape = Shape {
    held: true,
    busy: true,
    ..MODES
};

const MODES_BUSY: Shape = Shape {
    busy: true,
    ..MODES
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
    (
        304,
        FAULTS,
        "a new folder waited for the name of a deleted one, whose last child waited for the new one",
    ),
    (608, FAULTS, "the same with a folder moved into the new one"),
    (
        1810,
        PLAIN,
        "a folder waited for the name of a file that was to move into it",
    ),
    (
        2191,
        PLAIN,
        "the same with a folder that was renamed to the file's name",
    ),
    (
        295,
        PLAIN,
        "one plan moved a folder on both sides, and a new one took its place in the base with all below",
    ),
    (
        587,
        CRASH,
        "the same: what was below the lost folder stayed in the base below nothing",
    ),
    (
        530,
        CRASH,
        "the second step of a swap put its item on the first one's row, and the name for a while stayed",
    ),
    (
        190,
        FAULTS,
        "a rename by case waited for ever for the name of an item that was left out",
    ),
    (
        608,
        CRASH,
        "a file and a folder changed places, and the base dropped each one's row for the other's",
    ),
    (
        5,
        MODES,
        "a version's own time was not the one that a listing gave the file, and it came back without end",
    ),
    (
        736,
        CRASH,
        "an item that was to get its name back did not see that another had it by now",
    ),
    (
        439,
        CRASH,
        "a folder renamed by case, on a storage that moves folders item by item, was moved into itself",
    ),
    (
        446,
        FAULTS,
        "a file waited for the name of an empty folder that its side cannot show",
    ),
    (1079, PLAIN, "the same with empty folders in the folder"),
    (860, CRASH, "the same for a folder that is left out"),
    (
        2189,
        FAULTS,
        "a file waited without a word for the name of a deleted folder that something unsynced keeps",
    ),
    (
        1002,
        ALL,
        "two items had one name on a side, and the one that was gone counted as there",
    ),
    (
        2276,
        FAULTS,
        "an entry was noted in a folder that had become an item, and was there no more",
    ),
    (
        2297,
        PLAIN,
        "the content of a folder that was still to be made was asked for",
    ),
    (
        502,
        PLAIN,
        "a file collides with an opaque item's name in another case",
    ),
    (
        1521,
        FAULTS,
        "content that two storages changed on arrival, one after the other, was not known again",
    ),
    (
        289,
        PLAIN,
        "a folder that was made anew came back with what had been in it, and no line of the feed said otherwise",
    ),
    (
        696,
        MODES,
        "what lay in a folder that was moved with the one above it counted as gone",
    ),
    (
        27,
        MODES,
        "the same where the base had the folder already, where the other side has it",
    ),
    (
        134,
        ALL,
        "the look into a folder that was moved aside never came, and no line of the feed told what is in it",
    ),
    (
        437,
        ALL,
        "a moved folder that could not be listed counted as empty",
    ),
    (
        601,
        PLAIN,
        "an item left the base with another that had its place by then",
    ),
    (
        815,
        PLAIN,
        "what an item still had where another took its place in the base was not known any more",
    ),
    (
        8694,
        PLAIN,
        "a conflict's loser was copied in every pass, where the winner is too large for its side",
    ),
    (
        6241,
        FAULTS,
        "a folder was made where another still was, for its move was not done, and the other never moved",
    ),
    (
        2097,
        ALL_HELD,
        "a delete in a later part of a pass was done, although a person had been asked about it",
    ),
    (
        2478,
        ALL_HELD,
        "of two folders whose names differ in case, one was looked for under the other's name",
    ),
    (
        3526,
        ALL_HELD,
        "a folder that was told by what is in it took a file's place, and was made anew in every pass",
    ),
    (
        78,
        MODES_HELD_BUSY,
        "a file that moved while a pass was under way was known by its id at both places, and one of them was never \
         seen to be empty",
    ),
    (
        92353,
        MODES_BUSY,
        "what has another name on a backup's follower got one name after the other, and was not in step",
    ),
];

/// Of those that have deletes which a person is asked about.
const ASKED: &[u64] = &[9, 17, 31, 39];

#[test]
fn nothing_held_is_deleted_before_a_person_answers() {
    for seed in ASKED {
        let outcome = run(
            *seed,
            Shape {
                held: true,
                ..PLAIN
            },
        );
        assert!(
            outcome.violations.is_empty(),
            "seed {seed}: {:?}",
            outcome.violations
        );
    }
}

#[test]
fn seeds_that_once_failed() {
    let mut failed = Vec::new();
    for (seed, shape, what) in FOUND {
        let outcome = run(*seed, *shape);
        if !outcome.violations.is_empty() {
            failed.push(format!(
                "seed {seed} {shape:?} ({what}): {:?}",
                outcome.violations
            ));
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}
