//! A sign-in by the browser, from the command line.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};

use tandem_testkit::servers::nextcloud::Nextcloud;

use crate::program::{Device, at_terminal};

/// What asks for the interrupt of a program at its terminal: Ctrl and C.
const INTERRUPT: &[u8] = b"\x03";

/// Starts the program where a person sits.
fn started(device: &Device, words: &[&str]) -> Child {
    let mut terminal = at_terminal(&device.command(&[], words));
    terminal.stdin(Stdio::piped()).stdout(Stdio::piped());
    terminal.spawn().unwrap()
}

/// What adds a Nextcloud without a name and a password.
fn add(url: &str) -> [&str; 7] {
    [
        "storage",
        "add",
        "cloud",
        "--type",
        "nextcloud",
        "--set",
        url,
    ]
}

/// What the program shows until it ends, and what it ends with. The address to be opened is told to `on_address`.
fn shown(server: &Nextcloud, program: &mut Child, on_address: impl Fn(&str)) -> (String, i32) {
    let mut said = String::new();
    for line in BufReader::new(program.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if line.contains("open this address") {
            let address = line.split_whitespace().last().unwrap_or_default();
            assert!(address.starts_with(&server.url()), "{line}");
            on_address(address);
        }
        said.push_str(&line);
        said.push('\n');
    }
    (said, program.wait().unwrap().code().unwrap())
}

/// Opens the address that the program shows and lets it in. What the program said besides.
fn let_in(server: &Nextcloud, mut program: Child) -> String {
    let (said, code) = shown(server, &mut program, |address| {
        assert!(server.grant(address), "{address}");
    });
    assert_eq!(code, 0, "{said}");
    said
}

#[test]
fn a_nextcloud_is_added_by_a_sign_in_in_the_browser_and_signed_in_to_anew() {
    let (device, server) = (Device::new(), Nextcloud::start().unwrap());
    let url = format!("url={}", server.url());
    let said = let_in(&server, started(&device, &add(&url)));
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

#[test]
fn a_sign_in_that_is_given_up_leaves_nothing() {
    let (device, server) = (Device::new(), Nextcloud::start().unwrap());
    let url = format!("url={}", server.url());
    let mut program = started(&device, &add(&url));
    let keyboard = program.stdin.take().unwrap();
    let (said, code) = shown(&server, &mut program, |_| {
        (&keyboard).write_all(INTERRUPT).unwrap();
    });
    assert_eq!(code, 130, "{said}");
    let storages = device.json(&["storage", "list"])["storages"].to_string();
    assert!(!storages.contains("cloud"), "{storages}");
    assert!(!device.path("profile/secrets.age").exists());
    // The name is free, and it is not half of a storage that is added now.
    device.storage_of(
        "nextcloud",
        "cloud",
        &[&url, &format!("username={}", server.username())],
        &[("password", server.password())],
    );
}

#[test]
fn without_a_terminal_nobody_is_waited_for() {
    let (device, server) = (Device::new(), Nextcloud::start().unwrap());
    let url = format!("url={}", server.url());
    let done = device.run(&add(&url));
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(2), "{said}");
    assert!(said.contains("without username and password"), "{said}");
    assert!(
        said.contains("--set username=VALUE --secret password"),
        "{said}"
    );
    let asked = server.answered();
    assert!(asked.is_empty(), "the server was asked: {asked:?}");
}
