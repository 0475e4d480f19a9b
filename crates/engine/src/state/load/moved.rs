//! What is detached lies where its folder is, also while a person has moved that and the pair has not followed yet.

use std::collections::{BTreeMap, BTreeSet};

use tandem_core::capabilities::{Capabilities, Ids};
use tandem_core::entry::{Kind, NativeId};
use tandem_core::path::RelPath;
use tandem_core::plan::{BaseItem, Fresh, ItemId, Seen};
use tandem_core::side::Side;

use super::Loader;
use crate::error::Result;

impl Loader<'_> {
    /// A folder that a side shows elsewhere and cannot read: it need not have lost anything of what was in it.
    pub(super) fn keep_unread_moves(&mut self, side: Side) {
        let unread: BTreeSet<&NativeId> = self.fresh[side]
            .values()
            .filter(|fresh| fresh.frozen && fresh.entry.kind == Kind::Folder)
            .filter_map(|fresh| fresh.entry.id.as_ref())
            .collect();
        let is_there = |item: &&mut BaseItem| {
            let was = item.entries[side].as_ref().and_then(|e| e.id.as_ref());
            item.kind == Kind::Folder
                && item.seen[side] == Seen::Absent
                && was.is_some_and(|id| unread.contains(id))
        };
        for item in self.items.values_mut().filter(is_there) {
            item.seen[side] = Seen::Unknown;
        }
    }

    /// Folders of the base that a side shows elsewhere, as far as their ids tell.
    pub(super) fn moved_folders(
        &self,
        side: Side,
        capabilities: &Capabilities,
    ) -> BTreeMap<NativeId, ItemId> {
        if capabilities.ids == Ids::None {
            return BTreeMap::new();
        }
        let gone = self
            .items
            .values()
            .filter(|item| item.kind == Kind::Folder && matches!(item.seen[side], Seen::Absent));
        gone.filter_map(|item| Some((item.entries[side].as_ref()?.id.clone()?, item.id)))
            .collect()
    }

    /// Where a fresh entry was before the nearest of its folders that was moved.
    pub(super) fn path_before_move(
        &self,
        side: Side,
        fresh: &Fresh,
        moved: &BTreeMap<NativeId, ItemId>,
    ) -> Result<Option<RelPath>> {
        let mut names = vec![fresh.entry.name.clone()];
        let mut at = if moved.is_empty() {
            ItemId::ROOT
        } else {
            fresh.parent
        };
        while let Some(above) = self.fresh[side].get(&at) {
            let id = above.entry.id.as_ref();
            if let Some(folder) = id.and_then(|id| moved.get(id)) {
                let folder = self.state.path_of(side, *folder)?;
                let path = |folder: RelPath| names.iter().rev().fold(folder, |at, n| at.join(n));
                return Ok(folder.map(path));
            }
            names.push(above.entry.name.clone());
            at = above.parent;
        }
        Ok(None)
    }
}
