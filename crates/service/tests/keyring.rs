//! The system's keyring, for real: gnome-keyring on a private session bus. Each test runs its inner half, which
//! is ignored otherwise, in this same binary inside `dbus-run-session`.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what went wrong by stopping"
)]

mod common;

use std::process::Command;
use std::sync::Arc;

use common::on_a_private_bus;
use tandem_service::credentials::{
    AskPassphrase, SecretError, SecretStore, SecretStores, Secrets, StoreKind,
};
use tandem_service::profile::Profile;
use tandem_service::redact::Redactor;
use tandem_service::secret::SecretText;

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

/// There is nobody to ask for a passphrase.
fn nobody() -> AskPassphrase {
    Arc::new(|_| Err(SecretError::NoPassphrase))
}
