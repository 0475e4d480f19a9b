//! Content on its way, with what stands before and after it in the same request, and its CRC-32C as it flows by.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::crc::Sum;
use crate::body::{Outgoing, Sent};

/// The CRC-32C of content that was sent, once all of it was.
#[derive(Debug, Default, Clone)]
pub(super) struct SentCrc(Arc<Mutex<Option<u32>>>);

impl SentCrc {
    /// The sum; `None` while there is content left.
    pub(super) fn value(&self) -> Option<u32> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, crc: u32) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(crc);
    }
}

/// A body that is `before`, the content, and `after`.
pub(super) struct Carried {
    before: Bytes,
    content: Content,
    after: Bytes,
    sum: Sum,
    crc: SentCrc,
}

enum Content {
    Held(Bytes),
    Flowing(Sent),
    Done,
}

impl Carried {
    /// One for this content. `crc` is told its sum.
    pub(super) fn new(before: Bytes, content: Outgoing, after: Bytes, crc: SentCrc) -> Self {
        Self {
            before,
            content: match content {
                Outgoing::Held(bytes) => Content::Held(bytes),
                Outgoing::Flowing(sent) => Content::Flowing(sent),
            },
            after,
            sum: Sum::new(),
            crc,
        }
    }

    fn content_ended(&mut self) {
        self.content = Content::Done;
        self.crc.set(self.sum.value());
    }
}

impl Body for Carried {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        if !this.before.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut this.before)))));
        }
        match &mut this.content {
            Content::Held(bytes) => {
                let bytes = std::mem::take(bytes);
                this.sum.update(&bytes);
                this.content_ended();
                if !bytes.is_empty() {
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
            }
            Content::Flowing(sent) => match Pin::new(sent).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    if let Some(bytes) = frame.data_ref() {
                        this.sum.update(bytes);
                    }
                    // A client that knows the length may not ask again.
                    if this.is_content_over() {
                        this.content_ended();
                    }
                    return Poll::Ready(Some(Ok(frame)));
                }
                Poll::Ready(None) => this.content_ended(),
                other => return other,
            },
            Content::Done => {}
        }
        match std::mem::take(&mut this.after) {
            after if after.is_empty() => Poll::Ready(None),
            after => Poll::Ready(Some(Ok(Frame::data(after)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.size_hint().exact() == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        let content = match &self.content {
            Content::Held(bytes) => bytes.len() as u64,
            Content::Flowing(sent) => sent.size_hint().exact().unwrap_or_default(),
            Content::Done => 0,
        };
        SizeHint::with_exact(self.before.len() as u64 + content + self.after.len() as u64)
    }
}

impl Carried {
    fn is_content_over(&self) -> bool {
        match &self.content {
            Content::Flowing(sent) => sent.is_end_stream(),
            _ => true,
        }
    }
}
