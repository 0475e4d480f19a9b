//! Takes what listings show into the state.

use std::collections::{BTreeSet, HashMap, VecDeque};

use futures_util::StreamExt;
use tandem_core::entry::{Entry, Kind};
use tandem_core::error::{Cause, StorageError};
use tandem_core::filter::IGNORE_FILE;
use tandem_core::names;
use tandem_core::path::{Name, RelPath};
use tandem_core::plan::ItemId;
use tandem_core::side::Side;
use tandem_core::storage::{Depth, FolderListing, Listed, Skip, Skipped};
use tandem_core::{mutant, removed};

use super::filter::{leave_out, of_entry};
use super::{Doubt, Look};
use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::state::{FolderSeen, ProblemRow, State};
use crate::young::settling_time;

/// Ids of folders by path, as far as they were looked up.
#[derive(Debug, Default)]
pub(super) struct FolderIds(HashMap<RelPath, Option<ItemId>>);

impl Engine {
    pub(super) async fn look_at(
        &self,
        side: Side,
        doubt: &Doubt,
        folders: &mut FolderIds,
        look: &mut Look,
    ) -> Result<()> {
        let mut wanted: VecDeque<(RelPath, bool)> =
            doubt.folders.iter().map(|(f, &d)| (f.clone(), d)).collect();
        if doubt.all {
            wanted = VecDeque::from([(RelPath::root(), true)]);
        }
        let mut whole: BTreeSet<RelPath> = BTreeSet::new();
        while let Some((folder, deep)) = wanted.pop_front() {
            let mut above = std::iter::successors(Some(folder.clone()), RelPath::parent);
            if above.any(|at| whole.contains(&at)) {
                continue;
            }
            if self.folder_id(side, &folder, folders)?.is_none() {
                // The folder is new to us: the nearest known one above shows it.
                if let Some(above) = folder.parent() {
                    wanted.push_back((above, true));
                }
                continue;
            }
            let depth = if deep {
                Depth::Subtree
            } else {
                Depth::Children
            };
            let mut listing = self.root(side).list(&folder, depth);
            let mut ended = false;
            while let Some(listed) = listing.next().await {
                let listed = match listed {
                    Err(error) if error.cause == Cause::NotFound && !folder.is_root() => {
                        wanted.extend(folder.parent().map(|above| (above, false)));
                        ended = true;
                        break;
                    }
                    Err(error) if error.cause == Cause::Forbidden && !folder.is_root() => {
                        self.take(side, unreadable(&folder), folders, look)?;
                        ended = true;
                        break;
                    }
                    other => other.map_err(Self::storage_error(side))?,
                };
                ended |= listed == Listed::End;
                let new = self.take(side, listed, folders, look)?;
                if !deep {
                    wanted.extend(new.into_iter().map(|f| (f, true)));
                }
            }
            complete(side, ended)?;
            if deep {
                whole.insert(folder);
            }
        }
        Ok(())
    }

    /// Stores one message of a listing. Answers folders of whose children the state knows nothing.
    pub(super) fn take(
        &self,
        side: Side,
        listed: Listed,
        folders: &mut FolderIds,
        look: &mut Look,
    ) -> Result<Vec<RelPath>> {
        match listed {
            Listed::End => Ok(Vec::new()),
            Listed::Unreadable(skipped) => {
                note_looked(side, &skipped.folder, look);
                self.problem(side, &skipped, look);
                if skipped.folder.is_root() {
                    return Err(EngineError::Storage {
                        side,
                        error: StorageError::new(
                            "list",
                            Cause::Forbidden,
                            "the folder cannot be read",
                        ),
                    });
                }
                look.untold.insert((side, skipped.folder.clone()));
                look.unreadable.insert((side, skipped.folder));
                Ok(Vec::new())
            }
            Listed::Folder(listing) => {
                note_looked(side, &listing.folder, look);
                self.take_folder(side, listing, folders, look)
            }
        }
    }

    /// Marks what could not be listed, once all that could was.
    pub(super) fn mark_unreadable(&self, look: &Look) -> Result<()> {
        if removed!("completeness") {
            return Ok(());
        }
        for (side, folder) in &look.unreadable {
            let (Some(parent), Some(name)) = (folder.parent(), folder.name()) else {
                continue;
            };
            let mut state = self.state();
            if let Some(parent) = state.folder_by_path(*side, &parent)? {
                state.see_unknown(*side, parent, &name)?;
            }
        }
        Ok(())
    }

    fn take_folder(
        &self,
        side: Side,
        listing: FolderListing,
        folders: &mut FolderIds,
        look: &mut Look,
    ) -> Result<Vec<RelPath>> {
        if self.is_left_out(side, &listing.folder) || look.is_withheld(side, &listing.folder) {
            self.note_left_out(side, &listing.entries, look);
            if look.is_withheld(side, &listing.folder) {
                look.untold.insert((side, listing.folder));
            }
            return Ok(Vec::new());
        }
        let id = self.expected_folder_id(side, &listing.folder, folders)?;
        for skipped in &listing.skipped {
            self.problem(side, skipped, look);
        }
        look.entries[side] += listing.entries.len() as u64;
        let mut seen = self.sift(side, &listing.folder, listing.entries, look);
        seen.unknown.extend(
            listing
                .skipped
                .iter()
                .filter(|_| !removed!("completeness"))
                .filter_map(|s| Name::new(s.shown.as_str()).ok()),
        );
        let is_told = listing.skipped.is_empty() && seen.is_told();
        let below = look.noting[side].folders_in(&seen.entries);
        let unsettled = seen.unsettled.clone();
        let shows = !seen.entries.is_empty() || !seen.unknown.is_empty();
        let hiding = seen.hiding_folders();
        let mut state = self.state();
        let unlisted = state.see_folder(side, id, self.capabilities(side), seen)?;
        if listing.folder.is_root() {
            // What another filter leaves out from now on is there all the same.
            look.empty[side] = !shows && !state.is_anything_excluded(side, id)?;
        }
        note_unsettled(&state, side, (id, &listing.folder), unsettled, look)?;
        for name in hiding {
            if state.is_unknown(side, id, &name)? && !removed!("completeness") {
                look.withheld.insert((side, listing.folder.join(&name)));
            }
        }
        let mut new = Vec::new();
        for (name, id) in unlisted {
            let path = listing.folder.join(&name);
            folders.0.insert(path.clone(), Some(id));
            new.push(path);
        }
        drop(state);
        if !is_told {
            look.untold.insert((side, listing.folder.clone()));
        }
        self.note_shown(side, (id, &listing.folder), &below, look)?;
        Ok(new)
    }

    /// Whether a filter leaves a folder out, which `side` spells so.
    pub(super) fn is_left_out(&self, side: Side, folder: &RelPath) -> bool {
        self.is_out()(side, folder, Kind::Folder)
    }

    /// Whether the filter of now leaves out what a side has at a path in its spelling.
    pub(crate) fn is_out(&self) -> impl Fn(Side, &RelPath, Kind) -> bool {
        let (filter, now) = (self.filter(), self.now());
        move |side, path, kind| {
            let canonical = self.canonical(side, path);
            let verdict = filter.verdict(&canonical, kind, None, None, now);
            !verdict.is_included()
        }
    }

    fn note_left_out(&self, side: Side, entries: &[Entry], look: &mut Look) {
        if self.lags_behind(side) {
            look.left_out[side].extend(entries.iter().filter_map(|entry| entry.id.clone()));
        }
    }

    fn canonical(&self, side: Side, folder: &RelPath) -> RelPath {
        names::decode_path(folder, &self.capabilities(side).names)
            .unwrap_or_else(|_| folder.clone())
    }

    /// Tells apart what of a folder is carried, what is still being written and what a filter leaves out.
    pub(super) fn sift(
        &self,
        side: Side,
        folder: &RelPath,
        entries: Vec<Entry>,
        look: &mut Look,
    ) -> FolderSeen {
        let now = self.now();
        let filter = self.filter();
        let verdicts = filter.within(&self.canonical(side, folder));
        let rules = &self.capabilities(side).names;
        let quiet = (self.setup.options.limits.quiet * 1_000_000)
            .max(settling_time(self.capabilities(side)));
        let quiet = i64::try_from(quiet).unwrap_or(i64::MAX);
        let mut seen = FolderSeen::default();
        let may_show_two = self.lags_behind(side) && !self.capabilities(side).twins;
        let mut shown = BTreeSet::new();
        for entry in entries {
            // A name has one item here: of two, one is no longer or not yet there, and the next listing may tell.
            if may_show_two && !shown.insert(entry.name.clone()) {
                seen.unsettled.push(entry.name);
                continue;
            }
            let name = names::decode_name(&entry.name, rules)
                .map_or_else(|_| entry.name.clone(), |n| n.into_owned());
            let verdict = of_entry(&verdicts, &name, &entry, now);
            if !verdict.is_included() {
                self.note_left_out(side, std::slice::from_ref(&entry), look);
                leave_out(&mut seen, &verdicts, &name, entry, &verdict);
                continue;
            }
            if entry.kind == Kind::File
                && let Some(touched) = entry.touched_at()
                && now.0.saturating_sub(touched.0) < quiet
                && touched.0.saturating_sub(now.0) < 2_000_000_000
                && !mutant!("P8 a file is carried while it is being written")
            {
                seen.unsettled.push(entry.name.clone());
            }
            if entry.name.as_str() == IGNORE_FILE && entry.kind == Kind::File {
                look.ignore_files
                    .insert((side, folder.clone()), entry.clone());
            }
            seen.entries.push(entry);
        }
        seen
    }

    pub(super) fn problem(&self, side: Side, skipped: &Skipped, look: &mut Look) {
        let why = match skipped.why {
            Skip::NotUnicode => "not_unicode",
            Skip::BadName => "bad_name",
            Skip::Unreadable => "unreadable",
            Skip::MountGone => "mount_gone",
            Skip::ShadowedByFolder => "shadowed_by_folder",
            Skip::Unsettled => "",
        };
        let path = if skipped.shown.is_empty() {
            skipped.folder.to_string()
        } else if skipped.folder.is_root() {
            skipped.shown.clone()
        } else {
            format!("{}/{}", skipped.folder, skipped.shown)
        };
        if skipped.why == Skip::Unsettled {
            // It is looked at again soon, by its name if it has one.
            look.being_written
                .extend(RelPath::new(&path).ok().map(|path| (side, path)));
            return;
        }
        look.problems.insert(ProblemRow {
            side,
            path,
            why: why.to_owned(),
            detail: String::new(),
        });
    }

    /// The id under which the state knows a folder of a side; `None` if it does not.
    fn folder_id(
        &self,
        side: Side,
        path: &RelPath,
        folders: &mut FolderIds,
    ) -> Result<Option<ItemId>> {
        if path.is_root() {
            return Ok(Some(ItemId::ROOT));
        }
        if let Some(id) = folders.0.get(path) {
            return Ok(*id);
        }
        let (Some(parent), Some(name)) = (path.parent(), path.name()) else {
            return Ok(None);
        };
        let id = match self.folder_id(side, &parent, folders)? {
            Some(parent) => self.state().folder_at(side, parent, &name)?,
            None => None,
        };
        folders.0.insert(path.clone(), id);
        Ok(id)
    }

    /// The id of a folder whose children are told, perhaps before itself.
    fn expected_folder_id(
        &self,
        side: Side,
        path: &RelPath,
        folders: &mut FolderIds,
    ) -> Result<ItemId> {
        if let Some(id) = self.folder_id(side, path, folders)? {
            return Ok(id);
        }
        let (Some(parent), Some(name)) = (path.parent(), path.name()) else {
            return Ok(ItemId::ROOT);
        };
        let parent = self.expected_folder_id(side, &parent, folders)?;
        let id = self.state().expect_folder(side, parent, &name)?;
        folders.0.insert(path.clone(), Some(id));
        Ok(id)
    }
}

fn note_looked(side: Side, folder: &RelPath, look: &mut Look) {
    if let Some(looked) = &mut look.looked[side] {
        looked.insert(folder.clone());
    }
}

/// Notes which of these files of a folder are not in step and still being written.
pub(super) fn note_unsettled(
    state: &State,
    side: Side,
    (folder, path): (ItemId, &RelPath),
    names: Vec<Name>,
    look: &mut Look,
) -> Result<()> {
    for name in names {
        if state.is_unsettled(side, folder, &name)? {
            look.being_written.insert((side, path.join(&name)));
        }
    }
    Ok(())
}

pub(super) fn unreadable(folder: &RelPath) -> Listed {
    Listed::Unreadable(Skipped {
        folder: folder.clone(),
        shown: String::new(),
        why: Skip::Unreadable,
    })
}

#[track_caller]
pub(super) fn complete(side: Side, ended: bool) -> Result<()> {
    if ended || removed!("completeness") {
        return Ok(());
    }
    let error = StorageError::new("list", Cause::BadResponse, "the listing ended early");
    Err(EngineError::Storage { side, error })
}
