//! `tandem run`: changes are carried while it runs.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{Device, Running, eventually, files};

/// Single saves in the full run, and the time within which 95 of 100 must be on the other side of an idle machine.
const SAVES: usize = 100;
const IN_TIME: Duration = Duration::from_millis(500);

/// Files of the moved folder in the full run.
const MOVED: usize = 10_000;

/// How long a file must have been left alone, and after how long it is said that it is not.
const QUIET: Duration = Duration::from_millis(200);
const KEEPS_CHANGING: Duration = Duration::from_secs(10);

/// Long enough for whatever is expected to happen at once.
const SOON: Duration = Duration::from_secs(20);

/// A pair `run` of two folders with one file, and `tandem run` at rest.
struct Bench {
    device: Device,
    source: PathBuf,
    destination: PathBuf,
    _running: Running,
}

impl Bench {
    fn new() -> Self {
        Self::with(|source| std::fs::write(source.join("first"), "1").unwrap())
    }

    fn with(prepare: impl FnOnce(&Path)) -> Self {
        let device = Device::new();
        let (source, destination) = (device.folder("source"), device.folder("destination"));
        prepare(&source);
        device.pair("run", &source, &destination);
        device.ok(&["sync", "run"]);
        let running = device.start();
        let bench = Self {
            device,
            source,
            destination,
            _running: running,
        };
        bench.is_watching();
        bench
    }

    /// Waits until a change is carried for the first time.
    fn is_watching(&self) {
        std::fs::write(self.source.join("ready"), "ready").unwrap();
        arrives(&self.destination.join("ready"), b"ready");
        self.rests();
    }

    /// Waits until both sides are in step and nothing is under way.
    fn rests(&self) {
        eventually("rest", Duration::from_secs(300), || {
            (self.device.status("run")["state"] == "in_step").then_some(())
        });
    }

    /// The actions since there were `before`, as "kind path -> to".
    fn actions_since(&self, before: usize) -> Vec<String> {
        let log = self.device.log("run");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let line = |action: &Value| {
            let to = &action["to"];
            let to = if to.is_null() {
                String::new()
            } else {
                format!(" -> {}", text(to))
            };
            format!("{} {}{to}", text(&action["kind"]), text(&action["path"]))
        };
        log[before..].iter().map(line).collect()
    }
}

/// Waits until the file has this content; answers how long it took.
fn arrives(path: &Path, content: &[u8]) -> Duration {
    let began = Instant::now();
    eventually(&format!("{} did not arrive", path.display()), SOON, || {
        (std::fs::read(path).ok().as_deref() == Some(content)).then_some(())
    });
    began.elapsed()
}

/// Saves one file again and again, each when the last one has arrived; answers what 95 of 100 took at most.
fn saves(bench: &Bench, count: usize) -> Duration {
    let mut times: Vec<Duration> = (0..count)
        .map(|n| {
            let content = format!("save {n}");
            std::fs::write(bench.source.join("saved"), &content).unwrap();
            arrives(&bench.destination.join("saved"), content.as_bytes())
        })
        .collect();
    times.sort();
    let at = |percent: usize| times[(count * percent).div_ceil(100) - 1];
    println!(
        "{count} saves: median {:?}, p95 {:?}, longest {:?}",
        at(50),
        at(95),
        at(100)
    );
    at(95)
}

#[test]
fn a_save_is_on_the_other_side_while_it_runs() {
    let bench = Bench::new();
    let p95 = saves(&bench, 20);
    assert!(p95 < Duration::from_secs(3), "p95 {p95:?}");
    std::fs::write(bench.destination.join("back"), "back").unwrap();
    arrives(&bench.source.join("back"), b"back");
}

#[test]
#[ignore = "wants an idle machine: part of ./dev test --all"]
fn of_a_hundred_saves_ninety_five_are_on_the_other_side_within_half_a_second() {
    let bench = Bench::new();
    let p95 = saves(&bench, SAVES);
    assert!(p95 <= IN_TIME, "p95 {p95:?}");
}

/// A file that grows every 50 ms for so long. It is not on the other side before it was left alone for 200 ms.
/// `meanwhile` is asked now and then, with the time since the first byte.
fn grows(bench: &Bench, length: Duration, mut meanwhile: impl FnMut(Duration)) {
    let (here, there) = (
        bench.source.join("growing"),
        bench.destination.join("growing"),
    );
    let mut file = std::fs::File::options()
        .create(true)
        .append(true)
        .open(&here)
        .unwrap();
    let began = Instant::now();
    let mut last = began;
    let (mut longest, mut early) = (Duration::ZERO, None);
    while began.elapsed() < length {
        file.write_all(b"a line more\n").unwrap();
        // What this machine's load makes of 50 ms tells whether the file was left alone for longer than it should.
        longest = longest.max(last.elapsed());
        last = Instant::now();
        while last.elapsed() < Duration::from_millis(50) {
            if there.exists() && early.is_none() {
                early = Some(began.elapsed());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        meanwhile(began.elapsed());
    }
    let content = std::fs::read(&here).unwrap();
    arrives(&there, &content);
    let rested = last.elapsed();
    println!(
        "carried {rested:?} after the last of {} bytes",
        content.len()
    );
    if longest < QUIET {
        assert!(
            early.is_none(),
            "it was carried after {early:?}, while it grew"
        );
        assert!(
            rested >= QUIET,
            "it was carried {rested:?} after the last byte"
        );
    }
}

/// owncloud/client#2210: a file was uploaded while `wget` still wrote it.
#[test]
fn a_file_that_is_being_written_is_carried_when_it_rests() {
    let bench = Bench::new();
    grows(&bench, Duration::from_secs(2), |_| {});
}

/// cloudreve/desktop#43: files were pending for as long as one was written.
#[test]
fn a_save_beside_a_file_that_is_being_written_does_not_wait_for_it() {
    let bench = Bench::new();
    std::fs::create_dir(bench.source.join("elsewhere")).unwrap();
    bench.rests();
    let (mut saved, mut slowest) = (0, Duration::ZERO);
    grows(&bench, Duration::from_secs(4), |since| {
        for (name, at) in [("beside", 1), ("elsewhere/saved", 2)] {
            if saved < at && since >= Duration::from_secs(at) {
                saved = at;
                std::fs::write(bench.source.join(name), "saved").unwrap();
                let mut file = std::fs::File::options()
                    .append(true)
                    .open(bench.source.join("growing"))
                    .unwrap();
                let began = Instant::now();
                eventually(name, SOON, || {
                    // It goes on growing meanwhile.
                    file.write_all(b"a line meanwhile\n").unwrap();
                    std::thread::sleep(Duration::from_millis(30));
                    bench.destination.join(name).exists().then_some(())
                });
                slowest = slowest.max(began.elapsed());
            }
        }
    });
    println!("beside a growing file: {slowest:?}");
    assert!(slowest < Duration::from_secs(3), "{slowest:?}");
}

#[test]
#[ignore = "takes half a minute: part of ./dev test --all"]
fn a_file_that_keeps_changing_is_said_to_do_so_after_ten_seconds() {
    let bench = Bench::new();
    let mut shown: Vec<(Duration, bool)> = Vec::new();
    let mut asked = Duration::ZERO;
    grows(&bench, KEEPS_CHANGING * 2, |since| {
        if since < asked + Duration::from_millis(500) {
            return;
        }
        asked = since;
        let status = bench.device.status("run");
        let problems = status["not_in_step"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let says = problems
            .iter()
            .any(|p| p["why"] == "keeps_changing" && p["path"] == "growing");
        shown.push((since, says));
    });
    let first = shown.iter().find(|(_, says)| *says).map(|(at, _)| *at);
    println!("said to keep changing after {first:?}");
    let first = first.expect("it is said");
    assert!(
        first >= KEEPS_CHANGING - Duration::from_millis(500),
        "{first:?}"
    );
    assert!(first < KEEPS_CHANGING + Duration::from_secs(4), "{first:?}");
    let later: Vec<_> = shown.iter().filter(|(at, _)| *at > first).collect();
    assert!(
        later.iter().all(|(_, says)| *says),
        "and it stays said: {shown:?}"
    );
    bench.rests();
    let status = bench.device.status("run");
    assert_eq!(status["problems"], 0, "{status}");
}

/// samschott/maestral#407, samschott/maestral#319: saving by rename left copies behind.
#[test]
fn a_save_by_rename_is_one_update() {
    let bench = Bench::new();
    let saved = bench.source.join("letter.txt");
    std::fs::write(&saved, "Dear Ada, ").unwrap();
    arrives(&bench.destination.join("letter.txt"), b"Dear Ada, ");
    bench.rests();
    // A new file is put in place of the old one.
    let before = bench.device.log("run").len();
    let beside = bench.source.join("letter.txt.new");
    std::fs::write(&beside, "Dear Ada, dear Bob, ").unwrap();
    std::fs::rename(&beside, &saved).unwrap();
    arrives(
        &bench.destination.join("letter.txt"),
        b"Dear Ada, dear Bob, ",
    );
    bench.rests();
    assert_eq!(bench.actions_since(before), ["replace letter.txt"]);
    // The old one is moved aside, the new one written under the name, the old one removed.
    let before = bench.device.log("run").len();
    let aside = bench.source.join("letter.txt~");
    std::fs::rename(&saved, &aside).unwrap();
    std::fs::write(&saved, "Dear all, ").unwrap();
    std::fs::remove_file(&aside).unwrap();
    arrives(&bench.destination.join("letter.txt"), b"Dear all, ");
    bench.rests();
    assert_eq!(bench.actions_since(before), ["replace letter.txt"]);
    // And on the other side.
    let before = bench.device.log("run").len();
    let beside = bench.destination.join(".letter.txt.swp-1");
    std::fs::write(&beside, "From the other side").unwrap();
    std::fs::rename(&beside, bench.destination.join("letter.txt")).unwrap();
    arrives(&saved, b"From the other side");
    bench.rests();
    assert_eq!(bench.actions_since(before), ["replace letter.txt"]);
}

/// A folder with so many files is moved while it runs: one action, and the very files are moved over there too.
fn a_folder_is_moved(count: usize) {
    let bench = Bench::with(|source| {
        for n in 0..count {
            let folder = source.join(format!("before/{:02}", n % 25));
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join(format!("file {n}")), format!("content {n}")).unwrap();
        }
        std::fs::create_dir(source.join("shelf")).unwrap();
    });
    let inodes = |folder: &Path| -> BTreeMap<String, u64> {
        let all = files(folder).into_keys();
        all.map(|name| {
            (
                name.clone(),
                std::fs::metadata(folder.join(name)).unwrap().ino(),
            )
        })
        .collect()
    };
    let before = inodes(&bench.destination.join("before"));
    assert_eq!(before.len(), count);
    for (number, (from, to)) in [("before", "shelf/after"), ("shelf/after", "renamed")]
        .iter()
        .enumerate()
    {
        let done = bench.device.log("run").len();
        let began = Instant::now();
        std::fs::rename(bench.source.join(from), bench.source.join(to)).unwrap();
        eventually("the folder moved", SOON, || {
            bench.destination.join(to).join("00").is_dir().then_some(())
        });
        let moved = began.elapsed();
        bench.rests();
        println!(
            "{count} files, move {number}: seen after {moved:?}, at rest after {:?}",
            began.elapsed()
        );
        assert_eq!(bench.actions_since(done), [format!("move {from} -> {to}")]);
        assert_eq!(
            inodes(&bench.destination.join(to)),
            before,
            "the very files"
        );
        assert!(!bench.destination.join(from).exists());
    }
    assert_eq!(files(&bench.source), files(&bench.destination));
}

#[test]
fn a_moved_folder_is_one_move() {
    a_folder_is_moved(200);
}

#[test]
#[ignore = "ten thousand files take a while to make: part of ./dev test --all"]
fn a_moved_folder_of_ten_thousand_files_is_one_move() {
    a_folder_is_moved(MOVED);
}
