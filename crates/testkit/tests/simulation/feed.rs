//! The feed leads to what is there, however its lines come.

use std::collections::BTreeMap;

use tandem_core::capabilities::Ids;
use tandem_core::entry::{Entry, NativeId};
use tandem_core::path::RelPath;
use tandem_core::storage::{Change, Cursor, ParentRef, Root};
use tandem_testkit::seed::Rng;
use tandem_testkit::sim::{Fault, Faults, SimExecutor, SimRoot, SimStorage};

use crate::steps::list;

/// What a reader of the feed makes of it: the entry of each item, and where it lies.
#[derive(Default)]
struct Reader {
    by_id: BTreeMap<NativeId, (ParentRef, Entry)>,
    by_path: BTreeMap<RelPath, Entry>,
}

impl Reader {
    fn apply(&mut self, changes: Vec<Change>, ids: bool) {
        for change in changes {
            match change {
                Change::Upsert { parent, entry } if ids => {
                    let id = entry.id.clone().unwrap();
                    self.by_id.insert(id, (parent, entry));
                }
                Change::Upsert { parent, entry } => {
                    let ParentRef::Path(parent) = parent else {
                        panic!("a feed by path names parents by path");
                    };
                    self.by_path.insert(parent.join(&entry.name), entry);
                }
                Change::Removed { id: Some(id), .. } => drop(self.by_id.remove(&id)),
                Change::Removed { path, .. } => {
                    let path = path.unwrap();
                    self.by_path.retain(|at, _| !at.is_within(&path));
                }
                Change::LostAccess { .. } => panic!("no access was lost"),
            }
        }
    }

    /// The tree as paths; items whose folder is gone are gone too.
    fn tree(&self) -> BTreeMap<RelPath, Entry> {
        if !self.by_path.is_empty() {
            return self.by_path.clone();
        }
        let place = |id| self.place(id);
        self.by_id
            .iter()
            .filter_map(|(id, (_, entry))| Some((place(id)?, entry.clone())))
            .collect()
    }

    fn place(&self, id: &NativeId) -> Option<RelPath> {
        let (parent, entry) = self.by_id.get(id)?;
        let parent = match parent {
            ParentRef::Path(path) => path.clone(),
            ParentRef::Id(id) => self.place(id)?,
        };
        Some(parent.join(&entry.name))
    }
}

async fn follow(root: &SimRoot, mut cursor: Cursor, reader: &mut Reader, ids: bool) -> Cursor {
    loop {
        let batch = root.changes(&cursor).await.unwrap();
        reader.apply(batch.changes, ids);
        cursor = batch.cursor;
        if !batch.more {
            return cursor;
        }
    }
}

#[test]
fn following_the_feed_gives_what_a_listing_gives() {
    for seed in 0..300 {
        SimExecutor::run_seed(seed, |environment| async move {
            let storage = SimStorage::from_seed_but(seed, &environment, |capabilities, habits| {
                capabilities.feed = true;
                capabilities.empty_folders = true;
                capabilities.twins = false;
                capabilities.listing = tandem_core::capabilities::ListingConsistency::Strong;
                capabilities.case = tandem_core::capabilities::CaseRule::Sensitive;
                capabilities.unicode = tandem_core::capabilities::UnicodeRule::Exact;
                habits.feed_by_id &= capabilities.ids == Ids::Strong;
            });
            let ids = storage.habits().feed_by_id;
            let mut rng = Rng::new(seed);
            let root = storage.sim_root();
            let mut cursor = root.cursor().await.unwrap();
            let mut reader = Reader::default();
            for round in 0..6 {
                storage.set_faults(match round {
                    5 => Faults::none(),
                    _ => Faults::of(&[
                        (Fault::FeedReordered, 500),
                        (Fault::FeedTwice, 500),
                        (Fault::FeedLate, 50),
                    ]),
                });
                storage.random_edits(&mut rng, 6);
                if round == 5 {
                    storage.heal();
                }
                cursor = follow(&root, cursor, &mut reader, ids).await;
            }
            let (listed, _, ended) = list(&*root).await;
            assert!(ended);
            let names = |tree: BTreeMap<RelPath, Entry>| {
                tree.into_iter()
                    .filter(|(_, entry)| entry.kind != tandem_core::entry::Kind::Folder)
                    .map(|(path, entry)| (path, entry.size, entry.revision))
                    .collect::<Vec<_>>()
            };
            assert_eq!(names(reader.tree()), names(listed), "seed {seed}");
        });
    }
}
