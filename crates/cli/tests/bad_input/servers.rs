//! Servers that do not take the key, the bucket or the name.

use serde_json::{Value, json};
use tandem_testkit::servers::{Moto, S3sFs};

use crate::common::Desk;
use crate::{add_s3, last};

#[test]
fn wrong_keys() {
    // moto checks no signatures.
    let server = S3sFs::start().unwrap();
    server.make_bucket("pictures").unwrap();
    let desk = Desk::new();
    let done = add_s3(&desk, &server, "photos", "pictures", "not-the-secret-key");
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

#[test]
fn missing_bucket() {
    let server = Moto::start().unwrap();
    let desk = Desk::new();
    let done = add_s3(
        &desk,
        &server,
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

/// Answers every request as a server does to a session token that has run out.
fn expired_token_server() -> String {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut request = [0; 65_536];
                let _ = stream.read(&mut request);
                let body = "<?xml version=\"1.0\"?><Error><Code>ExpiredToken</Code>\
                    <Message>The provided token has expired.</Message></Error>";
                let _ = write!(
                    stream,
                    "HTTP/1.1 400 Bad Request\r\nContent-Type: application/xml\r\nContent-Length: {}\r\n\
                     Connection: close\r\n\r\n{body}",
                    body.len()
                );
            });
        }
    });
    endpoint
}

#[test]
fn expired_token() {
    let desk = Desk::new();
    let endpoint = format!("endpoint={}", expired_token_server());
    let arguments = [
        "storage",
        "add",
        "photos",
        "--type",
        "s3",
        "--set",
        &endpoint,
        "--set",
        "bucket=pictures",
        "--no-test",
        "--secret",
        "access_key_id",
        "--secret",
        "secret_access_key",
        "--secret",
        "session_token",
    ];
    let done = desk.run_with_passphrase(
        &arguments,
        "AKIAEXAMPLEKEY\nverysecretvalue\nsessiontokenvalue\n",
    );
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
