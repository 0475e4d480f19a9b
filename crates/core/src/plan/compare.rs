//! What changed on one side since it was in step, and whether two sides are equal without a base.

use super::action::Equality;
use crate::capabilities::Capabilities;
use crate::entry::{Entry, Kind, Mtime, Revision};
use crate::mutant;
use crate::policy::Compare;
use crate::side::PerSide;

/// How an entry differs from what its side had in the base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Not at all.
    Same,
    /// Another revision, the same content and metadata: noted, nothing is carried.
    Restamped,
    /// The same content, another time or executable bit.
    Meta,
    /// Other content.
    Edited,
    /// The content must be read to tell.
    Unsure,
}

/// Compares an entry with what the same side had when it was in step.
pub(super) fn change_since(now: &Entry, base: &Entry, side: &Capabilities) -> Change {
    if mutant!("P15 mtime decides") && now.kind == Kind::File && now.mtime == base.mtime {
        return Change::Same;
    }
    let told_by_hash = side.revision_granularity > 0 && now.same_by_hash(base) == Some(false);
    if now.revision == base.revision
        && now.revision != Revision::None
        && now.size == base.size
        && !told_by_hash
    {
        return metadata_change(now, base, Change::Same);
    }
    match now.kind {
        Kind::Folder | Kind::Opaque => {
            if now.revision == base.revision && now.id == base.id {
                Change::Same
            } else {
                Change::Restamped
            }
        }
        Kind::Symlink if now.target == base.target => Change::Restamped,
        Kind::Symlink => Change::Edited,
        Kind::File if now.size != base.size => Change::Edited,
        Kind::File => match now.same_by_hash(base) {
            Some(true) => metadata_change(now, base, Change::Restamped),
            Some(false) => Change::Edited,
            None if side.revision_is_content || !side.cheap_reads => Change::Edited,
            None if base.hashes.is_empty() => Change::Edited,
            None => Change::Unsure,
        },
    }
}

fn metadata_change(now: &Entry, base: &Entry, otherwise: Change) -> Change {
    let client = |m: &Option<Mtime>| m.filter(|m| m.by_client).map(|m| m.at);
    let time = matches!((client(&now.mtime), client(&base.mtime)), (Some(a), Some(b)) if a != b);
    let bit = matches!((now.executable, base.executable), (Some(a), Some(b)) if a != b);
    if now.kind == Kind::File && (time || bit) {
        Change::Meta
    } else {
        otherwise
    }
}

/// Whether the content of two sides is equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Equal, shown so.
    Equal(Equality),
    /// Different.
    Different,
    /// The files marked must be read to tell.
    Read(PerSide<bool>),
}

/// Compares the two sides of an item that has no base, or that both sides edited (DESIGN 5.2).
pub(super) fn compare_sides(
    source: &Entry,
    destination: &Entry,
    how: Compare,
    capabilities: PerSide<&Capabilities>,
) -> Verdict {
    if source.kind != destination.kind {
        return Verdict::Different;
    }
    match source.kind {
        Kind::Folder => Verdict::Equal(Equality::SameHash),
        Kind::Symlink if source.target == destination.target => Verdict::Equal(Equality::SameHash),
        Kind::Symlink | Kind::Opaque => Verdict::Different,
        Kind::File => compare_files(source, destination, how, capabilities),
    }
}

fn compare_files(
    a: &Entry,
    b: &Entry,
    how: Compare,
    capabilities: PerSide<&Capabilities>,
) -> Verdict {
    let chosen = |equal| {
        if equal {
            Verdict::Equal(Equality::Adopted)
        } else {
            Verdict::Different
        }
    };
    match how {
        Compare::SizeOnly => chosen(a.size == b.size),
        Compare::MtimeOnly => chosen(same_time(a, b, capabilities)),
        Compare::SizeAndMtime => chosen(a.size == b.size && same_time(a, b, capabilities)),
        Compare::HashOnly => by_hash(a, b),
        Compare::HashThenMtime
            if a.same_by_hash(b).is_none() && a.size == b.size && same_time(a, b, capabilities) =>
        {
            Verdict::Equal(Equality::SizeAndTime)
        }
        Compare::HashThenMtime => by_hash(a, b),
    }
}

fn by_hash(a: &Entry, b: &Entry) -> Verdict {
    match a.same_by_hash(b) {
        Some(true) => Verdict::Equal(Equality::SameHash),
        Some(false) => Verdict::Different,
        None if a.size != b.size => Verdict::Different,
        None => {
            let known = |e: &Entry| e.hash(crate::entry::HashKind::Blake3).is_some();
            Verdict::Read(PerSide::new(!known(a), !known(b)))
        }
    }
}

/// Both times were set by a client and lie within the coarser precision, of at most 2 seconds.
fn same_time(a: &Entry, b: &Entry, capabilities: PerSide<&Capabilities>) -> bool {
    let precision = capabilities
        .source
        .mtime_precision
        .max(capabilities.destination.mtime_precision)
        .min(2_000_000_000);
    match (a.mtime, b.mtime) {
        (Some(a), Some(b)) => a.by_client && b.by_client && a.at.distance(b.at) < precision.max(1),
        _ => false,
    }
}
