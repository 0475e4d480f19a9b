//! Google Cloud Storage against a simulated service, which Google's own client and rclone take for it. One binary; each
//! module is a server or a theme.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests panic and print like the tests themselves"
)]

mod bench;
mod emulator;
mod failures;
#[path = "../shared/proxy.rs"]
mod proxy;
mod sdk;
mod simulated;
#[path = "../shared/steps.rs"]
mod steps;
