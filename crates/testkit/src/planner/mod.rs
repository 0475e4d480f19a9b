//! The planner's properties: two sides in memory, people who edit both, and the production planner in between.
//!
//! A run begins with a tree in step, lets people edit both sides, looks, plans and carries out, with further edits
//! between any two actions, until all is still. Then: it ended in time, both sides are in step, every content is
//! accounted for, and the next pass has nothing to do. Nothing but the planner's decisions is under test: there is
//! no engine, no database and no storage contract, and so there is time for millions of runs.
//!
//! Read in this order: `tree` and `world` (what is judged by), `people` (what is done to it), `carry` (what a
//! storage does with an action), `state` and `load` (what the engine would keep and ask), `run` and `execute`, `check` and `in_step`.

mod carry;
mod case;
mod check;
mod coverage;
mod execute;
mod in_step;
mod load;
mod parse;
mod people;
mod run;
mod script;
mod shrink;
mod state;
mod swap;
mod traits;
mod tree;
mod world;

use tandem_core::policy::{Compare, ConflictPolicy, FirstSync, Mode, Policy};
use tandem_core::side::PerSide;

pub use carry::Miss;
pub use case::{Case, Event, Step};
pub use coverage::{ACTIONS, CONFLICTS, Coverage, EDITS, FAULTS};
pub use parse::UnreadableLine;
pub use people::Edit;
pub use run::Outcome;
pub use shrink::shrink;
pub use traits::Traits;

use crate::seed::Rng;
use script::{Draw, Script, base_tree};

/// Draws the case of `seed` and runs it. Answers the case with all that happened in it.
#[must_use]
pub fn run_seed(seed: u64) -> (Outcome, Case) {
    let mut rng = Rng::new(seed);
    let mut contents = 10;
    let traits = PerSide::from_fn(|_| Traits::draw(&mut rng));
    let policy = draw_policy(&mut rng);
    let keeps_versions = rng.chance(50);
    let base = if rng.chance(95) {
        base_tree(&mut rng, &mut contents)
    } else {
        Vec::new()
    };
    let mut case = Case {
        traits,
        policy,
        keeps_versions,
        base,
        steps: Vec::new(),
        order: rng.next() | 1,
    };
    let draw = Draw::new(rng.fork(), contents);
    let (outcome, steps, _) = run::run(&case, Script::Drawn(Box::new(draw)), false);
    case.steps = steps;
    (outcome, case)
}

/// Runs a case as it is written down.
#[must_use]
pub fn run_case(case: &Case) -> Outcome {
    run_told(case, false).0
}

/// Runs a case, and tells what happens in it, line by line.
#[must_use]
pub fn tell(case: &Case) -> Vec<String> {
    run_told(case, true).1
}

fn run_told(case: &Case, is_told: bool) -> (Outcome, Vec<String>) {
    let script = Script::Noted {
        steps: &case.steps,
        done: 0,
    };
    let (outcome, _, told) = run::run(case, script, is_told);
    (outcome, told)
}

fn draw_policy(rng: &mut Rng) -> Policy {
    Policy {
        mode: if rng.chance(60) {
            Mode::TwoWay
        } else {
            *rng.pick(Mode::ALL)
        },
        compare: if rng.chance(60) {
            *rng.pick(&[Compare::HashThenMtime, Compare::HashOnly])
        } else {
            *rng.pick(Compare::ALL)
        },
        first_sync: *rng.pick(FirstSync::ALL),
        conflict: *rng.pick(ConflictPolicy::ALL),
    }
}
