//! What became of the cases, written down for `docs/providers.md`: a file for each case, since they may run in processes
//! of their own. Only where [`FOLDER`] is set.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tandem_core::capabilities::Capabilities;

use super::outcome::{CaseReport, Verdict};

/// The environment variable that names the folder to write into.
pub const FOLDER: &str = "TANDEM_CONFORMANCE";

/// What a subject proves something about, and by what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The type of storage, as its descriptor names it.
    pub provider: String,
    /// The server, its version, and what was put before it.
    pub server: String,
}

impl Proof {
    /// One of this provider against the server that `server` names. `None` where nothing is recorded: asking a server for
    /// its version takes a process.
    ///
    /// # Panics
    /// If the server does not say what it is.
    pub fn of(provider: &str, server: impl FnOnce() -> std::io::Result<String>) -> Option<Self> {
        std::env::var_os(FOLDER)?;
        let server = server().unwrap_or_else(|error| panic!("a server without a version: {error}"));
        Some(Self {
            provider: provider.to_owned(),
            server,
        })
    }

    /// What files about it are called: nothing but small letters, digits, full stops and hyphens.
    #[must_use]
    pub fn file_stem(&self) -> String {
        let text = format!("{} {}", self.provider, self.server).to_lowercase();
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '.');
        let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
        words.join("-")
    }
}

/// One case, as it is written down.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordedCase {
    /// Of whom, and against what.
    pub proof: Proof,
    /// Its name.
    pub case: String,
    /// Why it did not apply.
    pub skipped: Option<String>,
    /// Why its failure is the server's.
    pub excused: Option<String>,
    /// What was seen, if it failed.
    pub failed: Option<String>,
    /// What the storage was taken to be capable of.
    pub capabilities: Capabilities,
}

/// Writes down what became of a case.
///
/// # Panics
/// If that cannot be written.
pub(super) fn record(proof: &Proof, report: &CaseReport, capabilities: &Capabilities) {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let (mut skipped, mut excused, mut failed) = (None, None, None);
    match &report.verdict {
        Verdict::Passed => {}
        Verdict::NotApplicable(why) => skipped = Some(why.clone()),
        Verdict::Excused { why, .. } => excused = Some(why.clone()),
        Verdict::Failed(what) => failed = Some(what.clone()),
    }
    let recorded = RecordedCase {
        proof: proof.clone(),
        case: report.name.to_owned(),
        skipped,
        excused,
        failed,
        capabilities: Capabilities {
            // The same from run to run.
            probed: None,
            ..capabilities.clone()
        },
    };
    let folder = Path::new(&folder).join(proof.file_stem());
    let written = fs::create_dir_all(&folder).and_then(|()| {
        let text = serde_json::to_string(&recorded)?;
        fs::write(folder.join(format!("{}.json", report.name)), text)
    });
    written.unwrap_or_else(|error| panic!("{} cannot be written: {error}", folder.display()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_names_a_file_anywhere() {
        let proof = Proof {
            provider: "s3".to_owned(),
            server: "Apache/2.4.71 (Debian), as Cloudflare's R2".to_owned(),
        };
        assert_eq!(
            proof.file_stem(),
            "s3-apache-2.4.71-debian-as-cloudflare-s-r2"
        );
    }
}
