//! PostgreSQL, by a real server, and SQLite, by files of this computer. Neither knows of regions, nor of this computer's
//! time.

use tandem_testkit::servers::postgres::PostgresServer;

use super::Storage;
use crate::common::{Desk, set_mode};

fn of(url: &str, password: &str) -> Storage {
    Storage::new("db")
        .set("location", url)
        .set("sslmode", "disable")
        .secret("password", password)
}

#[test]
fn what_a_person_may_have_wrong() {
    let server = PostgresServer::start(&[]).unwrap();
    let address = server.address();
    let denied =
        "The server does not accept this user name and password. Check both. The test stopped";
    of(&server.url(), "not-the-password").is_refused(("auth", "auth_denied"), denied);
    let stranger = server.url_of("stranger", "postgres");
    of(&stranger, "not-the-password").is_refused(("auth", "auth_denied"), denied);
    Storage::new("db")
        .set("location", &server.url())
        .set("sslmode", "disable")
        .is_refused(
            ("auth", "auth_denied"),
            "The server wants a sign-in, and none was given. Give the user and the password, or the key, that it wants.",
        );
    of(&server.url_of("tandem", "nowhere"), server.password()).is_refused(
        ("permanent", "not_found"),
        "There is no database “nowhere”. Check the name; Tandem makes no database.",
    );
    // Whoever runs the server did not set up TLS, and it was not asked to do without.
    Storage::new("db")
        .set("location", &server.url())
        .secret("password", server.password())
        .is_refused(
            ("permanent", "tls"),
            &format!("{address} does not encrypt connections. Switch TLS on there, or set sslmode to disable"),
        );
}

#[test]
fn a_role_that_may_not_make_tables_or_write_to_them() {
    let server = PostgresServer::start(&[]).unwrap();
    server
        .sql("CREATE ROLE guest LOGIN PASSWORD 'guests word'; REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        .unwrap();
    let guest = server.url_of("guest", "postgres");
    let then = "Give this account or user the right to it;";
    of(&guest, "guests word").is_refused(
        ("permanent", "forbidden"),
        &format!("photos does not allow this: permission denied for schema public. {then}"),
    );
    let desk = Desk::new();
    let owner = of(&server.url(), server.password()).add(&desk, &[]);
    assert_eq!(owner.code, 0, "{}", owner.err);
    server
        .sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest")
        .unwrap();
    of(&guest, "guests word").is_refused(
        ("permanent", "forbidden"),
        "photos does not allow this: permission denied for table tandem_contents. Give this account or user the right",
    );
}

#[test]
fn a_server_that_only_reads() {
    let server = PostgresServer::start(&["default_transaction_read_only=on"]).unwrap();
    of(&server.url(), server.password()).is_refused(
        ("permanent", "read_only"),
        "photos cannot be written to. Allow writing there, or choose another folder;",
    );
}

/// Of its own, which the mount takes.
#[test]
fn a_server_whose_disk_is_full() {
    let server = PostgresServer::start_with_small_disk("size=64k").unwrap();
    of(&server.url(), server.password()).is_refused(
        ("permanent", "quota"),
        "photos is full. Free some room there;",
    );
}

/// A database in a file.
fn file(desk: &Desk, name: &str) -> Storage {
    Storage::new("db").set("location", desk.path(name).to_str().unwrap())
}

#[test]
fn a_file_that_cannot_hold_a_database() {
    let desk = Desk::of_ordinary_user();
    let at = |name: &str| desk.path(name).display().to_string();
    desk.folder("folder");
    desk.write("letter", &"Dear all, ".repeat(200));
    for (name, beginning) in [
        (
            "nowhere/files.db",
            format!(
                "photos was not found: there is no folder {}.",
                at("nowhere")
            ),
        ),
        (
            "folder",
            format!(
                "photos cannot be read: the folder {} is no database.",
                at("folder")
            ),
        ),
        (
            "letter",
            format!(
                "photos cannot be read: the file {} is no database.",
                at("letter")
            ),
        ),
    ] {
        let cause = if name.starts_with("nowhere") {
            "not_found"
        } else {
            "bad_response"
        };
        let then = "Check what this storage was set up with";
        file(&desk, name).is_refused_on(
            &desk,
            ("permanent", cause),
            &format!("{beginning} {then}"),
        );
    }
    assert!(desk.read("letter").starts_with("Dear all"));
}

#[test]
fn a_file_that_this_user_may_not_write() {
    let desk = Desk::of_ordinary_user();
    let at = |name: &str| desk.path(name).display().to_string();
    for (name, mode) in [("read-only.db", 0o444), ("secret.db", 0o000)] {
        desk.write(name, "");
        set_mode(&desk.path(name), mode);
    }
    desk.folder("closed");
    set_mode(&desk.path("closed"), 0o555);
    file(&desk, "read-only.db").is_refused_on(
        &desk,
        ("permanent", "read_only"),
        "photos cannot be written to. Allow writing there, or choose another folder;",
    );
    let then = "Give this account or user the right to it;";
    file(&desk, "secret.db").is_refused_on(
        &desk,
        ("permanent", "forbidden"),
        &format!(
            "photos does not allow this: the file {} cannot be opened. {then}",
            at("secret.db")
        ),
    );
    file(&desk, "closed/files.db").is_refused_on(
        &desk,
        ("permanent", "forbidden"),
        &format!(
            "photos does not allow this: nothing can be made in the folder {}. {then}",
            at("closed")
        ),
    );
}

#[test]
fn a_file_on_a_disk_that_is_full_or_only_read() {
    let full = "photos is full. Free some room there;";
    for (options, cause, beginning) in [
        // There is no room for the map of the log, or none for the log.
        ("size=16k", "quota", full),
        ("size=64k", "quota", full),
        (
            "ro",
            "forbidden",
            "photos does not allow this: nothing can be made in the folder ",
        ),
    ] {
        let desk = Desk::new();
        let disk = desk.path("disk");
        let desk = desk.with_small_disk(&disk, options);
        file(&desk, "disk/files.db").is_refused_on(&desk, ("permanent", cause), beginning);
    }
}
