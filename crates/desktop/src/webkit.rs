//! What WebKitGTK leaves running without a window: its network process, some 30 MB for nobody.
//!
//! Neither WebKit nor Tauri ends it ("WebKit does not close its network process even when no webviews are running",
//! tauri-runtime-wry, on tauri issue 14626), and no call of WebKit's does. WebKit takes its end for that of any other
//! of its processes, and starts a new one with the next page.

use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, getpid, kill_process};
use tauri::AppHandle;

/// The names of its processes, which the system cuts to fifteen characters.
const DRAWS: &str = "WebKitWebProces";
const LOADS: &str = "WebKitNetworkPr";

/// How often it is looked whether the page's process has ended, and how many times.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const LOOKS: usize = 50;

/// Ends it once the page's process has ended, if `is_unused` still says so then.
pub(crate) fn end_when_unused(app: &AppHandle, is_unused: fn() -> bool) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        for _ in 0..LOOKS {
            tokio::time::sleep(LOOK_EVERY).await;
            if children(DRAWS).is_empty() {
                break;
            }
        }
        // Windows are made on the main thread, so none is begun between the question and the end.
        let ended = app.run_on_main_thread(move || {
            if is_unused() {
                end();
            }
        });
        if let Err(error) = ended {
            tracing::warn!(%error, "WebKit's network process was left");
        }
    });
}

fn end() {
    for id in children(LOADS) {
        // An error means that it has ended by itself.
        let _ = kill_process(id, Signal::TERM);
    }
}

/// This program's own processes of this name.
fn children(name: &str) -> Vec<Pid> {
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let ids = processes.flatten().filter_map(|entry| {
        let id = entry.file_name().to_str()?.parse().ok()?;
        is_child(&entry.path(), name).then_some(id)
    });
    ids.filter_map(Pid::from_raw).collect()
}

/// By proc_pid_stat(5): the name stands in brackets and may hold any character; state and parent come after it.
fn is_child(process: &Path, name: &str) -> bool {
    let stat = std::fs::read_to_string(process.join("stat")).unwrap_or_default();
    let Some((before, after)) = stat.rsplit_once(')') else {
        return false;
    };
    let mut fields = after.split_whitespace();
    let (state, parent) = (fields.next(), fields.next());
    before.ends_with(&format!("({name}"))
        && state != Some("Z")
        && parent == Some(&getpid().as_raw_nonzero().to_string())
}
