//! The journal, holds, conflicts, versions, checks.

use tandem_engine::report::Outcome;
use tandem_service::answer::{
    ConflictView, ExplainView, HeldView, LogLines, LogView, VerifyView, VersionView,
};
use tandem_service::time_text::listed;
use tandem_service::words::{count, size};

use super::{failure_line, nothing, pairs};
use crate::output::{self, table, visible};

/// How many actions of a hold are listed.
const LISTED: usize = 20;

/// The cells of a journal line.
pub(super) fn line(line: &LogView) -> Vec<String> {
    let mut cells = vec![line.id.clone(), listed(line.at.0)];
    cells.extend(
        pairs::action(&line.action)
            .into_iter()
            .map(|cell| cell.trim_start().to_owned()),
    );
    match (line.outcome, &line.error) {
        (Outcome::Done, _) => {}
        (Outcome::LostRace, _) => {
            cells.push("(it had changed meanwhile: looked at again)".to_owned())
        }
        (Outcome::Failed, None) => cells.push("(not done)".to_owned()),
        (Outcome::Failed, Some(why)) => cells.push(format!("(not done: {})", visible(why))),
    }
    cells
}

/// One journal line, as it happens.
pub(crate) fn log_line(action: &LogView) {
    output::answer(&line(action).join("  "));
}

pub(super) fn log(log: &LogLines) {
    if log.lines.is_empty() {
        return nothing("Nothing was done yet.");
    }
    table(&log.lines.iter().map(line).collect::<Vec<_>>());
    if log.older_left_out {
        output::note("There are older lines: --limit N shows more.");
    }
}

pub(super) fn held(holds: &[HeldView]) {
    if holds.is_empty() {
        return nothing("Nothing waits for your decision.");
    }
    for hold in holds {
        output::answer(&visible(&format!(
            "{}  {}: {}",
            hold.id, hold.pair, hold.message
        )));
        output::answer(&visible(&format!("  {}", hold.next_step)));
        let shown = hold.actions.len().min(LISTED);
        table(
            &hold.actions[..shown]
                .iter()
                .map(pairs::action)
                .collect::<Vec<_>>(),
        );
        if hold.count > shown as u64 {
            output::answer(&format!("  and {} more", hold.count - shown as u64));
        }
    }
}

pub(super) fn conflicts(conflicts: &[ConflictView]) {
    if conflicts.is_empty() {
        return nothing("There are no conflicts.");
    }
    for conflict in conflicts {
        let path = visible(&conflict.path);
        output::answer(&format!(
            "{}  {}  {path}: {}",
            conflict.id, conflict.pair, conflict.message
        ));
        if conflict.is_settled {
            let now = visible(conflict.copy.as_deref().unwrap_or(&conflict.path));
            output::answer(&format!(
                "  It stands at {now} now. Nothing is to be chosen; “tandem resolve {} --keep both” takes it off this list.",
                conflict.id
            ));
            continue;
        }
        let mut rows = Vec::new();
        for (name, side) in [
            ("source", &conflict.sides.source),
            ("destination", &conflict.sides.destination),
        ] {
            rows.push(match side {
                Some(side) => vec![
                    format!("  {name}"),
                    size(side.size),
                    side.mtime.map(|at| listed(at.0)).unwrap_or_default(),
                    visible(&side.path),
                ],
                None => vec![format!("  {name}"), "not there".to_owned()],
            });
        }
        if let Some(copy) = &conflict.copy {
            rows.push(vec![
                "  copy".to_owned(),
                String::new(),
                String::new(),
                visible(copy),
            ]);
        }
        table(&rows);
    }
}

pub(super) fn versions(versions: &[VersionView]) {
    if versions.is_empty() {
        return nothing("No versions are kept of it.");
    }
    let rows: Vec<_> = versions
        .iter()
        .map(|version| {
            vec![
                version.id.clone(),
                version.side.to_string(),
                size(version.size),
                listed(version.kept_at.0),
                visible(&version.path),
                if version.displaced {
                    "nobody expected it"
                } else {
                    ""
                }
                .to_owned(),
            ]
        })
        .collect();
    table(&rows);
}

pub(super) fn explanation(explanation: &ExplainView) {
    let path = visible(&explanation.path);
    output::answer(&format!("{}: {path}", explanation.pair));
    output::answer(&format!("  {}", explanation.message));
    if let Some(rule) = &explanation.rule {
        output::answer(&format!("  Decided by {}.", visible(rule)));
    }
    let mut rows = Vec::new();
    for (title, sides) in [("now", &explanation.seen), ("in step", &explanation.base)] {
        for (name, side) in [
            ("source", &sides.source),
            ("destination", &sides.destination),
        ] {
            if let Some(side) = side {
                rows.push(vec![
                    format!("  {title}"),
                    name.to_owned(),
                    side.kind.clone(),
                    size(side.size),
                    side.mtime.map(|at| listed(at.0)).unwrap_or_default(),
                    visible(&side.path),
                ]);
            }
        }
    }
    table(&rows);
    if let Some(equality) = &explanation.equality {
        output::answer(&format!(
            "  Equality was shown by {}.",
            equality.replace('_', " ")
        ));
    }
    if !explanation.next.is_empty() {
        output::answer("  Next:");
        table(
            &explanation
                .next
                .iter()
                .map(pairs::action)
                .collect::<Vec<_>>(),
        );
    }
    if !explanation.history.is_empty() {
        output::answer("  Done:");
        let indented = |l| {
            let mut cells = line(l);
            cells[0].insert_str(0, "  ");
            cells
        };
        table(&explanation.history.iter().map(indented).collect::<Vec<_>>());
    }
}

pub(super) fn verified(done: &[VerifyView]) {
    if done.is_empty() {
        return nothing("There is nothing to verify yet.");
    }
    for pair in done {
        if let Some(error) = &pair.error {
            let line = format!("{}: {}", pair.name, failure_line(error));
            output::note(&visible(&line));
            continue;
        }
        let items = count(pair.items, "item", "items");
        let found = match pair.findings.len() {
            0 => "all as recorded".to_owned(),
            n => count(n as u64, "is not as recorded", "are not as recorded"),
        };
        output::answer(&format!(
            "{}: {items} compared, {} read, {found}.",
            pair.name,
            size(pair.bytes)
        ));
        let rows: Vec<_> = pair
            .findings
            .iter()
            .map(|f| vec![format!("  {}", f.side), visible(&f.path), f.message.clone()])
            .collect();
        table(&rows);
        if pair.repaired > 0 {
            output::answer(&format!(
                "  {} mended.",
                count(pair.repaired, "item", "items")
            ));
        }
    }
}
