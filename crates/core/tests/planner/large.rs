//! Large trees: the work grows with the items, not with their square.

use std::time::Instant;

use tandem_core::capabilities::Ids;
use tandem_core::entry::{ContentHash, Entry, Revision};
use tandem_core::plan::{ConflictKind, Deed, Fresh, ItemId, Plan, Reason, Seen};
use tandem_core::side::Side::{Destination, Source};

use crate::pair::{Pair, conflicts, file, folder, name, told};

/// The plan, which takes seconds: with a quadratic step it would be minutes, whatever the build.
fn planned_in_time(pair: &Pair) -> Plan {
    let begun = Instant::now();
    let plan = pair.plan();
    let took = begun.elapsed();
    assert!(took.as_secs() < 60, "{took:?}");
    plan
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
    let plan = planned_in_time(&pair);
    assert_eq!(plan.actions.len(), 110_000);
}

#[test]
fn what_hangs_below_folders_moved_into_each_other_is_looked_at_once() {
    let mut pair = Pair::new();
    for n in 0..80_000_i64 {
        let it = file(&format!("f{n}"), 10 + n.unsigned_abs(), 1);
        pair.item(10 + n, 0, it.clone()).seen.source = Seen::Absent;
        pair.fresh(Source, 200_000 + n, 100_000, it);
    }
    pair.item(1, 0, folder("a", 1)).seen.source = Seen::Absent;
    pair.item(2, 0, folder("b", 2)).seen.destination = Seen::Absent;
    pair.trees.fresh.source.insert(
        0,
        Fresh {
            id: ItemId(100_000),
            parent: ItemId(2),
            entry: folder("a", 1),
            frozen: false,
        },
    );
    pair.fresh(Destination, 100_001, 1, folder("b", 2));
    let plan = planned_in_time(&pair);
    assert!(conflicts(&plan).contains(&ConflictKind::MovedIntoEachOther));
    for action in &plan.actions {
        if let Reason::MovedIntoEachOther(mover) = action.reason {
            assert_eq!(action.side, mover, "each is taken back where it was moved");
        }
    }
}

/// The bodies of a numbered series, each with content of its own.
fn numbered(n: u64, size: u64) -> Entry {
    let mut content = [0; 32];
    content[..8].copy_from_slice(&n.to_le_bytes());
    Entry {
        size,
        revision: Revision::Tag(format!("r{n}").into()),
        hashes: vec![ContentHash::blake3(content)],
        ..file("x", 1_000_000 + n, 0)
    }
}

/// A series of `count` files in step, of which the source gives each the name of the one that `goes_to` says.
fn renumbered(count: u64, goes_to: impl Fn(u64) -> u64) -> Pair {
    let called = |n: u64, name_of: u64| Entry {
        name: name(&format!("img{name_of:06}")),
        ..numbered(n, 2048)
    };
    let mut pair = Pair::new();
    for n in 0..count {
        let id = 1 + i64::try_from(n).expect("a small number");
        pair.item(id, 0, called(n, n)).seen.source = Seen::Absent;
        pair.fresh(Source, 1_000_000 + id, 0, called(n, goes_to(n)));
    }
    pair
}

#[test]
fn a_series_that_moved_up_by_one_is_moved_from_its_end() {
    let plan = planned_in_time(&renumbered(20_000, |n| n + 1));
    assert_eq!(plan.actions.len(), 20_000);
    assert_eq!(
        told(&plan)[..2],
        [
            "destination: move img019999 to img020000",
            "destination: move img019998 to img019999"
        ]
    );
}

#[test]
fn a_series_that_was_reversed_goes_pair_by_pair() {
    let plan = planned_in_time(&renumbered(20_000, |n| 19_999 - n));
    let swaps = plan
        .actions
        .iter()
        .filter(|a| a.reason == Reason::SwapStep)
        .count();
    assert_eq!((plan.actions.len(), swaps), (20_000, 10_000));
}

#[test]
fn a_series_that_was_turned_round_needs_one_name_only() {
    let plan = planned_in_time(&renumbered(20_000, |n| (n + 1) % 20_000));
    let swaps = plan
        .actions
        .iter()
        .filter(|a| a.reason == Reason::SwapStep)
        .count();
    assert_eq!((plan.actions.len(), swaps), (20_000, 1));
}

#[test]
fn many_folders_that_give_way_to_what_is_in_them_do_so_one_by_one() {
    let mut pair = Pair::new();
    for n in 0..10_000_i64 {
        let id = 1 + 2 * n;
        let number = n.unsigned_abs();
        let inner = Entry {
            name: name(&format!("d{n}")),
            ..numbered(number, 2048)
        };
        pair.item(id, 0, folder(&format!("d{n}"), 1 + number))
            .seen
            .source = Seen::Absent;
        pair.item(id + 1, id, inner.clone()).seen.source = Seen::Absent;
        pair.fresh(Source, 1_000_000 + id, 0, inner);
    }
    let plan = planned_in_time(&pair);
    assert_eq!(plan.actions.len(), 20_000);
}

/// A prefix of a side without ids, renamed by another tool.
fn renamed_prefix(size: impl Fn(u64) -> u64) -> Pair {
    let mut pair = Pair::new();
    pair.capabilities.source.ids = Ids::None;
    pair.item(1, 0, folder("old", 1)).seen.source = Seen::Absent;
    pair.fresh(Source, 1_000_000, 0, folder("new", 1));
    for n in 0..50_000 {
        let id = 2 + i64::try_from(n).expect("a small number");
        let it = Entry {
            name: name(&format!("f{n}")),
            ..numbered(n, size(n))
        };
        pair.item(id, 1, it.clone()).seen.source = Seen::Absent;
        pair.fresh(Source, 1_000_000 + id, 1_000_000, it);
    }
    pair
}

#[test]
fn a_renamed_prefix_is_found_again_file_by_file() {
    for pair in [renamed_prefix(|_| 2048), renamed_prefix(|n| 2048 + n)] {
        let plan = planned_in_time(&pair);
        let moves = plan
            .actions
            .iter()
            .filter(|a| matches!(a.deed, Deed::Move { .. }))
            .count();
        assert_eq!(moves, 50_000);
    }
}
