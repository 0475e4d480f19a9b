use super::*;
use crate::entry::Revision;
use crate::storage::Identity;

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

#[test]
fn a_mass_delete_is_many_and_a_share_or_very_many_or_all() {
    let settings = GuardSettings::default();
    for (in_plan, last_hour, base, held) in [
        (0, 0, 0, false),
        // Nothing is to be deleted, so there is nothing to hold.
        (0, 20_000, 100, false),
        (49, 0, 100, false),
        (50, 0, 200, true),
        (50, 0, 201, false),
        (49, 0, 196, false),
        (9_999, 0, 1_000_000, false),
        (10_000, 0, 1_000_000, true),
        // All of 5 or more.
        (4, 0, 4, false),
        (5, 0, 5, true),
        (5, 0, 6, false),
        // What trickles in counts together, over the base as it was before.
        (1, 49, 151, true),
        (1, 49, 152, false),
        (1, 4, 1, true),
        (1, 9_999, 1_000_000, true),
        (u64::MAX, u64::MAX, u64::MAX, true),
    ] {
        assert_eq!(
            mass_delete(&settings, in_plan, last_hour, base),
            held,
            "{in_plan} + {last_hour} of {base}"
        );
    }
}

#[test]
fn the_other_counts_trip_where_they_say() {
    let settings = GuardSettings::default();
    for (edited, items, held) in [
        (0, 0, false),
        (49, 49, false),
        (50, 66, true),
        (50, 67, false),
        (75, 100, true),
        (74, 100, false),
    ] {
        assert_eq!(
            everything_changed(&settings, edited, items),
            held,
            "{edited} of {items}"
        );
    }
    for (down, older, held) in [(false, 24, false), (false, 25, true), (true, 0, true)] {
        assert_eq!(back_in_time(&settings, down, older), held, "{down} {older}");
    }
    for (of_one, an_hour, held) in [
        (20, 199, false),
        (21, 21, true),
        (1, 200, true),
        (0, 0, false),
    ] {
        assert_eq!(
            conflict_copies(&settings, of_one, an_hour),
            held,
            "{of_one} {an_hour}"
        );
    }
    let least = settings.free_space;
    for (free, incoming, held) in [
        (None, u64::MAX, false),
        (Some(0), 0, false),
        (Some(least), 1, true),
        (Some(least + 1), 1, false),
        (Some(0), u64::MAX, true),
    ] {
        assert_eq!(
            free_space(&settings, free, incoming),
            held,
            "{free:?} {incoming}"
        );
    }
    assert!(first_mirror_deletes(true, 1));
    assert!(!first_mirror_deletes(true, 0));
    assert!(!first_mirror_deletes(false, 9));
}

#[test]
fn a_guard_set_to_nothing_does_not_hold_an_idle_pair() {
    let zero = GuardSettings {
        deletes: 0,
        delete_percent: 0,
        deletes_at_most: 0,
        delete_all: 0,
        edits: 0,
        edit_percent: 0,
        older_items: 0,
        conflict_copies_of_one: 0,
        conflict_copies_an_hour: 0,
        free_space: 0,
    };
    assert!(!mass_delete(&zero, 0, 0, 0));
    assert!(!everything_changed(&zero, 0, 0));
    assert!(!back_in_time(&zero, false, 0));
    assert!(!conflict_copies(&zero, 0, 0));
    assert!(!versions_full(None, 9, 9));
    assert!(!versions_full(Some(10), 5, 5));
    assert!(versions_full(Some(10), 6, 5));
    assert!(!versions_full(Some(10), 11, 0));
    assert!(!free_space(&zero, Some(0), 0));
    assert!(mass_delete(&zero, 1, 0, 1_000));
}

#[test]
fn a_weak_root_is_guarded_more_tightly() {
    let usual = GuardSettings::default();
    let weak = usual.for_weak_root();
    assert!(mass_delete(&weak, 10, 0, 100) && !mass_delete(&usual, 10, 0, 100));
    assert!(mass_delete(&weak, 3, 0, 3) && !mass_delete(&usual, 3, 0, 3));
    // Whatever trips the usual guard trips the tighter one.
    for deletes in 0..300 {
        for base in (0..2_000).step_by(7) {
            assert!(!mass_delete(&usual, deletes, 0, base) || mass_delete(&weak, deletes, 0, base));
        }
    }
}

#[test]
fn a_root_must_be_there_and_be_the_one_it_was() {
    let root = |id: Identity, volume: Option<&str>| RootIdentity {
        identity: id,
        volume: volume.map(str::to_owned),
    };
    let marker = |text: &str| Identity::Marker(text.to_owned());
    let a = root(marker("a"), Some("v1"));
    let b = root(marker("b"), Some("v1"));
    let moved = root(marker("a"), Some("v2"));
    let unsaid = root(marker("a"), None);
    let weak = root(Identity::Weak, None);
    for (expected, found, guard) in [
        (None, None, Some(Guard::RootMissing)),
        (None, Some(&a), None),
        (Some(&a), None, Some(Guard::RootMissing)),
        (Some(&a), Some(&a), None),
        (Some(&a), Some(&b), Some(Guard::RootReplaced)),
        (Some(&a), Some(&moved), Some(Guard::RootReplaced)),
        (Some(&a), Some(&unsaid), None),
        // The disk is not mounted and another folder is there instead, without the marker.
        (Some(&a), Some(&weak), Some(Guard::RootReplaced)),
        (Some(&weak), Some(&weak), None),
    ] {
        assert_eq!(root_guard(expected, found), guard, "{expected:?} {found:?}");
    }
}

#[test]
fn an_approval_lets_the_held_set_or_less_pass() {
    let digest = |name: &str| item_digest(&path(name), "delete", &Expected::Any);
    let items = |names: &[&str]| names.iter().map(|n| digest(n)).collect::<BTreeSet<_>>();
    let hold = Hold::new(
        Guard::MassDelete,
        items(&["a", "b", "c"]),
        Evidence::from([("deletes".to_owned(), Fact::from(3))]),
    );
    assert_eq!(hold.kind, HoldKind::Deletes(Guard::MassDelete));
    let approval = Approval::of(&hold);
    assert!(approval.covers(&items(&["a", "b", "c"])));
    assert!(approval.covers(&items(&["b"])));
    assert!(!approval.covers(&items(&["a", "d"])));
    assert_eq!(approval.remainder(&items(&["a", "d"])), items(&["d"]));
    // The name of a hold follows what is held, not what was counted.
    let again = Hold::new(Guard::MassDelete, items(&["c", "b", "a"]), Evidence::new());
    assert_eq!(again.id, hold.id);
    let other = Hold::new(
        Guard::FirstMirrorDeletes,
        items(&["a", "b", "c"]),
        Evidence::new(),
    );
    assert_ne!(other.id, hold.id);
    assert_eq!(hold.id.to_string().parse(), Ok(hold.id));
    assert_eq!("12".parse::<HoldId>(), Err(BadHoldId));
    assert_eq!("+123456789abcdef".parse::<HoldId>(), Err(BadHoldId));
}

#[test]
fn a_digest_tells_path_action_and_expectation_apart_and_stays_the_same() {
    let fingerprint = |size| {
        Expected::Revision(Revision::Fingerprint {
            ctime: -1,
            device: 2,
            inode: 3,
            mtime: 4,
            size,
        })
    };
    let all = [
        item_digest(&path("a"), "delete", &Expected::Any),
        item_digest(&path("ad"), "elete", &Expected::Any),
        item_digest(&path("a"), "move", &Expected::Any),
        item_digest(&path("a"), "delete", &Expected::Absent),
        item_digest(&path("a"), "delete", &Expected::Revision(Revision::None)),
        item_digest(
            &path("a"),
            "delete",
            &Expected::Revision(Revision::Tag("x".into())),
        ),
        item_digest(&path("a"), "delete", &fingerprint(5)),
        item_digest(&path("a"), "delete", &fingerprint(6)),
    ];
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    // The published test values of FNV-1a, 64 bits: stored digests outlive this program.
    for (text, value) in [
        ("", 0xCBF2_9CE4_8422_2325),
        ("a", 0xAF63_DC4C_8601_EC8C),
        ("foobar", 0x8594_4171_F739_67E8),
    ] {
        assert_eq!(Digest::new().raw(text.as_bytes()).value(), value, "{text}");
    }
}

#[test]
fn every_guard_has_the_name_it_is_serialised_by() {
    for guard in Guard::ALL {
        assert_eq!(format!("{guard}"), guard.name());
        let debug = format!("{guard:?}");
        assert_eq!(guard.name().replace('_', ""), debug.to_lowercase());
    }
}
