//! What Tandem deleted or replaced although no person did (P10).

use tandem_core::entry::Kind;
use tandem_core::names;
use tandem_core::path::RelPath;
use tandem_core::side::{PerSide, Side};

use crate::oracle::{Oracle, Taken};
use crate::sim::{SimStorage, Snapshot};

/// One sentence for each content that was taken away on a side since the last call, although nobody deleted or replaced it:
/// unless it is still to be seen on that side, or a person moved it away on the other one.
pub(super) fn find(oracle: &Oracle, sides: &PerSide<SimStorage>) -> Vec<String> {
    let taken = oracle.taken();
    if taken.is_empty() {
        return Vec::new();
    }
    let snapshots = PerSide::from_fn(|side| sides[side].snapshot());
    let judge = Judge {
        oracle,
        sides,
        snapshots,
    };
    taken.iter().filter_map(|one| judge.verdict(one)).collect()
}

struct Judge<'a> {
    oracle: &'a Oracle,
    sides: &'a PerSide<SimStorage>,
    snapshots: PerSide<Snapshot>,
}

impl Judge<'_> {
    fn verdict(&self, taken: &Taken) -> Option<String> {
        let side = if taken.side == 0 {
            Side::Source
        } else {
            Side::Destination
        };
        if !self.places(side, taken).is_empty() {
            return None;
        }
        let other = side.other();
        let places = self.places(other, taken);
        let common = self.common(side, &taken.path);
        let why = if places.is_empty() {
            "it is nowhere to be seen"
        } else if places.iter().any(|place| {
            self.common(other, place) == common
                && !self.oracle.is_changed_since(taken, 1 - taken.side, place)
        }) {
            "the other side still has it"
        } else {
            return None;
        };
        let history = self.oracle.history_of(taken).join("; ");
        Some(format!(
            "{} although nobody did, and {why}: {} on {side}: {history}",
            taken.what, taken.path
        ))
    }

    /// Where the content that was taken away is to be seen.
    fn places(&self, side: Side, taken: &Taken) -> Vec<&RelPath> {
        let seen = self.snapshots[side].iter();
        seen.filter(|(_, items)| {
            let mut files = items.iter().filter(|item| item.kind == Kind::File);
            files.any(|file| self.oracle.is_of(&file.content, taken))
        })
        .map(|(path, _)| path)
        .collect()
    }

    /// The path in the pair's spelling, in which names that differ in case alone are two: a person may move from one to
    /// the other.
    fn common(&self, side: Side, path: &RelPath) -> Option<RelPath> {
        names::decode_path(path, &self.sides[side].capabilities().names).ok()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tandem_core::capabilities::{Capabilities, Conditions};
    use tandem_core::storage::{Discard, Expected, Keep, Locator, Root};

    use super::*;
    use crate::sim::{Edit, SimEnvironment, SimExecutor};

    fn path(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    fn write(at: &str, content: &str) -> Edit {
        Edit::Write {
            path: path(at),
            content: Bytes::copy_from_slice(content.as_bytes()),
        }
    }

    fn watched(environment: &SimEnvironment) -> (Oracle, PerSide<SimStorage>) {
        let oracle = Oracle::new();
        let capabilities = Capabilities {
            conditions: Conditions::ALL,
            versions: true,
            ..Capabilities::least()
        };
        let sides = PerSide::from_fn(|_| SimStorage::with(capabilities.clone(), environment));
        sides.source.watched_by(&oracle, 0);
        sides.destination.watched_by(&oracle, 1);
        (oracle, sides)
    }

    /// Has Tandem delete `at`.
    async fn delete(storage: &SimStorage, at: &str) {
        let (root, at) = (storage.sim_root(), Locator::of_path(path(at)));
        let there = root.stat(&at).await.unwrap().unwrap();
        let expected = Expected::Revision(there.revision);
        let deleted = root.delete(&at, &expected, &Keep::No, Discard::Forever);
        deleted.await.unwrap();
    }

    #[test]
    fn a_delete_that_nobody_asked_for_is_found() {
        SimExecutor::run_seed(1, |environment| async move {
            let (oracle, sides) = watched(&environment);
            // As after a listing that was cut: the source still has it, and Tandem believes that it has not.
            assert!(sides.source.edit(&write("x", "one")));
            assert!(sides.destination.edit(&write("x", "one")));
            delete(&sides.destination, "x").await;
            let found = find(&oracle, &sides);
            assert!(
                found[0].contains("the other side still has it"),
                "{found:?}"
            );
            assert_eq!(find(&oracle, &sides), [""; 0], "told once");
            // As after a mount was lost.
            sides.destination.unmount();
            delete(&sides.source, "x").await;
            let found = find(&oracle, &sides);
            assert!(found[0].contains("nowhere to be seen"), "{found:?}");
        });
    }

    #[test]
    fn what_a_person_deleted_replaced_or_moved_may_go_on_the_other_side() {
        SimExecutor::run_seed(2, |environment| async move {
            let (oracle, sides) = watched(&environment);
            for at in ["deleted", "replaced", "moved"] {
                for side in Side::BOTH {
                    assert!(sides[side].edit(&write(at, at)));
                }
            }
            let (from, to) = (path("moved"), path("elsewhere"));
            assert!(sides.source.edit(&Edit::Delete {
                path: path("deleted")
            }));
            assert!(sides.source.edit(&write("replaced", "new")));
            assert!(sides.source.edit(&Edit::Move { from, to }));
            for at in ["deleted", "replaced", "moved"] {
                delete(&sides.destination, at).await;
            }
            assert_eq!(find(&oracle, &sides), [""; 0]);
        });
    }

    #[test]
    fn content_that_is_in_versions_only_is_hidden() {
        SimExecutor::run_seed(3, |environment| async move {
            let (oracle, sides) = watched(&environment);
            assert!(sides.source.edit(&write("x", "one")));
            let both = [&sides.source, &sides.destination];
            assert_eq!(oracle.hidden(&both), []);
            delete(&sides.source, "x").await;
            assert_eq!(oracle.hidden(&both).len(), 1);
        });
    }
}
