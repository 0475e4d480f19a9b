//! How far the plan under way is: counted while bytes flow, not when a file is whole, so that a large file is seen to
//! move.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tandem_core::environment::SharedEnvironment;
use tandem_core::path::RelPath;

use crate::event::{Event, EventSink, Progress};

/// It is told at most so often, in milliseconds.
const TOLD_EVERY: u64 = 50;

/// So many files under way are named.
const NAMED: usize = 3;

/// Counts what a plan carries, and tells of it.
pub(crate) struct Meter {
    counted: Mutex<Counted>,
    environment: SharedEnvironment,
    events: Arc<dyn EventSink>,
}

#[derive(Default)]
struct Counted {
    progress: Progress,
    /// Files whose bytes flow, the largest first and then in the order in which they began.
    under_way: BTreeMap<(Reverse<u64>, u64), RelPath>,
    begun: u64,
    /// When it was told last, in milliseconds of the uptime.
    told: u64,
}

impl Meter {
    pub(crate) fn new(environment: SharedEnvironment, events: Arc<dyn EventSink>) -> Self {
        Self {
            counted: Mutex::default(),
            environment,
            events,
        }
    }

    /// A plan of so many actions and bytes begins.
    pub(crate) fn begin(&self, actions: u64, bytes: u64) {
        let mut counted = self.lock();
        counted.progress = Progress {
            actions_total: actions,
            bytes_total: bytes,
            ..Progress::default()
        };
        self.tell(&mut counted);
    }

    /// So many actions are done.
    pub(crate) fn add_done(&self, actions: u64) {
        let mut counted = self.lock();
        counted.progress.actions_done += actions;
        self.tell(&mut counted);
    }

    /// A file is to be carried.
    pub(crate) fn carry(self: &Arc<Self>, path: &RelPath, bytes: u64) -> Carrying {
        Carrying {
            meter: Arc::clone(self),
            path: path.clone(),
            bytes,
            arrived: AtomicU64::new(0),
        }
    }

    fn add_bytes(&self, bytes: u64) {
        let mut counted = self.lock();
        counted.progress.bytes_done += bytes;
        self.tell(&mut counted);
    }

    fn tell(&self, counted: &mut Counted) {
        let now = u64::try_from(self.environment.uptime().as_millis()).unwrap_or(u64::MAX);
        let Counted {
            progress,
            under_way,
            told,
            ..
        } = counted;
        let is_end = progress.actions_done == progress.actions_total && under_way.is_empty();
        if now < *told + TOLD_EVERY && !is_end {
            return;
        }
        *told = now;
        let paths = under_way.values().take(NAMED);
        self.events.event(Event::Progress(Progress {
            under_way: paths.map(ToString::to_string).collect(),
            under_way_count: under_way.len() as u64,
            ..progress.clone()
        }));
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file that is carried. Many more wait for their turn than are under way.
pub(crate) struct Carrying {
    meter: Arc<Meter>,
    path: RelPath,
    /// Its length, beyond which nothing is counted: what was lost on the way and is sent again counts once.
    bytes: u64,
    arrived: AtomicU64,
}

impl Carrying {
    /// Its turn has come: it is under way for as long as the answer lives.
    pub(crate) fn flow(&self) -> Flowing {
        let mut counted = self.meter.lock();
        counted.begun += 1;
        let place = (Reverse(self.bytes), counted.begun);
        counted.under_way.insert(place, self.path.clone());
        Flowing {
            meter: Arc::clone(&self.meter),
            place,
        }
    }

    /// So many more bytes have arrived.
    pub(crate) fn add(&self, bytes: u64) {
        let before = self.arrived.fetch_add(bytes, Ordering::Relaxed);
        let left = self.bytes.saturating_sub(before);
        if bytes.min(left) > 0 {
            self.meter.add_bytes(bytes.min(left));
        }
    }

    /// All of it has.
    pub(crate) fn end(&self) {
        self.add(self.bytes);
    }
}

/// That the bytes of a file flow.
pub(crate) struct Flowing {
    meter: Arc<Meter>,
    place: (Reverse<u64>, u64),
}

impl Drop for Flowing {
    fn drop(&mut self) {
        self.meter.lock().under_way.remove(&self.place);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tandem_core::environment::{BoxFuture, Environment, Task};
    use tandem_core::time::Timestamp;

    use super::*;

    /// A clock that goes forward by a second each time it is read, so that all is told.
    #[derive(Default)]
    struct Clock(AtomicU64);

    impl Environment for Clock {
        fn now(&self) -> Timestamp {
            Timestamp(0)
        }

        fn uptime(&self) -> Duration {
            Duration::from_secs(self.0.fetch_add(1, Ordering::Relaxed))
        }

        fn random(&self) -> u64 {
            0
        }

        fn sleep(&self, _: Duration) -> BoxFuture<()> {
            Box::pin(std::future::ready(()))
        }

        fn spawn(&self, _: BoxFuture<()>) -> Task {
            Task::new(|| ())
        }
    }

    #[derive(Default)]
    struct Told(Mutex<Vec<Progress>>);

    impl Told {
        fn last(&self) -> Progress {
            self.0.lock().unwrap().last().unwrap().clone()
        }
    }

    impl EventSink for Told {
        fn event(&self, event: Event) {
            if let Event::Progress(progress) = event {
                self.0.lock().unwrap().push(progress);
            }
        }
    }

    #[test]
    fn a_large_file_moves_while_its_bytes_flow_and_each_byte_counts_once() {
        let told = Arc::new(Told::default());
        let events: Arc<dyn EventSink> = Arc::<Told>::clone(&told);
        let meter = Arc::new(Meter::new(Arc::new(Clock::default()), events));
        meter.begin(5, 1000);
        let path = |name: &str| RelPath::new(name).unwrap();
        let small: Vec<_> = (0..4)
            .map(|n| meter.carry(&path(&format!("{n}.txt")), 25))
            .collect();
        let large = meter.carry(&path("a/film.mov"), 900);
        let flowing = [
            small[0].flow(),
            small[1].flow(),
            small[2].flow(),
            large.flow(),
        ];
        large.add(300);
        let now = told.last();
        assert_eq!((now.bytes_done, now.actions_done), (300, 0));
        // The largest is looked for; what waits for its turn is not under way.
        assert_eq!(now.under_way, ["a/film.mov", "0.txt", "1.txt"]);
        assert_eq!(now.under_way_count, 4);

        // What was lost on its way comes again.
        large.add(300);
        large.add(800);
        assert_eq!(told.last().bytes_done, 900);
        large.end();
        drop(flowing);
        for one in &small {
            one.end();
        }
        meter.add_done(5);
        let end = told.last();
        assert_eq!((end.bytes_done, end.actions_done), (1000, 5));
        assert_eq!((end.under_way.len(), end.under_way_count), (0, 0));
    }
}
