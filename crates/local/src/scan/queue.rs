//! Folders still to be listed, last in, first out, so that a scan holds the names of few levels at a time.

use std::sync::{Condvar, Mutex, PoisonError};

use tandem_core::path::RelPath;

use crate::disk::lock;

#[derive(Debug)]
struct State {
    waiting: Vec<RelPath>,
    busy: usize,
    stopped: bool,
}

/// The folders of one scan.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    news: Condvar,
}

impl Queue {
    pub(super) fn new(waiting: Vec<RelPath>) -> Self {
        let state = State {
            waiting,
            busy: 0,
            stopped: false,
        };
        Self {
            state: Mutex::new(state),
            news: Condvar::new(),
        }
    }

    /// The next folder; `None` when all are done or the scan was stopped.
    pub(super) fn take(&self) -> Option<RelPath> {
        let mut state = lock(&self.state);
        loop {
            if state.stopped {
                return None;
            }
            if let Some(folder) = state.waiting.pop() {
                state.busy += 1;
                return Some(folder);
            }
            if state.busy == 0 {
                return None;
            }
            state = self
                .news
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// One folder was listed and sent, and `below` is in it. Whether it was the last one.
    pub(super) fn done(&self, below: Vec<RelPath>) -> bool {
        let mut state = lock(&self.state);
        let more = below.len();
        state.waiting.extend(below);
        state.busy -= 1;
        let last = state.busy == 0 && state.waiting.is_empty() && !state.stopped;
        state.stopped |= last;
        let stopped = state.stopped;
        drop(state);
        if stopped || more > 1 {
            self.news.notify_all();
        }
        last
    }

    /// Ends the scan.
    pub(super) fn stop(&self) {
        lock(&self.state).stopped = true;
        self.news.notify_all();
    }
}
