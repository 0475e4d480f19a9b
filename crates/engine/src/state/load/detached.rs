//! What is known and not carried, and when it is.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use tandem_core::capabilities::Capabilities;
use tandem_core::entry::{Entry, Kind};
use tandem_core::names;
use tandem_core::path::{Name, RelPath};
use tandem_core::plan::{BaseItem, Fresh, ItemId, Seen};
use tandem_core::side::{PerSide, Side};

use super::{Loader, Rules};
use crate::error::Result;

/// What is detached, with all that decides whether it stays so.
#[derive(Default)]
struct Found {
    /// The detached entries that are as they were, and where they are.
    detached: Vec<(Side, RelPath, Fresh)>,
    /// The notes that explain them.
    noted: PerSide<BTreeSet<RelPath>>,
    /// Where there is something fresh that no note explains.
    new: PerSide<BTreeSet<RelPath>>,
    /// How much that is fresh lies in each folder.
    children: PerSide<BTreeMap<ItemId, usize>>,
}

/// The key of a place as a side spells it.
type KeyOf<'a> = &'a dyn Fn(Side, &RelPath) -> Box<str>;

impl Loader<'_> {
    /// Fresh entries that are detached and as they were when they were detached are not planned, unless the
    /// other side has something new at their path: then the two meet as any two do.
    pub(super) fn drop_detached(
        &mut self,
        capabilities: PerSide<&Capabilities>,
        attached: &BTreeSet<(Side, RelPath)>,
    ) -> Result<()> {
        let known = self.state.detached()?;
        if known.is_empty() {
            return Ok(());
        }
        let mut found = self.find_detached(&known, capabilities)?;
        self.state.sweep_detached(&found.noted, &found.new)?;
        let rules = Rules::of(capabilities);
        let key = |side, path: &RelPath| rules.key_of_path(path, &capabilities[side].names);
        let new = PerSide::from_fn(|side| {
            let paths = found.new[side].iter();
            paths.map(|path| key(side, path)).collect::<BTreeSet<_>>()
        });
        let lacking = PerSide::from_fn(|side| self.lacking(side, &key));
        // Deepest first: a folder stays as long as something in it does.
        found
            .detached
            .sort_by_key(|(_, path, _)| Reverse(path.depth()));
        for (side, path, fresh) in found.detached {
            let in_use = found.children[side].get(&fresh.id).is_some_and(|&n| n > 0);
            let place = key(side, &path);
            let is_met = new[side.other()].contains(&place);
            let is_rival = |(name, was_there): &(Name, bool)| {
                let native = names::encode(name, &capabilities[side].names).ok();
                let is_alike = native.as_deref() == Some(&fresh.entry.name);
                fresh.entry.kind == Kind::Folder && (*was_there || !is_alike)
            };
            let has_rival = lacking[side].get(&place).is_some_and(is_rival);
            if in_use || is_met || has_rival || attached.contains(&(side, path)) {
                continue;
            }
            self.fresh[side].remove(&fresh.id);
            if let Some(count) = found.children[side].get_mut(&fresh.parent) {
                *count -= 1;
            }
        }
        Ok(())
    }

    fn find_detached(
        &self,
        known: &BTreeMap<(Side, RelPath), Option<Entry>>,
        capabilities: PerSide<&Capabilities>,
    ) -> Result<Found> {
        let mut found = Found::default();
        for side in Side::BOTH {
            let moved = self.moved_folders(side, capabilities[side]);
            for fresh in self.fresh[side].values() {
                *found.children[side].entry(fresh.parent).or_default() += 1;
                let path = self.fresh_path(side, fresh);
                let before = self.path_before_move(side, fresh, &moved)?;
                let mut places = [Some(path.clone()), before].into_iter().flatten();
                let noted = places.find(|path| {
                    let noted = known.get(&(side, path.clone()));
                    noted.is_some_and(|was| is_as_detached(was.as_ref(), &fresh.entry))
                });
                match noted {
                    Some(noted) => {
                        found.noted[side].insert(noted);
                        found.detached.push((side, path, fresh.clone()));
                    }
                    None => drop(found.new[side].insert(path)),
                }
            }
        }
        Ok(found)
    }

    /// Where the other side shows what this one lacks, how the pair spells it, and whether this one had it. What is to be
    /// made here takes a detached folder that is spelled like it as it is; what is to go there for this side's sake does
    /// not while that folder is here.
    fn lacking(&self, side: Side, key: KeyOf<'_>) -> BTreeMap<Box<str>, (Name, bool)> {
        let other = side.other();
        let lacks =
            |item: &&BaseItem| item.seen[side] == Seen::Absent && item.seen[other] != Seen::Absent;
        let place = |item: &BaseItem| {
            let native = &item.entries[other].as_ref()?.name;
            Some((
                key(other, &self.path_in(other, item.parent, native)),
                (item.name.clone(), item.entries[side].is_some()),
            ))
        };
        self.items
            .values()
            .filter(lacks)
            .filter_map(place)
            .collect()
    }

    /// Where a side shows what the base does not explain.
    pub(super) fn fresh_path(&self, side: Side, fresh: &Fresh) -> RelPath {
        self.path_in(side, fresh.parent, &fresh.entry.name)
    }

    /// Where a side shows what has this name in a folder.
    fn path_in(&self, side: Side, folder: ItemId, name: &Name) -> RelPath {
        let mut names = vec![name.clone()];
        let mut at = folder;
        while at != ItemId::ROOT {
            if let Some(above) = self.fresh[side].get(&at) {
                names.push(above.entry.name.clone());
                at = above.parent;
            } else if let Some(item) = self.items.get(&at) {
                names.push(
                    item.entries[side]
                        .as_ref()
                        .map_or_else(|| item.name.clone(), |e| e.name.clone()),
                );
                at = item.parent;
            } else {
                break;
            }
        }
        names
            .iter()
            .rev()
            .fold(RelPath::root(), |path, name| path.join(name))
    }
}

/// Whether an entry is as it was when it was detached. A note without an entry holds whatever it is.
fn is_as_detached(was: Option<&Entry>, now: &Entry) -> bool {
    was.is_none_or(|was| {
        was.kind == now.kind && (was.kind == Kind::Folder || was.revision == now.revision)
    })
}
