//! The server launchers: each starts, answers, makes buckets, and is gone when dropped.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use tandem_testkit::servers::swift::SwiftServer;
use tandem_testkit::servers::{Moto, RcloneS3, S3Server, S3sFs};

fn address(server: &S3Server) -> String {
    server
        .endpoint()
        .strip_prefix("http://")
        .expect("a plain http endpoint")
        .to_owned()
}

/// The status line that an unsigned `GET /` gets. What the status is differs by server; that there is one does not.
fn status_line(address: &str) -> io::Result<String> {
    let mut connection = TcpStream::connect(address)?;
    connection.set_read_timeout(Some(Duration::from_secs(30)))?;
    connection.write_all(
        format!("GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes(),
    )?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}

fn starts_answers_and_stops(start: fn() -> io::Result<S3Server>) {
    let server = start().expect("the server starts");
    let address = address(&server);
    let line = status_line(&address).expect("an answer");
    assert!(line.starts_with("HTTP/1."), "not HTTP: {line}");

    server.make_bucket("first").expect("a bucket");
    server.make_bucket("second").expect("another bucket");

    let home = server.data_dir();
    assert!(home.is_dir());
    drop(server);
    assert!(
        TcpStream::connect(&address).is_err(),
        "still listening on {address}"
    );
    assert!(!home.exists(), "{} was left behind", home.display());
}

#[test]
fn moto_starts_answers_and_stops() {
    starts_answers_and_stops(Moto::start);
}

#[test]
fn s3s_fs_starts_answers_and_stops() {
    starts_answers_and_stops(S3sFs::start);
}

#[test]
fn rclone_starts_answers_and_stops() {
    starts_answers_and_stops(RcloneS3::start);
}

#[test]
fn two_servers_run_side_by_side() {
    let one = S3sFs::start().expect("the first");
    let two = S3sFs::start().expect("the second");
    assert_ne!(one.endpoint(), two.endpoint());
    one.make_bucket("only-here").expect("a bucket");
    assert!(one.data_dir().join("only-here").is_dir());
    assert!(!two.data_dir().join("only-here").exists());
}

#[test]
fn a_refused_bucket_is_an_error_with_the_servers_words() {
    let server = S3sFs::start().expect("the server starts");
    let error = server
        .make_bucket("Not A Bucket")
        .expect_err("no such name")
        .to_string();
    assert!(error.contains("Not A Bucket"), "{error}");
}

#[test]
fn swift_starts_answers_and_stops() {
    let server = SwiftServer::start().expect("the server starts");
    let address = server.auth_v1();
    let address = address.strip_prefix("http://").expect("plain http");
    let address = address.split('/').next().expect("a host").to_owned();
    server.ask("PUT", "first", &[]).expect("a container");
    assert_eq!(server.ask("GET", "", &[]).expect("a listing"), "first\n");
    server.expire_tokens().expect("an answer");
    assert_eq!(server.ask("GET", "", &[]).expect("a listing"), "first\n");

    let home = server.home().to_owned();
    assert!(home.is_dir());
    drop(server);
    assert!(
        TcpStream::connect(&address).is_err(),
        "still listening on {address}"
    );
    assert!(!home.exists(), "{} was left behind", home.display());
}
