//! S3 against a bucket with oddities that no server at hand has.

use tandem_core::capabilities::{Capabilities, Conditions, Parts};
use tandem_core::entry::{Entry, Mtime};
use tandem_core::error::Cause;
use tandem_core::path::RelPath;
use tandem_core::storage::{Expected, Keep, Locator, Meta, Root, VersionKey};
use tandem_core::time::Timestamp;

use crate::bench::{write, write_keeping};
use crate::odd_store::OddStore;
use crate::scripted::{Answer, can};

/// Settings under which 6 MiB are many parts, however they are written or copied.
const IN_PARTS: [(&str, &str); 2] = [
    ("multipart_threshold", "5242880"),
    ("largest_copy", "5242880"),
];

const WEB: [(&str, &str); 4] = [
    ("content-type", "text/html"),
    ("cache-control", "max-age=60"),
    ("content-language", "de"),
    ("x-amz-storage-class", "GLACIER_IR"),
];

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn large(letter: char) -> String {
    letter.to_string().repeat(6 << 20)
}

/// What the ETags of such a bucket allow: no hash.
fn kms() -> Capabilities {
    Capabilities {
        hashes: Vec::new(),
        parts: Some(Parts {
            smallest: 5 << 20,
            largest: 5 << 30,
            most: 10_000,
            equal: false,
        }),
        ..can(Conditions::ALL)
    }
}

async fn found_by_test(odd: &OddStore) -> Capabilities {
    let storage = odd.server.open(None, &[]);
    let tested = storage.validate("", &|_| ()).await;
    let found = tested.capabilities;
    let left: Vec<String> = odd.store().objects.keys().cloned().collect();
    assert!(left.is_empty(), "{left:?}");
    found.unwrap_or_else(|error| panic!("{error}: {:#?}", tested.steps))
}

async fn stat(root: &dyn Root, at: &RelPath) -> Entry {
    let there = root.stat(&Locator::of_path(at.clone())).await;
    there.unwrap().unwrap()
}

fn revision(entry: &Entry) -> Expected {
    Expected::Revision(entry.revision.clone())
}

#[tokio::test]
async fn a_bucket_that_gives_the_same_bytes_another_etag_each_time_is_tested_green() {
    let odd = OddStore::new();
    let found = found_by_test(&odd).await;
    assert_eq!(found.conditions, Conditions::ALL);
    assert!(found.hashes.is_empty() && !found.revision_is_content);
    assert!(found.server_copy && found.versions && found.ranges);

    let root = odd.server.root(found, &IN_PARTS).await;
    let (small, big, moved) = (path("small"), path("big"), path("moved"));
    let made = write(&*root, &small, b"one", Expected::Absent).await;
    let made = made.unwrap();
    let again = write(&*root, &small, b"two", revision(&made.entry)).await;
    assert!(again.is_ok(), "{again:?}");
    let made = write(&*root, &big, large('a').as_bytes(), Expected::Absent).await;
    let made = made.unwrap();
    let from = Locator::of_path(big);
    let placed = root
        .move_to(
            &from,
            &revision(&made.entry),
            &moved,
            &Expected::Absent,
            &Keep::No,
        )
        .await;
    assert_eq!(placed.unwrap().entry, stat(&*root, &moved).await);
}

#[tokio::test]
async fn conditions_that_refuse_what_is_right_are_not_relied_upon() {
    let odd = OddStore::new();
    odd.store().refuses_matches = true;
    let found = found_by_test(&odd).await;
    let heeded = Conditions {
        finish_multipart: false,
        copy: false,
        move_: false,
        ..Conditions::ALL
    };
    assert_eq!(found.conditions, heeded);
}

#[tokio::test]
async fn a_store_that_sets_nothing_aside_has_no_versions() {
    let odd = OddStore::new();
    odd.store().cannot_copy = true;
    let found = found_by_test(&odd).await;
    assert!(!found.server_copy && !found.versions);
}

#[tokio::test]
async fn what_another_wrote_after_an_upload_is_not_taken_for_it() {
    let odd = OddStore::new();
    let root = odd.server.root(kms(), &IN_PARTS).await;
    let image = path("image");
    let made = write(&*root, &image, large('a').as_bytes(), Expected::Absent).await;
    let made = made.unwrap();
    odd.store().after("POST /bucket/image?uploadId", |store| {
        store.put("image", &large('c'), &[]);
    });
    let edited = write(&*root, &image, large('b').as_bytes(), revision(&made.entry)).await;
    assert_eq!(edited.unwrap_err().cause, Cause::PreconditionFailed);
    assert!(odd.store().objects["image"].bytes.starts_with('c'));
}

#[tokio::test]
async fn an_error_within_a_200_is_tried_again() {
    let odd = OddStore::new();
    let root = odd.server.root(kms(), &IN_PARTS).await;
    let (from, to) = (path("from"), path("to"));
    let failing = |_: &mut _| {
        let text =
            "<Error><Code>InternalError</Code><Message>We encountered an error.</Message></Error>";
        Some(Answer::xml(text))
    };
    odd.store().before("POST /bucket/from?uploadId", failing);
    let large = write(&*root, &from, large('a').as_bytes(), Expected::Absent).await;
    assert!(large.is_ok(), "{large:?}");
    assert_eq!(odd.server.count("POST /bucket/from?uploadId"), 2);
    let small = write(&*root, &path("small"), b"text", Expected::Absent).await;
    odd.store().before("PUT /bucket/to?", failing);
    let expected = revision(&small.unwrap().entry);
    let at = Locator::of_path(path("small"));
    let copied = root
        .copy(&at, &expected, &to, &Expected::Absent, &Keep::No)
        .await;
    assert!(copied.is_ok(), "{copied:?}");
    assert_eq!(odd.store().objects["to"].bytes, "text");
}

#[tokio::test]
async fn a_lost_race_leaves_no_version_of_what_was_not_replaced() {
    let odd = OddStore::new();
    let root = odd.server.root(kms(), &[]).await;
    let file = path("file");
    let made = write(&*root, &file, b"first", Expected::Absent).await;
    let expected = revision(&made.unwrap().entry);
    odd.store().before("PUT /bucket/file?", |store| {
        store.put("file", "another's", &[]);
        None
    });
    let keep = Keep::Version(VersionKey::Kept {
        device: "desk-0000".into(),
        date: "2026-11-20".into(),
        action: "1".into(),
        path: file.clone(),
    });
    let edited = write_keeping(&*root, &file, b"edited", expected, keep.clone()).await;
    assert_eq!(edited.unwrap_err().cause, Cause::PreconditionFailed);
    assert!(root.versions(Some(&file)).await.unwrap().is_empty());

    let expected = revision(&stat(&*root, &file).await);
    let edited = write_keeping(&*root, &file, b"edited", expected, keep).await;
    assert!(edited.unwrap().kept.is_some());
    assert_eq!(root.versions(Some(&file)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_its_owner_set_outlives_edits_moves_and_metadata() {
    let odd = OddStore::new();
    let root = odd.server.root(kms(), &IN_PARTS).await;
    let (page, moved) = (path("index.html"), path("moved.html"));
    let shown = |key: &str| {
        let store = odd.store();
        let headers = &store.objects[key].headers;
        let text = |name| headers.get(name).cloned().unwrap_or_default();
        WEB.map(|(name, _)| text(name))
    };
    let set = WEB.map(|(_, value)| value.to_owned());
    odd.store().put("index.html", "by its owner", &WEB);

    for text in ["edited".to_owned(), large('a')] {
        let expected = revision(&stat(&*root, &page).await);
        write(&*root, &page, text.as_bytes(), expected)
            .await
            .unwrap();
        assert_eq!(shown("index.html"), set, "{} bytes", text.len());
    }
    let (from, expected) = (Locator::of_path(page.clone()), stat(&*root, &page).await);
    root.move_to(
        &from,
        &revision(&expected),
        &moved,
        &Expected::Absent,
        &Keep::No,
    )
    .await
    .unwrap();
    assert_eq!(shown("moved.html"), set);

    let redirect = [
        ("expires", "Fri, 20 Nov 2026 10:00:00 GMT"),
        ("x-amz-website-redirect-location", "/elsewhere"),
    ];
    odd.store().put("redirect", "", &redirect);
    let at = path("redirect");
    let meta = Meta {
        mtime: Some(Mtime {
            at: Timestamp::from_secs(7),
            by_client: true,
        }),
        ..Meta::default()
    };
    let expected = revision(&stat(&*root, &at).await);
    root.set_meta(&at.into(), &expected, &meta).await.unwrap();
    let store = odd.store();
    for (name, value) in redirect {
        let kept = store.objects["redirect"].headers.get(name);
        assert_eq!(kept.map(String::as_str), Some(value));
    }
}

/// An archived object would come back into the archive with each edit, where no other device can read it.
#[tokio::test]
async fn an_edit_is_not_put_into_an_archive() {
    let odd = OddStore::new();
    let root = odd.server.root(kms(), &[]).await;
    let file = path("file");
    let archived = [
        ("x-amz-storage-class", "DEEP_ARCHIVE"),
        ("content-type", "a/b"),
    ];
    odd.store().put("file", "old", &archived);
    let expected = revision(&stat(&*root, &file).await);
    write(&*root, &file, b"new", expected).await.unwrap();
    let store = odd.store();
    let headers = &store.objects["file"].headers;
    assert_eq!(headers.get("x-amz-storage-class"), None);
    assert_eq!(headers["content-type"], "a/b");
}
