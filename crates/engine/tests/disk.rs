//! The disk with the pair's database fails, fills up or loses its power: nothing is lost, and the next pass finishes
//! (P6).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed step is a failed test"
)]

mod common;

use common::{Destination, Source, World, path};
use tandem_core::side::Side;
use tandem_testkit::seed::Rng;
use tandem_testkit::sim::{Edit, Failure};

/// A pair that is in step, and then edited in every way that a plan tells apart.
fn edited(seed: u64) -> World {
    let mut world = World::new(seed);
    world.folder(Source, "f");
    for name in ["edited", "moved", "gone", "both", "f/one", "f/two"] {
        world.write(Source, name, &format!("{name}, as it was"));
    }
    world.sync();
    world.still();
    world.write(Source, "edited", "edited on the source");
    world.write(Source, "both", "edited here");
    world.write(Destination, "both", "edited there as well");
    let (from, to) = (path("moved"), path("f/moved"));
    world.edit(Source, &Edit::Move { from, to });
    world.delete(Destination, "gone");
    world.folder(Destination, "new");
    world.write(Destination, "new/file", "new on the destination");
    world.stop();
    world
}

/// Both sides have all that was written, and are in step.
fn is_in_step(world: &World, what: &str) {
    world.sync();
    world.sync();
    for (name, content) in [
        ("edited", "edited on the source"),
        ("f/moved", "moved, as it was"),
        ("f/one", "f/one, as it was"),
        ("new/file", "new on the destination"),
    ] {
        for side in Side::BOTH {
            assert_eq!(
                world.text(side, name).as_deref(),
                Some(content),
                "{what}: {name} on the {side}"
            );
        }
    }
    for side in Side::BOTH {
        let paths = world.paths(side);
        let mut kept: Vec<_> = paths
            .iter()
            .filter(|path| path.starts_with("both"))
            .filter_map(|path| world.text(side, path))
            .collect();
        kept.sort();
        kept.dedup();
        assert_eq!(
            kept,
            ["edited here", "edited there as well"],
            "{what}: {paths:?}"
        );
        assert!(!paths.contains(&"gone".to_owned()), "{what}: {paths:?}");
    }
    world.still();
}

/// Starts the program again and lets it do one pass, as far as the disk lets it.
fn try_pass(world: &mut World) {
    if world.try_restart().is_ok() {
        let _ = world.run(world.engine.sync());
    }
}

#[test]
fn whatever_call_to_the_disk_fails_nothing_is_lost_and_the_next_pass_finishes() {
    let mut calls = 0;
    for (how, once) in [
        (Failure::Broken, true),
        (Failure::Broken, false),
        (Failure::Full, true),
        (Failure::Short, true),
    ] {
        for nth in 1.. {
            let mut world = edited(nth);
            world.files.fail_at(nth, how, once);
            try_pass(&mut world);
            if !world.files.heal() {
                break;
            }
            world.restart(|_| {});
            is_in_step(&world, &format!("{how:?} at call {nth}"));
            calls += 1;
        }
    }
    assert!(calls > 300, "{calls} calls");
}

#[test]
fn a_power_cut_at_any_call_to_the_disk_loses_nothing() {
    let mut calls = 0;
    for nth in 1.. {
        let mut world = edited(nth);
        let mut rng = Rng::new(nth);
        world.files.fail_at(nth, Failure::Broken, false);
        try_pass(&mut world);
        world.files.power_off();
        if !world.files.heal() {
            break;
        }
        // The storages flushed what they had answered for; here it is the state alone that loses its power.
        world.files.power_on(Some(&mut rng));
        world.restart(|_| {});
        is_in_step(&world, &format!("power cut at call {nth}"));
        calls = nth;
    }
    assert!(calls > 50, "{calls} calls");
}
