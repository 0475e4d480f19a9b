//! The tray as a panel sees it: a menu over D-Bus.

use std::collections::HashMap;

use zbus::Proxy;
use zbus::zvariant::{OwnedValue, Structure, Value};

use crate::desktop::Desktop;
use crate::until;

/// A line of the menu.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    id: i32,
    /// What is read.
    pub(crate) label: String,
    /// What it opens.
    pub(crate) children: Vec<Line>,
}

/// Reads the menu; none while there is no tray icon.
pub(crate) async fn menu(desktop: &Desktop) -> Option<Vec<Line>> {
    let proxy = menu_proxy(desktop).await?;
    let none: Vec<String> = Vec::new();
    let (_, root): (u32, (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>)) =
        proxy.call("GetLayout", &(0_i32, -1_i32, none)).await.ok()?;
    Some(root.2.iter().filter_map(|child| line(child)).collect())
}

/// Clicks the line that reads `label`, at whatever depth.
pub(crate) async fn click(desktop: &Desktop, label: &str) {
    let id = until(&format!("a line “{label}” in the tray"), || async {
        find(&menu(desktop).await?, label)
    })
    .await;
    let proxy = menu_proxy(desktop).await.unwrap();
    let nothing = Value::from("");
    proxy
        .call_method("Event", &(id, "clicked", nothing, 0_u32))
        .await
        .unwrap();
}

/// Waits until the first line reads `heading`.
pub(crate) async fn says(desktop: &Desktop, heading: &str) {
    until(&format!("the tray says “{heading}”"), || async {
        let lines = menu(desktop).await?;
        (lines.first()?.label == heading).then_some(())
    })
    .await;
}

async fn menu_proxy(desktop: &Desktop) -> Option<Proxy<'static>> {
    let (name, path) = desktop.told.lock().unwrap().tray.clone()?;
    let item = Proxy::new(
        &desktop.bus,
        name.clone(),
        path,
        "org.kde.StatusNotifierItem",
    )
    .await
    .ok()?;
    let menu: zbus::zvariant::OwnedObjectPath = item.get_property("Menu").await.ok()?;
    Proxy::new(&desktop.bus, name, menu, "com.canonical.dbusmenu")
        .await
        .ok()
}

fn line(value: &Value<'_>) -> Option<Line> {
    let structure: &Structure<'_> = match value {
        Value::Structure(structure) => structure,
        Value::Value(inner) => return line(inner),
        _ => return None,
    };
    let [
        Value::I32(id),
        Value::Dict(properties),
        Value::Array(children),
    ] = structure.fields()
    else {
        return None;
    };
    let label: Option<String> = properties.get(&"label").ok().flatten();
    Some(Line {
        id: *id,
        // GTK marks the key to press with an underscore, and doubles what is meant as one.
        label: label.unwrap_or_default().replace("__", "_"),
        children: children.iter().filter_map(line).collect(),
    })
}

fn find(lines: &[Line], label: &str) -> Option<i32> {
    lines.iter().find_map(|line| {
        if line.label == label {
            return Some(line.id);
        }
        find(&line.children, label)
    })
}
