//! Looks for deliberate faults: `mutants [--seeds N] [planner] [engine]`. Each line of the standard input names one; an
//! empty line is none, which no seed may find. Runs seeds of what is named, or of both, until one fails that does not
//! fail without the fault, and tells for each fault, parted by tabs: its name, which of the two found it or `-`, how many
//! seeds that took, and what was found or how often the fault was come across.

use std::io::{BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use tandem_core::mutant;
use tandem_testkit::planner;
use tandem_testkit::simulation::{Shape, run, run_twice};

/// What runs seeds: what it is called, and how many of its seeds take about as long as one of the engine.
type Runner = (&'static str, u64, fn(u64) -> Vec<String>);

const RUNNERS: [Runner; 2] = [
    ("planner", 100, |seed| planner::run_seed(seed).0.violations),
    ("engine", 1, |seed| {
        let run = if seed < TWICE { run_twice } else { run };
        run(seed, Shape::of_seed(seed)).violations
    }),
];

/// So many seeds of the engine run twice, for faults that only a second run shows.
const TWICE: u64 = 200;

/// Seeds in which a fault must be found, if nobody says.
const SEEDS: u64 = 100_000;

fn main() -> std::io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let after = |word: &str| {
        let at = words.iter().position(|w| w == word)?;
        words.get(at + 1)?.parse().ok()
    };
    let seeds = after("--seeds").unwrap_or(SEEDS);
    let is_named = |(name, ..): &&Runner| words.iter().any(|word| word == name);
    let mut runners: Vec<&Runner> = RUNNERS.iter().filter(is_named).collect();
    if runners.is_empty() {
        runners = RUNNERS.iter().collect();
    }
    // A panic is told as what was found.
    std::panic::set_hook(Box::new(|_| {}));
    let mut out = std::io::stdout();
    for name in std::io::stdin().lock().lines() {
        let name = name?;
        writeln!(out, "{name}\t{}", search(&name, &runners, seeds))?;
        out.flush()?;
    }
    Ok(())
}

/// Who found the fault, after how many seeds, and what.
fn search(name: &str, runners: &[&Runner], seeds: u64) -> String {
    let name = (!name.is_empty()).then_some(name);
    mutant::choose(name);
    let mut reached = 0;
    for (runner, share, run) in runners {
        for seed in 0..(seeds * share).min(SEEDS) {
            let Some(found) = first_violation(*run, seed) else {
                continue;
            };
            reached += mutant::reached();
            mutant::choose(None);
            let is_by_itself = name.is_some() && first_violation(*run, seed).is_some();
            mutant::choose(name);
            if !is_by_itself {
                return format!("{runner}\t{}\t{found}", seed + 1);
            }
        }
        reached += mutant::reached();
        mutant::choose(name);
    }
    format!("-\t{seeds}\tcome across {reached} times")
}

/// What a seed finds, in one line.
fn first_violation(run: fn(u64) -> Vec<String>, seed: u64) -> Option<String> {
    let violations = catch_unwind(AssertUnwindSafe(|| run(seed))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        vec![format!("panic: {}", text.unwrap_or("without a word"))]
    });
    let first = violations.into_iter().next()?;
    Some(first.replace(['\t', '\n'], " "))
}
