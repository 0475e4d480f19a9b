//! Azure Blob Storage against Azurite, with rclone as somebody else. One binary; each module is a theme.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests panic and print like the tests themselves"
)]

mod azurite;
mod bench;
mod blobs;
mod refusals;
#[path = "../shared/steps.rs"]
mod steps;
