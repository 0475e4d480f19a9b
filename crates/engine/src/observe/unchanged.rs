//! Passes over folders below which nothing was changed, on sides where a folder's revision covers all below it.
//!
//! A folder is noted as looked into, at the revision that it was shown with before, by the transaction of the look that
//! looks into it and all below. As long as it is shown so, what is known below it is exact, and it is not listed. What
//! could not be told whole keeps all folders above it from being noted (P10), and once in a while everything is listed
//! whatever the revisions say (P15).

use std::collections::{BTreeSet, VecDeque};

use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use tandem_core::capabilities::{Capabilities, ListingConsistency};
use tandem_core::entry::{Entry, Kind, Revision};
use tandem_core::error::{Cause, StorageError};
use tandem_core::path::RelPath;
use tandem_core::plan::ItemId;
use tandem_core::removed;
use tandem_core::side::Side;
use tandem_core::storage::{Depth, Listed};

use super::feed::is_read;
use super::listing::{FolderIds, complete, unreadable};
use super::{Doubt, Look};
use crate::engine::Engine;
use crate::error::Result;

/// Folders that are listed at once.
const AT_ONCE: usize = 8;

/// What a look notes of the folders of a side.
#[derive(Debug, Default)]
pub(super) enum Noting {
    /// Nothing.
    #[default]
    Nothing,
    /// All, for all are listed.
    All,
    /// Those that changed. These of them are still to be listed.
    Changed(VecDeque<RelPath>),
}

impl Noting {
    /// The folders of these that are noted.
    pub(super) fn folders_in(&self, shown: &[Entry]) -> Vec<Entry> {
        if matches!(self, Self::Nothing) {
            return Vec::new();
        }
        let folders = shown.iter().filter(|entry| entry.kind == Kind::Folder);
        folders.cloned().collect()
    }
}

/// A folder that was listed by itself, or as far as that went.
struct Alone {
    folder: RelPath,
    listed: Vec<Listed>,
    error: Option<StorageError>,
}

/// Whether looks at a side may pass over what did not change. Where there is a feed, that tells more.
pub(crate) fn may_skip(capabilities: &Capabilities) -> bool {
    capabilities.folder_revision_covers_subtree
        && capabilities.listing == ListingConsistency::Strong
        && !is_read(capabilities)
}

impl Engine {
    /// Whether not all of a side is listed in the usual look: then what is recorded must be exact, for no listing makes up
    /// for it.
    pub(crate) fn lists_in_part(&self, side: Side) -> bool {
        self.reads_feed(side) || may_skip(self.capabilities(side))
    }

    /// Notes how the side's top is shown, before anything is listed. Answers what is to be listed besides what changed:
    /// everything, if nothing may be passed over.
    pub(super) async fn begin_notes(
        &self,
        side: Side,
        doubt: &Doubt,
        look: &mut Look,
    ) -> Result<Doubt> {
        if !doubt.all || !may_skip(self.capabilities(side)) {
            return Ok(doubt.clone());
        }
        let top = match self.root(side).stat(&RelPath::root().into()).await {
            Err(error) if error.is_transient() => return Err(Self::storage_error(side)(error)),
            Err(_) => None,
            Ok(top) => top.filter(|top| top.kind == Kind::Folder),
        };
        let listed = self.state().listed_at(side)?;
        let goes_on = self.goes_on(doubt, listed)? && top.is_some();
        if !goes_on {
            let now = self.now();
            self.state().begin_looking(side, now)?;
        }
        let root = RelPath::root();
        let is_as_it_was = match &top {
            Some(top) => self.state().look_into(side, ItemId::ROOT, top)?,
            None => false,
        };
        if top.is_none_or(|top| top.revision == Revision::None) {
            look.untold.insert((side, root.clone()));
        }
        if !goes_on {
            look.noting[side] = Noting::All;
            return Ok(Doubt::whole());
        }
        let changed = (!is_as_it_was).then_some(root);
        look.noting[side] = Noting::Changed(changed.into_iter().collect());
        self.unsure(side)
    }

    /// Lists the folders below which something changed, each by itself. What is to be listed besides is in `doubt`.
    pub(super) async fn list_changed(
        &self,
        side: Side,
        doubt: &mut Doubt,
        folders: &mut FolderIds,
        look: &mut Look,
    ) -> Result<()> {
        let mut asked = FuturesOrdered::new();
        loop {
            while asked.len() < AT_ONCE
                && let Noting::Changed(waiting) = &mut look.noting[side]
                && let Some(folder) = waiting.pop_front()
            {
                look.listed[side].add(folder.clone(), false);
                asked.push_back(self.list_alone(side, folder));
            }
            let Some(alone) = asked.next().await else {
                break;
            };
            if doubt.folders.get(&alone.folder) == Some(&false) {
                doubt.folders.remove(&alone.folder);
            }
            self.take_alone(side, alone, doubt, folders, look)?;
        }
        look.noting[side] = Noting::Nothing;
        Ok(())
    }

    async fn list_alone(&self, side: Side, folder: RelPath) -> Alone {
        let mut listing = self.root(side).list(&folder, Depth::Children);
        let (mut listed, mut error) = (Vec::new(), None);
        while let Some(next) = listing.next().await {
            match next {
                Ok(next) => listed.push(next),
                Err(failed) => error = Some(failed),
            }
        }
        Alone {
            folder,
            listed,
            error,
        }
    }

    fn take_alone(
        &self,
        side: Side,
        alone: Alone,
        doubt: &mut Doubt,
        folders: &mut FolderIds,
        look: &mut Look,
    ) -> Result<()> {
        let Alone {
            folder,
            listed,
            error,
        } = alone;
        if let Some(error) = error {
            let above = folder.parent();
            return match (error.cause, above) {
                // It went after it was shown: the folder above is looked into once more.
                (Cause::NotFound, Some(above)) => {
                    look.untold.insert((side, folder));
                    doubt.add(above, false);
                    Ok(())
                }
                (Cause::Forbidden, Some(_)) => self
                    .take(side, unreadable(&folder), folders, look)
                    .map(drop),
                _ => Err(Self::storage_error(side)(error)),
            };
        }
        complete(side, listed.contains(&Listed::End))?;
        for listed in listed {
            self.take(side, listed, folders, look)?;
        }
        Ok(())
    }

    /// Notes the folders that a listing of `folder` showed in it, each before it is listed itself.
    pub(super) fn note_shown(
        &self,
        side: Side,
        (folder, path): (ItemId, &RelPath),
        shown: &[Entry],
        look: &mut Look,
    ) -> Result<()> {
        let state = self.state();
        for entry in shown {
            let below = path.join(&entry.name);
            let Some(id) = state.folder_at(side, folder, &entry.name)? else {
                look.untold.insert((side, below));
                continue;
            };
            if entry.revision == Revision::None {
                look.untold.insert((side, below.clone()));
            }
            let is_as_it_was = state.look_into(side, id, entry)?;
            if let Noting::Changed(waiting) = &mut look.noting[side]
                && !is_as_it_was
            {
                waiting.push_back(below);
            }
        }
        Ok(())
    }

    /// What was not told whole was not looked into, nor was any folder above it.
    pub(super) fn forget_untold(&self, look: &Look) -> Result<()> {
        if removed!("completeness") {
            return Ok(());
        }
        let mut done = BTreeSet::new();
        for (side, path) in look
            .untold
            .iter()
            .filter(|(side, _)| may_skip(self.capabilities(*side)))
        {
            for at in std::iter::successors(Some(path.clone()), RelPath::parent) {
                if !done.insert((*side, at.clone())) {
                    break;
                }
                let state = self.state();
                if let Some(folder) = state.folder_by_path(*side, &at)? {
                    state.forget_looked(*side, folder)?;
                }
            }
        }
        Ok(())
    }
}
