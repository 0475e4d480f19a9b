//! Storages, folders and what the doctor found.

use tandem_service::answer::{CopyView, DoctorView, EntryView, StepView, StorageView, TypeView};
use tandem_service::time_text;
use tandem_service::words::{count, size};

use super::nothing;
use crate::output::{self, table, visible};

pub(super) fn types(types: &[TypeView]) {
    for one in types {
        output::answer(&format!("{}  {}", one.name, one.title));
        let rows: Vec<_> = one
            .fields
            .iter()
            .map(|field| {
                let how = if field.secret { "--secret" } else { "--set" };
                let mut note = field.help.clone();
                if let Some(default) = &field.default {
                    note.push_str(&format!(" Default: {default}."));
                }
                if !field.choices.is_empty() {
                    note.push_str(&format!(" One of {}.", field.choices.join(", ")));
                }
                let needed = if field.required { "needed" } else { "" };
                vec![format!("  {how} {}", field.key), needed.to_owned(), note]
            })
            .collect();
        table(&rows);
    }
}

pub(super) fn list(storages: &[StorageView]) {
    let rows: Vec<_> = storages
        .iter()
        .map(|storage| {
            let state = match (&storage.health, storage.enabled) {
                (_, false) => "Disabled".to_owned(),
                (Some(health), _) => health.shown.clone(),
                (None, _) => String::new(),
            };
            vec![
                storage.name.clone(),
                storage.type_name.clone(),
                visible(storage.label.as_deref().unwrap_or_default()),
                state,
                storage.pairs.join(", "),
            ]
        })
        .collect();
    table(&rows);
}

pub(super) fn one(storage: &StorageView) {
    let mut rows = vec![
        vec!["name".to_owned(), storage.name.clone()],
        vec!["type".to_owned(), storage.type_name.clone()],
        vec!["id".to_owned(), storage.id.clone()],
    ];
    let mut row = |key: &str, value: String| rows.push(vec![key.to_owned(), visible(&value)]);
    if let Some(label) = &storage.label {
        row("label", label.clone());
    }
    row(
        "state",
        if storage.enabled {
            "enabled"
        } else {
            "disabled"
        }
        .to_owned(),
    );
    for (key, value) in &storage.config {
        row(key, value.clone());
    }
    for key in &storage.secrets {
        row(key, "saved".to_owned());
    }
    if !storage.pairs.is_empty() {
        row("pairs", storage.pairs.join(", "));
    }
    if let Some(health) = &storage.health {
        row("health", health.shown.clone());
        match (health.used, health.total) {
            (Some(used), Some(total)) => {
                row("space", format!("{} of {} used", size(used), size(total)))
            }
            (Some(used), None) => row("space", format!("{} used", size(used))),
            _ => {}
        }
    }
    if let Some(usage) = &storage.usage {
        if let Some(at) = usage.last_success {
            row("last success", time_text::listed(at.0));
        }
        row(
            "today",
            format!(
                "{}, {} sent, {} received",
                count(usage.requests_today, "request", "requests"),
                size(usage.sent_today),
                size(usage.received_today)
            ),
        );
        let errors = count(usage.errors_last_day, "error", "errors");
        row("last day", errors);
    }
    for guarantee in &storage.guarantees {
        let kind = if guarantee.holds { "holds" } else { "limit" };
        row(kind, guarantee.message.clone());
    }
    table(&rows);
}

pub(super) fn test(storage: &str, steps: &[StepView]) {
    output::answer(&format!(
        "{storage} works: {} done.",
        count(steps.len() as u64, "step", "steps")
    ));
}

pub(super) fn entries(entries: &[EntryView]) {
    if entries.is_empty() {
        return nothing("The folder is empty.");
    }
    let rows: Vec<_> = entries
        .iter()
        .map(|entry| {
            let size = if entry.kind == "file" {
                size(entry.size)
            } else {
                entry.kind.clone()
            };
            let time = entry
                .mtime
                .map(|at| time_text::listed(at.0))
                .unwrap_or_default();
            let mut name = visible(&entry.name);
            if entry.kind == "folder" {
                name.push('/');
            }
            if let Some(why) = &entry.why {
                name.push_str(&format!("  ({why})"));
            }
            vec![format!("{size:>8}"), format!("{time:19}"), name]
        })
        .collect();
    table(&rows);
}

pub(super) fn copy(copy: &CopyView) {
    output::answer(&format!(
        "Copied {}, {}.",
        count(copy.files, "file", "files"),
        size(copy.bytes)
    ));
    for failed in &copy.failed {
        output::note(&visible(&format!("{}: {}", failed.path, failed.message)));
    }
}

pub(super) fn doctor(doctor: &DoctorView) {
    let rows: Vec<_> = doctor
        .checks
        .iter()
        .map(|check| {
            let mark = if check.ok { "ok" } else { "look" };
            let text = format!("{} {}", check.message, check.next_step);
            vec![
                mark.to_owned(),
                check.name.clone(),
                visible(text.trim_end()),
            ]
        })
        .collect();
    table(&rows);
    if let Some(bundle) = &doctor.bundle {
        let names = if doctor.names {
            "It holds no secrets, but names of files and folders."
        } else {
            "It holds no secrets; names of files and folders are replaced (--verbose keeps them)."
        };
        output::answer(&visible(&format!(
            "The bundle is in {}. {names}",
            bundle.display()
        )));
    }
}
