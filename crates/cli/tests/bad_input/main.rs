//! Every bad input of DESIGN 9: its one sentence, its exit code, and that nothing is lost.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what went wrong by stopping"
)]

#[path = "../common/mod.rs"]
mod common;
mod names;
mod places;
mod profiles;
mod secrets;
mod servers;

use common::Desk;
use serde_json::Value;
use tandem_testkit::servers::S3Server;

/// A desk with two folders `left` and `right` that are joined.
pub(crate) fn joined() -> Desk {
    let desk = Desk::new();
    join(&desk);
    desk
}

pub(crate) fn join(desk: &Desk) {
    let (left, right) = (desk.folder("left"), desk.folder("right"));
    desk.write("left/a.txt", "one\n");
    desk.ok(&["pair", "add", "docs", &left, &right]);
}

/// The summary of a pass over the one pair.
pub(crate) fn pass(desk: &Desk) -> (i32, Value) {
    let done = desk.run(&["--json", "sync"]);
    let last = done
        .out
        .lines()
        .last()
        .unwrap_or_else(|| panic!("{}", done.err));
    let summary: Value = serde_json::from_str(last).unwrap();
    (done.code, summary["pairs"][0].clone())
}

pub(crate) fn add_s3(
    desk: &Desk,
    server: &S3Server,
    name: &str,
    bucket: &str,
    secret: &str,
) -> common::Done {
    let endpoint = format!("endpoint={}", server.endpoint());
    let bucket = format!("bucket={bucket}");
    let region = format!("region={}", server.region());
    let arguments = [
        "storage",
        "add",
        name,
        "--type",
        "s3",
        "--set",
        &endpoint,
        "--set",
        &bucket,
        "--set",
        &region,
        "--set",
        "path_style=true",
        "--secret",
        "access_key_id",
        "--secret",
        "secret_access_key",
    ];
    desk.run_with_passphrase(&arguments, &format!("{}\n{secret}\n", server.access_key()))
}

/// The last line: before it stand the steps of the test.
pub(crate) fn last(text: &str) -> &str {
    text.trim_end().lines().last().unwrap_or_default()
}
