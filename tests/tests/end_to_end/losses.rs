//! Both sides write the same files at the same moment, again and again, on servers that keep to no condition: how much of
//! what another program writes is lost. What a person writes here never is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use tandem_testkit::conformance::{Losses, Proof};
use tandem_testkit::servers::quirks::{Quirk, QuirkProxy};
use tandem_testkit::servers::swift::{SwiftS3, SwiftServer};
use tandem_testkit::servers::webdav::{Nginx, RcloneWebDav, WebDavServer, WsgiDav};
use tandem_testkit::servers::{Moto, RcloneS3, S3Server};

use crate::edits::{Draw, finish};
use crate::program::{Device, files, kept};
use crate::strangers::{Stranger, add_swift};

/// How many files both sides write, and how often each writes all of them: 1,000 edits in all.
const PATHS: usize = 20;
const ROUNDS: usize = 25;

/// What is written on this computer begins with it.
const HERE: &str = "here";

/// Within how many milliseconds after this side the other begins to write.
const WITHIN: u64 = 700;

fn name(path: usize) -> String {
    format!("{path:02}.txt")
}

fn content(side: &str, round: usize, path: usize) -> Vec<u8> {
    format!("{side} {round} {path} ").repeat(50).into_bytes()
}

/// What was written and was not replaced by somebody who saw it.
type Written = BTreeSet<Vec<u8>>;

/// A person writes every file of a folder.
fn write_here(folder: &Path, round: usize, written: &mut Written) {
    for path in 0..PATHS {
        let (file, content) = (folder.join(name(path)), content(HERE, round, path));
        if let Ok(seen) = std::fs::read(&file) {
            written.remove(&seen);
        }
        std::fs::write(file, &content).unwrap();
        written.insert(content);
    }
}

/// Another program writes every file there, without a look. `seen` is what its person saw before.
fn write_there(
    stranger: &Stranger,
    folder: &Path,
    round: usize,
    seen: &BTreeMap<String, Vec<u8>>,
    written: &mut Written,
) {
    for path in 0..PATHS {
        std::fs::write(folder.join(name(path)), content("there", round, path)).unwrap();
    }
    send(stranger, folder);
    for path in 0..PATHS {
        if let Some(seen) = seen.get(&name(path)) {
            written.remove(seen);
        }
        written.insert(content("there", round, path));
    }
}

/// All files of a folder at once, by one run of the program.
fn send(stranger: &Stranger, folder: &Path) {
    let from = folder.to_str().unwrap();
    let sent = match stranger {
        Stranger::Rclone { remote, .. } => {
            let how = ["--no-check-dest", "--no-traverse"];
            stranger.run(&[&["copy"], &how[..], &[from, remote]].concat(), b"")
        }
        Stranger::Curl { url, .. } => {
            let all = format!("{from}/[00-{:02}].txt", PATHS - 1);
            let to = format!("{url}/");
            stranger.run(&["--upload-file", &all, &to], b"")
        }
        Stranger::S5cmd { .. } | Stranger::Sql(_) => unreachable!("these keep to conditions"),
    };
    assert!(sent.is_some(), "the files were not sent");
}

/// A pass, which goes on beside the test.
fn begin_pass(device: &Device) -> Child {
    let mut pass = device.command(&[], &["sync", "documents"]);
    pass.stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    pass.spawn().unwrap()
}

/// Lets pass what is held. Hundreds of conflicts within minutes are nothing that Tandem expects of people.
fn let_pass(device: &Device) {
    for hold in device.json(&["held"])["held"].as_array().unwrap() {
        device.ok(&["approve", hold["id"].as_str().unwrap()]);
    }
}

fn is_conditional(device: &Device) -> bool {
    let shown = device.json(&["storage", "show", "there"]);
    let replace = &shown["storage"]["capabilities"]["conditions"]["replace"];
    replace.as_bool().unwrap_or_else(|| panic!("{shown}"))
}

/// The storage `there` is added; `stranger` edits it.
fn counts_what_is_lost(device: &Device, stranger: &Stranger, proof: Proof) {
    assert!(!is_conditional(device), "it keeps to conditions");
    let (folder, outbox) = (device.folder("documents"), device.folder("outbox"));
    let here = folder.to_str().unwrap();
    device.ok(&["pair", "add", "documents", here, "there:documents"]);
    device.ok(&["sync", "documents"]);
    let running = device.start();
    let (mut draw, mut written) = (Draw(11), Written::new());
    for round in 0..ROUNDS {
        let seen = files(&stranger.all());
        write_here(&folder, round, &mut written);
        let mut pass = begin_pass(device);
        // Sometimes before the pass writes a file, sometimes after, and sometimes in between.
        std::thread::sleep(Duration::from_millis(draw.below(WITHIN)));
        write_there(stranger, &outbox, round, &seen, &mut written);
        if pass.wait().unwrap().code() == Some(3) {
            let_pass(device);
        }
    }
    drop(running);
    finish(device, "documents");
    let (mine, theirs) = (files(&folder), stranger.files());
    assert_eq!(mine, theirs, "the sides are not in step");
    let mut there_is: Written = mine.into_values().collect();
    there_is.extend(kept(&folder));
    there_is.extend(kept(&stranger.all()));
    let lost: Vec<_> = written
        .difference(&there_is)
        .map(|content| String::from_utf8_lossy(&content[..12]).into_owned())
        .collect();
    let edits = 2 * PATHS * ROUNDS;
    println!("{}: {} of {edits} lost: {lost:?}", proof.server, lost.len());
    assert!(
        lost.iter().all(|content| !content.starts_with(HERE)),
        "{lost:?}"
    );
    let lost = lost.len();
    Losses { proof, edits, lost }.record();
}

fn proof(provider: &str, server: String) -> Proof {
    Proof {
        provider: provider.to_owned(),
        server,
    }
}

/// How much is lost in a bucket behind `endpoint`: the server itself or what stands before it.
pub(crate) fn over_s3(server: &S3Server, endpoint: &str, name: String) {
    server.make_bucket("shared").unwrap();
    let device = Device::new();
    device.storage("there", server, endpoint, "shared");
    let stranger = Stranger::of_s3(&device, server);
    counts_what_is_lost(&device, &stranger, proof("s3", name));
}

fn over_webdav(server: &WebDavServer) {
    let device = Device::new();
    let url = format!("url={}", server.url());
    let username = format!("username={}", server.username());
    let secrets = [("password", server.password())];
    device.storage_of("webdav", "there", &[&url, &username], &secrets);
    let proof = proof("webdav", server.version().unwrap());
    counts_what_is_lost(&device, &Stranger::of_webdav(server), proof);
}

#[test]
#[ignore = "takes minutes: part of ./dev test --all"]
fn two_writers_at_once_on_rclones_bucket() {
    let server = RcloneS3::start().unwrap();
    let name = server.version().unwrap();
    over_s3(&server, server.endpoint(), name);
}

#[test]
#[ignore = "takes minutes: part of ./dev test --all"]
fn two_writers_at_once_on_a_bucket_whose_gateway_refuses_conditions() {
    let server = Moto::start().unwrap();
    let proxy = QuirkProxy::before(server.endpoint(), &[Quirk::NoConditions]).unwrap();
    let name = format!(
        "{}, made to be like Swift's s3api",
        server.version().unwrap()
    );
    over_s3(&server, &proxy.endpoint(), name);
}

#[test]
#[ignore = "takes minutes: part of ./dev test --all"]
fn two_writers_at_once_on_a_bucket_of_swifts_gateway() {
    let server = SwiftS3::start().unwrap();
    let name = server.version().unwrap();
    over_s3(&server, server.endpoint(), name);
}

#[test]
#[ignore = "takes minutes: part of ./dev test --all"]
fn two_writers_at_once_on_swift() {
    let (device, server) = (Device::new(), SwiftServer::start().unwrap());
    let stranger = Stranger::of_swift(&device, &server);
    assert!(stranger.run(&["mkdir", "there:shared"], b"").is_some());
    add_swift(&device, "there", &server, "shared", &[]);
    let proof = proof("swift", server.version().unwrap());
    counts_what_is_lost(&device, &stranger, proof);
}

#[test]
#[ignore = "takes minutes: part of ./dev test --all"]
fn two_writers_at_once_on_rclones_webdav() {
    over_webdav(&RcloneWebDav::start().unwrap());
}

#[test]
#[ignore = "takes minutes: part of ./dev test --all"]
fn two_writers_at_once_on_wsgidav() {
    over_webdav(&WsgiDav::start().unwrap());
}

#[test]
#[ignore = "takes minutes: part of ./dev test --all"]
fn two_writers_at_once_on_nginx() {
    over_webdav(&Nginx::start().unwrap());
}
