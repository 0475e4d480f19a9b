//! Pre-images that were set aside (DESIGN 5.6).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::entry::Entry;
use crate::path::RelPath;
use crate::time::Timestamp;

/// Names one pre-image on one storage. The engine makes it, so that a repeated try sets aside under the
/// same key; a storage with versions of its own answers with the key of the provider's version instead.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VersionKey {
    /// `.tandem/versions/v1/DEVICE/DATE/ACTION/NAME`.
    Kept {
        /// The device that set it aside: name and 4 characters of the profile's id, safe as a name.
        device: Box<str>,
        /// `YYYY-MM-DD`, UTC.
        date: Box<str>,
        /// The action's id.
        action: Box<str>,
        /// The path it had.
        path: RelPath,
    },
    /// A version that the provider keeps: where, and its id there.
    Native {
        /// The path it had.
        path: RelPath,
        /// The provider's id of the version.
        id: Box<str>,
    },
}

impl VersionKey {
    /// The path that the content had.
    #[must_use]
    pub const fn path(&self) -> &RelPath {
        match self {
            Self::Kept { path, .. } | Self::Native { path, .. } => path,
        }
    }
}

impl fmt::Debug for VersionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept {
                device,
                date,
                action,
                path,
            } => write!(f, "{device}/{date}/{action}/{path}"),
            Self::Native { path, id } => write!(f, "{path}@{id}"),
        }
    }
}

/// A version as the storage lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its key.
    pub key: VersionKey,
    /// The entry as it was.
    pub entry: Entry,
    /// When it was set aside.
    pub kept_at: Timestamp,
}

/// The folder, below a root, that holds everything Tandem keeps for itself.
pub const OWN_FOLDER: &str = ".tandem";

/// The beginning of the names of staged files beside their targets.
pub const STAGED_PREFIX: &str = ".tandem-staged-";

impl VersionKey {
    /// Where a kept version lies below the root; `None` for a provider's own version.
    #[must_use]
    pub fn kept_path(&self) -> Option<String> {
        match self {
            Self::Kept {
                device,
                date,
                action,
                path,
            } => {
                let name = path.name()?;
                Some(format!(
                    "{OWN_FOLDER}/versions/v1/{device}/{date}/{action}/{name}"
                ))
            }
            Self::Native { .. } => None,
        }
    }
}
