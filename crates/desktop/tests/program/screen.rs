//! What a window manager sees and does: which windows are there, and asking one to close.

use std::collections::BTreeSet;

use x11rb::connection::Connection;
use x11rb::protocol::xproto::{
    AtomEnum, ClientMessageEvent, ConnectionExt, EventMask, ImageFormat, MapState, Window,
};
use x11rb::rust_connection::RustConnection;

use crate::eventually;
use crate::session::Session;

/// The screen of a session.
pub(crate) struct Screen {
    x: RustConnection,
    root: Window,
}

impl Screen {
    /// Of this session.
    pub(crate) fn of(session: &Session) -> Self {
        let (x, number) = x11rb::connect(Some(session.display())).unwrap();
        let root = x.setup().roots[number].root;
        Self { x, root }
    }

    /// The windows that are shown under this title.
    pub(crate) fn windows(&self, title: &str) -> Vec<Window> {
        let tree = self.x.query_tree(self.root).unwrap().reply().unwrap();
        let all = tree.children.into_iter();
        all.filter(|window| self.is_shown(*window) && self.title(*window) == title)
            .collect()
    }

    /// Waits for the one window of this title.
    pub(crate) async fn window(&self, title: &str) -> Window {
        eventually("a window", async || self.windows(title).pop()).await
    }

    /// Asks a window to close, as its cross does (ICCCM 4.2.8.1).
    pub(crate) fn close(&self, window: Window) {
        let atom = |name: &str| {
            let asked = self.x.intern_atom(false, name.as_bytes()).unwrap();
            asked.reply().unwrap().atom
        };
        let message = [atom("WM_DELETE_WINDOW"), x11rb::CURRENT_TIME, 0, 0, 0];
        let event = ClientMessageEvent::new(32, window, atom("WM_PROTOCOLS"), message);
        let sent = self.x.send_event(false, window, EventMask::NO_EVENT, event);
        sent.unwrap().check().unwrap();
    }

    /// Whether more than a ground is seen in a window: text has many shades.
    pub(crate) fn shows_a_page(&self, window: Window) -> bool {
        let (x, all) = (&self.x, u32::MAX);
        let Ok(place) = x.get_geometry(window).unwrap().reply() else {
            return false;
        };
        let (width, height) = (place.width, place.height);
        let asked = x.get_image(ImageFormat::Z_PIXMAP, window, 0, 0, width, height, all);
        asked.unwrap().reply().is_ok_and(|image| {
            let shades: BTreeSet<_> = image.data.chunks_exact(4).collect();
            shades.len() > 20
        })
    }

    // A window may go while it is asked about.
    fn is_shown(&self, window: Window) -> bool {
        let asked = self.x.get_window_attributes(window).unwrap();
        asked
            .reply()
            .is_ok_and(|attributes| attributes.map_state == MapState::VIEWABLE)
    }

    fn title(&self, window: Window) -> String {
        let asked =
            self.x
                .get_property(false, window, AtomEnum::WM_NAME, AtomEnum::ANY, 0, u32::MAX);
        asked.unwrap().reply().map_or_else(
            |_| String::new(),
            |name| String::from_utf8_lossy(&name.value).into_owned(),
        )
    }
}
