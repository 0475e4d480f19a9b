//! S3 with the quirks of services that cannot run here: a proxy gives them to moto, and the provider stays right, by what
//! its probe finds and by what its rows say. Who looks whether anything was lost asks moto itself.

use std::sync::Arc;

use tandem_core::capabilities::{Capabilities, Conditions};
use tandem_core::entry::HashKind;
use tandem_core::error::{Cause, StorageError};
use tandem_core::path::RelPath;
use tandem_core::storage::{Discard, Expected, Keep, Locator, Root, Storage};
use tandem_testkit::conformance::{Outsider, Proof, Subject, run_all};
use tandem_testkit::servers::SerialMoto;
use tandem_testkit::servers::quirks::{Quirk, QuirkProxy};

use crate::bench::{Bucket, OtherClient, PARTS_FROM, Shared, write};
use crate::steps::collect;

static MOTO: Shared = Shared::new(SerialMoto::start);

/// A bucket of moto behind a proxy with quirks.
struct Quirky {
    bucket: Bucket,
    proxy: Arc<QuirkProxy>,
}

impl Quirky {
    fn new(quirks: &[Quirk]) -> Self {
        let bucket = MOTO.bucket();
        let proxy = QuirkProxy::before(bucket.server.endpoint(), quirks).unwrap();
        let proxy = Arc::new(proxy);
        Self { bucket, proxy }
    }

    fn open(&self, probed: Option<&Capabilities>, more: &[(&str, &str)]) -> Arc<dyn Storage> {
        let endpoint = self.proxy.endpoint();
        let settings = [&[("endpoint", &*endpoint)], more].concat();
        self.bucket.open(probed, &settings)
    }

    async fn validate(&self) -> Result<Capabilities, StorageError> {
        let tested = self.open(None, &[]).validate("in a/folder", &|_| ()).await;
        tested.capabilities
    }

    /// What the test of the storage finds.
    async fn found(&self) -> Capabilities {
        let found = self.validate().await.unwrap();
        let left = self.everybody_else().list().await.unwrap();
        assert!(left.is_empty(), "the test leaves {left:?}");
        found
    }

    async fn root(&self, found: &Capabilities) -> Arc<dyn Root> {
        self.root_with(found, &[]).await
    }

    async fn root_with(&self, found: &Capabilities, more: &[(&str, &str)]) -> Arc<dyn Root> {
        let storage = self.open(Some(found), more);
        storage.root("in a/folder").await.unwrap()
    }

    /// Somebody who knows nothing of the quirks.
    fn everybody_else(&self) -> OtherClient {
        OtherClient::new(&self.bucket)
    }

    /// That what was found suffices: nothing unseen is replaced or deleted, and everything arrives.
    async fn nothing_is_lost(&self, found: &Capabilities) {
        let root = self.root(found).await;
        self.edits_are_kept(&*root).await;
        self.parts_are_kept(&*root).await;
    }

    async fn edits_are_kept(&self, root: &dyn Root) {
        let (others, file, to) = (self.everybody_else(), path("file"), path("moved"));
        let made = write(root, &file, b"made", Expected::Absent).await.unwrap();
        let again = write(root, &file, b"again", Expected::Absent).await;
        // After a try that was put off nobody can say whether the name was taken before.
        assert!(again.unwrap_err().is_lost_race());

        others.put("file", b"theirs").await.unwrap();
        let stale = Expected::Revision(made.entry.revision);
        let edited = write(root, &file, b"mine", stale.clone()).await;
        assert_eq!(edited.unwrap_err().cause, Cause::PreconditionFailed);
        let at = Locator::of_path(file.clone());
        let deleted = root.delete(&at, &stale, &Keep::No, Discard::Forever).await;
        assert_eq!(deleted.unwrap_err().cause, Cause::PreconditionFailed);
        let moved = root
            .move_to(&at, &stale, &to, &Expected::Absent, &Keep::No)
            .await;
        assert_eq!(moved.unwrap_err().cause, Cause::PreconditionFailed);
        assert_eq!(others.get("file").await.unwrap().unwrap(), b"theirs");

        let edited = write(root, &file, b"mine", seen(root, &file).await).await;
        assert_eq!(
            Expected::Revision(edited.unwrap().entry.revision),
            seen(root, &file).await
        );
        let expected = seen(root, &file).await;
        let moved = root
            .move_to(&at, &expected, &to, &Expected::Absent, &Keep::No)
            .await;
        let moved = moved.unwrap().entry;
        assert_eq!(others.get("moved").await.unwrap().unwrap(), b"mine");
        assert_eq!(others.get("file").await.unwrap(), None);
        let expected = Expected::Revision(moved.revision);
        let at = Locator::of_path(to);
        let deleted = root
            .delete(&at, &expected, &Keep::No, Discard::Forever)
            .await;
        assert!(!deleted.unwrap().was_absent);
        assert_eq!(others.list().await.unwrap(), Vec::<String>::new());
    }

    async fn parts_are_kept(&self, root: &dyn Root) {
        let (others, file) = (self.everybody_else(), path("large"));
        let (first, second) = (large(b'1'), large(b'2'));
        let made = write(root, &file, &first, Expected::Absent).await.unwrap();
        assert_eq!(
            Expected::Revision(made.entry.revision.clone()),
            seen(root, &file).await
        );
        // The same bytes once more: another ETag, but no other content.
        let expected = seen(root, &file).await;
        let made = write(root, &file, &first, expected.clone()).await.unwrap();
        others.put("large", b"theirs").await.unwrap();
        for stale in [expected, Expected::Revision(made.entry.revision)] {
            let edited = write(root, &file, &second, stale).await;
            assert_eq!(edited.unwrap_err().cause, Cause::PreconditionFailed);
            assert_eq!(others.get("large").await.unwrap().unwrap(), b"theirs");
        }
        let edited = write(root, &file, &second, seen(root, &file).await).await;
        let entry = edited.unwrap().entry;
        assert_eq!(
            Expected::Revision(entry.revision.clone()),
            seen(root, &file).await
        );
        let read = root.read(&file.clone().into(), &entry, 0, entry.size).await;
        assert!(
            collect(read).await.unwrap() == second,
            "another content is read"
        );
        assert!(others.get("large").await.unwrap().unwrap() == second);
    }
}

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

/// Three parts.
fn large(byte: u8) -> Vec<u8> {
    vec![byte; usize::try_from(2 * PARTS_FROM).unwrap() + 1]
}

async fn seen(root: &dyn Root, at: &RelPath) -> Expected {
    let there = root.stat(&Locator::of_path(at.clone())).await;
    Expected::Revision(there.unwrap().unwrap().revision)
}

/// What the probe finds of moto as it is.
fn as_moto() -> Conditions {
    Conditions {
        finish_multipart: false,
        copy: false,
        move_: false,
        ..Conditions::ALL
    }
}

#[tokio::test]
async fn etags_of_uploads_in_parts_may_be_drawn_by_chance() {
    let quirky = Quirky::new(&[Quirk::RandomMultipartTags]);
    let found = quirky.found().await;
    assert_eq!(found.conditions, as_moto());
    assert_eq!(found.hashes, [HashKind::Md5]);
    quirky.nothing_is_lost(&found).await;
    assert!(quirky.proxy.met(Quirk::RandomMultipartTags) > 3);
}

#[tokio::test]
async fn a_store_that_wants_etags_without_quotes_is_given_them() {
    let quirky = Quirky::new(&[Quirk::BareTagsOnly]);
    let found = quirky.found().await;
    let heeded = Conditions {
        create: true,
        replace: true,
        ..Conditions::default()
    };
    assert_eq!(found.conditions, heeded);
    quirky.nothing_is_lost(&found).await;
    assert!(quirky.proxy.met(Quirk::BareTagsOnly) > 3);
}

#[tokio::test]
async fn a_store_that_refuses_every_condition_is_written_to_without() {
    let quirky = Quirky::new(&[Quirk::NoConditions]);
    let found = quirky.found().await;
    assert_eq!(found.conditions, Conditions::default());
    let before = quirky.proxy.met(Quirk::NoConditions);
    assert!(before > 3);
    quirky.nothing_is_lost(&found).await;
    let after = quirky.proxy.met(Quirk::NoConditions);
    assert_eq!(after, before, "what was found is used");
}

#[tokio::test]
async fn a_store_that_ignores_conditions_is_found_out() {
    let quirky = Quirky::new(&[Quirk::IgnoredConditions]);
    let found = quirky.found().await;
    assert_eq!(found.conditions, Conditions::default());
    quirky.nothing_is_lost(&found).await;
    assert!(quirky.proxy.met(Quirk::IgnoredConditions) > 3);
}

#[tokio::test]
async fn content_comes_with_its_md5_where_nothing_else_protects_it() {
    let quirky = Quirky::new(&[Quirk::NeedsContentMd5]);
    let found = quirky.found().await;
    quirky.nothing_is_lost(&found).await;
    assert_eq!(quirky.proxy.met(Quirk::NeedsContentMd5), 0);
    // That the store does want it: curl's content, which comes without, is refused.
    let place = format!("{}/{}/by-curl", quirky.proxy.endpoint(), quirky.bucket.name);
    let sent = std::process::Command::new("curl")
        .args(["-q", "--silent", "--noproxy", "*", "--request", "PUT"])
        .args(["--data-binary", "content", "--write-out", "%{http_code}"])
        .arg(place)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&sent.stdout);
    assert!(said.ends_with("400"), "{said}");
    assert_eq!(quirky.proxy.met(Quirk::NeedsContentMd5), 1);
}

#[tokio::test]
async fn a_key_that_takes_one_write_a_second_gets_one_write_a_second() {
    let quirky = Quirky::new(&[Quirk::OneWriteASecond]);
    let found = quirky.found().await;
    assert_eq!(found.conditions, as_moto());
    assert!(quirky.proxy.met(Quirk::OneWriteASecond) > 3);
    quirky.nothing_is_lost(&found).await;
}

#[tokio::test]
async fn a_store_that_asks_to_slow_down_is_asked_again() {
    let quirky = Quirky::new(&[Quirk::SlowDown]);
    let found = quirky.found().await;
    assert_eq!(found.conditions, as_moto());
    quirky.nothing_is_lost(&found).await;
    assert!(quirky.proxy.met(Quirk::SlowDown) > 3);
}

#[tokio::test]
async fn parts_are_of_one_size() {
    let quirky = Quirky::new(&[Quirk::EqualParts]);
    let found = quirky.found().await;
    quirky.nothing_is_lost(&found).await;
    assert!(quirky.proxy.met(Quirk::EqualParts) > 3);
}

#[tokio::test]
async fn an_upload_has_no_more_parts_than_it_may_have() {
    let most = Quirk::MostParts(2);
    let quirky = Quirky::new(&[most]);
    let found = quirky.found().await;
    let file = path("large");
    // As it is, without the row or the setting that says so: an error, and nothing at the name.
    let root = quirky.root(&found).await;
    let refused = write(&*root, &file, &large(b'1'), Expected::Absent).await;
    assert_eq!(refused.unwrap_err().cause, Cause::Other);
    assert_eq!(
        quirky.everybody_else().list().await.unwrap(),
        Vec::<String>::new()
    );

    let root = quirky.root_with(&found, &[("most_parts", "2")]).await;
    let before = quirky.proxy.met(most);
    write(&*root, &file, &large(b'1'), Expected::Absent)
        .await
        .unwrap();
    assert_eq!(quirky.proxy.met(most), before);
    let there = quirky.everybody_else().get("large").await.unwrap();
    assert!(there.unwrap() == large(b'1'));
}

/// Everything behind the first page would look deleted.
#[tokio::test]
async fn a_store_whose_listings_cannot_be_continued_is_refused() {
    for (quirk, why) in [
        (
            Quirk::OnePageOnly,
            "listings end with their first page, whatever comes after it",
        ),
        (Quirk::FirstPageAgain, "the pages run in circles"),
    ] {
        let quirky = Quirky::new(&[quirk]);
        let refused = quirky.validate().await.unwrap_err();
        assert_eq!((refused.cause, &*refused.detail), (Cause::BadResponse, why));
        assert!(quirky.proxy.met(quirk) > 0);
        let left = quirky.everybody_else().list().await.unwrap();
        assert!(left.is_empty(), "the test leaves {left:?}");
    }
}

/// The whole contract, by what the probe finds behind the proxy.
async fn keeps_the_contract(service: &'static str, quirks: &'static [Quirk]) {
    let _started_once = MOTO.server();
    let found = Quirky::new(quirks).found().await;
    let fresh = move || {
        let found = found.clone();
        async move {
            let quirky = Quirky::new(quirks);
            let endpoint = quirky.proxy.endpoint();
            let server = Arc::clone(&quirky.bucket.server);
            let version = || Ok(format!("{}, made to be like {service}", server.version()?));
            let subject = MOTO.subject_at(quirky.bucket, found, &endpoint).await;
            Subject {
                proof: Proof::of("s3", version),
                guard: Box::new((subject.guard, quirky.proxy)),
                ..subject
            }
        }
    };
    run_all(fresh).await.assert_kept();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: part of ./dev test --all"]
async fn the_contract_is_kept_as_with_r2() {
    keeps_the_contract(
        "Cloudflare R2",
        &[
            Quirk::RandomMultipartTags,
            Quirk::EqualParts,
            Quirk::NeedsContentMd5,
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: part of ./dev test --all"]
async fn the_contract_is_kept_as_with_ceph() {
    keeps_the_contract("Ceph RGW 16", &[Quirk::BareTagsOnly]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: part of ./dev test --all"]
async fn the_contract_is_kept_as_with_swift() {
    keeps_the_contract("Swift's s3api", &[Quirk::NoConditions]).await;
}
