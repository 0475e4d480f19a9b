//! Listing folders, alone or with all below.
//!
//! A subtree is listed folder by folder, last in, first out, on a few threads of its own that end with the
//! stream. What they list goes to the listener in batches: waking it for each folder costs more than listing one. Each folder is opened anew from the root, so that a scan holds one handle per thread and sees
//! what is there under the path it names. A folder is sent before those in it.

mod folder;
mod queue;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use tandem_core::error::{Cause, Result};
use tandem_core::path::RelPath;
use tandem_core::storage::{Depth, Listed, ListingStream, Skip, Skipped};
use tokio::sync::mpsc;

use crate::disk::{Anchor, Disk, is_reserved};
use crate::errors::{Context as _, refused};
use folder::{Outcome, Room};
use queue::Queue;

/// Threads of one scan. More than two gain nothing on the disks measured: the kernel's own work is the bound.
const THREADS: usize = 2;

/// Batches on their way to the listener.
const AHEAD: usize = 4;

/// Folders in one batch, at most.
const MOST_FOLDERS: usize = 32;

/// Entries from which on a batch is sent, so that few large folders are as much as many small ones.
const MANY_ENTRIES: usize = 1024;

/// What is sent at a time.
type Batch = Vec<Result<Listed>>;

/// Lists `folder`.
pub(crate) fn list(disk: Arc<Disk>, folder: RelPath, depth: Depth) -> ListingStream {
    Box::pin(Listing::Fresh(disk, folder, depth))
}

enum Listing {
    Fresh(Arc<Disk>, RelPath, Depth),
    /// All there is to say, last first.
    Ready(Vec<Result<Listed>>),
    Running {
        batch: std::vec::IntoIter<Result<Listed>>,
        arriving: mpsc::Receiver<Batch>,
        _stop: Stop,
    },
}

/// Stops the threads when the stream is dropped.
struct Stop(Arc<Queue>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl Stream for Listing {
    type Item = Result<Listed>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match &mut *self {
                Self::Fresh(disk, folder, depth) => {
                    let started = start(disk, folder, *depth);
                    *self = started;
                }
                Self::Ready(rest) => return Poll::Ready(rest.pop()),
                Self::Running {
                    batch, arriving, ..
                } => {
                    if let Some(listed) = batch.next() {
                        return Poll::Ready(Some(listed));
                    }
                    match arriving.poll_recv(cx) {
                        Poll::Ready(Some(next)) => *batch = next.into_iter(),
                        Poll::Ready(None) => return Poll::Ready(None),
                        Poll::Pending => return Poll::Pending,
                    }
                }
            }
        }
    }
}

fn unreadable(folder: &RelPath, why: Skip) -> Listed {
    Listed::Unreadable(Skipped {
        folder: folder.clone(),
        shown: String::new(),
        why,
    })
}

/// Lists the first folder at once, and what is below by threads.
fn start(disk: &Arc<Disk>, folder: &RelPath, depth: Depth) -> Listing {
    let anchor = match open(disk, folder) {
        Ok(Some(anchor)) => anchor,
        Ok(None) => {
            let gone = unreadable(folder, Skip::MountGone);
            return Listing::Ready(vec![Ok(Listed::End), Ok(gone)]);
        }
        Err(error) => return Listing::Ready(vec![Err(error)]),
    };
    let mut room = Room::new();
    let (first, below) = match folder::list(disk, &anchor.folder, folder, &mut room) {
        Outcome::Listed(listing, below) => (Listed::Folder(listing), below),
        Outcome::Unreadable(why) => (unreadable(folder, why), Vec::new()),
        Outcome::Missing => {
            let missing = refused("list", folder, Cause::NotFound, "there is no such folder");
            return Listing::Ready(vec![Err(missing)]);
        }
    };
    if depth == Depth::Children || below.is_empty() {
        save_mounts(disk);
        return Listing::Ready(vec![Ok(Listed::End), Ok(first)]);
    }
    run(disk, anchor, first, below)
}

/// The root, if `folder` may be looked at; `None` if it lies on a mount that is gone.
fn open(disk: &Disk, folder: &RelPath) -> Result<Option<Arc<Anchor>>> {
    let anchor = disk.anchor().context("list", folder)?;
    if is_reserved(folder) {
        let why = "Tandem keeps it for itself";
        return Err(refused("list", folder, Cause::NameRefused, why));
    }
    match disk.mounts.check("list", &anchor, folder) {
        Ok(()) => Ok(Some(anchor)),
        Err(error) if error.cause == Cause::Offline => Ok(None),
        Err(error) => Err(error),
    }
}

fn run(disk: &Arc<Disk>, anchor: Arc<Anchor>, first: Listed, below: Vec<RelPath>) -> Listing {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let queue = Arc::new(Queue::new(below));
    let mut started = 0;
    for _ in 0..THREADS {
        let worker = Worker {
            disk: disk.clone(),
            anchor: anchor.clone(),
            queue: queue.clone(),
            sender: sender.clone(),
        };
        let spawned = std::thread::Builder::new()
            .name("tandem-scan".to_owned())
            .spawn(move || worker.run());
        match spawned {
            Ok(_) => started += 1,
            Err(error) => tracing::warn!(%error, "a thread for the scan cannot be started"),
        }
    }
    if started == 0 {
        let why = "no thread can be started";
        let error = refused("list", &RelPath::root(), Cause::Other, why);
        return Listing::Ready(vec![Err(error)]);
    }
    Listing::Running {
        batch: vec![Ok(first)].into_iter(),
        arriving: receiver,
        _stop: Stop(queue),
    }
}

/// The listener is gone.
struct Unheard;

struct Worker {
    disk: Arc<Disk>,
    anchor: Arc<Anchor>,
    queue: Arc<Queue>,
    sender: mpsc::Sender<Batch>,
}

impl Worker {
    fn run(self) {
        let mut room = Room::new();
        while let Some(folder) = self.queue.take() {
            if self.list_below(folder, &mut room).is_err() {
                self.queue.stop();
                return;
            }
            if self.queue.done() {
                save_mounts(&self.disk);
                // Nobody listens any more, or has all there is to say.
                let _ = self.sender.blocking_send(vec![Ok(Listed::End)]);
                return;
            }
        }
    }

    /// Lists the folder and all below, but for what another thread takes over.
    fn list_below(&self, folder: RelPath, room: &mut Room) -> std::result::Result<(), Unheard> {
        let mut waiting = vec![folder];
        let mut batch = Batch::new();
        let mut entries = 0;
        while let Some(folder) = waiting.pop() {
            if self.queue.is_stopped() {
                return Err(Unheard);
            }
            let listed = self.list_one(&folder, room, &mut waiting);
            if let Listed::Folder(listing) = &listed {
                entries += listing.entries.len();
            }
            batch.push(Ok(listed));
            let gives = waiting.len() > 1 && self.queue.wants_more();
            if gives || batch.len() >= MOST_FOLDERS || entries >= MANY_ENTRIES {
                // Before anything is given away: a folder is sent before those in it.
                self.send(std::mem::take(&mut batch))?;
                entries = 0;
            }
            if gives {
                self.queue.give(waiting.drain(..waiting.len() / 2));
            }
        }
        self.send(batch)
    }

    fn list_one(&self, folder: &RelPath, room: &mut Room, waiting: &mut Vec<RelPath>) -> Listed {
        match folder::list(&self.disk, &self.anchor.folder, folder, room) {
            Outcome::Listed(listing, below) => {
                waiting.extend(below);
                Listed::Folder(listing)
            }
            Outcome::Unreadable(why) => unreadable(folder, why),
            // It was there when its parent was listed.
            Outcome::Missing => unreadable(folder, Skip::Unsettled),
        }
    }

    fn send(&self, batch: Batch) -> std::result::Result<(), Unheard> {
        if batch.is_empty() {
            return Ok(());
        }
        self.sender.blocking_send(batch).map_err(|_| Unheard)
    }
}

impl Drop for Worker {
    /// A thread that panics ends the scan: the others would wait for it for ever.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.queue.stop();
        }
    }
}

fn save_mounts(disk: &Disk) {
    if let Err(error) = crate::mounts::save(disk, "list") {
        tracing::warn!(%error, "the list of mounts cannot be written");
    }
}
