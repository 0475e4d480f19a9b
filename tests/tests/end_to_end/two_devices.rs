//! Two devices on one bucket: both edited, they settle, and nothing is lost.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tandem_testkit::servers::{Moto, S3Server};

use crate::program::{Device, files, kept};
use crate::proxy::Stripping;

/// In the full run, how often both devices edit the same files and sync at the same moment.
const ROUNDS: usize = 25;

/// How long the proxy makes the window between Tandem's look at an object and its write.
const WINDOW: Duration = Duration::from_millis(150);

/// A device with one folder, joined to the bucket behind `endpoint`.
fn device(server: &S3Server, endpoint: &str, bucket: &str) -> (Device, PathBuf) {
    let device = Device::new();
    let folder = device.folder("documents");
    device.storage("shared", server, endpoint, bucket);
    device.ok(&[
        "pair",
        "add",
        "documents",
        folder.to_str().unwrap(),
        "shared:documents",
    ]);
    (device, folder)
}

fn settle_and_lose_nothing(server: &S3Server, endpoint: &str) {
    let (one, here) = device(server, endpoint, "shared");
    let (two, there) = device(server, endpoint, "shared");
    std::fs::create_dir(here.join("letters")).unwrap();
    std::fs::write(here.join("letters/ada.txt"), "Dear Ada").unwrap();
    std::fs::write(here.join("both.txt"), "first").unwrap();
    one.ok(&["sync", "documents"]);
    two.ok(&["sync", "documents"]);
    assert_eq!(files(&here), files(&there));

    std::fs::write(here.join("both.txt"), "of one").unwrap();
    std::fs::write(there.join("both.txt"), "and of two").unwrap();
    std::fs::write(here.join("only here.txt"), "1").unwrap();
    std::fs::rename(there.join("letters"), there.join("post")).unwrap();
    for _ in 0..3 {
        one.ok(&["sync", "documents"]);
        two.ok(&["sync", "documents"]);
    }
    let (mine, theirs) = (files(&here), files(&there));
    assert_eq!(mine, theirs);
    let contents: Vec<&[u8]> = mine.values().map(Vec::as_slice).collect();
    for content in ["of one", "and of two", "1", "Dear Ada"] {
        assert!(
            contents.contains(&content.as_bytes()),
            "{content:?} is nowhere: {:?}",
            mine.keys()
        );
    }
    assert!(mine.contains_key("post/ada.txt"), "{:?}", mine.keys());
    for device in [&one, &two] {
        assert_eq!(
            device.sync("documents")["done"],
            0,
            "the next pass is still"
        );
    }
}

#[test]
fn two_devices_on_one_bucket_settle_and_lose_nothing() {
    let server = Moto::start().unwrap();
    server.make_bucket("shared").unwrap();
    settle_and_lose_nothing(&server, server.endpoint());
}

#[test]
fn without_conditions_two_devices_that_take_turns_lose_nothing() {
    let server = Moto::start().unwrap();
    server.make_bucket("shared").unwrap();
    let proxy = Stripping::before(server.endpoint());
    settle_and_lose_nothing(&server, proxy.endpoint());
}

#[test]
fn a_store_that_ignores_conditions_is_said_to_offer_none() {
    let server = Moto::start().unwrap();
    server.make_bucket("shared").unwrap();
    let proxy = Stripping::before(server.endpoint());
    let (behind, _) = device(&server, proxy.endpoint(), "shared");
    let (direct, _) = device(&server, server.endpoint(), "shared");
    assert!(proxy.stripped() > 0, "the probe sends conditions");
    let conditions = |device: &Device| {
        device.ok(&["storage", "test", "shared"]);
        device.json(&["storage", "show", "shared"])["storage"]["capabilities"]["conditions"].clone()
    };
    for name in ["create", "replace", "finish_multipart", "copy", "delete"] {
        assert_eq!(conditions(&behind)[name], json!(false), "{name}");
    }
    assert_eq!(conditions(&direct)["create"], json!(true));
    let shown = behind.ok(&["storage", "show", "shared"]);
    let limit = "shared cannot refuse a write where something changed at the same moment";
    assert!(shown.contains(limit), "{shown}");
    let shown = direct.ok(&["storage", "show", "shared"]);
    let holds = "shared refuses a write where something changed meanwhile";
    assert!(shown.contains(holds), "{shown}");
}

/// Both devices edit the same files and sync at the same moment, as often as is asked for. What must not be lost
/// even in the window between look and write: what a person wrote, and did not write over on the same device, is on a
/// side, in a conflict copy, or in the versions of a device.
fn at_the_same_moment(rounds: usize, strip: bool) {
    let server = Moto::start().unwrap();
    server.make_bucket("shared").unwrap();
    let proxy = Stripping::slowly_before(server.endpoint(), WINDOW);
    let endpoint = if strip {
        proxy.endpoint()
    } else {
        server.endpoint()
    };
    let (one, here) = device(&server, endpoint, "shared");
    let (two, there) = device(&server, endpoint, "shared");
    // The bucket gets its identity from the first of them: given by both at once, it would be another for one.
    one.ok(&["sync", "documents"]);
    let mut written: BTreeSet<String> = BTreeSet::new();
    for round in 0..rounds {
        for (folder, who) in [(&here, "one"), (&there, "two")] {
            // Other files from time to time: more than 20 conflict copies of one are held.
            for name in ["both", "more"].map(|name| format!("{name} {}.txt", round / 8)) {
                let content = format!("{name} in round {round} by {who}");
                if let Ok(seen) = std::fs::read_to_string(folder.join(&name)) {
                    written.remove(&seen);
                }
                std::fs::write(folder.join(&name), &content).unwrap();
                written.insert(content);
            }
        }
        let passes = [&one, &two].map(|device| {
            device
                .command(&[], &["sync", "documents"])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        });
        for (device, mut pass) in [&one, &two].into_iter().zip(passes) {
            let code = pass.wait().unwrap().code();
            assert_eq!(code, Some(0), "round {round}: {}", device.json(&["held"]));
        }
    }
    for _ in 0..4 {
        one.ok(&["sync", "documents"]);
        two.ok(&["sync", "documents"]);
    }
    let (mine, theirs) = (files(&here), files(&there));
    assert_eq!(
        mine.keys().collect::<Vec<_>>(),
        theirs.keys().collect::<Vec<_>>()
    );
    assert_eq!(mine, theirs);
    let mut there_is: Vec<Vec<u8>> = mine.into_values().collect();
    there_is.extend(kept(&here));
    there_is.extend(kept(&there));
    let lost: Vec<_> = written
        .iter()
        .filter(|content| !there_is.iter().any(|c| c == content.as_bytes()))
        .collect();
    println!(
        "{} of {} contents are to be found after {rounds} rounds",
        written.len(),
        rounds * 4
    );
    assert!(lost.is_empty(), "lost: {lost:?}");
    for device in [&one, &two] {
        assert_eq!(
            device.sync("documents")["done"],
            0,
            "the next pass is still"
        );
    }
}

#[test]
fn two_devices_at_the_same_moment_lose_nothing() {
    at_the_same_moment(3, false);
}

#[test]
fn without_conditions_two_devices_at_the_same_moment_keep_what_was_written_on_them() {
    at_the_same_moment(3, true);
}

#[test]
#[ignore = "takes minutes: part of ./dev test --all"]
fn two_devices_at_the_same_moment_lose_nothing_many_times() {
    at_the_same_moment(ROUNDS, false);
    at_the_same_moment(ROUNDS, true);
}
