//! Deletes that wait for a person: too many at a time, or of what the following side has of its own.

use std::collections::{BTreeMap, BTreeSet};

use tandem_core::entry::Kind;
use tandem_core::guard::{self, Evidence, Fact, Guard, GuardSettings, Hold, HoldKind};
use tandem_core::path::RelPath;
use tandem_core::plan::{Deed, Plan, Reason};
use tandem_core::removed;
use tandem_core::side::Side;

use super::{HOUR, HeldAction, digest, held_deletes, text};
use crate::engine::Engine;
use crate::error::Result;
use crate::observe::is_unreadable;

impl Engine {
    /// Whether a pass was finished with the filter as it is now. Before that, nothing tells what the following
    /// side has of its own from what only now comes in: deletes for that reason are held (P10).
    pub(crate) fn is_known_ground(&self) -> Result<bool> {
        let digest = self.filter().digest().to_string();
        // Noted with the filter that the pass had, and only then.
        let known = self.state().meta("filter")?;
        Ok(known.is_some_and(|known| known == digest) || removed!("completeness"))
    }

    /// Whether both sides were looked at whole with the filter as it is now.
    pub(crate) fn was_all_looked_at(&self) -> Result<bool> {
        let digest = self.filter().digest().to_string();
        let looked = self.state().meta("looked_with")?;
        Ok(looked.is_some_and(|known| known == digest))
    }

    /// They were, by the look whose transaction is open.
    pub(crate) fn note_all_looked_at(&self) -> Result<()> {
        if self.was_all_looked_at()? {
            return Ok(());
        }
        let digest = self.filter().digest().to_string();
        self.state().set_meta("looked_with", &digest)
    }

    /// What was looked at may be another root's: the next pass looks at everything.
    pub(crate) fn forget_all_looked_at(&self) -> Result<()> {
        self.state().drop_meta("looked_with")
    }

    /// What left the base because of another filter is no longer left alone for that.
    pub(crate) fn follow_filter(&self) -> Result<()> {
        let digest = self.filter().digest().to_string();
        self.state().follow_filter(&digest)
    }

    /// A pass was finished: what the filter lets in was seen on both sides, unless some of it could not be looked at.
    pub(crate) fn know_ground(&self) -> Result<()> {
        if self.is_known_ground()? {
            return Ok(());
        }
        let all_seen = self.was_all_seen()?;
        let (now, digest) = (self.now().0.to_string(), self.filter().digest().to_string());
        self.state().transaction(|state| {
            if state.meta("finished")?.is_none() {
                state.set_meta("finished", &now)?;
            }
            state.end_first_sync()?;
            if all_seen {
                state.set_meta("filter", &digest)?;
            }
            Ok(())
        })
    }

    /// Whether nothing is out of sight that a mirror's follower may have of its own: in what could not be read, or
    /// among what is still being written.
    fn was_all_seen(&self) -> Result<bool> {
        let mode = self.setup.options.policy.mode;
        let follower = mode.leader().filter(|_| mode.is_mirror()).map(Side::other);
        let may_be_own = |side: Side| follower.is_none_or(|follower| follower == side);
        let state = self.state();
        let looked = state.problems_of("look")?;
        if looked.iter().any(|row| is_unreadable(&row.why)) && !removed!("completeness") {
            return Ok(false);
        }
        for side in Side::BOTH {
            if state.is_anything_unseen(side, may_be_own(side))? && !removed!("completeness") {
                return Ok(false);
            }
        }
        // What changed while it was listed has no row.
        for (side, path, _) in self.being_written() {
            let item = state.item_at(side, &path)?;
            let is_own = item.map_or(may_be_own(side), |item| item.kind == Kind::Folder);
            if is_own && !removed!("completeness") {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Takes deletes that are to be decided out of the plan. They are measured against a base of `items` at most: without
    /// what was carried beside them.
    pub(crate) fn guard_deletes(&self, plan: &mut Plan, items: u64) -> Result<Vec<(Hold, String)>> {
        if !plan
            .actions
            .iter()
            .any(|a| matches!(a.deed, Deed::Delete { .. }))
        {
            return Ok(Vec::new());
        }
        let items = items.min(self.state().base_count()?);
        let settings = self.guard_settings()?;
        let approval = self.state().approval()?;
        let mut deletes: Vec<HeldAction> = plan
            .actions
            .iter()
            .filter(|a| matches!(a.deed, Deed::Delete { .. }))
            .filter_map(HeldAction::of)
            .collect();
        let mut holds = Vec::new();
        let own = self.own_items(&deletes)?;
        if guard::first_mirror_deletes(!own.is_empty(), own.len() as u64) {
            let held = with_folders_above(&deletes, approval.remainder(&own));
            hold_deletes(
                Guard::FirstMirrorDeletes,
                &deletes,
                &held,
                items,
                &mut holds,
            )?;
            deletes.retain(|d| !held.contains(&d.digest) && !own.contains(&d.digest));
        }
        let many = if self.are_many(deletes.len() as u64, items, &settings)? {
            deletes.iter().map(|d| d.digest).collect()
        } else {
            self.held_already(&deletes)?
        };
        let held = with_folders_above(&deletes, approval.remainder(&many));
        hold_deletes(Guard::MassDelete, &deletes, &held, items, &mut holds)?;
        let held: BTreeSet<u64> = holds
            .iter()
            .flat_map(|(hold, _)| &hold.items)
            .copied()
            .collect();
        plan.actions.retain(|a| {
            !matches!(a.deed, Deed::Delete { .. }) || digest(a).is_none_or(|d| !held.contains(&d))
        });
        Ok(holds)
    }

    /// What a mirror's first pass, or the first with another filter, would take from the following side.
    fn own_items(&self, deletes: &[HeldAction]) -> Result<BTreeSet<u64>> {
        if self.is_known_ground()? {
            return Ok(BTreeSet::new());
        }
        let own = deletes
            .iter()
            .filter(|d| matches!(d.reason, Reason::MirrorOf(_)));
        Ok(own.map(|d| d.digest).collect())
    }

    fn are_many(&self, deletes: u64, items: u64, settings: &GuardSettings) -> Result<bool> {
        let recent = self.state().deletes_since(self.now().plus(-HOUR))?;
        Ok(guard::mass_delete(settings, deletes, recent, items))
    }

    /// What a person was asked about stays held until they answer, however few it is beside what came in since.
    fn held_already(&self, deletes: &[HeldAction]) -> Result<BTreeSet<u64>> {
        let mut places = BTreeSet::new();
        for (hold, actions, _) in self.state().holds()? {
            if matches!(hold.kind, HoldKind::Deletes(_)) {
                let held = held_deletes(&actions)?.into_iter();
                places.extend(held.map(|action| (action.side, action.path)));
            }
        }
        let again = deletes
            .iter()
            .filter(|d| places.contains(&(d.side, d.path.clone())));
        Ok(again.map(|d| d.digest).collect())
    }
}

fn hold_deletes(
    guard: Guard,
    deletes: &[HeldAction],
    held: &BTreeSet<u64>,
    items: u64,
    holds: &mut Vec<(Hold, String)>,
) -> Result<()> {
    if held.is_empty() {
        return Ok(());
    }
    let evidence = Evidence::from([
        ("deletes".to_owned(), Fact::Number(held.len() as u64)),
        ("base_items".to_owned(), Fact::Number(items)),
    ]);
    let list: Vec<&HeldAction> = deletes
        .iter()
        .filter(|d| held.contains(&d.digest))
        .collect();
    holds.push((Hold::new(guard, held.clone(), evidence), text(&list)?));
    Ok(())
}

/// A folder is not empty while something in it is held: it waits too.
fn with_folders_above(deletes: &[HeldAction], mut held: BTreeSet<u64>) -> BTreeSet<u64> {
    let by_place: BTreeMap<(Side, &RelPath), u64> = deletes
        .iter()
        .map(|d| ((d.side, &d.path), d.digest))
        .collect();
    for delete in deletes
        .iter()
        .filter(|d| held.contains(&d.digest))
        .collect::<Vec<_>>()
    {
        let mut above = delete.path.parent();
        while let Some(folder) = above {
            held.extend(by_place.get(&(delete.side, &folder)));
            above = folder.parent();
        }
    }
    held
}
