//! Pass after pass is killed, each at a point of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::child::{self, End};
use crate::judge;
use crate::points::Call;
use crate::reader::Reader;
use crate::workload::Workload;

/// Passes at a time: more would wait for each other's disk.
const AT_A_TIME: usize = 2;

/// What was done and found.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    workloads: u64,
    /// Points that the passes have by their own count.
    pub(crate) points: u64,
    /// Passes that were killed at one.
    killed: u64,
    /// Where, and how often.
    places: BTreeMap<String, u64>,
    /// Files read meanwhile.
    pub(crate) reads: u64,
    pub(crate) violations: Vec<String>,
    time: Duration,
}

impl Rounds {
    pub(crate) fn summary(&self) -> String {
        format!(
            "{} workloads, {} points, {} passes killed at {} places, {} files read meanwhile, {} violations, {:?}",
            self.workloads,
            self.points,
            self.killed,
            self.places.len(),
            self.reads,
            self.violations.len(),
            self.time
        )
    }

    fn add(&mut self, workload: &Workload, point: u64, round: Round) {
        self.reads += round.reads;
        let place = match round.end {
            Some(End::Killed(place)) => place,
            _ => "nowhere".to_owned(),
        };
        for wrong in round.wrong {
            let wrong = format!("{workload}, killed {place}, point {point}: {wrong}");
            println!("{wrong}");
            self.violations.push(wrong);
        }
        if place != "nowhere" {
            self.killed += 1;
            *self.places.entry(place).or_default() += 1;
        }
    }
}

/// What became of one pass.
#[derive(Default)]
struct Round {
    end: Option<End>,
    reads: u64,
    wrong: Vec<String>,
}

/// Does one pass that ends at `point`, and judges what it left; at 0 it ends by itself.
fn round(workload: &Workload, point: u64) -> Round {
    let folder = tempfile::tempdir().unwrap();
    let (pair, people) = workload.make(folder.path());
    people.rest();
    let before = judge::files(&people);
    let reader = Reader::start(&pair, &people, &before);
    let end = child::pass(&pair, point);
    let read = reader.stop();
    let killed = judge::files(&people);
    let mut wrong = judge::whole(&people, &killed, &read);
    wrong.extend(judge::finishes(&pair));
    let after = judge::files(&people);
    wrong.extend(judge::nothing_lost(
        &people,
        pair.keeps_versions(),
        &before,
        &after,
    ));
    wrong.extend(judge::no_gap(&before, &killed, &after, &read));
    wrong.extend(judge::in_step(&people, &after));
    let end = match end {
        Ok(End::Done(_)) if point > 0 => {
            wrong.push("this point was never reached".to_owned());
            None
        }
        Ok(end) => Some(end),
        Err(error) => {
            wrong.push(error);
            None
        }
    };
    Round {
        end,
        reads: read.reads,
        wrong,
    }
}

/// The same; what stops the judge is wrong too.
fn judged(workload: &Workload, point: u64) -> Round {
    catch_unwind(AssertUnwindSafe(|| round(workload, point))).unwrap_or_else(|_| Round {
        wrong: vec!["the test itself was stopped by what it met; see above".to_owned()],
        ..Round::default()
    })
}

/// Kills a pass over each workload at every point that it has; of so many points, given by `every`, at one.
pub(crate) fn kill_everywhere(workloads: &[Workload], every: u64) -> Rounds {
    let began = Instant::now();
    let next = AtomicUsize::new(0);
    let rounds = Mutex::new(Rounds::default());
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME.min(workloads.len()) {
            scope.spawn(|| {
                loop {
                    let nth = next.fetch_add(1, Ordering::Relaxed);
                    let Some(workload) = workloads.get(nth) else {
                        break;
                    };
                    kill_one(workload, every, nth as u64 % every, &rounds);
                }
            });
        }
    });
    let mut rounds = rounds.into_inner().unwrap();
    rounds.time = began.elapsed();
    rounds
}

fn kill_one(workload: &Workload, every: u64, first: u64, rounds: &Mutex<Rounds>) {
    let whole = judged(workload, 0);
    let calls = match &whole.end {
        Some(End::Done(calls)) => calls.len() as u64,
        _ => 0,
    };
    let points = 2 * calls;
    {
        let mut rounds = rounds.lock().unwrap();
        rounds.workloads += 1;
        rounds.points += points;
        rounds.add(workload, 0, whole);
    }
    for point in (1 + first..=points).step_by(usize::try_from(every).unwrap()) {
        let done = judged(workload, point);
        rounds.lock().unwrap().add(workload, point, done);
    }
    println!("{workload}: {points} points");
}

/// All calls that passes over these workloads make.
pub(crate) fn calls(workloads: &[Workload]) -> BTreeSet<Call> {
    let mut reached = BTreeSet::new();
    for workload in workloads {
        let round = round(workload, 0);
        assert_eq!(round.wrong, Vec::<String>::new(), "{workload}");
        if let Some(End::Done(calls)) = round.end {
            reached.extend(calls);
        }
    }
    reached
}
