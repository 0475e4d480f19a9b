//! The planner's and the state's types as reports show them.

use tandem_core::entry::{Entry, Kind};
use tandem_core::guard::{Fact, Guard, Hold};
use tandem_core::path::RelPath;
use tandem_core::plan::{Action, Deed};
use tandem_core::time::Timestamp;

use crate::report::{ActionKind, HeldView, LogLine, Outcome, PlannedAction, Problem, SideView};
use crate::state::{JournalRow, ProblemRow};

/// Of a hold so many actions are listed.
pub(crate) const MOST_LISTED: usize = 1000;

pub(crate) const fn kind_of(deed: &Deed) -> ActionKind {
    match deed {
        Deed::CreateFolder { .. } => ActionKind::CreateFolder,
        Deed::Transfer { replaces: None, .. } | Deed::Duplicate { .. } => ActionKind::Create,
        Deed::Transfer { .. } | Deed::Merge { .. } => ActionKind::Replace,
        Deed::Move { .. } => ActionKind::Move,
        Deed::SetMeta { .. } => ActionKind::SetMeta,
        Deed::Delete { .. } => ActionKind::Delete,
        Deed::Adopt { .. } => ActionKind::Adopt,
        Deed::Forget { .. } => ActionKind::Forget,
    }
}

pub(crate) fn planned(action: &Action) -> PlannedAction {
    let to = match &action.deed {
        Deed::Move { to, .. } => Some(to.to_string()),
        _ => None,
    };
    let path = action
        .path()
        .map_or_else(|| action.standing.name.to_string(), ToString::to_string);
    PlannedAction {
        kind: kind_of(&action.deed),
        side: action.side,
        path,
        to,
        bytes: action.bytes(),
        reason: action.reason,
    }
}

pub(crate) fn log_line(row: &JournalRow) -> LogLine {
    let reversible = match row.kind {
        ActionKind::Create | ActionKind::CreateFolder | ActionKind::Move | ActionKind::SetMeta => {
            true
        }
        ActionKind::Restore if row.before.is_none() => true,
        ActionKind::Replace | ActionKind::Delete | ActionKind::Restore => {
            row.version.is_some() || row.before.as_ref().is_some_and(|e| e.kind == Kind::Folder)
        }
        ActionKind::Adopt | ActionKind::Forget => false,
    };
    LogLine {
        id: row.id.unsigned_abs(),
        run: row.run.unsigned_abs(),
        at: row.at,
        action: PlannedAction {
            kind: row.kind,
            side: row.side,
            path: row.path.clone(),
            to: row.target.clone(),
            bytes: row.bytes,
            reason: row.reason,
        },
        outcome: row.outcome,
        error: row.error.clone(),
        undoable: reversible && row.outcome == Outcome::Done,
    }
}

pub(crate) fn held_view(hold: &Hold, actions: Vec<PlannedAction>, since: Timestamp) -> HeldView {
    let evidence = hold.evidence.iter().map(|(name, fact)| {
        let fact = match fact {
            Fact::Number(n) => n.to_string(),
            Fact::Text(text) => text.clone(),
        };
        (name.clone(), fact)
    });
    // Of these the items are steps of an amount.
    let by_amount = matches!(
        hold.kind.guard(),
        Guard::FreeSpace | Guard::ConflictCopies | Guard::RootEmpty
    );
    let count = if by_amount {
        actions.len().max(1) as u64
    } else {
        hold.items.len() as u64
    };
    HeldView {
        id: hold.id.to_string(),
        guard: hold.kind.guard().name().to_owned(),
        whole_pair: !hold.kind.guard().holds_deletes_only(),
        evidence: evidence.collect(),
        count,
        actions,
        since,
    }
}

pub(crate) fn problem(row: &ProblemRow) -> Problem {
    let by_nature = matches!(
        row.why.as_str(),
        "symlink" | "opaque" | "filtered" | "shadowed_by_folder" | "changes_waiting"
    );
    Problem {
        side: row.side,
        path: row.path.clone(),
        why: row.why.clone(),
        detail: row.detail.clone(),
        is_problem: !by_nature,
    }
}

pub(crate) fn side_view(path: &RelPath, entry: &Entry) -> SideView {
    let kind = match entry.kind {
        Kind::File => "file",
        Kind::Folder => "folder",
        Kind::Symlink => "symlink",
        Kind::Opaque => "opaque",
    };
    SideView {
        path: path.to_string(),
        kind: kind.to_owned(),
        size: entry.size,
        mtime: entry.mtime.map(|m| m.at),
        revision: revision_text(entry),
    }
}

pub(crate) fn revision_text(entry: &Entry) -> String {
    format!("{:?}", entry.revision)
}
