//! A pair of simulated storages with everything a storage can offer, and an engine over them.

#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test")]
#![allow(clippy::result_large_err, reason = "errors are few here")]

use std::future::{Future, poll_fn};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, join, select};
use tandem_core::capabilities::{AtomicWrite, Capabilities, Conditions, Ids};
use tandem_core::conflict_name::DeviceName;
use tandem_core::path::RelPath;
use tandem_core::side::{PerSide, Side};
use tandem_core::storage::Root;
use tandem_engine::Engine;
use tandem_engine::error::Result;
use tandem_engine::event::Silent;
use tandem_engine::report::{ActionKind, LogLine, LogQuery, Summary};
use tandem_engine::setup::{PairOptions, Setup};
use tandem_testkit::sim::{Edit, Habits, SimEnvironment, SimExecutor, SimFiles, SimStorage};

pub(crate) use tandem_core::side::Side::{Destination, Source};

/// What differs from world to world.
pub(crate) const SEEDS: [u64; 4] = [1, 2, 3, 4];

pub(crate) struct World {
    pub(crate) environment: SimEnvironment,
    pub(crate) sides: PerSide<SimStorage>,
    pub(crate) engine: Engine,
    /// The disk with the pair's database.
    pub(crate) files: SimFiles,
    options: PairOptions,
    state: PathBuf,
}

fn open(
    environment: &SimEnvironment,
    sides: &PerSide<SimStorage>,
    options: &PairOptions,
    state: &Path,
    is_new: bool,
) -> Result<Engine> {
    let setup = Setup {
        pair: "tested".to_owned(),
        options: options.clone(),
        device: DeviceName::new("device", "0000"),
        roots: PerSide::from_fn(|side| {
            let root: Arc<dyn Root> = sides[side].sim_root();
            root
        }),
        state: state.to_owned(),
        is_new,
        environment: environment.shared(),
        events: Arc::new(Silent),
    };
    SimExecutor::new(environment)
        .run(Engine::open(setup))
        .unwrap()
}

pub(crate) fn capabilities(ids: Ids) -> Capabilities {
    Capabilities {
        ids,
        cheap_reads: true,
        conditions: Conditions::ALL,
        atomic_move: true,
        folder_move: true,
        server_copy: true,
        atomic_write: AtomicWrite::Yes,
        versions: true,
        mtime: true,
        executable: true,
        symlinks: true,
        empty_folders: true,
        ranges: true,
        quota: true,
        ..Capabilities::least()
    }
}

/// Lets the others go on so many times.
pub(crate) async fn turns(many: u64) {
    for _ in 0..many {
        let mut is_begun = false;
        poll_fn(|context| {
            context.waker().wake_by_ref();
            if std::mem::replace(&mut is_begun, true) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

pub(crate) fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self::with(seed, |_| {})
    }

    pub(crate) fn with(seed: u64, change: impl FnOnce(&mut PairOptions)) -> Self {
        let ids = [Ids::Strong, Ids::None, Ids::Hint];
        let mut n = seed as usize;
        Self::of(seed, change, |_| {
            n += 1;
            capabilities(ids[n % 3])
        })
    }

    pub(crate) fn of(
        seed: u64,
        change: impl FnOnce(&mut PairOptions),
        capabilities: impl FnMut(Side) -> Capabilities,
    ) -> Self {
        Self::made(seed, change, capabilities, |_| {})
    }

    /// Roots that nothing proves to be what they were, on sides that tell when something changed.
    pub(crate) fn weak(seed: u64, change: impl FnOnce(&mut PairOptions)) -> Self {
        let watched = |_| Capabilities {
            waiting: true,
            ..capabilities([Ids::None, Ids::Hint][seed as usize % 2])
        };
        Self::made(seed, change, watched, |habits| habits.marker = false)
    }

    /// A source that tells when something changed, and a destination that does not.
    pub(crate) fn half_watched(seed: u64) -> Self {
        Self::of(
            seed,
            |_| {},
            |side| Capabilities {
                waiting: side == Source,
                ..capabilities([Ids::None, Ids::Hint][seed as usize % 2])
            },
        )
    }

    fn made(
        seed: u64,
        change: impl FnOnce(&mut PairOptions),
        mut capabilities: impl FnMut(Side) -> Capabilities,
        habits: impl Fn(&mut Habits),
    ) -> Self {
        Self::shaped(seed, change, |side| {
            let capabilities = capabilities(side);
            let mut own = Habits::plain(&capabilities);
            habits(&mut own);
            (capabilities, own)
        })
    }

    /// A world whose storages have habits of their own too.
    pub(crate) fn shaped(
        seed: u64,
        change: impl FnOnce(&mut PairOptions),
        mut shape: impl FnMut(Side) -> (Capabilities, Habits),
    ) -> Self {
        let environment = SimEnvironment::new(seed);
        let sides = PerSide::from_fn(|side| {
            let (capabilities, habits) = shape(side);
            SimStorage::with_habits(capabilities, habits, &environment)
        });
        Self::over(environment, sides, change)
    }

    /// Another device that works with the same destination, with a source of its own.
    pub(crate) fn beside(other: &Self, source: Capabilities) -> Self {
        let environment = other.environment.clone();
        let source = SimStorage::with(source, &environment);
        let destination = other.sides.destination.for_device("another");
        Self::over(environment, PerSide::new(source, destination), |_| {})
    }

    fn over(
        environment: SimEnvironment,
        sides: PerSide<SimStorage>,
        change: impl FnOnce(&mut PairOptions),
    ) -> Self {
        let files = SimFiles::new();
        let state = files.database("pair.db");
        let mut options = PairOptions::default();
        options.filter.defaults = false;
        options.guards.free_space = 0;
        options.limits.quiet = 0;
        change(&mut options);
        let engine = open(&environment, &sides, &options, &state, true).unwrap();
        Self {
            environment,
            sides,
            engine,
            files,
            options,
            state,
        }
    }

    /// The program is started again, with other options.
    pub(crate) fn restart(&mut self, change: impl FnOnce(&mut PairOptions)) {
        change(&mut self.options);
        self.try_restart().unwrap();
    }

    /// The program ends. What stands in its place until it is started again has another database.
    pub(crate) fn stop(&mut self) {
        let idle = self.files.database("idle.db");
        self.engine = open(&self.environment, &self.sides, &self.options, &idle, true).unwrap();
    }

    /// The program is started again, and may not come so far.
    pub(crate) fn try_restart(&mut self) -> Result<()> {
        self.engine = open(
            &self.environment,
            &self.sides,
            &self.options,
            &self.state,
            false,
        )?;
        Ok(())
    }

    /// The pair's database is lost.
    pub(crate) fn lose_state(&mut self) {
        // The old one is still open at its old name.
        self.state = self.files.database("new.db");
        self.restart(|_| {});
    }

    /// The pair's database lies on a real disk from now on, at `path`.
    pub(crate) fn keep_state_at(&mut self, path: &Path) {
        let db = rusqlite::Connection::open(&self.state).unwrap();
        // Else it is made on the simulated disk too.
        let real = format!("file:{}?vfs=unix", path.display());
        db.execute("VACUUM INTO ?1", [real]).unwrap();
        self.state = path.to_owned();
        self.restart(|_| {});
    }

    /// The pair's database, to be changed behind the program's back.
    pub(crate) fn open_state(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(&self.state).unwrap()
    }

    /// The pair's database is of the first format.
    pub(crate) fn downgrade_state(&self) {
        let db = self.open_state();
        db.execute_batch(
            "DROP TABLE natives; DROP TABLE young; DROP TABLE looked; DELETE FROM meta WHERE key LIKE 'feed %'; \
             PRAGMA user_version = 1;",
        )
        .unwrap();
    }

    /// Whether the database was kept as it was before an upgrade.
    pub(crate) fn is_state_kept_aside(&self) -> bool {
        let mut aside = self.state.clone().into_os_string();
        aside.push("-format-1");
        Path::new(&aside).exists()
    }

    /// Another, empty folder is in the place of a root.
    pub(crate) fn replace(&mut self, side: Side) {
        let capabilities = self.sides[side].capabilities().clone();
        self.sides[side] = SimStorage::with(capabilities, &self.environment);
        self.restart(|_| {});
    }

    pub(crate) fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.environment.advance(Duration::from_secs(5));
        SimExecutor::new(&self.environment).run(future).unwrap()
    }

    /// The engine runs for a while, as it does in the background.
    pub(crate) fn live(&self, time: Duration) {
        self.live_with(time, std::future::ready(()));
    }

    /// The same while `others` happens.
    pub(crate) fn live_with(&self, time: Duration, others: impl Future<Output = ()>) {
        let sleep = self.environment.shared().sleep(time);
        self.run(async {
            let others = async {
                join(others, sleep).await;
            };
            match select(Box::pin(self.engine.run()), Box::pin(others)).await {
                Either::Left((ended, _)) => ended.unwrap(),
                Either::Right(_) => {}
            }
        });
    }

    pub(crate) fn sync(&self) -> Summary {
        self.run(self.engine.sync()).unwrap()
    }

    /// A pass that finds nothing to do.
    #[track_caller]
    pub(crate) fn still(&self) {
        let summary = self.sync();
        assert_eq!(
            (summary.done, summary.failed, summary.held),
            (0, 0, 0),
            "{summary:?}"
        );
    }

    #[track_caller]
    pub(crate) fn edit(&self, side: Side, edit: &Edit) {
        self.environment.advance(Duration::from_secs(5));
        assert!(self.sides[side].edit(edit), "{edit:?}");
    }

    #[track_caller]
    pub(crate) fn write(&self, side: Side, at: &str, content: &str) {
        self.edit(
            side,
            &Edit::Write {
                path: path(at),
                content: Bytes::from(content.to_owned()),
            },
        );
    }

    #[track_caller]
    pub(crate) fn folder(&self, side: Side, at: &str) {
        self.edit(side, &Edit::CreateFolder { path: path(at) });
    }

    #[track_caller]
    pub(crate) fn delete(&self, side: Side, at: &str) {
        self.edit(side, &Edit::Delete { path: path(at) });
    }

    pub(crate) fn text(&self, side: Side, at: &str) -> Option<String> {
        self.sides[side]
            .content(&path(at))
            .map(|b| String::from_utf8(b.to_vec()).unwrap())
    }

    #[track_caller]
    pub(crate) fn has(&self, side: Side, at: &str, content: Option<&str>) {
        assert_eq!(
            self.text(side, at).as_deref(),
            content,
            "{at} on the {side}: {:?}",
            self.paths(side)
        );
    }

    #[track_caller]
    pub(crate) fn both_have(&self, at: &str, content: Option<&str>) {
        self.has(Source, at, content);
        self.has(Destination, at, content);
    }

    pub(crate) fn paths(&self, side: Side) -> Vec<String> {
        self.sides[side]
            .snapshot()
            .keys()
            .filter(|p| !p.is_root())
            .map(ToString::to_string)
            .collect()
    }

    /// Edits `on` once, between the check and the change of the next `operation` on `side`.
    pub(crate) fn edit_during(
        &self,
        side: Side,
        operation: &'static str,
        on: Side,
        edits: Vec<Edit>,
    ) {
        let storage = self.sides[on].clone();
        let mut edits = Some(edits);
        self.sides[side].on_operation(Box::new(move |what, _| {
            if what == operation {
                for edit in edits.take().into_iter().flatten() {
                    assert!(storage.edit(&edit), "{edit:?}");
                }
            }
        }));
    }

    /// Whether some version holds this content.
    pub(crate) fn is_kept(&self, side: Side, content: &str) -> bool {
        self.sides[side]
            .kept()
            .values()
            .any(|seen| seen.content.bytes().as_ref() == content.as_bytes())
    }

    pub(crate) fn log(&self) -> Vec<LogLine> {
        self.engine.log(&LogQuery::default()).unwrap()
    }

    /// The newest line of this kind at a path.
    #[track_caller]
    pub(crate) fn line(&self, kind: ActionKind, at: &str) -> LogLine {
        let found = self
            .log()
            .into_iter()
            .rev()
            .find(|l| l.action.kind == kind && l.action.path == at);
        found.unwrap_or_else(|| panic!("no {kind:?} of {at}: {:#?}", self.log()))
    }
}
