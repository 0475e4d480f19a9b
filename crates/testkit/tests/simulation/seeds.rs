//! The same seed gives the same run, and the seeds reach every corner.

use std::collections::BTreeSet;
use std::time::Instant;

use tandem_core::capabilities::Capabilities;
use tandem_core::storage::{Discard, Expected, Keep, Root};
use tandem_testkit::oracle::Oracle;
use tandem_testkit::seed::Rng;
use tandem_testkit::sim::{
    Faults, Habits, SimEnvironment, SimExecutor, SimStorage, draw_capabilities,
};

use crate::steps::{at, list, put};

/// A run with two tasks, edits, faults and a crash; its trace and what is left.
fn run(seed: u64) -> (u64, String) {
    let environment = SimEnvironment::new(seed);
    let storage = SimStorage::from_seed(seed, &environment);
    let mut rng = Rng::new(seed);
    storage.random_edits(&mut rng, 12);
    storage.set_faults(Faults::draw(&mut rng));
    let crash = rng.below(400);
    let work = |mut rng: Rng, storage: SimStorage| async move {
        let root = storage.sim_root();
        for round in 0..12 {
            let paths: Vec<String> = list(&*root)
                .await
                .0
                .keys()
                .map(ToString::to_string)
                .collect();
            storage.random_edits(&mut rng, 1);
            let Some(name) = (!paths.is_empty()).then(|| rng.pick(&paths).clone()) else {
                continue;
            };
            let Ok(Some(entry)) = root.stat(&at(&name)).await else {
                continue;
            };
            let expected = Expected::Revision(entry.revision);
            if rng.chance(50) {
                drop(put(&*root, &name, &format!("run {round}"), expected, Keep::No).await);
            } else {
                drop(
                    root.delete(&at(&name), &expected, &Keep::No, Discard::Forever)
                        .await,
                );
            }
        }
    };
    let tasks = futures_util::future::join(
        work(rng.fork(), storage.clone()),
        work(rng.fork(), storage.clone()),
    );
    SimExecutor::new(&environment)
        .crash_at(Some(crash))
        .run(tasks);
    storage.crash(true);
    let left = format!("{:?} {:?}", storage.snapshot(), storage.injected());
    (environment.trace(), left)
}

#[test]
fn a_seed_run_twice_gives_the_same_trace_and_the_same_storage() {
    let mut traces = BTreeSet::new();
    for seed in 0..300 {
        let once = run(seed);
        assert_eq!(once, run(seed), "seed {seed}");
        traces.insert(once.0);
    }
    assert!(traces.len() > 290, "{} different traces", traces.len());
}

/// What a capability is, as text.
type Fact = fn(&Capabilities) -> String;

#[test]
fn seeds_draw_every_capability_both_ways() {
    let drawn: Vec<Capabilities> = (0..2_000)
        .map(|seed| draw_capabilities(&mut Rng::new(seed)))
        .collect();
    let facts: [(&str, Fact); 12] = [
        ("ids", |c| format!("{:?}", c.ids)),
        ("feed", |c| format!("{}{}", c.feed, c.waiting)),
        ("listing", |c| format!("{:?}", c.listing)),
        ("conditions", |c| format!("{:?}", c.conditions)),
        ("atomic", |c| {
            format!("{}{:?}", c.atomic_move, c.atomic_write)
        }),
        ("moves", |c| format!("{}{}", c.folder_move, c.server_copy)),
        ("trash", |c| {
            format!("{}{}{}", c.trash, c.recursive_trash, c.versions)
        }),
        ("mtime", |c| format!("{}{}", c.mtime, c.mtime_precision)),
        ("meta", |c| format!("{}{}", c.executable, c.symlinks)),
        ("names", |c| format!("{:?}{:?}", c.case, c.unicode)),
        ("rare", |c| {
            format!("{}{}{}", c.twins, c.empty_folders, c.mutates_content)
        }),
        ("revisions", |c| {
            format!(
                "{}{}{}",
                c.revision_is_content, c.folder_revision_covers_subtree, c.revision_granularity
            )
        }),
    ];
    let least = [3, 4, 2, 60, 6, 4, 6, 8, 4, 4, 6, 10];
    for ((name, fact), least) in facts.iter().zip(least) {
        let kinds: BTreeSet<String> = drawn.iter().map(fact).collect();
        assert!(kinds.len() >= least, "{name}: {kinds:?}");
    }
}

#[test]
fn drawn_habits_fit_the_capabilities() {
    for seed in 0..2_000 {
        let mut rng = Rng::new(seed);
        let capabilities = draw_capabilities(&mut rng);
        let habits = Habits::draw(&mut rng, &capabilities);
        let strong = capabilities.ids == tandem_core::capabilities::Ids::Strong;
        assert!(!habits.feed_by_id || strong);
        assert!(!habits.native_versions || capabilities.versions);
        assert!(!(habits.volatile && capabilities.feed));
        assert!(!capabilities.twins || strong);
    }
}

#[test]
fn random_edits_do_everything_that_edits_can_and_lose_nothing() {
    let mut kinds = BTreeSet::new();
    let (mut items, mut deepest) = (Vec::new(), Vec::new());
    for seed in 0..200 {
        let environment = SimEnvironment::new(seed);
        let storage = SimStorage::from_seed(seed, &environment);
        let oracle = Oracle::new();
        storage.watched_by(&oracle, 0);
        let mut rng = Rng::new(seed);
        for edit in storage.random_edits(&mut rng, 60) {
            let word = format!("{edit:?}");
            kinds.insert(word.split(' ').next().unwrap().to_owned());
        }
        assert_eq!(oracle.check(&[&storage]), [], "seed {seed}");
        let snapshot = storage.snapshot();
        items.push(snapshot.len());
        deepest.push(snapshot.keys().map(|path| path.depth()).max().unwrap_or(0));
    }
    assert!(kinds.len() == 14, "{kinds:?}");
    items.sort_unstable();
    deepest.sort_unstable();
    let (items, depth) = (items[items.len() / 2], deepest[deepest.len() / 2]);
    assert!((12..=30).contains(&items), "median tree of {items} items");
    assert!(depth >= 3, "median depth {depth}");
}

#[test]
fn thousands_of_small_runs_take_seconds() {
    let started = Instant::now();
    for seed in 0..200 {
        run(seed);
    }
    let each = started.elapsed() / 200;
    println!("{each:?} for one small run");
    assert!(each.as_millis() < 100, "{each:?}");
}
