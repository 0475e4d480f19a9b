//! The tray application as a person meets it: the real program on a screen, a session bus, a panel, a notification
//! server and a keyring of the test's own. It is used by the tray's menu, the window and the disk alone.
//!
//! The window is read and pressed by WebKitWebDriver, which joins the program through the inspector that WebKitGTK
//! opens where its environment asks for it; no line of the program is there for it.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test says what went wrong by stopping, and what it measured"
)]
#![allow(
    clippy::future_not_send,
    reason = "each test awaits where it is, and hands nothing to another thread"
)]

mod bubbles;
mod cut_off;
mod first;
mod narrow;
mod owner;
mod panel;
mod process;
mod rest;
mod screen;
mod sentences;
mod session;
mod story;
mod trouble;
mod versions;
mod way_in;
mod window;
mod wizard;

use std::time::{Duration, Instant};

/// What a person would wait for. On a loaded machine all is slow, and what never comes does not come later either.
pub(crate) const SOON: Duration = Duration::from_secs(60);

const LOOK_EVERY: Duration = Duration::from_millis(25);

/// Looks until `found` has an answer, for [`SOON`] at most.
pub(crate) async fn eventually<T>(what: &str, found: impl AsyncFnMut() -> Option<T>) -> T {
    within(SOON, what, found).await
}

/// Looks until `found` has an answer, for `limit` at most.
pub(crate) async fn within<T>(
    limit: Duration,
    what: &str,
    mut found: impl AsyncFnMut() -> Option<T>,
) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = found().await {
            return answer;
        }
        assert!(began.elapsed() < limit, "{what}: not within {limit:?}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
