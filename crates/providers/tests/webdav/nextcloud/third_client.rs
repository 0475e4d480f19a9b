//! The simulator's trash bin, versions and sign-in are proven by nc-py-api, unmodified.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use tandem_testkit::servers::faults::Fault;
use tandem_testkit::servers::nc_py_api;
use tandem_testkit::servers::nextcloud::Nextcloud;

#[test]
fn nc_py_api_takes_the_simulator_for_a_nextcloud() {
    let server = Nextcloud::start().unwrap();
    let script = "tests/webdav/nextcloud/client.py";
    let mut client = Command::new(nc_py_api().unwrap())
        .args([script, &server.url(), server.username(), server.password()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(client.stdout.take().unwrap()).lines();
    let address = said.next().unwrap().unwrap();
    assert!(server.grant(&address), "{address}");
    client
        .stdin
        .take()
        .unwrap()
        .write_all(b"granted\n")
        .unwrap();
    assert_eq!(said.next().unwrap().unwrap(), "done");
    assert!(client.wait().unwrap().success());
}

/// Scripted faults reach it as what they are.
#[test]
fn nc_py_api_tells_scripted_faults_apart() {
    let server = Nextcloud::start().unwrap();
    server.put("folder/file.txt", b"content");
    let status = |status, retry_after| Fault::Status {
        status,
        retry_after,
    };
    for (method, part, fault) in [
        ("GET", "/file.txt", status(429, Some(7))),
        ("GET", "/file.txt", status(503, Some(120))),
        ("GET", "/file.txt", status(500, None)),
        ("PUT", "/made.txt", Fault::LoseRequest),
        ("PUT", "/kept.txt", Fault::LoseAnswer),
        ("GET", "/file.txt", Fault::CutAnswer(3)),
        ("PROPFIND", "/folder", Fault::ShortAnswer(200)),
        ("PROPFIND", "/folder", Fault::DoubleAnswer),
        ("PROPFIND", "/folder", Fault::StaleListing),
        ("GET", "/file.txt", Fault::ExpireTokens),
    ] {
        server.script(method, part, 0, 1, fault);
    }
    let done = Command::new(nc_py_api().unwrap())
        .arg("tests/webdav/nextcloud/faults.py")
        .args([&server.url(), server.username(), server.password()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}");
    assert_eq!(server.faults_left(), 0, "{:#?}", server.answered());
    assert_eq!(server.get("made.txt"), None);
    assert_eq!(server.get("kept.txt").unwrap(), b"kept");
}
