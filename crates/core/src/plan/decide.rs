//! What each node should come to, seen by itself: whether it lives, where, and whose content it has.

use std::collections::BTreeSet;

use super::action::{Conflict, ConflictKind, Equality, Plan, Retain};
use super::compare::{Change, Verdict, compare_sides};
use super::crossed::keep_crossed;
use super::node::{Node, Nodes};
use super::reason::Reason;
use super::trees::Input;
use crate::entry::{Entry, Kind};
use crate::path::Name;
use crate::policy::{ConflictPolicy, FirstSync};
use crate::side::{PerSide, Side};
use crate::{mutant, removed};

/// Whether a node should be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    /// On both sides.
    Alive,
    /// On neither.
    Dead(Reason),
    /// As it is on each side; nothing is done.
    Leave,
    /// On the side that has it, under another name; not carried.
    Aside,
    /// Nothing is done, and the base no longer has it.
    Forgotten(Reason),
}

impl Life {
    /// Whether it stays on the side that has it, under its name or another.
    pub(super) const fn is_left(self) -> bool {
        matches!(self, Self::Leave | Self::Aside)
    }

    /// Whether the base is to have it no longer.
    pub(super) const fn goes(self) -> bool {
        matches!(self, Self::Dead(_) | Self::Forgotten(_))
    }
}

/// Whose content a node should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// What it has.
    AsIs,
    /// This side's.
    From(Side, Reason, Retain),
    /// This side's time and executable bit.
    MetaFrom(Side),
    /// Both have it already.
    Adopt(Option<Equality>),
    /// Both versions; `loser` is the side whose version becomes a copy.
    KeepBoth {
        /// The side whose version becomes the conflict copy.
        loser: Side,
    },
    /// The merged text.
    Merge,
}

/// What a node should come to.
#[derive(Debug, Clone)]
pub(super) struct Want {
    pub(super) life: Life,
    /// The folder.
    pub(super) parent: usize,
    /// The name in the pair.
    pub(super) name: Name,
    /// Why it is elsewhere than a side has it.
    pub(super) place_reason: Reason,
    pub(super) content: Content,
    /// Why a side that lacks it gets it.
    pub(super) create_reason: Reason,
    /// A delete is left to the next plan while the base is to have this node no longer.
    pub(super) waits_for: Option<usize>,
}

pub(super) fn decide(input: &Input<'_>, nodes: &Nodes<'_>, plan: &mut Plan) -> Vec<Want> {
    let decider = Decider {
        input,
        nodes,
        taken: PerSide::from_fn(|side| taken_on(input, nodes, side)),
    };
    let mut wants: Vec<Want> = (0..nodes.all.len())
        .map(|index| decider.want(index, plan))
        .collect();
    keep_crossed(input, nodes, &mut wants);
    wants
}

struct Decider<'a> {
    input: &'a Input<'a>,
    nodes: &'a Nodes<'a>,
    taken: PerSide<Taken>,
}

/// What a side without empty folders tells of folders that it does not show.
#[derive(Default)]
struct Taken {
    /// Names that something has there.
    names: BTreeSet<(usize, Box<str>)>,
    /// Folders in which the other side has something else than folders.
    in_use: BTreeSet<usize>,
}

fn taken_on(input: &Input<'_>, nodes: &Nodes<'_>, side: Side) -> Taken {
    let mut taken = Taken::default();
    if input.capabilities[side].empty_folders {
        return taken;
    }
    for (index, node) in nodes.all.iter().enumerate().skip(1) {
        if let (Some(place), Some(name)) = (node.places[side], nodes.name_on(side, index)) {
            taken.names.insert((place.parent, nodes.key(&name)));
        }
        // What this side moved does not stay there.
        if node.kind == Kind::Folder || node.places[side].is_some_and(|place| place.moved) {
            continue;
        }
        let mut at = node.places[side.other()].map(|place| place.parent);
        while let Some(folder) = at.filter(|folder| taken.in_use.insert(*folder)) {
            at = nodes.all[folder].places[side.other()].map(|place| place.parent);
        }
    }
    taken
}

impl Decider<'_> {
    fn want(&self, index: usize, plan: &mut Plan) -> Want {
        let node = &self.nodes.all[index];
        let mut want = Want {
            life: Life::Alive,
            parent: node.base_parent,
            name: node.own_name(),
            place_reason: Reason::EqualOnBoth,
            content: Content::AsIs,
            create_reason: Reason::EqualOnBoth,
            waits_for: None,
        };
        if index == 0 {
            return want;
        }
        if let Some(base) = node.base
            && base.excluded
        {
            want.life = Life::Forgotten(Reason::FilteredOut);
            return want;
        }
        self.place(index, &mut want, plan);
        let is_below = |side| self.is_below_frozen(index, side);
        if node.frozen || node.kind == Kind::Opaque || Side::BOTH.into_iter().any(is_below) {
            want.life = Life::Leave;
            return want;
        }
        match (node.base, node.places.source, node.places.destination) {
            (Some(_), None, None) => want.life = Life::Forgotten(Reason::DeletedOnBoth),
            (Some(_), Some(_), Some(_)) => self.both_have_it(index, &mut want, plan),
            (Some(_), Some(_), None) => self.one_lacks_it(index, Side::Source, &mut want, plan),
            (Some(_), None, Some(_)) => {
                self.one_lacks_it(index, Side::Destination, &mut want, plan)
            }
            (None, Some(_), Some(_)) => {
                self.both_edited(index, ConflictKind::CreateCreate, &mut want, plan);
            }
            (None, Some(_), None) => self.new_on_one(Side::Source, &mut want),
            (None, None, Some(_)) => self.new_on_one(Side::Destination, &mut want),
            (None, None, None) => want.life = Life::Leave,
        }
        want
    }

    /// The place: the side that moved it decides; of two, the destination; in one-way modes the leader.
    fn place(&self, index: usize, want: &mut Want, plan: &mut Plan) {
        let node = &self.nodes.all[index];
        let mut take = |side: Side, reason: Reason| {
            if let Some(place) = node.places[side] {
                want.parent = place.parent;
                if let Some(meant) = self.nodes.meant_name(side, index)
                    && node.base.is_none_or(|_| place.moved)
                {
                    want.name = meant;
                }
                want.place_reason = reason;
            }
        };
        let moved = node.places.map(|p| p.is_some_and(|p| p.moved));
        if let Some(leader) = self.input.policy.mode.leader() {
            match node.places[leader] {
                Some(place) if place.moved => take(leader, Reason::MovedOn(leader)),
                Some(_) if node.base.is_none() => take(leader, Reason::CreatedOn(leader)),
                Some(_) => want.place_reason = Reason::MirrorOf(leader),
                None => take(leader.other(), Reason::CreatedOn(leader.other())),
            }
            if let Some(name) = self.nodes.name_for_good(leader, index) {
                want.name = name;
            }
            return;
        }
        match (moved.source, moved.destination) {
            (true, true) => {
                take(Side::Destination, Reason::MoveMove(Side::Destination));
                if !self.same_place(index) {
                    self.conflict(index, ConflictKind::MoveMove, false, plan);
                }
            }
            (true, false) => take(Side::Source, Reason::MovedOn(Side::Source)),
            (false, true) => take(Side::Destination, Reason::MovedOn(Side::Destination)),
            (false, false) if node.base.is_none() => {
                let side = if node.places.source.is_some() {
                    Side::Source
                } else {
                    Side::Destination
                };
                take(side, Reason::CreatedOn(side));
            }
            (false, false) => {}
        }
    }

    fn same_place(&self, index: usize) -> bool {
        let at = |side: Side| {
            let place = self.nodes.all[index].places[side]?;
            Some((place.parent, self.nodes.meant_name(side, index)?))
        };
        at(Side::Source) == at(Side::Destination)
    }

    fn change(&self, index: usize, side: Side, plan: &mut Plan) -> Change {
        let Some(change) = self.nodes.change(side, index) else {
            return Change::Edited;
        };
        if change == Change::Unsure {
            plan.evidence.extend(
                self.nodes
                    .evidence(side, index, self.nodes.id_on(side, index)),
            );
        }
        change
    }

    fn both_have_it(&self, index: usize, want: &mut Want, plan: &mut Plan) {
        let node = &self.nodes.all[index];
        let Some(base) = node.base else { return };
        if base.entries.source.is_none() || base.entries.destination.is_none() {
            return self.both_edited(index, ConflictKind::CreateCreate, want, plan);
        }
        let changes = PerSide::from_fn(|side| self.change(index, side, plan));
        if Side::BOTH.iter().any(|&s| changes[s] == Change::Unsure) {
            want.life = Life::Leave;
            return;
        }
        if let Some(leader) = self.input.policy.mode.leader() {
            if changes.source == Change::Edited && changes.destination == Change::Edited {
                return self.both_edited(index, ConflictKind::EditEdit, want, plan);
            }
            return self.follow(leader, changes, want);
        }
        // What Tandem wrote came of another content of the other side, and takes the place of none that is there now.
        let is_own =
            |&side: &Side| changes[side] == Change::Edited && self.is_own_write(index, side);
        if Side::BOTH.iter().any(is_own) {
            return self.both_edited(index, ConflictKind::EditEdit, want, plan);
        }
        want.content = match (changes.source, changes.destination) {
            (Change::Edited, Change::Edited) => {
                return self.both_edited(index, ConflictKind::EditEdit, want, plan);
            }
            (Change::Edited, _) => Content::From(
                Side::Source,
                Reason::EditedOn(Side::Source),
                Retain::Superseded,
            ),
            (_, Change::Edited) => Content::From(
                Side::Destination,
                Reason::EditedOn(Side::Destination),
                Retain::Superseded,
            ),
            (Change::Meta, Change::Meta) => Content::MetaFrom(later(node)),
            (Change::Meta, _) => Content::MetaFrom(Side::Source),
            (_, Change::Meta) => Content::MetaFrom(Side::Destination),
            (Change::Same, Change::Same) => Content::AsIs,
            _ => Content::Adopt(None),
        };
    }

    /// Whether a side shows what Tandem wrote there and could not record.
    fn is_own_write(&self, index: usize, side: Side) -> bool {
        let own = &self.input.trees.own_writes[side];
        let place = self.nodes.all[index].places[side];
        let is_own = place.is_some_and(|place| own.contains(&place.entry.revision));
        is_own && !mutant!("P1 what Tandem wrote itself is a person's edit")
    }

    /// One-way modes where not both edited it: the leader's content; in backup modes what only the follower edited
    /// stays.
    fn follow(&self, leader: Side, changes: PerSide<Change>, want: &mut Want) {
        let backup = self.input.policy.mode.is_backup();
        want.content = match (changes[leader], changes[leader.other()]) {
            (Change::Edited, _) => {
                Content::From(leader, Reason::EditedOn(leader), Retain::Superseded)
            }
            (_, Change::Edited) if backup => Content::AsIs,
            (_, Change::Edited) => Content::From(leader, Reason::MirrorOf(leader), Retain::Unseen),
            (Change::Meta, _) => Content::MetaFrom(leader),
            (_, Change::Meta) if backup => Content::AsIs,
            (_, Change::Meta) => Content::MetaFrom(leader),
            (Change::Same, Change::Same) => Content::AsIs,
            _ => Content::Adopt(None),
        };
    }

    /// The base has it; `has` still does, the other side does not.
    fn one_lacks_it(&self, index: usize, has: Side, want: &mut Want, plan: &mut Plan) {
        let node = &self.nodes.all[index];
        let lacks = has.other();
        if self.is_owed(index, lacks) {
            return self.new_on_one(has, want);
        }
        if node.kind == Kind::Folder && !self.input.capabilities[lacks].empty_folders {
            // It is gone with the last thing in it, or was never to be seen: what becomes of what is in it
            // decides (`settle`). An empty one gives way to what has its name there.
            want.create_reason = Reason::FolderStillNeeded(lacks);
            let is_backup = self.input.policy.mode.is_backup();
            want.life = if !is_backup && self.gives_way(index, lacks) {
                Life::Dead(Reason::DeletedOn(lacks))
            } else if node.is_set_aside() {
                // It gets its name back.
                Life::Aside
            } else {
                Life::Leave
            };
            return;
        }
        if let Some(leader) = self.input.policy.mode.leader() {
            if leader == has {
                want.create_reason = Reason::SentAgain(leader);
            } else if self.input.policy.mode.is_backup() {
                want.life = Life::Forgotten(Reason::DeletedOn(leader));
            } else {
                want.life = Life::Dead(Reason::DeletedOn(leader));
            }
            return;
        }
        let change = self.change(index, has, plan);
        if change == Change::Unsure {
            want.life = Life::Leave;
            return;
        }
        let edited = change == Change::Edited && !mutant!("P1 a delete beats an edit");
        let moved = self.moved_with_folders(index, has);
        if edited || moved {
            want.create_reason = Reason::EditBeatsDelete(lacks);
            let own_move = node.places[has].is_some_and(|p| p.moved);
            if edited {
                self.conflict(index, ConflictKind::EditDelete, false, plan);
            } else if own_move {
                self.conflict(index, ConflictKind::MoveDelete, false, plan);
            }
        } else {
            want.life = Life::Dead(Reason::DeletedOn(lacks));
        }
    }

    /// Whether the side is still to receive what the base has, or a folder that it lies in: it was not deleted there.
    fn is_owed(&self, index: usize, side: Side) -> bool {
        let above = |&at: &usize| Some(self.nodes.all[at].base_parent);
        let mut up = std::iter::successors(Some(index), above).take_while(|&at| at != 0);
        up.any(|at| {
            let base = self.nodes.all[at].base;
            base.is_some_and(|base| base.entries[side].is_none())
        })
    }

    /// Whether `side` moved the node, or a folder above it that the other side deleted as well.
    fn moved_with_folders(&self, index: usize, side: Side) -> bool {
        let mut at = index;
        while at != 0 {
            let node = &self.nodes.all[at];
            let Some(place) = node.places[side] else {
                return false;
            };
            if node.base.is_none() || node.places[side.other()].is_some() {
                return false;
            }
            if place.moved {
                return true;
            }
            at = place.parent;
        }
        false
    }

    /// Whether an empty folder that `side` cannot show, or one above it, has a name that is taken there.
    fn gives_way(&self, index: usize, side: Side) -> bool {
        let (taken, has) = (&self.taken[side], side.other());
        let mut at = index;
        while let Some(place) = self.nodes.all[at].places[has]
            && self.nodes.all[at].places[side].is_none()
            && !taken.in_use.contains(&at)
        {
            let meant = self.nodes.meant_name(has, at);
            if meant.is_some_and(|name| {
                let key = self.nodes.key(&name);
                taken.names.contains(&(place.parent, key))
            }) {
                return true;
            }
            at = place.parent;
        }
        false
    }

    fn new_on_one(&self, has: Side, want: &mut Want) {
        want.create_reason = Reason::CreatedOn(has);
        if let Some(leader) = self.input.policy.mode.leader()
            && leader != has
        {
            want.life = if self.input.policy.mode.is_backup() {
                Life::Leave
            } else {
                Life::Dead(Reason::MirrorOf(leader))
            };
        }
    }

    /// Whether a folder above could not be looked at: the other side may have the same in it.
    fn is_below_frozen(&self, index: usize, has: Side) -> bool {
        let mut at = index;
        while let Some(place) = self.nodes.all[at].places[has] {
            at = place.parent;
            if self.nodes.all[at].frozen && !removed!("completeness") {
                return true;
            }
        }
        false
    }

    /// Both sides have other content than the base, or there is no common base to compare with.
    fn both_edited(&self, index: usize, kind: ConflictKind, want: &mut Want, plan: &mut Plan) {
        let node = &self.nodes.all[index];
        let (Some(source), Some(destination)) = (node.places.source, node.places.destination)
        else {
            return;
        };
        let verdict = compare_sides(
            source.entry,
            destination.entry,
            self.input.policy.compare,
            self.input.capabilities,
        );
        match verdict {
            Verdict::Equal(equality) => want.content = Content::Adopt(Some(equality)),
            Verdict::Read(sides) => {
                for side in Side::BOTH {
                    if sides[side] {
                        plan.evidence.extend(self.nodes.evidence(
                            side,
                            index,
                            self.nodes.id_on(side, index),
                        ));
                    }
                }
                want.life = Life::Leave;
            }
            Verdict::Different => self.meet_conflict(index, kind, want, plan),
        }
    }

    fn meet_conflict(&self, index: usize, kind: ConflictKind, want: &mut Want, plan: &mut Plan) {
        let node = &self.nodes.all[index];
        let (Some(source), Some(destination)) = (node.places.source, node.places.destination)
        else {
            return;
        };
        if let Some(leader) = self.input.policy.mode.leader() {
            let reason = match kind {
                ConflictKind::EditEdit => Reason::EditedOn(leader),
                _ => Reason::MirrorOf(leader),
            };
            want.content = Content::From(leader, reason, Retain::Unseen);
            return;
        }
        // Nobody chose what Tandem itself wrote: it never wins, and is kept beside, for it may be what somebody saved since.
        if let Some(own) = Side::BOTH
            .into_iter()
            .find(|&s| self.is_own_write(index, s))
        {
            self.conflict(index, kind, false, plan);
            want.content = Content::KeepBoth { loser: own };
            return;
        }
        let first = match (kind, self.input.policy.first_sync) {
            (ConflictKind::CreateCreate, FirstSync::SourceWins) => Some(Side::Source),
            (ConflictKind::CreateCreate, FirstSync::DestinationWins) => Some(Side::Destination),
            _ => None,
        };
        if let Some(winner) = first {
            want.content = Content::From(winner, Reason::ConflictWonBy(winner), Retain::Unseen);
            return;
        }
        let winner = match self.input.policy.conflict {
            ConflictPolicy::Manual => {
                self.conflict(index, kind, true, plan);
                want.life = Life::Leave;
                return;
            }
            ConflictPolicy::SourceWins => Some(Side::Source),
            ConflictPolicy::DestinationWins => Some(Side::Destination),
            ConflictPolicy::LargerWins => larger(source.entry, destination.entry),
            ConflictPolicy::NewestWins => self.newer(source.entry, destination.entry),
            ConflictPolicy::KeepBoth | ConflictPolicy::Merge => None,
        };
        self.conflict(index, kind, false, plan);
        want.content = match winner {
            Some(side) => Content::From(side, Reason::ConflictWonBy(side), Retain::Unseen),
            None if self.can_merge(index, kind) => Content::Merge,
            None if mutant!("P1 the loser of a conflict is not kept") => Content::From(
                Side::Destination,
                Reason::ConflictWonBy(Side::Destination),
                Retain::Superseded,
            ),
            None => Content::KeepBoth {
                loser: Side::Source,
            },
        };
    }

    fn can_merge(&self, index: usize, kind: ConflictKind) -> bool {
        let node = &self.nodes.all[index];
        self.input.policy.conflict == ConflictPolicy::Merge
            && kind == ConflictKind::EditEdit
            && node.kind == Kind::File
            && !self.input.refused.merges.contains(&node.id)
    }

    /// Newer by more than what precision and clock skew can explain (2 s), if both times are a client's.
    fn newer(&self, source: &Entry, destination: &Entry) -> Option<Side> {
        let (a, b) = (source.mtime?, destination.mtime?);
        if !a.by_client || !b.by_client {
            return None;
        }
        let both = self.input.capabilities;
        let slack = both
            .source
            .mtime_precision
            .max(both.destination.mtime_precision)
            .max(2_000_000_000);
        (a.at.distance(b.at) > slack).then_some(if a.at > b.at {
            Side::Source
        } else {
            Side::Destination
        })
    }

    fn conflict(&self, index: usize, kind: ConflictKind, waits: bool, plan: &mut Plan) {
        plan.conflicts.push(Conflict {
            waits,
            ..self.nodes.conflict(index, kind)
        });
    }
}

fn larger(source: &Entry, destination: &Entry) -> Option<Side> {
    match source.size.cmp(&destination.size) {
        std::cmp::Ordering::Greater => Some(Side::Source),
        std::cmp::Ordering::Less => Some(Side::Destination),
        std::cmp::Ordering::Equal => None,
    }
}

/// The side with the later time; its metadata holds where both changed only that.
fn later(node: &Node<'_>) -> Side {
    let time = |side: Side| node.places[side].and_then(|p| p.entry.mtime).map(|m| m.at);
    if time(Side::Source) > time(Side::Destination) {
        Side::Source
    } else {
        Side::Destination
    }
}
