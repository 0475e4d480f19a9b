//! Notifications of macOS and Windows.

use super::Shown;

/// Shows a notification.
pub(super) async fn send(shown: Shown) {
    let mut notification = notify_rust::Notification::new();
    notification
        .appname("Tandem")
        .summary(&shown.title)
        .body(&shown.body);
    if let Err(error) = notification.show() {
        tracing::info!(%error, "a notification could not be shown");
    }
}
