//! Bytes on their way from one storage to another.

use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;

use crate::entry::ContentHash;
use crate::error::Result;

/// Bytes that arrive in pieces. A short stream is an error of whoever promised the length.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>;

/// Content of a known length that can be read from any offset, again and again, so that a part can be
/// sent once more. Every read gives bytes of one revision or fails (P8).
#[async_trait]
pub trait Content: Send + Sync {
    /// Length in bytes.
    fn len(&self) -> u64;

    /// Whether there are no bytes at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the bytes are hashed on their way anyway, so that nobody who takes all of them, in order, need do it
    /// again: [`Content::hash_on_the_way`] says the hash then.
    fn is_hashed_on_the_way(&self) -> bool {
        false
    }

    /// The BLAKE3 of all bytes, once they have flowed in order.
    fn hash_on_the_way(&self) -> Option<ContentHash> {
        None
    }

    /// The `length` bytes from `offset` on.
    ///
    /// # Errors
    /// What reading them met; `precondition_failed` if the content is no longer there as it was.
    async fn open(&self, offset: u64, length: u64) -> Result<ByteStream>;
}

/// Content held in memory.
#[derive(Debug, Clone)]
pub struct BytesContent(pub Bytes);

#[async_trait]
impl Content for BytesContent {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    async fn open(&self, offset: u64, length: u64) -> Result<ByteStream> {
        let end = offset.saturating_add(length).min(self.len());
        let piece = self.0.slice(offset.min(end) as usize..end as usize);
        Ok(Box::pin(Once(Some(piece))))
    }
}

/// Shared content.
pub type SharedContent = Arc<dyn Content>;

struct Once(Option<Bytes>);

impl Stream for Once {
    type Item = Result<Bytes>;
    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Bytes>>> {
        std::task::Poll::Ready(self.0.take().filter(|b| !b.is_empty()).map(Ok))
    }
}

/// A stream of the given bytes.
#[must_use]
pub fn stream_of(bytes: Bytes) -> ByteStream {
    Box::pin(Once(Some(bytes)))
}
