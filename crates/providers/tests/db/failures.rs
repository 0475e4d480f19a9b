//! What keeps a database from working, and the cause that is named for it.

use std::sync::Arc;

use tandem_core::error::{Cause, ErrorKind, StorageError};
use tandem_core::storage::{Expected, Keep, Storage};

use crate::bench::{FOLDER, World, open_by, rel, write};
use crate::place::{Place, Scratch, on_both};

fn open(location: &str) -> Arc<dyn Storage> {
    open_by(&[("location", location)], None, World::new()).unwrap()
}

async fn tested(storage: &dyn Storage) -> StorageError {
    let tested = storage.validate("", &|_| ()).await;
    assert!(tested.steps.last().unwrap().outcome.is_err());
    tested.capabilities.unwrap_err()
}

#[tokio::test]
async fn a_database_that_is_gone_is_not_made_anew_behind_ones_back() {
    let scratch = Scratch::new();
    let storage = open(&scratch.file());
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
    assert_eq!(
        tested(&*open(&scratch.file())).await.cause,
        Cause::BadResponse
    );
    assert_eq!(std::fs::read(scratch.file()).unwrap(), letter);
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_not_found() {
    let scratch = Scratch::new();
    let location = scratch.0.join("no/such/folder/files.db");
    let error = tested(&*open(location.to_str().unwrap())).await;
    assert_eq!(error.cause, Cause::NotFound);
}

on_both! {
    a_newer_schema_is_refused_in_a_sentence_and_left_as_it_is,
    a_database_without_tables_is_not_given_any_behind_ones_back,
}

async fn a_newer_schema_is_refused_in_a_sentence_and_left_as_it_is(place: Place) {
    drop(place.made(World::new()).await);
    place.execute("UPDATE tandem_meta SET value = '2' WHERE key = 'version'");
    let error = tested(&*place.open(World::new())).await;
    assert!(error.detail.contains("newer Tandem"), "{error}");
    assert_eq!(error.kind, ErrorKind::Permanent);
    let root = place.open(World::new()).root("").await.unwrap();
    assert!(root.cursor().await.is_err());
}

async fn a_database_without_tables_is_not_given_any_behind_ones_back(place: Place) {
    drop(place.made(World::new()).await);
    place.execute("ALTER TABLE tandem_meta RENAME TO foreign_meta");
    let root = place.open(World::new()).root("").await.unwrap();
    let error = root.stat(&rel("any").into()).await.unwrap_err();
    assert_eq!(error.cause, Cause::NotFound);
    assert!(error.detail.contains("test makes them"), "{error}");
}

/// SQLite's own words for a statement that must fail.
#[tokio::test]
async fn a_change_that_fails_midway_is_taken_back_whole() {
    let place = Place::file();
    drop(place.made(World::new()).await);
    place.execute(
        "CREATE TRIGGER refuses BEFORE UPDATE ON tandem_clock
         BEGIN SELECT RAISE(ABORT, 'somebody forbids it'); END",
    );
    fails_midway(&place, "DROP TRIGGER refuses").await;
}

/// The same in PostgreSQL's, which would take a commit for a rollback and say nothing of it.
#[tokio::test]
async fn a_change_that_fails_midway_on_a_server_is_taken_back_whole() {
    let place = Place::schema();
    drop(place.made(World::new()).await);
    place.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'somebody forbids it'; END $$;
         CREATE TRIGGER refuses BEFORE UPDATE ON tandem_clock EXECUTE FUNCTION refuse()",
    );
    fails_midway(&place, "DROP TRIGGER refuses ON tandem_clock").await;
}

async fn fails_midway(place: &Place, heal: &str) {
    let root = place.open(World::new()).root(FOLDER).await.unwrap();
    let failed = write(&*root, "file", b"bytes", Expected::Absent, Keep::No).await;
    assert!(!failed.unwrap_err().is_lost_race());
    place.execute(heal);
    assert_eq!(root.stat(&rel("file").into()).await.unwrap(), None);
    write(&*root, "file", b"bytes", Expected::Absent, Keep::No)
        .await
        .unwrap();
}

#[test]
fn a_location_must_be_a_whole_path() {
    for location in ["", "files.db", "./files.db", "mysql://me@host/files"] {
        let opened = open_by(&[("location", location)], None, World::new());
        let error = opened.err().unwrap();
        assert!(error.detail.contains("location"), "{location:?}: {error}");
    }
}
