//! The suite as it is run against a real service (`docs/live.md`), here against servers on this computer: what is missing
//! is named, no secret is printed, and nothing is left behind.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what went wrong by stopping"
)]

#[path = "../examples/live/scratch.rs"]
mod scratch;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;

use tandem_core::storage::{Config, Credentials, Storage};
use tandem_providers::registry::providers;
use tandem_testkit::real_time::real_time;
use tandem_testkit::servers::azure::Azurite;
use tandem_testkit::servers::gcs::{GcsServer, Role};
use tandem_testkit::servers::webdav::{Nginx, Sabre, WebDavServer};
use tandem_testkit::servers::{SerialMoto, rclone};

use crate::scratch::Scratch;

/// The storage that a run would open.
fn opened(server: &WebDavServer) -> Arc<dyn Storage> {
    let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    };
    let config = Config(map(&[
        ("url", server.url()),
        ("username", server.username()),
    ]));
    let credentials = Credentials(map(&[("password", server.password())]));
    let mut all = providers().into_iter();
    let webdav = all.find(|one| one.descriptor().type_name == "webdav");
    let opened = webdav
        .unwrap()
        .open(&config, &credentials, None, real_time());
    opened.unwrap()
}

/// The scratch folder goes with what removing it leaves beside it.
#[tokio::test]
async fn nothing_is_left_of_the_scratch_folder() {
    let server = Sabre::start().unwrap();
    let scratch = Scratch::make(opened(&server)).await.unwrap();
    std::fs::write(
        server.data_dir().join(scratch.folder()).join("file"),
        "ours",
    )
    .unwrap();
    assert_eq!(scratch.remove().await, Vec::<String>::new());
    let left = std::fs::read_dir(server.data_dir()).unwrap();
    let mut left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    left.retain(|name| name != ".sabredav");
    assert!(left.is_empty(), "{left:?}");
}

/// Another Tandem may get a pair at the same place while a run is under way.
#[tokio::test]
async fn what_another_tandem_keeps_beside_the_scratch_folder_stays() {
    let server = Sabre::start().unwrap();
    let scratch = Scratch::make(opened(&server)).await.unwrap();
    let kept = server.data_dir().join(".tandem/versions/theirs");
    std::fs::create_dir_all(&kept).unwrap();
    std::fs::write(kept.join("file"), "precious").unwrap();
    assert_eq!(scratch.remove().await, Vec::<String>::new());
    assert_eq!(std::fs::read(kept.join("file")).unwrap(), b"precious");
    assert!(!server.data_dir().join(scratch.folder()).exists());
}

/// The program, which is built with the tests.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().unwrap().parent().unwrap();
    folder.join("examples/live")
}

/// What a run comes to with these values, and with nothing else that a person may have set.
fn live(kind: &str, values: &[(&str, &str)]) -> Output {
    let mut command = Command::new(program());
    command.arg(kind).env_clear();
    let prefix = format!("TANDEM_LIVE_{}_", kind.to_uppercase().replace('-', "_"));
    for (key, value) in values {
        command.env(format!("{prefix}{key}"), value);
    }
    command.output().unwrap()
}

/// A whole run in which everything is kept, and that prints none of `secrets`.
#[track_caller]
fn is_kept(kind: &str, values: &[(&str, &str)], secrets: &[&str]) {
    let done = live(kind, values);
    let said = String::from_utf8_lossy(&done.stdout);
    let all = format!("{said}{}", String::from_utf8_lossy(&done.stderr));
    println!("{all}");
    for secret in secrets {
        assert!(!all.contains(secret), "a secret is printed");
    }
    assert!(said.contains(" cases, 0 failed"));
    assert!(!said.contains("not removed"));
    assert_eq!(done.status.code(), Some(0));
}

/// What rclone lists in all of a remote.
fn listed(place: &str, environment: &[(&str, &str)]) -> String {
    let mut command = Command::new(rclone().unwrap());
    command.env("RCLONE_CONFIG", "/dev/null");
    command.envs(environment.iter().copied());
    let done = command.args(["lsf", "-R", place]).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn what_is_missing_is_named_in_one_sentence() {
    let said = |kind: &str, values: &[(&str, &str)]| {
        let done = live(kind, values);
        assert_eq!((done.status.code(), &*done.stdout), (Some(2), &b""[..]));
        String::from_utf8(done.stderr).unwrap()
    };
    assert_eq!(
        said("s3", &[("BUCKET", "pictures")]),
        "To run against Amazon S3, set TANDEM_LIVE_S3_ACCESS_KEY_ID, TANDEM_LIVE_S3_SECRET_ACCESS_KEY in the \
         environment.\n"
    );
    let azure = said("azure", &[("ACCOUNT", "person"), ("CONTAINER", "pictures")]);
    assert_eq!(azure.lines().count(), 1);
    assert!(azure.contains("TANDEM_LIVE_AZURE_ACCOUNT_KEY"), "{azure}");
    assert!(said("gopher", &[]).starts_with("There is no storage type “gopher”; there are: "));
}

#[test]
#[ignore = "takes minutes: part of ./dev test --all"]
fn a_bucket_is_as_it_was_afterwards() {
    let server = SerialMoto::start().unwrap();
    server.make_bucket("shared").unwrap();
    let values = [
        ("ENDPOINT", server.endpoint()),
        ("REGION", server.region()),
        ("BUCKET", "shared"),
        ("ACCESS_KEY_ID", server.access_key()),
        ("SECRET_ACCESS_KEY", server.secret_key()),
    ];
    is_kept("s3-compatible", &values, &[server.secret_key()]);
    let environment = [
        ("RCLONE_CONFIG_THERE_TYPE", "s3"),
        ("RCLONE_CONFIG_THERE_PROVIDER", "Other"),
        ("RCLONE_CONFIG_THERE_ENDPOINT", server.endpoint()),
        ("RCLONE_CONFIG_THERE_REGION", server.region()),
        ("RCLONE_CONFIG_THERE_ACCESS_KEY_ID", server.access_key()),
        ("RCLONE_CONFIG_THERE_SECRET_ACCESS_KEY", server.secret_key()),
    ];
    assert_eq!(listed("there:shared", &environment), "");
}

#[test]
#[ignore = "takes minutes: part of ./dev test --all"]
fn a_container_is_as_it_was_afterwards() {
    let server = Azurite::start().unwrap();
    server.make_container("shared").unwrap();
    let values = [
        ("ENDPOINT", server.endpoint()),
        ("ACCOUNT", server.account()),
        ("CONTAINER", "shared"),
        ("ACCOUNT_KEY", server.key()),
    ];
    is_kept("azure", &values, &[server.key()]);
    let environment = [
        ("RCLONE_CONFIG_THERE_TYPE", "azureblob"),
        ("RCLONE_CONFIG_THERE_ACCOUNT", server.account()),
        ("RCLONE_CONFIG_THERE_KEY", server.key()),
        ("RCLONE_CONFIG_THERE_ENDPOINT", server.endpoint()),
    ];
    assert_eq!(listed("there:shared", &environment), "");
}

#[test]
#[ignore = "takes minutes: part of ./dev test --all"]
fn a_bucket_of_cloud_storage_is_as_it_was_afterwards() {
    let server = GcsServer::start().unwrap();
    server.make_bucket("shared");
    let key = server.make_account(Role::Admin).unwrap();
    let endpoint = server.endpoint();
    let values = [
        ("ENDPOINT", &*endpoint),
        ("BUCKET", "shared"),
        ("SERVICE_ACCOUNT_KEY", &key),
    ];
    is_kept("gcs", &values, &[&key]);
    let environment = [
        ("RCLONE_CONFIG_THERE_TYPE", "google cloud storage"),
        (
            "RCLONE_CONFIG_THERE_ENDPOINT",
            &*format!("{endpoint}/storage/v1/"),
        ),
        ("RCLONE_CONFIG_THERE_SERVICE_ACCOUNT_CREDENTIALS", &key),
        ("RCLONE_CONFIG_THERE_BUCKET_POLICY_ONLY", "true"),
    ];
    assert_eq!(listed("there:shared", &environment), "");
}

/// A server with real folders: nothing at all is left in the one that it serves but what it keeps there itself.
fn is_kept_by(server: &WebDavServer) {
    let values = [
        ("URL", server.url()),
        ("USERNAME", server.username()),
        ("PASSWORD", server.password()),
    ];
    is_kept("webdav", &values, &[server.password()]);
    let left = std::fs::read_dir(server.data_dir()).unwrap();
    let mut left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    left.retain(|name| name != ".sabredav");
    assert!(left.is_empty(), "{left:?}");
}

#[test]
#[ignore = "takes minutes: part of ./dev test --all"]
fn a_folder_of_sabre_is_as_it_was_afterwards() {
    is_kept_by(&Sabre::start().unwrap());
}

#[test]
#[ignore = "takes minutes: part of ./dev test --all"]
fn a_folder_of_nginx_is_as_it_was_afterwards() {
    is_kept_by(&Nginx::start().unwrap());
}
