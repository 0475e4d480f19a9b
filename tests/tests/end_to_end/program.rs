//! `tandem` with a profile of its own.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use tandem_testkit::servers::S3Server;

/// A profile and the folders beside it; all removed when it is dropped.
pub(crate) struct Device {
    home: TempDir,
}

/// The program that is tested: `TANDEM_BIN`, as `./dev test` sets it.
pub(crate) fn program() -> PathBuf {
    let path = std::env::var_os("TANDEM_BIN")
        .expect("TANDEM_BIN names the program; run this by ./dev test");
    PathBuf::from(path)
}

impl Device {
    pub(crate) fn new() -> Self {
        let device = Self {
            home: tempfile::tempdir().unwrap(),
        };
        std::fs::create_dir(device.path("runtime")).unwrap();
        device
    }

    /// A folder of this device, made if it is not there.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// The program with this profile, not started yet; `before` is put in front of it.
    pub(crate) fn command(&self, before: &[&str], words: &[&str]) -> Command {
        let program = program();
        let mut all: Vec<&std::ffi::OsStr> = before.iter().map(std::ffi::OsStr::new).collect();
        all.push(program.as_os_str());
        let mut command = Command::new(all[0]);
        command
            .args(&all[1..])
            .arg("--profile")
            .arg(self.path("profile"))
            .args(["--secret-store", "file"])
            .args(words)
            .env("TANDEM_PASSPHRASE", "end to end")
            .env("XDG_RUNTIME_DIR", self.path("runtime"));
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, words: &[&str]) -> Output {
        self.command(&[], words)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Runs it with lines on its input, and expects success.
    pub(crate) fn tell(&self, words: &[&str], input: &str) {
        let mut child = self
            .command(&[], words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        succeeded(words, &child.wait_with_output().unwrap());
    }

    /// Runs it and expects success.
    pub(crate) fn ok(&self, words: &[&str]) -> String {
        let output = self.run(words);
        succeeded(words, &output);
        String::from_utf8(output.stdout).unwrap()
    }

    /// Its answer in JSON, whatever it ended with: of several documents the last.
    pub(crate) fn json(&self, words: &[&str]) -> Value {
        let output = self.run(&[&["--json"], words].concat());
        let text = String::from_utf8(output.stdout).unwrap();
        let last = text.trim_end().lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|error| {
            panic!(
                "tandem {words:?}: {error}\n{text}\n{}",
                String::from_utf8_lossy(&output.stderr)
            )
        })
    }

    /// What a pass over the one pair named came to.
    pub(crate) fn sync(&self, pair: &str) -> Value {
        self.json(&["sync", pair])["pairs"][0].clone()
    }

    /// How the pair is, with everything that is not in step.
    pub(crate) fn status(&self, pair: &str) -> Value {
        self.json(&["status", pair, "--problems"])["pairs"][0].clone()
    }

    /// What was done in the pair, oldest first.
    pub(crate) fn log(&self, pair: &str) -> Vec<Value> {
        let answer = self.json(&["log", pair, "--limit", "1000000"]);
        answer["actions"].as_array().unwrap().clone()
    }

    /// A pair of two folders of this device.
    pub(crate) fn pair(&self, name: &str, source: &Path, destination: &Path) {
        self.ok(&[
            "pair",
            "add",
            name,
            source.to_str().unwrap(),
            destination.to_str().unwrap(),
        ]);
    }

    /// A storage on a server, reached by `endpoint`: the server itself or what stands before it.
    pub(crate) fn storage(&self, name: &str, server: &S3Server, endpoint: &str, bucket: &str) {
        self.storage_with(name, server, endpoint, bucket, &[]);
    }

    /// The same with more settings, each as `KEY=VALUE`.
    pub(crate) fn storage_with(
        &self,
        name: &str,
        server: &S3Server,
        endpoint: &str,
        bucket: &str,
        more: &[&str],
    ) {
        let set = [
            format!("endpoint={endpoint}"),
            format!("bucket={bucket}"),
            format!("region={}", server.region()),
        ];
        let set: Vec<&str> = set
            .iter()
            .map(String::as_str)
            .chain(more.iter().copied())
            .collect();
        let secrets = [
            ("access_key_id", server.access_key()),
            ("secret_access_key", server.secret_key()),
        ];
        self.storage_of("s3", name, &set, &secrets);
    }

    /// A storage of any type, with settings as `KEY=VALUE` and secrets by their keys.
    pub(crate) fn storage_of(
        &self,
        kind: &str,
        name: &str,
        set: &[&str],
        secrets: &[(&str, &str)],
    ) {
        let mut words = vec!["storage", "add", name, "--type", kind];
        words.extend(set.iter().flat_map(|value| ["--set", *value]));
        words.extend(secrets.iter().flat_map(|(key, _)| ["--secret", *key]));
        let lines: String = secrets
            .iter()
            .map(|(_, value)| format!("{value}\n"))
            .collect();
        self.tell(&words, &lines);
    }

    /// Starts `tandem run`.
    pub(crate) fn start(&self) -> Running {
        let child = self
            .command(&[], &["run"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Running(child.unwrap())
    }
}

/// The same command at a terminal: what is written to the other's standard input is typed, its standard output is what the
/// terminal shows.
pub(crate) fn at_terminal(command: &Command) -> Command {
    let words = [command.get_program()]
        .into_iter()
        .chain(command.get_args())
        .map(|word| format!("'{}'", word.to_str().unwrap()))
        .collect::<Vec<_>>();
    // Of the package bsdutils, which every Debian has.
    let mut terminal = Command::new("script");
    terminal.args(["-qec", &words.join(" "), "/dev/null"]);
    let variables = command.get_envs();
    terminal.envs(variables.filter_map(|(key, value)| Some((key, value?))));
    terminal
}

/// `tandem run`, until it is dropped.
pub(crate) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Looks until `found` has an answer, for `limit` at most.
#[track_caller]
pub(crate) fn eventually<T>(
    what: &str,
    limit: Duration,
    mut found: impl FnMut() -> Option<T>,
) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = found() {
            return answer;
        }
        assert!(began.elapsed() < limit, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What a program of the system prints. It has to succeed, or to end with one of `codes`.
#[track_caller]
pub(crate) fn system(program: &str, words: &[&str], codes: &[i32]) -> Vec<u8> {
    let output = Command::new(program).args(words).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    let code = output.status.code().unwrap_or(-1);
    assert!(
        code == 0 || codes.contains(&code),
        "{program} {words:?} ended with {code}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

fn succeeded(words: &[&str], output: &Output) {
    assert!(
        output.status.success(),
        "tandem {words:?} ended with {:?}\n{}\n{}",
        output.status.code(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// All files below a folder by path, without what Tandem keeps for itself. What goes away meanwhile is not there.
pub(crate) fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(here) = folders.pop() {
        let Some(entries) = unless_gone(std::fs::read_dir(&here)) else {
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if name.starts_with(".tandem") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                let below = path
                    .strip_prefix(folder)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                if let Some(content) = unless_gone(std::fs::read(&path)) {
                    found.insert(below, content);
                }
            }
        }
    }
    found
}

fn unless_gone<T>(answer: std::io::Result<T>) -> Option<T> {
    match answer {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        other => Some(other.unwrap()),
    }
}

/// All contents that Tandem set aside below a folder.
pub(crate) fn kept(folder: &Path) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.join(".tandem/versions")];
    while let Some(here) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&here) else {
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(std::fs::read(&path).unwrap());
            }
        }
    }
    found
}
