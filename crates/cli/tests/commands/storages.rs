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
    let path = desk.path("third/a.txt");
    // What would be replaced is named, not the folder that it lies in.
    for to in ["third/a.txt", "third"] {
        let refused = desk.run(&["cp", "left/a.txt", to]);
        refused.says(
            2,
            &format!(
                "{} is already there. Add --force to replace it, or choose another name.",
                path.display()
            ),
        );
    }
    desk.ok(&["cp", "left/a.txt", "third/a.txt", "--force"]);
    assert_eq!(desk.read("third/a.txt"), "four\n");
}

#[test]
fn a_storage_that_cannot_work_is_wrong_usage() {
    let desk = Desk::new();
    let add = |value: &str| {
        let mut words = vec!["storage", "add", "photos", "--type", "s3", "--no-test"];
        words.extend(["--set", "bucket=pictures", "--set", value]);
        words.extend(["--secret", "access_key_id", "--secret", "secret_access_key"]);
        desk.run_with_passphrase(&words, "AKIAEXAMPLEKEY\nverysecretvalue\n")
    };
    add("part_size=1000").says(
        2,
        "The storage photos cannot work: part_size is not between 5 MiB and 5 GiB. Give another value; nothing was \
         saved.",
    );
    assert_eq!(add("part_size=6000000").code, 0);
    // By hand it can be made to.
    let text = desk.read("profile/config.toml").replace("6000000", "1000");
    desk.write("profile/config.toml", &text);
    let why = "The storage photos cannot work: part_size is not between 5 MiB and 5 GiB. Correct it with “tandem \
               storage edit photos --set KEY=VALUE”.";
    desk.run_with_passphrase(&["ls", "photos:"], "")
        .says(2, why);
    let done = desk.run_with_passphrase(&["--json", "ls", "photos:"], "");
    let error: Value = serde_json::from_str(&done.out).unwrap();
    let error = &error["error"];
    assert_eq!(
        (&error["kind"], &error["cause"]),
        (&json!("usage"), &json!("bad_storage"))
    );
    assert_eq!(error["storage"], "photos");
    let edit = [
        "storage",
        "edit",
        "photos",
        "--no-test",
        "--set",
        "part_size=6000000",
    ];
    assert_eq!(desk.run_with_passphrase(&edit, "").code, 0);
    let done = desk.run_with_passphrase(&["ls", "photos:.."], "");
    assert_eq!(done.code, 2, "{}", done.err);
    assert!(
        done.err.starts_with("“photos:..” is no place: "),
        "{}",
        done.err
    );
}

#[test]
fn a_folder_is_not_copied_into_itself() {
    let desk = desk();
    let left = desk.path("left").display().to_string();
    std::os::unix::fs::symlink("left", desk.path("link")).unwrap();
    for (from, to, goes) in [
        ("left", "left/sub", "sub"),
        ("left", "link/sub/deeper", "sub/deeper"),
        ("left", "left", "left"),
    ] {
        let to_path = desk.path(to).display().to_string();
        let goes = if to == goes {
            format!("{left}/{goes}")
        } else {
            to_path
        };
        desk.run(&["cp", from, to]).says(
            2,
            &format!(
                "{left} would be copied into itself: {goes} lies in it. Choose a folder outside it."
            ),
        );
        assert_eq!(
            desk.json(&["ls", "left"])["entries"]
                .as_array()
                .unwrap()
                .len(),
            2
        );
    }
    desk.run(&["cp", "left/a.txt", "left/a.txt", "--force"])
        .says(
            2,
            &format!("{left}/a.txt would be copied onto itself. Choose another name."),
        );
    // Beside it, and with the same beginning, is outside.
    desk.ok(&["cp", "left", "left2"]);
    assert_eq!(desk.read("left2/a.txt"), "one\n");
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
    let done = desk.run_with_passphrase(&["cp", "photos:copied", "photos:copied/again"], "");
    assert_eq!(done.code, 2, "{}", done.err);
    // What was probed here says nothing of another server.
    let elsewhere = [
        "storage",
        "edit",
        "photos",
        "--no-test",
        "--set",
        "endpoint=http://127.0.0.1:9",
    ];
    assert_eq!(desk.run_with_passphrase(&elsewhere, "").code, 0);
    let show = desk.json(&["storage", "show", "photos"]);
    assert_eq!(show["storage"]["capabilities"], Value::Null);
    let text = desk.read("profile/config.toml");
    assert!(!text.contains("probed"), "{text}");
}

#[test]
fn a_selftest_says_what_it_ran_and_what_it_injected() {
    let desk = Desk::new();
    let answer = desk.json(&["selftest", "--seeds", "30"]);
    assert_eq!(answer["schema"], 1);
    assert_eq!(answer["seeds"], 30);
    assert_eq!(answer["failures"], json!([]));
    assert_eq!(answer["version"], env!("CARGO_PKG_VERSION"));
    assert!(answer["seeds_per_second"].as_f64().unwrap() > 0.0);
    assert!(answer["injected"]["crashes"].as_u64().unwrap() > 0);
    assert!(!answer["injected"]["faults"].as_object().unwrap().is_empty());
    // A seed is one run: in the same words each time, but for how fast it was.
    let once = |seed: &str| {
        let done = desk.ok(&["selftest", "--seed", seed]);
        let lines: Vec<String> = done.out.lines().map(str::to_owned).collect();
        assert!(lines[0].starts_with("1 seed, "), "{}", done.out);
        lines[1].clone()
    };
    assert_eq!(once("6"), once("6"));
    assert!(!desk.profile().exists(), "it needs no profile");
}
