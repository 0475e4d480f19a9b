//! Names and words that nobody knows, and usage that is wrong.

use serde_json::json;

use crate::joined;

#[test]
fn unknown_storage() {
    let desk = joined();
    let next = "“tandem storage list” shows those there are.";
    for arguments in [
        &["ls", "photos:x"][..],
        &["storage", "show", "photos"],
        &["cp", "left/a.txt", "photos:a.txt"],
        &["pair", "add", "new", "left", "photos:x"],
    ] {
        desk.run(arguments)
            .says(2, &format!("There is no storage “photos”. {next}"));
    }
    let document = desk.json(&["storage", "test", "photos"]);
    assert_eq!(
        document,
        json!({"schema": 1, "error": {
            "kind": "usage", "cause": "unknown_storage", "operation": null, "storage": "photos", "path": null,
            "message": "There is no storage “photos”.", "next_step": next,
        }})
    );
}

#[test]
fn unknown_pair() {
    let desk = joined();
    for arguments in [
        &["sync", "music"][..],
        &["status", "music"],
        &["pair", "remove", "music"],
        &["preview", "docs", "music"],
    ] {
        desk.run(arguments).says(
            2,
            "There is no pair “music”. “tandem pair list” shows those there are.",
        );
    }
}

#[test]
fn wrong_usage() {
    let desk = joined();
    for (arguments, sentence) in [
        (
            &["pair", "add", "X", "left", "right"][..],
            "“X” cannot be a name. Use two or more of a to z, 0 to 9 and “-”, not beginning with “-”; “local” is taken.",
        ),
        (
            &["pair", "add", "docs", "left", "right"],
            "There is already a pair “docs”. Choose another name.",
        ),
        (
            &["storage", "add", "photos", "--type", "floppy"],
            "There is no storage type “floppy”. Choose one of local, s3, b2-s3, spaces, wasabi, linode, ibm-cos, oracle-s3, \
             ovh-s3, scaleway, r2, gcs-hmac, s3-compatible, azure, gcs, swift, ovh-swift, rackspace, webdav, nextcloud, \
             owncloud, db.",
        ),
        (
            &[
                "storage",
                "add",
                "photos",
                "--type",
                "s3",
                "--no-test",
                "--set",
                "colour=red",
            ],
            "A storage of type s3 has no setting “colour” of this kind. It takes endpoint, region, bucket, prefix, \
             path_style, multipart_threshold, part_size, largest_copy.",
        ),
        (
            &["storage", "add", "photos", "--type", "s3", "--no-test"],
            "A storage of type s3 needs “bucket”. Add --set bucket=VALUE.",
        ),
        (
            &[
                "storage",
                "add",
                "photos",
                "--type",
                "scaleway",
                "--no-test",
                "--set",
                "region=mars",
            ],
            "“mars” cannot be the region: it is none of fr-par, nl-ams, pl-waw, it-mil. Give another value.",
        ),
        (
            &[
                "storage",
                "add",
                "photos",
                "--type",
                "r2",
                "--no-test",
                "--set",
                "bucket=b",
            ],
            "A storage of type r2 needs “account”. Add --set account=VALUE.",
        ),
        (
            &["storage", "add", "disk", "--type", "local"],
            "This computer is always there as a storage and need not be added. Give a path where a place is asked \
             for, such as ~/Documents.",
        ),
        (
            &["ls", "~somebody/x"],
            "“~somebody/x” is no place: only ~ and ~/PATH are understood. Give a path, or STORAGE:PATH.",
        ),
        (
            &["approve", "0123456789abcdef"],
            "There is no hold “0123456789abcdef”. “tandem held” shows those there are.",
        ),
        (
            &["undo", "99999"],
            "There is no action “99999”. “tandem log” shows those there are.",
        ),
        (
            &["resolve", "nothing", "--keep", "source"],
            "There is no conflict “nothing”. “tandem conflicts” shows those there are.",
        ),
        (
            &["undo", "--since", "noonish"],
            "“noonish” is no time. Give one such as 14:02, “2026-11-20 14:02”, or a length such as 30m.",
        ),
        (
            &["config", "import", "nowhere.toml"],
            "There is nothing at nowhere.toml. Check how it is written.",
        ),
    ] {
        desk.run(arguments).says(2, sentence);
    }
    let done = desk.run(&["sync", "--colour"]);
    assert_eq!(done.code, 2);
    assert!(
        done.err
            .starts_with("error: unexpected argument '--colour' found\n"),
        "{}",
        done.err
    );
    let document = desk.json(&["sync", "--colour"]);
    assert_eq!(document["error"]["kind"], "usage", "{document}");
}

#[test]
fn control_characters_in_names_do_nothing_to_the_terminal() {
    let desk = joined();
    desk.write("left/evil\u{1b}[2J\nname", "x");
    let done = desk.ok(&["preview"]);
    assert!(
        done.out.contains("evil\\u{1b}[2J\\u{a}name"),
        "{}",
        done.out
    );
    assert!(!done.out.contains('\u{1b}'));
}
