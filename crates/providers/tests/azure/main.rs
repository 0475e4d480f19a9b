//! Azure Blob Storage against Azurite and a simulator, with rclone as somebody else. One binary; each module is a theme.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests panic and print like the tests themselves"
)]

mod azurite;
mod bench;
mod blobs;
mod refusals;
mod sdk;
mod simulated;
#[path = "../shared/steps.rs"]
mod steps;
