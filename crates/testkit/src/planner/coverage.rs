//! What runs came across: a run that meets nothing finds nothing.

use std::collections::BTreeMap;
use std::fmt;

use tandem_core::entry::Kind;
use tandem_core::plan::{Action, ConflictKind, Deed, Plan, Reason};

use super::carry::Miss;
use super::people::Edit;
use super::tree::ROOT;
use super::world::World;

/// Seeds of the everyday run, for which the marks are meant; a run of fewer must meet its share.
const EVERYDAY: u64 = 2_000_000;

/// Each kind of action, conflict and edit is met so often in the everyday run.
const OFTEN: u64 = 1_000;

/// Each way in which an expectation fails is met so often in it.
const SELDOM: u64 = 100;

/// Of a hundred seeds, each fault is in so many.
const FAULT_PERCENT: u64 = 2;

/// Of a hundred seeds so many have a large tree: one of so many items at least, and one that is so deep.
const LARGE: (u64, usize, usize) = (15, 20, 3);

/// What goes wrong by itself.
pub const FAULTS: [&str; 4] = [
    "a filter changes",
    "a folder cannot be listed",
    "a plan is cut off",
    "an action fails by itself",
];

/// Counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Seeds that ran.
    pub seeds: u64,
    /// In how many of them something went wrong by itself.
    pub seeds_with: BTreeMap<&'static str, u64>,
    /// Actions done, by what they are.
    pub actions: BTreeMap<&'static str, u64>,
    /// Conflicts met, by kind.
    pub conflicts: BTreeMap<&'static str, u64>,
    /// Actions that were not done, by why.
    pub misses: BTreeMap<Miss, u64>,
    /// Edits of kinds that matter by themselves.
    pub edits: BTreeMap<&'static str, u64>,
    /// Trees, by how many items they have.
    pub items: BTreeMap<usize, u64>,
    /// Trees, by how deep their folders are.
    pub depths: BTreeMap<usize, u64>,
    /// Rounds of look, plan and action.
    pub rounds: u64,
    /// Files that had to be read to tell.
    pub evidence: u64,
}

/// What every kind of action is called.
pub const ACTIONS: [&str; 14] = [
    "adopt",
    "adopt as equal",
    "create folder",
    "delete file",
    "delete folder",
    "duplicate",
    "forget",
    "leave to unsynced",
    "merge",
    "move",
    "replace",
    "set meta",
    "swap step",
    "transfer",
];

/// What every conflict is called.
pub const CONFLICTS: [&str; 9] = [
    "create/create",
    "deleted folder in use",
    "edit/delete",
    "edit/edit",
    "file against folder",
    "move/delete",
    "move/move",
    "moved into each other",
    "same name",
];

/// Edits that are a case of their own.
pub const EDITS: [&str; 2] = ["case-only rename", "swap"];

impl Coverage {
    /// Something goes wrong by itself.
    pub(super) fn fault(&mut self, name: &'static str) {
        self.seeds_with.insert(name, 1);
    }

    pub(super) fn tree(&mut self, world: &World) {
        self.seeds += 1;
        let tree = &world.sides.source;
        let folders = tree.all().filter(|&place| tree.is_folder(place));
        let depth = folders.map(|place| tree.depth(place)).max();
        *self.items.entry(tree.all().count()).or_default() += 1;
        *self.depths.entry(depth.unwrap_or(ROOT)).or_default() += 1;
    }

    pub(super) fn action(&mut self, action: &Action) {
        let name = match &action.deed {
            Deed::CreateFolder { .. } => "create folder",
            Deed::Transfer { replaces: None, .. } => "transfer",
            Deed::Transfer { .. } => "replace",
            Deed::Duplicate { .. } => "duplicate",
            Deed::Merge { .. } => "merge",
            Deed::Move { .. } if action.reason == Reason::SwapStep => "swap step",
            Deed::Move { .. } => "move",
            Deed::SetMeta { .. } => "set meta",
            Deed::Delete { at, .. } if at.entry.kind == Kind::Folder => "delete folder",
            Deed::Delete { .. } => "delete file",
            Deed::Adopt {
                equality: Some(_), ..
            } => "adopt as equal",
            Deed::Adopt { .. } => "adopt",
            Deed::Forget { .. } => "forget",
        };
        *self.actions.entry(name).or_default() += 1;
    }

    /// A folder that was deleted on the other side stays for what is not synced in it.
    pub(super) fn left_to_unsynced(&mut self) {
        *self.actions.entry("leave to unsynced").or_default() += 1;
    }

    pub(super) fn conflicts(&mut self, plan: &Plan) {
        for conflict in &plan.conflicts {
            let name = match conflict.kind {
                ConflictKind::EditEdit => "edit/edit",
                ConflictKind::CreateCreate => "create/create",
                ConflictKind::EditDelete => "edit/delete",
                ConflictKind::MoveDelete => "move/delete",
                ConflictKind::MoveMove => "move/move",
                ConflictKind::MovedIntoEachOther => "moved into each other",
                ConflictKind::FileAgainstFolder => "file against folder",
                ConflictKind::SameName => "same name",
                ConflictKind::DeletedFolderInUse => "deleted folder in use",
            };
            *self.conflicts.entry(name).or_default() += 1;
        }
    }

    pub(super) fn miss(&mut self, miss: Miss) {
        *self.misses.entry(miss).or_default() += 1;
    }

    pub(super) fn edit(&mut self, edit: &Edit) {
        let name = match edit {
            Edit::Swap(..) => "swap",
            Edit::Move(from, to)
                if from.as_str().eq_ignore_ascii_case(to.as_str()) && from != to =>
            {
                "case-only rename"
            }
            _ => return,
        };
        *self.edits.entry(name).or_default() += 1;
    }

    /// Adds what another run came across.
    pub fn add(&mut self, other: &Self) {
        fn all<K: Ord + Clone>(mine: &mut BTreeMap<K, u64>, other: &BTreeMap<K, u64>) {
            for (key, count) in other {
                *mine.entry(key.clone()).or_default() += count;
            }
        }
        self.seeds += other.seeds;
        all(&mut self.seeds_with, &other.seeds_with);
        all(&mut self.actions, &other.actions);
        all(&mut self.conflicts, &other.conflicts);
        all(&mut self.misses, &other.misses);
        all(&mut self.edits, &other.edits);
        all(&mut self.items, &other.items);
        all(&mut self.depths, &other.depths);
        self.rounds += other.rounds;
        self.evidence += other.evidence;
    }

    /// What was met less often than so many seeds must meet it.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        // A few seeds meet by chance how often they meet what is rare.
        let of = |mark: u64| match self.seeds {
            few if few < EVERYDAY / 20 => 1,
            seeds => (mark * seeds / EVERYDAY).max(1),
        };
        let (often, seldom) = (of(OFTEN), of(SELDOM));
        let mut missing = Vec::new();
        let mut check = |what: String, count: Option<&u64>, least: u64| {
            let count = count.copied().unwrap_or_default();
            if count < least {
                missing.push(format!("{what} only {count} times of {least}"));
            }
        };
        for name in ACTIONS {
            check(name.to_owned(), self.actions.get(name), often);
        }
        for name in CONFLICTS {
            check(name.to_owned(), self.conflicts.get(name), often);
        }
        for name in EDITS {
            check(name.to_owned(), self.edits.get(name), often);
        }
        for miss in Miss::EXPECTATIONS {
            check(format!("{miss:?}"), self.misses.get(&miss), seldom);
        }
        for name in FAULTS {
            let least = self.seeds * FAULT_PERCENT / 100;
            check(
                format!("seeds in which {name}"),
                self.seeds_with.get(name),
                least,
            );
        }
        let (percent, items, depth) = LARGE;
        for (what, counts, least) in [
            ("items", &self.items, items),
            ("depth", &self.depths, depth),
        ] {
            let large: u64 = counts.range(least..).map(|(_, seeds)| seeds).sum();
            check(
                format!("trees of {what} {least} or more"),
                Some(&large),
                self.seeds * percent / 100,
            );
        }
        missing
    }
}

fn median(counts: &BTreeMap<usize, u64>) -> usize {
    let half = counts.values().sum::<u64>() / 2;
    let mut sum = 0;
    for (number, count) in counts {
        sum += count;
        if sum > half {
            return *number;
        }
    }
    0
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = [
            ("seeds with", &self.seeds_with),
            ("action", &self.actions),
            ("conflict", &self.conflicts),
            ("edit", &self.edits),
        ];
        for (what, counts) in lines {
            for (name, count) in counts {
                writeln!(f, "{what:<10} {name:<24} {count:>12}")?;
            }
        }
        for (miss, count) in &self.misses {
            writeln!(
                f,
                "{:<10} {:<24} {count:>12}",
                "not done",
                format!("{miss:?}")
            )?;
        }
        writeln!(
            f,
            "median tree of {} items and depth {}; {} rounds, {} files read",
            median(&self.items),
            median(&self.depths),
            self.rounds,
            self.evidence
        )
    }
}
