//! What went wrong for users of other sync programs, each with the thread that tells of it. Where another test is the
//! regression of a thread already, that test names it; `grep -rE '[a-z]#[0-9]+' --include=*.rs` finds them all.

#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "../common/mod.rs"]
mod common;
mod deletes;
mod edits;
mod errors;
mod names;
mod roots;
