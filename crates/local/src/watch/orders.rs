//! What the keeper is told: where something new is, of which no more waits than fits.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use tandem_core::path::RelPath;

use crate::disk::lock;

/// More new names than this are one order to go through all.
const MOST: usize = 4096;

#[derive(Debug, Default)]
struct State {
    appeared: BTreeSet<RelPath>,
    /// More appeared than is worth naming.
    all: bool,
    stopped: bool,
}

/// Where orders are given.
#[derive(Debug, Clone, Default)]
pub(super) struct Orders(Arc<(Mutex<State>, Condvar)>);

/// Where they arrive.
#[derive(Debug)]
pub(super) struct Arriving(Orders);

impl Orders {
    pub(super) fn new() -> (Self, Arriving) {
        let orders = Self::default();
        (orders.clone(), Arriving(orders))
    }

    /// Something new is at `path`; if it is a folder, it is to be watched.
    pub(super) fn appeared(&self, path: RelPath) {
        let mut state = lock(&self.0.0);
        if !state.all {
            state.appeared.insert(path);
            if state.appeared.len() > MOST {
                state.appeared.clear();
                state.all = true;
            }
        }
        drop(state);
        self.0.1.notify_one();
    }

    /// Nobody listens any more.
    pub(super) fn stop(&self) {
        lock(&self.0.0).stopped = true;
        self.0.1.notify_one();
    }
}

impl Arriving {
    /// Waits for the next path at which something is new, `Some(None)` if that may be anywhere; `None` at the end.
    pub(super) fn next(&self) -> Option<Option<RelPath>> {
        let (state, news) = &*self.0.0;
        let mut state = lock(state);
        loop {
            if state.stopped {
                return None;
            }
            if std::mem::take(&mut state.all) {
                return Some(None);
            }
            if let Some(path) = state.appeared.pop_first() {
                return Some(Some(path));
            }
            state = news.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// How many paths wait.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        lock(&self.0.0.0).appeared.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_new_path_is_told_once_and_too_many_as_all() {
        let (orders, arriving) = Orders::new();
        let path = |n: usize| RelPath::new(&format!("f{n}")).unwrap();
        for _ in 0..2 {
            orders.appeared(path(1));
        }
        assert_eq!(arriving.next(), Some(Some(path(1))));
        for n in 0..=2 * MOST {
            orders.appeared(path(n));
        }
        assert_eq!(arriving.waiting(), 0);
        assert_eq!(arriving.next(), Some(None));
        orders.appeared(path(2));
        assert_eq!(arriving.next(), Some(Some(path(2))));
        orders.appeared(path(3));
        orders.stop();
        assert_eq!(arriving.next(), None);
    }
}
