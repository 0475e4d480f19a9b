//! Listing, a whole folder at an instant.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::stream;
use tandem_core::error::{Cause, Result};
use tandem_core::path::RelPath;
use tandem_core::storage::{Depth, FolderListing, Listed, ListingStream, Skip, Skipped};

use super::database::{Database, Transaction};
use super::item::Item;
use super::place::refused;
use super::sql::Work;

/// A folder that is still to be listed: its id and where it was seen.
type Seen = (i64, RelPath);

/// A listing under way.
struct Walk {
    database: Arc<Database>,
    base: RelPath,
    folder: RelPath,
    depth: Depth,
    queue: Option<VecDeque<Seen>>,
    ended: bool,
}

/// Lists `folder` below the root at `base`.
pub(super) fn list(
    database: &Arc<Database>,
    base: &RelPath,
    folder: &RelPath,
    depth: Depth,
) -> ListingStream {
    let walk = Walk {
        database: Arc::clone(database),
        base: base.clone(),
        folder: folder.clone(),
        depth,
        queue: None,
        ended: false,
    };
    Box::pin(stream::unfold(walk, |mut walk| async move {
        if walk.ended {
            return None;
        }
        let listed = walk.next().await;
        walk.ended = matches!(listed, Err(_) | Ok(Listed::End));
        let listed = listed.map_err(|error| match error.path {
            Some(_) => error,
            None => error.at(&walk.folder),
        });
        Some((listed, walk))
    }))
}

impl Walk {
    async fn next(&mut self) -> Result<Listed> {
        let mut queue = match self.queue.take() {
            Some(queue) => queue,
            None => VecDeque::from([self.begin().await?]),
        };
        let Some(seen) = queue.pop_front() else {
            return Ok(Listed::End);
        };
        let (base, at) = (self.base.clone(), seen.clone());
        let look = move |transaction: &mut Transaction<'_>| {
            let root = transaction.root(&base)?;
            transaction.list_folder(root, &at)
        };
        let found = self.database.run("list", Work::Read, look).await?;
        let listed = match found {
            None => Listed::Unreadable(Skipped {
                folder: seen.1,
                shown: String::new(),
                why: Skip::Unsettled,
            }),
            Some((listing, folders)) => {
                if self.depth == Depth::Subtree {
                    queue.extend(folders);
                }
                Listed::Folder(listing)
            }
        };
        self.queue = Some(queue);
        Ok(listed)
    }

    async fn begin(&self) -> Result<Seen> {
        let (base, folder) = (self.base.clone(), self.folder.clone());
        let find = move |at: &mut Transaction<'_>| {
            let root = at.root(&base)?;
            let id = at.folder_at(root, &folder)?;
            Ok((id.ok_or_else(|| refused(Cause::NotFound))?, folder.clone()))
        };
        self.database.run("list", Work::Read, find).await
    }
}

impl Transaction<'_> {
    /// One folder and the folders in it; `None` if it was moved or removed since it was seen.
    fn list_folder(
        &mut self,
        root: i64,
        (id, path): &Seen,
    ) -> Result<Option<(FolderListing, Vec<Seen>)>> {
        if self.path_of(root, *id)?.as_ref() != Some(path) {
            return Ok(None);
        }
        let mut listing = FolderListing {
            folder: path.clone(),
            entries: Vec::new(),
            skipped: Vec::new(),
        };
        let mut folders = Vec::new();
        for item in self.children(*id)? {
            let Some(entry) = item.entry() else {
                listing.skipped.push(bad_name(path, &item));
                continue;
            };
            if entry.name.is_reserved() {
                continue;
            }
            if item.is_folder() {
                folders.push((item.id, path.join(&entry.name)));
            }
            listing.entries.push(entry);
        }
        Ok(Some((listing, folders)))
    }
}

fn bad_name(folder: &RelPath, item: &Item) -> Skipped {
    Skipped {
        folder: folder.clone(),
        shown: item.name.replace(['/', '\0'], "\u{fffd}"),
        why: Skip::BadName,
    }
}
