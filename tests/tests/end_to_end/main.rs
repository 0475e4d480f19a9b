//! The program as a person runs it, on real folders, real processes and real servers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test says what went wrong by stopping"
)]

mod checkouts;
mod counting;
mod echo;
mod edits;
mod faultless;
mod hostile;
mod killed;
mod large;
mod losses;
mod made_up;
mod processes;
mod program;
mod proxy;
mod real_input;
mod relay;
mod run;
mod secrets;
mod sign_in;
mod sql;
mod strangers;
mod two_devices;
mod unchanged;
mod wide;
