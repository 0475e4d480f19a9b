//! A proxy in front of a server: it forwards everything, and does what it was told to when a request comes that is waited
//! for. A request is named as `PUT /folder/`: by its method and a part of its target.

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
    /// It does not get to the server, and is answered with this status and nothing else.
    Answer(u16),
}

/// A request that is waited for.
struct Rule {
    request: String,
    /// How many of them are still to come.
    left: u32,
    deed: Deed,
}

/// What is waited for; nothing once it came.
type Waiting = Arc<Mutex<Option<Rule>>>;

/// Forwards to a server.
pub(crate) struct Proxy {
    address: SocketAddr,
    waiting: Waiting,
}

#[allow(
    dead_code,
    reason = "the tests of one provider need this, of another that"
)]
impl Proxy {
    pub(crate) fn before(endpoint: &str) -> Self {
        let server = endpoint.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let waiting = Waiting::default();
        let all = Arc::clone(&waiting);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(&server).unwrap());
                let cut = Arc::new(AtomicBool::new(false));
                let (waiting, marked) = (Arc::clone(&all), Arc::clone(&cut));
                let up = (client.try_clone().unwrap(), server.try_clone().unwrap());
                std::thread::spawn(move || ask(up, &waiting, &marked));
                std::thread::spawn(move || answer((server, client), &cut));
            }
        });
        Self { address, waiting }
    }

    /// Where it listens.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Loses the answer to the next such request.
    pub(crate) fn lose(&self, request: &str) {
        self.wait_for(request, 1, Deed::LoseAnswer);
    }

    /// Does this before the next such request gets to the server.
    pub(crate) fn first(&self, request: &str, deed: impl FnOnce() + Send + 'static) {
        self.wait_for(request, 1, Deed::First(Box::new(deed)));
    }

    /// Does this before the so-many-th such request from now on gets to the server.
    pub(crate) fn before_nth(
        &self,
        request: &str,
        number: u32,
        deed: impl FnOnce() + Send + 'static,
    ) {
        self.wait_for(request, number, Deed::First(Box::new(deed)));
    }

    /// Answers so many such requests with this status.
    pub(crate) fn answer(&self, request: &str, times: u32, status: u16) {
        self.wait_for(request, times, Deed::Answer(status));
    }

    fn wait_for(&self, request: &str, left: u32, deed: Deed) {
        *self.waiting.lock().unwrap() = Some(Rule {
            request: request.to_owned(),
            left,
            deed,
        });
    }

    /// Whether all that was waited for came.
    pub(crate) fn has_met(&self) -> bool {
        self.waiting.lock().unwrap().is_none()
    }
}

/// What is to be done about what a client sent, if it begins with a request that is waited for.
fn deed(bytes: &[u8], waiting: &Mutex<Option<Rule>>) -> Option<Deed> {
    let line = String::from_utf8_lossy(bytes.split(|byte| *byte == b'\r').next()?);
    let (method, target) = line.split_once(' ')?;
    let mut waiting = waiting.lock().unwrap();
    let rule = waiting.as_mut()?;
    let (wanted, part) = rule.request.split_once(' ')?;
    if method != wanted || !target.contains(part) {
        return None;
    }
    rule.left -= 1;
    match rule.deed {
        Deed::Answer(status) if rule.left > 0 => Some(Deed::Answer(status)),
        Deed::First(_) if rule.left > 0 => None,
        _ => waiting.take().map(|rule| rule.deed),
    }
}

/// Forwards what a client sends.
fn ask(
    (mut client, mut server): (TcpStream, TcpStream),
    waiting: &Mutex<Option<Rule>>,
    marked: &AtomicBool,
) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(len @ 1..) = client.read(&mut buffer) {
        match deed(&buffer[..len], waiting) {
            Some(Deed::LoseAnswer) => marked.store(true, Ordering::SeqCst),
            Some(Deed::First(deed)) => deed(),
            Some(Deed::Answer(status)) => {
                let text = format!(
                    "HTTP/1.1 {status} Told\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
                );
                let _ = client.write_all(text.as_bytes());
                let _ = client.shutdown(Shutdown::Write);
                // What is unread when a connection closes can take the answer along.
                while let Ok(1..) = client.read(&mut buffer) {}
                break;
            }
            None => {}
        }
        if server.write_all(&buffer[..len]).is_err() {
            break;
        }
    }
    close(&client, &server);
}

/// Forwards what the server answers, until an answer is to be lost.
fn answer((mut server, mut client): (TcpStream, TcpStream), cut: &AtomicBool) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(len @ 1..) = server.read(&mut buffer) {
        if cut.load(Ordering::SeqCst) || client.write_all(&buffer[..len]).is_err() {
            break;
        }
    }
    close(&client, &server);
}

fn close(client: &TcpStream, server: &TcpStream) {
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}
