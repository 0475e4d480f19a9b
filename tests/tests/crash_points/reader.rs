//! Who reads all files of both sides, again and again, while a pass changes them.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use tandem_core::side::{PerSide, Side};

use crate::pair::Pair;
use crate::people::{Files, People, content, is_a_persons, walk};

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub(crate) reads: u64,
    /// Files that held what nobody had written.
    pub(crate) mixed: BTreeSet<String>,
    /// Files that had been there and at some time were not.
    pub(crate) missed: PerSide<BTreeSet<String>>,
}

pub(crate) struct Reader {
    stops: Arc<AtomicBool>,
    thread: JoinHandle<Read>,
}

impl Reader {
    /// Reads until it is stopped, all at least once; `there` is what each side has at the beginning.
    pub(crate) fn start(pair: &Pair, people: &People, there: &PerSide<Files>) -> Self {
        let stops = Arc::new(AtomicBool::new(false));
        let mut look = Look {
            folders: PerSide::from_fn(|side| pair.side(side)),
            there: PerSide::from_fn(|side| there[side].keys().cloned().collect()),
            written: people.written().clone(),
            read: Read::default(),
        };
        let is_over = Arc::clone(&stops);
        let thread = std::thread::spawn(move || {
            loop {
                // The last look begins after whoever stops this knows that the pass is over.
                let is_last = is_over.load(Ordering::Acquire);
                for side in Side::BOTH {
                    look.at(side);
                }
                if is_last {
                    return look.read;
                }
            }
        });
        Self { stops, thread }
    }

    pub(crate) fn stop(self) -> Read {
        self.stops.store(true, Ordering::Release);
        self.thread.join().unwrap()
    }
}

struct Look {
    folders: PerSide<PathBuf>,
    there: PerSide<Vec<String>>,
    written: BTreeSet<Vec<u8>>,
    read: Read,
}

impl Look {
    fn at(&mut self, side: Side) {
        let found = walk(&self.folders[side], &is_a_persons).into_iter();
        let files = found.filter(|(_, is_folder)| !*is_folder);
        let files: BTreeSet<String> = files.map(|(path, _)| path).collect();
        for path in files.iter().chain(&self.there[side]) {
            match content(&self.folders[side].join(path)) {
                Ok(content) if self.written.contains(&content) => {}
                Ok(content) => {
                    let what = format!("{path} on the {side}, of {} bytes", content.len());
                    self.read.mixed.insert(what);
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    if self.there[side].contains(path) {
                        self.read.missed[side].insert(path.clone());
                    }
                }
                // A folder on its way is a file's no more.
                Err(error) if error.kind() == ErrorKind::NotADirectory => {}
                Err(error) => panic!("{path} on the {side}: {error}"),
            }
            self.read.reads += 1;
        }
    }
}
