//! An editor that still has a file open which Tandem replaced or deleted: what it writes then comes back (P9).

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::desk::Desk;

const ROUNDS: usize = 30;

/// Appends to a file that it has open as soon as another or nothing has its name.
fn editor(path: PathBuf, text: String) -> JoinHandle<()> {
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    let mine = inode(&file);
    std::thread::spawn(move || {
        let began = Instant::now();
        while std::fs::symlink_metadata(&path).is_ok_and(|now| now.ino() == mine) {
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "nothing took the name"
            );
        }
        for line in 0..20 {
            writeln!(file, "{text} {line}").unwrap();
        }
    })
}

fn inode(file: &File) -> u64 {
    file.metadata().unwrap().ino()
}

/// What is done at the other side.
#[derive(Debug, Clone, Copy)]
enum How {
    Replaced,
    Deleted,
}

async fn comes_back(how: How) {
    let desk = Desk::new(|o| {
        o.guards.conflict_copies_an_hour = u64::MAX;
        o.guards.delete_all = u64::MAX;
    })
    .await;
    std::fs::write(desk.source("beside"), "it").unwrap();
    let mut came = 0;
    for round in 0..ROUNDS {
        let name = format!("{round}.txt");
        std::fs::write(desk.source(&name), "first\n").unwrap();
        desk.settle().await;
        let typed = format!("typed late, {round}:");
        let editor = editor(desk.source(&name), typed.clone());
        match how {
            How::Replaced => std::fs::write(desk.destination(&name), "second\n").unwrap(),
            How::Deleted => std::fs::remove_file(desk.destination(&name)).unwrap(),
        }
        desk.sync().await;
        editor.join().unwrap();
        desk.settle().await;
        let contents = desk.contents("source");
        let mut holding = contents.iter().filter(|(_, content)| {
            String::from_utf8_lossy(content).contains(&format!("{typed} 19"))
        });
        assert!(
            holding.clone().next().is_some(),
            "{how:?}: what was typed is gone"
        );
        let own = |path: &PathBuf| path.components().any(|part| part.as_os_str() == ".tandem");
        let is_back = holding.any(|(path, _)| !own(path));
        came += usize::from(is_back);
    }
    println!("{how:?}: of {ROUNDS} came back {came}, the rest is in versions");
    // A file that is written after the pass that set it aside waits in versions, and is looked at before it goes: how
    // many these are is the machine's to say.
    assert!(came > 0, "{how:?}: of {ROUNDS} came back {came}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_typed_into_a_file_that_was_replaced_comes_back() {
    comes_back(How::Replaced).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_typed_into_a_file_that_was_deleted_comes_back() {
    comes_back(How::Deleted).await;
}
