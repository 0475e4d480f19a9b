//! What is known below a folder that becomes an item, or is made anew.

use std::collections::BTreeMap;

use tandem_core::entry::{Entry, Kind};
use tandem_core::path::Name;
use tandem_core::plan::ItemId;
use tandem_core::side::Side;

use super::State;
use super::seen::{Differs, may_be_same, same_stamp};
use crate::error::Result;

impl State {
    /// What was known below the fresh folder `from` is known below `to`, compared with its base children.
    pub(super) fn rebase(&mut self, side: Side, from: ItemId, to: ItemId) -> Result<()> {
        // With a folder, those in it went over too: what is recorded of them says so again.
        if from == to || self.rebased.insert((side, from), to) == Some(to) {
            return Ok(());
        }
        self.move_looked(side, from, to)?;
        let rows = self.seen_in(side, from)?;
        let mut entries: BTreeMap<Name, (i64, Option<Entry>, Differs)> = rows
            .into_iter()
            .map(|(name, id, state, entry)| (name, (id, entry, state)))
            .collect();
        for name in entries.keys() {
            self.delete_seen(side, from, name)?;
        }
        let children = self.base_children(to)?;
        for child in children {
            let Some(was) = &child.entries[side] else {
                continue;
            };
            match entries.remove(&was.name) {
                None => {
                    let id = self.new_id();
                    self.write_seen(side, to, &was.name, id, Differs::Absent, None)?;
                }
                Some((id, now, Differs::Out)) => {
                    self.write_seen(side, to, &was.name, id, Differs::Excluded, now.as_ref())?;
                }
                // What could not be looked into has lost nothing of what the base has in it.
                Some((id, _, Differs::FreshUnsettled)) => {
                    self.write_seen(side, to, &was.name, id, Differs::Unknown, None)?;
                }
                Some((id, Some(now), _)) if same_stamp(was, &now) && child.kind == Kind::Folder => {
                    self.rebase(side, ItemId(id), child.id)?;
                }
                Some((_, Some(now), _)) if same_stamp(was, &now) => {}
                Some((id, Some(now), _)) if may_be_same(was, &now) => {
                    self.write_seen(side, to, &was.name, id, Differs::Changed, Some(&now))?;
                    if child.kind == Kind::Folder {
                        self.rebase(side, ItemId(id), child.id)?;
                    }
                }
                Some((id, now, _)) => {
                    self.write_seen(side, to, &was.name, id, Differs::Replaced, now.as_ref())?;
                }
            }
        }
        for (name, (id, entry, state)) in entries {
            self.write_seen(side, to, &name, id, state, entry.as_ref())?;
        }
        Ok(())
    }

    /// The id by now of a folder that `side` knew under this one when the plan was made.
    pub(crate) fn known_now(&self, side: Side, folder: ItemId) -> ItemId {
        let known = self.rebased.get(&(side, folder));
        known.copied().unwrap_or(folder)
    }

    /// A folder of the base was made anew: what it had below it did not come back with it.
    pub(crate) fn see_empty(&mut self, side: Side, folder: ItemId) -> Result<()> {
        self.forget_looked(side, folder)?;
        for child in self.base_children(folder)? {
            if let Some(was) = &child.entries[side]
                && self.seen_at(side, folder, &was.name)?.is_none()
            {
                self.see_place(side, folder, &was.name, None, ItemId::ROOT)?;
            }
        }
        Ok(())
    }
}
