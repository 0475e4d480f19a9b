//! One process owns a profile: the others ask it (see [`crate::socket`]).

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};

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
    /// Takes the profile over, if nobody owns it.
    ///
    /// # Errors
    /// What the system says of the lock file.
    pub fn take(profile: &Profile) -> io::Result<Ownership> {
        let mut file = profile.open_lock()?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let pid = file
                    .read_to_string(&mut text)
                    .ok()
                    .and_then(|_| text.trim().parse().ok());
                return Ok(Ownership::Other(pid));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Only for the sentence that names the owner: what counts is the lock.
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        writeln!(file, "{}", std::process::id())?;
        Ok(Ownership::Ours(Self { _lock: file }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_has_one_owner_and_names_it() {
        let scratch = tempfile::tempdir().unwrap();
        let profile = Profile::open(scratch.path()).unwrap();
        let first = Owner::take(&profile).unwrap();
        assert!(matches!(first, Ownership::Ours(_)));
        let second = Owner::take(&profile).unwrap();
        assert!(matches!(second, Ownership::Other(Some(pid)) if pid == std::process::id()));
        drop(first);
        assert!(matches!(Owner::take(&profile).unwrap(), Ownership::Ours(_)));
    }
}
