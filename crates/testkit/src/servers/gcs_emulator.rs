//! `gcp-storage-emulator`: takes and gives objects, heeds no precondition, pages nothing, keeps no versions.

use std::io;
use std::net::SocketAddr;
use std::process::Command;

use super::process::Process;
use super::scratch::Scratch;
use super::version::Version;
use super::{START_LIMIT, free_address, python};

/// How often another port is tried: the one that was free may be taken before the server has it.
const TRIES: u32 = 5;

/// Its own start, but with a thread for each connection: as it is, a request that was broken off holds up all others, or
/// is taken as it came. The requests themselves are answered one after the other, which its maps want.
const ABREAST: &str = "
import io, threading
from http import server
server.HTTPServer = server.ThreadingHTTPServer
server.HTTPServer.request_queue_size = 100
from gcp_storage_emulator.__main__ import main
from gcp_storage_emulator.server import Router
from gcp_storage_emulator.storage import Storage
answer, one_by_one = Router.handle, threading.Lock()

def handle(router, method):
    handler = router._request_handler
    wanted = int(handler.headers.get('Content-Length') or 0)
    body, out = handler.rfile.read(wanted), handler.wfile
    if len(body) < wanted:
        return
    handler.rfile, handler.wfile = io.BytesIO(body), io.BytesIO()
    with one_by_one:
        answer(router, method)
    out.write(handler.wfile.getvalue())
    handler.wfile = out

Router.handle = handle
# After each change it writes everything anew, here into its own memory.
Storage._write_config_to_file = lambda storage: None
main()
";

/// A running one, with no buckets. It asks nobody who they are.
#[derive(Debug)]
pub struct GcsEmulator {
    address: SocketAddr,
    _process: Process,
    _home: Scratch,
}

impl GcsEmulator {
    /// Starts one.
    pub fn start() -> io::Result<Self> {
        let mut tries = 1;
        loop {
            let home = Scratch::new("tandem-server")?;
            let address = free_address()?;
            let mut command = Command::new(python()?);
            command
                .args(["-c", ABREAST, "start", "--in-memory", "--host=127.0.0.1"])
                .arg(format!("--port={}", address.port()));
            let mut process = Process::spawn("gcp-storage-emulator", &command, home.path())?;
            match process.wait_until_open(address, START_LIMIT) {
                Ok(()) => {
                    return Ok(Self {
                        address,
                        _process: process,
                        _home: home,
                    });
                }
                Err(error) if tries == TRIES => return Err(error),
                Err(_) => tries += 1,
            }
        }
    }

    /// The address to send requests to, without a slash at the end.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it is.
    pub fn version(&self) -> io::Result<String> {
        Version::GCP_EMULATOR.ask()
    }

    /// Makes a bucket.
    pub fn make_bucket(&self, name: &str) -> io::Result<()> {
        let done = Command::new("curl")
            .args(["-q", "--silent", "--show-error", "--fail-with-body"])
            .args(["--noproxy", "*", "--max-time", "30"])
            .args(["--header", "content-type: application/json"])
            .args(["--data", &format!("{{\"name\": \"{name}\"}}")])
            .arg(format!("{}/storage/v1/b?project=tandem", self.endpoint()))
            .output()?;
        if done.status.success() {
            return Ok(());
        }
        let said = [&done.stderr[..], &done.stdout[..]].concat();
        Err(io::Error::other(
            String::from_utf8_lossy(&said).into_owned(),
        ))
    }
}
