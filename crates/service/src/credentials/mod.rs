//! Where secrets live: the system's keyring, or the file encrypted with a passphrase (P16). Nowhere else.
//!
//! A store that is locked or not there yet says so, and nothing is forgotten for it: the account waits.

mod file;
mod keyring;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tandem_core::storage::Credentials;

pub use file::{AskPassphrase, Asked, SecretFile};

use crate::profile::Profile;
use crate::redact::Redactor;
use crate::secret::SecretText;

/// The secrets of one storage, by the keys of its provider's fields.
pub type Secrets = BTreeMap<String, SecretText>;

/// Which store.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum StoreKind {
    /// The system's keyring.
    #[default]
    Keyring,
    /// `secrets.age` in the profile.
    File,
}

/// Why a store does not give its secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The keyring is locked and was not unlocked.
    #[error("the keyring is locked")]
    Locked,
    /// There is no keyring, or not yet.
    #[error("there is no keyring: {0}")]
    NotThere(String),
    /// The store answers, and what was saved is not in it: another keyring, or one that is not whole yet.
    #[error("the saved secrets are not there")]
    Missing,
    /// The file needs a passphrase and none was given.
    #[error("no passphrase was given")]
    NoPassphrase,
    /// A new passphrase was typed twice, and not the same.
    #[error("the two passphrases differ")]
    Unconfirmed,
    /// The passphrase is not the one the file was made with.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// The file or entry cannot be understood.
    #[error("the saved secrets are damaged: {0}")]
    Damaged(String),
    /// The file cannot be read or written.
    #[error("the file of secrets cannot be used: {0}")]
    Io(String),
}

impl SecretError {
    /// Whether waiting may help: the keyring comes later, or is unlocked.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::Locked | Self::NotThere(_))
    }
}

/// A place that keeps secrets.
#[derive(Debug, Clone)]
pub enum SecretStore {
    /// The system's keyring.
    Keyring,
    /// The encrypted file.
    File(SecretFile),
}

impl SecretStore {
    /// The secrets saved for `storage` (its uuid); none if there are none.
    ///
    /// # Errors
    /// [`SecretError`] says what the store is waiting for.
    pub async fn load(&self, storage: &str) -> Result<Secrets, SecretError> {
        let store = self.clone();
        let storage = storage.to_owned();
        blocking(move || match store {
            Self::Keyring => keyring::load(&storage),
            Self::File(file) => file.load(&storage),
        })
        .await
    }

    /// Saves the secrets of `storage`; none removes them.
    ///
    /// # Errors
    /// [`SecretError`] says what the store is waiting for; what was saved before is then untouched.
    pub async fn save(&self, storage: &str, secrets: Secrets) -> Result<(), SecretError> {
        let store = self.clone();
        let storage = storage.to_owned();
        blocking(move || match store {
            Self::Keyring => keyring::save(&storage, &secrets),
            Self::File(file) => file.save(&storage, &secrets),
        })
        .await
    }
}

impl SecretStore {
    /// Finds out whether secrets could be saved at this moment: before a person signs in, which cannot be repeated
    /// without leaving a key behind.
    ///
    /// # Errors
    /// [`SecretError`] says what the store is waiting for.
    pub async fn try_out(&self) -> Result<(), SecretError> {
        let store = self.clone();
        blocking(move || match store {
            Self::Keyring => keyring::try_out(&format!("trial-{}", uuid::Uuid::new_v4())),
            Self::File(file) => file.prepare(),
        })
        .await
    }
}

/// Both stores of a profile, and what of them must never be shown.
#[derive(Debug, Clone)]
pub struct SecretStores {
    file: SecretFile,
    redactor: Redactor,
}

impl SecretStores {
    /// The stores of `profile`; the answer of `ask` unlocks the file.
    #[must_use]
    pub fn new(profile: &Profile, ask: AskPassphrase, redactor: Redactor) -> Self {
        Self {
            file: SecretFile::new(profile.clone(), ask, redactor.clone()),
            redactor,
        }
    }

    /// The store of this kind.
    #[must_use]
    pub fn store(&self, kind: StoreKind) -> SecretStore {
        match kind {
            StoreKind::Keyring => SecretStore::Keyring,
            StoreKind::File => SecretStore::File(self.file.clone()),
        }
    }

    /// Whether the file was made.
    #[must_use]
    pub fn has_file(&self) -> bool {
        self.file.is_made()
    }

    /// Opens the file with a passphrase that a person gave without being asked.
    ///
    /// # Errors
    /// [`SecretError::WrongPassphrase`]; [`SecretError::Missing`] if there is no file.
    pub async fn unlock(&self, passphrase: SecretText) -> Result<(), SecretError> {
        let file = self.file.clone();
        blocking(move || file.unlock_with(passphrase)).await
    }

    /// Makes the file, or opens the one that is there.
    ///
    /// # Errors
    /// [`SecretError::WrongPassphrase`] if one is there and has another; [`SecretError::Io`].
    pub async fn begin_file(&self, passphrase: SecretText) -> Result<(), SecretError> {
        let file = self.file.clone();
        blocking(move || file.begin(passphrase)).await
    }

    /// The secrets of a storage, for its provider; all of `keys` must be among them.
    ///
    /// # Errors
    /// [`SecretError`] says what the store is waiting for.
    pub async fn credentials(
        &self,
        kind: StoreKind,
        storage: &str,
        keys: &[String],
    ) -> Result<Credentials, SecretError> {
        let secrets = self.store(kind).load(storage).await?;
        if !keys.iter().all(|key| secrets.contains_key(key)) {
            return Err(SecretError::Missing);
        }
        Ok(self.reveal(&secrets))
    }

    /// Secrets in the form a provider takes them. From here on logs are cleaned of them.
    #[must_use]
    pub fn reveal(&self, secrets: &Secrets) -> Credentials {
        let reveal = |(key, secret): (&String, &SecretText)| {
            self.redactor.learn(secret);
            (key.clone(), secret.expose().to_owned())
        };
        Credentials(secrets.iter().map(reveal).collect())
    }
}

/// Asks a keyring or decrypts a file off the runtime: both block, a keyring even on a person.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SecretError> + Send + 'static,
) -> Result<T, SecretError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(SecretError::NotThere(error.to_string())),
    }
}

/// Secrets as text, for an entry of the keyring.
fn to_text(secrets: &Secrets) -> Result<SecretText, SecretError> {
    let text = serde_json::to_string(secrets).map_err(|e| SecretError::Damaged(e.to_string()))?;
    Ok(SecretText::new(text))
}

/// The reverse of [`to_text`]. The parser's message is not passed on: it could quote a secret.
fn from_text(text: &SecretText) -> Result<Secrets, SecretError> {
    serde_json::from_str(text.expose())
        .map_err(|_| SecretError::Damaged("the entry is not in Tandem's format".to_owned()))
}
