//! What must be true after a pass was killed, and after the one that followed.

use std::collections::BTreeSet;

use tandem_core::side::{PerSide, Side};
use tandem_engine::report::Summary;

use crate::pair::Pair;
use crate::people::{Files, People};
use crate::reader::Read;

/// The files of both sides.
pub(crate) fn files(people: &People) -> PerSide<Files> {
    PerSide::from_fn(|side| people.files(side))
}

/// No file is half, whenever it is read.
pub(crate) fn whole(people: &People, killed: &PerSide<Files>, read: &Read) -> Vec<String> {
    let mixed = read.mixed.iter().map(|what| format!("mixed: {what}"));
    mixed.chain(all_written(people, killed)).collect()
}

/// What the sides hold was written so by somebody.
pub(crate) fn all_written(people: &People, there: &PerSide<Files>) -> Vec<String> {
    let mut wrong = Vec::new();
    for side in Side::BOTH {
        for (path, content) in &there[side] {
            if !people.written().contains(content) {
                wrong.push(format!("half: {path} on the {side}"));
            }
        }
    }
    wrong
}

/// What was there before the pass and is there after the next was there in between.
pub(crate) fn no_gap(
    before: &PerSide<Files>,
    killed: &PerSide<Files>,
    after: &PerSide<Files>,
    read: &Read,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for side in Side::BOTH {
        let stays = before[side]
            .keys()
            .filter(|path| after[side].contains_key(*path));
        for path in stays {
            if !killed[side].contains_key(path) || read.missed[side].contains(path) {
                wrong.push(format!("gap: {path} on the {side}"));
            }
        }
    }
    wrong
}

/// Every content that a side had is on a side or among the versions; where no versions are kept, every one that nobody
/// replaced or deleted.
pub(crate) fn nothing_lost(
    people: &People,
    keeps_versions: bool,
    before: &PerSide<Files>,
    after: &PerSide<Files>,
) -> Vec<String> {
    let mut kept = BTreeSet::new();
    for side in Side::BOTH {
        kept.extend(people.versions(side));
        kept.extend(after[side].values().cloned());
    }
    let is_superseded = |path: &String, content: &[u8]| {
        let is_both = Side::BOTH.iter().all(|&side| {
            let there = before[side].get(path);
            there.is_some_and(|there| there == content)
        });
        !keeps_versions && people.is_old(content) && !is_both
    };
    let mut wrong = Vec::new();
    for side in Side::BOTH {
        for (path, content) in &before[side] {
            if !kept.contains(content) && !is_superseded(path, content) {
                wrong.push(format!("lost: {path} on the {side}"));
            }
        }
    }
    wrong
}

/// Both sides hold the same, and nothing of Tandem's own lies beside it.
pub(crate) fn in_step(people: &People, after: &PerSide<Files>) -> Vec<String> {
    let mut wrong = Vec::new();
    let names = |side: Side| {
        let mut names: BTreeSet<String> = people.folders(side);
        names.extend(after[side].keys().cloned());
        names
    };
    if after.source != after.destination || names(Side::Source) != names(Side::Destination) {
        let (source, destination) = (names(Side::Source), names(Side::Destination));
        wrong.push(format!("not in step: {source:?} and {destination:?}"));
    }
    for side in Side::BOTH {
        let left = people.leftovers(side);
        if !left.is_empty() {
            wrong.push(format!("left on the {side}: {left:?}"));
        }
        if !people.is_hidden_from_git(side) {
            wrong.push(format!("git sees what is kept on the {side}"));
        }
    }
    wrong
}

/// The next pass finishes, and the one after it has nothing to do.
pub(crate) fn finishes(pair: &Pair) -> Vec<String> {
    let mut wrong = Vec::new();
    for (pass, may_do) in [("the next pass", true), ("the one after it", false)] {
        match pair.sync() {
            Ok(summary) if is_good(&summary) && (may_do || summary.done == 0) => {}
            Ok(summary) => wrong.push(format!("{pass}: {summary:?}")),
            Err(error) => wrong.push(format!("{pass}: {error}")),
        }
    }
    wrong
}

const fn is_good(summary: &Summary) -> bool {
    summary.failed == 0
        && summary.held == 0
        && summary.problems == 0
        && summary.left_out == 0
        && summary.stopped.is_none()
}
