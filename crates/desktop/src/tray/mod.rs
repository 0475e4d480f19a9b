//! The tray: icon and menu. Everything in it is also in the window, for many desktops show none.

mod view;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tauri::image::Image;
use tauri::menu::{Menu, MenuBuilder, MenuEvent, MenuItemBuilder, MenuItemKind, SubmenuBuilder};
use tauri::tray::TrayIconBuilder;
use tauri::{AppHandle, Wry};

use crate::bridge::{Commands, Page, Panel, PauseSpan, Place};
use crate::desk::Desk;
use crate::texts::Texts;
use crate::{notify, window};

pub(crate) use view::is_recent;
use view::{Icon, Line, TrayView};

const ID: &str = "tandem";

/// What is drawn at the moment.
static DRAWN: Mutex<Option<Drawn>> = Mutex::new(None);

/// A menu is made anew no more often than this for files alone that were carried: a person may have it open.
const RECENT_EVERY: Duration = Duration::from_secs(3);

struct Drawn {
    view: TrayView,
    menu: Menu<Wry>,
    /// When the menu was made.
    made: Instant,
    /// Whether it will be looked at again.
    is_due: bool,
}

/// Draws the tray anew, as far as anything in it changed.
pub(crate) fn show(desk: &Desk) {
    let texts = desk.texts();
    let panel = desk.settings().panel;
    let mut view = TrayView::new(&desk.overview(), &desk.recent(), panel, texts);
    let mut drawn = DRAWN.lock().unwrap_or_else(PoisonError::into_inner);
    let result = match &mut *drawn {
        Some(drawn) if drawn.view == view => return,
        Some(drawn) => redraw(desk, drawn, &mut view, texts),
        None => build(desk, &view, texts).map(|menu| {
            *drawn = Some(Drawn {
                view,
                menu,
                made: Instant::now(),
                is_due: false,
            });
        }),
    };
    if let Err(error) = result {
        tracing::warn!(%error, "the tray cannot be drawn");
    }
}

/// Whether a desktop is there that shows trays. Asked each time: panels come and go.
#[cfg(all(unix, not(target_os = "macos")))]
pub(crate) async fn is_hosted() -> bool {
    const WATCHER: &str = "org.kde.StatusNotifierWatcher";
    let ask = async || -> zbus::Result<bool> {
        let bus = zbus::Connection::session().await?;
        let bus = zbus::fdo::DBusProxy::new(&bus).await?;
        Ok(bus.name_has_owner(WATCHER.try_into()?).await?)
    };
    ask().await.unwrap_or(false)
}

/// Every desktop of these systems shows trays.
#[cfg(not(all(unix, not(target_os = "macos"))))]
pub(crate) async fn is_hosted() -> bool {
    true
}

fn build(desk: &Desk, view: &TrayView, texts: Texts) -> tauri::Result<Menu<Wry>> {
    let clicked = desk.clone();
    let menu = menu(desk.app(), view, texts)?;
    TrayIconBuilder::with_id(ID)
        .icon(image(view.icon, view.panel)?)
        .tooltip(&view.heading)
        .menu(&menu)
        .on_menu_event(move |_, event| act(&clicked, &event))
        .build(desk.app())?;
    Ok(menu)
}

fn redraw(desk: &Desk, drawn: &mut Drawn, view: &mut TrayView, texts: Texts) -> tauri::Result<()> {
    let Some(tray) = desk.app().tray_by_id(ID) else {
        return Ok(());
    };
    wait_with_recent(desk, drawn, view);
    // An icon is a file each time, which the panel reads.
    if (view.icon, view.panel) != (drawn.view.icon, drawn.view.panel) {
        tray.set_icon(Some(image(view.icon, view.panel)?))?;
    }
    if view.heading != drawn.view.heading {
        tray.set_tooltip(Some(&view.heading))?;
    }
    if view.has_lines_of(&drawn.view) {
        reword(&drawn.menu, "heading", &drawn.view.heading, &view.heading)?;
        for (old, new) in drawn.view.changing().zip(view.changing()) {
            reword(&drawn.menu, &new.id, &old.text, &new.text)?;
        }
    } else {
        drawn.menu = menu(desk.app(), view, texts)?;
        drawn.made = Instant::now();
        tray.set_menu(Some(drawn.menu.clone()))?;
    }
    drawn.view = view.clone();
    Ok(())
}

/// Leaves the recent files as they are drawn if the menu was made just now, and nothing else asks for another.
fn wait_with_recent(desk: &Desk, drawn: &mut Drawn, view: &mut TrayView) {
    let with_those = TrayView {
        recent: drawn.view.recent.clone(),
        ..view.clone()
    };
    let wait = RECENT_EVERY.saturating_sub(drawn.made.elapsed());
    if wait.is_zero() || with_those.recent == view.recent || !with_those.has_lines_of(&drawn.view) {
        return;
    }
    *view = with_those;
    if !std::mem::replace(&mut drawn.is_due, true) {
        let desk = desk.clone();
        tauri::async_runtime::spawn(async move {
            tokio::time::sleep(wait).await;
            if let Some(drawn) = &mut *DRAWN.lock().unwrap_or_else(PoisonError::into_inner) {
                drawn.is_due = false;
            }
            show(&desk);
        });
    }
}

fn reword(menu: &Menu<Wry>, id: &str, old: &str, new: &str) -> tauri::Result<()> {
    match menu.get(id) {
        Some(MenuItemKind::MenuItem(item)) if old != new => item.set_text(new),
        _ => Ok(()),
    }
}

fn image(icon: Icon, panel: Panel) -> tauri::Result<Image<'static>> {
    Image::from_bytes(png(icon, panel))
}

const fn png(icon: Icon, panel: Panel) -> &'static [u8] {
    macro_rules! drawn {
        ($state:literal) => {
            match panel {
                Panel::Dark => {
                    include_bytes!(concat!(env!("OUT_DIR"), "/tray-", $state, "-dark.png"))
                }
                Panel::Light => {
                    include_bytes!(concat!(env!("OUT_DIR"), "/tray-", $state, "-light.png"))
                }
            }
        };
    }
    match icon {
        Icon::Idle => drawn!("idle"),
        Icon::Syncing => drawn!("syncing"),
        Icon::Paused => drawn!("paused"),
        Icon::NeedsYou => drawn!("needs-you"),
        Icon::Error => drawn!("error"),
    }
}

fn menu(app: &AppHandle, view: &TrayView, texts: Texts) -> tauri::Result<Menu<Wry>> {
    let item = |id: &str, text: &str| MenuItemBuilder::with_id(id, text).build(app);
    let heading = MenuItemBuilder::with_id("heading", &view.heading)
        .enabled(false)
        .build(app)?;
    let mut menu = MenuBuilder::new(app).item(&heading).separator();
    for line in &view.pairs {
        menu = menu.item(&item(&line.id, &line.text)?);
    }
    if !view.pairs.is_empty() {
        menu = menu.separator();
    }
    if view.can_pause {
        let spans = ["half_hour", "hour", "until_tomorrow", "until_resumed"];
        let mut pause = SubmenuBuilder::new(app, texts.get("tray.pause"));
        for span in spans {
            pause = pause.item(&item(
                &format!("pause:{span}"),
                &texts.get(&format!("pause.{span}")),
            )?);
        }
        menu = menu.item(&pause.build()?);
    }
    if view.can_resume {
        menu = menu.item(&item("resume", &texts.get("tray.resume"))?);
    }
    if !view.pairs.is_empty() {
        menu = menu.item(&item("sync", &texts.get("tray.sync"))?);
    }
    menu = with_recent(app, menu, &view.recent, texts)?;
    for line in view.conflicts.iter().chain(&view.held) {
        menu = menu.item(&item(&line.id, &line.text)?);
    }
    let (open, quit) = (
        item(&view.open.id, &view.open.text)?,
        item("quit", &texts.get("tray.quit"))?,
    );
    menu.separator().item(&open).item(&quit).build()
}

fn with_recent<'m>(
    app: &'m AppHandle,
    menu: MenuBuilder<'m, Wry, AppHandle>,
    recent: &[Line],
    texts: Texts,
) -> tauri::Result<MenuBuilder<'m, Wry, AppHandle>> {
    if recent.is_empty() {
        return Ok(menu);
    }
    let mut files = SubmenuBuilder::new(app, texts.get("tray.recent"));
    for line in recent {
        files = files.item(&MenuItemBuilder::with_id(&line.id, &line.text).build(app)?);
    }
    Ok(menu.item(&files.build()?))
}

/// Does what a line of the menu stands for.
fn act(desk: &Desk, event: &MenuEvent) {
    let app = desk.app();
    let (what, of) = event
        .id()
        .as_ref()
        .split_once(':')
        .unwrap_or((event.id().as_ref(), ""));
    match what {
        "open" => window::open(app, None),
        "pair" => {
            let place = Place {
                page: Page::Overview,
                subject: of.to_owned(),
            };
            window::open(app, Some(place));
        }
        "conflicts" => window::open(app, Some(Page::Conflicts.into())),
        "held" => window::open(app, Some(Page::Held.into())),
        _ => later(desk.clone(), what.to_owned(), of.to_owned()),
    }
}

/// What takes a while. What went wrong with it is told: nobody looks at a window.
fn later(desk: Desk, what: String, of: String) {
    tauri::async_runtime::spawn(async move {
        let done = match (what.as_str(), of.as_str()) {
            ("pause", span) => desk.pause(Vec::new(), span_of(span)).await,
            ("resume", _) => desk.resume(Vec::new()).await,
            ("sync", _) => desk.sync_now(Vec::new()).await.map(|_| ()),
            ("recent", of) => match view::place_of(of) {
                Some((pair, path)) => desk.show_recent(pair, path).await,
                None => Ok(()),
            },
            ("quit", _) => {
                desk.quit().await;
                Ok(())
            }
            _ => Ok(()),
        };
        if let Err(failure) = done {
            tracing::warn!(cause = %failure.cause, "the tray's command was not done");
            notify::not_done(&desk, failure);
        }
    });
}

fn span_of(name: &str) -> PauseSpan {
    match name {
        "half_hour" => PauseSpan::HalfHour,
        "hour" => PauseSpan::Hour,
        "until_tomorrow" => PauseSpan::UntilTomorrow,
        _ => PauseSpan::UntilResumed,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_state_has_an_icon_of_its_own_for_either_panel() {
        use Icon::{Error, Idle, NeedsYou, Paused, Syncing};
        let icons = [Idle, Syncing, Paused, NeedsYou, Error];
        let drawn: BTreeSet<_> = [Panel::Dark, Panel::Light]
            .into_iter()
            .flat_map(|panel| icons.map(|icon| png(icon, panel)))
            .collect();
        assert_eq!(drawn.len(), 10);
        for png in drawn {
            assert!(Image::from_bytes(png).is_ok());
        }
    }
}
