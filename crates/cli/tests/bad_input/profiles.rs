//! Profiles and states that are damaged, newer, or somebody else's.

use serde_json::json;

use crate::common::{self, Desk};
use crate::{joined, pass};

fn state_of_pair(desk: &Desk) -> std::path::PathBuf {
    let id = desk.json(&["pair", "show", "docs"])["pair"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    desk.profile().join("pairs").join(format!("{id}.db"))
}

#[test]
fn a_damaged_state() {
    let desk = Desk::new();
    let (left, right) = (desk.folder("left"), desk.folder("right"));
    desk.write("left/a.txt", "one\n");
    desk.ok(&[
        "pair",
        "add",
        "docs",
        &left,
        &right,
        "--first-sync",
        "source-wins",
    ]);
    desk.ok(&["sync"]);
    let state = state_of_pair(&desk);
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", state.display()));
    }
    std::fs::write(
        &state,
        "this is no database, and was never one; it is long enough to be looked at",
    )
    .unwrap();
    let (code, pair) = pass(&desk);
    assert_eq!((code, &pair["state"]), (4, &json!("stopped")), "{pair}");
    assert_eq!(pair["error"]["cause"], "damaged_state");
    assert_eq!(
        pair["error"]["message"],
        "Tandem's notes about the files of docs are damaged."
    );
    assert_eq!(
        pair["error"]["next_step"],
        "Your files are not affected. Move pairs/ID.db out of the profile (“tandem pair show docs” says the ID); then \
         both sides are compared again, and nothing is deleted."
    );
    assert_eq!(desk.read("right/a.txt"), "one\n");
    // Done so, the two sides merge, although the source was to win when they first met.
    std::fs::rename(&state, desk.path("damaged.db")).unwrap();
    desk.write("left/a.txt", "edited here\n");
    desk.write("right/a.txt", "and over there\n");
    desk.write("right/b.txt", "only there\n");
    let (code, pair) = pass(&desk);
    assert_eq!((code, &pair["conflicts"]), (0, &json!(1)), "{pair}");
    for side in ["left", "right"] {
        assert_eq!(desk.read(&format!("{side}/a.txt")), "and over there\n");
        assert_eq!(desk.read(&format!("{side}/b.txt")), "only there\n");
        let mut names: Vec<_> = std::fs::read_dir(desk.path(side)).unwrap().collect();
        names.retain(|e| {
            e.as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .contains("(conflict ")
        });
        let copy = names.pop().unwrap().unwrap().path();
        assert_eq!(std::fs::read_to_string(copy).unwrap(), "edited here\n");
    }
}

#[test]
fn a_newer_state() {
    let desk = joined();
    desk.ok(&["sync"]);
    let state = state_of_pair(&desk);
    // The format is SQLite's user_version: four bytes at 60 of the header.
    let mut bytes = std::fs::read(&state).unwrap();
    bytes[60..64].copy_from_slice(&9_999_u32.to_be_bytes());
    std::fs::write(&state, &bytes).unwrap();
    let (code, pair) = pass(&desk);
    assert_eq!(
        (code, &pair["error"]["cause"]),
        (4, &json!("newer_state")),
        "{pair}"
    );
    assert_eq!(
        pair["error"]["message"],
        "The state of docs was written by a newer Tandem (format 9999)."
    );
    assert_eq!(
        pair["error"]["next_step"],
        "Install that version or newer; nothing was changed."
    );
    assert_eq!(std::fs::read(&state).unwrap(), bytes);
}

#[test]
fn a_newer_profile() {
    let desk = joined();
    let file = desk.profile().join("config.toml");
    let text = std::fs::read_to_string(&file)
        .unwrap()
        .replace("version = 1", "version = 7");
    std::fs::write(&file, &text).unwrap();
    desk.run(&["status"]).says(
        2,
        "This profile was written by a newer Tandem (format 7). Install that version or newer; nothing was changed.",
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn another_owner_of_the_profile() {
    use std::io::Write;
    let desk = joined();
    // A process that holds the lock and answers nobody.
    let mut lock = std::fs::File::options()
        .write(true)
        .open(desk.profile().join("lock"))
        .unwrap();
    lock.lock().unwrap();
    lock.set_len(0).unwrap();
    write!(lock, "4711").unwrap();
    desk.run(&["status"]).says(
        2,
        "Another Tandem uses this profile (process 4711). Wait until it is done, or stop it.",
    );
}

#[test]
fn a_profile_that_cannot_be_written() {
    let desk = Desk::of_ordinary_user();
    let sealed = desk.folder("sealed");
    common::set_mode(&desk.path("sealed"), 0o555);
    let profile = format!("{sealed}/profile");
    let done = desk.run(&["--profile", &profile, "status"]);
    common::set_mode(&desk.path("sealed"), 0o755);
    let sentence = format!(
        "The profile folder {profile} cannot be used: Permission denied (os error 13). Give ada write access to it, or \
         choose another with --profile."
    );
    done.says(2, &sentence);
}
