//! Everything that can go wrong in a request, typed; the words for it are made in [`crate::words`].

use serde::{Deserialize, Serialize};
use tandem_core::error::{Cause, ErrorKind, StorageError};
use tandem_core::path::RelPath;
use tandem_core::side::PerSide;
use tandem_engine::error::EngineError;
use tandem_engine::report::Stop;

use crate::credentials::SecretError;
use crate::words::Words;

/// The result of a request's parts.
pub type Result<T> = std::result::Result<T, Fault>;

/// What a sentence about a storage needs to know of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StorageWords {
    /// Its name; empty for this computer's disk.
    pub name: String,
    /// Its server, where it has one.
    pub host: Option<String>,
    /// Its bucket, where it has one.
    pub bucket: Option<String>,
    /// Its region, where it has one.
    pub region: Option<String>,
    /// The keys of the secrets that it signs in with.
    pub secrets: Vec<String>,
    /// The folder that was asked for, in the storage's own writing.
    pub folder: String,
}

/// Why a request was not done.
#[derive(Debug)]
pub enum Fault {
    /// A storage answered with an error.
    Storage(Box<StorageWords>, Box<StorageError>),
    /// No storage has this name.
    UnknownStorage(String),
    /// No pair has this name.
    UnknownPair(String),
    /// No provider has this type.
    UnknownType(String, Vec<&'static str>),
    /// A storage or pair of this name exists.
    NameTaken(&'static str, String),
    /// The text cannot be a name.
    BadName(String),
    /// A provider has no such setting, or it is a secret one: type, key, what is known.
    UnknownField(String, String, Vec<&'static str>),
    /// A provider has no secret of the name given, which may be the secret itself and is not kept: type, what is known.
    UnknownSecret(String, Vec<&'static str>),
    /// A secret stands on the command line where only its key may.
    SecretGiven,
    /// A field must be given: type, key, whether it is secret.
    MissingField(String, String, bool),
    /// A field's value cannot be used: key, value, why.
    BadValue(String, String, String),
    /// A storage's configuration cannot work.
    BadStorage {
        /// Its name.
        name: String,
        /// Which field, and what is wrong with it.
        why: String,
        /// Whether it stands so in the profile.
        saved: bool,
    },
    /// The text is no location: text, why.
    BadLocation(String, String),
    /// The storage is switched off.
    StorageDisabled(String),
    /// The storage belongs to pairs.
    StorageInUse(String, Vec<String>),
    /// There is no such folder.
    NoFolder(String),
    /// There is nothing at this place.
    NothingThere(String),
    /// The place is a file.
    IsFile(String),
    /// Something is there already.
    AlreadyThere(String),
    /// A file to be written is there already.
    FileThere(String),
    /// A file that a person named cannot be written: file, why.
    FileIo(String, String),
    /// A copy would go into what is copied: what is copied, where it would go.
    IntoItself(String, String),
    /// The folder lies inside that of a pair: folder, pair.
    InsidePair(String, String),
    /// The folder holds that of a pair: folder, pair.
    AroundPair(String, String),
    /// Both ends are one folder, or one holds the other.
    SameEnds(String),
    /// Changes would go round: through this pair.
    Loop(String),
    /// A test stopped at the step of this title, so the storage was not saved.
    TestStopped(String, Box<Fault>),
    /// Another process owns the profile.
    Owned(Option<u32>),
    /// Another process owns the profile and does not answer.
    OwnerSilent(Option<u32>),
    /// The owner of the profile speaks another protocol: its program.
    OtherVersion(String, Option<u32>),
    /// The owner ended before it answered.
    OwnerGone,
    /// The profile was written by a newer program: its version.
    NewerProfile(i64),
    /// A file of the profile cannot be understood: file, why.
    DamagedProfile(String, String),
    /// The profile cannot be read or written: folder, why.
    ProfileIo(String, String),
    /// The secrets cannot be had.
    Secret(SecretError),
    /// The pair's state was written by a newer program: pair, version.
    NewerState(String, i64),
    /// The pair's state is damaged: pair, why.
    DamagedState(String, String),
    /// The pair's state cannot be written: pair, why.
    StateIo(String, String),
    /// There is no hold, action, conflict or version of this name.
    NotFound(&'static str, String),
    /// The path belongs to no pair, or to several.
    WhichPair(String, Vec<String>),
    /// A request goes on working on the pair.
    PairBusy(String),
    /// The work on a pair broke off by a mistake in the program.
    Broken(String),
    /// All work broke off by a mistake in the program.
    EngineBroken,
    /// It cannot be done as things are.
    Refused(String),
    /// Wrong usage: a sentence, and what to do.
    Usage(String, String),
    /// An answer, or an owner, spoke another language: why.
    Protocol(String),
}

/// A fault as it is shown and sent: the error document of DESIGN 7.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Failure {
    /// `auth`, `transient`, `permanent`, `usage`.
    pub kind: String,
    /// Why, in one word.
    pub cause: String,
    /// What was being done.
    pub operation: Option<String>,
    /// The storage concerned.
    pub storage: Option<String>,
    /// The path concerned.
    pub path: Option<String>,
    /// One sentence.
    pub message: String,
    /// What to do.
    pub next_step: String,
    /// What the server or the system said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<String>,
}

impl Fault {
    /// An engine's error as a fault of the pair, whose storages are named.
    #[must_use]
    pub fn of_engine(pair: &str, storages: &PerSide<StorageWords>, error: EngineError) -> Self {
        match error {
            EngineError::Storage { side, error } => {
                Self::Storage(Box::new(storages[side].clone()), Box::new(error))
            }
            EngineError::NewerState { found, .. } => Self::NewerState(pair.to_owned(), found),
            EngineError::DamagedState(why) => Self::DamagedState(pair.to_owned(), why),
            EngineError::StateIo(error) => Self::StateIo(pair.to_owned(), error.to_string()),
            EngineError::NotFound { what, id } => Self::NotFound(what, id),
            EngineError::Refused(why) => Self::Refused(why),
            EngineError::Filter(error) => Self::Usage(
                format!("A pattern of the pair {pair} cannot be read: {error}."),
                "Correct the pattern.".to_owned(),
            ),
        }
    }

    /// What stopped a pass, as a fault of the side that did.
    #[must_use]
    pub fn of_stop(storages: &PerSide<StorageWords>, stop: &Stop) -> Self {
        let cause = Cause::ALL.iter().find(|cause| cause.name() == stop.cause);
        let Some((side, &cause)) = stop.side.zip(cause) else {
            return Self::Refused(stop.detail.clone());
        };
        let mut error = StorageError::new("sync", cause, stop.detail.clone());
        error.path = stop
            .path
            .as_deref()
            .and_then(|path| RelPath::new(path).ok());
        Self::Storage(Box::new(storages[side].clone()), Box::new(error))
    }

    /// In one word, for JSON and for decisions.
    #[must_use]
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Storage(_, error) => error.cause.name(),
            Self::UnknownStorage(_) => "unknown_storage",
            Self::UnknownPair(_) => "unknown_pair",
            Self::UnknownType(..) => "unknown_type",
            Self::NameTaken(..) => "name_taken",
            Self::BadName(_) => "bad_name",
            Self::UnknownField(..) | Self::UnknownSecret(..) => "unknown_field",
            Self::SecretGiven => "secret_given",
            Self::MissingField(..) => "missing_field",
            Self::BadValue(..) => "bad_value",
            Self::BadStorage { .. } => "bad_storage",
            Self::BadLocation(..) => "bad_location",
            Self::StorageDisabled(_) => "storage_disabled",
            Self::StorageInUse(..) => "storage_in_use",
            Self::NoFolder(_) => "no_folder",
            Self::NothingThere(_) => "not_found",
            Self::IsFile(_) => "is_file",
            Self::AlreadyThere(_) | Self::FileThere(_) => "already_exists",
            Self::FileIo(..) => "file_io",
            Self::IntoItself(..) => "into_itself",
            Self::InsidePair(..) | Self::AroundPair(..) => "nested_roots",
            Self::SameEnds(_) => "same_ends",
            Self::Loop(_) => "loop",
            Self::TestStopped(_, inner) => inner.cause(),
            Self::Owned(_) => "owned",
            Self::OwnerSilent(_) => "owner_silent",
            Self::OtherVersion(..) => "other_version",
            Self::OwnerGone => "owner_gone",
            Self::NewerProfile(_) => "newer_profile",
            Self::DamagedProfile(..) => "damaged_profile",
            Self::ProfileIo(..) => "profile_io",
            Self::Secret(SecretError::Locked) => "keyring_locked",
            Self::Secret(SecretError::NotThere(_)) => "keyring_missing",
            Self::Secret(SecretError::Missing) => "secrets_missing",
            Self::Secret(SecretError::NoPassphrase) => "no_passphrase",
            Self::Secret(SecretError::Unconfirmed) => "unconfirmed_passphrase",
            Self::Secret(SecretError::WrongPassphrase) => "wrong_passphrase",
            Self::Secret(SecretError::Damaged(_)) => "damaged_secrets",
            Self::Secret(SecretError::Io(_)) => "profile_io",
            Self::NewerState(..) => "newer_state",
            Self::DamagedState(..) => "damaged_state",
            Self::StateIo(..) => "state_io",
            Self::NotFound(..) => "not_found",
            Self::WhichPair(..) => "which_pair",
            Self::PairBusy(_) => "pair_busy",
            Self::Broken(_) | Self::EngineBroken => "internal",
            Self::Refused(_) => "refused",
            Self::Usage(..) => "usage",
            Self::Protocol(_) => "protocol",
        }
    }

    /// The exit code of a command that ended with it (DESIGN 7).
    #[must_use]
    pub fn exit(&self) -> u8 {
        match self {
            Self::TestStopped(_, inner) => inner.exit(),
            Self::Storage(..)
            | Self::StorageDisabled(_)
            | Self::Secret(_)
            | Self::NewerState(..)
            | Self::DamagedState(..)
            | Self::StateIo(..)
            | Self::Broken(_)
            | Self::EngineBroken
            | Self::OwnerGone => 4,
            _ => 2,
        }
    }

    /// What can be done about it, in one word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::TestStopped(_, inner) => inner.kind(),
            Self::Storage(_, error) => match error.kind {
                ErrorKind::Auth => "auth",
                ErrorKind::Transient { .. } => "transient",
                ErrorKind::Permanent => "permanent",
            },
            Self::Secret(SecretError::Locked | SecretError::NotThere(_)) | Self::OwnerGone => {
                "transient"
            }
            Self::Secret(
                SecretError::Missing
                | SecretError::NoPassphrase
                | SecretError::Unconfirmed
                | SecretError::WrongPassphrase,
            ) => "auth",
            _ if self.exit() == 2 => "usage",
            _ => "permanent",
        }
    }

    /// As it is shown.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let Words { message, next_step } = Words::of_fault(self);
        let (operation, storage, path, detail) = self.particulars();
        Failure {
            kind: self.kind().to_owned(),
            cause: self.cause().to_owned(),
            operation,
            storage,
            path,
            message,
            next_step,
            detail,
        }
    }

    #[allow(
        clippy::type_complexity,
        reason = "four optional texts that one place takes apart"
    )]
    fn particulars(
        &self,
    ) -> (
        Option<String>,
        Option<String>,
        Option<String>,
        Option<String>,
    ) {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        match self {
            Self::TestStopped(_, inner) => inner.particulars(),
            Self::Storage(words, error) => (
                some(error.operation),
                some(&words.name).or_else(|| some(crate::location::LOCAL)),
                error
                    .path
                    .as_ref()
                    .map(|p| p.as_str().to_owned())
                    .or_else(|| some(&words.folder)),
                some(&error.detail),
            ),
            Self::BadStorage { name, why, .. } => (some("open"), some(name), None, some(why)),
            Self::UnknownStorage(name)
            | Self::StorageDisabled(name)
            | Self::StorageInUse(name, _) => (None, some(name), None, None),
            Self::NoFolder(path)
            | Self::NothingThere(path)
            | Self::IsFile(path)
            | Self::AlreadyThere(path)
            | Self::FileThere(path)
            | Self::IntoItself(_, path)
            | Self::InsidePair(path, _)
            | Self::AroundPair(path, _)
            | Self::SameEnds(path)
            | Self::WhichPair(path, _)
            | Self::BadLocation(path, _) => (None, None, some(path), None),
            Self::DamagedProfile(path, why)
            | Self::ProfileIo(path, why)
            | Self::FileIo(path, why) => (None, None, some(path), some(why)),
            Self::DamagedState(_, why) | Self::StateIo(_, why) => (None, None, None, some(why)),
            Self::Secret(
                SecretError::NotThere(why) | SecretError::Damaged(why) | SecretError::Io(why),
            ) => (None, None, None, some(why)),
            _ => (None, None, None, None),
        }
    }
}

impl From<SecretError> for Fault {
    fn from(error: SecretError) -> Self {
        Self::Secret(error)
    }
}

impl Failure {
    /// Cleans what is said, by whatever takes secrets out of a text.
    pub(crate) fn clean(&mut self, clean: &dyn Fn(&str) -> String) {
        for text in [&mut self.message, &mut self.next_step]
            .into_iter()
            .chain(self.detail.as_mut())
        {
            *text = clean(text);
        }
    }

    /// Words the next step for a person who has the window instead of a terminal.
    pub fn for_window(&mut self) {
        self.next_step = crate::words::in_window(&self.cause, &self.next_step);
    }

    /// The exit code, from the cause and kind alone: what came over the socket ends as it would have here.
    #[must_use]
    pub fn exit(&self) -> u8 {
        if self.kind == "usage" { 2 } else { 4 }
    }
}
