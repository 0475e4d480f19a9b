//! Two folders of this computer, the state of their pair, and one pass over them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tandem_core::conflict_name::DeviceName;
use tandem_core::side::{PerSide, Side};
use tandem_core::storage::Root;
use tandem_engine::Engine;
use tandem_engine::error::Result;
use tandem_engine::event::{EventSink, Silent};
use tandem_engine::report::Summary;
use tandem_engine::setup::{PairOptions, Setup};
use tandem_local::{LocalStorage, Options};
use tandem_testkit::real_time::real_time;

/// How the pair is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// As it is for most people.
    Usual,
    /// By calls that every file system has.
    Portable,
    /// Without versions of what an edit replaced or a person deleted.
    Unversioned,
}

impl Manner {
    /// How the process that is started is told it.
    pub(crate) const ALL: [(Self, &str); 3] = [
        (Self::Usual, "usual"),
        (Self::Portable, "portable"),
        (Self::Unversioned, "unversioned"),
    ];
}

/// Everything lies in one folder, so that it is removed by removing that.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    folder: PathBuf,
    manner: Manner,
}

impl Pair {
    pub(crate) const fn at(folder: PathBuf, manner: Manner) -> Self {
        Self { folder, manner }
    }

    /// The same, with folders for what has none there yet.
    pub(crate) fn make(folder: PathBuf, manner: Manner) -> Self {
        let pair = Self::at(folder, manner);
        for side in Side::BOTH {
            std::fs::create_dir_all(pair.side(side)).unwrap();
        }
        std::fs::create_dir_all(pair.state().parent().unwrap()).unwrap();
        pair
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) const fn manner(&self) -> Manner {
        self.manner
    }

    pub(crate) fn keeps_versions(&self) -> bool {
        self.manner != Manner::Unversioned
    }

    pub(crate) fn side(&self, side: Side) -> PathBuf {
        self.folder.join(side.to_string())
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.join("state").join("pair.db")
    }

    /// Where a pass that came to its end says what it did.
    pub(crate) fn report(&self) -> PathBuf {
        self.folder.join("report")
    }

    /// One pass, as a program does that is started for it.
    pub(crate) fn sync(&self) -> Result<Summary> {
        self.sync_with(&self.state(), Arc::new(Silent))
    }

    /// The same with the state opened by another name, and somebody who hears of it.
    pub(crate) fn sync_with(&self, state: &Path, events: Arc<dyn EventSink>) -> Result<Summary> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async {
            let engine = Engine::open(self.setup(state, events)).await?;
            engine.sync().await
        })
    }

    fn setup(&self, state: &Path, events: Arc<dyn EventSink>) -> Setup {
        let environment = real_time();
        let how = Options {
            portable: self.manner == Manner::Portable,
            ..Options::default()
        };
        let storage = LocalStorage::new(how, None, Arc::clone(&environment));
        let mut options = PairOptions::default();
        options.guards.free_space = 0;
        options.versions.keep = self.keeps_versions();
        // Everything was left alone for as long as it takes to start a process.
        options.limits.quiet = 0;
        Setup {
            pair: "killed".to_owned(),
            options,
            device: DeviceName::new("device", "0000"),
            roots: PerSide::from_fn(|side| -> Arc<dyn Root> {
                storage
                    .open_root(self.side(side).to_str().unwrap())
                    .unwrap()
            }),
            state: state.to_owned(),
            is_new: true,
            environment,
            events,
        }
    }
}
