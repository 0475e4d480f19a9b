//! Bodies to send, honest and faulty, and the sink that listens.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;
use tandem_core::content::{ByteStream, Content};
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::storage::{ResumeSink, ResumeToken};

/// Pieces are smaller than any part, so that a body always arrives in several.
const PIECE: usize = 16 * 1024;

/// `len` bytes that no other seed gives and no compression shortens.
pub(super) fn bytes_of(seed: u64, len: usize) -> Bytes {
    let mut state = seed
        .wrapping_add(1)
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .max(1);
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    Bytes::from(bytes)
}

/// What is wrong with a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing.
    None,
    /// Its stream ends after so many bytes of the content, without an error.
    EndsAt(u64),
    /// Its stream fails with this cause after so many bytes of the content.
    FailsAt(u64, Cause),
    /// Its stream goes on beyond the promised length.
    GoesOn,
    /// Every read from the beginning gives other bytes of the same length.
    ChangesBetweenReads,
}

/// A body in small pieces, each after a pause for other tasks.
pub(super) struct Body {
    bytes: Bytes,
    fault: Fault,
    begun: AtomicUsize,
    lowest: AtomicU64,
}

impl Body {
    pub(super) fn new(bytes: impl Into<Bytes>, fault: Fault) -> Arc<Self> {
        Arc::new(Self {
            bytes: bytes.into(),
            fault,
            begun: AtomicUsize::new(0),
            lowest: AtomicU64::new(u64::MAX),
        })
    }

    pub(super) fn honest(bytes: impl Into<Bytes>) -> Arc<Self> {
        Self::new(bytes, Fault::None)
    }

    /// The smallest offset that was asked for.
    pub(super) fn lowest_offset(&self) -> Option<u64> {
        Some(self.lowest.load(Ordering::SeqCst)).filter(|at| *at != u64::MAX)
    }

    /// The bytes of the `nth` read from the beginning, counted from 0.
    pub(super) fn variant(&self, nth: usize) -> Bytes {
        if nth == 0 {
            return self.bytes.clone();
        }
        bytes_of(0xC4A6_0000 + nth as u64, self.bytes.len())
    }

    /// How often it was read from the beginning.
    pub(super) fn reads(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Content for Body {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    async fn open(&self, offset: u64, length: u64) -> Result<ByteStream> {
        self.lowest.fetch_min(offset, Ordering::SeqCst);
        let nth = if offset == 0 {
            self.begun.fetch_add(1, Ordering::SeqCst)
        } else {
            self.reads().saturating_sub(1)
        };
        let bytes = match self.fault {
            Fault::ChangesBetweenReads => self.variant(nth),
            _ => self.bytes.clone(),
        };
        let end = offset.saturating_add(length).min(self.len());
        let mut piece = bytes.slice(offset.min(end) as usize..end as usize);
        let mut fails = None;
        match self.fault {
            Fault::EndsAt(at) if end > at => {
                piece.truncate(at.saturating_sub(offset) as usize);
            }
            Fault::FailsAt(at, cause) if end > at => {
                piece.truncate(at.saturating_sub(offset) as usize);
                fails = Some(StorageError::new("open", cause, "the suite's faulty body"));
            }
            Fault::GoesOn if end == self.len() => {
                piece = Bytes::from([&piece[..], b"more than promised"].concat());
            }
            _ => {}
        }
        Ok(Box::pin(Pieces {
            left: piece,
            fails,
            rested: false,
        }))
    }
}

struct Pieces {
    left: Bytes,
    fails: Option<StorageError>,
    rested: bool,
}

impl Stream for Pieces {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if !self.rested {
            self.rested = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.rested = false;
        if self.left.is_empty() {
            return Poll::Ready(self.fails.take().map(Err));
        }
        let at = PIECE.min(self.left.len());
        Poll::Ready(Some(Ok(self.left.split_to(at))))
    }
}

/// A body that claims a length and must never be read.
pub(super) struct Claim(pub(super) u64);

#[async_trait]
impl Content for Claim {
    fn len(&self) -> u64 {
        self.0
    }

    async fn open(&self, _: u64, _: u64) -> Result<ByteStream> {
        Err(StorageError::new(
            "open",
            Cause::Other,
            "the suite's claimed body was read",
        ))
    }
}

/// Hears tokens and progress.
#[derive(Default)]
pub(super) struct Ear {
    tokens: Mutex<Vec<ResumeToken>>,
    bytes: AtomicU64,
}

impl Ear {
    pub(super) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The token that was stored last.
    pub(super) fn token(&self) -> Option<ResumeToken> {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.last().cloned()
    }

    /// The sum of all progress.
    pub(super) fn total(&self) -> u64 {
        self.bytes.load(Ordering::SeqCst)
    }
}

impl ResumeSink for Ear {
    fn store(&self, token: &ResumeToken) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.push(token.clone());
    }

    fn progress(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::SeqCst);
    }
}
