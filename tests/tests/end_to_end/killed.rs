//! The program is killed at a system call drawn from a seed. Nothing is lost, no file is half, and the next
//! pass finishes.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use crate::program::{Device, files, kept};

/// Calls by which a pass changes something, and up to which of them the program is killed.
const CALLS: [(&str, u64); 8] = [
    ("renameat2", 30),
    ("pwrite64", 60),
    ("fsync", 12),
    ("write", 20),
    ("unlinkat", 8),
    ("utimensat", 15),
    ("mkdirat", 3),
    ("openat", 120),
];

struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Edits on one side; every content written is unlike all others.
fn edit(folder: &Path, side: &str, round: u64, draw: &mut Draw, written: &mut BTreeSet<Vec<u8>>) {
    let there: Vec<String> = files(folder).into_keys().collect();
    for step in 0..6 {
        let content = format!("{side} {round} {step} ").repeat(200).into_bytes();
        let existing =
            (!there.is_empty()).then(|| there[draw.below(there.len() as u64) as usize].clone());
        match (draw.below(5), existing) {
            (0, Some(name)) => {
                // Deleted by a person: nobody asks for it any more.
                if let Ok(old) = std::fs::read(folder.join(&name)) {
                    written.remove(&old);
                }
                let _ = std::fs::remove_file(folder.join(name));
            }
            (1, Some(name)) => {
                let to = folder.join(format!("moved {side} {round} {step}"));
                let _ = std::fs::rename(folder.join(name), to);
            }
            (2 | 3, Some(name)) if folder.join(&name).exists() => {
                if let Ok(old) = std::fs::read(folder.join(&name)) {
                    written.remove(&old);
                }
                std::fs::write(folder.join(name), &content).unwrap();
                written.insert(content);
            }
            _ => {
                let place = folder.join(format!("folder {}", draw.below(3)));
                std::fs::create_dir_all(&place).unwrap();
                std::fs::write(place.join(format!("new {side} {round} {step}")), &content).unwrap();
                written.insert(content);
            }
        }
    }
}

/// The next pass finishes. Deletes that pile up within an hour are held: whoever made them lets them pass.
fn finish(device: &Device) {
    for _ in 0..5 {
        if device.run(&["sync", "kill"]).status.code() != Some(3) {
            break;
        }
        let held: serde_json::Value =
            serde_json::from_str(&device.ok(&["--json", "held"])).unwrap();
        for hold in held["held"].as_array().unwrap() {
            device.ok(&["approve", hold["id"].as_str().unwrap()]);
        }
    }
    device.ok(&["sync", "kill"]);
}

fn killed(rounds: u64, seed: u64) {
    let device = Device::new();
    let (source, destination) = (device.folder("source"), device.folder("destination"));
    device.pair("kill", &source, &destination);
    let mut draw = Draw(seed);
    let mut written = BTreeSet::new();
    let mut kills = 0;
    for round in 0..rounds {
        edit(&source, "source", round, &mut draw, &mut written);
        edit(&destination, "destination", round, &mut draw, &mut written);
        std::thread::sleep(std::time::Duration::from_millis(250));
        let (call, most) = CALLS[draw.below(CALLS.len() as u64) as usize];
        let inject = format!("inject={call}:signal=KILL:when={}", 1 + draw.below(most));
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
        kills += u64::from(status.code() != Some(0));
        let (left, right) = (files(&source), files(&destination));
        for (name, content) in left.iter().chain(&right) {
            let part = content.len() / 200;
            let whole =
                content.len() % 200 == 0 && content.chunks(part).all(|c| c == &content[..part]);
            assert!(whole, "{name} is half a file in round {round}");
        }
    }
    finish(&device);
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
    assert_eq!(lost, 0, "contents lost after {kills} kills");
    assert!(
        kills >= rounds / 3,
        "only {kills} of {rounds} passes were killed"
    );
}

#[test]
fn a_killed_pass_loses_nothing_and_the_next_one_finishes() {
    killed(12, 1);
}

#[test]
#[ignore = "200 passes take minutes: part of ./dev test --all"]
fn two_hundred_killed_passes_lose_nothing() {
    killed(200, 2);
}
