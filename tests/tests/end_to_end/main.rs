//! The program as a person runs it, on real folders, real processes and real servers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test says what went wrong by stopping"
)]

mod checkouts;
mod killed;
mod program;
mod proxy;
mod real_input;
mod run;
mod two_devices;
