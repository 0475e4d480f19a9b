//! Every command once, with the shape of its JSON (DESIGN 7).
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what went wrong by stopping"
)]

#[path = "../common/mod.rs"]
mod common;
mod decisions;
mod pairs;
mod settings;
mod stopped;
mod storages;

use common::Desk;
use serde_json::Value;

/// Two folders with something in them, joined.
pub(crate) fn desk() -> Desk {
    let desk = Desk::new();
    let (left, right) = (desk.folder("left"), desk.folder("right"));
    desk.write("left/a.txt", "one\n");
    desk.write("left/b.txt", "two\n");
    desk.write("right/c.txt", "three\n");
    desk.ok(&["pair", "add", "docs", &left, &right]);
    desk
}

pub(crate) fn synced() -> Desk {
    let desk = desk();
    desk.ok(&["sync"]);
    desk
}

#[track_caller]
pub(crate) fn has(value: &Value, keys: &[&str]) {
    for key in keys {
        assert!(
            value.as_object().is_some_and(|o| o.contains_key(*key)),
            "{key} in {value}"
        );
    }
}
