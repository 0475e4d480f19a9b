//! Two devices on one bucket: both edited, they settle, and nothing is lost.

use std::path::PathBuf;

use tandem_testkit::servers::{Moto, S3Server};

use crate::program::{Device, files};

fn device(server: &S3Server, bucket: &str) -> (Device, PathBuf) {
    let device = Device::new();
    let folder = device.folder("documents");
    let secrets = format!("{}\n{}\n", server.access_key(), server.secret_key());
    let (endpoint, bucket) = (
        format!("endpoint={}", server.endpoint()),
        format!("bucket={bucket}"),
    );
    device.tell(
        &[
            "storage",
            "add",
            "shared",
            "--type",
            "s3",
            "--set",
            &endpoint,
            "--set",
            &bucket,
            "--secret",
            "access_key_id",
            "--secret",
            "secret_access_key",
        ],
        &secrets,
    );
    device.ok(&[
        "pair",
        "add",
        "documents",
        folder.to_str().unwrap(),
        "shared:documents",
    ]);
    (device, folder)
}

#[test]
fn two_devices_on_one_bucket_settle_and_lose_nothing() {
    let server = Moto::start().unwrap();
    server.make_bucket("shared").unwrap();
    let (one, here) = device(&server, "shared");
    let (two, there) = device(&server, "shared");
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
}
