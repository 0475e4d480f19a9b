//! Makes a failing case small: fewer steps, fewer items, plainer sides, as long as it fails in the same way.

use tandem_core::policy::Policy;
use tandem_core::side::Side;

use super::case::Case;
use super::run_case;
use super::traits::Traits;

/// The smallest case that could be found that fails as `case` does; `case` itself if it does not fail.
#[must_use]
pub fn shrink(case: &Case) -> Case {
    let mut small = case.clone();
    let Some(how) = failure(&small) else {
        return small;
    };
    loop {
        let before = small.clone();
        shorten(&mut small, &how, |case| &mut case.steps);
        shorten(&mut small, &how, |case| &mut case.base);
        simplify(&mut small, &how);
        if small == before {
            return small;
        }
    }
}

/// In which way a case fails, without names and numbers.
fn failure(case: &Case) -> Option<String> {
    let first = run_case(case).violations.into_iter().next()?;
    Some(first.split(' ').take(2).collect::<Vec<_>>().join(" "))
}

fn keep_if(case: &mut Case, how: &str, other: Case) -> bool {
    let fails = other != *case && failure(&other).as_deref() == Some(how);
    if fails {
        *case = other;
    }
    fails
}

/// Drops as many parts of a list as can be, first many at once.
fn shorten<T: Clone>(case: &mut Case, how: &str, list: impl Fn(&mut Case) -> &mut Vec<T>) {
    let mut size = list(case).len();
    while size > 0 {
        let mut at = 0;
        while at < list(case).len() {
            let mut other = case.clone();
            let all = list(&mut other);
            all.drain(at..(at + size).min(all.len()));
            if !keep_if(case, how, other) {
                at += size;
            }
        }
        size /= 2;
    }
}

/// Makes sides, choices and order plain, one after the other.
fn simplify(case: &mut Case, how: &str) {
    let mut attempt = |change: &dyn Fn(&mut Case)| {
        let mut other = case.clone();
        change(&mut other);
        keep_if(case, how, other);
    };
    attempt(&|case| case.order = 0);
    attempt(&|case| case.policy = Policy::default());
    attempt(&|case| case.policy.mode = Policy::default().mode);
    attempt(&|case| case.policy.conflict = Policy::default().conflict);
    attempt(&|case| case.policy.compare = Policy::default().compare);
    attempt(&|case| case.policy.first_sync = Policy::default().first_sync);
    attempt(&|case| case.keeps_versions = true);
    attempt(&|case| case.steps.iter_mut().for_each(|step| step.tick = 0));
    for side in Side::BOTH {
        attempt(&|case| case.traits[side] = Traits::PLAIN);
    }
    for side in Side::BOTH {
        for traits in case.traits[side].simpler() {
            let mut other = case.clone();
            other.traits[side] = traits;
            keep_if(case, how, other);
        }
    }
}
