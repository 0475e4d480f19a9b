//! `index.jsonl`: what each kept file was, one readable line each.
//!
//! A line is written before its file is moved in, so that a crash leaves a line too many, never one too few;
//! a version exists if its file does.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use tandem_core::path::{Name, RelPath};

use super::shelf::Shelf;
use crate::disk::lock;
use crate::sys::{self, Access, Errno, Folder, Stat, SysResult};

pub(super) const FILE: &str = "index.jsonl";
const NEW_FILE: &str = "index.jsonl.new";

/// Lines without a file that are let stand before the index is written anew.
const SLACK: usize = 1000;

/// One kept file. Other devices write lines too, and on a shared disk so may anybody: each part is one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) action: Name,
    pub(super) date: Name,
    pub(super) path: RelPath,
    pub(super) size: u64,
    /// Nanoseconds since 1970.
    pub(super) mtime: i64,
    /// Nanoseconds since 1970.
    pub(super) kept_at: i64,
}

/// The index of a device while nobody else, of this process or another, adds to it or writes it anew.
pub(super) struct Index<'a> {
    device: &'a Folder,
    _locked: Folder,
}

impl<'a> Index<'a> {
    /// Waits until the index is free.
    pub(super) fn lock(device: &'a Folder) -> SysResult<Self> {
        let _locked = device.lock()?;
        Ok(Self { device, _locked })
    }

    /// The folder that it is of.
    pub(super) const fn device(&self) -> &Folder {
        self.device
    }

    /// Adds a line.
    pub(super) fn append(&self, line: &Line) -> SysResult<()> {
        let mut text = serde_json::to_vec(line).map_err(|_| Errno::INVAL)?;
        text.push(b'\n');
        let file = self.device.open_or_create(FILE, 0o600)?;
        let len = sys::stat_of(&file)?.size;
        // A line that a crash cut short must not take this one with it.
        if len > 0 && sys::read_at(&file, len - 1, 1)? != b"\n" {
            text.insert(0, b'\n');
        }
        sys::append(&file, &text)
    }
}

/// Size and mtime that each kept file of one device had when it was set aside, as long as its index stays as it is:
/// pruning asks for one after the other.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<Option<Marks>>);

#[derive(Debug)]
struct Marks {
    device: Name,
    index: Option<Stat>,
    /// By a hash of the place, so that a million fit.
    files: HashMap<u64, (u64, i64)>,
}

impl Known {
    /// What the index says of `name` on `shelf`; `None` if nothing.
    pub(super) fn find(
        &self,
        device: &Folder,
        shelf: &Shelf,
        name: &Name,
    ) -> SysResult<Option<(u64, i64)>> {
        let now = device.stat(FILE)?;
        let mut known = lock(&self.0);
        let marks = match known.take() {
            Some(marks) if marks.device == shelf.device && is_unchanged(&marks.index, &now) => {
                marks
            }
            _ => Marks {
                device: shelf.device.clone(),
                index: now,
                files: read_marks(device)?,
            },
        };
        let found = marks.files.get(&place(&shelf.date, &shelf.action, name));
        let found = found.copied();
        *known = Some(marks);
        Ok(found)
    }
}

fn is_unchanged(then: &Option<Stat>, now: &Option<Stat>) -> bool {
    match (then, now) {
        (Some(then), Some(now)) => {
            then.is_same_file(now) && (then.size, then.mtime) == (now.size, now.mtime)
        }
        _ => false,
    }
}

fn read_marks(device: &Folder) -> SysResult<HashMap<u64, (u64, i64)>> {
    let lines = read(device)?;
    let marks = lines.iter().filter_map(|line| {
        let name = line.path.name()?;
        let place = place(&line.date, &line.action, &name);
        Some((place, (line.size, line.mtime)))
    });
    Ok(marks.collect())
}

fn place(date: &Name, action: &Name, name: &Name) -> u64 {
    let mut hasher = DefaultHasher::new();
    (date, action, name).hash(&mut hasher);
    hasher.finish()
}

/// All lines; those that a crash cut short, and those that cannot be one, are left out.
pub(super) fn read(device: &Folder) -> SysResult<Vec<Line>> {
    let file = match device.open_file(FILE, Access::Read) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let len = sys::stat_of(&file)?.size;
    let bytes = sys::read_at(&file, 0, usize::try_from(len).map_err(|_| Errno::FBIG)?)?;
    Ok(bytes
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect())
}

/// Writes the index anew if it has many lines whose file is gone: `lines` were read, and `files` were found.
pub(super) fn compact(
    device: &Folder,
    lines: usize,
    files: usize,
    exists: impl Fn(&Line) -> bool,
) -> SysResult<()> {
    if lines <= 2 * files + SLACK {
        return Ok(());
    }
    let _index = Index::lock(device)?;
    let all = read(device)?;
    let live: Vec<&Line> = all.iter().filter(|line| exists(line)).collect();
    if all.len() <= 2 * live.len() + SLACK {
        return Ok(());
    }
    let mut text = Vec::new();
    for line in live {
        serde_json::to_writer(&mut text, line).map_err(|_| Errno::INVAL)?;
        text.push(b'\n');
    }
    match device.unlink(NEW_FILE) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(error) => return Err(error),
    }
    let file = device.create_file(NEW_FILE, 0o600)?;
    sys::write_at(&file, &text, 0)?;
    sys::sync(&file)?;
    device.rename(NEW_FILE, device, FILE)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;
    use crate::sys::Features;
    use crate::sys::ledger::is_flushed_since;

    #[test]
    fn an_index_is_looked_through_only_if_most_of_it_is_of_what_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let device = Folder::open_root(folder.path(), Features::ALL).unwrap();
        let line = Line {
            action: "1".parse().unwrap(),
            date: "2026-11-20".parse().unwrap(),
            path: RelPath::new("file").unwrap(),
            size: 1,
            mtime: 2,
            kept_at: 3,
        };
        let lines = SLACK + 3;
        for _ in 0..lines {
            Index::lock(&device).unwrap().append(&line).unwrap();
        }
        compact(&device, lines, 2, |_| panic!("there is too little to win")).unwrap();
        assert_eq!(read(&device).unwrap().len(), lines);
        let since = std::time::SystemTime::now();
        compact(&device, lines, 1, |_| false).unwrap();
        let stat = std::fs::metadata(folder.path().join(FILE)).unwrap();
        assert!(is_flushed_since((stat.dev(), stat.ino()), since));
        assert!(read(&device).unwrap().is_empty());
    }
}
