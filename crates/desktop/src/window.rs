//! The window: made when it is asked for, gone when it is closed. A hidden one would cost as much as an open one.

use std::sync::atomic::{AtomicBool, Ordering};

use tauri::{
    AppHandle, DragDropEvent, Manager, Url, WebviewUrl, WebviewWindowBuilder, WindowEvent,
};

use crate::bridge::{Event, Page};
#[cfg(all(unix, not(target_os = "macos")))]
use crate::webkit;

/// The window's label, which the page's permissions name.
const LABEL: &str = "main";
const SIZE: (f64, f64) = (960.0, 640.0);
const SMALLEST: (f64, f64) = (420.0, 420.0);

/// Whether there is a window, or one is being made.
static IS_WANTED: AtomicBool = AtomicBool::new(false);

/// Shows the window, on `page` if one is asked for.
pub(crate) fn open(app: &AppHandle, page: Option<Page>) {
    if let Some(window) = app.get_webview_window(LABEL) {
        // Errors mean that the desktop shows no windows at the moment.
        let _ = window.unminimize();
        let _ = window.show();
        let _ = window.set_focus();
        if let Some(page) = page {
            Event::Open(page).send(&window);
        }
        return;
    }
    IS_WANTED.store(true, Ordering::SeqCst);
    let app = app.clone();
    // A window is made from a thread of its own: on some systems the caller's is the one that it waits for.
    tauri::async_runtime::spawn_blocking(move || {
        if let Err(error) = make(&app, page) {
            tracing::error!(%error, "the window cannot be opened");
        }
    });
}

fn make(app: &AppHandle, page: Option<Page>) -> tauri::Result<()> {
    let at = page.and_then(|page| serde_json::to_value(page).ok());
    let at = at
        .as_ref()
        .and_then(|page| page.as_str())
        .unwrap_or("overview");
    let url = WebviewUrl::App(format!("index.html#{at}").into());
    let window = WebviewWindowBuilder::new(app, LABEL, url)
        .title("Tandem")
        .inner_size(SIZE.0, SIZE.1)
        .min_inner_size(SMALLEST.0, SMALLEST.1)
        .on_navigation(is_own)
        .build()?;
    let told = window.clone();
    window.on_window_event(move |event| match event {
        WindowEvent::DragDrop(DragDropEvent::Drop { paths, .. }) => {
            if let Some(path) = paths.first().and_then(|path| path.to_str()) {
                Event::Dropped(path.to_owned()).send(&told);
            }
        }
        WindowEvent::Destroyed => closed(told.app_handle()),
        _ => {}
    });
    Ok(())
}

/// The window is gone, and what it needed goes too.
fn closed(app: &AppHandle) {
    IS_WANTED.store(false, Ordering::SeqCst);
    #[cfg(all(unix, not(target_os = "macos")))]
    webkit::end_when_unused(app, || !IS_WANTED.load(Ordering::SeqCst));
    #[cfg(not(all(unix, not(target_os = "macos"))))]
    let _ = app;
}

/// Whether the page may go there: nowhere but to itself.
fn is_own(url: &Url) -> bool {
    url.scheme() == "tauri"
        || (url.scheme().starts_with("http") && url.host_str() == Some("tauri.localhost"))
}

/// Tells the page something, if there is one.
pub(crate) fn tell(app: &AppHandle, event: Event) {
    if let Some(window) = app.get_webview_window(LABEL) {
        event.send(&window);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_goes_nowhere_but_to_itself() {
        for (url, own) in [
            ("tauri://localhost/index.html", true),
            ("http://tauri.localhost/", true),
            ("https://example.org/", false),
            ("file:///etc/passwd", false),
            ("https://tauri.localhost.example.org/", false),
        ] {
            assert_eq!(is_own(&url.parse().unwrap()), own, "{url}");
        }
    }
}
