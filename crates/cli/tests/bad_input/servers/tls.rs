//! A server whose certificate nobody vouches for, by every type of storage.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tandem_testkit::servers::gcs::{GcsServer, Role};
use tandem_testkit::servers::postgres::PostgresServer;

use super::Storage;
use crate::common::Desk;

/// A key and a certificate for 127.0.0.1 that nobody signed, as files of the desk.
fn certificate(desk: &Desk) -> (PathBuf, PathBuf) {
    let (key, certificate) = (desk.path("key.pem"), desk.path("certificate.pem"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt"])
        .args(["ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    (key, certificate)
}

/// OpenSSL's own server, for as long as it is held.
struct TlsServer {
    process: Child,
    address: String,
}

impl TlsServer {
    fn start(key: &std::path::Path, certificate: &std::path::Path) -> Self {
        let mut process = Command::new("openssl")
            .args(["s_server", "-www", "-accept", "127.0.0.1:0", "-key"])
            .arg(key)
            .arg("-cert")
            .arg(certificate)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
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

#[test]
fn a_certificate_that_is_not_trusted() {
    let desk = Desk::new();
    let (key, certificate) = certificate(&desk);
    let server = TlsServer::start(&key, &certificate);
    let url = format!("https://{}", server.address);
    let account = GcsServer::start().unwrap().make_account(Role::Admin);
    // The address that gives out tokens is in the key.
    let mut account: serde_json::Value = serde_json::from_str(&account.unwrap()).unwrap();
    account["token_uri"] = format!("{url}/token").into();
    let password = "correct horse";
    for storage in [
        Storage::new("s3")
            .set("endpoint", &url)
            .set("bucket", "pictures")
            .set("region", "us-east-1")
            .secret("access_key_id", "AKIAEXAMPLEKEY")
            .secret("secret_access_key", password),
        Storage::new("azure")
            .set("endpoint", &url)
            .set("account", "person")
            .set("container", "pictures")
            .secret("account_key", "Y29ycmVjdCBob3JzZQ=="),
        Storage::new("gcs")
            .set("endpoint", &url)
            .set("bucket", "pictures")
            .secret("service_account_key", &account.to_string()),
        Storage::new("swift")
            .set("auth_url", &format!("{url}/v3"))
            .set("username", "person")
            .set("project", "project")
            .set("container", "pictures")
            .secret("password", password),
        Storage::new("webdav")
            .set("url", &url)
            .set("username", "person")
            .secret("password", password),
        Storage::new("nextcloud")
            .set("url", &url)
            .set("username", "person")
            .secret("password", password),
        Storage::new("owncloud")
            .set("url", &url)
            .set("username", "person")
            .secret("password", password),
    ] {
        let said = format!("The certificate of {} cannot be trusted", server.address);
        storage.is_refused(("permanent", "tls"), &said);
    }
}

/// PostgreSQL speaks of TLS in its own protocol.
#[test]
fn a_certificate_of_postgresql_that_is_not_trusted() {
    let desk = Desk::new();
    let (key, certificate) = certificate(&desk);
    let read = |path| std::fs::read_to_string(path).unwrap();
    let (key, certificate) = (read(key), read(certificate));
    let files = [("server.crt", &*certificate), ("server.key", &*key)];
    let server = PostgresServer::start_with(&["ssl=on"], &files).unwrap();
    let storage = Storage::new("db")
        .set("location", &server.url())
        .secret("password", server.password());
    let said = format!("The certificate of {} cannot be trusted", server.address());
    storage.is_refused(("permanent", "tls"), &said);
}
