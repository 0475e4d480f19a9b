//! Bytes on their way to a server: short ones from memory with their hash known before they are sent, long ones as
//! they come, hashed while they flow.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http_body::{Body, Frame, SizeHint};
use md5::{Digest, Md5};
use tandem_core::content::{ByteStream, SharedContent};
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::storage::ResumeSink;

/// Up to here bytes are held in memory while they are sent.
const HELD: u64 = 8 << 20;

/// A range of content that one request carries.
#[derive(Clone)]
pub(crate) struct Piece {
    pub(crate) content: SharedContent,
    pub(crate) offset: u64,
    pub(crate) len: u64,
}

/// A piece as it can be sent, again and again.
pub(crate) enum Prepared {
    /// In memory.
    Held { bytes: Bytes, md5: [u8; 16] },
    /// Read while it is sent. The MD5 is known where it was worth a reading of its own.
    Flowing { piece: Piece, md5: Option<[u8; 16]> },
}

impl Prepared {
    /// Makes `piece` ready. With `plain` http nothing but a hash sent ahead protects the bytes, so a long piece is
    /// read once before it is sent.
    pub(crate) async fn new(piece: Piece, plain: bool) -> Result<Self> {
        if piece.len > HELD {
            let md5 = if plain {
                Some(hash(&piece).await?)
            } else {
                None
            };
            return Ok(Self::Flowing { piece, md5 });
        }
        let mut stream = piece.content.open(piece.offset, piece.len).await?;
        let mut bytes = BytesMut::with_capacity(usize::try_from(piece.len).unwrap_or_default());
        while let Some(more) = stream.next().await {
            bytes.extend_from_slice(&more?);
            if bytes.len() as u64 > piece.len {
                break;
            }
        }
        if bytes.len() as u64 != piece.len {
            return Err(wrong_length(piece.len));
        }
        Ok(Self::of(bytes.freeze()))
    }

    /// What is in memory already.
    pub(crate) fn of(bytes: Bytes) -> Self {
        let md5 = Md5::digest(&bytes).into();
        Self::Held { bytes, md5 }
    }

    /// Length in bytes.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Held { bytes, .. } => bytes.len() as u64,
            Self::Flowing { piece, .. } => piece.len,
        }
    }

    /// The MD5, if it is known before the bytes are sent.
    pub(crate) const fn md5(&self) -> Option<[u8; 16]> {
        match self {
            Self::Held { md5, .. } => Some(*md5),
            Self::Flowing { md5, .. } => *md5,
        }
    }

    /// The MD5. Where it was not known ahead, the bytes are read once more.
    pub(crate) async fn digest(&self) -> Result<[u8; 16]> {
        match (self.md5(), self) {
            (Some(md5), _) => Ok(md5),
            (None, Self::Flowing { piece, .. }) => hash(piece).await,
            (None, Self::Held { bytes, .. }) => Ok(Md5::digest(bytes).into()),
        }
    }

    /// A body for one try, and what becomes of it.
    pub(crate) async fn body(
        &self,
        progress: Option<Arc<Progress>>,
    ) -> Result<(Outgoing, Arc<Flow>)> {
        match self {
            Self::Held { bytes, md5 } => {
                let flow = Flow {
                    digest: Mutex::new(Some(*md5)),
                    failed: Mutex::new(None),
                };
                Ok((Outgoing::Held(bytes.clone()), Arc::new(flow)))
            }
            Self::Flowing { piece, .. } => {
                let flow = Arc::new(Flow::default());
                let sent = Sent {
                    stream: Mutex::new(piece.content.open(piece.offset, piece.len).await?),
                    len: piece.len,
                    left: piece.len,
                    digest: Md5::new(),
                    flow: Arc::clone(&flow),
                    progress,
                };
                Ok((Outgoing::Flowing(sent), flow))
            }
        }
    }
}

/// What became of a body that was sent.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    digest: Mutex<Option<[u8; 16]>>,
    failed: Mutex<Option<StorageError>>,
}

impl Flow {
    /// The MD5 of all bytes, once all were sent.
    pub(crate) fn md5(&self) -> Option<[u8; 16]> {
        *self.digest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The error of the content, which the request only knows as a body that broke off.
    pub(crate) fn take_error(&self) -> Option<StorageError> {
        self.failed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

/// How far an upload has come. A repeated try reports nothing twice.
pub(crate) struct Progress {
    sink: Option<Arc<dyn ResumeSink>>,
    reported: AtomicU64,
}

impl Progress {
    pub(crate) fn new(sink: Option<Arc<dyn ResumeSink>>) -> Arc<Self> {
        Arc::new(Self {
            sink,
            reported: AtomicU64::new(0),
        })
    }

    /// The first `bytes` have been sent.
    pub(crate) fn reached(&self, bytes: u64) {
        let before = self.reported.fetch_max(bytes, Ordering::Relaxed);
        if bytes > before
            && let Some(sink) = &self.sink
        {
            sink.progress(bytes - before);
        }
    }
}

/// The body of one try.
pub(crate) enum Outgoing {
    /// From memory.
    Held(Bytes),
    /// As it comes.
    Flowing(Sent),
}

/// Content that is read while it is sent.
pub(crate) struct Sent {
    /// In a mutex that is never locked, since clients want a body that could be shared.
    stream: Mutex<ByteStream>,
    len: u64,
    left: u64,
    digest: Md5,
    flow: Arc<Flow>,
    progress: Option<Arc<Progress>>,
}

impl Sent {
    fn fail(&self, error: StorageError) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        *self
            .flow
            .failed
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(error);
        Poll::Ready(Some(Err(io::Error::other("the content could not be read"))))
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        let stream = this
            .stream
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        match stream.as_mut().poll_next(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Err(error))) => this.fail(error),
            Poll::Ready(Some(Ok(bytes))) => {
                let Some(left) = this.left.checked_sub(bytes.len() as u64) else {
                    return this.fail(wrong_length(this.len));
                };
                this.left = left;
                this.digest.update(&bytes);
                if let Some(progress) = &this.progress {
                    progress.reached(this.len - left);
                }
                if left == 0 {
                    let digest = std::mem::take(&mut this.digest).finalize().into();
                    *this
                        .flow
                        .digest
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner) = Some(digest);
                }
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Poll::Ready(None) if this.left > 0 => this.fail(wrong_length(this.len)),
            Poll::Ready(None) => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

async fn hash(piece: &Piece) -> Result<[u8; 16]> {
    let mut stream = piece.content.open(piece.offset, piece.len).await?;
    let mut digest = Md5::new();
    let mut len = 0;
    while let Some(bytes) = stream.next().await {
        let bytes = bytes?;
        len += bytes.len() as u64;
        digest.update(&bytes);
    }
    if len == piece.len {
        Ok(digest.finalize().into())
    } else {
        Err(wrong_length(piece.len))
    }
}

fn wrong_length(len: u64) -> StorageError {
    StorageError::new(
        "stage",
        Cause::HashMismatch,
        format!("the content has not the {len} bytes it was said to have"),
    )
}

#[cfg(test)]
mod tests {
    use tandem_core::content::BytesContent;

    use super::*;

    fn piece(bytes: &'static [u8], len: u64) -> Piece {
        Piece {
            content: Arc::new(BytesContent(Bytes::from_static(bytes))),
            offset: 0,
            len,
        }
    }

    async fn collected(body: Outgoing) -> io::Result<Vec<u8>> {
        let mut sent = match body {
            Outgoing::Held(bytes) => return Ok(bytes.to_vec()),
            Outgoing::Flowing(sent) => sent,
        };
        let mut all = Vec::new();
        while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut sent).poll_frame(cx)).await
        {
            all.extend(frame?.into_data().unwrap_or_default());
        }
        Ok(all)
    }

    #[tokio::test]
    async fn a_short_body_is_never_sent() {
        let error = Prepared::new(piece(b"abc", 4), false).await.err().unwrap();
        assert_eq!(error.cause, Cause::HashMismatch);

        let flowing = Prepared::Flowing {
            piece: piece(b"abc", 4),
            md5: None,
        };
        let (body, flow) = flowing.body(None).await.unwrap();
        assert!(collected(body).await.is_err());
        assert_eq!(flow.take_error().unwrap().cause, Cause::HashMismatch);
        assert_eq!(flow.md5(), None);
    }

    #[tokio::test]
    async fn flowing_and_held_bytes_have_one_hash() {
        let held = Prepared::new(piece(b"abc", 3), false).await.unwrap();
        let flowing = Prepared::Flowing {
            piece: piece(b"abc", 3),
            md5: None,
        };
        let (body, flow) = flowing.body(None).await.unwrap();
        assert_eq!(collected(body).await.unwrap(), b"abc");
        assert_eq!(flow.md5(), held.md5());
    }
}
