//! A state in which anything may stand: it is refused, or the pair goes on, and nothing that anybody wrote is gone for
//! it (P1, P6).

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{Destination, Source, World, capabilities};
use rusqlite::Connection;
use rusqlite::types::Value;
use tandem_core::capabilities::Ids;

/// What is on the sides before the state is damaged.
const WRITTEN: [&str; 8] = [
    "in step",
    "in step, below",
    "edited here",
    "edited there",
    "new here",
    "new there",
    "one of a conflict",
    "other of a conflict",
];

fn world() -> World {
    let ids = [Ids::Strong, Ids::Hint];
    let world = World::of(
        7,
        |_| {},
        |side| capabilities(ids[usize::from(side == Source)]),
    );
    world.folder(Source, "docs");
    world.folder(Source, "docs/deep");
    for (at, content) in [
        ("a", WRITTEN[0]),
        ("docs/deep/b", WRITTEN[1]),
        ("docs/here", "old"),
        ("docs/there", "old too"),
        ("docs/both", "old as well"),
        ("gone", "to be deleted"),
    ] {
        world.write(Source, at, content);
    }
    world.sync();
    world.write(Source, "docs/both", WRITTEN[6]);
    world.write(Destination, "docs/both", WRITTEN[7]);
    world.sync();
    world.write(Source, "docs/here", WRITTEN[2]);
    world.write(Destination, "docs/there", WRITTEN[3]);
    world.write(Source, "new", WRITTEN[4]);
    world.write(Destination, "docs/deep/new", WRITTEN[5]);
    world.delete(Source, "gone");
    world
}

/// One damage a line: `set TABLE COLUMN VALUE`, `flip TABLE COLUMN BIT`, `empty TABLE`. What the database refuses is
/// not done.
fn damage(db: &Connection, line: &str) {
    let words: Vec<&str> = line.splitn(4, ' ').collect();
    let is_word =
        |text: &&str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let named = words.get(1..words.len().min(3)).unwrap_or_default();
    if !named.iter().all(is_word) {
        return;
    }
    match words[..] {
        ["set", table, column, value] => {
            let value = value
                .parse()
                .map_or_else(|_| Value::Text(value.to_owned()), Value::Integer);
            let _ = db.execute(
                &format!("UPDATE OR IGNORE {table} SET {column} = ?1"),
                [value],
            );
        }
        ["flip", table, column, bit] => flip(db, table, column, bit.parse().unwrap_or(0)),
        ["empty", table] => {
            let _ = db.execute(&format!("DELETE FROM {table}"), []);
        }
        _ => {}
    }
}

/// Flips a bit in every value of a column.
fn flip(db: &Connection, table: &str, column: &str, bit: usize) {
    let Ok(mut query) = db.prepare(&format!("SELECT {column} FROM {table}")) else {
        return;
    };
    let values = query.query_map([], |row| row.get::<_, Value>(0));
    let values: Vec<Value> = values.unwrap().filter_map(Result::ok).collect();
    for was in values {
        let flipped = |mut bytes: Vec<u8>| {
            let at = (bit / 8) % bytes.len().max(1);
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << (bit % 8);
            }
            bytes
        };
        let now = match was.clone() {
            Value::Blob(bytes) => Value::Blob(flipped(bytes)),
            Value::Text(text) => match String::from_utf8(flipped(text.into_bytes())) {
                Ok(text) => Value::Text(text),
                Err(_) => continue,
            },
            Value::Integer(number) => Value::Integer(number ^ (1 << (bit % 64))),
            other => other,
        };
        let sql = format!("UPDATE OR IGNORE {table} SET {column} = ?1 WHERE {column} IS ?2");
        let _ = db.execute(&sql, [now, was]);
    }
}

fn is_somewhere(world: &World, content: &str) -> bool {
    [Source, Destination].into_iter().any(|side| {
        let paths = world.paths(side);
        let has = |at: &String| {
            world.sides[side]
                .content(&common::path(at))
                .is_some_and(|it| it == content)
        };
        paths.iter().any(has) || world.is_kept(side, content)
    })
}

#[test]
fn whatever_stands_in_the_state_nothing_that_was_written_is_gone() {
    tandem_testkit::fuzz!("state", made = 60, |input: &[u8]| {
        let text = String::from_utf8_lossy(input);
        let mut world = world();
        world.stop();
        let db = world.open_state();
        for line in text.lines().take(12) {
            damage(&db, line);
        }
        drop(db);
        if let Err(error) = world.try_restart() {
            assert!(!error.to_string().is_empty());
        } else {
            for _ in 0..4 {
                if let Err(error) = world.run(world.engine.sync()) {
                    assert!(!error.to_string().is_empty());
                }
                let _ = world.engine.problems();
            }
        }
        for content in WRITTEN {
            assert!(is_somewhere(&world, content), "{content:?} is gone");
        }
    });
}
