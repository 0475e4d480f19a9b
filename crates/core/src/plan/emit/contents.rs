//! Contents: what is carried, replaced, kept beside, merged, or given another time.

use super::super::action::{At, Deed, LeftOut, Refusal, Retain};
use super::super::decide::{Content, Life};
use super::super::node::Place;
use super::super::reason::Reason;
use super::super::settle::{copy_name, refusal};
use super::super::trees::MadeCopy;
use super::Emitter;
use crate::entry::{Entry, HashKind, Kind, Revision};
use crate::mutant;
use crate::names;
use crate::path::Name;
use crate::side::{PerSide, Side};
use crate::storage::Meta;

impl Emitter<'_, '_> {
    pub(super) fn contents(&mut self) {
        for node in 1..self.nodes.all.len() {
            if self.nodes.all[node].kind == Kind::Opaque {
                self.list_opaque(node);
            }
            if self.wants[node].life != Life::Alive || self.nodes.all[node].kind == Kind::Folder {
                continue;
            }
            match self.nodes.all[node].places {
                PerSide {
                    source: Some(_),
                    destination: Some(_),
                } => self.content_of_both(node),
                PerSide {
                    source: Some(_),
                    destination: None,
                } => self.create(Side::Destination, node),
                PerSide {
                    source: None,
                    destination: Some(_),
                } => self.create(Side::Source, node),
                PerSide {
                    source: None,
                    destination: None,
                } => {}
            }
        }
    }

    /// Nothing is carried from a backup's follower, so nothing of it is left out.
    fn list_opaque(&mut self, node: usize) {
        let mode = self.input.policy.mode;
        for side in Side::BOTH {
            let is_carried = !mode.is_backup() || mode.leader() == Some(side);
            if is_carried && self.nodes.all[node].places[side].is_some() {
                let path = self.nodes.path(side, node);
                self.plan.left_out.push(LeftOut {
                    side,
                    path,
                    why: Refusal::Opaque,
                });
            }
        }
    }

    /// Where the side has it after the moves of this plan, unless it is itself moved in it.
    fn at(&self, side: Side, node: usize) -> Option<At> {
        let place = self.nodes.all[node].places[side]?;
        (!self.moved[side].contains(&node)).then(|| At {
            path: self.trees[side].path(node),
            entry: place.entry.clone(),
        })
    }

    fn create(&mut self, side: Side, node: usize) {
        if !self.may_change(side) {
            return;
        }
        let Some(from) = self.at(side.other(), node) else {
            return;
        };
        let parent = self.wants[node].parent;
        if self.refused[side].contains(&parent) {
            self.refuse(side, node, Refusal::NameRefused);
            return;
        }
        if !self.is_in_place(side.other(), node) && self.may_change(side.other()) {
            return;
        }
        if let Some(why) = refusal(self.input, side, &from.entry) {
            self.refuse(side, node, why);
            return;
        }
        let Some(native) = self.native(side, node) else {
            self.refuse(side, node, Refusal::NameRefused);
            return;
        };
        let is_in_base = self.nodes.all[parent].base.is_some() || self.is_known(parent);
        if !self.trees[side].holds(parent)
            || self.trees[side].occupant(parent, &native).is_some()
            || !is_in_base
        {
            return;
        }
        self.trees[side].put(node, parent, native);
        self.base[node] = parent;
        let path = self.trees[side].path(node);
        let reason = self.wants[node].create_reason;
        self.push(
            side,
            node,
            Deed::Transfer {
                from,
                path,
                replaces: None,
                retain: Retain::Superseded,
            },
            reason,
        );
    }

    fn content_of_both(&mut self, node: usize) {
        let (Some(source), Some(destination)) = (
            self.at(Side::Source, node),
            self.at(Side::Destination, node),
        ) else {
            return;
        };
        if !Side::BOTH.iter().all(|&s| self.is_in_place(s, node)) {
            return;
        }
        match self.wants[node].content {
            Content::AsIs | Content::Adopt(_) => {}
            Content::From(side, reason, retain) => self.replace(side, node, reason, retain),
            Content::MetaFrom(side) => self.set_meta(side, node),
            Content::KeepBoth { loser } => self.keep_both(loser, node),
            Content::Merge => {
                self.push(
                    Side::Destination,
                    node,
                    Deed::Merge {
                        source,
                        destination,
                    },
                    Reason::ConflictMerged,
                );
            }
        }
    }

    fn replace(&mut self, from_side: Side, node: usize, reason: Reason, retain: Retain) {
        let side = from_side.other();
        let (Some(from), Some(to)) = (self.at(from_side, node), self.at(side, node)) else {
            return;
        };
        if !self.may_change(side) {
            return;
        }
        if self.input.capabilities[side]
            .largest_file
            .is_some_and(|most| from.entry.size > most)
        {
            self.refuse(side, node, Refusal::TooLarge);
            return;
        }
        self.push(
            side,
            node,
            Deed::Transfer {
                from,
                path: to.path,
                replaces: Some(to.entry),
                retain,
            },
            reason,
        );
    }

    fn set_meta(&mut self, from_side: Side, node: usize) {
        let side = from_side.other();
        let (Some(from), Some(at)) = (self.at(from_side, node), self.at(side, node)) else {
            return;
        };
        let capabilities = self.input.capabilities[side];
        let client = |e: &Entry| e.mtime.filter(|m| m.by_client);
        let time = client(&from.entry).filter(|m| {
            let step = capabilities
                .mtime_precision
                .max(self.input.capabilities[from_side].mtime_precision);
            capabilities.mtime
                && client(&at.entry).is_none_or(|there| there.at.distance(m.at) >= step.max(1))
        });
        let bit = from
            .entry
            .executable
            .filter(|_| capabilities.executable && at.entry.executable != from.entry.executable);
        if self.may_change(side) && (time.is_some() || bit.is_some()) {
            let meta = Meta {
                mtime: time,
                executable: bit,
                ..Meta::default()
            };
            self.push(
                side,
                node,
                Deed::SetMeta {
                    at,
                    meta,
                    from: from.entry,
                },
                Reason::MetaChangedOn(from_side),
            );
        } else {
            let (source, destination) = match from_side {
                Side::Source => (from.entry, at.entry),
                Side::Destination => (at.entry, from.entry),
            };
            let deed = Deed::Adopt {
                equality: None,
                source,
                destination,
                unchanged: PerSide::new(true, true),
            };
            self.push(Side::Source, node, deed, Reason::MetaChangedOn(from_side));
        }
    }

    /// First the loser's version gets a name of its own on its side; when that is seen, the winner's goes to
    /// the name. So neither name is empty at any time, and a crash in between changes nothing.
    fn keep_both(&mut self, loser: Side, node: usize) {
        let winner = loser.other();
        let Some(lost) = self.at(loser, node) else {
            return;
        };
        let Some(parent) = self.trees[loser].parent(node) else {
            return;
        };
        // Nothing is copied where it would make no room: another copy would come with every pass.
        let won = self.nodes.all[node].places[winner].map(|place| place.entry);
        if let Some(why) = won.and_then(|won| refusal(self.input, loser, won)) {
            self.refuse(loser, node, why);
            return;
        }
        let at = self.nodes.written_at(loser, node);
        let rules = self.input.capabilities.map(|side| &side.names);
        for ordinal in 1..1000 {
            let name = copy_name(self.input, &self.nodes.all[node].name, at, ordinal);
            let Ok(native) = names::encode(&name, rules[loser]) else {
                break;
            };
            let native = native.into_owned();
            match self.trees[loser].occupant(parent, &native) {
                // A conflict on a copy can come to the copy's own name.
                Some(copy) if copy == node => {}
                Some(_) if mutant!("P1 any file is taken for the conflict copy") => {
                    let reason = Reason::ConflictKeptBoth(winner);
                    return self.replace(winner, node, reason, Retain::Superseded);
                }
                // What is in conflict itself may have this one for its copy, and neither would be left.
                Some(copy) if self.is_to_be_replaced(loser, copy) => {}
                Some(copy) => match self.is_copy(loser, copy, &lost.entry) {
                    Some(true) => {
                        let retain = match self.may_go_back(loser, copy, &lost.entry) {
                            // Once both sides have it, that is seen.
                            true if self.is_carried(loser, copy) => return,
                            false if self.keeps_its_content(loser, copy) => Retain::Superseded,
                            _ => Retain::Unseen,
                        };
                        self.replace(winner, node, Reason::ConflictKeptBoth(winner), retain);
                        return;
                    }
                    Some(false) => {}
                    None => {
                        self.ask_for_hashes(loser, &[node, copy]);
                        return;
                    }
                },
                None if !self.is_taken(winner, parent, &name) => {
                    if let Some(why) = refusal(self.input, loser, &lost.entry) {
                        self.refuse(loser, node, why);
                        return;
                    }
                    let path = self.trees[loser].path(parent).join(&native);
                    self.push(
                        loser,
                        node,
                        Deed::Duplicate { from: lost, path },
                        Reason::ConflictKeptBoth(winner),
                    );
                    return;
                }
                None => {}
            }
        }
        self.refuse(winner, node, Refusal::NameRefused);
    }

    /// Whether `side` has something under the name that the pair calls `name`.
    fn is_taken(&self, side: Side, parent: usize, name: &Name) -> bool {
        names::encode(name, &self.input.capabilities[side].names)
            .is_ok_and(|native| self.trees[side].occupant(parent, &native).is_some())
    }

    /// Whether only this side has the copy, whose revision is that of what was copied: nothing would tell that somebody
    /// has moved it back over that, and both would be gone.
    fn may_go_back(&self, side: Side, copy: usize, lost: &Entry) -> bool {
        let it = &self.nodes.all[copy];
        let is_digest = it.places[side].is_some_and(|p| p.entry.revision == lost.revision);
        let is_noted = it.base.is_some_and(|base| !base.is_lacking());
        is_digest
            && lost.revision != Revision::None
            && !is_noted
            && !mutant!("P1 a copy that only one side has is enough")
    }

    /// Whether what only `side` has is to come to the other one.
    fn is_carried(&self, side: Side, node: usize) -> bool {
        let other = side.other();
        let entry = self.nodes.all[node].places[side].map(|place| place.entry);
        self.wants[node].life == Life::Alive
            && self.nodes.all[node].places[other].is_none()
            && !self.nodes.all[node].frozen
            && entry.is_some_and(|entry| refusal(self.input, other, entry).is_none())
            && self.native(other, node).is_some()
    }

    /// Whether this plan leaves what `side` has of the node, which nobody is writing to, with the content it has.
    fn keeps_its_content(&self, side: Side, node: usize) -> bool {
        let want = &self.wants[node];
        let stays = match want.content {
            Content::AsIs | Content::Adopt(_) | Content::MetaFrom(_) => true,
            Content::From(from, ..) => from == side,
            Content::KeepBoth { .. } | Content::Merge => false,
        };
        stays && !matches!(want.life, Life::Dead(_)) && !self.nodes.all[node].frozen
    }

    /// Whether what `side` has of the node is to make room for what the other one has.
    fn is_to_be_replaced(&self, side: Side, node: usize) -> bool {
        self.wants[node].life == Life::Alive
            && matches!(self.wants[node].content, Content::KeepBoth { loser } if loser == side)
    }

    /// Whether `copy` holds the content of `lost`; `None` if it must be read to tell.
    fn is_copy(&self, side: Side, copy: usize, lost: &Entry) -> Option<bool> {
        let Some(Place { entry, .. }) = self.nodes.all[copy].places[side] else {
            // It comes there only by this plan.
            return Some(false);
        };
        // Where a side gives no revision the two tell nothing.
        let told = lost.revision != Revision::None && entry.revision != Revision::None;
        let made = |c: &MadeCopy| {
            told && (c.side, &c.of, &c.copy) == (side, &lost.revision, &entry.revision)
        };
        if entry.kind == lost.kind && self.input.trees.copies.iter().any(made) {
            return Some(true);
        }
        match entry.kind {
            Kind::Symlink => Some(lost.kind == Kind::Symlink && lost.target == entry.target),
            Kind::File if lost.kind == Kind::File && lost.size == entry.size => {
                entry.same_by_hash(lost)
            }
            _ => Some(false),
        }
    }

    fn ask_for_hashes(&mut self, side: Side, nodes: &[usize]) {
        for &node in nodes {
            let known = self.nodes.all[node].places[side]
                .is_some_and(|p| p.entry.hash(HashKind::Blake3).is_some());
            if !known {
                self.plan.evidence.extend(self.nodes.evidence(
                    side,
                    node,
                    self.nodes.id_on(side, node),
                ));
            }
        }
    }
}
