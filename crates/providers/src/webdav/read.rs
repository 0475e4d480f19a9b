//! Reading bytes of exactly one revision (DESIGN 6.4).
//!
//! One GET is answered from one file, and where that is of the wanted revision its ETag says so, unless another file was put
//! there between the server's look and its opening: it makes the ETag of what it saw and sends what it opened (Apache's
//! default_handler, server/core.c, and sabre/dav's CorePlugin::httpGet do so). A server that writes in place changes a
//! file under those who read it. So a file is looked at again at the end, and where no ETag comes, or another than PROPFIND
//! shows, when the answer begins too. A body that breaks off is asked for again from where it broke.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use reqwest::{Response, StatusCode};
use tandem_core::content::{ByteStream, stream_of};
use tandem_core::entry::Revision;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::RelPath;
use url::Url;

use super::client::{Answer, Call, Tries};
use super::errors::bad_answer;
use super::resource::{Tag, of_time, tag_of};
use super::storage::Store;
use crate::hashes::{PieceSums, empty_md5};
use crate::http;

/// How often a body may break off before the reader hears of it, without having brought much.
const MOST_BREAKS: u32 = 5;

/// Bytes after which a line that breaks off is one that works.
const MUCH: u64 = 8 << 20;

/// What is to be read.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) operation: &'static str,
    pub(super) url: Url,
    pub(super) path: RelPath,
    pub(super) revision: Revision,
    pub(super) size: u64,
}

impl Wanted {
    fn changed(&self) -> StorageError {
        StorageError::new(self.operation, Cause::PreconditionFailed, "it was changed")
    }
}

/// The beginning of an answer.
struct Opened {
    response: Response,
    /// Bytes before the wanted ones, from a server that knows no ranges.
    skip: u64,
}

struct Reading {
    store: Arc<Store>,
    wanted: Wanted,
    at: u64,
    left: u64,
    breaks: u32,
    /// Where it was when `breaks` were counted from.
    since: u64,
    opened: Option<Opened>,
}

/// Bytes `offset..offset + length` of what is wanted, cut at its end.
pub(super) async fn read(
    store: Arc<Store>,
    wanted: Wanted,
    offset: u64,
    length: u64,
) -> Result<ByteStream> {
    let length = length.min(wanted.size.saturating_sub(offset));
    if length == 0 {
        // Nothing to read, but still only of this revision.
        let looked = store.is_still(Tries::Many, &wanted).await;
        looked.map_err(|error| error.at(&wanted.path))?;
        return Ok(stream_of(Bytes::new()));
    }
    let opened = store.open_range(Tries::Many, &wanted, offset, length).await;
    let opened = opened.map_err(|error| error.at(&wanted.path))?;
    let reading = Reading {
        store,
        wanted,
        at: offset,
        left: length,
        breaks: 0,
        since: offset,
        opened: Some(opened),
    };
    Ok(Box::pin(stream::try_unfold(
        reading,
        |mut reading| async move {
            let next = reading
                .next()
                .await
                .map_err(|error| error.at(&reading.wanted.path))?;
            Ok(next.map(|bytes| (bytes, reading)))
        },
    )))
}

impl Store {
    /// Looks whether the file is still what is wanted.
    async fn is_still(&self, tries: Tries, wanted: &Wanted) -> Result<()> {
        let seen = self
            .server
            .look(tries, wanted.operation, &wanted.url)
            .await?;
        match seen.map(|seen| seen.resource) {
            Some(found) if !found.is_folder && found.revision() == wanted.revision => Ok(()),
            _ => Err(wanted.changed()),
        }
    }

    /// Asks for `length` bytes from `offset` on, which must lie within the file, and be at least one.
    async fn open_range(
        &self,
        tries: Tries,
        wanted: &Wanted,
        offset: u64,
        length: u64,
    ) -> Result<Opened> {
        let whole = offset == 0 && length >= wanted.size;
        let mut call = Call::new(wanted.operation, "GET", wanted.url.clone());
        if !whole {
            call = call.header("range", format!("bytes={offset}-{}", offset + length - 1));
        }
        let answer = self
            .server
            .ask(tries, &call)
            .await
            .map_err(|error| changed_if_gone(wanted, error))?;
        let is_range = answer.status() == StatusCode::PARTIAL_CONTENT;
        let total = if is_range {
            answer.header("content-range").and_then(total_of)
        } else {
            answer.header("content-length").and_then(|n| n.parse().ok())
        };
        if total.is_some_and(|total| total != wanted.size) {
            return Err(wanted.changed());
        }
        if is_range && answer.header("content-range").and_then(start_of) != Some(offset) {
            return Err(bad_answer(
                wanted.operation,
                "another range than was asked for",
            ));
        }
        if total.is_none() || !shows(&answer, wanted) {
            self.is_still(tries, wanted).await?;
        }
        Ok(Opened {
            skip: if is_range { 0 } else { offset },
            response: answer.response,
        })
    }

    /// The MD5 of a file's content; `None` if it is not this revision any more.
    pub(super) async fn md5_at(&self, wanted: &Wanted) -> Result<Option<[u8; 16]>> {
        let whole = self.md5s_at(wanted, wanted.size.max(1)).await?;
        Ok(whole.map(|mut sums| sums.pop().unwrap_or_else(empty_md5)))
    }

    /// The MD5s of a file's pieces of `size` bytes, of which the last may be shorter; `None` if it is not this revision
    /// any more.
    pub(super) async fn md5s_at(
        &self,
        wanted: &Wanted,
        size: u64,
    ) -> Result<Option<Vec<[u8; 16]>>> {
        if wanted.size == 0 {
            return Ok(Some(Vec::new()));
        }
        let opened = self.open_range(Tries::Once, wanted, 0, wanted.size).await;
        let mut opened = match opened {
            Err(error) if error.is_lost_race() => return Ok(None),
            opened => opened?,
        };
        let (operation, response) = (wanted.operation, &mut opened.response);
        let mut sums = PieceSums::new(size);
        while let Some(bytes) = self.server.next_piece(operation, response).await? {
            sums.update(&bytes);
        }
        Ok(Some(sums.finish()))
    }
}

/// Whether the answer itself shows that it is of the wanted revision.
fn shows(answer: &Answer, wanted: &Wanted) -> bool {
    if let Some(tag) = tag_of(&wanted.revision) {
        let found = answer.header("etag").and_then(Tag::parse);
        return found.is_some_and(|found| found.text == tag);
    }
    let at = answer.header("last-modified").and_then(http::date);
    at.is_some_and(|at| wanted.revision == Revision::Tag(of_time(at, wanted.size).into()))
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        while self.left > 0 {
            let mut opened = match self.opened.take() {
                Some(opened) => opened,
                None => {
                    let wanted = &self.wanted;
                    self.store
                        .open_range(Tries::Many, wanted, self.at, self.left)
                        .await?
                }
            };
            let error = match self.piece(&mut opened).await {
                Ok(Some(bytes)) => {
                    // What a server sends beyond the range is what it sends that knows none.
                    if self.left > 0 {
                        self.opened = Some(opened);
                    }
                    if bytes.is_empty() {
                        continue;
                    }
                    if self.left == 0 {
                        self.store.is_still(Tries::Many, &self.wanted).await?;
                    }
                    return Ok(Some(bytes));
                }
                Ok(None) => {
                    let detail = "the answer broke off";
                    StorageError::new(self.wanted.operation, Cause::Offline, detail)
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

    /// The next wanted bytes; none at all where those that came lie before.
    async fn piece(&mut self, opened: &mut Opened) -> Result<Option<Bytes>> {
        let server = &self.store.server;
        let piece = server
            .next_piece(self.wanted.operation, &mut opened.response)
            .await?;
        let Some(mut bytes) = piece else {
            return Ok(None);
        };
        let before = opened.skip.min(bytes.len() as u64);
        opened.skip -= before;
        let _ = bytes.split_to(usize::try_from(before).unwrap_or(bytes.len()));
        bytes.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= bytes.len() as u64;
        self.at += bytes.len() as u64;
        Ok(Some(bytes))
    }
}

/// A file that is gone is no longer the revision that was wanted; one that shrank has no such range any more.
fn changed_if_gone(wanted: &Wanted, error: StorageError) -> StorageError {
    let out_of_range = error.cause == Cause::Other && error.detail.starts_with("416");
    if out_of_range || error.cause == Cause::NotFound {
        return wanted.changed();
    }
    error
}

/// The total in `bytes 0-9/100`.
fn total_of(range: &str) -> Option<u64> {
    range.rsplit('/').next()?.trim().parse().ok()
}

/// The beginning in `bytes 10-19/100`.
fn start_of(range: &str) -> Option<u64> {
    let (start, _) = range.trim().strip_prefix("bytes")?.trim().split_once('-')?;
    start.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_as_the_rfc_writes_it() {
        for (text, start, total) in [
            ("bytes 10-19/100", Some(10), Some(100)),
            ("bytes 0-0/1", Some(0), Some(1)),
            ("bytes 10-19/*", Some(10), None),
            ("bytes */100", None, Some(100)),
        ] {
            assert_eq!((start_of(text), total_of(text)), (start, total), "{text}");
        }
    }
}
