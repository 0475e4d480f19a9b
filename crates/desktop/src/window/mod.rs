//! The window: a process of its own, started when somebody wants to look, and ended when it is closed.
//!
//! WebKit's libraries and its network process stay for as long as the program that used them (tauri issue 14626), 30 to
//! 60 MB for a window that nobody sees. So the program that lasts never uses them, and what it is asked from a page is
//! the same list of commands, over a pipe. A page that breaks its process stops no sync.

mod page;
mod wire;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tauri::{AppHandle, Manager};
use tokio::sync::mpsc;

use crate::arguments;
use crate::bridge::{self, Event, Page, Place};
use crate::desk::Desk;
use wire::{Asked, Told};

pub(crate) use page::run;

/// The way to the window, while there is one.
static WINDOW: Mutex<Option<Way>> = Mutex::new(None);

type Way = mpsc::Sender<Told>;

/// How much waits for a window that does not listen. What is told beyond that it misses; answers wait.
const WAITING: usize = 1024;

/// Shows the window, at `place` if one is asked for.
pub(crate) fn open(app: &AppHandle, place: Option<Place>) {
    let mut window = lock();
    if let Some(way) = &*window
        && way.try_send(Told::Show).is_ok()
    {
        if let Some(place) = place {
            tell_by(way, Event::Open(place));
        }
        return;
    }
    let desk = app.state::<Desk>().inner().clone();
    let (way, told) = mpsc::channel(WAITING);
    if window.replace(way.clone()).is_some() {
        // It was about to go.
        desk.under_way().cancel_all();
    }
    drop(window);
    std::thread::spawn(move || {
        if let Err(error) = keep(&desk, place, &way, told) {
            tracing::error!(%error, "the window cannot be opened");
        }
        gone(&desk, &way);
        desk.window_closed();
        // The next window may be there already, with a pair of its own.
        if lock().is_none() {
            tauri::async_runtime::block_on(desk.take_back_unstarted());
        }
    });
}

/// Tells the page something, if there is one.
pub(crate) fn tell(event: Event) {
    if let Some(way) = &*lock() {
        tell_by(way, event);
    }
}

fn tell_by(way: &Way, event: Event) {
    let (name, payload) = event.into_parts();
    let name = name.to_owned();
    // An error means that the window is about to go, or does not listen.
    let _ = way.try_send(Told::Event { name, payload });
}

/// The window is no longer there for whoever asks for one, and what a person began in it is not wanted any more.
fn gone(desk: &Desk, way: &Way) {
    let mut window = lock();
    if window.as_ref().is_some_and(|known| known.same_channel(way)) {
        *window = None;
        desk.under_way().cancel_all();
    }
}

fn lock() -> MutexGuard<'static, Option<Way>> {
    WINDOW.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts the window's process, and answers it until it ends.
fn keep(
    desk: &Desk,
    place: Option<Place>,
    way: &Way,
    told: mpsc::Receiver<Told>,
) -> std::io::Result<()> {
    let mut process = start(place)?;
    if let Some(input) = process.stdin.take() {
        std::thread::spawn(move || write(told, input));
    }
    let output = process.stdout.take().map(BufReader::new);
    for line in output.into_iter().flat_map(BufRead::lines) {
        answer(desk, &line?, way);
    }
    process.wait().map(|_| ())
}

/// Says all that is told, until nobody can tell any more or nobody listens.
fn write(mut told: mpsc::Receiver<Told>, mut input: ChildStdin) {
    while let Some(message) = told.blocking_recv() {
        if input.write_all(wire::line(&message).as_bytes()).is_err() {
            return;
        }
    }
}

fn start(place: Option<Place>) -> std::io::Result<Child> {
    Command::new(std::env::current_exe()?)
        .arg(arguments::WINDOW)
        .arg(place.map_or_else(
            || Page::Overview.name().to_owned(),
            |place| place.fragment(),
        ))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
}

/// Has a call answered beside the others.
fn answer(desk: &Desk, line: &str, way: &Way) {
    match serde_json::from_str(line) {
        Ok(Asked::Call {
            id,
            command,
            arguments,
        }) => {
            let (desk, way) = (desk.clone(), way.clone());
            tauri::async_runtime::spawn(async move {
                let message = match bridge::answer(&desk, &command, arguments).await {
                    Ok(answer) => Told::Answer { id, answer },
                    Err(failure) => Told::Failure {
                        id,
                        failure: Box::new(failure),
                    },
                };
                // An error means that nobody waits for it any more.
                let _ = way.send(message).await;
            });
        }
        Ok(Asked::Closed) => gone(desk, way),
        // Toolkits print as well.
        Err(_) => tracing::debug!(line, "the window's process said"),
    }
}
