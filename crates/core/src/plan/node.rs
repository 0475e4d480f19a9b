//! Items and fresh entries joined to nodes: one node for what is one thing, with its place on each side.

use std::collections::BTreeSet;

use foldhash::{HashMap, HashMapExt};

use super::action::{At, Conflict, ConflictKind, Evidence, Plan};
use super::compare::{Change, change_since};
use super::identify::{Identified, identify};
use super::swap::{before_swap, is_swap_name, swapped_item};
use super::trees::{BaseItem, Input, ItemId, MadeMove, Seen};
use crate::capabilities::{CaseRule, UnicodeRule};
use crate::entry::{Entry, Kind};
use crate::mutant;
use crate::names;
use crate::path::{Name, RelPath};
use crate::side::{PerSide, Side};
use crate::time::Timestamp;

/// Where one side has a node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// The folder, a node of the same side.
    pub(super) parent: usize,
    /// What the side shows; its name is the side's spelling.
    pub(super) entry: &'a Entry,
    /// Whether it is not where the base has it.
    pub(super) moved: bool,
}

/// One thing.
#[derive(Debug)]
pub(super) struct Node<'a> {
    /// The id it has, or will have.
    pub(super) id: ItemId,
    /// The fresh id under which a side knows it, where that is another one.
    pub(super) known_as: PerSide<Option<ItemId>>,
    /// The base item, if it is one.
    pub(super) base: Option<&'a BaseItem>,
    /// Its folder in the base.
    pub(super) base_parent: usize,
    /// Where each side has it.
    pub(super) places: PerSide<Option<Place<'a>>>,
    /// What it is.
    pub(super) kind: Kind,
    /// Its name in the pair: the base's, or the first side's decoded.
    pub(super) name: Name,
    /// A side could not be looked at, or not at the folder it may be in: nothing is done to it.
    pub(super) frozen: bool,
}

impl Node<'_> {
    /// Whether any side has it.
    pub(super) fn is_somewhere(&self) -> bool {
        Side::BOTH.iter().any(|&side| self.places[side].is_some())
    }

    /// Whether both sides have it.
    pub(super) fn is_on_both(&self) -> bool {
        Side::BOTH.iter().all(|&side| self.places[side].is_some())
    }

    /// Whether the base has it under a name for a while.
    pub(super) fn is_set_aside(&self) -> bool {
        self.base
            .is_some_and(|base| swapped_item(&base.name) == Some(base.id))
    }

    /// Its name in the pair; of what has one for a while, that before.
    pub(super) fn own_name(&self) -> Name {
        let before = before_swap(&self.name).filter(|_| self.is_set_aside());
        before.unwrap_or_else(|| self.name.clone())
    }
}

/// All nodes, parents before children in the base and within each side's fresh entries; node 0 is the root.
pub(super) struct Nodes<'a> {
    pub(super) all: Vec<Node<'a>>,
    pub(super) rules: (CaseRule, UnicodeRule),
    input: &'a Input<'a>,
    /// Where Tandem itself has put items.
    moves: PerSide<HashMap<ItemId, Vec<&'a MadeMove>>>,
}

impl<'a> Nodes<'a> {
    /// Fresh entries in `apart` are no items, wherever they came from.
    pub(super) fn build(
        input: &'a Input<'a>,
        apart: &BTreeSet<(Side, ItemId)>,
        plan: &mut Plan,
    ) -> Self {
        let mut builder = Builder::new(input);
        let identified = PerSide::from_fn(|side| identify(input, side, apart));
        builder.add_items(&identified);
        for side in Side::BOTH {
            builder.add_fresh(side, &identified[side]);
        }
        builder.place_identified(&identified);
        builder.spread_frozen();
        let nodes = Self {
            all: builder.nodes,
            rules: builder.rules,
            input,
            moves: PerSide::from_fn(|side| {
                let mut of_item: HashMap<ItemId, Vec<&MadeMove>> = HashMap::new();
                for made in input.trees.moves.iter().filter(|made| made.side == side) {
                    of_item.entry(made.item).or_default().push(made);
                }
                of_item
            }),
        };
        for side in Side::BOTH {
            for evidence in &identified[side].evidence {
                let found = builder.of_fresh[side].get(&evidence.item);
                if let Some(&node) = found {
                    plan.evidence
                        .extend(nodes.evidence(side, node, evidence.item));
                }
            }
        }
        nodes
    }

    /// The path at which `side` has the node.
    pub(super) fn path(&self, side: Side, node: usize) -> RelPath {
        let mut names = Vec::new();
        let mut at = node;
        while at != 0 {
            let Some(place) = self.all[at].places[side] else {
                break;
            };
            names.push(&place.entry.name);
            at = place.parent;
        }
        names
            .into_iter()
            .rev()
            .fold(RelPath::root(), |path, name| path.join(name))
    }

    /// What must be known of a node on a side that has it.
    pub(super) fn evidence(&self, side: Side, node: usize, item: ItemId) -> Option<Evidence> {
        let entry = self.all[node].places[side]?.entry.clone();
        let path = self.path(side, node);
        Some(Evidence {
            side,
            at: At { path, entry },
            item,
        })
    }

    /// A conflict over the node, met by actions of the plan.
    pub(super) fn conflict(&self, node: usize, kind: ConflictKind) -> Conflict {
        let it = &self.all[node];
        let side = if it.places.destination.is_some() {
            Side::Destination
        } else {
            Side::Source
        };
        Conflict {
            kind,
            item: it.id,
            path: self.path(side, node),
            waits: false,
        }
    }

    /// The id under which a side's own state knows the node.
    pub(super) fn id_on(&self, side: Side, node: usize) -> ItemId {
        self.all[node].known_as[side].unwrap_or(self.all[node].id)
    }

    /// The time in the name of a conflict copy of what a side has: when it was first seen, if that was noted since a
    /// listing showed no time of it, and so whatever is learned of it later; else its mtime.
    pub(super) fn written_at(&self, side: Side, node: usize) -> Timestamp {
        let it = &self.all[node];
        let first_seen = || {
            let seen = &self.input.trees.first_seen[side];
            seen.get(&self.id_on(side, node)).or(seen.get(&it.id))
        };
        let mtime = it.places[side].and_then(|p| p.entry.mtime);
        first_seen()
            .copied()
            .or(mtime.map(|mtime| mtime.at))
            .unwrap_or_default()
    }

    /// Names with equal keys cannot lie beside each other on at least one side.
    pub(super) fn key(&self, name: &Name) -> Box<str> {
        names::collision_key(name, self.rules.0, self.rules.1)
    }

    /// The node's name in the pair as the side has it now.
    pub(super) fn name_on(&self, side: Side, node: usize) -> Option<Name> {
        let it = &self.all[node];
        let place = it.places[side]?;
        let known = it.base.and_then(|b| b.entries[side].as_ref());
        let renamed = known.map_or(place.moved, |was| was.name != place.entry.name);
        Some(if it.is_set_aside() || (it.base.is_some() && renamed) {
            self.decoded(side, &place.entry.name)
        } else {
            it.name.clone()
        })
    }

    /// The name in the pair that `side` means it to have: what it bears while others pass it is not meant.
    pub(super) fn meant_name(&self, side: Side, node: usize) -> Option<Name> {
        let it = &self.all[node];
        let place = it.places[side]?;
        let was = it.base.and_then(|b| b.entries[side].as_ref());
        Some(match was {
            _ if it.base.is_none() => it.name.clone(),
            Some(was) if is_name_of(was, it.id, &place.entry.name) => it.own_name(),
            _ if swapped_item(&place.entry.name) == Some(it.id) => {
                let before = before_swap(&place.entry.name);
                self.decoded(side, before.as_ref().unwrap_or(&place.entry.name))
            }
            _ => self.decoded(side, &place.entry.name),
        })
    }

    /// The name of one for a while that the item bears on a side which no plan changes: there it is its own.
    pub(super) fn name_for_good(&self, leader: Side, node: usize) -> Option<Name> {
        let it = &self.all[node];
        let native = &it.places[leader]?.entry.name;
        (swapped_item(native) == Some(it.id)).then(|| self.decoded(leader, native))
    }

    /// Folders that one side moved to where the other, which does not show what became of them, has one that is new, by
    /// the ids under which they are known there: the same was done on both, and what each shows is taken for new.
    pub(super) fn moved_alike(&self) -> Vec<(Side, ItemId)> {
        let mut alike = Vec::new();
        for has in Side::BOTH {
            let lacks = has.other();
            let is_lost = |node: &Node<'_>| {
                node.kind == Kind::Folder
                    && node.places[lacks].is_none()
                    && node.places[has].is_some_and(|place| place.moved)
            };
            let lost: Vec<usize> = (0..self.all.len())
                .filter(|&index| is_lost(&self.all[index]))
                .collect();
            // Nearly always: names are not looked at for nothing.
            if lost.is_empty() {
                continue;
            }
            let new: BTreeSet<(usize, Box<str>)> = self
                .all
                .iter()
                .filter(|node| node.base.is_none() && node.kind == Kind::Folder)
                .filter(|node| node.places[has].is_none())
                .filter_map(|node| Some((node.places[lacks]?.parent, self.key(&node.name))))
                .collect();
            alike.extend(lost.into_iter().filter_map(|index| {
                let node = &self.all[index];
                let name = self.name_on(has, index)?;
                let place = (node.places[has]?.parent, self.key(&name));
                let id = node.known_as[has]?;
                new.contains(&place).then_some((has, id))
            }));
        }
        alike
    }

    /// How what `side` has differs from what it had when it was in step; `None` if it had or has nothing.
    pub(super) fn change(&self, side: Side, node: usize) -> Option<Change> {
        let it = &self.all[node];
        let (now, was) = (
            it.places[side]?.entry,
            it.base.and_then(|b| b.entries[side].as_ref())?,
        );
        let moved = self.moves[side].get(&it.id).is_some_and(|made| {
            let mut revisions = made.iter().filter_map(|made| made.unchanged.as_ref());
            revisions.any(|(before, after)| (before, after) == (&was.revision, &now.revision))
        });
        let capabilities = self.input.capabilities[side];
        Some(if moved {
            let was = Entry {
                revision: now.revision.clone(),
                ..was.clone()
            };
            change_since(now, &was, capabilities)
        } else {
            change_since(now, was, capabilities)
        })
    }

    /// The name in the pair of what `side` shows under `native`.
    pub(super) fn decoded(&self, side: Side, native: &Name) -> Name {
        decode(self.input, side, native)
    }
}

/// Whether the item bears its own name, or the one it has while others pass it.
fn is_name_of(was: &Entry, item: ItemId, now: &Name) -> bool {
    was.name == *now || is_swap_name(&was.name, item, now)
}

fn decode(input: &Input<'_>, side: Side, native: &Name) -> Name {
    names::decode(native.as_str(), &input.capabilities[side].names)
        .unwrap_or_else(|_| native.clone())
}

struct Builder<'a> {
    input: &'a Input<'a>,
    nodes: Vec<Node<'a>>,
    of_item: HashMap<ItemId, usize>,
    of_fresh: PerSide<HashMap<ItemId, usize>>,
    rules: (CaseRule, UnicodeRule),
    /// Nodes by folder and key, with what could be joined at that place.
    open: HashMap<(usize, Box<str>), Vec<usize>>,
}

impl<'a> Builder<'a> {
    fn new(input: &'a Input<'a>) -> Self {
        let both = input.capabilities;
        let case = if Side::BOTH
            .iter()
            .any(|&s| both[s].case == CaseRule::Insensitive)
        {
            CaseRule::Insensitive
        } else {
            CaseRule::Sensitive
        };
        let unicode = if Side::BOTH
            .iter()
            .any(|&s| both[s].unicode == UnicodeRule::Folding)
        {
            UnicodeRule::Folding
        } else {
            UnicodeRule::Exact
        };
        Self {
            input,
            nodes: Vec::new(),
            of_item: HashMap::new(),
            of_fresh: PerSide::default(),
            rules: (case, unicode),
            open: HashMap::new(),
        }
    }

    /// A node for the root and one for each base item, with the places that the base explains.
    fn add_items(&mut self, identified: &PerSide<Identified>) {
        self.nodes.push(Node {
            id: ItemId::ROOT,
            known_as: PerSide::default(),
            base: None,
            base_parent: 0,
            places: PerSide::default(),
            kind: Kind::Folder,
            name: root_name(),
            frozen: false,
        });
        self.of_item.insert(ItemId::ROOT, 0);
        for (index, item) in self.input.trees.items.iter().enumerate() {
            let parent = self.of_item.get(&item.parent).copied().unwrap_or(0);
            let places = PerSide::from_fn(|side| {
                let entry = match &item.seen[side] {
                    Seen::AsBase | Seen::Unknown => item.entries[side].as_ref()?,
                    Seen::Changed(entry) => entry,
                    Seen::Absent => return None,
                };
                Some(Place {
                    parent,
                    entry,
                    moved: false,
                })
            });
            let node = self.nodes.len();
            self.of_item.insert(item.id, node);
            for side in Side::BOTH {
                if let Some(fresh) = identified[side].fresh_of[index] {
                    self.of_fresh[side].insert(self.input.trees.fresh[side][fresh].id, node);
                }
            }
            self.nodes.push(Node {
                id: item.id,
                known_as: PerSide::default(),
                base: Some(item),
                base_parent: parent,
                places,
                kind: item.kind,
                name: item.name.clone(),
                frozen: Side::BOTH.iter().any(|&s| item.seen[s] == Seen::Unknown)
                    && !mutant!("P10 what cannot be looked at is not left alone"),
            });
            let key = (parent, self.key(&item.name));
            self.open.entry(key).or_default().push(node);
        }
    }

    fn key(&self, name: &Name) -> Box<str> {
        names::collision_key(name, self.rules.0, self.rules.1)
    }

    fn node_of(&self, side: Side, id: ItemId) -> usize {
        self.of_fresh[side]
            .get(&id)
            .or_else(|| self.of_item.get(&id))
            .copied()
            .unwrap_or(0)
    }

    /// A node for each fresh entry that is no base item, joined with the other side's where they meet.
    fn add_fresh(&mut self, side: Side, identified: &Identified) {
        for (index, fresh) in self.input.trees.fresh[side].iter().enumerate() {
            if identified.item_of[index].is_some() {
                continue;
            }
            let parent = self.node_of(side, fresh.parent);
            let name = decode(self.input, side, &fresh.entry.name);
            let key = self.key(&name);
            let place = Place {
                parent,
                entry: &fresh.entry,
                moved: false,
            };
            let met = self.joinable(side, parent, &key, &name, fresh.entry.kind);
            let node = if let Some(node) = met {
                self.nodes[node].places[side] = Some(place);
                self.nodes[node].frozen |= fresh.frozen;
                self.nodes[node].known_as[side] = Some(fresh.id);
                node
            } else {
                let name = self.unlike_twins(side, parent, name);
                let mut places = PerSide::default();
                places[side] = Some(place);
                self.nodes.push(Node {
                    id: fresh.id,
                    known_as: PerSide::default(),
                    base: None,
                    base_parent: 0,
                    places,
                    kind: fresh.entry.kind,
                    name: name.clone(),
                    frozen: fresh.frozen,
                });
                let key = self.key(&name);
                self.open
                    .entry((parent, key))
                    .or_default()
                    .push(self.nodes.len() - 1);
                self.nodes.len() - 1
            };
            self.of_fresh[side].insert(fresh.id, node);
        }
    }

    /// A node of the same place and kind that this side does not have and does not miss.
    fn joinable(
        &self,
        side: Side,
        parent: usize,
        key: &str,
        name: &Name,
        kind: Kind,
    ) -> Option<usize> {
        let there = self.open.get(&(parent, Box::from(key)))?;
        let fits = |&&n: &&usize| {
            let node = &self.nodes[n];
            let awaited = match node.base {
                Some(item) => item.entries[side].is_none() && !item.excluded,
                None => node.places[side.other()].is_some(),
            };
            node.places[side].is_none() && node.kind == kind && awaited
        };
        let exact = there
            .iter()
            .filter(fits)
            .find(|&&n| self.nodes[n].name == *name);
        exact.or_else(|| there.iter().find(fits)).copied()
    }

    /// Of twins on one side the first keeps the name in the pair; the others are told apart by a number.
    fn unlike_twins(&self, side: Side, parent: usize, name: Name) -> Name {
        if !self.input.capabilities[side].twins {
            return name;
        }
        let taken = |name: &Name| {
            let key = (parent, self.key(name));
            self.open.get(&key).is_some_and(|there| {
                there
                    .iter()
                    .any(|&n| self.nodes[n].name == *name && self.nodes[n].places[side].is_some())
            })
        };
        let (stem, extension) = name.split_extension();
        (1..)
            .map(|n| match n {
                1 => Some(name.clone()),
                n => Name::new(format!("{stem} ({n}){extension}")).ok(),
            })
            .find_map(|candidate| candidate.filter(|c| !taken(c)))
            .unwrap_or_else(|| name.clone())
    }

    /// Places of base items that were found elsewhere, now that every folder has its node.
    fn place_identified(&mut self, identified: &PerSide<Identified>) {
        for side in Side::BOTH {
            for (index, fresh) in self.input.trees.fresh[side].iter().enumerate() {
                let Some(item) = identified[side].item_of[index] else {
                    continue;
                };
                let item = &self.input.trees.items[item];
                let node = self.of_item[&item.id];
                let parent = self.node_of(side, fresh.parent);
                let same_name = item.entries[side]
                    .as_ref()
                    .is_some_and(|was| is_name_of(was, item.id, &fresh.entry.name));
                let moved = parent != self.nodes[node].base_parent || !same_name;
                self.nodes[node].places[side] = Some(Place {
                    parent,
                    entry: &fresh.entry,
                    moved,
                });
                self.nodes[node].known_as[side] = Some(fresh.id);
                self.nodes[node].frozen |= fresh.frozen;
            }
        }
    }

    /// What a side lacks may lie in a folder that could not be looked at where it is now: it is not gone. What was seen
    /// in such a folder before and is no item yet may be one that the base has in it.
    fn spread_frozen(&mut self) {
        for node in 1..self.nodes.len() {
            let it = &self.nodes[node];
            let is_lacked = it.places.source.is_none() || it.places.destination.is_none();
            let is_frozen = if it.base.is_some() {
                is_lacked && self.nodes[it.base_parent].frozen
            } else {
                let mut places = Side::BOTH.iter().filter_map(|&side| it.places[side]);
                places.any(|place| self.nodes[place.parent].frozen)
            };
            self.nodes[node].frozen |= is_frozen;
        }
    }
}

fn root_name() -> Name {
    Name::new("root").unwrap_or_else(|_| unreachable!("\"root\" is a name"))
}
