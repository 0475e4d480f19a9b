//! A part of all points, so that a long run can be done bit by bit, and a short one is spread over everything.

/// By this a run of everything is told to do a part of it: `2/20` is the third of twenty, the first being `0/20`.
const ASKED: &str = "TANDEM_CRASH_SLICE";

/// Of so many points in a row, one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slice {
    nth: u64,
    of: u64,
}

impl Slice {
    /// Of each `of` points, one.
    pub(crate) const fn one_of(of: u64) -> Self {
        Self { nth: 0, of }
    }

    /// The part that is asked for; else everything.
    pub(crate) fn asked() -> Self {
        let Ok(asked) = std::env::var(ASKED) else {
            return Self::one_of(1);
        };
        let part = asked.split_once('/').and_then(|(nth, of)| {
            let (nth, of) = (nth.parse().ok()?, of.parse().ok()?);
            (nth < of).then_some(Self { nth, of })
        });
        part.unwrap_or_else(|| panic!("{ASKED} is {asked}, and not a part such as 2/20"))
    }

    pub(crate) const fn is_whole(self) -> bool {
        self.of == 1
    }

    /// Its points of the workload `nth`, counted from 1 and without end: not the same of one workload as of the next.
    pub(crate) fn points(self, nth: usize) -> impl Iterator<Item = u64> {
        let first = 1 + (self.nth + nth as u64) % self.of;
        (first..).step_by(usize::try_from(self.of).unwrap())
    }
}
