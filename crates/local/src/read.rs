//! Reading exactly one revision of a file (P8).
//!
//! Invariant: no piece leaves before a look at the open file, made after the piece was read, showed that it
//! is still that revision.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;
use futures_core::Stream;
use rustix::fd::OwnedFd;
use tandem_core::content::ByteStream;
use tandem_core::entry::{Entry, Kind, Revision};
use tandem_core::error::{Cause, Result};
use tandem_core::path::RelPath;
use tandem_core::storage::VersionKey;
use tandem_core::{mutant, removed};

use crate::disk::{Disk, Moment};
use crate::errors::{Context, not_as_expected, refused};
use crate::observed::{is_exactly, revision_of};
use crate::sys::{self, Access, Errno, Stat, Type};
use crate::versions;

/// Bytes read at a time.
const PIECE: u64 = 512 * 1024;

/// Files from this length on are announced to the system's read-ahead.
const LONG: u64 = 4 << 20;

struct Reader {
    disk: Arc<Disk>,
    operation: &'static str,
    path: RelPath,
    file: OwnedFd,
    revision: Revision,
    at: u64,
    end: u64,
    failed: bool,
}

impl Reader {
    fn piece(&mut self) -> Result<Bytes> {
        let (operation, path) = (self.operation, &self.path);
        self.disk.at(Moment::BeforeRead).context(operation, path)?;
        // Fits: a piece is small.
        let length = (self.end - self.at).min(PIECE) as usize;
        let bytes = sys::read_at(&self.file, self.at, length).context(operation, path)?;
        let now = sys::stat_of(&self.file).context(operation, path)?;
        let is_torn = bytes.len() != length || !is_exactly(&now, &self.revision);
        if is_torn && !mutant!("P8 a torn read is taken for the file") {
            return Err(not_as_expected(
                operation,
                path,
                "it changed while it was read",
            ));
        }
        self.at += length as u64;
        Ok(Bytes::from(bytes))
    }
}

impl Stream for Reader {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        if self.failed || self.at >= self.end {
            return Poll::Ready(None);
        }
        let piece = self.piece();
        self.failed = piece.is_err();
        Poll::Ready(Some(piece))
    }
}

/// Bytes `offset..offset + length` of exactly `entry.revision`.
pub(crate) fn read(
    disk: &Arc<Disk>,
    path: &RelPath,
    entry: &Entry,
    offset: u64,
    length: u64,
) -> Result<ByteStream> {
    const READ: &str = "read";
    if entry.kind != Kind::File {
        let why = "only files have bytes to read";
        return Err(refused(READ, path, Cause::Unsupported, why));
    }
    let file = open(disk, READ, path)?;
    let now = sys::stat_of(&file).context(READ, path)?;
    let is_it = is_exactly(&now, &entry.revision) || removed!("expectation");
    if now.kind != Type::File || !is_it {
        return Err(not_as_expected(READ, path, "it was changed"));
    }
    Ok(stream(disk, READ, path, file, &now, offset, length))
}

/// Opens the file at `path`.
fn open(disk: &Disk, operation: &'static str, path: &RelPath) -> Result<OwnedFd> {
    let anchor = disk.admitted(operation, path)?;
    if let Ok(file) = anchor.folder.open_file(path.as_str(), Access::Read) {
        return Ok(file);
    }
    // In two steps it shows whether the file or a folder above it is in the way.
    let place = disk.own_place(operation, &anchor, path)?;
    match place.folder.open_file(place.name(), Access::Read) {
        Err(Errno::LOOP | Errno::NXIO) => {
            Err(not_as_expected(operation, path, "it is no file any more"))
        }
        answer => answer.context(operation, path),
    }
}

/// Bytes of a version.
pub(crate) fn read_version(
    disk: &Arc<Disk>,
    key: &VersionKey,
    offset: u64,
    length: u64,
) -> Result<ByteStream> {
    const READ: &str = "read_version";
    let path = key.path();
    let (place, _) = versions::open(disk, READ, key)?;
    let file = place
        .folder
        .open_file(place.name(), Access::Read)
        .context(READ, path)?;
    let now = sys::stat_of(&file).context(READ, path)?;
    Ok(stream(disk, READ, path, file, &now, offset, length))
}

fn stream(
    disk: &Arc<Disk>,
    operation: &'static str,
    path: &RelPath,
    file: OwnedFd,
    now: &Stat,
    offset: u64,
    length: u64,
) -> ByteStream {
    let end = offset.saturating_add(length).min(now.size);
    if end.saturating_sub(offset) >= LONG {
        sys::advise_sequential(&file);
    }
    Box::pin(Reader {
        disk: disk.clone(),
        operation,
        path: path.clone(),
        file,
        revision: revision_of(now),
        at: offset.min(end),
        end,
        failed: false,
    })
}
