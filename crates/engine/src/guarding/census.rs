//! What the guards of a pair judge, over all parts of a plan.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use tandem_core::conflict_name::parse_conflict;
use tandem_core::entry::Entry as CoreEntry;
use tandem_core::path::Name;
use tandem_core::plan::{Action, Deed, ItemId, Plan, Reason};
use tandem_core::side::{PerSide, Side};

use super::digest;
use crate::engine::Engine;
use crate::error::Result;
use crate::report::PlannedAction;
use crate::views::{MOST_LISTED, planned};

/// What is set aside on a side.
#[derive(Debug, Default)]
pub(crate) struct Aside {
    pub(crate) bytes: u64,
    /// The actions that do it, by digest.
    pub(crate) actions: BTreeSet<u64>,
}

/// What all parts of a plan come to.
#[derive(Debug, Default)]
pub(crate) struct Census {
    /// Actions that change a side.
    pub(crate) actions: u64,
    /// Bytes carried to each side.
    pub(crate) bytes: PerSide<u64>,
    /// Edits made on each side, by digest.
    pub(super) edited: PerSide<BTreeSet<u64>>,
    /// Those of them that brought back what was there before.
    pub(super) older: PerSide<BTreeSet<u64>>,
    /// What is set aside on each side.
    pub(crate) aside: PerSide<Aside>,
    /// Conflict copies.
    pub(super) copies: u64,
    /// The most copies that one file has.
    pub(super) most_copies: u64,
    /// The first of the actions, for a person.
    pub(super) listed: Vec<PlannedAction>,
}

impl Engine {
    /// Counts the plan of a part, or of everything, in. A folder is never in two parts.
    pub(crate) fn count_in(&self, plan: &Plan, census: &mut Census) -> Result<()> {
        let mut copies = Vec::new();
        for action in plan.actions.iter().filter(|a| a.touches()) {
            census.actions += 1;
            census.bytes[action.side] += action.bytes();
            if matches!(action.deed, Deed::Duplicate { .. }) {
                copies.push(action);
            }
            if let (Reason::EditedOn(side), Deed::Transfer { .. }) = (action.reason, &action.deed) {
                census.edited[side].extend(digest(action));
                if self.is_older(side, action)? {
                    census.older[side].extend(digest(action));
                }
            }
            for side in Side::BOTH {
                let bytes = self.sets_aside(side, action);
                if bytes > 0 {
                    census.aside[side].bytes += bytes;
                    census.aside[side].actions.extend(digest(action));
                }
            }
            if census.listed.len() < MOST_LISTED {
                census.listed.push(planned(action));
            }
        }
        census.copies += copies.len() as u64;
        census.most_copies = census.most_copies.max(self.most_copies(&copies)?);
        Ok(())
    }

    /// The largest number of copies of one file, with the one that is to be made.
    fn most_copies(&self, copies: &[&Action]) -> Result<u64> {
        let mut in_folders: BTreeMap<ItemId, BTreeMap<Name, u64>> = BTreeMap::new();
        let mut most = 0;
        for action in copies {
            let standing = &action.standing;
            let counts = match in_folders.entry(standing.parent) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => {
                    let names = self.state().names_in(standing.parent, standing.folders)?;
                    new.insert(count_copies(&names))
                }
            };
            let of = parse_conflict(&standing.name).unwrap_or_else(|| standing.name.clone());
            let count = counts.entry(of).or_default();
            *count += 1;
            most = most.max(*count);
        }
        Ok(most)
    }

    /// Whether what an edit carries was there before. What Tandem itself brought back is as a person wants it.
    fn is_older(&self, side: Side, edit: &Action) -> Result<bool> {
        let Deed::Transfer {
            from,
            path,
            replaces: Some(current),
            ..
        } = &edit.deed
        else {
            return Ok(false);
        };
        let precision = Side::BOTH.map(|s| self.capabilities(s).mtime_precision);
        let precision = precision.into_iter().max().unwrap_or(1);
        let is_same = |was: &CoreEntry| is_same_content(was, &from.entry, precision);
        if is_same(current) {
            return Ok(false);
        }
        let state = self.state();
        let here = state.journal_at(side, &from.path)?;
        if here
            .first()
            .is_some_and(|row| row.after.as_ref().is_some_and(is_same))
        {
            return Ok(false);
        }
        let there = state.journal_at(side.other(), path)?;
        Ok(here
            .iter()
            .chain(&there)
            .flat_map(|row| [&row.before, &row.after])
            .flatten()
            .any(is_same))
    }
}

/// Of each file, how many of these names are conflict copies.
fn count_copies(names: &BTreeSet<Name>) -> BTreeMap<Name, u64> {
    let mut counts = BTreeMap::new();
    for of in names.iter().filter_map(parse_conflict) {
        *counts.entry(of).or_default() += 1;
    }
    counts
}

/// By hash, or where there is none in common, by size and the time that a client set.
fn is_same_content(was: &CoreEntry, now: &CoreEntry, precision: u64) -> bool {
    was.same_by_hash(now).unwrap_or_else(|| {
        let time = |entry: &CoreEntry| entry.mtime.filter(|m| m.by_client);
        let same_time = time(was)
            .zip(time(now))
            .is_some_and(|(a, b)| a.at.distance(b.at) < precision.max(1));
        was.kind == now.kind && was.size == now.size && same_time
    })
}
