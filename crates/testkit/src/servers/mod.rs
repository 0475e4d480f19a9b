//! Launchers for servers that other people wrote: of S3 here, in [`ceph`] and in [`garage`], of Azure in [`azure`], of
//! WebDAV in [`webdav`], OpenStack Swift in [`swift`], PostgreSQL in [`postgres`]; and simulators of what cannot be
//! installed, such as [`nextcloud`].
//!
//! `./dev test` installs the servers and says where they are through environment variables, `./dev setup wide` those
//! that take long. A server that is not there is an error with a sentence, never a skipped test: a suite that ran
//! against nothing proves nothing.

pub mod azure;
pub mod ceph;
pub mod faults;
pub mod garage;
#[cfg(feature = "simulators")]
pub mod gcs;
pub mod gcs_emulator;
mod message;
pub mod nextcloud;
pub mod postgres;
mod process;
pub mod quirks;
pub mod relay;
mod scratch;
pub mod swift;
mod version;
pub mod webdav;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use process::Process;
use scratch::Scratch;
use version::Version;

/// rclone refuses keys of a few characters, so all servers get ones of a usual length.
const ACCESS_KEY: &str = "tandemtestaccess";
const SECRET_KEY: &str = "tandemtestsecretkey";
const REGION: &str = "us-east-1";

/// Long enough for a Python server on a busy machine; a server that died is noticed at once.
const START_LIMIT: Duration = Duration::from_secs(60);

/// An S3 endpoint with its credentials. Dropping it stops the server behind it and removes what that stored.
#[derive(Debug)]
pub struct S3Server {
    endpoint: String,
    access_key: String,
    secret_key: String,
    region: String,
    version: Version,
    // Declared before `home`, so that nothing still writes into the folder while it is removed.
    _processes: Vec<Process>,
    home: Scratch,
}

impl S3Server {
    /// What it is, such as `moto 5.2.5`.
    ///
    /// # Errors
    /// It does not say.
    pub fn version(&self) -> io::Result<String> {
        self.version.ask()
    }

    /// The address to send requests to, such as `http://127.0.0.1:41234`, without a slash at the end.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The id of the key that the server accepts.
    pub fn access_key(&self) -> &str {
        &self.access_key
    }

    /// The secret that belongs to [`Self::access_key`].
    pub fn secret_key(&self) -> &str {
        &self.secret_key
    }

    /// The region that requests are signed for.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Where a server that stores plain files keeps them, a folder per bucket. Others have nothing there.
    pub fn data_dir(&self) -> PathBuf {
        data_dir(self.home.path())
    }

    /// Makes a bucket by a signed request, as any client would. Making one that exists is no error where the server
    /// takes it as none.
    pub fn make_bucket(&self, name: &str) -> io::Result<()> {
        // In an address, for a key with a colon in it would be cut there in `--user`.
        let user = format!("//{}:{}@", encoded(&self.access_key), self.secret_key);
        let made = curl(&[
            "--request",
            "PUT",
            "--aws-sigv4",
            &format!("aws:amz:{}:s3", self.region),
            "--header",
            "x-amz-content-sha256: UNSIGNED-PAYLOAD",
            &format!("{}/{name}", self.endpoint.replacen("//", &user, 1)),
        ]);
        made.map(|_| ()).map_err(|error| {
            io::Error::other(format!(
                "the server at {} did not make the bucket {name}: {error}",
                self.endpoint
            ))
        })
    }

    fn launch(
        title: &str,
        version: Version,
        command: impl FnOnce(&Path) -> io::Result<Command>,
    ) -> io::Result<Self> {
        let home = Scratch::new("tandem-server")?;
        let data = data_dir(home.path());
        std::fs::create_dir(&data)?;
        let mut process = Process::spawn(title, &command(&data)?, home.path())?;
        let address = process.wait_for_address(START_LIMIT)?;
        Ok(Self {
            endpoint: format!("http://{address}"),
            access_key: ACCESS_KEY.to_owned(),
            secret_key: SECRET_KEY.to_owned(),
            region: REGION.to_owned(),
            version,
            _processes: vec![process],
            home,
        })
    }
}

/// moto: knows the newest S3 semantics and versioning, checks neither signatures nor digests.
#[derive(Debug)]
pub struct Moto;

impl Moto {
    /// Starts one, with no buckets.
    pub fn start() -> io::Result<S3Server> {
        S3Server::launch("moto", Version::MOTO, |_| {
            let mut command = Command::new(program("TANDEM_MOTO", "moto_server")?);
            command
                .args(["-H", "127.0.0.1", "-p", "0"])
                .env("PYTHONUNBUFFERED", "1");
            Ok(command)
        })
    }
}

/// moto that takes up a request once it has answered the one before: its checks and writes are one, as on a server that
/// decides races. As it is it answers each request in a thread of its own, and of two writers both win at times.
#[derive(Debug)]
pub struct SerialMoto;

impl SerialMoto {
    /// Starts one, with no buckets.
    pub fn start() -> io::Result<S3Server> {
        S3Server::launch("serial moto", Version::MOTO, |_| {
            let mut command = Command::new(python()?);
            command
                .args(["-c", SERIALLY, "-H", "127.0.0.1", "-p", "0"])
                .env("PYTHONUNBUFFERED", "1");
            Ok(command)
        })
    }
}

/// moto's own start, but without threads.
const SERIALLY: &str = "
import moto.server as server
threaded = server.run_simple
server.run_simple = lambda *place, **how: threaded(*place, **{**how, 'threaded': False})
server.main()
";

/// s3s-fs: checks signatures and digests, has no versioning, lists `+` as a space.
#[derive(Debug)]
pub struct S3sFs;

impl S3sFs {
    /// Starts one, with no buckets.
    pub fn start() -> io::Result<S3Server> {
        S3Server::launch("s3s-fs", Version::S3S_FS, |data| {
            let mut command = Command::new(program("TANDEM_S3S_FS", "s3s-fs")?);
            command.args(["--host", "127.0.0.1", "--port", "0"]);
            command
                .args(["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY])
                .arg(data);
            // It says its port only in its log, and only if asked for one.
            command.env("RUST_LOG", "s3s_fs=info").env("NO_COLOR", "1");
            Ok(command)
        })
    }
}

/// `rclone serve s3`: a bucket is a folder, and mtimes are those of rclone's own metadata keys.
#[derive(Debug)]
pub struct RcloneS3;

impl RcloneS3 {
    /// Starts one, with no buckets.
    pub fn start() -> io::Result<S3Server> {
        S3Server::launch("rclone serve s3", Version::RCLONE_S3, |data| {
            let mut command = Command::new(rclone()?);
            command.args(["serve", "s3", "--addr", "127.0.0.1:0"]);
            command
                .args(["--auth-key", &format!("{ACCESS_KEY},{SECRET_KEY}")])
                .arg(data);
            // A person's own configuration must not reach a test.
            command.env("RCLONE_CONFIG", data.with_file_name("rclone.conf"));
            Ok(command)
        })
    }
}

/// The Python that has nc-py-api, a client of Nextcloud that nobody here wrote.
///
/// # Errors
/// It is not installed.
pub fn nc_py_api() -> io::Result<PathBuf> {
    program("TANDEM_NC_PY_API", "python3")
}

/// The rclone program, for tests that need a second client.
pub fn rclone() -> io::Result<PathBuf> {
    program("TANDEM_RCLONE", "rclone")
}

/// The s5cmd program, for tests that need a third client.
pub fn s5cmd() -> io::Result<PathBuf> {
    program("TANDEM_S5CMD", "s5cmd")
}

/// The Python that has Google's own client of Cloud Storage, and Microsoft's of Azure.
pub fn python() -> io::Result<PathBuf> {
    Ok(program("TANDEM_MOTO", "moto_server")?.with_file_name("python"))
}

fn encoded(key: &str) -> String {
    key.replace(':', "%3A")
}

fn data_dir(home: &Path) -> PathBuf {
    home.join("data")
}

/// Runs a command to its end, and gives what it printed.
fn run(command: &mut Command) -> io::Result<String> {
    let done = command.output()?;
    if done.status.success() {
        return Ok(String::from_utf8_lossy(&done.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(io::Error::other(format!("{command:?}: {said}")))
}

/// Starts what is made of several programs, again where another program was quicker to take a port.
fn begun_anew<T>(start: fn() -> io::Result<T>) -> io::Result<T> {
    const MOST_STARTS: u32 = 3;
    let mut tries = 1;
    loop {
        match start() {
            Err(error) if tries < MOST_STARTS && error.kind() != io::ErrorKind::NotFound => {
                tries += 1;
            }
            done => return done,
        }
    }
}

/// An address that nothing listens at now. Another program may take it first: who asks tries again.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// What a server answers to curl with these arguments, if it is no refusal.
fn curl(arguments: &[&str]) -> io::Result<String> {
    let done = Command::new("curl")
        .args(["-q", "--silent", "--show-error", "--fail-with-body"])
        .args(["--noproxy", "*", "--max-time", "30"])
        .args(arguments)
        .output()
        .map_err(|error| io::Error::new(error.kind(), format!("curl did not start: {error}")))?;
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    if done.status.success() {
        return Ok(said);
    }
    let error = String::from_utf8_lossy(&done.stderr).into_owned();
    Err(io::Error::other(error + &said))
}

fn program(variable: &str, name: &str) -> io::Result<PathBuf> {
    installed_by("test", variable, name)
}

/// A program of a server that takes long to install or to start.
fn wide_program(variable: &str, name: &str) -> io::Result<PathBuf> {
    installed_by("wide", variable, name)
}

fn installed_by(setup: &str, variable: &str, name: &str) -> io::Result<PathBuf> {
    let missing = |what: String| io::Error::new(io::ErrorKind::NotFound, what);
    let Some(path) = std::env::var_os(variable).map(PathBuf::from) else {
        return Err(missing(format!(
            "{variable} is not set, so {name} cannot be started: run `./dev test`, or `eval \"$(./dev env)\"` first"
        )));
    };
    if !path.is_file() {
        return Err(missing(format!(
            "{variable} names {}, which does not exist: `./dev setup {setup}` installs {name}",
            path.display()
        )));
    }
    Ok(path)
}
