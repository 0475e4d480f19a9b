//! WebDAV against servers that nobody here wrote. One binary; each module is a server or a theme.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests panic and print like the tests themselves"
)]

mod apache;
mod bench;
mod curl;
mod faults;
mod nextcloud;
mod nginx;
#[path = "../shared/proxy.rs"]
mod proxy;
mod rclone;
mod sabre;
#[path = "../shared/steps.rs"]
mod steps;
mod wsgidav;
