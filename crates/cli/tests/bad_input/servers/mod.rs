//! Servers that do not take the key, the place, the clock or what is written: one sentence each, which names the thing
//! and the next step, the right exit code and the right kind. What each is met by:
//!
//! | | key | place | region | clock | rights | full | certificate |
//! |---|---|---|---|---|---|---|---|
//! | s3 | real | real | answer | answer | answer | answer | real |
//! | azure | real | real | - | answer | real | answer | real |
//! | gcs | simulator | simulator | - | answer | simulator | answer | real |
//! | swift | real | real | real | - | real | real | real |
//! | webdav | real | real | - | - | real | answer | real |
//! | nextcloud, owncloud | simulator | simulator | - | - | answer | simulator | real |
//! | db on PostgreSQL | real | real | - | - | real | real | real |
//! | db in SQLite | - | real | - | - | real | real | - |
//!
//! `answer` is the answer that the service documents, given by a few lines; `-` is what there is none of. The folders of
//! `local` are in `places`.

mod azure;
mod db;
mod gcs;
mod s3;
mod swift;
mod tls;
mod webdav;

use std::io::{Read, Write};

use serde_json::Value;

use crate::common::{Desk, Done};
use crate::last;

/// A storage as a person would add it, under the name `photos`.
pub(super) struct Storage {
    arguments: Vec<String>,
    secrets: Vec<(&'static str, String)>,
}

/// How a storage was refused that somebody wanted to add.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The last line: what is the matter, and what to do.
    pub(super) said: String,
    /// Its kind and its cause.
    pub(super) means: (String, String),
}

impl Storage {
    pub(super) fn new(kind: &str) -> Self {
        Self {
            arguments: ["storage", "add", "photos", "--type", kind]
                .map(str::to_owned)
                .to_vec(),
            secrets: Vec::new(),
        }
    }

    pub(super) fn set(mut self, key: &str, value: &str) -> Self {
        self.arguments
            .extend(["--set".to_owned(), format!("{key}={value}")]);
        self
    }

    pub(super) fn secret(mut self, key: &'static str, value: &str) -> Self {
        self.arguments
            .extend(["--secret".to_owned(), key.to_owned()]);
        // A secret is a line.
        self.secrets.push((key, value.replace('\n', "")));
        self
    }

    /// Added whatever the test would say.
    pub(super) fn untested(mut self) -> Self {
        self.arguments.push("--no-test".to_owned());
        self
    }

    pub(super) fn add(&self, desk: &Desk, before: &[&str]) -> Done {
        let arguments = self.arguments.iter().map(String::as_str);
        let arguments: Vec<&str> = before.iter().copied().chain(arguments).collect();
        let secrets: String = self
            .secrets
            .iter()
            .flat_map(|(_, value)| [value.as_str(), "\n"])
            .collect();
        let done = desk.run_with_passphrase(&arguments, &secrets);
        for (key, value) in &self.secrets {
            for told in [&done.out, &done.err] {
                assert!(!told.contains(value.as_str()), "{key}: {told}");
            }
        }
        done
    }

    /// The storage is not added, and nothing of it is kept.
    #[track_caller]
    pub(super) fn refusal(&self) -> Refusal {
        self.refusal_on(&Desk::new())
    }

    /// The same at a desk where something was prepared.
    #[track_caller]
    pub(super) fn refusal_on(&self, desk: &Desk) -> Refusal {
        let done = self.add(desk, &[]);
        assert_eq!(done.code, 4, "{}", done.err);
        let said = last(&done.err).to_owned();
        assert!(said.ends_with("Nothing was saved."), "{said}");
        let done = self.add(desk, &["--json"]);
        assert_eq!(done.code, 4, "{}", done.out);
        let answer: Value = serde_json::from_str(last(&done.out)).unwrap();
        let text = |key: &str| answer["error"][key].as_str().unwrap_or_default().to_owned();
        assert_eq!(said, format!("{} {}", text("message"), text("next_step")));
        let storages = desk.json(&["storage", "list"]);
        let storages = storages["storages"].as_array().unwrap();
        // This computer.
        assert_eq!(storages.len(), 1);
        Refusal {
            said,
            means: (text("kind"), text("cause")),
        }
    }

    /// The storage is not added; the sentence begins so, and the error means that.
    #[track_caller]
    pub(super) fn is_refused(&self, means: (&str, &str), begin: &str) {
        self.is_refused_on(&Desk::new(), means, begin);
    }

    /// The same at a desk where something was prepared.
    #[track_caller]
    pub(super) fn is_refused_on(&self, desk: &Desk, (kind, cause): (&str, &str), begin: &str) {
        let told = self.refusal_on(desk);
        assert!(told.said.starts_with(begin), "{}", told.said);
        assert_eq!(
            told.means,
            (kind.to_owned(), cause.to_owned()),
            "{}",
            told.said
        );
    }
}

/// The address of a server that answers every request with this status, these headers (each with its end of line) and
/// this body.
pub(super) fn refusing(status: &str, headers: &str, body: &str) -> String {
    let answer = format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let answer = answer.clone();
            std::thread::spawn(move || {
                let mut request = [0; 65_536];
                let _ = stream.read(&mut request);
                let _ = stream.write_all(answer.as_bytes());
            });
        }
    });
    endpoint
}
