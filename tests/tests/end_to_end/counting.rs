//! A relay before a server that counts what a client sends.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A relay, for as long as the test runs.
pub(crate) struct Counting {
    endpoint: String,
    sent: Arc<AtomicU64>,
}

impl Counting {
    /// Before the server at `endpoint`.
    pub(crate) fn before(endpoint: &str) -> Self {
        let behind = endpoint.trim_start_matches("http://");
        let (behind, path) = behind.split_at(behind.find('/').unwrap_or(behind.len()));
        let behind = behind.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}{path}", listener.local_addr().unwrap());
        let sent = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&sent);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A connection that breaks is for its two ends to notice.
                let Ok(server) = TcpStream::connect(&behind) else {
                    continue;
                };
                let ends = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let count = Arc::clone(&count);
                std::thread::spawn(move || carry(client, server, Some(&count)));
                std::thread::spawn(move || carry(ends.1, ends.0, None));
            }
        });
        Self { endpoint, sent }
    }

    /// Where it listens.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Bytes that clients have sent so far, headers included.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, count: Option<&AtomicU64>) {
    let mut bytes = [0; 64 * 1024];
    while let Ok(read) = from.read(&mut bytes) {
        if let Some(count) = count {
            count.fetch_add(read as u64, Ordering::Relaxed);
        }
        if read == 0 || to.write_all(&bytes[..read]).is_err() {
            break;
        }
    }
    // An error means that it is closed already.
    let _ = to.shutdown(Shutdown::Write);
}
