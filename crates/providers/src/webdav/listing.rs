//! `list`: one PROPFIND a folder, several at once. Servers refuse to list a whole tree in one (RFC 4918, section 9.1).

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::stream::{self, FuturesUnordered};
use futures_util::{FutureExt, StreamExt};
use tandem_core::entry::Entry;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::{Name, RelPath};
use tandem_core::storage::{Depth, FolderListing, Listed, ListingStream, Skip, Skipped};
use tokio::sync::mpsc;
use url::Url;

use super::address::{Ending, below, decoded};
use super::client::Tries;
use super::errors::bad_answer;
use super::resource::Resource;
use super::storage::Store;
use super::xml::Response;

/// How many folders are held ready for the reader.
const AHEAD: usize = 64;

/// Folders that are asked for at once.
const AT_ONCE: usize = 8;

/// Lists a folder.
pub(super) fn listing(
    store: Arc<Store>,
    base: Url,
    folder: RelPath,
    depth: Depth,
) -> ListingStream {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let environment = Arc::clone(&store.server.environment);
    let task = environment.spawn(Box::pin(async move {
        if let Err(error) = tell(&store, &base, &folder, depth, &sender).await {
            // A reader that is gone needs no error.
            let _ = sender.send(Err(error.at(&folder))).await;
        }
    }));
    // The task is held by the stream and ends with it.
    Box::pin(stream::unfold(
        (receiver, task),
        |(mut receiver, task)| async move {
            let next: Result<Listed> = receiver.recv().await?;
            Some((next, (receiver, task)))
        },
    ))
}

async fn tell(
    store: &Store,
    base: &Url,
    top: &RelPath,
    depth: Depth,
    sender: &mpsc::Sender<Result<Listed>>,
) -> Result<()> {
    let mut waiting = VecDeque::from([top.clone()]);
    let mut asked = FuturesUnordered::new();
    loop {
        while asked.len() < AT_ONCE
            && let Some(folder) = waiting.pop_front()
        {
            let listed = store.children(base, folder.clone());
            asked.push(listed.map(|listed| (folder, listed)).boxed());
        }
        let Some((folder, listed)) = asked.next().await else {
            break;
        };
        let listed = match listed {
            Ok(listing) => {
                if depth == Depth::Subtree {
                    waiting.extend(folders_of(&listing));
                }
                Listed::Folder(listing)
            }
            Err(error) => Listed::Unreadable(unreadable(&folder, top, error)?),
        };
        if sender.send(Ok(listed)).await.is_err() {
            return Ok(());
        }
    }
    let _ = sender.send(Ok(Listed::End)).await;
    Ok(())
}

fn folders_of(listing: &FolderListing) -> impl Iterator<Item = RelPath> + '_ {
    let folders = listing
        .entries
        .iter()
        .filter(|entry| entry.kind == tandem_core::entry::Kind::Folder);
    folders.map(|entry| listing.folder.join(&entry.name))
}

/// Why a folder below the listed one is left out; the error where the listing cannot go on without it.
fn unreadable(folder: &RelPath, top: &RelPath, error: StorageError) -> Result<Skipped> {
    let why = match error.cause {
        _ if folder == top => return Err(error),
        Cause::NotFound => Skip::Unsettled,
        Cause::Forbidden | Cause::Locked => Skip::Unreadable,
        _ => return Err(error),
    };
    Ok(Skipped {
        folder: folder.clone(),
        shown: String::new(),
        why,
    })
}

impl Store {
    /// The children of one folder, all of them.
    pub(super) async fn children(&self, base: &Url, folder: RelPath) -> Result<FolderListing> {
        let url = below(base, &folder, Ending::Folder);
        let found = self
            .server
            .propfind(Tries::Many, "list", url.clone(), 1)
            .await?;
        let listing = self.assemble(folder, found)?;
        self.known.add(url.as_str(), true);
        Ok(listing)
    }

    /// Puts the answers about a folder together. The folder itself is among them, under whatever address the server
    /// knows it by: behind a gateway that may be another than was asked for.
    fn assemble(&self, folder: RelPath, found: Vec<Response>) -> Result<FolderListing> {
        let mut found: Vec<_> = found
            .into_iter()
            .map(|response| (decoded(&response.href), response))
            .collect();
        let own = found
            .iter()
            .enumerate()
            .min_by_key(|(_, (names, _))| names.len())
            .map(|(nth, _)| nth)
            .ok_or_else(|| bad_answer("list", "an answer about nothing"))?;
        let (own, folder_itself) = found.swap_remove(own);
        if matches!(folder_itself.status, Some(404 | 410)) || !folder_itself.props.is_collection {
            return Err(StorageError::new(
                "list",
                Cause::NotFound,
                "there is no such folder",
            ));
        }
        let mut listing = FolderListing {
            folder,
            entries: Vec::with_capacity(found.len()),
            skipped: Vec::new(),
        };
        for (names, response) in found {
            match names.split_last() {
                Some((name, parent)) if parent == own => self.child(&mut listing, name, &response),
                // Told twice, or deeper than was asked: nothing can be concluded from such an answer (P10).
                _ => return Err(bad_answer("list", "an address that was not asked for")),
            }
        }
        let mut names: Vec<_> = listing.entries.iter().map(|entry| &entry.name).collect();
        names.sort_unstable();
        if names.windows(2).any(|two| two[0] == two[1]) {
            return Err(bad_answer("list", "one name comes twice"));
        }
        Ok(listing)
    }

    fn child(&self, listing: &mut FolderListing, name: &[u8], response: &Response) {
        match self.shown(name, response) {
            Ok(entry) if entry.name.is_reserved() => {}
            Ok(entry) => listing.entries.push(entry),
            Err(why) => listing.skipped.push(Skipped {
                folder: listing.folder.clone(),
                shown: String::from_utf8_lossy(name).into_owned(),
                why,
            }),
        }
    }

    fn shown(&self, name: &[u8], response: &Response) -> std::result::Result<Entry, Skip> {
        let name = std::str::from_utf8(name).map_err(|_| Skip::NotUnicode)?;
        let name = Name::new(name).map_err(|_| Skip::BadName)?;
        if !response.props.is_found {
            let is_forbidden = matches!(response.status, Some(401 | 403));
            return Err(if is_forbidden {
                Skip::Unreadable
            } else {
                Skip::Unsettled
            });
        }
        Ok(Resource::new(&response.props).entry(name, &self.capabilities))
    }
}
