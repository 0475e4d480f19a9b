//! A launcher for PostgreSQL.
//!
//! It does not run as root; started by root it becomes the user `postgres`, which its package makes.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::Process;
use super::scratch::Scratch;
use super::version::Version;
use super::{START_LIMIT, free_address, program, run};

const USER: &str = "tandem";
const PASSWORD: &str = "tandem test password";

/// The user of the system that a server of root's becomes.
const SYSTEM_USER: &str = "postgres";

/// The folder of its own disk.
const DISK: &str = "disk";

/// How often a server is started anew whose port another program was quicker to take.
const MOST_STARTS: u32 = 5;

/// A server with one database. Dropping it stops it and removes what it stored.
#[derive(Debug)]
pub struct PostgresServer {
    address: SocketAddr,
    settings: Vec<String>,
    /// How a disk of its own is made, as options of tmpfs.
    disk: Option<String>,
    // Declared before `home`, so that nothing still writes into the folder while it is removed.
    process: Option<Process>,
    home: Scratch,
}

impl PostgresServer {
    /// Starts one. Each of `settings` is as in its configuration file: `ssl=on`.
    pub fn start(settings: &[&str]) -> io::Result<Self> {
        Self::start_with(settings, &[])
    }

    /// Starts one that finds `files` (name and content) beside its configuration.
    pub fn start_with(settings: &[&str], files: &[(&str, &str)]) -> io::Result<Self> {
        Self::launch(settings, files, None)
    }

    fn launch(settings: &[&str], files: &[(&str, &str)], disk: Option<&str>) -> io::Result<Self> {
        let home = Scratch::new("tandem-postgres")?;
        let data = home.path().join("data");
        copy(&template()?, &data)?;
        for (name, content) in files {
            let file = data.join(name);
            std::fs::write(&file, content)?;
            private(&file)?;
        }
        if disk.is_some() {
            std::fs::create_dir(home.path().join(DISK))?;
        }
        give_away(home.path())?;
        let mut server = Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            settings: settings.iter().map(|&one| one.to_owned()).collect(),
            disk: disk.map(str::to_owned),
            process: None,
            home,
        };
        let mut tries = 1;
        loop {
            server.address = free_address()?;
            match server.resume() {
                Err(_) if tries < MOST_STARTS => tries += 1,
                done => return done.map(|()| server),
            }
        }
    }

    /// One whose tables come to lie on a disk of its own, made as `options` of tmpfs say: `size=64k`. The mount is seen by
    /// the server alone and goes with it. Takes root, or sudo without a password.
    pub fn start_with_small_disk(options: &str) -> io::Result<Self> {
        let server = Self::launch(&[], &[], Some(options))?;
        let disk = server.home.path().join(DISK);
        server.sql(&format!(
            "CREATE TABLESPACE small LOCATION '{}'",
            disk.display()
        ))?;
        server.sql(&format!("ALTER ROLE {USER} SET default_tablespace = small"))?;
        Ok(server)
    }

    /// Ends it as a crash would: nothing that was not flushed is, and nobody is told.
    pub fn crash(&mut self) {
        self.process = None;
    }

    /// Starts it again, at the same address with the same data.
    pub fn resume(&mut self) -> io::Result<()> {
        let home = self.home.path();
        let mut command = self.command()?;
        command.arg("-D").arg(home.join("data"));
        command.args(["-p", &self.address.port().to_string()]);
        command.arg("-k").arg(home);
        for setting in ["listen_addresses=127.0.0.1", "fsync=off"] {
            command.args(["-c", setting]);
        }
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        // Killed outright it would leave a segment of shared memory behind, of which a system holds only so many.
        let mut process = Process::spawn_ended_by("QUIT", "PostgreSQL", &command, home)?;
        process.wait_until_open(self.address, START_LIMIT)?;
        // It listens before it is done with what a crash left.
        process.wait_until_printed("ready to accept connections", START_LIMIT)?;
        self.process = Some(process);
        Ok(())
    }

    /// Its program, as its user and with its disk.
    fn command(&self) -> io::Result<Command> {
        use std::os::unix::fs::MetadataExt;
        let program = program("TANDEM_POSTGRES", "postgres")?;
        let Some(options) = &self.disk else {
            return Ok(as_its_user(&program));
        };
        let disk = self.home.path().join(DISK);
        let owner = std::fs::metadata(&disk)?;
        let (uid, gid) = (owner.uid(), owner.gid());
        let script = format!(
            "mount -t tmpfs -o {options},mode=700,uid={uid},gid={gid} tandem-test '{}' && \
             exec setpriv --reuid={uid} --regid={gid} --clear-groups \"$0\" \"$@\"",
            disk.display()
        );
        let as_root: &[&str] = if is_root()? {
            &[]
        } else {
            &["sudo", "--non-interactive", "--preserve-env"]
        };
        // A mount namespace of its own.
        let words = [as_root, &["unshare", "--mount", "sh", "-c"]].concat();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg(script).arg(program);
        Ok(command)
    }

    /// What it is, such as `PostgreSQL 15.18`.
    ///
    /// # Errors
    /// It does not say.
    pub fn version(&self) -> io::Result<String> {
        Version::POSTGRES.ask()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The folder of its socket.
    pub fn socket(&self) -> &Path {
        self.home.path()
    }

    /// The address of its database, for its owner.
    pub fn url(&self) -> String {
        self.url_of(USER, "postgres")
    }

    /// The address of another database, or for another user.
    pub fn url_of(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@{}/{database}", self.address)
    }

    /// The owner's password.
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// What the owner is told by PostgreSQL's own client, psql: a line for each row.
    ///
    /// # Errors
    /// The statement failed.
    pub fn sql(&self, statement: &str) -> io::Result<String> {
        let psql = program("TANDEM_POSTGRES", "postgres")?.with_file_name("psql");
        let done = Command::new(psql)
            .args(["-h", "127.0.0.1", "-p", &self.address.port().to_string()])
            .args(["-U", USER, "-d", "postgres", "-X", "-Atq"])
            .args(["-v", "ON_ERROR_STOP=1", "-c", statement])
            .env("PGPASSWORD", PASSWORD)
            .output()?;
        if done.status.success() {
            return Ok(String::from_utf8_lossy(&done.stdout).trim_end().to_owned());
        }
        let said = String::from_utf8_lossy(&done.stderr);
        Err(io::Error::other(format!("{statement}: {said}")))
    }
}

/// The files of a database that nothing was done with. Making them takes most of a second, so they are kept beside the
/// program that needs them and go with its build folder.
fn template() -> io::Result<PathBuf> {
    let version = Version::POSTGRES.ask()?.replace(' ', "-");
    let beside = std::env::current_exe()?;
    let kept = beside.with_file_name(format!("{version}.template"));
    if kept.is_dir() {
        return Ok(kept);
    }
    let made = Scratch::new("tandem-initdb")?;
    let password = made.path().join("password");
    std::fs::write(&password, PASSWORD)?;
    let data = made.path().join("data");
    give_away(made.path())?;
    let initdb = program("TANDEM_POSTGRES", "postgres")?.with_file_name("initdb");
    let mut command = as_its_user(&initdb);
    command.arg("-D").arg(&data).args(["-U", USER]);
    command.arg(format!("--pwfile={}", password.display()));
    command.args(["-A", "scram-sha-256", "-E", "UTF8", "--locale=C"]);
    command.args(["--no-sync", "--wal-segsize=1"]);
    run(&mut command)?;
    let mine = kept.with_extension(std::process::id().to_string());
    copy(&data, &mine)?;
    match std::fs::rename(&mine, &kept) {
        Ok(()) => Ok(kept),
        // Another test made one meanwhile.
        Err(_) if kept.is_dir() => std::fs::remove_dir_all(&mine).map(|()| kept),
        Err(error) => Err(error),
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    run(Command::new("cp").arg("-r").arg(from).arg(to))?;
    private(to)
}

/// It refuses files that others may read.
fn private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = if path.is_dir() { 0o700 } else { 0o600 };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

/// Makes a folder, with all in it, its user's, where that is another than this one.
fn give_away(folder: &Path) -> io::Result<()> {
    if !is_root()? {
        return Ok(());
    }
    run(Command::new("chown").args(["-R", SYSTEM_USER]).arg(folder)).map(|_| ())
}

fn as_its_user(path: &Path) -> Command {
    if !is_root().unwrap_or(false) {
        return Command::new(path);
    }
    let mut command = Command::new("setpriv");
    let user = format!("--reuid={SYSTEM_USER}");
    let group = format!("--regid={SYSTEM_USER}");
    command.args([&*user, &*group, "--clear-groups"]).arg(path);
    command
}

/// Whose this process is shows in a folder of its own.
fn is_root() -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    Ok(std::fs::metadata("/proc/self")?.uid() == 0)
}
