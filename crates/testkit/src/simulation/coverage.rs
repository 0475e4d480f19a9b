//! What runs came across: a run that meets nothing finds nothing.

use std::collections::BTreeMap;
use std::fmt;

use tandem_core::side::PerSide;

use crate::sim::{Fault, SimStorage};

/// Seeds of the everyday run, for which the marks are meant. A run of fewer must meet half of its share, for chance
/// counts more in it.
const EVERYDAY: u64 = 20_000;

/// A run of fewer seeds says nothing about how often something is met.
const FEWEST: u64 = 200;

/// Each kind of action and of conflict is met so often in the everyday run.
const OFTEN: u64 = 1_000;

/// Each way in which an expectation fails is met so often in it.
const SELDOM: u64 = 100;

/// Of a hundred seeds, each fault is in so many.
const FAULT_PERCENT: u64 = 2;

/// The median tree has so many items at least, and is so deep.
const MEDIAN: (usize, usize) = (20, 3);

/// What an action is called that was done.
pub const ACTIONS: [&str; 7] = [
    "adopt",
    "create",
    "create_folder",
    "delete",
    "move",
    "replace",
    "set_meta",
];

/// What every conflict is called.
pub const CONFLICTS: [&str; 9] = [
    "create_create",
    "deleted_folder_in_use",
    "edit_delete",
    "edit_edit",
    "file_against_folder",
    "move_delete",
    "move_move",
    "moved_into_each_other",
    "same_name",
];

/// Ways in which an expectation fails: the operation, and what a storage answers.
pub const EXPECTATIONS: [&str; 9] = [
    "commit already_exists",
    "commit not_found",
    "commit precondition_failed",
    "delete precondition_failed",
    "move_to already_exists",
    "move_to not_found",
    "move_to precondition_failed",
    "read not_found",
    "read precondition_failed",
];

/// How the program is ended in a run, beside what storages and disks do.
pub const CRASH: &str = "crash";

/// The disk with the database fails.
pub const DISK: &str = "disk";

/// A side's root shows an empty folder for a while, as where a disk is not mounted.
pub const UNMOUNTED: &str = "unmounted";

/// The database with what was in step is lost.
pub const LOST_STATE: &str = "lost_state";

/// How often something was met.
pub(super) type Counts = BTreeMap<String, u64>;

/// Counts of one run, or of several.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Seeds that ran.
    pub seeds: u64,
    /// Faults that were injected, crashes among them.
    pub faults: Counts,
    /// In how many seeds each was.
    pub seeds_with: Counts,
    /// Actions that were done.
    pub actions: Counts,
    /// Conflicts that were met.
    pub conflicts: Counts,
    /// Expectations that failed.
    pub expectations: Counts,
    /// Sides at the end, by how many items they have.
    pub items: BTreeMap<usize, u64>,
    /// Sides at the end, by how deep they are.
    pub depths: BTreeMap<usize, u64>,
}

impl Coverage {
    /// Adds `times` of a fault.
    pub(super) fn fault(&mut self, name: &str, times: u64) {
        *self.faults.entry(name.to_owned()).or_default() += times;
    }

    /// What both sides of a run that is over have met.
    pub(super) fn end(&mut self, sides: &PerSide<SimStorage>) {
        for side in [&sides.source, &sides.destination] {
            for (name, times) in side.injected() {
                self.fault(name, times);
            }
            for (way, times) in side.failed_expectations() {
                *self.expectations.entry(way).or_default() += times;
            }
            let tree = side.snapshot();
            let depth = tree.keys().map(tandem_core::path::RelPath::depth).max();
            *self.items.entry(tree.len()).or_default() += 1;
            *self.depths.entry(depth.unwrap_or(0)).or_default() += 1;
        }
        self.seeds = 1;
        self.seeds_with = self.faults.keys().map(|name| (name.clone(), 1)).collect();
    }

    /// Adds what other runs came across.
    pub fn add(&mut self, other: &Self) {
        self.seeds += other.seeds;
        for (mine, theirs) in [
            (&mut self.faults, &other.faults),
            (&mut self.seeds_with, &other.seeds_with),
            (&mut self.actions, &other.actions),
            (&mut self.conflicts, &other.conflicts),
            (&mut self.expectations, &other.expectations),
        ] {
            for (name, times) in theirs {
                *mine.entry(name.clone()).or_default() += times;
            }
        }
        for (mine, theirs) in [
            (&mut self.items, &other.items),
            (&mut self.depths, &other.depths),
        ] {
            for (number, times) in theirs {
                *mine.entry(*number).or_default() += times;
            }
        }
    }

    /// What was met less often than so many seeds must meet it.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        if self.seeds < FEWEST {
            return missing;
        }
        let mut check = |what: &str, counts: &Counts, name: &str, least: u64| {
            let count = counts.get(name).copied().unwrap_or_default();
            if count < least {
                missing.push(format!("{what} {name}: {count} of {least}"));
            }
        };
        let of = |mark: u64| {
            if self.seeds >= EVERYDAY {
                mark * self.seeds / EVERYDAY
            } else {
                mark * self.seeds / EVERYDAY / 2
            }
        };
        // Only who runs a pair without end waits for hints.
        let faults = Fault::ALL.iter().filter(|fault| **fault != Fault::LostHint);
        let faults = faults.map(|fault| fault.name());
        for name in faults.chain([CRASH, DISK, UNMOUNTED, LOST_STATE]) {
            let least = of(EVERYDAY * FAULT_PERCENT / 100);
            check("seeds with", &self.seeds_with, name, least);
        }
        for name in ACTIONS {
            check("action", &self.actions, name, of(OFTEN));
        }
        for name in CONFLICTS {
            check("conflict", &self.conflicts, name, of(OFTEN));
        }
        for name in EXPECTATIONS {
            check("failed", &self.expectations, name, of(SELDOM));
        }
        let median = (median(&self.items), median(&self.depths));
        if median.0 < MEDIAN.0 || median.1 < MEDIAN.1 {
            missing.push(format!(
                "median tree of {} items and depth {}, and not {} and {}",
                median.0, median.1, MEDIAN.0, MEDIAN.1
            ));
        }
        missing
    }
}

fn median(counts: &BTreeMap<usize, u64>) -> usize {
    let half = counts.values().sum::<u64>() / 2;
    let mut sum = 0;
    let found = counts.iter().find(|(_, count)| {
        sum += **count;
        sum > half
    });
    found.map_or(0, |(number, _)| *number)
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, times) in &self.faults {
            let seeds = self.seeds_with.get(name).copied().unwrap_or_default();
            writeln!(f, "fault      {name:<28} {times:>12} in {seeds} seeds")?;
        }
        for (what, counts) in [
            ("action", &self.actions),
            ("conflict", &self.conflicts),
            ("failed", &self.expectations),
        ] {
            for (name, times) in counts {
                writeln!(f, "{what:<10} {name:<28} {times:>12}")?;
            }
        }
        writeln!(
            f,
            "{} seeds; median tree of {} items and depth {}",
            self.seeds,
            median(&self.items),
            median(&self.depths)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_met_too_seldom_is_named() {
        let none = Coverage {
            seeds: EVERYDAY,
            ..Coverage::default()
        };
        let missing = none.missing();
        let kinds = Fault::ALL.len() + 3 + ACTIONS.len() + CONFLICTS.len() + EXPECTATIONS.len();
        assert_eq!(missing.len(), kinds + 1, "{missing:?}");
        let mut met = none;
        met.actions.insert("move".to_owned(), OFTEN);
        assert_eq!(met.missing().len(), kinds);
        met.actions.insert("move".to_owned(), OFTEN - 1);
        assert_eq!(met.missing().len(), kinds + 1);
        // Half as many seeds need to meet a quarter as much.
        met.seeds = EVERYDAY / 2;
        met.actions.insert("move".to_owned(), OFTEN / 4);
        assert_eq!(met.missing().len(), kinds);
        assert_eq!(Coverage::default().missing(), Vec::<String>::new());
    }

    #[test]
    fn counts_of_two_runs_add_up() {
        let run = |name: &str| {
            let mut run = Coverage {
                seeds: 1,
                ..Coverage::default()
            };
            run.fault(name, 3);
            run.items.insert(7, 1);
            run
        };
        let mut both = run("offline");
        both.add(&run("offline"));
        both.add(&run("disk"));
        assert_eq!((both.seeds, both.items[&7]), (3, 3));
        assert_eq!((both.faults["offline"], both.faults["disk"]), (6, 3));
    }
}
