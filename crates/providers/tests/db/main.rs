//! Databases as storages. One binary; each module is a kind of database or a theme.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests panic and print like the tests themselves"
)]

mod bench;
mod failures;
mod place;
mod postgres;
mod rows;
mod sqlite;
