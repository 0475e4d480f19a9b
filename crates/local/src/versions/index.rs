//! `index.jsonl`: what each kept file was, one readable line each.
//!
//! A line is written before its file is moved in, so that a crash leaves a line too many, never one too few;
//! a version exists if its file does.

use serde::{Deserialize, Serialize};
use tandem_core::path::RelPath;

use crate::sys::{self, Access, Errno, Folder, SysResult};

const FILE: &str = "index.jsonl";
const NEW_FILE: &str = "index.jsonl.new";

/// Lines without a file that are let stand before the index is written anew.
const SLACK: usize = 1000;

/// One kept file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) action: Box<str>,
    pub(super) date: Box<str>,
    pub(super) path: RelPath,
    pub(super) size: u64,
    /// Nanoseconds since 1970.
    pub(super) mtime: i64,
    /// Nanoseconds since 1970.
    pub(super) kept_at: i64,
}

/// Adds a line to the index of `device`.
pub(super) fn append(device: &Folder, line: &Line) -> SysResult<()> {
    let mut text = serde_json::to_vec(line).map_err(|_| Errno::INVAL)?;
    text.push(b'\n');
    let _locked = device.lock()?;
    let file = device.open_or_create(FILE, 0o600)?;
    let len = sys::stat_of(&file)?.size;
    // A line that a crash cut short must not take this one with it.
    if len > 0 && sys::read_at(&file, len - 1, 1)? != b"\n" {
        text.insert(0, b'\n');
    }
    sys::append(&file, &text)
}

/// All lines; those that a crash cut short are left out.
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

/// Writes the index anew if it has many lines whose file is gone.
pub(super) fn compact(
    device: &Folder,
    lines: usize,
    exists: impl Fn(&Line) -> bool,
) -> SysResult<()> {
    if lines <= SLACK {
        return Ok(());
    }
    let _locked = device.lock()?;
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
