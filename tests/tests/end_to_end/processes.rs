//! Looks at the arguments and environments of all processes, again and again.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::program::program;

/// Between two looks. A process of Tandem's lives for several of them.
const PAUSE: Duration = Duration::from_millis(20);

/// What no process may show.
pub(crate) struct Secrets {
    /// What nobody shows, in any form.
    pub(crate) saved: Vec<Vec<u8>>,
    /// What a person puts into the arguments or the environment of the program: no process that it starts has it.
    pub(crate) given: Vec<Vec<u8>>,
}

/// Somebody who looks, for as long as it is kept.
pub(crate) struct Processes {
    is_over: Arc<AtomicBool>,
    looking: JoinHandle<(u64, BTreeSet<String>)>,
}

impl Processes {
    pub(crate) fn watch(secrets: Secrets) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&is_over);
        let program = program().canonicalize().unwrap();
        let looking = std::thread::spawn(move || {
            let (mut looks, mut hits) = (0, BTreeSet::new());
            let mut clean = HashSet::new();
            while !ended.load(Ordering::Relaxed) {
                look(&program, &secrets, &mut clean, &mut hits);
                looks += 1;
                std::thread::sleep(PAUSE);
            }
            (looks, hits)
        });
        Self { is_over, looking }
    }

    /// How often it was looked, and where there was something.
    pub(crate) fn seen(self) -> (u64, BTreeSet<String>) {
        self.is_over.store(true, Ordering::Relaxed);
        self.looking.join().unwrap()
    }
}

/// Looks once. What was `clean` at one process is so at all that the same person started: most show the same again.
fn look(
    program: &Path,
    secrets: &Secrets,
    clean: &mut HashSet<(bool, Vec<u8>)>,
    hits: &mut BTreeSet<String>,
) {
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let name = entry.file_name();
        if !name.as_encoded_bytes().iter().all(u8::is_ascii_digit) {
            continue;
        }
        let process = entry.path();
        let is_ours = parent(&process).is_some_and(|parent| {
            std::fs::read_link(parent.join("exe")).is_ok_and(|exe| exe == program)
        });
        for file in ["cmdline", "environ"] {
            // It may be another user's, or have ended.
            let shown = std::fs::read(process.join(file)).unwrap_or_default();
            let known = (is_ours, shown);
            if clean.contains(&known) {
                continue;
            }
            let (_, shown) = &known;
            let given = secrets.given.iter().filter(|_| is_ours);
            let mut looked_for = secrets.saved.iter().chain(given);
            if looked_for.any(|form| contains(shown, form)) {
                hits.insert(format!("{file}: {}", String::from_utf8_lossy(shown)));
            } else {
                clean.insert(known);
            }
        }
    }
}

/// The process that started this one.
fn parent(process: &Path) -> Option<PathBuf> {
    let status = std::fs::read_to_string(process.join("status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
    Some(Path::new("/proc").join(line.trim()))
}

/// Whether `part` stands somewhere in `content`.
pub(crate) fn contains(content: &[u8], part: &[u8]) -> bool {
    let (first, rest) = part.split_first().unwrap();
    let mut from = content;
    while let Some(at) = from.iter().position(|byte| byte == first) {
        from = &from[at + 1..];
        if from.starts_with(rest) {
            return true;
        }
    }
    false
}
