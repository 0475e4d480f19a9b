//! Staging: nothing is seen before commit, nothing wrong gets there, nothing is left behind.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;
use tandem_core::content::{ByteStream, Content};
use tandem_core::entry::{ContentHash, Kind};
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::storage::{Depth, Expected, Keep, Meta, ResumeToken, Root};

use super::support::{
    Bench, Ear, FORMS, at, bytes, cause, fail_at, list, member, mtime, next_tick, rel,
};
use crate::disk::Moment;
use crate::sys::Errno;

/// A body that promises `len` bytes and gives `has`, then fails, ends, or never answers.
struct Body {
    data: Bytes,
    promised: u64,
    stop_at: u64,
    stop: Stop,
    lowest: AtomicU64,
}

#[derive(Clone, Copy, PartialEq)]
enum Stop {
    End,
    Fail,
    Hang,
}

impl Body {
    fn new(data: Vec<u8>, promised: u64, stop_at: u64, stop: Stop) -> Arc<Self> {
        Arc::new(Self {
            data: data.into(),
            promised,
            stop_at,
            stop,
            lowest: AtomicU64::new(u64::MAX),
        })
    }
}

#[async_trait]
impl Content for Body {
    fn len(&self) -> u64 {
        self.promised
    }

    async fn open(&self, offset: u64, _: u64) -> Result<ByteStream> {
        self.lowest.fetch_min(offset, Ordering::SeqCst);
        let end = (self.stop_at.min(self.data.len() as u64)) as usize;
        let start = (offset as usize).min(end);
        Ok(Box::pin(Pieces(self.data.slice(start..end), self.stop)))
    }
}

struct Pieces(Bytes, Stop);

impl Stream for Pieces {
    type Item = Result<Bytes>;
    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.0.is_empty() {
            return match self.1 {
                Stop::End => Poll::Ready(None),
                Stop::Hang => Poll::Pending,
                Stop::Fail => {
                    self.1 = Stop::End;
                    Poll::Ready(Some(Err(StorageError::new("open", Cause::Offline, ""))))
                }
            };
        }
        let len = self.0.len().min(100_000);
        Poll::Ready(Some(Ok(self.0.split_to(len))))
    }
}

fn data(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n * 31 % 251) as u8).collect()
}

#[tokio::test]
async fn what_is_staged_is_not_seen_and_has_its_hash_time_and_bit() {
    for form in FORMS {
        let bench = Bench::with(form);
        bench.root.create_folder(&rel("a/b")).await.unwrap();
        let meta = Meta {
            mtime: mtime(1_234_567_890_123_456_789),
            executable: Some(true),
            ..Meta::default()
        };
        let staged = bench.stage("a/b/file", "hello", &meta).await.unwrap();
        assert_eq!(staged.len, 5);
        assert_eq!(
            staged.hashes,
            [ContentHash::blake3(*blake3::hash(b"hello").as_bytes())]
        );
        assert_eq!(
            list(&bench.root, "", Depth::Subtree)
                .await
                .unwrap()
                .entries
                .len(),
            2
        );
        assert_eq!(
            bench.own_names("a/b").len(),
            usize::from(form.portable),
            "where it can, it has no name until it is committed"
        );

        let done = bench
            .commit(staged, Expected::Absent, Keep::No)
            .await
            .unwrap();
        assert_eq!(done.entry.mtime, meta.mtime);
        assert_eq!(done.entry.executable, Some(true));
        assert!(bench.own_names("a/b").is_empty());
        let mut seen = bench.entry("a/b/file").await;
        seen.hashes = done.entry.hashes.clone();
        assert_eq!(seen, done.entry);
        assert_eq!(bench.text("a/b/file").unwrap(), "hello");
        assert_eq!(
            bench.mode("a/b/file") & 0o111,
            bench.mode("a/b/file") >> 2 & 0o111
        );
    }
}

#[tokio::test]
async fn short_long_and_failing_bodies_leave_nothing_behind() {
    let bench = Bench::new();
    let meta = Meta::default();
    for (has, promised, stop, expected) in [
        (99_999, 100_000, Stop::End, Cause::HashMismatch),
        (0, 1, Stop::End, Cause::HashMismatch),
        (100_001, 100_000, Stop::End, Cause::HashMismatch),
        (1, 0, Stop::End, Cause::HashMismatch),
        (100_000, 300_000, Stop::Fail, Cause::Offline),
        (9 << 20, (9 << 20) - 1, Stop::End, Cause::HashMismatch),
    ] {
        let body = Body::new(data(has), promised, u64::MAX, stop);
        let staged = bench
            .root
            .stage(&rel("file"), body, &meta, None, Ear::new())
            .await;
        assert_eq!(cause(staged), expected, "{has} of {promised}");
        assert!(bench.own_names("").is_empty(), "{has} of {promised}");
    }
}

#[tokio::test]
async fn a_staging_that_is_dropped_leaves_nothing_behind() {
    let bench = Bench::new();
    let (target, meta) = (rel("file"), Meta::default());
    let body = Body::new(data(1000), 2000, 1000, Stop::Hang);
    let staging = bench.root.stage(&target, body, &meta, None, Ear::new());
    let waited = tokio::time::timeout(std::time::Duration::from_millis(50), staging).await;
    assert!(waited.is_err());
    assert!(bench.own_names("").is_empty());
}

#[tokio::test]
async fn missing_parents_and_reserved_names_are_refused() {
    let bench = Bench::new();
    bench.put("file", "x");
    let meta = Meta::default();
    assert_eq!(
        cause(bench.stage("no/file", "x", &meta).await),
        Cause::NotFound
    );
    assert_eq!(
        cause(bench.stage("file/x", "x", &meta).await),
        Cause::NotFound
    );
    assert_eq!(
        cause(bench.stage(".tandem/x", "x", &meta).await),
        Cause::NameRefused
    );
    assert_eq!(cause(bench.stage("", "x", &meta).await), Cause::NameRefused);
}

#[tokio::test]
async fn a_name_that_is_too_long_is_refused_with_its_cause() {
    let bench = Bench::new();
    let name = "n".repeat(256);
    let refused = match bench.stage(&name, "x", &Meta::default()).await {
        Ok(staged) => bench
            .commit(staged, Expected::Absent, Keep::No)
            .await
            .map(|_| ()),
        Err(error) => Err(error),
    };
    assert_eq!(cause(refused), Cause::NameRefused);
}

#[tokio::test]
async fn a_link_is_staged_like_a_file() {
    for form in FORMS {
        let bench = Bench::with(form);
        let meta = Meta {
            target: Some("../somewhere/else".into()),
            ..Meta::default()
        };
        let staged = bench
            .root
            .stage(&rel("link"), bytes(""), &meta, None, Ear::new())
            .await
            .unwrap();
        let done = bench
            .commit(staged, Expected::Absent, Keep::No)
            .await
            .unwrap();
        assert_eq!(done.entry.kind, Kind::Symlink);
        assert_eq!(done.entry.target.as_deref(), Some("../somewhere/else"));
        assert_eq!(bench.entry("link").await, done.entry);
    }
}

#[tokio::test]
async fn a_long_transfer_goes_on_where_it_stopped() {
    for form in FORMS {
        let bench = Bench::with(form);
        let (target, meta) = (rel("long"), Meta::default());
        let all = data(20 << 20);
        let len = all.len() as u64;
        let ear = Ear::new();
        let cut = Body::new(all.clone(), len, 17 << 20, Stop::Fail);
        let first = bench
            .root
            .stage(&target, cut, &meta, None, ear.clone())
            .await;
        assert_eq!(cause(first), Cause::Offline);
        let token = ear.tokens.lock().unwrap().last().cloned().unwrap();

        // A new run, that knows the token alone.
        let root = bench.reopened();
        let ear = Ear::new();
        let rest = Body::new(all.clone(), len, len, Stop::End);
        let staged = root
            .stage(&target, rest.clone(), &meta, Some(&token), ear.clone())
            .await
            .unwrap();
        let begun = rest.lowest.load(Ordering::SeqCst);
        assert!((16 << 20..17 << 20).contains(&begun), "{begun}");
        assert_eq!(
            ear.bytes.load(Ordering::SeqCst),
            len,
            "progress ends at the total"
        );
        let hash = ContentHash::blake3(*blake3::hash(&all).as_bytes());
        assert_eq!(staged.hashes, [hash]);
        let done = root
            .commit(vec![member(staged, Expected::Absent, Keep::No)])
            .await;
        assert_eq!(done[0].as_ref().unwrap().entry.size, len);
        assert_eq!(std::fs::read(bench.path("long")).unwrap(), all);
        assert!(bench.own_names("").is_empty());
    }
}

#[tokio::test]
async fn a_prefix_that_a_power_loss_spoiled_is_sent_again() {
    use std::os::unix::fs::FileExt;
    let bench = Bench::new();
    let (target, meta) = (rel("long"), Meta::default());
    let all = data(12 << 20);
    let len = all.len() as u64;
    let ear = Ear::new();
    let cut = Body::new(all.clone(), len, 10 << 20, Stop::Fail);
    let first = bench
        .root
        .stage(&target, cut, &meta, None, ear.clone())
        .await;
    assert!(first.is_err());
    let token = ear.tokens.lock().unwrap().last().cloned().unwrap();
    let name = bench.own_names("").remove(0);
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(bench.path(&name))
        .unwrap();
    file.write_at(&[0; 4096], 4 << 20).unwrap();

    let rest = Body::new(all.clone(), len, len, Stop::End);
    let staged = bench
        .root
        .stage(&target, rest.clone(), &meta, Some(&token), Ear::new())
        .await
        .unwrap();
    assert_eq!(rest.lowest.load(Ordering::SeqCst), 0);
    bench
        .commit(staged, Expected::Absent, Keep::No)
        .await
        .unwrap();
    assert_eq!(std::fs::read(bench.path("long")).unwrap(), all);
    assert!(bench.own_names("").is_empty(), "the spoiled one is removed");
}

#[tokio::test]
async fn a_token_for_another_target_or_length_begins_anew() {
    let bench = Bench::new();
    let meta = Meta::default();
    let all = data(12 << 20);
    let len = all.len() as u64;
    let ear = Ear::new();
    let cut = Body::new(all.clone(), len, 10 << 20, Stop::Fail);
    let first = bench
        .root
        .stage(&rel("long"), cut, &meta, None, ear.clone())
        .await;
    assert!(first.is_err());
    let token = ear.tokens.lock().unwrap().last().cloned().unwrap();
    let whole = Body::new(all.clone(), len, len, Stop::End);
    let other = rel("other");
    let staged = bench
        .root
        .stage(&other, whole.clone(), &meta, Some(&token), Ear::new())
        .await
        .unwrap();
    assert_eq!(whole.lowest.load(Ordering::SeqCst), 0);
    bench.root.discard(&staged.token).await.unwrap();
    bench.root.discard(&token).await.unwrap();
    assert!(bench.own_names("").is_empty());
    let nonsense = ResumeToken("nonsense".into());
    let staged = bench
        .root
        .stage(&other, bytes("x"), &meta, Some(&nonsense), Ear::new())
        .await;
    assert!(staged.is_ok(), "a token nobody can read is as none");
}

#[tokio::test]
async fn discarding_is_idempotent() {
    let bench = Bench::new();
    let staged = bench.stage("file", "x", &Meta::default()).await.unwrap();
    for _ in 0..2 {
        bench.root.discard(&staged.token).await.unwrap();
    }
    assert!(bench.own_names("").is_empty());
    let gone = bench.commit(staged, Expected::Absent, Keep::No).await;
    assert_eq!(cause(gone), Cause::NotFound);
    assert!(bench.root.stat(&at("file")).await.unwrap().is_none());
}

#[tokio::test]
async fn what_had_no_name_is_gone_with_its_run_and_shown_by_no_other() {
    let bench = Bench::new();
    let staged = bench.stage("file", "x", &Meta::default()).await.unwrap();
    let next = bench.after_a_kill();
    list(&next, "", Depth::Subtree).await.unwrap();
    assert!(next.leftovers().await.unwrap().is_empty());
    next.discard(&staged.token).await.unwrap();
    let done = next.commit(vec![member(staged, Expected::Absent, Keep::No)]);
    assert_eq!(cause(done.await.remove(0)), Cause::NotFound);
    assert!(bench.root.stat(&at("file")).await.unwrap().is_none());
}

#[tokio::test]
async fn what_was_staged_for_a_free_name_may_replace_what_came_there() {
    let bench = Bench::new();
    let staged = bench.stage("file", "ours", &Meta::default()).await.unwrap();
    bench.put("file", "theirs");
    let done = bench.commit(staged, Expected::Any, Keep::No).await;
    assert_eq!(done.unwrap().entry.size, 4);
    assert_eq!(bench.text("file").unwrap(), "ours");
    bench.root.settle().await.unwrap();
    assert!(bench.own_names("").is_empty());
}

#[tokio::test]
async fn what_an_earlier_run_left_is_found_by_its_scan() {
    let bench = Bench::naming();
    bench.root.create_folder(&rel("a")).await.unwrap();
    bench.stage("a/file", "x", &Meta::default()).await.unwrap();
    // This run still works with it.
    list(&bench.root, "", Depth::Subtree).await.unwrap();
    assert!(bench.root.leftovers().await.unwrap().is_empty());

    let next = bench.after_a_kill();
    assert!(next.leftovers().await.unwrap().is_empty());
    list(&next, "", Depth::Subtree).await.unwrap();
    let found = next.leftovers().await.unwrap();
    assert_eq!(found.len(), 1);
    next.discard(&found[0].0).await.unwrap();
    assert!(bench.own_names("a").is_empty());
    assert!(next.leftovers().await.unwrap().is_empty());
}

#[tokio::test]
async fn content_that_a_crash_left_under_a_name_of_tandems_own_is_recovered() {
    let bench = Bench::new();
    bench.put("a/.tandem-staged-00ff-aside", "a person's");
    list(&bench.root, "", Depth::Subtree).await.unwrap();
    let found = bench.root.leftovers().await.unwrap();
    assert_eq!(found.len(), 1);
    bench.root.discard(&found[0].0).await.unwrap();
    assert!(bench.own_names("a").is_empty());
    let versions = bench.root.versions(None).await.unwrap();
    assert_eq!(versions.len(), 1);
    let read = bench.root.read_version(&versions[0].key, 0, u64::MAX).await;
    assert_eq!(super::support::collect(read).await.unwrap(), b"a person's");
}

#[tokio::test]
async fn what_got_its_name_for_a_commit_that_failed_is_gone_with_it() {
    for moment in [None, Some(Moment::BeforeFlush), Some(Moment::BeforeSwap)] {
        let bench = Bench::new();
        let staged = bench.stage("file", "ours", &Meta::default()).await.unwrap();
        bench.put("file", "theirs");
        let seen = bench.expect("file").await;
        match moment {
            Some(moment) => fail_at(&bench.root, moment, Errno::IO),
            None => {
                next_tick();
                bench.put("file", "edited");
            }
        }
        assert!(bench.commit(staged, seen, Keep::No).await.is_err());
        assert!(bench.own_names("").is_empty(), "{moment:?}");
    }
}
