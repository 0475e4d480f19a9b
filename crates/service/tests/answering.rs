//! What requests come to while others work, and where not every pair can be asked.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what went wrong by stopping"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tandem_core::time::Timestamp;
use tandem_service::answer::{Answer, ComparisonView, ContentKind, VersionContent};
use tandem_service::config::{Config, End, PairRecord, StorageRecord};
use tandem_service::credentials::{AskPassphrase, SecretStores, Secrets, StoreKind};
use tandem_service::fault::{Failure, Fault};
use tandem_service::profile::Profile;
use tandem_service::redact::Redactor;
use tandem_service::request::{
    KeepSide, PairChange, Request, SeenVersions, StorageSpec, UndoSpec, VerifySpec,
};
use tandem_service::secret::SecretText;
use tandem_service::service::Service;
use tandem_service::when::When;
use tokio::sync::mpsc;

const ATTIC: &str = "11111111-1111-4111-8111-111111111111";

fn passphrase() -> AskPassphrase {
    Arc::new(|_| Ok(SecretText::new("a passphrase for tests".to_owned())))
}

fn keys(secret: &str) -> Secrets {
    [
        ("access_key_id", "AKIAEXAMPLEKEY"),
        ("secret_access_key", secret),
    ]
    .map(|(key, value)| (key.to_owned(), SecretText::new(value.to_owned())))
    .into()
}

async fn secret_of_attic(profile: &Profile) -> String {
    let stores = SecretStores::new(profile, passphrase(), Redactor::default());
    let secrets = stores.store(StoreKind::File).load(ATTIC).await.unwrap();
    secrets["secret_access_key"].expose().to_owned()
}

/// A profile with two pairs, each between a folder of its own with one file and either another folder or the storage
/// `attic`, whose server does not answer.
async fn service(home: &Path, is_remote: bool) -> Service {
    let profile = Profile::open(&home.join("profile")).unwrap();
    let at = When(Timestamp::from_secs(1_795_176_000));
    let mut config = Config::new();
    if is_remote {
        let stores = SecretStores::new(&profile, passphrase(), Redactor::default());
        let store = stores.store(StoreKind::File);
        store.save(ATTIC, keys("the old secret")).await.unwrap();
        config.storages.push(StorageRecord {
            id: ATTIC.to_owned(),
            name: "attic".to_owned(),
            label: None,
            type_name: "s3".to_owned(),
            enabled: true,
            created: at,
            changed: at,
            secret_store: StoreKind::File,
            secrets: keys("").into_keys().collect(),
            config: [("bucket", "b"), ("endpoint", "http://127.0.0.1:9")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            probed: None,
            probed_for: None,
        });
    }
    for (n, name) in ["docs", "mail"].into_iter().enumerate() {
        let folder = |side: &str| {
            let path = home.join(format!("{name}-{side}"));
            std::fs::create_dir_all(&path).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let source = folder("source");
        std::fs::write(format!("{source}/a.txt"), "one\n").unwrap();
        let end = |storage: &str, path: String| End {
            storage: storage.to_owned(),
            path,
        };
        config.pairs.push(PairRecord {
            id: format!("22222222-2222-4222-8222-22222222222{n}"),
            name: name.to_owned(),
            is_new: true,
            created: at,
            source: end("local", source),
            destination: if is_remote {
                end(ATTIC, name.to_owned())
            } else {
                end("local", folder("destination"))
            },
            unstarted: false,
            paused: None,
            paused_with_all: None,
            despite: Vec::new(),
            options: tandem_engine::setup::PairOptions::default(),
        });
    }
    config.save(&profile).unwrap();
    open(home)
}

fn open(home: &Path) -> Service {
    Service::open(&home.join("profile"), passphrase(), Redactor::default()).unwrap()
}

/// A service on whose local pairs a pass was made, after which the state of `mail` was damaged.
async fn with_a_damaged_state(home: &Path) -> Service {
    let first = service(home, false).await;
    let synced = ask(&first, sync(false)).await.unwrap();
    assert_eq!(synced.exit(), 0);
    first.close().await;
    drop(first);
    let state = home.join("profile/pairs/22222222-2222-4222-8222-222222222221.db");
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", state.display()));
    }
    std::fs::write(&state, "this is no database, and was never one".repeat(9)).unwrap();
    open(home)
}

async fn ask(service: &Service, request: Request) -> Result<Answer, Failure> {
    let (updates, mut told) = mpsc::channel(64);
    let answer = service.handle(request, updates);
    let told = async { while told.recv().await.is_some() {} };
    tokio::join!(answer, told).0
}

fn sync(actions: bool) -> Request {
    Request::Sync {
        pairs: Vec::new(),
        actions,
    }
}

/// A request that closes all pairs on the attic, under way.
fn disabling_attic(service: &Service) -> tokio::task::JoinHandle<Result<Answer, Failure>> {
    let service = service.clone();
    let disable = Request::StorageEnable {
        name: "attic".to_owned(),
        on: false,
    };
    tokio::spawn(async move { ask(&service, disable).await })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pair_is_not_opened_with_what_its_storage_was() {
    let home = tempfile::tempdir().unwrap();
    let service = service(home.path(), true).await;
    let [docs, mail] = <[PairRecord; 2]>::try_from(service.config().pairs).unwrap();
    let first = service.open_pair(&docs).await.unwrap();
    // Somebody works on the other pair, so that closing takes its time.
    let busy = service.open_pair(&mail).await.unwrap();
    let mut closing = first.closing.clone();
    let disabling = disabling_attic(&service);
    closing.wait_for(|closing| *closing).await.unwrap();
    drop(first);
    let mut again = {
        let service = service.clone();
        tokio::spawn(async move { service.open_pair(&docs).await.map(drop) })
    };
    let early = tokio::time::timeout(Duration::from_secs(1), &mut again).await;
    drop(busy);
    disabling.await.unwrap().unwrap();
    assert!(early.is_err(), "opened while the storage is being closed");
    let fault = again.await.unwrap().unwrap_err();
    assert!(matches!(fault, Fault::StorageDisabled(_)), "{fault:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_is_given_up_lets_its_pairs_go_on() {
    let home = tempfile::tempdir().unwrap();
    let service = service(home.path(), true).await;
    let docs = service.config().pairs[0].clone();
    let busy = service.open_pair(&docs).await.unwrap();
    let mut closing = busy.closing.clone();
    let disabling = disabling_attic(&service);
    closing.wait_for(|closing| *closing).await.unwrap();
    disabling.abort();
    assert!(disabling.await.unwrap_err().is_cancelled());
    assert!(!*busy.closing.borrow());
    let again = service.open_pair(&docs).await.unwrap();
    assert!(Arc::ptr_eq(&again.engine, &busy.engine));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storage_that_cannot_be_changed_now_keeps_its_secrets() {
    let home = tempfile::tempdir().unwrap();
    let service = service(home.path(), true).await;
    let busy = service.open_pair(&service.config().pairs[0]).await.unwrap();
    let edit = || {
        Request::StorageEdit(StorageSpec {
            name: "attic".to_owned(),
            type_name: None,
            label: None,
            config: [("endpoint".to_owned(), "http://127.0.0.1:10".to_owned())].into(),
            secrets: keys("the new secret"),
            test: false,
            store: None,
            unattended: true,
        })
    };
    let failure = ask(&service, edit()).await.unwrap_err();
    assert_eq!(failure.cause, "pair_busy");
    assert_eq!(secret_of_attic(service.profile()).await, "the old secret");
    drop(busy);
    ask(&service, edit()).await.unwrap();
    assert_eq!(secret_of_attic(service.profile()).await, "the new secret");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_outlives_an_edit_that_was_under_way() {
    let home = tempfile::tempdir().unwrap();
    let service = service(home.path(), false).await;
    let docs = service.config().pairs[0].clone();
    let busy = service.open_pair(&docs).await.unwrap();
    let mut closing = busy.closing.clone();
    let change = PairChange {
        name: "docs".to_owned(),
        rename: Some("papers".to_owned()),
        ends: Default::default(),
        options: Default::default(),
    };
    let editing = {
        let service = service.clone();
        tokio::spawn(async move { ask(&service, Request::PairEdit(Box::new(change))).await })
    };
    closing.wait_for(|closing| *closing).await.unwrap();
    let pause = Request::PairPause {
        name: "docs".to_owned(),
        paused: true,
        until: None,
    };
    ask(&service, pause).await.unwrap();
    drop(busy);
    editing.await.unwrap().unwrap();
    let papers = &service.config().pairs[0];
    assert_eq!(papers.name, "papers");
    assert!(papers.paused.is_some());
    assert!(!papers.is_new, "it was opened");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pass_does_not_wait_for_those_who_are_told() {
    let home = tempfile::tempdir().unwrap();
    let service = service(home.path(), false).await;
    let (source, destination) = ("docs-source", "docs-destination");
    for n in 0..200 {
        std::fs::write(home.path().join(format!("{source}/{n}.txt")), "x").unwrap();
    }
    // Room for one update, and nobody takes it.
    let (updates, _told) = mpsc::channel(1);
    let syncing = {
        let service = service.clone();
        tokio::spawn(async move { service.handle(sync(true), updates).await })
    };
    let carried = || {
        std::fs::read_dir(home.path().join(destination))
            .unwrap()
            .filter(|e| e.as_ref().unwrap().path().extension().is_some())
            .count()
    };
    let all = async {
        while carried() < 201 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let arrived = tokio::time::timeout(Duration::from_secs(60), all).await;
    assert!(arrived.is_ok(), "{} of 201 files", carried());
    syncing.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pairs_that_cannot_be_asked_are_named() {
    let home = tempfile::tempdir().unwrap();
    let service = with_a_damaged_state(home.path()).await;
    for request in [
        Request::Held { pair: None },
        Request::Conflicts { pair: None },
        Request::Log {
            pair: None,
            path: None,
            limit: None,
            follow: false,
        },
    ] {
        let answer = ask(&service, request).await.unwrap();
        assert_eq!(answer.exit(), 4, "{answer:?}");
        let Answer::Partial(_, left_out) = &answer else {
            panic!("{answer:?}");
        };
        assert_eq!(left_out.len(), 1);
        assert_eq!(
            (&*left_out[0].pair, &*left_out[0].error.cause),
            ("mail", "damaged_state")
        );
    }
    let approve = Request::Approve {
        hold: "nothing".to_owned(),
    };
    let failure = ask(&service, approve).await.unwrap_err();
    assert_eq!(failure.cause, "damaged_state", "it may be that pair's");

    let answer = ask(&service, Request::Verify(VerifySpec::default())).await;
    let answer = answer.unwrap();
    assert_eq!(answer.exit(), 4);
    let Answer::Verified(pairs) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!((pairs[0].items, pairs[0].error.is_none()), (1, true));
    assert_eq!(pairs[1].error.as_ref().unwrap().cause, "damaged_state");

    let since = Request::Undo(UndoSpec::Since(When(Timestamp::default()), None));
    let answer = ask(&service, since).await.unwrap();
    assert_eq!(answer.exit(), 4);
    let Answer::Synced(pairs) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(pairs[0].done, 1, "what was undone is told all the same");
    assert_eq!(pairs[1].error.as_ref().unwrap().cause, "damaged_state");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_alone_is_no_action_where_there_are_two_pairs() {
    let home = tempfile::tempdir().unwrap();
    let service = with_a_damaged_state(home.path()).await;
    let undo = Request::Undo(UndoSpec::Action("1".to_owned()));
    let failure = ask(&service, undo).await.unwrap_err();
    assert_eq!(failure.cause, "which_pair");
    assert_eq!(failure.message, "“1” belongs to several pairs: docs, mail.");
    assert!(home.path().join("docs-destination/a.txt").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn both_versions_of_a_conflict_are_told_by_their_bytes_and_merged_as_they_were_shown() {
    let home = tempfile::tempdir().unwrap();
    let service = service(home.path(), false).await;
    let at = |side: &str, name: &str| home.path().join(format!("docs-{side}/{name}"));
    let png = |width: u32| {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(b"\0\0\0\x20\x08\x06\0\0\0");
        bytes
    };
    let svg = |color: &str| format!("<svg onload='alert(1)' fill='{color}'/>").into_bytes();
    // Of one size and time they would count as the same.
    let files: [(&str, [Vec<u8>; 2]); 5] = [
        ("plan.md", [b"a\nb\nc\n".to_vec(), b"a\nBB\nc\n".to_vec()]),
        ("poster.txt", [png(32), [png(70_000_000), vec![0]].concat()]),
        // A name says nothing.
        ("drawing.png", [svg("red"), svg("blue")]),
        ("data", [b"\0\x01".to_vec(), b"\0\x02\x03".to_vec()]),
        ("film", [vec![b'x'; 9 << 20], b"short\n".to_vec()]),
    ];
    for (name, [source, destination]) in &files {
        std::fs::write(at("source", name), source).unwrap();
        std::fs::write(at("destination", name), destination).unwrap();
    }
    ask(&service, sync(false)).await.unwrap();
    let Answer::Conflicts(conflicts) = ask(&service, Request::Conflicts { pair: None })
        .await
        .unwrap()
    else {
        panic!("conflicts were asked for");
    };
    assert_eq!(conflicts.len(), files.len());
    let compared = async |name: &str| {
        let id = conflicts
            .iter()
            .find(|c| c.path == name)
            .unwrap()
            .id
            .clone();
        match ask(&service, Request::Compare { id }).await.unwrap() {
            Answer::Comparison(view) => *view,
            other => panic!("{other:?}"),
        }
    };
    let kinds = |view: &ComparisonView| {
        let kind = |version: &Option<VersionContent>| version.as_ref().unwrap().kind;
        (
            kind(&view.versions.source),
            kind(&view.versions.destination),
        )
    };
    let (text, picture, other) = (ContentKind::Text, ContentKind::Picture, ContentKind::Other);
    assert_eq!(kinds(&compared("poster.txt").await), (picture, other));
    assert_eq!(kinds(&compared("data").await), (other, other));
    assert_eq!(
        kinds(&compared("film").await),
        (ContentKind::TooLarge, text)
    );
    // A drawing that is a document is shown as the text that it is.
    let drawing = compared("drawing.png").await;
    assert_eq!(kinds(&drawing), (text, text));
    assert!(drawing.versions.source.unwrap().picture.is_none());

    let plan = compared("plan.md").await;
    assert_eq!(plan.lines.as_ref().unwrap().draft, "a\nb\nBB\nc\n");
    let merge = |shown: &ComparisonView| {
        let revision =
            |version: &Option<VersionContent>| version.as_ref().map(|v| v.revision.clone());
        Request::Resolve {
            id: shown.id.clone(),
            keep: KeepSide::Merged("a\nof both\nc\n".to_owned()),
            seen: Some(SeenVersions {
                source: revision(&shown.versions.source),
                destination: revision(&shown.versions.destination),
            }),
        }
    };
    // What was written meanwhile is not merged away.
    std::fs::write(at("destination", "plan.md"), "a\nlater\nc\n").unwrap();
    let refused = ask(&service, merge(&plan)).await.unwrap_err();
    assert_eq!(refused.cause, "refused", "{refused:?}");
    let now = std::fs::read_to_string(at("destination", "plan.md")).unwrap();
    assert_eq!(now, "a\nlater\nc\n");

    let plan = compared("plan.md").await;
    ask(&service, merge(&plan)).await.unwrap();
    for side in ["source", "destination"] {
        let merged = std::fs::read_to_string(at(side, "plan.md")).unwrap();
        assert_eq!(merged, "a\nof both\nc\n", "{side}");
    }
    service.close().await;
}
