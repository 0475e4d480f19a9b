//! Uploads in chunks that go on after a restart, as Nextcloud and ownCloud take them (docs.nextcloud.com/server/latest/
//! developer_manual/client_apis/WebDAV/chunking.html, version 2): a folder of chunks beside the user's files, which one
//! MOVE turns into the file. What the folder holds is asked of the server, never remembered.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
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
use super::read::Wanted;
use super::resource::{Resource, Tag};
use super::root::WebDavRoot;
use super::staging::with_mtime;
use super::token::{ChunkedName, Token};
use crate::body::{Piece, Prepared, Progress};
use crate::hashes::hex;
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

/// An upload: what it is of, how it is cut, and what arrived of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Chunked {
    pub(super) name: ChunkedName,
    target: RelPath,
    len: u64,
    /// Bytes of a chunk; the last one may be shorter.
    size: u64,
    /// The MD5s of the chunks that arrived, from the first on, in hexadecimal digits: what the file can be told by.
    #[serde(default)]
    sums: Vec<String>,
}

impl Chunked {
    /// One of `len` bytes to `target` in chunks of `size` bytes, named by a number drawn by chance.
    pub(super) fn new(random: u64, target: &RelPath, len: u64, size: u64) -> Self {
        Self {
            name: ChunkedName::new(random),
            target: target.clone(),
            len,
            size,
            sums: Vec::new(),
        }
    }

    /// Where a chunk begins and how long it is. They are counted from 0.
    fn range(&self, nth: usize) -> (u64, u64) {
        let offset = nth as u64 * self.size;
        (offset, self.size.min(self.len - offset))
    }

    fn count(&self) -> usize {
        usize::try_from(self.len.div_ceil(self.size)).unwrap_or(usize::MAX)
    }

    fn token(&self) -> Result<ResumeToken> {
        Token::Chunks(self.clone()).write()
    }

    /// Whether these are the MD5s of its chunks, all of which arrived.
    fn is_of(&self, sums: &[[u8; 16]]) -> bool {
        sums.len() == self.count()
            && sums
                .iter()
                .map(|sum| hex(sum))
                .eq(self.sums.iter().cloned())
    }

    /// Whether it can be cut so.
    const fn is_sound(&self) -> bool {
        self.size >= CHUNKS.smallest
            && self.size <= CHUNKS.largest
            && self.len.div_ceil(self.size) <= CHUNKS.most as u64
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
        mut chunked: Chunked,
        content: SharedContent,
        meta: &Meta,
        sink: Arc<dyn ResumeSink>,
    ) -> Result<Staged> {
        sink.store(&chunked.token()?);
        self.send_chunks(&mut chunked, &content, &sink).await?;
        Ok(Staged {
            token: chunked.token()?,
            target: chunked.target,
            len: chunked.len,
            meta: meta.clone(),
            content: None,
            hashes: Vec::new(),
        })
    }

    async fn send_chunks(
        &self,
        chunked: &mut Chunked,
        content: &SharedContent,
        sink: &Arc<dyn ResumeSink>,
    ) -> Result<()> {
        let destination = self.url("stage", &chunked.target, Ending::File)?;
        let progress = Progress::new(Some(Arc::clone(sink)));
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
            let is_there = there.get(&(nth as u64 + 1)) == Some(&len);
            if !is_there || nth >= chunked.sums.len() {
                let sum = self.send_chunk(chunked, nth, content, &destination).await?;
                chunked.sums.truncate(nth);
                chunked.sums.push(sum);
                sink.store(&chunked.token()?);
            }
            progress.reached(offset + len);
        }
        Ok(())
    }

    /// Sends a chunk, and says what its MD5 is; nothing where the server did not wait for all of it.
    async fn send_chunk(
        &self,
        chunked: &Chunked,
        nth: usize,
        content: &SharedContent,
        destination: &Url,
    ) -> Result<String> {
        let (offset, len) = chunked.range(nth);
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
        let answer = self.store.server.call(&call).await?;
        Ok(answer.sent.map(|md5| hex(&md5)).unwrap_or_default())
    }

    /// The sizes of the chunks that have arrived, by their numbers; `None` if there is no such upload.
    async fn chunks_there(&self, chunked: &Chunked) -> Result<Option<BTreeMap<u64, u64>>> {
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
        chunked: &Chunked,
        staged: &Staged,
        to: &Url,
        guard: &Guard,
    ) -> Result<Resource> {
        let ends = (self.upload(&chunked.name, WHOLE)?, to);
        let (ends, server) = (&ends, &self.store.server);
        let told = server
            .run(|attempt| self.try_finish(attempt, ends, (chunked, staged), guard))
            .await?;
        let is_ours = |found: &Resource| {
            let tags = told.as_ref().zip(found.tag.as_ref());
            found.size == staged.len && tags.is_none_or(|(told, shown)| told.text == shown.text)
        };
        self.written(&staged.target, to, guard, is_ours).await
    }

    /// The ETag of the file that the chunks became.
    async fn try_finish(
        &self,
        attempt: Attempt,
        (from, to): &(Url, &Url),
        (chunked, staged): (&Chunked, &Staged),
        guard: &Guard,
    ) -> Result<Option<Tag>> {
        let error = match self.send_finish(from, staged, to, guard).await {
            Ok(tag) => return Ok(tag),
            Err(error) => error,
        };
        // The answer of an earlier try may be what got lost (P14): then the chunks are gone and the file is there.
        if attempt.is_repeated()
            && error.is_lost_race()
            && let Some(made) = self.made_of(chunked, from, to).await?
        {
            return Ok(made.tag);
        }
        if !is_refusal(&error, guard) || error.cause == Cause::NotFound {
            return Err(error);
        }
        Err(of_try(attempt, guard.refused("commit", &error.detail)))
    }

    /// The file that the chunks became, if they are gone and what is there is of their bytes. The length alone says
    /// nothing: what stood there before may have had the same, and chunks go also when they are old.
    async fn made_of(&self, chunked: &Chunked, from: &Url, to: &Url) -> Result<Option<Resource>> {
        let server = &self.store.server;
        if server.look(Tries::Once, "commit", from).await?.is_some() {
            return Ok(None);
        }
        let found = self.find(Tries::Once, "commit", &chunked.target).await?;
        let found = found.filter(|found| !found.is_folder && found.size == chunked.len);
        let Some(found) = found else {
            return Ok(None);
        };
        let wanted = Wanted {
            operation: "commit",
            url: to.clone(),
            path: chunked.target.clone(),
            revision: found.revision(),
            size: found.size,
        };
        let sums = self.store.md5s_at(&wanted, chunked.size).await?;
        Ok(sums.filter(|sums| chunked.is_of(sums)).map(|_| found))
    }

    /// The ETag that the server tells of the file: both servers do, for their own clients store it (nextcloud/server,
    /// apps/dav/lib/Connector/Sabre/CopyEtagHeaderPlugin.php, afterMove; nextcloud/desktop,
    /// src/libsync/propagateuploadng.cpp, slotMoveJobFinished). What stands between may change or drop `ETag`.
    async fn send_finish(
        &self,
        from: &Url,
        staged: &Staged,
        to: &Url,
        guard: &Guard,
    ) -> Result<Option<Tag>> {
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
        let call = with_mtime(call, &staged.meta);
        let answer = self.store.server.once(&call).await?;
        let told = answer.header("oc-etag").or_else(|| answer.header("etag"));
        Ok(told.and_then(Tag::parse))
    }
}

/// The upload that `token` is of, if it is one of so many bytes to this place.
pub(super) fn begun_before(
    token: Option<&ResumeToken>,
    target: &RelPath,
    len: u64,
) -> Option<Chunked> {
    match Token::parse(token?).ok()? {
        Token::Chunks(begun) if begun.target == *target && begun.len == len && begun.is_sound() => {
            Some(begun)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_is_gone_on_with_only_for_the_same_length_and_place() {
        let target = RelPath::new("a/b").unwrap();
        let token = |size| Chunked::new(1, &target, 60_000_000, size).token().unwrap();
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

    /// Of what is told by no MD5 nothing is known, so all is sent again.
    #[test]
    fn a_token_of_an_earlier_version_is_of_chunks_that_nothing_tells() {
        let old = r#"{"chunks":{"name":"tandem-0000000000000001","target":"a","len":6000000,"size":5000000}}"#;
        let begun = begun_before(
            Some(&ResumeToken(old.to_owned())),
            &RelPath::new("a").unwrap(),
            6_000_000,
        );
        assert_eq!(begun.unwrap().sums, [] as [String; 0]);
    }

    #[test]
    fn a_file_is_told_by_all_of_its_chunks() {
        let target = RelPath::new("a").unwrap();
        let mut chunked = Chunked::new(1, &target, 12_000_000, 5_000_000);
        let sums = [[1; 16], [2; 16], [3; 16]];
        chunked.sums = sums.iter().map(|sum| hex(sum)).collect();
        assert!(chunked.is_of(&sums));
        assert!(!chunked.is_of(&sums[..2]));
        assert!(!chunked.is_of(&[[1; 16], [2; 16], [4; 16]]));
        chunked.sums.pop();
        assert!(!chunked.is_of(&sums[..2]) && !chunked.is_of(&sums));
    }
}
