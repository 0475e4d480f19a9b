//! Runs seeds of the simulation: `simulate FIRST COUNT [faults] [crash] [modes] [held] [tell]`. With `tell` every step
//! of each run is told.

use std::io::Write;
use std::sync::Arc;

use tandem_testkit::simulation::{Listener, Shape, run_told};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| words.get(at).and_then(|w| w.parse().ok()).unwrap_or(0u64);
    let has = |word: &str| words.iter().any(|w| w == word);
    let shape = Shape {
        faults: has("faults"),
        crash: has("crash"),
        every_mode: has("modes"),
        held: has("held"),
    };
    let listener: Option<Listener> = has("tell").then(|| {
        // What cannot be told is not missed: the outcome is.
        let tell: Listener = Arc::new(|line| drop(writeln!(std::io::stdout(), "{line}")));
        tell
    });
    let mut out = std::io::stdout();
    let mut failed = 0u64;
    let (mut actions, mut conflicts) = (0, 0);
    for seed in number(0)..number(0) + number(1) {
        let outcome = run_told(seed, shape, listener.clone());
        actions += outcome.actions;
        conflicts += outcome.conflicts;
        if !outcome.violations.is_empty() {
            failed += 1;
            writeln!(out, "seed {seed}:")?;
            for text in outcome.violations.iter().take(4) {
                writeln!(out, "  {text}")?;
            }
        }
    }
    writeln!(
        out,
        "{failed} failed, {actions} actions, {conflicts} conflicts"
    )
}
