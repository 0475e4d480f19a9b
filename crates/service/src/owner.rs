//! One process owns a profile: the others ask it (see [`crate::socket`]).

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::profile::Profile;

/// The lock on a profile. The system releases it when the process ends, however it ends.
#[derive(Debug)]
pub struct Owner {
    _lock: File,
}

/// Who owns a profile.
#[derive(Debug)]
pub enum Ownership {
    /// We do.
    Ours(Owner),
    /// The process of this number does, where it could be read.
    Other(Option<u32>),
}

impl Owner {
    /// Takes the profile over, if nobody owns it. Others are told that we answer at `socket`.
    ///
    /// # Errors
    /// What the system says of the lock file.
    pub fn take(profile: &Profile, socket: Option<&Path>) -> io::Result<Ownership> {
        let mut file = profile.open_lock()?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Ok(Ownership::Other(said(&mut file).0));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Where the disk is full nobody learns who we are; what counts is the lock.
        if let Err(error) = write_down(&mut file, socket) {
            tracing::warn!(%error, "the owner of the profile could not be written down");
        }
        Ok(Ownership::Ours(Self { _lock: file }))
    }

    /// Where the owner of `profile` says that it answers.
    #[must_use]
    pub fn socket(profile: &Profile) -> Option<PathBuf> {
        said(&mut profile.open_lock().ok()?).1
    }
}

/// The owner's process and its socket, a line each, where they can be read.
fn said(file: &mut File) -> (Option<u32>, Option<PathBuf>) {
    let mut text = String::new();
    if file.read_to_string(&mut text).is_err() {
        return (None, None);
    }
    let mut lines = text.lines();
    let pid = lines.next().and_then(|line| line.trim().parse().ok());
    let socket = lines.next().map(PathBuf::from);
    (pid, socket.filter(|path| path.is_absolute()))
}

fn write_down(file: &mut File, socket: Option<&Path>) -> io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    writeln!(file, "{}", std::process::id())?;
    match socket.and_then(Path::to_str) {
        Some(socket) => writeln!(file, "{socket}"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_has_one_owner_and_names_it() {
        let scratch = tempfile::tempdir().unwrap();
        let profile = Profile::open(scratch.path()).unwrap();
        let socket = Path::new("/run/here.sock");
        let first = Owner::take(&profile, Some(socket)).unwrap();
        assert!(matches!(first, Ownership::Ours(_)));
        let second = Owner::take(&profile, None).unwrap();
        assert!(matches!(second, Ownership::Other(Some(pid)) if pid == std::process::id()));
        assert_eq!(Owner::socket(&profile).as_deref(), Some(socket));
        drop(first);
        let third = Owner::take(&profile, None).unwrap();
        assert!(matches!(third, Ownership::Ours(_)));
        assert_eq!(Owner::socket(&profile), None);
    }
}
