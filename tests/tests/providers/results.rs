//! Results of conformance runs: one file for each server a provider was run against, in `docs/conformance`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tandem_core::capabilities::Capabilities;
use tandem_testkit::conformance::{CASES, LOSSES, Losses, Proof, RecordedCase};

/// What a provider's suite came to against one server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ConformanceResult {
    pub(crate) provider: String,
    pub(crate) server: String,
    /// How many checks were kept.
    pub(crate) kept: usize,
    /// Checks that were skipped, by the reason.
    pub(crate) skipped: BTreeMap<String, Vec<String>>,
    /// Checks that failed by the server's fault, with the fault.
    pub(crate) excused: BTreeMap<String, String>,
    /// What the storage was taken to be capable of: what its probe found, where it has one.
    pub(crate) capabilities: Capabilities,
}

/// The top of the repository: a test runs in the folder of its crate.
fn repository() -> PathBuf {
    let here = std::env::current_dir().unwrap();
    here.parent().unwrap().to_owned()
}

/// Where the results lie.
pub(crate) fn folder() -> PathBuf {
    repository().join("docs/conformance")
}

/// The page that is made of them.
pub(crate) fn page() -> PathBuf {
    repository().join("docs/providers.md")
}

/// Where pages about single providers lie.
pub(crate) fn pages() -> PathBuf {
    repository().join("docs/providers")
}

/// The committed results, in the order of their names.
pub(crate) fn read(folder: &Path) -> Vec<ConformanceResult> {
    files_in(folder)
        .iter()
        .map(|path| serde_json::from_str(&text(path)).unwrap())
        .collect()
}

/// What was lost without conditions, as it is committed.
pub(crate) fn read_losses(folder: &Path) -> Vec<Losses> {
    files_in(&folder.join(LOSSES))
        .iter()
        .map(|path| serde_json::from_str(&text(path)).unwrap())
        .collect()
}

/// Puts what a run lost in the place of what is committed.
pub(crate) fn write_losses(recorded: &Path, folder: &Path, of_all: bool) {
    let folder = folder.join(LOSSES);
    std::fs::create_dir_all(&folder).unwrap();
    for old in files_in(&folder).iter().filter(|_| of_all) {
        std::fs::remove_file(old).unwrap();
    }
    // A run in which nothing could be lost has no such folder.
    if recorded.join(LOSSES).exists() {
        for losses in read_losses(recorded) {
            losses.write(&folder);
        }
    }
}

/// Puts the results of one run in the place of the committed ones: of all, or of the servers alone that it was on.
pub(crate) fn write(results: &[ConformanceResult], folder: &Path, of_all: bool) {
    std::fs::create_dir_all(folder).unwrap();
    for old in files_in(folder).iter().filter(|_| of_all) {
        std::fs::remove_file(old).unwrap();
    }
    for result in results {
        let proof = Proof {
            provider: result.provider.clone(),
            server: result.server.clone(),
        };
        let path = folder.join(format!("{}.json", proof.file_stem()));
        let text = serde_json::to_string_pretty(result).unwrap();
        std::fs::write(path, text + "\n").unwrap();
    }
}

/// What the cases of one run, a file each, come to.
///
/// # Panics
/// If a case failed or is missing: half a run proves nothing.
pub(crate) fn collect(recorded: &Path) -> Vec<ConformanceResult> {
    let mut folders: Vec<_> = entries(recorded);
    folders.retain(|folder| !folder.ends_with(LOSSES));
    folders.sort();
    folders.iter().map(|folder| one(folder)).collect()
}

fn one(folder: &Path) -> ConformanceResult {
    let cases: Vec<RecordedCase> = files_in(folder)
        .iter()
        .map(|path| serde_json::from_str(&text(path)).unwrap())
        .collect();
    let first = &cases[0];
    let mut result = ConformanceResult {
        provider: first.proof.provider.clone(),
        server: first.proof.server.clone(),
        kept: 0,
        skipped: BTreeMap::new(),
        excused: BTreeMap::new(),
        capabilities: first.capabilities.clone(),
    };
    let server = &result.server;
    for case in CASES {
        let found = cases.iter().find(|found| found.case == case.name);
        let found = found.unwrap_or_else(|| panic!("{server}: {} was not run", case.name));
        assert_eq!(found.failed, None, "{server}: {} failed", case.name);
        let name = || case.name.to_owned();
        match (&found.skipped, &found.excused) {
            (Some(why), _) => result.skipped.entry(why.clone()).or_default().push(name()),
            (_, Some(why)) => drop(result.excused.insert(name(), why.clone())),
            (None, None) => result.kept += 1,
        }
    }
    result
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let is_json = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "json");
    let mut files: Vec<_> = entries(folder).into_iter().filter(is_json).collect();
    files.sort();
    files
}
