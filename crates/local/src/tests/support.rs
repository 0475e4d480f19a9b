//! A folder to work in, and short words for what tests do all the time.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::StreamExt;
use tandem_core::content::{BytesContent, SharedContent};
use tandem_core::entry::{Entry, Mtime};
use tandem_core::environment::SharedEnvironment;
use tandem_core::error::{Cause, Result};
use tandem_core::path::RelPath;
use tandem_core::storage::{
    Commit, Committed, Depth, Expected, Keep, Listed, Locator, Meta, ResumeSink, ResumeToken, Root,
    Skipped, Staged, VersionKey,
};
use tandem_core::time::Timestamp;
use tandem_testkit::real_time::real_time;

use crate::sys::ledger::is_flushed_since;
use crate::{LocalRoot, LocalStorage, Options};

/// Both forms: with every call the system has, and the portable one.
pub(super) const FORMS: [Options; 2] = [
    Options {
        portable: false,
        most_watches: None,
    },
    Options {
        portable: true,
        most_watches: None,
    },
];

/// A root in a folder that goes with it; beside it lies a place outside.
pub(super) struct Bench {
    pub(super) root: Arc<LocalRoot>,
    pub(super) options: Options,
    folder: tempfile::TempDir,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::with(Options::default())
    }

    pub(super) fn with(options: Options) -> Self {
        Self::in_time(options, real_time())
    }

    /// One whose time is that of `environment`.
    pub(super) fn in_time(options: Options, environment: SharedEnvironment) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("root")).unwrap();
        std::fs::create_dir(folder.path().join("outside")).unwrap();
        let path = folder.path().join("root");
        Self {
            root: open(&path, options, environment),
            options,
            folder,
        }
    }

    /// One in which what is staged has a name from the beginning.
    pub(super) fn naming() -> Self {
        Self::with(FORMS[1])
    }

    /// The same folder, as a new run finds it after this one was killed.
    pub(super) fn after_a_kill(&self) -> Arc<LocalRoot> {
        self.root.disk().leftovers.end_all();
        self.reopened()
    }

    /// The same folder, as a new run finds it.
    pub(super) fn reopened(&self) -> Arc<LocalRoot> {
        open(&self.path(""), self.options, real_time())
    }

    pub(super) fn path(&self, below: &str) -> PathBuf {
        let root = self.folder.path().join("root");
        if below.is_empty() {
            root
        } else {
            root.join(below)
        }
    }

    pub(super) fn outside(&self, below: &str) -> PathBuf {
        self.folder.path().join("outside").join(below)
    }

    pub(super) fn put(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(super) fn text(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.path(path)).ok()
    }

    pub(super) fn mode(&self, path: &str) -> u32 {
        std::fs::symlink_metadata(self.path(path))
            .unwrap()
            .permissions()
            .mode()
            & 0o7777
    }

    pub(super) fn inode(&self, path: &str) -> u64 {
        std::fs::symlink_metadata(self.path(path)).unwrap().ino()
    }

    pub(super) async fn entry(&self, path: &str) -> Entry {
        self.root.stat(&at(path)).await.unwrap().unwrap()
    }

    pub(super) async fn expect(&self, path: &str) -> Expected {
        Expected::Revision(self.entry(path).await.revision)
    }

    pub(super) async fn stage(&self, path: &str, text: &str, meta: &Meta) -> Result<Staged> {
        let content = bytes(text);
        self.root
            .stage(&rel(path), content, meta, None, Ear::new())
            .await
    }

    pub(super) async fn write(
        &self,
        path: &str,
        text: &str,
        expected: Expected,
        keep: Keep,
    ) -> Result<Committed> {
        let staged = self.stage(path, text, &Meta::default()).await?;
        self.commit(staged, expected, keep).await
    }

    pub(super) async fn commit(
        &self,
        staged: Staged,
        expected: Expected,
        keep: Keep,
    ) -> Result<Committed> {
        let mut answers = self.root.commit(vec![member(staged, expected, keep)]).await;
        answers.remove(0)
    }

    /// Every name of Tandem's own beside a person's.
    pub(super) fn own_names(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.path(folder))
            .unwrap()
            .map(|found| found.unwrap().file_name().to_string_lossy().into_owned())
            .filter(|name| name.starts_with(".tandem-"))
            .collect();
        names.sort();
        names
    }
}

fn open(path: &Path, options: Options, environment: SharedEnvironment) -> Arc<LocalRoot> {
    LocalStorage::new(options, None, environment)
        .open_root(path.to_str().unwrap())
        .unwrap()
}

/// Says why a test has nothing to show on this machine: one that is passed over in silence looks like one that passed.
#[allow(clippy::print_stderr, reason = "it is for whoever runs the tests")]
pub(super) fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}

pub(super) fn rel(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

pub(super) fn at(text: &str) -> Locator {
    rel(text).into()
}

pub(super) fn bytes(text: &str) -> SharedContent {
    Arc::new(BytesContent(Bytes::copy_from_slice(text.as_bytes())))
}

pub(super) const fn member(staged: Staged, expected: Expected, keep: Keep) -> Commit {
    Commit {
        staged,
        expected,
        keep,
        sink: None,
    }
}

pub(super) fn key(action: &str, path: &str) -> VersionKey {
    VersionKey::Kept {
        device: "desk-0000".into(),
        date: "2026-11-20".into(),
        action: action.into(),
        path: rel(path),
    }
}

pub(super) fn version(action: &str, path: &str) -> Keep {
    Keep::Version(key(action, path))
}

pub(super) fn mtime(nanos: i64) -> Option<Mtime> {
    Some(Mtime {
        at: Timestamp(nanos),
        by_client: true,
    })
}

pub(super) fn cause<T: std::fmt::Debug>(answer: Result<T>) -> Cause {
    answer.unwrap_err().cause
}

pub(super) async fn collect(stream: Result<tandem_core::content::ByteStream>) -> Result<Vec<u8>> {
    let mut stream = stream?;
    let mut all = Vec::new();
    while let Some(piece) = stream.next().await {
        all.extend_from_slice(&piece?);
    }
    Ok(all)
}

/// A listing, sorted.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) entries: std::collections::BTreeMap<String, Entry>,
    pub(super) skipped: Vec<Skipped>,
    pub(super) unreadable: Vec<Skipped>,
    pub(super) folders: Vec<String>,
}

pub(super) async fn list(root: &LocalRoot, folder: &str, depth: Depth) -> Result<Seen> {
    let mut listing = root.list(&rel(folder), depth);
    let mut seen = Seen::default();
    let mut complete = false;
    while let Some(listed) = listing.next().await {
        assert!(!complete, "nothing follows the end");
        match listed? {
            Listed::Folder(folder) => {
                seen.folders.push(folder.folder.to_string());
                for entry in folder.entries {
                    let path = folder.folder.join(&entry.name).to_string();
                    assert!(seen.entries.insert(path, entry).is_none());
                }
                seen.skipped.extend(folder.skipped);
            }
            Listed::Unreadable(skipped) => seen.unreadable.push(skipped),
            Listed::End => complete = true,
        }
    }
    assert!(complete, "a listing without an error has an end");
    Ok(seen)
}

/// Hears tokens and progress.
#[derive(Default)]
pub(super) struct Ear {
    pub(super) tokens: Mutex<Vec<ResumeToken>>,
    pub(super) bytes: AtomicU64,
}

impl Ear {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }
}

impl ResumeSink for Ear {
    fn store(&self, token: &ResumeToken) {
        self.tokens.lock().unwrap().push(token.clone());
    }
    fn progress(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Calls `act` at the first `moment`, once.
pub(super) fn once_at(
    root: &LocalRoot,
    moment: crate::disk::Moment,
    act: impl FnOnce() + Send + 'static,
) {
    let mut act = Some(act);
    root.disk().set_hook(move |now| {
        if now == moment
            && let Some(act) = act.take()
        {
            act();
        }
        Ok(())
    });
}

/// Lets the step at `moment` fail with `error`, every time.
pub(super) fn fail_at(root: &LocalRoot, moment: crate::disk::Moment, error: crate::sys::Errno) {
    root.disk()
        .set_hook(move |now| if now == moment { Err(error) } else { Ok(()) });
}

/// Waits until the kernel's clock has passed on, so that the next write gets another time.
pub(super) fn next_tick() {
    std::thread::sleep(Duration::from_millis(12));
}

pub(super) fn is_superuser() -> bool {
    rustix::process::geteuid().is_root()
}

/// An instant from which on something must be flushed.
#[derive(Clone)]
pub(super) struct Since(SystemTime);

impl Since {
    pub(super) fn now() -> Self {
        next_tick();
        Self(SystemTime::now())
    }

    /// Whether this file or folder was flushed since.
    pub(super) fn has_flushed(&self, stat: &std::fs::Metadata) -> bool {
        is_flushed_since((stat.dev(), stat.ino()), self.0)
    }

    #[track_caller]
    pub(super) fn assert_flushed(&self, bench: &Bench, paths: &[&str]) {
        for path in paths {
            let stat = std::fs::symlink_metadata(bench.path(path)).unwrap();
            assert!(self.has_flushed(&stat), "{path:?} was not flushed");
        }
    }
}
