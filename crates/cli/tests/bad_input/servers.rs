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

/// Answers every request with this status and error code, and with `more` headers.
fn refusing_server(status: &'static str, code: &'static str, more: &'static str) -> String {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut request = [0; 65_536];
                let _ = stream.read(&mut request);
                let body = format!(
                    "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>As the server says.</Message></Error>"
                );
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status}\r\nContent-Type: application/xml\r\n{more}Content-Length: {}\r\n\
                     Connection: close\r\n\r\n{body}",
                    body.len()
                );
            });
        }
    });
    endpoint
}

/// What a test of a storage at this address says in its last line.
fn tested(endpoint: &str) -> String {
    let desk = Desk::new();
    let endpoint = format!("endpoint={endpoint}");
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
        "--set",
        "region=us-east-1",
        "--secret",
        "access_key_id",
        "--secret",
        "secret_access_key",
    ];
    let done = desk.run_with_passphrase(&arguments, "AKIAEXAMPLEKEY\nverysecretvalue\n");
    assert_eq!(done.code, 4, "{}", done.err);
    assert!(!done.err.contains("verysecretvalue"));
    last(&done.err).to_owned()
}

/// What Amazon answers, by "Error responses" (S3 API Reference).
#[test]
fn what_a_server_refuses_is_one_sentence() {
    let region = "x-amz-bucket-region: eu-west-1\r\n";
    let elsewhere = "photos could not do this: the bucket pictures is in the region eu-west-1; choose that one.";
    for (status, code, more, said) in [
        (
            "403 Forbidden",
            "RequestTimeTooSkewed",
            "",
            "differ too much. Set the clock of this computer.",
        ),
        (
            "403 Forbidden",
            "AccessDenied",
            "",
            "photos does not allow access to “pictures”. Give this account or user the right to it;",
        ),
        (
            "507 Insufficient Storage",
            "QuotaExceeded",
            "",
            "photos is full. Free some room there;",
        ),
        (
            "301 Moved Permanently",
            "PermanentRedirect",
            region,
            elsewhere,
        ),
        (
            "400 Bad Request",
            "AuthorizationHeaderMalformed",
            region,
            elsewhere,
        ),
    ] {
        let told = tested(&refusing_server(status, code, more));
        assert!(told.contains(said), "{code}: {told}");
        assert!(told.ends_with("Nothing was saved."), "{code}: {told}");
    }
}

/// OpenSSL's own server, for as long as it is held.
struct TlsServer {
    process: std::process::Child,
    address: String,
}

impl TlsServer {
    fn start(key: &std::path::Path, certificate: &std::path::Path) -> Self {
        use std::io::{BufRead, BufReader};
        let mut process = std::process::Command::new("openssl")
            .args(["s_server", "-www", "-accept", "127.0.0.1:0", "-key"])
            .arg(key)
            .arg("-cert")
            .arg(certificate)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = lines
            .find_map(|line| Some(line.unwrap().strip_prefix("ACCEPT ")?.to_owned()))
            .unwrap();
        // What it prints later must not fill the pipe.
        std::thread::spawn(move || lines.count());
        Self { process, address }
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A server whose certificate nobody vouches for.
#[test]
fn a_certificate_that_is_not_trusted() {
    let desk = Desk::new();
    let (key, certificate) = (desk.path("key.pem"), desk.path("certificate.pem"));
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt"])
        .args(["ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args([
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
        ])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let server = TlsServer::start(&key, &certificate);
    let told = tested(&format!("https://{}", server.address));
    let said = format!("The certificate of {} cannot be trusted", server.address);
    assert!(told.starts_with(&said), "{told}");
}

#[test]
fn expired_token() {
    let desk = Desk::new();
    let server = refusing_server("400 Bad Request", "ExpiredToken", "");
    let endpoint = format!("endpoint={server}");
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
