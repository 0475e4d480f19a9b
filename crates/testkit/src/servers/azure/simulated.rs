//! A launcher for the simulated blob service (`server.py`), and what tests tell it.

use std::io;
use std::process::Command;
use std::sync::Arc;

use super::{AzureServer, Says};
use crate::servers::faults::Fault;
use crate::servers::{curl, python};

const FILES: [(&str, &str); 2] = [
    ("server.py", include_str!("server.py")),
    ("account.py", include_str!("account.py")),
];

/// It has the version of the interface that it simulates.
const TITLE: &str = "simulated Blob REST API 2023-11-03";

/// The simulated service: what Azurite has but for leases and snapshots, and versions and soft delete.
#[derive(Debug)]
pub struct SimulatedAzure {
    server: Arc<AzureServer>,
}

impl SimulatedAzure {
    /// Starts one, with no containers, that keeps neither versions nor what was deleted.
    ///
    /// # Errors
    /// There is no Python, or it does not answer.
    pub fn start() -> io::Result<Self> {
        let server = AzureServer::launch("simulated Azure", Says::Simulated(TITLE), |home| {
            for (name, text) in FILES {
                std::fs::write(home.join(name), text)?;
            }
            let mut command = Command::new(python()?);
            command.arg(home.join("server.py"));
            Ok(command)
        })?;
        Ok(Self {
            server: Arc::new(server),
        })
    }

    /// What clients talk to.
    #[must_use]
    pub fn server(&self) -> Arc<AzureServer> {
        Arc::clone(&self.server)
    }

    /// Turns versions of blobs on or off, which at Azure is done through its Resource Manager.
    ///
    /// # Errors
    /// The server does not answer.
    pub fn keep_versions(&self, on: bool) -> io::Result<()> {
        self.tell(&format!(r#"{{"versioning": {on}}}"#)).map(drop)
    }

    /// Keeps what is removed for so many days.
    ///
    /// # Errors
    /// The server does not answer.
    pub fn keep_deleted(&self, days: u16) -> io::Result<()> {
        self.tell(&format!(r#"{{"soft_days": {days}}}"#)).map(drop)
    }

    /// The most blobs on a page of a listing. The service may put fewer on one than were asked for.
    ///
    /// # Errors
    /// The server does not answer.
    pub fn limit_pages(&self, blobs: usize) -> io::Result<()> {
        self.tell(&format!(r#"{{"page_limit": {blobs}}}"#))
            .map(drop)
    }

    /// This befalls the next `times` requests of this method whose address has this part in it, after the first
    /// `spared` ones. A status is answered as "Status and error codes" of Azure Storage has it
    /// (learn.microsoft.com/rest/api/storageservices).
    ///
    /// # Errors
    /// The server does not answer, or knows no such fault.
    pub fn script(
        &self,
        method: &str,
        part: &str,
        spared: u32,
        times: u32,
        fault: Fault,
    ) -> io::Result<()> {
        let fault = match fault {
            Fault::Status {
                status,
                retry_after,
            } => {
                let wait = retry_after.map_or_else(|| "null".to_owned(), |secs| secs.to_string());
                format!(r#""kind": "status", "status": {status}, "retry_after": {wait}"#)
            }
            Fault::LoseRequest => r#""kind": "lose request""#.to_owned(),
            Fault::LoseAnswer => r#""kind": "lose answer""#.to_owned(),
            Fault::CutAnswer(sent) => format!(r#""sent": {sent}"#),
            Fault::DoubleAnswer => r#""kind": "double answer""#.to_owned(),
            Fault::Slow(time) => format!(r#""seconds": {}"#, time.as_secs_f64()),
            unknown => return Err(io::Error::other(format!("no {unknown:?} here"))),
        };
        self.tell(&format!(
            r#"{{"script": [{{"method": "{method}", "part": "{part}", "spared": {spared}, "times": {times}, "fault": {{{fault}}}}}]}}"#
        ))
        .map(drop)
    }

    /// How many scripted faults have not befallen a request yet: a test in which one did not proves nothing.
    ///
    /// # Errors
    /// The server does not answer.
    pub fn faults_left(&self) -> io::Result<u32> {
        let told = self.tell("{}")?;
        let digits = told.chars().filter(char::is_ascii_digit);
        let left: String = digits.collect();
        left.parse().map_err(io::Error::other)
    }

    fn tell(&self, what: &str) -> io::Result<String> {
        let endpoint = self.server.endpoint();
        let (address, _) = endpoint.rsplit_once('/').unwrap_or((endpoint, ""));
        curl(&["--data", what, &format!("{address}/control")])
    }
}
