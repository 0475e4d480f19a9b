//! How much is lost where a server keeps to no condition and both sides write at once, written down for
//! `docs/providers.md` beside what the cases came to.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::record::{FOLDER, Proof};

/// The folder, below that of a run, of what this came to: a file for each server.
pub const LOSSES: &str = "losses";

/// What a run came to in which two writers edit the same few paths with no pause between.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Losses {
    /// Of whom, and against what.
    #[serde(flatten)]
    pub proof: Proof,
    /// How many contents the two wrote.
    pub edits: usize,
    /// How many of them nobody who saw them replaced, and are found nowhere: neither on a side, nor in a conflict copy,
    /// nor among versions.
    pub lost: usize,
}

impl Losses {
    /// Writes it into `folder`.
    ///
    /// # Panics
    /// If that cannot be done.
    pub fn write(&self, folder: &Path) {
        let written = fs::create_dir_all(folder).and_then(|()| {
            let text = serde_json::to_string_pretty(self)?;
            let file = format!("{}.json", self.proof.file_stem());
            fs::write(folder.join(file), text + "\n")
        });
        written.unwrap_or_else(|error| panic!("{} cannot be written: {error}", folder.display()));
    }

    /// Writes it down where a run is recorded.
    ///
    /// # Panics
    /// If that cannot be done.
    pub fn record(&self) {
        if let Some(folder) = std::env::var_os(FOLDER) {
            self.write(&Path::new(&folder).join(LOSSES));
        }
    }
}
