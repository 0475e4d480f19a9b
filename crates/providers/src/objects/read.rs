//! Reading bytes of exactly one revision (DESIGN 6.4).
//!
//! One GET is answered from one object, and its tag comes with it: comparing that is as good as a condition, and
//! works where If-Match is not understood. A body that breaks off is asked for again from where it broke, and has to
//! be of the same tag.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use tandem_core::content::{ByteStream, stream_of};
use tandem_core::entry::Revision;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::RelPath;
use tandem_core::removed;

use super::bucket::{ANSWER_LIMIT, Bucket, Tries};
use super::store::{Get, Opened, is_missing_bucket};

/// How often a body may break off before the reader hears of it, without having brought much.
const MOST_BREAKS: u32 = 5;

/// Bytes after which a line that breaks off is one that works.
const MUCH: u64 = 8 << 20;

/// What is to be read.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) revision: Revision,
    /// A version that is not the current one, or may not be any more.
    pub(super) version: Option<String>,
    pub(super) size: u64,
}

impl Bucket {
    /// Asks for `length` bytes from `offset` on, which must lie within the object, and be at least one.
    pub(super) async fn open_range(
        &self,
        tries: Tries,
        operation: &'static str,
        key: &str,
        want: &Wanted,
        offset: u64,
        length: u64,
    ) -> Result<Opened> {
        let whole = offset == 0 && length >= want.size;
        let get = Get {
            key,
            version: want.version.as_deref(),
            range: (!whole).then_some((offset, length)),
        };
        let opened = self
            .ask(tries, operation, ANSWER_LIMIT, || {
                self.objects.get(operation, &get)
            })
            .await
            .map_err(|error| changed_if_gone(operation, error))?;
        let shown = self
            .marks
            .revision(Some(&opened.tag), opened.written, want.size);
        let is_it = shown == want.revision || removed!("expectation");
        if !is_it || opened.total.is_some_and(|total| total != want.size) {
            return Err(StorageError::new(
                operation,
                Cause::PreconditionFailed,
                "it was changed",
            ));
        }
        let expected = if whole { want.size } else { length };
        if opened.length != Some(expected) {
            return Err(StorageError::new(
                operation,
                Cause::BadResponse,
                "another range than was asked for",
            ));
        }
        Ok(opened)
    }

    /// All of a short body.
    pub(super) async fn collect(
        &self,
        operation: &'static str,
        body: ByteStream,
    ) -> Result<Vec<u8>> {
        let pieces = body.try_fold(Vec::new(), |mut all, piece| async move {
            all.extend_from_slice(&piece);
            Ok(all)
        });
        self.within(operation, ANSWER_LIMIT, pieces).await?
    }
}

struct Reading {
    bucket: Arc<Bucket>,
    operation: &'static str,
    key: String,
    path: RelPath,
    want: Wanted,
    at: u64,
    left: u64,
    breaks: u32,
    /// Where it was when `breaks` were counted from.
    since: u64,
    opened: Option<Opened>,
    tag: String,
}

/// Bytes `offset..offset + length` of what is wanted, cut at its end.
pub(super) async fn read(
    bucket: Arc<Bucket>,
    operation: &'static str,
    key: String,
    path: &RelPath,
    want: Wanted,
    (offset, length): (u64, u64),
) -> Result<ByteStream> {
    let length = length.min(want.size.saturating_sub(offset));
    if length == 0 {
        // Nothing to read, but still only of this revision.
        let found = bucket
            .head(&key, want.version.as_deref())
            .await
            .map_err(|e| e.at(path))?;
        let is_it = found.is_some_and(|object| bucket.revision(&object) == want.revision)
            || removed!("expectation");
        let gone =
            StorageError::new(operation, Cause::PreconditionFailed, "it was changed").at(path);
        return if is_it {
            Ok(stream_of(Bytes::new()))
        } else {
            Err(gone)
        };
    }
    let opened = bucket
        .open_range(Tries::Many, operation, &key, &want, offset, length)
        .await
        .map_err(|e| e.at(path))?;
    let tag = opened.tag.clone();
    let reading = Reading {
        bucket,
        operation,
        key,
        path: path.clone(),
        want,
        at: offset,
        left: length,
        breaks: 0,
        since: offset,
        opened: Some(opened),
        tag,
    };
    Ok(Box::pin(stream::try_unfold(
        reading,
        |mut reading| async move {
            let next = reading
                .next()
                .await
                .map_err(|error| error.at(&reading.path))?;
            Ok(next.map(|bytes| (bytes, reading)))
        },
    )))
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        while self.left > 0 {
            let mut opened = match self.opened.take() {
                Some(opened) => opened,
                None => self.open_again().await?,
            };
            let error = match self
                .bucket
                .within(self.operation, ANSWER_LIMIT, opened.body.next())
                .await
            {
                Ok(Some(Ok(bytes))) => {
                    let Some(left) = self.left.checked_sub(bytes.len() as u64) else {
                        return Err(StorageError::new(
                            self.operation,
                            Cause::BadResponse,
                            "more bytes than were asked for",
                        ));
                    };
                    self.left = left;
                    self.at += bytes.len() as u64;
                    self.opened = Some(opened);
                    return Ok(Some(bytes));
                }
                Ok(Some(Err(error))) => error,
                Ok(None) => {
                    StorageError::new(self.operation, Cause::Offline, "the answer broke off")
                }
                Err(error) => error,
            };
            if self.at - self.since >= MUCH {
                (self.since, self.breaks) = (self.at, 0);
            }
            self.breaks += 1;
            if !error.is_transient() || self.breaks > MOST_BREAKS {
                return Err(error);
            }
        }
        Ok(None)
    }

    async fn open_again(&mut self) -> Result<Opened> {
        let opened = self
            .bucket
            .open_range(
                Tries::Many,
                self.operation,
                &self.key,
                &self.want,
                self.at,
                self.left,
            )
            .await?;
        if opened.tag != self.tag {
            return Err(StorageError::new(
                self.operation,
                Cause::PreconditionFailed,
                "it was changed",
            ));
        }
        Ok(opened)
    }
}

/// An object that is gone is no longer the revision that was wanted.
fn changed_if_gone(operation: &'static str, error: StorageError) -> StorageError {
    if error.is_lost_race() && !is_missing_bucket(&error) {
        return StorageError::new(
            operation,
            Cause::PreconditionFailed,
            "it is gone or was changed",
        );
    }
    error
}
