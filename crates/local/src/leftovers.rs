//! Files of Tandem's own that lie beside a person's: staged content, and content set aside.
//!
//! The name of a staged file ends in the inode that it was made with, so that a later run can tell it from a file
//! that somebody else left under such a name. A file set aside (`-aside`) may hold what a person wrote, because a
//! swap leaves the old content under that name for a while; it is never just removed. Whatever a run left behind is
//! seen by the next scan and remembered here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use tandem_core::path::RelPath;
use tandem_core::storage::STAGED_PREFIX;
use tandem_core::time::Timestamp;

use crate::disk::lock;

/// How the name of a file set aside ends.
pub(crate) const ASIDE_SUFFIX: &str = "-aside";

/// Whether `name` is that of a file of Tandem's own beside a person's.
pub(crate) fn is_own(name: &str) -> bool {
    name.starts_with(STAGED_PREFIX)
}

/// Whether a file of this name may hold what a person wrote.
pub(crate) fn may_be_precious(name: &str) -> bool {
    is_own(name) && name.ends_with(ASIDE_SUFFIX)
}

/// The name of a staged file that has `inode`, made from its `first` one.
pub(crate) fn with_inode(first: &str, inode: u64) -> String {
    format!("{first}-{inode:x}")
}

/// The inode that a staged file was made with, by its name.
pub(crate) fn inode_of(name: &str) -> Option<u64> {
    let rest = name.strip_prefix(STAGED_PREFIX)?;
    let rest = rest.strip_suffix(ASIDE_SUFFIX).unwrap_or(rest);
    let (_, inode) = rest.split_once('-')?;
    u64::from_str_radix(inode, 16).ok()
}

#[derive(Debug, Default)]
struct Known {
    seen: BTreeMap<RelPath, Timestamp>,
    live: BTreeSet<RelPath>,
}

/// What was seen, and what this run is still working with.
#[derive(Debug, Default)]
pub(crate) struct Leftovers(Mutex<Known>);

impl Leftovers {
    /// A scan saw the file at `path`, last changed at `at`.
    pub(crate) fn saw(&self, path: RelPath, at: Timestamp) {
        lock(&self.0).seen.insert(path, at);
    }

    /// This run works with `path`.
    pub(crate) fn begin(&self, path: &RelPath) {
        lock(&self.0).live.insert(path.clone());
    }

    /// The file at `path` is gone, or no longer this run's.
    pub(crate) fn end(&self, path: &RelPath) {
        let mut known = lock(&self.0);
        known.live.remove(path);
        known.seen.remove(path);
    }

    /// What was seen and is not this run's.
    pub(crate) fn seen(&self) -> Vec<(RelPath, Timestamp)> {
        let known = lock(&self.0);
        known
            .seen
            .iter()
            .filter(|(path, _)| !known.live.contains(*path))
            .map(|(path, at)| (path.clone(), *at))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_staged_file_tells_its_inode() {
        let name = with_inode(".tandem-staged-00000000000000ff", 0x2_5A);
        assert_eq!(inode_of(&name), Some(0x2_5A));
        assert_eq!(inode_of(&format!("{name}{ASIDE_SUFFIX}")), Some(0x2_5A));
        for other in [
            ".tandem-staged-00000000000000ff",
            ".tandem-staged-00000000000000ff-aside",
            ".tandem-staged-x-notes",
            "report-25a",
        ] {
            assert_eq!(inode_of(other), None, "{other}");
        }
    }
}
