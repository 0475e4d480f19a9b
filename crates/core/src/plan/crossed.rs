//! Deletes that cross: each side's copy of one content is to go for the sake of the other's.

use foldhash::{HashMap, HashMapExt};

use super::compare::Change;
use super::decide::{Life, Want};
use super::node::Nodes;
use super::reason::Reason;
use crate::entry::{Entry, Kind};
use crate::mutant;
use crate::side::{PerSide, Side};

/// Of so many of one size one counts as alike, so that many deletes are not compared each with each.
const MOST_COMPARED: usize = 100;

/// A file of which only the revision is new is deleted with the other side's, unless that side's file of the same content
/// is to be deleted here: somebody may have moved that one over this one, and the content would go from both (P1 a).
pub(super) fn keep_crossed(nodes: &Nodes<'_>, wants: &mut [Want]) {
    if mutant!("P1 deletes that cross take a content from both sides") {
        return;
    }
    let dying = PerSide::from_fn(|has: Side| {
        let life = Life::Dead(Reason::DeletedOn(has.other()));
        let is_dying = |&node: &usize| wants[node].life == life;
        let files = (1..wants.len()).filter(|&node| nodes.all[node].kind == Kind::File);
        files.filter(is_dying).collect::<Vec<usize>>()
    });
    for has in Side::BOTH {
        let entry = |side: Side, node: usize| nodes.all[node].places[side].map(|p| p.entry);
        let mut crossing: HashMap<u64, Vec<&Entry>> = HashMap::new();
        let theirs = dying[has.other()].iter();
        for other in theirs.filter_map(|&node| entry(has.other(), node)) {
            crossing.entry(other.size).or_default().push(other);
        }
        for &node in &dying[has] {
            let Some(now) = entry(has, node).filter(|now| now.size > 0) else {
                continue;
            };
            if nodes.change(has, node) == Some(Change::Same) {
                continue;
            }
            let is_alike = |other: &&Entry| other.same_by_hash(now) != Some(false);
            let alike = crossing.get(&now.size);
            if alike.is_some_and(|all| all.len() > MOST_COMPARED || all.iter().any(is_alike)) {
                wants[node].life = Life::Alive;
                wants[node].create_reason = Reason::EditBeatsDelete(has.other());
            }
        }
    }
}
