//! What somebody changed since Tandem looked is neither read, copied nor deleted, also where the store heeds no
//! condition: then what Tandem sees itself decides (P7, P8).

use std::sync::Arc;

use tandem_core::capabilities::{Capabilities, Conditions, Parts};
use tandem_core::entry::Entry;
use tandem_core::error::{Cause, Result};
use tandem_core::path::RelPath;
use tandem_core::storage::{Committed, Discard, Expected, Keep, Locator, Root};

use crate::bench::write;
use crate::odd_store::OddStore;
use crate::scripted::can;
use crate::steps::collect;

/// Settings under which 6 MiB are copied in two parts.
const IN_PARTS: [(&str, &str); 1] = [("largest_copy", "5242880")];

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn at(text: &str) -> Locator {
    Locator::of_path(path(text))
}

/// What is known of a store that heeds these. Its ETags are no hashes, so that a content is not told by them.
fn heeding(conditions: Conditions) -> Capabilities {
    Capabilities {
        hashes: Vec::new(),
        empty_folders: true,
        parts: Some(Parts {
            smallest: 5 << 20,
            largest: 5 << 30,
            most: 10_000,
            equal: false,
        }),
        ..can(conditions)
    }
}

/// A store that heeds no condition, and a client that knows it.
async fn heedless() -> (OddStore, Arc<dyn Root>) {
    let odd = OddStore::new();
    odd.store().heeds_nothing = true;
    let known = heeding(Conditions::default());
    let root = odd.server.root(known, &IN_PARTS).await;
    (odd, root)
}

async fn stat(root: &dyn Root, name: &str) -> Entry {
    root.stat(&at(name)).await.unwrap().unwrap()
}

/// Copies `from` as it is now to `to`, where nothing is.
async fn copy(root: &dyn Root, from: &str, to: &str) -> Result<Committed> {
    let expected = Expected::Revision(stat(root, from).await.revision);
    root.copy(
        &at(from),
        &expected,
        &path(to),
        &Expected::Absent,
        &Keep::No,
    )
    .await
}

#[tokio::test]
async fn a_copy_of_what_was_replaced_while_it_was_made_is_taken_back() {
    let (odd, root) = heedless().await;
    odd.store().put("from", "ours", &[]);
    // Of the same length: only what tells one state from another tells that it is another.
    odd.store().before("PUT /bucket/to?", |store| {
        store.put("from", "them", &[]);
        None
    });
    let copied = copy(&*root, "from", "to").await;
    let error = copied.expect_err("what nobody asked for passed for the copy");
    assert_eq!(error.cause, Cause::PreconditionFailed, "{error}");
    let store = odd.store();
    assert!(!store.objects.contains_key("to"), "it stayed");
    assert_eq!(store.objects["from"].bytes, "them");
}

#[tokio::test]
async fn a_copy_in_parts_of_which_some_are_of_another_content_is_none() {
    let (odd, root) = heedless().await;
    let large = |letter: &str| letter.repeat(6 << 20);
    odd.store().put("from", &large("a"), &[]);
    // One part is copied by then, and the others are still to come.
    let theirs = large("b");
    odd.store().after("PUT /bucket/to?", move |store| {
        store.put("from", &theirs, &[]);
    });
    let copied = copy(&*root, "from", "to").await;
    let error = copied.expect_err("a mixture passed for the copy");
    assert_eq!(error.cause, Cause::PreconditionFailed, "{error}");
    assert_eq!(odd.server.count("PUT /bucket/to?"), 2);
    assert!(!odd.store().objects.contains_key("to"), "it stayed");
}

/// A store refuses both with the same answer; which of them it was is for a person to know.
#[tokio::test]
async fn a_copy_that_is_refused_says_which_end_somebody_changed() {
    for (changed, cause) in [
        ("from", Cause::PreconditionFailed),
        ("to", Cause::AlreadyExists),
    ] {
        let odd = OddStore::new();
        let root = odd.server.root(heeding(Conditions::ALL), &[]).await;
        odd.store().put("from", "ours", &[]);
        odd.store().before("PUT /bucket/to?", |store| {
            store.put(changed, "theirs", &[]);
            None
        });
        let error = copy(&*root, "from", "to").await.expect_err(changed);
        assert_eq!(error.cause, cause, "{changed}: {error}");
        assert_eq!(odd.store().objects[changed].bytes, "theirs");
    }
}

#[tokio::test]
async fn what_replaced_a_file_since_it_was_listed_is_not_read_as_that_file() {
    let (odd, root) = heedless().await;
    for (old, new) in [("ours", "them"), ("", "theirs"), ("", "")] {
        odd.store().put("file", old, &[]);
        let seen = stat(&*root, "file").await;
        let read = root.read(&at("file"), &seen, 0, seen.size).await;
        assert_eq!(collect(read).await.unwrap(), old);
        odd.store().put("file", new, &[]);
        let read = root.read(&at("file"), &seen, 0, seen.size).await;
        let error = collect(read).await.expect_err(new);
        assert_eq!(error.cause, Cause::PreconditionFailed, "{new:?}: {error}");
    }
}

/// To a store without folders nothing is at the key of the file any more; but what is there now is not nothing.
#[tokio::test]
async fn a_file_in_whose_place_somebody_made_a_folder_is_not_gone() {
    for conditions in [Conditions::ALL, Conditions::default()] {
        let odd = OddStore::new();
        odd.store().heeds_nothing = conditions == Conditions::default();
        let root = odd.server.root(heeding(conditions), &[]).await;
        let made = write(&*root, &path("thing"), b"ours", Expected::Absent).await;
        let expected = Expected::Revision(made.unwrap().entry.revision);
        odd.store().objects.remove("thing");
        odd.store().put("thing/inside", "theirs", &[]);
        let deleted = root
            .delete(&at("thing"), &expected, &Keep::No, Discard::Forever)
            .await;
        let error = deleted.expect_err("a folder passed for nothing");
        assert_eq!(error.cause, Cause::PreconditionFailed, "{error}");
        assert_eq!(odd.store().objects["thing/inside"].bytes, "theirs");
    }
}

#[tokio::test]
async fn where_nothing_is_expected_no_folder_is_deleted() {
    let odd = OddStore::new();
    let known = heeding(Conditions::ALL);
    let root = odd.server.root(known, &[]).await;
    let delete = async |expected| {
        root.delete(&at("folder"), &expected, &Keep::No, Discard::Forever)
            .await
    };
    root.create_folder(&path("folder")).await.unwrap();
    let refused = delete(Expected::Absent).await;
    let error = refused.expect_err("a folder that nobody expected was deleted");
    assert_eq!(error.cause, Cause::PreconditionFailed, "{error}");
    assert!(odd.store().objects.contains_key("folder/"));

    assert!(!delete(Expected::Any).await.unwrap().was_absent);
    assert!(delete(Expected::Absent).await.unwrap().was_absent);
    assert!(odd.store().objects.is_empty());
}
