//! Files of Tandem's own that lie beside a person's: staged content, and content set aside.
//!
//! Their names say who made them, so that nobody takes away what another device, or another pair on the same folder,
//! works with: `.tandem-staged-MAKER.RANDOM-INODE`. The inode that a staged file was made with lets a later run tell it
//! from a file that somebody else left under such a name. A file set aside (`-of-NAME-aside`) may hold what a person
//! wrote, because a swap leaves the old content under that name for a while; it is never just removed, and its name
//! says which one it had. Whatever a run left behind is seen by the next scan and remembered here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use tandem_core::mutant;
use tandem_core::path::RelPath;
use tandem_core::storage::STAGED_PREFIX;
use tandem_core::time::Timestamp;

use crate::disk::lock;
use crate::sys;

/// How the name of a file set aside ends.
const ASIDE_SUFFIX: &str = "-aside";

/// What stands before the name that a file set aside had.
const OF: &str = "-of-";

/// The longest name made here: eCryptfs takes no longer one.
const LONGEST: usize = 143;

/// What other devices made is theirs for so long (DESIGN 4).
const OTHERS: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The names that this process works with, whichever root it reaches them by: each is made by chance, once.
static LIVE: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Who makes the names here: this user on this computer.
fn maker() -> &'static str {
    static MAKER: OnceLock<String> = OnceLock::new();
    MAKER.get_or_init(|| {
        let hash = blake3::hash(sys::who_and_where().as_bytes());
        hash.to_hex().chars().take(8).collect()
    })
}

/// The name of a staged file that nothing else has, by a `random` number.
pub(crate) fn staged_name(random: u64) -> String {
    format!("{STAGED_PREFIX}{}.{random:016x}", maker())
}

/// The name under which what is called `original` is set aside, made from that of a staged file.
pub(crate) fn aside_name(staged: &str, original: &str) -> String {
    let telling = format!("{staged}{OF}{original}{ASIDE_SUFFIX}");
    if telling.len() <= LONGEST {
        telling
    } else {
        format!("{staged}{ASIDE_SUFFIX}")
    }
}

/// The name that a file set aside had, if its own says so.
pub(crate) fn original_of(name: &str) -> Option<&str> {
    let rest = name.strip_prefix(STAGED_PREFIX)?;
    let (_, original) = rest.strip_suffix(ASIDE_SUFFIX)?.split_once(OF)?;
    Some(original)
}

/// Who made `name`, if it says so.
fn maker_of(name: &str) -> Option<&str> {
    let (maker, _) = name.strip_prefix(STAGED_PREFIX)?.split_once('.')?;
    let is_one = maker.len() == 8 && maker.bytes().all(|b| b.is_ascii_hexdigit());
    is_one.then_some(maker)
}

/// Whether this user made `name` on this computer.
pub(crate) fn is_ours(name: &str) -> bool {
    maker_of(name) == Some(maker())
}

/// Whether `name` is that of a file of Tandem's own beside a person's.
pub(crate) fn is_own(name: &str) -> bool {
    name.starts_with(STAGED_PREFIX)
}

/// Whether a file of this name may hold what a person wrote.
pub(crate) fn may_be_precious(name: &str) -> bool {
    is_own(name)
        && name.ends_with(ASIDE_SUFFIX)
        && !mutant!("P1 what was set aside is swept like a staged file")
}

/// The name of a staged file that has `inode`, made from its `first` one.
pub(crate) fn with_inode(first: &str, inode: u64) -> String {
    format!("{first}-{inode:x}")
}

/// The inode that a staged file was made with, by its name.
pub(crate) fn inode_of(name: &str) -> Option<u64> {
    let rest = name.strip_prefix(STAGED_PREFIX)?;
    let rest = rest.strip_suffix(ASIDE_SUFFIX).unwrap_or(rest);
    u64::from_str_radix(rest.split('-').nth(1)?, 16).ok()
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
        lock(&LIVE).extend(path.name().map(|name| name.to_string()));
        lock(&self.0).live.insert(path.clone());
    }

    /// The file at `path` is gone, or no longer this run's.
    pub(crate) fn end(&self, path: &RelPath) {
        let mut known = lock(&self.0);
        known.live.remove(path);
        known.seen.remove(path);
        if let Some(name) = path.name() {
            lock(&LIVE).remove(name.as_str());
        }
    }

    /// What was seen and nobody works with, as far as is known `now`.
    pub(crate) fn seen(&self, now: Timestamp) -> Vec<(RelPath, Timestamp)> {
        let known = lock(&self.0);
        known
            .seen
            .iter()
            .filter(|(path, at)| {
                path.name()
                    .is_some_and(|name| is_left(name.as_str(), **at, now))
            })
            .map(|(path, at)| (path.clone(), *at))
            .collect()
    }

    /// Lets go of all, as the end of the process does.
    pub(crate) fn end_all(&self) {
        let mut live = lock(&LIVE);
        for path in std::mem::take(&mut lock(&self.0).live) {
            if let Some(name) = path.name() {
                live.remove(name.as_str());
            }
        }
    }
}

impl Drop for Leftovers {
    fn drop(&mut self) {
        self.end_all();
    }
}

/// Whether nobody works with the file called `name`, last changed at `at`: nobody in this process does, and another
/// device would have come back to it.
pub(crate) fn is_left(name: &str, at: Timestamp, now: Timestamp) -> bool {
    let is_others = maker_of(name).is_some_and(|it| it != maker())
        && !mutant!("P1 what another device stages is swept");
    let is_fresh = at >= now.plus(-i64::try_from(OTHERS.as_nanos()).unwrap_or(i64::MAX));
    if is_others {
        !is_fresh
    } else {
        !lock(&LIVE).contains(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_staged_file_tells_its_maker_and_inode() {
        let first = staged_name(0xff);
        let name = with_inode(&first, 0x2_5A);
        assert!(is_own(&name) && is_ours(&name) && !may_be_precious(&name));
        assert_eq!((inode_of(&name), original_of(&name)), (Some(0x2_5A), None));
        for other in [
            ".tandem-staged-00000000000000ff",
            ".tandem-staged-00000000000000ff-aside",
            ".tandem-staged-x-notes",
            ".tandem-staged-deadbeef.00000000000000ff",
            "report-25a",
        ] {
            assert_eq!(inode_of(other), None, "{other}");
            assert!(!is_ours(other), "{other}");
        }
    }

    #[test]
    fn the_name_of_a_file_set_aside_tells_the_one_it_had() {
        let first = staged_name(0xff);
        for original in ["thesis.docx", "a-of-b-aside", "-1f", "é"] {
            let plain = aside_name(&first, original);
            assert_eq!(
                (inode_of(&plain), original_of(&plain)),
                (None, Some(original))
            );
            let staged = aside_name(&with_inode(&first, 0x2_5A), original);
            assert_eq!(
                (inode_of(&staged), original_of(&staged)),
                (Some(0x2_5A), Some(original))
            );
            assert!(may_be_precious(&plain) && may_be_precious(&staged));
        }
        let long = aside_name(&first, &"x".repeat(200));
        assert!(long.len() <= LONGEST && may_be_precious(&long));
        assert_eq!(original_of(&long), None);
    }

    #[test]
    fn what_another_device_made_is_its_own_for_a_week() {
        let now = Timestamp(1_000_000_000_000_000_000);
        let day = 24 * 60 * 60 * 1_000_000_000;
        for (name, days, left) in [
            (".tandem-staged-deadbeef.00000000000000ff-1", 0, false),
            (".tandem-staged-deadbeef.00000000000000ff-1", 6, false),
            (".tandem-staged-deadbeef.00000000000000ff-1", 8, true),
            (".tandem-staged-00000000000000ff", 0, true),
        ] {
            assert_eq!(
                is_left(name, now.plus(-days * day), now),
                left,
                "{name} {days}"
            );
        }
        let ours = RelPath::new(&format!("a/{}", staged_name(1))).unwrap();
        let (one, other) = (Leftovers::default(), Leftovers::default());
        one.begin(&ours);
        other.saw(ours.clone(), now);
        assert!(other.seen(now).is_empty());
        drop(one);
        assert_eq!(other.seen(now).len(), 1);
    }
}
