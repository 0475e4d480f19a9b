//! Times and executable bits, where a listing does not show them.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::{Destination, SEEDS, Source, World, capabilities, path, turns};
use futures_util::future::join;
use tandem_core::capabilities::{Capabilities, Ids};
use tandem_core::side::Side;
use tandem_core::time::Timestamp;
use tandem_testkit::sim::{Edit, Fault, Faults};

/// A destination as object stores are: a listing shows when an object was uploaded.
fn shape(side: Side) -> Capabilities {
    match side {
        Source => capabilities(Ids::Hint),
        Destination => Capabilities {
            ids: Ids::None,
            cheap_reads: false,
            revision_is_content: true,
            listing_lacks_meta: true,
            ..capabilities(Ids::None)
        },
    }
}

const WHEN: Timestamp = Timestamp(1_600_000_000_000_000_000);

fn with_script(seed: u64) -> World {
    let world = World::of(seed, |_| {}, shape);
    world.write(Source, "script", "#!/bin/sh");
    let executable = true;
    world.edit(
        Source,
        &Edit::SetExecutable {
            path: path("script"),
            executable,
        },
    );
    world.edit(
        Source,
        &Edit::Touch {
            path: path("script"),
            mtime: WHEN,
        },
    );
    world.sync();
    world
}

/// A copy that was made is found again by the next pass, whatever it learns of times meanwhile.
#[test]
fn a_loser_is_copied_once_however_often_the_winner_cannot_be_carried() {
    for seed in SEEDS {
        let world = World::of(seed, |_| {}, |side| shape(side.other()));
        world.write(Source, "a", "the source's");
        world.write(Destination, "a", "the destination's");
        world
            .sides
            .destination
            .set_faults(Faults::of(&[(Fault::ShortRead, 1000)]));
        for _ in 0..4 {
            world.environment.advance(Duration::from_secs(3600));
            world.sync();
        }
        world.sides.destination.heal();
        world.sync();
        world.both_have("a", Some("the destination's"));
        let there = world.sides.source.snapshot();
        let copies: Vec<_> = there
            .keys()
            .filter(|p| p.as_str().contains("conflict"))
            .collect();
        assert_eq!(copies.len(), 1, "seed {seed}: {copies:?}");
    }
}

#[test]
fn what_was_uploaded_is_in_step_although_the_listing_shows_less() {
    for seed in SEEDS {
        let world = with_script(seed);
        world.still();
        let explained = world.run(world.engine.explain("script")).unwrap();
        assert_eq!(explained.state, "in_step");
    }
}

#[test]
fn time_and_executable_bit_go_from_device_to_device() {
    for seed in SEEDS {
        let world = with_script(seed);
        let other = World::beside(&world, shape(Source));
        other.sync();
        let snapshot = other.sides.source.snapshot();
        let got = &snapshot[&path("script")][0];
        assert_eq!((got.executable, got.mtime), (true, Some((WHEN, true))));
        other.still();
        world.still();
        other.write(Source, "script", "#!/bin/bash");
        other.sync();
        world.sync();
        world.both_have("script", Some("#!/bin/bash"));
        assert!(world.sides.source.snapshot()[&path("script")][0].executable);
        world.still();
    }
}

/// A file that was another one when its executable bit was asked for, and is what it was when it is read.
#[test]
fn no_content_gets_the_executable_bit_of_another() {
    for (at, more) in (0..40).flat_map(|at| (1..6).map(move |more| (at, more))) {
        let world = World::of(at, |_| {}, |side| shape(side.other()));
        let (text, script) = ("a text", "#!/bin/sh");
        world.write(Source, "a", text);
        let storage = world.sides[Source].clone();
        let save = |content: &'static str, executable: bool| {
            let (path, content) = (path("a"), Bytes::from_static(content.as_bytes()));
            assert!(storage.edit(&Edit::Write { path, content }));
            let path = common::path("a");
            storage.edit(&Edit::SetExecutable { path, executable });
        };
        let saving = async {
            turns(at).await;
            save(script, true);
            turns(more).await;
            save(text, false);
        };
        let (passed, ()) = world.run(join(world.engine.sync(), saving));
        passed.unwrap();
        let there = world.sides.destination.snapshot();
        for seen in there.get(&path("a")).into_iter().flatten() {
            let is_script = seen.content.bytes().as_ref() == script.as_bytes();
            assert_eq!(seen.executable, is_script, "{}", seen.summary());
        }
    }
}
