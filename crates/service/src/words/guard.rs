//! What a guard stopped, and what a person can do.

use std::collections::BTreeMap;

use tandem_core::side::PerSide;

use super::{Words, called, count, grouped, size};
use crate::fault::StorageWords;

/// The sentence of a hold. `evidence` is what the guard compared, `held` how many actions wait.
#[must_use]
pub fn guard(
    guard: &str,
    evidence: &BTreeMap<String, String>,
    held: u64,
    ends: &PerSide<StorageWords>,
) -> Words {
    let end = match evidence.get("side").map(String::as_str) {
        Some("source") => &ends.source,
        _ => &ends.destination,
    };
    let folder = if end.folder.is_empty() {
        called(end)
    } else {
        &end.folder
    };
    let decide = "“tandem approve” carries it out, “tandem reject” does not.";
    match guard {
        "mass_delete" | "first_mirror_deletes" => {
            let number = evidence
                .get("deletes")
                .and_then(|n| n.parse().ok())
                .unwrap_or(held);
            let of = ["base_items", "of", "items"]
                .iter()
                .find_map(|key| evidence.get(*key)?.parse().ok())
                .map_or_else(String::new, |n: u64| format!(" of {}", grouped(n)));
            let files = count(number, "file", "files");
            let (n, word) = files.split_once(' ').unwrap_or((&files, "files"));
            Words::new(
                format!(
                    "{n}{of} {word} would be deleted from {}. Nothing has been changed.",
                    if end.name.is_empty() {
                        folder
                    } else {
                        called(end)
                    }
                ),
                "“tandem approve” deletes them, “tandem reject --restore” brings them back.",
            )
        }
        "everything_changed" => Words::new(
            format!("Almost every file in {folder} has changed at once."),
            "Look at the list before Tandem carries it; “tandem approve” carries it.",
        ),
        "back_in_time" => Words::new(
            format!(
                "{} shows an older state than before. It may have been restored from a backup; your newer files are kept.",
                called(end)
            ),
            decide,
        ),
        "root_missing" => Words::new(
            format!("The folder {folder} is missing."),
            "Connect the disk or choose the folder; nothing is deleted.",
        ),
        "root_replaced" => Words::new(
            format!("{folder} is not the folder this pair was made with."),
            "“tandem approve” takes it as the pair's folder from now on; nothing is deleted until then.",
        ),
        "root_empty" => Words::new(
            format!("The folder {folder} is empty, and nothing shows that it is the right one."),
            "Connect the disk or choose the folder; “tandem approve” takes it as it is.",
        ),
        "conflict_copies" => Words::new(
            "Conflict copies pile up: something may be changing files on both sides all the time.",
            decide,
        ),
        "free_space" => {
            let number = |key: &str| evidence.get(key).and_then(|n| n.parse().ok()).unwrap_or(0);
            Words::new(
                format!(
                    "There is no room on {} to receive {}: {} is free, and some is to stay free.",
                    called(end),
                    size(number("needed")),
                    size(number("free"))
                ),
                "Free some, or carry fewer folders. No file was cut short.",
            )
        }
        "versions_full" => {
            let number = |key: &str| evidence.get(key).and_then(|n| n.parse().ok()).unwrap_or(0);
            Words::new(
                format!(
                    "The versions kept on {} are at their limit of {}: {} of them must stay, and {} more would be set aside.",
                    called(end),
                    size(number("limit")),
                    size(number("kept")),
                    size(number("needed"))
                ),
                "Wait until older ones may go, raise the limit, or “tandem approve” goes beyond it this once.",
            )
        }
        other => Words::new(format!("The guard {other} stopped this pair."), decide),
    }
}
