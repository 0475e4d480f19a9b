//! Storages, and what needs no pair.

use serde_json::{Value, json};
use tandem_testkit::servers::Moto;

use crate::common::{self, Desk};
use crate::{desk, has};

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
fn storages_on_a_server_are_tested_copied_to_and_from() {
    let server = Moto::start().unwrap();
    server.make_bucket("pictures").unwrap();
    let desk = desk();
    let endpoint = format!("endpoint={}", server.endpoint());
    let add = [
        "storage",
        "add",
        "photos",
        "--type",
        "s3",
        "--set",
        &endpoint,
        "--set",
        "bucket=pictures",
        "--set",
        "path_style=true",
        "--secret",
        "access_key_id",
        "--secret",
        "secret_access_key",
    ];
    let keys = format!("{}\n{}\n", server.access_key(), server.secret_key());
    let done = desk.run_with_passphrase(&add, &keys);
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(done.err.contains(" ms "), "each step is told: {}", done.err);
    let run = |arguments: &[&str]| -> Value {
        let done = desk.run_with_passphrase(&[&["--json"], arguments].concat(), "");
        assert_eq!(done.code, 0, "{}{}", done.out, done.err);
        serde_json::from_str(&done.out).unwrap()
    };
    let test = run(&["storage", "test", "photos"]);
    has(&test["test"]["steps"][0], &["title", "ms", "ok", "outcome"]);
    assert!(run(&["storage", "show", "photos"])["storage"]["capabilities"]["probed"].is_i64());
    assert_eq!(run(&["cp", "left", "photos:copied"])["copy"]["files"], 2);
    let list = run(&["ls", "photos:copied"]);
    assert_eq!(list["entries"].as_array().unwrap().len(), 2, "{list}");
    assert_eq!(
        run(&["cp", "photos:copied/a.txt", "third.txt"])["copy"]["bytes"],
        4
    );
    assert_eq!(desk.read("third.txt"), "one\n");
    assert_eq!(run(&["cp", "photos:copied", "down"])["copy"]["files"], 2);
    assert_eq!(desk.read("down/b.txt"), "two\n");
    assert_eq!(
        run(&["cp", "photos:copied", "photos:again"])["copy"]["files"],
        2
    );
}
