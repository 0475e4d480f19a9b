//! What keeps a bucket from being used, and what befalls requests on their way.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tandem_core::content::BytesContent;
use tandem_core::entry::Mtime;
use tandem_core::error::{Cause, ErrorKind, StorageError};
use tandem_core::path::RelPath;
use tandem_core::storage::{Commit, Expected, Keep, Locator, Meta, ResumeSink, ResumeToken, Root};
use tandem_core::time::Timestamp;
use tandem_testkit::real_time::clock_ahead;
use tandem_testkit::servers::faults::Fault;
use tandem_testkit::servers::gcs::{GcsServer, Role};

use crate::bench::{Bucket, FOLDER, PART, PARTS_FROM, key, probed};
use crate::proxy::Proxy;
use crate::steps::{collect, write};

async fn tested(bucket: &Bucket) -> StorageError {
    let tested = bucket.open(None).validate("", &|_| ()).await;
    assert!(tested.steps.last().unwrap().outcome.is_err());
    tested.capabilities.unwrap_err()
}

#[tokio::test]
async fn a_key_that_was_deleted_is_named() {
    let bucket = Bucket::new();
    bucket.server.delete_account(&bucket.key);
    let error = tested(&bucket).await;
    assert_eq!(
        (error.kind, error.cause),
        (ErrorKind::Auth, Cause::AuthDenied)
    );
    assert!(
        error
            .detail
            .contains("there is no service account account-"),
        "{error}"
    );
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_named() {
    let bucket = Bucket {
        name: "no-such-bucket".to_owned(),
        ..Bucket::new()
    };
    let error = tested(&bucket).await;
    assert_eq!(error.cause, Cause::NotFound);
    assert!(
        error.detail.contains("there is no bucket no-such-bucket"),
        "{error}"
    );
}

#[tokio::test]
async fn a_right_that_is_lacking_is_named() {
    let bucket = Bucket::new();
    for (role, right) in [
        (Role::Nobody, "storage.objects.list"),
        (Role::ObjectCreator, "storage.objects.list"),
        (Role::ObjectViewer, "storage.objects.create"),
    ] {
        let error = tested(&bucket.as_role(role)).await;
        assert_eq!(error.cause, Cause::Forbidden, "{role:?}");
        assert!(
            error.detail.contains(&format!("lacks the right {right};")),
            "{error}"
        );
    }
    // Nothing of the bucket itself need be asked for.
    let found = bucket.as_role(Role::ObjectAdmin).probe().await;
    assert_eq!(found.conditions, probed().await.conditions);
}

#[tokio::test]
async fn a_clock_that_is_off_is_named() {
    let bucket = Bucket::new();
    for secs in [3_700, -3_700] {
        let storage = bucket.try_open(None, clock_ahead(secs)).unwrap();
        let tested = storage.validate("", &|_| ()).await;
        let error = tested.capabilities.unwrap_err();
        assert_eq!(error.cause, Cause::ClockSkew, "{error}");
        assert!(error.detail.contains("clock is off"), "{error}");
    }
}

/// A server of its own, since its faults befall whoever comes.
async fn apart() -> (Bucket, Arc<dyn Root>) {
    let bucket = Bucket::on(Arc::new(GcsServer::start().unwrap()));
    let storage = bucket.open(Some(&probed().await));
    let root = storage.root(FOLDER).await.unwrap();
    (bucket, root)
}

fn rel(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

async fn content(root: &dyn Root, path: &str) -> Result<Bytes, StorageError> {
    let at = Locator::of_path(rel(path));
    let entry = root.stat(&at).await?.unwrap();
    collect(root.read(&at, &entry, 0, entry.size).await).await
}

#[tokio::test]
async fn faults_that_pass_leave_no_trace() {
    let (bucket, root) = apart().await;
    let server = &bucket.server;
    let busy = |status| Fault::Status {
        status,
        retry_after: None,
    };
    let waiting = Fault::Status {
        status: 429,
        retry_after: Some(1),
    };
    let bytes = vec![7; 12 * PART as usize];
    server.script("POST", "uploadType=multipart", 0, 1, waiting);
    server.script("POST", "uploadType=multipart", 0, 1, Fault::LoseAnswer);
    server.script("POST", "uploadType=resumable", 0, 1, busy(503));
    server.script("PUT", "upload_id=", 1, 1, Fault::LoseRequest);
    server.script("PUT", "upload_id=", 2, 1, Fault::LoseAnswer);
    server.script("PUT", "upload_id=", 3, 1, Fault::CutRequest(100_000));
    server.script("GET", "alt=media", 0, 1, Fault::ExpireTokens);
    server.script("POST", "/moveTo/", 0, 1, Fault::LoseAnswer);
    for fault in [
        Fault::CutAnswer(20),
        Fault::ShortAnswer(20),
        Fault::DoubleAnswer,
    ] {
        server.script("GET", "/o?", 0, 1, fault);
    }

    let began = std::time::Instant::now();
    write(&*root, &rel("small"), b"small", Expected::Absent)
        .await
        .unwrap();
    assert!(
        began.elapsed() >= Duration::from_secs(1),
        "Retry-After was not obeyed"
    );
    let large = write(&*root, &rel("large"), &bytes, Expected::Absent)
        .await
        .unwrap();
    assert!(large.displaced.is_none());
    assert_eq!(content(&*root, "large").await.unwrap(), bytes);
    assert_eq!(content(&*root, "small").await.unwrap(), "small");
    let none = Locator::of_path(rel("none"));
    assert!(root.stat(&none).await.unwrap().is_none());
    assert_eq!(server.faults_left(), 0, "{:#?}", server.requests());
    let live = server.live(&bucket.name);
    let names: Vec<_> = live
        .iter()
        .map(|(name, _)| &name[..])
        .filter(|name| !name.ends_with('/'))
        .collect();
    assert_eq!(names, ["in a/folder/large", "in a/folder/small"]);
}

/// A first try failed, and another's content is there by the time of the second.
#[tokio::test]
async fn a_time_that_is_set_by_a_second_try_is_not_that_of_what_was_written_since() {
    let bucket = Bucket::on(Arc::new(GcsServer::start().unwrap()));
    let proxy = Proxy::before(&bucket.endpoint);
    let behind = Bucket {
        endpoint: proxy.endpoint(),
        ..bucket.clone()
    };
    let storage = behind.open(Some(&probed().await));
    let root = storage.root(FOLDER).await.unwrap();
    let made = write(&*root, &rel("file"), b"ours", Expected::Absent).await;
    let expected = Expected::Revision(made.unwrap().entry.revision);
    let busy = Fault::Status {
        status: 503,
        retry_after: None,
    };
    bucket.server.script("PATCH", "file", 0, 1, busy);
    let (server, name) = (Arc::clone(&bucket.server), bucket.name.clone());
    proxy.first("PATCH /", move || {
        server.put(&name, &key("file"), b"theirs")
    });
    let at = Locator::of_path(rel("file"));
    let mtime = Some(Mtime {
        at: Timestamp::from_secs(7),
        by_client: true,
    });
    let meta = Meta {
        mtime,
        ..Meta::default()
    };
    let set = root.set_meta(&at, &expected, &meta).await;
    assert!(proxy.has_met());
    assert_eq!(bucket.server.faults_left(), 0);
    let error = set.expect_err("another's content got the time of ours");
    assert_eq!(error.cause, Cause::PreconditionFailed, "{error}");
    let there = root.stat(&at).await.unwrap().unwrap();
    assert_ne!(there.mtime, mtime);
    assert_eq!(content(&*root, "file").await.unwrap(), "theirs");
}

/// Reading goes on where an answer broke off; where nothing comes it fails, and is never a shorter file.
#[tokio::test]
async fn an_answer_with_content_that_breaks_off_is_never_a_whole_file() {
    let (bucket, root) = apart().await;
    let bytes: Vec<u8> = (0..100_000_u32).map(|at| (at % 251) as u8).collect();
    write(&*root, &rel("file"), &bytes, Expected::Absent)
        .await
        .unwrap();
    let cut = |most| {
        bucket
            .server
            .script("GET", "alt=media", 0, 1, Fault::CutAnswer(most))
    };
    cut(50_000);
    assert_eq!(content(&*root, "file").await.unwrap(), bytes);
    assert_eq!(bucket.server.faults_left(), 0);
    for fault in [
        Fault::ShortAnswer(0),
        Fault::ShortAnswer(50_000),
        Fault::DoubleAnswer,
        Fault::CutAnswer(0),
    ] {
        let server = &bucket.server;
        server.script("GET", "alt=media", 0, 99, fault.clone());
        let read = content(&*root, "file").await;
        assert!(read.is_err(), "{fault:?}: {} bytes", read.unwrap().len());
        server.forget_faults();
    }
}

/// What an engine keeps of an upload.
#[derive(Default)]
struct Kept(std::sync::Mutex<Option<ResumeToken>>);

impl ResumeSink for Kept {
    fn store(&self, token: &ResumeToken) {
        *self.0.lock().unwrap() = Some(token.clone());
    }
    fn progress(&self, _: u64) {}
}

/// An upload is cut off half-way and goes on in another process: at most one part is sent again.
#[tokio::test]
async fn an_upload_goes_on_where_it_was_cut_off() {
    let (bucket, root) = apart().await;
    let bytes = Bytes::from(vec![7; 16 * PART as usize]);
    let body = || Arc::new(BytesContent(bytes.clone()));
    let gone = Fault::Status {
        status: 403,
        retry_after: None,
    };
    bucket.server.script("PUT", "upload_id=", 8, 1, gone);
    let kept = Arc::new(Kept::default());
    let path = rel("file");
    let meta = Meta::default();
    let staged = root.stage(&path, body(), &meta, None, kept.clone()).await;
    assert_eq!(staged.err().unwrap().cause, Cause::Forbidden);

    let token = kept.0.lock().unwrap().clone().unwrap();
    let storage = bucket.open(Some(&probed().await));
    let root = storage.root(FOLDER).await.unwrap();
    let before = bucket.server.received();
    let staged = root
        .stage(&path, body(), &meta, Some(&token), kept)
        .await
        .unwrap();
    let sent = bucket.server.received() - before;
    assert!(sent <= 9 * PART, "{sent} bytes for the second half");
    let commit = Commit {
        staged,
        expected: Expected::Absent,
        keep: Keep::No,
        sink: None,
    };
    let committed = root.commit(vec![commit]).await.remove(0).unwrap();
    assert_eq!(content(&*root, "file").await.unwrap(), bytes);

    // A rename brings no byte here or there.
    let before = bucket.server.received();
    let expected = Expected::Revision(committed.entry.revision);
    let from = Locator::of_path(path);
    root.move_to(
        &from,
        &expected,
        &rel("moved"),
        &Expected::Absent,
        &Keep::No,
    )
    .await
    .unwrap();
    assert!(bucket.server.received() - before < 1_000);
    assert_eq!(content(&*root, "moved").await.unwrap(), bytes);
}

/// What was given up leaves nothing behind, neither a session nor what one made.
#[tokio::test]
async fn what_is_given_up_leaves_nothing_behind() {
    let (bucket, root) = apart().await;
    let meta = Meta::default();
    let body = Arc::new(BytesContent(Bytes::from(vec![7; 2 * PARTS_FROM as usize])));
    let kept = Arc::new(Kept::default());
    root.stage(&rel("file"), body, &meta, None, kept.clone())
        .await
        .unwrap();
    let token = kept.0.lock().unwrap().clone().unwrap();
    assert_eq!(bucket.server.live(&bucket.name).len(), 1);
    root.discard(&token).await.unwrap();
    assert_eq!(bucket.server.live(&bucket.name), []);
}

/// An endpoint of an earlier date has no moves: it copies, in as many requests as it likes.
#[tokio::test]
async fn an_endpoint_without_moves_copies_to_the_place() {
    let (bucket, root) = apart().await;
    bucket.server.refuse_moves();
    bucket.server.limit_rewrites(1 << 20);
    let bytes = vec![7; 3 * PARTS_FROM as usize];
    let path = rel("file");
    write(&*root, &path, &bytes, Expected::Absent)
        .await
        .unwrap();
    assert_eq!(content(&*root, "file").await.unwrap(), bytes);
    let live = bucket.server.live(&bucket.name);
    let names: Vec<_> = live.iter().map(|(name, _)| &name[..]).collect();
    assert_eq!(names, ["in a/folder/file"]);
    let refused = write(&*root, &path, &bytes, Expected::Absent).await;
    assert_eq!(refused.unwrap_err().cause, Cause::AlreadyExists);
}
