//! A launcher for OpenStack Swift, with sign-ins as its own tempauth and as Keystone has them.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::process::Process;
use super::scratch::Scratch;
use super::version::Version;
use super::{START_LIMIT, curl, program};

mod s3api;

pub use s3api::SwiftS3;

const SERVER: &str = include_str!("server.py");

/// Swift's proxy, account, container and object server, on one disk. Dropping it stops them and removes what they
/// stored.
#[derive(Debug)]
pub struct SwiftServer {
    url: String,
    // Declared before `home`, so that nothing still writes into the folder while it is removed.
    process: Process,
    home: Scratch,
}

/// Someone whom the server lets in.
#[derive(Debug, Clone, Copy)]
pub struct SwiftUser {
    /// The account, which Keystone calls a project.
    pub account: &'static str,
    /// The name within it.
    pub name: &'static str,
    /// The password, which sign-ins of version 1 call a key.
    pub password: &'static str,
}

/// An application credential of [`SwiftServer::USER`].
#[derive(Debug, Clone, Copy)]
pub struct SwiftApplication {
    /// What Keystone calls it.
    pub id: &'static str,
    /// What goes with it.
    pub secret: &'static str,
}

impl SwiftServer {
    /// An administrator of the account that the region `One` has.
    pub const USER: SwiftUser = SwiftUser {
        account: "test",
        name: "tester",
        password: "testing",
    };
    /// One of the same account who may do only what a container's access list allows.
    pub const READER: SwiftUser = SwiftUser {
        account: "test",
        name: "reader",
        password: "reading",
    };
    /// An application credential.
    pub const APPLICATION: SwiftApplication = SwiftApplication {
        id: "0a1b2c3d4e5f",
        secret: "applicationtesting",
    };
    /// The region whose endpoint has the account of [`Self::USER`].
    pub const REGION: &str = "One";
    /// Another, with another account.
    pub const OTHER_REGION: &str = "Two";

    /// Starts one, with nothing in it. The folder for temporary files must be on a file system with extended
    /// attributes, in which Swift keeps what it knows of objects.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub fn start() -> io::Result<Self> {
        let home = Scratch::new("tandem-swift")?;
        let script = home.path().join("server.py");
        std::fs::write(&script, SERVER)?;
        let mut command = Command::new(program("TANDEM_SWIFT", "python3")?);
        command.arg(script).arg(home.path().join("home"));
        let mut process = Process::spawn("Swift", &command, home.path())?;
        let address = process.wait_for_address(START_LIMIT)?;
        Ok(Self {
            url: format!("http://{address}"),
            process,
            home,
        })
    }

    /// What it is, such as `Swift 2.30.1`.
    ///
    /// # Errors
    /// It does not say.
    pub fn version(&self) -> io::Result<String> {
        Version::SWIFT.ask()
    }

    /// The folder that it keeps everything in.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Where one signs in by version 1, with `account:name` and a key.
    pub fn auth_v1(&self) -> String {
        format!("{}/auth/v1.0", self.url)
    }

    /// Where one signs in by Keystone's version 3.
    pub fn auth_v3(&self) -> String {
        format!("{}/v3", self.url)
    }

    /// The address of the account of [`Self::USER`], without a slash at the end.
    pub fn storage_url(&self) -> String {
        format!("{}/v1/AUTH_{}", self.url, Self::USER.account)
    }

    /// Makes every token that was given out worth nothing.
    ///
    /// # Errors
    /// The server does not answer.
    pub fn expire_tokens(&self) -> io::Result<()> {
        curl(&["--request", "POST", &format!("{}/expire", self.url)]).map(|_| ())
    }

    /// A token of [`Self::USER`].
    ///
    /// # Errors
    /// The server does not answer.
    pub fn token(&self) -> io::Result<String> {
        let SwiftUser {
            account,
            name,
            password,
        } = Self::USER;
        let answer = curl(&[
            "--include",
            "--header",
            &format!("X-Auth-User: {account}:{name}"),
            "--header",
            &format!("X-Auth-Key: {password}"),
            &self.auth_v1(),
        ])?;
        let mut lines = answer.lines();
        let token = lines.find_map(|line| line.strip_prefix("X-Auth-Token: "));
        let token = token.ok_or_else(|| io::Error::other(format!("no token in {answer}")))?;
        Ok(token.trim().to_owned())
    }

    /// What `method` on `path` in the account of [`Self::USER`] answers, as text. The path is sent as it is.
    ///
    /// # Errors
    /// The server does not answer, or refuses.
    pub fn ask(&self, method: &str, path: &str, headers: &[&str]) -> io::Result<String> {
        let (status, body) = self.request(&self.token()?, method, path, headers, None)?;
        let said = String::from_utf8_lossy(&body).into_owned();
        if (200..300).contains(&status) {
            return Ok(said);
        }
        let failed = format!("{method} {path}: {status} {said}");
        Err(io::Error::other(failed))
    }

    /// The status and the body of what is answered to a request with this token, whatever it is.
    ///
    /// # Errors
    /// The server does not answer.
    pub fn request(
        &self,
        token: &str,
        method: &str,
        path: &str,
        headers: &[&str],
        body: Option<&[u8]>,
    ) -> io::Result<(u16, Vec<u8>)> {
        let mut command = Command::new("curl");
        command.args(["-q", "--silent", "--show-error", "--noproxy", "*"]);
        command.args(["--max-time", "60", "--header", "Expect:"]);
        command.args(["--header", &format!("X-Auth-Token: {token}")]);
        for header in headers {
            command.args(["--header", header]);
        }
        // Of a HEAD, curl waits for the body that `--request` lets it expect.
        match method {
            "HEAD" => command.arg("--head"),
            method => command.args(["--request", method]),
        };
        if body.is_some() {
            command.args(["--data-binary", "@-"]);
        }
        command.args(["--write-out", "%{stderr}%{http_code}"]);
        command.arg(format!("{}/{path}", self.storage_url()));
        command.stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        if let (Some(mut stdin), Some(body)) = (child.stdin.take(), body) {
            stdin.write_all(body)?;
        }
        let done = child.wait_with_output()?;
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        let digits = said.get(said.len().saturating_sub(3)..).unwrap_or_default();
        match digits.parse() {
            Ok(status) if done.status.success() => Ok((status, done.stdout)),
            _ => Err(io::Error::other(said)),
        }
    }
}

/// A Python with python-swiftclient and keystoneauth1, for tests that need a second client.
///
/// # Errors
/// It is not installed.
pub fn swiftclient() -> io::Result<PathBuf> {
    Ok(program("TANDEM_SWIFTCLIENT", "swift")?.with_file_name("python"))
}
