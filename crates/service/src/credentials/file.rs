//! `secrets.age`: all secrets of a profile in one file, encrypted with a passphrase by age's scrypt recipient.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use tandem_core::mutant;

use zeroize::Zeroizing;

use super::{SecretError, Secrets};
use crate::profile::Profile;
use crate::redact::Redactor;
use crate::secret::SecretText;

const NAME: &str = "secrets.age";
/// 2^17 is OWASP's first choice for scrypt with r = 8; one unlock takes a fraction of a second.
const WORK_FACTOR: u8 = 17;

type All = BTreeMap<String, Secrets>;

/// What a passphrase is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// To open the file that is there.
    Known,
    /// To make the file: what is typed wrong here locks its owner out, so a person is asked twice.
    New,
}

/// Asks for the passphrase, once it is needed.
///
/// # Errors
/// [`SecretError::NoPassphrase`] if there is nobody to ask, [`SecretError::Unconfirmed`] if the answers differ.
pub type AskPassphrase = Arc<dyn Fn(Asked) -> Result<SecretText, SecretError> + Send + Sync>;

/// The file. Clones share what was unlocked.
#[derive(Clone)]
pub struct SecretFile {
    profile: Profile,
    ask: AskPassphrase,
    redactor: Redactor,
    unlocked: Arc<Mutex<Option<Unlocked>>>,
}

/// What the file holds, or is to hold.
#[derive(Clone, Default)]
struct Unlocked {
    all: All,
    /// What opened or sealed it; nothing else is remembered, so that a slip can be made good. None until there is a
    /// file.
    passphrase: Option<SecretText>,
}

impl fmt::Debug for SecretFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretFile")
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

impl SecretFile {
    /// The file of `profile`.
    #[must_use]
    pub fn new(profile: Profile, ask: AskPassphrase, redactor: Redactor) -> Self {
        Self {
            profile,
            ask,
            redactor,
            unlocked: Arc::default(),
        }
    }

    pub(super) fn load(&self, storage: &str) -> Result<Secrets, SecretError> {
        let mut unlocked = self.unlocked.lock().unwrap_or_else(PoisonError::into_inner);
        let all = &self.open(&mut unlocked)?.all;
        Ok(all.get(storage).cloned().unwrap_or_default())
    }

    pub(super) fn save(&self, storage: &str, secrets: &Secrets) -> Result<(), SecretError> {
        let mut unlocked = self.unlocked.lock().unwrap_or_else(PoisonError::into_inner);
        let Unlocked {
            mut all,
            passphrase,
        } = self.open(&mut unlocked)?.clone();
        if secrets.is_empty() {
            if all.remove(storage).is_none() {
                return Ok(());
            }
        } else {
            all.insert(storage.to_owned(), secrets.clone());
        }
        let passphrase = match passphrase {
            Some(passphrase) => passphrase,
            None => self.ask(Asked::New)?,
        };
        self.write(&all, &passphrase)?;
        *unlocked = Some(Unlocked {
            all,
            passphrase: Some(passphrase),
        });
        Ok(())
    }

    /// Opens the file; where there is none, asks for the passphrase that it will be made with.
    pub(super) fn prepare(&self) -> Result<(), SecretError> {
        let mut unlocked = self.unlocked.lock().unwrap_or_else(PoisonError::into_inner);
        if self.open(&mut unlocked)?.passphrase.is_none() {
            *unlocked = Some(Unlocked {
                all: All::new(),
                passphrase: Some(self.ask(Asked::New)?),
            });
        }
        Ok(())
    }

    /// Whether there is one. One that cannot be read is there.
    pub(super) fn is_made(&self) -> bool {
        !matches!(self.sealed(), Ok(None))
    }

    /// Makes the file, with nothing in it yet. One that is there is opened.
    pub(super) fn begin(&self, passphrase: SecretText) -> Result<(), SecretError> {
        if self.sealed()?.is_some() {
            return self.unlock_with(passphrase);
        }
        let mut unlocked = self.unlocked.lock().unwrap_or_else(PoisonError::into_inner);
        let passphrase = self.known(passphrase)?;
        let all = All::new();
        self.write(&all, &passphrase)?;
        *unlocked = Some(Unlocked {
            all,
            passphrase: Some(passphrase),
        });
        Ok(())
    }

    pub(super) fn unlock_with(&self, passphrase: SecretText) -> Result<(), SecretError> {
        let mut unlocked = self.unlocked.lock().unwrap_or_else(PoisonError::into_inner);
        let passphrase = self.known(passphrase)?;
        let sealed = self.sealed()?.ok_or(SecretError::Missing)?;
        *unlocked = Some(Unlocked {
            all: unseal(&sealed, &passphrase)?,
            passphrase: Some(passphrase),
        });
        Ok(())
    }

    fn write(&self, all: &All, passphrase: &SecretText) -> Result<(), SecretError> {
        let written = self.profile.write(NAME, &seal(all, passphrase)?);
        written.map_err(|error| SecretError::Io(error.to_string()))
    }

    fn sealed(&self) -> Result<Option<Vec<u8>>, SecretError> {
        let sealed = self.profile.read(NAME);
        sealed.map_err(|error| SecretError::Io(error.to_string()))
    }

    fn open<'a>(&self, unlocked: &'a mut Option<Unlocked>) -> Result<&'a Unlocked, SecretError> {
        if unlocked.is_none() {
            *unlocked = Some(self.unlock()?);
        }
        Ok(unlocked.get_or_insert_default())
    }

    fn unlock(&self) -> Result<Unlocked, SecretError> {
        let Some(sealed) = self.sealed()? else {
            return Ok(Unlocked::default());
        };
        let passphrase = self.ask(Asked::Known)?;
        Ok(Unlocked {
            all: unseal(&sealed, &passphrase)?,
            passphrase: Some(passphrase),
        })
    }

    fn ask(&self, what: Asked) -> Result<SecretText, SecretError> {
        self.known((self.ask)(what)?)
    }

    /// What was given, of which logs are cleaned from here on.
    fn known(&self, given: SecretText) -> Result<SecretText, SecretError> {
        if given.expose().is_empty() {
            return Err(SecretError::NoPassphrase);
        }
        self.redactor.learn(&given);
        Ok(given)
    }
}

fn seal(all: &All, passphrase: &SecretText) -> Result<Vec<u8>, SecretError> {
    let plain = serde_json::to_vec(all)
        .map(Zeroizing::new)
        .map_err(|error| SecretError::Damaged(error.to_string()))?;
    let mut recipient = age::scrypt::Recipient::new(text_of(passphrase));
    recipient.set_work_factor(WORK_FACTOR);
    if mutant!("P16 secrets are stored as they are") {
        return Ok(plain.to_vec());
    }
    age::encrypt(&recipient, &plain).map_err(|error| SecretError::Io(error.to_string()))
}

fn unseal(sealed: &[u8], passphrase: &SecretText) -> Result<All, SecretError> {
    let identity = age::scrypt::Identity::new(text_of(passphrase));
    let plain = age::decrypt(&identity, sealed)
        .map(Zeroizing::new)
        .map_err(|error| match error {
            age::DecryptError::DecryptionFailed
            | age::DecryptError::KeyDecryptionFailed
            | age::DecryptError::NoMatchingKeys => SecretError::WrongPassphrase,
            other => SecretError::Damaged(other.to_string()),
        })?;
    serde_json::from_slice(&plain)
        .map_err(|_| SecretError::Damaged("its content is not in Tandem's format".to_owned()))
}

fn text_of(passphrase: &SecretText) -> age::secrecy::SecretString {
    age::secrecy::SecretString::from(passphrase.expose().to_owned())
}
