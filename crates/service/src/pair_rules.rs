//! Which pairs may stand beside each other (DESIGN 9): no nested roots, no loops.

use std::collections::BTreeSet;

use tandem_core::policy::Mode;
use tandem_core::side::PerSide;

use crate::fault::{Fault, Result};

/// A folder, in a writing in which the same folder reads the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ground {
    /// What tells one storage from another, however it is named.
    pub storage: String,
    /// The folder's names from the storage's top.
    pub path: Vec<String>,
    /// As the person wrote it, for the sentence.
    pub shown: String,
}

impl Ground {
    /// Whether the other is this folder or lies in it.
    #[must_use]
    pub fn holds(&self, other: &Self) -> bool {
        self.storage == other.storage && other.path.starts_with(&self.path)
    }

    fn is(&self, other: &Self) -> bool {
        self.storage == other.storage && self.path == other.path
    }
}

/// A pair as the rules see it.
#[derive(Debug, Clone)]
pub struct Joined {
    /// Its name.
    pub name: String,
    /// Its ends.
    pub ends: PerSide<Ground>,
    /// Its mode: which way changes go.
    pub mode: Mode,
}

/// Whether `new` may stand beside `others`.
///
/// # Errors
/// The rule it breaks, with the pair it breaks it with.
pub fn check(new: &Joined, others: &[Joined]) -> Result<()> {
    let PerSide {
        source,
        destination,
    } = &new.ends;
    if source.holds(destination) {
        return Err(Fault::SameEnds(source.shown.clone()));
    }
    if destination.holds(source) {
        return Err(Fault::SameEnds(destination.shown.clone()));
    }
    for end in [source, destination] {
        for other in others {
            for theirs in [&other.ends.source, &other.ends.destination] {
                if !end.is(theirs) && theirs.holds(end) {
                    return Err(Fault::InsidePair(end.shown.clone(), other.name.clone()));
                }
                if !end.is(theirs) && end.holds(theirs) {
                    return Err(Fault::AroundPair(end.shown.clone(), other.name.clone()));
                }
            }
        }
    }
    let (forward, backward) = ways(new.mode);
    let closing = (forward
        .then(|| way_between(destination, source, others))
        .flatten())
    .or_else(|| {
        backward
            .then(|| way_between(source, destination, others))
            .flatten()
    });
    closing.map_or(Ok(()), |pair| Err(Fault::Loop(pair)))
}

/// Whether changes go from the source on, and back to it.
fn ways(mode: Mode) -> (bool, bool) {
    match mode.leader() {
        None => (true, true),
        Some(side) => (
            side == tandem_core::side::Side::Source,
            side != tandem_core::side::Side::Source,
        ),
    }
}

/// The first pair on a way along which changes at `from` reach `to`.
fn way_between(from: &Ground, to: &Ground, pairs: &[Joined]) -> Option<String> {
    let mut seen = BTreeSet::new();
    let mut next: Vec<(&Ground, Option<&str>)> = vec![(from, None)];
    while let Some((here, by)) = next.pop() {
        if here.is(to) {
            return by.map(str::to_owned);
        }
        if !seen.insert((&here.storage, &here.path)) {
            continue;
        }
        for pair in pairs {
            let by = by.or(Some(pair.name.as_str()));
            let (forward, backward) = ways(pair.mode);
            if forward && pair.ends.source.is(here) {
                next.push((&pair.ends.destination, by));
            }
            if backward && pair.ends.destination.is(here) {
                next.push((&pair.ends.source, by));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ground(text: &str) -> Ground {
        let (storage, path) = text.split_once(':').unwrap();
        let path = path
            .split('/')
            .filter(|n| !n.is_empty())
            .map(str::to_owned)
            .collect();
        Ground {
            storage: storage.to_owned(),
            path,
            shown: text.to_owned(),
        }
    }

    fn pair(name: &str, source: &str, destination: &str, mode: Mode) -> Joined {
        Joined {
            name: name.to_owned(),
            ends: PerSide::new(ground(source), ground(destination)),
            mode,
        }
    }

    /// hwittenborn/celeste#216: one folder to several services.
    #[test]
    fn roots_may_be_shared_but_not_nested_and_changes_go_no_rounds() {
        use Mode::{DestinationToSource, SourceBackup, SourceToDestination, TwoWay};
        let others = [
            pair("docs", "disk:/home/docs", "s3:docs", TwoWay),
            pair("copy", "s3:docs", "disk:/mnt/copy", SourceToDestination),
        ];
        for (source, destination, mode, expected) in [
            ("disk:/home/music", "s3:music", TwoWay, None),
            ("disk:/home/docs", "s3:other", TwoWay, None),
            ("disk:/home/docs2", "s3:docs2", TwoWay, None),
            ("disk:/home/x", "disk:/home/x", TwoWay, Some("same_ends")),
            ("disk:/home/x", "disk:/home/x/y", TwoWay, Some("same_ends")),
            (
                "disk:/home/x/y",
                "disk:/home/x",
                SourceBackup,
                Some("same_ends"),
            ),
            (
                "disk:/home/docs/sub",
                "s3:new",
                TwoWay,
                Some("nested_roots"),
            ),
            ("disk:/home", "s3:new", TwoWay, Some("nested_roots")),
            ("disk:/new", "s3:docs/sub", TwoWay, Some("nested_roots")),
            ("disk:/home/docs", "s3:docs", TwoWay, Some("loop")),
            ("disk:/mnt/copy", "disk:/home/docs", TwoWay, Some("loop")),
            (
                "disk:/mnt/copy",
                "disk:/home/docs",
                SourceToDestination,
                Some("loop"),
            ),
            (
                "disk:/home/docs",
                "disk:/mnt/copy",
                SourceToDestination,
                None,
            ),
            (
                "disk:/mnt/copy",
                "disk:/home/docs",
                DestinationToSource,
                None,
            ),
        ] {
            let found = check(&pair("new", source, destination, mode), &others);
            let found = found.err().map(|fault| fault.cause());
            assert_eq!(found, expected, "{source} and {destination}, {mode}");
        }
    }
}
