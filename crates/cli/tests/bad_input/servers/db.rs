//! PostgreSQL, by a real server. A disk that is full would have to be the server's own, a mount that needs root: that its
//! code means a full storage is shown beside the codes (`providers/db/postgres/errors.rs`).

use tandem_testkit::servers::postgres::PostgresServer;

use super::Storage;

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
    let desk = crate::common::Desk::new();
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
    of(&server.url(), server.password()).is_refused(("permanent", "read_only"), "");
}
