//! What keeps a database from working, and the cause that is named for it.

use std::sync::Arc;

use tandem_core::error::{Cause, ErrorKind, StorageError};
use tandem_core::storage::{Expected, Keep, Root};

use crate::bench::{FOLDER, Scratch, World, made, open, rel, write};

async fn tested(location: &str) -> StorageError {
    let storage = open(location, World::new());
    let tested = storage.validate("", &|_| ()).await;
    assert!(tested.steps.last().unwrap().outcome.is_err());
    tested.capabilities.unwrap_err()
}

#[tokio::test]
async fn a_database_that_is_gone_is_not_made_anew_behind_ones_back() {
    let scratch = Scratch::new();
    let storage = open(&scratch.file(), World::new());
    let root = storage.root("").await.unwrap();
    let error = root.stat(&rel("any").into()).await.unwrap_err();
    assert_eq!(error.cause, Cause::NotFound);
    assert!(!std::fs::exists(scratch.file()).unwrap());
}

#[tokio::test]
async fn a_file_that_is_no_database_is_left_alone() {
    let scratch = Scratch::new();
    let letter = b"Dear Sir or Madam, this is no database but a letter. ".repeat(100);
    std::fs::write(scratch.file(), &letter).unwrap();
    assert_eq!(tested(&scratch.file()).await.cause, Cause::BadResponse);
    assert_eq!(std::fs::read(scratch.file()).unwrap(), letter);
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_not_found() {
    let scratch = Scratch::new();
    let location = scratch.0.join("no/such/folder/files.db");
    let error = tested(location.to_str().unwrap()).await;
    assert_eq!(error.cause, Cause::NotFound);
}

#[tokio::test]
async fn a_newer_schema_is_refused_in_a_sentence_and_left_as_it_is() {
    let scratch = Scratch::new();
    drop(made(&scratch.file(), World::new()).await);
    let connection = rusqlite::Connection::open(scratch.file()).unwrap();
    let newer = "UPDATE tandem_meta SET value = '2' WHERE key = 'version'";
    connection.execute(newer, []).unwrap();
    let error = tested(&scratch.file()).await;
    assert!(error.detail.contains("newer Tandem"), "{error}");
    assert_eq!(error.kind, ErrorKind::Permanent);
    let root = open(&scratch.file(), World::new()).root("").await.unwrap();
    assert!(root.cursor().await.is_err());
}

async fn root(scratch: &Scratch) -> Arc<dyn Root> {
    let storage = made(&scratch.file(), World::new()).await;
    storage.root(FOLDER).await.unwrap()
}

#[tokio::test]
async fn a_change_that_fails_midway_is_taken_back_whole() {
    let scratch = Scratch::new();
    drop(root(&scratch).await);
    let connection = rusqlite::Connection::open(scratch.file()).unwrap();
    connection
        .execute_batch(
            "CREATE TRIGGER refuses BEFORE UPDATE ON tandem_clock
             BEGIN SELECT RAISE(ABORT, 'somebody forbids it'); END",
        )
        .unwrap();
    let storage = open(&scratch.file(), World::new());
    let root = storage.root(FOLDER).await.unwrap();
    let failed = write(&*root, "file", b"bytes", Expected::Absent, Keep::No).await;
    assert!(!failed.unwrap_err().is_lost_race());
    connection.execute_batch("DROP TRIGGER refuses").unwrap();
    assert_eq!(root.stat(&rel("file").into()).await.unwrap(), None);
    write(&*root, "file", b"bytes", Expected::Absent, Keep::No)
        .await
        .unwrap();
}

#[test]
fn a_location_must_be_a_whole_path() {
    let config = |location: &str| {
        tandem_core::storage::Config([("location".to_owned(), location.to_owned())].into())
    };
    for location in ["", "files.db", "./files.db"] {
        let credentials = tandem_core::storage::Credentials::default();
        let opened = crate::bench::db().open(&config(location), &credentials, None, World::new());
        let error = opened.err().unwrap();
        assert!(error.detail.contains("location"), "{location:?}: {error}");
    }
}
