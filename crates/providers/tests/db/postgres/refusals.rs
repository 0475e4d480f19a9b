//! What keeps a server from working with us: each has its cause, its kind and one sentence.

use std::sync::Arc;

use tandem_core::error::{Cause, ErrorKind, StorageError};
use tandem_core::storage::{Expected, Keep, Storage};
use tandem_testkit::servers::postgres::PostgresServer;

use crate::bench::{FOLDER, World, open_by, rel, write};
use crate::place::Place;

const PROTECTION: [(&str, &str); 1] = [("sslmode", "disable")];

fn open(location: &str, password: Option<&str>, more: &[(&str, &str)]) -> Arc<dyn Storage> {
    let config: Vec<_> = more
        .iter()
        .copied()
        .chain([("location", location)])
        .collect();
    open_by(&config, password, World::new()).unwrap()
}

async fn refused(storage: &dyn Storage) -> StorageError {
    let tested = storage.validate("", &|_| ()).await;
    let steps = tested.steps;
    assert!(steps.last().unwrap().outcome.is_err(), "{steps:?}");
    tested.capabilities.unwrap_err()
}

fn says(error: &StorageError, cause: Cause, words: &str) {
    assert_eq!(error.cause, cause, "{error}");
    assert_eq!(error.kind, cause.usual_kind(), "{error}");
    assert!(error.detail.contains(words), "{error}");
    assert!(!error.detail.contains('\n'), "{error}");
}

#[tokio::test]
async fn who_signs_in_wrongly_is_told_so() {
    let server = PostgresServer::start(&[]).unwrap();
    let wrong = open(&server.url(), Some("hunter2"), &PROTECTION);
    let error = refused(&*wrong).await;
    says(&error, Cause::AuthDenied, "password authentication failed");
    assert_eq!(error.kind, ErrorKind::Auth);
    assert!(!error.to_string().contains("hunter2"));

    let none = open(&server.url(), None, &PROTECTION);
    says(&refused(&*none).await, Cause::AuthDenied, "password");

    let stranger = open(
        &server.url_of("stranger", "postgres"),
        Some("x"),
        &PROTECTION,
    );
    says(&refused(&*stranger).await, Cause::AuthDenied, "stranger");
}

#[tokio::test]
async fn a_database_that_is_missing_is_not_found() {
    let server = PostgresServer::start(&[]).unwrap();
    let url = server.url_of("tandem", "nowhere");
    let missing = open(&url, Some(server.password()), &PROTECTION);
    says(
        &refused(&*missing).await,
        Cause::NotFound,
        "there is no database nowhere",
    );
}

#[tokio::test]
async fn who_may_not_make_tables_is_told_so() {
    let server = PostgresServer::start(&[]).unwrap();
    server
        .sql("CREATE ROLE guest LOGIN PASSWORD 'guest'")
        .unwrap();
    let url = server.url_of("guest", "postgres");
    // Since version 15 nobody but its owner may make tables in the schema that is there from the start.
    server
        .sql("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        .unwrap();
    let guest = open(&url, Some("guest"), &PROTECTION);
    says(
        &refused(&*guest).await,
        Cause::Forbidden,
        "permission denied for schema public",
    );

    let own = [("schema", "own"), ("sslmode", "disable")];
    let guest = open(&url, Some("guest"), &own);
    says(
        &refused(&*guest).await,
        Cause::Forbidden,
        "permission denied for database",
    );
}

#[tokio::test]
async fn who_may_only_look_can_read_and_not_write() {
    let server = Arc::new(PostgresServer::start(&[]).unwrap());
    let config = [("schema", "shared"), ("sslmode", "disable")];
    let owner = open(&server.url(), Some(server.password()), &config);
    owner.validate("", &|_| ()).await.capabilities.unwrap();
    let root = owner.root("").await.unwrap();
    write(&*root, "file", b"bytes", Expected::Absent, Keep::No)
        .await
        .unwrap();
    server
        .sql(
            "CREATE ROLE reader LOGIN PASSWORD 'reader'; GRANT USAGE ON SCHEMA shared TO reader;
             GRANT SELECT ON ALL TABLES IN SCHEMA shared TO reader",
        )
        .unwrap();
    let reader = open(
        &server.url_of("reader", "postgres"),
        Some("reader"),
        &config,
    );
    let root = reader.root("").await.unwrap();
    assert!(root.stat(&rel("file").into()).await.unwrap().is_some());
    let error = write(&*root, "other", b"bytes", Expected::Absent, Keep::No).await;
    says(
        &error.unwrap_err(),
        Cause::Forbidden,
        "permission denied for table",
    );
}

#[tokio::test]
async fn a_server_that_only_reads_says_so() {
    let server = Arc::new(PostgresServer::start(&[]).unwrap());
    let place = Place::schema_of(Arc::clone(&server));
    let root = place.root(&World::new()).await;
    write(&*root, "file", b"bytes", Expected::Absent, Keep::No)
        .await
        .unwrap();
    server
        .sql("ALTER SYSTEM SET default_transaction_read_only = on")
        .unwrap();
    server.sql("SELECT pg_reload_conf()").unwrap();
    let root = place.open(World::new()).root(FOLDER).await.unwrap();
    // What is reloaded comes to sessions when they are next asked something.
    let error = loop {
        let written = write(&*root, "file", b"more", Expected::Any, Keep::No).await;
        if let Err(error) = written {
            break error;
        }
    };
    says(&error, Cause::ReadOnly, "read-only transaction");
    assert!(root.stat(&rel("file").into()).await.unwrap().is_some());
}

#[tokio::test]
async fn nobody_who_answers_is_offline() {
    let mut server = PostgresServer::start(&[]).unwrap();
    let url = server.url();
    server.crash();
    let storage = open(&url, Some(server.password()), &PROTECTION);
    let error = refused(&*storage).await;
    says(&error, Cause::Offline, "refused");
    assert!(error.is_transient());
}

#[tokio::test]
async fn a_password_does_not_go_to_a_server_without_tls_unless_that_is_asked_for() {
    let server = PostgresServer::start(&[]).unwrap();
    let storage = open(&server.url(), Some(server.password()), &[]);
    says(&refused(&*storage).await, Cause::Tls, "does not offer TLS");
}

#[tokio::test]
async fn that_nothing_is_encrypted_is_shown() {
    let server = PostgresServer::start(&[]).unwrap();
    let storage = open(&server.url(), Some(server.password()), &PROTECTION);
    let tested = storage.validate("", &|_| ()).await;
    let opened = tested.steps[0].outcome.as_ref().unwrap();
    assert!(opened.contains("nothing is encrypted"), "{opened}");
}

#[tokio::test]
async fn an_encoding_that_cannot_hold_every_name_is_refused() {
    let server = PostgresServer::start(&[]).unwrap();
    server
        .sql("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
        .unwrap();
    let url = server.url_of("tandem", "latin");
    let storage = open(&url, Some(server.password()), &PROTECTION);
    says(&refused(&*storage).await, Cause::Unsupported, "LATIN1");
}

#[tokio::test]
async fn a_socket_of_this_computer_is_an_address_too() {
    let server = PostgresServer::start(&[]).unwrap();
    let folder = server.socket().to_str().unwrap().replace('/', "%2F");
    let url = format!(
        "postgres://tandem@{folder}:{}/postgres",
        server.address().port()
    );
    let storage = open(&url, Some(server.password()), &[]);
    storage.validate("", &|_| ()).await.capabilities.unwrap();
}
