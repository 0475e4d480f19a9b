//! What can go wrong at the storage boundary: one struct, a closed list of causes (DESIGN 6.6).

use std::error::Error;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::path::RelPath;

/// What the caller can do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// A person must sign in again.
    Auth,
    /// Trying again later may work.
    Transient {
        /// How long the server asked to wait.
        retry_after: Option<Duration>,
    },
    /// Trying again does not help.
    Permanent,
}

/// Why an operation did not work. The list is closed: the words for each stand in one catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// There is no such item.
    NotFound,
    /// Something is there that was not expected.
    AlreadyExists,
    /// What is there is not what was expected: a lost race.
    PreconditionFailed,
    /// The storage cannot hold this name.
    NameRefused,
    /// The content is larger than the storage takes.
    TooLarge,
    /// The storage is full.
    Quota,
    /// The storage cannot be written to.
    ReadOnly,
    /// The account may not do this. Signing in again does not help.
    Forbidden,
    /// The storage does not offer this operation.
    Unsupported,
    /// The server asked to slow down.
    RateLimited,
    /// The storage cannot be reached.
    Offline,
    /// No answer in time.
    Timeout,
    /// The server answered that it has a fault.
    Server,
    /// The answer makes no sense.
    BadResponse,
    /// The content that arrived is not the content that was sent.
    HashMismatch,
    /// The cursor is too old; list anew.
    CursorExpired,
    /// The server's certificate cannot be trusted.
    Tls,
    /// This computer's clock is too far off for the server.
    ClockSkew,
    /// The sign-in has expired.
    AuthExpired,
    /// The server does not accept the key or the sign-in.
    AuthDenied,
    /// Somebody holds a lock on the item.
    Locked,
    /// The operation was stopped.
    Cancelled,
    /// This computer's disk failed.
    LocalIo,
    /// None of the above.
    Other,
}

impl Cause {
    /// Every cause.
    pub const ALL: &'static [Self] = &[
        Self::NotFound,
        Self::AlreadyExists,
        Self::PreconditionFailed,
        Self::NameRefused,
        Self::TooLarge,
        Self::Quota,
        Self::ReadOnly,
        Self::Forbidden,
        Self::Unsupported,
        Self::RateLimited,
        Self::Offline,
        Self::Timeout,
        Self::Server,
        Self::BadResponse,
        Self::HashMismatch,
        Self::CursorExpired,
        Self::Tls,
        Self::ClockSkew,
        Self::AuthExpired,
        Self::AuthDenied,
        Self::Locked,
        Self::Cancelled,
        Self::LocalIo,
        Self::Other,
    ];

    /// The kind that follows from the cause where the server said nothing more.
    #[must_use]
    pub const fn usual_kind(self) -> ErrorKind {
        match self {
            Self::AuthExpired | Self::AuthDenied => ErrorKind::Auth,
            Self::RateLimited | Self::Offline | Self::Timeout | Self::Server | Self::Locked => {
                ErrorKind::Transient { retry_after: None }
            }
            _ => ErrorKind::Permanent,
        }
    }

    /// The name used in JSON and in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::PreconditionFailed => "precondition_failed",
            Self::NameRefused => "name_refused",
            Self::TooLarge => "too_large",
            Self::Quota => "quota",
            Self::ReadOnly => "read_only",
            Self::Forbidden => "forbidden",
            Self::Unsupported => "unsupported",
            Self::RateLimited => "rate_limited",
            Self::Offline => "offline",
            Self::Timeout => "timeout",
            Self::Server => "server",
            Self::BadResponse => "bad_response",
            Self::HashMismatch => "hash_mismatch",
            Self::CursorExpired => "cursor_expired",
            Self::Tls => "tls",
            Self::ClockSkew => "clock_skew",
            Self::AuthExpired => "auth_expired",
            Self::AuthDenied => "auth_denied",
            Self::Locked => "locked",
            Self::Cancelled => "cancelled",
            Self::LocalIo => "local_io",
            Self::Other => "other",
        }
    }
}

/// A failed operation of a storage. Never holds a secret.
#[derive(Debug)]
pub struct StorageError {
    /// What can be done about it.
    pub kind: ErrorKind,
    /// Why.
    pub cause: Cause,
    /// Which operation: `"list"`, `"commit"`.
    pub operation: &'static str,
    /// The name of the storage; empty until the storage's owner fills it in.
    pub storage: String,
    /// The path below the root, where there is one.
    pub path: Option<RelPath>,
    /// What the server or the system said, for the person who wants to see it.
    pub detail: String,
    /// What caused it, for the log.
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

/// The result of an operation of a storage.
pub type Result<T> = std::result::Result<T, StorageError>;

impl StorageError {
    /// An error of the cause's usual kind.
    #[must_use]
    pub fn new(operation: &'static str, cause: Cause, detail: impl Into<String>) -> Self {
        Self {
            kind: cause.usual_kind(),
            cause,
            operation,
            storage: String::new(),
            path: None,
            detail: detail.into(),
            source: None,
        }
    }

    /// With the path it concerns.
    #[must_use]
    pub fn at(mut self, path: &RelPath) -> Self {
        self.path = Some(path.clone());
        self
    }

    /// With what caused it.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// With another kind than the usual one.
    #[must_use]
    pub const fn of_kind(mut self, kind: ErrorKind) -> Self {
        self.kind = kind;
        self
    }

    /// Whether trying again later may work.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self.kind, ErrorKind::Transient { .. })
    }

    /// Whether the item is not what the caller expected: observe and plan again, nothing is wrong.
    #[must_use]
    pub const fn is_lost_race(&self) -> bool {
        matches!(
            self.cause,
            Cause::PreconditionFailed | Cause::AlreadyExists | Cause::NotFound
        )
    }
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.operation)?;
        if let Some(path) = &self.path {
            write!(f, " {path:?}")?;
        }
        if !self.storage.is_empty() {
            write!(f, " on {}", self.storage)?;
        }
        write!(f, ": {}", self.cause.name())?;
        if !self.detail.is_empty() {
            write!(f, " ({})", self.detail)?;
        }
        Ok(())
    }
}

impl Error for StorageError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|e| e as &(dyn Error + 'static))
    }
}
