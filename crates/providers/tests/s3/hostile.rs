//! A server that means ill: each of its answers is one clear error, nothing of ours goes elsewhere, and memory stays
//! bounded (P11, P19, P22).

use std::fmt::Write as _;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::StreamExt;
use tandem_core::capabilities::Conditions;
use tandem_core::entry::Entry;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::RelPath;
use tandem_core::storage::{Depth, Expected, FolderListing, Listed, Locator, Root};

use crate::bench::write;
use crate::scripted::{Answer, OTHER_TAG, Scripted, can};
use crate::steps::collect;

/// How much more memory than before an answer may cost at its worst, in KiB.
const BOUND: u64 = 256 * 1024;

/// More than is ever taken of an answer.
const ENDLESS: usize = 2 << 30;

/// The most memory that this process ever had, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.unwrap().trim().trim_end_matches(" kB");
    number.parse().unwrap()
}

async fn list(root: &dyn Root, folder: &str, depth: Depth) -> Result<Vec<FolderListing>> {
    let mut stream = root.list(&RelPath::new(folder).unwrap(), depth);
    let mut folders = Vec::new();
    let mut is_complete = false;
    while let Some(listed) = stream.next().await {
        match listed? {
            Listed::Folder(folder) => folders.push(folder),
            Listed::Unreadable(skipped) => panic!("{skipped:?}"),
            Listed::End => is_complete = true,
        }
    }
    assert!(is_complete, "a listing without an error has an end");
    Ok(folders)
}

fn at(path: &str) -> Locator {
    RelPath::new(path).unwrap().into()
}

fn page(keys: &[&str], more: &str) -> String {
    let mut page = "<ListBucketResult><EncodingType>url</EncodingType>".to_owned();
    for key in keys {
        write!(
            page,
            "<Contents><Key>{key}</Key><Size>4</Size><ETag>\"{OTHER_TAG}\"</ETag>\
             <LastModified>2026-11-20T10:00:00Z</LastModified></Contents>"
        )
        .unwrap();
    }
    page.push_str(more);
    page.push_str("</ListBucketResult>");
    page
}

fn next(token: usize) -> String {
    format!(
        "<IsTruncated>true</IsTruncated><NextContinuationToken>t{token}</NextContinuationToken>"
    )
}

#[tokio::test]
async fn pages_without_an_end_that_show_nothing_are_given_up() {
    let count = AtomicUsize::new(0);
    let server = Scripted::hearing(move |heard| {
        if heard.line.contains("list-type") {
            return Answer::xml(&page(&[], &next(count.fetch_add(1, Ordering::Relaxed))));
        }
        Answer::empty(404)
    });
    let root = server.root(can(Conditions::ALL), &[]).await;
    for depth in [Depth::Children, Depth::Subtree] {
        let listed = list(&*root, "", depth).await;
        assert_eq!(listed.unwrap_err().cause, Cause::BadResponse);
    }
    // Whether anything lies below a name is asked for in pages too.
    let found = root.stat(&at("folder")).await;
    assert_eq!(found.unwrap_err().cause, Cause::BadResponse);
    assert!(server.total() < 5_000, "{}", server.total());
}

/// A server whose only key is shown as `a%07` to whoever asks for encoded keys. Not asked to encode, it fails so many
/// times, and then shows `plain`.
async fn shown_after_failures(failures: usize, plain: &'static str) -> Result<Vec<String>> {
    let count = AtomicUsize::new(0);
    let server = Scripted::hearing(move |heard| {
        let key = match heard.line.as_str() {
            line if !line.contains("list-type") => return Answer::empty(404),
            line if line.contains("encoding-type") => "a%07",
            _ if count.fetch_add(1, Ordering::Relaxed) < failures => return Answer::empty(500),
            _ => plain,
        };
        Answer::xml(&page(&[key], "<IsTruncated>false</IsTruncated>"))
    });
    let root = server.root(can(Conditions::ALL), &[]).await;
    let found = list(&*root, "", Depth::Children).await?;
    let [folder] = &found[..] else {
        panic!("{found:?}");
    };
    let entries = folder.entries.iter();
    let names = entries.map(|entry| entry.name.as_str().to_owned());
    let skipped = folder.skipped.iter();
    Ok(names
        .chain(skipped.map(|skipped| skipped.shown.clone()))
        .collect())
}

/// A server that says that it encoded and did not (s3s-fs) holds a file `a%07`: one that is taken for another is absent
/// from a listing that says it is complete.
#[tokio::test]
async fn a_failure_that_passes_does_not_decide_how_keys_are_read() {
    for failures in [0, 1, 4] {
        let shown = shown_after_failures(failures, "a%07").await.unwrap();
        assert_eq!(shown, ["a%07"], "after {failures} failures");
    }
}

/// A server that encodes, and fails where it may not, since control characters are no XML (Swift's s3api).
#[tokio::test]
async fn a_page_that_fails_each_time_unless_it_is_encoded_is_encoded() {
    let shown = shown_after_failures(usize::MAX, "").await.unwrap();
    assert_eq!(shown, ["a\u{7}"]);
}

#[tokio::test]
async fn a_folder_that_is_within_itself_is_one_that_is_not_there() {
    let server = Scripted::hearing(|heard| {
        if heard.line.contains("delimiter") {
            let inside = "<IsTruncated>false</IsTruncated>\
                <CommonPrefixes><Prefix>loop/</Prefix></CommonPrefixes>\
                <CommonPrefixes><Prefix>loop/a/b/</Prefix></CommonPrefixes>\
                <CommonPrefixes><Prefix>loop/../</Prefix></CommonPrefixes>\
                <CommonPrefixes><Prefix>loop/loop/</Prefix></CommonPrefixes>";
            return Answer::xml(&page(&[], inside));
        }
        Answer::empty(404)
    });
    let root = server.root(can(Conditions::ALL), &[]).await;
    let listed = list(&*root, "loop", Depth::Children).await.unwrap();
    let names: Vec<_> = listed[0].entries.iter().map(|e| e.name.as_str()).collect();
    assert_eq!(names, ["loop"]);
    assert_eq!(listed[0].skipped.len(), 3, "{:?}", listed[0].skipped);
}

#[tokio::test]
async fn keys_that_were_not_asked_for_or_come_twice_are_no_listing() {
    for keys in [
        &["below/a", "elsewhere/b"][..],
        &["below/a", "below/a"],
        &["below/../../etc/passwd", "below/..", "/etc/passwd"],
    ] {
        let text = page(keys, "<IsTruncated>false</IsTruncated>");
        let server = Scripted::hearing(move |_| Answer::xml(&text));
        let root = server.root(can(Conditions::ALL), &[]).await;
        let listed = list(&*root, "below", Depth::Subtree).await;
        assert_eq!(listed.unwrap_err().cause, Cause::BadResponse, "{keys:?}");
    }
}

#[tokio::test]
async fn a_key_of_a_million_folders_costs_no_memory() {
    let before = peak();
    for segment in ["a/", "/", "ab/../"] {
        let key = segment.repeat(2_000_000 / segment.len());
        let text = page(&["before", &key, "z"], "<IsTruncated>false</IsTruncated>");
        let server = Scripted::hearing(move |_| Answer::xml(&text));
        let root = server.root(can(Conditions::ALL), &[]).await;
        let listed = list(&*root, "", Depth::Subtree).await.unwrap();
        assert!(listed.len() <= 1024, "{}", listed.len());
        let skipped: Vec<_> = listed.iter().flat_map(|folder| &folder.skipped).collect();
        assert_eq!(skipped.len(), 1);
        assert!(skipped[0].shown.len() <= 1024, "{}", skipped[0].shown.len());
        let names: Vec<_> = listed
            .iter()
            .flat_map(|f| &f.entries)
            .map(|e| e.name.as_str())
            .collect();
        assert!(names.contains(&"before") && names.contains(&"z"));
    }
    assert!(peak() < before + BOUND, "{before} became {}", peak());
}

/// Writes an answer of which more and more comes.
fn endless(status: u16, beginning: &'static str, more: &'static str) -> Scripted {
    Scripted::writing(move |_, mut client| {
        write!(
            client,
            "HTTP/1.1 {status} Answer\r\nconnection: close\r\n{beginning}"
        )?;
        let more = more.repeat((1 << 20) / more.len());
        for _ in 0..ENDLESS / more.len() {
            client.write_all(more.as_bytes())?;
        }
        Ok(())
    })
}

/// What every question to such a server comes to.
async fn is_one_clear_error(server: &Scripted, expected: &[Cause]) {
    let before = peak();
    let root = server.root(can(Conditions::ALL), &[]).await;
    let file = RelPath::new("file").unwrap();
    let mut errors: Vec<StorageError> = Vec::new();
    errors.push(list(&*root, "", Depth::Subtree).await.unwrap_err());
    errors.push(
        write(&*root, &file, b"text", Expected::Absent)
            .await
            .unwrap_err(),
    );
    errors.push(root.versions(Some(&file)).await.unwrap_err());
    for error in errors {
        assert!(expected.contains(&error.cause), "{error:?}");
        assert!(error.detail.len() < 1000, "{}", error.detail.len());
    }
    let cost = peak().saturating_sub(before);
    assert!(cost < BOUND, "{cost} KiB");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_without_an_end_is_cut_off() {
    let keys = "<Contents><Key>a</Key><Size>4</Size></Contents>";
    for status in [200, 400] {
        let server = endless(status, "\r\n<ListBucketResult>", keys);
        is_one_clear_error(&server, &[Cause::BadResponse, Cause::Other]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_without_an_end_are_cut_off() {
    let causes = [Cause::BadResponse, Cause::Offline, Cause::Other];
    let one = endless(200, "x-giant: ", "0123456789abcdef");
    is_one_clear_error(&one, &causes).await;
    let many = endless(200, "", "x-one-of-many: 0123456789abcdef\r\n");
    is_one_clear_error(&many, &causes).await;
}

#[tokio::test]
async fn a_redirect_to_another_host_is_not_followed() {
    let elsewhere = Arc::new(Scripted::hearing(|_| Answer::xml(&page(&["stolen"], ""))));
    for status in [301, 302, 303, 307, 308] {
        let to = format!("http://{}/bucket/stolen", elsewhere.address());
        let server = Scripted::hearing(move |_| {
            let code = if status == 301 {
                "PermanentRedirect"
            } else {
                "TemporaryRedirect"
            };
            let body = format!(
                "<Error><Code>{code}</Code><Message>Go there.</Message><Endpoint>{to}</Endpoint></Error>"
            );
            Answer(status, vec![("location", to.clone())], body)
        });
        let root = server.root(can(Conditions::ALL), &[]).await;
        let file = RelPath::new("file").unwrap();
        assert!(list(&*root, "", Depth::Subtree).await.is_err());
        assert!(root.stat(&at("file")).await.is_err());
        assert!(
            write(&*root, &file, b"text", Expected::Absent)
                .await
                .is_err()
        );
        assert!(server.total() >= 3);
    }
    assert_eq!(elsewhere.total(), 0, "somebody else was asked");
}

/// The file that a listing shows, with four bytes.
async fn listed_file(root: &dyn Root) -> Entry {
    let mut listed = list(root, "", Depth::Subtree).await.unwrap();
    listed[0].entries.remove(0)
}

#[tokio::test]
async fn a_file_of_another_size_than_was_listed_is_not_taken() {
    let whole = "<IsTruncated>false</IsTruncated>";
    for (said, sent) in [
        (3, "abc"),
        (5, "abcde"),
        (4, "abcdefgh"),
        (0, ""),
        (5, "abcd"),
    ] {
        let server = Scripted::writing(move |heard, mut client| {
            if heard.line.contains("list-type") {
                let body = page(&["file"], whole);
                let length = body.len();
                return write!(
                    client,
                    "HTTP/1.1 200 Answer\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
                );
            }
            write!(
                client,
                "HTTP/1.1 200 Answer\r\nconnection: close\r\netag: \"{OTHER_TAG}\"\r\ncontent-length: {said}\r\n\
                 last-modified: Fri, 20 Nov 2026 10:00:00 GMT\r\n\r\n{sent}"
            )
        });
        let root = server.root(can(Conditions::ALL), &[]).await;
        let entry = listed_file(&*root).await;
        let read = collect(root.read(&at("file"), &entry, 0, 4).await).await;
        match read {
            // What stands beyond the length that was said belongs to no answer.
            Ok(bytes) => assert_eq!((said, &*bytes), (4, &b"abcd"[..])),
            Err(error) => assert!(
                matches!(
                    error.cause,
                    Cause::PreconditionFailed | Cause::BadResponse | Cause::Offline
                ),
                "{said} {sent}: {error}"
            ),
        }
    }
}

#[tokio::test]
#[ignore = "takes minutes"]
async fn a_folder_without_an_end_costs_memory_with_one() {
    let before = peak();
    let pages = AtomicUsize::new(0);
    let server = Scripted::hearing(move |_| {
        let page_number = pages.fetch_add(1, Ordering::Relaxed);
        let keys: Vec<String> = (0..1000)
            .map(|n| format!("many/{page_number:08}-{n:04}"))
            .collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        Answer::xml(&page(&keys, &next(page_number)))
    });
    let root = server.root(can(Conditions::ALL), &[]).await;
    let listed = list(&*root, "", Depth::Subtree).await;
    assert_eq!(listed.unwrap_err().cause, Cause::BadResponse);
    let (names, cost) = (server.total() * 1000, peak().saturating_sub(before));
    println!(
        "given up after {names} names, which cost {} MiB",
        cost / 1024
    );
    assert!(cost < 2 * 1024 * 1024, "{cost} KiB");
}

/// Lists so many pages, each a folder of its own with a thousand files and one folder in it, and holds none of them.
async fn many_folders(pages: usize) {
    let before = peak();
    let asked = AtomicUsize::new(0);
    let server = Scripted::hearing(move |_| {
        let number = asked.fetch_add(1, Ordering::Relaxed);
        let mut keys: Vec<String> = (0..999).map(|n| format!("f{number:08}/{n:04}")).collect();
        keys.push(format!("f{number:08}/deeper/x"));
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let last = "<IsTruncated>false</IsTruncated>".to_owned();
        let more = if number + 1 == pages {
            last
        } else {
            next(number)
        };
        Answer::xml(&page(&keys, &more))
    });
    let root = server.root(can(Conditions::ALL), &[]).await;
    let mut listing = root.list(&RelPath::root(), Depth::Subtree);
    let (mut entries, mut is_complete) = (0, false);
    while let Some(listed) = listing.next().await {
        match listed.unwrap() {
            Listed::Folder(folder) => entries += folder.entries.len(),
            Listed::Unreadable(skipped) => panic!("{skipped:?}"),
            Listed::End => is_complete = true,
        }
    }
    // Each file, and two folders of each page.
    assert!(is_complete && entries == pages * 1_002, "{entries}");
    let cost = peak().saturating_sub(before);
    println!("{entries} entries cost {} MiB", cost / 1024);
    assert!(cost < BOUND, "{cost} KiB");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_without_number_are_held_a_folder_at_a_time() {
    many_folders(100).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn ten_million_entries_are_held_a_folder_at_a_time() {
    many_folders(10_000).await;
}
