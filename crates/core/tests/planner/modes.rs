//! One-way modes.

use tandem_core::entry::{Entry, Kind, Revision};
use tandem_core::plan::record::{Done, Row, record};
use tandem_core::plan::{Deed, Plan, Reason, Retain, Seen};
use tandem_core::policy::Mode;
use tandem_core::side::PerSide;
use tandem_core::side::Side::{Destination, Source};

use crate::pair::{Pair, changed, file, folder, retained, told};

#[test]
fn a_mirror_takes_back_what_the_follower_did() {
    let mut pair = Pair::new();
    pair.policy.mode = Mode::SourceToDestination;
    pair.item(1, 0, file("a", 1, 1)).seen.destination = Seen::Absent;
    pair.fresh(Destination, 2, 0, file("own", 9, 9));
    let plan = pair.plan();
    assert_eq!(
        told(&plan),
        ["destination: new a", "destination: delete own"]
    );
    let Deed::Delete { retain, .. } = &plan.actions[1].deed else {
        panic!("a delete")
    };
    assert_eq!(*retain, Retain::Unseen);
}

#[test]
fn what_the_follower_has_already_is_not_carried_again() {
    // Killed after the transfer was done and before it was noted.
    for mode in [Mode::SourceToDestination, Mode::SourceBackup] {
        let mut pair = Pair::new();
        pair.policy.mode = mode;
        let item = pair.item(1, 0, file("a", 1, 1));
        item.seen = PerSide::new(changed(file("a", 1, 2)), changed(file("a", 1, 2)));
        assert_eq!(told(&pair.plan()), ["adopt a"], "{mode:?}");
        pair.trees.items[0].seen.destination = changed(file("a", 1, 3));
        let plan = pair.plan();
        assert_eq!(told(&plan), ["destination: replace a"], "{mode:?}");
        assert_eq!(plan.actions[0].reason, Reason::EditedOn(Source));
        assert_eq!(retained(&plan, "a"), Some(Retain::Unseen));
    }
}

#[test]
fn a_backup_notes_a_move_of_what_only_the_follower_edited_and_no_more() {
    let mut pair = Pair::new();
    pair.policy.mode = Mode::SourceBackup;
    pair.item(1, 0, file("a", 1, 1)).seen = PerSide::new(Seen::Absent, Seen::Absent);
    pair.fresh(Source, 2, 0, file("b", 1, 1));
    // Killed after the move was done there and before it was noted.
    pair.fresh(Destination, 3, 0, file("b", 1, 2));
    let plan = pair.plan();
    assert_eq!(told(&plan), ["adopt b"]);
    let rows = record(
        &plan.actions[0],
        Some(&pair.trees.items[0]),
        &Done::default(),
    );
    let entries = rows.into_iter().find_map(|row| match row {
        Row::Put { entries, .. } => Some(entries),
        _ => None,
    });
    let follower = entries.and_then(|entries| entries.destination);
    assert_eq!(follower, Some(file("b", 1, 1)), "the edit stays an edit");
}

#[test]
fn what_a_mirror_deletes_without_knowing_it_is_kept_for_good() {
    let mut pair = Pair::new();
    pair.policy.mode = Mode::SourceToDestination;
    pair.capabilities.destination.cheap_reads = true;
    let unread = Entry {
        revision: Revision::Tag("another".into()),
        hashes: Vec::new(),
        ..file("a", 1, 1)
    };
    pair.item(1, 0, file("a", 1, 1)).seen = PerSide::new(Seen::Absent, changed(unread));
    let plan = pair.plan();
    assert_eq!(told(&plan), ["destination: delete a"]);
    let Deed::Delete { retain, .. } = &plan.actions[0].deed else {
        panic!("a delete")
    };
    assert_eq!(*retain, Retain::Unseen);
}

/// What each delete of the plan asks to be absent on the other side, and what may stand there instead.
fn absences(plan: &Plan) -> Vec<(String, Option<Kind>)> {
    let deletes = plan.actions.iter().filter_map(|a| match &a.deed {
        Deed::Delete { absent, .. } => absent.as_ref(),
        _ => None,
    });
    deletes
        .map(|a| (a.path.to_string(), a.instead.as_ref().map(|e| e.kind)))
        .collect()
}

#[test]
fn what_only_the_follower_has_must_be_absent_where_it_would_be() {
    let mut pair = Pair::new();
    pair.policy.mode = Mode::SourceToDestination;
    let moved = pair.item(1, 0, folder("d", 1));
    moved.seen[Source] = Seen::Absent;
    pair.fresh(Source, 5, 0, folder("e", 1));
    pair.fresh(Destination, 2, 1, folder("own", 2));
    pair.fresh(Destination, 3, 2, file("a", 3, 3));
    pair.fresh(Destination, 4, 0, file("b", 4, 4));
    let plan = pair.plan();
    assert_eq!(
        told(&plan),
        [
            "destination: move d to e",
            "destination: delete e/own/a",
            "destination: delete e/own",
            "destination: delete b"
        ]
    );
    assert_eq!(
        absences(&plan),
        [
            ("e/own".to_owned(), None),
            ("e/own".to_owned(), None),
            ("b".to_owned(), None)
        ]
    );
}

#[test]
fn what_lies_in_a_folder_that_the_leader_cannot_read_stays() {
    let mut pair = Pair::new();
    pair.policy.mode = Mode::SourceToDestination;
    pair.item(1, 0, folder("d", 1)).seen[Source] = Seen::Unknown;
    pair.fresh(Destination, 2, 1, folder("own", 2));
    pair.fresh(Destination, 3, 2, file("a", 3, 3));
    assert!(pair.plan().actions.is_empty());
}

#[test]
fn what_cannot_be_carried_is_told_of_a_backups_leader_alone() {
    let socket = |name| Entry {
        kind: Kind::Opaque,
        ..file(name, 9, 0)
    };
    for (mode, expected) in [
        (Mode::SourceBackup, vec!["ours"]),
        (Mode::DestinationBackup, vec!["d/theirs"]),
        (Mode::SourceToDestination, vec!["d/theirs", "ours"]),
        (Mode::TwoWay, vec!["d/theirs", "ours"]),
    ] {
        let mut pair = Pair::new();
        pair.policy.mode = mode;
        pair.fresh(Source, 1, 0, socket("ours"));
        pair.fresh(Destination, 2, 0, folder("d", 2));
        pair.fresh(Destination, 3, 2, socket("theirs"));
        let mut left: Vec<_> = pair
            .plan()
            .left_out
            .into_iter()
            .map(|l| l.path.to_string())
            .collect();
        left.sort_unstable();
        assert_eq!(left, expected, "{mode:?}");
    }
}
