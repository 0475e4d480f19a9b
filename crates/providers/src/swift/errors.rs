//! From Swift's answers to the closed list of causes (DESIGN 6.6). Codes are those of "Object Storage API"
//! (docs.openstack.org/api-ref/object-store) and of its middleware, which is named where it matters.

use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Method, StatusCode};
use tandem_core::error::{Cause, ErrorKind, StorageError};
use tandem_core::time::Timestamp;

use crate::http::retry_after;

/// What a refusal means. `said` is the answer's body, as far as it was read.
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
    let said = spoken(said);
    let mut cause = cause(method, status.as_u16(), &said, asked.is_some());
    if cause == Cause::NotFound
        && !["x-trans-id", "x-openstack-request-id"]
            .iter()
            .any(|id| headers.contains_key(*id))
    {
        // Of something before Swift, or in its place. What it does not find is not gone.
        cause = Cause::BadResponse;
    }
    let detail = if status.is_redirection() {
        let to = headers.get(LOCATION).and_then(|to| to.to_str().ok());
        // Not followed: the token would go to whoever the answer names (P19).
        format!(
            "{} the server sends on to {:?}",
            status.as_u16(),
            to.unwrap_or_default()
        )
    } else if said.is_empty() {
        status.to_string()
    } else {
        format!("{}: {said}", status.as_u16())
    };
    let error = StorageError::new(operation, cause, detail);
    match asked {
        Some(wait) if error.is_transient() => error.of_kind(ErrorKind::Transient {
            retry_after: Some(wait),
        }),
        _ => error,
    }
}

/// What an answer says for people: the paragraph of a page, or the whole of a plain text.
fn spoken(said: &str) -> String {
    let paragraph = said
        .split_once("<p>")
        .and_then(|(_, rest)| rest.split_once("</p>"));
    let text = match paragraph {
        Some((text, _)) => text,
        None if said.trim_start().starts_with('<') => "",
        None => said,
    };
    text.trim().to_owned()
}

fn cause(method: &Method, status: u16, said: &str, has_retry_after: bool) -> Cause {
    let is_about_name =
        || said.contains("name length") || said.contains("UTF8") || said.contains("NULL");
    match status {
        401 => Cause::AuthDenied,
        403 => Cause::Forbidden,
        404 | 410 => Cause::NotFound,
        405 | 501 => Cause::Unsupported,
        408 => Cause::Timeout,
        // Of a large object: a segment is gone or changed ("Static Large Objects"). Of a change: a newer one is there.
        409 if matches!(*method, Method::GET | Method::HEAD) => Cause::BadResponse,
        400 | 412 if is_about_name() => Cause::NameRefused,
        // Of a manifest: a segment is not there, or is not what the manifest says.
        400 if said.contains("Not Found") || said.contains("Mismatch") => Cause::NotFound,
        409 | 412 | 416 => Cause::PreconditionFailed,
        // container_quotas and account_quotas say so; else it is the largest object that there may be.
        413 if said.to_ascii_lowercase().contains("quota") => Cause::Quota,
        413 => Cause::TooLarge,
        414 => Cause::NameRefused,
        422 => Cause::HashMismatch,
        // 498 is what the middleware `ratelimit` says of old.
        429 | 498 => Cause::RateLimited,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_for_what_it_says() {
        assert_eq!(
            spoken("<html><h1>Forbidden</h1><p>Access was denied.</p></html>"),
            "Access was denied."
        );
        assert_eq!(spoken("Upload exceeds quota."), "Upload exceeds quota.");
        assert_eq!(spoken("<html><h1>Gone</h1></html>"), "");
    }

    #[test]
    fn only_swift_itself_says_what_is_not_there() {
        let mut headers = HeaderMap::new();
        let refused = |headers: &HeaderMap| {
            refused(
                "stat",
                &Method::HEAD,
                StatusCode::NOT_FOUND,
                headers,
                "",
                Timestamp(0),
            )
            .cause
        };
        assert_eq!(refused(&headers), Cause::BadResponse);
        headers.insert(
            "x-trans-id",
            reqwest::header::HeaderValue::from_static("tx1"),
        );
        assert_eq!(refused(&headers), Cause::NotFound);
    }

    #[test]
    fn a_code_means_what_the_request_was() {
        for (method, status, said, expected) in [
            (Method::PUT, 401, "", Cause::AuthDenied),
            (Method::PUT, 403, "", Cause::Forbidden),
            (Method::PUT, 409, "", Cause::PreconditionFailed),
            (Method::GET, 409, "", Cause::BadResponse),
            (Method::PUT, 412, "", Cause::PreconditionFailed),
            (
                Method::PUT,
                412,
                "Invalid UTF8 or contains NULL",
                Cause::NameRefused,
            ),
            (
                Method::PUT,
                400,
                "Object name length of 1025 longer than 1024",
                Cause::NameRefused,
            ),
            (
                Method::PUT,
                400,
                "Errors:\n/c/s, 404 Not Found",
                Cause::NotFound,
            ),
            (Method::PUT, 413, "Upload exceeds quota.", Cause::Quota),
            (
                Method::PUT,
                413,
                "Your request is too large.",
                Cause::TooLarge,
            ),
            (Method::GET, 416, "", Cause::PreconditionFailed),
            (Method::PUT, 422, "", Cause::HashMismatch),
            (Method::PUT, 498, "", Cause::RateLimited),
            (Method::PUT, 503, "", Cause::Server),
            (Method::PUT, 507, "", Cause::Quota),
        ] {
            assert_eq!(
                cause(&method, status, said, false),
                expected,
                "{method} {status} {said}"
            );
        }
        assert_eq!(cause(&Method::GET, 503, "", true), Cause::RateLimited);
    }
}
