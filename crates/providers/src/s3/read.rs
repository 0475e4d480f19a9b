//! Reading bytes of exactly one revision (DESIGN 6.4).
//!
//! One GET is answered from one object, and its ETag comes with it: comparing that is as good as a condition, and
//! works where If-Match is not understood. A body that breaks off is asked for again from where it broke, and has to
//! be of the same ETag.

use std::sync::Arc;

use aws_sdk_s3::primitives::ByteStream as Body;
use bytes::Bytes;
use futures_util::stream;
use tandem_core::content::{ByteStream, stream_of};
use tandem_core::entry::Revision;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::RelPath;
use tandem_core::removed;

use super::client::{ANSWER_LIMIT, Tries};
use super::revision::unquoted;
use super::store::Store;

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

/// The beginning of an answer.
pub(super) struct Opened {
    pub(super) body: Body,
    tag: String,
}

impl Store {
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
        let bucket = &self.bucket;
        let whole = offset == 0 && length >= want.size;
        let range = (!whole).then(|| format!("bytes={offset}-{}", offset + length - 1));
        let reply = bucket
            .ask(tries, operation, ANSWER_LIMIT, || {
                bucket
                    .client
                    .get_object()
                    .bucket(bucket.name())
                    .key(key)
                    .set_range(range.clone())
                    .set_version_id(want.version.clone())
                    .send()
            })
            .await
            .map_err(|error| changed_if_gone(operation, error))?;
        let tag = unquoted(reply.e_tag().unwrap_or_default()).to_owned();
        let total = reply.content_range().map_or(reply.content_length, total_of);
        let shown = self
            .marks
            .revision(reply.e_tag(), reply.last_modified(), want.size);
        let is_it = shown == want.revision || removed!("expectation");
        if !is_it || (total.is_some() && total != i64::try_from(want.size).ok()) {
            return Err(StorageError::new(
                operation,
                Cause::PreconditionFailed,
                "it was changed",
            ));
        }
        let expected = if whole { want.size } else { length };
        if reply.content_length() != i64::try_from(expected).ok() {
            return Err(StorageError::new(
                operation,
                Cause::BadResponse,
                "another range than was asked for",
            ));
        }
        Ok(Opened {
            body: reply.body,
            tag,
        })
    }
}

struct Reading {
    store: Arc<Store>,
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
    store: Arc<Store>,
    operation: &'static str,
    key: String,
    path: &RelPath,
    want: Wanted,
    (offset, length): (u64, u64),
) -> Result<ByteStream> {
    let length = length.min(want.size.saturating_sub(offset));
    if length == 0 {
        // Nothing to read, but still only of this revision.
        let found = store
            .bucket
            .head(&key, want.version.as_deref())
            .await
            .map_err(|e| e.at(path))?;
        let is_it = found.is_some_and(|object| store.revision(&object) == want.revision)
            || removed!("expectation");
        let gone =
            StorageError::new(operation, Cause::PreconditionFailed, "it was changed").at(path);
        return if is_it {
            Ok(stream_of(Bytes::new()))
        } else {
            Err(gone)
        };
    }
    let opened = store
        .open_range(Tries::Many, operation, &key, &want, offset, length)
        .await
        .map_err(|e| e.at(path))?;
    let tag = opened.tag.clone();
    let reading = Reading {
        store,
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
                .store
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
                Ok(Some(Err(error))) => {
                    StorageError::new(self.operation, Cause::Offline, crate::http::chain(&error))
                }
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
            .store
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

/// An object that is gone is no longer the revision that was wanted; one that shrank has no such range any more.
fn changed_if_gone(operation: &'static str, error: StorageError) -> StorageError {
    let out_of_range = error.cause == Cause::Other && error.detail.starts_with("416");
    if out_of_range || (error.cause == Cause::NotFound && !super::errors::is_missing_bucket(&error))
    {
        return StorageError::new(
            operation,
            Cause::PreconditionFailed,
            "it is gone or was changed",
        );
    }
    error
}

/// The total in `bytes 0-9/100`.
fn total_of(range: &str) -> Option<i64> {
    range.rsplit('/').next()?.trim().parse().ok()
}
