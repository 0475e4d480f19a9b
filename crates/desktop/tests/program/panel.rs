//! The part of a desktop's panel that shows trays: it is told of an item, reads its icon and menu, and presses lines.
//!
//! libayatana-appindicator registers a bare object path, so the item is on the connection that the call came from; its
//! menu is on `com.canonical.dbusmenu`.

use tokio::sync::watch;
use zbus::message::Header;
use zbus::zvariant::{Array, Dict, OwnedObjectPath, OwnedValue, Structure, Value};
use zbus::{Connection, Proxy};

use crate::eventually;
use crate::session::Session;

const ITEM: &str = "org.kde.StatusNotifierItem";
const MENU: &str = "com.canonical.dbusmenu";

/// Where an item is on the bus.
#[derive(Clone)]
struct Item {
    owner: String,
    path: String,
}

struct Watcher(watch::Sender<Option<Item>>);

#[zbus::interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    fn register_status_notifier_item(&self, service: &str, #[zbus(header)] header: Header<'_>) {
        let owner = header.sender().unwrap().to_string();
        let path = service.to_owned();
        self.0.send_replace(Some(Item { owner, path }));
    }

    fn register_status_notifier_host(&self, _service: &str) {}

    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> Vec<String> {
        Vec::new()
    }

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }
}

/// A panel.
pub(crate) struct Panel {
    bus: Connection,
    item: watch::Receiver<Option<Item>>,
}

/// A line of a menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    id: i32,
    /// What is read, with what it stands under: `Pause > For 1 hour`.
    pub(crate) text: String,
    /// Whether it can be pressed.
    pub(crate) is_enabled: bool,
}

impl Panel {
    /// A panel in this session, there before the program.
    pub(crate) async fn new(session: &Session) -> Self {
        let bus = session.bus().clone();
        let (told, item) = watch::channel(None);
        let path = "/StatusNotifierWatcher";
        bus.object_server().at(path, Watcher(told)).await.unwrap();
        bus.request_name("org.kde.StatusNotifierWatcher")
            .await
            .unwrap();
        Self { bus, item }
    }

    /// Waits for a tray item.
    pub(crate) async fn wait_for_item(&self) {
        eventually("a tray item", async || self.item.borrow().clone()).await;
    }

    /// The picture that is shown, as a PNG.
    pub(crate) async fn icon(&self) -> Vec<u8> {
        let file = eventually("an icon's name", async || {
            String::try_from(self.property("IconName").await?).ok()
        })
        .await;
        // The program may draw another one at this moment: the file is then gone.
        std::fs::read(file).unwrap_or_default()
    }

    /// The lines of the menu, each submenu's after its own; those without words are left out.
    pub(crate) async fn lines(&self) -> Vec<Line> {
        self.layout().await.unwrap_or_default()
    }

    /// What the lines read.
    pub(crate) async fn texts(&self) -> Vec<String> {
        let lines = self.lines().await;
        lines.into_iter().map(|line| line.text).collect()
    }

    /// Waits until a line reads so.
    pub(crate) async fn wait_for(&self, text: &str) {
        eventually(&format!("“{text}” in the tray"), async || {
            self.texts()
                .await
                .iter()
                .any(|line| line == text)
                .then_some(())
        })
        .await;
    }

    /// Waits until no line begins so.
    pub(crate) async fn wait_until_gone(&self, begin: &str) {
        eventually(&format!("no “{begin}” in the tray"), async || {
            let lines = self.texts().await;
            (!lines.is_empty() && !lines.iter().any(|line| line.starts_with(begin))).then_some(())
        })
        .await;
    }

    /// Presses a line, once it is there.
    pub(crate) async fn press(&self, text: &str) {
        eventually(&format!("“{text}” in the tray"), async || {
            let lines = self.lines().await;
            let line = lines.iter().find(|line| line.text == text)?;
            let event = (line.id, "clicked", Value::from(""), 0_u32);
            let menu = self.menu().await?;
            let item = self.item.borrow().clone()?;
            let menu = Proxy::new(&self.bus, item.owner, menu, MENU).await.ok()?;
            // Nothing is waited for: a program that is quit may be gone before it answers.
            menu.call_noreply("Event", &event).await.ok()
        })
        .await;
    }

    async fn property(&self, name: &str) -> Option<OwnedValue> {
        let item = self.item.borrow().clone()?;
        let asked = (ITEM, name);
        let properties = "org.freedesktop.DBus.Properties";
        let owner = item.owner.as_str();
        let answer = self.bus.call_method(
            Some(owner),
            item.path.as_str(),
            Some(properties),
            "Get",
            &asked,
        );
        answer.await.ok()?.body().deserialize().ok()
    }

    async fn menu(&self) -> Option<OwnedObjectPath> {
        OwnedObjectPath::try_from(self.property("Menu").await?).ok()
    }

    async fn layout(&self) -> Option<Vec<Line>> {
        let menu = self.menu().await?;
        let item = self.item.borrow().clone()?;
        let owner = item.owner.as_str();
        let everything = (0_i32, -1_i32, Vec::<&str>::new());
        let answer = self
            .bus
            .call_method(Some(owner), &menu, Some(MENU), "GetLayout", &everything)
            .await
            .ok()?;
        let body = answer.body();
        let answer: Structure<'_> = body.deserialize().ok()?;
        // A revision stands before it.
        let root = answer
            .fields()
            .get(1)?
            .downcast_ref::<Structure<'_>>()
            .ok()?;
        let mut lines = Vec::new();
        for child in children(&root)? {
            read(&child, "", &mut lines)?;
        }
        Some(lines)
    }
}

/// Reads a node of the layout, `(ia{sv}av)`, and those below it.
fn read(node: &Value<'_>, above: &str, lines: &mut Vec<Line>) -> Option<()> {
    let node = match node {
        Value::Value(inner) => inner.downcast_ref::<Structure<'_>>().ok()?,
        other => other.downcast_ref::<Structure<'_>>().ok()?,
    };
    let id = node.fields().first()?.downcast_ref::<i32>().ok()?;
    let properties = node.fields().get(1)?.downcast_ref::<Dict<'_, '_>>().ok()?;
    let label: Option<String> = properties.get(&"label").ok()?;
    let is_enabled: Option<bool> = properties.get(&"enabled").ok()?;
    let mut here = above.to_owned();
    if let Some(label) = label {
        // An underscore marks the key to press, two stand for one.
        let text = label.replace("__", "\u{0}").replace('_', "");
        here = format!("{above}{}", text.replace('\u{0}', "_"));
        lines.push(Line {
            id,
            text: here.clone(),
            is_enabled: is_enabled.unwrap_or(true),
        });
    }
    for child in children(&node)? {
        read(&child, &format!("{here} > "), lines)?;
    }
    Some(())
}

fn children(node: &Structure<'_>) -> Option<Vec<Value<'static>>> {
    let all = node.fields().get(2)?.downcast_ref::<Array<'_>>().ok()?;
    all.iter()
        .map(|child| child.try_to_owned().ok().map(Value::from))
        .collect()
}
