//! What a pass finds when it begins.

use std::fmt;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::sync::OnceLock;

use tandem_core::side::Side::{Destination, Source};
use tandem_local::crash_points::Change;

use crate::child::{self, End};
use crate::operations::{Operation, STILL};
use crate::pair::{Manner, Pair};
use crate::people::People;
use crate::points::Call;

/// What was done since both sides were in step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Workload {
    /// These operations.
    Sequence {
        operations: Vec<Operation>,
        manner: Manner,
    },
    /// They never were: it is the first pass.
    First,
    /// More files at once than are flushed one by one.
    Together,
    /// Links, modes, times, owners, extended attributes.
    Attributes,
    /// A file so long that its transfer can go on after a restart.
    Long,
    /// The same, and a pass was killed in the middle of that transfer.
    Resumed,
}

/// The lines of a file whose transfer can go on after a restart.
const MANY_LINES: usize = 500_000;

impl Workload {
    pub(crate) fn of(operations: &[Operation]) -> Self {
        Self::Sequence {
            operations: operations.to_vec(),
            manner: Manner::Usual,
        }
    }

    /// All that are no sequences.
    pub(crate) fn special() -> Vec<Self> {
        vec![
            Self::First,
            Self::Together,
            Self::Attributes,
            Self::Long,
            Self::Resumed,
        ]
    }

    /// The same in another manner.
    pub(crate) fn by(self, manner: Manner) -> Self {
        match self {
            Self::Sequence { operations, .. } => Self::Sequence { operations, manner },
            other => other,
        }
    }

    pub(crate) const fn manner(&self) -> Manner {
        match self {
            Self::Sequence { manner, .. } => *manner,
            _ => Manner::Usual,
        }
    }

    pub(crate) fn begins_with(&self, operation: Operation) -> bool {
        matches!(self, Self::Sequence { operations, .. } if operations.first() == Some(&operation))
    }

    /// Makes the pair in `folder`, brings it in step, and does what there is to be carried.
    pub(crate) fn make(&self, folder: &Path) -> (Pair, People) {
        let (pair, mut people) = self.begin(folder);
        self.change(&pair, &mut people);
        (pair, people)
    }

    /// Makes the pair in `folder`, and brings it in step if it is to be.
    pub(crate) fn begin(&self, folder: &Path) -> (Pair, People) {
        let pair = Pair::make(folder.to_owned(), self.manner());
        let mut people = People::of(&pair);
        for path in ["a", "b", "c", "f/d", "f/e", "g/h", STILL] {
            people.write(Source, path);
        }
        if *self != Self::First {
            pair.sync().unwrap();
            people.are_in_step();
        }
        (pair, people)
    }

    /// Does what there is to be carried.
    pub(crate) fn change(&self, pair: &Pair, people: &mut People) {
        match self {
            Self::First => {
                people.write(Destination, "a");
                people.write(Destination, "k/l");
            }
            Self::Sequence { operations, .. } => {
                for (nth, operation) in operations.iter().enumerate() {
                    operation.apply(nth, people);
                }
            }
            Self::Together => {
                for path in ["a", "b", "c", "f/d", "f/e", "m", "n", "o", "p", "q", "r"] {
                    people.write(Source, path);
                }
            }
            Self::Attributes => attributes(people),
            Self::Long => people.write_lines(Source, "long", MANY_LINES),
            Self::Resumed => {
                people.write_lines(Source, "long", MANY_LINES);
                people.rest();
                let end = child::pass(pair, in_the_middle()).unwrap();
                assert!(matches!(end, End::Killed(_)), "it was not killed");
            }
        }
    }
}

/// The last piece but one of the long file was written, and the state knows how far its transfer came.
fn in_the_middle() -> u64 {
    static POINT: OnceLock<u64> = OnceLock::new();
    *POINT.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let (pair, people) = Workload::Long.make(folder.path());
        people.rest();
        let End::Done(calls) = child::pass(&pair, 0).unwrap() else {
            unreachable!("nothing was to kill it");
        };
        let write = Call::Side(Change::Write);
        let last = calls.iter().rposition(|call| *call == write).unwrap();
        // Two points for each call before it, and the one before the call itself.
        2 * last as u64 + 1
    })
}

fn attributes(people: &mut People) {
    let there = people.path(Destination, "a");
    let flags = rustix::fs::XattrFlags::empty();
    // A file system that has none lets the others be tested.
    let _ = rustix::fs::setxattr(&there, "user.tandem", b"kept", flags);
    if rustix::process::geteuid().is_root() {
        chown(&there, Some(1234), Some(1234)).unwrap();
    }
    people.write(Source, "a");
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(people.path(Source, "b"), mode).unwrap();
    let earlier = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    let mut how = std::fs::File::options();
    let file = how.write(true).open(people.path(Source, "c")).unwrap();
    file.set_modified(earlier).unwrap();
    people.link(Source, "link", STILL);
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sequence { operations, manner } => write!(f, "{operations:?} ({manner:?})"),
            other => write!(f, "{other:?}"),
        }
    }
}
