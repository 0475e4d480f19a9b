//! Which faults a test comes across: only such a test can find them.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

/// Names the file to which a test, and what it starts, writes what it comes across, a line for each fault.
const FILE: &str = "TANDEM_MUTANTS_CAME_ACROSS";

/// What this process has written down.
static KNOWN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Whether it is to be written down.
pub(crate) fn is_wanted() -> bool {
    std::env::var_os(FILE).is_some()
}

/// Writes down that the fault `name` was come across, once. It is not on: always `false`.
pub(crate) fn came_across(name: &str) -> bool {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if !known.contains(name) {
        known.insert(name.to_owned());
        if let Err(error) = write(name) {
            // Without it the fault would be tried by too few tests.
            panic!("{FILE}: {error}");
        }
    }
    false
}

fn write(name: &str) -> std::io::Result<()> {
    let file = std::env::var_os(FILE).ok_or(std::io::ErrorKind::NotFound)?;
    let mut file = OpenOptions::new().create(true).append(true).open(file)?;
    // By one call, so that lines of several processes do not mix.
    file.write_all(format!("{name}\n").as_bytes())
}
