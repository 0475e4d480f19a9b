//! What goes with recording an action: what is known below folders that moved, what is detached in them, and the
//! journal's line.

use std::collections::HashMap;

use tandem_core::entry::Kind;
use tandem_core::path::{Name, RelPath};
use tandem_core::plan::record::Row;
use tandem_core::plan::{Action, BaseItem, Deed, ItemId, Reason, Retain};
use tandem_core::side::{PerSide, Side};
use tandem_core::time::Timestamp;

use crate::engine::Engine;
use crate::error::Result;
use crate::report::Outcome;
use crate::state::{JournalRow, Loaded, State};
use crate::views::{kind_of, planned};

/// A folder that this plan has meanwhile moved is known under its own id. Where it is not, what lies in it stays
/// known under fresh ids, until the folder itself goes over with all below.
pub(super) fn follow_rebased(state: &State, action: &Action, rows: &mut Vec<Row>) -> Result<()> {
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
            *parent = standing.parent;
        }
    }
    Ok(())
}

/// A folder that the sides have at different places by now is a new one there until it is looked into.
pub(super) fn to_be_listed(state: &State, action: &Action) -> Result<Vec<(Side, RelPath)>> {
    let (standing, side) = (&action.standing, action.side);
    let Deed::Move { to, other, .. } = &action.deed else {
        return Ok(Vec::new());
    };
    let place = &standing.places[side.other()];
    let aside = action.reason == Reason::SwapStep;
    if standing.kind != Kind::Folder || !standing.in_base || (other.is_some() && !aside) {
        return Ok(Vec::new());
    }
    let mut folders = Vec::new();
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
pub(super) fn detach_filtered(engine: &Engine, state: &State, action: &Action) -> Result<()> {
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

/// What is detached in a folder goes with it when it is moved.
pub(super) fn move_detached(state: &State, action: &Action) -> Result<()> {
    match &action.deed {
        Deed::Move { from, to, .. } if from.entry.kind == Kind::Folder => {
            state.move_detached(action.side, &from.path, to)
        }
        _ => Ok(()),
    }
}

/// The same where a person had moved it already, and the base follows.
pub(super) fn detached_follow(
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
    places: &HashMap<ItemId, (ItemId, Name)>,
    loaded: &Loaded,
    item: ItemId,
) -> Result<Option<BaseItem>> {
    let place = places.get(&item).cloned();
    let loaded = || {
        loaded
            .item(item)
            .map(|base| (base.parent, base.name.clone()))
    };
    let Some((parent, name)) = place.or_else(loaded) else {
        return Ok(None);
    };
    // Another may have its place by now.
    let there = state.base_item(parent, &name)?;
    Ok(there.filter(|there| there.id == item))
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
