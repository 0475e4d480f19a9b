//! What the planner decides, one small pair of trees at a time: each structural conflict by its name, and
//! scenarios that random runs found.

use std::time::Instant;

use tandem_core::capabilities::{Capabilities, CaseRule, Ids};
use tandem_core::entry::{ContentHash, Entry, Kind, Mtime, NativeId, Revision};
use tandem_core::path::Name;
use tandem_core::plan::{
    Action, BaseItem, ConflictKind, Deed, Fresh, Input, ItemId, MadeCopy, MadeMove, Plan, Reason,
    Refusal, Retain, Seen, Trees, plan,
};
use tandem_core::policy::{Compare, Mode, Policy};
use tandem_core::side::{PerSide, Side};
use tandem_core::time::Timestamp;

use Side::{Destination, Source};

fn name(text: &str) -> Name {
    Name::new(text).expect("a valid name")
}

fn file(text: &str, id: u64, content: u8) -> Entry {
    Entry {
        kind: Kind::File,
        size: 2048,
        mtime: Some(Mtime {
            at: Timestamp(1_772_366_400_000_000_000),
            by_client: true,
        }),
        revision: Revision::Tag(format!("r{content}").into()),
        hashes: vec![ContentHash::blake3([content; 32])],
        ..folder(text, id)
    }
}

fn folder(text: &str, id: u64) -> Entry {
    let revision = Revision::Tag(format!("f{id}").into());
    Entry {
        id: Some(NativeId::Number(1, id)),
        revision,
        ..Entry::folder(name(text))
    }
}

/// Two sides with strong ids, and what the pair knows of them.
struct Pair {
    capabilities: PerSide<Capabilities>,
    policy: Policy,
    trees: Trees,
}

impl Pair {
    fn new() -> Self {
        let capabilities = PerSide::from_fn(|_| Capabilities {
            ids: Ids::Strong,
            versions: true,
            empty_folders: true,
            folder_move: true,
            ..Capabilities::least()
        });
        let policy = Policy {
            compare: Compare::HashOnly,
            ..Policy::default()
        };
        Self {
            capabilities,
            policy,
            trees: Trees::default(),
        }
    }

    /// An item in step; its native id is its own on both sides.
    fn item(&mut self, id: i64, parent: i64, entry: Entry) -> &mut BaseItem {
        self.trees.items.push(BaseItem {
            id: ItemId(id),
            parent: ItemId(parent),
            name: entry.name.clone(),
            kind: entry.kind,
            entries: PerSide::new(Some(entry.clone()), Some(entry)),
            seen: PerSide::new(Seen::AsBase, Seen::AsBase),
            excluded: false,
        });
        self.trees.items.last_mut().expect("it was just added")
    }

    fn fresh(&mut self, side: Side, id: i64, parent: i64, entry: Entry) {
        self.trees.fresh[side].push(Fresh {
            id: ItemId(id),
            parent: ItemId(parent),
            entry,
            frozen: false,
        });
    }

    fn plan(&self) -> Plan {
        plan(&Input {
            trees: &self.trees,
            capabilities: self.capabilities.as_ref(),
            policy: &self.policy,
            device: "device-0000",
            unmergeable: &[],
        })
    }
}

fn changed(entry: Entry) -> Seen {
    Seen::Changed(entry)
}

/// The actions in short: side, what, path, and where to.
fn told(plan: &Plan) -> Vec<String> {
    plan.actions.iter().map(tell).collect()
}

fn tell(action: &Action) -> String {
    let side = action.side;
    let path = action.path().map(ToString::to_string).unwrap_or_default();
    match &action.deed {
        Deed::CreateFolder { .. } => format!("{side}: folder {path}"),
        Deed::Transfer { replaces: None, .. } => format!("{side}: new {path}"),
        Deed::Transfer { .. } => format!("{side}: replace {path}"),
        Deed::Duplicate { from, .. } => format!("{side}: copy {} to {path}", from.path),
        Deed::Merge { .. } => format!("merge {path}"),
        Deed::Move { to, .. } => format!("{side}: move {path} to {to}"),
        Deed::SetMeta { .. } => format!("{side}: meta {path}"),
        Deed::Delete { .. } => format!("{side}: delete {path}"),
        Deed::Adopt { .. } => format!("adopt {}", action.standing.name),
        Deed::Forget { .. } => format!("forget {}", action.standing.name),
    }
}

fn conflicts(plan: &Plan) -> Vec<ConflictKind> {
    plan.conflicts.iter().map(|c| c.kind).collect()
}

const COPY: &str = "a (conflict 2026-03-01 120000 device-0000)";

#[test]
fn edit_against_edit_keeps_both_first_the_copy_then_the_name() {
    let mut pair = Pair::new();
    let item = pair.item(1, 0, file("a", 1, 1));
    item.seen = PerSide::new(changed(file("a", 1, 2)), changed(file("a", 1, 3)));
    let first = pair.plan();
    assert_eq!(told(&first), [format!("source: copy a to {COPY}")]);
    assert_eq!(conflicts(&first), [ConflictKind::EditEdit]);
    pair.fresh(Source, 2, 0, file(COPY, 2, 2));
    let second = pair.plan();
    assert_eq!(
        told(&second),
        [
            "source: replace a".to_owned(),
            format!("destination: new {COPY}")
        ]
    );
}

#[test]
fn equal_edits_are_no_conflict() {
    let mut pair = Pair::new();
    let item = pair.item(1, 0, file("a", 1, 1));
    item.seen = PerSide::new(changed(file("a", 1, 2)), changed(file("a", 1, 2)));
    let plan = pair.plan();
    assert_eq!(told(&plan), ["adopt a"]);
    assert_eq!(conflicts(&plan), []);
}

#[test]
fn a_conflict_on_a_conflict_copy_never_takes_the_copy_for_its_own() {
    let mut pair = Pair::new();
    let item = pair.item(1, 0, file(COPY, 1, 1));
    item.seen = PerSide::new(changed(file(COPY, 1, 2)), changed(file(COPY, 1, 3)));
    assert_eq!(
        told(&pair.plan()),
        [format!(
            "source: copy {COPY} to a (conflict 2026-03-01 120000 device-0000 2)"
        )]
    );
}

#[test]
fn a_copy_that_the_server_changed_on_arrival_is_known_for_what_it_is() {
    let mut pair = Pair::new();
    let item = pair.item(1, 0, file("a", 1, 1));
    item.seen = PerSide::new(changed(file("a", 1, 2)), changed(file("a", 1, 3)));
    pair.fresh(
        Source,
        2,
        0,
        Entry {
            size: 4096,
            ..file(COPY, 2, 9)
        },
    );
    let of = |content: u8| Revision::Tag(format!("r{content}").into());
    pair.trees.copies.push(MadeCopy {
        side: Source,
        of: of(2),
        copy: of(9),
    });
    assert_eq!(
        told(&pair.plan()),
        [
            "source: replace a".to_owned(),
            format!("destination: new {COPY}")
        ]
    );
}

#[test]
fn edit_beats_delete_whichever_side_deleted() {
    for (edited, deleted) in [(Source, Destination), (Destination, Source)] {
        let mut pair = Pair::new();
        let item = pair.item(1, 0, file("a", 1, 1));
        item.seen[edited] = changed(file("a", 1, 2));
        item.seen[deleted] = Seen::Absent;
        let plan = pair.plan();
        assert_eq!(told(&plan), [format!("{deleted}: new a")]);
        assert_eq!(plan.actions[0].reason, Reason::EditBeatsDelete(deleted));
        assert_eq!(conflicts(&plan), [ConflictKind::EditDelete]);
    }
}

#[test]
fn a_delete_of_what_nobody_edited_is_carried_and_proves_its_absence() {
    let mut pair = Pair::new();
    pair.item(1, 0, file("a", 1, 1)).seen.source = Seen::Absent;
    let plan = pair.plan();
    assert_eq!(told(&plan), ["destination: delete a"]);
    let Deed::Delete { absent, retain, .. } = &plan.actions[0].deed else {
        panic!("a delete")
    };
    assert_eq!(
        absent.as_ref().map(|a| a.path.to_string()).as_deref(),
        Some("a")
    );
    assert_eq!(*retain, Retain::Superseded);
}

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
fn equal_files_made_on_both_sides_are_adopted() {
    let mut pair = Pair::new();
    pair.fresh(Source, 1, 0, file("a", 1, 7));
    pair.fresh(Destination, 2, 0, file("a", 5, 7));
    assert_eq!(told(&pair.plan()), ["adopt a"]);
}

#[test]
fn different_files_made_on_both_sides_are_kept_both() {
    let mut pair = Pair::new();
    pair.fresh(Source, 1, 0, file("a", 1, 7));
    pair.fresh(Destination, 2, 0, file("a", 5, 8));
    let plan = pair.plan();
    assert_eq!(told(&plan), [format!("source: copy a to {COPY}")]);
    assert_eq!(conflicts(&plan), [ConflictKind::CreateCreate]);
}

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
fn a_conflict_copy_is_not_looked_for_in_what_this_plan_only_makes() {
    let mut pair = Pair::new();
    let item = pair.item(1, 0, file("a", 1, 1));
    item.seen = PerSide::new(changed(file("a", 1, 2)), changed(file("a", 1, 3)));
    pair.fresh(Destination, 2, 0, folder(COPY, 2));
    let plan = pair.plan();
    assert!(plan.evidence.is_empty());
    let second = "source: copy a to a (conflict 2026-03-01 120000 device-0000 2)";
    assert!(told(&plan).iter().any(|action| action == second));
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
fn what_lies_in_a_folder_that_is_left_out_is_left_too() {
    let mut pair = Pair::new();
    pair.capabilities.destination.case = CaseRule::Insensitive;
    pair.item(1, 0, folder("A", 1));
    pair.fresh(Source, 3, 0, folder("a", 2));
    pair.fresh(Source, 4, 3, file("inside", 4, 4));
    assert_eq!(told(&pair.plan()), [""; 0]);
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

/// Ten thousand folders with ten new files each: the work grows with the items, not with their square.
#[test]
fn a_large_first_plan_is_linear() {
    let mut pair = Pair::new();
    for folder_id in 1..=10_000 {
        pair.fresh(
            Source,
            folder_id,
            0,
            folder(&format!("d{folder_id}"), folder_id.unsigned_abs()),
        );
        for n in 0..10 {
            let id = 100_000 + folder_id * 10 + n;
            pair.fresh(
                Source,
                id,
                folder_id,
                file(&format!("f{n}"), id.unsigned_abs(), 1),
            );
        }
    }
    let begun = Instant::now();
    let plan = pair.plan();
    let took = begun.elapsed();
    println!("planned {} actions in {took:?}", plan.actions.len());
    assert_eq!(plan.actions.len(), 110_000);
    // A quadratic step takes minutes here, whatever the build.
    assert!(took.as_secs() < 20, "{took:?}");
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
fn a_copy_of_what_has_no_time_is_named_by_when_it_was_first_seen() {
    let untimed = |content: u8| Entry {
        mtime: None,
        ..file("a", 1, content)
    };
    let mut pair = Pair::new();
    let item = pair.item(1, 0, untimed(1));
    item.seen = PerSide::new(changed(untimed(2)), changed(untimed(3)));
    let first_seen = Timestamp(1_772_366_400_000_000_000);
    pair.trees.first_seen.source.insert(ItemId(1), first_seen);
    assert_eq!(told(&pair.plan()), [format!("source: copy a to {COPY}")]);
}
