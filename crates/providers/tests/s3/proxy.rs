//! A proxy in front of a server: it forwards everything, and does what it was told to when the first request comes that
//! begins so.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// What is done about a request.
enum Deed {
    /// The connection is cut when its answer comes.
    LoseAnswer,
    /// This is done first.
    First(Box<dyn FnOnce() + Send>),
}

/// The request that is waited for, and what is done then; nothing once it came.
type Rule = Arc<Mutex<Option<(String, Deed)>>>;

/// Forwards to a server.
pub(crate) struct Proxy {
    address: SocketAddr,
    rule: Rule,
}

impl Proxy {
    pub(crate) fn before(endpoint: &str) -> Self {
        let server = endpoint.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let all = Rule::default();
        let rule = Arc::clone(&all);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(&server).unwrap());
                let cut = Arc::new(AtomicBool::new(false));
                let (rule, marked) = (Arc::clone(&rule), Arc::clone(&cut));
                let mut up = (client.try_clone().unwrap(), server.try_clone().unwrap());
                std::thread::spawn(move || forward(&mut up, |bytes| notice(bytes, &rule, &marked)));
                let mut down = (server, client);
                std::thread::spawn(move || forward(&mut down, |_| !cut.load(Ordering::SeqCst)));
            }
        });
        Self { address, rule: all }
    }

    /// Where it listens.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Loses the answer to the next request that begins so.
    pub(crate) fn lose(&self, request: &str) {
        *self.rule.lock().unwrap() = Some((request.to_owned(), Deed::LoseAnswer));
    }

    /// Does this before the next request that begins so gets to the server.
    pub(crate) fn first(&self, request: &str, deed: impl FnOnce() + Send + 'static) {
        *self.rule.lock().unwrap() = Some((request.to_owned(), Deed::First(Box::new(deed))));
    }

    /// Whether the request that was waited for came.
    pub(crate) fn has_met(&self) -> bool {
        self.rule.lock().unwrap().is_none()
    }
}

/// Does what is to be done about this request. Forwards it in any case.
fn notice(bytes: &[u8], rule: &Rule, marked: &AtomicBool) -> bool {
    let met = {
        let mut rule = rule.lock().unwrap();
        rule.take_if(|(text, _)| bytes.starts_with(text.as_bytes()))
    };
    match met {
        Some((_, Deed::LoseAnswer)) => marked.store(true, Ordering::SeqCst),
        Some((_, Deed::First(deed))) => deed(),
        None => {}
    }
    true
}

fn forward(streams: &mut (TcpStream, TcpStream), mut passes: impl FnMut(&[u8]) -> bool) {
    let mut buffer = vec![0; 1 << 16];
    loop {
        match streams.0.read(&mut buffer) {
            Ok(len) if len > 0 && passes(&buffer[..len]) => {
                if streams.1.write_all(&buffer[..len]).is_err() {
                    break;
                }
            }
            _ => break,
        }
    }
    let _ = streams.0.shutdown(Shutdown::Both);
    let _ = streams.1.shutdown(Shutdown::Both);
}
