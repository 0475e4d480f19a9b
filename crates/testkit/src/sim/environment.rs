//! The simulated world: clock, randomness, tasks, trace. Invariant: everything it answers follows from
//! its seed and from the order of calls, which [`super::SimExecutor`] makes a function of the seed too.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tandem_core::environment::{BoxFuture, Environment, SharedEnvironment, Task};
use tandem_core::time::Timestamp;

use super::lock;
use crate::seed::Rng;

/// Where simulated time begins: 2026-03-01 12:00 UTC, so that dates are plausible.
const START: i64 = 1_772_366_400_000_000_000;

/// A simulated world; clones are handles on the same one. It outlives the executors that run in it, so a
/// program that was crashed can be started anew where time stands.
#[derive(Clone)]
pub struct SimEnvironment {
    world: Arc<Mutex<World>>,
}

struct World {
    uptime: u64,
    wall: i64,
    random: Rng,
    schedule: Rng,
    sleepers: BTreeMap<(u64, u64), Waker>,
    next_sleeper: u64,
    spawned: Vec<(u64, BoxFuture<()>)>,
    stopped: Vec<u64>,
    next_task: u64,
    running: u64,
    trace: Trace,
}

/// A running hash of what happened and in which order (FNV-1a).
#[derive(Debug, Clone, Copy)]
struct Trace(u64);

impl Trace {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        // A separator, so that "ab" + "c" is not "a" + "bc".
        self.0 = (self.0 ^ 0xff).wrapping_mul(0x0100_0000_01b3);
    }
}

impl SimEnvironment {
    /// The world of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let (random, schedule) = (rng.fork(), rng.fork());
        Self {
            world: Arc::new(Mutex::new(World {
                uptime: 0,
                wall: START,
                random,
                schedule,
                sleepers: BTreeMap::new(),
                next_sleeper: 0,
                spawned: Vec::new(),
                stopped: Vec::new(),
                next_task: 1,
                running: 0,
                trace: Trace(0xcbf2_9ce4_8422_2325),
            })),
        }
    }

    /// This world as what the engine is given.
    #[must_use]
    pub fn shared(&self) -> SharedEnvironment {
        Arc::new(self.clone())
    }

    /// The hash of everything that happened so far: (task, operation, path, outcome) of each operation.
    #[must_use]
    pub fn trace(&self) -> u64 {
        lock(&self.world).trace.0
    }

    /// Adds something that happened to the trace, in the name of the task that runs.
    pub fn note(&self, operation: &str, path: &str, outcome: &str) {
        let mut world = lock(&self.world);
        let task = world.running;
        world.trace.add(&task.to_le_bytes());
        world.trace.add(operation.as_bytes());
        world.trace.add(path.as_bytes());
        world.trace.add(outcome.as_bytes());
    }

    /// Lets `time` pass. Who sleeps until then wakes at its next turn.
    pub fn advance(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        lock(&self.world).pass(nanos);
        self.wake_sleepers();
    }

    /// Sets the wall clock forward or back, as a person or a time server does. Uptime goes on.
    pub fn jump(&self, nanos: i64) {
        let mut world = lock(&self.world);
        world.wall = world.wall.saturating_add(nanos);
    }

    /// Lets the little time pass that an operation takes; the wall clock never stands still across one.
    pub(crate) fn tick(&self) -> Timestamp {
        let mut world = lock(&self.world);
        let nanos = 1_000 + world.schedule.below(2_000_000);
        world.pass(nanos);
        Timestamp(world.wall)
    }

    /// What was spawned and what was stopped since the last call.
    pub(super) fn take_tasks(&self) -> (Vec<(u64, BoxFuture<()>)>, Vec<u64>) {
        let mut world = lock(&self.world);
        (
            std::mem::take(&mut world.spawned),
            std::mem::take(&mut world.stopped),
        )
    }

    /// Which of `ready` tasks runs next.
    pub(super) fn choose(&self, ready: usize) -> usize {
        lock(&self.world).schedule.index(ready)
    }

    /// Notes that `task` runs from now on, a little later than what ran before.
    pub(super) fn enter(&self, task: u64) {
        let mut world = lock(&self.world);
        world.running = task;
        world.pass(500);
    }

    /// Advances to the first sleeper's time; `false` if nobody sleeps.
    pub(super) fn skip_to_next_sleeper(&self) -> bool {
        {
            let mut world = lock(&self.world);
            let Some((&(due, _), _)) = world.sleepers.first_key_value() else {
                return false;
            };
            let missing = due.saturating_sub(world.uptime);
            world.pass(missing);
        }
        self.wake_sleepers();
        true
    }

    /// Wakes whose time has come.
    pub(super) fn wake_sleepers(&self) {
        loop {
            let waker = {
                let mut world = lock(&self.world);
                match world.sleepers.first_key_value() {
                    Some((&key, _)) if key.0 <= world.uptime => world.sleepers.remove(&key),
                    _ => None,
                }
            };
            // Woken outside the lock: a waker may call back.
            match waker {
                Some(waker) => waker.wake(),
                None => return,
            }
        }
    }
}

impl World {
    fn pass(&mut self, nanos: u64) {
        self.uptime = self.uptime.saturating_add(nanos);
        self.wall = self.wall.saturating_add_unsigned(nanos);
    }
}

impl std::fmt::Debug for SimEnvironment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SimEnvironment")
            .field("uptime", &self.uptime())
            .finish_non_exhaustive()
    }
}

impl Environment for SimEnvironment {
    fn now(&self) -> Timestamp {
        Timestamp(lock(&self.world).wall)
    }

    fn uptime(&self) -> Duration {
        Duration::from_nanos(lock(&self.world).uptime)
    }

    fn random(&self) -> u64 {
        lock(&self.world).random.next()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<()> {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let due = lock(&self.world).uptime.saturating_add(nanos);
        Box::pin(Sleep {
            environment: self.clone(),
            due,
            number: None,
        })
    }

    fn spawn(&self, task: BoxFuture<()>) -> Task {
        let id = {
            let mut world = lock(&self.world);
            let id = world.next_task;
            world.next_task += 1;
            world.spawned.push((id, task));
            id
        };
        let environment = self.clone();
        Task::new(move || lock(&environment.world).stopped.push(id))
    }
}

struct Sleep {
    environment: SimEnvironment,
    due: u64,
    number: Option<u64>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let world = Arc::clone(&self.environment.world);
        let mut world = lock(&world);
        if world.uptime >= self.due {
            return Poll::Ready(());
        }
        let number = *self.number.get_or_insert_with(|| {
            world.next_sleeper += 1;
            world.next_sleeper
        });
        world
            .sleepers
            .insert((self.due, number), context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            lock(&self.environment.world)
                .sleepers
                .remove(&(self.due, number));
        }
    }
}

/// Lets the others run once: a point at which a crash, an edit or another task can come between.
pub(crate) fn yield_now() -> impl Future<Output = ()> + Send {
    let mut yielded = false;
    std::future::poll_fn(move |context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
}
