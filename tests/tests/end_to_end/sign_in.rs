//! A sign-in by the browser, from the command line.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use tandem_testkit::servers::nextcloud::Nextcloud;

use crate::program::Device;

fn started(device: &Device, words: &[&str]) -> Child {
    let mut command = device.command(&[], words);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Opens the address that the program shows and lets it in. What the program said besides.
fn let_in(server: &Nextcloud, mut program: Child) -> String {
    let mut said = String::new();
    for line in BufReader::new(program.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        let address = line.split_whitespace().last().unwrap_or_default();
        if address.starts_with(&server.url()) {
            assert!(server.grant(address), "{line}");
        }
        said.push_str(&line);
        said.push('\n');
    }
    assert!(program.wait().unwrap().success(), "{said}");
    said
}

#[test]
fn a_nextcloud_is_added_by_a_sign_in_in_the_browser_and_signed_in_to_anew() {
    let (device, server) = (Device::new(), Nextcloud::start().unwrap());
    let url = format!("url={}", server.url());
    let words = [
        "storage",
        "add",
        "cloud",
        "--type",
        "nextcloud",
        "--set",
        &url,
    ];
    let said = let_in(&server, started(&device, &words));
    assert!(
        said.contains("To sign in to cloud, open this address"),
        "{said}"
    );
    assert!(!said.contains(server.password()), "{said}");
    let shown = device.json(&["storage", "show", "cloud"]);
    let shown = shown.to_string();
    assert!(shown.contains(server.username()), "{shown}");
    assert!(!shown.contains(server.password()), "{shown}");
    device.ok(&["ls", "cloud:"]);
    let said = let_in(&server, started(&device, &["storage", "login", "cloud"]));
    assert!(said.contains("To sign in to cloud"), "{said}");
    device.ok(&["ls", "cloud:"]);
}
