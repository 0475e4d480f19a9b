//! What happens by itself while the engine runs.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::time::Duration;

use common::{Destination, SEEDS, Source, World, path};
use tandem_core::side::Side;
use tandem_testkit::sim::{Edit, Fault, Faults};

const MINUTE: Duration = Duration::from_secs(60);

/// After half the time the storages are healed; nothing tells the engine so.
fn healed_meanwhile(world: &World, time: Duration) {
    let sleep = world.environment.shared().sleep(time / 2);
    let sides = world.sides.clone();
    world.live_with(time, async move {
        sleep.await;
        sides.source.heal();
        sides.destination.heal();
    });
}

#[test]
fn what_did_not_work_is_tried_again() {
    for seed in SEEDS {
        let world = World::weak(seed, |_| {});
        world.write(Source, "a", "content");
        world.sides[Destination].set_faults(Faults::of(&[(Fault::FailedFlush, 1000)]));
        healed_meanwhile(&world, MINUTE * 60);
        world.both_have("a", Some("content"));
        assert_eq!(world.engine.problems().unwrap(), []);
    }
}

#[test]
fn what_could_not_be_read_is_looked_at_again() {
    for seed in SEEDS {
        let world = World::weak(seed, |_| {});
        world.folder(Source, "d");
        world.folder(Source, "d/e");
        world.write(Source, "d/e/a", "content");
        world.sync();
        world.write(Source, "d/e/b", "content");
        assert!(world.sides[Source].make_unreadable(&path("d/e")));
        world.live(MINUTE);
        assert_eq!(world.engine.problems().unwrap().len(), 1);
        healed_meanwhile(&world, MINUTE * 60);
        world.both_have("d/e/b", Some("content"));
        assert_eq!(world.engine.problems().unwrap(), []);
    }
}

#[test]
fn what_waits_for_room_goes_on_when_there_is() {
    for seed in SEEDS {
        let world = World::weak(seed, |o| o.guards.free_space = 1);
        world.write(Source, "a", "content");
        world.sides[Destination].fill();
        world.live(MINUTE);
        assert_eq!(world.engine.held().unwrap().len(), 1);
        healed_meanwhile(&world, MINUTE * 60);
        world.both_have("a", Some("content"));
        assert!(world.engine.held().unwrap().is_empty());
    }
}

#[test]
fn a_busy_side_does_not_keep_the_other_from_being_looked_at() {
    for seed in SEEDS {
        let world = World::half_watched(seed);
        let (environment, sides) = (world.environment.clone(), world.sides.clone());
        let write = |side: Side, at: &str, content: String| Edit::Write {
            path: path(if side == Source { "busy" } else { at }),
            content: content.into(),
        };
        let busy = async move {
            for n in 0..10 {
                environment.shared().sleep(MINUTE).await;
                sides
                    .source
                    .edit(&write(Source, "", format!("content {n}")));
                if n == 0 {
                    let there = write(Destination, "there", "content".to_owned());
                    sides.destination.edit(&there);
                }
            }
        };
        world.live_with(MINUTE, busy);
        world.both_have("there", Some("content"));
    }
}

#[test]
fn what_was_too_young_is_carried_when_it_is_old_enough() {
    for seed in SEEDS {
        let world = World::weak(seed, |o| o.filter.min_age = Some(3600));
        world.write(Source, "a", "content");
        world.live(MINUTE);
        world.has(Destination, "a", None);
        world.live(MINUTE * 150);
        world.both_have("a", Some("content"));
    }
}

#[test]
fn a_person_need_not_wait_as_long_as_a_server_asked_for() {
    for seed in SEEDS {
        let world = World::weak(seed, |_| {});
        world.write(Source, "a", "content");
        for side in Side::BOTH {
            world.sides[side].set_faults(Faults::of(&[(Fault::RateLimited, 1000)]));
        }
        // Time passes before the engine runs.
        let sleep = |seconds: u64| {
            let time = Duration::from_secs(5 + seconds);
            world.environment.shared().sleep(time)
        };
        let (begin, end) = (sleep(1), sleep(2));
        world.live_with(Duration::ZERO, async {
            begin.await;
            for side in Side::BOTH {
                world.sides[side].heal();
            }
            world.engine.wake();
            end.await;
        });
        world.both_have("a", Some("content"));
    }
}
