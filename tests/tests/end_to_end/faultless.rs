//! Deliberate faults are in no program that people get.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program::program;

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// The names of all faults, as the sources have them.
fn faults() -> Vec<String> {
    let mut files = Vec::new();
    sources(Path::new("../crates"), &mut files);
    let mut names = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        for (at, before) in text.match_indices("mutant!(\"") {
            let name = text[at + before.len()..].split('"').next().unwrap();
            if name.starts_with('P') {
                names.push(name.to_owned());
            }
        }
    }
    names
}

#[test]
fn the_program_holds_no_deliberate_fault() {
    let mut words = faults();
    assert!(words.len() > 40, "the sources have only {words:?}");
    words.push("TANDEM_MUTANT".to_owned());
    let found = Command::new("grep")
        .args(["--text", "--only-matching", "--fixed-strings"])
        .args(["--regexp", &words.join("\n")])
        .arg(program())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&found.stdout);
    assert_eq!((found.status.code(), &*told), (Some(1), ""));
}
