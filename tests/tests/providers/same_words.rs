//! What a storage refuses is said in the same words by the command line and by the window, and means the same. The window
//! shows what the service answers to its request; here that request is made, and the program is run beside it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use serde_json::Value;
use tandem_core::error::Cause;
use tandem_core::storage::Provider;
use tandem_service::answer::Answer;
use tandem_service::credentials::{AskPassphrase, StoreKind};
use tandem_service::fault::Failure;
use tandem_service::redact::Redactor;
use tandem_service::request::{Request, StorageSpec};
use tandem_service::secret::SecretText;
use tandem_service::service::Service;
use tandem_service::socket::Server;
use tokio::sync::mpsc;

use crate::refusing::RefusingProvider;

fn open(profile: &Path) -> Service {
    let ask: AskPassphrase = Arc::new(|_| Ok(SecretText::new("a passphrase".to_owned())));
    let providers: Vec<Arc<dyn Provider>> = vec![Arc::new(RefusingProvider)];
    Service::open_with(profile, ask, Redactor::default(), providers).unwrap()
}

async fn ask(service: &Service, request: Request) -> Result<Answer, Failure> {
    let (updates, mut told) = mpsc::channel(64);
    let answer = service.handle(request, updates);
    let told = async { while told.recv().await.is_some() {} };
    tokio::join!(answer, told).0
}

/// What the window asks for when a person has filled in its form.
fn add(
    name: &str,
    (cause, detail): (Cause, &str),
    test: bool,
    secrets: &[(&str, &str)],
) -> Request {
    let config = [("cause", cause.name()), ("detail", detail)];
    let config = config.iter().filter(|(_, value)| !value.is_empty());
    let secrets = secrets
        .iter()
        .map(|(key, value)| ((*key).to_owned(), SecretText::new((*value).to_owned())));
    Request::StorageAdd(StorageSpec {
        name: name.to_owned(),
        type_name: Some("refusing".to_owned()),
        label: None,
        config: config
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
        secrets: secrets.collect(),
        test,
        store: Some(StoreKind::File),
        unattended: true,
    })
}

fn tandem(profile: &Path, words: &[&str], input: &str) -> Output {
    let program = std::env::var_os("TANDEM_BIN");
    let mut child =
        Command::new(program.expect("TANDEM_BIN names the program; run this by ./dev test"))
            .arg("--profile")
            .arg(profile)
            .args(["--secret-store", "file"])
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
    // A command that wants no input may be done before it is given.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// What the program says with these words, for people and in JSON, is what the service answers to the window.
fn says(profile: &Path, words: &[&str], input: &str, told: &Failure) {
    let done = tandem(profile, words, input);
    let said = String::from_utf8(done.stderr).unwrap();
    let line = format!("{} {}", told.message, told.next_step);
    assert_eq!(said.lines().last(), Some(line.as_str()), "{words:?}");
    assert_eq!(done.status.code(), Some(told.exit().into()), "{words:?}");

    let done = tandem(profile, &[&["--json"], words].concat(), input);
    let answer: Value = serde_json::from_slice(&done.stdout).unwrap();
    let text = |key: &str| answer["error"][key].as_str().unwrap_or_default().to_owned();
    assert_eq!(text("message"), told.message);
    assert_eq!(text("next_step"), told.next_step);
    assert_eq!(
        (text("kind"), text("cause")),
        (told.kind.clone(), told.cause.clone())
    );
}

/// The window exchanges nothing but a command in the next step for what it offers itself.
fn is_shown(told: &Failure) {
    let mut shown = told.clone();
    shown.for_window();
    assert_eq!(shown.message, told.message);
    assert_eq!((&shown.kind, &shown.cause), (&told.kind, &told.cause));
    match told.next_step.split_once("“tandem") {
        None => assert_eq!(shown.next_step, told.next_step),
        Some((before, _)) => assert!(
            shown.next_step.starts_with(before) && !shown.next_step.contains("“tandem"),
            "{}",
            shown.next_step
        ),
    }
}

/// Each cause without and with words of the provider, and those that some causes are told apart by.
fn refusals() -> Vec<(Cause, &'static str)> {
    let plain = Cause::ALL.iter().map(|cause| (*cause, ""));
    let worded = Cause::ALL
        .iter()
        .map(|cause| (*cause, "as the server words it"));
    let special = [
        (Cause::NotFound, "there is no bucket pictures"),
        (Cause::NotFound, "there is no container pictures"),
        (Cause::NotFound, "there is no database pictures"),
        (Cause::Tls, "the server does not offer TLS"),
        (
            Cause::Other,
            "there is no region Three; there are: One, Two",
        ),
    ];
    plain.chain(worded).chain(special).collect()
}

/// A profile, and the process that owns it: the program asks it, as it asks the tray application.
async fn own() -> (tempfile::TempDir, PathBuf, Service, Server) {
    let home = tempfile::tempdir().unwrap();
    let profile = home.path().join("profile");
    let service = open(&profile);
    let server = Server::start(service.clone()).unwrap();
    (home, profile, service, server)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_keeps_a_storage_from_being_added_is_said_in_the_same_words() {
    let (_home, profile, service, server) = own().await;
    for (cause, detail) in refusals() {
        let told = ask(
            &service,
            add(
                "photos",
                (cause, detail),
                true,
                &[("password", "correct horse")],
            ),
        )
        .await
        .expect_err("it refuses");
        assert_eq!(told.cause, cause.name());
        assert!(told.next_step.ends_with("Nothing was saved."), "{told:?}");
        is_shown(&told);
        let (profile, set) = (
            profile.clone(),
            [
                format!("cause={}", cause.name()),
                format!("detail={detail}"),
            ],
        );
        let asked = tokio::task::spawn_blocking(move || {
            let words = [
                "storage", "add", "photos", "--type", "refusing", "--set", &set[0], "--set",
                &set[1], "--secret", "password",
            ];
            says(&profile, &words, "correct horse\n", &told);
        });
        asked.await.unwrap();
    }
    server.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_test_of_a_storage_finds_is_said_in_the_same_words() {
    let (_home, profile, service, server) = own().await;
    for (cause, detail) in refusals() {
        let name = "photos";
        ask(&service, add(name, (cause, detail), false, &[]))
            .await
            .unwrap();
        let told = ask(
            &service,
            Request::StorageTest {
                name: name.to_owned(),
            },
        )
        .await
        .expect_err("it refuses");
        assert_eq!(told.cause, cause.name());
        is_shown(&told);
        let at = profile.clone();
        let asked =
            tokio::task::spawn_blocking(move || says(&at, &["storage", "test", name], "", &told));
        asked.await.unwrap();
        ask(
            &service,
            Request::StorageRemove {
                name: name.to_owned(),
            },
        )
        .await
        .unwrap();
    }
    server.close().await;
}
