//! A proxy that strips conditions from requests, as some do that stand before S3 stores.
//!
//! The store behind it then does what it is asked, whatever is there. It must be one that checks no signatures:
//! the headers that are taken out were signed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What is taken out.
const CONDITIONS: [&str; 3] = ["if-match", "if-none-match", "x-amz-copy-source-if-"];

/// A proxy, for as long as the test runs.
pub(crate) struct Stripping {
    endpoint: String,
    stripped: Arc<AtomicU64>,
}

impl Stripping {
    /// Before the server at `endpoint`.
    pub(crate) fn before(endpoint: &str) -> Self {
        Self::slowly_before(endpoint, Duration::ZERO)
    }

    /// The same, and every write is held back for so long, so that others fit between it and the look before it.
    pub(crate) fn slowly_before(endpoint: &str, pause: Duration) -> Self {
        let behind = endpoint.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let stripped = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&stripped);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (behind, count) = (behind.clone(), Arc::clone(&count));
                // A connection that breaks is the client's to notice.
                std::thread::spawn(move || carry(client, &behind, &count, pause));
            }
        });
        Self { endpoint, stripped }
    }

    /// Where it listens.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// How many headers it took out.
    pub(crate) fn stripped(&self) -> u64 {
        self.stripped.load(Ordering::Relaxed)
    }
}

/// One request and its answer; then the connection ends, so that answers need not be understood.
fn carry(
    client: TcpStream,
    behind: &str,
    stripped: &AtomicU64,
    pause: Duration,
) -> std::io::Result<()> {
    let mut to_client = client.try_clone()?;
    let mut client = BufReader::new(client);
    let mut server = TcpStream::connect(behind)?;
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if client.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if line == "\r\n" {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        let name = name.to_ascii_lowercase();
        if CONDITIONS.iter().any(|c| name.starts_with(c)) {
            stripped.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        match name.as_str() {
            "content-length" => length = value.trim().parse().unwrap(),
            "transfer-encoding" => panic!("this proxy knows bodies of a given length only"),
            "expect" => {
                to_client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
                continue;
            }
            "connection" => continue,
            _ => {}
        }
        head.push_str(&line);
    }
    if !head.starts_with("GET ") && !head.starts_with("HEAD ") {
        std::thread::sleep(pause);
    }
    head.push_str("connection: close\r\n\r\n");
    server.write_all(head.as_bytes())?;
    std::io::copy(&mut client.take(length), &mut server)?;
    std::io::copy(&mut server, &mut to_client)?;
    to_client.shutdown(Shutdown::Both)
}
