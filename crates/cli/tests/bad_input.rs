//! Every bad input of DESIGN 9: its one sentence, its exit code, and that nothing is lost.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what went wrong by stopping"
)]

mod common;

use common::Desk;
use serde_json::{Value, json};
use tandem_testkit::servers::{Moto, S3Server, S3sFs};

/// A desk with two folders `left` and `right` that are joined.
fn joined() -> Desk {
    let desk = Desk::new();
    join(&desk);
    desk
}

fn join(desk: &Desk) {
    let (left, right) = (desk.folder("left"), desk.folder("right"));
    desk.write("left/a.txt", "one\n");
    desk.ok(&["pair", "add", "docs", &left, &right]);
}

/// The summary of a pass over the one pair.
fn pass(desk: &Desk) -> (i32, Value) {
    let done = desk.run(&["--json", "sync"]);
    let last = done
        .out
        .lines()
        .last()
        .unwrap_or_else(|| panic!("{}", done.err));
    let summary: Value = serde_json::from_str(last).unwrap();
    (done.code, summary["pairs"][0].clone())
}

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

fn add_s3(desk: &Desk, server: &S3Server, name: &str, bucket: &str, secret: &str) -> common::Done {
    let endpoint = format!("endpoint={}", server.endpoint());
    let bucket = format!("bucket={bucket}");
    let region = format!("region={}", server.region());
    let arguments = [
        "storage",
        "add",
        name,
        "--type",
        "s3",
        "--set",
        &endpoint,
        "--set",
        &bucket,
        "--set",
        &region,
        "--set",
        "path_style=true",
        "--secret",
        "access_key_id",
        "--secret",
        "secret_access_key",
    ];
    desk.run_with_passphrase(&arguments, &format!("{}\n{secret}\n", server.access_key()))
}

/// The last line: before it stand the steps of the test.
fn last(text: &str) -> &str {
    text.trim_end().lines().last().unwrap_or_default()
}

#[test]
fn wrong_keys() {
    // moto checks no signatures.
    let server = S3sFs::start().unwrap();
    server.make_bucket("pictures").unwrap();
    let desk = Desk::new();
    let done = add_s3(&desk, &server, "photos", "pictures", "not-the-secret-key");
    assert_eq!(done.code, 4, "{}", done.err);
    let said = last(&done.err);
    assert!(
        said.starts_with("The server does not accept this key. Check both parts of it"),
        "{said}"
    );
    assert!(said.ends_with("Nothing was saved."), "{said}");
    assert_eq!(
        desk.json(&["storage", "list"])["storages"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert!(!done.err.contains("not-the-secret-key"));
}

#[test]
fn missing_bucket() {
    let server = Moto::start().unwrap();
    let desk = Desk::new();
    let done = add_s3(
        &desk,
        &server,
        "photos",
        "nowhere-to-be-found",
        server.secret_key(),
    );
    assert_eq!(done.code, 4, "{}", done.err);
    let said = last(&done.err);
    let expected = format!(
        "There is no bucket “nowhere-to-be-found” in {}. Check the name, or choose another region.",
        server.region()
    );
    assert!(said.starts_with(&expected), "{said}");
    assert_eq!(
        desk.json(&["storage", "list"])["storages"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

/// Answers every request as a server does to a session token that has run out.
fn expired_token_server() -> String {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut request = [0; 65_536];
                let _ = stream.read(&mut request);
                let body = "<?xml version=\"1.0\"?><Error><Code>ExpiredToken</Code>\
                    <Message>The provided token has expired.</Message></Error>";
                let _ = write!(
                    stream,
                    "HTTP/1.1 400 Bad Request\r\nContent-Type: application/xml\r\nContent-Length: {}\r\n\
                     Connection: close\r\n\r\n{body}",
                    body.len()
                );
            });
        }
    });
    endpoint
}

#[test]
fn expired_token() {
    let desk = Desk::new();
    let endpoint = format!("endpoint={}", expired_token_server());
    let arguments = [
        "storage",
        "add",
        "photos",
        "--type",
        "s3",
        "--set",
        &endpoint,
        "--set",
        "bucket=pictures",
        "--no-test",
        "--secret",
        "access_key_id",
        "--secret",
        "secret_access_key",
        "--secret",
        "session_token",
    ];
    let done = desk.run_with_passphrase(
        &arguments,
        "AKIAEXAMPLEKEY\nverysecretvalue\nsessiontokenvalue\n",
    );
    assert_eq!(done.code, 0, "{}", done.err);
    let done = desk.run_with_passphrase(&["ls", "photos:"], "");
    done.says(
        4,
        "The sign-in to photos has expired. Sign in to photos again; changes wait and will be sent afterwards.",
    );
    let done = desk.run_with_passphrase(&["--json", "ls", "photos:"], "");
    let error: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(
        (&error["error"]["kind"], &error["error"]["cause"]),
        (&json!("auth"), &json!("auth_expired"))
    );
    assert!(!done.out.contains("sessiontokenvalue"));
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
        pair["error"]["message"], "There is no room left on this computer's disk.",
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
    assert!(
        message.starts_with("There is no room on this computer to receive 3.0 MB: "),
        "{message}"
    );
    assert_eq!(
        held["held"][0]["next_step"],
        "Free some, or carry fewer folders. No file was cut short."
    );
}

#[test]
fn read_only_folder() {
    let desk = Desk::of_ordinary_user();
    join(&desk);
    common::set_mode(&desk.path("right"), 0o555);
    let (code, pair) = pass(&desk);
    common::set_mode(&desk.path("right"), 0o755);
    assert!([1, 4].contains(&code), "{code}: {pair}");
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
        (code, &pair["state"], &pair["problems"]),
        (1, &json!("problems"), &json!(1)),
        "{pair}"
    );
    assert_eq!(pair["shown"], "In step, 1 left out");
    assert_eq!(desk.read("right/a.txt"), "one\n", "the rest is carried");
    let status = desk.json(&["status", "--problems"]);
    let problem = &status["pairs"][0]["not_in_step"][0];
    assert_eq!(
        (&problem["path"], &problem["side"]),
        (&json!("secret.txt"), &json!("source")),
        "{status}"
    );
    let message = problem["message"].as_str().unwrap();
    assert!(message.contains("“secret.txt”"), "{message}");
}

#[test]
fn a_name_the_other_side_cannot_hold() {
    // A flat store cannot tell the folder "a" from an object "a/": 1,024 bytes are the longest key anywhere.
    let server = Moto::start().unwrap();
    server.make_bucket("pictures").unwrap();
    let desk = Desk::new();
    let done = add_s3(&desk, &server, "photos", "pictures", server.secret_key());
    assert_eq!(done.code, 0, "{}", done.err);
    let left = desk.folder("left");
    desk.write("left/a.txt", "one\n");
    let deep = format!("left/{0}/{0}/{0}/{0}/{0}", "n".repeat(240));
    desk.folder(&deep);
    desk.write(&format!("{deep}/b.txt"), "two\n");
    let done = desk.run_with_passphrase(&["pair", "add", "docs", &left, "photos:docs"], "");
    assert_eq!(done.code, 0, "{}", done.err);
    let done = desk.run_with_passphrase(&["--json", "sync"], "");
    let summary: Value = serde_json::from_str(done.out.lines().last().unwrap()).unwrap();
    assert_eq!(
        (done.code, &summary["pairs"][0]["state"]),
        (1, &json!("problems")),
        "{summary}"
    );
    let status = desk.run_with_passphrase(&["status", "--problems"], "");
    assert!(
        status.out.contains("cannot exist on photos"),
        "{}",
        status.out
    );
    assert!(
        status
            .out
            .contains("Rename it; it stays where it is until then."),
        "{}",
        status.out
    );
}

fn state_of_pair(desk: &Desk) -> std::path::PathBuf {
    let id = desk.json(&["pair", "show", "docs"])["pair"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    desk.profile().join("pairs").join(format!("{id}.db"))
}

#[test]
fn a_damaged_state() {
    let desk = joined();
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
        "Your files are not affected; both sides can be compared again."
    );
    assert_eq!(desk.read("right/a.txt"), "one\n");
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
    assert_eq!(done.code, 2);
    assert!(
        done.err
            .starts_with(&format!("The profile folder {profile} cannot be used: ")),
        "{}",
        done.err
    );
    assert!(
        done.err.contains("Give ada write access to it"),
        "{}",
        done.err
    );
}

/// A storage whose secrets are in the keyring, put there by hand into the configuration.
fn with_keyring_storage(desk: &Desk) {
    join(desk);
    let file = desk.profile().join("config.toml");
    let mut text = std::fs::read_to_string(&file).unwrap();
    text.push_str(
        "\n[[storage]]\nid = \"11111111-1111-4111-8111-111111111111\"\nname = \"photos\"\ntype = \"s3\"\n\
         created = \"2026-11-20T12:00:00Z\"\nchanged = \"2026-11-20T12:00:00Z\"\n\
         secrets = [\"access_key_id\", \"secret_access_key\"]\n\
         [storage.config]\nendpoint = \"http://127.0.0.1:9\"\nbucket = \"pictures\"\n",
    );
    let text = text.replacen(
        "[pair.destination]\nstorage = \"local\"",
        "[pair.destination]\nstorage = \"11111111-1111-4111-8111-111111111111\"",
        1,
    );
    std::fs::write(&file, text).unwrap();
}

#[test]
fn a_keyring_that_is_not_there() {
    let desk = Desk::new();
    with_keyring_storage(&desk);
    let sentence = "There is no keyring on this computer. Install one, or use the encrypted file with a passphrase \
        (--secret-store file).";
    desk.run(&["ls", "photos:"]).says(4, sentence);
    let (code, pair) = pass(&desk);
    assert_eq!(
        (code, &pair["state"], &pair["shown"]),
        (4, &json!("waiting"), &json!("Waits for the keyring"))
    );
    // The account is not dropped for it.
    let show = desk.json(&["storage", "show", "photos"]);
    assert_eq!(
        show["storage"]["secrets"],
        json!(["access_key_id", "secret_access_key"])
    );
}

#[test]
fn a_keyring_that_is_locked() {
    let desk = Desk::new();
    with_keyring_storage(&desk);
    let program = common::program_path();
    let profile = desk.profile().display().to_string();
    // A keyring is made and unlocked, then its daemon ends; the next one has it, locked.
    let on_bus = |script: &str| {
        let output = std::process::Command::new("dbus-run-session")
            .args(["--", "sh", "-c", script, &program, &profile])
            .env("HOME", desk.home())
            .env("XDG_DATA_HOME", desk.path("data"))
            .env("XDG_CONFIG_HOME", desk.path("config"))
            .env("XDG_RUNTIME_DIR", desk.path("runtime"))
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .output()
            .expect(
                "dbus-run-session is needed: apt-get install dbus gnome-keyring libsecret-tools",
            );
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let made = on_bus(
        r#"eval "$(printf pw | gnome-keyring-daemon --unlock --components=secrets)"; sleep 0.5
           printf '{"access_key_id":"AKIAEXAMPLEKEY","secret_access_key":"verysecretvalue"}' |
           secret-tool store --label x service tandem username 11111111-1111-4111-8111-111111111111"#,
    );
    assert_eq!(made.0, Some(0), "{made:?}");
    let (code, _, err) = on_bus(
        r#"gnome-keyring-daemon --start --components=secrets >/dev/null 2>&1; sleep 0.5
           "$0" --profile "$1" ls photos:"#,
    );
    // The bus and the keyring speak on the same stream.
    assert_eq!(
        last(&err),
        "Tandem cannot read the saved passwords. Unlock the keyring, then syncing starts by itself."
    );
    assert_eq!(code, Some(4));
    // Unlocked, the secrets are found: now it is the server that does not answer.
    let (code, _, err) = on_bus(
        r#"eval "$(printf pw | gnome-keyring-daemon --unlock --components=secrets)"; sleep 0.5
           "$0" --profile "$1" ls photos:"#,
    );
    assert_eq!(code, Some(4), "{err}");
    assert_eq!(
        last(&err),
        "127.0.0.1:9 does not answer. Check the address and the network."
    );
}

#[test]
fn a_passphrase_that_is_missing_or_wrong() {
    let desk = Desk::new();
    let arguments = [
        "storage",
        "add",
        "photos",
        "--type",
        "s3",
        "--set",
        "bucket=pictures",
        "--no-test",
        "--secret",
        "access_key_id",
        "--secret",
        "secret_access_key",
    ];
    let done = desk.run_with_passphrase(&arguments, "AKIAEXAMPLEKEY\nverysecretvalue\n");
    assert_eq!(done.code, 0, "{}", done.err);
    desk.run(&["ls", "photos:"]).says(
        4,
        "The saved passwords are locked with a passphrase. Give it in TANDEM_PASSPHRASE, or run Tandem in a \
         terminal to be asked for it.",
    );
    let mut command = desk.command(&["ls", "photos:"]);
    let output = command.env("TANDEM_PASSPHRASE", "wrong").output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stderr).trim_end(),
        "This is not the passphrase of the saved passwords. Check TANDEM_PASSPHRASE; nothing was changed."
    );
    assert_eq!(output.status.code(), Some(4));
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
            "There is no storage type “floppy”. Choose one of local",
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
            "A storage of type s3 has no setting “colour” of this kind. It takes ",
        ),
        (
            &["storage", "add", "photos", "--type", "s3", "--no-test"],
            "A storage of type s3 needs “bucket”. Add --set bucket=VALUE.",
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
        let done = desk.run(arguments);
        assert_eq!(done.code, 2, "{arguments:?}: {}", done.err);
        assert!(
            done.err.starts_with(sentence),
            "{arguments:?}: {}",
            done.err
        );
        assert_eq!(done.err.trim_end().lines().count(), 1, "{}", done.err);
    }
    let done = desk.run(&["sync", "--colour"]);
    assert_eq!(done.code, 2);
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
