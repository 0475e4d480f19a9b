//! What is still to be made or moved on one side, and what each of it waits for.
//!
//! Each is tried in the order of the nodes, round by round; in a round after the first only those whose obstacle
//! has gone. So a series in which each waits for the next takes as many tries as it has members.

use std::collections::{BTreeSet, VecDeque};

use foldhash::{HashMap, HashSet};

/// A folder that is to be deleted and stands in the way.
pub(super) struct DeadFolder {
    pub(super) folder: usize,
    /// Who is to have its name.
    pub(super) wanted_by: usize,
    /// Those in it that wait for something.
    pub(super) waiting: Vec<usize>,
    /// The base still has something in it, or in a folder that lies in it, that both sides have elsewhere.
    pub(super) is_needed: bool,
}

/// The steps that are still to be made on a side.
#[derive(Default)]
pub(super) struct Queue {
    /// Those that are not made yet.
    pending: BTreeSet<usize>,
    /// Of these, those to be tried.
    ready: BTreeSet<usize>,
    /// Where the round is.
    at: usize,
    /// Who is tried again when a node was moved, made or refused.
    waiters: HashMap<usize, Vec<usize>>,
    /// Whether something waits for another thing than when circles were last looked for from the beginning.
    is_changed: bool,
    /// Where the search for circles goes on.
    next_start: usize,
    /// Those that are known to be in no circle, as long as nothing changes.
    followed: HashSet<usize>,
    /// Dead folders that may have to go out of the way.
    dead: VecDeque<DeadFolder>,
    /// Those that were thought of: each goes once at most.
    seen_dead: HashSet<usize>,
}

impl Queue {
    pub(super) fn new(pending: BTreeSet<usize>) -> Self {
        Self {
            ready: pending.clone(),
            pending,
            ..Self::default()
        }
    }

    /// The next to be tried.
    pub(super) fn next(&mut self) -> Option<usize> {
        let found = self.ready.range(self.at..).next();
        let node = found.or_else(|| self.ready.first()).copied()?;
        self.ready.remove(&node);
        self.at = node + 1;
        Some(node)
    }

    /// The step was made, or it was settled that it is not: what waited for it is tried again.
    pub(super) fn settled(&mut self, node: usize) {
        self.pending.remove(&node);
        for waiter in self.waiters.remove(&node).unwrap_or_default() {
            if self.pending.contains(&waiter) {
                self.ready.insert(waiter);
            }
        }
    }

    /// The step cannot be made before something happens to one of these.
    pub(super) fn waits(&mut self, node: usize, obstacles: Vec<usize>) {
        for obstacle in obstacles {
            self.waiters.entry(obstacle).or_default().push(node);
        }
        self.is_changed = true;
    }

    /// Nothing was ready: a step that was not asked for was made, and a new round begins.
    pub(super) fn begin_round(&mut self) {
        self.at = 0;
    }

    /// What is not made after all.
    pub(super) fn into_pending(self) -> BTreeSet<usize> {
        self.pending
    }

    pub(super) fn pending(&self) -> &BTreeSet<usize> {
        &self.pending
    }

    /// The next of those that wait from which to look for a circle. After the last one it begins anew if since the
    /// first something came to wait for another thing.
    pub(super) fn next_start(&mut self) -> Option<usize> {
        let found = self.pending.range(self.next_start..).next().copied();
        if let Some(start) = found {
            self.next_start = start + 1;
            return Some(start);
        }
        if !std::mem::take(&mut self.is_changed) {
            return None;
        }
        self.followed.clear();
        let start = self.pending.first().copied()?;
        self.next_start = start + 1;
        Some(start)
    }

    /// Whether the node was not followed before.
    pub(super) fn follow(&mut self, node: usize) -> bool {
        self.followed.insert(node)
    }

    pub(super) fn next_dead(&mut self) -> Option<DeadFolder> {
        self.dead.pop_front()
    }

    /// Whether any of them was not thought of before.
    pub(super) fn add_dead(&mut self, found: Vec<DeadFolder>) -> bool {
        for dead in found {
            if (dead.is_needed || !dead.waiting.is_empty()) && self.seen_dead.insert(dead.folder) {
                self.dead.push_back(dead);
            }
        }
        !self.dead.is_empty()
    }
}
