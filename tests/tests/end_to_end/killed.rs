//! The program is killed at a system call drawn from a seed. Nothing is lost, no file is half, and the next
//! pass finishes.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::edits::{Draw, edit, finish};
use crate::program::{Device, files, kept};

/// Passes of the full run, and how many of them must be killed while an intent of theirs is open: after the first
/// was noted and before the last was closed.
const PASSES: u64 = 200;
const BETWEEN_INTENTS: u64 = 150;

/// Calls by which a pass changes something, and between which of them the program is killed at first. Where a kill
/// came too early or not at all, the range follows.
const CALLS: [(&str, u64, u64); 15] = [
    ("renameat2", 1, 8),
    ("renameat2", 4, 16),
    ("renameat2", 10, 30),
    ("linkat", 1, 8),
    ("linkat", 4, 16),
    ("linkat", 8, 24),
    ("utimensat", 1, 8),
    ("utimensat", 4, 16),
    ("utimensat", 8, 24),
    ("utimensat", 12, 32),
    ("renameat2", 2, 12),
    ("linkat", 2, 12),
    ("utimensat", 2, 12),
    ("utimensat", 6, 20),
    ("fsync", 5, 7),
];

/// What is edited on each side before a pass.
const EDITS: u64 = 20;

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_nanos()).unwrap()
}

/// Where in a pass it was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// It was not.
    Never,
    /// Before it had noted an intent.
    Early,
    /// While an intent of its own was open: after the first was noted and before the last was closed.
    BetweenIntents,
    /// After it had done something, with no intent open.
    Late,
}

/// Where in its work the pass that began then was killed, by its database. A copy of that is asked, so that it is
/// left as the kill left it.
fn moment(device: &Device, began: i64) -> Moment {
    let copy = tempfile::tempdir().unwrap();
    let mut database = None;
    for entry in std::fs::read_dir(device.path("profile/pairs")).unwrap() {
        let path = entry.unwrap().path();
        let to = copy.path().join(path.file_name().unwrap());
        std::fs::copy(&path, &to).unwrap();
        if path.extension().is_some_and(|ending| ending == "db") {
            database = Some(to);
        }
    }
    // Killed very early there may be no database, or one without tables.
    let database = database.and_then(|path| rusqlite::Connection::open(path).ok());
    let count = |query: &str| -> i64 {
        let rows = database
            .as_ref()
            .map(|d| d.query_row(query, [began], |row| row.get(0)));
        rows.and_then(Result::ok).unwrap_or(0)
    };
    if count("SELECT count(*) FROM intents WHERE made >= ?1") > 0 {
        Moment::BetweenIntents
    } else if count("SELECT count(*) FROM journal WHERE at >= ?1") > 0 {
        Moment::Late
    } else {
        Moment::Early
    }
}

/// What became of the passes.
#[derive(Debug, Default)]
struct Kills {
    all: u64,
    between_intents: u64,
}

fn killed(rounds: u64, seed: u64) -> Kills {
    let device = Device::new();
    let (source, destination) = (device.folder("source"), device.folder("destination"));
    device.pair("kill", &source, &destination);
    let mut draw = Draw(seed);
    let mut written = BTreeSet::new();
    let mut ranges = CALLS;
    let mut kills = Kills::default();
    for round in 0..rounds {
        edit(&source, "source", (round, EDITS), &mut draw, &mut written);
        edit(
            &destination,
            "destination",
            (round, EDITS),
            &mut draw,
            &mut written,
        );
        // Past the quiet time, so that the pass carries all of it at once.
        std::thread::sleep(Duration::from_millis(250));
        let which = draw.below(CALLS.len() as u64) as usize;
        let (call, least, most) = ranges[which];
        let number = least + draw.below(most - least + 1);
        let inject = format!("inject={call}:signal=KILL:when={number}");
        let began = now();
        let status = device
            .command(
                &["strace", "-f", "-o", "/dev/null", "-e", &inject],
                &["sync", "kill"],
            )
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        let code = status.code();
        let moment = if matches!(code, Some(0 | 1 | 3)) {
            Moment::Never
        } else {
            moment(&device, began)
        };
        println!("pass {round}: {call} {number} of {least} to {most}: {moment:?}");
        kills.all += u64::from(moment != Moment::Never);
        kills.between_intents += u64::from(moment == Moment::BetweenIntents);
        let (_, least, most) = &mut ranges[which];
        match moment {
            Moment::Early => *least = number + 1,
            Moment::BetweenIntents => *most += 1,
            Moment::Late | Moment::Never => *most = number.saturating_sub(1),
        }
        // Passes differ: a range that has become too narrow is opened again.
        if *most < *least + 2 {
            (*least, *most) = (least.saturating_sub(2).max(1), *most + 2);
        }
        let (left, right) = (files(&source), files(&destination));
        for (name, content) in left.iter().chain(&right) {
            let part = content.len() / 200;
            let whole =
                content.len() % 200 == 0 && content.chunks(part).all(|c| c == &content[..part]);
            assert!(whole, "{name} is half a file in round {round}");
        }
        if code == Some(3) {
            finish(&device, "kill");
        }
    }
    finish(&device, "kill");
    let (left, right) = (files(&source), files(&destination));
    assert_eq!(
        left.keys().collect::<Vec<_>>(),
        right.keys().collect::<Vec<_>>()
    );
    assert_eq!(left, right);
    let mut there: BTreeSet<Vec<u8>> = left.into_values().collect();
    there.extend(kept(&source));
    there.extend(kept(&destination));
    let lost = written
        .iter()
        .filter(|content| !there.contains(*content))
        .count();
    println!(
        "{} contents of {rounds} passes, {} killed, of them {} between first and last intent",
        written.len(),
        kills.all,
        kills.between_intents
    );
    assert_eq!(lost, 0, "contents lost after {kills:?}");
    kills
}

#[test]
fn a_killed_pass_loses_nothing_and_the_next_one_finishes() {
    let kills = killed(12, 1);
    assert!(kills.between_intents >= 4, "{kills:?}");
}

#[test]
#[ignore = "200 passes take minutes: part of ./dev test --all"]
fn two_hundred_killed_passes_lose_nothing() {
    let kills = killed(PASSES, 2);
    assert!(kills.between_intents >= BETWEEN_INTENTS, "{kills:?}");
}
