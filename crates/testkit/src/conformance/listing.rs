//! Listing: complete by its end marker alone, and as `stat` says (DESIGN 6.3, P10).

use std::collections::{BTreeMap, BTreeSet};

use tandem_core::entry::{Entry, Kind};
use tandem_core::error::ErrorKind;
use tandem_core::path::RelPath;
use tandem_core::storage::{Commit, Depth, Expected, Keep, Meta, Root, Staged};

use super::bench::{Bench, at_once, beside, rel};
use super::body::{Body, Ear, bytes_of};
use super::outcome::{Outcome, Stop, check};
use super::tree::{Tree, same, try_list};

/// More than the largest page of any known listing but 5,000; and most have 1,000.
const MANY: usize = 1200;

/// Files made side by side, as a pass does it: staged together, committed in groups.
async fn make(bench: &Bench, names: &[String]) -> Outcome {
    let root = bench.root();
    for names in names.chunks(100) {
        let mut group = Vec::with_capacity(names.len());
        for names in names.chunks(16) {
            let staging = names
                .iter()
                .enumerate()
                .map(|(nth, name)| stage(root, nth, name));
            for staged in at_once(staging).await {
                group.push(Commit {
                    staged: staged?,
                    expected: Expected::Absent,
                    keep: Keep::No,
                    sink: None,
                });
            }
        }
        for answer in root.commit(group).await {
            answer?;
        }
    }
    Ok(())
}

async fn stage(root: &dyn Root, nth: usize, name: &str) -> tandem_core::error::Result<Staged> {
    let body = Body::honest(bytes_of(nth as u64, nth % 40));
    let meta = Meta::default();
    root.stage(&rel(name), body, &meta, None, Ear::new()).await
}

fn set(names: &[String]) -> BTreeSet<String> {
    names.iter().cloned().collect()
}

pub(super) async fn many_children_are_all_listed_once(bench: &Bench) -> Outcome {
    bench.folder("many").await?;
    let names: Vec<_> = (0..MANY).map(|nth| format!("many/file-{nth:04}")).collect();
    make(bench, &names).await?;
    let wanted = set(&names);
    for depth in [Depth::Children, Depth::Subtree] {
        bench
            .listed(&rel("many"), depth, |tree| same(&tree.files(), &wanted))
            .await?;
    }
    Ok(())
}

pub(super) async fn many_folders_are_all_listed_once(bench: &Bench) -> Outcome {
    let names: Vec<_> = (0..60)
        .map(|nth| format!("wide/folder-{:02}/deep-{}/file", nth % 20, nth % 3))
        .collect();
    let names = set(&names).into_iter().collect::<Vec<_>>();
    for name in &names {
        bench.parents_of(&rel(name)).await?;
    }
    make(bench, &names).await?;
    let wanted = set(&names);
    let tree = bench
        .listed(&RelPath::root(), Depth::Subtree, |tree| {
            same(&tree.files(), &wanted)
        })
        .await?;
    check!(
        tree.folders.contains_key(&rel("wide/folder-00/deep-0")),
        "a nested folder is missing"
    );
    Ok(())
}

/// A little tree: files at three depths, and names around the separator's place in the order of bytes.
async fn little_tree(bench: &Bench) -> Result<Vec<&'static str>, Stop> {
    let files = [
        "a",
        "folder/b",
        "folder/inner/c",
        "folder/inner/deep/d",
        "folder!/e",
        "folder-more/f",
        "folder.txt",
        "folder0",
    ];
    for (seed, file) in (0..).zip(files) {
        bench.put(file, bytes_of(seed, 10 + seed as usize)).await?;
    }
    Ok(files.to_vec())
}

pub(super) async fn a_subtree_is_listed_with_all_below_it(bench: &Bench) -> Outcome {
    let files = little_tree(bench).await?;
    bench
        .listed(&RelPath::root(), Depth::Subtree, |tree| {
            tree.has_files(&files)
        })
        .await?;
    bench
        .listed(&rel("folder"), Depth::Subtree, |tree| {
            tree.has_files(&["folder/b", "folder/inner/c", "folder/inner/deep/d"])
        })
        .await
        .map(drop)
}

pub(super) async fn children_are_listed_without_what_is_below(bench: &Bench) -> Outcome {
    little_tree(bench).await?;
    let wanted = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let top = wanted(&[
        "a",
        "folder",
        "folder!",
        "folder-more",
        "folder.txt",
        "folder0",
    ]);
    let inner = wanted(&["folder/b", "folder/inner"]);
    for (folder, wanted) in [("", top), ("folder", inner)] {
        bench
            .listed(&rel(folder), Depth::Children, |tree| {
                same(&tree.paths(), &wanted)
            })
            .await?;
    }
    Ok(())
}

pub(super) async fn a_listing_ends_with_its_end_marker_once(bench: &Bench) -> Outcome {
    for depth in [Depth::Children, Depth::Subtree] {
        let tree = bench.list(&RelPath::root(), depth).await?;
        check!(
            tree.paths().is_empty(),
            "a new root lists {:?}",
            tree.paths()
        );
    }
    little_tree(bench).await?;
    for folder in ["", "folder", "folder/inner/deep"] {
        for depth in [Depth::Children, Depth::Subtree] {
            bench.list(&rel(folder), depth).await?;
        }
    }
    Ok(())
}

/// What a listing may leave out, it must not contradict.
fn agree(listed: &Entry, shown: &Entry) -> Result<(), String> {
    let times = [listed.mtime, shown.mtime].map(|mtime| mtime.filter(|mtime| mtime.by_client));
    let same = listed.name == shown.name
        && listed.kind == shown.kind
        && listed.size == shown.size
        && listed.revision == shown.revision
        && listed.id == shown.id
        && listed.same_by_hash(shown) != Some(false)
        && !matches!(times, [Some(one), Some(two)] if one.at != two.at)
        && !matches!((listed.executable, shown.executable), (Some(one), Some(two)) if one != two);
    if same {
        return Ok(());
    }
    Err(format!("listed as {listed:?}, stat shows {shown:?}"))
}

pub(super) async fn a_listing_says_what_stat_says(bench: &Bench) -> Outcome {
    let files = little_tree(bench).await?;
    let mut shown = BTreeMap::new();
    let folders = [
        "folder",
        "folder/inner",
        "folder/inner/deep",
        "folder!",
        "folder-more",
    ];
    for path in files.iter().chain(&folders) {
        shown.insert(rel(path), bench.entry(&rel(path)).await?);
    }
    let tree = bench
        .listed(&RelPath::root(), Depth::Subtree, |tree| {
            tree.has_files(&files)?;
            tree.entries().into_iter().try_for_each(|(path, listed)| {
                let shown = shown.get(&path);
                let shown = shown.ok_or_else(|| format!("{path:?} was never made"))?;
                agree(listed, shown).map_err(|what| format!("{path:?} is {what}"))
            })
        })
        .await?;
    for (path, entry) in &shown {
        let by_id = bench
            .root()
            .stat(&super::bench::locate(path, entry))
            .await?;
        check!(
            by_id.as_ref() == Some(entry),
            "{path:?} shows as {by_id:?} by its id and as {entry:?} by its path"
        );
    }
    for (folder, entries) in &tree.folders {
        bench
            .listed(folder, Depth::Children, |again| {
                let alone = again.folders.get(folder).map(Vec::len);
                if alone == Some(entries.len()) {
                    return Ok(());
                }
                Err(format!(
                    "{alone:?} children alone, {} in the tree",
                    entries.len()
                ))
            })
            .await?;
    }
    Ok(())
}

pub(super) async fn a_finished_change_is_listed(bench: &Bench) -> Outcome {
    let root = RelPath::root();
    let old = bench.put("changing", bytes_of(1, 100)).await?;
    let new = bench.put("changing", bytes_of(2, 200)).await?;
    check!(
        old.entry.revision != new.entry.revision,
        "both contents have one revision"
    );
    bench
        .listed(&root, Depth::Children, |tree| {
            let revision = tree
                .entries()
                .get(&new.path)
                .map(|entry| entry.revision.clone());
            if revision.as_ref() == Some(&new.entry.revision) {
                return Ok(());
            }
            Err(format!("the listing shows the revision {revision:?}"))
        })
        .await?;
    bench.outsider_removes(&new.path).await?;
    bench.nothing_at(&new.path).await
}

pub(super) async fn what_an_outsider_makes_is_listed(bench: &Bench) -> Outcome {
    let path = rel("theirs/file");
    let bytes = bench.outsider_puts(&path, bytes_of(3, 333)).await?;
    bench
        .listed(&RelPath::root(), Depth::Subtree, |tree| {
            tree.has_files(&["theirs/file"])
        })
        .await?;
    bench.holds(&path, &bytes).await
}

/// Whether a listing of what is no folder was refused, or is at least empty where folders are implied.
fn no_folder(
    bench: &Bench,
    what: &str,
    answer: Result<Tree, tandem_core::error::StorageError>,
) -> Outcome {
    match answer {
        Err(error) => check!(
            error.kind == ErrorKind::Permanent,
            "listing {what} fails for good: {error}"
        ),
        Ok(tree) => {
            check!(tree.paths().is_empty(), "{what} lists {:?}", tree.paths());
            check!(
                bench.subject.flat || !tree.unreadable.is_empty(),
                "{what} lists as a complete empty folder"
            );
        }
    }
    Ok(())
}

pub(super) async fn a_missing_folder_is_not_an_empty_one(bench: &Bench) -> Outcome {
    for depth in [Depth::Children, Depth::Subtree] {
        let answer = try_list(bench.root(), &rel("no/such/folder"), depth).await?;
        if let Err(error) = &answer {
            check!(
                error.cause == tandem_core::error::Cause::NotFound,
                "a missing folder should fail with not_found: {error}"
            );
        }
        no_folder(bench, "a missing folder", answer)?;
    }
    Ok(())
}

pub(super) async fn a_file_is_not_an_empty_folder(bench: &Bench) -> Outcome {
    let file = bench.put("file", bytes_of(4, 44)).await?;
    for depth in [Depth::Children, Depth::Subtree] {
        let answer = try_list(bench.root(), &file.path, depth).await?;
        no_folder(bench, "a file", answer)?;
    }
    Ok(())
}

pub(super) async fn a_listing_beside_changes_misses_nothing_that_stays(bench: &Bench) -> Outcome {
    let names: Vec<_> = (0..200).map(|nth| format!("busy/stays-{nth:03}")).collect();
    bench.folder("busy").await?;
    make(bench, &names).await?;
    let (folder, wanted) = (rel("busy"), set(&names));
    bench
        .listed(&folder, Depth::Children, |tree| {
            same(&tree.files(), &wanted)
        })
        .await?;
    let changes = async {
        for nth in 0..20 {
            let placed = bench
                .put(&format!("busy/a-{nth}"), bytes_of(nth, 10))
                .await?;
            bench.outsider_removes(&placed.path).await?;
        }
        Ok(())
    };
    let look = || async {
        let Ok(tree) = try_list(bench.root(), &folder, Depth::Subtree).await? else {
            return Ok(());
        };
        let found = tree.files();
        let missing = wanted.iter().find(|name| !found.contains(*name));
        check!(
            missing.is_none() || !tree.unreadable.is_empty(),
            "{missing:?} was there all the time and is missing from a complete listing"
        );
        Ok(())
    };
    beside(changes, look).await?
}

pub(super) async fn stat_tells_what_is_absent(bench: &Bench) -> Outcome {
    let file = bench.put("folder/file", bytes_of(5, 55)).await?;
    for absent in [
        "none",
        "folder/none",
        "none/none",
        "folder/file/below",
        "fold",
    ] {
        let found = bench.root().stat(&rel(absent).into()).await?;
        check!(
            found.is_none(),
            "{absent:?} is absent and shows as {found:?}"
        );
    }
    let folder = bench.entry(&rel("folder")).await?;
    check!(
        folder.kind == Kind::Folder && folder.name.as_str() == "folder",
        "a folder shows as {folder:?}"
    );
    bench.untouched(&file).await
}
