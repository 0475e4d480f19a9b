//! `tandem-desktop`: tray, window and notifications over the service. It decides nothing about sync.

#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

mod arguments;
mod bridge;
mod commands;
mod desk;
mod file_manager;
mod follow;
mod link;
mod notice;
mod notify;
mod texts;
mod tray;
mod under_way;
mod window;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use tandem_service::profile::Profile;
use tandem_service::secret::SecretText;
use tauri::plugin::TauriPlugin;
use tauri::{App, AppHandle, Manager, RunEvent, Wry};

use crate::arguments::Arguments;
use crate::bridge::{Page, Settings};
use crate::desk::Desk;
use crate::link::Link;

/// Bytes of stack of each thread, as many as the system gives the thread that the command line answers requests on. Two
/// megabytes, as is usual, are too few for testing an S3 storage in an unoptimised build.
const STACK: usize = 8 << 20;

// Arguments come first: a wrong one is said in the terminal, before there is a window.
fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if !has_display() {
        return complain(
            "There is no display for a window or a tray. Start it in a desktop session; “tandem run” keeps pairs in \
             step without one.",
        );
    }
    if let Some(page) = arguments.window {
        return window::run(&page);
    }
    let Some(folder) = arguments.profile.clone().or_else(Profile::default_folder) else {
        return complain("There is no home folder for the profile. Name one with --profile.");
    };
    // As Tauri would make it, but for the stack.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(STACK)
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return complain(&format!("No threads can be started: {error}.")),
    };
    tauri::async_runtime::set(runtime.handle().clone());
    let context = context();
    let instance = single_instance(&context.config().identifier, &folder);
    let link = Link::new(folder);
    let built = tauri::Builder::default()
        .plugin(instance)
        .plugin(
            tauri_plugin_autostart::Builder::new()
                .args([arguments::AT_LOGIN])
                .build(),
        )
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_opener::init())
        .setup(move |app| {
            start(app, link, arguments.at_login);
            if let Some(link) = arguments.link {
                follow_link(app.handle(), link);
            }
            Ok(())
        })
        .build(context);
    match built {
        Ok(app) => {
            app.run(|_, event| {
                // Without a window the tray goes on; only Quit ends the program, and with a code.
                if let RunEvent::ExitRequested {
                    api, code: None, ..
                } = event
                {
                    api.prevent_exit();
                }
            });
            ExitCode::SUCCESS
        }
        Err(error) => complain(&format!("The desktop cannot be used: {error}.")),
    }
}

/// One program for each profile: another one's window would not show what was asked for. The usual profile has the name
/// that anybody knows.
fn single_instance(identifier: &str, folder: &Path) -> TauriPlugin<Wry> {
    let builder = tauri_plugin_single_instance::Builder::new();
    let builder = builder.callback(|app, given, _| again(app, given));
    let is_usual = Profile::default_folder().is_some_and(|usual| usual == folder);
    match Profile::open(folder) {
        Ok(profile) if !is_usual => builder.dbus_id(format!("{identifier}.p{}", profile.hash())),
        // What is wrong with the folder is said in the window.
        _ => builder,
    }
    .build()
}

/// Whether windows can be shown. Tauri takes that for granted, and breaks off where it is not so.
#[cfg(all(unix, not(target_os = "macos")))]
fn has_display() -> bool {
    gtk::init().is_ok()
}

/// These systems have one always.
#[cfg(not(all(unix, not(target_os = "macos"))))]
const fn has_display() -> bool {
    true
}

/// Says in the terminal what cannot be said in a window.
#[allow(clippy::print_stderr, reason = "there is no window to say it in")]
fn complain(sentence: &str) -> ExitCode {
    eprintln!("{sentence}");
    ExitCode::from(2)
}

/// The page and the configuration, which are in the program.
fn context() -> tauri::Context<tauri::Wry> {
    tauri::generate_context!()
}

fn start(app: &App, link: Link, at_login: bool) {
    let settings = link
        .profile()
        .map(|profile| Settings::load(&profile))
        .unwrap_or_default();
    let hidden = at_login && settings.start_hidden;
    let desk = Desk::new(app.handle().clone(), link.clone(), settings);
    app.manage(desk.clone());
    tray::show(&desk);
    let keeping = link;
    tauri::async_runtime::spawn(async move { keeping.keep().await });
    follow::start(&desk);
    tauri::async_runtime::spawn(quit_by_signal(desk));
    if !hidden {
        window::open(app.handle(), None);
    }
}

/// The program was started a second time.
fn again(app: &AppHandle, given: Vec<String>) {
    let link = Arguments::try_parse_from(given).ok().and_then(|a| a.link);
    match link {
        Some(link) => follow_link(app, link),
        None => window::open(app, None),
    }
}

/// Takes what a link brings, and says what became of it.
fn follow_link(app: &AppHandle, link: String) {
    window::open(app, Some(Page::Storages.into()));
    // None as long as the program is starting: what it did not begin, no link can end.
    if let Some(desk) = app.try_state::<Desk>() {
        let (desk, link) = (desk.inner().clone(), SecretText::new(link));
        tauri::async_runtime::spawn(async move { desk.follow_link(link).await });
    }
}

/// A session that ends asks its programs to: what is under way is then let go of in order.
async fn quit_by_signal(desk: Desk) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut term), Ok(mut interrupt)) = (
            signal(SignalKind::terminate()),
            signal(SignalKind::interrupt()),
        ) else {
            return;
        };
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
    #[cfg(not(unix))]
    if tokio::signal::ctrl_c().await.is_err() {
        return;
    }
    desk.quit().await;
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::Value;

    fn put_over(base: &mut Value, more: &Value) {
        match (base, more) {
            (Value::Object(base), Value::Object(more)) => {
                for (key, value) in more {
                    put_over(base.entry(key).or_insert(Value::Null), value);
                }
            }
            (base, more) => base.clone_from(more),
        }
    }

    // As Tauri's command line puts them together; here nobody builds for these systems.
    #[test]
    fn the_bundles_of_other_systems_are_configured() {
        let usual: Value = serde_json::from_str(include_str!("../tauri.conf.json")).unwrap();
        for (text, targets) in [
            (
                include_str!("../tauri.macos.conf.json"),
                ["app", "dmg"].as_slice(),
            ),
            (include_str!("../tauri.windows.conf.json"), &["nsis"]),
        ] {
            let mut config = usual.clone();
            put_over(&mut config, &serde_json::from_str(text).unwrap());
            let config: tauri::Config = serde_json::from_value(config).unwrap();
            let named: Vec<_> = targets.iter().map(|name| (*name).to_owned()).collect();
            let bundled = serde_json::to_value(&config.bundle.targets).unwrap();
            assert_eq!(bundled, serde_json::json!(named));
            for icon in &config.bundle.icon {
                let file = Path::new(icon);
                assert!(file.exists(), "{icon}");
            }
        }
        let head = |name: &str| {
            let file = Path::new("gen/icons").join(name);
            std::fs::read(file).unwrap()[..4].to_vec()
        };
        assert_eq!(head("icon.ico"), [0, 0, 1, 0]);
        assert_eq!(head("icon.icns"), b"icns");
    }
}
