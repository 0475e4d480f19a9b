//! A desktop of a test's own: a screen, a session bus with a tray and notifications, and a keyring.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use zbus::Connection;
use zbus::interface;
use zbus::message::Header;
use zbus::zvariant::OwnedValue;

/// A bus that starts no service by itself: who is not there is not there.
const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

/// What the program told the desktop.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// The tray icon's bus name and path.
    pub(crate) tray: Option<(String, String)>,
    /// The titles and bodies of notifications.
    pub(crate) notifications: Vec<(String, String)>,
}

/// A program that ends with its test.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The desktop.
pub(crate) struct Desktop {
    pub(crate) home: TempDir,
    pub(crate) told: Arc<Mutex<Told>>,
    pub(crate) bus: Connection,
    variables: Vec<(&'static str, String)>,
    // Ended in this order.
    _keyring: Running,
    _daemon: Running,
    _screen: Running,
}

impl Desktop {
    /// Starts one.
    pub(crate) async fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        let runtime = home.path().join("runtime");
        std::fs::create_dir(&runtime).unwrap();
        std::fs::set_permissions(&runtime, std::fs::Permissions::from_mode(0o700)).unwrap();
        let (screen, display) = said(Command::new("Xvfb").args([
            "-displayfd",
            "1",
            "-nolisten",
            "tcp",
            "-screen",
            "0",
            "1280x900x24",
        ]));
        let config = home.path().join("bus.conf");
        std::fs::write(&config, BUS).unwrap();
        let (daemon, address) = said(
            Command::new("dbus-daemon")
                .arg(format!("--config-file={}", config.display()))
                .args(["--nofork", "--print-address=1"]),
        );
        let folder = |name: &str| home.path().join(name).display().to_string();
        let variables = vec![
            ("HOME", home.path().display().to_string()),
            ("XDG_DATA_HOME", folder("data")),
            ("XDG_CONFIG_HOME", folder("config")),
            ("XDG_CACHE_HOME", folder("cache")),
            ("XDG_RUNTIME_DIR", runtime.display().to_string()),
            ("DISPLAY", format!(":{display}")),
            ("DBUS_SESSION_BUS_ADDRESS", address.clone()),
            ("LANG", "C.UTF-8".to_owned()),
            // The window is to be driven from outside.
            ("TAURI_AUTOMATION", "true".to_owned()),
            ("TAURI_WEBVIEW_AUTOMATION", "true".to_owned()),
        ];
        let keyring = unlocked_keyring(&variables);
        let told = Arc::new(Mutex::new(Told::default()));
        let bus = host(&address, &told).await;
        Self {
            home,
            told,
            bus,
            variables,
            _keyring: keyring,
            _daemon: daemon,
            _screen: screen,
        }
    }

    /// Lets a command run on this desktop.
    pub(crate) fn on(&self, command: &mut Command) {
        command
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("GNOME_KEYRING_CONTROL");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
    }

    /// Where the profile lies.
    pub(crate) fn profile(&self) -> std::path::PathBuf {
        self.home.path().join("profile")
    }

    /// Makes a folder in the home, with files.
    pub(crate) fn folder(&self, name: &str, files: &[(&str, &str)]) -> std::path::PathBuf {
        let folder = self.home.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        for (file, content) in files {
            std::fs::write(folder.join(file), content).unwrap();
        }
        folder
    }
}

/// Starts a server and reads the first line that it says.
fn said(command: &mut Command) -> (Running, String) {
    let name = command.get_program().to_owned();
    let started = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .stdin(Stdio::null())
        .spawn();
    let mut child =
        started.unwrap_or_else(|error| panic!("{}: {error}", Path::new(&name).display()));
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    (Running(child), line.trim().to_owned())
}

fn unlocked_keyring(variables: &[(&'static str, String)]) -> Running {
    let mut child = Command::new("gnome-keyring-daemon")
        .args(["--unlock", "--components=secrets", "--foreground"])
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("gnome-keyring is needed");
    child.stdin.take().unwrap().write_all(b"pw").unwrap();
    Running(child)
}

async fn host(address: &str, told: &Arc<Mutex<Told>>) -> Connection {
    zbus::connection::Builder::address(address)
        .unwrap()
        .name("org.kde.StatusNotifierWatcher")
        .unwrap()
        .name("org.freedesktop.Notifications")
        .unwrap()
        .serve_at("/StatusNotifierWatcher", Watcher(Arc::clone(told)))
        .unwrap()
        .serve_at(
            "/org/freedesktop/Notifications",
            Notifications(Arc::clone(told)),
        )
        .unwrap()
        .build()
        .await
        .unwrap()
}

struct Watcher(Arc<Mutex<Told>>);

#[interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    // libayatana gives the path alone: the name is the sender's.
    fn register_status_notifier_item(&self, service: &str, #[zbus(header)] header: Header<'_>) {
        let sender = header.sender().map(ToString::to_string).unwrap_or_default();
        self.0.lock().unwrap().tray = Some((sender, service.to_owned()));
    }

    fn register_status_notifier_host(&self, _service: &str) {}

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }

    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> Vec<String> {
        Vec::new()
    }
}

struct Notifications(Arc<Mutex<Told>>);

#[interface(name = "org.freedesktop.Notifications")]
impl Notifications {
    #[allow(clippy::too_many_arguments, reason = "as the specification has it")]
    fn notify(
        &self,
        _app: &str,
        _replaces: u32,
        _icon: &str,
        summary: &str,
        body: &str,
        _actions: Vec<String>,
        _hints: std::collections::HashMap<String, OwnedValue>,
        _timeout: i32,
    ) -> u32 {
        let mut told = self.0.lock().unwrap();
        told.notifications
            .push((summary.to_owned(), body.to_owned()));
        u32::try_from(told.notifications.len()).unwrap()
    }

    fn close_notification(&self, _id: u32) {}

    fn get_capabilities(&self) -> Vec<String> {
        ["body", "actions"].map(str::to_owned).to_vec()
    }

    fn get_server_information(&self) -> (String, String, String, String) {
        (
            "test".to_owned(),
            "tandem".to_owned(),
            "1".to_owned(),
            "1.2".to_owned(),
        )
    }
}
