//! `tandem selftest`: the planner and the engine against simulated storages, from seeds. A seed is one run, and gives
//! the same run again with the same version of Tandem.

use std::collections::BTreeMap;
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use tandem_service::words;
use tandem_testkit::simulation::{CRASH, Coverage, Outcome, Shape, run_twice};

use crate::output;

/// How many seeds run if nobody says.
const SEEDS: u64 = 200;

/// The exit code if a seed broke a promise, or the seeds met too little to say anything.
const BROKEN: u8 = 1;

/// A seed that broke a promise.
struct Broken {
    seed: u64,
    what: Vec<String>,
}

/// What the seeds so far came to.
#[derive(Default)]
struct Tally {
    coverage: Coverage,
    broken: Vec<Broken>,
}

/// Runs `seeds` seeds from `seed` on; just that one if only it is named.
pub(crate) fn run(seeds: Option<u64>, seed: Option<u64>, json: bool) -> u8 {
    let count = seeds.unwrap_or(if seed.is_some() { 1 } else { SEEDS });
    let begun = Instant::now();
    let mut tally = run_all(seed.unwrap_or(0), count);
    tally.broken.sort_by_key(|broken| broken.seed);
    let rate = per_second(count, begun.elapsed());
    if json {
        output::document(&document(&tally, count, rate));
    } else {
        show(&tally, count, rate);
    }
    if tally.broken.is_empty() && tally.coverage.missing().is_empty() {
        0
    } else {
        BROKEN
    }
}

/// Side by side on every processor.
fn run_all(first: u64, count: u64) -> Tally {
    let next = AtomicU64::new(0);
    let tally = Mutex::new(Tally::default());
    let bar = progress(count);
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(seed) = first.checked_add(at).filter(|_| at < count) else {
                return;
            };
            let outcome = run_one(seed);
            let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
            tally.add(seed, outcome);
            bar.inc(1);
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    bar.finish_and_clear();
    tally.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// One run. A panic is a broken promise too.
fn run_one(seed: u64) -> Outcome {
    let run = catch_unwind(|| run_twice(seed, Shape::of_seed(seed)));
    run.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Outcome {
            violations: vec![format!("it panicked: {}", text.unwrap_or("without a word"))],
            ..Outcome::default()
        }
    })
}

impl Tally {
    fn add(&mut self, seed: u64, outcome: Outcome) {
        self.coverage.add(&outcome.coverage);
        if !outcome.violations.is_empty() {
            self.broken.push(Broken {
                seed,
                what: outcome.violations,
            });
        }
    }
}

fn progress(count: u64) -> ProgressBar {
    if !output::is_watched() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(count), ProgressDrawTarget::stderr_with_hz(4));
    // The template is a constant; if it could not be read, indicatif's own is as good.
    bar.set_style(
        ProgressStyle::with_template("{bar:24}  {pos} of {len} seeds  {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    bar
}

/// To one decimal.
#[allow(
    clippy::cast_precision_loss,
    reason = "far fewer seeds than that are run"
)]
fn per_second(seeds: u64, time: Duration) -> f64 {
    let seconds = time.as_secs_f64().max(0.001);
    (seeds as f64 / seconds * 10.0).round() / 10.0
}

fn document(tally: &Tally, seeds: u64, rate: f64) -> Value {
    let (faults, crashes) = faults_and_crashes(&tally.coverage);
    let failures: Vec<Value> = tally
        .broken
        .iter()
        .map(|broken| {
            json!({
                "seed": broken.seed,
                "mode": Shape::of_seed(broken.seed).name(),
                "version": env!("CARGO_PKG_VERSION"),
                "violations": broken.what,
            })
        })
        .collect();
    json!({
        "schema": 1,
        "seeds": seeds,
        "seeds_per_second": rate,
        "injected": { "crashes": crashes, "faults": faults },
        "missed": tally.coverage.missing(),
        "failures": failures,
        "version": env!("CARGO_PKG_VERSION"),
    })
}

/// Faults of storages and disks by name, and how often the program was ended.
fn faults_and_crashes(coverage: &Coverage) -> (BTreeMap<String, u64>, u64) {
    let mut faults = coverage.faults.clone();
    let crashes = faults.remove(CRASH).unwrap_or_default();
    (faults, crashes)
}

fn show(tally: &Tally, seeds: u64, rate: f64) {
    for broken in &tally.broken {
        let mode = Shape::of_seed(broken.seed).name();
        let what = broken.what.join("; ");
        let words = words::broken_seed(broken.seed, &mode, env!("CARGO_PKG_VERSION"), &what);
        output::answer(&output::visible(&words.line()));
    }
    let failed = tally.broken.len() as u64;
    output::answer(&words::selftest(seeds, failed, rate).line());
    let (faults, crashes) = faults_and_crashes(&tally.coverage);
    output::answer(&words::injected(&faults, crashes));
    let missing = tally.coverage.missing();
    if !missing.is_empty() {
        output::answer(&words::too_little_met(&missing).line());
    }
}
