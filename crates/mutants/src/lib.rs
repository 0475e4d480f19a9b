//! Which deliberate fault is on, if any. Linked only by what is built with `tandem-core`'s feature `mutants`.
//!
//! One fault at most is on in a process: the one that [`choose`] names, else the one that the environment variable
//! `TANDEM_MUTANT` names when it is first asked for. So one build serves every fault, and so does every test there is,
//! those that start the program included.

mod record;

use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};

/// Names the fault of a process and of those that it starts.
pub const VARIABLE: &str = "TANDEM_MUTANT";

/// No fault is on.
const NONE: u64 = 0;

/// Nobody has asked yet.
const UNASKED: u64 = 1;

/// None is on, and those that are come across are written down.
const RECORDED: u64 = 2;

/// The digest of the name of the fault that is on.
static CHOSEN: AtomicU64 = AtomicU64::new(UNASKED);

/// How often the fault that is on was come across.
static REACHED: AtomicU64 = AtomicU64::new(0);

/// Turns the fault of this name on, and any other off.
pub fn choose(name: Option<&str>) {
    REACHED.store(0, Ordering::Relaxed);
    CHOSEN.store(name.map_or(NONE, digest), Ordering::Relaxed);
}

/// How often the fault that is on was come across since it was chosen. One that nothing comes across is a gap in what
/// the tests do, one that they come across and do not find a gap in what they look at.
#[must_use]
pub fn reached() -> u64 {
    REACHED.load(Ordering::Relaxed)
}

/// Whether the fault `name` is on.
#[must_use]
pub fn is_on(name: &str) -> bool {
    match chosen() {
        NONE => false,
        RECORDED => record::came_across(name),
        chosen => reach(chosen == digest(name)),
    }
}

/// Whether the one at `site` of all that are of this `kind` is taken out: the fault `KIND FILE:LINE`.
#[must_use]
pub fn is_removed(kind: &str, site: &Location<'_>) -> bool {
    let name = || format!("{kind} {}:{}", site.file(), site.line());
    match chosen() {
        NONE => false,
        RECORDED => record::came_across(&name()),
        chosen => reach(chosen == digest(&name())),
    }
}

fn reach(is_it: bool) -> bool {
    if is_it {
        REACHED.fetch_add(1, Ordering::Relaxed);
    }
    is_it
}

fn chosen() -> u64 {
    let chosen = CHOSEN.load(Ordering::Relaxed);
    if chosen != UNASKED {
        return chosen;
    }
    let named = std::env::var(VARIABLE).ok();
    let first = match named.as_deref() {
        Some(name) => digest(name),
        None if record::is_wanted() => RECORDED,
        None => NONE,
    };
    match CHOSEN.compare_exchange(UNASKED, first, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => first,
        Err(meanwhile) => meanwhile,
    }
}

/// FNV-1a; never one of the values that mean something else.
fn digest(name: &str) -> u64 {
    let digest = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |digest, byte| {
            (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    digest.max(RECORDED + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is_this_line_removed() -> bool {
        is_removed("line", Location::caller())
    }

    // One test, for there is one choice in a process.
    #[test]
    fn exactly_the_chosen_fault_is_on() {
        choose(Some("no expectation"));
        assert!(is_on("no expectation"));
        assert!(!is_on("delete first"));
        assert_eq!(reached(), 1);
        let line = line!() + 2;
        choose(Some(&format!("line {}:{line}", file!())));
        let (here, there) = (is_this_line_removed(), reached());
        assert_eq!((here, there), (true, 1));
        assert!(!is_this_line_removed());
        choose(None);
        assert!(!is_on("no expectation"));
        assert_eq!(reached(), 0);
    }
}
