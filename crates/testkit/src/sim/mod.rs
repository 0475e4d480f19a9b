//! One simulated storage, and the simulated world it lives in. Owns everything a seed needs to run the
//! real engine: clock, tasks, faults, crashes, people's edits. Invariant: the same seed gives the same
//! run, told by [`SimEnvironment::trace`].

mod blob;
mod edit;
mod environment;
mod executor;
mod faults;
mod feed;
#[cfg(feature = "files")]
mod files;
mod listing;
mod names;
mod random_edit;
mod relocate;
mod remove;
mod root;
mod rot;
mod shape;
mod snapshot;
mod staging;
mod state;
mod storage;
mod tree;
mod versions;
mod write;

pub use blob::Blob;
pub use edit::Edit;
pub use environment::SimEnvironment;
pub use executor::SimExecutor;
pub use faults::{Fault, Faults};
#[cfg(feature = "files")]
pub use files::{Failure, SimFiles};
pub use root::SimRoot;
pub use shape::{FolderRevisions, Habits, RevisionStyle, draw_capabilities};
pub use snapshot::{Seen, Snapshot};
pub use storage::{Hook, SimStorage};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks; what a panicking test left behind is still good enough to look at.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
