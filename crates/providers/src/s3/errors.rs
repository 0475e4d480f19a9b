//! From S3's answers to the closed list of causes (DESIGN 6.6).
//!
//! The codes are those of "Error responses" (S3 API Reference). What a server says is passed on as code and message
//! and never as the whole answer: that can repeat the request.

use std::error::Error;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use tandem_core::error::{Cause, ErrorKind, StorageError};
use tandem_core::time::Timestamp;

use crate::http::{chain, is_tls, retry_after};
use crate::objects::store::no_bucket;

/// What went wrong with one request. `bucket` is for messages, `now` for a Retry-After that is a date.
pub(super) fn map<E>(
    operation: &'static str,
    bucket: &str,
    now: Timestamp,
    error: &SdkError<E, HttpResponse>,
) -> StorageError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::ServiceError(failed) => {
            if failed.raw().status().is_success() && failed.err().code().is_none() {
                // It was done, and what the store says about it is no XML, or not the XML it should be.
                return StorageError::new(operation, Cause::BadResponse, chain(failed.err()));
            }
            answered(
                operation,
                bucket,
                now,
                failed.raw(),
                failed.err().code(),
                failed.err().message(),
            )
        }
        SdkError::ResponseError(failed) => {
            let status = failed.raw().status().as_u16();
            // An answer that was cut on its way is worth another try; the number of tries is bounded.
            StorageError::new(
                operation,
                Cause::BadResponse,
                format!("an answer {status} that could not be read"),
            )
            .of_kind(ErrorKind::Transient { retry_after: None })
        }
        SdkError::TimeoutError(_) => {
            StorageError::new(operation, Cause::Timeout, "no answer in time")
        }
        SdkError::DispatchFailure(failed) => {
            let said = failed
                .as_connector_error()
                .map(|e| chain(e))
                .unwrap_or_default();
            let cause = if failed.is_timeout() {
                Cause::Timeout
            } else if is_tls(&said) {
                Cause::Tls
            } else {
                Cause::Offline
            };
            StorageError::new(operation, cause, said)
        }
        _ => StorageError::new(operation, Cause::Other, chain(error)),
    }
}

fn answered(
    operation: &'static str,
    bucket: &str,
    now: Timestamp,
    raw: &HttpResponse,
    code: Option<&str>,
    message: Option<&str>,
) -> StorageError {
    let status = raw.status().as_u16();
    let cause = match cause(code, status) {
        Cause::Forbidden => message.and_then(of_a_key).unwrap_or(Cause::Forbidden),
        cause => cause,
    };
    let detail = match (cause, code) {
        (_, Some("NoSuchBucket")) => return no_bucket(operation, "bucket", bucket),
        (
            _,
            Some(
                "PermanentRedirect"
                | "AuthorizationHeaderMalformed"
                | "IllegalLocationConstraintException",
            ),
        ) => raw.headers().get("x-amz-bucket-region").map_or_else(
            || {
                message
                    .unwrap_or("the bucket is in another region or at another endpoint")
                    .to_owned()
            },
            |region| format!("the bucket {bucket} is in the region {region}; choose that one"),
        ),
        (_, Some(code)) => match message.filter(|m| !m.is_empty() && *m != code) {
            Some(message) => format!("{status} {code}: {message}"),
            None => format!("{status} {code}"),
        },
        (_, None) => format!("{status}"),
    };
    let error = StorageError::new(operation, cause, detail);
    match raw
        .headers()
        .get("retry-after")
        .and_then(|text| retry_after(text, now))
    {
        Some(wait) if error.is_transient() => error.of_kind(ErrorKind::Transient {
            retry_after: Some(wait),
        }),
        _ => error,
    }
}

/// The cause that a code and a status mean. The code decides where there is one.
fn cause(code: Option<&str>, status: u16) -> Cause {
    match code.unwrap_or_default() {
        "NoSuchKey" | "NoSuchBucket" | "NoSuchUpload" | "NoSuchVersion" | "NotFound" => {
            Cause::NotFound
        }
        "PreconditionFailed" | "ConditionalRequestConflict" => Cause::PreconditionFailed,
        "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken" | "AuthFailure" => {
            Cause::AuthDenied
        }
        "ExpiredToken" | "TokenRefreshRequired" => Cause::AuthExpired,
        "RequestTimeTooSkewed" | "RequestExpired" => Cause::ClockSkew,
        "AccessDenied" | "AllAccessDisabled" | "AccountProblem" | "InvalidObjectState" => {
            Cause::Forbidden
        }
        "SlowDown"
        | "Throttling"
        | "ThrottlingException"
        | "TooManyRequests"
        | "RequestLimitExceeded"
        | "ServiceUnavailable" => Cause::RateLimited,
        // Also within a 200: putting parts together and copying begin to answer before they are done.
        "InternalError" => Cause::Server,
        "RequestTimeout" => Cause::Timeout,
        "EntityTooLarge" => Cause::TooLarge,
        "QuotaExceeded"
        | "ServiceQuotaExceededException"
        | "InsufficientStorage"
        | "StorageFull" => Cause::Quota,
        "KeyTooLongError" | "KeyTooLong" => Cause::NameRefused,
        "BadDigest"
        | "InvalidDigest"
        | "XAmzContentSHA256Mismatch"
        | "XAmzContentChecksumMismatch" => Cause::HashMismatch,
        "NotImplemented" | "MethodNotAllowed" => Cause::Unsupported,
        _ => match status {
            404 => Cause::NotFound,
            // 409 without a code that is known: two writes met, one of them was refused.
            409 | 412 => Cause::PreconditionFailed,
            401 => Cause::AuthDenied,
            403 => Cause::Forbidden,
            405 | 501 => Cause::Unsupported,
            408 => Cause::Timeout,
            413 => Cause::TooLarge,
            429 | 503 => Cause::RateLimited,
            507 => Cause::Quota,
            // An error within an answer that had begun well: whatever it is, it came up on the way.
            200..=299 | 500.. => Cause::Server,
            _ => Cause::Other,
        },
    }
}

/// Garage has one code for a key that is none and for one without rights; its words tell them apart
/// (src/api/common/signature/payload.rs of 2.5.0).
fn of_a_key(message: &str) -> Option<Cause> {
    let about = message.strip_prefix("Forbidden: ")?;
    if about == "Invalid signature" || about.starts_with("No such key: ") {
        return Some(Cause::AuthDenied);
    }
    (about.starts_with("Access key ") && about.ends_with(" has expired"))
        .then_some(Cause::AuthExpired)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn garage_tells_a_wrong_key_by_its_words() {
        for (message, expected) in [
            ("Forbidden: Invalid signature", Some(Cause::AuthDenied)),
            ("Forbidden: No such key: GK31c2", Some(Cause::AuthDenied)),
            (
                "Forbidden: Access key GK31c2 has expired",
                Some(Cause::AuthExpired),
            ),
            ("Forbidden: Operation is not allowed for this key.", None),
            ("Access Denied.", None),
        ] {
            assert_eq!(of_a_key(message), expected, "{message}");
        }
    }

    #[test]
    fn codes_come_before_statuses() {
        for (code, status, expected) in [
            (Some("NoSuchBucket"), 404, Cause::NotFound),
            (None, 404, Cause::NotFound),
            (Some("SignatureDoesNotMatch"), 403, Cause::AuthDenied),
            (Some("InvalidAccessKeyId"), 403, Cause::AuthDenied),
            (Some("AccessDenied"), 403, Cause::Forbidden),
            (Some("ExpiredToken"), 400, Cause::AuthExpired),
            (Some("RequestTimeTooSkewed"), 403, Cause::ClockSkew),
            (
                Some("ConditionalRequestConflict"),
                409,
                Cause::PreconditionFailed,
            ),
            (None, 412, Cause::PreconditionFailed),
            (Some("SlowDown"), 503, Cause::RateLimited),
            (None, 503, Cause::RateLimited),
            (Some("InternalError"), 500, Cause::Server),
            (Some("InternalError"), 200, Cause::Server),
            (Some("ServiceUnavailable"), 200, Cause::RateLimited),
            (Some("Unheard"), 200, Cause::Server),
            (Some("NoSuchUpload"), 200, Cause::NotFound),
            (Some("Unheard"), 400, Cause::Other),
            (Some("NotImplemented"), 501, Cause::Unsupported),
            (Some("EntityTooLarge"), 400, Cause::TooLarge),
            (None, 507, Cause::Quota),
            (Some("BadDigest"), 400, Cause::HashMismatch),
        ] {
            assert_eq!(cause(code, status), expected, "{code:?} {status}");
        }
    }
}
