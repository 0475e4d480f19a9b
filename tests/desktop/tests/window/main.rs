//! The real program, driven as a person does: by its tray's menu, by its window and by files on the disk. Screen, session
//! bus, keyring and servers are real and private to each test.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what went wrong by stopping"
)]

mod desktop;
mod page;
mod scene;
mod tray;

mod folders;
mod storages;

use std::time::Duration;

/// How long anything may take that a person waits for, on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Waits until `look` finds something.
///
/// # Panics
/// It does not come: then `what` is named.
async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let waited = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(LOOK).await;
        }
    });
    waited
        .await
        .unwrap_or_else(|_| panic!("not within {PATIENCE:?}: {what}"))
}
