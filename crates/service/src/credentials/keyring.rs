//! The system's keyring: one entry per storage, `tandem` and the storage's uuid.

use super::{SecretError, Secrets, from_text, to_text};
use crate::secret::SecretText;

const SERVICE: &str = "tandem";

pub(super) fn load(storage: &str) -> Result<Secrets, SecretError> {
    match platform::get(SERVICE, storage)? {
        Some(text) => from_text(&text),
        None => Ok(Secrets::new()),
    }
}

pub(super) fn save(storage: &str, secrets: &Secrets) -> Result<(), SecretError> {
    if secrets.is_empty() {
        return platform::remove(SERVICE, storage);
    }
    platform::set(SERVICE, storage, &to_text(secrets)?)
}

/// Saves something under a name that no storage has, and removes it.
pub(super) fn try_out(name: &str) -> Result<(), SecretError> {
    platform::set(SERVICE, name, &SecretText::new("trial".to_owned()))?;
    platform::remove(SERVICE, name)
}

/// The Secret Service over D-Bus. The connection is made anew for every use: a keyring that was not there
/// when the computer started is found as soon as it is.
#[cfg(all(unix, not(target_os = "macos")))]
mod platform {
    use keyring_core::api::CredentialStoreApi;
    use keyring_core::{Entry, Error};
    use zbus_secret_service_keyring_store::Store;

    use super::{SecretError, SecretText};

    fn entry(service: &str, user: &str) -> Result<Entry, SecretError> {
        let store = Store::new().map_err(|error| SecretError::NotThere(error.to_string()))?;
        store
            .build(service, user, None)
            .map_err(|error| said(&error))
    }

    pub(super) fn get(service: &str, user: &str) -> Result<Option<SecretText>, SecretError> {
        match entry(service, user)?.get_password() {
            Ok(text) => Ok(Some(SecretText::new(text))),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(said(&error)),
        }
    }

    pub(super) fn set(service: &str, user: &str, text: &SecretText) -> Result<(), SecretError> {
        entry(service, user)?
            .set_password(text.expose())
            .map_err(|error| said(&error))
    }

    pub(super) fn remove(service: &str, user: &str) -> Result<(), SecretError> {
        match entry(service, user)?.delete_credential() {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(error) => Err(said(&error)),
        }
    }

    /// Errors that hold bytes of an entry are not passed on as they are: their text could quote a secret.
    fn said(error: &Error) -> SecretError {
        match error {
            Error::NoStorageAccess(why) => match format!("{why:?}").as_str() {
                "NoResult" => SecretError::NotThere("it has no default collection".to_owned()),
                _ => SecretError::Locked,
            },
            Error::PlatformFailure(why) => SecretError::NotThere(why.to_string()),
            Error::NoDefaultStore => SecretError::NotThere("no store".to_owned()),
            Error::BadEncoding(_) | Error::BadDataFormat(..) => {
                SecretError::Damaged("the entry is not text".to_owned())
            }
            Error::Ambiguous(_) => SecretError::Damaged("there are two entries".to_owned()),
            other => SecretError::Damaged(other.to_string()),
        }
    }
}

/// macOS's Keychain and Windows' Credential Manager, which are always there.
#[cfg(not(all(unix, not(target_os = "macos"))))]
mod platform {
    use keyring::{Entry, Error};

    use super::{SecretError, SecretText};

    fn entry(service: &str, user: &str) -> Result<Entry, SecretError> {
        Entry::new(service, user).map_err(|error| said(&error))
    }

    pub(super) fn get(service: &str, user: &str) -> Result<Option<SecretText>, SecretError> {
        match entry(service, user)?.get_password() {
            Ok(text) => Ok(Some(SecretText::new(text))),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(said(&error)),
        }
    }

    pub(super) fn set(service: &str, user: &str, text: &SecretText) -> Result<(), SecretError> {
        entry(service, user)?
            .set_password(text.expose())
            .map_err(|error| said(&error))
    }

    pub(super) fn remove(service: &str, user: &str) -> Result<(), SecretError> {
        match entry(service, user)?.delete_credential() {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(error) => Err(said(&error)),
        }
    }

    fn said(error: &Error) -> SecretError {
        match error {
            Error::NoStorageAccess(_) => SecretError::Locked,
            Error::BadEncoding(_) | Error::BadDataFormat(..) => {
                SecretError::Damaged("the entry is not text".to_owned())
            }
            other => SecretError::NotThere(other.to_string()),
        }
    }
}
