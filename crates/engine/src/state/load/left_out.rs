//! What a filter leaves out on one side for what it is, such as its size, is out on the other side too; and what it leaves
//! out where it is now is not gone from where it was.

use std::collections::{BTreeMap, BTreeSet};

use tandem_core::capabilities::{Capabilities, Ids};
use tandem_core::entry::NativeId;
use tandem_core::names;
use tandem_core::path::{Name, RelPath};
use tandem_core::plan::{BaseItem, ItemId, Seen};
use tandem_core::side::{PerSide, Side};

use super::{IsOut, Loader, Rules, SeenRow};
use crate::error::Result;

impl Loader<'_> {
    /// What one side's filter leaves out is out on the other side too, with all below (DESIGN 5.5).
    pub(super) fn leave_out(&mut self, capabilities: PerSide<&Capabilities>) {
        let rules = Rules::of(capabilities);
        for side in Side::BOTH {
            let rows = std::mem::take(&mut self.out[side]);
            if rows.is_empty() {
                continue;
            }
            self.exclude_moved(side, &rows, capabilities[side]);
            let places: BTreeSet<String> = rows
                .iter()
                .filter_map(|row| self.place(side, row.parent, &row.name, &rules, capabilities))
                .collect();
            self.leave_out_at(side.other(), &places, &rules, capabilities);
        }
    }

    /// Drops what `side` shows at these places and the base does not know, and marks what the base knows and the
    /// other side is still to receive.
    fn leave_out_at(
        &mut self,
        side: Side,
        places: &BTreeSet<String>,
        rules: &Rules,
        capabilities: PerSide<&Capabilities>,
    ) {
        let is_out = |parent: ItemId, name: &Name| {
            self.place(side, parent, name, rules, capabilities)
                .is_some_and(|place| is_within_any(&place, places))
        };
        let fresh: Vec<ItemId> = self.fresh[side]
            .values()
            .filter(|fresh| is_out(fresh.parent, &fresh.entry.name))
            .map(|fresh| fresh.id)
            .collect();
        let owed: Vec<ItemId> = self
            .items
            .values()
            .filter(|item| item.entries[side.other()].is_none() && is_out(item.parent, &item.name))
            .map(|item| item.id)
            .collect();
        for id in fresh {
            self.fresh[side].remove(&id);
        }
        for id in owed {
            self.mark(side.other(), id, Seen::Absent, true);
        }
    }

    /// What was moved and is out where it is now is not gone.
    fn exclude_moved(&mut self, side: Side, rows: &[SeenRow], capabilities: &Capabilities) {
        if capabilities.ids == Ids::None {
            return;
        }
        let out: Vec<&NativeId> = rows
            .iter()
            .filter_map(|row| row.entry.as_ref()?.id.as_ref())
            .collect();
        let is_out = |item: &&mut BaseItem| {
            let was = item.entries[side].as_ref().and_then(|e| e.id.as_ref());
            item.seen[side] == Seen::Absent && was.is_some_and(|id| out.contains(&id))
        };
        for item in self.items.values_mut().filter(is_out) {
            item.excluded = true;
        }
    }

    /// What a folder had in it that a side shows elsewhere, and what the filter leaves out there, is not gone.
    pub(super) fn leave_out_moved(
        &mut self,
        capabilities: PerSide<&Capabilities>,
        is_out: IsOut<'_>,
    ) -> Result<()> {
        for side in Side::BOTH {
            let moved = self.moved_folders(side, capabilities[side]);
            if moved.is_empty() {
                continue;
            }
            let mut shown: BTreeMap<ItemId, RelPath> = BTreeMap::new();
            for fresh in self.fresh[side].values() {
                let id = fresh.entry.id.as_ref();
                if let Some(folder) = id.and_then(|id| moved.get(id)) {
                    shown.insert(*folder, self.fresh_path(side, fresh));
                }
            }
            let is_out = |item: &&BaseItem| {
                let was = item.entries[side].as_ref();
                let place = shown.get(&item.parent).zip(was);
                item.seen[side] == Seen::Absent
                    && place.is_some_and(|(at, was)| is_out(side, &at.join(&was.name), item.kind))
            };
            let out: Vec<ItemId> = self.items.values().filter(is_out).map(|i| i.id).collect();
            for id in out {
                self.mark(side, id, Seen::Absent, true);
                self.add_below(side, id, true)?;
            }
        }
        Ok(())
    }

    /// A place in the pair, in a form that is equal where the names cannot lie beside each other. `None` if its
    /// folder is no longer known.
    fn place(
        &self,
        side: Side,
        parent: ItemId,
        name: &Name,
        rules: &Rules,
        capabilities: PerSide<&Capabilities>,
    ) -> Option<String> {
        let key = |name: &Name| {
            let decoded = names::decode_name(name, &capabilities[side].names);
            rules.key(&decoded.map_or_else(|_| name.clone(), |n| n.into_owned()))
        };
        let mut keys = vec![key(name)];
        let mut at = parent;
        while at != ItemId::ROOT {
            if let Some(above) = self.fresh[side].get(&at) {
                keys.push(key(&above.entry.name));
                at = above.parent;
            } else {
                let item = self.items.get(&at)?;
                keys.push(rules.key(&item.name));
                at = item.parent;
            }
        }
        keys.reverse();
        Some(keys.join("/"))
    }
}

/// Whether a place is one of `places`, or lies below one.
fn is_within_any(place: &str, places: &BTreeSet<String>) -> bool {
    let above = place.match_indices('/').map(|(at, _)| &place[..at]);
    above.chain([place]).any(|at| places.contains(at))
}
