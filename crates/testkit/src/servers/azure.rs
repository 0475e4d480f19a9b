//! A launcher for Azurite, Microsoft's own emulator of Azure Storage.

use std::io;
use std::path::Path;
use std::process::Command;

use super::process::Process;
use super::scratch::Scratch;
use super::version::Version;
use super::{START_LIMIT, data_dir, program};

/// Azurite's account, whose name and key are public.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// Azurite's blob service: signatures, conditions, blocks, leases and snapshots; neither versions nor soft delete.
/// Dropping it stops it and removes what it stored.
#[derive(Debug)]
pub struct Azurite {
    endpoint: String,
    // Declared before `_home`, so that nothing still writes into the folder while it is removed.
    _process: Process,
    _home: Scratch,
}

impl Azurite {
    /// Starts one, with no containers.
    ///
    /// # Errors
    /// It is not installed, or does not answer.
    pub fn start() -> io::Result<Self> {
        let home = Scratch::new("tandem-azurite")?;
        let data = data_dir(home.path());
        std::fs::create_dir(&data)?;
        let mut process = Process::spawn("Azurite", &command(&data)?, home.path())?;
        let address = process.wait_for_address(START_LIMIT)?;
        Ok(Self {
            endpoint: format!("http://{address}/{ACCOUNT}"),
            _process: process,
            _home: home,
        })
    }

    /// What it is, such as `Azurite 3.35.0`.
    ///
    /// # Errors
    /// It does not say.
    pub fn version(&self) -> io::Result<String> {
        Version::AZURITE.ask()
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
}

fn command(data: &Path) -> io::Result<Command> {
    let mut command = Command::new(program("TANDEM_AZURITE", "azurite-blob")?);
    command.args(["--blobHost", "127.0.0.1", "--blobPort", "0"]);
    // The version of the interface that other clients ask for is newer than what it knows.
    command.args(["--skipApiVersionCheck", "--silent", "--disableTelemetry"]);
    command.arg("--location").arg(data);
    Ok(command)
}
