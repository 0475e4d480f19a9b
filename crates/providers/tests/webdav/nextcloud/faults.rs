//! What befalls requests on their way: each fault that a simulator injects, before the provider of Nextcloud.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use tandem_core::content::BytesContent;
use tandem_core::error::{Cause, ErrorKind, Result};
use tandem_core::path::RelPath;
use tandem_core::storage::{
    Commit, Depth, Discard, Expected, Keep, Listed, Locator, Meta, Root, Unheard,
};
use tandem_testkit::real_time::fast_time;
use tandem_testkit::servers::faults::Fault;
use tandem_testkit::servers::nextcloud::Nextcloud;

use super::{NEXTCLOUD, rel};
use crate::bench::{Folder, Shared};
use crate::proxy::Proxy;
use crate::steps::{collect, write};

/// Three chunks, the last of them short.
pub(super) const LARGE: usize = 12_000_000;

/// A server of its own, since its faults befall whoever comes, and a client that waits less long between its tries.
async fn apart() -> (Folder<Nextcloud>, Arc<dyn Root>) {
    let server: Shared<Nextcloud> = Shared::new(Nextcloud::start);
    let folder = server.folder().await;
    let root = opened(&folder, 10).await;
    (folder, root)
}

/// The folder to a client whose time passes so many times as fast, and which has signed in already.
async fn opened(folder: &Folder<Nextcloud>, speed: u32) -> Arc<dyn Root> {
    let storage = folder.open_in(fast_time(speed), None, Some(&NEXTCLOUD.probed().await));
    let root = storage.root(&folder.name).await.unwrap();
    assert_eq!(root.stat(&rel("nothing").into()).await.unwrap(), None);
    root
}

/// The folder, spoken to through a proxy.
async fn behind_a_proxy(folder: &Folder<Nextcloud>) -> (Arc<dyn Root>, Proxy) {
    let proxy = Proxy::before(&folder.server.url());
    let storage = folder.open_at(&proxy.endpoint(), Some(&NEXTCLOUD.probed().await));
    (storage.root(&folder.name).await.unwrap(), proxy)
}

pub(super) const fn busy(status: u16) -> Fault {
    Fault::Status {
        status,
        retry_after: None,
    }
}

pub(super) fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

impl Folder<Nextcloud> {
    fn script(&self, method: &str, part: &str, fault: Fault) {
        self.server.script(method, part, 0, 1, fault);
    }

    pub(super) fn holds(&self, path: &str) -> Option<Vec<u8>> {
        self.server.get(&format!("{}/{path}", self.name))
    }
}

/// `bytes` on the storage where nobody sees them, and how they are to become visible at `path`.
pub(super) async fn commit_of(
    root: &dyn Root,
    path: &RelPath,
    bytes: &[u8],
    expected: Expected,
) -> Commit {
    let content = Arc::new(BytesContent(Bytes::copy_from_slice(bytes)));
    let staged = root
        .stage(path, content, &Meta::default(), None, Arc::new(Unheard))
        .await
        .unwrap();
    Commit {
        staged,
        expected,
        keep: Keep::No,
        sink: None,
    }
}

async fn content(root: &dyn Root, path: &str) -> Result<Bytes> {
    let at = Locator::of_path(rel(path));
    let entry = root.stat(&at).await?.unwrap();
    collect(root.read(&at, &entry, 0, entry.size).await).await
}

/// The names at the top, of a listing that is complete.
async fn names(root: &dyn Root) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let mut listing = root.list(&rel(""), Depth::Children);
    while let Some(listed) = listing.next().await {
        match listed? {
            Listed::Folder(folder) => {
                let entries = folder.entries.iter();
                names.extend(entries.map(|entry| entry.name.as_str().to_owned()));
            }
            Listed::Unreadable(skipped) => panic!("{skipped:?}"),
            Listed::End => {
                names.sort_unstable();
                return Ok(names);
            }
        }
    }
    panic!("it ended without a word");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_asks_to_wait_is_not_asked_before() {
    let (folder, _) = apart().await;
    let root = opened(&folder, 1).await;
    let wait = Fault::Status {
        status: 429,
        retry_after: Some(1),
    };
    folder.script("PUT", "/small", wait);
    let began = Instant::now();
    let done = write(&*root, &rel("small"), b"small", Expected::Absent).await;
    assert_eq!(done.unwrap().displaced, None);
    assert!(
        began.elapsed() >= Duration::from_secs(1),
        "it was not obeyed"
    );
    assert_eq!(folder.server.faults_left(), 0);

    // Nobody waits for hours: who asked is told how long it is.
    let long = Fault::Status {
        status: 503,
        retry_after: Some(3_600),
    };
    folder.script("PROPFIND", "/small", long);
    let error = root.stat(&rel("small").into()).await.unwrap_err();
    assert_eq!(error.cause, Cause::RateLimited);
    let retry_after = Some(Duration::from_secs(3_600));
    assert_eq!(error.kind, ErrorKind::Transient { retry_after });
}

/// Neither the size nor that the chunks are gone makes what is there the file that was sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_the_same_length_is_not_taken_for_an_upload_that_never_ended() {
    let (folder, root) = apart().await;
    let (old, new) = (bytes(LARGE), vec![7; LARGE]);
    for was_there in [true, false] {
        let path = rel(if was_there { "edited" } else { "new" });
        let expected = if was_there {
            let made = write(&*root, &path, &old, Expected::Absent).await;
            Expected::Revision(made.unwrap().entry.revision)
        } else {
            Expected::Absent
        };
        let commit = commit_of(&*root, &path, &new, expected).await;
        if !was_there {
            folder.server.put(&format!("{}/{path}", folder.name), &old);
        }
        folder.server.expire_uploads();
        folder.script("MOVE", "/.file", busy(503));
        let done = root.commit(vec![commit]).await.remove(0);
        let error = done.expect_err("what was there passed for what was sent");
        assert!(error.is_lost_race(), "{error}");
        assert!(content(&*root, &path.to_string()).await.unwrap() == old);
        assert_eq!(folder.server.faults_left(), 0);
    }
}

/// Content of the same length that came between an upload and the look after it is somebody else's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_right_after_an_upload_is_not_taken_for_it() {
    let (folder, _) = apart().await;
    let (root, proxy) = behind_a_proxy(&folder).await;
    let path = rel("large");
    let commit = commit_of(&*root, &path, &bytes(LARGE), Expected::Absent).await;
    let (server, place) = (Arc::clone(&folder.server), format!("{}/large", folder.name));
    let theirs = vec![7; LARGE];
    proxy.first("PROPFIND /large", move || server.put(&place, &theirs));
    let done = root.commit(vec![commit]).await.remove(0);
    assert!(proxy.has_met());
    let error = done.expect_err("somebody else's content passed for what was sent");
    assert_eq!(error.cause, Cause::PreconditionFailed, "{error}");
}

/// Somebody renamed it and wrote something of the same length where it was to go, while a first try failed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_the_same_length_is_not_taken_for_one_that_was_moved() {
    let (folder, _) = apart().await;
    let (root, proxy) = behind_a_proxy(&folder).await;
    let made = write(&*root, &rel("file"), b"ours", Expected::Absent).await;
    let expected = Expected::Revision(made.unwrap().entry.revision);
    folder.script("MOVE", "/file", busy(503));
    let (server, name) = (Arc::clone(&folder.server), folder.name.clone());
    proxy.first("MOVE /", move || {
        server.rename(&format!("{name}/file"), &format!("{name}/elsewhere"));
        server.put(&format!("{name}/moved"), b"them");
    });
    let (from, to) = (rel("file").into(), rel("moved"));
    let moved = root.move_to(&from, &expected, &to, &Expected::Absent, &Keep::No);
    let error = moved
        .await
        .expect_err("somebody else's content passed for what was moved");
    assert!(error.is_lost_race(), "{error}");
    assert!(proxy.has_met());
    assert_eq!(folder.server.faults_left(), 0);
    assert_eq!(folder.holds("moved").unwrap(), b"them");
    assert_eq!(folder.holds("elsewhere").unwrap(), b"ours");
}

/// Requests that are refused, do not arrive, are cut, or whose answers are lost: each is done once in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_befalls_a_change_leaves_no_trace() {
    let (folder, root) = apart().await;
    let large = bytes(LARGE);
    for fault in [busy(429), busy(502), Fault::LoseRequest, Fault::LoseAnswer] {
        folder.script("PUT", "/small", fault);
    }
    let small = write(&*root, &rel("small"), b"small", Expected::Absent).await;
    let small = small.unwrap().entry;

    folder.script("MKCOL", "/uploads/", busy(503));
    folder.script("MKCOL", "/uploads/", Fault::LoseAnswer);
    for fault in [Fault::CutRequest(100_000), Fault::LoseAnswer, busy(500)] {
        folder.script("PUT", "/uploads/", fault);
    }
    folder.script("MOVE", "/.file", Fault::LoseAnswer);
    let made = write(&*root, &rel("large"), &large, Expected::Absent).await;
    assert_eq!(made.unwrap().displaced, None);
    assert!(content(&*root, "large").await.unwrap() == large);

    folder.script("PUT", "/small", Fault::LoseAnswer);
    let expected = Expected::Revision(small.revision);
    let edited = write(&*root, &rel("small"), b"edited", expected).await;
    let expected = Expected::Revision(edited.unwrap().entry.revision);

    folder.script("MOVE", "/small", Fault::LoseAnswer);
    let at = rel("small").into();
    let to = rel("moved");
    let moved = root.move_to(&at, &expected, &to, &Expected::Absent, &Keep::No);
    let expected = Expected::Revision(moved.await.unwrap().entry.revision);
    assert_eq!(folder.holds("moved").unwrap(), b"edited");

    folder.script("MKCOL", "/inner", Fault::LoseAnswer);
    root.create_folder(&rel("inner")).await.unwrap();
    folder.script("DELETE", "/moved", Fault::LoseAnswer);
    let at = rel("moved").into();
    let deleted = root.delete(&at, &expected, &Keep::No, Discard::Forever);
    deleted.await.unwrap();

    assert_eq!(folder.server.faults_left(), 0);
    assert_eq!(names(&*root).await.unwrap(), ["inner", "large"]);
}

/// Another write came between the try whose answer was lost and the next one: it stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_try_that_did_not_arrive_does_not_take_anothers_write_for_its_own() {
    let (folder, root) = apart().await;
    // The first try is lost; when the second one is made, somebody else's file is there.
    folder.script("PUT", "/file", Fault::LoseRequest);
    let path = rel("file");
    let (written, ()) = tokio::join!(write(&*root, &path, b"ours", Expected::Absent), async {
        while folder.server.faults_left() > 0 {
            tokio::task::yield_now().await;
        }
        let there = format!("{}/file", folder.name);
        folder.server.put(&there, b"them");
    });
    let error = written.unwrap_err();
    assert!(error.is_lost_race(), "{error}");
    assert_eq!(folder.holds("file").unwrap(), b"them");
}

/// A listing that is cut on its way or comes twice says nothing about what is absent (P10).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_multistatus_that_is_cut_or_doubled_is_never_a_whole_listing() {
    let (folder, root) = apart().await;
    for name in ["a", "b", "c"] {
        write(&*root, &rel(name), b"content", Expected::Absent)
            .await
            .unwrap();
    }
    let at = folder.name.replace(' ', "%20");
    for fault in [
        busy(500),
        Fault::LoseAnswer,
        Fault::CutAnswer(900),
        Fault::ShortAnswer(0),
        Fault::ShortAnswer(900),
        Fault::DoubleAnswer,
    ] {
        folder.script("PROPFIND", &at, fault.clone());
        let found = names(&*root).await.unwrap();
        assert_eq!(found, ["a", "b", "c"], "{fault:?}");
        folder.server.script("PROPFIND", &at, 0, 5, fault.clone());
        let error = names(&*root).await.unwrap_err();
        assert!(error.is_transient(), "{fault:?}: {error}");
        assert_eq!(folder.server.faults_left(), 0, "{fault:?}");
    }
    // Of one item, too.
    for fault in [Fault::ShortAnswer(300), Fault::DoubleAnswer] {
        folder.script("PROPFIND", "/a", fault);
        let found = root.stat(&rel("a").into()).await.unwrap().unwrap();
        assert_eq!((found.name.as_str(), found.size), ("a", 7));
    }
    assert_eq!(folder.server.faults_left(), 0);
}

/// Reading goes on where an answer broke off; one that is shorter or longer than the file is not the file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_with_content_that_breaks_off_is_never_a_whole_file() {
    let (folder, root) = apart().await;
    let bytes = bytes(300_000);
    write(&*root, &rel("file"), &bytes, Expected::Absent)
        .await
        .unwrap();
    for fault in [
        busy(429),
        busy(500),
        Fault::LoseAnswer,
        Fault::CutAnswer(0),
        Fault::CutAnswer(200_000),
    ] {
        folder.script("GET", "/file", fault.clone());
        let read = content(&*root, "file").await.unwrap();
        assert!(read == bytes, "{fault:?}: {} bytes", read.len());
    }
    assert_eq!(folder.server.faults_left(), 0);
    for fault in [
        Fault::ShortAnswer(0),
        Fault::ShortAnswer(200_000),
        Fault::DoubleAnswer,
        Fault::CutAnswer(0),
    ] {
        folder.server.script("GET", "/file", 0, 99, fault.clone());
        let read = content(&*root, "file").await;
        assert!(read.is_err(), "{fault:?}: {} bytes", read.unwrap().len());
        folder.server.forget_faults();
    }
    assert!(content(&*root, "file").await.unwrap() == bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_server_is_waited_for_and_one_that_hangs_is_not() {
    let (folder, root) = apart().await;
    folder.script("PUT", "/file", Fault::Slow(Duration::from_millis(300)));
    folder.script("PROPFIND", "/file", Fault::Slow(Duration::from_millis(300)));
    let made = write(&*root, &rel("file"), b"content", Expected::Absent).await;
    made.unwrap();
    assert_eq!(folder.server.faults_left(), 0);

    // A minute, to this one, is a third of a second.
    let root = opened(&folder, 180).await;
    let hangs = Fault::Slow(Duration::from_secs(2));
    folder.script("PROPFIND", "/file", hangs.clone());
    assert!(root.stat(&rel("file").into()).await.unwrap().is_some());
    folder.server.script("PROPFIND", "/file", 0, 5, hangs);
    let error = root.stat(&rel("file").into()).await.unwrap_err();
    assert_eq!(error.cause, Cause::Timeout);
    assert!(error.is_transient());
}

/// Nothing that a stale listing shows is taken for what is there: what was written since is neither replaced nor read as
/// what it was, and what is not listed is still found.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_listing_does_no_harm() {
    let (folder, root) = apart().await;
    write(&*root, &rel("old"), b"as it was", Expected::Absent)
        .await
        .unwrap();
    let at = folder.name.replace(' ', "%20");
    folder.script("PROPFIND", &at, Fault::StaleListing);
    let there = |name: &str| format!("{}/{name}", folder.name);
    folder.server.put(&there("old"), b"edited since");
    folder.server.put(&there("new"), b"written since");

    let mut listing = root.list(&rel(""), Depth::Children);
    let Some(Ok(Listed::Folder(listed))) = listing.next().await else {
        panic!("no listing");
    };
    let [old] = &listed.entries[..] else {
        panic!("{:?}", listed.entries);
    };
    let at = rel("old").into();
    let read = root.read(&at, old, 0, old.size).await;
    assert_eq!(
        collect(read).await.unwrap_err().cause,
        Cause::PreconditionFailed
    );
    let expected = Expected::Revision(old.revision.clone());
    let refused = write(&*root, &rel("old"), b"ours", expected.clone()).await;
    assert_eq!(refused.unwrap_err().cause, Cause::PreconditionFailed);
    let refused = root.delete(&at, &expected, &Keep::No, Discard::Forever);
    assert_eq!(refused.await.unwrap_err().cause, Cause::PreconditionFailed);
    let refused = write(&*root, &rel("new"), b"ours", Expected::Absent).await;
    assert_eq!(refused.unwrap_err().cause, Cause::AlreadyExists);
    let found = root.stat(&rel("new").into()).await.unwrap();
    assert_eq!(found.unwrap().size, 13);
    assert_eq!(folder.holds("old").unwrap(), b"edited since");
    assert_eq!(folder.holds("new").unwrap(), b"written since");
}

/// 401 is for a person to mend: it is not tried again, and nothing is taken for absent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_password_that_is_no_longer_good_asks_for_a_person() {
    let (folder, root) = apart().await;
    let made = write(&*root, &rel("file"), b"content", Expected::Absent).await;
    let entry = made.unwrap().entry;
    folder.script("PUT", "/uploads/", Fault::ExpireTokens);
    let large = write(&*root, &rel("large"), &bytes(LARGE), Expected::Absent).await;
    folder.server.answered();
    let at = Locator::of_path(rel("file"));
    let expected = Expected::Revision(entry.revision.clone());
    let deleted = root.delete(&at, &expected, &Keep::No, Discard::Forever);
    for error in [
        large.unwrap_err(),
        root.stat(&at).await.unwrap_err(),
        root.read(&at, &entry, 0, entry.size).await.err().unwrap(),
        names(&*root).await.unwrap_err(),
        deleted.await.unwrap_err(),
    ] {
        let found = (error.kind, error.cause);
        assert_eq!(found, (ErrorKind::Auth, Cause::AuthDenied), "{error}");
    }
    let asked = folder.server.answered();
    assert!(asked.len() <= 8, "asked again and again: {asked:#?}");
    assert_eq!(folder.holds("file").unwrap(), b"content");
    assert_eq!(folder.holds("large"), None);
}
