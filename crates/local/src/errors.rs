//! What the system says, in the words of the storage contract (DESIGN 6.6).

use tandem_core::error::{Cause, ErrorKind, StorageError};
use tandem_core::path::RelPath;

use crate::sys::Errno;

/// Why the system refused.
pub(crate) const fn cause_of(error: Errno) -> Cause {
    match error {
        // Below a file or a link there is nothing: links are never followed, so what they lead to lies elsewhere.
        Errno::NOENT | Errno::NOTDIR | Errno::LOOP => Cause::NotFound,
        Errno::EXIST => Cause::AlreadyExists,
        Errno::NOTEMPTY | Errno::ISDIR => Cause::PreconditionFailed,
        Errno::NOSPC | Errno::DQUOT => Cause::Quota,
        Errno::ROFS => Cause::ReadOnly,
        Errno::ACCESS | Errno::PERM => Cause::Forbidden,
        Errno::IO => Cause::LocalIo,
        Errno::NAMETOOLONG | Errno::ILSEQ | Errno::INVAL => Cause::NameRefused,
        Errno::FBIG => Cause::TooLarge,
        Errno::XDEV | Errno::NOSYS | Errno::OPNOTSUPP => Cause::Unsupported,
        Errno::BUSY | Errno::TXTBSY => Cause::Locked,
        // A network file system that does not answer, a device that was pulled out.
        Errno::STALE
        | Errno::NOTCONN
        | Errno::HOSTDOWN
        | Errno::TIMEDOUT
        | Errno::NODEV
        | Errno::NXIO => Cause::Offline,
        _ => Cause::Other,
    }
}

/// The error of an operation on `path`; the root's own has none.
pub(crate) fn failed(operation: &'static str, path: &RelPath, error: Errno) -> StorageError {
    let source = std::io::Error::from(error);
    let mut made = StorageError::new(operation, cause_of(error), source.to_string());
    if matches!(
        error,
        Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::AGAIN
    ) {
        made = made.of_kind(ErrorKind::Transient { retry_after: None });
    }
    placed(made, path).because(source)
}

/// An error of Tandem's own making.
pub(crate) fn refused(
    operation: &'static str,
    path: &RelPath,
    cause: Cause,
    why: impl Into<String>,
) -> StorageError {
    placed(StorageError::new(operation, cause, why), path)
}

/// What is there is not what was expected.
pub(crate) fn not_as_expected(
    operation: &'static str,
    path: &RelPath,
    why: impl Into<String>,
) -> StorageError {
    refused(operation, path, Cause::PreconditionFailed, why)
}

fn placed(error: StorageError, path: &RelPath) -> StorageError {
    if path.is_root() {
        error
    } else {
        error.at(path)
    }
}

/// Turns the answer of a system call into that of an operation.
pub(crate) trait Context<T> {
    /// With the operation and the path it concerns.
    fn context(self, operation: &'static str, path: &RelPath) -> Result<T, StorageError>;
}

impl<T> Context<T> for Result<T, Errno> {
    fn context(self, operation: &'static str, path: &RelPath) -> Result<T, StorageError> {
        self.map_err(|error| failed(operation, path, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_a_person_can_meet_has_its_cause() {
        for (errno, cause) in [
            (Errno::NOSPC, Cause::Quota),
            (Errno::DQUOT, Cause::Quota),
            (Errno::ROFS, Cause::ReadOnly),
            (Errno::ACCESS, Cause::Forbidden),
            (Errno::PERM, Cause::Forbidden),
            (Errno::IO, Cause::LocalIo),
            (Errno::NAMETOOLONG, Cause::NameRefused),
            (Errno::ILSEQ, Cause::NameRefused),
            (Errno::NOENT, Cause::NotFound),
            (Errno::EXIST, Cause::AlreadyExists),
            (Errno::NOTEMPTY, Cause::PreconditionFailed),
        ] {
            let path = RelPath::new("a/b").unwrap();
            let error = failed("stage", &path, errno);
            assert_eq!(error.cause, cause, "{errno:?}");
            assert_eq!(error.path, Some(path));
        }
    }
}
