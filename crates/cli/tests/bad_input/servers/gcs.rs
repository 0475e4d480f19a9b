//! Google Cloud Storage: its simulator, which Google's own client passes, and its documented answers.

use serde_json::Value;
use tandem_testkit::servers::gcs::{GcsServer, Role};

use super::{Storage, refusing};

fn of(endpoint: &str, bucket: &str, key: &str) -> Storage {
    Storage::new("gcs")
        .set("endpoint", endpoint)
        .set("bucket", bucket)
        .secret("service_account_key", key)
}

/// The key of an account that gets its tokens from this address.
fn with_token_uri(key: &str, uri: &str) -> String {
    let mut key: Value = serde_json::from_str(key).unwrap();
    key["token_uri"] = uri.into();
    key.to_string()
}

#[test]
fn what_a_person_may_have_wrong() {
    let server = GcsServer::start().unwrap();
    server.make_bucket("pictures");
    let endpoint = server.endpoint();
    let key = server.make_account(Role::ObjectAdmin).unwrap();
    of(&endpoint, "nowhere", &key).is_refused(
        ("permanent", "not_found"),
        "There is no bucket “nowhere”. Check the name; Tandem makes no bucket.",
    );
    let gone = server.make_account(Role::ObjectAdmin).unwrap();
    server.delete_account(&gone);
    of(&endpoint, "pictures", &gone).is_refused(
        ("auth", "auth_denied"),
        "The server does not accept this service account key. Check that it is the right one, and whole.",
    );
    let reads = server.make_account(Role::ObjectViewer).unwrap();
    of(&endpoint, "pictures", &reads).is_refused(
        ("permanent", "forbidden"),
        "photos does not allow access to “pictures”: the service account lacks the right storage.objects.create; the role \
         Storage Object Admin on the bucket has it. Give this account or user the right to it;",
    );
}

/// As Google's address for tokens answers a claim of another time ("Error codes", Using OAuth 2.0 for Server to Server
/// Applications: `invalid_grant`).
#[test]
fn a_clock_that_is_an_hour_off() {
    let server = GcsServer::start().unwrap();
    let key = server.make_account(Role::ObjectAdmin).unwrap();
    let tokens = refusing(
        "400 Bad Request",
        "Content-Type: application/json\r\n",
        r#"{"error": "invalid_grant", "error_description": "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim."}"#,
    );
    of(
        &server.endpoint(),
        "pictures",
        &with_token_uri(&key, &tokens),
    )
    .is_refused(
        ("permanent", "clock_skew"),
        "The clock of this computer and that of 127.0.0.1:",
    );
}

/// 403 quotaExceeded ("HTTP status and error codes for JSON").
#[test]
fn a_project_whose_quota_is_used_up() {
    let server = GcsServer::start().unwrap();
    let key = server.make_account(Role::ObjectAdmin).unwrap();
    let full = refusing(
        "403 Forbidden",
        "Content-Type: application/json\r\n",
        r#"{"error": {"code": 403, "message": "The requested operation would cause the quota to be exceeded.", "errors": [{"domain": "usageLimits", "reason": "quotaExceeded"}]}}"#,
    );
    of(&full, "pictures", &key).is_refused(
        ("permanent", "quota"),
        "photos is full. Free some room there;",
    );
}
