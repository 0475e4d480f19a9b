//! Connections that end amid a change, and a server that ends with them.

use std::sync::Arc;
use std::time::Duration;

use tandem_core::error::Cause;
use tandem_core::storage::{Discard, Expected, Hint, Keep, Locator, VersionKey};
use tandem_testkit::servers::postgres::PostgresServer;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, watch};

use crate::bench::{FOLDER, World, collect, rel, write};
use crate::place::Place;

fn server() -> Arc<PostgresServer> {
    Arc::new(PostgresServer::start(&[]).unwrap())
}

/// Ends every session of a storage, whatever it is at.
const CUT: &str = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity
     WHERE application_name = 'tandem'";

#[tokio::test]
async fn a_session_that_was_cut_off_while_idle_is_not_noticed() {
    let server = server();
    let place = Place::schema_of(Arc::clone(&server));
    let root = place.root(&World::new()).await;
    for number in 0..5 {
        assert_ne!(server.sql(CUT).unwrap(), "0");
        let name = format!("file {number}");
        write(&*root, &name, b"bytes", Expected::Absent, Keep::No)
            .await
            .unwrap();
    }
}

/// So many sessions end one right after the other that all tries of one change can be among them; then the line holds
/// until a change was told as done.
const CUTS_IN_A_BURST: u32 = 5;
const BURSTS: u32 = 5;

/// P14: whatever a change was at when its session ended, it is made once or not at all, and the caller is told of what
/// was made, or that what it expected is no more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_end_amid_changes_lose_and_double_nothing() {
    let server = server();
    let place = Place::schema_of(Arc::clone(&server));
    let root = place.root(&World::new()).await;
    let (told, mut answers) = watch::channel(0);
    let cutter = Arc::clone(&server);
    let cutting = tokio::task::spawn_blocking(move || {
        for _ in 0..BURSTS {
            let mut cuts = 0;
            while cuts < CUTS_IN_A_BURST {
                cuts += cutter.sql(CUT).unwrap().parse::<u32>().unwrap();
            }
            answers.mark_unchanged();
            Handle::current().block_on(answers.changed()).unwrap();
        }
    });
    let mut tried = 0;
    while !cutting.is_finished() {
        let number = tried;
        tried += 1;
        let path = format!("file {number}");
        let bytes = format!("content {number} ").repeat(40_000);
        match write(&*root, &path, bytes.as_bytes(), Expected::Absent, Keep::No).await {
            Ok(_) => told.send_modify(|told| *told += 1),
            // The answer to the end was lost and the repeated try found it done, or the line was cut at every try.
            Err(error) => assert!(error.is_lost_race() || error.is_transient(), "{error}"),
        }
    }
    let told = *told.borrow();
    cutting.await.unwrap();
    let mut there = 0;
    for number in 0..tried {
        let path = rel(&format!("file {number}"));
        let Some(entry) = root.stat(&path.clone().into()).await.unwrap() else {
            continue;
        };
        there += 1;
        let stream = root
            .read(&path.into(), &entry, 0, entry.size)
            .await
            .unwrap();
        let bytes = format!("content {number} ").repeat(40_000);
        assert_eq!(collect(stream).await.unwrap(), bytes.as_bytes());
    }
    println!("{told} of {tried} writes answered, {there} there");
    assert!(
        there >= told,
        "{told} were told as done and {there} are there"
    );
    // No content without an item, but for uploads that may be gone on with.
    let contents = place.count("tandem_contents") - place.count("tandem_uploads");
    assert_eq!(contents, there);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_told_as_done_outlasts_a_crash_of_the_server() {
    let mut server = PostgresServer::start(&["fsync=on"]).unwrap();
    let url = server.url();
    let config = [("location", &*url), ("sslmode", "disable")];
    let open = || crate::bench::open_by(&config, Some(server.password()), World::new()).unwrap();
    let storage = open();
    storage.validate("", &|_| ()).await.capabilities.unwrap();
    let root = storage.root("").await.unwrap();
    let bytes = b"staged without waiting for the log ".repeat(30_000);
    let done = write(&*root, "file", &bytes, Expected::Absent, Keep::No)
        .await
        .unwrap();
    server.crash();
    let error = root.stat(&rel("file").into()).await.unwrap_err();
    assert_eq!(error.cause, Cause::Offline, "{error}");
    server.resume().unwrap();

    let entry = root.stat(&rel("file").into()).await.unwrap().unwrap();
    assert_eq!(entry, done.entry);
    let stream = root
        .read(&rel("file").into(), &entry, 0, entry.size)
        .await
        .unwrap();
    assert_eq!(collect(stream).await.unwrap(), bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_the_server_is_waited_for() {
    let server = PostgresServer::start(&[]).unwrap();
    let url = server.url();
    let config = [("location", &*url), ("sslmode", "disable")];
    let storage = crate::bench::open_by(&config, Some(server.password()), World::new()).unwrap();
    storage.validate("", &|_| ()).await.capabilities.unwrap();
    let root = storage.root("").await.unwrap();
    let server = Arc::new(Mutex::new(server));
    let mut held = Arc::clone(&server).lock_owned().await;
    held.crash();
    let restarting = tokio::task::spawn_blocking(move || held.resume().unwrap());
    write(&*root, "file", b"bytes", Expected::Absent, Keep::No)
        .await
        .unwrap();
    restarting.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_is_told_that_the_line_was_cut_and_misses_nothing() {
    let server = server();
    let place = Place::schema_of(Arc::clone(&server));
    let root = place.root(&World::new()).await;
    let cursor = root.cursor().await.unwrap();
    let (waiting, from) = (Arc::clone(&root), cursor.clone());
    let limit = Duration::from_secs(30);
    let waiting = tokio::spawn(async move { waiting.wait(Some(&from), limit).await });
    let listening = "SELECT COUNT(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'";
    while server.sql(listening).unwrap() == "0" {
        tokio::task::yield_now().await;
    }
    server.sql(CUT).unwrap();
    let other = place.open(World::new()).root(FOLDER).await.unwrap();
    write(&*other, "file", b"bytes", Expected::Absent, Keep::No)
        .await
        .unwrap();
    if let Err(error) = waiting.await.unwrap() {
        assert_eq!(error.cause, Cause::Offline, "{error}");
        assert!(error.is_transient());
    }
    let hints = root.wait(Some(&cursor), limit).await.unwrap();
    assert!(matches!(&hints[..], [Hint::Feed]), "{hints:?}");
}

/// A device whose network is gone holds the row that counts until the server gives it up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_a_lock_too_long_is_told_that_it_is_locked() {
    let server = server();
    let place = Place::schema_of(Arc::clone(&server));
    let root = place.root(&World::new()).await;
    let holder = Arc::clone(&server);
    let Place::Schema(_, schema) = &place else {
        unreachable!()
    };
    let schema = schema.replace('"', "\"\"");
    let hold = format!(
        "SET search_path TO \"{schema}\"; BEGIN; SELECT one FROM tandem_clock FOR UPDATE; SELECT pg_sleep(600)"
    );
    let holding = tokio::task::spawn_blocking(move || holder.sql(&hold));
    let locked = "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    while server.sql(locked).unwrap() == "0" {
        tokio::task::yield_now().await;
    }
    // Reading and staging do not wait.
    assert_eq!(root.stat(&rel("file").into()).await.unwrap(), None);
    let written = write(&*root, "file", b"bytes", Expected::Absent, Keep::No).await;
    let error = written.unwrap_err();
    assert_eq!(error.cause, Cause::Locked, "{error}");
    assert!(error.is_transient());
    server
        .sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
        .unwrap();
    assert!(holding.await.unwrap().is_err());
    write(&*root, "file", b"bytes", Expected::Absent, Keep::No)
        .await
        .unwrap();
}

/// The answer to a delete was lost, so it is made again; the version that the first one kept must still be named.
#[tokio::test]
async fn a_delete_that_is_made_again_names_what_it_had_kept() {
    for place in [Place::file(), Place::schema()] {
        let root = place.root(&World::new()).await;
        let made = write(&*root, "file", b"bytes", Expected::Absent, Keep::No).await;
        let expected = Expected::Revision(made.unwrap().entry.revision);
        let key = VersionKey::Kept {
            device: "desk-0000".into(),
            date: "2026-11-21".into(),
            action: "1".into(),
            path: rel("file"),
        };
        let (at, keep) = (Locator::of_path(rel("file")), Keep::Version(key.clone()));
        for was_absent in [false, true] {
            let done = root.delete(&at, &expected, &keep, Discard::Forever).await;
            let done = done.unwrap();
            assert_eq!(
                (done.was_absent, done.kept),
                (was_absent, Some(key.clone()))
            );
        }
    }
}
