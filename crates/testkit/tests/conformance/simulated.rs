//! Subjects made of the simulated storage.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use tandem_core::capabilities::{Capabilities, Conditions, Ids, NameRules, Parts};
use tandem_core::entry::{HashKind, Kind};
use tandem_core::error::Cause;
use tandem_core::path::RelPath;
use tandem_core::storage::Root;
use tandem_testkit::conformance::{Opener, Outsider, Place, Subject};
use tandem_testkit::seed::Rng;
use tandem_testkit::sim::{Edit, Habits, SimEnvironment, SimStorage, draw_capabilities};

use crate::broken::{Broken, Fault};

/// A person at the storage's own edge.
struct Person(SimStorage);

fn path(text: &str) -> RelPath {
    RelPath::new(text).expect("the suite's own paths are valid")
}

#[async_trait]
impl Outsider for Person {
    async fn put(&self, at: &str, bytes: &[u8]) -> Result<(), String> {
        let at = path(at);
        let mut folders: Vec<_> = std::iter::successors(at.parent(), RelPath::parent).collect();
        folders.reverse();
        for folder in folders.into_iter().filter(|folder| !folder.is_root()) {
            self.0.edit(&Edit::CreateFolder { path: folder });
        }
        let content = Bytes::copy_from_slice(bytes);
        let done = self.0.edit(&Edit::Write {
            path: at.clone(),
            content,
        });
        done.then_some(())
            .ok_or(format!("{at:?} cannot be written"))
    }

    async fn get(&self, at: &str) -> Result<Option<Vec<u8>>, String> {
        Ok(self.0.content(&path(at)).map(Vec::from))
    }

    async fn remove(&self, at: &str) -> Result<(), String> {
        let done = self.0.edit(&Edit::Delete { path: path(at) });
        done.then_some(())
            .ok_or(format!("{at:?} cannot be removed"))
    }

    async fn list(&self) -> Result<Vec<String>, String> {
        let seen = self.0.snapshot().into_iter();
        let files = seen.filter(|(_, items)| items.iter().any(|item| item.kind == Kind::File));
        Ok(files.map(|(at, _)| at.as_str().to_owned()).collect())
    }
}

fn subject(storage: SimStorage, environment: &SimEnvironment, fault: Fault) -> Subject {
    let open = move |storage: &SimStorage, fault: Fault| -> Arc<dyn Root> {
        Broken::over(storage.sim_root(), fault)
    };
    let opener = |fault: Fault| -> Opener {
        let storage = storage.clone();
        Box::new(move || {
            let root = open(&storage, fault);
            Box::pin(async move { root })
        })
    };
    let denies = match fault {
        Fault::ForbidsInsteadOfAuth => Fault::Denies(Cause::Forbidden),
        _ => Fault::Denies(Cause::AuthExpired),
    };
    Subject {
        outsider: Some(Box::new(Person(storage.clone()))),
        expired: Some(opener(denies)),
        environment: Some(environment.shared()),
        flat: !storage.capabilities().empty_folders,
        place: (fault == Fault::None).then(|| Place {
            storage: Arc::new(storage.clone()),
            path: String::new(),
        }),
        ..Subject::new(open(&storage, fault), opener(fault), storage)
    }
}

/// A storage whose capabilities and habits come from `seed`.
pub(crate) async fn from_seed(seed: u64, environment: SimEnvironment) -> Subject {
    let mut rng = Rng::new(seed);
    let mut capabilities = draw_capabilities(&mut rng);
    // The suite's bodies are larger than what some seeds take.
    capabilities.largest_file = capabilities.largest_file.map(|_| 1 << 24);
    let habits = Habits::draw(&mut rng, &capabilities);
    let parts = capabilities.parts.filter(|_| habits.stages);
    let storage = SimStorage::with_habits(capabilities, habits, &environment);
    Subject {
        parts_from: parts.map(|parts| parts.smallest + 1),
        ..subject(storage, &environment, Fault::None)
    }
}

/// A storage that declares everything, broken by `fault`.
pub(crate) async fn able(environment: SimEnvironment, fault: Fault) -> Subject {
    let capabilities = Capabilities {
        ids: Ids::Strong,
        hashes: vec![HashKind::Blake3, HashKind::Md5],
        cheap_reads: true,
        feed: true,
        waiting: true,
        conditions: Conditions::ALL,
        atomic_move: true,
        folder_move: true,
        server_copy: true,
        atomic_write: tandem_core::capabilities::AtomicWrite::Yes,
        trash: true,
        recursive_trash: true,
        versions: true,
        mtime: true,
        executable: true,
        symlinks: true,
        names: NameRules {
            longest_name: Some(255),
            longest_path: Some(1024),
            ..NameRules::default()
        },
        largest_file: Some(1 << 26),
        parts: Some(Parts {
            smallest: 65_536,
            largest: 1 << 20,
            most: 1_000,
            equal: true,
        }),
        empty_folders: true,
        ranges: true,
        quota: true,
        ..Capabilities::least()
    };
    let storage = SimStorage::with(capabilities, &environment);
    Subject {
        parts_from: Some(65_537),
        ..subject(storage, &environment, fault)
    }
}

/// A storage that declares nothing.
pub(crate) async fn plain(environment: SimEnvironment) -> Subject {
    let storage = SimStorage::with(Capabilities::least(), &environment);
    subject(storage, &environment, Fault::None)
}

/// A storage on which nobody ever sleeps, so that it works outside of simulated time as well.
pub(crate) async fn in_real_time() -> Subject {
    let capabilities = Capabilities {
        feed: true,
        conditions: Conditions::ALL,
        versions: true,
        empty_folders: true,
        ..Capabilities::least()
    };
    static NTH: AtomicU64 = AtomicU64::new(0);
    let environment = SimEnvironment::new(NTH.fetch_add(1, Ordering::SeqCst));
    let storage = SimStorage::with(capabilities, &environment);
    Subject {
        environment: None,
        ..subject(storage, &environment, Fault::None)
    }
}
