//! Shows notices as the desktop's notifications. Clicking one opens the page it is about.

#[cfg(all(unix, not(target_os = "macos")))]
mod freedesktop;
#[cfg(not(all(unix, not(target_os = "macos"))))]
mod native;

use std::sync::Arc;

use tandem_service::fault::Failure;

use crate::bridge::{Page, Place};
use crate::desk::Desk;
use crate::notice::{Notice, Subject};
use crate::window;

#[cfg(all(unix, not(target_os = "macos")))]
use freedesktop::send;
#[cfg(not(all(unix, not(target_os = "macos"))))]
use native::send;

/// What a notification says. Names stand in the title alone: servers may read markup in a body.
struct Shown {
    title: String,
    body: String,
    /// What the button reads where a desktop shows one.
    label: String,
    /// One of the same group takes the place of the one before.
    group: &'static str,
    clicked: Arc<dyn Fn() + Send + Sync>,
}

/// Shows a notice.
pub(crate) fn show(desk: &Desk, notice: Notice) {
    let Some(first) = notice.pairs.first() else {
        return;
    };
    let texts = desk.texts();
    let key = key(notice.subject);
    let count = notice.pairs.len() as u64;
    let title = texts.counted(&format!("notice.{key}.title"), count, &[("pair", first)]);
    let body = texts.get(&format!("notice.{key}.body"));
    let place = Place {
        page: notice.subject.page(),
        subject: notice.about,
    };
    show_one(desk, title, body, key, Some(place));
}

/// Says that syncing goes on without a window.
pub(crate) fn goes_on(desk: &Desk) {
    let texts = desk.texts();
    let (title, body) = (
        texts.get("notice.goes_on.title"),
        texts.get("notice.goes_on.body"),
    );
    show_one(desk, title, body, "goes_on", None);
}

/// Says what became of a link that was opened elsewhere. No name of a file stands in such a sentence.
pub(crate) fn link(desk: &Desk, sentence: String) {
    let title = desk.texts().get("notice.link.title");
    show_one(desk, title, sentence, "link", Some(Page::Storages.into()));
}

/// Says why something that was asked for in the tray was not done. The sentence may name a file.
pub(crate) fn not_done(desk: &Desk, mut failure: Failure) {
    failure.for_window();
    show_one(desk, failure.message, failure.next_step, "not_done", None);
}

fn show_one(desk: &Desk, title: String, body: String, group: &'static str, place: Option<Place>) {
    let label = desk.texts().get("notice.open");
    let desk = desk.clone();
    let clicked = Arc::new(move || window::open(desk.app(), place.clone()));
    let shown = Shown {
        title,
        body,
        label,
        group,
        clicked,
    };
    tauri::async_runtime::spawn(send(shown));
}

const fn key(subject: Subject) -> &'static str {
    match subject {
        Subject::Held => "held",
        Subject::Conflict => "conflict",
        Subject::SignIn => "sign_in",
        Subject::StorageFull => "storage_full",
        Subject::Stopped => "stopped",
        Subject::Repeated => "repeated",
        Subject::Waits => "waits",
        Subject::LeftOut => "left_out",
        Subject::FirstSync => "first_sync",
    }
}
