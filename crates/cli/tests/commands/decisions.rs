//! Holds, conflicts, the journal and what can be done with it.

use serde_json::json;

use crate::common::Desk;
use crate::{has, synced};

#[test]
fn a_mass_delete_is_held_approved_and_rejected() {
    let desk = Desk::new();
    let (left, right) = (desk.folder("left"), desk.folder("right"));
    for n in 0..20 {
        desk.write(&format!("left/{n}.txt"), "x");
    }
    desk.ok(&["pair", "add", "docs", &left, &right]);
    desk.ok(&["sync"]);
    let empty = || {
        for n in 0..20 {
            std::fs::remove_file(desk.path(&format!("left/{n}.txt"))).unwrap();
        }
    };
    empty();
    let done = desk.run(&["sync"]);
    assert_eq!(done.code, 3, "{}{}", done.out, done.err);
    let held = desk.json(&["held"]);
    let hold = &held["held"][0];
    has(
        hold,
        &[
            "id",
            "pair",
            "guard",
            "message",
            "next_step",
            "whole_pair",
            "evidence",
            "count",
            "since",
            "actions",
        ],
    );
    assert!(
        hold["message"]
            .as_str()
            .unwrap()
            .contains("would be deleted from"),
        "{hold}"
    );
    let id = hold["id"].as_str().unwrap();
    assert_eq!(desk.run(&["reject", id]).code, 2, "how must be said");
    desk.ok(&["reject", id, "--restore"]);
    desk.ok(&["sync"]);
    assert!(desk.path("left/7.txt").exists());
    empty();
    assert_eq!(desk.run(&["sync"]).code, 3);
    let held = desk.json(&["held", "docs"]);
    desk.ok(&["approve", held["held"][0]["id"].as_str().unwrap()]);
    desk.ok(&["sync"]);
    assert!(!desk.path("right/7.txt").exists());
}

#[test]
fn log_explain_versions_restore_and_undo() {
    let desk = synced();
    desk.write("left/a.txt", "one, edited\n");
    desk.ok(&["sync"]);
    let log = desk.json(&["log", "docs", "--path", "a.txt"]);
    let last = log["actions"].as_array().unwrap().last().unwrap();
    has(
        last,
        &[
            "id", "run", "pair", "at", "kind", "side", "path", "why", "reason", "outcome",
            "undoable",
        ],
    );
    assert_eq!(
        (&last["kind"], &last["reason"]),
        (&json!("replace"), &json!("It was edited on the source."))
    );

    let explained = desk.json(&["explain", "left/a.txt"]);
    let explanation = &explained["explanation"];
    has(
        explanation,
        &[
            "pair", "path", "state", "message", "rule", "base", "seen", "equality", "next",
            "history",
        ],
    );
    assert_eq!(
        (&explanation["path"], &explanation["state"]),
        (&json!("a.txt"), &json!("in_step"))
    );

    let versions = desk.json(&["versions", "a.txt", "--pair", "docs"]);
    has(
        &versions["versions"][0],
        &["id", "pair", "side", "path", "size", "kept_at", "displaced"],
    );
    let version = versions["versions"][0]["id"].as_str().unwrap().to_owned();

    desk.ok(&["undo", last["id"].as_str().unwrap()]);
    assert_eq!(desk.read("right/a.txt"), "one\n");
    desk.ok(&["sync"]);
    desk.ok(&["restore", "a.txt", "--version", &version, "--pair", "docs"]);
    assert_eq!(desk.read("right/a.txt"), "one\n");
    let since = desk.run(&["undo", "--since", "1h"]);
    assert!([0, 1].contains(&since.code), "{}{}", since.out, since.err);
}

#[test]
fn conflicts_are_listed_and_resolved() {
    let desk = synced();
    desk.write("left/a.txt", "from the left\n");
    desk.write("right/a.txt", "from the right\n");
    desk.ok(&["sync"]);
    let conflicts = desk.json(&["conflicts"]);
    let conflict = &conflicts["conflicts"][0];
    has(
        conflict,
        &[
            "id", "pair", "path", "copy", "kind", "message", "sides", "since",
        ],
    );
    desk.ok(&[
        "resolve",
        conflict["id"].as_str().unwrap(),
        "--keep",
        "source",
    ]);
    desk.ok(&["sync"]);
    assert_eq!(desk.read("left/a.txt"), "from the left\n");
    assert_eq!(desk.read("right/a.txt"), "from the left\n");
    assert_eq!(desk.json(&["conflicts"])["conflicts"], json!([]));
}

#[test]
fn verify_says_its_cost_first_and_finds_nothing_wrong() {
    let desk = synced();
    let verified = desk.json(&["verify", "docs", "--deep"]);
    let pair = &verified["pairs"][0];
    has(pair, &["name", "items", "bytes", "findings", "repaired"]);
    assert_eq!(pair["findings"], json!([]));
    let done = desk.ok(&["verify"]);
    assert!(done.err.starts_with("This compares "), "{}", done.err);
}
