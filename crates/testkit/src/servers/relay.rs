//! A relay before a server: it changes nothing, and a test hears what clients send.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;

/// A relay, for as long as the process runs.
#[derive(Debug)]
pub struct Relay {
    endpoint: String,
}

impl Relay {
    /// One before the server at `endpoint`, which may have a path. `hear` is called with what clients send, piece by
    /// piece before it is passed on, and from several connections at once.
    ///
    /// # Errors
    /// No port is free.
    pub fn before(
        endpoint: &str,
        hear: impl Fn(&[u8]) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let behind = endpoint.trim_start_matches("http://");
        let (behind, path) = behind.split_at(behind.find('/').unwrap_or(behind.len()));
        let behind = behind.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let endpoint = format!("http://{}{path}", listener.local_addr()?);
        let hear = Arc::new(hear);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A connection that breaks is for its two ends to notice.
                let _ = join(client, &behind, &hear);
            }
        });
        Ok(Self { endpoint })
    }

    /// Where it listens.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

/// Carries both ways between a client and the server, until both have ended.
fn join(
    client: TcpStream,
    behind: &str,
    hear: &Arc<impl Fn(&[u8]) + Send + Sync + 'static>,
) -> io::Result<()> {
    let server = TcpStream::connect(behind)?;
    let (answers, asker) = (server.try_clone()?, client.try_clone()?);
    let hear = Arc::clone(hear);
    std::thread::spawn(move || carry(client, server, |bytes| hear(bytes)));
    std::thread::spawn(move || carry(answers, asker, |_| ()));
    Ok(())
}

fn carry(mut from: TcpStream, mut to: TcpStream, hear: impl Fn(&[u8])) {
    let mut bytes = [0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut bytes) {
        hear(&bytes[..read]);
        if to.write_all(&bytes[..read]).is_err() {
            break;
        }
    }
    // An error means that it is closed already.
    let _ = to.shutdown(Shutdown::Write);
}
