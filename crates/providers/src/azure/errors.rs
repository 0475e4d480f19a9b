//! From the service's answers to the closed list of causes (DESIGN 6.6).
//!
//! The codes are those of "Common REST API error codes" and "Blob Storage error codes" (Microsoft Learn, storageservices).

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use tandem_core::error::{Cause, ErrorKind, StorageError};
use tandem_core::time::Timestamp;

use super::auth::{Auth, MOST_SKEW};
use crate::http::{date, retry_after};
use crate::objects::store::no_bucket;

/// The header that names the code, also where an answer has no body.
const CODE: &str = "x-ms-error-code";

/// A refusal, as far as it was read.
pub(super) struct Refusal<'a> {
    pub(super) status: StatusCode,
    pub(super) headers: &'a HeaderMap,
    /// What the body says.
    pub(super) message: &'a str,
}

/// What a refusal means. `now` is this computer's clock.
pub(super) fn refused(
    operation: &'static str,
    container: &str,
    auth: &Auth,
    now: Timestamp,
    refusal: &Refusal<'_>,
) -> StorageError {
    let Refusal {
        status,
        headers,
        message,
    } = refusal;
    let code = headers
        .get(CODE)
        .and_then(|code| code.to_str().ok())
        .unwrap_or_default();
    if matches!(code, "ContainerNotFound" | "ContainerBeingDeleted") {
        return no_bucket(operation, "container", container);
    }
    // Azurite has the code of a right that is missing for a wrong signature, and the words of the service.
    const UNKNOWN: [&str; 3] = [
        "AuthenticationFailed",
        "InvalidAuthenticationInfo",
        "NoAuthenticationInformation",
    ];
    if UNKNOWN.contains(&code) || message.starts_with("Server failed to authenticate") {
        return who_asks(operation, auth, headers, now);
    }
    let cause = cause(code, status.as_u16());
    let detail = match (words(code), code, *message) {
        (Some(words), ..) => words.to_owned(),
        (None, "", "") => status.to_string(),
        (None, "", message) => format!("{}: {message}", status.as_u16()),
        (None, code, "") => format!("{} {code}", status.as_u16()),
        (None, code, message) => format!("{} {code}: {message}", status.as_u16()),
    };
    let error = StorageError::new(operation, cause, detail);
    let asked = headers
        .get(RETRY_AFTER)
        .and_then(|text| retry_after(text.to_str().ok()?, now));
    match asked {
        Some(wait) if error.is_transient() => error.of_kind(ErrorKind::Transient {
            retry_after: Some(wait),
        }),
        _ => error,
    }
}

/// A request that was not let in. The service says the same of a wrong key, of a clock that is off and of a SAS that is
/// over; what time it is there tells them apart.
fn who_asks(
    operation: &'static str,
    auth: &Auth,
    headers: &HeaderMap,
    now: Timestamp,
) -> StorageError {
    let there = headers
        .get("date")
        .and_then(|text| date(text.to_str().ok()?))
        .unwrap_or(now);
    let ended = auth.time("se").is_some_and(|end| end < there);
    let begins = auth.time("st").is_some_and(|start| start > there);
    let is_off = now.distance(there) / 1_000_000_000 > MOST_SKEW;
    let (cause, why) = match auth {
        Auth::Sas(_) if ended => (
            Cause::AuthExpired,
            "the shared access signature is over; make a new one",
        ),
        Auth::Sas(_) if begins => (
            Cause::AuthDenied,
            "the shared access signature is not valid yet",
        ),
        Auth::Sas(_) => (
            Cause::AuthDenied,
            "the service does not know this shared access signature: it was not copied whole, or its key was renewed",
        ),
        Auth::Key(_) if is_off => (
            Cause::ClockSkew,
            "this computer's clock is more than 15 minutes off that of the service",
        ),
        Auth::Key(_) => (
            Cause::AuthDenied,
            "this is not the key of the storage account",
        ),
    };
    StorageError::new(operation, cause, why)
}

/// What the service words for programmers, or not at all.
fn words(code: &str) -> Option<&'static str> {
    Some(match code {
        "AuthorizationPermissionMismatch" => {
            "the shared access signature lacks the right to do this: read, add, create, write, delete and list are needed"
        }
        "KeyBasedAuthenticationNotPermitted" => {
            "the account lets nobody in by its key: that is set in its configuration"
        }
        "AuthorizationFailure" => "the account's network rules or rights do not let this through",
        "LeaseIdMissing"
        | "LeaseNotPresentWithBlobOperation"
        | "LeaseIdMismatchWithBlobOperation" => "another program holds a lease on it",
        "PendingCopyOperation" => "a copy onto it is not finished yet",
        "InvalidBlobOrBlock" => {
            "another program is uploading there in blocks of another kind, or left them half-way"
        }
        "SnapshotsPresent" => "it has snapshots, which would be deleted with it",
        "OperationNotAllowedOnRootBlob" => "it is the current version, and no old one",
        "BlobImmutableDueToPolicy" => "a policy of the container keeps it from being changed",
        "BlobArchived" | "BlobBeingRehydrated" => {
            "it is archived, and has to be rehydrated before it can be read"
        }
        _ => return None,
    })
}

/// The cause that a code and a status mean. The code decides where there is one.
fn cause(code: &str, status: u16) -> Cause {
    match code {
        // Blocks that are no longer there are an upload that is gone.
        "BlobNotFound" | "ResourceNotFound" | "InvalidBlockList" => Cause::NotFound,
        "BlobAlreadyExists" => Cause::AlreadyExists,
        "ConditionNotMet"
        | "TargetConditionNotMet"
        | "SourceConditionNotMet"
        | "CannotVerifyCopySource"
        | "OperationNotAllowedOnRootBlob" => Cause::PreconditionFailed,
        "LeaseIdMissing"
        | "LeaseNotPresentWithBlobOperation"
        | "LeaseIdMismatchWithBlobOperation"
        | "PendingCopyOperation"
        | "InvalidBlobOrBlock" => Cause::Locked,
        "ServerBusy" => Cause::RateLimited,
        "OperationTimedOut" => Cause::Timeout,
        "Md5Mismatch" | "InvalidMd5" | "Crc64Mismatch" => Cause::HashMismatch,
        "RequestBodyTooLarge" | "BlockCountExceedsLimit" | "BlockListTooLong" => Cause::TooLarge,
        "InvalidResourceName" | "InvalidUri" | "OutOfRangeInput" => Cause::NameRefused,
        "BlobImmutableDueToPolicy" => Cause::ReadOnly,
        "SnapshotsPresent" | "BlobArchived" | "BlobBeingRehydrated" => Cause::Forbidden,
        // A range that the blob does not have any more.
        "InvalidRange" => Cause::PreconditionFailed,
        _ => match status {
            401 => Cause::AuthDenied,
            403 => Cause::Forbidden,
            404 => Cause::NotFound,
            405 | 501 => Cause::Unsupported,
            408 => Cause::Timeout,
            412 | 416 => Cause::PreconditionFailed,
            413 => Cause::TooLarge,
            429 | 503 => Cause::RateLimited,
            507 => Cause::Quota,
            500.. => Cause::Server,
            _ => Cause::Other,
        },
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn error(code: &'static str, status: u16, auth: &Auth, now: i64) -> StorageError {
        let mut headers = HeaderMap::new();
        headers.insert(CODE, HeaderValue::from_static(code));
        headers.insert(
            "date",
            HeaderValue::from_static("Sun, 22 Nov 2026 12:00:00 GMT"),
        );
        let refusal = Refusal {
            status: StatusCode::from_u16(status).unwrap(),
            headers: &headers,
            message: "",
        };
        refused("test", "files", auth, Timestamp::from_secs(now), &refusal)
    }

    const NOON: i64 = 1_795_348_800;

    #[test]
    fn codes_come_before_statuses() {
        let key = Auth::Key(Vec::new());
        for (code, status, expected) in [
            ("ContainerNotFound", 404, Cause::NotFound),
            ("BlobNotFound", 404, Cause::NotFound),
            ("BlobAlreadyExists", 409, Cause::AlreadyExists),
            ("ConditionNotMet", 412, Cause::PreconditionFailed),
            ("LeaseIdMissing", 412, Cause::Locked),
            ("AuthorizationPermissionMismatch", 403, Cause::Forbidden),
            ("ServerBusy", 503, Cause::RateLimited),
            ("InternalError", 500, Cause::Server),
            ("Md5Mismatch", 400, Cause::HashMismatch),
            ("Unheard", 400, Cause::Other),
        ] {
            assert_eq!(
                error(code, status, &key, NOON).cause,
                expected,
                "{code} {status}"
            );
        }
    }

    #[test]
    fn a_request_that_is_not_let_in_says_why() {
        let key = Auth::Key(Vec::new());
        let until = |end: &str| Auth::Sas(format!("se={end}&sig=x"));
        for (auth, now, expected) in [
            (&key, NOON, Cause::AuthDenied),
            (&key, NOON + 3_600, Cause::ClockSkew),
            (&key, NOON - 3_600, Cause::ClockSkew),
            (&until("2026-11-22T11:59:00Z"), NOON, Cause::AuthExpired),
            (&until("2027-01-01"), NOON, Cause::AuthDenied),
        ] {
            let error = error("AuthenticationFailed", 403, auth, now);
            assert_eq!(error.cause, expected, "{error}");
        }
    }
}
