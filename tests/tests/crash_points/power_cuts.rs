//! Pass after pass is cut off from its disks' power, each after a call of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use tandem_core::side::PerSide;

use crate::child::{self, End};
use crate::disks::Images;
use crate::judge;
use crate::pair::Pair;
use crate::people::{Files, People};
use crate::slice::Slice;
use crate::told::{self, Held};
use crate::workload::Workload;

/// Whether what people did reached their disk before the pass began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edits {
    Flushed,
    /// Programs seldom flush what they save.
    Unflushed,
}

/// What was done and found.
#[derive(Debug, Default)]
pub(crate) struct Cuts {
    workloads: u64,
    /// Calls of passes that came to their end.
    calls: u64,
    /// Passes that the power was cut under, or after.
    pub(crate) cuts: u64,
    /// Paths that they had told of.
    pub(crate) told: u64,
    pub(crate) violations: Vec<String>,
    time: Duration,
}

impl Cuts {
    pub(crate) fn summary(&self) -> String {
        format!(
            "{} workloads with {} calls; the power was cut {} times, after {} paths were told of; {} violations; {} s",
            self.workloads,
            self.calls,
            self.cuts,
            self.told,
            self.violations.len(),
            self.time.as_secs()
        )
    }
}

/// What became of one pass.
struct Cut {
    end: End,
    told: u64,
    wrong: Vec<String>,
}

/// The disks of a pair to which a workload can be done, and who does it.
struct Template {
    images: Images,
    people: People,
}

impl Template {
    fn of(workload: &Workload) -> Result<Self, String> {
        let disks = Images::make()?.mount()?;
        let (_, people) = workload.begin(&disks.folder());
        Ok(Self {
            images: disks.shut_down(),
            people,
        })
    }

    /// Does one pass that ends at `point`, cuts the power, and judges what is left; at 0 the pass ends by itself.
    fn cut(&self, workload: &Workload, edits: Edits, point: u64) -> Cut {
        let disks = self.images.copy().mount().unwrap();
        let pair = Pair::at(disks.folder(), workload.manner());
        let mut people = self.people.moved_to(&pair);
        workload.change(&pair, &mut people);
        people.rest();
        if edits == Edits::Flushed {
            disks.flush();
        }
        let before = judge::files(&people);
        let end = child::pass(&pair, point).unwrap();
        let told = told::read(&pair);
        let live = Held::by(&people);

        let disks = disks.cut_off().mount().unwrap();
        let pair = Pair::at(disks.folder(), workload.manner());
        let people = people.moved_to(&pair);
        let is_flushed = edits == Edits::Flushed;
        let mut wrong = told::missing(&told, &live, &Held::by(&people), is_flushed);
        let durable = PerSide::from_fn(|side| durable(&people, &before[side], edits));
        if is_flushed {
            wrong.extend(judge::all_written(&people, &judge::files(&people)));
        }
        wrong.extend(judge::finishes(&pair));
        let after = judge::files(&people);
        wrong.extend(judge::nothing_lost(
            &people,
            pair.keeps_versions(),
            &durable,
            &after,
        ));
        wrong.extend(judge::in_step(&people, &after));
        disks.shut_down();
        Cut {
            end,
            told: told.len() as u64,
            wrong,
        }
    }
}

/// What must outlive any power cut, of what a side had.
fn durable(people: &People, files: &Files, edits: Edits) -> Files {
    let stays = |content: &[u8]| edits == Edits::Flushed || people.is_old(content);
    let files = files.iter().filter(|(_, content)| stays(content));
    files
        .map(|(path, content)| (path.clone(), content.clone()))
        .collect()
}

/// Cuts the power under a pass over each workload, after each call that is in `slice`, and when it has ended; or says
/// why this machine cannot.
pub(crate) fn cut_everywhere(
    workloads: &[Workload],
    edits: Edits,
    slice: Slice,
) -> Result<Cuts, String> {
    let began = Instant::now();
    let mut cuts = Cuts::default();
    for (nth, workload) in workloads.iter().enumerate() {
        let template = Template::of(workload)?;
        cuts.workloads += 1;
        // The odd points are those before a call: right after the one before it.
        let after_calls = slice.points(nth).map(|call| 2 * call);
        for point in std::iter::once(0).chain(after_calls) {
            let cut = catch_unwind(AssertUnwindSafe(|| template.cut(workload, edits, point)));
            let Ok(cut) = cut else {
                let wrong = format!("{workload}, point {point}: the test itself was stopped");
                cuts.violations.push(wrong);
                break;
            };
            let is_over = cuts.add(workload, point, cut);
            if is_over {
                break;
            }
        }
    }
    cuts.time = began.elapsed();
    Ok(cuts)
}

impl Cuts {
    /// Whether no pass has a point beyond this one.
    fn add(&mut self, workload: &Workload, point: u64, cut: Cut) -> bool {
        let place = match &cut.end {
            End::Killed(place) => place.as_str(),
            End::Done(_) => "when it had ended",
        };
        for wrong in cut.wrong {
            let wrong = format!("{workload}, cut {place}, point {point}: {wrong}");
            println!("{wrong}");
            self.violations.push(wrong);
        }
        self.cuts += 1;
        self.told += cut.told;
        match cut.end {
            End::Done(calls) if point == 0 => {
                println!("{workload}: {} calls", calls.len());
                self.calls += calls.len() as u64;
                false
            }
            End::Done(_) => true,
            End::Killed(_) => false,
        }
    }
}
