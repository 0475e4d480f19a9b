//! Folders that are not there, lie wrongly, are full or closed.

use serde_json::json;

use crate::common::{self, Desk};
use crate::{join, joined, pass};

#[test]
fn a_folder_that_does_not_exist_or_is_a_file() {
    let desk = Desk::new();
    let left = desk.folder("left");
    desk.write("file", "x");
    let missing = desk.path("nowhere").display().to_string();
    let sentence = format!("There is no folder {missing}. Make it, or choose another one.");
    desk.run(&["pair", "add", "docs", &left, &missing])
        .says(2, &sentence);
    desk.run(&["pair", "add", "docs", "nowhere", &left])
        .says(2, &sentence);
    let file = desk.path("file").display().to_string();
    desk.run(&["pair", "add", "docs", &left, &file])
        .says(2, &format!("{file} is a file. Choose a folder."));
    assert_eq!(desk.json(&["pair", "list"])["pairs"], json!([]));
    desk.run(&["ls", "nowhere"]).says(
        2,
        &format!("There is nothing at {missing}. Check how it is written."),
    );
    desk.run(&["cp", "nowhere", "left"]).says(
        2,
        &format!("There is nothing at {missing}. Check how it is written."),
    );
}

#[test]
fn a_folder_that_goes_away_later_is_held_and_nothing_is_deleted() {
    let desk = joined();
    desk.ok(&["sync"]);
    std::fs::rename(desk.path("left"), desk.path("elsewhere")).unwrap();
    let done = desk.run(&["sync"]);
    assert_eq!(done.code, 3, "{}{}", done.out, done.err);
    let held = desk.json(&["held"]);
    let left = desk.path("left").display().to_string();
    assert_eq!(
        held["held"][0]["message"],
        format!("The folder {left} is missing."),
        "{held}"
    );
    assert_eq!(
        held["held"][0]["next_step"],
        "Connect the disk or choose the folder; nothing is deleted."
    );
    assert_eq!(desk.read("right/a.txt"), "one\n");
}

#[test]
fn nested_roots() {
    let desk = joined();
    let (inner, other) = (desk.folder("left/inner"), desk.folder("other"));
    desk.run(&["pair", "add", "two", &inner, &other]).says(
        2,
        &format!("{inner} lies inside the pair docs. Choose a folder outside it."),
    );
    let home = desk.home().display().to_string();
    desk.run(&["pair", "add", "two", &home, "/usr/share/doc"])
        .says(
            2,
            &format!("The pair docs lies inside {home}. Choose a folder that does not hold it."),
        );
    desk.run(&["pair", "add", "two", &other, &other]).says(
        2,
        &format!("Both ends lie in {other}. Choose two folders of which neither holds the other."),
    );
    // Through a link it is the same folder.
    std::os::unix::fs::symlink(&inner, desk.path("link")).unwrap();
    assert_eq!(desk.run(&["pair", "add", "two", "link", &other]).code, 2);
}

#[test]
fn pairs_that_would_feed_each_other() {
    let desk = joined();
    let third = desk.folder("third");
    // One root in several pairs is fine.
    desk.ok(&["pair", "add", "more", "right", &third]);
    let loops =
        |pair: &str| format!("With the pair {pair} this would be a loop. Choose another end.");
    desk.run(&["pair", "add", "round", &third, "left"])
        .says(2, &loops("docs"));
    desk.run(&["pair", "add", "twice", "right", &third])
        .says(2, &loops("more"));
}

#[test]
fn full_disk() {
    // Of bytes there are enough, so nothing is foreseen; but no further file can be made.
    let desk = Desk::new();
    let right = desk.path("right");
    let desk = desk.with_small_disk(&right, "size=100m,nr_inodes=12");
    join(&desk);
    desk.ok(&["pair", "edit", "docs", "--guard-free-space", "0"]);
    for n in 0..40 {
        desk.write(&format!("left/{n}"), "x");
    }
    let (code, pair) = pass(&desk);
    assert_eq!(code, 4, "{pair}");
    assert_eq!(pair["state"], "stopped", "{pair}");
    assert_eq!(
        pair["error"]["message"],
        format!("There is no room left on the disk of {}.", right.display()),
        "{pair}"
    );
    assert_eq!(
        pair["error"]["next_step"],
        "Free some, or carry fewer folders. No file was cut short."
    );
}

#[test]
fn a_disk_that_would_become_full() {
    let desk = Desk::new();
    let right = desk.path("right");
    let desk = desk.with_small_disk(&right, "size=1000k");
    join(&desk);
    desk.ok(&["pair", "edit", "docs", "--guard-free-space", "0"]);
    desk.write("left/large", &"x".repeat(3_000_000));
    let (code, pair) = pass(&desk);
    assert_eq!((code, &pair["state"]), (3, &json!("held")), "{pair}");
    let held = desk.json(&["held"]);
    let message = held["held"][0]["message"]
        .as_str()
        .unwrap_or_else(|| panic!("{held}"));
    assert_eq!(
        message,
        "There is no room on this computer to receive 3.0 MB: 1.0 MB is free, and some is to stay free."
    );
    assert_eq!(
        held["held"][0]["next_step"],
        "Free some, or carry fewer folders. No file was cut short."
    );
}

/// The pair's problems as `status --problems` lists them: side, path, and both sentences.
fn problems(desk: &Desk) -> Vec<(String, String, String)> {
    let status = desk.json(&["status", "--problems"]);
    let listed = status["pairs"][0]["not_in_step"].as_array();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let line = |p: &serde_json::Value| {
        let words = format!("{} {}", text(&p["message"]), text(&p["next_step"]));
        (text(&p["side"]), text(&p["path"]), words)
    };
    listed.into_iter().flatten().map(line).collect()
}

fn problem(side: &str, path: &str, words: &str) -> Vec<(String, String, String)> {
    vec![(side.to_owned(), path.to_owned(), words.to_owned())]
}

#[test]
fn read_only_folder() {
    let desk = Desk::of_ordinary_user();
    join(&desk);
    let words = "“a.txt” on this computer cannot be written: no permission. Allow writing to it and to its folder; \
                 then it is carried.";
    common::set_mode(&desk.path("right"), 0o555);
    let (code, pair) = pass(&desk);
    let listed = problems(&desk);
    common::set_mode(&desk.path("right"), 0o755);
    assert_eq!(
        (code, &pair["state"], &pair["failed"], &pair["shown"]),
        (
            1,
            &json!("problems"),
            &json!(1),
            &json!("In step, 1 left out")
        ),
        "{pair}"
    );
    assert_eq!(listed, problem("destination", "a.txt", words));
    assert_eq!(desk.read("left/a.txt"), "one\n");
    assert_eq!(pass(&desk).0, 0, "once it may be written it is carried");
    assert_eq!(desk.read("right/a.txt"), "one\n");
    // Later too, and what is there stays as it was.
    desk.write("left/a.txt", "two, and longer\n");
    common::set_mode(&desk.path("right"), 0o555);
    let (code, pair) = pass(&desk);
    let listed = problems(&desk);
    common::set_mode(&desk.path("right"), 0o755);
    assert_eq!((code, &pair["state"]), (1, &json!("problems")), "{pair}");
    assert_eq!(listed, problem("destination", "a.txt", words));
    assert_eq!(desk.read("right/a.txt"), "one\n");
}

/// A file system that is mounted read-only says so itself.
#[test]
fn read_only_disk() {
    let desk = Desk::new();
    let right = desk.path("right");
    let desk = desk.with_small_disk(&right, "size=100m,ro");
    join(&desk);
    desk.ok(&["pair", "edit", "docs", "--guard-free-space", "0"]);
    let (code, pair) = pass(&desk);
    let shown = right.display();
    assert_eq!((code, &pair["state"]), (4, &json!("stopped")), "{pair}");
    assert_eq!(
        (&pair["error"]["message"], &pair["error"]["next_step"]),
        (
            &json!(format!("“{shown}” on this computer cannot be written to.")),
            &json!("Allow writing there, or choose another folder; nothing was changed.")
        ),
        "{pair}"
    );
    assert_eq!(desk.read("left/a.txt"), "one\n");
}

#[test]
fn unreadable_file() {
    let desk = Desk::of_ordinary_user();
    join(&desk);
    desk.write("left/secret.txt", "x");
    common::set_mode(&desk.path("left/secret.txt"), 0o000);
    let (code, pair) = pass(&desk);
    assert_eq!(
        (code, &pair["state"], &pair["problems"], &pair["shown"]),
        (
            1,
            &json!("problems"),
            &json!(1),
            &json!("In step, 1 left out")
        ),
        "{pair}"
    );
    assert_eq!(desk.read("right/a.txt"), "one\n", "the rest is carried");
    let words = |name: &str| {
        format!(
            "“{name}” on this computer cannot be read: no permission. It is left as it is; allow reading it to have \
             it carried."
        )
    };
    assert_eq!(
        problems(&desk),
        problem("source", "secret.txt", &words("secret.txt"))
    );
    common::set_mode(&desk.path("left/secret.txt"), 0o644);
    assert_eq!(pass(&desk).0, 0, "once it may be read it is carried");
    assert_eq!(problems(&desk), []);
    // A folder that cannot be looked into is not taken for an empty one.
    desk.folder("left/closed");
    desk.write("left/closed/b.txt", "two\n");
    assert_eq!(pass(&desk).0, 0);
    common::set_mode(&desk.path("left/closed"), 0o000);
    let (code, pair) = pass(&desk);
    let listed = problems(&desk);
    common::set_mode(&desk.path("left/closed"), 0o755);
    assert_eq!((code, &pair["state"]), (1, &json!("problems")), "{pair}");
    assert_eq!(listed, problem("source", "closed", &words("closed")));
    assert_eq!(desk.read("right/closed/b.txt"), "two\n");
}

#[test]
fn a_root_that_cannot_be_read() {
    let desk = Desk::of_ordinary_user();
    join(&desk);
    assert_eq!(pass(&desk).0, 0);
    common::set_mode(&desk.path("left"), 0o000);
    let (code, pair) = pass(&desk);
    common::set_mode(&desk.path("left"), 0o755);
    let left = desk.path("left").display().to_string();
    assert_eq!((code, &pair["state"]), (4, &json!("stopped")), "{pair}");
    assert_eq!(
        (&pair["error"]["message"], &pair["error"]["next_step"]),
        (
            &json!(format!("This computer does not allow access to “{left}”.")),
            &json!("Give this account or user the right to it; nothing was changed.")
        )
    );
    assert_eq!(desk.read("right/a.txt"), "one\n");
}
