//! The engine over two real folders, while other programs write into them.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what went wrong by stopping"
)]

mod aside;
mod desk;
mod torn;
mod unconditional;
