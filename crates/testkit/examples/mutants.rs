//! Looks for deliberate faults by seeds: `mutants [--planner N] [--engine N]`, so many of each at most. Each line of the
//! standard input names a fault; an empty line is none, which no seed may find. Runs seeds of the planner's properties,
//! then of the whole engine, until one fails that does not fail without the fault, and tells for each fault, parted by
//! tabs: its name, which of the two found it or `-`, how many seeds that took, and what was found or how often the fault
//! was come across.

use std::io::{BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use tandem_core::mutant;
use tandem_testkit::planner;
use tandem_testkit::simulation::{Shape, run, run_twice};

/// What runs a seed and tells the promises that it broke.
type Run = fn(u64) -> Vec<String>;

/// Who runs seeds, by name, with how many of them.
type Runner = (&'static str, u64, Run);

/// So many seeds of the engine run twice, for faults that only a second run shows.
const TWICE: u64 = 200;

/// No seed takes as long by itself: one that does never comes to rest.
const LONGEST: Duration = Duration::from_secs(90);

fn main() -> std::io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let count = |word: &str| {
        let at = words.iter().position(|w| w == word)?;
        words.get(at + 1)?.parse().ok()
    };
    let runners: [Runner; 2] = [
        ("planner", count("--planner").unwrap_or(0), planner_seed),
        ("engine", count("--engine").unwrap_or(0), engine_seed),
    ];
    // A panic is told as what was found.
    std::panic::set_hook(Box::new(|_| {}));
    let mut out = std::io::stdout();
    for name in std::io::stdin().lock().lines() {
        let name = name?;
        let (found, is_over) = watched(&name, runners);
        writeln!(out, "{name}\t{found}")?;
        out.flush()?;
        if !is_over {
            // The seed cannot be ended, and would go on beside the next fault's.
            break;
        }
    }
    Ok(())
}

fn planner_seed(seed: u64) -> Vec<String> {
    planner::run_seed(seed).0.violations
}

fn engine_seed(seed: u64) -> Vec<String> {
    let run = if seed < TWICE { run_twice } else { run };
    run(seed, Shape::of_seed(seed)).violations
}

/// Who found the fault, after how many seeds, and what; and whether the last seed came to an end.
fn watched(name: &str, runners: [Runner; 2]) -> (String, bool) {
    let begun = Arc::new(AtomicU64::new(0));
    let (done, answer) = channel();
    let (name, counted) = (name.to_owned(), begun.clone());
    std::thread::spawn(move || done.send(search(&name, &runners, &counted)));
    loop {
        let before = begun.load(Ordering::Relaxed);
        match answer.recv_timeout(LONGEST) {
            Ok(found) => return (found, true),
            Err(RecvTimeoutError::Timeout) if begun.load(Ordering::Relaxed) != before => {}
            Err(_) => return (without_end(before, &runners), false),
        }
    }
}

/// The seed that was begun last has no end.
fn without_end(begun: u64, [(planner, count, _), (engine, ..)]: &[Runner; 2]) -> String {
    let (who, seeds) = if begun > *count {
        (engine, begun - count)
    } else {
        (planner, begun)
    };
    format!("{who}\t{seeds}\tit never comes to rest")
}

fn search(name: &str, runners: &[Runner], begun: &AtomicU64) -> String {
    let name = (!name.is_empty()).then_some(name);
    mutant::choose(name);
    let mut reached = 0;
    for (who, seeds, run) in runners {
        for seed in 0..*seeds {
            begun.fetch_add(1, Ordering::Relaxed);
            let Some(found) = first_violation(*run, seed) else {
                continue;
            };
            reached += mutant::reached();
            mutant::choose(None);
            let is_by_itself = name.is_some() && first_violation(*run, seed).is_some();
            mutant::choose(name);
            if !is_by_itself {
                return format!("{who}\t{}\t{found}", seed + 1);
            }
        }
    }
    reached += mutant::reached();
    let seeds: u64 = runners.iter().map(|(_, seeds, _)| seeds).sum();
    format!("-\t{seeds}\tcome across {reached} times")
}

/// What a seed finds, in one line.
fn first_violation(run: Run, seed: u64) -> Option<String> {
    let violations = catch_unwind(AssertUnwindSafe(|| run(seed))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        vec![format!("panic: {}", text.unwrap_or("without a word"))]
    });
    let first = violations.into_iter().next()?;
    Some(first.replace(['\t', '\n'], " "))
}
