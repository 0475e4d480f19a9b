//! Runs futures on one thread in an order drawn from the seed. Invariant: the same world and the same
//! futures are polled in the same order, however often the run is repeated.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use tandem_core::environment::BoxFuture;

use super::{SimEnvironment, lock};

/// The task of the future given to [`SimExecutor::run`].
const MAIN: u64 = 0;

/// A run that polls more often than this turns in circles.
const MOST_POLLS: u64 = 20_000_000;

/// A single-threaded scheduler of one [`SimEnvironment`].
pub struct SimExecutor {
    environment: SimEnvironment,
    crash_at: Option<u64>,
    on_crash: Option<Box<dyn FnOnce()>>,
    most_polls: u64,
    polls: u64,
}

type Ready = Arc<Mutex<Vec<u64>>>;

struct WakeTask {
    task: u64,
    ready: Ready,
}

impl Wake for WakeTask {
    fn wake(self: Arc<Self>) {
        let mut ready = lock(&self.ready);
        if !ready.contains(&self.task) {
            ready.push(self.task);
        }
    }
}

struct Running {
    future: BoxFuture<()>,
    waker: Waker,
}

impl SimExecutor {
    /// A scheduler in `environment`.
    #[must_use]
    pub fn new(environment: &SimEnvironment) -> Self {
        Self {
            environment: environment.clone(),
            crash_at: None,
            on_crash: None,
            most_polls: MOST_POLLS,
            polls: 0,
        }
    }

    /// Crashes after this many polls: everything is dropped where it stands.
    #[must_use]
    pub const fn crash_at(mut self, polls: Option<u64>) -> Self {
        self.crash_at = polls;
        self
    }

    /// What happens at the crash, before anything is dropped: a program that is killed ends nothing in good order.
    #[must_use]
    pub fn on_crash(mut self, happens: impl FnOnce() + 'static) -> Self {
        self.on_crash = Some(Box::new(happens));
        self
    }

    /// Fails a run that polls more often than this.
    #[must_use]
    pub const fn most_polls(mut self, polls: u64) -> Self {
        self.most_polls = polls;
        self
    }

    /// How many polls there were so far; the range to draw a crash from.
    #[must_use]
    pub const fn polls(&self) -> u64 {
        self.polls
    }

    /// A fresh world of `seed`, and in it the future that `make` makes.
    pub fn run_seed<T, F: Future<Output = T>>(
        seed: u64,
        make: impl FnOnce(SimEnvironment) -> F,
    ) -> T {
        let environment = SimEnvironment::new(seed);
        let future = make(environment.clone());
        Self::new(&environment)
            .run(future)
            .expect("a run without a crash point ends with its future")
    }

    /// Runs `future` and what it spawns until it ends; `None` if it was crashed before. What was spawned
    /// and still runs then is dropped.
    ///
    /// # Panics
    /// If nothing can run any more and nobody sleeps, or after too many polls.
    pub fn run<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        let ready: Ready = Arc::new(Mutex::new(vec![MAIN]));
        let mut future = pin!(future);
        let main_waker = waker(MAIN, &ready);
        let mut tasks = BTreeMap::new();
        // What an earlier crash left spawned belongs to the program that is no more.
        drop(self.environment.take_tasks());
        loop {
            self.admit(&mut tasks, &ready);
            if self.crash_at.is_some_and(|at| self.polls >= at) {
                if let Some(happens) = self.on_crash.take() {
                    happens();
                }
                return None;
            }
            self.environment.wake_sleepers();
            let Some(task) = self.next(&ready) else {
                assert!(
                    self.environment.skip_to_next_sleeper(),
                    "every task waits and nobody sleeps"
                );
                continue;
            };
            self.count();
            self.environment.enter(task);
            if task == MAIN {
                let mut context = Context::from_waker(&main_waker);
                if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
                    return Some(value);
                }
            } else if let Some(running) = tasks.get_mut(&task) {
                let Running { future, waker } = running;
                let ended = future.as_mut().poll(&mut Context::from_waker(waker));
                if ended.is_ready() {
                    tasks.remove(&task);
                }
            }
        }
    }

    fn admit(&self, tasks: &mut BTreeMap<u64, Running>, ready: &Ready) {
        // Dropping a task may stop others in turn, so until nothing is left.
        loop {
            let (spawned, stopped) = self.environment.take_tasks();
            if spawned.is_empty() && stopped.is_empty() {
                return;
            }
            for (id, future) in spawned {
                lock(ready).push(id);
                let waker = waker(id, ready);
                tasks.insert(id, Running { future, waker });
            }
            for id in stopped {
                drop(tasks.remove(&id));
            }
        }
    }

    fn next(&self, ready: &Ready) -> Option<u64> {
        let mut ready = lock(ready);
        let count = ready.len();
        match count {
            0 => None,
            1 => ready.pop(),
            _ => Some(ready.swap_remove(self.environment.choose(count))),
        }
    }

    fn count(&mut self) {
        self.polls += 1;
        assert!(
            self.polls <= self.most_polls,
            "still running after {} polls",
            self.most_polls
        );
    }
}

fn waker(task: u64, ready: &Ready) -> Waker {
    Waker::from(Arc::new(WakeTask {
        task,
        ready: Arc::clone(ready),
    }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tandem_core::environment::Environment;

    use super::super::environment::yield_now;
    use super::*;

    fn noisy(environment: &SimEnvironment) -> impl Future<Output = Vec<u32>> + use<> {
        let environment = environment.clone();
        async move {
            let log = Arc::new(Mutex::new(Vec::new()));
            let tasks: Vec<_> = (0..4)
                .map(|number| {
                    let (log, environment) = (Arc::clone(&log), environment.clone());
                    environment.clone().spawn(Box::pin(async move {
                        for _ in 0..3 {
                            lock(&log).push(number);
                            environment.note("step", "", &number.to_string());
                            yield_now().await;
                        }
                    }))
                })
                .collect();
            environment.sleep(Duration::from_secs(60)).await;
            drop(tasks);
            lock(&log).clone()
        }
    }

    #[test]
    fn the_order_of_tasks_follows_from_the_seed() {
        let run = |seed| {
            let environment = SimEnvironment::new(seed);
            let order = SimExecutor::new(&environment).run(noisy(&environment));
            (order, environment.trace(), environment.now())
        };
        assert_eq!(run(5), run(5));
        assert!((0..10).any(|seed| run(seed).0 != run(5).0));
        assert_eq!(run(5).0.unwrap().len(), 12);
    }

    #[test]
    fn sleeping_costs_no_time_and_moves_the_clock() {
        let (before, after) = SimExecutor::run_seed(1, |environment| async move {
            let before = environment.uptime();
            environment.sleep(Duration::from_secs(3_600)).await;
            (before, environment.uptime())
        });
        assert!(after - before >= Duration::from_secs(3_600));
        assert!(after - before < Duration::from_secs(3_601));
    }

    #[test]
    fn a_crash_drops_everything_at_the_poll_it_was_set_to() {
        let environment = SimEnvironment::new(9);
        let mut whole = SimExecutor::new(&environment);
        whole.run(noisy(&environment)).unwrap();
        for at in 0..whole.polls() {
            let environment = SimEnvironment::new(9);
            let mut executor = SimExecutor::new(&environment).crash_at(Some(at));
            assert!(executor.run(noisy(&environment)).is_none());
            assert_eq!(executor.polls(), at);
            let mut again = SimExecutor::new(&environment);
            assert_eq!(again.run(noisy(&environment)).unwrap().len(), 12);
        }
    }

    #[test]
    fn a_dropped_task_runs_no_more() {
        let ran = SimExecutor::run_seed(2, |environment| async move {
            let ran = Arc::new(Mutex::new(false));
            let seen = Arc::clone(&ran);
            let sleep = environment.sleep(Duration::from_secs(1));
            let task = environment.spawn(Box::pin(async move {
                sleep.await;
                *lock(&seen) = true;
            }));
            yield_now().await;
            drop(task);
            environment.sleep(Duration::from_secs(5)).await;
            *lock(&ran)
        });
        assert!(!ran);
    }

    #[test]
    #[should_panic(expected = "every task waits")]
    fn a_deadlock_is_no_silent_hang() {
        SimExecutor::run_seed(3, |_| std::future::pending::<()>());
    }

    #[test]
    fn a_clock_jump_moves_the_wall_alone() {
        let environment = SimEnvironment::new(4);
        let (wall, uptime) = (environment.now(), environment.uptime());
        environment.jump(-3_600_000_000_000);
        assert_eq!(environment.now().0, wall.0 - 3_600_000_000_000);
        assert_eq!(environment.uptime(), uptime);
    }
}
