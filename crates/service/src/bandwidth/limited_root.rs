//! A folder over the network, read and written no faster than a person wants.
//!
//! Everything else is passed on as it is: every method is, so that none falls back to what the contract says of storages
//! that lack it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tandem_core::capabilities::Capabilities;
use tandem_core::content::{ByteStream, Content, SharedContent};
use tandem_core::entry::{ContentHash, Entry, Revision};
use tandem_core::error::Result;
use tandem_core::path::RelPath;
use tandem_core::storage::{
    Changes, Commit, Committed, Cursor, Deleted, Depth, Discard, Displaced, Expected, Hint, Keep,
    ListingStream, Locator, Meta, ResumeSink, ResumeToken, Root, RootIdentity, Staged, Version,
    VersionKey, WatchCoverage,
};
use tandem_core::time::Timestamp;

use super::{Bandwidth, Way};

/// Under a limit bytes pass in pieces of at most so many, so that several transfers take turns.
const PIECE: usize = 16 * 1024;

/// A root whose content passes through a [`Bandwidth`].
pub(crate) struct LimitedRoot {
    root: Arc<dyn Root>,
    bandwidth: Arc<Bandwidth>,
}

impl LimitedRoot {
    /// `root`, within `bandwidth`.
    pub(crate) fn shared(root: Arc<dyn Root>, bandwidth: Arc<Bandwidth>) -> Arc<dyn Root> {
        Arc::new(Self { root, bandwidth })
    }

    fn received(&self, pieces: ByteStream) -> ByteStream {
        paced(pieces, Arc::clone(&self.bandwidth), Way::Receive)
    }
}

/// Content that is sent. What reads it ahead, as parts of an upload are, sends each part at once: over more than a part
/// the limit holds.
struct Sent {
    content: SharedContent,
    bandwidth: Arc<Bandwidth>,
}

#[async_trait]
impl Content for Sent {
    fn len(&self) -> u64 {
        self.content.len()
    }

    fn is_hashed_on_the_way(&self) -> bool {
        self.content.is_hashed_on_the_way()
    }

    fn hash_on_the_way(&self) -> Option<ContentHash> {
        self.content.hash_on_the_way()
    }

    async fn open(&self, offset: u64, length: u64) -> Result<ByteStream> {
        let pieces = self.content.open(offset, length).await?;
        Ok(paced(pieces, Arc::clone(&self.bandwidth), Way::Send))
    }
}

/// The same bytes, each let through first.
fn paced(pieces: ByteStream, bandwidth: Arc<Bandwidth>, way: Way) -> ByteStream {
    let start = (pieces, Bytes::new());
    Box::pin(stream::unfold(start, move |(mut pieces, mut rest)| {
        let bandwidth = Arc::clone(&bandwidth);
        async move {
            if rest.is_empty() {
                match pieces.next().await? {
                    Ok(bytes) => rest = bytes,
                    Err(error) => return Some((Err(error), (pieces, rest))),
                }
            }
            let most = bandwidth.limit(way).map_or(rest.len(), |_| PIECE);
            let piece = rest.split_to(most.min(rest.len()));
            bandwidth.pay(way, piece.len() as u64).await;
            Some((Ok(piece), (pieces, rest)))
        }
    }))
}

#[async_trait]
impl Root for LimitedRoot {
    fn capabilities(&self) -> &Capabilities {
        self.root.capabilities()
    }

    async fn identity(&self, create: bool) -> Result<RootIdentity> {
        self.root.identity(create).await
    }

    async fn cursor(&self) -> Result<Cursor> {
        self.root.cursor().await
    }

    fn list(&self, folder: &RelPath, depth: Depth) -> ListingStream {
        self.root.list(folder, depth)
    }

    async fn stat(&self, at: &Locator) -> Result<Option<Entry>> {
        self.root.stat(at).await
    }

    async fn changes(&self, cursor: &Cursor) -> Result<Changes> {
        self.root.changes(cursor).await
    }

    async fn wait(&self, cursor: Option<&Cursor>, deadline: Duration) -> Result<Vec<Hint>> {
        self.root.wait(cursor, deadline).await
    }

    fn watch_coverage(&self) -> Option<WatchCoverage> {
        self.root.watch_coverage()
    }

    async fn read(
        &self,
        at: &Locator,
        entry: &Entry,
        offset: u64,
        length: u64,
    ) -> Result<ByteStream> {
        let pieces = self.root.read(at, entry, offset, length).await?;
        Ok(self.received(pieces))
    }

    async fn stage(
        &self,
        target: &RelPath,
        content: SharedContent,
        meta: &Meta,
        resume: Option<&ResumeToken>,
        sink: Arc<dyn ResumeSink>,
    ) -> Result<Staged> {
        let sent = Arc::new(Sent {
            content,
            bandwidth: Arc::clone(&self.bandwidth),
        });
        self.root.stage(target, sent, meta, resume, sink).await
    }

    async fn commit(&self, group: Vec<Commit>) -> Vec<Result<Committed>> {
        self.root.commit(group).await
    }

    async fn settle(&self) -> Result<()> {
        self.root.settle().await
    }

    async fn make_durable(&self, files: &[(RelPath, Revision)]) -> Result<()> {
        self.root.make_durable(files).await
    }

    async fn discard(&self, token: &ResumeToken) -> Result<()> {
        self.root.discard(token).await
    }

    async fn create_folder(&self, path: &RelPath) -> Result<Entry> {
        self.root.create_folder(path).await
    }

    async fn move_to(
        &self,
        from: &Locator,
        expected: &Expected,
        to: &RelPath,
        expected_to: &Expected,
        keep: &Keep,
    ) -> Result<Committed> {
        let moved = self.root.move_to(from, expected, to, expected_to, keep);
        moved.await
    }

    async fn copy(
        &self,
        from: &Locator,
        expected: &Expected,
        to: &RelPath,
        expected_to: &Expected,
        keep: &Keep,
    ) -> Result<Committed> {
        let copied = self.root.copy(from, expected, to, expected_to, keep);
        copied.await
    }

    async fn delete(
        &self,
        at: &Locator,
        expected: &Expected,
        keep: &Keep,
        how: Discard,
    ) -> Result<Deleted> {
        self.root.delete(at, expected, keep, how).await
    }

    async fn set_meta(&self, at: &Locator, expected: &Expected, meta: &Meta) -> Result<Entry> {
        self.root.set_meta(at, expected, meta).await
    }

    fn written_since(&self) -> Vec<Displaced> {
        self.root.written_since()
    }

    async fn versions(&self, path: Option<&RelPath>) -> Result<Vec<Version>> {
        self.root.versions(path).await
    }

    async fn stat_version(&self, key: &VersionKey) -> Result<Option<Entry>> {
        self.root.stat_version(key).await
    }

    async fn read_version(&self, key: &VersionKey, offset: u64, length: u64) -> Result<ByteStream> {
        let pieces = self.root.read_version(key, offset, length).await?;
        Ok(self.received(pieces))
    }

    async fn restore_version(
        &self,
        key: &VersionKey,
        to: &RelPath,
        expected: &Expected,
    ) -> Result<Committed> {
        self.root.restore_version(key, to, expected).await
    }

    async fn prune_version(&self, key: &VersionKey) -> Result<()> {
        self.root.prune_version(key).await
    }

    async fn leftovers(&self) -> Result<Vec<(ResumeToken, Timestamp)>> {
        self.root.leftovers().await
    }

    async fn free_space(&self) -> Result<Option<u64>> {
        self.root.free_space().await
    }
}
