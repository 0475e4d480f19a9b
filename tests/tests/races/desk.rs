//! Two folders that a production engine keeps in step, in this process.

use std::path::PathBuf;
use std::sync::Arc;

use tandem_core::conflict_name::DeviceName;
use tandem_core::side::PerSide;
use tandem_core::storage::Root;
use tandem_engine::Engine;
use tandem_engine::event::Silent;
use tandem_engine::report::Summary;
use tandem_engine::setup::{PairOptions, Setup};
use tandem_local::{LocalStorage, Options};
use tandem_testkit::real_time::real_time;
use tempfile::TempDir;

fn folder(home: &TempDir, name: &str) -> Arc<dyn Root> {
    let path = home.path().join(name);
    std::fs::create_dir(&path).unwrap();
    let disk = LocalStorage::new(Options::default(), None, real_time());
    disk.open_root(path.to_str().unwrap()).unwrap()
}

/// Both folders, removed when it is dropped.
pub(crate) struct Desk {
    home: TempDir,
    pub(crate) engine: Engine,
}

impl Desk {
    /// A new pair of two folders. What was edited a moment ago is carried at once.
    pub(crate) async fn new(change: impl FnOnce(&mut PairOptions)) -> Self {
        let home = tempfile::tempdir().unwrap();
        let roots = PerSide::new(folder(&home, "source"), folder(&home, "destination"));
        Self::over(home, roots, change).await
    }

    /// The same of a folder and `remote`.
    pub(crate) async fn joined_to(
        remote: Arc<dyn Root>,
        change: impl FnOnce(&mut PairOptions),
    ) -> Self {
        let home = tempfile::tempdir().unwrap();
        let roots = PerSide::new(folder(&home, "source"), remote);
        Self::over(home, roots, change).await
    }

    async fn over(
        home: TempDir,
        roots: PerSide<Arc<dyn Root>>,
        change: impl FnOnce(&mut PairOptions),
    ) -> Self {
        let mut options = PairOptions::default();
        options.limits.quiet = 0;
        options.guards.free_space = 0;
        change(&mut options);
        let engine = Engine::open(Setup {
            pair: "raced".to_owned(),
            options,
            device: DeviceName::new("desk", "0000"),
            roots,
            state: home.path().join("pair.db"),
            is_new: true,
            environment: real_time(),
            events: Arc::new(Silent),
        });
        let engine = engine.await.unwrap();
        Self { home, engine }
    }

    pub(crate) fn source(&self, path: &str) -> PathBuf {
        self.home.path().join("source").join(path)
    }

    pub(crate) fn destination(&self, path: &str) -> PathBuf {
        self.home.path().join("destination").join(path)
    }

    pub(crate) async fn sync(&self) -> Summary {
        self.engine.sync().await.unwrap()
    }

    /// Passes until one finds nothing to do.
    pub(crate) async fn settle(&self) {
        for _ in 0..20 {
            let summary = self.sync().await;
            if (summary.done, summary.failed, summary.problems) == (0, 0, 0) {
                return;
            }
        }
        panic!("it does not come to rest: {:?}", self.engine.problems());
    }

    /// The contents of all files of a side, of those that were set aside too.
    pub(crate) fn contents(&self, side: &str) -> Vec<(PathBuf, Vec<u8>)> {
        contents(self.home.path().join(side))
    }
}

/// The contents of all files below `folder`.
pub(crate) fn contents(folder: PathBuf) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let content = std::fs::read(&path).unwrap();
                found.push((path, content));
            }
        }
    }
    found
}
