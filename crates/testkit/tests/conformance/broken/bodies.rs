//! Bodies and sinks as the faults mistreat them.

use std::sync::{Arc, Mutex};
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, StreamExt};
use tandem_core::content::{ByteStream, BytesContent, SharedContent};
use tandem_core::error::Result;
use tandem_core::storage::{Locator, ResumeSink, ResumeToken, Root};

/// Lets others run once.
pub(super) async fn pause() {
    let mut rested = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut rested, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Passes on a byte less than there was.
pub(super) struct Mumbling(pub(super) Arc<dyn ResumeSink>);

impl ResumeSink for Mumbling {
    fn store(&self, token: &ResumeToken) {
        self.0.store(token);
    }

    fn progress(&self, bytes: u64) {
        self.0.progress(bytes.saturating_sub(1));
    }
}

async fn from(content: &SharedContent, offset: u64) -> (Bytes, Result<()>) {
    let mut bytes = BytesMut::new();
    let opened = content.open(offset, content.len() - offset).await;
    let outcome = match opened {
        Err(error) => Err(error),
        Ok(mut pieces) => loop {
            match pieces.next().await {
                None => break Ok(()),
                Some(Ok(piece)) => bytes.extend_from_slice(&piece),
                Some(Err(error)) => break Err(error),
            }
        },
    };
    (bytes.freeze(), outcome)
}

/// Everything, whatever was promised.
pub(super) async fn all(content: &SharedContent) -> Result<Bytes> {
    let (bytes, outcome) = from(content, 0).await;
    outcome.map(|()| bytes)
}

/// Content as long as what comes.
pub(super) async fn as_it_comes(content: SharedContent) -> Result<SharedContent> {
    Ok(Arc::new(BytesContent(all(&content).await?)))
}

/// Goes on after what an earlier attempt sent, whatever that was.
pub(super) async fn mixed(
    sent: &Mutex<Vec<(ResumeToken, Bytes)>>,
    content: SharedContent,
    resume: Option<&ResumeToken>,
    sink: &dyn ResumeSink,
) -> Result<SharedContent> {
    let before = {
        let sent = sent.lock().expect("not poisoned");
        sent.iter()
            .find(|(token, _)| Some(token) == resume)
            .map(|(_, bytes)| bytes.clone())
            .unwrap_or_default()
    };
    let (after, outcome) = from(&content, before.len() as u64).await;
    let bytes = Bytes::from([before, after].concat());
    if outcome.is_err() {
        let token = ResumeToken("mixes".into());
        sink.store(&token);
        sent.lock().expect("not poisoned").push((token, bytes));
        return outcome.map(|()| content);
    }
    Ok(Arc::new(BytesContent(bytes)))
}

/// A read that looks for each piece at what is there then.
pub(super) fn piecewise(
    root: Arc<dyn Root>,
    at: Locator,
    offset: u64,
    end: u64,
) -> Result<ByteStream> {
    Ok(Box::pin(stream::unfold(Some(offset), move |next| {
        let (root, at) = (Arc::clone(&root), at.clone());
        async move {
            let next = next.filter(|next| *next < end)?;
            let read = async {
                let entry = root.stat(&at).await?;
                let entry = entry.expect("it is replaced, not removed");
                let length = (end - next).min(64 * 1024);
                let mut pieces = root.read(&at, &entry, next, length).await?;
                let mut all = BytesMut::new();
                while let Some(piece) = pieces.next().await {
                    all.extend_from_slice(&piece?);
                }
                Ok(all.freeze())
            };
            match read.await {
                Ok(piece) => {
                    let next = next + piece.len() as u64;
                    Some((Ok(piece), Some(next)))
                }
                Err(error) => Some((Err(error), None)),
            }
        }
    })))
}
