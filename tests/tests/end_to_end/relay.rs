//! Stands before a socket and writes down what goes through it.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

type Heard = Arc<Mutex<Vec<u8>>>;

/// A relay, for as long as the test runs.
pub(crate) struct Relay {
    asked: Heard,
    answered: Heard,
}

impl Relay {
    /// Takes the place of `socket`, which goes on under another name.
    pub(crate) fn before(socket: &Path) -> Self {
        let behind = socket.with_extension("behind");
        std::fs::rename(socket, &behind).unwrap();
        let listener = UnixListener::bind(socket).unwrap();
        let relay = Self {
            asked: Heard::default(),
            answered: Heard::default(),
        };
        let (asked, answered) = (Arc::clone(&relay.asked), Arc::clone(&relay.answered));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A connection that breaks is for its two ends to notice.
                let Ok(server) = UnixStream::connect(&behind) else {
                    continue;
                };
                let ends = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let (asked, answered) = (Arc::clone(&asked), Arc::clone(&answered));
                std::thread::spawn(move || carry(client, server, &asked));
                std::thread::spawn(move || carry(ends.1, ends.0, &answered));
            }
        });
        relay
    }

    /// What went to the owner of the socket, and what came from it.
    pub(crate) fn heard(&self) -> (Vec<u8>, Vec<u8>) {
        let heard = |side: &Heard| side.lock().unwrap().clone();
        (heard(&self.asked), heard(&self.answered))
    }
}

fn carry(mut from: UnixStream, mut to: UnixStream, heard: &Mutex<Vec<u8>>) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(count) = from.read(&mut bytes) {
        heard.lock().unwrap().extend_from_slice(&bytes[..count]);
        if count == 0 || to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    // An error means that it is closed already.
    let _ = to.shutdown(std::net::Shutdown::Write);
}
