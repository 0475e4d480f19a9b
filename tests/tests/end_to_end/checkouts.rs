//! A git repository in a folder that is kept in step: branches are checked out while `tandem run` runs, and both
//! sides settle without a question and without a conflict copy. What git keeps for itself is synced like any file.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::program::{Device, eventually, files};

/// Files of the repository in the full run; its branches differ in a third of them.
const FULL: usize = 20_000;

/// Checkouts in a row in the full run, some of them before the one before has settled.
const CHECKOUTS: usize = 6;

/// Long enough to carry a third of the full repository on a slow machine.
const LIMIT: Duration = Duration::from_secs(600);

fn git(folder: &Path, words: &[&str]) -> String {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(["-c", "gc.auto=0", "-c", "core.fsync=none"])
        .args(words)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "git {words:?}: {text}");
    String::from_utf8(output.stdout).unwrap()
}

fn path_of(n: usize) -> String {
    format!("part {}/{:02}/file-{n}.txt", n % 7, n % 40)
}

fn put(stream: &mut Vec<u8>, path: &str, content: &str) {
    write!(
        stream,
        "M 100644 inline \"{path}\"\ndata {}\n{content}\n",
        content.len()
    )
    .unwrap();
}

fn commit(stream: &mut Vec<u8>, branch: &str, mark: usize, from: Option<usize>) {
    write!(stream, "commit refs/heads/{branch}\nmark :{mark}\n").unwrap();
    write!(
        stream,
        "committer Ada <ada@example.org> 1700000000 +0000\ndata 4\nmore\n"
    )
    .unwrap();
    if let Some(from) = from {
        writeln!(stream, "from :{from}").unwrap();
    }
}

/// A repository with two branches. Of the third in which they differ most files are edited; one in ten is there on
/// one branch only.
fn repository(folder: &Path, count: usize) {
    git(folder, &["init", "--quiet", "--initial-branch=main", "."]);
    let mut stream = Vec::new();
    commit(&mut stream, "main", 1, None);
    for n in 0..count {
        put(
            &mut stream,
            &path_of(n),
            &format!("file {n}, as main has it\n"),
        );
    }
    commit(&mut stream, "other", 2, Some(1));
    for n in (0..count).step_by(3) {
        if n % 30 == 0 {
            writeln!(stream, "D \"{}\"", path_of(n)).unwrap();
            put(
                &mut stream,
                &format!("new/{}", path_of(n)),
                &format!("file {n}, on other alone\n"),
            );
        } else {
            put(
                &mut stream,
                &path_of(n),
                &format!("file {n}, edited on other {n}\n"),
            );
        }
    }
    let mut import = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(["fast-import", "--quiet"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    import.stdin.take().unwrap().write_all(&stream).unwrap();
    assert!(import.wait().unwrap().success());
    git(folder, &["checkout", "--quiet", "main"]);
    // What Tandem keeps beside a person's files is none of the repository's.
    std::fs::write(folder.join(".git/info/exclude"), ".tandem/\n").unwrap();
}

/// Waits until both sides are equal and nothing is under way; nothing may wait for a person.
fn settles(device: &Device, source: &Path, destination: &Path) {
    let began = Instant::now();
    eventually("the checkout to settle", LIMIT, || {
        let status = device.status("work");
        assert_eq!(
            (&status["held"], &status["conflicts"]),
            (&0.into(), &0.into()),
            "{status}"
        );
        let at_rest = status["state"] == "in_step" && files(source) == files(destination);
        if !at_rest {
            std::thread::sleep(Duration::from_millis(250));
        }
        at_rest.then_some(())
    });
    println!("  settled after {:?}", began.elapsed());
}

fn checkouts(count: usize, times: usize) {
    let device = Device::new();
    let (source, destination) = (device.folder("source"), device.folder("destination"));
    repository(&source, count);
    device.pair("work", &source, &destination);
    let first = device.sync("work");
    assert_eq!(first["state"], "in_step", "{first}");
    let _running = device.start();
    settles(&device, &source, &destination);
    for time in 0..times {
        let branch = if time % 2 == 0 { "other" } else { "main" };
        let began = Instant::now();
        git(&source, &["checkout", "--quiet", branch]);
        println!("checkout {time} of {branch}: {:?}", began.elapsed());
        // Every third is overtaken by the next one.
        if time % 3 != 1 {
            settles(&device, &source, &destination);
        }
    }
    settles(&device, &source, &destination);
    assert_eq!(git(&destination, &["status", "--porcelain"]), "");
    let head = |folder: &Path| git(folder, &["symbolic-ref", "HEAD"]);
    assert_eq!(head(&source), head(&destination));
    let copies: Vec<_> = files(&destination)
        .into_keys()
        .filter(|name| name.contains("(conflict "))
        .collect();
    assert!(copies.is_empty(), "{copies:?}");
    assert_eq!(device.json(&["held"])["held"], serde_json::json!([]));
    assert_eq!(
        device.json(&["conflicts"])["conflicts"],
        serde_json::json!([])
    );
    let lost = device
        .log("work")
        .iter()
        .filter(|line| line["outcome"] == "failed")
        .count();
    assert_eq!(lost, 0, "actions that did not work");
}

#[test]
fn checkouts_settle_while_it_runs() {
    checkouts(600, 3);
}

#[test]
#[ignore = "twenty thousand files take minutes: part of ./dev test --all"]
fn checkouts_of_a_large_repository_settle_while_it_runs() {
    checkouts(FULL, CHECKOUTS);
}
