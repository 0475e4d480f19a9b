//! Notifications by the Desktop Notifications Specification 1.2, over the session bus.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt;
use tokio::sync::OnceCell;
use zbus::zvariant::Value;
use zbus::{Connection, proxy};

use super::Shown;

/// The name that the specification gives to a click on the notification itself.
const CLICK: &str = "default";
/// The server decides how long it is shown.
const USUAL: i32 = -1;

#[proxy(
    interface = "org.freedesktop.Notifications",
    default_service = "org.freedesktop.Notifications",
    default_path = "/org/freedesktop/Notifications"
)]
trait Notifications {
    #[allow(clippy::too_many_arguments, reason = "as the specification has it")]
    fn notify(
        &self,
        app: &str,
        replaces: u32,
        icon: &str,
        summary: &str,
        body: &str,
        actions: &[&str],
        hints: HashMap<&str, Value<'_>>,
        timeout: i32,
    ) -> zbus::Result<u32>;

    #[zbus(signal)]
    fn action_invoked(&self, id: u32, action: String) -> zbus::Result<()>;
}

/// The server, once it was asked for, and what is shown there.
static SERVER: OnceCell<NotificationsProxy<'static>> = OnceCell::const_new();
static SHOWN: Mutex<Option<HashMap<&'static str, OnScreen>>> = Mutex::new(None);

/// The last notification of a group.
#[derive(Clone)]
struct OnScreen {
    id: u32,
    clicked: Arc<dyn Fn() + Send + Sync>,
}

/// Shows a notification, in the place of the last one of its group.
pub(super) async fn send(shown: Shown) {
    // There may be no server for them. The tray and the window say the same.
    if let Err(error) = show(shown).await {
        tracing::info!(%error, "a notification could not be shown");
    }
}

async fn show(shown: Shown) -> zbus::Result<()> {
    let server = SERVER.get_or_try_init(connect).await?;
    let replaces = with_shown(|all| all.get(shown.group).map_or(0, |before| before.id));
    let actions = [CLICK, shown.label.as_str()];
    let id = server
        .notify(
            "Tandem",
            replaces,
            "tandem-desktop",
            &shown.title,
            &shown.body,
            &actions,
            HashMap::new(),
            USUAL,
        )
        .await?;
    with_shown(|all| {
        all.insert(
            shown.group,
            OnScreen {
                id,
                clicked: shown.clicked,
            },
        )
    });
    Ok(())
}

/// Finds the server and hears the clicks from then on.
async fn connect() -> zbus::Result<NotificationsProxy<'static>> {
    let bus = Connection::session().await?;
    let server = NotificationsProxy::new(&bus).await?;
    let mut clicks = server.receive_action_invoked().await?;
    tauri::async_runtime::spawn(async move {
        while let Some(click) = clicks.next().await {
            let Ok(arguments) = click.args() else {
                continue;
            };
            let found = with_shown(|all| all.values().find(|one| one.id == arguments.id).cloned());
            if let (CLICK, Some(one)) = (arguments.action.as_str(), found) {
                (one.clicked)();
            }
        }
    });
    Ok(server)
}

fn with_shown<T>(work: impl FnOnce(&mut HashMap<&'static str, OnScreen>) -> T) -> T {
    let mut shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner);
    work(shown.get_or_insert_default())
}
