//! Records what was done and is durable: base, observations and journal in one transaction.

use std::collections::HashMap;

use tandem_core::entry::Kind;
use tandem_core::path::RelPath;
use tandem_core::plan::record::{Row, record};
use tandem_core::plan::{Action, BaseItem, Deed, ItemId, MadeCopy, Reason, Retain};
use tandem_core::removed;
use tandem_core::side::{PerSide, Side};
use tandem_core::time::Timestamp;

use super::{BasePlace, Execution, Finished};
use crate::engine::Engine;
use crate::error::Result;
use crate::event::Event;
use crate::guarding::digest;
use crate::report::{ActionKind, LogLine, Outcome};
use crate::state::{JournalRow, State};
use crate::views::{kind_of, log_line, planned};

impl Execution<'_> {
    /// Records what was done and is durable.
    pub(super) fn record(&mut self, finished: Vec<Finished>) -> Result<()> {
        if finished.is_empty() {
            return Ok(());
        }
        self.record_and(finished, |_| Ok(()))
    }

    /// Records what was done and is durable, in one transaction with `more`.
    pub(super) fn record_and<T>(
        &mut self,
        finished: Vec<Finished>,
        more: impl FnOnce(&mut State) -> Result<T>,
    ) -> Result<T> {
        let finished = self.without_lost(finished)?;
        let mut lines = Vec::with_capacity(finished.len());
        let mut unlisted = Vec::new();
        let engine = self.engine;
        let mut recorder = Recorder {
            engine,
            run: self.run,
            now: engine.now(),
            places: &mut self.places,
            lines: &mut lines,
        };
        let answer = engine.state().transaction(|state| {
            for one in &finished {
                recorder.record(state, one)?;
            }
            for one in &finished {
                unlisted.extend(to_be_listed(engine, state, &one.action)?);
            }
            if !removed!("completeness") {
                state.note_unlisted(&unlisted)?;
            }
            state.close_intents(finished.iter().filter_map(|one| one.intent))?;
            more(state)
        })?;
        engine.are_durable(finished.iter().map(|one| &*one.action))?;
        for (side, folder) in unlisted.into_iter().filter(|_| !removed!("completeness")) {
            self.out.doubts[side].add(folder, true);
        }
        self.out.recorded += finished.len() as u64;
        self.count(&finished);
        for line in lines {
            self.engine.setup.events.event(Event::Action(line));
        }
        Ok(answer)
    }

    fn count(&mut self, finished: &[Finished]) {
        for one in finished {
            self.out.deleted += u64::from(matches!(one.action.deed, Deed::Delete { .. }));
            if one.action.touches() {
                self.summary.done += 1;
                self.summary.run = Some(self.run.unsigned_abs());
                self.summary.bytes[one.action.side] += one.action.bytes();
            } else if matches!(one.action.deed, Deed::Adopt { .. }) {
                self.summary.adopted += 1;
            }
        }
        let touched = finished.iter().filter(|f| f.action.touches()).count() as u64;
        self.engine.meter.add_done(touched);
    }
}

/// Writes the rows of one action after the other.
struct Recorder<'a> {
    engine: &'a Engine,
    run: i64,
    now: Timestamp,
    places: &'a mut HashMap<ItemId, BasePlace>,
    /// What the journal got.
    lines: &'a mut Vec<LogLine>,
}

impl Recorder<'_> {
    fn record(&mut self, state: &mut State, one: &Finished) -> Result<()> {
        let item = one.action.standing.item;
        let base = match item_at(state, one.was_at.as_ref(), item)? {
            None => current(state, self.places, item)?,
            found => found,
        };
        detach_filtered(self.engine, state, &one.action)?;
        let had_at = state.folder_paths(base.as_ref())?;
        let mut rows = record(&one.action, base.as_ref(), &one.done);
        follow_rebased(state, &one.action, &mut rows)?;
        self.places.extend(state.apply(&rows, base.as_ref())?);
        if matches!(one.action.deed, Deed::CreateFolder { .. }) {
            state.see_empty(one.action.side, item)?;
        }
        move_detached(state, &one.action)?;
        if Side::BOTH.iter().any(|&side| had_at[side].is_some()) {
            let base = current(state, self.places, item)?;
            detached_follow(state, &had_at, base.as_ref())?;
        }
        match (&one.action.deed, &one.done.entry) {
            (Deed::Duplicate { from, .. }, Some(copy)) => state.copies.push(MadeCopy {
                side: one.action.side,
                of: from.entry.revision.clone(),
                copy: copy.revision.clone(),
            }),
            (Deed::Move { from, .. }, Some(now)) => {
                state.own_write_moved(one.action.side, &from.entry.revision, &now.revision)?;
            }
            _ => {}
        }
        if let Some(text) = &one.text {
            state.keep_text(item, text, self.now)?;
        }
        self.write_journal(state, one)
    }

    fn write_journal(&mut self, state: &State, one: &Finished) -> Result<()> {
        if one.action.touches() {
            let mut row = journal_row(&one.action, self.run, self.now);
            row.after.clone_from(&one.done.entry);
            row.version.clone_from(&one.version);
            row.keep |= one.keep;
            row.before = one.set_aside.clone().or(row.before);
            row.id = state.add_journal(&row)?;
            self.lines.push(log_line(&row));
            if let (Deed::Delete { .. }, Some(digest)) = (&one.action.deed, digest(&one.action))
                && state.use_approval(digest)?
            {
                // What a person agreed to does not count towards the next hold.
                state.note_approved(row.id)?;
            }
        }
        for row in &one.also {
            let mut row = row.clone();
            row.id = state.add_journal(&row)?;
            if row.kind == ActionKind::Delete {
                // Junk was never in step: it is none of the deletes that are held.
                state.note_approved(row.id)?;
            }
            self.lines.push(log_line(&row));
        }
        Ok(())
    }
}

/// A folder that this plan has meanwhile moved is known under its own id. Where it is not, what lies in it stays
/// known under fresh ids, until the folder itself goes over with all below.
fn follow_rebased(state: &State, action: &Action, rows: &mut Vec<Row>) -> Result<()> {
    let standing = &action.standing;
    let mut not_yet = PerSide::new(false, false);
    for side in Side::BOTH {
        let folder = standing.folders[side];
        not_yet[side] = folder != standing.parent && state.is_fresh_folder(side, folder)?;
    }
    rows.retain(|row| !matches!(row, Row::Rebase { side, .. } if not_yet[*side]));
    for row in rows {
        let (side, parent) = match row {
            Row::Place { side, parent, .. } => (side, parent),
            Row::Moved(made) => (&mut made.side, &mut made.folder),
            _ => continue,
        };
        if *parent == standing.folders[*side] && *parent != standing.parent && !not_yet[*side] {
            let now = state.known_now(*side, *parent);
            if now != *parent {
                *parent = now;
            } else if state.base_folder(now)?.is_none() {
                *parent = standing.parent;
            }
        }
    }
    Ok(())
}

/// A folder that the sides have at different places by now is a new one there until it is looked into. Where not all is
/// listed, one that was made may have been there already, with something in it of which the feed has told before; and what
/// left one just before it was moved is told of by the path that it had then.
fn to_be_listed(engine: &Engine, state: &State, action: &Action) -> Result<Vec<(Side, RelPath)>> {
    let (standing, side) = (&action.standing, action.side);
    if let Deed::CreateFolder { path, .. } = &action.deed
        && engine.lists_in_part(side)
    {
        return Ok(vec![(side, path.clone())]);
    }
    let Deed::Move { to, other, .. } = &action.deed else {
        return Ok(Vec::new());
    };
    let place = &standing.places[side.other()];
    if standing.kind != Kind::Folder {
        return Ok(Vec::new());
    }
    let mut folders = Vec::new();
    if engine.lists_in_part(side) {
        folders.push((side, to.clone()));
    }
    let aside = action.reason == Reason::SwapStep;
    if !standing.in_base || (other.is_some() && !aside) {
        return Ok(folders);
    }
    if aside || place.is_some() {
        folders.push((side, to.clone()));
    }
    if let (true, Some((folder, name))) = (aside, place)
        && let Some(folder) = state.path_of(side.other(), *folder)?
    {
        folders.push((side.other(), folder.join(name)));
    }
    Ok(folders)
}

/// What a filter leaves out on one side only stays as it is on the other.
fn detach_filtered(engine: &Engine, state: &State, action: &Action) -> Result<()> {
    let Deed::Forget { left } = &action.deed else {
        return Ok(());
    };
    for side in Side::BOTH {
        if let (Reason::FilteredOut, Some(entry), Some((folder, name))) =
            (action.reason, &left[side], &action.standing.places[side])
        {
            state.detach_filtered(side, (*folder, name), engine.while_it_is(side, entry))?;
        }
    }
    Ok(())
}

/// What is detached in a folder goes with it when it is moved, and so do conflicts.
fn move_detached(state: &State, action: &Action) -> Result<()> {
    match &action.deed {
        Deed::Move { from, to, .. } if from.entry.kind == Kind::Folder => {
            state.move_conflicts(&from.path, to)?;
            state.move_detached(action.side, &from.path, to)
        }
        _ => Ok(()),
    }
}

/// The same where a person had moved it already, and the base follows.
fn detached_follow(
    state: &State,
    had_at: &PerSide<Option<RelPath>>,
    base: Option<&BaseItem>,
) -> Result<()> {
    let has_at = state.folder_paths(base)?;
    for side in Side::BOTH {
        if let (Some(had), Some(has)) = (&had_at[side], &has_at[side]) {
            state.move_detached(side, had, has)?;
        }
    }
    Ok(())
}

/// The item as the base has it by now.
pub(super) fn current(
    state: &State,
    places: &HashMap<ItemId, BasePlace>,
    item: ItemId,
) -> Result<Option<BaseItem>> {
    item_at(state, places.get(&item), item)
}

/// The item, if the base still has it at that place: another may have been recorded there since, as where a file and a
/// folder changed places.
fn item_at(state: &State, place: Option<&BasePlace>, item: ItemId) -> Result<Option<BaseItem>> {
    let Some((parent, name)) = place else {
        return Ok(None);
    };
    Ok(state
        .base_item(*parent, name)?
        .filter(|base| base.id == item))
}

pub(super) fn journal_row(action: &Action, run: i64, at: Timestamp) -> JournalRow {
    let shown = planned(action);
    let (before, keep) = match &action.deed {
        Deed::Transfer {
            replaces, retain, ..
        } => (replaces.clone(), *retain == Retain::Unseen),
        Deed::Delete { at, retain, .. } => (Some(at.entry.clone()), *retain == Retain::Unseen),
        Deed::Move { from, .. } => (Some(from.entry.clone()), false),
        Deed::SetMeta { at, .. } => (Some(at.entry.clone()), false),
        Deed::Merge { destination, .. } => (Some(destination.entry.clone()), true),
        _ => (None, false),
    };
    JournalRow {
        id: 0,
        run,
        at,
        side: action.side,
        kind: kind_of(&action.deed),
        path: shown.path,
        target: shown.to,
        bytes: shown.bytes,
        reason: action.reason,
        outcome: Outcome::Done,
        error: None,
        before,
        after: None,
        version: None,
        keep,
    }
}
