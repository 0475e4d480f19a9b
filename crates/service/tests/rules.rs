//! Which pairs may stand beside each other, where several storages lead to one place.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what went wrong by stopping"
)]

use std::sync::Arc;

use tandem_core::side::PerSide;
use tandem_core::time::Timestamp;
use tandem_engine::setup::PairOptions;
use tandem_service::config::{Config, End, PairRecord, StorageRecord};
use tandem_service::credentials::{AskPassphrase, SecretError, StoreKind};
use tandem_service::location::Location;
use tandem_service::profile::Profile;
use tandem_service::redact::Redactor;
use tandem_service::request::{PairSpec, Request, StorageSpec};
use tandem_service::service::Service;
use tandem_service::when::When;
use tokio::sync::mpsc;

const AT: When = When(Timestamp::from_secs(1_795_176_000));

fn uuid(n: usize) -> String {
    format!("00000000-0000-4000-8000-0000000000{n:02}")
}

fn storage(n: usize, name: &str, type_name: &str, values: &[(&str, &str)]) -> StorageRecord {
    let values = values
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    StorageRecord {
        id: uuid(n),
        name: name.to_owned(),
        label: None,
        type_name: type_name.to_owned(),
        enabled: true,
        created: AT,
        changed: AT,
        secret_store: StoreKind::File,
        secrets: ["access_key_id", "secret_access_key"]
            .map(str::to_owned)
            .to_vec(),
        config: values.collect(),
        probed: None,
        probed_for: None,
    }
}

fn pair(n: usize, source: (&str, &str), destination: (&str, &str)) -> PairRecord {
    let end = |(storage, path): (&str, &str)| End {
        storage: storage.to_owned(),
        path: path.to_owned(),
    };
    PairRecord {
        id: uuid(n),
        is_new: false,
        name: format!("pair-{n}"),
        created: AT,
        source: end(source),
        destination: end(destination),
        unstarted: false,
        paused: None,
        paused_with_all: None,
        despite: Vec::new(),
        options: PairOptions::default(),
    }
}

/// Two ways to one bucket, one to another bucket; two pairs.
fn config() -> Config {
    let mut config = Config::new();
    config.storages = vec![
        storage(
            1,
            "one",
            "s3-compatible",
            &[
                ("endpoint", "https://s3.example.org/"),
                ("bucket", "b"),
                ("part_size", "9000000"),
            ],
        ),
        storage(
            2,
            "same",
            "s3",
            &[
                ("endpoint", "http://S3.example.org"),
                ("bucket", "b"),
                ("region", "eu"),
                ("path_style", "true"),
                ("prefix", "/docs/"),
            ],
        ),
        storage(
            3,
            "other",
            "s3",
            &[("endpoint", "https://s3.example.org"), ("bucket", "c")],
        ),
    ];
    config.pairs = vec![
        pair(11, ("local", "/nowhere/x"), (&uuid(1), "docs/a")),
        pair(12, ("local", "/nowhere/x"), (&uuid(3), "docs/a")),
    ];
    config
}

async fn ask(config: &Config, request: Request) -> &'static str {
    let scratch = tempfile::tempdir().unwrap();
    config
        .save(&Profile::open(scratch.path()).unwrap())
        .unwrap();
    let service = Service::open(scratch.path(), nobody(), Redactor::default()).unwrap();
    let (updates, _told) = mpsc::channel(8);
    let failure = service.handle(request, updates).await.err();
    let known = ["loop", "nested_roots", "same_ends"];
    let cause = failure.map(|f| f.cause).unwrap_or_default();
    known.into_iter().find(|k| *k == cause).unwrap_or("")
}

fn place(text: &str) -> Location {
    let (storage, path) = text.split_once(':').unwrap();
    Location {
        storage: storage.to_owned(),
        path: path.to_owned(),
    }
}

#[tokio::test]
async fn a_bucket_is_known_again_whatever_storage_leads_to_it() {
    for (source, destination, expected) in [
        ("local:/nowhere/x", "one:docs/a", "loop"),
        ("local:/nowhere/x", "same:a", "loop"),
        ("local:/nowhere/x", "same:b", ""),
        ("local:/nowhere/y", "same:a/deeper", "nested_roots"),
        ("local:/nowhere/y", "same:", "nested_roots"),
        ("one:docs/z", "same:z", "same_ends"),
        ("one:z", "same:z", ""),
        ("local:/nowhere/y", "other:docs", "nested_roots"),
        ("local:/nowhere/y", "other:a", ""),
    ] {
        let spec = PairSpec {
            name: "new".to_owned(),
            ends: PerSide::new(place(source), place(destination)),
            options: Default::default(),
            unstarted: false,
        };
        let found = ask(&config(), Request::PairAdd(Box::new(spec))).await;
        assert_eq!(found, expected, "{source} {destination}");
    }
}

#[tokio::test]
async fn a_changed_storage_is_held_against_the_rules_of_its_pairs() {
    for (key, value, expected) in [
        ("bucket", "b", "loop"),
        ("prefix", "docs", ""),
        ("part_size", "8000000", ""),
    ] {
        let edit = || {
            Request::StorageEdit(StorageSpec {
                name: "other".to_owned(),
                config: [(key.to_owned(), value.to_owned())].into(),
                ..StorageSpec::default()
            })
        };
        assert_eq!(ask(&config(), edit()).await, expected, "{key}={value}");
        // What is broken already does not lock its storage.
        let mut broken = config();
        broken.storages[2]
            .config
            .insert("bucket".to_owned(), "b".to_owned());
        assert_eq!(ask(&broken, edit()).await, "", "{key}={value}");
    }
}

/// There is nobody to ask for a passphrase.
fn nobody() -> AskPassphrase {
    Arc::new(|_| Err(SecretError::NoPassphrase))
}
