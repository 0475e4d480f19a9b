//! Both sides did something to one item, or something else under its name.

use tandem_core::entry::{Entry, Mtime, Revision};
use tandem_core::plan::{ConflictKind, Deed, ItemId, MadeCopy, Reason, Refusal, Retain, Seen};
use tandem_core::side::PerSide;
use tandem_core::side::Side::{Destination, Source};
use tandem_core::time::Timestamp;

use crate::pair::{COPY, Pair, changed, conflicts, file, folder, retained, told};

#[test]
fn edit_against_edit_keeps_both_first_the_copy_then_the_name() {
    let mut pair = Pair::new();
    let item = pair.item(1, 0, file("a", 1, 1));
    item.seen = PerSide::new(changed(file("a", 1, 2)), changed(file("a", 1, 3)));
    let first = pair.plan();
    assert_eq!(told(&first), [format!("source: copy a to {COPY}")]);
    assert_eq!(conflicts(&first), [ConflictKind::EditEdit]);
    let copy = Entry {
        revision: Revision::Tag("another".into()),
        ..file(COPY, 2, 2)
    };
    pair.fresh(Source, 2, 0, copy);
    let second = pair.plan();
    assert_eq!(
        told(&second),
        [
            "source: replace a".to_owned(),
            format!("destination: new {COPY}")
        ]
    );
}

/// Where a revision is a digest nothing tells a copy that was moved back from what it was made of.
#[test]
fn a_copy_that_may_go_back_is_on_both_sides_before_the_name_is_another_s() {
    let mut pair = Pair::new();
    let item = pair.item(1, 0, file("a", 1, 1));
    item.seen = PerSide::new(changed(file("a", 1, 2)), changed(file("a", 1, 3)));
    pair.fresh(Source, 2, 0, file(COPY, 2, 2));
    assert_eq!(told(&pair.plan()), [format!("destination: new {COPY}")]);
    pair.trees.fresh.source.clear();
    pair.item(2, 0, file(COPY, 2, 2));
    assert_eq!(told(&pair.plan()), ["source: replace a"]);
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
fn a_copy_that_this_plan_takes_away_does_not_stand_for_the_loser() {
    let after = |copy_there: Seen| {
        let mut pair = Pair::new();
        let item = pair.item(1, 0, file("a", 1, 1));
        item.seen = PerSide::new(changed(file("a", 1, 2)), changed(file("a", 1, 3)));
        // From an older conflict; the source has put it over the original, with its time.
        pair.item(2, 0, file(COPY, 2, 2)).seen.destination = copy_there;
        retained(&pair.plan(), "a")
    };
    assert_eq!(after(Seen::AsBase), Some(Retain::Superseded));
    assert_eq!(after(Seen::Absent), Some(Retain::Unseen));
    let edited = changed(file(COPY, 2, 9));
    assert_eq!(after(edited), Some(Retain::Unseen));
    assert_eq!(after(Seen::Unknown), Some(Retain::Unseen));
}

/// Each would be replaced for the sake of the other (engine seed 127355).
#[test]
fn two_in_conflict_do_not_stand_for_each_other() {
    let second = "a (conflict 2026-03-01 120000 device-0000 2)";
    let third = "a (conflict 2026-03-01 120000 device-0000 3)";
    let mut pair = Pair::new();
    for (id, name) in [(1, COPY), (2, second)] {
        let is = |content| changed(file(name, id, content));
        let item = pair.item(id.cast_signed(), 0, file(name, id, 1));
        item.seen = PerSide::new(is(2), is(2 + u8::try_from(id).unwrap_or(9)));
    }
    let plan = pair.plan();
    assert_eq!(
        told(&plan),
        [
            format!("source: copy {COPY} to {third}"),
            format!("source: copy {second} to {third}")
        ]
    );
}

#[test]
fn copies_without_a_revision_are_known_by_their_content_only() {
    let untold = |text: &str, id: u64, content: u8| Entry {
        revision: Revision::None,
        ..file(text, id, content)
    };
    let mut pair = Pair::new();
    let item = pair.item(1, 0, file("a", 1, 1));
    item.seen = PerSide::new(changed(untold("a", 1, 2)), changed(file("a", 1, 3)));
    pair.fresh(Source, 2, 0, untold(COPY, 2, 9));
    pair.trees.copies.push(MadeCopy {
        side: Source,
        of: Revision::None,
        copy: Revision::None,
    });
    let plan = pair.plan();
    assert_eq!(retained(&plan, "a"), None, "{:?}", told(&plan));
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
fn nothing_is_copied_where_the_loser_cannot_make_room_for_the_winner() {
    let sized = |size: u64, content: u8| Entry {
        size,
        ..file("a", 1, content)
    };
    // Either the winner's version, or the copy of its own, which somebody could write and Tandem cannot.
    for (source, destination) in [(1, 100), (100, 1)] {
        let mut pair = Pair::new();
        pair.capabilities.source.largest_file = Some(50);
        pair.fresh(Source, 1, 0, sized(source, 7));
        pair.fresh(Destination, 2, 0, sized(destination, 8));
        let plan = pair.plan();
        assert_eq!(told(&plan), [] as [&str; 0]);
        assert_eq!(conflicts(&plan), [ConflictKind::CreateCreate]);
        let left_out: Vec<_> = plan.left_out.iter().map(|l| l.why).collect();
        assert!(left_out.contains(&Refusal::TooLarge), "{left_out:?}");
    }
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
    // When a server got it is no time of it either.
    let uploaded = Entry {
        mtime: Some(Mtime {
            at: Timestamp(1_800_000_000_000_000_000),
            by_client: false,
        }),
        ..file("a", 1, 2)
    };
    pair.trees.items[0].seen.source = changed(uploaded);
    assert_eq!(told(&pair.plan()), [format!("source: copy a to {COPY}")]);
}

#[test]
fn a_copys_name_is_as_short_as_its_side_spells_it() {
    // 250 bytes, of which the source spells many by three each.
    let long = format!("{}{}", "a".repeat(130), ":".repeat(120));
    let mut pair = Pair::new();
    pair.capabilities.source.names.forbidden = ":".to_owned();
    pair.capabilities.source.names.longest_name = Some(500);
    pair.capabilities.destination.names.longest_name = Some(255);
    let item = pair.item(1, 0, file(&long, 1, 1));
    item.seen = PerSide::new(changed(file(&long, 1, 2)), changed(file(&long, 1, 3)));
    let copies = |pair: &Pair| {
        let plan = pair.plan();
        let copies = plan.actions.iter().filter_map(|a| match &a.deed {
            Deed::Duplicate { path, .. } => Some(path.as_str().len()),
            _ => None,
        });
        (copies.collect::<Vec<_>>(), plan.left_out.len())
    };
    let (lengths, left_out) = copies(&pair);
    assert!(matches!(lengths[..], [400..=500]), "{lengths:?}");
    assert_eq!(left_out, 0);
    // No name of a copy is as short as that: it is said that nothing is done.
    pair.capabilities.source.names.longest_name = Some(30);
    let (lengths, left_out) = copies(&pair);
    assert_eq!((lengths.len(), left_out), (0, 2));
}
