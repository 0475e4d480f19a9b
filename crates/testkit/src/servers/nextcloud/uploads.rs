//! Uploads in chunks (chunking.html): a folder of chunks that becomes a file by one MOVE. Version 2 is version 1 with a
//! `Destination` from the beginning and numbers from 1 to 10,000 as names.

use std::collections::BTreeMap;

use super::files::written;
use super::multistatus::Shown;
use super::request::{Area, Request};
use super::tree::Node;
use super::{State, done, refusal};
use crate::servers::message::Message;

/// The most chunks of version 2, and the smallest that may be followed by another (chunking.html, "Uploading chunks").
const MOST: u32 = 10_000;
const SMALLEST: usize = 5_000_000;

/// What a folder of chunks is turned into.
const WHOLE: &str = ".file";

/// The uploads that are under way, by their names.
#[derive(Debug, Default)]
pub(super) struct Uploads(BTreeMap<String, Upload>);

#[derive(Debug, Default)]
struct Upload {
    /// Where it is to go: known from the start in version 2.
    to: Option<String>,
    chunks: BTreeMap<Place, Vec<u8>>,
}

/// Chunks are put together in the natural order of their names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place(u128, String);

impl Place {
    fn new(name: &str) -> Self {
        let digits: String = name.chars().take_while(char::is_ascii_digit).collect();
        Self(digits.parse().unwrap_or(u128::MAX), name.to_owned())
    }
}

impl State {
    pub(super) fn upload(&mut self, request: &Request<'_>) -> Result<Message, Message> {
        let (upload, chunk) = match request.path.split_once('/') {
            Some((upload, chunk)) => (upload, Some(chunk)),
            None => (&*request.path, None),
        };
        match (request.method, chunk) {
            ("MKCOL", None) if !upload.is_empty() => self.begin_upload(upload, request),
            ("PUT", Some(chunk)) => self.put_chunk(upload, chunk, request),
            ("PROPFIND", None) if !upload.is_empty() => self.list_chunks(upload, false, request),
            ("PROPFIND", Some(WHOLE)) => self.list_chunks(upload, true, request),
            ("MOVE", Some(WHOLE)) => self.finish_upload(upload, request),
            ("DELETE", None) => {
                self.uploads.0.remove(upload).ok_or_else(no_upload)?;
                Ok(done(204))
            }
            ("GET", Some(_)) => Err(refusal(405, "Reading intermediate uploads is not allowed")),
            _ => Err(refusal(403, "Permission denied to do that with an upload")),
        }
    }

    fn begin_upload(&mut self, name: &str, request: &Request<'_>) -> Result<Message, Message> {
        if self.uploads.0.contains_key(name) {
            return Err(refusal(
                405,
                "The resource you tried to create already exists",
            ));
        }
        let upload = Upload {
            to: request
                .destination()
                .filter(|_| self.manner == super::Manner::Nextcloud)
                .map(|(_, path)| path),
            chunks: BTreeMap::new(),
        };
        self.uploads.0.insert(name.to_owned(), upload);
        Ok(done(201))
    }

    fn put_chunk(
        &mut self,
        name: &str,
        chunk: &str,
        request: &Request<'_>,
    ) -> Result<Message, Message> {
        if let Some(total) = request
            .header("oc-total-length")
            .and_then(|total| total.parse().ok())
        {
            self.fits(total)?;
        }
        let upload = self.uploads.0.get_mut(name).ok_or_else(no_upload)?;
        let is_nextcloud = self.manner == super::Manner::Nextcloud;
        let is_second =
            is_nextcloud && upload.to.is_some() && request.header("destination").is_some();
        let number: Option<u32> = chunk.parse().ok();
        if is_second && !number.is_some_and(|number| (1..=MOST).contains(&number)) {
            return Err(refusal(
                400,
                "Invalid chunk name, must be numeric between 1 and 10000",
            ));
        }
        upload
            .chunks
            .insert(Place::new(chunk), request.message.body.clone());
        Ok(done(201))
    }

    /// The chunks of an upload, and the file that they would make (nextcloud/server, apps/dav/lib/Upload/UploadFolder.php,
    /// getChildren); with `only_whole` that alone.
    fn list_chunks(
        &self,
        name: &str,
        only_whole: bool,
        request: &Request<'_>,
    ) -> Result<Message, Message> {
        let upload = self.uploads.0.get(name).ok_or_else(no_upload)?;
        let node = |bytes| Node {
            id: 0,
            etag: 0,
            mtime: 0,
            bytes,
            checksum: None,
        };
        let whole: Vec<u8> = upload.chunks.values().flatten().copied().collect();
        let mut nodes = Vec::new();
        if !only_whole {
            nodes.push((name.to_owned(), node(None)));
            for (place, bytes) in &upload.chunks {
                nodes.push((format!("{name}/{}", place.1), node(Some(bytes.clone()))));
            }
        }
        nodes.push((format!("{name}/{WHOLE}"), node(Some(whole))));
        let nodes = nodes
            .iter()
            .map(|(path, node)| Shown::of(path.clone(), node));
        Ok(super::multistatus::multistatus(request, nodes, 0, None))
    }

    /// Puts the chunks together. `If` and `Overwrite` are about the destination.
    fn finish_upload(&mut self, name: &str, request: &Request<'_>) -> Result<Message, Message> {
        let upload = self.uploads.0.get(name).ok_or_else(no_upload)?;
        let Some((Area::Files, to)) = request.destination() else {
            return Err(refusal(400, "The destination is missing"));
        };
        if upload.to.as_ref().is_some_and(|told| *told != to) {
            return Err(refusal(412, "Missing metadata for chunked upload"));
        }
        let sizes: Vec<usize> = upload.chunks.values().map(Vec::len).collect();
        let is_small = |size: &&usize| **size < SMALLEST;
        if upload.to.is_some() && sizes.iter().rev().skip(1).any(|size| is_small(&size)) {
            return Err(refusal(400, "A chunk but the last is smaller than 5 MB"));
        }
        let total: usize = sizes.iter().sum();
        // nextcloud/server, apps/dav/lib/Upload/ChunkingPlugin.php, verifySize.
        if let Some(told) = request.header("oc-total-length")
            && told != total.to_string()
        {
            let said = format!("Chunks on server do not sum up to {told} but to {total} bytes");
            return Err(refusal(400, &said));
        }
        let bytes: Vec<u8> = upload.chunks.values().flatten().copied().collect();
        let before = self.tree.get(&to);
        let (is_new, len) = (before.is_none(), before.map_or(0, Node::len));
        if !is_new && request.header("overwrite") == Some("F") {
            return Err(refusal(412, "The destination node already exists"));
        }
        if let Some(condition) = request.header("if")
            && !self.holds(condition, None)
        {
            return Err(refusal(412, "An If header did not hold"));
        }
        self.check_place(&to)?;
        if self.tree.get(&to).is_some_and(Node::is_folder) {
            return Err(refusal(409, "A folder is there"));
        }
        self.fits((bytes.len() as u64).saturating_sub(len))?;
        self.check_sum(request, &bytes)?;
        self.uploads.0.remove(name);
        self.keep_version(&to);
        // The file that is there stays the one it is (performMove).
        self.tree.write(&to, written(request, bytes));
        Ok(self.has_written(request, &to, is_new))
    }
}

fn no_upload() -> Message {
    refusal(404, "There is no such upload")
}
