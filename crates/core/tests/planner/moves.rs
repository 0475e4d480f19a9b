//! Moves, renames and swaps.

use tandem_core::capabilities::{CaseRule, Ids};
use tandem_core::plan::record::{Done, Row, record};
use tandem_core::plan::{ConflictKind, ItemId, MadeMove, Reason, Refusal, Seen};
use tandem_core::side::PerSide;
use tandem_core::side::Side::{Destination, Source};

use crate::pair::{Pair, conflicts, file, folder, name, told};

#[test]
fn of_two_moves_the_destinations_holds() {
    let mut pair = Pair::new();
    pair.item(1, 0, file("a", 1, 1)).seen = PerSide::new(Seen::Absent, Seen::Absent);
    pair.fresh(Source, 2, 0, file("b", 1, 1));
    pair.fresh(Destination, 3, 0, file("c", 1, 1));
    let plan = pair.plan();
    assert_eq!(told(&plan), ["source: move b to c"]);
    assert_eq!(conflicts(&plan), [ConflictKind::MoveMove]);
}

#[test]
fn a_move_beats_a_delete() {
    let mut pair = Pair::new();
    pair.item(1, 0, file("a", 1, 1)).seen = PerSide::new(Seen::Absent, Seen::Absent);
    pair.fresh(Source, 2, 0, file("b", 1, 1));
    let plan = pair.plan();
    assert_eq!(told(&plan), ["destination: new b"]);
    assert_eq!(conflicts(&plan), [ConflictKind::MoveDelete]);
}

#[test]
fn folders_moved_into_each_other_go_back() {
    let mut pair = Pair::new();
    pair.item(1, 0, folder("a", 1)).seen.source = Seen::Absent;
    pair.item(2, 0, folder("b", 2)).seen.destination = Seen::Absent;
    pair.fresh(Source, 3, 2, folder("a", 1));
    pair.fresh(Destination, 4, 1, folder("b", 2));
    let plan = pair.plan();
    assert_eq!(
        told(&plan),
        ["source: move b/a to a", "destination: move a/b to b"]
    );
    assert!(conflicts(&plan).contains(&ConflictKind::MovedIntoEachOther));
}

#[test]
fn a_swap_goes_through_a_temporary_name() {
    let mut pair = Pair::new();
    pair.item(1, 0, file("a", 1, 1)).seen.source = Seen::Absent;
    pair.item(2, 0, file("b", 2, 2)).seen.source = Seen::Absent;
    pair.fresh(Source, 3, 0, file("b", 1, 1));
    pair.fresh(Source, 4, 0, file("a", 2, 2));
    let plan = pair.plan();
    assert_eq!(
        told(&plan)[..2],
        [
            "destination: move a to a (swap 1)",
            "destination: move b to a"
        ],
        "{:?}",
        told(&plan)
    );
    assert_eq!(plan.actions[0].reason, Reason::SwapStep);
}

#[test]
fn a_name_for_a_while_is_not_taken_for_one_that_a_person_gave() {
    // Killed after the first step of the swap above: nothing says so but the name.
    for ids in [Ids::Strong, Ids::Hint, Ids::None] {
        let mut pair = Pair::new();
        pair.capabilities.destination.ids = ids;
        pair.item(1, 0, file("a", 1, 1)).seen = PerSide::new(Seen::Absent, Seen::Absent);
        pair.item(2, 0, file("b", 2, 2)).seen.source = Seen::Absent;
        pair.fresh(Source, 3, 0, file("b", 1, 1));
        pair.fresh(Source, 4, 0, file("a", 2, 2));
        pair.fresh(Destination, 5, 0, file("a (swap 1)", 1, 1));
        let plan = pair.plan();
        assert_eq!(
            told(&plan)[..2],
            [
                "destination: move b to a",
                "destination: move a (swap 1) to b"
            ],
            "{ids:?}"
        );
        // The person took the swap back meanwhile: so does the pair.
        let mut pair = Pair::new();
        pair.capabilities.destination.ids = ids;
        pair.item(1, 0, file("a", 1, 1)).seen.destination = Seen::Absent;
        pair.fresh(Destination, 5, 0, file("a (swap 1)", 1, 1));
        assert_eq!(told(&pair.plan()), ["destination: move a (swap 1) to a"]);
    }
}

#[test]
fn a_folder_that_waits_for_a_file_that_is_to_move_into_it_gets_its_name() {
    let mut pair = Pair::new();
    pair.item(1, 0, file("d", 1, 1)).seen.source = Seen::Absent;
    pair.fresh(Source, 2, 0, folder("d", 2));
    pair.fresh(Source, 3, 2, file("inside", 1, 1));
    assert_eq!(
        told(&pair.plan()),
        ["destination: move d to d (swap 1)", "destination: folder d"]
    );
}

#[test]
fn a_deleted_folder_goes_out_of_the_way_of_what_is_moved_out_of_it() {
    let mut pair = Pair::new();
    pair.item(1, 0, folder("d", 1)).seen.source = Seen::Absent;
    pair.item(2, 1, file("x", 2, 2)).seen.source = Seen::Absent;
    pair.fresh(Source, 3, 0, file("d", 2, 2));
    let plan = pair.plan();
    assert_eq!(
        told(&plan),
        [
            "destination: move d to d (swap 1)",
            "destination: move d (swap 1)/x to d"
        ]
    );
    assert_eq!(plan.actions[0].reason, Reason::SwapStep);
}

#[test]
fn a_folder_moved_by_both_sides_is_moved_on_one_by_one_plan() {
    let mut pair = Pair::new();
    pair.item(1, 0, folder("d", 1)).seen.source = Seen::Absent;
    pair.item(2, 0, folder("e", 2)).seen.source = Seen::Absent;
    pair.fresh(Source, 3, 0, folder("e", 1));
    pair.fresh(Destination, 4, 2, file("new", 4, 4));
    // `e` lives for what is new in it, so `d` gets another name on both sides: the second side's move is noted
    // rightly only when it is seen where the first one's went.
    let moves: Vec<_> = told(&pair.plan())
        .into_iter()
        .filter(|action| action.contains("move"))
        .collect();
    assert_eq!(
        moves,
        ["source: move e to e (conflict 1970-01-01 000000 device-0000)"]
    );
}

#[test]
fn what_tandem_moved_on_one_side_is_known_without_lasting_ids() {
    let mut pair = Pair::new();
    pair.capabilities.source.ids = Ids::None;
    pair.item(1, 0, folder("d", 1)).seen.source = Seen::Absent;
    pair.item(2, 1, file("x", 2, 2)).seen.source = Seen::Absent;
    pair.fresh(Source, 3, 0, folder("e", 7));
    pair.fresh(Source, 4, 3, file("x", 8, 2));
    pair.trees.moves.push(MadeMove {
        side: Source,
        item: ItemId(1),
        folder: ItemId(0),
        name: name("e"),
        unchanged: None,
    });
    assert_eq!(
        told(&pair.plan()),
        ["destination: move d to e"],
        "a move, not a delete and a create"
    );
}

/// Which of them went where is a guess, and a wrong one gives a file the history of another.
#[test]
fn content_that_others_have_too_tells_no_move() {
    for (gone, there) in [(2, 1), (1, 2)] {
        let mut pair = Pair::new();
        pair.capabilities.source.ids = Ids::None;
        for n in 0..gone {
            let entry = file(&format!("was{n}"), 10 + n, 1);
            let item = pair.item(i64::try_from(1 + n).expect("a small number"), 0, entry);
            item.seen.source = Seen::Absent;
        }
        for n in 0..there {
            let entry = file(&format!("is{n}"), 20 + n, 1);
            let id = i64::try_from(5 + n).expect("a small number");
            pair.fresh(Source, id, 0, entry);
        }
        let plan = told(&pair.plan());
        let moves = plan.iter().any(|step| step.contains(" move "));
        assert!(!moves && !plan.is_empty(), "{plan:?}");
    }
    let mut pair = Pair::new();
    pair.capabilities.source.ids = Ids::None;
    pair.item(1, 0, file("was", 10, 1)).seen.source = Seen::Absent;
    pair.fresh(Source, 5, 0, file("is", 20, 1));
    assert_eq!(told(&pair.plan()), ["destination: move was to is"]);
}

#[test]
fn a_folder_renamed_by_case_goes_by_another_name_where_items_are_moved_one_by_one() {
    let mut pair = Pair::new();
    pair.capabilities.destination.case = CaseRule::Insensitive;
    pair.capabilities.destination.folder_move = false;
    pair.item(1, 0, folder("d", 1)).seen.source = Seen::Absent;
    pair.fresh(Source, 2, 0, folder("D", 1));
    assert_eq!(told(&pair.plan()), ["destination: move d to d (swap 1)"]);
}

#[test]
fn a_case_only_rename_is_a_move() {
    let mut pair = Pair::new();
    pair.capabilities.destination.case = CaseRule::Insensitive;
    pair.item(1, 0, file("a", 1, 1)).seen.source = Seen::Absent;
    pair.fresh(Source, 2, 0, file("A", 1, 1));
    assert_eq!(told(&pair.plan()), ["destination: move a to A"]);
}

#[test]
fn saving_by_rename_is_an_edit() {
    let mut pair = Pair::new();
    pair.item(1, 0, file("a", 1, 1)).seen.source = Seen::Absent;
    pair.fresh(Source, 2, 0, file("a", 9, 2));
    assert_eq!(told(&pair.plan()), ["destination: replace a"]);
}

#[test]
fn a_moved_folder_is_one_action() {
    let mut pair = Pair::new();
    pair.item(1, 0, folder("d", 1)).seen.source = Seen::Absent;
    pair.fresh(Source, 2, 0, folder("e", 1));
    for child in 10..13 {
        let entry = file(&format!("f{child}"), child, 1);
        let id = i64::try_from(child).expect("a small number");
        pair.item(id, 1, entry.clone()).seen.source = Seen::Absent;
        pair.fresh(Source, id + 100, 2, entry);
    }
    assert_eq!(told(&pair.plan()), ["destination: move d to e"]);
}

#[test]
fn a_move_to_a_name_the_other_side_cannot_hold_leaves_the_pair() {
    let mut pair = Pair::new();
    pair.capabilities.destination.case = CaseRule::Insensitive;
    pair.item(1, 0, file("A", 1, 1));
    pair.item(2, 0, file("b", 2, 2)).seen.source = Seen::Absent;
    pair.fresh(Source, 3, 0, file("a", 2, 2));
    pair.fresh(Source, 4, 0, file("b", 4, 4));
    let plan = pair.plan();
    // The old name is freed for what took it; `a` stays on the source, where alone it can lie beside `A`.
    assert_eq!(told(&plan), ["destination: delete b"]);
    assert_eq!(
        plan.left_out
            .iter()
            .map(|l| (l.path.to_string(), l.why))
            .collect::<Vec<_>>(),
        [("a".to_owned(), Refusal::Collision)]
    );
}

#[test]
fn a_name_like_one_for_a_while_that_a_person_gave_is_theirs() {
    let mut pair = Pair::new();
    pair.capabilities.destination.ids = Ids::Hint;
    pair.item(5, 0, file("a.txt", 1, 1)).seen.destination = Seen::Absent;
    pair.fresh(Destination, 6, 0, file("notes (swap 5).txt", 6, 6));
    assert_eq!(
        told(&pair.plan()),
        ["source: new notes (swap 5).txt", "source: delete a.txt"]
    );
}

/// What lies in it need not be the same any more, as it must where nothing but a hint tells of a folder.
#[test]
fn a_folder_that_takes_the_pairs_spelling_is_that_folder() {
    let mut pair = Pair::new();
    pair.capabilities.source.case = CaseRule::Insensitive;
    pair.capabilities.destination.ids = Ids::Hint;
    let base = pair.item(1, 0, folder("d", 1));
    base.entries.destination = Some(folder("D", 1));
    base.seen.destination = Seen::Absent;
    pair.item(2, 1, file("a", 2, 2)).seen.destination = Seen::Absent;
    pair.fresh(Destination, 3, 0, folder("d", 1));
    pair.fresh(Destination, 4, 3, file("a", 2, 2));
    pair.fresh(Destination, 5, 3, file("new", 5, 5));
    assert_eq!(told(&pair.plan()), ["adopt d", "source: new d/new"]);
}

/// Who moves what was just made has not given it another spelling (engine seed 184390).
#[test]
fn what_was_moved_just_after_it_was_made_is_noted_where_it_was_made() {
    let noted_as = |shown: &str| {
        let mut pair = Pair::new();
        pair.fresh(Source, 1, 0, file("a.txt", 1, 1));
        let plan = pair.plan();
        let done = Done {
            entry: Some(file(shown, 7, 1)),
            read: None,
        };
        let rows = record(&plan.actions[0], None, &done);
        let entries = rows.into_iter().find_map(|row| match row {
            Row::Put { entries, .. } => entries.destination,
            _ => None,
        });
        entries.map(|entry| entry.name.to_string())
    };
    assert_eq!(noted_as("elsewhere").as_deref(), Some("a.txt"));
    assert_eq!(noted_as("A.txt").as_deref(), Some("A.txt"), "a spelling");
}
