//! A bucket whose names mean ill, joined to a real folder (P11, P12).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::made_up::{self, Answer, Heard};
use crate::program::Device;

/// Every file that the bucket brings says this.
const EVIL: &str = "evil";

/// Keys that no folder on this computer can hold, or that are not to be held.
const REFUSED: &[&str] = &[
    "..",
    ".",
    "/absolute",
    "//twice",
    "../escape",
    "../../../../../../../../tmp/escape",
    "inside/../../escape",
    "inside/..",
    "inside/./dot",
    "inside//empty",
    "nul\0name",
    "nul\0folder/escape",
    "out/through a link",
    "out/../escape",
];

/// Keys that are names like others here, whatever they mean elsewhere.
const HARMLESS: &[&str] = &[
    "C:/escape",
    "C:\\escape",
    "\\\\server\\share\\escape",
    "..\\escape",
    "inside\\..\\..\\escape",
    "%2e%2e%2fescape",
    "%2e%2e/escape",
    "．．/escape",
    "．．／escape",
    "‛．．/escape",
    "‥/escape",
    "．/escape",
    "␀escape",
    "／absolute",
    "...",
    ".. ",
    " ..",
    "~/escape",
    "-rf",
    "$HOME",
    "con",
    "line\nend",
    "\u{202e}txt.exe",
    "twin",
    "Twin",
    "caf\u{e9}",
    "cafe\u{301}",
];

/// A bucket in memory, of one page.
#[derive(Default)]
struct Bucket(BTreeMap<Vec<u8>, Vec<u8>>);

impl Bucket {
    fn answer(&mut self, heard: &Heard) -> Answer {
        let key = decoded(heard.path.strip_prefix("/bucket").unwrap_or_default());
        let key = key.strip_prefix(b"/").unwrap_or_default().to_vec();
        match heard.method.as_str() {
            "GET" if heard.query.contains("list-type") => self.list(heard),
            "PUT" => {
                self.0.insert(key, heard.body.clone());
                Answer::new(200, &tag(&heard.body), "")
            }
            "DELETE" => {
                self.0.remove(&key);
                Answer::new(204, "", "")
            }
            _ => match self.0.get(&key) {
                Some(body) => {
                    let headers = tag(body) + "last-modified: Fri, 20 Nov 2026 10:00:00 GMT\r\n";
                    Answer::new(200, &headers, body.clone())
                }
                None => Answer::new(404, "", ""),
            },
        }
    }

    fn list(&self, heard: &Heard) -> Answer {
        let asked = |name: &str| {
            let found = heard
                .query
                .split('&')
                .find_map(|pair| pair.strip_prefix(name));
            decoded(found.unwrap_or_default())
        };
        let (prefix, delimiter) = (asked("prefix="), asked("delimiter="));
        // As a store does: what is not asked for in a code is told as it is, even where XML cannot.
        let (told, said): (fn(&[u8]) -> String, _) = if asked("encoding-type=") == b"url" {
            (encoded, "<EncodingType>url</EncodingType>")
        } else {
            (in_xml, "")
        };
        let (mut list, mut folders) = (String::new(), BTreeSet::new());
        for (key, body) in self.0.iter().filter(|(key, _)| key.starts_with(&prefix)) {
            let below = &key[prefix.len()..];
            if !delimiter.is_empty()
                && let Some(end) = below.iter().position(|byte| *byte == b'/')
            {
                folders.insert(&key[..=prefix.len() + end]);
                continue;
            }
            let (key, size, tag) = (told(key), body.len(), digest(body));
            write!(
                list,
                "<Contents><Key>{key}</Key><Size>{size}</Size><ETag>\"{tag}\"</ETag>\
                 <LastModified>2026-11-20T10:00:00Z</LastModified></Contents>"
            )
            .unwrap();
        }
        for folder in folders {
            let folder = told(folder);
            write!(
                list,
                "<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>"
            )
            .unwrap();
        }
        let body = format!(
            "<ListBucketResult>{said}<IsTruncated>false</IsTruncated>{list}</ListBucketResult>"
        );
        Answer::new(200, "", body)
    }
}

/// No MD5, and told to be none by its form.
fn digest(body: &[u8]) -> String {
    format!(
        "{:x}-1",
        body.iter()
            .fold(7_u64, |sum, byte| sum.wrapping_mul(31) + u64::from(*byte))
    )
}

fn tag(body: &[u8]) -> String {
    format!("etag: \"{}\"\r\n", digest(body))
}

fn encoded(key: &[u8]) -> String {
    key.iter().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"/-_.".contains(byte) {
            text.push(char::from(*byte));
        } else {
            write!(text, "%{byte:02X}").unwrap();
        }
        text
    })
}

fn in_xml(key: &[u8]) -> String {
    String::from_utf8_lossy(key)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes();
    let mut found = Vec::new();
    while let Some(byte) = bytes.next() {
        let hex: Vec<u8> = if byte == b'%' {
            bytes.by_ref().take(2).collect()
        } else {
            Vec::new()
        };
        let hex = std::str::from_utf8(&hex).unwrap();
        found.push(u8::from_str_radix(hex, 16).unwrap_or(byte));
    }
    found
}

/// Everything below `folder`, with what it is, when it was changed, and what is in it.
fn everything(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let meta = std::fs::symlink_metadata(&path).unwrap();
        let inside = if meta.is_dir() {
            found.extend(everything(&path));
            String::new()
        } else if meta.is_symlink() {
            std::fs::read_link(&path).unwrap().display().to_string()
        } else {
            std::fs::read_to_string(&path).unwrap()
        };
        let when = (meta.ctime(), meta.ctime_nsec());
        found.insert(
            path.display().to_string(),
            format!("{:o} {when:?} {inside}", meta.mode()),
        );
    }
    found
}

#[test]
fn names_that_mean_ill_reach_nothing_outside_of_the_folder() {
    let long = [
        "n".repeat(256),
        "ü".repeat(200),
        format!("{}/x", "f".repeat(300)),
    ];
    let keys = REFUSED
        .iter()
        .chain(HARMLESS)
        .copied()
        .chain(long.iter().map(String::as_str));
    let keys: Vec<&str> = keys.collect();
    let bucket = keys
        .iter()
        .map(|key| (key.as_bytes().to_vec(), EVIL.into()));
    let bucket = Arc::new(Mutex::new(Bucket(bucket.collect())));
    let shared = Arc::clone(&bucket);
    let endpoint = made_up::start(move |heard| shared.lock().unwrap().answer(heard));

    let device = Device::new();
    let around = device.folder("around");
    let (outside, root) = (around.join("outside"), around.join("deep/er/root"));
    for folder in [&outside, &root] {
        std::fs::create_dir_all(folder).unwrap();
    }
    for name in ["escape", "through a link", "mine"] {
        std::fs::write(outside.join(name), "mine").unwrap();
    }
    std::fs::write(around.join("deep/er/escape"), "mine").unwrap();
    std::fs::write(root.join("own"), "mine").unwrap();
    symlink(&outside, root.join("out")).unwrap();
    let beside = |all: BTreeMap<String, String>| -> BTreeMap<String, String> {
        // The folder itself is changed by what comes into it.
        let root = root.display().to_string();
        all.into_iter()
            .filter(|(path, _)| !path.starts_with(&root))
            .collect()
    };
    let before = beside(everything(&around));

    let set = [format!("endpoint={endpoint}"), "bucket=bucket".to_owned()];
    let mut words = vec!["storage", "add", "hostile", "--type", "s3", "--no-test"];
    words.extend(set.iter().flat_map(|value| ["--set", value.as_str()]));
    words.extend(["--secret", "access_key_id", "--secret", "secret_access_key"]);
    device.tell(&words, "one\ntwo\n");
    device.ok(&["pair", "add", "pair", root.to_str().unwrap(), "hostile:"]);
    for _ in 0..2 {
        device.sync("pair");
        assert_eq!(beside(everything(&around)), before);
    }
    let told = device.status("pair");

    // Each is either there, within the folder, or told of.
    let here = everything(&root);
    for key in HARMLESS {
        let path = root.join(key).display().to_string();
        assert!(here.contains_key(&path), "{key:?} is not there: {here:#?}");
    }
    // A folder of the link's name sets the link aside, and does not go through it.
    let links = std::fs::read_dir(&root).unwrap();
    let links = links.filter(|entry| entry.as_ref().unwrap().path().is_symlink());
    assert_eq!(links.count(), 1);
    assert!(!root.join("out").is_symlink());
    assert_eq!(std::fs::read_to_string(root.join("own")).unwrap(), "mine");
    assert!(bucket.lock().unwrap().0.contains_key(&b"own"[..]));
    for key in REFUSED {
        assert!(
            bucket.lock().unwrap().0.contains_key(key.as_bytes()),
            "{key:?} is gone"
        );
    }
    let told_of = told["not_in_step"].as_array().unwrap();
    assert!(told_of.len() >= 10, "{told_of:#?}");
}
