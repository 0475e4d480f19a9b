//! Lines of limited length.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt};

/// Reads a line of at most `longest` bytes; `None` at the end of the stream.
pub(super) async fn read<R: AsyncBufRead + Unpin>(
    reader: &mut R,
    longest: usize,
) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    loop {
        let available = reader.fill_buf().await?;
        if available.is_empty() {
            // A line without its end was cut off: it says nothing.
            return Ok(None);
        }
        let (taken, ended) = match available.iter().position(|b| *b == b'\n') {
            Some(at) => (at + 1, true),
            None => (available.len(), false),
        };
        if line.len() + taken > longest {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a line is too long",
            ));
        }
        line.extend_from_slice(&available[..taken]);
        reader.consume(taken);
        if ended {
            line.pop();
            return Ok(Some(line));
        }
    }
}

/// Reads a line and decodes it.
pub(super) async fn receive<T: DeserializeOwned, R: AsyncBufRead + Unpin>(
    reader: &mut R,
    longest: usize,
) -> io::Result<Option<T>> {
    match read(reader, longest).await? {
        Some(line) => serde_json::from_slice(&line)
            .map(Some)
            .map_err(io::Error::from),
        None => Ok(None),
    }
}

/// Sends a value as one line.
pub(super) async fn send<T: Serialize + Sync, W: AsyncWrite + Unpin>(
    writer: &mut W,
    value: &T,
) -> io::Result<()> {
    let mut line = zeroize::Zeroizing::new(serde_json::to_vec(value)?);
    line.push(b'\n');
    writer.write_all(&line).await?;
    writer.flush().await
}
