//! A desktop session: a screen, a bus, a home. What the test starts in it ends with it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use zbus::Connection;
use zbus::connection::Builder;
use zbus::fdo::DBusProxy;
use zbus::zvariant::OwnedObjectPath;

use crate::eventually;
use crate::process::{Killed, Program};

/// A bus that starts no service by itself: whoever is not there yet is not there.
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

/// The password of the keyring.
const PASSWORD: &str = "pw";

/// A session of its own.
pub(crate) struct Session {
    display: String,
    address: Option<String>,
    connection: Option<Connection>,
    keyring: Option<Killed>,
    small_disk: Option<String>,
    variables: BTreeMap<String, String>,
    // Declared after what runs in it, so that nothing still writes into it while it is removed.
    screen: Option<Killed>,
    _bus: Option<Killed>,
    home: TempDir,
}

impl Session {
    /// With a bus.
    pub(crate) async fn new() -> Self {
        let mut session = Self::without_bus();
        let config = session.home.path().join("bus.conf");
        std::fs::write(&config, BUS).unwrap();
        let mut command = Command::new("dbus-daemon");
        command
            .arg(format!("--config-file={}", config.display()))
            .args(["--nofork", "--print-address=1"]);
        let (bus, address) = Killed::start_and_read(command);
        session._bus = Some(bus);
        let connection = Builder::address(address.as_str()).unwrap().build().await;
        session.connection = Some(connection.unwrap());
        session.address = Some(address);
        session
    }

    /// With a screen, and nobody to talk to.
    pub(crate) fn without_bus() -> Self {
        let (screen, display) = new_screen();
        let session = Self {
            display,
            address: None,
            connection: None,
            keyring: None,
            small_disk: None,
            variables: BTreeMap::new(),
            screen: Some(screen),
            _bus: None,
            home: tempfile::tempdir().unwrap(),
        };
        let runtime = session.folder("runtime");
        std::fs::set_permissions(runtime, std::fs::Permissions::from_mode(0o700)).unwrap();
        session
    }

    /// Whether there is a bus.
    pub(crate) fn has_bus(&self) -> bool {
        self.connection.is_some()
    }

    /// The test's own place on the bus.
    pub(crate) fn bus(&self) -> &Connection {
        self.connection.as_ref().unwrap()
    }

    /// The X display.
    pub(crate) fn display(&self) -> &str {
        &self.display
    }

    /// A path below the home.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// A folder below the home, made if it is not there.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    /// Where a picture of the window may be left for those who look why a test failed.
    pub(crate) fn picture(&self) -> PathBuf {
        self.home.path().with_extension("png")
    }

    /// From now on the program finds a disk of its own at `folder`, made as `options` of tmpfs say. Nobody else sees
    /// it, the test neither.
    pub(crate) fn put_small_disk(&mut self, folder: &Path, options: &str) {
        std::fs::create_dir_all(folder).unwrap();
        let folder = folder.display();
        self.small_disk = Some(format!(
            "mount -t tmpfs -o {options} tandem-test '{folder}'"
        ));
    }

    /// From now on the program finds this in its environment, or does not any more.
    pub(crate) fn set(&mut self, name: &str, value: Option<&str>) {
        self.variables.remove(name);
        if let Some(value) = value {
            self.variables.insert(name.to_owned(), value.to_owned());
        }
    }

    /// From now on there is a browser, which notes what it is asked to open.
    pub(crate) fn use_browser(&mut self) -> Browser {
        let (programs, notes) = (self.folder("programs"), self.path("opened"));
        let browser = programs.join("xdg-open");
        let script = format!("#!/bin/sh\necho \"$1\" >>'{}'\n", notes.display());
        std::fs::write(&browser, script).unwrap();
        std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        self.set("PATH", Some(&format!("{}:{path}", programs.display())));
        Browser(notes)
    }

    /// The screen goes, and with it all that was shown on it.
    pub(crate) fn end_screen(&mut self) {
        self.screen = None;
    }

    /// Another screen, as after the next login.
    pub(crate) fn start_screen(&mut self) {
        let (screen, display) = new_screen();
        (self.screen, self.display) = (Some(screen), display);
    }

    /// The folder of the profile, where the program looks for it by itself.
    pub(crate) fn profile(&self) -> PathBuf {
        self.path(".config/tandem")
    }

    /// The program in this session, not started yet.
    pub(crate) fn command(&self) -> Command {
        self.command_of(Path::new(env!("CARGO_BIN_EXE_tandem-desktop")))
    }

    /// A program with a window in this session, not started yet.
    pub(crate) fn command_of(&self, program: &Path) -> Command {
        let mut command = match &self.small_disk {
            Some(mount) => {
                // A mount namespace of its own, which ends with the program; only root needs no other user for it.
                let mut command = self.around("unshare");
                command.arg("--mount");
                if !rustix::process::geteuid().is_root() {
                    command.arg("--map-root-user");
                }
                let script = format!("{mount} && exec \"$0\" \"$@\"");
                command.args(["sh", "-c", &script]).arg(program);
                command
            }
            None => self.around(program),
        };
        // Nothing for screen readers is on this bus, and GTK waits for it otherwise.
        command.env("NO_AT_BRIDGE", "1");
        command
    }

    /// Starts the program.
    pub(crate) fn start(&self) -> Program {
        Program::start(self.command())
    }

    /// A program with this session's environment and nothing else of the test's.
    fn around(&self, program: impl AsRef<Path>) -> Command {
        let home = self.home.path();
        let mut command = Command::new(program.as_ref());
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LANG", "C.UTF-8")
            .env("HOME", home)
            .env("XDG_CONFIG_HOME", home.join(".config"))
            .env("XDG_DATA_HOME", home.join(".local/share"))
            .env("XDG_CACHE_HOME", home.join(".cache"))
            .env("XDG_RUNTIME_DIR", home.join("runtime"))
            .env("DISPLAY", &self.display)
            .envs(&self.variables);
        if let Some(address) = &self.address {
            command.env("DBUS_SESSION_BUS_ADDRESS", address);
        }
        command
    }

    /// Starts a keyring and unlocks it.
    pub(crate) async fn start_keyring(&mut self) {
        self.run_keyring(&["--unlock"]);
        if let Some(keyring) = &mut self.keyring {
            keyring.tell(PASSWORD);
        }
        self.wait_for_keyring().await;
    }

    /// Starts a keyring that was made before, and leaves it locked.
    pub(crate) async fn start_locked_keyring(&mut self) {
        self.run_keyring(&[]);
        self.wait_for_keyring().await;
    }

    fn run_keyring(&mut self, options: &[&str]) {
        // One goes before the next comes.
        self.keyring = None;
        let mut command = self.around("gnome-keyring-daemon");
        command
            .args(["--foreground", "--components=secrets"])
            .args(options);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::null());
        self.keyring = Some(Killed::start(command));
    }

    /// Ends the keyring; what it keeps stays on the disk.
    pub(crate) fn stop_keyring(&mut self) {
        self.keyring = None;
    }

    async fn wait_for_keyring(&self) {
        let bus = self.bus().clone();
        eventually("a keyring that keeps secrets", async || {
            let names = DBusProxy::new(&bus).await.unwrap();
            let secrets = "org.freedesktop.secrets".try_into().unwrap();
            if !names.name_has_owner(secrets).await.unwrap() {
                return None;
            }
            let answer = bus
                .call_method(
                    Some("org.freedesktop.secrets"),
                    "/org/freedesktop/secrets",
                    Some("org.freedesktop.Secret.Service"),
                    "ReadAlias",
                    &"default",
                )
                .await
                .ok()?;
            let collection: OwnedObjectPath = answer.body().deserialize().ok()?;
            (collection.as_str() != "/").then_some(())
        })
        .await;
    }
}

/// What the program calls to open an address.
pub(crate) struct Browser(PathBuf);

impl Browser {
    /// The address that it was asked to open as the so-manyth one, counted from 0.
    pub(crate) async fn opened(&self, at: usize) -> String {
        eventually("an address in the browser", async || {
            let notes = std::fs::read_to_string(&self.0).ok()?;
            notes.lines().nth(at).map(str::to_owned)
        })
        .await
    }
}

fn new_screen() -> (Killed, String) {
    let mut command = Command::new("Xvfb");
    command.args(["-displayfd", "1", "-screen", "0", "1280x900x24"]);
    command.args(["-nolisten", "tcp", "-noreset"]);
    let (screen, number) = Killed::start_and_read(command);
    (screen, format!(":{number}"))
}

impl Killed {
    /// Starts it, and reads the first line that it prints.
    fn start_and_read(mut command: Command) -> (Self, String) {
        let mut killed = Self::start(command.stdout(Stdio::piped()).stderr(Stdio::null()));
        let mut line = String::new();
        let printed = killed.child().stdout.take().unwrap();
        BufReader::new(printed).read_line(&mut line).unwrap();
        assert!(!line.trim().is_empty(), "{command:?} did not start");
        (killed, line.trim().to_owned())
    }

    /// Writes to its standard input and closes that.
    fn tell(&mut self, text: &str) {
        let mut input = self.child().stdin.take().unwrap();
        input.write_all(text.as_bytes()).unwrap();
    }

    fn child(&mut self) -> &mut Child {
        &mut self.0
    }
}
