//! The socket: the same answers through the owner, and nothing for those who should not ask.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what went wrong by stopping"
)]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tandem_service::answer::Answer;
use tandem_service::credentials::{AskPassphrase, SecretError};
use tandem_service::fault::Fault;
use tandem_service::profile::Profile;
use tandem_service::redact::Redactor;
use tandem_service::request::Request;
use tandem_service::service::Service;
use tandem_service::session::Session;
use tandem_service::socket::{self, LONGEST_REQUEST, Server};
use tokio::sync::mpsc;

struct Owned {
    scratch: tempfile::TempDir,
    service: Service,
    _server: Server,
}

fn own() -> Owned {
    let scratch = tempfile::tempdir().unwrap();
    let service = Service::open(scratch.path(), nobody(), Redactor::default()).unwrap();
    let server = Server::start(service.clone()).unwrap();
    Owned {
        scratch,
        service,
        _server: server,
    }
}

/// A raw connection that speaks lines.
struct Raw(BufReader<UnixStream>);

impl Raw {
    fn connect(owned: &Owned) -> Self {
        let stream = UnixStream::connect(socket::path(owned.service.profile()).unwrap()).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        Self(BufReader::new(stream))
    }

    fn send(&mut self, line: &str) {
        // The owner may have hung up already.
        let _ = self.0.get_mut().write_all(format!("{line}\n").as_bytes());
    }

    fn receive(&mut self) -> Option<Value> {
        let mut line = String::new();
        match self.0.read_line(&mut line) {
            Ok(n) if n > 0 => Some(serde_json::from_str(&line).unwrap()),
            _ => None,
        }
    }

    fn hello(owned: &Owned) -> Self {
        let mut raw = Self::connect(owned);
        let hash = owned.service.profile().hash();
        raw.send(&json!({"protocol": 1, "program": "test", "profile": hash}).to_string());
        let answer = raw.receive().unwrap();
        assert_eq!(
            (answer["protocol"].as_u64(), answer["profile"].as_str()),
            (Some(1), Some(&*hash))
        );
        assert!(answer["program"].as_str().unwrap().starts_with("tandem "));
        raw
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_gets_the_owners_answer() {
    let owned = own();
    let mut session = Session::open(owned.scratch.path(), nobody(), &Redactor::default(), |_| ())
        .await
        .unwrap();
    assert!(matches!(session, Session::Other(_, Some(pid)) if pid == std::process::id()));
    let (updates, _told) = mpsc::channel(8);
    let answer = session.call(Request::PairList, updates).await.unwrap();
    assert!(matches!(answer, Answer::Pairs(pairs) if pairs.is_empty()));

    let mut session = Session::open(owned.scratch.path(), nobody(), &Redactor::default(), |_| ())
        .await
        .unwrap();
    let (updates, _told) = mpsc::channel(8);
    let failure = session
        .call(
            Request::PairShow {
                name: "x".to_owned(),
            },
            updates,
        )
        .await
        .unwrap_err();
    assert_eq!(failure.message, "There is no pair “x”.");
    assert_eq!(failure.exit(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_that_answers_nobody_is_named() {
    let scratch = tempfile::tempdir().unwrap();
    let _service = Service::open(scratch.path(), nobody(), Redactor::default()).unwrap();
    let found = Session::open(scratch.path(), nobody(), &Redactor::default(), |_| ()).await;
    let fault = found.err().unwrap();
    assert!(matches!(fault, Fault::Owned(Some(_))));
    let expected = format!(
        "Another Tandem uses this profile (process {}).",
        std::process::id()
    );
    assert_eq!(fault.failure().message, expected);
    assert_eq!(fault.exit(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_socket_is_closed_to_others_and_gone_afterwards() {
    let owned = own();
    let path = socket::path(owned.service.profile()).unwrap();
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    drop(owned);
    assert!(!path.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonsense_is_answered_with_one_error() {
    let owned = own();
    tokio::task::spawn_blocking(move || {
        let mut raw = Raw::hello(&owned);
        for nonsense in [
            "",
            "{}",
            "[]",
            "null",
            r#"{"request":"format_disk"}"#,
            r#"{"request":"pair_show"}"#,
            "\u{0}",
        ] {
            raw.send(nonsense);
            let answer = raw.receive().unwrap();
            assert_eq!(
                answer["error"]["cause"], "protocol",
                "{nonsense:?}: {answer}"
            );
        }
        // And the connection still works.
        raw.send(r#"{"request":"pair_list"}"#);
        assert_eq!(raw.receive().unwrap()["answer"], json!({"pairs": []}));
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_line_is_cut_off() {
    let owned = own();
    tokio::task::spawn_blocking(move || {
        let mut raw = Raw::hello(&owned);
        let chunk = "x".repeat(1024 * 1024);
        for _ in 0..=LONGEST_REQUEST / chunk.len() {
            if raw.0.get_mut().write_all(chunk.as_bytes()).is_err() {
                break;
            }
        }
        // Told, or hung up upon: either way it is over.
        if let Some(answer) = raw.receive() {
            assert_eq!(answer["error"]["cause"], "protocol");
        }
        assert!(raw.receive().is_none());
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_speaks_another_protocol_or_means_another_profile_is_turned_away() {
    let owned = own();
    tokio::task::spawn_blocking(move || {
        let hash = owned.service.profile().hash();
        for hello in [
            json!({"protocol": 2, "program": "test", "profile": hash}).to_string(),
            json!({"protocol": 1, "program": "test", "profile": "0000000000000000"}).to_string(),
            "hello".to_owned(),
            "x".repeat(5_000),
        ] {
            let mut raw = Raw::connect(&owned);
            raw.send(&hello);
            assert_eq!(raw.receive().unwrap()["protocol"], 1);
            assert_eq!(raw.receive().unwrap()["error"]["cause"], "protocol");
            assert!(raw.receive().is_none());
        }
    })
    .await
    .unwrap();
}

/// A profile whose owner says that it answers at a place which `answer` makes of each connection.
fn owned_by(
    scratch: &tempfile::TempDir,
    answer: impl Fn(UnixStream) + Send + 'static,
) -> std::fs::File {
    let profile = Profile::open(scratch.path()).unwrap();
    let path = scratch.path().join("elsewhere.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            answer(stream);
        }
    });
    let mut options = std::fs::File::options();
    let lock = options.write(true).create(true).truncate(true);
    let mut lock = lock.open(profile.folder().join("lock")).unwrap();
    lock.lock().unwrap();
    writeln!(lock, "4711\n{}", path.display()).unwrap();
    lock
}

/// What a command is told, and a process that must own the profile alike.
async fn refused(scratch: &tempfile::TempDir) -> String {
    let found = Session::open(scratch.path(), nobody(), &Redactor::default(), |_| ()).await;
    let message = found.err().unwrap().failure().message;
    let owned = Session::own(scratch.path(), nobody(), &Redactor::default(), |_| ()).await;
    assert_eq!(owned.err().unwrap().failure().message, message);
    message
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_that_is_frozen_is_named() {
    let scratch = tempfile::tempdir().unwrap();
    let kept = std::sync::Mutex::new(Vec::new());
    let _lock = owned_by(&scratch, move |stream| kept.lock().unwrap().push(stream));
    assert_eq!(
        refused(&scratch).await,
        "The Tandem that uses this profile does not answer (process 4711)."
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_of_another_version_is_named_and_found_where_it_says_it_is() {
    let scratch = tempfile::tempdir().unwrap();
    let hash = Profile::open(scratch.path()).unwrap().hash();
    let _lock = owned_by(&scratch, move |mut stream| {
        let hello = json!({"protocol": 9, "program": "tandem 9.1", "profile": hash});
        writeln!(stream, "{hello}").unwrap();
    });
    assert_eq!(
        refused(&scratch).await,
        "Another version uses this profile: tandem 9.1 (process 4711)."
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_that_is_done_answers_those_who_wait_before_it_ends() {
    let scratch = tempfile::tempdir().unwrap();
    let open = async || Session::open(scratch.path(), nobody(), &Redactor::default(), |_| ()).await;
    let first = open().await.unwrap();
    assert!(matches!(first, Session::Own(_)));
    let mut second = open().await.unwrap();
    let mut third = open().await.unwrap();
    let finishing = tokio::spawn(first.finish(std::future::pending()));
    // Whoever is told for ever is not waited for, but whoever has connected to ask.
    let watch = Request::Status {
        pair: None,
        problems: false,
        watch: true,
    };
    let (updates, mut told) = mpsc::channel(8);
    let watching = tokio::spawn(async move { third.call(watch, updates).await });
    assert!(told.recv().await.is_some());
    assert!(!finishing.is_finished());
    let (updates, _told) = mpsc::channel(8);
    let answer = second.call(Request::PairList, updates).await.unwrap();
    assert!(matches!(answer, Answer::Pairs(_)));
    drop(second);
    let failure = watching.await.unwrap().unwrap_err();
    assert_eq!(failure.cause, "owner_gone");
    finishing.await.unwrap();
    assert!(matches!(open().await.unwrap(), Session::Own(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_must_own_the_profile_waits_for_a_short_command() {
    let scratch = tempfile::tempdir().unwrap();
    let take = async || Session::own(scratch.path(), nobody(), &Redactor::default(), |_| ()).await;
    let command = take().await.unwrap();
    let (run, ()) = tokio::join!(take(), command.close());
    let _run = run.unwrap();
    let other = take().await.err().unwrap();
    assert!(matches!(other, Fault::Owned(Some(_))));
}

/// There is nobody to ask for a passphrase.
fn nobody() -> AskPassphrase {
    Arc::new(|_| Err(SecretError::NoPassphrase))
}
