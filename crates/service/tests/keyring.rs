//! The system's keyring, for real: gnome-keyring on a private session bus. Each test runs its inner half, which
//! is ignored otherwise, in this same binary inside `dbus-run-session`.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what went wrong by stopping"
)]

mod common;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use common::on_a_private_bus;
use tandem_core::time::Timestamp;
use tandem_service::answer::Answer;
use tandem_service::config::{Config, StorageRecord};
use tandem_service::credentials::{
    AskPassphrase, SecretError, SecretStore, SecretStores, Secrets, StoreKind,
};
use tandem_service::profile::Profile;
use tandem_service::redact::Redactor;
use tandem_service::request::{Request, StorageSpec};
use tandem_service::secret::SecretText;
use tandem_service::service::Service;
use tandem_service::when::When;
use tandem_testkit::servers::nextcloud::Nextcloud;
use tokio::sync::mpsc;

const UNLOCK: &str =
    r#"eval "$(printf pw | gnome-keyring-daemon --unlock --components=secrets)"; sleep 0.5"#;

fn stores() -> SecretStores {
    let scratch = tempfile::tempdir().unwrap();
    let profile = Profile::open(scratch.path()).unwrap();
    let ask: AskPassphrase = nobody();
    SecretStores::new(&profile, ask, Redactor::default())
}

fn keyring() -> SecretStore {
    stores().store(StoreKind::Keyring)
}

fn secrets() -> Secrets {
    [
        (
            "access_key_id".to_owned(),
            SecretText::new("AKIA-ädä".to_owned()),
        ),
        (
            "secret_access_key".to_owned(),
            SecretText::new("\"quoted\"\n".to_owned()),
        ),
    ]
    .into()
}

#[test]
fn secrets_are_kept_replaced_and_removed() {
    let home = tempfile::tempdir().unwrap();
    on_a_private_bus(home.path(), UNLOCK, "inner_kept");
}

#[tokio::test]
#[ignore = "runs inside a private session bus"]
async fn inner_kept() {
    let store = keyring();
    assert_eq!(store.load("storage-1").await.unwrap(), Secrets::new());
    store.save("storage-1", secrets()).await.unwrap();
    assert_eq!(store.load("storage-1").await.unwrap(), secrets());
    // Somebody else's program finds it under the same names.
    let other = Command::new("secret-tool")
        .args(["lookup", "service", "tandem", "username", "storage-1"])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&other.stdout).contains("AKIA-ädä"));
    let mut changed = secrets();
    changed.remove("access_key_id");
    store.save("storage-1", changed.clone()).await.unwrap();
    assert_eq!(store.load("storage-1").await.unwrap(), changed);
    store.save("storage-1", Secrets::new()).await.unwrap();
    assert_eq!(store.load("storage-1").await.unwrap(), Secrets::new());
    store.save("storage-1", Secrets::new()).await.unwrap();
}

#[test]
fn a_locked_keyring_says_so_and_works_once_unlocked() {
    let home = tempfile::tempdir().unwrap();
    on_a_private_bus(home.path(), UNLOCK, "inner_fill");
    let locked = "gnome-keyring-daemon --start --components=secrets >/dev/null; sleep 0.5";
    on_a_private_bus(home.path(), locked, "inner_locked");
    on_a_private_bus(home.path(), UNLOCK, "inner_filled");
}

#[tokio::test]
#[ignore = "runs inside a private session bus"]
async fn inner_fill() {
    keyring().save("storage-1", secrets()).await.unwrap();
}

#[tokio::test]
#[ignore = "runs inside a private session bus"]
async fn inner_locked() {
    let store = keyring();
    assert_eq!(
        store.load("storage-1").await.unwrap_err(),
        SecretError::Locked
    );
    assert_eq!(
        store.save("storage-2", secrets()).await.unwrap_err(),
        SecretError::Locked
    );
}

#[tokio::test]
#[ignore = "runs inside a private session bus"]
async fn inner_filled() {
    assert_eq!(keyring().load("storage-1").await.unwrap(), secrets());
}

#[test]
fn a_keyring_that_comes_later_is_found() {
    let home = tempfile::tempdir().unwrap();
    on_a_private_bus(home.path(), "true", "inner_later");
}

#[tokio::test]
#[ignore = "runs inside a private session bus"]
async fn inner_later() {
    let store = keyring();
    // Nobody owns the keyring's name yet.
    for early in [
        store.load("storage-1").await.unwrap_err(),
        store.save("storage-1", secrets()).await.unwrap_err(),
    ] {
        assert!(early.may_pass(), "{early:?}");
    }
    let started = Command::new("sh").args(["-c", UNLOCK]).status().unwrap();
    assert!(started.success());
    // It is there a moment after it was started; until then it is waited for.
    for _ in 0..100 {
        match store.save("storage-1", secrets()).await {
            Err(error) if error.may_pass() => {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            other => {
                other.unwrap();
                break;
            }
        }
    }
    assert_eq!(store.load("storage-1").await.unwrap(), secrets());
    // A storage whose secrets should be there and are not is no storage without secrets.
    let keys = ["access_key_id".to_owned()];
    let other = stores()
        .credentials(StoreKind::Keyring, "storage-2", &keys)
        .await;
    assert_eq!(other.unwrap_err(), SecretError::Missing);
}

#[test]
fn no_bus_means_no_keyring() {
    let home = tempfile::tempdir().unwrap();
    let nowhere = "export DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent/bus";
    on_a_private_bus(home.path(), nowhere, "inner_no_bus");
}

#[tokio::test]
#[ignore = "runs inside a private session bus"]
async fn inner_no_bus() {
    let error = keyring().load("storage-1").await.unwrap_err();
    assert!(matches!(error, SecretError::NotThere(_)), "{error:?}");
}

#[test]
fn nobody_signs_in_where_the_key_could_not_be_kept() {
    let home = tempfile::tempdir().unwrap();
    on_a_private_bus(home.path(), "true", "inner_asked_first");
}

#[tokio::test]
#[ignore = "runs inside a private session bus"]
async fn inner_asked_first() {
    let scratch = tempfile::tempdir().unwrap();
    let server = Nextcloud::start().unwrap();
    let service = service(scratch.path(), Config::new());
    let add = Request::StorageAdd(StorageSpec {
        name: "cloud".to_owned(),
        type_name: Some("nextcloud".to_owned()),
        config: [("url".to_owned(), server.url())].into(),
        test: true,
        ..StorageSpec::default()
    });
    let (updates, mut told) = mpsc::channel(64);
    let refused = service.handle(add, updates).await.unwrap_err();
    assert_eq!(refused.cause, "keyring_missing", "{refused:?}");
    let told = told.recv().await;
    assert!(told.is_none(), "{told:?}");
    let asked = server.answered();
    assert!(asked.is_empty(), "the server was asked: {asked:?}");
}

#[test]
fn keys_that_are_given_anew_leave_a_keyring_that_is_gone() {
    let home = tempfile::tempdir().unwrap();
    on_a_private_bus(home.path(), "true", "inner_moved");
}

#[tokio::test]
#[ignore = "runs inside a private session bus"]
async fn inner_moved() {
    let scratch = tempfile::tempdir().unwrap();
    let at = When(Timestamp::from_secs(1_795_176_000));
    let mut config = Config::new();
    config.storages.push(StorageRecord {
        id: "11111111-1111-4111-8111-111111111111".to_owned(),
        name: "attic".to_owned(),
        label: None,
        type_name: "s3".to_owned(),
        enabled: true,
        created: at,
        changed: at,
        secret_store: StoreKind::Keyring,
        secrets: secrets().into_keys().collect(),
        config: [("bucket".to_owned(), "b".to_owned())].into(),
        probed: None,
        probed_for: None,
    });
    let service = service(scratch.path(), config);
    let edit = |secrets: Secrets, store| {
        let spec = StorageSpec {
            name: "attic".to_owned(),
            secrets,
            store,
            ..StorageSpec::default()
        };
        service.handle(Request::StorageEdit(spec), mpsc::channel(64).0)
    };
    let keep = Request::KeepInFile {
        passphrase: SecretText::new("correct horse".to_owned()),
    };
    service.handle(keep, mpsc::channel(64).0).await.unwrap();
    // The others cannot come along, and no storage is left with half of its keys.
    let half = secrets().into_iter().take(1).collect();
    for (given, store) in [(secrets(), None), (half, Some(StoreKind::File))] {
        let refused = edit(given, store).await.unwrap_err();
        assert_eq!(refused.cause, "keyring_missing", "{refused:?}");
    }
    edit(secrets(), Some(StoreKind::File)).await.unwrap();
    let record = service.config().storages[0].clone();
    assert_eq!(record.secret_store, StoreKind::File);
    let show = Request::StorageShow {
        name: "attic".to_owned(),
    };
    let shown = service.handle(show, mpsc::channel(64).0).await.unwrap();
    let Answer::Storage(shown) = shown else {
        panic!("{shown:?}");
    };
    assert_eq!(shown.secret_store, StoreKind::File);
    assert!(scratch.path().join("secrets.age").exists());
}

fn service(folder: &Path, config: Config) -> Service {
    config.save(&Profile::open(folder).unwrap()).unwrap();
    Service::open(folder, nobody(), Redactor::default()).unwrap()
}

/// There is nobody to ask for a passphrase.
fn nobody() -> AskPassphrase {
    Arc::new(|_| Err(SecretError::NoPassphrase))
}
