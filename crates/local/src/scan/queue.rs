//! Folders that wait for a thread. Each thread goes through what lies below its folder by itself, and gives some of it
//! away when another has nothing to do.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use tandem_core::path::RelPath;

use crate::disk::lock;

#[derive(Debug)]
struct State {
    waiting: Vec<RelPath>,
    busy: usize,
}

/// The folders of one scan that no thread has taken.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    news: Condvar,
    /// Threads with nothing to do: a hint, read without the lock.
    idle: AtomicUsize,
    stopped: AtomicBool,
}

impl Queue {
    pub(super) fn new(waiting: Vec<RelPath>) -> Self {
        Self {
            state: Mutex::new(State { waiting, busy: 0 }),
            news: Condvar::new(),
            idle: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        }
    }

    /// The next folder, which the caller is busy with until [`Queue::done`]; `None` when all are done or the scan
    /// was stopped.
    pub(super) fn take(&self) -> Option<RelPath> {
        let mut state = lock(&self.state);
        loop {
            if self.is_stopped() {
                return None;
            }
            if let Some(folder) = state.waiting.pop() {
                state.busy += 1;
                return Some(folder);
            }
            if state.busy == 0 {
                return None;
            }
            self.idle.fetch_add(1, Ordering::Relaxed);
            state = self
                .news
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            self.idle.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Whether another thread could do with a folder.
    pub(super) fn wants_more(&self) -> bool {
        self.idle.load(Ordering::Relaxed) > 0
    }

    /// Leaves folders to whoever has nothing to do.
    pub(super) fn give(&self, folders: impl Iterator<Item = RelPath>) {
        lock(&self.state).waiting.extend(folders);
        self.news.notify_all();
    }

    /// All below the folder taken was listed and sent. Whether it was the last one.
    pub(super) fn done(&self) -> bool {
        let mut state = lock(&self.state);
        state.busy -= 1;
        let last = state.busy == 0 && state.waiting.is_empty() && !self.is_stopped();
        drop(state);
        if last {
            self.stop();
        }
        last
    }

    /// Ends the scan.
    pub(super) fn stop(&self) {
        // Under the lock, so that no thread begins to wait after it has looked.
        let state = lock(&self.state);
        self.stopped.store(true, Ordering::Relaxed);
        drop(state);
        self.news.notify_all();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}
