//! The process of the window: it shows the page and passes on what the page asks and is told. It has no other way to
//! anything.

use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use tauri::ipc::{Invoke, InvokeBody, InvokeResolver};
use tauri::{
    App, AppHandle, DragDropEvent, Emitter, Manager, RunEvent, Url, WebviewUrl,
    WebviewWindowBuilder, WindowEvent, Wry,
};

use super::wire::{self, Asked, Told};
use crate::bridge::Event;

/// The window's label, which the page's permissions name.
const LABEL: &str = "main";
const SIZE: (f64, f64) = (960.0, 640.0);
const SMALLEST: (f64, f64) = (420.0, 420.0);

/// Calls of the page that wait for their answers.
#[derive(Default)]
struct Calls {
    last: AtomicU64,
    waiting: Mutex<HashMap<u64, InvokeResolver<Wry>>>,
}

impl Calls {
    fn add(&self, resolver: InvokeResolver<Wry>) -> u64 {
        let id = self.last.fetch_add(1, Ordering::Relaxed);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.insert(id, resolver);
        id
    }

    fn take(&self, id: u64) -> Option<InvokeResolver<Wry>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.remove(&id)
    }
}

/// Shows the window on `page` until it is closed or the program ends.
pub(crate) fn run(page: &str) -> ExitCode {
    let page = page.to_owned();
    let built = tauri::Builder::default()
        .manage(Calls::default())
        .invoke_handler(pass_on)
        .setup(move |app| {
            make(app, &page)?;
            let app = app.handle().clone();
            std::thread::spawn(move || listen(&app));
            Ok(())
        })
        .build(crate::context());
    match built {
        Ok(app) => {
            app.run(|app, event| {
                // Not before: a window that is seen while nothing hears its events yet cannot be closed.
                if matches!(event, RunEvent::Ready) {
                    show(app);
                }
            });
            ExitCode::SUCCESS
        }
        Err(error) => crate::complain(&format!("The window cannot be shown: {error}.")),
    }
}

fn make(app: &App, page: &str) -> tauri::Result<()> {
    let url = WebviewUrl::App(format!("index.html#{page}").into());
    let window = WebviewWindowBuilder::new(app, LABEL, url)
        .title("Tandem")
        .inner_size(SIZE.0, SIZE.1)
        .min_inner_size(SMALLEST.0, SMALLEST.1)
        .visible(false)
        .on_navigation(is_own)
        .build()?;
    let handle = app.handle().clone();
    window.on_window_event(move |event| match event {
        WindowEvent::DragDrop(DragDropEvent::Drop { paths, .. }) => {
            if let Some(path) = paths.first().and_then(|path| path.to_str()) {
                tell(&handle, Event::Dropped(path.to_owned()));
            }
        }
        WindowEvent::CloseRequested { .. } => say(&Asked::Closed),
        _ => {}
    });
    Ok(())
}

fn tell(app: &AppHandle, event: Event) {
    let (name, payload) = event.into_parts();
    // An error means that the window is about to go.
    let _ = app.emit_to(LABEL, name, payload);
}

/// Passes a call of the page on; Tauri has checked by then that the page may.
fn pass_on(invoke: Invoke) -> bool {
    let message = invoke.message;
    let arguments = match message.payload() {
        InvokeBody::Json(value) => value.clone(),
        InvokeBody::Raw(_) => Value::Null,
    };
    let command = message.command().to_owned();
    let calls = message.webview_ref().state::<Calls>();
    let id = calls.add(invoke.resolver);
    say(&Asked::Call {
        id,
        command,
        arguments,
    });
    true
}

fn say(message: &Asked) {
    let mut output = std::io::stdout().lock();
    let line = wire::line(message);
    // An error means that the program has ended; this process ends with it.
    let _ = output
        .write_all(line.as_bytes())
        .and_then(|()| output.flush());
}

/// Hears what the program says. When it says nothing more, it has ended.
fn listen(app: &AppHandle) {
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        if let Ok(message) = serde_json::from_str(&line) {
            hear(app, message);
        }
    }
    app.exit(0);
}

fn hear(app: &AppHandle, message: Told) {
    match message {
        Told::Answer { id, answer } => {
            if let Some(resolver) = app.state::<Calls>().take(id) {
                resolver.resolve(answer);
            }
        }
        Told::Failure { id, failure } => {
            if let Some(resolver) = app.state::<Calls>().take(id) {
                resolver.reject(failure);
            }
        }
        Told::Event { name, payload } => {
            // An error means that the window is about to go.
            let _ = app.emit_to(LABEL, &name, payload);
        }
        Told::Show => show(app),
    }
}

fn show(app: &AppHandle) {
    if let Some(window) = app.get_webview_window(LABEL) {
        // Errors mean that the desktop shows no windows at the moment.
        let _ = window.unminimize();
        let _ = window.show();
        let _ = window.set_focus();
    }
}

/// Whether the page may go there: nowhere but to itself.
fn is_own(url: &Url) -> bool {
    url.scheme() == "tauri"
        || (url.scheme().starts_with("http") && url.host_str() == Some("tauri.localhost"))
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
