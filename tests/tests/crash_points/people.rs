//! What the people at both sides write, and what they ever wrote.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Result};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use tandem_core::side::{PerSide, Side};

use crate::pair::Pair;

/// Longer than twice the step in which a disk of this machine tells times apart.
const RESTED: Duration = Duration::from_millis(25);

/// All files of one side by path.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// What a folder holds, where it is told with files.
const FOLDER: &[u8] = b"a folder";

/// The people at the two sides of a pair.
#[derive(Clone)]
pub(crate) struct People {
    folders: PerSide<PathBuf>,
    written: BTreeSet<Vec<u8>>,
    /// What of it is older than the last pass that came to its end.
    old: BTreeSet<Vec<u8>>,
}

impl People {
    pub(crate) fn of(pair: &Pair) -> Self {
        Self {
            folders: PerSide::from_fn(|side| pair.side(side)),
            written: BTreeSet::new(),
            old: BTreeSet::new(),
        }
    }

    /// The same people at another pair, which has what theirs had.
    pub(crate) fn moved_to(&self, pair: &Pair) -> Self {
        Self {
            folders: Self::of(pair).folders,
            ..self.clone()
        }
    }

    /// Every content that they ever wrote.
    pub(crate) const fn written(&self) -> &BTreeSet<Vec<u8>> {
        &self.written
    }

    /// A pass came to its end.
    pub(crate) fn are_in_step(&mut self) {
        self.old.clone_from(&self.written);
    }

    /// Whether a content was there when a pass last came to its end.
    pub(crate) fn is_old(&self, content: &[u8]) -> bool {
        self.old.contains(content)
    }

    /// Waits until whatever was done was done longer ago than two edits can be told apart: a pass leaves alone what is
    /// younger, and how many calls it makes would depend on how soon it begins.
    pub(crate) fn rest(&self) {
        let touched = |path: PathBuf| {
            let found = std::fs::symlink_metadata(path).unwrap();
            UNIX_EPOCH + Duration::new(found.ctime() as u64, found.ctime_nsec() as u32)
        };
        let below = |side: Side| {
            let found = walk(&self.folders[side], &is_a_persons).into_iter();
            found.map(move |(path, _)| touched(self.path(side, &path)))
        };
        let last = Side::BOTH.into_iter().flat_map(below).max().unwrap();
        while last.elapsed().unwrap_or_default() < RESTED {
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    pub(crate) fn path(&self, side: Side, path: &str) -> PathBuf {
        self.folders[side].join(path)
    }

    /// Writes a file, new or in place; what it holds is like nothing else.
    pub(crate) fn write(&mut self, side: Side, path: &str) {
        // Long enough for a move to be told by it.
        self.write_lines(side, path, 60);
    }

    pub(crate) fn write_lines(&mut self, side: Side, path: &str, lines: usize) {
        let nth = self.written.len();
        let content = format!("{nth} {path} on the {side}\n")
            .repeat(lines)
            .into_bytes();
        let to = self.path(side, path);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::write(to, &content).unwrap();
        self.written.insert(content);
    }

    pub(crate) fn link(&mut self, side: Side, path: &str, target: &str) {
        let link = self.path(side, path);
        std::os::unix::fs::symlink(target, &link).unwrap();
        self.written.insert(content(&link).unwrap());
    }

    pub(crate) fn make_folder(&self, side: Side, path: &str) {
        std::fs::create_dir(self.path(side, path)).unwrap();
    }

    pub(crate) fn rename(&self, side: Side, from: &str, to: &str) {
        std::fs::rename(self.path(side, from), self.path(side, to)).unwrap();
    }

    pub(crate) fn delete(&self, side: Side, path: &str) {
        std::fs::remove_file(self.path(side, path)).unwrap();
    }

    pub(crate) fn delete_folder(&self, side: Side, path: &str) {
        std::fs::remove_dir_all(self.path(side, path)).unwrap();
    }

    pub(crate) fn files(&self, side: Side) -> Files {
        let found = walk(&self.folders[side], &is_a_persons);
        let file = |(path, is_folder): (String, bool)| {
            let content = (!is_folder).then(|| content(&self.path(side, &path)))?;
            Some((path, content.unwrap()))
        };
        found.into_iter().filter_map(file).collect()
    }

    pub(crate) fn folders(&self, side: Side) -> BTreeSet<String> {
        let found = walk(&self.folders[side], &is_a_persons);
        let folders = found.into_iter().filter(|(_, is_folder)| *is_folder);
        folders.map(|(path, _)| path).collect()
    }

    /// Files and folders.
    pub(crate) fn things(&self, side: Side) -> Files {
        let folders = self.folders(side).into_iter();
        let mut things = self.files(side);
        things.extend(folders.map(|path| (path, FOLDER.to_vec())));
        things
    }

    /// The contents that were set aside on a side.
    pub(crate) fn versions(&self, side: Side) -> BTreeSet<Vec<u8>> {
        let versions = self.folders[side].join(".tandem/versions");
        if !versions.exists() {
            return BTreeSet::new();
        }
        let files = walk(&versions, &|_: &str| true).into_iter();
        let files = files.filter(|(_, is_folder)| !*is_folder);
        files
            .map(|(path, _)| content(&versions.join(path)).unwrap())
            .collect()
    }

    /// What lies beside a person's files, or beside what Tandem keeps, and is neither.
    pub(crate) fn leftovers(&self, side: Side) -> Vec<String> {
        let found = walk(&self.folders[side], &|name: &str| name != "versions").into_iter();
        let found = found.map(|(path, _)| path);
        let kept = [".tandem", ".tandem/root", ".tandem/.gitignore"];
        let is_left =
            |path: &String| !path.split('/').all(is_a_persons) && !kept.contains(&path.as_str());
        found.filter(is_left).collect()
    }

    /// Whether git leaves alone what Tandem keeps; if it does not, `git clean` takes the versions.
    pub(crate) fn is_hidden_from_git(&self, side: Side) -> bool {
        let rule = std::fs::read(self.folders[side].join(".tandem/.gitignore"));
        rule.is_ok_and(|rule| rule == b"*\n")
    }
}

/// Tandem keeps the other names for itself.
pub(crate) fn is_a_persons(name: &str) -> bool {
    !name.starts_with(".tandem")
}

/// What a file holds, or what a link says.
pub(crate) fn content(path: &Path) -> Result<Vec<u8>> {
    match std::fs::read_link(path) {
        Ok(target) => Ok(format!("-> {}", target.display()).into_bytes()),
        // It is no link.
        Err(error) if error.kind() == ErrorKind::InvalidInput => std::fs::read(path),
        Err(error) => Err(error),
    }
}

/// Everything below `folder` whose name is `wanted`, with whether it is a folder. What goes away meanwhile is not there.
pub(crate) fn walk(folder: &Path, wanted: &dyn Fn(&str) -> bool) -> Vec<(String, bool)> {
    let mut found = Vec::new();
    let mut waiting = vec![String::new()];
    while let Some(here) = waiting.pop() {
        let entries = match std::fs::read_dir(folder.join(&here)) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            entries => entries.unwrap(),
        };
        for entry in entries {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if !wanted(&name) {
                continue;
            }
            let path = if here.is_empty() {
                name
            } else {
                format!("{here}/{name}")
            };
            let is_folder = entry.file_type().unwrap().is_dir();
            if is_folder {
                waiting.push(path.clone());
            }
            found.push((path, is_folder));
        }
    }
    found
}
