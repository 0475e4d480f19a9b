//! What a listing does not show need not be gone: what is absent is asked for before anything is decided by it (P10).

use std::collections::{BTreeMap, BTreeSet};

use tandem_core::capabilities::{Ids, ListingConsistency};
use tandem_core::entry::{Entry, Kind, NativeId};
use tandem_core::error::Cause;
use tandem_core::path::{Name, RelPath};
use tandem_core::plan::ItemId;
use tandem_core::removed;
use tandem_core::side::Side;
use tandem_core::storage::Locator;

use super::{Look, unreadable};
use crate::engine::Engine;
use crate::error::{EngineError, Result};

/// So long a listing that lags behind may show what is gone, in nanoseconds.
const LONGEST_LAG: i64 = 3_600_000_000_000;

/// A folder and a name in it.
type Place = (ItemId, Name);

impl Engine {
    /// What is known to be gone on a side whose listings are not believed alone, for it has a feed.
    pub(super) fn told_absent(&self, side: Side) -> Result<Option<BTreeSet<Place>>> {
        if !self.reads_feed(side) || removed!("completeness") {
            return Ok(None);
        }
        let absent = self.state().absent_places(side)?;
        Ok(Some(absent.into_iter().collect()))
    }

    /// Asks one by one for what a listing did not show, beyond what the feed has `told` to be gone: it may be out of
    /// reach (P10).
    pub(super) async fn confirm_unlisted(
        &self,
        side: Side,
        told: &BTreeSet<Place>,
        look: &mut Look,
    ) -> Result<()> {
        let absent = self.state().absent_places(side)?;
        for place in absent.into_iter().filter(|place| !told.contains(place)) {
            let (folder, name) = place;
            let Some(path) = self.path_of(side, folder)?.map(|at| at.join(&name)) else {
                continue;
            };
            match self.ask_for(side, &path).await {
                Ok(None) => {}
                Ok(Some(entry)) if entry.kind != Kind::Folder => {
                    self.state().see_again(side, folder, &name, &entry)?;
                }
                // What lies in a folder that only `stat` knows is not known.
                Ok(Some(_)) if removed!("completeness") => {}
                Ok(Some(_)) => self.state().see_unknown(side, folder, &name)?,
                Err(error) if error.cause == Cause::Forbidden && removed!("completeness") => {}
                Err(error) if error.cause == Cause::Forbidden => {
                    self.state().see_unknown(side, folder, &name)?;
                    look.problems.insert(unreadable(side, &path));
                }
                Err(error) => return Err(EngineError::Storage { side, error }),
            }
        }
        Ok(())
    }

    /// What a feed said to be out of reach stays so, whatever a listing does not show of it.
    pub(super) fn keep_lost(&self, side: Side, look: &mut Look) -> Result<()> {
        if removed!("completeness") {
            return Ok(());
        }
        let mut state = self.state();
        for (folder, name) in state.keep_lost(side)? {
            if let Some(folder) = state.path_of(side, folder)? {
                look.problems.insert(unreadable(side, &folder.join(&name)));
            }
        }
        Ok(())
    }

    /// Absences that only an eventual listing shows are asked for one by one: by their places, and where ids are strong
    /// by those, for what was moved may not be shown where it is yet.
    pub(crate) async fn confirm_absences(&self, side: Side, look: &Look) -> Result<()> {
        if !self.lags_behind(side) || removed!("completeness") {
            return Ok(());
        }
        self.confirm_replaced(side).await?;
        self.confirm_taken(side).await?;
        let absent = self.state().absent_places(side)?;
        let mut lost = BTreeMap::new();
        for (folder, name) in absent {
            let Some(path) = self.path_of(side, folder)? else {
                continue;
            };
            let there = self.ask_for(side, &path.join(&name)).await;
            match there.map_err(Self::storage_error(side))? {
                Some(entry) => self
                    .state()
                    .transaction(|state| state.see_again(side, folder, &name, &entry))?,
                None => {
                    if let Some(id) = self.strong_id(side, folder, &name)? {
                        lost.insert(id, (folder, name));
                    }
                }
            }
        }
        self.confirm_lost(side, lost, look).await
    }

    /// What is shown where the base has another item may have been there before that.
    async fn confirm_replaced(&self, side: Side) -> Result<()> {
        let replaced = self.state().replaced_places(side)?;
        for (folder, name) in replaced {
            let Some(path) = self.path_of(side, folder)? else {
                continue;
            };
            let there = self.ask_for(side, &path.join(&name)).await;
            let there = there.map_err(Self::storage_error(side))?;
            if let Some(entry) = there.filter(|entry| entry.kind != Kind::Folder) {
                self.state()
                    .transaction(|state| state.see_again(side, folder, &name, &entry))?;
            }
        }
        Ok(())
    }

    /// What Tandem deleted or replaced may be shown for a while. It is in step with nothing, or its absence would be a
    /// delete later, and it is no copy of anything.
    async fn confirm_taken(&self, side: Side) -> Result<()> {
        let since = self.now().plus(-LONGEST_LAG);
        let shown = self.state().taken_and_shown(side, since)?;
        for (folder, name) in shown {
            let Some(path) = self.path_of(side, folder)?.map(|at| at.join(&name)) else {
                continue;
            };
            let there = self.ask_for(side, &path).await;
            let there = there.map_err(Self::storage_error(side))?;
            let mut state = self.state();
            state.transaction(|state| match &there {
                None => state.see_gone(side, folder, &name),
                Some(entry) if entry.kind == Kind::Folder => Ok(()),
                Some(entry) => state.see_again(side, folder, &name, entry),
            })?;
        }
        Ok(())
    }

    /// What is at none of the places that were shown, and exists: nothing is known of it until it is shown.
    async fn confirm_lost(
        &self,
        side: Side,
        mut lost: BTreeMap<NativeId, Place>,
        look: &Look,
    ) -> Result<()> {
        if lost.is_empty() {
            return Ok(());
        }
        let shown = self.state().fresh_ids(side)?;
        lost.retain(|id, _| !shown.contains(id) && !look.left_out[side].contains(id));
        let mut hidden = BTreeMap::new();
        for (id, (folder, name)) in lost {
            let Some(path) = self.path_of(side, folder)? else {
                continue;
            };
            let at = Locator {
                path: path.join(&name),
                id: Some(id.clone()),
            };
            match self.root(side).stat(&at).await {
                Ok(None) => {}
                // What may not be looked at exists.
                Err(error) if error.cause != Cause::Forbidden => {
                    return Err(EngineError::Storage { side, error });
                }
                Ok(Some(_)) | Err(_) => {
                    hidden.insert(id, (folder, name));
                }
            }
        }
        self.state().transaction(|state| {
            state.drop_items_elsewhere(side, &mut hidden)?;
            let mut hidden = hidden.values();
            hidden.try_for_each(|(folder, name)| state.see_unknown(side, *folder, name))
        })
    }

    /// Whether a side's listings may lag behind what is there.
    pub(super) fn lags_behind(&self, side: Side) -> bool {
        self.capabilities(side).listing == ListingConsistency::Eventual
    }

    /// The id of what the base has at a place, if the side finds items by it.
    fn strong_id(&self, side: Side, folder: ItemId, name: &Name) -> Result<Option<NativeId>> {
        if self.capabilities(side).ids != Ids::Strong {
            return Ok(None);
        }
        let item = self.state().base_by_native(side, folder, name)?;
        Ok(item.and_then(|mut item| item.entries[side].take()?.id))
    }

    /// What is at a path. Where case or form does not count, another spelling answers too: that is listed for itself.
    async fn ask_for(
        &self,
        side: Side,
        path: &RelPath,
    ) -> tandem_core::error::Result<Option<Entry>> {
        let there = self
            .root(side)
            .stat(&Locator::of_path(path.clone()))
            .await?;
        Ok(there.filter(|entry| path.name().is_some_and(|name| entry.name == name)))
    }
}
