//! Watching: every change is hinted at, soon, and what cannot be watched is polled (P15).

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use tandem_core::storage::{Depth, Hint, Root};
use tandem_testkit::real_time::fast_time;
use tandem_testkit::servers::rclone;

use super::support::{Bench, list, rel, skipped};
use crate::Options;

const SOON: Duration = Duration::from_secs(5);

/// Waits for hints until one of them covers `folder`.
async fn heard(bench: &Bench, folder: &str) -> bool {
    let (folder, end) = (rel(folder), Instant::now() + SOON);
    while Instant::now() < end {
        for hint in bench
            .root
            .wait(None, Duration::from_millis(500))
            .await
            .unwrap()
        {
            let covers = match &hint {
                Hint::Folder(told) => *told == folder,
                Hint::Subtree(told) => folder.is_within(told),
                Hint::Feed => false,
            };
            if covers {
                return true;
            }
        }
    }
    false
}

/// Waits until so many folders are known to be there.
async fn counted(bench: &Bench, folders: u64) -> bool {
    let end = Instant::now() + SOON;
    while bench.root.watch_coverage().unwrap().needed != folders {
        if Instant::now() > end {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    true
}

async fn begin(bench: &Bench) {
    let first = bench.root.wait(None, Duration::ZERO).await.unwrap();
    assert_eq!(first, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_between_two_calls_is_told_by_the_next() {
    let bench = Bench::new();
    bench.put("a/b/file", "x");
    begin(&bench).await;
    bench.put("a/b/file", "y");
    assert!(heard(&bench, "a/b").await);
    std::fs::remove_file(bench.path("a/b/file")).unwrap();
    assert!(heard(&bench, "a/b").await);
    std::fs::rename(bench.path("a/b"), bench.path("c")).unwrap();
    assert!(heard(&bench, "a").await);
    bench.put("c/file", "x");
    assert!(heard(&bench, "c").await);
    std::fs::remove_dir_all(bench.path("c")).unwrap();
    assert!(heard(&bench, "").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_and_moved_folders_are_watched_with_all_below() {
    let bench = Bench::new();
    begin(&bench).await;
    std::fs::create_dir_all(bench.path("new/deep/er")).unwrap();
    assert!(heard(&bench, "new/deep/er").await);
    std::fs::create_dir_all(bench.outside("tree/x/y")).unwrap();
    std::fs::rename(bench.outside("tree"), bench.path("tree")).unwrap();
    assert!(heard(&bench, "tree/x/y").await);
    bench.put("tree/x/y/file", "x");
    assert!(heard(&bench, "tree/x/y").await);
    assert!(counted(&bench, 7).await);
    std::fs::rename(bench.path("tree"), bench.path("moved")).unwrap();
    assert!(heard(&bench, "moved/x/y").await);
    assert!(counted(&bench, 7).await);
    std::fs::remove_dir_all(bench.path("moved")).unwrap();
    assert!(counted(&bench, 4).await);
    std::fs::rename(bench.path("new/deep"), bench.outside("deep")).unwrap();
    assert!(counted(&bench, 2).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_wakes_the_waiter_at_once() {
    let bench = Bench::new();
    begin(&bench).await;
    let mut times = Vec::new();
    for n in 0..40 {
        let path = bench.path(&format!("f{n}"));
        let saved = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(15));
            std::fs::write(path, "x").unwrap();
            Instant::now()
        });
        assert!(!bench.root.wait(None, SOON).await.unwrap().is_empty());
        times.push(Instant::now().saturating_duration_since(saved.join().unwrap()));
    }
    times.sort();
    assert!(
        times[times.len() * 95 / 100] < Duration::from_millis(100),
        "{times:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tandems_own_files_and_reading_are_no_news() {
    let bench = Bench::new();
    bench.put(".tandem/root", "x");
    bench.put("file", "x");
    begin(&bench).await;
    bench.put(".tandem/versions/v1/x", "x");
    bench.put(".tandem-staged-00", "x");
    std::fs::read(bench.path("file")).unwrap();
    std::fs::read_dir(bench.path("")).unwrap().count();
    let hints = bench
        .root
        .wait(None, Duration::from_millis(300))
        .await
        .unwrap();
    assert_eq!(hints, []);
}

/// syncthing/syncthing#5731, syncthing/syncthing#4833: all of a processor went into trying for watches again, and nobody
/// said how many were needed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_watches_run_out_the_rest_is_polled_and_told() {
    let bench = Bench::with(Options {
        portable: false,
        most_watches: Some(3),
    });
    for n in 0..5 {
        bench.put(&format!("d{n}/e/file"), "x");
    }
    begin(&bench).await;
    let coverage = bench.root.watch_coverage().unwrap();
    assert_eq!(coverage.needed, 11);
    assert!(coverage.available.is_some());
    // The root and two more are watched; nothing lies in two polled subtrees.
    assert!(!coverage.polled.is_empty());
    for one in &coverage.polled {
        assert!(
            coverage
                .polled
                .iter()
                .all(|other| one == other || !one.is_within(other))
        );
    }
    let watched = 11 - coverage.polled.iter().map(|p| 3 - p.depth()).sum::<usize>();
    assert_eq!(watched, 3, "{coverage:?}");
}

/// What another program shows as a file system, by FUSE: `rclone mount` of a folder beside it.
struct Shown {
    folder: PathBuf,
    rclone: Child,
}

impl Shown {
    /// `None` where this system has no FUSE. `how` are options of rclone's.
    fn at(from: &Path, folder: PathBuf, how: &[&str]) -> Option<Self> {
        if !Path::new("/dev/fuse").exists() {
            skipped("this system has no FUSE: there is no /dev/fuse");
            return None;
        }
        std::fs::create_dir_all(&folder).unwrap();
        let mut command = Command::new(rclone().unwrap());
        command.arg("mount").arg(from).arg(&folder);
        command.args(["--config", "/dev/null"]);
        command.args(how);
        let mut rclone = command.spawn().unwrap();
        let device = |path: &Path| std::fs::metadata(path).unwrap().dev();
        let (outside, end) = (device(from), Instant::now() + Duration::from_secs(30));
        while device(&folder) == outside {
            assert_eq!(rclone.try_wait().unwrap(), None, "it cannot be mounted");
            assert!(Instant::now() < end, "it is not mounted");
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(Self { folder, rclone })
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        let _ = Command::new("fusermount3")
            .arg("-uz")
            .arg(&self.folder)
            .status();
        let _ = self.rclone.wait();
    }
}

/// A watch on such a folder hears of nothing that is done elsewhere, as on a server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_may_change_unheard_is_watched_and_polled_besides() {
    let (bench, elsewhere) = (Bench::new(), tempfile::tempdir().unwrap());
    std::fs::create_dir(elsewhere.path().join("below")).unwrap();
    let Some(_shown) = Shown::at(elsewhere.path(), bench.path("a/shown"), &[]) else {
        return;
    };
    begin(&bench).await;
    let coverage = bench.root.watch_coverage().unwrap();
    assert_eq!(coverage.needed, 4);
    assert_eq!(coverage.shared, [rel("a/shown")].into());
    assert_eq!(coverage.polled, [].into());
    bench.put("a/file", "x");
    assert!(heard(&bench, "a").await);
    // What is done through this very mount is heard, as it comes by a call on this computer.
    bench.put("a/shown/below/file", "x");
    assert!(heard(&bench, "a/shown/below").await);
}

/// What is done there and not through this mount is no event: a walk finds it, made every five minutes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_changed_unheard_is_found_by_a_walk() {
    // Five minutes are over in three seconds.
    let bench = Bench::in_time(Options::default(), fast_time(100));
    let elsewhere = tempfile::tempdir().unwrap();
    // What is done beside it is there at the next look.
    let nothing_kept = ["--dir-cache-time", "0s", "--attr-timeout", "0s"];
    let Some(_shown) = Shown::at(elsewhere.path(), bench.path("a/shown"), &nothing_kept) else {
        return;
    };
    begin(&bench).await;
    std::fs::write(elsewhere.path().join("file"), "x").unwrap();
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let hints = bench.root.wait(None, Duration::from_secs(3_600)).await;
        // An event would have named the folder alone.
        assert_eq!(hints.unwrap(), [Hint::Subtree(rel("a/shown"))]);
        let seen = list(&bench.root, "a/shown", Depth::Subtree).await.unwrap();
        if seen.entries.contains_key("a/shown/file") {
            return;
        }
        assert!(Instant::now() < end, "{:?}", seen.entries);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_did_not_wait_for_the_start_is_told_to_look_at_all() {
    let bench = Bench::new();
    for n in 0..200 {
        bench.put(&format!("d{n}/file"), "x");
    }
    {
        let waiting = bench.root.wait(None, SOON);
        futures_util::pin_mut!(waiting);
        let polled = futures_util::poll!(waiting);
        assert!(polled.is_pending());
    }
    let hints = bench.root.wait(None, SOON).await.unwrap();
    assert_eq!(hints, [Hint::Subtree(rel(""))]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_root_cannot_be_watched() {
    let bench = Bench::new();
    std::fs::remove_dir(bench.path("")).unwrap();
    let root = bench.reopened();
    assert!(root.wait(None, Duration::ZERO).await.is_err());
}
