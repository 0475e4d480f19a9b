//! What other programs wrote is read, and what Tandem wrote is read by them: python-swiftclient and rclone.

use std::path::{Path, PathBuf};
use std::process::Command;

use futures_util::StreamExt;
use tandem_core::entry::{Entry, Mtime};
use tandem_core::path::RelPath;
use tandem_core::storage::{
    Commit, Depth, Discard, Expected, Keep, Listed, Locator, Meta, Root, Unheard,
};
use tandem_core::time::Timestamp;
use tandem_testkit::servers::rclone;
use tandem_testkit::servers::swift::{SwiftServer, swiftclient};

use crate::bench::{Container, container};
use crate::steps::collect;

/// One that no file system rounds: both programs write at least microseconds.
const MTIME: Mtime = Mtime {
    at: Timestamp(1_234_567_890_123_456_000),
    by_client: true,
};

const PLAIN: usize = 3_000;
const LARGE: usize = 3_000_000;

fn at(text: &str) -> Locator {
    Locator::of_path(text.parse::<RelPath>().unwrap())
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n % 251) as u8).collect()
}

/// A folder for what the other program reads and writes.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("tandem-clients-{name}-{}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// A file with [`MTIME`].
    fn file(&self, name: &str, len: usize) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, bytes(len)).unwrap();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        let nanos = u64::try_from(MTIME.at.0).unwrap();
        let at = std::time::UNIX_EPOCH + std::time::Duration::from_nanos(nanos);
        file.set_modified(at).unwrap();
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn run(command: &mut Command) -> String {
    let done = command.output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command:?}: {said}");
    String::from_utf8(done.stdout).unwrap()
}

fn swift(container: &Container, arguments: &[&str]) -> String {
    let user = SwiftServer::USER;
    let mut command = Command::new(swiftclient().unwrap().with_file_name("swift"));
    command.args(["--auth", &container.server.auth_v1()]);
    command.args([
        "--user",
        &format!("{}:{}", user.account, user.name),
        "--key",
        user.password,
    ]);
    // Nobody's own settings must reach a test.
    command.env_clear().args(arguments);
    run(&mut command)
}

/// rclone signs in by Keystone.
fn rclone_with(container: &Container, folder: &Path, arguments: &[&str]) -> String {
    let user = SwiftServer::USER;
    let mut command = Command::new(rclone().unwrap());
    command.env("RCLONE_CONFIG", folder.join("rclone.conf"));
    for (key, value) in [
        ("TYPE", "swift"),
        ("AUTH", &*container.server.auth_v3()),
        ("USER", user.name),
        ("KEY", user.password),
        ("DOMAIN", "Default"),
        ("TENANT", user.account),
        ("TENANT_DOMAIN", "Default"),
        ("REGION", SwiftServer::REGION),
    ] {
        command.env(format!("RCLONE_CONFIG_THERE_{key}"), value);
    }
    command.args(arguments);
    run(&mut command)
}

async fn put(root: &dyn Root, name: &str, len: usize) {
    let content = std::sync::Arc::new(tandem_core::content::BytesContent(bytes(len).into()));
    let meta = Meta {
        mtime: Some(MTIME),
        ..Meta::default()
    };
    let sink = std::sync::Arc::new(Unheard);
    let staged = root
        .stage(&name.parse().unwrap(), content, &meta, None, sink)
        .await;
    let commit = Commit {
        staged: staged.unwrap(),
        expected: Expected::Absent,
        keep: Keep::No,
        sink: None,
    };
    root.commit(vec![commit]).await.remove(0).unwrap();
}

async fn listed(root: &dyn Root) -> Vec<Entry> {
    let mut listing = root.list(&RelPath::root(), Depth::Children);
    let mut entries = Vec::new();
    while let Some(listed) = listing.next().await {
        if let Listed::Folder(folder) = listed.unwrap() {
            entries.extend(folder.entries);
        }
    }
    entries
}

/// The file is there with its time and its bytes, and a listing knows it as it is.
async fn is_found(root: &dyn Root, name: &str, len: usize) {
    let entry = root.stat(&at(name)).await.unwrap().unwrap();
    assert_eq!(
        (entry.size, entry.mtime),
        (len as u64, Some(MTIME)),
        "{name}"
    );
    let read = root.read(&at(name), &entry, 0, u64::MAX).await;
    assert_eq!(collect(read).await.unwrap(), bytes(len), "{name}");
    let shown = listed(root).await;
    let shown = shown
        .iter()
        .find(|shown| &*shown.name.to_string() == name)
        .unwrap();
    assert_eq!(
        (shown.size, &shown.revision),
        (entry.size, &entry.revision),
        "{name}"
    );
}

#[tokio::test]
async fn swiftclient_reads_what_tandem_wrote() {
    let (container, scratch) = (container(), Scratch::new("swift-reads"));
    let root = container.root(&[]).await;
    for (name, len) in [("plain", PLAIN), ("large", LARGE)] {
        put(&*root, name, len).await;
        let to = scratch.0.join(name);
        swift(
            &container,
            &[
                "download",
                &container.name,
                name,
                "--output",
                to.to_str().unwrap(),
            ],
        );
        assert_eq!(std::fs::read(&to).unwrap(), bytes(len), "{name}");
        let said = swift(&container, &["stat", &container.name, name]);
        assert!(said.contains("Meta Mtime: 1234567890.123456"), "{said}");
    }
}

#[tokio::test]
async fn tandem_reads_what_swiftclient_wrote() {
    let (container, scratch) = (container(), Scratch::new("swift-writes"));
    let plain = scratch.file("plain", PLAIN);
    let large = scratch.file("large", LARGE);
    let upload = |name: &str, file: &Path, more: &[&str]| {
        let file = file.to_str().unwrap().to_owned();
        let upload = ["upload", &container.name, &file, "--object-name", name];
        swift(&container, &[&upload[..], more].concat());
    };
    upload("plain", &plain, &[]);
    upload(
        "static",
        &large,
        &["--segment-size", "1000000", "--use-slo"],
    );
    upload(
        "dynamic",
        &large,
        &["--segment-size", "1000000", "--use-dlo"],
    );
    let root = container.root(&[]).await;
    is_found(&*root, "plain", PLAIN).await;
    is_found(&*root, "static", LARGE).await;
    is_found(&*root, "dynamic", LARGE).await;
    // Its segments lie where swiftclient puts those of this key, and go as swiftclient lets them go.
    let other = format!("{}_segments", container.name);
    assert_eq!(container.keys_of(&other, "static/").len(), 3);
    root.delete(&at("static"), &Expected::Any, &Keep::No, Discard::Forever)
        .await
        .unwrap();
    assert!(container.keys_of(&other, "static/").is_empty());
    assert_eq!(container.keys_of(&other, "dynamic/").len(), 3);
}

#[tokio::test]
async fn rclone_reads_what_tandem_wrote() {
    let (container, scratch) = (container(), Scratch::new("rclone-reads"));
    let root = container.root(&[]).await;
    let there = format!("there:{}", container.name);
    for (name, len) in [("plain", PLAIN), ("large", LARGE)] {
        put(&*root, name, len).await;
    }
    rclone_with(
        &container,
        &scratch.0,
        &[
            "copy",
            &there,
            scratch.0.to_str().unwrap(),
            "--exclude",
            "/.tandem/**",
        ],
    );
    for (name, len) in [("plain", PLAIN), ("large", LARGE)] {
        let file = scratch.0.join(name);
        assert_eq!(std::fs::read(&file).unwrap(), bytes(len), "{name}");
        let modified = file.metadata().unwrap().modified().unwrap();
        let since = modified.duration_since(std::time::UNIX_EPOCH).unwrap();
        assert_eq!(
            i64::try_from(since.as_nanos()).unwrap(),
            MTIME.at.0,
            "{name}"
        );
    }
}

#[tokio::test]
async fn tandem_reads_what_rclone_wrote() {
    let (container, scratch) = (container(), Scratch::new("rclone-writes"));
    scratch.file("plain", PLAIN);
    scratch.file("large", LARGE);
    let there = format!("there:{}", container.name);
    let from = scratch.0.to_str().unwrap();
    rclone_with(
        &container,
        &scratch.0,
        &[
            "copy",
            from,
            &there,
            "--swift-chunk-size",
            "1M",
            "--exclude",
            "rclone.conf",
        ],
    );
    let root = container.root(&[]).await;
    is_found(&*root, "plain", PLAIN).await;
    is_found(&*root, "large", LARGE).await;
}
