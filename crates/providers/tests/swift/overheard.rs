//! A relay before the server that hears what a client sends.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// All bytes that clients sent.
type Heard = Arc<Mutex<Vec<u8>>>;

/// A relay, for as long as the test runs.
pub(crate) struct Overheard {
    endpoint: String,
    heard: Heard,
}

impl Overheard {
    /// Before the server at `endpoint`, which may have a path.
    pub(crate) fn before(endpoint: &str) -> Self {
        let behind = endpoint.trim_start_matches("http://");
        let (behind, path) = behind.split_at(behind.find('/').unwrap_or(behind.len()));
        let behind = behind.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}{path}", listener.local_addr().unwrap());
        let heard = Heard::default();
        let all = Arc::clone(&heard);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A connection that breaks is for its two ends to notice.
                let Ok(server) = TcpStream::connect(&behind) else {
                    continue;
                };
                let ends = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let all = Arc::clone(&all);
                std::thread::spawn(move || carry(client, server, Some(&all)));
                std::thread::spawn(move || carry(ends.1, ends.0, None));
            }
        });
        Self { endpoint, heard }
    }

    /// Where it listens.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// How often this was sent.
    pub(crate) fn count(&self, what: &str) -> usize {
        let heard = self.heard.lock().unwrap();
        let places = heard.windows(what.len());
        places.filter(|place| *place == what.as_bytes()).count()
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, heard: Option<&Mutex<Vec<u8>>>) {
    let mut bytes = [0; 64 * 1024];
    while let Ok(read) = from.read(&mut bytes) {
        if let Some(heard) = heard {
            heard.lock().unwrap().extend_from_slice(&bytes[..read]);
        }
        if read == 0 || to.write_all(&bytes[..read]).is_err() {
            break;
        }
    }
    // An error means that it is closed already.
    let _ = to.shutdown(Shutdown::Write);
}
