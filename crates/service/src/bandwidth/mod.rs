//! How fast bytes go over the network: all pairs and copies together, each way, by the hour if a person wants that.
//!
//! What is in force is worked out anew for every few bytes, from the settings and the clock as they are then. So a
//! changed setting, the next line of the timetable and a clock that jumps need nothing to be told or restarted. A
//! pair's own limits (`Limits` of the engine) hold beside these.

mod limited_root;
mod limits;
mod pace;
mod timetable;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tandem_core::environment::SharedEnvironment;

pub(crate) use limited_root::LimitedRoot;
pub use limits::{BadLimit, Limits};
pub use timetable::{BadTimetable, Timetable};

use crate::time_text::minute_of_week;
use pace::Pace;

/// What a person chose.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BandwidthSettings {
    /// Bytes a second from this computer, at all times if the timetable is empty; without a number as many as can.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "limits::of_file"
    )]
    pub send: Option<u64>,
    /// The same to this computer.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "limits::of_file"
    )]
    pub receive: Option<u64>,
    /// When which limits hold instead.
    #[serde(skip_serializing_if = "Timetable::is_empty")]
    pub timetable: Timetable,
}

/// Which way bytes go over the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// From this computer.
    Send,
    /// To this computer.
    Receive,
}

/// Lets bytes pass no faster than a person wants.
pub(crate) struct Bandwidth {
    settings: Mutex<BandwidthSettings>,
    sending: Pace,
    receiving: Pace,
    environment: SharedEnvironment,
}

impl Bandwidth {
    /// With these settings.
    pub(crate) fn new(settings: BandwidthSettings, environment: SharedEnvironment) -> Arc<Self> {
        Arc::new(Self {
            settings: Mutex::new(settings),
            sending: Pace::default(),
            receiving: Pace::default(),
            environment,
        })
    }

    /// From now on with these; also for what is under way.
    pub(crate) fn set(&self, settings: BandwidthSettings) {
        *self.lock() = settings;
    }

    /// What is in force at the moment.
    pub(crate) fn now(&self) -> Limits {
        let settings = self.lock();
        if settings.timetable.is_empty() {
            return Limits {
                send: settings.send,
                receive: settings.receive,
            };
        }
        let minute = minute_of_week(self.environment.now());
        settings.timetable.at(minute)
    }

    /// Bytes a second that may go `way` at the moment; without a number as many as can.
    pub(crate) fn limit(&self, way: Way) -> Option<u64> {
        match way {
            Way::Send => self.now().send,
            Way::Receive => self.now().receive,
        }
    }

    /// Ends when so many bytes more may have gone `way`.
    pub(crate) async fn pay(&self, way: Way, bytes: u64) {
        let pace = match way {
            Way::Send => &self.sending,
            Way::Receive => &self.receiving,
        };
        pace.pay(bytes, &self.environment, || self.limit(way)).await;
    }

    fn lock(&self) -> MutexGuard<'_, BandwidthSettings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Bandwidth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Bandwidth").field(&*self.lock()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
    use std::time::Duration;

    use futures_util::StreamExt;
    use tandem_core::capabilities::Capabilities;
    use tandem_core::content::BytesContent;
    use tandem_core::environment::{BoxFuture, Environment, Task};
    use tandem_core::path::RelPath;
    use tandem_core::storage::{
        Commit, Config, Credentials, Expected, Keep, Locator, Meta, Provider, Unheard,
    };
    use tandem_core::time::Timestamp;

    use super::*;
    use crate::environment::RealEnvironment;
    use crate::time_text;

    /// Whoever sleeps has slept at once.
    #[derive(Default)]
    struct Hurried {
        uptime: AtomicU64,
        wall: AtomicI64,
    }

    impl Environment for Hurried {
        fn now(&self) -> Timestamp {
            Timestamp(self.wall.load(Ordering::SeqCst))
        }
        fn uptime(&self) -> Duration {
            Duration::from_nanos(self.uptime.load(Ordering::SeqCst))
        }
        fn random(&self) -> u64 {
            0
        }
        fn sleep(&self, time: Duration) -> BoxFuture<()> {
            let nanos = u64::try_from(time.as_nanos()).unwrap();
            self.uptime.fetch_add(nanos, Ordering::SeqCst);
            Box::pin(std::future::ready(()))
        }
        fn spawn(&self, _: BoxFuture<()>) -> Task {
            Task::new(|| {})
        }
    }

    fn settings(send: u64, lines: &[&str]) -> BandwidthSettings {
        BandwidthSettings {
            send: Some(send),
            receive: Some(100_000),
            timetable: Timetable::parse(lines.iter().copied()).unwrap(),
        }
    }

    fn bandwidth(settings: BandwidthSettings) -> (Arc<Bandwidth>, Arc<Hurried>) {
        let hurried = Arc::new(Hurried::default());
        let environment: SharedEnvironment = hurried.clone();
        (Bandwidth::new(settings, environment), hurried)
    }

    fn about(time: Duration, seconds: f64) {
        let took = time.as_secs_f64();
        assert!((seconds * 0.99..seconds * 1.02).contains(&took), "{took}");
    }

    #[tokio::test]
    async fn bytes_take_as_long_as_the_limit_says_and_idle_time_is_not_saved_up() {
        let (bandwidth, clock) = bandwidth(settings(50_000, &[]));
        for _ in 0..2 {
            let began = clock.uptime();
            for _ in 0..100 {
                bandwidth.pay(Way::Send, 1_000).await;
            }
            about(clock.uptime() - began, 2.0);
            clock.sleep(Duration::from_secs(3600)).await;
        }
        // Without a limit nobody waits.
        bandwidth.set(BandwidthSettings::default());
        let began = clock.uptime();
        bandwidth.pay(Way::Send, u64::MAX / 2).await;
        assert_eq!(clock.uptime(), began);
    }

    #[tokio::test]
    async fn another_limit_holds_at_once_for_what_waits_already() {
        let (_, clock) = bandwidth(BandwidthSettings::default());
        let environment: SharedEnvironment = clock.clone();
        let changes = Duration::from_secs(10);
        let limit = || {
            let is_slow = clock.uptime() < changes;
            Some(if is_slow { 1_000 } else { 1_000_000 })
        };
        let pace = Pace::default();
        pace.pay(1_000_000, &environment, limit).await;
        // 10 kB in ten seconds, and the rest in one.
        about(clock.uptime(), 11.0);
    }

    #[test]
    fn the_timetable_goes_by_the_clock_also_when_that_is_put_back() {
        let (bandwidth, clock) = bandwidth(settings(50_000, &["08:00 1M:2M", "18:00 off"]));
        for (text, expected) in [
            ("2026-11-20 07:59", None),
            ("2026-11-20 08:00", Some(1_000_000)),
            ("2026-11-20 18:00", None),
            ("2026-11-20 17:59", Some(1_000_000)),
        ] {
            let at = time_text::parse(text, Timestamp(0), 1).unwrap();
            clock.wall.store(at.0, Ordering::SeqCst);
            assert_eq!(bandwidth.limit(Way::Send), expected, "{text}");
        }
        bandwidth.set(settings(50_000, &[]));
        assert_eq!(bandwidth.limit(Way::Send), Some(50_000));
    }

    #[tokio::test]
    async fn what_is_written_and_read_over_the_network_keeps_to_the_limits() {
        let scratch = tempfile::tempdir().unwrap();
        let storage = tandem_local::LocalProvider::default()
            .open(
                &Config::default(),
                &Credentials::default(),
                None::<&Capabilities>,
                RealEnvironment::shared(),
            )
            .unwrap();
        let root = storage.root(scratch.path().to_str().unwrap()).await;
        let (bandwidth, clock) = bandwidth(settings(50_000, &[]));
        let root = LimitedRoot::shared(root.unwrap(), bandwidth);
        let target = RelPath::new("a").unwrap();
        let content = Arc::new(BytesContent(vec![7; 300_000].into()));
        let staged = root
            .stage(&target, content, &Meta::default(), None, Arc::new(Unheard))
            .await
            .unwrap();
        about(clock.uptime(), 6.0);
        let group = vec![Commit {
            staged,
            expected: Expected::Absent,
            keep: Keep::No,
            sink: None,
        }];
        let committed = root.commit(group).await.remove(0).unwrap();
        let began = clock.uptime();
        let at = Locator::of_path(target);
        let mut pieces = root.read(&at, &committed.entry, 0, 300_000).await.unwrap();
        let mut read = 0;
        while let Some(piece) = pieces.next().await {
            read += piece.unwrap().len();
        }
        assert_eq!(read, 300_000);
        about(clock.uptime() - began, 3.0);
    }

    // What a storage lacks has a default in the contract: a method that is not passed on would be lost in silence.
    #[test]
    fn every_method_of_a_root_is_passed_on() {
        let contract = include_str!("../../../core/src/storage/root.rs");
        let methods = contract.split_once("pub trait Root").unwrap().1;
        let methods = methods.split_once("\n}\n").unwrap().0;
        let limited = include_str!("limited_root.rs");
        let names = methods.lines().filter_map(|line| {
            let line = line.trim_start();
            let line = line.strip_prefix("async ").unwrap_or(line);
            line.strip_prefix("fn ")?
                .split_once('(')
                .map(|(name, _)| name)
        });
        let names: Vec<_> = names.collect();
        assert!(names.len() > 20, "{names:?}");
        for name in names {
            assert!(limited.contains(&format!("self.root.{name}(")), "{name}");
        }
    }
}
