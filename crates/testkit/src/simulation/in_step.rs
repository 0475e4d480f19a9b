//! Which path of one side is which of the other, and what one of them cannot hold: what both are compared by at rest.

use std::collections::{BTreeMap, BTreeSet};

use tandem_core::capabilities::Capabilities;
use tandem_core::entry::Kind;
use tandem_core::names;
use tandem_core::path::{Name, RelPath};
use tandem_core::side::{PerSide, Side};

use super::World;
use crate::oracle::differences;
use crate::sim::{Seen, Snapshot};

impl World {
    pub(super) fn check_in_step(&mut self) {
        let snapshots = PerSide::from_fn(|side| self.sides[side].snapshot());
        let capabilities = PerSide::from_fn(|side: Side| self.sides[side].capabilities().clone());
        let refused = refused_paths(&snapshots, &capabilities);
        let mut known = self.told(&capabilities, "unsupported");
        // No copy of it can be made beside it, as a conflict asks for.
        let oversized = oversized_paths(&snapshots, &capabilities);
        known.extend(&self.told(&capabilities, "too_large") & &oversized);
        let collisions = self.told(&capabilities, "collision");
        // Two folders that one side takes for one are not made one (P12): what is in them has no common path.
        known.extend(&collisions & &spelled_apart(&snapshots, &capabilities));
        let path_of = |side: Side, path: &RelPath| common_path(&capabilities, &refused, side, path);
        let all = PerSide::from_fn(|side| {
            let found: BTreeSet<RelPath> = snapshots[side]
                .keys()
                .filter_map(|p| path_of(side, p))
                .collect();
            found
        });
        // A folder that one side keeps only because of something in it that is left out is left out with it, and
        // so is what has its name on the other side, if that is told.
        // Where one side has no empty folders, folders are as good as what is in them.
        let flat = Side::BOTH.iter().any(|&s| !capabilities[s].empty_folders);
        let common = |side: Side, path: &RelPath, seen: &Seen| {
            if flat && seen.kind == Kind::Folder {
                return None;
            }
            let common = path_of(side, path)?;
            let mut left = known.iter().chain(&refused);
            let alone = !all[side.other()].contains(&common) || collisions.contains(&common);
            let kept_for = alone && left.any(|p| p.is_within(&common));
            let left_out = known.iter().any(|p| common.is_within(p)) || kept_for;
            (!left_out).then_some(common)
        };
        let found = differences(snapshots.as_ref(), common, same_content);
        for text in found {
            self.violation(format!("not in step: {text}"));
        }
    }

    /// Paths as [`folded`] of which the last pass told that they are left out for this reason. `unsupported`: a side
    /// cannot keep what would be replaced, as policies that let one version win ask for.
    fn told(&self, capabilities: &PerSide<Capabilities>, why: &str) -> BTreeSet<RelPath> {
        let told = self.problems.iter().filter(|p| p.why == why);
        told.filter_map(|problem| {
            let path = RelPath::new(&problem.path).ok()?;
            let rules = &capabilities[problem.side].names;
            folded(capabilities, &names::decode_path(&path, rules).ok()?)
        })
        .collect()
    }
}

/// Paths that one of the sides cannot hold, in the pair's spelling as [`folded`]: where one item has such a name,
/// no other can have it on the other side.
fn refused_paths(
    snapshots: &PerSide<Snapshot>,
    capabilities: &PerSide<Capabilities>,
) -> BTreeSet<RelPath> {
    let mut refused = BTreeSet::new();
    for side in Side::BOTH {
        let (mine, other) = (&capabilities[side], &capabilities[side.other()]);
        let mut keys: BTreeMap<(RelPath, Box<str>), RelPath> = BTreeMap::new();
        for (path, items) in &snapshots[side] {
            let Ok(pair) = names::decode_path(path, &mine.names) else {
                refused.extend(folded(capabilities, path));
                continue;
            };
            let (Some(folder), Some(name)) = (pair.parent(), pair.name()) else {
                continue;
            };
            let fits = names::encode_path(&pair, &other.names).is_ok();
            let link = items
                .iter()
                .any(|i| i.kind == Kind::Symlink && !other.symlinks);
            let opaque = items.iter().any(|i| i.kind == Kind::Opaque);
            let large = items.iter().any(|i| {
                other
                    .largest_file
                    .is_some_and(|most| i.content.size() > most)
            });
            let key = (
                folder,
                names::collision_key(&name, other.case, other.unicode),
            );
            let twin = keys.insert(key, pair.clone());
            if twin.is_some() || !fits || link || opaque || large {
                refused.extend(folded(capabilities, &pair));
            }
        }
    }
    refused
}

/// Paths, as [`folded`], of what a person wrote on a side that takes nothing as large from a program.
fn oversized_paths(
    snapshots: &PerSide<Snapshot>,
    capabilities: &PerSide<Capabilities>,
) -> BTreeSet<RelPath> {
    let mut oversized = BTreeSet::new();
    for side in Side::BOTH {
        let most = capabilities[side].largest_file.unwrap_or(u64::MAX);
        for (path, items) in &snapshots[side] {
            if items.iter().any(|item| item.content.size() > most)
                && let Ok(pair) = names::decode_path(path, &capabilities[side].names)
            {
                oversized.extend(folded(capabilities, &pair));
            }
        }
    }
    oversized
}

/// Paths as [`folded`] that the sides spell in two ways, so that one of them cannot hold both.
fn spelled_apart(
    snapshots: &PerSide<Snapshot>,
    capabilities: &PerSide<Capabilities>,
) -> BTreeSet<RelPath> {
    let names = PerSide::from_fn(|side: Side| {
        let pairs = snapshots[side].keys().filter_map(|path| {
            let pair = names::decode_path(path, &capabilities[side].names).ok()?;
            Some((folded(capabilities, &pair)?, pair.name()))
        });
        pairs.collect::<BTreeMap<_, _>>()
    });
    let there = &names.destination;
    let apart = names.source.iter().filter(|(path, name)| {
        let other = there.get(*path);
        other.is_some_and(|other| other != *name)
    });
    apart.map(|(path, _)| path.clone()).collect()
}

/// The path with names that are one on some side made equal.
fn folded(capabilities: &PerSide<Capabilities>, pair: &RelPath) -> Option<RelPath> {
    let both = [&capabilities.source, &capabilities.destination];
    let mut folded = RelPath::root();
    for name in pair.names() {
        let key = both.iter().fold(name.to_string(), |text, c| {
            Name::new(text.clone()).map_or(text, |name| {
                names::collision_key(&name, c.case, c.unicode).into()
            })
        });
        folded = folded.join(&Name::new(key).ok()?);
    }
    Some(folded)
}

fn common_path(
    capabilities: &PerSide<Capabilities>,
    refused: &BTreeSet<RelPath>,
    side: Side,
    path: &RelPath,
) -> Option<RelPath> {
    let pair = names::decode_path(path, &capabilities[side].names).ok()?;
    let folded = folded(capabilities, &pair)?;
    let mut above = Some(folded.clone());
    while let Some(folder) = above {
        if refused.contains(&folder) {
            return None;
        }
        above = folder.parent();
    }
    Some(folded)
}

/// Either may be what a server made of the other's bytes.
fn same_content(a: &Seen, b: &Seen) -> bool {
    let forms = |seen: &Seen| {
        [Some(seen.content.hash()), seen.sent]
            .into_iter()
            .flatten()
            .collect::<BTreeSet<_>>()
    };
    a.kind == b.kind
        && match a.kind {
            Kind::File => !forms(a).is_disjoint(&forms(b)),
            Kind::Symlink => a.target == b.target,
            Kind::Folder | Kind::Opaque => true,
        }
}
