//! What lies below a folder of the base that is not at its place.

use tandem_core::entry::Kind;
use tandem_core::plan::{BaseItem, Fresh, ItemId, Seen};
use tandem_core::side::Side;

use super::Loader;
use crate::error::Result;

impl Loader<'_> {
    /// Everything in the base below a folder that is gone or left out.
    pub(super) fn add_below(&mut self, side: Side, folder: ItemId, excluded: bool) -> Result<()> {
        let mut folders = vec![folder];
        while let Some(folder) = folders.pop() {
            for item in self.state.base_children(folder)? {
                let (id, kind) = (item.id, item.kind);
                self.add_shown_elsewhere(side, &item)?;
                self.add_item(item);
                self.mark(side, id, Seen::Absent, excluded);
                if kind == Kind::Folder {
                    folders.push(id);
                }
            }
        }
        Ok(())
    }

    /// A folder that one side moved may be in the base where the other side has it, under the id that the first
    /// knows it by: what that shows in it as the base has it, it shows where the folder is.
    fn add_shown_elsewhere(&mut self, side: Side, item: &BaseItem) -> Result<()> {
        let Some(entry) = &item.entries[side] else {
            return Ok(());
        };
        if self.fresh[side].contains_key(&item.parent)
            && self
                .state
                .seen_at(side, item.parent, &entry.name)?
                .is_none()
        {
            let fresh = Fresh {
                id: item.id,
                parent: item.parent,
                entry: entry.clone(),
                frozen: false,
            };
            self.fresh[side].insert(item.id, fresh);
        }
        Ok(())
    }
}
