//! Amazon S3 and what is like it.

use serde_json::{Value, json};
use tandem_testkit::servers::swift::SwiftS3;
use tandem_testkit::servers::{Moto, S3Server, S3sFs};

use super::{Storage, refusing};
use crate::common::Desk;
use crate::{add_s3, last};

/// A bucket of a server that answers as Amazon's would.
fn of_amazon(endpoint: &str) -> Storage {
    Storage::new("s3")
        .set("endpoint", endpoint)
        .set("bucket", "pictures")
        .set("region", "us-east-1")
        .secret("access_key_id", "AKIAEXAMPLEKEY")
        .secret("secret_access_key", "verysecretvalue")
}

/// A refusal as Amazon words it.
fn error(code: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>As the server says.</Message></Error>"
    )
}

fn wrong_keys_on(server: &S3Server) {
    server.make_bucket("pictures").unwrap();
    let desk = Desk::new();
    let done = add_s3(&desk, server, "photos", "pictures", "not-the-secret-key");
    assert_eq!(done.code, 4, "{}", done.err);
    assert_eq!(
        last(&done.err),
        "The server does not accept this key. Check both parts of it. The test stopped at “list”. Nothing was saved."
    );
    assert_eq!(
        desk.json(&["storage", "list"])["storages"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert!(!done.err.contains("not-the-secret-key"));
}

fn missing_bucket_on(server: &S3Server) {
    let desk = Desk::new();
    let done = add_s3(
        &desk,
        server,
        "photos",
        "nowhere-to-be-found",
        server.secret_key(),
    );
    assert_eq!(done.code, 4, "{}", done.err);
    assert_eq!(
        last(&done.err),
        format!(
            "There is no bucket “nowhere-to-be-found” in {}. Check the name, or choose another region. The test \
             stopped at “list”. Nothing was saved.",
            server.region()
        )
    );
    assert_eq!(
        desk.json(&["storage", "list"])["storages"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn wrong_keys() {
    // moto checks no signatures.
    wrong_keys_on(&S3sFs::start().unwrap());
    wrong_keys_on(&SwiftS3::start().unwrap());
}

#[test]
fn missing_bucket() {
    missing_bucket_on(&Moto::start().unwrap());
    missing_bucket_on(&SwiftS3::start().unwrap());
}

/// Servers that take long to install.
mod wide {
    use tandem_testkit::servers::ceph::CephRgw;
    use tandem_testkit::servers::garage::Garage;

    use super::{missing_bucket_on, wrong_keys_on};

    #[test]
    #[ignore = "wants what ./dev setup wide installs"]
    fn ceph() {
        let server = CephRgw::start().unwrap();
        wrong_keys_on(&server);
        missing_bucket_on(&server);
    }

    #[test]
    #[ignore = "wants what ./dev setup wide installs"]
    fn garage() {
        let server = Garage::start().unwrap();
        wrong_keys_on(&server);
        missing_bucket_on(&server);
    }
}

/// What Amazon answers, by "Error responses" (S3 API Reference).
#[test]
fn what_a_server_refuses_is_one_sentence() {
    let region = "x-amz-bucket-region: eu-west-1\r\n";
    let elsewhere = "The bucket pictures is in the region eu-west-1; choose that one.";
    for (status, code, more, said, means) in [
        (
            "403 Forbidden",
            "RequestTimeTooSkewed",
            "",
            "differ too much. Set the clock of this computer.",
            ("permanent", "clock_skew"),
        ),
        (
            "403 Forbidden",
            "AccessDenied",
            "",
            "photos does not allow access to “pictures”. Give this account or user the right to it;",
            ("permanent", "forbidden"),
        ),
        (
            "507 Insufficient Storage",
            "QuotaExceeded",
            "",
            "photos is full. Free some room there;",
            ("permanent", "quota"),
        ),
        (
            "301 Moved Permanently",
            "PermanentRedirect",
            region,
            elsewhere,
            ("permanent", "other"),
        ),
        (
            "400 Bad Request",
            "AuthorizationHeaderMalformed",
            region,
            elsewhere,
            ("permanent", "other"),
        ),
    ] {
        let told = of_amazon(&refusing(status, more, &error(code))).refusal();
        assert!(told.said.contains(said), "{code}: {told:?}");
        assert_eq!((&*told.means.0, &*told.means.1), means, "{code}");
    }
}

#[test]
fn expired_token() {
    let desk = Desk::new();
    let server = refusing("400 Bad Request", "", &error("ExpiredToken"));
    let storage = of_amazon(&server).secret("session_token", "sessiontokenvalue");
    let done = storage.untested().add(&desk, &[]);
    assert_eq!(done.code, 0, "{}", done.err);
    let done = desk.run_with_passphrase(&["ls", "photos:"], "");
    done.says(
        4,
        "The sign-in to photos has expired. Sign in to photos again; changes wait and will be sent afterwards.",
    );
    let done = desk.run_with_passphrase(&["--json", "ls", "photos:"], "");
    let error: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(
        (&error["error"]["kind"], &error["error"]["cause"]),
        (&json!("auth"), &json!("auth_expired"))
    );
    assert!(!done.out.contains("sessiontokenvalue"));
}

#[test]
fn a_name_the_other_side_cannot_hold() {
    // A flat store cannot tell the folder "a" from an object "a/": 1,024 bytes are the longest key anywhere.
    let server = Moto::start().unwrap();
    server.make_bucket("pictures").unwrap();
    let desk = Desk::new();
    let done = add_s3(&desk, &server, "photos", "pictures", server.secret_key());
    assert_eq!(done.code, 0, "{}", done.err);
    let left = desk.folder("left");
    desk.write("left/a.txt", "one\n");
    let deep = format!("left/{0}/{0}/{0}/{0}/{0}", "n".repeat(240));
    desk.folder(&deep);
    desk.write(&format!("{deep}/b.txt"), "two\n");
    let done = desk.run_with_passphrase(&["pair", "add", "docs", &left, "photos:docs"], "");
    assert_eq!(done.code, 0, "{}", done.err);
    let done = desk.run_with_passphrase(&["--json", "sync"], "");
    let summary: Value = serde_json::from_str(done.out.lines().last().unwrap()).unwrap();
    assert_eq!(
        (done.code, &summary["pairs"][0]["state"]),
        (1, &json!("problems")),
        "{summary}"
    );
    let status = desk.run_with_passphrase(&["--json", "status", "--problems"], "");
    let status: Value = serde_json::from_str(&status.out).unwrap();
    let problem = &status["pairs"][0]["not_in_step"][0];
    let path = deep.strip_prefix("left/").unwrap();
    assert_eq!(
        (&problem["path"], &problem["message"], &problem["next_step"]),
        (
            &json!(path),
            &json!(format!("“{path}” cannot exist on photos.")),
            &json!("Rename it; it stays where it is until then.")
        ),
        "{status}"
    );
    assert_eq!(desk.read("left/a.txt"), "one\n");
}
