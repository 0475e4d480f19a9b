//! Reading content, a chunk at a time. Content never changes, so that a stream gives bytes of one revision or, where
//! that was removed meanwhile, fails.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use tandem_core::content::ByteStream;
use tandem_core::entry::Kind;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::RelPath;
use tandem_core::storage::{Expected, Locator};

use super::database::{Database, Transaction};
use super::place::refused;
use super::sql::Work;
use super::upload::CHUNK;

impl Transaction<'_> {
    /// The content and the size of the file at `at`, which must be as `expected` says.
    pub(super) fn readable(
        &mut self,
        root: i64,
        at: &Locator,
        expected: &Expected,
    ) -> Result<(i64, u64)> {
        let item = self.resolve(root, at)?;
        let item = item.ok_or_else(|| refused(Cause::NotFound))?;
        if item.body.kind == Kind::Folder {
            return Err(refused(Cause::Unsupported));
        }
        if !item.is_as(expected) {
            return Err(refused(Cause::PreconditionFailed));
        }
        let content = item.body.content;
        Ok((
            content.ok_or_else(|| refused(Cause::Unsupported))?,
            item.size,
        ))
    }
}

/// A read under way.
struct Reading {
    database: Arc<Database>,
    operation: &'static str,
    path: RelPath,
    content: i64,
    offset: u64,
    end: u64,
}

/// The bytes `offset..offset + length` of a content of `size` bytes.
pub(super) fn stream_of(
    database: &Arc<Database>,
    operation: &'static str,
    path: &RelPath,
    (content, size): (i64, u64),
    (offset, length): (u64, u64),
) -> ByteStream {
    let reading = Reading {
        database: Arc::clone(database),
        operation,
        path: path.clone(),
        content,
        offset,
        end: offset.saturating_add(length).min(size),
    };
    Box::pin(stream::unfold(Some(reading), |reading| async move {
        let mut reading = reading?;
        match reading.next().await {
            Ok(None) => None,
            Ok(Some(piece)) => Some((Ok(piece), Some(reading))),
            Err(error) => Some((Err(error.at(&reading.path)), None)),
        }
    }))
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        if self.offset >= self.end {
            return Ok(None);
        }
        let (content, position) = (self.content, self.offset / CHUNK);
        let read = move |at: &mut Transaction<'_>| at.chunk(content, position);
        let chunk = self.database.run(self.operation, Work::Read, read).await?;
        let start = position * CHUNK;
        let wanted = (self.offset - start) as usize..(self.end - start).min(CHUNK) as usize;
        let piece = chunk.filter(|chunk| chunk.len() >= wanted.end);
        let piece = piece.map(|chunk| chunk.slice(wanted)).ok_or_else(|| {
            let why = "the content was removed meanwhile";
            StorageError::new(self.operation, Cause::PreconditionFailed, why)
        })?;
        self.offset += piece.len() as u64;
        Ok(Some(piece))
    }
}
