//! Runs seeds of the simulation: `simulate FIRST COUNT [plain] [faults] [crash] [modes] [held] [busy] [once] [brief]
//! [tell]`, each in the shape that is named, or else in the one that it has by itself; twice, unless `once` is said. Prints what they came
//! across and ends with 1 if a seed failed or they met too little. With `brief` nothing is printed of seeds that fail
//! but the first sentence; with `tell` every step of each run is told.

use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tandem_testkit::simulation::{Coverage, Listener, Outcome, Shape, run, run_told, run_twice};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What the seeds so far came to.
#[derive(Default)]
struct Tally {
    coverage: Coverage,
    failed: Vec<(u64, Vec<String>)>,
}

fn main() -> std::io::Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| words.get(at).and_then(|w| w.parse().ok()).unwrap_or(0u64);
    let has = |word: &str| words.iter().any(|w| w == word);
    let named = Shape {
        faults: has("faults"),
        crash: has("crash"),
        every_mode: has("modes"),
        held: has("held"),
        busy: has("busy"),
    };
    let is_named = has("plain") || named.name() != "plain";
    let shape = |seed| {
        if is_named {
            named
        } else {
            Shape::of_seed(seed)
        }
    };
    let run_one = |seed| -> Outcome {
        if has("tell") {
            return run_told(seed, shape(seed), Some(listener()));
        }
        if has("once") {
            run(seed, shape(seed))
        } else {
            run_twice(seed, shape(seed))
        }
    };
    let (first, count, began) = (number(0), number(1), Instant::now());
    let next = AtomicU64::new(first);
    let tally = Mutex::new(Tally::default());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + count {
                return;
            }
            let outcome = run_one(seed);
            let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
            tally.coverage.add(&outcome.coverage);
            if !outcome.violations.is_empty() {
                tally.failed.push((seed, outcome.violations));
            }
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..if has("tell") { 1 } else { workers } {
            scope.spawn(work);
        }
    });
    let tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    report(&tally, has("brief"), began)
}

fn listener() -> Listener {
    // What cannot be told is not missed: the outcome is.
    Arc::new(|line| drop(writeln!(std::io::stdout(), "{line}")))
}

fn report(tally: &Tally, is_brief: bool, began: Instant) -> std::io::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    let mut failed = tally.failed.clone();
    failed.sort();
    for (seed, violations) in &failed {
        writeln!(out, "seed {seed} ({}):", Shape::of_seed(*seed).name())?;
        for text in violations.iter().take(if is_brief { 1 } else { 4 }) {
            writeln!(out, "  {text}")?;
        }
    }
    writeln!(out, "{}", tally.coverage)?;
    let missing = tally.coverage.missing();
    for text in &missing {
        writeln!(out, "too seldom: {text}")?;
    }
    let seeds = tally.coverage.seeds;
    let rate = seeds as f64 / began.elapsed().as_secs_f64().max(0.001);
    writeln!(out, "{} failed; {rate:.1} seeds a second", failed.len())?;
    let is_good = failed.is_empty() && missing.is_empty();
    Ok(if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
