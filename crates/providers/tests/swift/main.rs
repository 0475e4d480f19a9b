//! Swift against Debian's, which nobody here wrote. One binary; each module is a theme.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests panic and print like the tests themselves"
)]

mod bench;
mod changed;
mod clients;
mod failures;
mod large;
mod overheard;
#[path = "../shared/proxy.rs"]
mod proxy;
mod sign_in;
#[path = "../shared/steps.rs"]
mod steps;
mod swift;
