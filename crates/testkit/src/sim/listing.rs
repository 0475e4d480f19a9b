//! Listing a simulated storage. Invariant: the end marker comes only after every folder came or was named
//! as unreadable; a folder's listing is of one instant.

use std::collections::{BTreeMap, VecDeque};

use futures_util::stream;
use tandem_core::entry::{Entry, Kind, Mtime};
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::RelPath;
use tandem_core::storage::{Depth, FolderListing, Listed, ListingStream, Skip, Skipped};

use super::environment::yield_now;
use super::faults::Fault;
use super::state::State;
use super::storage::SimStorage;
use super::tree::Serial;
use super::write::fail;

/// How often a lagging listing shows an older entry, in percent, without any fault.
const USUAL_LAG: u32 = 25;

struct Walk {
    storage: SimStorage,
    top: RelPath,
    depth: Depth,
    begun: bool,
    ended: bool,
    queue: VecDeque<(Serial, RelPath)>,
}

impl SimStorage {
    pub(super) fn listing(&self, folder: &RelPath, depth: Depth) -> ListingStream {
        let walk = Walk {
            storage: self.clone(),
            top: folder.clone(),
            depth,
            begun: false,
            ended: false,
            queue: VecDeque::new(),
        };
        Box::pin(stream::unfold(walk, |mut walk| async move {
            let listed = walk.next().await?;
            walk.ended |= matches!(listed, Err(_) | Ok(Listed::End));
            Some((listed, walk))
        }))
    }
}

impl Walk {
    async fn next(&mut self) -> Option<Result<Listed>> {
        if self.ended {
            return None;
        }
        if !self.begun {
            self.begun = true;
            if let Err(error) = self.begin().await {
                return Some(Err(error));
            }
        }
        yield_now().await;
        let mut state = self.storage.state();
        let Some((serial, path)) = self.queue.pop_front() else {
            drop(state);
            self.storage.note("list", &self.top, "ok");
            return Some(Ok(Listed::End));
        };
        if state.strikes(Fault::PartialListing) {
            let error = StorageError::new("list", Cause::Offline, "the listing broke off");
            return Some(Err(error.at(&path)));
        }
        if state.strikes(Fault::CutListing) {
            return None;
        }
        if state.strikes(Fault::UnreadableFolder) {
            state.unreadable.insert(serial);
        }
        if !state.shape.capabilities.feed && state.strikes(Fault::LostAccess) {
            state.lose_something();
        }
        let settled = state.is_folder(serial) && state.tree.path_of(serial) == path;
        if !settled || state.is_lost(serial) || state.is_shut(serial) {
            let why = if settled {
                Skip::Unreadable
            } else {
                Skip::Unsettled
            };
            return Some(Ok(Listed::Unreadable(Skipped {
                folder: path,
                shown: String::new(),
                why,
            })));
        }
        let (listing, folders) = state.list_folder(serial, path);
        drop(state);
        if self.depth == Depth::Subtree {
            self.queue.extend(folders);
        }
        Some(Ok(Listed::Folder(listing)))
    }

    async fn begin(&mut self) -> Result<()> {
        self.storage.begin("list", &self.top).await?;
        let state = self.storage.state();
        let serial = state
            .tree
            .folder_at(&self.top)
            .filter(|serial| state.is_visible(*serial) && !state.is_hidden(*serial))
            .ok_or_else(|| fail("list", Cause::NotFound, &self.top))?;
        let path = state.tree.path_of(serial);
        self.queue.push_back((serial, path));
        Ok(())
    }
}

impl State {
    /// One folder and the folders in it.
    fn list_folder(
        &mut self,
        folder: Serial,
        path: RelPath,
    ) -> (FolderListing, Vec<(Serial, RelPath)>) {
        let mut shown: BTreeMap<Serial, Entry> = BTreeMap::new();
        let mut skipped = Vec::new();
        let children: Vec<Serial> = self.tree.children(folder).collect();
        for serial in children {
            let Some(entry) = self.entry(serial) else {
                continue;
            };
            if !self.is_visible(serial) || entry.name.is_reserved() {
                continue;
            }
            if self.is_hidden(serial) || self.unlisted.contains(&serial) {
                continue;
            }
            let why = if self.lost.contains(&serial) {
                Some(Skip::Unreadable)
            } else if self.restless.contains(&serial) {
                Some(Skip::Unsettled)
            } else {
                self.is_shadowed(serial).then_some(Skip::ShadowedByFolder)
            };
            if let Some(why) = why {
                skipped.push(Skipped {
                    folder: path.clone(),
                    shown: entry.name.to_string(),
                    why,
                });
            } else {
                shown.insert(serial, entry);
            }
        }
        self.lag_behind(folder, &mut shown);
        if self.shape.capabilities.listing_lacks_meta {
            self.leave_out_meta(&mut shown);
        }
        let folders = shown
            .iter()
            .filter(|(serial, _)| self.is_folder(**serial))
            .map(|(serial, entry)| (*serial, path.join(&entry.name)))
            .collect();
        let mut entries: Vec<Entry> = shown.into_values().collect();
        self.rng.shuffle(&mut entries);
        let listing = FolderListing {
            folder: path,
            entries,
            skipped,
        };
        (listing, folders)
    }

    /// Shows when a file was uploaded in place of what a client set.
    fn leave_out_meta(&self, shown: &mut BTreeMap<Serial, Entry>) {
        let files = shown.iter_mut().filter(|(_, e)| e.kind == Kind::File);
        for (serial, entry) in files {
            let written = self.tree.get(*serial).map(|node| node.ctime);
            let written = written.filter(|_| self.shape.habits.shows_upload_time);
            entry.executable = None;
            entry.mtime = written.map(|at| Mtime {
                at,
                by_client: false,
            });
        }
    }

    /// Shows some recent changes of a folder as if they had not been yet.
    fn lag_behind(&mut self, folder: Serial, shown: &mut BTreeMap<Serial, Entry>) {
        let now = self.uptime();
        let lag = self.shape.habits.lag.as_nanos() as u64;
        let recent: Vec<(Serial, Option<Entry>)> = self
            .recent
            .iter()
            .rev()
            .filter(|recent| recent.folder == folder && now - recent.at <= lag)
            .map(|recent| (recent.serial, recent.before.clone()))
            .collect();
        let mut caught_up = Vec::new();
        for (serial, before) in recent {
            if caught_up.contains(&serial) || self.lost.contains(&serial) {
                continue;
            }
            // Once a change is shown, so is everything older of the same item.
            if !self.rng.chance(USUAL_LAG) && !self.strikes(Fault::StaleListing) {
                caught_up.push(serial);
                continue;
            }
            match before {
                // The ghost of a folder would have to be listed too.
                Some(entry) if entry.kind != Kind::Folder => {
                    shown.insert(serial, entry);
                }
                Some(_) => {}
                None => drop(shown.remove(&serial)),
            }
        }
    }
}
