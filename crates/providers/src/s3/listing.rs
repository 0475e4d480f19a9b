//! `list`: the pages are fetched ahead of the reader and put together to folders on the way.

use std::sync::Arc;

use futures_util::stream;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::RelPath;
use tandem_core::removed;
use tandem_core::storage::{Depth, Listed, ListingStream};
use tokio::sync::mpsc;

use super::follow::Follow;
use super::keys::folder_key;
use super::pages::{PAGE, Query};
use super::store::Store;
use super::tree::{Assembler, Finished};

/// How many folders are held ready for the reader.
const AHEAD: usize = 64;

/// What is to be listed.
pub(super) struct Listing {
    /// The prefix of the root.
    pub(super) prefix: String,
    /// The folder below it.
    pub(super) folder: RelPath,
    pub(super) depth: Depth,
    /// Whether nothing at all means that the folder is not there, rather than empty.
    pub(super) may_be_missing: bool,
}

/// Lists a folder.
pub(super) fn listing(store: Arc<Store>, listing: Listing) -> ListingStream {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let environment = Arc::clone(&store.bucket.environment);
    let task = environment.spawn(Box::pin(async move {
        if let Err(error) = tell(&store, &listing, &sender).await {
            // A reader that is gone needs no error.
            let _ = sender.send(Err(error.at(&listing.folder))).await;
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
    listing: &Listing,
    sender: &mpsc::Sender<Result<Listed>>,
) -> Result<()> {
    let Listing {
        prefix: root,
        folder,
        depth,
        may_be_missing,
    } = listing;
    let prefix = folder_key(root, folder, "list")?;
    let query = Query {
        prefix: prefix.clone(),
        delimited: *depth == Depth::Children,
        most: PAGE,
    };
    let mut assembler = Assembler::new(folder.clone());
    let mut token: Option<String> = None;
    let mut follow = Follow::default();
    loop {
        let page = store.bucket.page(&query, token.as_deref()).await?;
        let brought = page.objects.len() + page.folders.len();
        for object in &page.objects {
            let below = below(&object.key, &prefix)?;
            assembler.object(below, object.size, |name| store.listed_entry(name, object))?;
        }
        for child in &page.folders {
            assembler.child_folder(below(child, &prefix)?)?;
        }
        if !send(store, root, assembler.take_finished(), sender).await? {
            return Ok(());
        }
        let Some(next) = page.next else { break };
        if let Err(error) = follow.to(&next, brought, "list")
            && !removed!("completeness")
        {
            return Err(error);
        }
        token = Some(next);
    }
    if !assembler.has_seen_keys() && *may_be_missing && !store.known.has(&prefix) {
        return Err(StorageError::new("list", Cause::NotFound, ""));
    }
    if send(store, root, assembler.finish()?, sender).await? {
        let _ = sender.send(Ok(Listed::End)).await;
    }
    Ok(())
}

/// Hands on what is complete; `false` once nobody reads any more.
async fn send(
    store: &Store,
    root: &str,
    finished: Vec<Finished>,
    sender: &mpsc::Sender<Result<Listed>>,
) -> Result<bool> {
    for Finished {
        listing,
        has_marker,
    } in finished
    {
        store
            .known
            .add(&folder_key(root, &listing.folder, "list")?, has_marker);
        if sender.send(Ok(Listed::Folder(listing))).await.is_err() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn below<'a>(key: &'a [u8], prefix: &str) -> Result<&'a [u8]> {
    key.strip_prefix(prefix.as_bytes()).ok_or_else(|| {
        StorageError::new("list", Cause::BadResponse, "a key that was not asked for")
    })
}
