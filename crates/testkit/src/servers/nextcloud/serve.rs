//! The server's connections, each in a thread of its own, and what befalls their requests by script.

use std::io::{self, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::tree::Tree;
use super::{Answered, State, refusal};
use crate::servers::faults::Fault;
use crate::servers::message::Message;

/// What all connections share.
pub(super) type Shared = Arc<Mutex<State>>;

pub(super) fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers at `listener` for as long as the process runs.
pub(super) fn start(listener: TcpListener, state: Shared) {
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let state = Arc::clone(&state);
            // A connection that breaks is the client's to notice; a request that was cut is never answered, so what
            // it was to replace stays.
            std::thread::spawn(move || serve(&client, &state));
        }
    });
}

fn serve(client: &TcpStream, state: &Mutex<State>) -> io::Result<()> {
    let mut from = BufReader::new(client);
    let Some(mut message) = Message::read_head(&mut from)? else {
        return Ok(());
    };
    let (method, target) = words(&message);
    let struck = lock(state).script.strike(&method, &target);
    let (fault, then) = struck.unzip();
    if let Some(Fault::CutRequest(most)) = fault {
        // The system resets a connection that is closed while there is more to read.
        return from.read_exact(&mut vec![0; most]);
    }
    message.read_request_body(&mut from)?;
    if let Some(Fault::Slow(time)) = fault {
        std::thread::sleep(time);
    }
    if let Some(Fault::LoseRequest) = fault {
        return Ok(());
    }
    let mut answer = lock(state).answer_struck(&message, fault.as_ref(), then);
    match fault {
        Some(Fault::LoseAnswer) => return Ok(()),
        // The length that is told stays.
        Some(Fault::CutAnswer(most)) => answer.body.truncate(most),
        Some(Fault::ShortAnswer(most)) => {
            let most = most.min(answer.body.len());
            answer.replace_body(answer.body[..most].to_vec());
        }
        Some(Fault::DoubleAnswer) => answer.replace_body(answer.body.repeat(2)),
        _ => {}
    }
    answer.write(&mut &*client, method != "HEAD")
}

/// The method and the target of a request.
fn words(message: &Message) -> (String, String) {
    let mut words = message.start.split(' ').map(str::to_owned);
    let method = words.next().unwrap_or_default();
    (method, words.next().unwrap_or_default())
}

impl State {
    /// Answers under a fault that befalls the server itself.
    fn answer_struck(
        &mut self,
        message: &Message,
        fault: Option<&Fault>,
        then: Option<Tree>,
    ) -> Message {
        let answer = match fault {
            Some(Fault::Status {
                status,
                retry_after,
            }) => refuse(*status, *retry_after),
            Some(Fault::ExpireTokens) => {
                self.is_expired = true;
                self.answer(message)
            }
            Some(Fault::StaleListing) => {
                let now = std::mem::replace(&mut self.tree, then.unwrap_or_default());
                let answer = self.answer(message);
                self.tree = now;
                answer
            }
            _ => self.answer(message),
        };
        let (method, path) = words(message);
        self.answered.push(Answered {
            method,
            path,
            sent: message.body.len() as u64,
            status: answer.status(),
        });
        answer
    }
}

/// What Nextcloud says where it cannot (nextcloud/server, apps/dav/lib/Connector/Sabre/Exception/TooManyRequests.php and
/// MaintenancePlugin.php).
fn refuse(status: u16, retry_after: Option<u32>) -> Message {
    let mut answer = match status {
        429 => refusal(status, "too many requests"),
        503 => refusal(status, "System is in maintenance mode."),
        _ => refusal(status, "Internal Server Error"),
    };
    if let Some(secs) = retry_after {
        answer.set("retry-after", &secs.to_string());
    }
    answer
}
