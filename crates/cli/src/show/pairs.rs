//! Pairs, plans and what passes came to.

use tandem_core::side::Side;
use tandem_service::answer::{
    ActionView, GuaranteeView, PairStatus, PairView, PreviewView, ProblemView, SyncView, TotalsView,
};
use tandem_service::environment::now;
use tandem_service::time_text;
use tandem_service::words::{count, grouped, kind_of_action, size};

use super::{failure_line, nothing};
use crate::output::{self, table, visible};

pub(super) fn list(pairs: &[PairView]) {
    if pairs.is_empty() {
        return nothing("There are no pairs. “tandem pair add NAME SOURCE DESTINATION” makes one.");
    }
    let rows: Vec<_> = pairs
        .iter()
        .map(|pair| {
            let ends = format!(
                "{}  {}  {}",
                visible(&pair.source),
                arrow(&pair.mode),
                visible(&pair.destination)
            );
            vec![pair.name.clone(), ends, paused(pair)]
        })
        .collect();
    table(&rows);
}

/// What to rely on first, then the limits.
pub(super) fn guarantees(all: &[GuaranteeView]) {
    let rows: Vec<_> = all
        .iter()
        .map(|guarantee| {
            let kind = if guarantee.holds { "holds" } else { "limit" };
            vec![kind.to_owned(), visible(&guarantee.message)]
        })
        .collect();
    table(&rows);
}

fn paused(pair: &PairView) -> String {
    match (pair.paused, pair.paused_until) {
        (false, _) => String::new(),
        (true, None) => "Paused".to_owned(),
        (true, Some(until)) => format!("Paused until {}", time_text::spoken(until.0, now())),
    }
}

fn arrow(mode: &str) -> &'static str {
    match mode {
        "two-way" => "<->",
        "source-to-destination" | "source-backup" => "-->",
        _ => "<--",
    }
}

pub(super) fn one(pair: &PairView) {
    let options = &pair.options;
    let limits = &options.limits;
    let rate =
        |limit: Option<u64>| limit.map_or("unlimited".to_owned(), |n| format!("{}/s", size(n)));
    let mut rows = vec![
        ("name", pair.name.clone()),
        ("id", pair.id.clone()),
        ("source", pair.source.clone()),
        ("destination", pair.destination.clone()),
        ("mode", pair.mode.clone()),
        ("comparison", options.policy.compare.to_string()),
        ("first sync", options.policy.first_sync.to_string()),
        ("conflicts", options.policy.conflict.to_string()),
        ("upload", rate(limits.upload)),
        ("download", rate(limits.download)),
    ];
    for pattern in &options.filter.patterns {
        rows.push(("ignored", pattern.clone()));
    }
    for folder in &options.filter.chosen {
        rows.push(("only", folder.to_string()));
    }
    let versions = if options.versions.keep {
        format!(
            "kept for {}",
            count(u64::from(options.versions.days), "day", "days")
        )
    } else {
        "not kept".to_owned()
    };
    rows.push(("versions", versions));
    if pair.paused {
        rows.push(("state", paused(pair)));
    }
    let rows: Vec<_> = rows
        .into_iter()
        .map(|(key, value)| vec![key.to_owned(), visible(&value)])
        .collect();
    table(&rows);
}

/// How the pairs are.
pub(crate) fn statuses(pairs: &[PairStatus]) {
    if pairs.is_empty() {
        return nothing("There are no pairs. “tandem pair add NAME SOURCE DESTINATION” makes one.");
    }
    let rows: Vec<_> = pairs
        .iter()
        .map(|pair| {
            let mut parts = vec![count(pair.items, "item", "items")];
            let named = [
                (pair.held, "waits for you", "wait for you"),
                (pair.conflicts, "conflict", "conflicts"),
                (pair.problems, "problem", "problems"),
                (pair.left_out, "left out", "left out"),
            ];
            parts.extend(
                named
                    .iter()
                    .filter(|(n, ..)| *n > 0)
                    .map(|(n, one, many)| count(*n, one, many)),
            );
            // Where changes are not waited for, what is said holds for then.
            if let Some(at) = pair.looked.filter(|_| !pair.is_watched) {
                parts.push(format!("looked at {}", time_text::spoken(at.0, now())));
            }
            vec![pair.name.clone(), pair.shown.clone(), parts.join(", ")]
        })
        .collect();
    table(&rows);
    for pair in pairs {
        if let Some(error) = &pair.error {
            output::answer(&visible(&format!("{}: {}", pair.name, failure_line(error))));
        }
        for problem in &pair.not_in_step {
            output::answer(&visible(&format!("  {}", left_out(problem))));
        }
    }
}

/// What is left out, on which side, and why.
fn left_out(problem: &ProblemView) -> String {
    format!(
        "{} ({})  {} {}",
        problem.side, problem.place, problem.message, problem.next_step
    )
}

pub(super) fn previews(previews: &[PreviewView]) {
    if previews.is_empty() {
        return nothing("There are no pairs. “tandem pair add NAME SOURCE DESTINATION” makes one.");
    }
    for preview in previews {
        if let Some(error) = &preview.error {
            output::answer(&visible(&format!(
                "{}: {}",
                preview.name,
                failure_line(error)
            )));
            continue;
        }
        output::answer(&format!("{}: {}", preview.name, totals(&preview.totals)));
        for warning in &preview.warnings {
            output::answer(&visible(&format!(
                "  {} {}",
                warning.message, warning.next_step
            )));
        }
        table(&preview.actions.iter().map(action).collect::<Vec<_>>());
        if preview.actions_left_out > 0 {
            let more = grouped(preview.actions_left_out);
            output::answer(&format!("  and {more} more"));
        }
        for hold in &preview.held {
            output::answer(&visible(&format!("  held: {}", hold.message)));
        }
        for problem in &preview.left_out {
            output::answer(&visible(&format!("  left out: {}", left_out(problem))));
        }
    }
}

fn totals(totals: &TotalsView) -> String {
    if totals.actions == 0 {
        return match totals.adopted {
            0 => "nothing to do.".to_owned(),
            n => format!(
                "nothing to carry; {} equal on both sides.",
                count(n, "item is", "items are")
            ),
        };
    }
    let mut parts = Vec::new();
    for (n, one, many) in [
        (totals.creates, "new item", "new items"),
        (totals.replaces, "update", "updates"),
        (totals.moves, "move", "moves"),
        (totals.deletes, "delete", "deletes"),
        (totals.conflicts, "conflict", "conflicts"),
    ] {
        if n > 0 {
            parts.push(count(n, one, many));
        }
    }
    let mut text = if parts.is_empty() {
        count(totals.actions, "action", "actions")
    } else {
        parts.join(", ")
    };
    for (side, word) in [
        (Side::Destination, "to the destination"),
        (Side::Source, "to the source"),
    ] {
        if totals.bytes[side] > 0 {
            text.push_str(&format!("; {} {word}", size(totals.bytes[side])));
        }
        if totals.requests[side] > 0 {
            text.push_str(&format!(
                ", about {}",
                count(totals.requests[side], "request", "requests")
            ));
        }
        if let Some(free) = totals.free[side].filter(|_| totals.bytes[side] > 0) {
            text.push_str(&format!(", {} free there", size(free)));
        }
    }
    text.push('.');
    text
}

/// The cells of an action.
pub(super) fn action(action: &ActionView) -> Vec<String> {
    let side = match action.side {
        Side::Source => "<-",
        Side::Destination => "->",
    };
    let mut path = visible(&action.path);
    if let Some(to) = &action.to {
        path.push_str(&format!("  to  {}", visible(to)));
    }
    let bytes = if action.bytes > 0 {
        size(action.bytes)
    } else {
        String::new()
    };
    vec![
        format!("  {side} {}", kind_of_action(action.kind)),
        bytes,
        path,
        action.reason.clone(),
    ]
}

pub(super) fn synced(done: &[SyncView]) {
    if done.is_empty() {
        return nothing("There are no pairs. “tandem pair add NAME SOURCE DESTINATION” makes one.");
    }
    let rows: Vec<_> = done
        .iter()
        .map(|pair| vec![pair.name.clone(), pair.shown.clone(), what(pair)])
        .collect();
    table(&rows);
    for pair in done {
        if let Some(error) = &pair.error {
            output::note(&visible(&format!("{}: {}", pair.name, failure_line(error))));
        }
        if pair.held > 0 {
            output::note(&format!(
                "{}: “tandem held {}” shows what waits for you.",
                pair.name, pair.name
            ));
        }
        if pair.problems + pair.failed > 0 {
            output::note(&format!(
                "{}: “tandem status {} --problems” shows what is left out, and what to do.",
                pair.name, pair.name
            ));
        }
    }
}

fn what(pair: &SyncView) -> String {
    let mut parts = Vec::new();
    let bytes = pair.bytes.source + pair.bytes.destination;
    if pair.done > 0 {
        parts.push(format!(
            "{} done, {}",
            count(pair.done, "action", "actions"),
            size(bytes)
        ));
    }
    for (n, one, many) in [
        (pair.adopted, "found equal", "found equal"),
        (pair.conflicts, "conflict kept", "conflicts kept"),
        (pair.failed, "not done", "not done"),
        (pair.held, "waits for you", "wait for you"),
        (pair.left_out, "left out", "left out"),
    ] {
        if n > 0 {
            parts.push(count(n, one, many));
        }
    }
    if parts.is_empty() && pair.error.is_none() {
        parts.push("nothing to do".to_owned());
    }
    if let Some(run) = &pair.run {
        parts.push(format!("run {run}"));
    }
    parts.join(", ")
}
