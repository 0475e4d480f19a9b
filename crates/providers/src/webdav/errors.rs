//! From a server's answers to the closed list of causes (DESIGN 6.6). Codes are those of RFC 9110 and RFC 4918.

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Method, StatusCode};
use tandem_core::error::{Cause, ErrorKind, StorageError};
use tandem_core::time::Timestamp;

use super::guard::Guard;
use crate::http::retry_after;
use crate::retry::Attempt;

const WRITTEN_SINCE: &str = "somebody wrote at the same time";

/// What a server's refusal means. `said` is what it says for people, as far as it was read.
pub(super) fn refused(
    operation: &'static str,
    method: &Method,
    status: StatusCode,
    headers: &HeaderMap,
    said: &str,
    now: Timestamp,
) -> StorageError {
    let asked = headers
        .get(RETRY_AFTER)
        .and_then(|value| retry_after(value.to_str().ok()?, now));
    let cause = cause(method, status.as_u16(), asked.is_some());
    let error = StorageError::new(operation, cause, detail(status, headers, said));
    match asked {
        Some(wait) if error.is_transient() => error.of_kind(ErrorKind::Transient {
            retry_after: Some(wait),
        }),
        _ => error,
    }
}

fn detail(status: StatusCode, headers: &HeaderMap, said: &str) -> String {
    if status.is_redirection() {
        let to = headers.get("location").and_then(|to| to.to_str().ok());
        // Not followed: the password would go to whoever the answer names (P19).
        return format!(
            "{} the server sends on to {:?}; that is the address to use",
            status.as_u16(),
            to.unwrap_or_default()
        );
    }
    match said {
        "" => status.to_string(),
        said => format!("{}: {said}", status.as_u16()),
    }
}

fn cause(method: &Method, status: u16, has_retry_after: bool) -> Cause {
    let method = method.as_str();
    match status {
        401 => Cause::AuthDenied,
        403 => Cause::Forbidden,
        404 | 410 => Cause::NotFound,
        // What is in the way of a new folder or of a file that is put there.
        405 if matches!(method, "MKCOL" | "PUT") => Cause::AlreadyExists,
        405 | 415 | 501 => Cause::Unsupported,
        408 => Cause::Timeout,
        // The folder that is to hold it is missing (RFC 4918, sections 9.3.1, 9.7.1, 9.8.5, 9.9.4).
        409 if matches!(method, "MKCOL" | "PUT" | "COPY" | "MOVE") => Cause::NotFound,
        409 | 412 => Cause::PreconditionFailed,
        413 => Cause::TooLarge,
        414 => Cause::NameRefused,
        423 => Cause::Locked,
        429 => Cause::RateLimited,
        503 if has_retry_after => Cause::RateLimited,
        507 => Cause::Quota,
        500.. => Cause::Server,
        _ => Cause::Other,
    }
}

/// An answer that makes no sense.
pub(super) fn bad_answer(operation: &'static str, detail: impl Into<String>) -> StorageError {
    StorageError::new(operation, Cause::BadResponse, detail)
}

/// What is there now is somebody else's, and what was there before may have been replaced from here.
pub(super) fn written_since(operation: &'static str) -> StorageError {
    StorageError::new(operation, Cause::PreconditionFailed, WRITTEN_SINCE)
}

/// `error`, which ended a try. One that came after a try without an answer does not say what that one did.
pub(super) fn of_try(attempt: Attempt, error: StorageError) -> StorageError {
    if attempt.is_repeated() && is_refused_change(&error) {
        written_since(error.operation)
    } else {
        error
    }
}

/// Whether a change that ended so surely changed nothing.
pub(super) fn changed_nothing(error: &StorageError) -> bool {
    is_refused_change(error) && error.detail != WRITTEN_SINCE || error.cause == Cause::NameRefused
}

const fn is_refused_change(error: &StorageError) -> bool {
    matches!(
        error.cause,
        Cause::PreconditionFailed | Cause::AlreadyExists
    )
}

/// Whether a server said that something else is there than was expected: also by not finding what was to be there.
pub(super) fn is_refusal(error: &StorageError, guard: &Guard) -> bool {
    error.is_lost_race() && !(error.cause == Cause::NotFound && *guard == Guard::Absent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_means_what_the_method_makes_of_it() {
        for (method, status, expected) in [
            ("PUT", 409, Cause::NotFound),
            ("DELETE", 409, Cause::PreconditionFailed),
            ("MKCOL", 405, Cause::AlreadyExists),
            ("REPORT", 405, Cause::Unsupported),
            ("PUT", 412, Cause::PreconditionFailed),
            ("PUT", 423, Cause::Locked),
            ("PUT", 507, Cause::Quota),
            ("GET", 503, Cause::Server),
            ("GET", 429, Cause::RateLimited),
            ("GET", 302, Cause::Other),
        ] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            assert_eq!(cause(&method, status, false), expected, "{method} {status}");
        }
        assert_eq!(cause(&Method::GET, 503, true), Cause::RateLimited);
    }
}
