//! Uploads in chunks: what is sent again after a cut, and what is left.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use tandem_core::content::{ByteStream, BytesContent, Content, stream_of};
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::storage::{Commit, Expected, Keep, Meta, ResumeSink, ResumeToken};
use tandem_testkit::servers::nextcloud::{Answered, Nextcloud};

use super::{NEXTCLOUD, rel};
use crate::bench::Shared;
use crate::steps::collect;

/// Four chunks, the last of them short.
const LEN: usize = 16_000_000;

fn bytes() -> Bytes {
    (0..LEN).map(|n| (n % 251) as u8).collect()
}

/// Content that breaks at a byte.
struct Cut(Bytes, usize);

#[async_trait]
impl Content for Cut {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    async fn open(&self, offset: u64, length: u64) -> Result<ByteStream> {
        let (start, end) = (offset as usize, (offset + length) as usize);
        if end > self.1 {
            return Err(StorageError::new("open", Cause::LocalIo, "cut"));
        }
        Ok(stream_of(self.0.slice(start..end)))
    }
}

/// Hears the last token.
#[derive(Default)]
struct Ear(Mutex<Option<ResumeToken>>);

impl ResumeSink for Ear {
    fn store(&self, token: &ResumeToken) {
        *self.0.lock().unwrap() = Some(token.clone());
    }
    fn progress(&self, _: u64) {}
}

fn sent(answered: &[Answered]) -> u64 {
    let puts = answered
        .iter()
        .filter(|one| one.method == "PUT" && one.status < 300);
    puts.map(|one| one.sent).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_was_cut_sends_only_what_is_missing() {
    let server: Shared<Nextcloud> = Shared::new(Nextcloud::start);
    let (folder, found) = (server.folder().await, NEXTCLOUD.probed().await);
    let open = || async { folder.open(Some(&found)).root(&folder.name).await.unwrap() };
    let (path, ear, meta) = (rel("large"), Arc::new(Ear::default()), Meta::default());
    let cut = Arc::new(Cut(bytes(), 11_000_000));
    let failed = open()
        .await
        .stage(&path, cut, &meta, None, ear.clone())
        .await;
    assert_eq!(failed.unwrap_err().cause, Cause::LocalIo);
    assert_eq!(sent(&folder.server.answered()), 10_000_000);

    // After a restart.
    let token = ear.0.lock().unwrap().clone();
    let root = open().await;
    let whole = Arc::new(BytesContent(bytes()));
    let staged = root
        .stage(&path, whole, &meta, token.as_ref(), ear)
        .await
        .unwrap();
    assert_eq!(sent(&folder.server.answered()), 6_000_000);
    assert_eq!(root.stat(&path.clone().into()).await.unwrap(), None);
    let member = Commit {
        staged,
        expected: Expected::Absent,
        keep: Keep::No,
        sink: None,
    };
    let done = root.commit(vec![member]).await.remove(0).unwrap();
    assert_eq!(done.entry.size, LEN as u64);
    let read = root.read(&path.into(), &done.entry, 0, LEN as u64).await;
    assert!(
        collect(read).await.unwrap() == bytes(),
        "other bytes came back"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_file_that_is_moved_is_not_sent_again() {
    let server: Shared<Nextcloud> = Shared::new(Nextcloud::start);
    let (folder, found) = (server.folder().await, NEXTCLOUD.probed().await);
    let root = folder.open(Some(&found)).root(&folder.name).await.unwrap();
    let made = crate::steps::write(&*root, &rel("large"), &bytes(), Expected::Absent).await;
    let expected = Expected::Revision(made.unwrap().entry.revision);
    folder.server.answered();
    let at = rel("large").into();
    root.move_to(
        &at,
        &expected,
        &rel("renamed"),
        &Expected::Absent,
        &Keep::No,
    )
    .await
    .unwrap();
    assert_eq!(sent(&folder.server.answered()), 0);
}

/// The user's quota counts with the first chunk, not when all have been sent.
#[tokio::test]
async fn what_does_not_fit_is_refused_with_its_first_chunk() {
    let server: Shared<Nextcloud> = Shared::new(Nextcloud::start);
    let (folder, found) = (server.folder().await, NEXTCLOUD.probed().await);
    let root = folder.open(Some(&found)).root(&folder.name).await.unwrap();
    folder.server.limit(LEN as u64 - 1);
    folder.server.answered();
    let refused = crate::steps::write(&*root, &rel("large"), &bytes(), Expected::Absent).await;
    assert_eq!(refused.unwrap_err().cause, Cause::Quota);
    assert_eq!(sent(&folder.server.answered()), 0);
}
