//! The other processes' end of the socket.

use std::io;

use tokio::io::BufReader;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::{Frame, HELLO_WITHIN, Hello, PROTOCOL, line, path};
use crate::answer::Answer;
use crate::fault::{Failure, Fault};
use crate::owner::Owner;
use crate::profile::Profile;
use crate::request::Request;
use crate::update::{Update, Updates};

/// The owner is ours: its lines may be long, but not endless.
const LONGEST_ANSWER: usize = 1024 * 1024 * 1024;

/// A connection to the owner of a profile.
#[derive(Debug)]
pub struct Client {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

/// Why the owner of a profile cannot be asked.
#[derive(Debug)]
pub enum Unanswered {
    /// Nobody listens there, or somebody who is not this user's Tandem.
    Io(io::Error),
    /// Somebody took the connection and says nothing: it is frozen.
    Silent,
    /// It speaks another protocol: what program it says it is.
    Other(String),
}

impl From<io::Error> for Unanswered {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Client {
    /// Connects to the owner of `profile`, where it says that it answers.
    ///
    /// # Errors
    /// [`Unanswered`] says whether to try again.
    pub async fn connect(profile: &Profile) -> Result<Self, Unanswered> {
        let socket = match Owner::socket(profile) {
            Some(socket) => socket,
            None => path(profile)?,
        };
        let stream = UnixStream::connect(socket).await?;
        if stream.peer_cred()?.uid() != rustix::process::getuid().as_raw() {
            let why = "another user listens there";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, why).into());
        }
        let (reader, writer) = stream.into_split();
        let mut client = Self {
            reader: BufReader::new(reader),
            writer,
        };
        let ours = Hello::of(profile);
        let greeted = tokio::time::timeout(HELLO_WITHIN, client.greet(&ours)).await;
        match greeted.map_err(|_| Unanswered::Silent)?? {
            Some(theirs) if theirs.protocol == PROTOCOL && theirs.profile == ours.profile => {
                Ok(client)
            }
            Some(theirs) => Err(Unanswered::Other(theirs.program)),
            None => Err(Unanswered::Io(io::ErrorKind::UnexpectedEof.into())),
        }
    }

    /// Who is there; also if it hung up as soon as it had said so.
    async fn greet(&mut self, ours: &Hello) -> io::Result<Option<Hello>> {
        let sent = line::send(&mut self.writer, ours).await;
        let theirs = line::receive(&mut self.reader, 4096).await;
        if let Ok(Some(_)) = theirs {
            return theirs;
        }
        sent.and(theirs)
    }

    /// Has `request` answered by the owner. Dropping the connection stops the request there.
    ///
    /// # Errors
    /// Why it was not done, in words.
    pub async fn call(&mut self, request: &Request, updates: &Updates) -> Result<Answer, Failure> {
        let gone = |_: io::Error| Fault::OwnerGone.failure();
        line::send(&mut self.writer, request).await.map_err(gone)?;
        loop {
            let frame = line::receive(&mut self.reader, LONGEST_ANSWER).await;
            match frame.map_err(|error| Fault::Protocol(error.to_string()).failure())? {
                Some(Frame::Update(update)) => forward(updates, update).await,
                Some(Frame::Answer(answer)) => return Ok(*answer),
                Some(Frame::Error(failure)) => return Err(failure),
                None => return Err(Fault::OwnerGone.failure()),
            }
        }
    }
}

async fn forward(updates: &Updates, update: Update) {
    // An error means that nobody wants to hear.
    let _ = updates.send(update).await;
}
