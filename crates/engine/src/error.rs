//! What an engine cannot do.

use tandem_core::error::StorageError;
use tandem_core::side::Side;

/// Why an engine's call did not work.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A storage answered with an error.
    #[error("{side}: {error}")]
    Storage {
        /// Which side.
        side: Side,
        /// What it said.
        error: StorageError,
    },
    /// The state was written by a newer Tandem.
    #[error("the state has format {found}, this program knows {known}")]
    NewerState {
        /// The format found.
        found: i64,
        /// The newest format known.
        known: i64,
    },
    /// The state cannot be read.
    #[error("the state is damaged: {0}")]
    DamagedState(String),
    /// The state cannot be written.
    #[error("the state cannot be written: {0}")]
    StateIo(#[from] rusqlite::Error),
    /// There is no hold, action, conflict, version or path of that name.
    #[error("there is no {what} {id:?}")]
    NotFound {
        /// What was asked for.
        what: &'static str,
        /// Which.
        id: String,
    },
    /// It cannot be done as things are, for the reason given.
    #[error("{0}")]
    Refused(String),
    /// A filter's pattern cannot be read.
    #[error("{0}")]
    Filter(#[from] tandem_core::filter::FilterError),
}

/// The result of an engine's call.
pub type Result<T> = std::result::Result<T, EngineError>;
