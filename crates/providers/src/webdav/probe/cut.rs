//! What others see of an upload while it is under way and after it was cut: the old content, or a part of the new.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use tandem_core::capabilities::AtomicWrite;
use tandem_core::content::{ByteStream, Content};
use tandem_core::error::{Cause, Result, StorageError};
use tokio::sync::Notify;

use super::super::client::{Call, Payload};
use super::{FIRST, Probe};
use crate::body::{Piece, Prepared};

/// Larger than what servers hold back before they write.
const HALF: usize = 256 << 10;

/// When the file is looked at while half of the upload has been sent.
const MEANWHILE: [u64; 3] = [50, 100, 200];

/// And after it was cut: a server may take a while to notice.
const AFTERWARDS: [u64; 5] = [50, 100, 200, 400, 800];

/// Half of the bytes that it was said to have, and then, when told, an end.
struct Cut(Arc<Notify>);

#[async_trait]
impl Content for Cut {
    fn len(&self) -> u64 {
        2 * HALF as u64
    }

    async fn open(&self, _: u64, _: u64) -> Result<ByteStream> {
        let told = Arc::clone(&self.0);
        let pieces = stream::unfold(0, move |nth| {
            let told = Arc::clone(&told);
            async move {
                if nth == 0 {
                    return Some((Ok(Bytes::from_static(&[b'.'; HALF])), 1));
                }
                told.notified().await;
                let cut = StorageError::new("validate", Cause::Cancelled, "cut on purpose");
                Some((Err(cut), 2))
            }
        });
        Ok(Box::pin(pieces))
    }
}

impl Probe<'_> {
    pub(super) async fn cut(&mut self) -> Result<String> {
        if self.settled(|| self.leaves_the_old()).await? {
            self.capabilities.atomic_write = AtomicWrite::Yes;
            return Ok("the old content stays".to_owned());
        }
        Ok("half of it; uploaded aside and moved instead".to_owned())
    }

    async fn leaves_the_old(&self) -> Result<bool> {
        self.put("cut", FIRST, None).await?;
        let before = self.found("cut").await?;
        let told = Arc::new(Notify::new());
        let content = Cut(Arc::clone(&told));
        let prepared = Prepared::Flowing {
            piece: Piece {
                len: content.len(),
                content: Arc::new(content),
                offset: 0,
            },
            md5: None,
        };
        let call = Call::new("validate", "PUT", self.url("cut")?)
            .carrying(Payload::Upload(&prepared, None));
        let upload = async { Ok::<_, StorageError>(self.root.store.server.once(&call).await) };
        let watch = async {
            let is_whole = self.stays(&before, &MEANWHILE).await;
            told.notify_one();
            is_whole
        };
        let (answer, meanwhile) = futures_util::try_join!(upload, watch)?;
        match answer {
            // Nothing but the cut may have ended it: what a server refuses leaves the old content anywhere.
            Err(error) if error.cause != Cause::Cancelled => Err(error),
            Err(_) if meanwhile => self.stays(&before, &AFTERWARDS).await,
            _ => Ok(false),
        }
    }

    /// Whether the scratch file is as it was, at each of these times.
    async fn stays(
        &self,
        before: &super::super::resource::Resource,
        times: &[u64],
    ) -> Result<bool> {
        for millis in times {
            let time = Duration::from_millis(*millis);
            self.root.store.server.environment.sleep(time).await;
            let Some(found) = self.look("cut").await? else {
                return Ok(false);
            };
            if found.size != before.size || found.revision() != before.revision() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
