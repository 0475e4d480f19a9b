//! What was heard and not yet told, in few words however much happens.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use tandem_core::path::RelPath;
use tandem_core::storage::{Hint, WatchCoverage};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::{POLL, POLL_OTHERS};
use crate::disk::lock;

/// More folders than this are told as the whole tree.
const MOST: usize = 4096;

#[derive(Debug, Default)]
struct State {
    folders: BTreeSet<RelPath>,
    subtrees: BTreeSet<RelPath>,
    started: Option<Result<(), String>>,
    /// Every folder there is to watch.
    needed: BTreeSet<RelPath>,
    coverage: WatchCoverage,
    polled_at: Option<Duration>,
    shared_at: Option<Duration>,
}

/// What was heard.
#[derive(Debug, Default)]
pub(super) struct News {
    state: Mutex<State>,
    waker: Notify,
}

impl News {
    /// Ends at the next news, or at once if some came since the last.
    pub(super) fn heard(&self) -> Notified<'_> {
        self.waker.notified()
    }

    /// Something changed among the children of `folder`.
    pub(super) fn folder(&self, folder: RelPath) {
        let mut state = lock(&self.state);
        state.folders.insert(folder);
        if state.folders.len() > MOST {
            state.folders.clear();
            state.subtrees.insert(RelPath::root());
        }
        drop(state);
        self.waker.notify_one();
    }

    /// Something changed anywhere below `folder`.
    pub(super) fn subtree(&self, folder: RelPath) {
        let mut state = lock(&self.state);
        state.subtrees.insert(folder);
        if state.subtrees.len() > MOST {
            state.subtrees.clear();
            state.subtrees.insert(RelPath::root());
        }
        drop(state);
        self.waker.notify_one();
    }

    /// Anything may have changed.
    pub(super) fn look_at_all(&self) {
        self.subtree(RelPath::root());
    }

    /// What was heard since the last call; what lies in a subtree that is told is not told again.
    pub(super) fn take(&self) -> Vec<Hint> {
        let mut state = lock(&self.state);
        let folders = std::mem::take(&mut state.folders);
        let subtrees = std::mem::take(&mut state.subtrees);
        drop(state);
        let mut hints = Vec::new();
        let mut told: Vec<RelPath> = Vec::new();
        let is_told = |path: &RelPath, told: &[RelPath]| {
            std::iter::successors(Some(path.clone()), RelPath::parent)
                .any(|above| told.binary_search(&above).is_ok())
        };
        // In order, a folder comes before what is in it, so `told` stays sorted.
        for subtree in subtrees {
            if !is_told(&subtree, &told) {
                told.push(subtree.clone());
                hints.push(Hint::Subtree(subtree));
            }
        }
        for folder in folders {
            if !is_told(&folder, &told) {
                hints.push(Hint::Folder(folder));
            }
        }
        hints
    }

    /// Every watch was placed that could be, or none can.
    pub(super) fn start(&self, answer: Result<(), String>) {
        lock(&self.state).started = Some(answer);
        self.waker.notify_waiters();
        self.waker.notify_one();
    }

    /// Whether watching has begun.
    pub(super) fn started(&self) -> Option<Result<(), String>> {
        lock(&self.state).started.clone()
    }

    /// How far it reaches, once it has begun.
    pub(super) fn coverage(&self) -> Option<WatchCoverage> {
        let state = lock(&self.state);
        matches!(state.started, Some(Ok(()))).then(|| WatchCoverage {
            needed: state.needed.len() as u64,
            ..state.coverage.clone()
        })
    }

    /// There is a folder to watch.
    pub(super) fn need(&self, folder: RelPath) {
        lock(&self.state).needed.insert(folder);
    }

    /// Nothing is at `path` any more, nor below: what will be there is told as new.
    pub(super) fn drop_below(&self, path: &RelPath) {
        let mut state = lock(&self.state);
        let State {
            needed, coverage, ..
        } = &mut *state;
        for paths in [needed, &mut coverage.polled, &mut coverage.shared] {
            let same_start = paths.range(path..);
            let same_start = same_start.take_while(|one| one.as_str().starts_with(path.as_str()));
            let gone: Vec<_> = same_start
                .filter(|one| one.is_within(path))
                .cloned()
                .collect();
            for one in gone {
                paths.remove(&one);
            }
        }
    }

    /// Changes what is known of the reach.
    pub(super) fn cover(&self, change: impl FnOnce(&mut WatchCoverage)) {
        change(&mut lock(&self.state).coverage);
    }

    /// Hints at what is polled, if it is time; says when it will be.
    pub(super) fn poll(&self, now: Duration) -> Option<Duration> {
        let mut state = lock(&self.state);
        let State {
            subtrees,
            coverage,
            polled_at,
            shared_at,
            ..
        } = &mut *state;
        let polled = poll_at(now, POLL, &coverage.polled, polled_at, subtrees);
        let shared = poll_at(now, POLL_OTHERS, &coverage.shared, shared_at, subtrees);
        polled.into_iter().chain(shared).min()
    }
}

/// Puts `polled` into `subtrees` if that was last done `interval` ago; says when it will be. The first time only the clock
/// is started: everything is looked at then anyway.
fn poll_at(
    now: Duration,
    interval: Duration,
    polled: &BTreeSet<RelPath>,
    last: &mut Option<Duration>,
    subtrees: &mut BTreeSet<RelPath>,
) -> Option<Duration> {
    if polled.is_empty() {
        return None;
    }
    if let Some(since) = last.map(|last| now.saturating_sub(last)) {
        if since < interval {
            return Some(interval - since);
        }
        subtrees.extend(polled.iter().cloned());
    }
    *last = Some(now);
    Some(interval)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rel(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    #[test]
    fn what_lies_in_a_told_subtree_is_not_told_again() {
        let news = News::default();
        for folder in ["a", "a/b", "c", "a-b"] {
            news.folder(rel(folder));
        }
        news.subtree(rel("a"));
        news.subtree(rel("a/x"));
        let hints = news.take();
        assert_eq!(
            hints,
            [
                Hint::Subtree(rel("a")),
                Hint::Folder(rel("a-b")),
                Hint::Folder(rel("c"))
            ]
        );
        assert!(news.take().is_empty());
    }

    #[test]
    fn too_much_at_once_is_told_as_the_whole_tree() {
        let news = News::default();
        for n in 0..=MOST {
            news.folder(rel(&format!("f{n}")));
        }
        assert_eq!(news.take(), [Hint::Subtree(RelPath::root())]);
    }

    #[test]
    fn a_folder_told_of_twice_is_one_and_none_once_it_is_gone() {
        let news = News::default();
        news.start(Ok(()));
        for folder in ["", "a", "a/b", "a-b", "a/b"] {
            news.need(rel(folder));
        }
        news.cover(|coverage| {
            coverage.polled.insert(rel("a/b"));
            coverage.shared.insert(rel("a-b"));
        });
        assert_eq!(news.coverage().unwrap().needed, 4);
        news.drop_below(&rel("a"));
        let coverage = news.coverage().unwrap();
        assert_eq!(coverage.needed, 2);
        assert_eq!(coverage.polled, [].into());
        assert_eq!(coverage.shared, [rel("a-b")].into());
    }

    #[test]
    fn what_is_polled_is_hinted_at_every_interval() {
        let news = News::default();
        news.cover(|coverage| {
            coverage.polled.insert(rel("deep"));
            coverage.shared.insert(rel("on a server"));
        });
        assert_eq!(news.poll(Duration::ZERO), Some(POLL));
        assert!(news.take().is_empty());
        let soon = POLL - Duration::from_secs(1);
        assert_eq!(news.poll(soon), Some(Duration::from_secs(1)));
        assert!(news.take().is_empty());
        assert_eq!(news.poll(POLL), Some(POLL));
        assert_eq!(news.take(), [Hint::Subtree(rel("deep"))]);
        news.poll(POLL_OTHERS);
        let all = ["deep", "on a server"].map(|path| Hint::Subtree(rel(path)));
        assert_eq!(news.take(), all);
    }
}
