//! Input that nobody made for a test: what this machine has in `/usr/share`, with the default ignores off.
//!
//! It is copied first, because a folder that is kept in step gets a `.tandem` of Tandem's own. What the sides can
//! hold is compared by `diff`, and what is left out is counted by `find`.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use tandem_testkit::servers::{Moto, RcloneS3, S3Server};

use crate::program::{Device, system};

/// Where the full run takes its files from.
const FULL: &str = "/usr/share";

/// Where the everyday run does: the first of these that is there has some hundreds of files.
const SHORT: [&str; 3] = [
    "/usr/share/zoneinfo/right",
    "/usr/share/perl",
    "/usr/share/keyrings",
];

/// A copy of `from`, with what a machine's folder may hold besides.
fn copied(device: &Device, from: &str) -> PathBuf {
    let to = device.path("input");
    system(
        "cp",
        &["-a", "--no-target-directory", from, to.to_str().unwrap()],
        &[],
    );
    let odd = to.join("odd things");
    std::fs::create_dir_all(odd.join("empty folder")).unwrap();
    let not_unicode = std::ffi::OsStr::from_bytes(b"not unicode \xff");
    std::fs::write(odd.join(not_unicode), "x").unwrap();
    std::fs::write(odd.join("empty file"), "").unwrap();
    std::fs::write(
        odd.join("a+b c%20d#e?f&g=h"),
        "signs that an address must escape",
    )
    .unwrap();
    std::fs::write(odd.join("new\nline\ttab"), "control characters").unwrap();
    std::fs::write(odd.join(" both ends "), "spaces").unwrap();
    std::fs::write(odd.join("~backup.tmp"), "what the default list leaves out").unwrap();
    std::os::unix::fs::symlink("nowhere at all", odd.join("broken link")).unwrap();
    system("mkfifo", &[odd.join("pipe").to_str().unwrap()], &[]);
    to
}

/// How many of these `find` sees.
fn found(folder: &Path, test: &[&str]) -> Vec<Vec<u8>> {
    let mut words = vec![folder.to_str().unwrap(), "-name", ".tandem", "-prune", "-o"];
    words.extend(test);
    words.push("-print0");
    let printed = system("find", &words, &[]);
    let names = printed.split(|byte| *byte == 0).filter(|n| !n.is_empty());
    names.map(<[u8]>::to_vec).collect()
}

/// What `diff` says, a line each.
fn difference(one: &Path, other: &Path) -> Vec<String> {
    let words = ["-r", "--no-dereference", "--exclude=.tandem"];
    let paths = [one.to_str().unwrap(), other.to_str().unwrap()];
    let printed = system("diff", &[&words[..], &paths].concat(), &[1]);
    let text = String::from_utf8_lossy(&printed).into_owned();
    text.lines().map(str::to_owned).collect()
}

/// The paths that the pair lists as left out for this reason.
fn left_out(device: &Device, pair: &str, why: &[&str]) -> BTreeSet<String> {
    let status = device.status(pair);
    let all = status["not_in_step"].as_array().unwrap();
    let of = all
        .iter()
        .filter(|p| why.contains(&p["why"].as_str().unwrap()));
    of.map(|p| p["path"].as_str().unwrap().to_owned()).collect()
}

/// First pass and second pass; what is left out is counted against `expected`.
fn carried(device: &Device, pair: &str, expected: usize) {
    let first = device.sync(pair);
    assert_eq!(first["failed"], 0, "{first}");
    assert_eq!(first["error"], serde_json::Value::Null, "{first}");
    assert_eq!(first["held"], 0, "{first}");
    let counted = first["problems"].as_u64().unwrap() + first["left_out"].as_u64().unwrap();
    let listed = device.status(pair)["not_in_step"]
        .as_array()
        .map_or(0, Vec::len);
    println!(
        "{pair}: {} actions, {} items, {} bytes, {counted} left out",
        first["done"], first["items"], first["bytes"]
    );
    assert_eq!(counted, expected as u64, "{first}");
    assert_eq!(listed, expected, "{first}");
    let second = device.sync(pair);
    for what in ["done", "failed", "adopted", "conflicts", "held"] {
        assert_eq!(second[what], 0, "a second pass does nothing: {second}");
    }
}

fn round(from: &str, server: &S3Server, empty_folders: bool) {
    let device = Device::new();
    let input = copied(&device, from);
    let links = found(&input, &["-type", "l"]);
    let other = [
        "-not", "-type", "f", "-not", "-type", "d", "-not", "-type", "l",
    ];
    let special = found(&input, &other);
    let all = found(&input, &["-true"]);
    let is_text = |name: &&Vec<u8>| std::str::from_utf8(name).is_ok();
    let not_unicode = all.len() - all.iter().filter(is_text).count();
    println!(
        "{} things, of them {} links, {} special, {not_unicode} not in Unicode",
        all.len(),
        links.len(),
        special.len()
    );
    assert!(!links.is_empty() && special.len() == 1 && not_unicode == 1);

    // To another folder: all but special files and names that are not Unicode.
    let local = device.folder("local copy");
    let off = ["--default-ignores", "false"];
    let ends = [input.to_str().unwrap(), local.to_str().unwrap()];
    device.ok(&[&["pair", "add", "across"], &ends[..], &off].concat());
    carried(&device, "across", special.len() + not_unicode);
    let differing = difference(&input, &local);
    assert_eq!(
        differing.len(),
        special.len() + not_unicode,
        "{differing:#?}"
    );

    // To S3: links neither.
    server.make_bucket("share").unwrap();
    device.storage("attic", server, server.endpoint(), "share");
    device.ok(&[&["pair", "add", "up"], &[ends[0], "attic:usr"][..], &off].concat());
    carried(&device, "up", links.len() + special.len() + not_unicode);
    let listed = left_out(&device, "up", &["symlink"]);
    let expected: BTreeSet<String> = links
        .iter()
        .map(|path| String::from_utf8(path[ends[0].len() + 1..].to_vec()).unwrap())
        .collect();
    assert!(
        listed == expected,
        "the links listed are those that find sees"
    );

    // And from there into a third folder.
    let third = device.folder("third");
    let ends = [ends[0], third.to_str().unwrap()];
    device.ok(&[&["pair", "add", "down"], &["attic:usr", ends[1]][..], &off].concat());
    carried(&device, "down", 0);
    let differing = difference(&input, &third);
    let only_there = format!("Only in {}", ends[0]);
    let unlike: Vec<_> = differing
        .iter()
        .filter(|line| !line.starts_with(&only_there))
        .collect();
    assert!(unlike.is_empty(), "{unlike:#?}");
    if empty_folders {
        let missing = links.len() + special.len() + not_unicode;
        assert_eq!(differing.len(), missing, "{differing:#?}");
    } else {
        // `find` names folders in which there is no file; `diff` names the topmost of them only.
        let there: BTreeSet<_> = found(&third, &["-type", "d"]).into_iter().collect();
        let files = found(&input, &["-type", "f"]);
        for folder in found(&input, &["-type", "d"]) {
            let within = [&folder[..], b"/"].concat();
            let holds = files
                .iter()
                .filter(is_text)
                .any(|file| file.starts_with(&within));
            let over_there = [ends[1].as_bytes(), &folder[ends[0].len()..]].concat();
            let name = String::from_utf8_lossy(&folder).into_owned();
            assert_eq!(there.contains(&over_there), holds, "{name}");
        }
    }
    same_times_and_modes(&input, &third);
}

/// Times to the nanosecond and the executable bit came along.
fn same_times_and_modes(one: &Path, other: &Path) {
    let facts = |folder: &Path| -> BTreeSet<Vec<u8>> {
        let folder = folder.to_str().unwrap();
        let of = |test: &[&str], format: &str| {
            let mut words = vec![folder, "-name", ".tandem", "-prune", "-o", "-type", "f"];
            words.extend(test);
            words.extend(["-printf", format]);
            let printed = system("find", &words, &[]);
            let lines = printed.split(|byte| *byte == 0).filter(|n| !n.is_empty());
            lines.map(<[u8]>::to_vec).collect::<BTreeSet<_>>()
        };
        let mut all = of(&["-perm", "-u+x"], "x %T@ %P\\0");
        all.extend(of(&["-not", "-perm", "-u+x"], "- %T@ %P\\0"));
        all
    };
    let is_text = |name: &Vec<u8>| std::str::from_utf8(name).is_ok();
    let there = facts(other);
    let missing: Vec<_> = facts(one)
        .into_iter()
        .filter(|fact| is_text(fact) && !there.contains(fact))
        .map(|fact| String::from_utf8_lossy(&fact).into_owned())
        .collect();
    assert!(
        missing.is_empty(),
        "{} differ, as {:?}",
        missing.len(),
        missing.first()
    );
}

fn short() -> &'static str {
    let there = SHORT.iter().find(|path| Path::new(path).is_dir());
    there.expect("no Debian lacks all of these")
}

#[test]
fn a_machines_own_folder_goes_to_a_folder_to_s3_and_back() {
    round(short(), &Moto::start().unwrap(), true);
}

/// It shows no folder in which there is no file.
#[test]
fn a_machines_own_folder_goes_to_rclones_server_and_back() {
    round(short(), &RcloneS3::start().unwrap(), false);
}

#[test]
#[ignore = "half a gigabyte three times takes minutes: part of ./dev test --all"]
fn usr_share_goes_to_a_folder_to_s3_and_back() {
    round(FULL, &Moto::start().unwrap(), true);
}
