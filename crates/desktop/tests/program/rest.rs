//! What the program costs while nobody looks and nothing happens.

use std::path::PathBuf;
use std::time::Duration;

use crate::panel::Panel;
use crate::process::Program;
use crate::screen::Screen;
use crate::session::Session;
use crate::window::start_driven;
use crate::{eventually, within, wizard};

const FOLDERS: usize = 100;
const FILES_EACH: usize = 1000;
/// Above a bare tray program of the same kind, in bytes.
const MOST_ABOVE_BARE: u64 = 30 << 20;
/// How long nothing happens, and the ticks of the processor in it, of which there are a hundred in a second.
const REST: Duration = Duration::from_secs(300);
const MOST_TICKS: u64 = 5;
/// A debug build looks at 100,000 files for the first time.
const FIRST_SYNC: Duration = Duration::from_secs(3600);
/// So long without work is taken for rest.
const QUIET: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes, and the program as people get it: cargo test --release -p tandem-desktop rest -- --ignored"]
async fn with_100_000_files_it_costs_little_more_than_a_bare_tray_program_and_no_time() {
    let session = Session::new().await;
    let (panel, screen) = (Panel::new(&session).await, Screen::of(&session));
    let (here, there) = (session.folder("documents"), session.folder("disk"));
    for folder in 0..FOLDERS {
        let folder = here.join(folder.to_string());
        std::fs::create_dir(&folder).unwrap();
        for file in 0..FILES_EACH {
            std::fs::write(folder.join(format!("{file}.txt")), "a line").unwrap();
        }
    }
    let (mut program, window) = start_driven(&session).await;
    window.press("Choose a folder").await;
    wizard::choose_two_folders(&window, &here, &there).await;
    window.press("Start").await;
    in_step(&panel).await;
    panel.press("Quit").await;
    assert_eq!(program.end().await, Some(0));

    // Once with a window that was closed, as on any day.
    let program = session.start();
    screen.close(screen.window("Tandem").await);
    eventually("no process but its own", async || {
        program.others().is_empty().then_some(())
    })
    .await;
    in_step(&panel).await;
    quiet(&program).await;
    // Both at once: what they share is halved for both.
    let (_other, beside) = start_bare().await;
    let (ours, bare) = (program.memory(), beside.memory());
    drop(beside);
    println!("{} kB, a bare tray program {} kB", ours >> 10, bare >> 10);
    assert!(
        ours <= bare + MOST_ABOVE_BARE,
        "{ours} bytes, a bare tray program has {bare}"
    );

    let before = program.ticks();
    tokio::time::sleep(REST).await;
    let ticks = program.ticks() - before;
    println!("{ticks} ticks in {REST:?}");
    assert!(ticks <= MOST_TICKS, "{ticks} ticks in {REST:?}");
}

async fn in_step(panel: &Panel) {
    within(FIRST_SYNC, "all in step", async || {
        let lines = panel.texts().await;
        lines
            .contains(&"documents: In step".to_owned())
            .then_some(())
    })
    .await;
}

/// Waits until it has had nothing to do for a while.
async fn quiet(program: &Program) {
    let mut last = (program.ticks(), std::time::Instant::now());
    eventually("rest", async || {
        let ticks = program.ticks();
        if ticks > last.0 + 1 {
            last = (ticks, std::time::Instant::now());
        }
        (last.1.elapsed() > QUIET).then_some(())
    })
    .await;
}

async fn start_bare() -> (Session, Program) {
    let session = Session::new().await;
    let panel = Panel::new(&session).await;
    let program = Program::start(session.command_of(&bare()));
    panel.wait_for("Quit").await;
    quiet(&program).await;
    (session, program)
}

/// The example beside which this test was built.
fn bare() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent()
        .unwrap()
        .parent()
        .unwrap()
        .join("examples/bare")
}
