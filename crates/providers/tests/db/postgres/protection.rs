//! TLS: whose certificate is trusted and is for this host is spoken to, and nobody else.

use std::process::Command;

use tandem_core::error::Cause;
use tandem_testkit::servers::postgres::PostgresServer;

use crate::bench::{World, open_by};
use crate::place::Scratch;

/// Where the test beside finds the server, under the authority that its process trusts.
const URL: &str = "TANDEM_TEST_POSTGRES";
const PASSWORD: &str = "TANDEM_TEST_POSTGRES_PASSWORD";

/// A certificate for 127.0.0.1 and nothing else, by its own authority.
const REQUEST: &str = "[req]\ndistinguished_name = name\nx509_extensions = extensions\nprompt = no\n\
     [name]\nCN = tandem test\n\
     [extensions]\nbasicConstraints = critical, CA:FALSE\nsubjectAltName = IP:127.0.0.1\n";

/// A certificate and its key.
fn certificate(scratch: &Scratch) -> (String, String) {
    let at = |name: &str| scratch.0.join(name);
    std::fs::write(at("request"), REQUEST).unwrap();
    let made = Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        ])
        .arg("-config")
        .arg(at("request"))
        .arg("-keyout")
        .arg(at("key"))
        .arg("-out")
        .arg(at("certificate"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let read = |name: &str| std::fs::read_to_string(at(name)).unwrap();
    (read("certificate"), read("key"))
}

#[tokio::test]
async fn a_server_is_trusted_by_its_authority_and_its_name() {
    let scratch = Scratch::new();
    let (certificate, key) = certificate(&scratch);
    let files = [("server.crt", &*certificate), ("server.key", &*key)];
    let server = PostgresServer::start_with(&["ssl=on"], &files).unwrap();
    let url = server.url();
    let stranger = open_by(&[("location", &url)], Some(server.password()), World::new()).unwrap();
    let tested = stranger.validate("", &|_| ()).await;
    let error = tested.capabilities.unwrap_err();
    assert_eq!(error.cause, Cause::Tls, "{error}");
    assert!(error.detail.contains("certificate"), "{error}");

    // Which authorities are trusted is a matter of the whole process.
    let trusting = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "postgres::protection::where_the_authority_is_trusted",
        ])
        .arg("--ignored")
        .env("SSL_CERT_FILE", scratch.0.join("certificate"))
        .env(URL, &url)
        .env(PASSWORD, server.password())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&trusting.stdout).into_owned();
    assert!(trusting.status.success(), "{said}");
    assert!(said.contains("1 passed"), "{said}");
}

#[tokio::test]
#[ignore = "run by the test above, in a process that trusts the authority"]
async fn where_the_authority_is_trusted() {
    let (Ok(url), Ok(password)) = (std::env::var(URL), std::env::var(PASSWORD)) else {
        return;
    };
    let storage = open_by(&[("location", &url)], Some(&password), World::new()).unwrap();
    let tested = storage.validate("", &|_| ()).await;
    tested.capabilities.unwrap();
    assert_eq!(
        tested.steps[0].outcome.as_deref(),
        Ok("opened; its tables were made")
    );

    // The same server by a name that it has no certificate for.
    let url = url.replace("127.0.0.1", "localhost");
    let storage = open_by(&[("location", &url)], Some(&password), World::new()).unwrap();
    let error = storage
        .validate("", &|_| ())
        .await
        .capabilities
        .unwrap_err();
    assert_eq!(error.cause, Cause::Tls, "{error}");
}
