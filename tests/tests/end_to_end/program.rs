//! `tandem` with a profile of its own.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

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

    fn path(&self, name: &str) -> PathBuf {
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

/// All files below a folder by path, without what Tandem keeps for itself.
pub(crate) fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(here) = folders.pop() {
        for entry in std::fs::read_dir(&here).unwrap() {
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
                found.insert(below, std::fs::read(&path).unwrap());
            }
        }
    }
    found
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
