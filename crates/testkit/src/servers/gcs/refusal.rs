//! Errors as the JSON API words them ("HTTP status and error codes for JSON",
//! cloud.google.com/storage/docs/json_api/v1/status-codes).

use serde_json::json;

use super::message::{Answer, Request};

/// Why a request is not done.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) reason: &'static str,
    pub(super) message: String,
    /// Where a person is told what the error is about.
    location: Option<(&'static str, &'static str)>,
}

impl Refusal {
    pub(super) fn new(status: u16, reason: &'static str, message: &str) -> Self {
        Self {
            status,
            reason,
            message: message.to_owned(),
            location: None,
        }
    }

    /// 400: a value that cannot be.
    pub(super) fn invalid(message: &str) -> Self {
        Self::new(400, "invalid", message)
    }

    /// 401: a token that is none, or no longer.
    pub(super) fn unauthorized() -> Self {
        Self {
            location: Some(("header", "Authorization")),
            ..Self::new(401, "authError", "Invalid Credentials")
        }
    }

    /// 401: nobody in particular asks.
    pub(super) fn anonymous(permission: &str) -> Self {
        Self {
            location: Some(("header", "Authorization")),
            ..Self::new(
                401,
                "required",
                &format!(
                    "Anonymous caller does not have {permission} access to the Google Cloud Storage object. Permission \
                     '{permission}' denied on resource (or it may not exist)."
                ),
            )
        }
    }

    /// 403: somebody known who may not.
    pub(super) fn forbidden(who: &str, permission: &str) -> Self {
        let message = format!(
            "{who} does not have {permission} access to the Google Cloud Storage object. Permission '{permission}' \
             denied on resource (or it may not exist)."
        );
        Self::new(403, "forbidden", &message)
    }

    /// 403: a token that was not made for this.
    pub(super) fn out_of_scope() -> Self {
        Self::new(
            403,
            "insufficientPermissions",
            "Request had insufficient authentication scopes.",
        )
    }

    pub(super) fn no_bucket() -> Self {
        Self::new(404, "notFound", "The specified bucket does not exist.")
    }

    pub(super) fn no_object(bucket: &str, name: &str) -> Self {
        Self::new(404, "notFound", &format!("No such object: {bucket}/{name}"))
    }

    /// 412: a precondition with "Match" does not hold.
    pub(super) fn condition_not_met() -> Self {
        Self {
            location: Some(("header", "If-Match")),
            ..Self::new(
                412,
                "conditionNotMet",
                "At least one of the pre-conditions you specified did not hold.",
            )
        }
    }

    /// 304: a precondition with "NotMatch" does not hold ("Request preconditions",
    /// cloud.google.com/storage/docs/request-preconditions).
    pub(super) fn not_modified() -> Self {
        Self::new(304, "notModified", "")
    }

    /// What the client gets. Requests for an object's content are refused in plain text: their answers are no JSON.
    pub(super) fn answer(&self, request: &Request) -> Answer {
        if self.status == 304 {
            return Answer::empty(304);
        }
        if request.param("alt") == Some("media") && request.method == "GET" {
            return Answer::of(
                self.status,
                "text/html; charset=UTF-8",
                self.message.clone(),
            );
        }
        let mut error = json!({
            "message": self.message, "domain": "global", "reason": self.reason,
        });
        if let Some((kind, place)) = self.location {
            error["locationType"] = kind.into();
            error["location"] = place.into();
        }
        let all = json!({
            "error": {"code": self.status, "message": self.message, "errors": [error]}
        });
        let answer = Answer::json(self.status, &all);
        if self.status == 401 {
            let realm = "Bearer realm=\"https://accounts.google.com/\", error=\"invalid_token\"";
            return answer.with("www-authenticate", realm);
        }
        answer
    }
}
