//! Folders that are deleted while something is in them, and names that two want.

use tandem_core::capabilities::CaseRule;
use tandem_core::entry::{Entry, Kind};
use tandem_core::plan::{ConflictKind, Reason, Refusal, Seen};
use tandem_core::side::Side::{Destination, Source};

use crate::pair::{COPY, Pair, conflicts, file, folder, told};

#[test]
fn a_file_against_a_folder_the_sources_is_renamed() {
    let mut pair = Pair::new();
    pair.fresh(Source, 1, 0, file("a", 1, 7));
    pair.fresh(Destination, 2, 0, folder("a", 5));
    let plan = pair.plan();
    assert_eq!(
        told(&plan),
        [
            format!("source: move a to {COPY}"),
            "source: folder a".to_owned()
        ]
    );
    assert_eq!(conflicts(&plan), [ConflictKind::FileAgainstFolder]);
}

#[test]
fn a_deleted_folder_with_unseen_children_stays() {
    let mut pair = Pair::new();
    pair.item(1, 0, folder("d", 1)).seen.source = Seen::Absent;
    pair.item(2, 1, file("old", 2, 1)).seen.source = Seen::Absent;
    pair.fresh(Destination, 3, 1, file("new", 3, 2));
    let plan = pair.plan();
    assert_eq!(
        told(&plan),
        [
            "source: folder d",
            "source: new d/new",
            "destination: delete d/old"
        ]
    );
    assert_eq!(plan.actions[0].reason, Reason::FolderStillNeeded(Source));
    assert!(conflicts(&plan).contains(&ConflictKind::DeletedFolderInUse));
}

#[test]
fn an_empty_folder_that_a_side_cannot_show_gives_way_to_a_file() {
    let mut pair = Pair::new();
    pair.capabilities.source.empty_folders = false;
    pair.item(1, 0, folder("d", 1)).seen.source = Seen::Absent;
    pair.item(2, 1, folder("e", 2)).seen.source = Seen::Absent;
    pair.fresh(Source, 3, 0, file("d", 3, 3));
    assert_eq!(
        told(&pair.plan()),
        ["destination: delete d/e", "destination: delete d"]
    );
    // Not one that holds something: then the file is renamed.
    pair.fresh(Destination, 4, 2, file("new", 4, 4));
    assert!(conflicts(&pair.plan()).contains(&ConflictKind::FileAgainstFolder));
}

#[test]
fn an_empty_folder_gives_way_where_it_was_moved_to() {
    let mut pair = Pair::new();
    pair.capabilities.source.empty_folders = false;
    let item = pair.item(1, 0, folder("d", 1));
    (item.seen.source, item.seen.destination) = (Seen::Absent, Seen::Absent);
    pair.fresh(Destination, 2, 0, folder("e", 1));
    pair.fresh(Source, 3, 0, file("e", 3, 3));
    assert_eq!(told(&pair.plan()), ["destination: delete e"]);
    // What has its name may be a folder too, one with something in it.
    let mut pair = Pair::new();
    pair.capabilities.source.empty_folders = false;
    pair.capabilities.destination.case = CaseRule::Insensitive;
    pair.item(1, 0, folder("d", 1)).seen.source = Seen::Absent;
    pair.fresh(Source, 3, 0, folder("D", 3));
    pair.fresh(Source, 4, 3, file("new", 4, 4));
    assert_eq!(told(&pair.plan()), ["destination: delete d"]);
}

#[test]
fn a_deleted_folder_that_something_unsynced_keeps_keeps_its_name_too() {
    let mut pair = Pair::new();
    pair.item(1, 0, folder("d", 1)).seen.source = Seen::Absent;
    let socket = Entry {
        kind: Kind::Opaque,
        ..file("socket", 2, 2)
    };
    pair.fresh(Destination, 2, 1, socket);
    pair.fresh(Source, 3, 0, file("d", 3, 3));
    let plan = pair.plan();
    assert_eq!(told(&plan), [""; 0]);
    let left: Vec<_> = plan
        .left_out
        .iter()
        .map(|l| (l.path.to_string(), l.why))
        .collect();
    assert_eq!(
        left,
        [
            ("d".to_owned(), Refusal::Collision),
            ("d/socket".to_owned(), Refusal::Opaque)
        ]
    );
}

#[test]
fn of_two_that_want_the_very_same_name_one_is_renamed_even_if_they_lie_side_by_side() {
    let mut pair = Pair::new();
    pair.capabilities.source.case = CaseRule::Insensitive;
    pair.item(1, 0, folder("D", 1)).seen.source = Seen::Absent;
    pair.fresh(Source, 2, 0, folder("d", 1));
    pair.fresh(Destination, 3, 0, folder("d", 5));
    let plan = pair.plan();
    assert_eq!(
        told(&plan)[0],
        "destination: move d to d (conflict 1970-01-01 000000 device-0000)"
    );
    assert!(conflicts(&plan).contains(&ConflictKind::SameName));
}

#[test]
fn what_lies_in_a_folder_that_is_left_out_is_left_too() {
    let mut pair = Pair::new();
    pair.capabilities.destination.case = CaseRule::Insensitive;
    pair.item(1, 0, folder("A", 1));
    pair.fresh(Source, 3, 0, folder("a", 2));
    pair.fresh(Source, 4, 3, file("inside", 4, 4));
    pair.fresh(Source, 5, 3, file("INSIDE", 5, 5));
    let plan = pair.plan();
    assert_eq!(told(&plan), [""; 0]);
    let left_out: Vec<_> = plan.left_out.iter().map(|l| l.path.to_string()).collect();
    assert_eq!(left_out, ["a"], "the folder alone is told of");
}

#[test]
fn an_empty_folder_that_a_side_cannot_show_is_not_deleted_for_it() {
    let mut pair = Pair::new();
    pair.capabilities.destination.empty_folders = false;
    pair.item(1, 0, folder("d", 1)).seen.destination = Seen::Absent;
    assert_eq!(told(&pair.plan()), [""; 0]);
    pair.item(2, 1, file("last", 2, 1)).seen.destination = Seen::Absent;
    assert_eq!(
        told(&pair.plan()),
        ["source: delete d/last", "source: delete d"]
    );
}

/// Seen with /usr/share on `rclone serve s3`: folders of nothing but links were made anew by every pass.
#[test]
fn a_folder_of_nothing_that_a_side_can_hold_is_not_made_there_again() {
    let mut pair = Pair::new();
    pair.capabilities.destination.empty_folders = false;
    pair.capabilities.destination.largest_file = Some(4_096);
    pair.item(1, 0, folder("d", 1)).seen.destination = Seen::Absent;
    pair.item(2, 1, folder("e", 2)).seen.destination = Seen::Absent;
    let link = Entry {
        kind: Kind::Symlink,
        target: Some("elsewhere".into()),
        ..file("link", 3, 3)
    };
    pair.fresh(Source, 3, 2, link);
    let large = Entry {
        size: 5_000,
        ..file("large", 4, 4)
    };
    pair.fresh(Source, 4, 1, large);
    let plan = pair.plan();
    assert_eq!(told(&plan), [""; 0]);
    let mut left: Vec<_> = plan.left_out.iter().map(|l| l.why).collect();
    left.sort_unstable();
    assert_eq!(left, [Refusal::Symlink, Refusal::TooLarge]);
    pair.fresh(Source, 5, 2, file("small", 5, 5));
    assert_eq!(
        told(&pair.plan()),
        [
            "destination: folder d",
            "destination: folder d/e",
            "destination: new d/e/small"
        ]
    );
}
