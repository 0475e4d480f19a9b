//! How other processes speak to the one that owns a profile: JSON lines over a Unix socket.
//!
//! The first line goes both ways and says who speaks. Then each request is answered with any number of
//! updates and one answer or error. Only the same user's processes are heard, and no line is longer than
//! a limit, whatever is sent.

mod client;
mod line;
mod server;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use client::{Client, Unanswered};
pub use server::Server;

use crate::answer::Answer;
use crate::fault::Failure;
use crate::profile::{Profile, make_private_folder, owner_and_mode};
use crate::update::Update;

/// The protocol spoken.
pub const PROTOCOL: u32 = 1;
/// The longest line the owner reads; a merged text of a conflict fits.
pub const LONGEST_REQUEST: usize = 8 * 1024 * 1024;

/// Who is there says so within this time.
const HELLO_WITHIN: Duration = Duration::from_secs(5);

/// The first line, both ways.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The protocol.
    pub protocol: u32,
    /// The program and its version.
    pub program: String,
    /// Which profile.
    pub profile: String,
}

impl Hello {
    /// Ours.
    #[must_use]
    pub fn of(profile: &Profile) -> Self {
        Self {
            protocol: PROTOCOL,
            program: concat!("tandem ", env!("CARGO_PKG_VERSION")).to_owned(),
            profile: profile.hash(),
        }
    }
}

/// A line from the owner.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Frame {
    /// Something happened.
    Update(Update),
    /// The request was done.
    Answer(Box<Answer>),
    /// It was not.
    Error(Failure),
}

/// Where the socket of a profile is: `$XDG_RUNTIME_DIR/tandem/HASH.sock`, or in a folder of ours below the
/// temporary folder.
///
/// # Errors
/// The folder belongs to somebody else, or cannot be made.
pub fn path(profile: &Profile) -> io::Result<PathBuf> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|p| p.is_absolute());
    let user = rustix::process::getuid().as_raw();
    let folder = match runtime {
        Some(runtime) => runtime.join("tandem"),
        None => std::env::temp_dir().join(format!("tandem-{user}")),
    };
    make_private_folder(&folder)?;
    // The temporary folder is everybody's: somebody may have made ours first.
    let (owner, mode) = owner_and_mode(&folder)?;
    if owner != user || mode & 0o077 != 0 {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("{} is open to other users", folder.display()),
        ));
    }
    Ok(folder.join(format!("{}.sock", profile.hash())))
}
