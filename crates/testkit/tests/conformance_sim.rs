//! The conformance suite over simulated storages whose capabilities nobody picked by hand.

#![allow(clippy::unwrap_used, reason = "a step that fails fails its test")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use tandem_core::capabilities::Capabilities;
use tandem_core::path::RelPath;
use tandem_testkit::conformance::{KnownFault, Outsider, Place, Subject, run_all};
use tandem_testkit::sim::{Edit, SimEnvironment, SimExecutor, SimStorage};

/// A person at the storage's own edge.
struct Person(SimStorage);

fn path(text: &str) -> Result<RelPath, String> {
    RelPath::new(text).map_err(|error| error.to_string())
}

#[async_trait]
impl Outsider for Person {
    async fn put(&self, at: &str, bytes: &[u8]) -> Result<(), String> {
        let at = path(at)?;
        let mut folder = RelPath::root();
        for name in at.parent().iter().flat_map(RelPath::names) {
            folder = folder.join(&name);
            self.0.edit(&Edit::CreateFolder {
                path: folder.clone(),
            });
        }
        let written = self.0.edit(&Edit::Write {
            path: at,
            content: Bytes::copy_from_slice(bytes),
        });
        written.then_some(()).ok_or("it was not written".to_owned())
    }

    async fn get(&self, at: &str) -> Result<Option<Vec<u8>>, String> {
        Ok(self.0.content(&path(at)?).map(|bytes| bytes.to_vec()))
    }

    async fn remove(&self, at: &str) -> Result<(), String> {
        let removed = self.0.edit(&Edit::Delete { path: path(at)? });
        removed.then_some(()).ok_or("it was not removed".to_owned())
    }

    async fn list(&self) -> Result<Vec<String>, String> {
        let paths = self.0.snapshot().into_keys();
        Ok(paths.map(|path| path.as_str().to_owned()).collect())
    }
}

fn subject(seed: u64, environment: &SimEnvironment) -> Subject {
    let storage = SimStorage::from_seed_but(seed, environment, |capabilities, _| {
        // The suite's bodies are larger than people's edits in a simulation.
        capabilities.largest_file = capabilities.largest_file.map(|_| 64 << 20);
        if let Some(parts) = &mut capabilities.parts {
            parts.smallest = 256 << 10;
        }
    });
    let again = storage.clone();
    let expired = storage.signed_out();
    let capabilities = storage.capabilities().clone();
    Subject {
        outsider: Some(Box::new(Person(storage.clone()))),
        expired: Some(Box::new(move || {
            let root = expired.sim_root();
            Box::pin(async move { root as Arc<_> })
        })),
        place: Some(Place {
            storage: Arc::new(storage.clone()),
            path: String::new(),
        }),
        environment: Some(environment.shared()),
        parts_from: capabilities.parts.map(|parts| parts.smallest + 1),
        flat: !capabilities.empty_folders,
        known_faults: excuses(&capabilities),
        ..Subject::new(
            storage.sim_root(),
            Box::new(move || {
                let root = again.sim_root();
                Box::pin(async move { root as Arc<_> })
            }),
            (),
        )
    }
}

/// Where a case asks for more than the contract does.
fn excuses(capabilities: &Capabilities) -> Vec<KnownFault> {
    let flat_folder_move = !capabilities.empty_folders && capabilities.folder_move;
    let onto_nothing = KnownFault {
        what: "a_folder_is_not_moved_onto_another",
        why: "on a flat store an empty folder is no taken name",
        at_times: false,
    };
    flat_folder_move
        .then_some(onto_nothing)
        .into_iter()
        .collect()
}

fn failures(seed: u64) -> Vec<String> {
    let environment = SimEnvironment::new(seed);
    let world = environment.clone();
    let report = SimExecutor::new(&environment).run(run_all(move || {
        // Every subject of one seed is of one kind, and none shares anything with another.
        let made = subject(seed, &world);
        async move { made }
    }));
    report
        .expect("nothing crashes the run")
        .failures()
        .map(|case| format!("seed {seed}: {case}"))
        .collect()
}

/// A number from the environment: more seeds, or one that failed.
fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).map_or(usual, |text| text.parse().expect("a number"))
}

#[test]
fn storages_of_many_seeds_keep_the_contract() {
    let (first, count) = (number("TANDEM_SEED", 0), number("TANDEM_SEEDS", 16));
    let next = AtomicU64::new(first);
    let found = Mutex::new(Vec::new());
    // One world is of one thread; several worlds are not.
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(seed) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| *seed < first + count)
                {
                    found.lock().unwrap().extend(failures(seed));
                }
            });
        }
    });
    let found = found.into_inner().unwrap();
    assert!(
        found.is_empty(),
        "{} failures:\n{}",
        found.len(),
        found.join("\n")
    );
}
