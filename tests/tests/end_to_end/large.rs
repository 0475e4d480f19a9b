//! A large file: an upload that is cut off goes on, and a rename sends nothing.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tandem_testkit::servers::{Moto, S3Server, S3sFs};

use crate::counting::Counting;
use crate::program::{Device, eventually};

/// Parts of one file that Tandem has on their way at once.
const STREAMS: u64 = 4;

/// Length of a part in bytes, as it is configured here.
const PART: u64 = 8 << 20;

/// What is not content: headers, listings, the probe of a pass. In bytes.
const BESIDE: u64 = 1 << 20;

/// A file of `len` bytes in which no two parts are alike.
fn write_large(path: &Path, len: u64) {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    for at in 0..len / 8 {
        file.write_all(&(at ^ 0x9e37_79b9_7f4a_7c15).to_le_bytes())
            .unwrap();
    }
    file.flush().unwrap();
}

fn goes_on_and_is_renamed_there(server: &S3Server, len: u64) {
    server.make_bucket("large").unwrap();
    let counting = Counting::before(server.endpoint());
    let device = Device::new();
    let folder = device.folder("films");
    device.storage_with(
        "cloud",
        server,
        counting.endpoint(),
        "large",
        &[&format!("part_size={PART}"), "multipart_threshold=20000000"],
    );
    device.ok(&[
        "pair",
        "add",
        "films",
        folder.to_str().unwrap(),
        "cloud:films",
    ]);
    write_large(&folder.join("a film.mkv"), len);

    let began = counting.sent();
    let mut pass = device
        .command(&[], &["sync", "films"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    eventually("half of the file", Duration::from_secs(300), || {
        (counting.sent() - began > len / 2).then_some(())
    });
    pass.kill().unwrap();
    pass.wait().unwrap();
    let killed_at = counting.sent() - began;
    device.ok(&["sync", "films"]);
    let sent = counting.sent() - began;
    println!("{len} bytes: killed after {killed_at}, {sent} in all");
    assert!(killed_at < len, "the upload was over before it was killed");
    assert!(
        sent <= len + STREAMS * PART + BESIDE,
        "{sent} bytes sent for a file of {len}"
    );

    std::fs::rename(folder.join("a film.mkv"), folder.join("the film.mkv")).unwrap();
    let before = counting.sent();
    device.ok(&["sync", "films"]);
    let renamed = counting.sent() - before;
    println!("the rename sent {renamed} bytes");
    assert!(renamed < BESIDE, "a rename sent {renamed} bytes");
    assert_eq!(device.sync("films")["done"], 0);
    let back = device.folder("back");
    device.ok(&[
        "cp",
        "cloud:films/the film.mkv",
        back.join("film").to_str().unwrap(),
    ]);
    let same = std::fs::read(back.join("film")).unwrap()
        == std::fs::read(folder.join("the film.mkv")).unwrap();
    assert!(same, "what is there is what was sent");
}

#[test]
fn a_large_upload_goes_on_where_it_was_killed_and_a_rename_sends_nothing() {
    goes_on_and_is_renamed_there(&S3sFs::start().unwrap(), 192 << 20);
    goes_on_and_is_renamed_there(&Moto::start().unwrap(), 192 << 20);
}

#[test]
#[ignore = "takes minutes: part of ./dev test --all"]
fn a_gibibyte_goes_on_where_it_was_killed_and_a_rename_sends_nothing() {
    goes_on_and_is_renamed_there(&S3sFs::start().unwrap(), 1 << 30);
}
