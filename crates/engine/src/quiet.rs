//! What is not left alone yet: files that are being written, and names that have just gone.
//!
//! A look may fall into the middle of what a person's program does. A file is carried only when it rested; a name
//! that is gone may be back at once, because programs save by moving the old file away first. So neither is acted
//! on before it stayed as it is for the quiet time, and nothing else waits for it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tandem_core::entry::{Entry, Revision};
use tandem_core::mutant;
use tandem_core::path::RelPath;
use tandem_core::plan::{Action, Deed, ItemId, Plan};
use tandem_core::side::{PerSide, Side};

use crate::engine::Engine;
use crate::error::Result;
use crate::observe::{Doubt, Look};
use crate::young::{is_waited_for, young_until};

/// The shortest pause before it is looked again, in milliseconds.
const SOONEST: u64 = 20;

/// The longest.
const SELDOM: Duration = Duration::from_secs(1);

/// So long after it waited it is remembered that a file in conflict did.
const REMEMBERED: Duration = Duration::from_secs(60);

/// Since when, by the clock that only goes forward.
type Since = BTreeMap<(Side, RelPath), Duration>;

/// What is not left alone yet.
#[derive(Debug, Default)]
pub(crate) struct Unrest {
    /// Files that are being written.
    writing: Since,
    /// Names whose absence is a delete on the other side.
    gone: Since,
    /// Whether those deletes wait.
    put_off: bool,
    /// How much was in step when they began to wait.
    items: Option<u64>,
    /// Files in conflict whose revision another edit could have as well, with that and until when they wait at most.
    young: BTreeMap<(Side, RelPath), (Revision, Duration)>,
}

impl Unrest {
    fn is_empty(&self, now: Duration) -> bool {
        self.writing.is_empty() && !self.put_off && self.young(now).next().is_none()
    }

    /// The files in conflict that wait.
    fn young(&self, now: Duration) -> impl Iterator<Item = &(Side, RelPath)> {
        let waiting = self
            .young
            .iter()
            .filter(move |(_, (_, until))| *until > now);
        waiting.map(|(place, _)| place)
    }

    /// Where to look again.
    fn folders(&self) -> PerSide<Doubt> {
        let mut doubts = PerSide::<Doubt>::default();
        let gone = self.gone.keys().filter(|_| self.put_off);
        let places = self.writing.keys().chain(self.young.keys());
        for (side, path) in places.chain(gone) {
            let Some(folder) = path.parent() else {
                continue;
            };
            // What went with its folder is seen where the folder was.
            if !self.gone.contains_key(&(*side, folder.clone())) {
                doubts[*side].add(folder, false);
            }
        }
        doubts
    }
}

impl Engine {
    fn unrest(&self) -> std::sync::MutexGuard<'_, Unrest> {
        self.unrest
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// For how long something must stay as it is before it counts.
    pub(crate) fn quiet_time(&self) -> Duration {
        Duration::from_millis(self.setup.options.limits.quiet)
    }

    fn keeps_changing(&self) -> Duration {
        Duration::from_secs(self.setup.options.limits.keeps_changing)
    }

    /// Takes up what a look found being written, and drops what it found at rest.
    pub(crate) fn note_writing(&self, look: &Look) {
        let now = self.setup.environment.uptime();
        let mut unrest = self.unrest();
        unrest.writing.retain(|(side, path), _| {
            !look.covers(*side, path) || look.being_written.contains(&(*side, path.clone()))
        });
        for file in &look.being_written {
            unrest.writing.entry(file.clone()).or_insert(now);
        }
    }

    /// Files that are being written, each with whether that has gone on for so long that it is worth saying.
    pub(crate) fn being_written(&self) -> Vec<(Side, RelPath, bool)> {
        let now = self.setup.environment.uptime();
        let long = self.keeps_changing();
        let unrest = self.unrest();
        let files = unrest.writing.iter();
        files
            .map(|((side, path), since)| (*side, path.clone(), now.saturating_sub(*since) >= long))
            .collect()
    }

    /// Takes the deletes out of a plan while one of the absences behind them is young. All of them wait together,
    /// so that a guard sees how many there are, but not for ever; and not while a guard already holds some.
    /// `items` were in step before anything was carried beside them.
    pub(crate) fn put_off_deletes(&self, plan: &mut Plan, holds: bool, items: u64) {
        let now = self.setup.environment.uptime();
        let quiet = self.quiet_time();
        let mut unrest = self.unrest();
        let known = std::mem::take(&mut unrest.gone);
        for action in &plan.actions {
            let side = action.side.other();
            if let Deed::Delete {
                absent: Some(absent),
                ..
            } = &action.deed
                && self.capabilities(side).waiting
            {
                // One absence may stand behind many deletes: that of their folder.
                let place = (side, absent.path.clone());
                let since = known.get(&place).copied().unwrap_or(now);
                unrest.gone.insert(place, since);
            }
        }
        let since = || unrest.gone.values().copied();
        let is_young = since().any(|since| now.saturating_sub(since) < quiet);
        let is_due = since().any(|since| now.saturating_sub(since) >= self.keeps_changing());
        unrest.put_off = is_young && !is_due && !holds;
        unrest.items = (!unrest.gone.is_empty()).then(|| unrest.items.unwrap_or(items).min(items));
        if unrest.put_off {
            plan.actions
                .retain(|action| !matches!(action.deed, Deed::Delete { .. }));
        }
    }

    /// Takes out of a plan what copies or merges a file that its side gives the same revision if it is saved again now, and
    /// what replaces it. By a clock that is ahead it would be young for ever: it waits no longer than that takes by ours.
    pub(crate) fn put_off_young_conflicts(&self, plan: &mut Plan) {
        if mutant!("P1 what is in conflict is copied while it is young") {
            return;
        }
        let uptime = self.setup.environment.uptime();
        let now = self.now();
        let mut unrest = self.unrest();
        unrest
            .young
            .retain(|_, (_, until)| *until + REMEMBERED > uptime);
        let mut waiting = BTreeSet::new();
        for (action, side, path, entry) in plan.actions.iter().flat_map(in_conflict) {
            let granularity = self.capabilities(side).revision_granularity;
            if is_waited_for(entry, granularity) || young_until(entry, granularity, now) <= now {
                continue;
            }
            let place = (side, path);
            let known = unrest.young.get(&place);
            let known = known.filter(|(was, _)| *was == entry.revision);
            let twice = Duration::from_nanos(granularity.saturating_mul(2));
            let until = known.map_or(uptime + twice, |(_, until)| *until);
            let revision = entry.revision.clone();
            unrest.young.insert(place, (revision, until));
            if until > uptime {
                waiting.insert(action.standing.item);
            }
        }
        let is_of = |action: &Action, items: &BTreeSet<ItemId>| {
            items.contains(&action.standing.item) && !matches!(action.deed, Deed::Move { .. })
        };
        plan.actions.retain(|action| !is_of(action, &waiting));
    }

    /// How much was in step before anything was carried beside the deletes of a plan, some of which may have waited
    /// for longer than this pass, which began with `items`.
    pub(crate) fn items_before(&self, items: u64) -> u64 {
        self.unrest().items.unwrap_or(items).min(items)
    }

    /// Whether deletes were put off.
    pub(crate) fn deletes_wait(&self) -> bool {
        self.unrest().put_off
    }

    /// Whether something is expected to come to rest soon.
    pub(crate) fn rests_soon(&self) -> bool {
        let now = self.setup.environment.uptime();
        let conflicts_wait = self.unrest().young(now).next().is_some();
        conflicts_wait || self.deletes_wait() || self.being_written().iter().any(|(.., long)| !long)
    }

    /// Adds where something is not left alone yet: however much is hinted at elsewhere, it is looked at again.
    pub(crate) fn add_unrest(&self, doubts: &mut PerSide<Doubt>) {
        let again = self.unrest().folders();
        for side in Side::BOTH {
            for (folder, deep) in &again[side].folders {
                doubts[side].add(folder.clone(), *deep);
            }
        }
    }

    /// When to look again for what was detached and is gone, and where: a program may have moved it away to save it.
    /// What the last pass did not come to waits as long as what does not rest.
    pub(crate) fn until_notes_end(&self) -> Result<Option<(Duration, PerSide<Doubt>)>> {
        let state = self.state();
        let missed = state.missed_notes()?;
        let Some(first) = missed.values().min() else {
            return Ok(None);
        };
        let mut doubts = PerSide::<Doubt>::default();
        for (side, path) in missed.keys() {
            doubts[*side].add(path.parent().unwrap_or_else(RelPath::root), false);
        }
        let due = i64::try_from(state.quiet).map_or(*first, |quiet| first.plus(quiet));
        let left = match due.0.saturating_sub(state.now.0) {
            left if left > 0 => Duration::from_nanos(left.unsigned_abs()),
            _ => self.keeps_changing(),
        };
        Ok(Some((left, doubts)))
    }

    /// When to look again at what is not left alone, and where; `None` if everything rests. The longer it has gone
    /// on, the longer the pause: a log that is always written to is not looked at ten times a second for ever.
    pub(crate) fn look_again(&self) -> Option<(Duration, PerSide<Doubt>)> {
        let unrest = self.unrest();
        let now = self.setup.environment.uptime();
        if unrest.is_empty(now) {
            return None;
        }
        let quiet = Duration::from_millis((self.setup.options.limits.quiet / 2).max(SOONEST));
        let gone = unrest.gone.values().filter(|_| unrest.put_off);
        let youngest = unrest.writing.values().chain(gone).max();
        let age = youngest.map_or(Duration::ZERO, |since| now.saturating_sub(*since));
        Some((quiet.max((age / 10).min(SELDOM)), unrest.folders()))
    }
}

/// What an action reads to keep it beside what replaces it, or to merge the two.
fn in_conflict(action: &Action) -> Vec<(&Action, Side, RelPath, &Entry)> {
    match &action.deed {
        Deed::Duplicate { from, .. } => {
            vec![(action, action.side, from.path.clone(), &from.entry)]
        }
        Deed::Merge {
            source,
            destination,
        } => [(Side::Source, source), (Side::Destination, destination)]
            .map(|(side, at)| (action, side, at.path.clone(), &at.entry))
            .into(),
        _ => Vec::new(),
    }
}
