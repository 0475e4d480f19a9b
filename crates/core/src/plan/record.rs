//! What an action that was done means for the base and for what is known of each side.
//!
//! Pure, so that the engine's database and the planner's tests record in the same way. The rows are applied in
//! order and in one transaction.

use super::action::{Action, Deed, Equality, Standing};
use super::reason::Reason;
use super::trees::{BaseItem, ItemId, MadeMove};
use crate::capabilities::{CaseRule, UnicodeRule};
use crate::entry::{ContentHash, Entry, Kind, Revision};
use crate::mutant;
use crate::names::collision_key;
use crate::path::Name;
use crate::side::{PerSide, Side};

/// What the storage answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done {
    /// The entry on the side that was changed, with the hash of what was carried.
    pub entry: Option<Entry>,
    /// The entry that was read, with the hash of what was read; of a merge, the source's new entry.
    pub read: Option<Entry>,
}

/// One change of what is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// The base has this item, here, with these entries. An item of this id is moved here. Another that the base still
    /// has here is elsewhere by now, or gone: it stays in the base under its name for a while.
    Put {
        /// The item.
        item: ItemId,
        /// Its folder.
        parent: ItemId,
        /// Its name in the pair.
        name: Name,
        /// What it is.
        kind: Kind,
        /// What each side has.
        entries: PerSide<Option<Entry>>,
        /// How equality was shown; `None` keeps what is noted.
        equality: Option<Equality>,
    },
    /// The base no longer has this item.
    Drop(ItemId),
    /// The side knew a folder under a fresh id: what is known below goes over to the item.
    Rebase {
        /// The side.
        side: Side,
        /// The fresh id.
        from: ItemId,
        /// The item.
        to: ItemId,
    },
    /// The base no longer has what the side had at this place; what else the side shows there is something new.
    Unclaim {
        /// The side.
        side: Side,
        /// The folder.
        parent: ItemId,
        /// The side's spelling.
        name: Name,
    },
    /// What the base has at this place the side is still to receive.
    Owe {
        /// The side.
        side: Side,
        /// The folder.
        parent: ItemId,
        /// The name in the pair.
        name: Name,
    },
    /// The side now shows this at the place, or nothing. Compared with the base as any observation is.
    Place {
        /// The side.
        side: Side,
        /// The folder.
        parent: ItemId,
        /// The side's spelling.
        name: Name,
        /// What is there.
        now: Option<Entry>,
        /// The id it has if the base does not explain it.
        id: ItemId,
    },
    /// What the side shows at this place is the item, although the base has it elsewhere.
    Moved(MadeMove),
}

/// The rows that follow from `action` being done. `base` is the item as the base has it.
#[must_use]
pub fn record(action: &Action, base: Option<&BaseItem>, done: &Done) -> Vec<Row> {
    let mut rows = Rows {
        action,
        base,
        rows: Vec::new(),
    };
    match under_made_name(action, done) {
        Some(entry) => rows.add(&Done {
            entry: Some(entry),
            read: done.read.clone(),
        }),
        None => rows.add(done),
    }
    rows.rows
}

/// What was made, where the storage found it by its id and under another name than it was made under, which is more than
/// another spelling: somebody has moved it already. That is for the next look to see.
fn under_made_name(action: &Action, done: &Done) -> Option<Entry> {
    let (Deed::CreateFolder { path, .. }
    | Deed::Transfer { path, .. }
    | Deed::Duplicate { path, .. }
    | Deed::Move { to: path, .. }) = &action.deed
    else {
        return None;
    };
    let (entry, name) = (done.entry.as_ref()?, path.name()?);
    let key = |name: &Name| collision_key(name, CaseRule::Insensitive, UnicodeRule::Folding);
    let is_another = entry.name != name && key(&entry.name) != key(&name);
    is_another.then(|| Entry {
        name,
        ..entry.clone()
    })
}

struct Rows<'a> {
    action: &'a Action,
    base: Option<&'a BaseItem>,
    rows: Vec<Row>,
}

impl Rows<'_> {
    fn add(&mut self, done: &Done) {
        let side = self.action.side;
        let other = side.other();
        let mut entries = PerSide::default();
        match &self.action.deed {
            Deed::CreateFolder { from, owed, .. } => {
                entries[side] = done.entry.clone();
                entries[other] = Some(done.read.clone().unwrap_or_else(|| from.clone()));
                self.put(entries, Some(Equality::SameBytes));
                let parent = self.standing().item;
                let owe = |name: Name| Row::Owe { side, parent, name };
                self.rows.extend(owed.iter().cloned().map(owe));
            }
            Deed::Transfer { .. } if mutant!("P2 what was carried is not recorded") => {}
            Deed::Transfer { from, .. } => {
                entries[side] = done.entry.clone();
                entries[other] = Some(done.read.clone().unwrap_or_else(|| from.entry.clone()));
                self.put(entries, Some(Equality::SameBytes));
            }
            Deed::Merge {
                source,
                destination,
            } => {
                let planned = PerSide::new(&source.entry, &destination.entry);
                entries[side] = as_named(done.entry.as_ref(), planned[side]);
                entries[other] = as_named(done.read.as_ref(), planned[other]);
                self.put(entries, Some(Equality::SameBytes));
            }
            Deed::SetMeta { at, from, .. } => {
                entries[side] = as_named(done.entry.as_ref(), &at.entry);
                entries[other] = Some(from.clone());
                self.keep_hashes(&mut entries);
                self.put(entries, None);
            }
            Deed::Adopt {
                equality,
                source,
                destination,
                unchanged,
            } => {
                let shown = PerSide::new(source.clone(), destination.clone());
                self.adopted(*equality, shown, *unchanged);
            }
            Deed::Duplicate { from, path } => {
                let read = done.read.clone().unwrap_or_else(|| from.entry.clone());
                if let Some((parent, name)) = self.action.standing.places[side].clone() {
                    self.place(side, parent, name, Some(read), self.known_as(side));
                    if let Some(copy) = path.name() {
                        self.place(side, parent, copy, done.entry.clone(), ItemId::ROOT);
                    }
                }
            }
            Deed::Move {
                from,
                unchanged,
                other: there,
                ..
            } => {
                let other = done.entry.as_ref();
                let other = other.filter(|now| {
                    is_another(&from.entry, now) && !mutant!("P7 what a move overtook is in step")
                });
                let mut unchanged = *unchanged;
                // Somebody came between the check and the move: what was known of the content says nothing any more.
                unchanged[side] &= other.is_none();
                let from = other.unwrap_or(&from.entry);
                self.moved(from, unchanged, there.as_ref(), done);
            }
            Deed::Delete { .. } => {
                if self.action.standing.in_base {
                    self.rows.push(Row::Drop(self.action.standing.item));
                }
                self.gone_from_base(PerSide::new(true, true));
                self.gone_from_place(side);
            }
            Deed::Forget { left } => {
                self.rows.push(Row::Drop(self.action.standing.item));
                for side in Side::BOTH {
                    self.forgotten(side, left[side].as_ref());
                }
            }
        }
    }

    fn standing(&self) -> &Standing {
        &self.action.standing
    }

    fn known_as(&self, side: Side) -> ItemId {
        self.standing().known_as[side].unwrap_or(self.standing().item)
    }

    /// The content is as it was, so what is known of it holds.
    fn keep_hashes(&self, entries: &mut PerSide<Option<Entry>>) {
        for side in Side::BOTH {
            let was = self.base.and_then(|b| b.entries[side].as_ref());
            if let (Some(now), Some(was)) = (entries[side].as_mut(), was)
                && now.size == was.size
            {
                add_hashes(&mut now.hashes, &was.hashes);
            }
        }
    }

    fn place(&mut self, side: Side, parent: ItemId, name: Name, now: Option<Entry>, id: ItemId) {
        self.rows.push(Row::Place {
            side,
            parent,
            name,
            now,
            id,
        });
    }

    /// Where the base had it, nothing is there any more, as far as the sides marked are concerned.
    fn gone_from_base(&mut self, sides: PerSide<bool>) {
        let Some(base) = self.base else { return };
        for side in Side::BOTH {
            if let Some(was) = &base.entries[side]
                && sides[side]
            {
                let (parent, name) = (base.parent, was.name.clone());
                if self.standing().places[side].as_ref() == Some(&(parent, name.clone())) {
                    self.place(side, parent, name, None, ItemId::ROOT);
                } else {
                    self.rows.push(Row::Unclaim { side, parent, name });
                }
            }
        }
    }

    fn gone_from_place(&mut self, side: Side) {
        if let Some((parent, name)) = self.standing().places[side].clone() {
            self.place(side, parent, name, None, ItemId::ROOT);
        }
    }

    fn put(&mut self, entries: PerSide<Option<Entry>>, equality: Option<Equality>) {
        self.put_shown(entries.clone(), entries, equality);
    }

    /// The sides show something else than what the base has as in step.
    fn put_shown(
        &mut self,
        entries: PerSide<Option<Entry>>,
        shown: PerSide<Option<Entry>>,
        equality: Option<Equality>,
    ) {
        self.put_row(entries, equality);
        self.rebase(&Side::BOTH);
        self.left_base();
        self.now_at(self.standing().folders, shown);
    }

    fn adopted(
        &mut self,
        equality: Option<Equality>,
        shown: PerSide<Entry>,
        unchanged: PerSide<bool>,
    ) {
        let mut entries = shown.clone().map(Some);
        if equality.is_none() {
            self.keep_hashes(&mut entries);
            for side in Side::BOTH.into_iter().filter(|&side| !unchanged[side]) {
                let was = self.base.and_then(|b| b.entries[side].as_ref());
                entries[side] = renamed(was, &shown[side], false);
            }
        }
        self.put_shown(entries, shown.map(Some), equality);
    }

    fn put_row(&mut self, entries: PerSide<Option<Entry>>, equality: Option<Equality>) {
        self.rows.push(Row::Put {
            item: self.standing().item,
            parent: self.standing().parent,
            name: self.standing().name.clone(),
            kind: self.standing().kind,
            entries,
            equality,
        });
    }

    /// What `sides` knew below the folder under a fresh id is known below the item.
    fn rebase(&mut self, sides: &[Side]) {
        let item = self.standing().item;
        for &side in sides {
            if let Some(from) = self.standing().known_as[side].filter(|&from| from != item)
                && self.standing().kind == Kind::Folder
            {
                self.rows.push(Row::Rebase {
                    side,
                    from,
                    to: item,
                });
            }
        }
    }

    fn left_base(&mut self) {
        let standing = &self.action.standing;
        if let Some(base) = self.base
            && (base.parent, &base.name) != (standing.parent, &standing.name)
        {
            self.gone_from_base(PerSide::new(true, true));
        }
    }

    /// What the sides show at the item's place now, and nothing where they had it before.
    fn now_at(&mut self, folders: PerSide<ItemId>, entries: PerSide<Option<Entry>>) {
        for side in Side::BOTH {
            let Some(entry) = entries[side].clone() else {
                continue;
            };
            let parent = folders[side];
            if let Some((was_in, was)) = self.standing().places[side].clone()
                && (was_in, &was) != (parent, &entry.name)
            {
                self.place(side, was_in, was, None, ItemId::ROOT);
            }
            let id = self.known_as(side);
            self.place(side, parent, entry.name.clone(), Some(entry), id);
        }
    }

    fn moved(
        &mut self,
        from: &Entry,
        unchanged: PerSide<bool>,
        there: Option<&Entry>,
        done: &Done,
    ) {
        let side = self.action.side;
        let Some(now) = done.entry.clone() else {
            return;
        };
        let mut shown = PerSide::default();
        shown[side] = Some(now.clone());
        shown[side.other()] = there.cloned();
        let Some(base) = self.base else {
            self.now_at(self.standing().folders, shown);
            return;
        };
        let swap = self.action.reason == Reason::SwapStep;
        let standing = &self.action.standing;
        if swap && (base.parent, &base.name) != (standing.parent, &standing.name) {
            return self.went_aside(base, from, unchanged[side], there, now);
        }
        if swap || (there.is_none() && standing.places[side.other()].is_some()) {
            return self.moved_alone(from, unchanged[side], now);
        }
        let mut entries = base.entries.clone();
        for s in Side::BOTH {
            let Some(entry) = &shown[s] else { continue };
            entries[s] = renamed(base.entries[s].as_ref(), entry, unchanged[s]);
        }
        if self.standing().places[side.other()].is_none() {
            // The other side is to receive it here, whatever it had under the name before.
            entries[side.other()] = None;
        }
        let stays_known = from.hashes.clone();
        if let Some(entry) = shown[side].as_mut() {
            add_hashes(&mut entry.hashes, &stays_known);
        }
        self.put_shown(entries, shown, None);
    }

    /// Something else is to have its name, so the base has it under the one it bears for a while; the other side
    /// counts as having moved it from there to where it is.
    fn went_aside(
        &mut self,
        base: &BaseItem,
        from: &Entry,
        unchanged: bool,
        there: Option<&Entry>,
        mut now: Entry,
    ) {
        let (side, other) = (self.action.side, self.action.side.other());
        add_hashes(&mut now.hashes, &from.hashes);
        let folders = self.standing().folders;
        let mut entries = base.entries.clone();
        entries[side] = renamed(base.entries[side].as_ref(), &now, unchanged);
        if let Some(entry) = &mut entries[other] {
            entry.name = now.name.clone();
        }
        self.put_row(entries, None);
        self.rebase(&[side]);
        self.left_base();
        if self.standing().places[side] != Some((folders[side], now.name.clone())) {
            self.gone_from_place(side);
        }
        let (id, aside) = (self.known_as(side), now.name.clone());
        self.place(side, folders[side], aside.clone(), Some(now), id);
        self.place(other, self.standing().parent, aside, None, ItemId::ROOT);
        if let (Some((folder, name)), Some(entry)) = (self.standing().places[other].clone(), there)
        {
            let id = self.standing().known_as[other].unwrap_or(ItemId::ROOT);
            self.place(other, folder, name.clone(), Some(entry.clone()), id);
            self.made_move(other, folder, name, None);
        }
    }

    /// The other side is still to follow: in step is only what both sides show, so this is known as a move that
    /// a person made would be.
    fn moved_alone(&mut self, from: &Entry, unchanged: bool, mut now: Entry) {
        let side = self.action.side;
        add_hashes(&mut now.hashes, &from.hashes);
        self.gone_from_place(side);
        let id = self.standing().known_as[side].unwrap_or(ItemId::ROOT);
        let was = self.base.and_then(|b| b.entries[side].as_ref());
        let revisions = was
            .filter(|_| unchanged)
            .map(|was| (was.revision.clone(), now.revision.clone()));
        let (folder, name) = (self.standing().folders[side], now.name.clone());
        let is_back = self.base.is_some_and(|base| base.parent == folder)
            && was.is_some_and(|was| was.name == name);
        if is_back {
            self.rebase(&[side]);
        }
        self.place(side, folder, name.clone(), Some(now), id);
        self.made_move(side, folder, name, revisions);
    }

    fn made_move(
        &mut self,
        side: Side,
        folder: ItemId,
        name: Name,
        unchanged: Option<(Revision, Revision)>,
    ) {
        let item = self.standing().item;
        self.rows.push(Row::Moved(MadeMove {
            side,
            item,
            folder,
            name,
            unchanged,
        }));
    }

    fn forgotten(&mut self, side: Side, left: Option<&Entry>) {
        let place = self.standing().places[side].clone();
        match (left, place) {
            (Some(entry), Some((parent, name))) => {
                self.place(side, parent, name, Some(entry.clone()), self.known_as(side));
            }
            (None, Some((parent, name))) => self.place(side, parent, name, None, ItemId::ROOT),
            _ => {
                let mut sides = PerSide::new(false, false);
                sides[side] = true;
                self.gone_from_base(sides);
            }
        }
    }
}

/// Whether an entry surely shows other content than it did: a move by itself gives no more than another revision.
fn is_another(was: &Entry, now: &Entry) -> bool {
    let time = |entry: &Entry| entry.mtime.filter(|mtime| mtime.by_client);
    let times = time(was).zip(time(now));
    was.kind == Kind::File
        && was.revision != now.revision
        && (was.size != now.size
            || now.same_by_hash(was) == Some(false)
            || times.is_some_and(|(was, now)| was.at != now.at))
}

/// What was changed by its id under the name that it had when it was planned: it may bear another one by now, which is
/// for the next look to see.
fn as_named(now: Option<&Entry>, planned: &Entry) -> Option<Entry> {
    now.map(|now| Entry {
        name: planned.name.clone(),
        ..now.clone()
    })
}

/// What the base has of an item that now shows `now`: a move changes no content. A folder that a side was still to
/// receive it has once it shows one.
fn renamed(was: Option<&Entry>, now: &Entry, unchanged: bool) -> Option<Entry> {
    let Some(was) = was else {
        return (now.kind == Kind::Folder).then(|| now.clone());
    };
    if unchanged {
        let mut entry = now.clone();
        add_hashes(&mut entry.hashes, &was.hashes);
        return Some(entry);
    }
    Some(Entry {
        name: now.name.clone(),
        ..was.clone()
    })
}

/// Adds those of `more` whose kind is not there yet.
pub fn add_hashes(hashes: &mut Vec<ContentHash>, more: &[ContentHash]) {
    for hash in more {
        if !hashes.iter().any(|h| h.kind == hash.kind) {
            hashes.push(hash.clone());
        }
    }
}
