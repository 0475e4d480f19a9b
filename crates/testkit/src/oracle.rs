//! Remembers what simulated people wrote, and finds it again (P1 a) by looking at the storages alone.
//! Invariant: it never reads Tandem's state or journal, and it hears of edits only at the storages' own
//! edge.
//!
//! Content that a person replaced, deleted or moved a file over is superseded there: nothing asks for it
//! any more. Which of several writes of the same bytes a person superseded is told by path; where that
//! does not tell, all of them count as superseded, so that a report is never a false alarm.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use tandem_core::entry::Kind;
use tandem_core::path::RelPath;
use tandem_core::side::{PerSide, Side};

use crate::sim::{Blob, Seen, SimStorage, Snapshot, lock};

mod lineage;
mod merge;
mod sizes;
mod witness;

use lineage::Lineage;
pub use lineage::{Gone, How, Taken};
pub(crate) use witness::Witness;

/// Shared knowledge of what people wrote; clones are handles on the same.
#[derive(Debug, Clone, Default)]
pub struct Oracle {
    lineage: Arc<Mutex<Lineage>>,
}

/// A content that is nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// On which side it was written.
    pub side: usize,
    /// Where.
    pub path: RelPath,
    /// Its bytes.
    pub content: Blob,
    /// What happened there before and after, one line each.
    pub history: Vec<String>,
}

impl Oracle {
    /// One that heard of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many contents people wrote.
    #[must_use]
    pub fn written(&self) -> usize {
        self.lineage().len()
    }

    /// How many contents are lost in a documented window, by reason.
    #[must_use]
    pub fn excused(&self) -> BTreeMap<&'static str, u64> {
        self.lineage().excused()
    }

    /// Says that a program may merge texts from now on: the merge of what people wrote counts as written, and what it
    /// was made of is where it is.
    pub fn let_merge(&self) {
        self.lineage().let_merge();
    }

    /// From now on what people write gets a size that no other content has, so that who compares sizes knows contents.
    pub fn tell_apart_by_size(&self) {
        self.lineage().tell_apart_by_size();
    }

    /// Where a file is to be seen with content that nobody wrote and that is made of nothing that people wrote.
    #[must_use]
    pub fn unwritten(&self, storages: &[&SimStorage]) -> Vec<RelPath> {
        let lineage = self.lineage();
        let seen = storages.iter().flat_map(|storage| storage.snapshot());
        seen.filter(|(_, items)| {
            let mut files = items.iter().filter(|item| item.kind == Kind::File);
            files.any(|file| !lineage.is_accounted_for(&file.content))
        })
        .map(|(path, _)| path)
        .collect()
    }

    /// The contents that are asked for as [`Oracle::check`] does, were not set aside unasked by a storage, and are to be
    /// seen on no side.
    #[must_use]
    pub fn hidden(&self, storages: &[&SimStorage]) -> Vec<Lost> {
        self.lineage().hidden(&visible(storages))
    }

    /// What Tandem deleted or replaced since the last call although nobody has deleted or replaced it until now.
    #[must_use]
    pub fn taken(&self) -> Vec<Taken> {
        self.lineage().take_taken()
    }

    /// Whether `content` is what was taken away, or made of it.
    #[must_use]
    pub fn is_of(&self, content: &Blob, taken: &Taken) -> bool {
        self.lineage().is_of(content, taken)
    }

    /// Whether something was done at `path` after `taken`.
    #[must_use]
    pub fn is_changed_since(&self, taken: &Taken, side: usize, path: &RelPath) -> bool {
        self.lineage().is_changed_since(taken, side, path)
    }

    /// What happened to what was taken away, one line each.
    #[must_use]
    pub fn history_of(&self, taken: &Taken) -> Vec<String> {
        self.lineage().history_of(taken)
    }

    /// Tandem begins a pass: what people do from now on they may do to what it has just carried.
    pub fn begin_pass(&self) {
        self.lineage().begin_pass();
    }

    /// What Tandem took since the last call, of all that people wrote, whether anybody asks for it or not.
    #[must_use]
    pub fn gone(&self) -> Vec<Gone> {
        self.lineage().take_gone()
    }

    /// Whether what is gone, or what it was made of, is among the contents that are `there`.
    #[must_use]
    pub fn is_among(&self, gone: &Gone, there: &Contents) -> bool {
        self.lineage().is_among(gone, there)
    }

    /// Whether a person replaced or removed what is gone since Tandem's pass began.
    #[must_use]
    pub fn is_ended_since(&self, gone: &Gone) -> bool {
        let acts = ["replaced", "removed", "written over"];
        self.lineage().did_person(gone, &acts, None, false)
    }

    /// Whether a person has ever replaced what is gone, or removed it on the side that it is gone from.
    #[must_use]
    pub fn is_given_up(&self, gone: &Gone) -> bool {
        let lineage = self.lineage();
        lineage.did_person(gone, &["replaced", "written over"], None, true)
            || lineage.did_person(gone, &["removed"], Some(gone.side), true)
    }

    /// What happened to what is gone, one line each.
    #[must_use]
    pub fn history_of_gone(&self, gone: &Gone) -> Vec<String> {
        self.lineage().history_of_gone(gone)
    }

    /// The contents from which nothing later was derived and that are on no side, in no conflict copy
    /// and in no version.
    #[must_use]
    pub fn check(&self, storages: &[&SimStorage]) -> Vec<Lost> {
        self.lineage().missing(&contents(storages))
    }

    fn lineage(&self) -> MutexGuard<'_, Lineage> {
        lock(&self.lineage)
    }
}

/// Hashes of contents.
pub type Contents = BTreeSet<[u8; 32]>;

/// All that `storages` hold, on a side or set aside, with what it was when it was sent.
#[must_use]
pub fn contents(storages: &[&SimStorage]) -> Contents {
    let mut there = Contents::new();
    for storage in storages {
        storage.each_content(|blob, sent| {
            there.insert(blob.hash());
            there.extend(sent);
        });
    }
    there
}

/// All that is to be seen on `storages`, with what it was when it was sent.
#[must_use]
pub fn visible(storages: &[&SimStorage]) -> Contents {
    let mut visible = Contents::new();
    let items = storages.iter().flat_map(|storage| storage.snapshot());
    for item in items.flat_map(|(_, items)| items) {
        if item.kind == Kind::File {
            visible.insert(item.content.hash());
            visible.extend(item.sent);
        }
    }
    visible
}

/// Where two sides differ, one sentence each; nothing if they are in step.
///
/// `common` gives the path under which an item is compared, `None` for one that the other side cannot
/// hold or that is left out; `same` whether two items at one common path are in step.
pub fn differences(
    sides: PerSide<&Snapshot>,
    common: impl Fn(Side, &RelPath, &Seen) -> Option<RelPath>,
    same: impl Fn(&Seen, &Seen) -> bool,
) -> Vec<String> {
    let mut paths: BTreeMap<RelPath, PerSide<Vec<&Seen>>> = BTreeMap::new();
    for side in Side::BOTH {
        for (path, items) in sides[side] {
            for item in items {
                if let Some(common) = common(side, path, item) {
                    paths.entry(common).or_default()[side].push(item);
                }
            }
        }
    }
    let mut found = Vec::new();
    for (path, items) in paths {
        match (&*items.source, &*items.destination) {
            ([source], [destination]) if same(source, destination) => {}
            ([source], [destination]) => found.push(format!(
                "{path:?} differs: {} and {}",
                source.summary(),
                destination.summary()
            )),
            (source, destination) => found.push(format!(
                "{path:?} is {} times on the source and {} times on the destination",
                source.len(),
                destination.len()
            )),
        }
    }
    found
}

/// Whether two sides hold the same: [`differences`] finds none, names compared as they are.
pub fn converged(sides: PerSide<&Snapshot>, same: impl Fn(&Seen, &Seen) -> bool) -> bool {
    differences(sides, |_, path, _| Some(path.clone()), same).is_empty()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tandem_core::capabilities::Capabilities;

    use super::*;
    use crate::sim::{Edit, SimEnvironment};

    fn path(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    fn write(at: &str, content: &'static str) -> Edit {
        Edit::Write {
            path: path(at),
            content: Bytes::from_static(content.as_bytes()),
        }
    }

    impl Oracle {
        /// Tandem deletes what the second side has at `at`.
        fn take_away(&self, at: &RelPath, content: &'static str) {
            let hash = Blob::new(content).hash();
            self.lineage().took((1, How::Deleted), at, hash, None);
        }
    }

    fn two_sides() -> (Oracle, SimStorage, SimStorage) {
        let environment = SimEnvironment::new(1);
        let oracle = Oracle::new();
        let sides = [0, 1].map(|side| {
            let storage = SimStorage::with(Capabilities::least(), &environment);
            storage.watched_by(&oracle, side);
            storage
        });
        let [a, b] = sides;
        (oracle, a, b)
    }

    #[test]
    fn what_a_person_replaced_or_deleted_is_not_asked_for() {
        let (oracle, a, b) = two_sides();
        assert!(a.edit(&write("x", "one")));
        assert!(a.edit(&write("x", "two")));
        assert!(a.edit(&write("y", "three")));
        assert!(a.edit(&Edit::Delete { path: path("y") }));
        assert_eq!(oracle.check(&[&a, &b]), []);
        assert_eq!(oracle.written(), 3);
    }

    #[test]
    fn content_that_is_nowhere_is_lost_and_its_history_told() {
        let (oracle, a, b) = two_sides();
        assert!(a.edit(&write("x", "one")));
        // A person on the other side, who never saw the first content, deletes a file of that name.
        assert!(b.edit(&write("x", "other")));
        assert!(b.edit(&Edit::Delete { path: path("x") }));
        assert_eq!(oracle.check(&[&a, &b]), []);
        // Without the side that holds it, the unseen version is missing.
        let lost = oracle.check(&[&b]);
        assert_eq!(lost.len(), 1);
        assert_eq!(lost[0].path, path("x"));
        assert_eq!(lost[0].content.bytes().as_ref(), b"one");
        assert!(lost[0].history[0].starts_with("side 0: wrote \"x\""));
    }

    #[test]
    fn the_same_content_at_two_places_is_told_apart_by_path() {
        let (oracle, a, b) = two_sides();
        for at in ["x", "y"] {
            assert!(a.edit(&write(at, "same")));
        }
        assert!(a.edit(&Edit::Move {
            from: path("x"),
            to: path("z")
        }));
        assert!(a.edit(&Edit::Delete { path: path("z") }));
        assert_eq!(oracle.check(&[&b]).len(), 1, "that of y");
        assert!(a.edit(&Edit::Delete { path: path("y") }));
        assert_eq!(oracle.check(&[&b]), []);
    }

    #[test]
    fn two_spellings_of_a_name_are_one_place() {
        let (oracle, a, b) = two_sides();
        assert!(a.edit(&write("x", "same")));
        assert!(b.edit(&write("X", "same")));
        // One side took both for one file: who deletes it deletes both.
        assert!(a.edit(&Edit::Delete { path: path("x") }));
        assert_eq!(oracle.check(&[]), []);
    }

    #[test]
    fn what_is_written_again_goes_as_what_the_other_side_had_of_it() {
        let (oracle, a, b) = two_sides();
        for side in [&a, &b] {
            assert!(side.edit(&write("x", "same")));
        }
        assert!(a.edit(&write("x", "new")));
        assert!(b.edit(&write("x", "other")));
        assert!(b.edit(&write("x", "same")));
        // By content nothing has happened to it there, and the other side replaced it.
        oracle.take_away(&path("x"), "same");
        assert_eq!(oracle.check(&[&a]), []);
        assert!(b.edit(&write("y", "same")));
        oracle.take_away(&path("y"), "same");
        assert_eq!(oracle.check(&[&a]).len(), 1, "that of y");
    }

    #[test]
    fn differences_are_named_and_equal_trees_have_none() {
        let (_, a, b) = two_sides();
        for storage in [&a, &b] {
            assert!(storage.edit(&write("x", "one")));
        }
        let same = |one: &Seen, other: &Seen| one.content == other.content;
        let (left, right) = (a.snapshot(), b.snapshot());
        assert!(converged(PerSide::new(&left, &right), same));
        assert!(a.edit(&write("x", "two")));
        assert!(a.edit(&write("y", "three")));
        let left = a.snapshot();
        let all = |_: Side, path: &RelPath, _: &Seen| Some(path.clone());
        let found = differences(PerSide::new(&left, &right), all, same);
        assert_eq!(found.len(), 2, "{found:?}");
    }
}
