//! Runs seeds of the planner's properties: `planner --seeds FIRST..END [--threads N] [tell|brief]`. Prints how fast they
//! ran, what they came across, and each seed that failed with its case, made as small as it gets. With `tell` what
//! happens in that is told too; with `brief` cases are not made small. Ends with 1 if a seed failed or they met too little.

use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tandem_testkit::planner::{Coverage, run_case, run_seed, shrink, tell};

/// Seeds that a thread takes at once.
const CHUNK: u64 = 256;

/// Failed seeds whose cases are shown.
const SHOWN: usize = 20;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::io::Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let after = |word: &str| {
        let at = words.iter().position(|w| w == word)?;
        words.get(at + 1).map(String::as_str)
    };
    let (first, end) = after("--seeds")
        .and_then(|range| range.split_once(".."))
        .and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)))
        .unwrap_or((0, 10_000));
    let threads: usize = after("--threads").and_then(|n| n.parse().ok()).unwrap_or(1);
    let began = Instant::now();
    let next = AtomicU64::new(first);
    let mut coverage = Coverage::default();
    let mut failed = Vec::new();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut coverage = Coverage::default();
                    let mut failed = Vec::new();
                    loop {
                        let from = next.fetch_add(CHUNK, Ordering::Relaxed);
                        if from >= end {
                            return (coverage, failed);
                        }
                        for seed in from..(from + CHUNK).min(end) {
                            let (outcome, case) = run_seed(seed);
                            coverage.add(&outcome.coverage);
                            if !outcome.violations.is_empty() {
                                failed.push((seed, outcome, case));
                            }
                        }
                    }
                })
            })
            .collect();
        for worker in workers {
            let (more, those) = worker.join().expect("a run does not panic");
            coverage.add(&more);
            failed.extend(those);
        }
    });
    let seconds = began.elapsed().as_secs_f64();
    failed.sort_by_key(|(seed, ..)| *seed);
    let mut out = std::io::stdout().lock();
    let shown = if words.iter().any(|w| w == "brief") {
        failed.len()
    } else {
        SHOWN
    };
    for (seed, outcome, case) in failed.iter().take(shown) {
        writeln!(out, "seed {seed}: {}", outcome.violations[0])?;
        if words.iter().any(|w| w == "brief") {
            continue;
        }
        let small = shrink(case);
        writeln!(out, "{small}")?;
        for line in run_case(&small).violations {
            writeln!(out, "=> {line}")?;
        }
        if words.iter().any(|w| w == "tell") {
            for line in tell(&small) {
                writeln!(out, "{line}")?;
            }
        }
    }
    writeln!(out, "{coverage}")?;
    let missing = coverage.missing();
    for text in &missing {
        writeln!(out, "too seldom: {text}")?;
    }
    let count = end.saturating_sub(first);
    writeln!(
        out,
        "{} of {count} failed; {:.0} seeds a second on {threads} threads",
        failed.len(),
        count as f64 / seconds
    )?;
    let is_good = failed.is_empty() && missing.is_empty();
    Ok(if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
