//! What somebody changed since Tandem looked. Swift heeds no condition: what Tandem sees itself decides (P7).

use tandem_core::entry::Mtime;
use tandem_core::error::Cause;
use tandem_core::path::RelPath;
use tandem_core::storage::{Expected, Locator, Meta};
use tandem_core::time::Timestamp;

use crate::bench::{container, probed};
use crate::proxy::Proxy;
use crate::steps::write;

/// A POST takes away what it does not name, so Tandem looks at the object once more right before. What it sees then may
/// be another's: told as what had its time set, it would count as in step and never be fetched.
#[tokio::test]
async fn what_was_written_since_is_not_taken_for_the_file_whose_time_was_set() {
    let container = container();
    let proxy = Proxy::before(container.server.storage_url().split_once("/v1/").unwrap().0);
    let sign_in = format!("{}/auth/v1.0", proxy.endpoint());
    let storage = container.open(Some(&probed().await), &[("auth_url", &sign_in)]);
    let root = storage.root("").await.unwrap();
    let path: RelPath = "file".parse().unwrap();
    let made = write(&*root, &path, b"ours", Expected::Absent).await;
    let expected = Expected::Revision(made.unwrap().entry.revision);

    // The first look finds what is expected, the second that it is still there; the third is the one before the POST.
    let theirs = container.clone();
    proxy.before_nth("HEAD /", 3, move || {
        let put = theirs.request("PUT", "file", "", &[], Some(b"theirs"));
        assert_eq!(put.unwrap().0, 201);
    });
    let at = Locator::of_path(path);
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
    let error = set.expect_err("another's content passed for ours");
    assert_eq!(error.cause, Cause::PreconditionFailed, "{error}");
    let there = root.stat(&at).await.unwrap().unwrap();
    assert_eq!(there.size, 6);
    assert_ne!(there.mtime, mtime, "it got the time of ours");
}
