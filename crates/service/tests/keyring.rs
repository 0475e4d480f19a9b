//! The system's keyring, for real: gnome-keyring on a private session bus. Each test runs its inner half, which
//! is ignored otherwise, in this same binary inside `dbus-run-session`.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what went wrong by stopping"
)]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use tandem_service::credentials::{
    AskPassphrase, SecretError, SecretStore, SecretStores, Secrets, StoreKind,
};
use tandem_service::profile::Profile;
use tandem_service::redact::Redactor;
use tandem_service::secret::SecretText;

const UNLOCK: &str =
    r#"eval "$(printf pw | gnome-keyring-daemon --unlock --components=secrets)"; sleep 0.5"#;

/// A bus that starts no service by itself: whoever is not there yet is not there.
const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

/// Runs `inner` on a bus of its own after `before`, with a home in `home`.
fn on_a_private_bus(home: &Path, before: &str, inner: &str) {
    let runtime = home.join("runtime");
    std::fs::create_dir_all(&runtime).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&runtime, std::fs::Permissions::from_mode(0o700)).unwrap();
    }
    let script =
        format!(r#"{before}; exec "$0" --exact {inner} --ignored --nocapture --test-threads 1"#);
    let bus = home.join("bus.conf");
    std::fs::write(&bus, BUS).unwrap();
    let output = Command::new("dbus-run-session")
        .arg(format!("--config-file={}", bus.display()))
        .args(["--", "sh", "-c", &script])
        .arg(std::env::current_exe().unwrap())
        .env("HOME", home)
        .env("XDG_DATA_HOME", home.join("data"))
        .env("XDG_CONFIG_HOME", home.join("config"))
        .env("XDG_RUNTIME_DIR", &runtime)
        .env_remove("DBUS_SESSION_BUS_ADDRESS")
        .env_remove("GNOME_KEYRING_CONTROL")
        .output()
        .expect("dbus-run-session is needed: apt-get install dbus gnome-keyring libsecret-tools");
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{inner}: {out}\n{err}");
    assert!(
        out.contains("1 passed"),
        "{inner} did not run: {out}\n{err}"
    );
}

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
