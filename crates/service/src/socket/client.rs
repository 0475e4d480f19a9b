//! The other processes' end of the socket.

use std::io;

use tokio::io::BufReader;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::{Frame, Hello, PROTOCOL, line, path};
use crate::answer::Answer;
use crate::fault::{Failure, Fault};
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

impl Client {
    /// Connects to the owner of `profile`.
    ///
    /// # Errors
    /// Nobody listens there, or somebody who is not this user's Tandem.
    pub async fn connect(profile: &Profile) -> io::Result<Self> {
        let stream = UnixStream::connect(path(profile)?).await?;
        if stream.peer_cred()?.uid() != rustix::process::getuid().as_raw() {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "another user listens there",
            ));
        }
        let (reader, writer) = stream.into_split();
        let mut client = Self {
            reader: BufReader::new(reader),
            writer,
        };
        let ours = Hello::of(profile);
        line::send(&mut client.writer, &ours).await?;
        let theirs: Option<Hello> = line::receive(&mut client.reader, 4096).await?;
        match theirs {
            Some(theirs) if theirs.protocol == PROTOCOL && theirs.profile == ours.profile => {
                Ok(client)
            }
            Some(_) => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "it speaks another protocol",
            )),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Has `request` answered by the owner. Dropping the future stops the request there.
    ///
    /// # Errors
    /// Why it was not done, in words.
    pub async fn call(mut self, request: &Request, updates: &Updates) -> Result<Answer, Failure> {
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
