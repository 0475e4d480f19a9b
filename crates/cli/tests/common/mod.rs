//! Runs the program as a person would: its own profile, its own folders, nothing of this user's.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) const PASSPHRASE: &str = "a passphrase for tests";

/// A person's computer: a home, a profile in it, and folders.
pub(crate) struct Desk {
    home: TempDir,
    wrapper: Vec<String>,
}

/// What a command came to.
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Whether a mount namespace can be had without being root: many containers and a changed root refuse it.
fn may_map_root() -> bool {
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "--map-root-user", "true"]);
    let tried = unshare.stderr(Stdio::null()).status();
    tried.is_ok_and(|done| done.success())
}

impl Desk {
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let runtime = home.path().join("runtime");
        std::fs::create_dir(&runtime).unwrap();
        set_mode(&runtime, 0o700);
        Self {
            home,
            wrapper: Vec::new(),
        }
    }

    /// Every command is run by an ordinary user, also where the tests are run by root, who may read and write
    /// whatever the modes say.
    pub(crate) fn of_ordinary_user() -> Self {
        let mut desk = Self::new();
        if !rustix::process::geteuid().is_root() {
            return desk;
        }
        let as_nobody = [
            "setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "--no-new-privs",
        ];
        desk.wrapper = as_nobody.map(str::to_owned).to_vec();
        // The program lies where only root may look, and the home was made by root.
        let program = desk.path("tandem");
        std::fs::copy(program_path(), &program).unwrap();
        set_mode(&program, 0o755);
        own(desk.home.path());
        own(&desk.path("runtime"));
        desk.wrapper.push(program.to_str().unwrap().to_owned());
        desk
    }

    /// Every command runs where `folder` is a disk of its own, limited as `options` of tmpfs say.
    pub(crate) fn with_small_disk(mut self, folder: &Path, options: &str) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        // A mount namespace of its own: nothing is left behind, whatever the test does.
        let (uid, gid) = (
            rustix::process::getuid().as_raw(),
            rustix::process::getgid().as_raw(),
        );
        let (unshare, owner, then) = if may_map_root() {
            (
                "unshare --mount --map-root-user",
                String::new(),
                String::new(),
            )
        } else {
            (
                "sudo --non-interactive --preserve-env unshare --mount",
                format!(",uid={uid},gid={gid}"),
                format!("setpriv --reuid={uid} --regid={gid} --clear-groups "),
            )
        };
        let script = format!(
            "mount -t tmpfs -o {options}{owner} tandem-test '{}' && exec {then}\"$0\" \"$@\"",
            folder.display()
        );
        let words = unshare.split(' ').chain(["sh", "-c", &script]);
        self.wrapper = words.map(str::to_owned).collect();
        self.wrapper.push(program_path());
        self
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn profile(&self) -> PathBuf {
        self.path("profile")
    }

    /// A folder in the home, as text.
    pub(crate) fn folder(&self, name: &str) -> String {
        let path = self.path(name);
        std::fs::create_dir_all(&path).unwrap();
        if !self.wrapper.is_empty() && self.wrapper[0] == "setpriv" {
            own(&path);
        }
        path.to_str().unwrap().to_owned()
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        if !self.wrapper.is_empty() && self.wrapper[0] == "setpriv" {
            own(&path);
        }
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The process that owns the profile, as it wrote down.
    pub(crate) fn owner(&self) -> String {
        let lock = self.read("profile/lock");
        lock.lines().next().unwrap_or_default().to_owned()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut words = self.wrapper.clone();
        if words.is_empty() {
            words.push(program_path());
        }
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        command.arg("--profile").arg(self.profile()).args(arguments);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("USER", "ada")
            .env("XDG_RUNTIME_DIR", self.path("runtime"))
            .env("TZ", "UTC")
            .current_dir(self.home.path())
            .stdin(Stdio::null());
        // A session bus that is not there, whatever this user has.
        command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus");
        command
    }

    /// The same, started by a shell's script, which finds it in `$0` and `$@`.
    pub(crate) fn command_by(&self, script: &str, arguments: &[&str]) -> Command {
        let command = self.command(arguments);
        let mut shell = Command::new("sh");
        shell.args(["-c", script]).arg(command.get_program());
        shell.args(command.get_args()).env_clear();
        let variables = command.get_envs();
        shell.envs(variables.filter_map(|(name, value)| Some((name, value?))));
        shell.current_dir(self.home.path()).stdin(Stdio::null());
        shell
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        Done::of(self.command(arguments).output().unwrap())
    }

    pub(crate) fn run_with_passphrase(&self, arguments: &[&str], stdin: &str) -> Done {
        let mut command = self.command(&["--secret-store", "file"]);
        command.args(arguments).env("TANDEM_PASSPHRASE", PASSPHRASE);
        Done::of(with_input(command, stdin))
    }

    /// A command that is expected to do its work.
    pub(crate) fn ok(&self, arguments: &[&str]) -> Done {
        let done = self.run(arguments);
        assert_eq!(done.code, 0, "{arguments:?}: {}{}", done.out, done.err);
        done
    }

    /// Its answer in JSON: one document.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let done = self.run(&[&["--json"], arguments].concat());
        serde_json::from_str(&done.out)
            .unwrap_or_else(|e| panic!("{arguments:?}: {e}: {}{}", done.out, done.err))
    }

    /// Its answer in JSON: a document a line.
    pub(crate) fn lines(&self, arguments: &[&str]) -> Vec<Value> {
        let done = self.run(&[&["--json"], arguments].concat());
        let parse =
            |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        done.out.lines().map(parse).collect()
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        Self::spawn(self.command(arguments))
    }

    pub(crate) fn start_with_passphrase(&self, arguments: &[&str]) -> Running {
        let mut command = self.command(arguments);
        command.env("TANDEM_PASSPHRASE", PASSPHRASE);
        Self::spawn(command)
    }

    fn spawn(mut command: Command) -> Running {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Running(Some(command.spawn().unwrap()))
    }
}

/// A command that goes on until it is stopped.
pub(crate) struct Running(Option<Child>);

impl Running {
    pub(crate) fn id(&self) -> u32 {
        self.0.as_ref().unwrap().id()
    }

    /// Asks it to stop and waits for what it says.
    pub(crate) fn stop(mut self) -> Done {
        let child = self.0.take().unwrap();
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        Done::of(child.wait_with_output().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Done {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The one sentence, and the code.
    #[track_caller]
    pub(crate) fn says(&self, code: i32, sentence: &str) {
        assert_eq!(self.err.trim_end(), sentence, "{}", self.out);
        assert_eq!(self.code, code, "{}", self.err);
    }
}

pub(crate) fn with_input(mut command: Command, stdin: &str) -> Output {
    use std::io::Write;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that wants no input may be done before it is given.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child.wait_with_output().unwrap()
}

pub(crate) fn program_path() -> String {
    env!("CARGO_BIN_EXE_tandem").to_owned()
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn own(path: &Path) {
    std::os::unix::fs::chown(path, Some(65_534), Some(65_534)).unwrap();
}

/// Waits until `found` says yes.
#[track_caller]
pub(crate) fn eventually(what: &str, found: impl Fn() -> bool) {
    let began = std::time::Instant::now();
    while !found() {
        assert!(began.elapsed().as_secs() < 60, "{what} did not come");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
