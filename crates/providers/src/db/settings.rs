//! Where a database is, as a person typed it.

use std::path::PathBuf;

use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::storage::Config;

/// A file of this computer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Location {
    /// A SQLite database.
    File(PathBuf),
}

impl Location {
    pub(super) fn of(config: &Config) -> Result<Self> {
        let text = config.get("location").map(str::trim);
        let text = text.ok_or_else(|| wrong("location is missing"))?;
        let path = PathBuf::from(text);
        if path.is_absolute() {
            return Ok(Self::File(path));
        }
        Err(wrong("location is no absolute path of a file"))
    }
}

pub(super) fn wrong(detail: &str) -> StorageError {
    StorageError::new("open", Cause::Other, detail)
}
