//! What holds a whole pair: a side that was edited nearly everywhere or shows what was there before, no room, too
//! many conflict copies.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use tandem_core::conflict_name::parse_conflict;
use tandem_core::entry::Entry as CoreEntry;
use tandem_core::guard::{self, Evidence, Fact, Guard, GuardSettings, Hold};
use tandem_core::path::Name;
use tandem_core::plan::{Action, Deed, ItemId, Plan, Reason};
use tandem_core::side::Side;

use super::{HOUR, digest, up_to};
use crate::engine::Engine;
use crate::error::Result;

impl Engine {
    /// The rules that hold the whole pair.
    pub(super) async fn pair_guards(
        &self,
        plan: &Plan,
        settings: &GuardSettings,
    ) -> Result<Vec<Hold>> {
        let mut holds = Vec::new();
        for side in Side::BOTH {
            holds.extend(self.everything_changed(side, plan, settings)?);
            holds.extend(self.back_in_time(side, plan, settings)?);
            holds.extend(self.no_room(side, plan, settings).await);
        }
        holds.extend(self.conflict_copies(plan, settings)?);
        Ok(holds)
    }

    fn everything_changed(
        &self,
        side: Side,
        plan: &Plan,
        settings: &GuardSettings,
    ) -> Result<Option<Hold>> {
        let edited: BTreeSet<u64> = edits_on(side, plan).filter_map(digest).collect();
        let items = self.state().file_count()?;
        if !guard::everything_changed(settings, edited.len() as u64, items) {
            return Ok(None);
        }
        let evidence = Evidence::from([
            ("side".to_owned(), Fact::Text(side.to_string())),
            ("edited".to_owned(), Fact::Number(edited.len() as u64)),
            ("base_items".to_owned(), Fact::Number(items)),
        ]);
        Ok(Some(Hold::new(Guard::EverythingChanged, edited, evidence)))
    }

    /// A side that does not say how much is free is not held.
    async fn no_room(&self, side: Side, plan: &Plan, settings: &GuardSettings) -> Option<Hold> {
        let here = plan.actions.iter().filter(|a| a.side == side);
        let incoming: u64 = here.map(Action::bytes).sum();
        let free = self.root(side).free_space().await.unwrap_or(None);
        if !guard::free_space(settings, free, incoming) {
            return None;
        }
        let evidence = Evidence::from([
            ("side".to_owned(), Fact::Text(side.to_string())),
            ("free".to_owned(), Fact::Number(free.unwrap_or(0))),
            ("needed".to_owned(), Fact::Number(incoming)),
        ]);
        let items = up_to(&format!("free space {side}"), incoming);
        Some(Hold::new(Guard::FreeSpace, items, evidence))
    }

    fn conflict_copies(&self, plan: &Plan, settings: &GuardSettings) -> Result<Option<Hold>> {
        let copies: Vec<&Action> = plan
            .actions
            .iter()
            .filter(|a| matches!(a.deed, Deed::Duplicate { .. }))
            .collect();
        if copies.is_empty() {
            return Ok(None);
        }
        let recent = self.state().copies_since(self.now().plus(-HOUR))?;
        let (all, of_one) = (copies.len() as u64 + recent, self.most_copies(&copies)?);
        if !guard::conflict_copies(settings, of_one, all) {
            return Ok(None);
        }
        let evidence = Evidence::from([
            ("copies".to_owned(), Fact::Number(all)),
            ("of_one".to_owned(), Fact::Number(of_one)),
        ]);
        let mut items = up_to("conflict copies", all);
        items.extend(up_to("conflict copies of one", of_one));
        Ok(Some(Hold::new(Guard::ConflictCopies, items, evidence)))
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

    /// A side on which many files have taken content that the journal knows as older. None of the storages' cursors
    /// is ordered, so nothing else tells.
    fn back_in_time(
        &self,
        side: Side,
        plan: &Plan,
        settings: &GuardSettings,
    ) -> Result<Option<Hold>> {
        let edits: Vec<&Action> = edits_on(side, plan).collect();
        if !guard::back_in_time(settings, false, edits.len() as u64) {
            return Ok(None);
        }
        let mut older = BTreeSet::new();
        for action in edits {
            if self.is_older(side, action)? {
                older.extend(digest(action));
            }
        }
        if !guard::back_in_time(settings, false, older.len() as u64) {
            return Ok(None);
        }
        let evidence = Evidence::from([
            ("side".to_owned(), Fact::Text(side.to_string())),
            ("older".to_owned(), Fact::Number(older.len() as u64)),
        ]);
        Ok(Some(Hold::new(Guard::BackInTime, older, evidence)))
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

/// What carries an edit made on `side` to the other.
fn edits_on(side: Side, plan: &Plan) -> impl Iterator<Item = &Action> {
    plan.actions.iter().filter(move |a| {
        a.reason == Reason::EditedOn(side) && matches!(a.deed, Deed::Transfer { .. })
    })
}
