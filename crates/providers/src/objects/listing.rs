//! `list`: the pages are fetched ahead of the reader and put together to folders on the way.

use std::sync::Arc;

use futures_util::stream;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::RelPath;
use tandem_core::removed;
use tandem_core::storage::{Depth, Listed, ListingStream};
use tokio::sync::mpsc;

use super::bucket::Bucket;
use super::follow::Follow;
use super::keys::folder_key;
use super::object::Query;
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
pub(super) fn listing(bucket: Arc<Bucket>, listing: Listing) -> ListingStream {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let environment = Arc::clone(&bucket.environment);
    let task = environment.spawn(Box::pin(async move {
        if let Err(error) = tell(&bucket, &listing, &sender).await {
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
    bucket: &Bucket,
    listing: &Listing,
    sender: &mpsc::Sender<Result<Listed>>,
) -> Result<()> {
    let Listing {
        prefix: root,
        folder,
        depth,
        may_be_missing,
    } = listing;
    let prefix = folder_key(root, folder, bucket.longest_key(), "list")?;
    let query = Query {
        prefix: prefix.clone(),
        delimited: *depth == Depth::Children,
        most: None,
    };
    let mut assembler = Assembler::new(folder.clone(), bucket.longest_key());
    let mut token: Option<String> = None;
    let mut follow = Follow::default();
    loop {
        let page = bucket.page(&query, token.as_deref()).await?;
        let brought = page.objects.len() + page.folders.len();
        for object in &page.objects {
            let below = below(&object.key, &prefix)?;
            assembler.object(below, object.size, |name| bucket.listed_entry(name, object))?;
        }
        for child in &page.folders {
            assembler.child_folder(below(child, &prefix)?)?;
        }
        if !send(bucket, root, assembler.take_finished(), sender).await? {
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
    if !assembler.has_seen_keys() && *may_be_missing && !bucket.known.has(&prefix) {
        return Err(StorageError::new("list", Cause::NotFound, ""));
    }
    if send(bucket, root, assembler.finish()?, sender).await? {
        let _ = sender.send(Ok(Listed::End)).await;
    }
    Ok(())
}

/// Hands on what is complete; `false` once nobody reads any more.
async fn send(
    bucket: &Bucket,
    root: &str,
    finished: Vec<Finished>,
    sender: &mpsc::Sender<Result<Listed>>,
) -> Result<bool> {
    for Finished {
        listing,
        has_marker,
    } in finished
    {
        let longest = bucket.longest_key();
        let key = folder_key(root, &listing.folder, longest, "list")?;
        bucket.known.add(&key, has_marker);
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
