//! What a self-test came to.

use std::collections::BTreeMap;

use super::{Words, count, grouped};

/// How many seeds ran, and how many of them broke a promise.
#[must_use]
pub fn selftest(seeds: u64, failed: u64, seeds_per_second: f64) -> Words {
    let ran = count(seeds, "seed", "seeds");
    if failed == 0 {
        let message = format!("{ran}, {seeds_per_second:.1} a second: every promise held.");
        return Words::new(message, "");
    }
    let message = format!("{} of {ran} broke a promise.", grouped(failed));
    let next = "Please report it with what is said about each, and do not rely on this build.";
    Words::new(message, next)
}

/// What was put in the seeds' way.
#[must_use]
pub fn injected(faults: &BTreeMap<String, u64>, crashes: u64) -> String {
    let all = count(faults.values().sum(), "fault", "faults");
    let each: Vec<String> = faults
        .iter()
        .map(|(name, times)| format!("{} {}", grouped(*times), name.replace('_', " ")))
        .collect();
    let each = if each.is_empty() {
        String::new()
    } else {
        format!(" ({})", each.join(", "))
    };
    let crashes = count(crashes, "crash", "crashes");
    format!("In their way: {all}{each} and {crashes}.")
}

/// What the seeds met too seldom for their number.
#[must_use]
pub fn too_little_met(missing: &[String]) -> Words {
    let message = format!("The seeds met too little: {}.", missing.join("; "));
    let next = "Please report it: a run that meets nothing finds nothing.";
    Words::new(message, next)
}

/// A seed that broke a promise, and how it is run again.
#[must_use]
pub fn broken_seed(seed: u64, mode: &str, version: &str, what: &str) -> Words {
    Words::new(
        format!("Seed {seed} ({mode}, Tandem {version}): {what}."),
        format!("“tandem selftest --seed {seed}” runs it again."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selftest_says_what_it_did_and_what_to_do() {
        let held = selftest(1_200, 0, 61.04);
        assert_eq!(
            held.line(),
            "1,200 seeds, 61.0 a second: every promise held."
        );
        assert!(selftest(200, 2, 3.0).line().starts_with("2 of 200 seeds"));
        let faults = BTreeMap::from([("offline".to_owned(), 3), ("short_read".to_owned(), 1_000)]);
        assert_eq!(
            injected(&faults, 1),
            "In their way: 1,003 faults (3 offline, 1,000 short read) and 1 crash."
        );
        assert_eq!(
            injected(&BTreeMap::new(), 0),
            "In their way: 0 faults and 0 crashes."
        );
    }
}
