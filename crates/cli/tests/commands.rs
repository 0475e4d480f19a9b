//! Every command once, with the shape of its JSON (DESIGN 7).
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what went wrong by stopping"
)]

mod common;

use common::{Desk, eventually};
use serde_json::{Value, json};

/// Two folders with something in them, joined.
fn desk() -> Desk {
    let desk = Desk::new();
    let (left, right) = (desk.folder("left"), desk.folder("right"));
    desk.write("left/a.txt", "one\n");
    desk.write("left/b.txt", "two\n");
    desk.write("right/c.txt", "three\n");
    desk.ok(&["pair", "add", "docs", &left, &right]);
    desk
}

fn synced() -> Desk {
    let desk = desk();
    desk.ok(&["sync"]);
    desk
}

#[track_caller]
fn has(value: &Value, keys: &[&str]) {
    for key in keys {
        assert!(
            value.as_object().is_some_and(|o| o.contains_key(*key)),
            "{key} in {value}"
        );
    }
}

#[test]
fn help_and_version_are_answers() {
    let desk = Desk::new();
    let done = desk.ok(&["--version"]);
    assert!(done.out.starts_with("tandem 0."), "{}", done.out);
    let done = desk.ok(&["--help"]);
    for command in [
        "storage", "pair", "sync", "run", "undo", "selftest", "config",
    ] {
        assert!(
            done.out.contains(&format!("\n  {command}")),
            "{command}: {}",
            done.out
        );
    }
}

#[test]
fn storage_types_and_list() {
    let desk = Desk::new();
    let types = desk.json(&["storage", "types"]);
    assert_eq!(types["schema"], 1);
    let s3 = types["types"]
        .as_array()
        .unwrap()
        .iter()
        .find(|t| t["name"] == "s3")
        .unwrap();
    has(
        &s3["fields"][0],
        &[
            "key", "label", "kind", "required", "secret", "help", "default",
        ],
    );
    let list = desk.json(&["storage", "list"]);
    assert_eq!(list["schema"], 1);
    has(
        &list["storages"][0],
        &["id", "name", "type", "enabled", "config", "pairs"],
    );
    assert_eq!(list["storages"][0]["name"], "local");
}

#[test]
fn storages_are_added_shown_changed_and_removed_without_a_test() {
    let desk = Desk::new();
    let add = [
        "storage",
        "add",
        "photos",
        "--type",
        "s3",
        "--no-test",
        "--label",
        "My photos",
        "--set",
        "endpoint=http://127.0.0.1:9",
        "--set",
        "bucket=pictures",
        "--secret",
        "access_key_id",
        "--secret",
        "secret_access_key",
    ];
    let done = desk.run_with_passphrase(&add, "AKIAEXAMPLEKEY\nverysecretvalue\n");
    assert_eq!(done.code, 0, "{}", done.err);
    let show = desk.json(&["storage", "show", "photos"]);
    let storage = &show["storage"];
    assert_eq!(storage["config"]["bucket"], "pictures");
    assert_eq!(
        storage["secrets"],
        json!(["access_key_id", "secret_access_key"])
    );
    desk.ok(&["storage", "disable", "photos"]);
    assert_eq!(
        desk.json(&["storage", "show", "photos"])["storage"]["enabled"],
        false
    );
    desk.ok(&["storage", "enable", "photos"]);
    desk.ok(&["storage", "rename", "photos", "pictures"]);
    let edit = [
        "storage",
        "edit",
        "pictures",
        "--no-test",
        "--label",
        "",
        "--set",
        "bucket=other",
    ];
    assert_eq!(desk.run_with_passphrase(&edit, "").code, 0);
    let show = desk.json(&["storage", "show", "pictures"]);
    assert_eq!(
        (
            &show["storage"]["label"],
            &show["storage"]["config"]["bucket"]
        ),
        (&Value::Null, &json!("other"))
    );
    desk.run(&["storage", "login", "pictures"]).says(
        2,
        "pictures needs no sign-in: storages of type s3 use keys. Give them with “tandem storage edit pictures --secret KEY”.",
    );
    assert_eq!(
        desk.run_with_passphrase(&["storage", "remove", "pictures"], "")
            .code,
        0
    );
    assert_eq!(
        desk.json(&["storage", "list"])["storages"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    // No file of the profile ever held the secret.
    for entry in walk(&desk.profile()) {
        let content = std::fs::read(&entry).unwrap();
        for secret in [
            &b"verysecretvalue"[..],
            b"AKIAEXAMPLEKEY",
            common::PASSPHRASE.as_bytes(),
        ] {
            assert!(
                !content.windows(secret.len()).any(|w| w == secret),
                "{}",
                entry.display()
            );
        }
    }
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(walk(&path))
        } else {
            files.push(path)
        }
    }
    files
}

#[test]
fn ls_and_cp_need_no_pair() {
    let desk = desk();
    let list = desk.json(&["ls", "left"]);
    let names: Vec<_> = list["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["name"].clone())
        .collect();
    assert_eq!(names, ["a.txt", "b.txt"]);
    has(&list["entries"][0], &["name", "kind", "size", "mtime"]);
    let one = desk.json(&["ls", "left/a.txt"]);
    assert_eq!(one["entries"][0]["size"], 4);

    desk.folder("third");
    let copy = desk.json(&["cp", "left/a.txt", "third"]);
    assert_eq!(
        (&copy["copy"]["files"], &copy["copy"]["bytes"]),
        (&json!(1), &json!(4))
    );
    assert_eq!(desk.read("third/a.txt"), "one\n");
    desk.ok(&["cp", "left", "third/copied"]);
    assert_eq!(desk.read("third/copied/b.txt"), "two\n");
    desk.ok(&["cp", "left", "third/copied"]);
    assert_eq!(desk.read("third/copied/left/b.txt"), "two\n");
    desk.write("left/a.txt", "four\n");
    let refused = desk.run(&["cp", "left/a.txt", "third/a.txt"]);
    let path = desk.path("third/a.txt");
    refused.says(
        2,
        &format!(
            "{} is already there. Add --force to replace it, or choose another name.",
            path.display()
        ),
    );
    desk.ok(&["cp", "left/a.txt", "third/a.txt", "--force"]);
    assert_eq!(desk.read("third/a.txt"), "four\n");
}

#[test]
fn pairs_are_shown_changed_paused_and_removed() {
    let desk = synced();
    let list = desk.json(&["pair", "list"]);
    has(
        &list["pairs"][0],
        &[
            "id",
            "name",
            "source",
            "destination",
            "mode",
            "paused",
            "options",
        ],
    );
    let edit = [
        "pair", "edit", "docs", "--name", "papers", "--mode", "sb", "--ignore", "*.tmp",
        "--upload", "2MB",
    ];
    desk.ok(&edit);
    let show = desk.json(&["pair", "show", "papers"]);
    assert_eq!(show["pair"]["mode"], "source-backup");
    assert_eq!(
        show["pair"]["options"]["filter"]["patterns"],
        json!(["*.tmp"])
    );
    assert_eq!(show["pair"]["options"]["limits"]["upload"], 2_000_000);
    desk.ok(&["pair", "pause", "papers", "--until", "2h"]);
    let status = desk.json(&["status", "papers"]);
    assert_eq!(status["pairs"][0]["state"], "paused");
    assert!(
        status["pairs"][0]["shown"]
            .as_str()
            .unwrap()
            .starts_with("Paused until ")
    );
    desk.ok(&["sync", "papers"]);
    desk.ok(&["pair", "resume", "papers"]);
    assert_ne!(desk.json(&["status"])["pairs"][0]["state"], "paused");
    desk.ok(&["pair", "remove", "papers"]);
    assert_eq!(desk.json(&["pair", "list"])["pairs"], json!([]));
    assert_eq!(desk.read("right/a.txt"), "one\n");
}

#[test]
fn an_end_can_be_moved_without_anything_being_sent_again() {
    let desk = synced();
    std::fs::rename(desk.path("right"), desk.path("moved")).unwrap();
    let moved = desk.path("moved").display().to_string();
    desk.ok(&["pair", "edit", "docs", "--destination", &moved]);
    let lines = desk.lines(&["sync", "docs"]);
    let summary = lines.last().unwrap();
    assert_eq!(summary["pairs"][0]["done"], 0, "{summary}");
    assert_eq!(
        summary["pairs"][0]["bytes"],
        json!({"source": 0, "destination": 0})
    );
}

#[test]
fn preview_says_why_and_writes_nothing() {
    let desk = desk();
    let preview = desk.json(&["preview"]);
    let pair = &preview["pairs"][0];
    has(
        pair,
        &["name", "actions", "totals", "held", "left_out", "warnings"],
    );
    has(
        &pair["actions"][0],
        &["kind", "side", "path", "bytes", "why", "reason"],
    );
    has(
        &pair["totals"],
        &["actions", "creates", "bytes", "requests", "free"],
    );
    let reasons: Vec<_> = pair["actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a["reason"].clone())
        .collect();
    assert!(
        reasons.contains(&json!("It is new on the source.")),
        "{reasons:?}"
    );
    assert!(!desk.path("right/a.txt").exists());
    let dry = desk.json(&["sync", "--dry-run"]);
    assert_eq!(
        dry["pairs"][0]["totals"]["creates"],
        pair["totals"]["creates"]
    );
    assert!(!desk.path("right/a.txt").exists());
}

#[test]
fn sync_tells_line_by_line_and_ends_with_the_summary() {
    let desk = desk();
    let lines = desk.lines(&["sync", "docs"]);
    assert!(lines.iter().all(|line| line["schema"] == 1));
    let summary = lines.last().unwrap();
    assert_eq!(
        (&summary["event"], &summary["exit"]),
        (&json!("summary"), &json!(0))
    );
    let pair = &summary["pairs"][0];
    assert_eq!(
        (&pair["name"], &pair["state"], &pair["done"]),
        (&json!("docs"), &json!("in_step"), &json!(3))
    );
    let actions: Vec<_> = lines
        .iter()
        .filter(|line| line["event"] == "action")
        .collect();
    assert_eq!(actions.len(), 3, "{lines:?}");
    has(
        actions[0],
        &[
            "id", "run", "pair", "at", "kind", "side", "path", "outcome", "undoable",
        ],
    );
    assert_eq!(desk.read("right/a.txt"), "one\n");
    assert_eq!(desk.read("left/c.txt"), "three\n");
    let again = desk.lines(&["sync"]);
    assert_eq!(again.last().unwrap()["pairs"][0]["done"], 0);
}

#[test]
fn status_and_problems() {
    let desk = desk();
    let before = desk.json(&["status"]);
    assert_eq!(before["pairs"][0]["shown"], "Waits for its first sync");
    desk.ok(&["sync"]);
    let after = desk.json(&["status", "docs", "--problems"]);
    has(
        &after["pairs"][0],
        &[
            "id",
            "name",
            "state",
            "shown",
            "items",
            "held",
            "conflicts",
            "problems",
            "left_out",
        ],
    );
    assert_eq!(
        (&after["pairs"][0]["state"], &after["pairs"][0]["items"]),
        (&json!("in_step"), &json!(3))
    );
}

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

#[test]
fn doctor_and_its_bundle() {
    let desk = synced();
    let bundle = desk.path("bundle.tar").display().to_string();
    let doctor = desk.json(&["doctor", "--bundle", &bundle]);
    has(
        &doctor["checks"][0],
        &["name", "ok", "message", "next_step"],
    );
    assert_eq!(doctor["bundle"], json!(bundle));
    let listed = std::process::Command::new("tar")
        .args(["tf", &bundle])
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    for name in [
        "tandem/doctor.json",
        "tandem/config.toml",
        "tandem/logs/tandem.log",
    ] {
        assert!(listed.lines().any(|line| line == name), "{name}: {listed}");
    }
}

#[test]
fn a_configuration_goes_to_another_profile() {
    let desk = desk();
    let exported = desk.ok(&["config", "export"]).out;
    assert!(exported.starts_with("version = 1\n"), "{exported}");
    desk.write("exported.toml", &exported);
    let other = desk.path("other").display().to_string();
    desk.ok(&["--profile", &other, "config", "import", "exported.toml"]);
}

#[test]
fn run_keeps_pairs_in_step_and_answers_for_others() {
    let desk = synced();
    let running = desk.start(&["run", "--json"]);
    let pid = running.id().to_string();
    eventually("the owner", || desk.read("profile/lock").trim() == pid);
    let owned = format!(
        "Another Tandem uses this profile (process {pid}). Wait until it is done, or stop it."
    );
    desk.run(&["run"]).says(2, &owned);
    desk.write("left/new.txt", "while running\n");
    eventually("the file", || desk.path("right/new.txt").exists());
    // Commands go through the owner meanwhile.
    let log = desk.json(&["log", "--path", "left/new.txt"]);
    eventually("the journal", || {
        !desk.json(&["log", "--path", "new.txt"])["actions"]
            .as_array()
            .unwrap()
            .is_empty()
    });
    assert_eq!(log["schema"], 1);
    desk.ok(&["pair", "pause", "docs"]);
    assert_eq!(desk.json(&["status"])["pairs"][0]["state"], "paused");
    desk.ok(&["pair", "resume", "docs"]);
    desk.write("left/again.txt", "after the pause\n");
    eventually("the file after the pause", || {
        desk.path("right/again.txt").exists()
    });
    let done = running.stop();
    assert_eq!(done.code, 130, "{}", done.err);
    let last: Value = serde_json::from_str(done.out.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["event"], &last["schema"]),
        (&json!("summary"), &json!(1))
    );
    has(&last["pairs"][0], &["name", "state", "shown"]);
}

#[test]
fn watching_and_following_end_with_a_signal() {
    let desk = synced();
    let watching = desk.start(&["--json", "status", "--watch"]);
    std::thread::sleep(std::time::Duration::from_secs(2));
    let done = watching.stop();
    assert_eq!(done.code, 130);
    let last: Value = serde_json::from_str(done.out.lines().last().unwrap()).unwrap();
    assert_eq!(last["event"], "summary", "{}", done.out);
    let first: Value = serde_json::from_str(done.out.lines().next().unwrap()).unwrap();
    assert_eq!(first["event"], "status");

    let following = desk.start(&["--json", "log", "--follow"]);
    std::thread::sleep(std::time::Duration::from_secs(2));
    let done = following.stop();
    assert_eq!(done.code, 130);
    let first: Value = serde_json::from_str(done.out.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&first["event"], &first["schema"]),
        (&json!("action"), &json!(1))
    );
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let desk = synced();
    let program = common::program_path();
    let script = format!(
        "'{program}' --profile '{}' log | head -n 0",
        desk.profile().display()
    );
    let output = std::process::Command::new("bash")
        .args(["-c", &format!("set -o pipefail; {script}")])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
