//! The simulated service before clients that nobody here wrote.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use tandem_testkit::servers::faults::Fault;
use tandem_testkit::servers::gcs::{GcsServer, Role};
use tandem_testkit::servers::{python, rclone};

/// A folder that is removed with this.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tandem-gcs-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn key_file(&self, server: &GcsServer) -> PathBuf {
        let path = self.0.join("key.json");
        let mut file = std::fs::File::create(&path).unwrap();
        let key = server.make_account(Role::Admin).unwrap();
        file.write_all(key.as_bytes()).unwrap();
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn said(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&text).into_owned()
}

fn run_sdk(server: &GcsServer, what: &str) -> String {
    let scratch = Scratch::new(what);
    let script = "tests/gcs/sdk.py";
    let run = Command::new(python().unwrap())
        .args([script, &server.endpoint()])
        .arg(scratch.key_file(server))
        .arg(what)
        .env_remove("GOOGLE_APPLICATION_CREDENTIALS")
        .env_remove("STORAGE_EMULATOR_HOST")
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", said(&run));
    said(&run)
}

/// Success and errors: uploads of all kinds, preconditions, pages, versions, copies, refusals.
#[test]
fn googles_own_client_finds_what_it_expects() {
    let server = GcsServer::start().unwrap();
    server.limit_rewrites(2 << 20);
    let said = run_sdk(&server, "everything");
    assert_eq!(said.matches("passed: ").count(), 10, "{said}");
}

/// Scripted faults are what the service's are: its own client knows how to get over them.
#[test]
fn googles_own_client_gets_over_scripted_faults() {
    let server = GcsServer::start().unwrap();
    let busy = |status, retry_after| Fault::Status {
        status,
        retry_after,
    };
    server.script("POST", "/storage/v1/b?", 0, 1, busy(503, None));
    server.script("POST", "uploadType=resumable", 0, 1, busy(429, Some(1)));
    server.script("PUT", "upload_id=", 0, 1, busy(500, None));
    server.script("PUT", "upload_id=", 2, 1, Fault::LoseAnswer);
    server.script("GET", "alt=media", 0, 1, Fault::CutAnswer(300_000));
    server.script(
        "GET",
        "alt=media",
        1,
        1,
        Fault::Slow(Duration::from_millis(50)),
    );
    server.script("GET", "/o?", 0, 1, Fault::ExpireTokens);
    server.script("DELETE", "/o/", 0, 1, Fault::LoseRequest);
    run_sdk(&server, "faults");
    assert_eq!(server.faults_left(), 0, "{:#?}", server.requests());
}

/// rclone's backend, changed in nothing but the address: copies there and back, server-side copies, moves, deletes.
#[test]
fn rclone_finds_what_it_expects() {
    let server = GcsServer::start().unwrap();
    server.make_bucket("tandem");
    let scratch = Scratch::new("rclone");
    let key = scratch.key_file(&server);
    let run = |arguments: &[&str]| {
        let run = Command::new(rclone().unwrap())
            .env("RCLONE_CONFIG", scratch.0.join("rclone.conf"))
            .env("RCLONE_CONFIG_G_TYPE", "google cloud storage")
            .env(
                "RCLONE_CONFIG_G_ENDPOINT",
                format!("{}/storage/v1/", server.endpoint()),
            )
            .env("RCLONE_CONFIG_G_SERVICE_ACCOUNT_FILE", &key)
            .env("RCLONE_CONFIG_G_BUCKET_POLICY_ONLY", "true")
            .args(["--low-level-retries", "1", "--retries", "1"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(run.status.success(), "{arguments:?}: {}", said(&run));
        said(&run)
    };
    let here = scratch.0.join("here");
    std::fs::create_dir_all(here.join("deep/er")).unwrap();
    for (name, len) in [("empty", 0), ("ä b+c%.txt", 5), ("deep/er/large", 17 << 20)] {
        std::fs::write(here.join(name), vec![7; len]).unwrap();
    }
    let here = here.to_str().unwrap();
    run(&["copy", here, "g:tandem/a folder"]);
    run(&["check", here, "g:tandem/a folder", "--download"]);
    let listed = run(&["lsf", "-R", "g:tandem"]);
    for name in [
        "a folder/empty",
        "a folder/ä b+c%.txt",
        "a folder/deep/er/large",
    ] {
        assert!(listed.lines().any(|line| line == name), "{listed}");
    }
    run(&["copy", "g:tandem/a folder", "g:tandem/copied"]);
    run(&[
        "touch",
        "--timestamp",
        "2020-01-02T03:04:05",
        "g:tandem/copied/empty",
    ]);
    let when = run(&["lsf", "--format", "tp", "g:tandem/copied"]);
    assert!(when.contains("2020-01-02 03:04:05;empty"), "{when}");
    run(&["moveto", "g:tandem/copied/empty", "g:tandem/copied/moved"]);
    let back = scratch.0.join("back");
    run(&["sync", "g:tandem/copied", back.to_str().unwrap()]);
    assert!(back.join("moved").exists() && !back.join("empty").exists());
    run(&["purge", "g:tandem/a folder"]);
    run(&["delete", "g:tandem/copied"]);
    assert_eq!(server.live("tandem"), []);
}
