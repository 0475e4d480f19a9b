//! The feed and the waiting: changes lead from one listing to the next, hints are only hints (DESIGN 6.3).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use futures_util::future::join;
use tandem_core::capabilities::ListingConsistency;
use tandem_core::entry::{Entry, Kind, NativeId};
use tandem_core::error::Cause;
use tandem_core::path::RelPath;
use tandem_core::storage::{Change, Cursor, Depth, Discard, Expected, Keep, ParentRef, Root};

use super::bench::{Bench, Placed, locate, rel};
use super::body::bytes_of;
use super::outcome::{Outcome, Stop, check, needs};
use super::tree::{Tree, same};

/// How long a feed, or a listing that lags behind, may take to show what was done.
const PATIENCE: Duration = Duration::from_secs(30);

/// A folder tree, kept in step by a feed alone.
#[derive(Debug, Clone, Default)]
struct Model {
    items: BTreeMap<RelPath, Entry>,
}

impl Model {
    fn of(tree: &Tree) -> Self {
        let items = tree.entries().into_iter();
        Self {
            items: items.map(|(path, entry)| (path, entry.clone())).collect(),
        }
    }

    fn by_id(&self, id: &NativeId) -> Option<RelPath> {
        let mut items = self.items.iter();
        let found = items.find(|(_, entry)| entry.id.as_ref() == Some(id));
        found.map(|(path, _)| path.clone())
    }

    fn remove(&mut self, gone: &RelPath) {
        self.items.retain(|path, _| !path.is_within(gone));
    }

    /// Puts `entry` at `path`; where it lay before, with all below it, it is no more.
    fn upsert(&mut self, path: RelPath, entry: Entry) {
        let before = entry.id.as_ref().and_then(|id| self.by_id(id));
        if let Some(before) = before.filter(|before| *before != path) {
            let below: Vec<_> = self
                .items
                .keys()
                .filter(|item| item.is_within(&before))
                .cloned()
                .collect();
            for item in below {
                let moved = self.items.remove(&item).zip(item.below(&before));
                if let Some((entry, rest)) = moved {
                    self.items.insert(path.append(&rest), entry);
                }
            }
        }
        self.items.insert(path, entry);
    }

    /// Applies a batch whole: what finds no parent yet waits for the rest of the batch.
    fn apply(&mut self, root: Option<&NativeId>, batch: Vec<Change>) -> Result<(), String> {
        let mut waiting = batch;
        loop {
            let before = waiting.len();
            let mut left = Vec::new();
            for change in waiting {
                match change {
                    Change::Upsert { parent, entry } => {
                        let folder = match &parent {
                            ParentRef::Path(path) => Some(path.clone()),
                            ParentRef::Id(id) if root == Some(id) => Some(RelPath::root()),
                            ParentRef::Id(id) => self.by_id(id),
                        };
                        match folder {
                            Some(folder) => self.upsert(folder.join(&entry.name), entry),
                            None => left.push(Change::Upsert { parent, entry }),
                        }
                    }
                    Change::Removed { id, path } => {
                        let found = id.as_ref().and_then(|id| self.by_id(id));
                        if let Some(gone) = found.or(path.filter(|_| id.is_none())) {
                            self.remove(&gone);
                        }
                    }
                    Change::LostAccess { .. } => return Err("access was lost".into()),
                }
            }
            if left.is_empty() {
                return Ok(());
            }
            if left.len() == before {
                return Err(format!("lines without a folder to lie in: {left:?}"));
            }
            waiting = left;
        }
    }

    /// Whether it is what a listing shows. Folders that are implied by names have no lines of their own.
    fn matches(&self, tree: &Tree, flat: bool) -> Result<(), String> {
        let shown = |kind| !flat || kind != Kind::Folder;
        let text = |path: &RelPath| path.as_str().to_owned();
        let told = self.items.iter().filter(|(_, entry)| shown(entry.kind));
        let told = told.map(|(path, _)| text(path)).collect();
        let listed = tree.entries().into_iter();
        let listed: BTreeMap<_, _> = listed.filter(|(_, entry)| shown(entry.kind)).collect();
        same(&told, &listed.keys().map(text).collect())?;
        for (path, listed) in listed {
            let told = &self.items[&path];
            let agree = told.kind == listed.kind
                && told.size == listed.size
                && told.id == listed.id
                && (told.kind == Kind::Folder || told.revision == listed.revision);
            if !agree {
                return Err(format!(
                    "{path:?}: the feed says {told:?}, the listing {listed:?}"
                ));
            }
        }
        Ok(())
    }
}

/// Everything the feed says since `cursor`.
async fn news(root: &dyn Root, cursor: &Cursor) -> Result<(Vec<Change>, Cursor), Stop> {
    let (mut all, mut cursor) = (Vec::new(), cursor.clone());
    for _ in 0..10_000 {
        let batch = root.changes(&cursor).await?;
        all.extend(batch.changes);
        cursor = batch.cursor;
        if !batch.more {
            return Ok((all, cursor));
        }
    }
    Err(Stop::broken("the feed always says that there is more"))
}

/// Lists everything, with a cursor from before.
async fn start(bench: &Bench) -> Result<(Model, Cursor, Option<NativeId>), Stop> {
    let before = bench.put("before/file", bytes_of(0, 5)).await?;
    let cursor = bench.root().cursor().await?;
    let tree = bench
        .listed(&RelPath::root(), Depth::Subtree, |tree| {
            let listed = tree
                .entries()
                .get(&before.path)
                .map(|entry| &entry.revision);
            if listed == Some(&before.entry.revision) {
                return Ok(());
            }
            Err(format!("{:?} is not listed as it is", before.path))
        })
        .await?;
    let root = bench
        .root()
        .stat(&RelPath::root().into())
        .await
        .ok()
        .flatten();
    Ok((Model::of(&tree), cursor, root.and_then(|entry| entry.id)))
}

/// Reads the feed until the model is what is listed.
async fn follows(
    bench: &Bench,
    model: &Mutex<(Model, Cursor)>,
    root: Option<&NativeId>,
    order: fn(Vec<Change>) -> Vec<Change>,
) -> Outcome {
    bench
        .until(PATIENCE, || async {
            let (mut state, cursor) = model.lock().expect("nobody else has it").clone();
            let (batch, cursor) = news(bench.root(), &cursor).await?;
            if let Err(what) = state.apply(root, order(batch)) {
                return Ok(Err(what));
            }
            let tree = bench.list(&RelPath::root(), Depth::Subtree).await?;
            let verdict = state.matches(&tree, bench.subject.flat);
            *model.lock().expect("nobody else has it") = (state, cursor);
            Ok(verdict.map_err(|what| format!("the feed does not lead to the listing: {what}")))
        })
        .await
}

async fn delete(bench: &Bench, placed: &Placed) -> Outcome {
    let (at, expected) = (placed.at(), placed.expected());
    let root = bench.root();
    root.delete(&at, &expected, &Keep::No, Discard::Forever)
        .await?;
    Ok(())
}

/// A little of everything.
async fn edit(bench: &Bench, round: u64) -> Outcome {
    let name = |text: &str| format!("round-{round}/{text}");
    bench.put(&name("new"), bytes_of(round, 10)).await?;
    let edited = bench.put(&name("edited"), bytes_of(round, 20)).await?;
    bench.put(&name("edited"), bytes_of(round, 30)).await?;
    let gone = bench
        .put(&name("deep/er/gone"), bytes_of(round, 40))
        .await?;
    bench
        .put(&name("deep/er/stays"), bytes_of(round, 50))
        .await?;
    delete(bench, &gone).await?;
    bench
        .outsider_puts(&edited.path, bytes_of(round, 60))
        .await?;
    bench
        .outsider_puts(&rel(&name("theirs")), bytes_of(round, 70))
        .await?;
    // What an earlier round made must change and go as well: within one batch it would leave no line.
    if round > 0 {
        let before = |text: &str| rel(&format!("round-{}/{text}", round - 1));
        bench
            .outsider_puts(&before("edited"), bytes_of(round, 90))
            .await?;
        bench.outsider_removes(&before("new")).await?;
        bench.outsider_removes(&before("deep/er/stays")).await?;
    }
    if bench.caps().atomic_move {
        let moved = bench.put(&name("before"), bytes_of(round, 80)).await?;
        let (at, expected) = (moved.at(), moved.expected());
        let to = rel(&name("deep/after"));
        let root = bench.root();
        root.move_to(&at, &expected, &to, &Expected::Absent, &Keep::No)
            .await?;
    }
    if round > 0 && bench.caps().folder_move {
        let from = rel(&format!("round-{}/deep", round - 1));
        let entry = bench.entry(&from).await?;
        let expected = Expected::Revision(entry.revision.clone());
        let root = bench.root();
        let (at, to) = (locate(&from, &entry), rel(&name("moved")));
        root.move_to(&at, &expected, &to, &Expected::Absent, &Keep::No)
            .await?;
    }
    Ok(())
}

pub(super) async fn the_feed_leads_to_what_is_listed(bench: &Bench) -> Outcome {
    needs!(bench.caps().feed, "no feed");
    let (model, cursor, root) = start(bench).await?;
    let model = Mutex::new((model, cursor));
    for round in 0..3 {
        edit(bench, round).await?;
        follows(bench, &model, root.as_ref(), |batch| batch).await?;
    }
    Ok(())
}

/// Each item's last line alone, children before their folders.
fn shuffled(batch: Vec<Change>) -> Vec<Change> {
    let mut seen = BTreeSet::new();
    let mut kept = Vec::new();
    for change in batch.into_iter().rev() {
        let item = match &change {
            Change::Upsert { parent, entry } => match &entry.id {
                Some(id) => format!("{id:?}"),
                None => format!("{parent:?}/{}", entry.name),
            },
            Change::Removed { id: Some(id), .. } => format!("{id:?}"),
            Change::Removed { path, .. } => {
                let parent = path.as_ref().and_then(RelPath::parent).map(ParentRef::Path);
                let name = path.as_ref().and_then(RelPath::name);
                format!("{parent:?}/{name:?}")
            }
            Change::LostAccess { .. } => String::new(),
        };
        if seen.insert(item) {
            kept.push(change);
        }
    }
    kept.sort_by_key(|change| matches!(change, Change::Upsert { .. }));
    kept
}

pub(super) async fn a_batch_of_the_feed_may_come_in_any_order(bench: &Bench) -> Outcome {
    needs!(bench.caps().feed, "no feed");
    let (model, cursor, root) = start(bench).await?;
    let model = Mutex::new((model, cursor));
    for round in 0..3 {
        edit(bench, round).await?;
        follows(bench, &model, root.as_ref(), shuffled).await?;
    }
    Ok(())
}

pub(super) async fn the_feed_says_the_same_again_from_the_same_cursor(bench: &Bench) -> Outcome {
    needs!(bench.caps().feed, "no feed");
    let (model, cursor, root) = start(bench).await?;
    edit(bench, 0).await?;
    let first = Mutex::new((model.clone(), cursor.clone()));
    follows(bench, &first, root.as_ref(), |batch| batch).await?;
    let again = Mutex::new((model, cursor));
    follows(bench, &again, root.as_ref(), |batch| batch).await
}

pub(super) async fn a_cursor_covers_what_is_done_while_listing(bench: &Bench) -> Outcome {
    needs!(bench.caps().feed, "no feed");
    needs!(
        bench.caps().listing == ListingConsistency::Strong,
        "listings lag behind"
    );
    for nth in 0..10 {
        bench
            .put(&format!("folder/{nth}"), bytes_of(nth, 10))
            .await?;
    }
    let cursor = bench.root().cursor().await?;
    let root = RelPath::root();
    let (tree, edited) = join(bench.list(&root, Depth::Subtree), edit(bench, 0)).await;
    edited?;
    let shown = bench
        .root()
        .stat(&RelPath::root().into())
        .await
        .ok()
        .flatten();
    let id = shown.and_then(|entry| entry.id);
    let model = Mutex::new((Model::of(&tree?), cursor));
    follows(bench, &model, id.as_ref(), |batch| batch).await
}

pub(super) async fn a_cursor_outlasts_a_restart(bench: &Bench) -> Outcome {
    needs!(bench.caps().feed, "no feed");
    let cursor = bench.root().cursor().await?;
    let placed = bench.put("after-the-cursor", bytes_of(1, 10)).await?;
    let again = bench.reopened().await;
    let again = &again;
    bench
        .until(PATIENCE, || async {
            let (batch, _) = news(&**again, &cursor).await?;
            let told = batch.iter().any(|change| {
                matches!(change, Change::Upsert { entry, .. } if entry.name == placed.entry.name)
            });
            Ok(if told {
                Ok(())
            } else {
                Err(format!("after a restart the feed says {batch:?}"))
            })
        })
        .await
}

pub(super) async fn a_cursor_of_something_else_has_expired(bench: &Bench) -> Outcome {
    if !bench.caps().feed {
        return Err(Stop::NotApplicable("no feed".into()));
    }
    let other = bench.another().await;
    other
        .root
        .create_folder(&rel("so-that-it-differs"))
        .await
        .ok();
    let foreign = other.root.cursor().await?;
    for cursor in [
        foreign,
        Cursor(String::new()),
        Cursor("no cursor of any storage".into()),
    ] {
        match bench.root().changes(&cursor).await {
            Ok(told) => {
                return Err(Stop::broken(format!(
                    "{cursor:?} is not of this root: {told:?}"
                )));
            }
            Err(error) => check!(
                error.cause == Cause::CursorExpired,
                "{cursor:?} should fail with cursor_expired: {error}"
            ),
        }
    }
    Ok(())
}

/// Watches from one point on, and what `wait` says after `change` was made.
async fn hinted<F>(bench: &Bench, what: &str, beside: bool, change: F) -> Outcome
where
    F: Future<Output = Outcome> + Send,
{
    let cursor = match bench.caps().feed {
        true => Some(bench.root().cursor().await?),
        false => None,
    };
    let wait = |patience| bench.root().wait(cursor.as_ref(), patience);
    wait(Duration::from_millis(50)).await?;
    let hints = if beside {
        let change = async {
            bench.pause(Duration::from_millis(100)).await;
            change.await
        };
        let (hints, changed) = join(wait(PATIENCE), change).await;
        changed?;
        hints?
    } else {
        change.await?;
        wait(PATIENCE).await?
    };
    check!(!hints.is_empty(), "{what} gave no hint before the deadline");
    Ok(())
}

pub(super) async fn a_change_ends_the_waiting(bench: &Bench) -> Outcome {
    needs!(bench.caps().waiting, "no waiting");
    bench.put("folder/edited", bytes_of(2, 10)).await?;
    for beside in [true, false] {
        hinted(bench, "an outsider's new file", beside, async {
            let path = rel(&format!("folder/theirs-{beside}"));
            bench.outsider_puts(&path, bytes_of(3, 10)).await.map(drop)
        })
        .await?;
        hinted(bench, "an outsider's edit", beside, async {
            let path = rel("folder/edited");
            bench.outsider_puts(&path, bytes_of(4, 20)).await.map(drop)
        })
        .await?;
        hinted(bench, "an outsider's delete", beside, async {
            bench
                .outsider_removes(&rel(&format!("folder/theirs-{beside}")))
                .await
        })
        .await?;
    }
    hinted(bench, "a file in a folder that is new", false, async {
        let path = rel("new/folder/theirs");
        bench.outsider_puts(&path, bytes_of(5, 10)).await.map(drop)
    })
    .await
}

pub(super) async fn the_waiting_ends_at_its_deadline(bench: &Bench) -> Outcome {
    needs!(bench.caps().waiting, "no waiting");
    let cursor = match bench.caps().feed {
        true => Some(bench.root().cursor().await?),
        false => None,
    };
    for _ in 0..3 {
        let deadline = Duration::from_millis(100);
        bench.root().wait(cursor.as_ref(), deadline).await?;
    }
    Ok(())
}
