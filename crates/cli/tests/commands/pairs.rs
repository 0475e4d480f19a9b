//! Pairs and passes over them.

use serde_json::{Value, json};

use crate::common::{self, Desk, eventually};
use crate::{desk, has, synced};

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
        &[
            "name",
            "actions",
            "actions_left_out",
            "totals",
            "held",
            "left_out",
            "warnings",
        ],
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
fn what_is_not_in_step_is_named_with_its_side() {
    let desk = desk();
    let left = desk.path("left").display().to_string();
    std::os::unix::net::UnixListener::bind(desk.path("left/socket")).unwrap();
    desk.ok(&["sync"]);
    let problems = &desk.json(&["status", "--problems"])["pairs"][0]["not_in_step"];
    assert_eq!(
        (&problems[0]["side"], &problems[0]["place"]),
        (&json!("source"), &json!(left)),
        "{problems}"
    );
    let line =
        format!("source ({left})  “socket” is no file that can be copied. It stays where it is.");
    for command in [&["status", "--problems"][..], &["preview"]] {
        let done = desk.ok(command);
        assert!(done.out.contains(&line), "{}", done.out);
    }
}

#[test]
fn run_keeps_pairs_in_step_and_answers_for_others() {
    let desk = synced();
    let running = desk.start(&["run", "--json"]);
    let pid = running.id().to_string();
    eventually("the owner", || desk.owner() == pid);
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
    desk.run(&["doctor", "--bundle", &bundle]).says(
        2,
        &format!("{bundle} is already there. Choose another name, or remove it first."),
    );
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
    let home = desk
        .home()
        .file_name()
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    let content = std::fs::read(&bundle).unwrap();
    let content = String::from_utf8_lossy(&content).into_owned();
    // A hash of a name may end in the letter before the dot.
    for name in [&*home, "left", "\"a.txt"] {
        assert!(!content.contains(name), "{name} in {content}");
    }
    assert!(
        content.contains("pair=docs side=destination path=\"#"),
        "{content}"
    );
    assert!(content.contains("name = \"docs\""), "{content}");
    let open = desk.path("open.tar").display().to_string();
    desk.ok(&["doctor", "--verbose", "--bundle", &open]);
    let content = std::fs::read(&open).unwrap();
    assert!(String::from_utf8_lossy(&content).contains("path=\"a.txt\""));
}

#[test]
fn a_configuration_goes_to_another_profile() {
    let desk = desk();
    let exported = desk.ok(&["config", "export"]).out;
    assert!(exported.starts_with("version = 1\n"), "{exported}");
    desk.ok(&["config", "export", "exported.toml"]);
    assert_eq!(desk.read("exported.toml"), exported);
    let again = desk.run(&["config", "export", "exported.toml"]);
    again.says(
        2,
        "exported.toml is already there. Choose another name, or remove it first.",
    );
    let other = desk.path("other").display().to_string();
    let import = ["--profile", &other, "config", "import", "exported.toml"];
    let done = desk.ok(&import);
    assert_eq!(done.out, "0 storages and 1 pair were added.\n");
    // Settings are taken over where nobody chose others; the computer's name never.
    let settings = "[settings]\nsecret_store = \"file\"\ndevice = \"laptop\"\n";
    let at = exported.find("[settings]").unwrap();
    let end = exported[at + 1..].find('[').unwrap() + at + 1;
    let chosen = format!("{}{settings}\n{}", &exported[..at], &exported[end..]);
    desk.write("exported.toml", &chosen);
    for expected in [
        "0 storages and 0 pairs were added. Settings that nobody had chosen here were taken over.\n",
        "0 storages and 0 pairs were added.\n",
    ] {
        assert_eq!(desk.ok(&import).out, expected);
    }
    let text = desk.read("other/config.toml");
    assert!(
        text.contains("secret_store = \"file\"") && !text.contains("laptop"),
        "{text}"
    );
}

#[test]
fn status_tells_of_a_pass_that_ended_before_it_was_done() {
    let desk = desk();
    for n in 0..3_000 {
        desk.write(&format!("left/{n}.txt"), "x");
    }
    let syncing = desk.start(&["sync"]);
    common::eventually("the first file", || desk.path("right/a.txt").exists());
    // Killed.
    drop(syncing);
    let status = || desk.json(&["status"])["pairs"][0].clone();
    assert_eq!(
        (&status()["state"], &status()["shown"]),
        (&json!("waiting"), &json!("Waits for its first sync"))
    );
    desk.ok(&["sync"]);
    let pair = status();
    assert_eq!(pair["state"], "in_step");
    has(&pair, &["looked", "is_watched"]);
    assert_eq!(pair["is_watched"], false);
    // One end is gone: the next command knows it as well as that which found out.
    std::fs::rename(desk.path("right"), desk.path("elsewhere")).unwrap();
    let done = desk.run(&["sync"]);
    let said = desk.json(&["status"])["pairs"][0].clone();
    assert_ne!(done.code, 0);
    assert_ne!(said["state"], "in_step", "{said}");
}

#[test]
fn status_tells_of_a_server_that_is_not_there() {
    let desk = synced();
    let passphrase = &["--secret-store", "file"];
    let mut add = vec!["storage", "add", "photos", "--type", "s3", "--no-test"];
    for value in ["bucket=b", "endpoint=http://127.0.0.1:9"] {
        add.extend(["--set", value]);
    }
    for key in ["access_key_id", "secret_access_key"] {
        add.extend(["--secret", key]);
    }
    assert_eq!(
        desk.run_with_passphrase(&add, "AKIAEXAMPLE\nsecret\n").code,
        0
    );
    let storage = desk.json(&["storage", "show", "photos"])["storage"]["id"].clone();
    let file = desk.profile().join("config.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let at = text.find("[pair.destination]").unwrap();
    let local = "storage = \"local\"";
    let moved = text[at..].replacen(local, &format!("storage = {storage}"), 1);
    std::fs::write(&file, format!("{}{moved}", &text[..at])).unwrap();
    let waits = |pair: &Value| {
        assert_eq!(
            (&pair["state"], &pair["error"]["cause"]),
            (&json!("waiting"), &json!("offline")),
            "{pair}"
        );
    };
    let done = desk.run_with_passphrase(&["--json", "sync"], "");
    assert_eq!(done.code, 4, "{}{}", done.out, done.err);
    let done = desk.run_with_passphrase(&["--json", "status"], "");
    waits(&serde_json::from_str::<Value>(&done.out).unwrap()["pairs"][0]);
    // The same of what is found while all pairs are kept in step.
    let running = desk.start_with_passphrase(&[passphrase[0], passphrase[1], "--json", "run"]);
    common::eventually("the state", || {
        let pair = desk.json(&["status"])["pairs"][0].clone();
        pair["is_watched"] == true && pair["state"] == "waiting"
    });
    let done = running.stop();
    assert!(done.out.contains("\"state\":\"waiting\""), "{}", done.out);
    let log = std::fs::read_to_string(desk.profile().join("logs/tandem.log")).unwrap();
    assert!(
        log.contains("the pass stopped pair=docs side=destination"),
        "{log}"
    );
}

#[test]
fn what_was_started_to_outlive_its_terminal_does() {
    let desk = synced();
    let mut command = desk.command_by("trap '' HUP; exec \"$0\" \"$@\"", &["run"]);
    let mut child = command.spawn().unwrap();
    let is_watched = || desk.json(&["status"])["pairs"][0]["is_watched"] == true;
    common::eventually("the run", is_watched);
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = u64::from_str_radix(ignored.unwrap().trim(), 16).unwrap();
    assert_eq!(ignored & 1, 1, "HUP is the lowest bit: {status}");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    assert!(is_watched());
    assert_eq!(child.try_wait().unwrap(), None);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn patterns_can_be_taken_away_again() {
    let desk = desk();
    desk.ok(&["pair", "edit", "docs", "--ignore", "*.tmp", "--only", "a"]);
    let filter = |pair: Value| pair["pair"]["options"]["filter"].clone();
    let given = filter(desk.json(&["pair", "show", "docs"]));
    assert_eq!(
        (&given["patterns"], &given["chosen"]),
        (&json!(["*.tmp"]), &json!(["a"]))
    );
    let none = desk.json(&["pair", "edit", "docs", "--no-ignore", "--no-only"]);
    let none = filter(none);
    assert_eq!(
        (&none["patterns"], &none["chosen"]),
        (&json!([]), &json!([]))
    );
}

#[test]
fn help_is_a_command() {
    let desk = Desk::new();
    let help = desk.ok(&["help"]).out;
    assert!(help.starts_with("Keeps folders in step"), "{help}");
    assert!(desk.ok(&["help", "storage"]).out.contains("rename"));
}

#[test]
fn the_log_of_a_pairs_own_folder_is_the_pairs() {
    let desk = synced();
    let lines = |arguments: &[&str]| desk.json(arguments);
    let all = lines(&["log", "docs"]);
    assert_eq!(all["actions"].as_array().unwrap().len(), 3);
    assert_eq!(all["older_left_out"], false);
    let left = desk.path("left").display().to_string();
    assert_eq!(lines(&["log", "--path", &left])["actions"], all["actions"]);
    let some = lines(&["log", "--limit", "2"]);
    assert_eq!(some["actions"].as_array().unwrap().len(), 2);
    assert_eq!(some["older_left_out"], true);
}
