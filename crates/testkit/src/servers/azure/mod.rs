//! Launchers for Azurite, Microsoft's own emulator of Azure Storage, and for a simulator of what that lacks.

mod simulated;

use std::io;
use std::path::Path;
use std::process::Command;

use super::process::Process;
use super::scratch::Scratch;
use super::version::Version;
use super::{START_LIMIT, data_dir, program};

pub use simulated::SimulatedAzure;

/// Azurite's account, whose name and key are public. The simulator has the same.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// The blob service of a storage account. Dropping it stops it and removes what it stored.
#[derive(Debug)]
pub struct AzureServer {
    endpoint: String,
    version: Says,
    // Declared before `_home`, so that nothing still writes into the folder while it is removed.
    _process: Process,
    _home: Scratch,
}

/// How a server says what it is.
#[derive(Debug, Clone, Copy)]
enum Says {
    Itself(Version),
    /// A simulator is called by what it simulates.
    Simulated(&'static str),
}

/// Azurite's blob service: signatures, conditions, blocks, leases and snapshots; neither versions nor soft delete.
#[derive(Debug)]
pub struct Azurite;

impl Azurite {
    /// Starts one, with no containers.
    ///
    /// # Errors
    /// It is not installed, or does not answer.
    pub fn start() -> io::Result<AzureServer> {
        let says = Says::Itself(Version::AZURITE);
        AzureServer::launch("Azurite", says, |home| {
            let data = data_dir(home);
            std::fs::create_dir(&data)?;
            command(&data)
        })
    }
}

impl AzureServer {
    fn launch(
        title: &str,
        version: Says,
        command: impl FnOnce(&Path) -> io::Result<Command>,
    ) -> io::Result<Self> {
        let home = Scratch::new("tandem-azure")?;
        let mut process = Process::spawn(title, &command(home.path())?, home.path())?;
        let address = process.wait_for_address(START_LIMIT)?;
        Ok(Self {
            endpoint: format!("http://{address}/{ACCOUNT}"),
            version,
            _process: process,
            _home: home,
        })
    }

    /// What it is, such as `Azurite 3.35.0`.
    ///
    /// # Errors
    /// It does not say.
    pub fn version(&self) -> io::Result<String> {
        match self.version {
            Says::Itself(version) => version.ask(),
            Says::Simulated(title) => Ok(title.to_owned()),
        }
    }

    /// The address of the blob service, with the account in its path and without a slash at the end.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Whose storage it is.
    pub fn account(&self) -> &str {
        ACCOUNT
    }

    /// The key of the account, in base64.
    pub fn key(&self) -> &str {
        KEY
    }

    /// Makes a container.
    ///
    /// # Errors
    /// The server does not answer, or there is one of this name.
    #[cfg(feature = "simulators")]
    pub fn make_container(&self, name: &str) -> io::Result<()> {
        let sas = self.sas("c", "2099-01-01T00:00:00Z")?;
        let address = format!("{}/{name}{sas}&restype=container", self.endpoint);
        let put = ["--request", "PUT", "--header", "Content-Length: 0"];
        super::curl(&[&put[..], &[&address]].concat()).map(|_| ())
    }

    /// A SAS of the account for its containers and blobs: `rights` such as `racwdl`, good until `end` such as
    /// `2099-01-01T00:00:00Z` ("Create an account SAS", Construct the signature string).
    ///
    /// # Errors
    /// The key is no base64.
    #[cfg(feature = "simulators")]
    pub fn sas(&self, rights: &str, end: &str) -> io::Result<String> {
        use base64::Engine;
        use base64::engine::general_purpose::STANDARD;
        use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
        let text = format!(
            "{ACCOUNT}\n{rights}\nb\nco\n2020-01-01T00:00:00Z\n{end}\n\nhttps,http\n2023-11-03\n\n"
        );
        let key = STANDARD.decode(KEY).map_err(io::Error::other)?;
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key);
        let signature = STANDARD.encode(ring::hmac::sign(&key, text.as_bytes()));
        let signature = utf8_percent_encode(&signature, NON_ALPHANUMERIC);
        Ok(format!(
            "?sv=2023-11-03&ss=b&srt=co&sp={rights}&st=2020-01-01T00:00:00Z&se={end}&spr=https,http&sig={signature}"
        ))
    }
}

fn command(data: &Path) -> io::Result<Command> {
    let mut command = Command::new(program("TANDEM_AZURITE", "azurite-blob")?);
    command.args(["--blobHost", "127.0.0.1", "--blobPort", "0"]);
    // The version of the interface that other clients ask for is newer than what it knows.
    command.args(["--skipApiVersionCheck", "--silent", "--disableTelemetry"]);
    command.arg("--location").arg(data);
    Ok(command)
}
