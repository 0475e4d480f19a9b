//! Pass after pass is killed, each at a point of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::child::{self, End};
use crate::judge;
use crate::points::{self, Call};
use crate::reader::Reader;
use crate::slice::Slice;
use crate::workload::Workload;

/// Passes at a time; most of their time they wait, for the clock or a disk.
const AT_A_TIME: usize = 4;

/// What was done and found.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    workloads: u64,
    /// Points that the passes have by their own count.
    pub(crate) points: u64,
    /// The calls that these are before and after.
    calls: BTreeSet<Call>,
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
            "{} workloads with {} calls, so {} points before or after one; {} passes killed, at {} kinds of point; {} \
             files read meanwhile; {} violations; {} s",
            self.workloads,
            self.points / 2,
            self.points,
            self.killed,
            self.places.len(),
            self.reads,
            self.violations.len(),
            self.time.as_secs()
        )
    }

    /// Each call that was counted was one before and after which a pass was killed, and almost every point was.
    fn miss_none(&mut self) {
        if self.killed * 10 < self.points * 9 {
            let few = format!(
                "only {} of {} points were reached",
                self.killed, self.points
            );
            self.violations.push(few);
        }
        for call in &self.calls {
            for place in ["before", "after"].map(|when| points::place(when, *call)) {
                if !self.places.contains_key(&place) {
                    self.violations.push(format!("never reached: {place}"));
                }
            }
        }
    }

    fn add(&mut self, workload: &Workload, point: u64, round: Round) {
        self.reads += round.reads;
        let killed = match round.end {
            Some(End::Killed(place)) => Some(place),
            _ => None,
        };
        let place = killed.as_deref().unwrap_or("nowhere");
        for wrong in round.wrong {
            let wrong = format!("{workload}, killed {place}, point {point}: {wrong}");
            println!("{wrong}");
            self.violations.push(wrong);
        }
        if let Some(place) = killed {
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
        Ok(end) => {
            wrong.extend(passed_by(&end, point));
            Some(end)
        }
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

/// A pass that came to its end did not go past the point that was to be its last.
fn passed_by(end: &End, point: u64) -> Option<String> {
    match end {
        End::Done(calls) if point > 0 && points(calls) >= point => Some(format!(
            "this point was passed by, as one of {}",
            points(calls)
        )),
        _ => None,
    }
}

/// Before and after each call.
const fn points(calls: &[Call]) -> u64 {
    2 * calls.len() as u64
}

/// The same; what stops the judge is wrong too.
fn judged(workload: &Workload, point: u64) -> Round {
    catch_unwind(AssertUnwindSafe(|| round(workload, point))).unwrap_or_else(|_| Round {
        wrong: vec!["the test itself was stopped by what it met; see above".to_owned()],
        ..Round::default()
    })
}

/// Kills a pass over each workload at every point of it that is in `slice`.
pub(crate) fn kill_everywhere(workloads: &[Workload], slice: Slice) -> Rounds {
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
                    kill_one(workload, &mut slice.points(nth), &rounds);
                }
            });
        }
    });
    let mut rounds = rounds.into_inner().unwrap();
    rounds.time = began.elapsed();
    if slice.is_whole() {
        rounds.miss_none();
    }
    rounds
}

fn kill_one(workload: &Workload, all: &mut dyn Iterator<Item = u64>, rounds: &Mutex<Rounds>) {
    let whole = judged(workload, 0);
    {
        let mut rounds = rounds.lock().unwrap();
        rounds.workloads += 1;
        if let Some(End::Done(calls)) = &whole.end {
            println!("{workload}: {} points", points(calls));
            rounds.points += points(calls);
            rounds.calls.extend(calls);
        }
        rounds.add(workload, 0, whole);
    }
    // Until a pass has no such point. How many they have differs by some: how the state's pages are filled depends on
    // the numbers that the system gave the files.
    for point in all {
        let done = judged(workload, point);
        let is_killed = matches!(done.end, Some(End::Killed(_)));
        rounds.lock().unwrap().add(workload, point, done);
        if !is_killed {
            break;
        }
    }
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
