//! A listing, collected with the rules that hold for every listing.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt;
use tandem_core::capabilities::ListingConsistency;
use tandem_core::entry::{Entry, Kind};
use tandem_core::error::StorageError;
use tandem_core::path::RelPath;
use tandem_core::storage::{Depth, FolderListing, Listed, Root, Skipped};

use super::outcome::{Stop, check};

/// What a complete listing said.
#[derive(Debug, Clone, Default)]
pub(super) struct Tree {
    /// Each listed folder with its children.
    pub(super) folders: BTreeMap<RelPath, Vec<Entry>>,
    /// What was left out.
    pub(super) skipped: Vec<Skipped>,
    /// Folders that could not be listed.
    pub(super) unreadable: Vec<Skipped>,
}

impl Tree {
    /// Every entry by its path.
    pub(super) fn entries(&self) -> BTreeMap<RelPath, &Entry> {
        self.folders
            .iter()
            .flat_map(|(folder, entries)| {
                entries
                    .iter()
                    .map(|entry| (folder.join(&entry.name), entry))
            })
            .collect()
    }

    /// The paths of everything listed.
    pub(super) fn paths(&self) -> BTreeSet<String> {
        self.entries()
            .keys()
            .map(|path| path.as_str().to_owned())
            .collect()
    }

    /// The paths of all files.
    pub(super) fn files(&self) -> BTreeSet<String> {
        self.entries()
            .into_iter()
            .filter(|(_, entry)| entry.kind == Kind::File)
            .map(|(path, _)| path.as_str().to_owned())
            .collect()
    }

    /// Whether exactly these files are listed.
    pub(super) fn has_files(&self, wanted: &[&str]) -> Result<(), String> {
        let wanted = wanted.iter().map(|path| (*path).to_owned()).collect();
        same(&self.files(), &wanted)
    }

    /// Whether all of these are listed.
    pub(super) fn has(&self, wanted: &[&str]) -> Result<(), String> {
        let paths = self.paths();
        match wanted.iter().find(|path| !paths.contains(**path)) {
            None => Ok(()),
            Some(missing) => Err(format!("{missing:?} is missing")),
        }
    }

    /// Whether nothing is listed at `path`.
    pub(super) fn none_at(&self, path: &RelPath) -> Result<(), String> {
        match self.entries().get(path) {
            None => Ok(()),
            Some(entry) => Err(format!("{path:?} is listed: {entry:?}")),
        }
    }
}

/// Whether two sets of paths are equal; else what is missing and what is too much.
pub(super) fn same(found: &BTreeSet<String>, wanted: &BTreeSet<String>) -> Result<(), String> {
    if found == wanted {
        return Ok(());
    }
    let shown = |paths: Vec<&String>| {
        let more = if paths.len() > 8 { ", ..." } else { "" };
        let first: Vec<_> = paths
            .iter()
            .take(8)
            .map(|path| format!("{path:?}"))
            .collect();
        format!("[{}{more}]", first.join(", "))
    };
    let missing = shown(wanted.difference(found).collect());
    let surplus = shown(found.difference(wanted).collect());
    Err(format!("missing {missing}, too many {surplus}"))
}

/// Lists `folder`; the outer error is a listing that breaks the rules, the inner one an honest failure.
pub(super) async fn try_list(
    root: &dyn Root,
    folder: &RelPath,
    depth: Depth,
) -> Result<Result<Tree, StorageError>, Stop> {
    let mut tree = Tree::default();
    let mut stream = root.list(folder, depth);
    let mut ended = false;
    while let Some(item) = stream.next().await {
        check!(
            !ended,
            "the listing of {folder:?} goes on after its end: {item:?}"
        );
        match item {
            Err(error) => {
                let next = stream.next().await;
                check!(
                    next.is_none(),
                    "the listing of {folder:?} goes on after its error: {next:?}"
                );
                return Ok(Err(error));
            }
            Ok(Listed::End) => ended = true,
            Ok(Listed::Unreadable(what)) => tree.unreadable.push(what),
            Ok(Listed::Folder(listing)) => add(root, &mut tree, folder, listing)?,
        }
    }
    check!(
        ended,
        "the listing of {folder:?} stopped without its end marker"
    );
    check_whole(&tree, folder, depth)?;
    Ok(Ok(tree))
}

fn add(
    root: &dyn Root,
    tree: &mut Tree,
    asked: &RelPath,
    listing: FolderListing,
) -> Result<(), Stop> {
    let folder = listing.folder;
    check!(
        folder.is_within(asked),
        "the listing of {asked:?} shows {folder:?}, which is not below it"
    );
    let mut names = BTreeSet::new();
    // A listing that lags behind may show a name as it was beside the same name as it is.
    let capabilities = root.capabilities();
    let may_repeat = capabilities.twins || capabilities.listing == ListingConsistency::Eventual;
    for entry in &listing.entries {
        let name = &entry.name;
        check!(
            !name.is_reserved(),
            "Tandem's own {name:?} is listed in {folder:?}"
        );
        check!(
            names.insert(name.as_str()) || may_repeat,
            "{name:?} is listed twice in {folder:?}, and there are no twins here"
        );
        check!(
            entry.kind == Kind::File || entry.size == 0,
            "{name:?} in {folder:?} is no file and has a size"
        );
    }
    tree.skipped.extend(listing.skipped);
    let before = tree.folders.insert(folder.clone(), listing.entries);
    check!(before.is_none(), "{folder:?} is listed twice");
    Ok(())
}

/// Every folder that was seen must have been listed, or named as unreadable.
fn check_whole(tree: &Tree, asked: &RelPath, depth: Depth) -> Result<(), Stop> {
    let told = |path: &RelPath| {
        tree.folders.contains_key(path) || tree.unreadable.iter().any(|what| what.folder == *path)
    };
    check!(told(asked), "the listing of {asked:?} does not show it");
    match depth {
        Depth::Children => check!(
            tree.folders.len() <= 1,
            "the children of {asked:?} were asked for and came with {:?}",
            tree.folders.keys().collect::<Vec<_>>()
        ),
        Depth::Subtree => {
            for (path, entry) in tree.entries() {
                check!(
                    entry.kind != Kind::Folder || told(&path),
                    "the folder {path:?} was seen and not listed"
                );
            }
        }
    }
    let seen = tree.entries();
    for folder in tree.folders.keys().filter(|folder| *folder != asked) {
        check!(
            seen.get(folder)
                .is_some_and(|entry| entry.kind == Kind::Folder),
            "{folder:?} is listed and its parent does not show it as a folder"
        );
    }
    Ok(())
}
