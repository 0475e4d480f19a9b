//! The simulator's trash bin, versions and sign-in are proven by nc-py-api, unmodified.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

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
