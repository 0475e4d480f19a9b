//! The settings of all pairs.

use serde_json::{Value, json};
use tandem_testkit::servers::{Moto, S3Server};

use crate::common::{self, Desk};
use crate::desk;

/// Of the settings, those of these names.
fn chosen<const N: usize>(desk: &Desk, names: [&str; N]) -> [Value; N] {
    let all = desk.json(&["config", "show"])["settings"]["settings"].clone();
    names.map(|name| all[name].clone())
}

#[test]
fn limits_are_shown_and_changed_one_by_one() {
    let desk = Desk::new();
    let limits = ["send", "receive", "timetable"];
    assert_eq!(chosen(&desk, limits), [json!(""), json!(""), json!([])]);
    desk.ok(&["config", "set", "--send", "1.5MB/s"]);
    desk.ok(&["config", "set", "--receive", "512KiB"]);
    assert_eq!(
        chosen(&desk, limits),
        [json!("1500 kB"), json!("512 KiB"), json!([])]
    );
    let view = || desk.json(&["config", "show"])["settings"].clone();
    assert_eq!(view()["sends_now"], 1_500_000);
    assert_eq!(view()["receives_now"], 512 * 1024);
    let line = "mon-sun 00:00 500kB:off";
    desk.ok(&["config", "set", "--timetable", line, "--send", "off"]);
    assert_eq!(
        chosen(&desk, limits),
        [json!(""), json!("512 KiB"), json!([line])]
    );
    assert_eq!(view()["sends_now"], 500_000);
    assert_eq!(view()["receives_now"], Value::Null);
    let shown = desk.ok(&["config", "show"]).out;
    assert!(
        shown.contains("sends now") && shown.contains("500 kB"),
        "{shown}"
    );
    desk.ok(&["config", "set", "--no-timetable"]);
    assert_eq!(view()["sends_now"], Value::Null);
}

#[test]
fn what_pairs_wait_for_is_shown_and_changed() {
    let desk = Desk::new();
    let pauses = ["pause_on_metered", "pause_on_battery_below"];
    assert_eq!(chosen(&desk, pauses), [json!(false), Value::Null]);
    let set = [
        "config",
        "set",
        "--pause-on-metered",
        "true",
        "--pause-on-battery-below",
        "20",
    ];
    desk.ok(&set);
    assert_eq!(chosen(&desk, pauses), [json!(true), json!(20)]);
    desk.run(&["config", "set", "--pause-on-battery-below", "101"])
        .says(
            2,
            "A battery cannot be charged to less than 101%. Give a number from 1 to 100; at 100 pairs wait on any battery.",
        );
    desk.ok(&["config", "set", "--pause-on-battery-below", "0"]);
    assert_eq!(chosen(&desk, pauses), [json!(true), Value::Null]);
}

#[test]
fn new_pairs_begin_with_what_was_chosen_for_them_and_those_there_are_stay() {
    let desk = Desk::new();
    let [one, other, third] = ["one", "other", "third"].map(|name| desk.folder(name));
    desk.ok(&["pair", "add", "before", &one, &other]);
    let set = ["config", "set", "--version-days", "7", "--ignore", "*.iso"];
    desk.ok(&[&set[..], &["--ignore", "build/"]].concat());
    desk.ok(&["pair", "add", "after", &one, &third]);
    let fourth = desk.folder("fourth");
    let own = ["--ignore", "*.o", "--versions", "false"];
    desk.ok(&[&["pair", "add", "own", &one, &fourth][..], &own].concat());
    for (name, days, keep, patterns) in [
        ("before", 30, true, json!([])),
        ("after", 7, true, json!(["*.iso", "build/"])),
        ("own", 7, false, json!(["*.o"])),
    ] {
        let options = desk.json(&["pair", "show", name])["pair"]["options"].clone();
        let versions = &options["versions"];
        assert_eq!(
            (&versions["days"], &versions["keep"]),
            (&json!(days), &json!(keep)),
            "{name}"
        );
        assert_eq!(options["filter"]["patterns"], patterns, "{name}");
    }
    let done = desk.run(&["config", "set", "--ignore", "a["]);
    assert_eq!(done.code, 2);
    assert!(
        done.err.starts_with("A pattern cannot be read: "),
        "{}",
        done.err
    );
    desk.ok(&["config", "set", "--no-ignore", "--version-days", "0"]);
    assert_eq!(
        chosen(&desk, ["patterns", "version_days"]),
        [json!([]), Value::Null]
    );
}

#[test]
fn a_computer_that_is_renamed_while_pairs_are_kept_in_step_gives_its_new_name_to_copies() {
    let desk = desk();
    let running = desk.start(&["run"]);
    let right = |name: &str| desk.path("right").join(name);
    common::eventually("the first pass", || right("a.txt").exists());
    desk.ok(&["config", "set", "--device", "My Desk"]);
    let shown = desk.json(&["config", "show"])["settings"].clone();
    let name = shown["device_now"].as_str().unwrap();
    assert!(name.starts_with("My-Desk-"), "{name}");
    // Both sides change before it looks again.
    desk.ok(&["pair", "pause", "docs"]);
    desk.write("left/a.txt", "mine\n");
    desk.write("right/a.txt", "theirs\n");
    desk.ok(&["pair", "resume", "docs"]);
    common::eventually("the copy", || {
        let entries = std::fs::read_dir(desk.path("right")).unwrap();
        let names = entries.map(|e| e.unwrap().file_name().into_string().unwrap());
        names
            .into_iter()
            .any(|n| n.contains("conflict") && n.contains(name))
    });
    drop(running);
    desk.run(&["config", "set", "--device", "日本"]).says(
        2,
        "“日本” cannot stand in the name of a file on every storage. Give this computer a name with letters from a to z or \
         digits.",
    );
    desk.ok(&["config", "set", "--device", ""]);
    assert_eq!(chosen(&desk, ["device"]), [json!("")]);
}

#[test]
fn what_can_be_no_limit_is_told_and_changes_nothing() {
    let desk = Desk::new();
    desk.run(&["config", "set", "--send", "fast"]).says(
        2,
        "“fast” cannot be a limit: it is no speed such as 500kB or 4MB. Give bytes a second, such as 500kB or 4MB, or \
         nothing for no limit.",
    );
    desk.run(&["config", "set", "--receive", "1MB", "--timetable", "25:00 1MB"]).says(
        2,
        "“25:00” in “25:00 1MB” is no time from 00:00 to 23:59. Write days if not all, a time and limits: “mon-fri \
         08:00 500kB:2MB” or “18:00 off”.",
    );
    assert_eq!(
        desk.json(&["config", "show"])["settings"]["receives_now"],
        json!(null)
    );
    // By hand as well.
    let text = desk.read("profile/config.toml");
    let broken = text.replace(
        "[settings]",
        "[settings]\nbandwidth = { timetable = [\"08:00\"] }",
    );
    desk.write("profile/config.toml", &broken);
    let done = desk.run(&["config", "show"]);
    assert_eq!(done.code, 2);
    assert!(
        done.err.contains("“08:00” is no line of a timetable"),
        "{}",
        done.err
    );
}

#[test]
fn a_limit_holds_for_what_is_under_way_and_so_does_that_it_is_gone() {
    let server = Moto::start().unwrap();
    let desk = Desk::new();
    add_storage(&desk, &server);
    let left = desk.folder("left");
    desk.write("left/large.bin", &"x".repeat(3_000_000));
    desk.ok(&["config", "set", "--send", "1kB"]);
    let add = ["pair", "add", "docs", &left, "cloud:docs"];
    assert_eq!(desk.run_with_passphrase(&add, "").code, 0);
    let running = desk.start_with_passphrase(&["--secret-store", "file", "run"]);
    let pair = || desk.json(&["status"])["pairs"][0].clone();
    let state = || pair()["state"].clone();
    common::eventually("the transfer", || state() == "syncing");
    // A pause does not wait for its end.
    desk.ok(&["pair", "pause", "docs"]);
    common::eventually("the pause", || pair()["progress"].is_null());
    assert_eq!(state(), "paused");
    desk.ok(&["pair", "resume", "docs"]);
    common::eventually("the transfer again", || state() == "syncing");
    // At that pace it would take the better part of an hour.
    desk.ok(&["config", "set", "--send", "off"]);
    common::eventually("the end of the transfer", || state() == "in_step");
    drop(running);
}

/// The server's bucket as the storage `cloud`.
fn add_storage(desk: &Desk, server: &S3Server) {
    server.make_bucket("bucket").unwrap();
    let endpoint = format!("endpoint={}", server.endpoint());
    let mut add = vec!["storage", "add", "cloud", "--type", "s3", "--no-test"];
    for value in [&*endpoint, "bucket=bucket"] {
        add.extend(["--set", value]);
    }
    for key in ["access_key_id", "secret_access_key"] {
        add.extend(["--secret", key]);
    }
    let done = desk.run_with_passphrase(&add, "AKIAEXAMPLEKEY\nverysecretvalue\n");
    assert_eq!(done.code, 0, "{}", done.err);
}
