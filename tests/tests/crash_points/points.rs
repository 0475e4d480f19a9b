//! The points of one process: before and after each call that changes a disk. At one of them it may end.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};

use rustix::process::{Signal, getpid, kill_process};
use tandem_local::crash_points::Change;
use tandem_testkit::disk_files::FileChange;

/// A call that changes a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Call {
    /// On a side.
    Side(Change),
    /// Below the state.
    State(FileChange),
}

impl Call {
    const fn system_name(self) -> &'static str {
        match self {
            Self::Side(change) => change.system_name(),
            Self::State(change) => change.system_name(),
        }
    }
}

/// What this process reached.
struct Points {
    reached: AtomicU64,
    /// The point at which it ends; 0 is none.
    last: u64,
    calls: Mutex<Vec<Call>>,
}

static POINTS: OnceLock<Points> = OnceLock::new();

/// Counts from here on. The point `last`, counted from 1, is the end of this process; 0 is none.
pub(crate) fn begin(last: u64) {
    let points = Points {
        reached: AtomicU64::new(0),
        last,
        calls: Mutex::default(),
    };
    assert!(POINTS.set(points).is_ok(), "a process counts once");
}

pub(crate) fn around_side(change: Change, work: &mut dyn FnMut()) {
    pass(Call::Side(change), work);
}

pub(crate) fn around_state(change: FileChange, work: &mut dyn FnMut()) {
    pass(Call::State(change), work);
}

fn pass(call: Call, work: &mut dyn FnMut()) {
    let points = POINTS.get().unwrap();
    points.reach("before", call);
    points.calls.lock().unwrap().push(call);
    work();
    points.reach("after", call);
}

impl Points {
    fn reach(&self, when: &str, call: Call) {
        if self.reached.fetch_add(1, Ordering::Relaxed) + 1 == self.last {
            eprintln!("{}", place(when, call));
            kill_process(getpid(), Signal::KILL).unwrap();
            // The signal is on its way to whichever thread takes it; this one goes no further.
            loop {
                std::thread::park();
            }
        }
    }
}

/// How a point is told.
pub(crate) fn place(when: &str, call: Call) -> String {
    format!("{when} {call:?}")
}

/// The calls that this process made, in order.
pub(crate) fn calls() -> Vec<Call> {
    POINTS.get().unwrap().calls.lock().unwrap().clone()
}

/// How a report names each call; the way back is [`read`].
pub(crate) fn write(calls: &[Call]) -> String {
    calls.iter().map(|call| format!("{call:?}\n")).collect()
}

/// The calls of a report.
pub(crate) fn read(report: &str) -> Vec<Call> {
    use FileChange::{Create, Delete, Flush, Truncate, Write};
    let files = [Create, Write, Truncate, Flush, Delete].map(Call::State);
    let sides = Change::ALL.iter().copied().map(Call::Side);
    let known: BTreeMap<String, Call> = sides
        .chain(files)
        .map(|call| (format!("{call:?}"), call))
        .collect();
    report.lines().map(|line| known[line]).collect()
}

/// How many calls there are by the system's name.
pub(crate) fn by_system_name(calls: &[Call]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for call in calls {
        *counts.entry(call.system_name().to_owned()).or_default() += 1;
    }
    counts
}
