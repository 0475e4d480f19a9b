//! Changes that cross: each side's copy of one content is to go for the sake of the other's.
//!
//! Between two looks somebody may move one file over another of the same content. Where ids and revisions do not tell that,
//! it looks as if one had been deleted and the other were as it was; and if that one is to go as well, the content
//! would go from both sides (P1 a).

use foldhash::{HashMap, HashMapExt};

use super::compare::Change;
use super::decide::{Content, Life, Want};
use super::node::Nodes;
use super::reason::Reason;
use super::trees::{Input, Seen};
use crate::entry::{Entry, Kind, Revision};
use crate::mutant;
use crate::side::Side;

/// Of so many of one size one counts as alike, so that many deletes are not compared each with each.
const MOST_COMPARED: usize = 100;

/// Keeps what may be the last of a content.
pub(super) fn keep_crossed(input: &Input<'_>, nodes: &Nodes<'_>, wants: &mut [Want]) {
    if mutant!("P1 deletes that cross take a content from both sides") {
        return;
    }
    for side in Side::BOTH {
        let crossing = Crossing::find(nodes, wants, side);
        crossing.keep_moved_over(nodes, wants);
        keep_taken(input, nodes, wants, side);
    }
}

/// Files whose content is to go from `side`, and those that may have been moved over them there.
struct Crossing {
    side: Side,
    /// To be deleted, or replaced by the other side's.
    going: Vec<usize>,
    /// Not where they were on `side`, or not to be looked at there, by size.
    missing: HashMap<u64, Vec<usize>>,
    /// A folder of `side` could not be looked into: anything that was in it may have been moved out.
    is_partly_known: bool,
}

impl Crossing {
    fn find(nodes: &Nodes<'_>, wants: &[Want], side: Side) -> Self {
        let other = side.other();
        let mut found = Self {
            side,
            going: Vec::new(),
            missing: HashMap::new(),
            is_partly_known: (1..wants.len())
                .any(|node| nodes.all[node].kind == Kind::Folder && is_unknown(nodes, node, side)),
        };
        for node in (1..wants.len()).filter(|&node| nodes.all[node].kind == Kind::File) {
            let goes = match wants[node].life {
                Life::Dead(reason) => reason == Reason::DeletedOn(other),
                Life::Alive => {
                    matches!(wants[node].content, Content::From(from, Reason::EditedOn(_), _) if from == other)
                }
                _ => false,
            };
            let places = nodes.all[node].places;
            if goes && places[side].is_some_and(|place| place.entry.size > 0) {
                found.going.push(node);
            }
            let is_missing = wants[node].life == Life::Dead(Reason::DeletedOn(side))
                || is_unknown(nodes, node, side);
            if let Some(place) = places[other].filter(|_| is_missing) {
                let alike = found.missing.entry(place.entry.size).or_default();
                alike.push(node);
            }
        }
        found
    }

    fn keep_moved_over(&self, nodes: &Nodes<'_>, wants: &mut [Want]) {
        for &node in &self.going {
            let Some(now) = entry(nodes, self.side, node) else {
                continue;
            };
            if self.is_partly_known && nodes.change(self.side, node) == Some(Change::Restamped) {
                wants[node].life = Life::Leave;
                continue;
            }
            let Some(alike) = self.missing.get(&now.size) else {
                continue;
            };
            let is_moved_over = |&&other: &&usize| {
                other != node
                    && (alike.len() > MOST_COMPARED || is_alike(nodes, self.side, other, now))
                    && may_be_moved_over(nodes, self.side, other, node)
            };
            let Some(&other) = alike.iter().find(is_moved_over) else {
                continue;
            };
            // The other one waits until it is noted that this one is to stay.
            if is_unknown(nodes, other, self.side) {
                wants[node].life = Life::Leave;
            } else if wants[node].life == Life::Alive {
                release(&mut wants[other], self.side);
                wants[node].content = Content::AsIs;
            } else {
                release(&mut wants[node], self.side.other());
                wants[other].waits_for = Some(node);
            }
        }
    }
}

/// What `side` lacks may have been moved over a file of the same revision, which Tandem then took away: nothing else tells
/// of the two.
fn keep_taken(input: &Input<'_>, nodes: &Nodes<'_>, wants: &mut [Want], side: Side) {
    let taken = &input.trees.taken[side];
    if taken.is_empty() || mutant!("P1 what was taken is forgotten at once") {
        return;
    }
    for (node, want) in nodes.all.iter().zip(wants) {
        let was = node.base.and_then(|base| base.entries[side].as_ref());
        let is_taken = was.is_some_and(|was| taken.contains(&was.revision));
        if is_taken && want.life == Life::Dead(Reason::DeletedOn(side)) {
            release(want, side);
        }
    }
}

/// What `lacks` may never have deleted is new on the other side from now on, so that whatever comes of this plan, no later
/// one deletes it there.
fn release(want: &mut Want, lacks: Side) {
    want.life = Life::Forgotten(Reason::EditBeatsDelete(lacks));
}

fn entry<'a>(nodes: &Nodes<'a>, side: Side, node: usize) -> Option<&'a Entry> {
    nodes.all[node].places[side].map(|place| place.entry)
}

/// Whether `side` could not be looked at where it had the node.
fn is_unknown(nodes: &Nodes<'_>, node: usize, side: Side) -> bool {
    let base = nodes.all[node].base;
    base.is_some_and(|base| base.seen[side] == Seen::Unknown)
}

/// Whether what the other side has of `node` may be the content of `now`.
fn is_alike(nodes: &Nodes<'_>, side: Side, node: usize, now: &Entry) -> bool {
    entry(nodes, side.other(), node).is_some_and(|there| there.same_by_hash(now) != Some(false))
}

/// Whether what `side` shows of `node` may be what it had of `lost`: it is not surely what it was, or bears the revision
/// that `lost` had, or has gone where `lost` was.
fn may_be_moved_over(nodes: &Nodes<'_>, side: Side, lost: usize, node: usize) -> bool {
    let had = nodes.all[lost].base.and_then(|b| b.entries[side].as_ref());
    let (Some(had), Some(now)) = (had, entry(nodes, side, node)) else {
        return false;
    };
    let is_revision = had.revision != Revision::None && had.revision == now.revision;
    is_revision
        || is_in_its_place(nodes, side, lost, node)
        || nodes.change(side, node) != Some(Change::Same)
}

/// Whether `side` moved `node` to where it had `lost`.
fn is_in_its_place(nodes: &Nodes<'_>, side: Side, lost: usize, node: usize) -> bool {
    let lost = &nodes.all[lost];
    let had = lost.base.and_then(|b| b.entries[side].as_ref());
    nodes.all[node].places[side].is_some_and(|place| {
        let is_name = had.is_some_and(|had| had.name == place.entry.name);
        place.moved && place.parent == lost.base_parent && is_name
    })
}
