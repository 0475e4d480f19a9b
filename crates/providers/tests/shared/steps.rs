//! The steps of a write and of a read, for the tests of all providers.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt;
use tandem_core::content::{ByteStream, BytesContent};
use tandem_core::error::StorageError;
use tandem_core::path::RelPath;
use tandem_core::storage::{Commit, Committed, Expected, Keep, Meta, Root, Unheard};

/// Stages and commits `bytes`.
pub(crate) async fn write(
    root: &dyn Root,
    path: &RelPath,
    bytes: &[u8],
    expected: Expected,
) -> Result<Committed, StorageError> {
    write_keeping(root, path, bytes, expected, Keep::No).await
}

/// The same; what is replaced is set aside as `keep` says.
pub(crate) async fn write_keeping(
    root: &dyn Root,
    path: &RelPath,
    bytes: &[u8],
    expected: Expected,
    keep: Keep,
) -> Result<Committed, StorageError> {
    let content = Arc::new(BytesContent(Bytes::copy_from_slice(bytes)));
    let meta = Meta::default();
    let staged = root
        .stage(path, content, &meta, None, Arc::new(Unheard))
        .await?;
    let commit = Commit {
        staged,
        expected,
        keep,
        sink: None,
    };
    root.commit(vec![commit]).await.remove(0)
}

/// All bytes of what was opened for reading.
pub(crate) async fn collect(
    opened: Result<ByteStream, StorageError>,
) -> Result<Bytes, StorageError> {
    let pieces: Vec<Bytes> = opened?.try_collect().await?;
    Ok(pieces.concat().into())
}
