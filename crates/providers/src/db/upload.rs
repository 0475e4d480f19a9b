//! Content on its way in: chunks that nobody sees, until a commit takes them. An upload goes on from the chunks that
//! are really there.

use std::sync::Arc;

use blake3::Hasher;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tandem_core::content::SharedContent;
use tandem_core::entry::ContentHash;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::RelPath;
use tandem_core::storage::{ResumeSink, ResumeToken};
use tandem_core::time::Timestamp;

use super::database::{Database, Transaction};
use super::place::refused;
use super::sql::{Work, values};

/// Bytes of a chunk; the last one of a content may be shorter.
pub(super) const CHUNK: u64 = 256 * 1024;

/// How long an upload is left alone after its last chunk, in nanoseconds: another device may go on with it.
const LEFT_ALONE: i64 = 7 * 24 * 60 * 60 * 1_000_000_000;

/// What a token must fit.
pub(super) struct Place<'a> {
    pub(super) token: &'a ResumeToken,
    pub(super) root: i64,
    pub(super) target: &'a RelPath,
    pub(super) len: u64,
}

/// The token of an upload.
fn token_of(content: i64) -> ResumeToken {
    ResumeToken(format!("upload:{content}"))
}

fn content_of(token: &ResumeToken) -> Option<i64> {
    token.0.strip_prefix("upload:")?.parse().ok()
}

impl Transaction<'_> {
    /// How many bytes of an upload have arrived; `None` if there is none that fits.
    fn received(&mut self, place: &Place<'_>) -> Result<Option<u64>> {
        let Some(content) = content_of(place.token) else {
            return Ok(None);
        };
        let row = self.first(
            "SELECT u.received FROM tandem_uploads u JOIN tandem_contents c ON c.id = u.content
             WHERE u.content = ?1 AND u.root = ?2 AND u.target = ?3 AND c.size = ?4",
            values![
                content,
                place.root,
                place.target.as_str(),
                place.len.cast_signed()
            ],
        )?;
        row.map(|row| row.integer(0).map(i64::unsigned_abs))
            .transpose()
    }

    fn begin_upload(&mut self, content: i64, upload: &Upload) -> Result<()> {
        let size = upload.len.cast_signed();
        let made = self.execute(
            "INSERT INTO tandem_contents (id, size) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            values![content, size],
        )?;
        if made == 0 {
            return self.begun_before(content, upload);
        }
        let (target, now) = (upload.target.as_str(), self.now);
        self.execute(
            "INSERT INTO tandem_uploads (content, root, target, received, written)
             VALUES (?1, ?2, ?3, 0, ?4)",
            values![content, upload.root, target, now],
        )
        .map(drop)
    }

    /// A repeated try finds the upload that it began, unless the number is somebody else's.
    fn begun_before(&mut self, content: i64, upload: &Upload) -> Result<()> {
        let received = self.received(&Place {
            token: &token_of(content),
            root: upload.root,
            target: &upload.target,
            len: upload.len,
        })?;
        let why = "the number drawn for the upload is taken";
        received
            .map(drop)
            .ok_or_else(|| StorageError::new("", Cause::Other, why))
    }

    /// Adds a chunk behind the `received` bytes that are there.
    fn add_chunk(&mut self, content: i64, received: u64, chunk: &Bytes) -> Result<()> {
        let now = self.now;
        let counted = self.execute(
            "UPDATE tandem_uploads SET received = received + ?1, written = ?2
             WHERE content = ?3 AND received = ?4",
            values![chunk.len() as i64, now, content, received.cast_signed()],
        )?;
        let position = received / CHUNK;
        // A repeated try finds the chunk that it added.
        if counted != 1 && self.chunk(content, position)?.as_ref() == Some(chunk) {
            return Ok(());
        }
        if counted != 1 {
            let why = "the upload is gone, or somebody else goes on with it";
            return Err(StorageError::new("", Cause::NotFound, why));
        }
        self.execute(
            "INSERT INTO tandem_chunks (content, position, data) VALUES (?1, ?2, ?3)",
            values![content, position.cast_signed(), chunk.to_vec()],
        )
        .map(drop)
    }

    fn finish_upload(&mut self, content: i64, hash: &[u8; 32]) -> Result<()> {
        self.execute(
            "UPDATE tandem_contents SET blake3 = ?1 WHERE id = ?2",
            values![hash.to_vec(), content],
        )
        .map(drop)
    }

    /// Ends a finished upload; its content is the caller's to point to.
    pub(super) fn take_upload(&mut self, place: &Place<'_>) -> Result<i64> {
        let received = self.received(place)?;
        let content = content_of(place.token).filter(|_| received == Some(place.len));
        let content = content
            .ok_or_else(|| StorageError::new("", Cause::NotFound, "nothing is staged here"))?;
        if !self.end_upload(content)? {
            return Err(StorageError::new("", Cause::NotFound, "it was thrown away"));
        }
        Ok(content)
    }

    /// Makes an upload none any more. Whoever does it has its content: to point to, or to throw away.
    fn end_upload(&mut self, content: i64) -> Result<bool> {
        let statement = "DELETE FROM tandem_uploads WHERE content = ?1";
        Ok(self.execute(statement, values![content])? == 1)
    }

    /// Throws an upload away, if it is still one.
    pub(super) fn discard(&mut self, token: &ResumeToken) -> Result<()> {
        let Some(content) = content_of(token) else {
            return Ok(());
        };
        if !self.end_upload(content)? {
            return Ok(());
        }
        let statement = "DELETE FROM tandem_contents WHERE id = ?1";
        self.execute(statement, values![content]).map(drop)
    }

    /// Uploads that nothing was added to for a week.
    pub(super) fn leftovers(&mut self, root: i64) -> Result<Vec<(ResumeToken, Timestamp)>> {
        let before = self.now.saturating_sub(LEFT_ALONE);
        let rows = self.query(
            "SELECT content, written FROM tandem_uploads WHERE root = ?1 AND written < ?2",
            values![root, before],
        )?;
        let told =
            |row: &super::sql::Row| Ok((token_of(row.integer(0)?), Timestamp(row.integer(1)?)));
        rows.iter().map(told).collect()
    }

    /// One chunk of a content.
    pub(super) fn chunk(&mut self, content: i64, position: u64) -> Result<Option<Bytes>> {
        let row = self.first(
            "SELECT data FROM tandem_chunks WHERE content = ?1 AND position = ?2",
            values![content, position.cast_signed()],
        )?;
        let Some(row) = row else { return Ok(None) };
        let data = row.maybe_bytes(0)?;
        Ok(data.map(Bytes::copy_from_slice))
    }
}

/// What is uploaded where.
#[derive(Debug, Clone)]
struct Upload {
    root: i64,
    target: RelPath,
    len: u64,
}

/// An upload under way.
struct Sending {
    database: Arc<Database>,
    upload: Upload,
    content: i64,
    /// Whether its rows are there.
    begun: bool,
    received: u64,
    hasher: Hasher,
}

impl Sending {
    /// Goes on from the chunks that are there, whose bytes are read back for the hash.
    async fn go_on(&mut self, received: u64) -> Result<()> {
        for position in 0..received.div_ceil(CHUNK) {
            let content = self.content;
            let read = move |at: &mut Transaction<'_>| at.chunk(content, position);
            let chunk = self.database.run("stage", Work::Read, read).await?;
            self.hasher
                .update(&chunk.ok_or_else(|| refused(Cause::NotFound))?);
        }
        self.begun = true;
        self.received = received;
        Ok(())
    }

    /// Stores a chunk; the last one ends the upload.
    async fn store(&mut self, chunk: Bytes) -> Result<()> {
        self.hasher.update(&chunk);
        let (content, received) = (self.content, self.received);
        let first = !std::mem::replace(&mut self.begun, true);
        let begun = first.then(|| self.upload.clone());
        self.received += chunk.len() as u64;
        let hash = (self.received == self.upload.len).then(|| *self.hasher.finalize().as_bytes());
        let steps = move |at: &mut Transaction<'_>| {
            if let Some(upload) = &begun {
                at.begin_upload(content, upload)?;
            }
            if !chunk.is_empty() {
                at.add_chunk(content, received, &chunk)?;
            }
            match hash {
                Some(hash) => at.finish_upload(content, &hash),
                None => Ok(()),
            }
        };
        self.database.run("stage", Work::Stage, steps).await
    }

    /// Sends what is left of `source`.
    async fn send(&mut self, source: &SharedContent, sink: &dyn ResumeSink) -> Result<()> {
        let len = self.upload.len;
        let mut pieces = source.open(self.received, len - self.received).await?;
        let mut buffer = BytesMut::new();
        let mut arrived = self.received;
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            arrived += piece.len() as u64;
            if arrived > len {
                return Err(wrong_body("it is longer than it said"));
            }
            buffer.extend_from_slice(&piece);
            sink.progress(piece.len() as u64);
            // The last chunk waits for the end of the body, which may yet go on.
            while buffer.len() as u64 > CHUNK {
                let chunk = buffer.split_to(CHUNK as usize).freeze();
                self.store(chunk).await?;
            }
        }
        if arrived < len {
            return Err(wrong_body("it ended early"));
        }
        if self.begun && buffer.is_empty() {
            return Ok(());
        }
        self.store(buffer.freeze()).await
    }
}

fn wrong_body(what: &str) -> StorageError {
    StorageError::new("stage", Cause::HashMismatch, what)
}

/// Stages `source`, going on from `resume` if that fits.
pub(super) async fn stage(
    database: &Arc<Database>,
    base: &RelPath,
    target: &RelPath,
    source: &SharedContent,
    resume: Option<&ResumeToken>,
    sink: &dyn ResumeSink,
) -> Result<(ResumeToken, ContentHash)> {
    let len = source.len();
    if i64::try_from(len).is_err() {
        return Err(StorageError::new("stage", Cause::TooLarge, ""));
    }
    let (base, place, resume) = (base.clone(), target.clone(), resume.cloned());
    let begun = move |at: &mut Transaction<'_>| {
        let root = at.root(&base)?;
        let Some(token) = &resume else {
            return Ok((root, None));
        };
        let received = at.received(&Place {
            token,
            root,
            target: &place,
            len,
        })?;
        Ok((root, content_of(token).zip(received)))
    };
    let (root, begun) = database.run("stage", Work::Read, begun).await?;
    // 63 bits that nobody chose; one that is taken already fails and is drawn anew with the next try.
    let drawn = (database.environment.random() >> 1).cast_signed();
    let mut sending = Sending {
        database: Arc::clone(database),
        upload: Upload {
            root,
            target: target.clone(),
            len,
        },
        content: begun.map_or(drawn, |(content, _)| content),
        begun: false,
        received: 0,
        hasher: Hasher::new(),
    };
    let token = token_of(sending.content);
    sink.store(&token);
    if let Some((_, received)) = begun {
        sending.go_on(received).await?;
        sink.progress(received);
    }
    sending.send(source, sink).await?;
    let hash = ContentHash::blake3(*sending.hasher.finalize().as_bytes());
    Ok((token, hash))
}
