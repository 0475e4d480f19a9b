//! S3 against servers that nobody here wrote. One binary; each module is a server or a theme.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests panic and print like the tests themselves"
)]

mod bench;
mod changed;
mod flat;
mod hostile;
mod lost_answers;
mod moto;
mod odd_store;
mod oddities;
#[path = "../shared/proxy.rs"]
mod proxy;
mod quirks;
mod rclone;
mod s3s_fs;
mod scripted;
#[path = "../shared/steps.rs"]
mod steps;
mod swift_s3api;
mod two_writers;
mod wide;
