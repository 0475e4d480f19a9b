//! From the service's answers to the closed list of causes (DESIGN 6.6).
//!
//! The reasons are those of "HTTP status and error codes for JSON" (json_api/v1/status-codes).

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde_json::Value;
use tandem_core::error::{Cause, ErrorKind, StorageError};
use tandem_core::time::Timestamp;

use crate::http::retry_after;
use crate::objects::store::no_bucket;

/// A refusal, as far as it was read.
pub(super) struct Refusal<'a> {
    pub(super) status: StatusCode,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
}

/// What a refusal means. `now` is for a Retry-After that is a date.
pub(super) fn refused(
    operation: &'static str,
    bucket: &str,
    now: Timestamp,
    refusal: &Refusal<'_>,
) -> StorageError {
    let status = refusal.status.as_u16();
    let (reason, message) = said(refusal.body);
    if status == 404 && message.contains("bucket does not exist") {
        return no_bucket(operation, "bucket", bucket);
    }
    let cause = cause(status, &reason, &message);
    let error = StorageError::new(operation, cause, detail(status, cause, &message));
    let asked = refusal.headers.get(RETRY_AFTER);
    let asked = asked.and_then(|text| retry_after(text.to_str().ok()?, now));
    match asked {
        Some(wait) if error.is_transient() => error.of_kind(ErrorKind::Transient {
            retry_after: Some(wait),
        }),
        _ => error,
    }
}

/// The reason for programs and the message for people. Who asks for content is refused in plain text.
fn said(body: &[u8]) -> (String, String) {
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        let text = String::from_utf8_lossy(body).trim().to_owned();
        let is_page = text.starts_with('<');
        return (String::new(), if is_page { String::new() } else { text });
    };
    let text = |at: &str| body.pointer(at).and_then(Value::as_str).unwrap_or_default();
    (
        text("/error/errors/0/reason").to_owned(),
        text("/error/message").to_owned(),
    )
}

fn cause(status: u16, reason: &str, message: &str) -> Cause {
    match (status, reason) {
        (400, _) if message.contains("doesn't match calculated") => Cause::HashMismatch,
        (400, _) if is_about_name(message) => Cause::NameRefused,
        (401, _) => Cause::AuthDenied,
        (403 | 429, "rateLimitExceeded" | "userRateLimitExceeded") => Cause::RateLimited,
        (403, "quotaExceeded" | "dailyLimitExceeded") => Cause::Quota,
        (403, "retentionPolicyNotMet" | "objectUnderActiveHold") => Cause::ReadOnly,
        (403, _) => Cause::Forbidden,
        // A session that was ended is gone (499 is what ending one is answered with).
        (404 | 410 | 499, _) => Cause::NotFound,
        (405 | 501, _) => Cause::Unsupported,
        (408, _) => Cause::Timeout,
        // 304 is what a condition that asks for a difference is refused with.
        (304 | 409 | 412 | 416, _) => Cause::PreconditionFailed,
        (413, _) => Cause::TooLarge,
        (429, _) => Cause::RateLimited,
        (500.., _) => Cause::Server,
        _ => Cause::Other,
    }
}

/// What is said of a name that cannot be ("Object name requirements", objects#naming).
fn is_about_name(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["object name", "object length", "objects cannot be named"]
        .iter()
        .any(|words| message.contains(words))
}

fn detail(status: u16, cause: Cause, message: &str) -> String {
    match cause {
        Cause::AuthDenied => "the service does not take the service account's token".to_owned(),
        Cause::ReadOnly => {
            "a retention policy or a hold of the bucket keeps it from being changed".to_owned()
        }
        Cause::Forbidden => match permission(message) {
            Some(permission) => format!(
                "the service account lacks the right {permission}; the role Storage Object Admin on the bucket has it"
            ),
            None => format!("{status}: {message}"),
        },
        _ if message.is_empty() => status.to_string(),
        _ => format!("{status}: {message}"),
    }
}

/// The right that is lacking, such as `storage.objects.create`.
fn permission(message: &str) -> Option<&str> {
    let words = message.split([' ', '\'', '"', ',']);
    let mut words = words.map(|word| word.trim_end_matches('.'));
    words.find(|word| word.starts_with("storage.") && word.matches('.').count() == 2)
}

/// Why there was no token. The answers are those of RFC 6749, section 5.2, and RFC 7523, section 3.1.
pub(super) fn no_token(
    operation: &'static str,
    email: &str,
    status: u16,
    body: &[u8],
) -> StorageError {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| answer[name].as_str().unwrap_or_default();
    let said = text("error_description");
    let (cause, why) = match (status, text("error")) {
        (429, _) => (Cause::RateLimited, status.to_string()),
        (500.., _) => (Cause::Server, status.to_string()),
        (_, "invalid_grant") if said.contains("reasonable timeframe") => (
            Cause::ClockSkew,
            "this computer's clock is off: the service takes no key whose time is not its own"
                .to_owned(),
        ),
        (_, "invalid_grant") if said.contains("Signature") => (
            Cause::AuthDenied,
            format!(
                "the key of {email} is no longer good: it was deleted, or belongs to another account"
            ),
        ),
        (_, "invalid_grant") if said.contains("not found") => (
            Cause::AuthDenied,
            format!("there is no service account {email}"),
        ),
        (_, error) => (Cause::AuthDenied, format!("{status} {error}: {said}")),
    };
    StorageError::new(operation, cause, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16, body: &str) -> StorageError {
        let refusal = Refusal {
            status: StatusCode::from_u16(status).unwrap(),
            headers: &HeaderMap::new(),
            body: body.as_bytes(),
        };
        refused("test", "files", Timestamp(0), &refusal)
    }

    #[test]
    fn a_refusal_means_what_its_reason_says() {
        let json = |reason: &str, message: &str| {
            format!(
                r#"{{"error": {{"code": 1, "message": "{message}", "errors": [{{"reason": "{reason}"}}]}}}}"#
            )
        };
        for (status, body, expected) in [
            (
                404,
                json("notFound", "No such object: files/a"),
                Cause::NotFound,
            ),
            (404, "No such object: files/a".to_owned(), Cause::NotFound),
            (
                412,
                json("conditionNotMet", "At least one"),
                Cause::PreconditionFailed,
            ),
            (304, String::new(), Cause::PreconditionFailed),
            (403, json("rateLimitExceeded", "slow"), Cause::RateLimited),
            (
                403,
                json("forbidden", "x does not have storage.objects.create access"),
                Cause::Forbidden,
            ),
            (429, json("rateLimitExceeded", "slow"), Cause::RateLimited),
            (
                400,
                json(
                    "invalid",
                    "Provided CRC32C x doesn't match calculated CRC32C y.",
                ),
                Cause::HashMismatch,
            ),
            (
                400,
                json("invalid", "The maximum object length is 1024 characters."),
                Cause::NameRefused,
            ),
            (503, "<html>".to_owned(), Cause::Server),
            (501, String::new(), Cause::Unsupported),
        ] {
            assert_eq!(error(status, &body).cause, expected, "{status} {body}");
        }
        let none = error(
            404,
            &json("notFound", "The specified bucket does not exist."),
        );
        assert_eq!(none.detail, "there is no bucket files");
        let right = error(
            403,
            &json(
                "forbidden",
                "a@b does not have storage.objects.create access to the object.",
            ),
        );
        assert!(
            right
                .detail
                .contains("lacks the right storage.objects.create;"),
            "{right}"
        );
    }

    #[test]
    fn no_token_says_why() {
        for (said, expected) in [
            ("Invalid JWT Signature.", Cause::AuthDenied),
            ("Invalid grant: account not found", Cause::AuthDenied),
            (
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.",
                Cause::ClockSkew,
            ),
        ] {
            let body = format!(r#"{{"error": "invalid_grant", "error_description": "{said}"}}"#);
            let error = no_token("test", "a@b", 400, body.as_bytes());
            assert_eq!(error.cause, expected, "{error}");
        }
        assert_eq!(no_token("test", "a@b", 503, b"").cause, Cause::Server);
    }
}
