//! A notification server: what it was asked to show, and a person's click on it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use zbus::Connection;
use zbus::object_server::SignalEmitter;
use zbus::zvariant::OwnedValue;

use crate::eventually;
use crate::session::Session;

const PATH: &str = "/org/freedesktop/Notifications";

/// A notification that was shown.
#[derive(Debug, Clone)]
pub(crate) struct Bubble {
    id: u32,
    /// Its title.
    pub(crate) title: String,
    /// Its text.
    pub(crate) body: String,
}

struct Server(Arc<Mutex<Vec<Bubble>>>);

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Server {
    #[allow(clippy::too_many_arguments, reason = "as the specification has it")]
    fn notify(
        &self,
        _app: &str,
        replaces: u32,
        _icon: &str,
        summary: &str,
        body: &str,
        _actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _timeout: i32,
    ) -> u32 {
        let mut shown = self.0.lock().unwrap();
        let next = u32::try_from(shown.len() + 1).unwrap();
        let id = if replaces > 0 { replaces } else { next };
        shown.push(Bubble {
            id,
            title: summary.to_owned(),
            body: body.to_owned(),
        });
        id
    }

    fn get_capabilities(&self) -> Vec<String> {
        vec!["actions".to_owned(), "body".to_owned()]
    }

    fn get_server_information(&self) -> (String, String, String, String) {
        let words = ["bubbles", "tandem", "1", "1.2"];
        words.map(str::to_owned).into()
    }

    fn close_notification(&self, _id: u32) {}

    #[zbus(signal)]
    async fn action_invoked(emitter: &SignalEmitter<'_>, id: u32, action: &str)
    -> zbus::Result<()>;
}

/// The server and what it was asked to show.
pub(crate) struct Bubbles {
    bus: Connection,
    shown: Arc<Mutex<Vec<Bubble>>>,
}

impl Bubbles {
    /// A server in this session.
    pub(crate) async fn new(session: &Session) -> Self {
        let bus = session.bus().clone();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let server = Server(Arc::clone(&shown));
        bus.object_server().at(PATH, server).await.unwrap();
        bus.request_name("org.freedesktop.Notifications")
            .await
            .unwrap();
        Self { bus, shown }
    }

    /// Waits until one with this title was shown.
    pub(crate) async fn wait_for(&self, title: &str) -> Bubble {
        eventually(&format!("the notification “{title}”"), async || {
            let shown = self.shown.lock().unwrap();
            shown.iter().rev().find(|one| one.title == title).cloned()
        })
        .await
    }

    /// Clicks on it.
    pub(crate) async fn click(&self, bubble: &Bubble) {
        let server = self.bus.object_server();
        let server = server.interface::<_, Server>(PATH).await.unwrap();
        Server::action_invoked(server.signal_emitter(), bubble.id, "default")
            .await
            .unwrap();
    }
}
