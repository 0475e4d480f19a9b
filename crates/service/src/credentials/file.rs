//! `secrets.age`: all secrets of a profile in one file, encrypted with a passphrase by age's scrypt recipient.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use zeroize::Zeroizing;

use super::{SecretError, Secrets};
use crate::profile::Profile;
use crate::redact::Redactor;
use crate::secret::SecretText;

const NAME: &str = "secrets.age";
/// 2^17 is OWASP's first choice for scrypt with r = 8; one unlock takes a fraction of a second.
const WORK_FACTOR: u8 = 17;

type All = BTreeMap<String, Secrets>;

/// Asks for the passphrase, once it is needed; `None` if there is nobody to ask.
pub type AskPassphrase = Arc<dyn Fn() -> Option<SecretText> + Send + Sync>;

/// The file. Clones share what was unlocked.
#[derive(Clone)]
pub struct SecretFile {
    profile: Profile,
    ask: AskPassphrase,
    redactor: Redactor,
    passphrase: Arc<OnceLock<SecretText>>,
    unlocked: Arc<Mutex<Option<All>>>,
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
            passphrase: Arc::default(),
            unlocked: Arc::default(),
        }
    }

    pub(super) fn load(&self, storage: &str) -> Result<Secrets, SecretError> {
        let mut unlocked = self.unlocked.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(self
            .all(&mut unlocked)?
            .get(storage)
            .cloned()
            .unwrap_or_default())
    }

    pub(super) fn save(&self, storage: &str, secrets: &Secrets) -> Result<(), SecretError> {
        let mut unlocked = self.unlocked.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = self.all(&mut unlocked)?.clone();
        if secrets.is_empty() {
            if all.remove(storage).is_none() {
                return Ok(());
            }
        } else {
            all.insert(storage.to_owned(), secrets.clone());
        }
        let plain = serde_json::to_vec(&all)
            .map(Zeroizing::new)
            .map_err(|error| SecretError::Damaged(error.to_string()))?;
        let mut recipient = age::scrypt::Recipient::new(self.passphrase()?);
        recipient.set_work_factor(WORK_FACTOR);
        let sealed =
            age::encrypt(&recipient, &plain).map_err(|error| SecretError::Io(error.to_string()))?;
        self.profile
            .write(NAME, &sealed)
            .map_err(|error| SecretError::Io(error.to_string()))?;
        *unlocked = Some(all);
        Ok(())
    }

    fn all<'a>(&self, unlocked: &'a mut Option<All>) -> Result<&'a All, SecretError> {
        if unlocked.is_none() {
            *unlocked = Some(self.unlock()?);
        }
        Ok(unlocked.get_or_insert_default())
    }

    fn unlock(&self) -> Result<All, SecretError> {
        let sealed = self
            .profile
            .read(NAME)
            .map_err(|error| SecretError::Io(error.to_string()))?;
        let Some(sealed) = sealed else {
            return Ok(All::new());
        };
        let identity = age::scrypt::Identity::new(self.passphrase()?);
        let plain = age::decrypt(&identity, &sealed)
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

    fn passphrase(&self) -> Result<age::secrecy::SecretString, SecretError> {
        if self.passphrase.get().is_none() {
            let given = (self.ask)().filter(|p| !p.expose().is_empty());
            let given = given.ok_or(SecretError::NoPassphrase)?;
            self.redactor.learn(&given);
            // Somebody else may have asked meanwhile; then theirs is used.
            let _ = self.passphrase.set(given);
        }
        let passphrase = self.passphrase.get().ok_or(SecretError::NoPassphrase)?;
        Ok(age::secrecy::SecretString::from(
            passphrase.expose().to_owned(),
        ))
    }
}
