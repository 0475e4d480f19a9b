//! Keyrings that are locked or not there, and passphrases.

use serde_json::json;

use crate::common::{self, Desk};
use crate::{join, last, pass};

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

/// nextcloud/desktop#2573, nextcloud/desktop#5856, nextcloud/desktop#7231, nextcloud/desktop#8204: signed out after
/// every start of the computer, for the keyring was not ready.
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

/// samschott/maestral#957: an error of the keyring that stayed, whatever one did.
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
        "This is not the passphrase of the saved passwords. Check TANDEM_PASSPHRASE, or type it again; nothing was changed."
    );
    assert_eq!(output.status.code(), Some(4));
}

#[test]
fn a_secret_that_is_typed_where_its_key_belongs_is_not_repeated() {
    let desk = Desk::new();
    let add = [
        "storage", "add", "photos", "--type", "s3", "--set", "bucket=b",
    ];
    let mut command = desk.command(&["-v"]);
    command
        .args(add)
        .args(["--secret", "secret_access_key=HUSHHUSH"]);
    let output = command.output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stderr).trim_end(),
        "What stands after --secret is no key. Give --secret KEY alone: the secret is asked for, or read from the \
         standard input, a line each."
    );
    assert_eq!(output.status.code(), Some(2));
    // It may look like a key, too.
    let mut command = desk.command(&["-v"]);
    command.args(add).args(["--secret", "hushhush"]);
    let output = common::with_input(command, "a line\n");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        last(&said),
        "A storage of type s3 has no secret of the name given. It takes access_key_id, secret_access_key, session_token."
    );
    let log = std::fs::read_to_string(desk.profile().join("logs/tandem.log")).unwrap();
    assert!(log.contains("a request was not done"), "{log}");
    for text in [log, said] {
        assert!(!text.to_lowercase().contains("hush"), "{text}");
    }
}

#[test]
fn a_secret_among_the_settings_is_refused() {
    let desk = Desk::new();
    with_keyring_storage(&desk);
    let file = desk.profile().join("config.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let told = format!("{text}secret_access_key = \"HUSHHUSH\"\n");
    std::fs::write(&file, told).unwrap();
    let done = desk.run(&["status"]);
    done.says(
        2,
        &format!(
            "{} cannot be understood: the secret secret_access_key of photos stands among its settings, where it is \
             not safe. Correct it, or move it away; nothing was changed.",
            file.display()
        ),
    );
}

#[test]
fn what_is_imported_is_looked_at_like_what_is_typed() {
    let desk = Desk::new();
    with_keyring_storage(&desk);
    let exported = desk.ok(&["config", "export"]).out;
    let other = desk.path("other").display().to_string();
    let import = ["--profile", &other, "config", "import", "exported.toml"];
    for (from, to, sentence) in [
        (
            "bucket = ",
            "secret_access_key = \"HUSHHUSH\"\nbucket = ",
            "A storage of type s3 has no setting “secret_access_key” of this kind.",
        ),
        (
            "11111111-1111-4111-8111-111111111111",
            "local",
            "The file cannot be understood: the storage photos has no uuid as its id.",
        ),
    ] {
        desk.write("exported.toml", &exported.replace(from, to));
        let done = desk.run(&import);
        assert!(done.err.starts_with(sentence), "{}", done.err);
        assert_eq!(done.code, 2);
    }
    // Profiles of one user share a keyring: what is imported is found under another id than where it comes from.
    desk.write("exported.toml", &exported);
    let done = desk.ok(&import);
    assert!(
        done.out.starts_with("1 storage and 1 pair were added."),
        "{}",
        done.out
    );
    let text = desk.read("other/config.toml");
    assert!(
        !text.contains("11111111-1111-4111-8111-111111111111"),
        "{text}"
    );
    assert!(text.matches("storage = \"local\"").count() == 1, "{text}");
    let done = desk.ok(&import);
    assert_eq!(done.out, "0 storages and 0 pairs were added.\n");
}
