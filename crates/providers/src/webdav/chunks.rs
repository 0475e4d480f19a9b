//! Uploads in chunks that go on after a restart, as Nextcloud and ownCloud take them (docs.nextcloud.com/server/latest/
//! developer_manual/client_apis/WebDAV/chunking.html, version 2): a folder of chunks beside the user's files, which one
//! MOVE turns into the file. What the folder holds is asked of the server, never remembered.

use std::collections::BTreeMap;
use std::sync::Arc;

use tandem_core::capabilities::Parts;
use tandem_core::content::SharedContent;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::RelPath;
use tandem_core::storage::{Meta, ResumeSink, ResumeToken, Staged};
use url::Url;

use super::address::{Ending, decoded};
use super::client::{Call, Payload, Tries};
use super::errors::{is_refusal, of_try};
use super::guard::Guard;
use super::resource::Resource;
use super::root::WebDavRoot;
use super::staging::with_mtime;
use super::token::{ChunkedName, Token};
use crate::body::{Piece, Prepared, Progress};
use crate::retry::Attempt;

/// What a chunk may be (chunking.html, "Uploading chunks"): in bytes, and how many.
pub(super) const CHUNKS: Parts = Parts {
    smallest: 5_000_000,
    largest: 5_000_000_000,
    most: 10_000,
    equal: false,
};

/// What a folder of chunks is moved as.
pub(super) const WHOLE: &str = ".file";

/// Where files are in an address, and where uploads are instead.
const FILES: &str = "/remote.php/dav/files/";
const UPLOADS: &str = "/remote.php/dav/uploads/";

/// An upload: what it is of, and how it is cut.
pub(super) struct Chunked<'a> {
    pub(super) name: ChunkedName,
    pub(super) target: &'a RelPath,
    pub(super) len: u64,
    /// Bytes of a chunk; the last one may be shorter.
    pub(super) size: u64,
}

impl Chunked<'_> {
    /// Where a chunk begins and how long it is. They are counted from 0.
    fn range(&self, nth: u64) -> (u64, u64) {
        let offset = nth * self.size;
        (offset, self.size.min(self.len - offset))
    }

    fn count(&self) -> u64 {
        self.len.div_ceil(self.size)
    }
}

impl WebDavRoot {
    /// The size of the chunks that `len` bytes go up in; `None` where they go up whole.
    pub(super) fn chunk_size(&self, len: u64) -> Option<u64> {
        let settings = &self.store.server.settings;
        self.capabilities().parts?;
        self.uploads()?;
        (len >= settings.multipart_threshold)
            .then(|| settings.part_size.max(len.div_ceil(CHUNKS.most.into())))
    }

    /// The address of the user's uploads; `None` where files are at an address that knows none.
    pub(super) fn uploads(&self) -> Option<Url> {
        let (before, rest) = self.base.path().split_once(FILES)?;
        let user = rest.split('/').next()?;
        let mut url = self.base.clone();
        url.set_path(&format!("{before}{UPLOADS}{user}/"));
        Some(url)
    }

    pub(super) fn upload(&self, name: &ChunkedName, within: &str) -> Result<Url> {
        let no_uploads = || {
            let detail = "this address knows no uploads";
            StorageError::new("stage", Cause::Unsupported, detail)
        };
        let mut url = self.uploads().ok_or_else(no_uploads)?;
        let path = format!("{}{name}/{within}", url.path());
        url.set_path(&path);
        Ok(url)
    }

    /// Sends what is not there yet of an upload.
    pub(super) async fn stage_chunks(
        &self,
        chunked: &Chunked<'_>,
        content: SharedContent,
        meta: &Meta,
        sink: Arc<dyn ResumeSink>,
    ) -> Result<Staged> {
        let token = Token::Chunks {
            name: chunked.name.clone(),
            target: chunked.target.clone(),
            len: chunked.len,
            size: chunked.size,
        };
        let token = token.write()?;
        sink.store(&token);
        self.send_chunks(chunked, &content, sink).await?;
        Ok(Staged {
            target: chunked.target.clone(),
            token,
            len: chunked.len,
            meta: meta.clone(),
            content: None,
            hashes: Vec::new(),
        })
    }

    async fn send_chunks(
        &self,
        chunked: &Chunked<'_>,
        content: &SharedContent,
        sink: Arc<dyn ResumeSink>,
    ) -> Result<()> {
        let destination = self.url("stage", chunked.target, Ending::File)?;
        let progress = Progress::new(Some(sink));
        let there = self.chunks_there(chunked).await?;
        if there.is_none() {
            let url = self.upload(&chunked.name, "")?;
            let call = Call::new("stage", "MKCOL", url).header("destination", destination.as_str());
            match self.store.server.call(&call).await {
                Err(error) if error.cause != Cause::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        let there = there.unwrap_or_default();
        for nth in 0..chunked.count() {
            let (offset, len) = chunked.range(nth);
            if there.get(&(nth + 1)) != Some(&len) {
                let piece = Piece {
                    content: Arc::clone(content),
                    offset,
                    len,
                };
                let prepared = Prepared::new(piece, false).await?;
                let url = self.upload(&chunked.name, &format!("{:05}", nth + 1))?;
                let call = Call::new("stage", "PUT", url)
                    .header("destination", destination.as_str())
                    .header("oc-total-length", chunked.len.to_string())
                    .carrying(Payload::Upload(&prepared, None));
                self.store.server.call(&call).await?;
            }
            progress.reached(offset + len);
        }
        Ok(())
    }

    /// The sizes of the chunks that have arrived, by their numbers; `None` if there is no such upload.
    async fn chunks_there(&self, chunked: &Chunked<'_>) -> Result<Option<BTreeMap<u64, u64>>> {
        let url = self.upload(&chunked.name, "")?;
        let found = self
            .store
            .server
            .propfind(Tries::Many, "stage", url, 1)
            .await;
        let found = match found {
            Err(error) if error.cause == Cause::NotFound => return Ok(None),
            found => found?,
        };
        let sizes = found.iter().filter_map(|chunk| {
            let name = decoded(&chunk.href).pop()?;
            let number = String::from_utf8(name).ok()?.parse().ok()?;
            Some((number, chunk.props.length?))
        });
        Ok(Some(sizes.collect()))
    }

    pub(super) async fn discard_chunks(&self, name: &ChunkedName) -> Result<()> {
        let Ok(url) = self.upload(name, "") else {
            return Ok(());
        };
        let call = Call::new("discard", "DELETE", url);
        match self.store.server.call(&call).await.map(drop) {
            Err(error) if error.cause == Cause::NotFound => Ok(()),
            removed => removed,
        }
    }

    /// Turns the chunks into the file, and shows it.
    pub(super) async fn finish_chunks(
        &self,
        name: &ChunkedName,
        staged: &Staged,
        to: &Url,
        guard: &Guard,
    ) -> Result<Resource> {
        let from = self.upload(name, WHOLE)?;
        let server = &self.store.server;
        let from = &from;
        server
            .run(|attempt| self.try_finish(attempt, from, staged, to, guard))
            .await?;
        let is_ours = |found: &Resource| found.size == staged.len;
        self.written(&staged.target, to, guard, is_ours).await
    }

    async fn try_finish(
        &self,
        attempt: Attempt,
        from: &Url,
        staged: &Staged,
        to: &Url,
        guard: &Guard,
    ) -> Result<()> {
        let Err(error) = self.send_finish(from, staged, to, guard).await else {
            return Ok(());
        };
        // The answer of an earlier try may be what got lost (P14): then the chunks are gone and the file is there.
        if attempt.is_repeated() && error.is_lost_race() && self.is_finished(from, staged).await? {
            return Ok(());
        }
        if !is_refusal(&error, guard) || error.cause == Cause::NotFound {
            return Err(error);
        }
        Err(of_try(attempt, guard.refused("commit", &error.detail)))
    }

    async fn is_finished(&self, from: &Url, staged: &Staged) -> Result<bool> {
        let server = &self.store.server;
        if server.look(Tries::Once, "commit", from).await?.is_some() {
            return Ok(false);
        }
        let found = self.find(Tries::Once, "commit", &staged.target).await?;
        Ok(found.is_some_and(|found| !found.is_folder && found.size == staged.len))
    }

    async fn send_finish(
        &self,
        from: &Url,
        staged: &Staged,
        to: &Url,
        guard: &Guard,
    ) -> Result<()> {
        let heeds = self.capabilities().conditions.finish_multipart;
        let mut call = Call::new("commit", "MOVE", from.clone())
            .header("destination", to.as_str())
            .header("oc-total-length", staged.len.to_string());
        let mut replaces = false;
        if *guard != Guard::Absent || !heeds {
            let found = self.find(Tries::Once, "commit", &staged.target).await?;
            guard.check("commit", found.as_ref())?;
            replaces = found.is_some();
        }
        call = call.header("overwrite", if replaces { "T" } else { "F" });
        if let Some((name, value)) = guard.of_destination(to, heeds) {
            call = call.header(name, value);
        }
        self.store
            .server
            .once(&with_mtime(call, &staged.meta))
            .await
            .map(drop)
    }
}

/// Whether `len` bytes can be cut into chunks of `size`.
const fn fits(len: u64, size: u64) -> bool {
    size >= CHUNKS.smallest && size <= CHUNKS.largest && len.div_ceil(size) <= CHUNKS.most as u64
}

/// The upload that `token` is of, if it is one of these bytes to this place.
pub(super) fn begun_before(
    token: Option<&ResumeToken>,
    target: &RelPath,
    len: u64,
) -> Option<(ChunkedName, u64)> {
    match Token::parse(token?).ok()? {
        Token::Chunks {
            name,
            target: to,
            len: length,
            size,
        } if to == *target && length == len && fits(len, size) => Some((name, size)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_is_gone_on_with_only_for_the_same_bytes_and_place() {
        let target = RelPath::new("a/b").unwrap();
        let token = |size| {
            let token = Token::Chunks {
                name: ChunkedName::new(1),
                target: target.clone(),
                len: 60_000_000,
                size,
            };
            token.write().unwrap()
        };
        let whole = token(10_000_000);
        let begun = |token: &ResumeToken, path: &RelPath, len| begun_before(Some(token), path, len);
        assert!(begun(&whole, &target, 60_000_000).is_some());
        assert!(begun(&whole, &target, 60_000_001).is_none());
        assert!(begun(&whole, &RelPath::new("a").unwrap(), 60_000_000).is_none());
        // A token that is damaged must not lead to as many requests as there are bytes.
        assert!(begun(&token(1), &target, 60_000_000).is_none());
        assert!(begun(&token(0), &target, 60_000_000).is_none());
        assert!(begun_before(None, &target, 60_000_000).is_none());
    }
}
