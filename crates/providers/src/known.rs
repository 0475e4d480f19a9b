//! The folders that are known to exist, so that not every upload has to ask.
//!
//! What is in here was seen in a listing or made by this program. Somebody else may have removed it since; then a
//! file that is put there makes the folder anew, which is what an edit against a delete does anyway.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

/// Enough for the folders of a million files; beyond it the storage is asked.
const MOST: usize = 1 << 18;

/// What is known of folders, by the hash of their key.
#[derive(Debug, Default)]
pub(crate) struct KnownFolders(Mutex<HashSet<(u64, bool)>>);

impl KnownFolders {
    /// The folder with this key exists; with `marked`, its marker too, so that it outlives its children. Where folders
    /// are more than what lies in them, every one is marked.
    pub(crate) fn add(&self, folder_key: &str, marked: bool) {
        let hash = hash(folder_key);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MOST {
            known.insert((hash, false));
            if marked {
                known.insert((hash, true));
            }
        }
    }

    /// The folder with this key was removed.
    pub(crate) fn remove(&self, folder_key: &str) {
        let hash = hash(folder_key);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(&(hash, false));
        known.remove(&(hash, true));
    }

    /// Whether the folder with this key is known to exist.
    pub(crate) fn has(&self, folder_key: &str) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&(hash(folder_key), false))
    }

    /// Whether its marker is known to exist.
    pub(crate) fn has_marker(&self, folder_key: &str) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&(hash(folder_key), true))
    }
}

fn hash(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}
