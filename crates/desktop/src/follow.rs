//! Hears from the service how the pairs are and what is done, wherever the service is.

use std::time::Duration;

use tandem_service::answer::LogView;
use tandem_service::request::Request;
use tandem_service::update::Update;
use tokio::sync::mpsc;

use crate::desk::Desk;
use crate::link::State;

/// How many updates wait; the service tells no faster than they are taken.
const UPDATES: usize = 1024;
/// Actions are passed on together, at most so often.
const TOGETHER: Duration = Duration::from_millis(250);
/// Before it listens again after the service ended.
const AGAIN: Duration = Duration::from_secs(1);
/// How often it is looked whether something lasts.
const MINUTE: Duration = Duration::from_secs(60);
/// As many lines as the tray lists.
const LINES: usize = 10;

/// Begins to listen.
pub(crate) fn start(desk: &Desk) {
    tauri::async_runtime::spawn(states(desk.clone()));
    tauri::async_runtime::spawn(pairs(desk.clone()));
    tauri::async_runtime::spawn(actions(desk.clone()));
    tauri::async_runtime::spawn(time(desk.clone()));
}

async fn states(desk: Desk) {
    let mut states = desk.link().state();
    loop {
        let state = states.borrow_and_update().clone();
        match state {
            State::Closed(failure) => desk.set_failure(*failure),
            #[cfg(unix)]
            State::Other(owner) => desk.set_owner(owner),
            State::Own(_) => desk.set_owner(None),
            State::Opening | State::Ended => {}
        }
        if states.changed().await.is_err() {
            return;
        }
    }
}

async fn pairs(desk: Desk) {
    loop {
        let (updates, mut told) = mpsc::channel(UPDATES);
        let watch = Request::Status {
            pair: None,
            problems: false,
            watch: true,
        };
        let telling = async {
            while let Some(update) = told.recv().await {
                if let Update::Status { pairs } = update {
                    desk.set_pairs(pairs);
                }
            }
        };
        let (ended, ()) = tokio::join!(desk.link().call(watch, updates), telling);
        if ended.is_err() {
            desk.link().lost();
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// A pair that waits says nothing new.
async fn time(desk: Desk) {
    loop {
        tokio::time::sleep(MINUTE).await;
        desk.tell_what_lasts();
    }
}

async fn actions(desk: Desk) {
    loop {
        let (updates, told) = mpsc::channel(UPDATES);
        let follow = Request::Log {
            pair: None,
            path: None,
            limit: Some(LINES),
            follow: true,
        };
        let (ended, ()) = tokio::join!(desk.link().call(follow, updates), together(&desk, told));
        drop(ended);
        tokio::time::sleep(AGAIN).await;
    }
}

/// Passes on what came within a moment at once: a page redraws once for a thousand small files.
async fn together(desk: &Desk, mut told: mpsc::Receiver<Update>) {
    while let Some(first) = told.recv().await {
        tokio::time::sleep(TOGETHER).await;
        let mut lines: Vec<LogView> = Vec::new();
        let mut next = Some(first);
        while let Some(update) = next {
            if let Update::Action(line) = update {
                lines.push(*line);
            }
            next = told.try_recv().ok();
        }
        if !lines.is_empty() {
            desk.add_actions(lines);
        }
    }
}
