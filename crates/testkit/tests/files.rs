//! What the simulated disk below SQLite does, shown by SQLite itself.
#![cfg(feature = "files")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed step is a failed test"
)]

use rusqlite::Connection;
use tandem_testkit::seed::Rng;
use tandem_testkit::sim::{Failure, SimFiles};

const LAST: i64 = 20;

fn open(files: &SimFiles) -> rusqlite::Result<Connection> {
    let db = Connection::open(files.database("pair.db"))?;
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4; \
         CREATE TABLE IF NOT EXISTS rows (n INTEGER PRIMARY KEY, filler BLOB)",
    )?;
    Ok(db)
}

/// One transaction for each number. Answers the last that was reported as committed.
fn write_on(files: &SimFiles) -> i64 {
    let Ok(mut db) = open(files) else { return 0 };
    let mut last = highest(&db).unwrap_or(0);
    while last < LAST {
        let step = |db: &mut Connection, n: i64| -> rusqlite::Result<()> {
            let begun = db.transaction()?;
            // Some are larger than the page cache's share of one write.
            begun.execute("INSERT INTO rows VALUES (?1, zeroblob(?2))", [n, 100 * n])?;
            begun.commit()
        };
        if step(&mut db, last + 1).is_err() {
            return last;
        }
        last += 1;
    }
    last
}

fn highest(db: &Connection) -> rusqlite::Result<i64> {
    db.query_row("SELECT coalesce(max(n), 0) FROM rows", [], |row| row.get(0))
}

/// The rows are 1 to the highest without a gap, and the file is sound.
fn sound(files: &SimFiles) -> i64 {
    let db = open(files).unwrap();
    let check: String = db
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(check, "ok");
    let count: i64 = db
        .query_row("SELECT count(*) FROM rows", [], |row| row.get(0))
        .unwrap();
    let highest = highest(&db).unwrap();
    assert_eq!(count, highest);
    highest
}

#[test]
fn the_log_is_used_as_on_a_real_disk() {
    let files = SimFiles::new();
    let db = open(&files).unwrap();
    let mode: String = db
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "wal");
    let second = open(&files).unwrap();
    db.execute("INSERT INTO rows VALUES (1, NULL)", []).unwrap();
    assert_eq!(highest(&second).unwrap(), 1);
}

#[test]
fn what_was_committed_outlasts_every_power_cut() {
    let mut lost_tails = 0;
    for seed in 0..400 {
        let mut rng = Rng::new(seed);
        let files = SimFiles::new();
        files.fail_at(20 + rng.below(250), Failure::Broken, false);
        let committed = write_on(&files);
        files.power_off();
        files.heal();
        files.power_on(Some(&mut rng));
        let found = sound(&files);
        assert!(
            found == committed || found == committed + 1,
            "seed {seed}: {committed} were committed, {found} are there"
        );
        lost_tails += u32::from(committed < LAST && found == committed);
        assert_eq!(write_on(&files), LAST);
    }
    assert!(lost_tails > 100, "{lost_tails}");
}

#[test]
fn a_disk_that_ignores_flushes_would_be_found_out() {
    // The other way round: what a process wrote and did not flush is lost, so the test above can fail.
    let mut lost = 0;
    for seed in 0..50 {
        let files = SimFiles::new();
        let db = open(&files).unwrap();
        db.execute_batch("PRAGMA synchronous = OFF").unwrap();
        for n in 1..=3 {
            db.execute("INSERT INTO rows VALUES (?1, NULL)", [n])
                .unwrap();
        }
        files.power_off();
        drop(db);
        files.power_on(Some(&mut Rng::new(seed)));
        lost += u32::from(open(&files).and_then(|db| highest(&db)).unwrap_or(0) < 3);
    }
    assert!(lost > 25, "{lost}");
}

#[test]
fn after_every_failed_call_the_database_is_whole_and_goes_on() {
    for how in [Failure::Broken, Failure::Full, Failure::Short] {
        let mut nth = 0;
        loop {
            nth += 1;
            let files = SimFiles::new();
            files.fail_at(nth, how, true);
            let committed = write_on(&files);
            if !files.heal() {
                assert_eq!(committed, LAST);
                break;
            }
            let found = sound(&files);
            assert!(
                found == committed || found == committed + 1,
                "{how:?} at {nth}"
            );
            assert_eq!(write_on(&files), LAST, "{how:?} at {nth}");
        }
        assert!(nth > 100, "{how:?}: {nth} calls");
    }
}
