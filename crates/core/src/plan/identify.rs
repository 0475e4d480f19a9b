//! Which fresh entry is which gone item: moves and renames on one side (DESIGN 4, step 3).
//!
//! By id where ids are strong. Where they are a hint or there are none, a file only with equal content,
//! unique on both ends, of at least 1 KiB; a folder if its hint id and all its children's names, ids and
//! revisions match. What Tandem itself moved is known without. What is not recognised is a delete and a create,
//! which loses nothing but time.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::{HashMap, HashMapExt};

use super::action::{At, Evidence};
use super::swap::{is_swap_name, swapped_item};
use super::trees::{BaseItem, Fresh, Input, ItemId, MadeMove, Seen};
use crate::capabilities::{Ids, NameRules};
use crate::entry::{ContentHash, Entry, HashKind, Kind, NativeId};
use crate::names;
use crate::path::{Name, RelPath};
use crate::side::Side;
use crate::{mutant, removed};

/// Content smaller than this says too little to tell two files apart.
const LEAST_CONTENT: u64 = 1024;

/// For each fresh entry of a side the base item that it is, by index.
pub(super) struct Identified {
    /// By index of the fresh entry.
    pub(super) item_of: Vec<Option<usize>>,
    /// By index of the item.
    pub(super) fresh_of: Vec<Option<usize>>,
    /// What must be read to go on.
    pub(super) evidence: Vec<Evidence>,
}

pub(super) fn identify(
    input: &Input<'_>,
    side: Side,
    apart: &BTreeSet<(Side, ItemId)>,
) -> Identified {
    let mut found = matches(input, side);
    for (index, fresh) in input.trees.fresh[side].iter().enumerate() {
        if apart.contains(&(side, fresh.id))
            && let Some(item) = found.item_of[index].take()
        {
            found.fresh_of[item] = None;
        }
    }
    for item in unmovable(input) {
        if let Some(fresh) = found.fresh_of[item].take() {
            found.item_of[fresh] = None;
        }
    }
    found
}

/// Those that could not be moved, by index.
fn unmovable<'a>(input: &'a Input<'_>) -> impl Iterator<Item = usize> + 'a {
    let items = input.trees.items.iter().enumerate();
    let refused = &input.refused.moves;
    let unmovable = items.filter(|(_, item)| !refused.is_empty() && refused.contains(&item.id));
    unmovable.map(|(index, _)| index)
}

fn matches(input: &Input<'_>, side: Side) -> Identified {
    let trees = input.trees;
    let mut matcher = Matcher {
        side,
        rules: &input.capabilities[side].names,
        items: &trees.items,
        index: trees
            .items
            .iter()
            .enumerate()
            .map(|(i, item)| (item.id, i))
            .collect(),
        fresh: &trees.fresh[side],
        found: Identified {
            item_of: vec![None; trees.fresh[side].len()],
            fresh_of: vec![None; trees.items.len()],
            evidence: Vec::new(),
        },
    };
    if matcher.fresh.is_empty() {
        return matcher.found;
    }
    let is_hint = input.capabilities[side].ids == Ids::Hint;
    let by_id = input.capabilities[side].ids == Ids::Strong
        || (is_hint && mutant!("P1 a reused id is a move"));
    if by_id {
        matcher.by_strong_id();
    }
    matcher.by_own_moves(&trees.moves);
    match input.capabilities[side].ids {
        Ids::Strong => {}
        Ids::Hint => {
            matcher.folders_by_children(1);
            matcher.in_place(Hints::Count);
            // Of an empty one the id alone tells, which may have been given again: its place tells more.
            matcher.folders_by_children(0);
            matcher.files_by_content(input.capabilities[side].cheap_reads);
        }
        Ids::None => {
            matcher.in_place(Hints::Count);
            matcher.files_by_content(input.capabilities[side].cheap_reads);
        }
    }
    matcher.in_place(Hints::Told);
    matcher.found
}

/// What an id says that may be given again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hints {
    /// An item may be where its id is.
    Count,
    /// All that could show that it is there was looked at.
    Told,
}

struct Matcher<'a> {
    side: Side,
    rules: &'a NameRules,
    items: &'a [BaseItem],
    index: HashMap<ItemId, usize>,
    fresh: &'a [Fresh],
    found: Identified,
}

impl<'a> Matcher<'a> {
    /// What the item had here, if it is gone from its place and not found elsewhere yet.
    fn gone(&self, item: usize) -> Option<&'a Entry> {
        let base = &self.items[item];
        if base.seen[self.side] != Seen::Absent
            || base.excluded
            || self.found.fresh_of[item].is_some()
        {
            return None;
        }
        base.entries[self.side].as_ref()
    }

    fn is_free(&self, fresh: usize) -> bool {
        self.found.item_of[fresh].is_none()
    }

    fn note(&mut self, item: usize, fresh: usize) {
        self.found.item_of[fresh] = Some(item);
        self.found.fresh_of[item] = Some(fresh);
    }

    fn by_strong_id(&mut self) {
        let by_id: HashMap<&NativeId, usize> = self
            .fresh
            .iter()
            .enumerate()
            .filter_map(|(i, f)| Some((f.entry.id.as_ref()?, i)))
            .collect();
        for item in 0..self.items.len() {
            let Some(entry) = self.gone(item) else {
                continue;
            };
            let found = entry.id.as_ref().and_then(|id| by_id.get(id)).copied();
            if let Some(fresh) = found
                && self.is_free(fresh)
                && self.fresh[fresh].entry.kind == entry.kind
            {
                self.note(item, fresh);
            }
        }
    }

    /// What Tandem moved on this side alone, as it remembers or as the name says.
    fn by_own_moves(&mut self, moves: &[MadeMove]) {
        let by_place = self.by_place();
        let made = moves.iter().filter(|made| made.side == self.side);
        let remembered = made.filter_map(|made| {
            let fresh = by_place.get(&(made.folder, made.name.as_str()))?;
            Some((made.item, *fresh))
        });
        let named = self.fresh.iter().enumerate();
        let named = named.filter_map(|(i, f)| {
            let item = swapped_item(&f.entry.name)?;
            self.may_be_called(item, &f.entry).then_some((item, i))
        });
        for (item, fresh) in remembered.chain(named).collect::<Vec<_>>() {
            if let Some(&item) = self.index.get(&item)
                && let Some(was) = self.gone(item)
                && self.is_free(fresh)
                && self.fresh[fresh].entry.kind == was.kind
            {
                self.note(item, fresh);
            }
        }
    }

    /// Whether an entry under the item's name for a while may be the item: a person may have given it that name.
    /// The item had the name without the bracket, or one that a person had given it on this side alone; then only
    /// its content tells.
    fn may_be_called(&self, item: ItemId, now: &Entry) -> bool {
        let was = self.index.get(&item).and_then(|&item| self.gone(item));
        was.is_some_and(|was| {
            let is_content =
                was.kind == Kind::File && was.size > 0 && now.same_by_hash(was) == Some(true);
            is_content || is_swap_name(&was.name, item, &now.name)
        })
    }

    fn by_place(&self) -> HashMap<(ItemId, &'a str), usize> {
        let fresh = self.fresh.iter().enumerate();
        fresh
            .map(|(i, f)| ((f.parent, f.entry.name.as_str()), i))
            .collect()
    }

    /// The id under which the side knows an item's folder now.
    fn folder_of(&self, item: usize) -> ItemId {
        let parent = self.items[item].parent;
        let found = self.index.get(&parent);
        found
            .and_then(|&folder| self.found.fresh_of[folder])
            .map_or(parent, |fresh| self.fresh[fresh].id)
    }

    /// A gone item and a fresh entry of its kind under its old name, in its folder wherever that is now: saved by
    /// rename, an edit. Or under the name that the pair has for it, which this side had in another spelling.
    ///
    /// With hint ids a file's old id may live on elsewhere; then the item may have moved there and this be a new one, unless
    /// its content did not show so: two of equal content that took each other's place stay where they are.
    /// Folders that moved were found by what is in them: any other one with the id of a gone folder got it anew.
    fn in_place(&mut self, hints: Hints) {
        let by_place = self.by_place();
        let ids: HashMap<&NativeId, usize> = self
            .fresh
            .iter()
            .enumerate()
            .filter_map(|(i, f)| Some((f.entry.id.as_ref()?, i)))
            .collect();
        for item in 0..self.items.len() {
            let Some(entry) = self.gone(item) else {
                continue;
            };
            let folder = self.folder_of(item);
            let there = |name: &Name| by_place.get(&(folder, name.as_str())).copied();
            let respelled = || {
                let name = names::encode(&self.items[item].name, self.rules).ok()?;
                (*name != entry.name).then(|| there(&name)).flatten()
            };
            let Some(fresh) = there(&entry.name).or_else(respelled) else {
                continue;
            };
            let elsewhere = entry
                .id
                .as_ref()
                .and_then(|id| ids.get(id))
                .is_some_and(|&other| {
                    other != fresh
                        && entry.kind != Kind::Folder
                        && self.is_free(other)
                        && self.fresh[other].entry.kind == entry.kind
                        && self.fresh[other].entry.size == entry.size
                });
            let may_be_it = hints == Hints::Told || !elsewhere;
            if self.is_free(fresh) && self.fresh[fresh].entry.kind == entry.kind && may_be_it {
                self.note(item, fresh);
            }
        }
    }

    /// Folders with at least so many children.
    fn folders_by_children(&mut self, least: usize) {
        let below_item = children(self.items.iter().map(|i| i.parent));
        let below_fresh = children(self.fresh.iter().map(|f| f.parent));
        let by_id: HashMap<&NativeId, usize> = self
            .fresh
            .iter()
            .enumerate()
            .filter(|(_, f)| f.entry.kind == Kind::Folder)
            .filter_map(|(i, f)| Some((f.entry.id.as_ref()?, i)))
            .collect();
        for item in 0..self.items.len() {
            if self.items[item].kind != Kind::Folder {
                continue;
            }
            let Some(entry) = self.gone(item) else {
                continue;
            };
            let Some(&fresh) = entry.id.as_ref().and_then(|id| by_id.get(id)) else {
                continue;
            };
            let count = below_item.get(&self.items[item].id).map_or(0, Vec::len);
            let mut pairs = vec![(item, fresh)];
            if count >= least
                && self.is_free(fresh)
                && self.subtree_matches(&below_item, &below_fresh, &mut pairs)
            {
                for (item, fresh) in pairs {
                    self.note(item, fresh);
                }
            }
        }
    }

    /// Extends `pairs`, which begins with two folders, by all their children if every one matches.
    fn subtree_matches(
        &self,
        below_item: &HashMap<ItemId, Vec<usize>>,
        below_fresh: &HashMap<ItemId, Vec<usize>>,
        pairs: &mut Vec<(usize, usize)>,
    ) -> bool {
        let empty = Vec::new();
        let mut at = 0;
        while at < pairs.len() {
            let (item, fresh) = pairs[at];
            at += 1;
            let old: Vec<usize> = below_item
                .get(&self.items[item].id)
                .unwrap_or(&empty)
                .iter()
                .copied()
                .filter(|&i| self.items[i].entries[self.side].is_some() && !self.items[i].excluded)
                .collect();
            let new = below_fresh.get(&self.fresh[fresh].id).unwrap_or(&empty);
            if old.len() != new.len() && !removed!("completeness") {
                return false;
            }
            let names: HashMap<&str, usize> = new
                .iter()
                .map(|&i| (self.fresh[i].entry.name.as_str(), i))
                .collect();
            for child in old {
                let Some(was) = self.gone(child) else {
                    return false;
                };
                let Some(&now) = names.get(was.name.as_str()) else {
                    return false;
                };
                let entry = &self.fresh[now].entry;
                let same = entry.kind == was.kind
                    && entry.id == was.id
                    && entry.revision == was.revision
                    && self.is_free(now);
                if !same {
                    return false;
                }
                pairs.push((child, now));
            }
        }
        true
    }

    fn files_by_content(&mut self, cheap_reads: bool) {
        let mut gone: HashMap<u64, Vec<usize>> = HashMap::new();
        for item in 0..self.items.len() {
            if let Some(entry) = self.gone(item)
                && entry.kind == Kind::File
                && entry.size >= LEAST_CONTENT
            {
                gone.entry(entry.size).or_default().push(item);
            }
        }
        if gone.is_empty() {
            return;
        }
        let mut fresh: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        let mut candidates = Vec::new();
        for (i, f) in self.fresh.iter().enumerate() {
            let size = f.entry.size;
            let is_file = !f.frozen && f.entry.kind == Kind::File;
            if is_file && self.is_free(i) && gone.contains_key(&size) {
                fresh.entry(size).or_default().push(i);
                candidates.push(i);
            }
        }
        if cheap_reads {
            self.ask_for_hashes(&candidates);
        }
        for (size, fresh) in fresh {
            self.match_unique(&gone[&size], &fresh);
        }
    }

    fn ask_for_hashes(&mut self, candidates: &[usize]) {
        for &i in candidates {
            let fresh = &self.fresh[i];
            if fresh.entry.hash(HashKind::Blake3).is_none() {
                self.found.evidence.push(Evidence {
                    side: self.side,
                    at: At {
                        path: RelPath::root(),
                        entry: fresh.entry.clone(),
                    },
                    item: fresh.id,
                });
            }
        }
    }

    /// Notes those of one size that have equal content, unique on both ends.
    fn match_unique(&mut self, gone: &[usize], fresh: &[usize]) {
        let side = self.side;
        let was = |item: &usize| self.items[*item].entries[side].as_ref();
        let gone: Vec<(usize, &Entry)> = gone.iter().filter_map(|i| Some((*i, was(i)?))).collect();
        let fresh: Vec<(usize, &Entry)> =
            fresh.iter().map(|&i| (i, &self.fresh[i].entry)).collect();
        let (of_gone, of_fresh) = (by_hash(&gone), by_hash(&fresh));
        let mut pairs = Vec::new();
        for &(item, entry) in &gone {
            if let Some((found, there)) = only_equal(entry, &of_fresh)
                && (only_equal(there, &of_gone).is_some() || removed!("completeness"))
            {
                pairs.push((item, found));
            }
        }
        for (item, f) in pairs {
            self.note(item, f);
        }
    }
}

/// Entries by each hash that is known of them.
type ByHash<'a> = HashMap<&'a ContentHash, Vec<(usize, &'a Entry)>>;

fn by_hash<'a>(entries: &[(usize, &'a Entry)]) -> ByHash<'a> {
    let mut found = ByHash::new();
    for &(index, entry) in entries {
        for hash in &entry.hashes {
            found.entry(hash).or_default().push((index, entry));
        }
    }
    found
}

/// The one that has the content of `entry`; `None` if there is none or another one too.
fn only_equal<'a>(entry: &Entry, among: &ByHash<'a>) -> Option<(usize, &'a Entry)> {
    let alike = entry.hashes.iter().filter_map(|hash| among.get(hash));
    let mut equal = alike
        .flatten()
        .filter(|(_, other)| other.same_by_hash(entry) == Some(true));
    let first = equal.next()?;
    (equal.all(|other| other.0 == first.0) || removed!("completeness")).then_some(*first)
}

fn children(parents: impl Iterator<Item = ItemId>) -> HashMap<ItemId, Vec<usize>> {
    let mut below: HashMap<ItemId, Vec<usize>> = HashMap::new();
    for (index, parent) in parents.enumerate() {
        below.entry(parent).or_default().push(index);
    }
    below
}
